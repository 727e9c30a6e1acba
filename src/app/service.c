// Opening, draining and closing the parts of the service in their order.
#include "app/service.h"

#include <stdio.h>
#include <unistd.h>

#include "api/api.h"
#include "app/copied_note.h"
#include "app/stop_signal.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/pool.h"
#include "files/files.h"
#include "http/http_client.h"
#include "http/http_server.h"
#include "jobs/jobs.h"
#include "jobs/notices.h"
#include "jobs/watch.h"
#include "sql/migrate.h"
#include "sql/sql.h"
#include "store/copy_store.h"
#include "tasks/file_announcer.h"
#include "tasks/file_sweep.h"
#include "tasks/tasks.h"
#include "upstream/lightfusion.h"

#define USER_AGENT     "sunlead/" SUNLEAD_VERSION
#define HTTP_CALLS_MAX 256
#define HTTP_QUEUE_MAX 10000
#define FILE_THREADS   2
#define FILE_QUEUE_MAX 1000
// Each has up to four calls under way; LightFusion's API needs some as well.
#define FILE_JOBS_MAX ((size_t)HTTP_CALLS_MAX / 8)

struct service {
    struct arena *arena;
    struct sql *db;
    struct pool *pool; // checks and syncs files
    struct http_client *http;
    struct lightfusion *lf;
    struct upstream_state *upstream;
    struct file_announcer announcer;
    struct files *files;
    struct file_sweep *sweep; // where jobs run
    struct convert *convert;
    struct watch *watch;
    struct jobs *jobs;
    struct notices notices;
    struct http_server *server;
    struct tasks tasks;
    struct api api;
};

static enum err check_listen(const struct config *config, const struct service_options *options,
                             struct error *err)
{
    if (options->no_server || options->insecure || config_is_loopback(config->listen))
        return ERR_OK;
    return error_set(
        err, ERR_INVALID,
        "LISTEN=%s: others could reach it, and sunlead asks nobody for a password yet; "
        "wanted a loopback address, or --insecure",
        config->listen);
}

// Puts the setting that leads to the failure before its message.
static enum err name_setting(enum err code, const char *setting, struct error *err)
{
    if (code == ERR_OK)
        return code;
    struct error failure = *err;
    (void)error_set(err, code, "%s: %.200s", setting, failure.message);
    error_cause(err, "%s", failure.cause);
    return code;
}

static enum err check_migrated(struct sql *db, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    struct migration_state *states;
    size_t count;
    TRY(migrate_list(db, arena, &states, &count, err));
    for (size_t i = 0; i < count; i++) {
        if (!states[i].applied_us.set)
            return error_set(err, ERR_CONFLICT,
                             "the database lacks migration %s: run sunlead migrate up",
                             states[i].name);
    }
    return ERR_OK;
}

// Half of an installation must not go to work.
static enum err check_not_copying(struct sql *db, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    bool has_mark = false;
    struct sql_op *op = sql_op_new(arena, "copy_has_mark", SQL_LANE_SHORT);
    copy_store_has_mark(op, &has_mark);
    enum err code = sql_run(db, op);
    if (code != ERR_OK) {
        *err = op->error;
        return code;
    }
    if (has_mark)
        return error_set(err, ERR_CONFLICT,
                         "DATABASE_URL: the copy into this database has not ended: run sunlead "
                         "migrate copy again");
    return ERR_OK;
}

static enum err open_database(struct service *service, const struct config *config,
                              const struct service_options *options, struct error *err)
{
    const struct sql_settings settings = {
        .url = config->database_url,
        .is_pooled = config->database_pooler != 0,
        .direct_url = config->database_direct_url,
        .lock = true,
    };
    if (settings.direct_url != NULL && !settings.is_pooled)
        log_event(LOG_WARN, "config.pooler_unused",
                  "DATABASE_DIRECT_URL is set and DATABASE_POOLER is 0: if DATABASE_URL leads to a "
                  "pooler in transaction mode, set DATABASE_POOLER=1");
    TRY(name_setting(copied_note_refuse(config->database_url, err), "DATABASE_URL", err));
    enum err code = sql_open_as(&settings, &service->db, err);
    TRY(name_setting(code, "DATABASE_URL", err));
    TRY(check_not_copying(service->db, err));
    if (options->no_migrate)
        return check_migrated(service->db, err);
    size_t applied;
    return migrate_up(service->db, &applied, err);
}

