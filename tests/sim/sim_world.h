// A simulator with a clock set by hand, and a plain client of it.
#ifndef SUNLEAD_SIM_WORLD_H
#define SUNLEAD_SIM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/fs.h"
#include "json/json_read.h"
#include "sim/sim.h"

#define ANSWER_MAX ((size_t)16 << 20)

// A clock that stands still until it is told.
struct hand_clock {
    struct clock clock;
    _Atomic int64_t us;
};

// A simulator with what a test makes on the way; all is freed at the end.
struct world {
    struct hand_clock clock;
    struct sim *sim;
    struct arena *arena;
    struct json_doc *docs[256];
    size_t doc_count;
    char token[128]; // empty: none is sent
};

struct answer {
    int status;
    struct str head;
    struct str body;
    const struct json_value *json; // NULL unless it is JSON
};

static inline int64_t hand_now(const struct clock *clock)
{
    return CONTAINER_OF(clock, struct hand_clock, clock)->us;
}

static inline struct world *world_open(const struct sim_settings *settings)
{
    struct arena *arena = arena_open(0);
    struct world *world = arena_new(arena, struct world, 1);
    struct error err;
    error_reset(&err);
    world->arena = arena;
    world->clock.clock = (struct clock){hand_now, hand_now};
    world->clock.us = INT64_C(1790000000) * US_PER_S;
    struct sim_settings full = *settings;
    full.clock = &world->clock.clock;
    if (sim_open(&full, &world->sim, &err) != ERR_OK)
        fail_msg("%s", err.message);
    return world;
}

static inline struct world *world_default(void)
{
    return world_open(&(struct sim_settings)SIM_SETTINGS_DEFAULT);
}

// Frees the JSON of all answers so far: for loops.
static inline void forget_answers(struct world *world)
{
    while (world->doc_count > 0)
        json_doc_free(world->docs[--world->doc_count]);
}

static inline void world_close(struct world *world)
{
    sim_close(world->sim);
    forget_answers(world);
    arena_close(world->arena);
}

static inline void pass_s(struct world *world, int64_t seconds)
{
    world->clock.us += seconds * US_PER_S;
}

static inline void send_all(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t sent = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        text = str_slice(text, (size_t)sent, text.len);
    }
}

