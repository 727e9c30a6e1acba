// The table of settings, and reading values by it.
#include "app/config.h"

#include <arpa/inet.h>
#include <assert.h>

#include "app/config_file.h"
#include "base/buf.h"
#include "base/field.h"
#include "base/fs.h"
#include "domain/company.h"

#define FILE_MAX_BYTES (64 * 1024)

static const char *const log_level_names[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_format_names[] = {"text", "json", NULL};

#define TEXT(member)    .offset = FIELD_OFFSET(struct config, member, const char *)
#define INT(member)     .offset = FIELD_OFFSET(struct config, member, int64_t)
#define OPT_INT(member) .offset = FIELD_OFFSET(struct config, member, struct opt_i64)
#define CHOICE(member)  .offset = FIELD_OFFSET(struct config, member, int)

const struct setting config_settings[] = {
    {"PORT", SETTING_INT, .value = "8080", INT(port), .min = 0, .max = 65535,
     .help = "port to listen on; 0 is any free one, which the log then tells"},
    {"LISTEN", SETTING_ADDRESS, .value = "127.0.0.1", TEXT(listen), .max = 64,
     .help = "IP address to listen on; other than loopback only with --insecure"},
    {"DATABASE_URL", SETTING_TEXT, SETTING_PASSWORD, "sqlite:data/sunlead.db", TEXT(database_url),
     .max = 1024,
     .help = "where the leads are: sqlite:PATH, made if it is not there, or postgres://..."},
    {"DATABASE_POOLER", SETTING_INT, .value = "0", INT(database_pooler), .min = 0, .max = 1,
     .help = "1: DATABASE_URL leads to PgBouncer in transaction mode, or to its like"},
    {"DATABASE_DIRECT_URL", SETTING_TEXT, SETTING_PASSWORD, NULL, TEXT(database_direct_url),
     .max = 1024, .help = "the same database past the pooler, for migrations and notices"},
    {"DATA_DIR", SETTING_TEXT, .value = "data", TEXT(data_dir), .max = 1024,
     .help = "folder of the fetched model files; with FILES_URL only of those under way"},
    {"FILES_URL", SETTING_TEXT, TEXT(files_url), .max = 600,
     .help = "s3://bucket/prefix: model files are kept there, not in DATA_DIR"},
    {"FILES_S3_ENDPOINT", SETTING_HTTP_URL, SETTING_PASSWORD, NULL, TEXT(files_s3_endpoint),
     .max = 1024, .help = "address of an S3 store that is not AWS, http://host:9000"},
    {"FILES_S3_REGION", SETTING_TEXT, .value = "us-east-1", TEXT(files_s3_region), .max = 64,
     .help = "region of the bucket"},
    {"FILES_S3_ACCESS_KEY_ID", SETTING_TEXT, TEXT(files_s3_access_key_id), .max = 256,
     .help = "key that may read, write and remove objects there"},
    {"FILES_S3_SECRET_ACCESS_KEY", SETTING_TEXT, SETTING_SECRET, NULL,
     TEXT(files_s3_secret_access_key), .max = 256, .help = "its secret"},
    {"FILES_S3_SESSION_TOKEN", SETTING_TEXT, SETTING_SECRET, NULL, TEXT(files_s3_session_token),
     .max = 4096, .help = "session token of a temporary key"},
    {"LIGHTFUSION_API", SETTING_HTTP_URL, SETTING_PASSWORD, "http://localhost:8085",
     TEXT(lightfusion_api), .max = 1024, .help = "base address of LightFusion's API"},
    {"LIGHTFUSION_API_KEY", SETTING_TEXT, SETTING_SECRET, NULL, TEXT(lightfusion_api_key),
     .max = 4096, .help = "bearer token, used where no e-mail is set"},
    {"LIGHTFUSION_EMAIL", SETTING_TEXT, TEXT(lightfusion_email), .max = 320,
     .help = "e-mail of the LightFusion account; a simulator on this machine needs none"},
    {"LIGHTFUSION_PASSWORD", SETTING_TEXT, SETTING_SECRET, NULL, TEXT(lightfusion_password),
     .max = 1024, .help = "password of the LightFusion account"},
    {"LIGHTFUSION_STORAGE", SETTING_HTTP_URL, SETTING_PASSWORD,
     "https://storage.googleapis.com/lightfusiondev", TEXT(lightfusion_storage), .max = 1024,
     .help = "base address of the mesh files; no credentials are sent there. A simulator on this "
             "machine has them at LIGHTFUSION_API/storage, which is the default then"},
    {"LIGHTFUSION_CONCURRENCY", SETTING_INT, .value = "8", INT(lightfusion_concurrency), .min = 1,
     .max = 1000, .help = "calls to LightFusion under way at most"},
    {"LIGHTFUSION_CALLS_PER_MINUTE", SETTING_INT, .value = "0", INT(lightfusion_calls_per_minute),
     .min = 0, .max = 1000000,
     .help = "calls to LightFusion a minute at most, of all processes together; 0 is no cap"},
    {"ORDER_ABSENT_AFTER", SETTING_INT, .value = "300", INT(order_absent_after), .min = 180,
     .max = 86400,
     .help = "seconds after which LightFusion's list shows every project that was made; an order "
             "without a clear answer that is not in it then is sent again"},
    {"LOG_LEVEL", SETTING_CHOICE, .value = "info", CHOICE(log_level), .names = log_level_names,
     .help = "least level that is logged: debug, info, warn or error"},
    {"LOG_FORMAT", SETTING_CHOICE, .value = "text", CHOICE(log_format), .names = log_format_names,
     .help = "log lines as text or json, on standard error"},
    {"DEFAULT_PANEL_ID", SETTING_INT, .value = "1", INT(default_panel_id), .min = 1,
     .max = INT32_MAX, .help = "LightFusion's panel where a request names none"},
    {"DEFAULT_INVERTER_ID", SETTING_INT, .value = "1", INT(default_inverter_id), .min = 1,
     .max = INT32_MAX, .help = "LightFusion's inverter where a request names none"},
    {"DEFAULT_STORAGE_ID", SETTING_OPT_INT, OPT_INT(default_storage_id), .min = 1, .max = INT32_MAX,
     .help = "LightFusion's battery where a request names none; unset is no battery"},
    {"DEFAULT_STORAGE_QUANTITY", SETTING_OPT_INT, OPT_INT(default_storage_quantity), .min = 0,
     .max = 1000, .help = "number of batteries where a request names none"},
    {"DEFAULT_LSE_ID", SETTING_INT, .value = "1", INT(default_lse_id), .min = 1, .max = INT32_MAX,
     .help = "utility (load serving entity) where a request names none"},
    {"DEFAULT_KWH_USAGE", SETTING_INT, .value = "10800", INT(default_kwh_usage), .min = 0,
     .max = 1000000000, .help = "kWh a year of a house whose use is not known"},
    {"DEFAULT_COUNTRY", SETTING_TEXT, .value = "USA", TEXT(default_country), .max = 100,
     .help = "country of an address that names none"},
    {"DEFAULT_HOMEOWNER_EMAIL", SETTING_TEXT, TEXT(default_homeowner_email), .max = 254,
     .help = "e-mail sent to LightFusion where a request names no homeowner"},
    {"DEFAULT_HOMEOWNER_FIRST_NAME", SETTING_TEXT, TEXT(default_homeowner_first_name), .max = 100,
     .help = "first name sent in the same case"},
    {"DEFAULT_HOMEOWNER_LAST_NAME", SETTING_TEXT, TEXT(default_homeowner_last_name), .max = 100,
     .help = "last name sent in the same case"},
    {"DEFAULT_HOMEOWNER_PHONE", SETTING_TEXT, TEXT(default_homeowner_phone), .max = 50,
     .help = "phone number sent in the same case"},
    {"CORS_ORIGIN", SETTING_ORIGIN, TEXT(cors_origin), .max = 300,
     .help = "origin whose pages may call the API, or *; unset is none"},
    {"CDN_BASE_URL", SETTING_HTTP_URL, TEXT(cdn_base_url), .max = 300,
     .help = "address that leads to this server by way of a CDN: files are offered below it; unset "
             "is paths here"},
    {"HTTP_THREADS", SETTING_INT, .value = "0", INT(http_threads), .min = 0, .max = 256,
     .help = "threads that serve HTTP; 0 is one a core"},
    {"JOB_CONCURRENCY", SETTING_INT, .value = "64", INT(job_concurrency), .min = 1, .max = 10000,
     .help = "background jobs under way at most"},
    {"COMPANY_JOBS_MAX", SETTING_INT, .value = "0", INT(company_jobs_max), .min = 0, .max = 10000,
     .help = "orders of one company that are being sent at once, over all processes; 0 is no cap"},
    {"CONVERT_CONCURRENCY", SETTING_OPT_INT, OPT_INT(convert_concurrency), .min = 0, .max = 256,
     .help = "models made for browsers and phones at once; unset is half the cores, 0 leaves that "
             "to other processes"},
    {"CONVERT_MEMORY_MB", SETTING_INT, .value = "1024", INT(convert_memory_mb), .min = 128,
     .max = 1048576, .help = "megabytes of memory that making one model may take"},
    {"JOBS_KEEP_DAYS", SETTING_INT, .value = "30", INT(jobs_keep_days), .min = 1, .max = 3650,
     .help = "days for which dead and cancelled jobs are kept"},
    {"EVENTS_KEEP_DAYS", SETTING_INT, .value = "90", INT(events_keep_days), .min = 1, .max = 3650,
     .help = "days for which events are kept"},
    {"FILE_RETENTION", SETTING_RETENTION, .value = "keep", TEXT(file_retention), .max = 20,
     .help = "what becomes of fetched files: keep; a number of days, after which they are removed; "
             "or stream, nothing is stored. A company may have it otherwise"},
    {"FILE_QUOTA_MB", SETTING_INT, .value = "0", INT(file_quota_mb), .min = 0, .max = 1000000000,
     .help = "megabytes that a company's files may take, where it has no quota of its own; 0 is no "
             "bound"},
    {"MODEL_ATTRIBUTION", SETTING_TEXT, TEXT(model_attribution), .max = COMPANY_ATTRIBUTION_MAX,
     .help = "text that is to be shown with each model, where a company has none of its own"},
};

const size_t config_setting_count = COUNT_OF(config_settings);
static_assert(COUNT_OF(config_settings) <= CONFIG_SETTINGS_MAX, "struct config has no room");

// A value on its way into the config.
struct candidate {
    const struct setting *setting;
    struct str value;
    enum setting_source source;
    const char *file; // SETTING_FILE
    size_t line;      // SETTING_FILE
};

const char *config_source_name(enum setting_source source)
{
    static const char *const names[] = {"default", "simulator", ".env", "environment"};
    return names[source];
}

bool config_is_loopback(const char *address)
{
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, address, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, address, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

// The text with *** in place of what stands from start to end.
static struct str hide(struct str text, size_t start, size_t end, struct arena *arena)
{
    return arena_printf(arena, "%.*s***%.*s", STR_ARG(str_slice(text, 0, start)),
                        STR_ARG(str_slice(text, end, text.len)));
}

// libpq takes a password as a parameter too.
static struct str hide_parameter(struct str url, struct arena *arena)
{
    static const struct str name = STR_INIT("password=");
    for (size_t at = str_find(url, '?', 0); at < url.len; at++) {
        if (str_starts(str_slice(url, at, url.len), name))
            return hide(url, at + name.len, str_find(url, '&', at), arena);
    }
    return url;
}

struct str config_hide_password(struct str url, struct arena *arena)
{
    size_t start = str_find(url, ':', 0) + 3; // behind ://
    if (start > url.len || !str_equal(str_slice(url, start - 3, start), STR("://")))
        return url;
    // The last @ of all, since people write passwords that hold any character.
    size_t at = url.len;
    while (at > start && url.ptr[at - 1] != '@')
        at--;
    size_t colon = str_find(str_slice(url, 0, at), ':', start);
    if (at > start && colon < at)
        url = hide(url, colon + 1, at - 1, arena);
    return hide_parameter(url, arena);
}

static void append_wanted(struct buf *text, const struct setting *setting)
{
    switch (setting->type) {
    case SETTING_TEXT:
        buf_printf(text, "one line of UTF-8 of at most %lld bytes", (long long)setting->max);
        break;
    case SETTING_HTTP_URL:
        BUF_LITERAL(text, "an address such as https://example.com/path, without ? and #");
        break;
    case SETTING_ORIGIN:
        BUF_LITERAL(text, "* or an origin such as https://example.com, without a path");
        break;
    case SETTING_ADDRESS:
        BUF_LITERAL(text, "an IP address such as 127.0.0.1");
        break;
    case SETTING_RETENTION:
        buf_printf(text, "keep, stream or a number of days from 1 to %d", RETENTION_DAYS_MAX);
        break;
    case SETTING_INT:
    case SETTING_OPT_INT:
        buf_printf(text, "a whole number from %lld to %lld", (long long)setting->min,
                   (long long)setting->max);
        break;
    case SETTING_CHOICE:
        for (size_t i = 0; setting->names[i] != NULL; i++)
            buf_printf(text, "%s%s",
                       i == 0                          ? ""
                       : setting->names[i + 1] == NULL ? " or "
                                                       : ", ",
                       setting->names[i]);
        break;
    }
}

// "PORT=80a (.env, line 3): wanted a whole number from 0 to 65535"
static enum err refuse(const struct candidate *candidate, struct arena *arena, struct error *err)
{
    const struct setting *setting = candidate->setting;
    struct buf text;
    buf_init_arena(&text, arena, 1024);
    buf_append_str(&text, str_of(setting->name));
    if (!(setting->flags & SETTING_SECRET)) {
        struct str value = candidate->value;
        if (setting->flags & SETTING_PASSWORD)
            value = config_hide_password(value, arena);
        value = str_cut(value, 60);
        buf_append_char(&text, '=');
        for (size_t i = 0; i < value.len; i++)
            buf_append_char(&text, (unsigned char)value.ptr[i] < ' ' ? '?' : value.ptr[i]);
    }
    if (candidate->source == SETTING_FILE)
        buf_printf(&text, " (%s, line %zu)", candidate->file, candidate->line);
    else
        buf_printf(&text, " (%s)", config_source_name(candidate->source));
    BUF_LITERAL(&text, ": wanted ");
    append_wanted(&text, setting);
    return error_set(err, ERR_INVALID, "%s", buf_cstr(&text));
}

static bool is_one_line(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < ' ' || c == 0x7F)
            return false;
    }
    return str_is_utf8(s);
}

