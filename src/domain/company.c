// The company's fields, and what its settings mean for files.
#include "domain/company.h"

#include <inttypes.h>
#include <stdio.h>

const char *const file_retention_names[] = {NULL, "keep", "days", "stream", FIELD_NAMES_END};

static const struct field company_fields[] = {
    {FIELD_AS_I64(struct company, company_id), .flags = FIELD_READ_ONLY},
    {FIELD_AS_ENUM(struct company, file_retention, enum file_retention, file_retention_names),
     .flags = FIELD_NO_JSON},
    {FIELD_AS_OPT_I64(struct company, file_days), .flags = FIELD_NO_JSON, .min = 1,
     .max = RETENTION_DAYS_MAX},
    {FIELD_AS_OPT_I64(struct company, file_quota), .max = 9007199254740991.0},
    {FIELD_AS_STR(struct company, attribution, COMPANY_ATTRIBUTION_MAX)},
    {FIELD_AS_TIME(struct company, updated_at), .flags = FIELD_READ_ONLY | FIELD_VOLATILE},
};

const struct field_table company_table = FIELD_TABLE("company", company_fields, struct company);

struct file_policy file_policy_of(const struct company *company, const struct file_policy *settings)
{
    struct file_policy policy = *settings;
    if (company->file_retention != RETENTION_NONE) {
        policy.retention = company->file_retention;
        policy.days = company->file_days.value;
    }
    if (company->file_quota.set)
        policy.quota = company->file_quota.value;
    if (company->attribution.ptr != NULL)
        policy.attribution = company->attribution;
    if (policy.attribution.len == 0)
        policy.attribution = STR_NULL;
    return policy;
}

bool file_retention_parse(struct str text, enum file_retention *ret_retention, int64_t *ret_days)
{
    int64_t days = 0;
    enum file_retention retention = RETENTION_DAYS;
    if (str_equal(text, STR("keep")))
        retention = RETENTION_KEEP;
    else if (str_equal(text, STR("stream")))
        retention = RETENTION_STREAM;
    else if (number_parse_i64(text, 1, RETENTION_DAYS_MAX, &days) != ERR_OK)
        return false;
    *ret_retention = retention;
    *ret_days = days;
    return true;
}

struct size_text {
    char text[32];
};

// "9.9 GB": cut off, not rounded, so that what is full never looks fuller than it is.
static struct size_text size_text_of(int64_t bytes)
{
    static const struct {
        int64_t bytes;
        const char *name;
    } units[] = {{INT64_C(1000000000000), "TB"},
                 {INT64_C(1000000000), "GB"},
                 {INT64_C(1000000), "MB"},
                 {INT64_C(1000), "kB"}};
    struct size_text size;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (bytes < units[i].bytes)
            continue;
        int64_t tenths = bytes / (units[i].bytes / 10);
        if (tenths % 10 == 0)
            snprintf(size.text, sizeof(size.text), "%" PRId64 " %s", tenths / 10, units[i].name);
        else
            snprintf(size.text, sizeof(size.text), "%" PRId64 ".%" PRId64 " %s", tenths / 10,
                     tenths % 10, units[i].name);
        return size;
    }
    snprintf(size.text, sizeof(size.text), "%" PRId64 " bytes", bytes);
    return size;
}

int64_t file_quota_room(const struct file_policy *policy, int64_t stored_bytes)
{
    if (policy->quota == 0)
        return INT64_MAX;
    return stored_bytes < policy->quota ? policy->quota - stored_bytes : 0;
}

enum err file_quota_check(const struct file_policy *policy, int64_t stored_bytes,
                          int64_t more_bytes, struct error *err)
{
    int64_t least = more_bytes > 0 ? more_bytes : 1;
    if (file_quota_room(policy, stored_bytes) >= least)
        return ERR_OK;
    struct size_text quota = size_text_of(policy->quota);
    struct size_text stored = size_text_of(stored_bytes);
    return error_set(err, ERR_EXHAUSTED, "the company's quota of %s is full (%s are stored)",
                     quota.text, stored.text);
}
