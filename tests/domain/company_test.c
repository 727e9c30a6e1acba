// Tests of domain/company.c.
#include "domain/table_check.h"

#include "domain/company.h"

#define GB INT64_C(1000000000)

static const struct file_policy settings = {
    .retention = RETENTION_DAYS, .days = 30, .quota = 10 * GB, .attribution = STR_INIT("Imagery")};

static void test_table(void **state)
{
    (void)state;
    ASSERT_TABLE(&company_table, struct company, "company_id", "file_retention", "file_days",
                 "file_quota", "attribution", "updated_at");
    ASSERT_FLAGGED(&company_table, FIELD_NO_JSON, "file_retention", "file_days");
    ASSERT_FLAGGED(&company_table, FIELD_READ_ONLY, "company_id", "updated_at");
    ASSERT_NAMES(file_retention_names, NULL, "keep", "days", "stream");
}

static void test_policy(void **state)
{
    (void)state;
    const struct company silent = {.company_id = 7};
    struct file_policy policy = file_policy_of(&silent, &settings);
    assert_int_equal(policy.retention, RETENTION_DAYS);
    assert_int_equal(policy.days, 30);
    assert_int_equal(policy.quota, 10 * GB);
    assert_true(str_equal(policy.attribution, STR("Imagery")));

    const struct company own = {.company_id = 7,
                                .file_retention = RETENTION_STREAM,
                                .file_quota = OPT_I64(0),
                                .attribution = STR("")};
    policy = file_policy_of(&own, &settings);
    assert_int_equal(policy.retention, RETENTION_STREAM);
    assert_int_equal(policy.quota, 0);
    assert_null(policy.attribution.ptr);

    const struct company days = {.file_retention = RETENTION_DAYS, .file_days = OPT_I64(7)};
    policy = file_policy_of(&days, &settings);
    assert_int_equal(policy.retention, RETENTION_DAYS);
    assert_int_equal(policy.days, 7);
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum file_retention want; // RETENTION_NONE: refused
        int64_t days;
    } rows[] = {{"keep", RETENTION_KEEP, 0},   {"stream", RETENTION_STREAM, 0},
                {"1", RETENTION_DAYS, 1},      {"36500", RETENTION_DAYS, 36500},
                {"0", RETENTION_NONE, 0},      {"36501", RETENTION_NONE, 0},
                {"-1", RETENTION_NONE, 0},     {"1.5", RETENTION_NONE, 0},
                {"", RETENTION_NONE, 0},       {"days", RETENTION_NONE, 0},
                {"KEEP", RETENTION_NONE, 0},   {" keep", RETENTION_NONE, 0},
                {"stream ", RETENTION_NONE, 0}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum file_retention retention = RETENTION_NONE;
        int64_t days = 0;
        bool ok = file_retention_parse(str_of(rows[i].text), &retention, &days);
        if (ok != (rows[i].want != RETENTION_NONE) || retention != rows[i].want ||
            days != rows[i].days)
            fail_msg("\"%s\"", rows[i].text);
    }
}

static void test_quota(void **state)
{
    (void)state;
    static const struct {
        int64_t quota;
        int64_t stored;
        int64_t more;
        const char *want; // NULL: there is room
    } rows[] = {
        {0, INT64_MAX, INT64_MAX, NULL},
        {10 * GB, 0, 10 * GB, NULL},
        {10 * GB, 10 * GB - 1, 0, NULL},
        {10 * GB, 10 * GB - 1, 1, NULL},
        {10 * GB, 9990000000, 10000001, "the company's quota of 10 GB is full (9.9 GB are stored)"},
        {10 * GB, 10 * GB, 0, "the company's quota of 10 GB is full (10 GB are stored)"},
        {10 * GB, 10 * GB, 1, "the company's quota of 10 GB is full (10 GB are stored)"},
        {1500000, 1400000, 200000, "the company's quota of 1.5 MB is full (1.4 MB are stored)"},
        {999, 0, 1000, "the company's quota of 999 bytes is full (0 bytes are stored)"},
        {1000, 2500 * GB, 1, "the company's quota of 1 kB is full (2.5 TB are stored)"},
        {1, 0, INT64_MAX, "the company's quota of 1 bytes is full (0 bytes are stored)"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct error err;
        error_reset(&err);
        const struct file_policy policy = {.quota = rows[i].quota};
        enum err code = file_quota_check(&policy, rows[i].stored, rows[i].more, &err);
        assert_int_equal(code, rows[i].want == NULL ? ERR_OK : ERR_EXHAUSTED);
        if (rows[i].want != NULL)
            assert_string_equal(err.message, rows[i].want);
    }
    assert_int_equal(file_quota_room(&(struct file_policy){0}, 5), INT64_MAX);
    assert_int_equal(file_quota_room(&(struct file_policy){.quota = 7}, 5), 2);
    assert_int_equal(file_quota_room(&(struct file_policy){.quota = 7}, 9), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_quota),
    };
    return cmocka_run_group_tests_name("company", tests, NULL, NULL);
}
