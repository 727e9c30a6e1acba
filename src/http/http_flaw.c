// Delays, slow bodies and broken connections, by a list of what waits on each loop.
#include "http/http_flaw.h"

#include <linux/sockios.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_response.h"

#define BLOCK_BYTES 16384
#define DRIP_US     (50 * US_PER_MS) // slow bodies come in pieces that are at least so far apart
// A reset throws away what is still on its way, so it waits for the peer to have all, but not for
// ever.
#define LOOK_US    (5 * US_PER_MS)
#define ARRIVAL_US (10 * US_PER_S)

struct http_flawed {
    struct http_flaw flaw;
    struct http_request *request;
    int64_t begun_us;   // monotonic: when the first piece of the body was asked for; 0: not yet
    int64_t due_us;     // when it goes on, while it is in the list
    int64_t give_up_us; // monotonic: when the reset waits no more; 0: it does not wait yet
    bool delayed;       // the delay is over
    struct http_flawed *next;
};

void http_set_flaw(struct http_request *request, const struct http_flaw *flaw)
{
    http_answer_check(request);
    check(request->flawed == NULL);
    request->flawed = arena_new(request->arena, struct http_flawed, 1);
    request->flawed->flaw = *flaw;
    request->flawed->request = request;
}

static bool is_draining(const struct http_request *request)
{
    return atomic_load_explicit(&request->server->draining, memory_order_relaxed);
}

static void set_aside(struct http_flawed *flawed, int64_t due_us)
{
    struct http_request *request = flawed->request;
    flawed->due_us = due_us;
    flawed->next = request->loop->flawed;
    request->loop->flawed = flawed;
    MHD_suspend_connection(request->mhd);
}

bool http_flaw_waits(struct http_request *request)
{
    struct http_flawed *flawed = request->flawed;
    if (flawed == NULL || flawed->delayed || flawed->flaw.delay_ms == 0 || is_draining(request))
        return false;
    flawed->delayed = true;
    set_aside(flawed, http_server_now(request->server) + flawed->flaw.delay_ms * US_PER_MS);
    return true;
}

// A socket that is disconnected this way resets at once; one that is closed first says that it is
// done. What was written before goes out first.
static void reset(const struct http_request *request)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    int fd = request->connection->fd;
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)connect(fd, &nobody, sizeof(nobody));
}

bool http_flaw_is_silent(struct http_request *request)
{
    if (request->flawed == NULL || request->flawed->flaw.end != HTTP_FLAW_SILENT)
        return false;
    reset(request);
    return true;
}

static uint64_t body_bytes(const struct http_answer *answer)
{
    return answer->fd < 0 ? answer->body.len : answer->length;
}

static uint64_t all_bytes(const struct http_flawed *flawed)
{
    return body_bytes(&flawed->request->answer) + flawed->flaw.blanks;
}

// Where the body ends that is really sent.
static uint64_t end_of(const struct http_flawed *flawed)
{
    const struct http_flaw *flaw = &flawed->flaw;
    uint64_t all = all_bytes(flawed);
    if (flaw->end == HTTP_FLAW_NO_END)
        return all;
    if (flaw->end_after == HTTP_FLAW_HALF)
        return all / 2;
    return flaw->end_after < all ? flaw->end_after : all;
}

// How many bytes may go by now. 0 after setting the connection aside.
static uint64_t allowance(struct http_flawed *flawed, uint64_t sent)
{
    uint64_t rate = flawed->flaw.bytes_per_s;
    int64_t now_us = http_server_now(flawed->request->server);
    if (rate == 0)
        return UINT64_MAX;
    if (flawed->begun_us == 0)
        flawed->begun_us = now_us;
    uint64_t due = (uint64_t)(now_us - flawed->begun_us) * rate / US_PER_S + 1;
    if (due > sent)
        return due - sent;
    int64_t next_us = flawed->begun_us + (int64_t)(sent * US_PER_S / rate) + 1;
    set_aside(flawed, next_us > now_us + DRIP_US ? next_us : now_us + DRIP_US);
    return 0;
}

static ssize_t copy_body(const struct http_answer *answer, uint64_t from, char *to, size_t len)
{
    uint64_t body = body_bytes(answer);
    if (from >= body) {
        memset(to, ' ', len);
        return (ssize_t)len;
    }
    if (len > body - from)
        len = (size_t)(body - from);
    if (answer->fd < 0) {
        memcpy(to, answer->body.ptr + from, len);
        return (ssize_t)len;
    }
    ssize_t got = pread(answer->fd, to, len, (off_t)(answer->offset + from));
    return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
}

// Whether what was sent before the reset has not arrived yet: the connection is set aside then.
static bool reset_waits(struct http_flawed *flawed)
{
    struct http_request *request = flawed->request;
    int64_t now_us = http_server_now(request->server);
    int unsent = 0;
    if (flawed->give_up_us == 0)
        flawed->give_up_us = now_us + ARRIVAL_US;
    if (is_draining(request) || now_us >= flawed->give_up_us ||
        ioctl(request->connection->fd, SIOCOUTQ, &unsent) != 0 || unsent == 0)
        return false;
    set_aside(flawed, now_us + LOOK_US);
    return true;
}

static ssize_t read_piece(void *cls, uint64_t from, char *to, size_t max)
{
    struct http_flawed *flawed = cls;
    uint64_t end = end_of(flawed);
    // The last byte goes by itself: nobody asks for more behind a whole body.
    bool is_reset = flawed->flaw.end == HTTP_FLAW_RESET;
    if (is_reset && from + 1 >= end && reset_waits(flawed))
        return 0;
    if (from >= end) {
        if (is_reset)
            reset(flawed->request);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (flawed->flaw.bytes_per_s != 0 && is_draining(flawed->request))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    uint64_t len = allowance(flawed, from);
    if (len == 0)
        return 0;
    uint64_t left = is_reset && end - from > 1 ? end - from - 1 : end - from;
    if (len > left)
        len = left;
    return copy_body(&flawed->request->answer, from, to, len < max ? (size_t)len : max);
}

struct MHD_Response *http_flaw_response(struct http_request *request)
{
    struct http_flawed *flawed = request->flawed;
    return MHD_create_response_from_callback(all_bytes(flawed), BLOCK_BYTES, read_piece, flawed,
                                             NULL);
}

void http_flaw_sent(struct http_request *request)
{
    if (request->flawed != NULL && request->flawed->flaw.end == HTTP_FLAW_RESET)
        reset(request);
}

void http_flaw_wake(struct http_loop *loop, bool all)
{
    struct http_flawed **at = &loop->flawed;
    if (*at == NULL)
        return;
    int64_t now_us = http_server_now(loop->server);
    while (*at != NULL) {
        struct http_flawed *flawed = *at;
        if (!all && flawed->due_us > now_us && !is_draining(flawed->request)) {
            at = &flawed->next;
            continue;
        }
        *at = flawed->next;
        MHD_resume_connection(flawed->request->mhd);
    }
}

int http_flaw_wait_ms(const struct http_loop *loop, int wait_ms)
{
    if (loop->flawed == NULL)
        return wait_ms;
    int64_t now_us = http_server_now(loop->server);
    for (const struct http_flawed *flawed = loop->flawed; flawed != NULL; flawed = flawed->next) {
        int64_t left_us = flawed->due_us > now_us ? flawed->due_us - now_us : 0;
        int64_t left_ms = (left_us + US_PER_MS - 1) / US_PER_MS;
        if (wait_ms < 0 || left_ms < wait_ms)
            wait_ms = (int)left_ms;
    }
    return wait_ms;
}