static enum err open_upstream(struct service *service, const struct config *config,
                              const struct service_options *options, struct error *err)
{
    const struct lightfusion_settings settings = {
        .api = config->lightfusion_api,
        .storage = config->lightfusion_storage,
        .email = config->lightfusion_email,
        .password = config->lightfusion_password,
        .api_key = config->lightfusion_api_key,
        .concurrency = (unsigned)config->lightfusion_concurrency,
        .calls_per_minute = (unsigned)config->lightfusion_calls_per_minute,
        .pace = options->pace,
    };
    TRY(http_client_open(USER_AGENT, HTTP_CALLS_MAX, HTTP_QUEUE_MAX, &service->http, err));
    TRY(lightfusion_open(&settings, service->http, &service->lf, err));
    const struct upstream_state_settings shared = {
        .db = service->db,
        .http = service->http,
        .lf = service->lf,
        .clock = clock_system(),
        .calls_per_minute = settings.calls_per_minute,
    };
    return upstream_state_open(&shared, &service->upstream, err);
}

// The setting that a failure to use the bucket is due to.
static const char *bucket_setting(enum err code)
{
    if (code == ERR_UNAUTHENTICATED)
        return "FILES_S3_ACCESS_KEY_ID, FILES_S3_SECRET_ACCESS_KEY";
    return code == ERR_UPSTREAM ? "FILES_S3_ENDPOINT" : "FILES_URL";
}

static enum err open_bucket(struct service *service, const struct config *config, struct error *err)
{
    const struct files_s3_settings bucket = {
        .url = config->files_url,
        .endpoint = config->files_s3_endpoint,
        .region = config->files_s3_region,
        .key_id = config->files_s3_access_key_id,
        .secret = config->files_s3_secret_access_key,
        .session_token = config->files_s3_session_token,
    };
    enum err code = files_use_s3(service->files, &bucket, err);
    // A key that is not set is a wrong setting; one that the store does not take need not be.
    bool is_keyless =
        code == ERR_UNAUTHENTICATED && (bucket.key_id == NULL || bucket.secret == NULL);
    return name_setting(is_keyless ? ERR_INVALID : code, bucket_setting(code), err);
}

// Who sets these wants a bucket.
static void warn_of_unused_bucket(const struct config *config)
{
    for (size_t i = 0; i < config_setting_count; i++) {
        if (config->sources[i] != SETTING_DEFAULT &&
            str_starts(str_of(config_settings[i].name), STR("FILES_S3_"))) {
            log_event(LOG_WARN, "config.bucket_unused",
                      "FILES_S3_... is set and FILES_URL is not: model files are kept in DATA_DIR; "
                      "for a bucket, set FILES_URL=s3://bucket/prefix",
                      LOG_TEXT_FIELD("setting", config_settings[i].name));
            return;
        }
    }
}

static enum err open_files(struct service *service, const struct config *config, struct error *err)
{
    TRY(pool_open(&service->pool, "files", FILE_THREADS, FILE_QUEUE_MAX, err));
    file_announcer_init(&service->announcer, service->db, clock_system());
    const struct files_settings settings = {
        .dir = arena_printf(service->arena, "%s/files", config->data_dir).ptr,
        .http = service->http,
        .pool = service->pool,
        .announcer = &service->announcer.announcer,
    };
    enum err code = files_open(&settings, &service->files, err);
    TRY(name_setting(code, "DATA_DIR", err));
    if (config->files_url != NULL)
        return open_bucket(service, config, err);
    warn_of_unused_bucket(config);
    return ERR_OK;
}

#define MB INT64_C(1000000)

static struct file_policy file_policy_of_settings(const struct config *config)
{
    struct file_policy policy = {
        .quota = config->file_quota_mb * MB,
        .attribution = str_of(config->model_attribution),
    };
    check(file_retention_parse(str_of(config->file_retention), &policy.retention, &policy.days));
    return policy;
}