// The part behind http:// or https://; null if s does not begin so, has a space, or a ? or #,
// behind which nothing can be added to the path.
static struct str behind_scheme(struct str s)
{
    struct str rest = STR_NULL;
    if (str_starts(s, STR("http://")))
        rest = str_slice(s, 7, s.len);
    else if (str_starts(s, STR("https://")))
        rest = str_slice(s, 8, s.len);
    bool sane = rest.len > 0 && rest.ptr[0] != '/' && str_find(rest, ' ', 0) == rest.len &&
                str_find(rest, '?', 0) == rest.len && str_find(rest, '#', 0) == rest.len;
    return sane ? rest : STR_NULL;
}

static bool is_origin(struct str s)
{
    struct str host = behind_scheme(s);
    return str_equal(s, STR("*")) || (host.ptr != NULL && str_find(host, '/', 0) == host.len &&
                                      str_find(host, '@', 0) == host.len);
}

static bool is_text_of(enum setting_type type, struct str s)
{
    unsigned char address[sizeof(struct in6_addr)];
    enum file_retention retention;
    int64_t days;
    switch (type) {
    case SETTING_TEXT:
        return true;
    case SETTING_HTTP_URL:
        return behind_scheme(s).ptr != NULL;
    case SETTING_ORIGIN:
        return is_origin(s);
    case SETTING_ADDRESS:
        return inet_pton(AF_INET, s.ptr, address) == 1 || inet_pton(AF_INET6, s.ptr, address) == 1;
    case SETTING_RETENTION:
        return file_retention_parse(s, &retention, &days);
    case SETTING_INT:
    case SETTING_OPT_INT:
    case SETTING_CHOICE:
        break;
    }
    return false;
}

