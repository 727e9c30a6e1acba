// Tells whether the service is well.
#include "api/health_api.h"

#include "api/api_call.h"
#include "json/json_write.h"
#include "store/job_store.h"
#include "store/order_store.h"

struct health {
    struct http_request *request;
    struct job_summary jobs;
    int64_t parked;
};

static bool is_database_up(const struct api *api, const struct sql_op *op)
{
    return op->error.code == ERR_OK && sql_is_available(api->db);
}

static void write_database(struct buf *body, const struct api *api, const struct sql_op *op)
{
    json_write_name(body, "database");
    BUF_LITERAL(body, "{\"status\":");
    json_write_str(body, is_database_up(api, op) ? STR("up") : STR("down"));
    json_write_name(body, "engine");
    json_write_str(body, str_of(sql_engine(api->db)));
    buf_printf(body, ",\"queued\":%zu", sql_queue_length(api->db));
    if (op->error.code != ERR_OK) {
        json_write_name(body, "detail");
        json_write_str(body, str_of(op->error.message));
    }
    buf_append_char(body, '}');
}

static void write_time(struct buf *body, const char *name, struct opt_i64 time)
{
    json_write_name(body, name);
    if (time.set) {
        buf_append_char(body, '"');
        time_append(body, time.value);
        buf_append_char(body, '"');
    } else {
        BUF_LITERAL(body, "null");
    }
}

static void write_jobs(struct buf *body, const struct api *api, const struct job_summary *jobs)
{
    buf_printf(body, ",\"jobs\":{\"ready\":%lld,\"running\":%lld,\"dead\":%lld,\"here\":%zu",
               (long long)jobs->ready, (long long)jobs->running, (long long)jobs->dead,
               jobs_running(api->jobs));
    write_time(body, "next_run_at", jobs->next_run_at);
    buf_append_char(body, '}');
}

static void write_upstream(struct buf *body, const struct api *api, struct arena *arena)
{
    static const char *const names[] = {
        [LF_HEALTH_UNTRIED] = "untried",
        [LF_HEALTH_UP] = "up",
        [LF_HEALTH_DOWN] = "down",
    };
    struct str words = STR_NULL;
    enum lf_health health = lightfusion_health(api->lf, arena, &words);
    struct opt_i64 isolated_at = upstream_state_isolated_at(api->upstream);
    BUF_LITERAL(body, ",\"upstream\":{\"status\":");
    json_write_str(body, isolated_at.set ? STR("isolated") : str_of(names[health]));
    json_write_name(body, "detail");
    json_write_str(body, words);
    write_time(body, "isolated_at", isolated_at);
    buf_append_char(body, '}');
}

// LightFusion being down is told, and is no reason to take this process out of service.
static void health_read(struct sql_op *op)
{
    struct health *health = op->done_ctx;
    const struct api *api = api_of(health->request);
    bool up = is_database_up(api, op) && !__atomic_load_n(&api->draining, __ATOMIC_ACQUIRE);
    struct buf body;
    buf_init_arena(&body, http_arena(health->request), API_ANSWER_MAX);
    BUF_LITERAL(&body, "{\"status\":");
    json_write_str(&body, up ? STR("ok") : STR("unavailable"));
    json_write_name(&body, "version");
    json_write_str(&body, str_of(api->version));
    buf_printf(&body, ",\"uptime_s\":%lld",
               (long long)((clock_now_us(api->clock) - api->started_us) / US_PER_S));
    write_database(&body, api, op);
    write_jobs(&body, api, &health->jobs);
    buf_printf(&body, ",\"orders\":{\"parked\":%lld}", (long long)health->parked);
    write_upstream(&body, api, http_arena(health->request));
    buf_append_char(&body, '}');
    api_respond_json(health->request, up ? 200 : 503, &body);
}

void health_api_get(struct http_request *request)
{
    struct health *health = arena_new(http_arena(request), struct health, 1);
    health->request = request;
    struct sql_op *op = api_op(request, "health", SQL_LANE_LONG, health_read, health);
    job_store_summary(op, &health->jobs);
    order_store_count_parked(op, &health->parked);
    http_suspend(request);
    api_submit(request, op);
}

void health_api_index(struct http_request *request)
{
    struct buf body;
    buf_init_arena(&body, http_arena(request), API_ANSWER_MAX);
    BUF_LITERAL(&body, "{\"name\":\"sunlead\",\"version\":");
    json_write_str(&body, str_of(api_of(request)->version));
    BUF_LITERAL(&body, ",\"leads\":\"/api/leads\",\"projects\":\"/api/projects/3d\","
                       "\"health\":\"/health\"}");
    api_respond_json(request, 200, &body);
}