// Conversions leave the other half of the machine to requests.
static unsigned convert_threads(const struct config *config)
{
    if (config->convert_concurrency.set)
        return (unsigned)config->convert_concurrency.value;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 4 ? 1 : (unsigned)cores / 2;
}

static enum err open_convert(struct service *service, const struct config *config,
                             struct error *err)
{
    const struct convert_settings settings = {
        .threads = convert_threads(config),
        .limits = {(unsigned)config->convert_memory_mb, CONVERT_CPU_S_DEFAULT},
    };
    return settings.threads == 0 ? ERR_OK : convert_open(&settings, &service->convert, err);
}

static enum err open_runner(struct service *service, const struct config *config,
                            const struct service_options *options, struct error *err)
{
    service->tasks = (struct tasks){
        .db = service->db,
        .clock = clock_system(),
        .lf = service->lf,
        .http = service->http,
        .files = service->files,
        .convert = service->convert,
        .notices = &service->notices,
        .poll_notes = poll_notes_open(service->db, clock_system()),
        .upstream = service->upstream,
        .absent_after_us = config->order_absent_after * US_PER_S,
        .file_policy = file_policy_of_settings(config),
        .pace = options->pace,
    };
    size_t file_jobs = ((size_t)config->job_concurrency + 3) / 4;
    const struct jobs_settings settings = {
        .db = service->db,
        .clock = clock_system(),
        .kinds = {[JOB_ORDER] = task_order_run,
                  [JOB_POLL] = task_poll_run,
                  [JOB_FILES] = task_files_run,
                  [JOB_CONVERT] = service->convert == NULL ? NULL : task_convert_run},
        .app = &service->tasks,
        .concurrency = (size_t)config->job_concurrency,
        // An order that is claimed before there is a slot for its call would go before others'
        // turns; slow storage must not keep orders and polls waiting.
        .kind_max = {[JOB_ORDER] = (size_t)config->lightfusion_concurrency,
                     [JOB_FILES] = file_jobs < FILE_JOBS_MAX ? file_jobs : FILE_JOBS_MAX,
                     [JOB_CONVERT] = convert_threads(config)},
        .company_max = (size_t)config->company_jobs_max,
        .keep_jobs_us = config->jobs_keep_days * 86400 * US_PER_S,
        .keep_events_us = config->events_keep_days * 86400 * US_PER_S,
        .pace = options->pace,
    };
    const struct file_sweep_settings sweep = {
        .db = service->db,
        .http = service->http,
        .files = service->files,
        .clock = clock_system(),
        .policy = service->tasks.file_policy,
        .pace = options->pace,
    };
    service->sweep = file_sweep_open(&sweep);
    return jobs_open(&settings, &service->jobs, err);
}

static enum err open_jobs(struct service *service, const struct config *config,
                          const struct service_options *options, struct error *err)
{
    TRY(watch_open(&service->watch, err));
    if (!options->no_jobs) {
        TRY(open_convert(service, config, err));
        TRY(open_runner(service, config, options, err));
    }
    service->notices = (struct notices){
        .db = service->db,
        .watch = service->watch,
        .jobs = service->jobs,
    };
    notices_listen(&service->notices);
    return ERR_OK;
}

static struct project_defaults defaults_of(const struct config *config)
{
    return (struct project_defaults){
        .homeowner =
            {
                .email = str_of(config->default_homeowner_email),
                .first_name = str_of(config->default_homeowner_first_name),
                .last_name = str_of(config->default_homeowner_last_name),
                .phone = str_of(config->default_homeowner_phone),
            },
        .hardware =
            {
                .panel_id = OPT_I64(config->default_panel_id),
                .inverter_id = OPT_I64(config->default_inverter_id),
                .storage_id = config->default_storage_id,
                .storage_quantity = config->default_storage_quantity,
            },
        .lse_id = config->default_lse_id,
        .kwh_usage = (double)config->default_kwh_usage,
        .country = str_of(config->default_country),
    };
}

