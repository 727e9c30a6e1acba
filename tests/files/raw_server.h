// A server for tests that answers with raw bytes, one connection after the other.
#ifndef SUNLEAD_TEST_RAW_SERVER_H
#define SUNLEAD_TEST_RAW_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/thread.h"

#define RAW_ANSWERS_MAX 64

// What is sent for a request that begins so, before the connection is closed. Of several the first
// counts that fits.
struct raw_answer {
    const char *request; // NULL ends a table
    const char *head;    // status line and headers; NULL: silence until the peer goes
    struct str body;
    const char *etag;   // instead of head: what a storage answers, with Range and If-Range
    const char *header; // one more, with etag: a whole line
    size_t cut;         // only so many bytes of the body are sent; 0: all
    bool hang;          // and then silence
    const char *with;   // only for requests that have this in them
    unsigned times;     // only so often; 0: always
};

struct raw_server {
    const struct raw_answer *answers;
    unsigned used[RAW_ANSWERS_MAX];
    int listener;
    int stop_pipe[2];
    unsigned port;
    pthread_t thread;
    char request[4096]; // the last one
    // When so many bytes of bodies were sent, this process is killed.
    pid_t victim;
    int64_t kill_at;
    int64_t sent;
};

static inline void raw_listen(struct raw_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(pipe2(server->stop_pipe, O_CLOEXEC), 0);
    server->port = ntohs(address.sin_port);
}

// False if the server is to stop.
static inline bool raw_wait(const struct raw_server *server, int fd)
{
    struct pollfd fds[] = {{.fd = server->stop_pipe[0], .events = POLLIN},
                           {.fd = fd, .events = POLLIN}};
    while (poll(fds, COUNT_OF(fds), -1) < 0)
        check(errno == EINTR);
    return fds[0].revents == 0;
}

static inline bool raw_read_request(struct raw_server *server, int fd)
{
    size_t len = 0;
    do {
        if (len == sizeof(server->request) - 1 || !raw_wait(server, fd))
            return false;
        ssize_t got = recv(fd, server->request + len, sizeof(server->request) - 1 - len, 0);
        if (got <= 0)
            return false;
        len += (size_t)got;
        server->request[len] = '\0';
    } while (strstr(server->request, "\r\n\r\n") == NULL);
    return true;
}

static inline void raw_kill_when_due(struct raw_server *server)
{
    if (server->victim == 0 || server->sent < server->kill_at)
        return;
    check(kill(server->victim, SIGKILL) == 0);
    server->victim = 0;
}

static inline void raw_send(struct raw_server *server, int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len < 4096 ? bytes.len : 4096, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes = str_slice(bytes, (size_t)sent, bytes.len);
        server->sent += sent;
        raw_kill_when_due(server);
    }
}

static inline const struct raw_answer *raw_find(struct raw_server *server)
{
    for (size_t i = 0; i < RAW_ANSWERS_MAX; i++) {
        const struct raw_answer *answer = &server->answers[i];
        check(answer->request != NULL);
        if (strncmp(server->request, answer->request, strlen(answer->request)) != 0 ||
            (answer->with != NULL && strstr(server->request, answer->with) == NULL) ||
            (answer->times > 0 && server->used[i] == answer->times))
            continue;
        server->used[i]++;
        return answer;
    }
    check_failed("an answer", __FILE__, __LINE__);
}

static inline void raw_be_silent(struct raw_server *server, int fd)
{
    char byte;
    while (raw_wait(server, fd) && recv(fd, &byte, 1, 0) > 0)
        ;
}

// Where the body begins that a storage sends.
static inline size_t raw_first(const struct raw_server *server, const struct raw_answer *answer)
{
    static const char range[] = "\r\nRange: bytes=";
    static const char condition[] = "\r\nIf-Range: ";
    const char *from = strstr(server->request, range);
    const char *tag = strstr(server->request, condition);
    size_t first = 0;
    if (from == NULL || tag == NULL ||
        strncmp(tag + sizeof(condition) - 1, answer->etag, strlen(answer->etag)) != 0)
        return 0;
    for (from += sizeof(range) - 1; *from >= '0' && *from <= '9'; from++)
        first = first * 10 + (size_t)(*from - '0');
    check(first < answer->body.len && strncmp(from, "-\r\n", 3) == 0);
    return first;
}

static inline struct str raw_begin(const struct raw_server *server, const struct raw_answer *answer,
                                   char head[1024])
{
    struct str body = answer->body;
    size_t first = answer->etag == NULL ? 0 : raw_first(server, answer);
    const char *more = answer->header == NULL ? "" : answer->header;
    if (answer->etag == NULL)
        snprintf(head, 1024, "%s", answer->head);
    else if (first == 0)
        snprintf(head, 1024, "HTTP/1.1 200 OK\r\nETag: %s\r\n%sContent-Length: %zu\r\n\r\n",
                 answer->etag, more, body.len);
    else
        snprintf(head, 1024,
                 "HTTP/1.1 206 Part\r\nETag: %s\r\n%sContent-Length: %zu\r\n"
                 "Content-Range: bytes %zu-%zu/%zu\r\n\r\n",
                 answer->etag, more, body.len - first, first, body.len - 1, body.len);
    return str_slice(body, first, answer->cut == 0 ? body.len : first + answer->cut);
}

static inline void raw_serve(struct raw_server *server, int fd)
{
    if (!raw_read_request(server, fd))
        return;
    const struct raw_answer *answer = raw_find(server);
    if (answer->head == NULL && answer->etag == NULL) {
        raw_be_silent(server, fd);
        return;
    }
    char head[1024];
    struct str body = raw_begin(server, answer, head);
    check(send(fd, head, strlen(head), MSG_NOSIGNAL) == (ssize_t)strlen(head));
    raw_send(server, fd, body);
    if (answer->hang)
        raw_be_silent(server, fd);
    shutdown(fd, SHUT_WR);
}

static inline void *raw_run(void *ctx)
{
    struct raw_server *server = ctx;
    while (raw_wait(server, server->listener)) {
        CLEANUP(fd_close) int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            raw_serve(server, fd);
    }
    return NULL;
}

static inline void raw_start(struct raw_server *server)
{
    assert_int_equal(thread_start(&server->thread, "raw", raw_run, server, NULL), ERR_OK);
}

static inline void raw_close_sockets(struct raw_server *server)
{
    fd_close(&server->listener);
    fd_close(&server->stop_pipe[0]);
    fd_close(&server->stop_pipe[1]);
}

// Ends the thread; connections wait until it is started again.
static inline void raw_pause(struct raw_server *server)
{
    char byte;
    assert_int_equal(write(server->stop_pipe[1], "x", 1), 1);
    thread_join(server->thread);
    assert_int_equal(read(server->stop_pipe[0], &byte, 1), 1);
}

static inline void raw_stop(struct raw_server *server)
{
    raw_pause(server);
    raw_close_sockets(server);
}

#endif