static bool set_text(const struct setting *setting, struct str value, struct arena *arena,
                     const char **ret_text)
{
    if (value.len > (size_t)setting->max || !is_one_line(value))
        return false;
    if (setting->type == SETTING_HTTP_URL) {
        while (value.len > 0 && value.ptr[value.len - 1] == '/')
            value.len--;
    }
    value = arena_str(arena, value);
    if (!is_text_of(setting->type, value))
        return false;
    *ret_text = value.ptr;
    return true;
}

static bool set_choice(const struct setting *setting, struct str value, int *ret_choice)
{
    for (int i = 0; setting->names[i] != NULL; i++) {
        if (str_equal(value, str_of(setting->names[i]))) {
            *ret_choice = i;
            return true;
        }
    }
    return false;
}

static bool set_value(const struct candidate *candidate, struct arena *arena, struct config *config)
{
    const struct setting *setting = candidate->setting;
    void *member = (char *)config + setting->offset;
    int64_t number;
    switch (setting->type) {
    case SETTING_TEXT:
    case SETTING_HTTP_URL:
    case SETTING_ORIGIN:
    case SETTING_ADDRESS:
    case SETTING_RETENTION:
        return set_text(setting, candidate->value, arena, member);
    case SETTING_INT:
        return number_parse_i64(candidate->value, setting->min, setting->max, member) == ERR_OK;
    case SETTING_OPT_INT:
        if (number_parse_i64(candidate->value, setting->min, setting->max, &number) != ERR_OK)
            return false;
        *(struct opt_i64 *)member = OPT_I64(number);
        return true;
    case SETTING_CHOICE:
        return set_choice(setting, candidate->value, member);
    }
    return false;
}

