// Owns the network thread: the calls in flight, those that wait, and the timers.
#include "http/http_client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/thread.h"
#include "http/http_client_timers.h"
#include "http/http_client_transfer.h"

#define IDLE_TRANSFERS_MAX   64
#define IDLE_CONNECTIONS_MAX 64L
#define SLEEP_MAX_MS         60000

struct call_list {
    struct http_call *first;
    struct http_call *last;
    size_t count;
};

// What other threads hand over.
struct client_inbox {
    pthread_mutex_t mutex;
    struct call_list calls;
    struct timer_heap timers;
    struct http_close_hook *hooks;
    bool closing;
    bool woken; // the thread will look here before it sleeps
};

struct http_client {
    struct client_inbox inbox;
    pthread_t thread;
    // the thread's own
    CURLM *multi;
    const char *user_agent;
    struct buf no_proxy;
    size_t calls_max;
    size_t queue_max;
    struct call_list waiting;
    struct transfer *active; // doubly linked
    size_t active_count;
    struct transfer *idle; // singly linked
    size_t idle_count;
};

static void list_push(struct call_list *list, struct http_call *call)
{
    call->next = NULL;
    if (list->last == NULL)
        list->first = call;
    else
        list->last->next = call;
    list->last = call;
    list->count++;
}

static struct http_call *list_pop(struct call_list *list)
{
    struct http_call *call = list->first;
    if (call == NULL)
        return NULL;
    list->first = call->next;
    if (list->first == NULL)
        list->last = NULL;
    list->count--;
    call->next = NULL;
    return call;
}

static void end_unsent(struct http_call *call, const char *words)
{
    http_call_end_unsent(call, words);
    call->done(call);
}

static struct transfer *take_transfer(struct http_client *client)
{
    struct transfer *transfer = client->idle;
    if (transfer == NULL)
        return transfer_new();
    client->idle = transfer->next;
    client->idle_count--;
    return transfer;
}

static void keep_transfer(struct http_client *client, struct transfer *transfer)
{
    if (client->idle_count >= IDLE_TRANSFERS_MAX) {
        transfer_free(transfer);
        return;
    }
    transfer->next = client->idle;
    client->idle = transfer;
    client->idle_count++;
}

static void start_call(struct http_client *client, struct http_call *call)
{
    if (call->still_wanted != NULL && !call->still_wanted(call)) {
        end_unsent(call, "not wanted any more");
        return;
    }
    struct transfer *transfer = take_transfer(client);
    transfer_begin(transfer, call, client->user_agent, buf_cstr(&client->no_proxy));
    check(curl_multi_add_handle(client->multi, transfer->easy) == CURLM_OK);
    transfer->prev = NULL;
    transfer->next = client->active;
    if (client->active != NULL)
        client->active->prev = transfer;
    client->active = transfer;
    client->active_count++;
}

static void end_call(struct http_client *client, struct transfer *transfer, CURLcode code,
                     const char *words)
{
    check(curl_multi_remove_handle(client->multi, transfer->easy) == CURLM_OK);
    if (transfer->prev == NULL)
        client->active = transfer->next;
    else
        transfer->prev->next = transfer->next;
    if (transfer->next != NULL)
        transfer->next->prev = transfer->prev;
    client->active_count--;
    struct http_call *call = transfer_end(transfer, code, words);
    keep_transfer(client, transfer);
    call->done(call);
}

static void end_finished_calls(struct http_client *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        struct transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        end_call(client, transfer, code, NULL);
    }
}

// Returns whether close has begun.
static bool take_inbox(struct http_client *client, struct call_list *ret_calls)
{
    mutex_lock(&client->inbox.mutex);
    *ret_calls = client->inbox.calls;
    client->inbox.calls = (struct call_list){0};
    client->inbox.woken = false;
    bool closing = client->inbox.closing;
    mutex_unlock(&client->inbox.mutex);
    return closing;
}

static void admit_calls(struct http_client *client, struct call_list *calls)
{
    while (client->active_count < client->calls_max && client->waiting.count > 0)
        start_call(client, list_pop(&client->waiting));
    struct http_call *call;
    while ((call = list_pop(calls)) != NULL) {
        if (client->active_count < client->calls_max)
            start_call(client, call);
        else if (client->waiting.count < client->queue_max)
            list_push(&client->waiting, call);
        else
            end_unsent(call, "too many calls are waiting");
    }
}

static void run_due_timers(struct client_inbox *inbox)
{
    int64_t now_us = clock_monotonic_us(clock_system());
    mutex_lock(&inbox->mutex);
    uint64_t before_number = inbox->timers.next_number;
    for (;;) {
        struct http_timer *timer = timer_heap_pop(&inbox->timers, now_us, before_number);
        if (timer == NULL)
            break;
        mutex_unlock(&inbox->mutex);
        timer->run(timer);
        mutex_lock(&inbox->mutex);
    }
    mutex_unlock(&inbox->mutex);
}

// How long the thread may sleep unless something happens on a connection.
static int sleep_ms(struct client_inbox *inbox)
{
    mutex_lock(&inbox->mutex);
    bool pending = inbox->closing || inbox->calls.first != NULL;
    int64_t due_us = timer_heap_next_us(&inbox->timers);
    mutex_unlock(&inbox->mutex);
    if (pending)
        return 0;
    if (due_us == INT64_MAX)
        return SLEEP_MAX_MS;
    int64_t wait_us = due_us - clock_monotonic_us(clock_system());
    if (wait_us <= 0)
        return 0;
    int64_t wait_ms = (wait_us + US_PER_MS - 1) / US_PER_MS;
    return wait_ms > SLEEP_MAX_MS ? SLEEP_MAX_MS : (int)wait_ms;
}

