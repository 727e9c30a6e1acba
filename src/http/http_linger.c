// The lingering close. Closing a socket that holds unread data resets the connection, and the reset
// overtakes the answer that was just sent; a duplicate of the descriptor keeps it open until the
// peer is done.
#include "http/http_linger.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/thread.h"

#define LINGER_MAX 256
#define LINGER_US  (5 * US_PER_S)

struct http_linger {
    pthread_mutex_t mutex;
    int arrived[LINGER_MAX]; // not yet seen by the thread
    size_t arrived_count;
    bool stop;
    int wake; // eventfd
    pthread_t thread;
    // the thread's own; polled[0] is wake
    struct pollfd polled[1 + LINGER_MAX];
    int64_t due_us[1 + LINGER_MAX];
    size_t polled_count;
};

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

static void wake_thread(struct http_linger *linger)
{
    eventfd_t one = 1;
    check(eventfd_write(linger->wake, one) == 0);
}

// Returns whether to go on.
static bool take_arrived(struct http_linger *linger)
{
    eventfd_t ignored = 0;
    (void)eventfd_read(linger->wake, &ignored);
    mutex_lock(&linger->mutex);
    for (size_t i = 0; i < linger->arrived_count; i++) {
        if (linger->polled_count == COUNT_OF(linger->polled)) {
            fd_close(&linger->arrived[i]);
            continue;
        }
        linger->polled[linger->polled_count] =
            (struct pollfd){.fd = linger->arrived[i], .events = POLLIN};
        linger->due_us[linger->polled_count] = now_us() + LINGER_US;
        linger->polled_count++;
    }
    linger->arrived_count = 0;
    bool stop = linger->stop;
    mutex_unlock(&linger->mutex);
    return !stop;
}

// Throws away what is there. Returns whether more may come.
static bool read_dry(int fd)
{
    for (int i = 0; i < 64; i++) {
        ssize_t got = recv(fd, NULL, (size_t)1 << 20, MSG_DONTWAIT | MSG_TRUNC);
        if (got <= 0)
            return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    return true;
}

static void drop(struct http_linger *linger, size_t i)
{
    fd_close(&linger->polled[i].fd);
    size_t last = --linger->polled_count;
    linger->polled[i] = linger->polled[last];
    linger->due_us[i] = linger->due_us[last];
}

static void serve(struct http_linger *linger)
{
    int64_t now = now_us();
    for (size_t i = linger->polled_count - 1; i > 0; i--) {
        bool open = linger->polled[i].revents == 0 || read_dry(linger->polled[i].fd);
        if (!open || now >= linger->due_us[i])
            drop(linger, i);
    }
}

static void *linger_main(void *ctx)
{
    struct http_linger *linger = ctx;
    while (take_arrived(linger)) {
        int wait_ms = linger->polled_count > 1 ? 100 : -1;
        if (poll(linger->polled, linger->polled_count, wait_ms) >= 0)
            serve(linger);
    }
    while (linger->polled_count > 1)
        drop(linger, linger->polled_count - 1);
    return NULL;
}

enum err http_linger_open(struct http_linger **ret_linger, struct error *err)
{
    struct http_linger *linger = calloc(1, sizeof(*linger));
    if (linger == NULL)
        return error_set(err, ERR_INTERNAL, "out of memory");
    pthread_mutex_init(&linger->mutex, NULL);
    linger->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    linger->polled[0] = (struct pollfd){.fd = linger->wake, .events = POLLIN};
    linger->polled_count = 1;
    enum err code = ERR_OK;
    if (linger->wake < 0)
        code = error_set(err, ERR_INTERNAL, "no descriptor for the server is left");
    else
        code = thread_start(&linger->thread, "http-linger", linger_main, linger, err);
    if (code != ERR_OK) {
        fd_close(&linger->wake);
        pthread_mutex_destroy(&linger->mutex);
        free(linger);
        return code;
    }
    *ret_linger = linger;
    return ERR_OK;
}

void http_linger_add(struct http_linger *linger, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return;
    mutex_lock(&linger->mutex);
    bool room = linger->arrived_count < LINGER_MAX;
    if (room)
        linger->arrived[linger->arrived_count++] = copy;
    mutex_unlock(&linger->mutex);
    if (room)
        wake_thread(linger);
    else
        fd_close(&copy);
}

void http_linger_close(struct http_linger *linger)
{
    if (linger == NULL)
        return;
    mutex_lock(&linger->mutex);
    linger->stop = true;
    mutex_unlock(&linger->mutex);
    wake_thread(linger);
    thread_join(linger->thread);
    for (size_t i = 0; i < linger->arrived_count; i++)
        fd_close(&linger->arrived[i]);
    fd_close(&linger->wake);
    pthread_mutex_destroy(&linger->mutex);
    free(linger);
}