static inline int dial(const struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(sim_port(world->sim)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = 20};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

// Sends one request and reads up to the end of the connection, which may be a reset.
static inline struct str exchange_to_end(struct world *world, struct str request, bool *ret_reset)
{
    CLEANUP(fd_close) int fd = dial(world);
    send_all(fd, request);
    struct buf buf;
    buf_init_arena(&buf, world->arena, ANSWER_MAX);
    while (true) {
        char *to = buf_grow(&buf, 65536);
        assert_non_null(to);
        ssize_t got = recv(fd, to, 65536, 0);
        *ret_reset = got < 0;
        assert_true(got >= 0 || errno == ECONNRESET);
        if (got <= 0)
            return buf_str(&buf);
        buf.len += (size_t)got;
    }
}

static inline struct str exchange(struct world *world, struct str request)
{
    bool is_reset;
    struct str text = exchange_to_end(world, request, &is_reset);
    assert_false(is_reset);
    return text;
}

static inline bool is_json(struct str head)
{
    static const char want[] = "Content-Type: application/";
    const char *at = memmem(head.ptr, head.len, want, sizeof(want) - 1);
    return at != NULL && memmem(at, 40, "json", 4) != NULL;
}

// The text of a request. headers is whole lines; NULL for none. body NULL: none.
static inline struct str request_text(struct world *world, const char *line, const char *headers,
                                      const char *body)
{
    struct buf request;
    buf_init_arena(&request, world->arena, ANSWER_MAX);
    buf_printf(&request, "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", line);
    if (world->token[0] != '\0')
        buf_printf(&request, "Authorization: Bearer %s\r\n", world->token);
    if (headers != NULL)
        buf_append_str(&request, str_of(headers));
    if (body != NULL)
        buf_printf(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                   str_of(body).len);
    BUF_LITERAL(&request, "\r\n");
    buf_append_str(&request, str_of(body));
    return buf_str(&request);
}

static inline struct answer ask(struct world *world, const char *line, const char *headers,
                                const char *body)
{
    struct str text = exchange(world, request_text(world, line, headers, body));
    const char *end = memmem(text.ptr, text.len, "\r\n\r\n", 4);
    assert_non_null(end);
    size_t head_len = (size_t)(end - text.ptr) + 4;
    struct answer answer = {
        .head = str_slice(text, 0, head_len),
        .body = str_slice(text, head_len, text.len),
    };
    int64_t status = 0;
    assert_int_equal(number_parse_i64(str_slice(text, 9, 12), 100, 599, &status), ERR_OK);
    answer.status = (int)status;
    if (is_json(answer.head) && answer.body.len > 0) {
        struct error err;
        error_reset(&err);
        struct json_doc **doc = &world->docs[world->doc_count++];
        assert_true(world->doc_count <= COUNT_OF(world->docs));
        assert_int_equal(json_parse(answer.body, doc, &err), ERR_OK);
        answer.json = json_root(*doc);
    }
    return answer;
}

static inline struct str header(const struct answer *answer, const char *name)
{
    struct str rest = answer->head;
    while (rest.ptr != NULL) {
        struct str line = str_split(&rest, '\n');
        size_t colon = str_find(line, ':', 0);
        if (colon < line.len && str_equal_nocase(str_slice(line, 0, colon), str_of(name)))
            return str_trim(str_slice(line, colon + 1, line.len - 1));
    }
    return STR_NULL;
}

// The value at "a/b/0/c"; NULL if there is none.
static inline const struct json_value *at(const struct json_value *value, const char *path)
{
    struct str rest = str_of(path);
    while (rest.ptr != NULL && value != NULL) {
        struct str step = str_split(&rest, '/');
        char name[64];
        int64_t index = 0;
        snprintf(name, sizeof(name), "%.*s", STR_ARG(step));
        if (json_is_array(value) && number_parse_i64(step, 0, 1000000, &index) == ERR_OK)
            value = json_element(value, (size_t)index);
        else
            value = json_member(value, name);
    }
    return value;
}

static inline void assert_number(const struct json_value *root, const char *path, double want)
{
    struct opt_f64 number = json_number(at(root, path));
    if (!number.set || number.value != want)
        fail_msg("%s is %g, not %g", path, number.value, want);
}

static inline void assert_text(const struct json_value *root, const char *path, const char *want)
{
    struct str text = json_text(at(root, path));
    if (!str_equal(text, str_of(want)))
        fail_msg("%s is %.*s, not %s", path, STR_ARG(text), want);
}

static inline void log_in(struct world *world)
{
    world->token[0] = '\0';
    struct answer answer = ask(world, "POST /v1/users/sessions", NULL,
                               "{\"contact\":\"me@example.com\",\"password\":\"secret\"}");
    assert_int_equal(answer.status, 200);
    struct str token = json_text(at(answer.json, "token"));
    assert_true(token.len >= 32);
    snprintf(world->token, sizeof(world->token), "%.*s", STR_ARG(token));
}

static const char example[] =
    "{\"latitude\":37.7749,\"longitude\":-122.4194,"
    "\"address\":{\"street\":\"123 Solar Street\",\"city\":\"San Francisco\",\"state\":\"CA\","
    "\"postalCode\":\"94102\",\"country\":\"USA\"},"
    "\"homeowner\":{\"email\":\"homeowner@example.com\",\"firstname\":\"John\","
    "\"lastname\":\"Doe\",\"phone\":\"+1234567890\"},"
    "\"hardware\":{\"panel_id\":1,\"inverter_id\":1,\"storage_id\":1,\"storage_quantity\":2},"
    "\"consumption\":[800,850,900,950,1000,1050,1100,1150,1200,1250,1300,1350],"
    "\"lseId\":1,\"period\":\"month\",\"targetSolarOffset\":100,\"mode\":\"max\",\"unit\":\"kwh\"}";

// The example with one piece of its text replaced.
static inline const char *example_with(struct world *world, const char *old, const char *new)
{
    const char *found = strstr(example, old);
    assert_non_null(found);
    return arena_printf(world->arena, "%.*s%s%s", (int)(found - example), example, new,
                        found + strlen(old))
        .ptr;
}

static inline struct answer create(struct world *world, const char *body)
{
    return ask(world, "POST /v1/lead/create", NULL, body);
}

static inline struct answer complete(struct world *world)
{
    return ask(world, "POST /v1/leads/456/complete", NULL, NULL);
}

#endif