static enum err open_server(struct service *service, const struct config *config,
                            const struct service_options *options, struct error *err)
{
    service->api = (struct api){
        .db = service->db,
        .clock = clock_system(),
        .lf = service->lf,
        .upstream = service->upstream,
        .files = service->files,
        .jobs = service->jobs,
        .watch = service->watch,
        .notices = &service->notices,
        .defaults = defaults_of(config),
        .file_policy = file_policy_of_settings(config),
        .insecure = options->insecure,
        .cors_origin = config->cors_origin,
        .cdn_base_url = config->cdn_base_url,
        .version = SUNLEAD_VERSION,
        .started_us = clock_now_us(clock_system()),
        .pace = options->pace,
    };
    const struct http_server_settings settings = {
        .listen = config->listen,
        .port = (uint16_t)config->port,
        .loops = (unsigned)config->http_threads,
        .routes = api_routes,
        .route_count = api_route_count,
        .guard = api_guard,
        .app = &service->api,
        .cors_origin = config->cors_origin,
    };
    enum err code = http_server_open(&settings, &service->server, err);
    return name_setting(code, code == ERR_CONFLICT ? "PORT" : "LISTEN, PORT", err);
}

enum err service_open(const struct config *config, const struct service_options *options,
                      struct service **ret_service, struct error *err)
{
    TRY(check_listen(config, options, err));
    CLEANUP(service_close_ptr) struct service *service = calloc(1, sizeof(*service));
    check(service != NULL);
    service->arena = arena_open(0);
    TRY(open_database(service, config, options, err));
    TRY(open_upstream(service, config, options, err));
    TRY(open_files(service, config, err));
    TRY(open_jobs(service, config, options, err));
    if (!options->no_server)
        TRY(open_server(service, config, options, err));
    if (!options->no_jobs)
        TRY(jobs_start(service->jobs, err));
    *ret_service = TAKE_PTR(service);
    return ERR_OK;
}

uint16_t service_port(const struct service *service)
{
    return http_server_port(service->server);
}

size_t service_drain(struct service *service, unsigned timeout_ms)
{
    int64_t end_us = clock_monotonic_us(clock_system()) + timeout_ms * US_PER_MS;
    __atomic_store_n(&service->api.draining, true, __ATOMIC_SEQ_CST);
    watch_flush(service->watch);
    size_t requests = 0;
    if (service->server != NULL)
        requests = http_server_drain(service->server, timeout_ms);
    int64_t left_us = end_us - clock_monotonic_us(clock_system());
    size_t runs = jobs_drain(service->jobs, left_us > 0 ? (unsigned)(left_us / US_PER_MS) : 0);
    return requests + runs;
}

// The HTTP client goes before the pool, the files and LightFusion's client: whatever call is left
// ends by their functions.
void service_close(struct service *service)
{
    if (service == NULL)
        return;
    if (service->notices.db != NULL)
        notices_close(&service->notices);
    http_server_close(service->server);
    jobs_close(service->jobs);
    file_sweep_stop(service->sweep);
    upstream_state_stop(service->upstream);
    http_client_close(service->http);
    convert_close(service->convert);
    pool_close(service->pool);
    watch_close(service->watch);
    file_sweep_close(service->sweep);
    files_close(service->files);
    lightfusion_close(service->lf);
    upstream_state_close(service->upstream);
    sql_close(service->db);
    poll_notes_close(service->tasks.poll_notes);
    arena_close(service->arena);
    free(service);
}

int service_run(struct service *service, const char *command)
{
    char event[32];
    int number = stop_signal_wait();
    snprintf(event, sizeof(event), "%s.draining", command);
    log_event(LOG_INFO, event, "nothing new is begun; running requests and jobs may end",
              LOG_TEXT_FIELD("signal", sigabbrev_np(number)));
    size_t left = service_drain(service, SERVICE_DRAIN_MS);
    snprintf(event, sizeof(event), "%s.stopped", command);
    log_event(LOG_INFO, event, "stopped", LOG_I64("left", (int64_t)left));
    if (left > 0)
        _exit(0); // what still runs may use any part: nothing can be freed under it
    service_close(service);
    return 0;
}

void service_close_ptr(struct service **service)
{
    service_close(*service);
}