static void begin_closing(struct client_inbox *inbox)
{
    mutex_lock(&inbox->mutex);
    struct http_close_hook *hook = inbox->hooks;
    inbox->hooks = NULL;
    timer_heap_done(&inbox->timers);
    mutex_unlock(&inbox->mutex);
    while (hook != NULL) {
        struct http_close_hook *next = hook->next;
        hook->run(hook);
        hook = next;
    }
}

static void end_all_calls(struct http_client *client, struct call_list *calls)
{
    static const char words[] = "sunlead is shutting down";
    while (client->active != NULL)
        end_call(client, client->active, CURLE_ABORTED_BY_CALLBACK, words);
    do {
        struct http_call *call;
        while ((call = list_pop(&client->waiting)) != NULL)
            end_unsent(call, words);
        while ((call = list_pop(calls)) != NULL)
            end_unsent(call, words);
        take_inbox(client, calls);
    } while (calls->first != NULL);
}

static void curl_done(struct http_client *client)
{
    while (client->idle != NULL)
        transfer_free(take_transfer(client));
    curl_multi_cleanup(client->multi);
    client->multi = NULL;
}

static void *client_run(void *ctx)
{
    struct http_client *client = ctx;
    struct call_list calls;
    while (!take_inbox(client, &calls)) {
        run_due_timers(&client->inbox);
        admit_calls(client, &calls);
        int running;
        check(curl_multi_perform(client->multi, &running) == CURLM_OK);
        end_finished_calls(client);
        if (client->waiting.count > 0 && client->active_count < client->calls_max)
            continue;
        curl_multi_poll(client->multi, NULL, 0, sleep_ms(&client->inbox), NULL);
    }
    begin_closing(&client->inbox);
    end_all_calls(client, &calls);
    // Here, where SIGPIPE is blocked: closing a TLS connection writes to it.
    curl_done(client);
    return NULL;
}

// Under the lock, so that the thread cannot act on what was handed over, and the client be closed,
// before the wake-up is through.
static void wake_locked(struct http_client *client)
{
    if (!client->inbox.woken)
        curl_multi_wakeup(client->multi);
    client->inbox.woken = true;
}

void http_client_call(struct http_client *client, struct http_call *call)
{
    check(call->arena != NULL && call->method != NULL && call->url != NULL && call->done != NULL);
    mutex_lock(&client->inbox.mutex);
    list_push(&client->inbox.calls, call);
    wake_locked(client);
    mutex_unlock(&client->inbox.mutex);
}

void http_client_run_after(struct http_client *client, struct http_timer *timer, unsigned delay_ms)
{
    int64_t due_us = clock_monotonic_us(clock_system()) + delay_ms * US_PER_MS;
    mutex_lock(&client->inbox.mutex);
    if (!client->inbox.closing) {
        bool sooner = due_us < timer_heap_next_us(&client->inbox.timers);
        timer_heap_put(&client->inbox.timers, timer, due_us);
        if (sooner)
            wake_locked(client);
    }
    mutex_unlock(&client->inbox.mutex);
}

bool http_client_cancel_timer(struct http_client *client, struct http_timer *timer)
{
    mutex_lock(&client->inbox.mutex);
    bool waited = timer_heap_remove(&client->inbox.timers, timer);
    mutex_unlock(&client->inbox.mutex);
    return waited;
}

void http_client_on_close(struct http_client *client, struct http_close_hook *hook)
{
    mutex_lock(&client->inbox.mutex);
    hook->next = client->inbox.hooks;
    client->inbox.hooks = hook;
    mutex_unlock(&client->inbox.mutex);
}

// This machine is never reached by a proxy, whatever the environment says.
static void set_no_proxy(struct buf *no_proxy)
{
    buf_init(no_proxy, 64 * 1024);
    const char *list = getenv("no_proxy");
    if (list == NULL)
        list = getenv("NO_PROXY");
    if (list != NULL && strcmp(list, "*") == 0) {
        BUF_LITERAL(no_proxy, "*"); // means everything only when it stands alone
        return;
    }
    BUF_LITERAL(no_proxy, "localhost,127.0.0.1,::1");
    if (list != NULL && strlen(list) < 32 * 1024)
        buf_printf(no_proxy, ",%s", list);
}

static void client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    if (client->multi != NULL) // the thread could not be started
        curl_done(client);
    timer_heap_done(&client->inbox.timers);
    pthread_mutex_destroy(&client->inbox.mutex);
    buf_done(&client->no_proxy);
    free(client);
    curl_global_cleanup();
}

enum err http_client_open(const char *user_agent, size_t calls_max, size_t queue_max,
                          struct http_client **ret_client, struct error *err)
{
    check(calls_max > 0);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, ERR_INTERNAL, "the HTTP client could not be started");
    struct http_client *client = calloc(1, sizeof(*client));
    check(client != NULL);
    check(pthread_mutex_init(&client->inbox.mutex, NULL) == 0);
    client->user_agent = user_agent;
    client->calls_max = calls_max;
    client->queue_max = queue_max;
    set_no_proxy(&client->no_proxy);
    client->multi = curl_multi_init();
    if (client->multi == NULL) {
        client_free(client);
        return error_set(err, ERR_INTERNAL, "the HTTP client could not be started");
    }
    check(curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX) == CURLM_OK);
    enum err started = thread_start(&client->thread, "network", client_run, client, err);
    if (started != ERR_OK) {
        client_free(client);
        return started;
    }
    *ret_client = client;
    return ERR_OK;
}

void http_client_close(struct http_client *client)
{
    if (client == NULL)
        return;
    mutex_lock(&client->inbox.mutex);
    client->inbox.closing = true;
    wake_locked(client);
    mutex_unlock(&client->inbox.mutex);
    thread_join(client->thread);
    client_free(client);
}
