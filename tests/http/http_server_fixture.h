// A server on a free port and clients that speak raw bytes to it.
#ifndef SUNLEAD_HTTP_SERVER_FIXTURE_H
#define SUNLEAD_HTTP_SERVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/number.h"
#include "http/http_server.h"

#define PATIENCE_S 20 // how long a test waits for what must come

// One answer as it came.
struct reply {
    int status; // 0: the connection ended without one
    char head[8192];
    struct buf body;
};

static inline struct http_server *open_server(const struct http_server_settings *settings)
{
    struct http_server_settings wanted = *settings;
    struct http_server *server = NULL;
    struct error err;
    if (wanted.listen == NULL)
        wanted.listen = "127.0.0.1";
    error_reset(&err);
    if (http_server_open(&wanted, &server, &err) != ERR_OK)
        fail_msg("%s", err.message);
    return server;
}

static inline int dial(const struct http_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static inline void send_str(int fd, struct str bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        ssize_t sent = send(fd, bytes.ptr + at, bytes.len - at, MSG_NOSIGNAL);
        assert_true(sent > 0);
        at += (size_t)sent;
    }
}

#define send_text(fd, literal) send_str((fd), STR(literal))

// Whether the peer closed; what else comes is a failure.
static inline bool is_closed(int fd)
{
    char byte = 0;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno == ECONNRESET);
}

// The value of a header of the answer; null if absent.
static inline struct str reply_header(const struct reply *reply, const char *name)
{
    struct str rest = str_of(reply->head);
    while (rest.ptr != NULL) {
        struct str line = str_split(&rest, '\n');
        size_t colon = str_find(line, ':', 0);
        if (str_equal_nocase(str_slice(line, 0, colon), str_of(name)))
            return str_trim(str_slice(line, colon + 1, line.len - 1));
    }
    return STR_NULL;
}

static inline bool reply_header_is(const struct reply *reply, const char *name, const char *value)
{
    return str_equal(reply_header(reply, name), str_of(value));
}

static inline void reply_done(struct reply *reply)
{
    buf_done(&reply->body);
}

// Reads byte by byte up to the empty line. False if the connection ends before.
static inline bool read_head(int fd, struct reply *reply)
{
    size_t len = 0;
    while (len + 1 < sizeof(reply->head)) {
        if (recv(fd, &reply->head[len], 1, 0) != 1)
            return false;
        reply->head[++len] = '\0';
        if (len >= 4 && memcmp(&reply->head[len - 4], "\r\n\r\n", 4) == 0)
            return true;
    }
    return false;
}

static inline void read_body(int fd, struct reply *reply)
{
    int64_t length = 0;
    struct str header = reply_header(reply, "Content-Length");
    if (header.ptr == NULL)
        return;
    assert_int_equal(number_parse_i64(header, 0, INT64_MAX, &length), ERR_OK);
    if (length == 0)
        return;
    char *room = buf_grow(&reply->body, (size_t)length);
    assert_non_null(room);
    assert_int_equal(recv(fd, room, (size_t)length, MSG_WAITALL), length);
    reply->body.len += (size_t)length;
}

// Reads one answer, interim ones (1xx) left out. has_body false: an answer to HEAD.
static inline void read_reply_of(int fd, struct reply *reply, bool has_body)
{
    int64_t status = 0;
    *reply = (struct reply){0};
    buf_init(&reply->body, (size_t)64 << 20);
    do {
        if (!read_head(fd, reply))
            return;
        struct str digits = {.ptr = reply->head + 9, .len = 3};
        assert_memory_equal(reply->head, "HTTP/1.1 ", 9);
        assert_int_equal(number_parse_i64(digits, 100, 599, &status), ERR_OK);
    } while (status < 200);
    reply->status = (int)status;
    if (has_body && status != 204 && status != 304)
        read_body(fd, reply);
}

static inline void read_reply(int fd, struct reply *reply)
{
    read_reply_of(fd, reply, true);
}

static inline bool reply_body_is(const struct reply *reply, const char *text)
{
    return str_equal(buf_str(&reply->body), str_of(text));
}

// Whether the answer is problem details of its own status.
static inline bool reply_is_problem(struct reply *reply)
{
    char status[32];
    snprintf(status, sizeof(status), "\"status\":%d,", reply->status);
    return reply_header_is(reply, "Content-Type", "application/problem+json") &&
           strstr(buf_cstr(&reply->body), status) != NULL;
}

// Reads one answer and checks its status.
static inline void expect_status(int fd, int status)
{
    struct reply reply;
    read_reply(fd, &reply);
    assert_int_equal(reply.status, status);
    reply_done(&reply);
}

// Sends a request without a body.
static inline void get(int fd, const char *path)
{
    struct buf text CLEANUP(buf_done);
    buf_init(&text, 65536);
    buf_printf(&text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    send_str(fd, buf_str(&text));
}

// Reads one answer, which must be 200 with this body.
static inline void expect_body(int fd, const char *body)
{
    struct reply reply;
    read_reply(fd, &reply);
    assert_int_equal(reply.status, 200);
    assert_string_equal(buf_cstr(&reply.body), body);
    reply_done(&reply);
}

// Reads up to the end of the connection.
static inline bool closes_in_the_end(int fd)
{
    char bytes[4096];
    ssize_t got = 0;
    do {
        got = recv(fd, bytes, sizeof(bytes), 0);
    } while (got > 0);
    return got == 0 || errno == ECONNRESET;
}

// Sends bytes on a connection of their own and returns the status of the answer; 0 if there is
// none. A failure that is not problem details counts as negative: libmicrohttpd's own, which sends
// some of them with a second head. *ret_closed tells whether the server ended the connection.
static inline int ask_once(const struct http_server *server, struct str bytes, bool *ret_closed)
{
    struct reply reply;
    int fd = dial(server);
    send_str(fd, bytes);
    read_reply(fd, &reply);
    bool ours = reply.status < 400 || reply_is_problem(&reply);
    *ret_closed = reply.status == 0 || reply_header_is(&reply, "Connection", "close");
    if (*ret_closed)
        assert_true(ours ? is_closed(fd) : closes_in_the_end(fd));
    reply_done(&reply);
    close(fd);
    return ours ? reply.status : -reply.status;
}

#endif