static struct str environment_value(char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
            return str_of(*environment + len + 1);
    }
    return STR_NULL;
}

// What the sources say of a setting; a null value: nothing, and there is no default.
static struct candidate find_value(const struct setting *setting, char *const *environment,
                                   const struct config_file *file)
{
    struct candidate candidate = {.setting = setting, .source = SETTING_ENVIRONMENT};
    candidate.value = environment_value(environment, setting->name);
    const struct config_entry *entry = config_file_find(file, str_of(setting->name));
    if (candidate.value.ptr == NULL && entry != NULL) {
        candidate.value = entry->value;
        candidate.source = SETTING_FILE;
        candidate.file = file->name;
        candidate.line = entry->line;
    }
    if (candidate.value.len == 0) {
        candidate.value = str_of(setting->value);
        candidate.source = SETTING_DEFAULT;
    }
    return candidate;
}

static bool is_setting(struct str name)
{
    for (size_t i = 0; i < config_setting_count; i++) {
        if (str_equal(name, str_of(config_settings[i].name)))
            return true;
    }
    return false;
}

static enum err read_file(const char *name, struct arena *arena, struct config_file *ret_file,
                          struct error *err)
{
    struct str text;
    *ret_file = (struct config_file){.name = name};
    enum err code = fs_read_all(name, arena, FILE_MAX_BYTES, &text, err);
    if (code == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(code);
    TRY(config_file_parse(name, text, arena, ret_file, err));
    for (size_t i = 0; i < ret_file->count; i++) {
        const struct config_entry *entry = &ret_file->entries[i];
        if (!is_setting(entry->name))
            return error_set(err, ERR_INVALID,
                             "%s, line %zu: %.*s is no setting (`sunlead config` lists them)", name,
                             entry->line, STR_ARG(str_cut(entry->name, 60)));
    }
    return ERR_OK;
}

static enum setting_source *source_of(struct config *config, const char *name)
{
    for (size_t i = 0; i < config_setting_count; i++) {
        if (str_equal(str_of(config_settings[i].name), str_of(name)))
            return &config->sources[i];
    }
    check_failed("a known setting", __FILE__, __LINE__);
}

// Whether a URL's host is this machine.
static bool is_here(struct str url, struct arena *arena)
{
    struct str host = behind_scheme(url);
    host = str_slice(host, 0, str_find(host, '/', 0));
    if (str_starts(host, STR("[")))
        host = str_slice(host, 1, str_find(host, ']', 0));
    else
        host = str_slice(host, 0, str_find(host, ':', 0));
    return str_equal_nocase(host, STR("localhost")) ||
           config_is_loopback(arena_str(arena, host).ptr);
}

// LightFusion on this machine, and nobody said who we are there: that is the simulator, which lets
// anybody in and has the mesh files too.
static void suit_simulator(struct config *config, struct arena *arena)
{
    struct str api = str_of(config->lightfusion_api);
    if (config->lightfusion_email != NULL || config->lightfusion_api_key != NULL ||
        !is_here(api, arena))
        return;
    config->lightfusion_email = "sunlead@localhost";
    // No word that the simulator may say: passwords are hidden in what is shown of its answers.
    config->lightfusion_password = "any-password-will-do";
    *source_of(config, "LIGHTFUSION_EMAIL") = SETTING_SIMULATOR;
    *source_of(config, "LIGHTFUSION_PASSWORD") = SETTING_SIMULATOR;
    enum setting_source *storage = source_of(config, "LIGHTFUSION_STORAGE");
    if (*storage != SETTING_DEFAULT)
        return;
    config->lightfusion_storage = arena_printf(arena, "%.*s/storage", STR_ARG(api)).ptr;
    *storage = SETTING_SIMULATOR;
}

bool config_is_simulated(const struct config *config)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    return is_here(str_of(config->lightfusion_api), arena);
}

