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

// What is sent for a request that begins so, before the connection is closed.
struct raw_answer {
    const char *request; // NULL ends a table
    const char *head;    // status line and headers; NULL: silence until the peer goes
    struct str body;
};

struct raw_server {
    const struct raw_answer *answers;
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

static inline void raw_serve(struct raw_server *server, int fd)
{
    if (!raw_read_request(server, fd))
        return;
    const struct raw_answer *answer = server->answers;
    while (answer->request != NULL &&
           strncmp(server->request, answer->request, strlen(answer->request)) != 0)
        answer++;
    check(answer->request != NULL);
    if (answer->head == NULL) {
        char byte;
        while (raw_wait(server, fd) && recv(fd, &byte, 1, 0) > 0)
            ;
        return;
    }
    struct str head = str_of(answer->head);
    check(send(fd, head.ptr, head.len, MSG_NOSIGNAL) == (ssize_t)head.len);
    raw_send(server, fd, answer->body);
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

static inline void raw_stop(struct raw_server *server)
{
    assert_int_equal(write(server->stop_pipe[1], "x", 1), 1);
    thread_join(server->thread);
    raw_close_sockets(server);
}

#endif
