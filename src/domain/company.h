// The company: what is kept of its models' files, for how long, how much.
#ifndef SUNLEAD_DOMAIN_COMPANY_H
#define SUNLEAD_DOMAIN_COMPANY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/field.h"
#include "base/number.h"
#include "base/str.h"

// What becomes of fetched files.
enum file_retention {
    RETENTION_NONE,   // not said
    RETENTION_KEEP,   // they stay
    RETENTION_DAYS,   // they are removed some days after they were stored
    RETENTION_STREAM, // nothing is stored: they are LightFusion's alone
};

#define RETENTION_DAYS_MAX      36500
#define COMPANY_ATTRIBUTION_MAX 500 // bytes

// A company's own settings; what is null is as the settings of the installation say.
struct company {
    int64_t company_id;
    enum file_retention file_retention;
    struct opt_i64 file_days;  // of RETENTION_DAYS
    struct opt_i64 file_quota; // bytes; 0: no bound
    struct str attribution;    // shown with each model; "": none
    struct opt_i64 updated_at; // null: it never said anything
};

extern const struct field_table company_table;
extern const char *const file_retention_names[]; // "keep", "days", "stream"

// What is in force.
struct file_policy {
    enum file_retention retention; // never RETENTION_NONE
    int64_t days;                  // of RETENTION_DAYS
    int64_t quota;                 // bytes; 0: no bound
    struct str attribution;        // null: none
};

// file_policy_of() is what is in force for a company where the installation has these settings.
struct file_policy file_policy_of(const struct company *company,
                                  const struct file_policy *settings);

// file_retention_parse() reads keep, stream or a number of days from 1 to RETENTION_DAYS_MAX;
// false if it is none of these.
bool file_retention_parse(struct str text, enum file_retention *ret_retention, int64_t *ret_days);

// file_quota_check() tells whether a company that has stored_bytes may store more_bytes (0: not
// known yet, at least one). ERR_EXHAUSTED, in words for people.
MUST_CHECK enum err file_quota_check(const struct file_policy *policy, int64_t stored_bytes,
                                     int64_t more_bytes, struct error *err);

// file_quota_room() is how many bytes a company may still store; INT64_MAX: any number.
int64_t file_quota_room(const struct file_policy *policy, int64_t stored_bytes);

#endif
