// Owns a scripted HTTP server for tests, with a thread for each connection.
#include "support/fake_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/macro.h"
#include "base/number.h"
#include "base/thread.h"

#define ROUTES_MAX      16
#define CONNECTIONS_MAX 512
#define REQUESTS_MAX    4096
#define REQUEST_MAX     (2 * 1024 * 1024)
#define WAIT_US         (10 * US_PER_S)

struct connection {
    struct fake_server *server;
    pthread_t thread;
    int fd;
};

struct fake_server {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct fake_route routes[ROUTES_MAX];
    size_t route_count;
    size_t route_used[ROUTES_MAX];
    struct connection connections[CONNECTIONS_MAX];
    size_t connection_count;
    char *requests[REQUESTS_MAX];
    size_t request_count;
    bool closing;
    int listener;
    int stop_pipe[2]; // readable once the server closes
    pthread_t thread;
    char url[64];
};

// Waits until fd is readable or the time is over. False if the server closes.
static bool wait_for(struct fake_server *server, int fd, int timeout_ms)
{
    struct pollfd fds[] = {{.fd = server->stop_pipe[0], .events = POLLIN},
                           {.fd = fd, .events = POLLIN}};
    poll(fds, 2, timeout_ms);
    return fds[0].revents == 0;
}

// The length of the body that the headers announce.
static size_t body_length(const char *head)
{
    const char *header = strcasestr(head, "\r\nContent-Length:");
    if (header == NULL)
        return 0;
    header += strlen("\r\nContent-Length:");
    int64_t length = 0;
    struct str value = str_trim((struct str){.ptr = header, .len = strcspn(header, "\r")});
    return number_parse_i64(value, 0, REQUEST_MAX, &length) == ERR_OK ? (size_t)length : 0;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

// Reads one request; the caller frees it. NULL when the connection or the server ends.
static char *read_request(struct connection *connection)
{
    char *text = calloc(1, REQUEST_MAX + 1);
    size_t len = 0;
    bool continued = false;
    check(text != NULL);
    for (;;) {
        const char *end = strstr(text, "\r\n\r\n");
        if (end != NULL && !continued && strcasestr(text, "\r\nExpect: 100-continue") != NULL) {
            static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
            if (!send_all(connection->fd, go_on, sizeof(go_on) - 1))
                break;
            continued = true;
        }
        if (end != NULL && len >= (size_t)(end + 4 - text) + body_length(text))
            return text;
        if (len == REQUEST_MAX || !wait_for(connection->server, connection->fd, -1))
            break;
        ssize_t more = recv(connection->fd, text + len, REQUEST_MAX - len, 0);
        if (more <= 0)
            break;
        len += (size_t)more;
    }
    free(text);
    return NULL;
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

static bool matches(const char *request, const char *pattern)
{
    size_t len = strcspn(pattern, "|");
    return strncmp(request, pattern, len) == 0 &&
           (pattern[len] == '\0' || strstr(request, pattern + len + 1) != NULL);
}

// How many answers a route has: up to the last that is not zeroed, and at least one.
static size_t answers_of(const struct fake_route *route)
{
    size_t count = 1;
    for (size_t i = 1; i < COUNT_OF(route->answers); i++) {
        const struct fake_answer *answer = &route->answers[i];
        if (answer->status != 0 || answer->end != FAKE_WHOLE || answer->body != NULL)
            count = i + 1;
    }
    return count;
}

// Remembers a request, of which it becomes the owner, and chooses its answer.
static struct fake_answer take_request(struct fake_server *server, char *request)
{
    struct fake_answer answer = {.status = 404, .body = "no such route"};
    mutex_lock(&server->mutex);
    check(server->request_count < REQUESTS_MAX);
    server->requests[server->request_count++] = request;
    for (size_t i = 0; i < server->route_count; i++) {
        const struct fake_route *route = &server->routes[i];
        if (!matches(request, route->request))
            continue;
        size_t last = answers_of(route) - 1;
        size_t n = server->route_used[i]++;
        answer = route->answers[n < last ? n : last];
        break;
    }
    pthread_cond_broadcast(&server->changed);
    mutex_unlock(&server->mutex);
    return answer;
}

static bool send_answer(int fd, const struct fake_answer *answer)
{
    const char *body = answer->body == NULL ? "" : answer->body;
    size_t len = answer->body_len == 0 ? strlen(body) : answer->body_len;
    char head[2048];
    int head_len =
        snprintf(head, sizeof(head), "HTTP/1.1 %d Scripted\r\nContent-Length: %zu\r\n%s\r\n",
                 answer->status == 0 ? 200 : answer->status, len,
                 answer->headers == NULL ? "" : answer->headers);
    check(head_len > 0 && (size_t)head_len < sizeof(head));
    size_t sent_len = answer->end == FAKE_CUT ? len / 2 : len;
    if (answer->without_body)
        sent_len = 0;
    return send_all(fd, head, (size_t)head_len) && send_all(fd, body, sent_len) &&
           answer->end == FAKE_WHOLE;
}

// Returns whether the connection goes on.
static bool do_answer(struct connection *connection, const struct fake_answer *answer)
{
    struct fake_server *server = connection->server;
    // Nobody writes on the other descriptor of the pipe but close: this only sleeps.
    if (answer->delay_ms > 0 && !wait_for(server, -1, (int)answer->delay_ms))
        return false;
    switch (answer->end) {
    case FAKE_WHOLE:
    case FAKE_CUT:
    case FAKE_CLOSE_SOON:
        return send_answer(connection->fd, answer);
    case FAKE_NO_ANSWER:
        return false;
    case FAKE_RESET: {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        return false;
    }
    case FAKE_SILENT:
        wait_for(server, connection->fd, -1);
        return false;
    }
    return false;
}

static void *serve_connection(void *ctx)
{
    struct connection *connection = ctx;
    char *request;
    bool goes_on = true;
    while (goes_on && (request = read_request(connection)) != NULL) {
        bool is_head = begins(request, "HEAD ");
        struct fake_answer answer = take_request(connection->server, request);
        answer.without_body |= is_head;
        goes_on = do_answer(connection, &answer);
    }
    fd_close(&connection->fd);
    return NULL;
}

static void *accept_connections(void *ctx)
{
    struct fake_server *server = ctx;
    while (wait_for(server, server->listener, -1)) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd < 0)
            continue;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        mutex_lock(&server->mutex);
        check(server->connection_count < CONNECTIONS_MAX);
        struct connection *connection = &server->connections[server->connection_count++];
        mutex_unlock(&server->mutex);
        *connection = (struct connection){.server = server, .fd = fd};
        check(thread_start(&connection->thread, "fake", serve_connection, connection, NULL) ==
              ERR_OK);
    }
    return NULL;
}