enum err config_load(char *const *environment, const char *file, struct arena *arena,
                     struct config *ret_config, struct error *err)
{
    struct config_file entries = {0};
    if (file != NULL)
        TRY(read_file(file, arena, &entries, err));
    *ret_config = (struct config){0};
    for (size_t i = 0; i < config_setting_count; i++) {
        struct candidate candidate = find_value(&config_settings[i], environment, &entries);
        ret_config->sources[i] = candidate.source;
        if (candidate.value.ptr == NULL)
            continue;
        if (!set_value(&candidate, arena, ret_config))
            return refuse(&candidate, arena, err);
    }
    suit_simulator(ret_config, arena);
    return ERR_OK;
}

static struct str show_text(const struct setting *setting, const char *value, struct arena *arena)
{
    if (value == NULL)
        return STR_NULL;
    if (setting->flags & SETTING_SECRET)
        return STR("***");
    if (setting->flags & SETTING_PASSWORD)
        return config_hide_password(str_of(value), arena);
    return str_of(value);
}

struct str config_value(const struct config *config, const struct setting *setting,
                        struct arena *arena)
{
    const void *member = (const char *)config + setting->offset;
    const struct opt_i64 *optional;
    switch (setting->type) {
    case SETTING_TEXT:
    case SETTING_HTTP_URL:
    case SETTING_ORIGIN:
    case SETTING_ADDRESS:
    case SETTING_RETENTION:
        return show_text(setting, *(const char *const *)member, arena);
    case SETTING_INT:
        return arena_printf(arena, "%lld", (long long)*(const int64_t *)member);
    case SETTING_OPT_INT:
        optional = member;
        return optional->set ? arena_printf(arena, "%lld", (long long)optional->value) : STR_NULL;
    case SETTING_CHOICE:
        return str_of(setting->names[*(const int *)member]);
    }
    return STR_NULL;
}
