// The settings: one table that the environment, `.env`, the documentation and the program share.
#ifndef SUNLEAD_APP_CONFIG_H
#define SUNLEAD_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/number.h"
#include "base/str.h"

#define CONFIG_SETTINGS_MAX 60

// Where a value comes from; the later one wins.
// SETTING_SIMULATOR: nothing was said, and LightFusion is on this machine.
enum setting_source { SETTING_DEFAULT, SETTING_SIMULATOR, SETTING_FILE, SETTING_ENVIRONMENT };

// The values. Texts are ended by NUL and live in the arena of config_load(); one without a default
// is NULL when nothing sets it.
struct config {
    int64_t port;
    const char *listen;
    const char *database_url;
    int64_t database_pooler; // 0 or 1
    const char *database_direct_url;
    const char *data_dir;
    const char *files_url;
    const char *files_s3_endpoint;
    const char *files_s3_region;
    const char *files_s3_access_key_id;
    const char *files_s3_secret_access_key;
    const char *files_s3_session_token;
    const char *lightfusion_api;
    const char *lightfusion_api_key;
    const char *lightfusion_email;
    const char *lightfusion_password;
    const char *lightfusion_storage;
    int64_t lightfusion_concurrency;
    int64_t lightfusion_calls_per_minute;
    int64_t order_absent_after; // seconds
    int log_level;              // enum log_level
    int log_format;             // enum log_format
    int64_t default_panel_id;
    int64_t default_inverter_id;
    struct opt_i64 default_storage_id;
    struct opt_i64 default_storage_quantity;
    int64_t default_lse_id;
    int64_t default_kwh_usage;
    const char *default_country;
    const char *default_homeowner_email;
    const char *default_homeowner_first_name;
    const char *default_homeowner_last_name;
    const char *default_homeowner_phone;
    const char *cors_origin;
    const char *cdn_base_url;
    int64_t http_threads;
    int64_t job_concurrency;
    int64_t company_jobs_max;
    struct opt_i64 convert_concurrency;
    int64_t convert_memory_mb;
    int64_t jobs_keep_days;
    int64_t events_keep_days;
    const char *file_retention;
    int64_t file_quota_mb;
    const char *model_attribution;
    enum setting_source sources[CONFIG_SETTINGS_MAX]; // by the position in config_settings
};

// The C type behind each: const char *, int64_t, struct opt_i64, int.
enum setting_type {
    SETTING_TEXT,      // one line of UTF-8, at most max bytes
    SETTING_HTTP_URL,  // text: http:// or https://, a host, a path; slashes at its end are dropped
    SETTING_ORIGIN,    // text: * or http(s)://host[:port]
    SETTING_ADDRESS,   // text: an IP address
    SETTING_RETENTION, // text: keep, stream or a number of days
    SETTING_INT,       // whole number from min to max
    SETTING_OPT_INT,   // the same, or unset
    SETTING_CHOICE,    // one of names[], as its position
};

enum setting_flag {
    SETTING_SECRET = 1 << 0,   // never shown
    SETTING_PASSWORD = 1 << 1, // a URL whose password is never shown
};

struct setting {
    const char *name;
    enum setting_type type;
    unsigned flags;
    const char *value; // the default as text; NULL: unset
    size_t offset;     // in struct config
    int64_t min;
    int64_t max; // SETTING_TEXT: bytes
    const char *const *names;
    const char *help;
};

// The table, in the order of the documentation.
extern const struct setting config_settings[];
extern const size_t config_setting_count;

// config_load() reads every setting from the environment ("NAME=value" texts, ended by NULL), else
// from file (which need not exist; NULL: none), else takes the default. An empty value counts as
// not given. ERR_INVALID for a bad value, a broken line or an unknown name in the file: the message
// names the place and fits on a line. Texts go into the arena. Where LightFusion is on this machine
// and no credentials are given, those of the simulator are filled in, and its storage.
MUST_CHECK enum err config_load(char *const *environment, const char *file, struct arena *arena,
                                struct config *ret_config, struct error *err);

// config_value() is a setting's value as text, in the arena; null if unset. Secrets are ***.
struct str config_value(const struct config *config, const struct setting *setting,
                        struct arena *arena);

// config_source_name() is the source for people: "default", "simulator", ".env",
// "environment".
const char *config_source_name(enum setting_source source);

// config_hide_password() is a URL with its password replaced by ***, in the arena.
struct str config_hide_password(struct str url, struct arena *arena);

// config_is_simulated() tells whether LightFusion's address is on this machine.
bool config_is_simulated(const struct config *config);

// config_is_loopback() tells whether an IP address can be reached from this machine only.
bool config_is_loopback(const char *address);

#endif