struct fake_server *fake_server_open(const struct fake_route *routes, size_t count)
{
    struct fake_server *server = calloc(1, sizeof(*server));
    assert_non_null(server);
    assert_true(count <= ROUTES_MAX);
    for (size_t i = 0; i < count; i++)
        server->routes[i] = routes[i];
    server->route_count = count;
    assert_int_equal(pthread_mutex_init(&server->mutex, NULL), 0);
    cond_init(&server->changed);
    assert_int_equal(pipe(server->stop_pipe), 0);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->listener, 128), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(thread_start(&server->thread, "fake", accept_connections, server, NULL),
                     ERR_OK);
    return server;
}

void fake_server_close(struct fake_server *server)
{
    if (server == NULL)
        return;
    check(write(server->stop_pipe[1], "x", 1) == 1);
    thread_join(server->thread);
    for (size_t i = 0; i < server->connection_count; i++)
        thread_join(server->connections[i].thread);
    for (size_t i = 0; i < server->request_count; i++)
        free(server->requests[i]);
    close(server->listener);
    close(server->stop_pipe[0]);
    close(server->stop_pipe[1]);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

const char *fake_server_url(const struct fake_server *server)
{
    return server->url;
}

static size_t count_locked(const struct fake_server *server, const char *request)
{
    size_t count = 0;
    for (size_t i = 0; i < server->request_count; i++)
        count += begins(server->requests[i], request);
    return count;
}

size_t fake_server_count(struct fake_server *server, const char *request)
{
    mutex_lock(&server->mutex);
    size_t count = count_locked(server, request);
    mutex_unlock(&server->mutex);
    return count;
}

size_t fake_server_connections(struct fake_server *server)
{
    mutex_lock(&server->mutex);
    size_t count = server->connection_count;
    mutex_unlock(&server->mutex);
    return count;
}

const char *fake_server_request(struct fake_server *server, size_t n)
{
    mutex_lock(&server->mutex);
    const char *request = n < server->request_count ? server->requests[n] : NULL;
    mutex_unlock(&server->mutex);
    assert_non_null(request);
    return request;
}

void fake_server_wait(struct fake_server *server, const char *request, size_t count)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + WAIT_US;
    mutex_lock(&server->mutex);
    bool in_time = true;
    while (in_time && count_locked(server, request) < count)
        in_time = cond_wait_until(&server->changed, &server->mutex, deadline_us);
    mutex_unlock(&server->mutex);
    assert_true(in_time);
}
