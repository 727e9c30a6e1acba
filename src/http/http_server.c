// The server as a whole: opening, draining, closing.
#include "http/http_server.h"

#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/random.h"
#include "http/http_core.h"
#include "http/http_deadline.h"
#include "http/http_listen.h"
#include "http/http_loop.h"

#define CONNECTIONS_MAX    10000
#define TICKS_PER_DEADLINE 10
#define TICK_MIN_MS        5
#define TICK_MAX_MS        1000
#define LAST_ANSWERS_US    US_PER_S

static void set_default(unsigned *setting, unsigned value)
{
    if (*setting == 0)
        *setting = value;
}

static unsigned core_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : (unsigned)cores;
}

// An answer may need a descriptor beside its connection's.
static unsigned connections_of_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > CONNECTIONS_MAX)
        return CONNECTIONS_MAX;
    return (unsigned)limit.rlim_cur / 2;
}

static void fill_defaults(struct http_server_settings *settings)
{
    set_default(&settings->loops, core_count());
    set_default(&settings->header_deadline_ms, 10000);
    set_default(&settings->body_deadline_ms, 60000);
    set_default(&settings->idle_ms, 60000);
    set_default(&settings->send_ms, 60000);
    set_default(&settings->connection_max, connections_of_descriptors());
    if (settings->header_max_bytes == 0)
        settings->header_max_bytes = 8192;
    if (settings->body_max_bytes == 0)
        settings->body_max_bytes = (size_t)1 << 20;
    if (settings->clock == NULL)
        settings->clock = clock_system();
}

static unsigned tick_ms(const struct http_server_settings *settings)
{
    unsigned least = settings->header_deadline_ms;
    if (settings->body_deadline_ms < least)
        least = settings->body_deadline_ms;
    if (settings->idle_ms < least)
        least = settings->idle_ms;
    if (settings->send_ms < least)
        least = settings->send_ms;
    unsigned tick = least / TICKS_PER_DEADLINE;
    return tick < TICK_MIN_MS ? TICK_MIN_MS : tick > TICK_MAX_MS ? TICK_MAX_MS : tick;
}

static void free_server(struct http_server *server)
{
    http_loops_close(server);
    http_deadlines_close(server->deadlines);
    http_linger_close(server->linger);
    http_router_close(server->router);
    free(server);
}

static enum err start(struct http_server *server, struct error *err)
{
    const struct http_server_settings *settings = &server->settings;
    int listen_fd CLEANUP(fd_close) = -1;
    TRY(http_linger_open(&server->linger, err));
    TRY(http_deadlines_open(settings->clock, tick_ms(settings), &server->deadlines, err));
    TRY(http_listen_open(settings->listen, settings->port, &listen_fd, &server->port, err));
    return http_loops_open(server, listen_fd, err);
}

enum err http_server_open(const struct http_server_settings *settings,
                          struct http_server **ret_server, struct error *err)
{
    struct http_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return error_set(err, ERR_INTERNAL, "out of memory");
    server->settings = *settings;
    fill_defaults(&server->settings);
    server->router = http_router_open(settings->routes, settings->route_count);
    snprintf(server->id_prefix, sizeof(server->id_prefix), "%08x",
             (unsigned)((uint64_t)random_id() & UINT32_MAX));
    enum err code = start(server, err);
    if (code != ERR_OK) {
        free_server(server);
        return code;
    }
    *ret_server = server;
    return ERR_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

size_t http_server_running(const struct http_server *server)
{
    return server->running;
}

int64_t http_server_now(const struct http_server *server)
{
    return clock_monotonic_us(server->settings.clock);
}

static bool is_busy(const struct http_server *server)
{
    return server->running > 0 || server->in_hand > 0 || server->listening > 0;
}

static bool has_in_hand(const struct http_server *server)
{
    return server->in_hand > 0;
}

static void wait_while(bool (*is_so)(const struct http_server *server),
                       const struct http_server *server, int64_t deadline_us)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    while (is_so(server) && clock_monotonic_us(clock_system()) < deadline_us)
        nanosleep(&pause, NULL);
}

size_t http_server_drain(struct http_server *server, unsigned timeout_ms)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + timeout_ms * US_PER_MS;
    atomic_store(&server->draining, true);
    for (unsigned i = 0; i < server->loop_count; i++)
        http_loop_wake(&server->loops[i]);
    wait_while(is_busy, server, deadline_us);
    if (!is_busy(server)) {
        // What came in between is answered yet.
        server->shut = true;
        wait_while(is_busy, server, deadline_us);
    }
    return server->running;
}

void http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    server->shut = true;
    // Refusals only, and what a drain did not wait for.
    wait_while(has_in_hand, server, clock_monotonic_us(clock_system()) + LAST_ANSWERS_US);
    check(server->in_hand == 0);
    free_server(server);
}
