// The threads that poll libmicrohttpd. Its own would now and then sleep on work: 0.9.75 fetches 128
// events, and when that was all of them waits for more before it serves them.
#include "http/http_loop.h"

#include <fcntl.h>
#include <limits.h>
#include <microhttpd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/thread.h"
#include "http/http_bridge.h"

void http_loop_wake(struct http_loop *loop)
{
    eventfd_t one = 1;
    if (!atomic_exchange(&loop->woken, true))
        check(eventfd_write(loop->wake, one) == 0);
}

// -1: for ever.
static int wait_ms(const struct http_loop *loop)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    if (MHD_get_timeout(loop->daemon, &ms) != MHD_YES)
        return http_flaw_wait_ms(loop, -1);
    return http_flaw_wait_ms(loop, ms > INT_MAX ? INT_MAX : (int)ms);
}

static void wait_for_work(struct http_loop *loop)
{
    struct pollfd polled[] = {{.fd = loop->epoll_fd, .events = POLLIN},
                              {.fd = loop->wake, .events = POLLIN}};
    int ms = wait_ms(loop);
    if (ms == 0 || poll(polled, COUNT_OF(polled), ms) <= 0 || polled[1].revents == 0)
        return;
    eventfd_t ignored = 0;
    (void)eventfd_read(loop->wake, &ignored);
    atomic_store(&loop->woken, false);
}

static void stop_listening(struct http_loop *loop)
{
    int fd = MHD_quiesce_daemon(loop->daemon);
    fd_close(&fd);
    loop->listens = false;
    atomic_fetch_sub(&loop->server->listening, 1);
}

static void *loop_main(void *ctx)
{
    struct http_loop *loop = ctx;
    struct http_server *server = loop->server;
    while (!atomic_load(&server->closing)) {
        if (loop->listens && atomic_load(&server->draining))
            stop_listening(loop);
        wait_for_work(loop);
        http_flaw_wake(loop, false);
        check(MHD_run(loop->daemon) == MHD_YES);
    }
    http_flaw_wake(loop, true);
    return NULL;
}

// Each loop has the listening socket under a number of its own, which is libmicrohttpd's to close.
static enum err start_loop(struct http_server *server, struct http_loop *loop, int listen_fd,
                           struct error *err)
{
    loop->server = server;
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int fd = fcntl(listen_fd, F_DUPFD_CLOEXEC, 0);
    if (loop->wake >= 0 && fd >= 0)
        loop->daemon = http_bridge_open(loop, fd);
    if (loop->daemon == NULL)
        return error_set(err, ERR_INTERNAL, "the HTTP server cannot start its loops");
    loop->epoll_fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->listen_fd;
    loop->listens = true;
    atomic_fetch_add(&server->listening, 1);
    TRY(thread_start(&loop->thread, "http-loop", loop_main, loop, err));
    loop->runs = true;
    return ERR_OK;
}

enum err http_loops_open(struct http_server *server, int listen_fd, struct error *err)
{
    server->loops = calloc(server->settings.loops, sizeof(*server->loops));
    if (server->loops == NULL)
        return error_set(err, ERR_INTERNAL, "out of memory");
    for (unsigned i = 0; i < server->settings.loops; i++) {
        server->loop_count++;
        TRY(start_loop(server, &server->loops[i], listen_fd, err));
    }
    return ERR_OK;
}

static void close_loop(struct http_loop *loop)
{
    if (loop->runs) {
        http_loop_wake(loop);
        thread_join(loop->thread);
    }
    if (loop->daemon != NULL)
        MHD_stop_daemon(loop->daemon);
    fd_close(&loop->wake);
}

void http_loops_close(struct http_server *server)
{
    atomic_store(&server->closing, true);
    for (unsigned i = 0; i < server->loop_count; i++)
        close_loop(&server->loops[i]);
    free(server->loops);
}
