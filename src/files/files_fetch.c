// Downloads a file: network to temporary file, in as many pieces as it takes; then on a worker
// check; then into the store.
#include "files/files.h"

#include <sys/mman.h>

#include "base/clock.h"
#include "base/fs.h"
#include "files/file_check.h"
#include "files/files_partial.h"
#include "files/files_range.h"
#include "files/files_store.h"

// The client's own limit stays above ours, so that ours gives the reason.
#define ANSWER_SLACK_BYTES (INT64_C(1) << 20)
// A run asks for the rest of a file as long as each answer brings so much. Answers that bring less
// are borne so often in a row.
#define PROGRESS_BYTES INT64_C(65536)
#define IDLE_TRIES_MAX 3

enum wanted { WANT_ETAG, WANT_RANGE, WANT_HASH, WANT_STORED_ENCODING };

// A download, in its own arena.
struct download {
    struct files_fetch *fetch;
    struct arena *arena;
    struct str url;
    struct http_call http;
    struct pool_work work;
    struct files_put put;
    struct partial partial;
    int64_t asked_from;  // where the answer in hand is to begin
    struct opt_i64 said; // bytes of the whole file
    struct str md5;      // of the whole file, in base64; null: not said
    int64_t spent_ms;    // of the time for all requests
    int64_t best;        // the most that was here when a request ended
    unsigned idle_tries;
    bool begun;         // the answer's body
    bool is_other_part; // it does not go with what is here
};

static struct files *files_of(const struct download *download)
{
    return download->fetch->files;
}

static struct error *error_of(struct download *download)
{
    return &download->fetch->error;
}

// The last step: the fetch is the caller's again.
static void end_download(struct download *download)
{
    struct files_fetch *fetch = download->fetch;
    fetch->size = fetch->error.code == ERR_OK ? download->partial.size : 0;
    files_partial_drop(&download->partial);
    arena_close(download->arena);
    fetch->done(fetch);
}

// What came is worth to go on with, in another run.
static void break_off(struct download *download)
{
    files_partial_keep(&download->partial);
    end_download(download);
}

// As soon as it is known how large the file is, or that it is larger.
static enum err check_size(struct download *download, int64_t size)
{
    const struct opt_i64 *room = &download->fetch->room;
    if (room->set && size > room->value)
        return error_set(error_of(download), ERR_EXHAUSTED, "there is no room for the file");
    if (size <= files_of(download)->max_bytes)
        return ERR_OK;
    return error_set(error_of(download), ERR_TOO_LARGE, "the file is larger than %lld bytes",
                     (long long)files_of(download)->max_bytes);
}

// ---- An answer's body.

// A sum of the file as it is stored says nothing of one that is unpacked on its way.
static void note_md5(struct download *download)
{
    struct str encoding = download->http.wanted[WANT_STORED_ENCODING].value;
    struct str md5 = files_hash_md5(download->http.wanted[WANT_HASH].value);
    if (encoding.ptr != NULL && !str_equal_nocase(encoding, STR("identity")))
        download->md5 = STR_NULL;
    else if (md5.ptr != NULL)
        download->md5 = md5;
}

static enum err begin_whole(struct download *download)
{
    download->said = download->http.content_length;
    download->md5 = STR_NULL;
    note_md5(download);
    TRY(check_size(download, download->said.set ? download->said.value : 0));
    TRY(files_partial_create(&download->partial, download->http.wanted[WANT_ETAG].value,
                             error_of(download)));
    return files_partial_reserve(&download->partial, download->said.set ? download->said.value : 0,
                                 error_of(download));
}

// The rest of the file, and of this one, or nothing at all.
static enum err begin_part(struct download *download)
{
    struct str etag = download->http.wanted[WANT_ETAG].value;
    struct files_range range;
    download->is_other_part = !files_range_parse(download->http.wanted[WANT_RANGE].value, &range) ||
                              range.first != download->asked_from ||
                              range.last != range.total - 1 ||
                              (etag.ptr != NULL && !str_equal(etag, download->partial.etag));
    if (download->is_other_part)
        return ERR_UPSTREAM;
    TRY(files_partial_cut(&download->partial, range.first, error_of(download)));
    download->said = OPT_I64(range.total);
    note_md5(download);
    TRY(check_size(download, range.total));
    return files_partial_reserve(&download->partial, range.total, error_of(download));
}

static enum err begin_body(struct download *download)
{
    download->begun = true;
    if (download->http.status == 200)
        return begin_whole(download);
    if (download->http.status == 206 && download->asked_from > 0)
        return begin_part(download);
    return ERR_UPSTREAM; // judged by its status
}

static enum err take_bytes(struct download *download, const void *bytes, size_t len)
{
    if (!download->begun)
        TRY(begin_body(download));
    struct partial *partial = &download->partial;
    TRY(check_size(download, partial->size + (int64_t)len));
    if (fs_write_all(partial->fd, bytes, len, error_of(download)) != ERR_OK)
        return files_disk_err(error_of(download));
    partial->size += (int64_t)len;
    return ERR_OK;
}

static bool on_data(struct http_call *call, const void *bytes, size_t len)
{
    return take_bytes(call->ctx, bytes, len) == ERR_OK;
}

// ---- When it is whole.

static enum err check_bytes(struct download *download, struct str bytes)
{
    struct files_fetch *fetch = download->fetch;
    char md5[MD5_BASE64 + 1];
    if (download->md5.ptr != NULL && md5_base64(bytes, md5) &&
        !str_equal(str_of(md5), download->md5))
        return error_set(&fetch->error, ERR_UPSTREAM,
                         "what came has not the MD5 that LightFusion's storage says");
    TRY(file_check(fetch->kind, bytes, &fetch->error));
    sha256_hex(bytes, fetch->sha256);
    return ERR_OK;
}

static enum err check_content(struct download *download)
{
    const struct partial *partial = &download->partial;
    size_t len = (size_t)partial->size;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, partial->fd, 0);
    if (bytes == MAP_FAILED) {
        fs_err(error_of(download), "mmap", partial->path);
        return files_disk_err(error_of(download));
    }
    (void)madvise(bytes, len, MADV_SEQUENTIAL);
    enum err code = check_bytes(download, (struct str){.ptr = bytes, .len = len});
    munmap(bytes, len);
    return code;
}

static void put_done(struct files_put *put)
{
    struct download *download = put->ctx;
    if (put->error.code == ERR_OK) {
        download->partial.path = NULL;
    } else {
        *error_of(download) = put->error;
        // What our own disk refused it may also have spoiled.
        if (files_of(download)->kind->is_remote)
            files_partial_keep(&download->partial);
    }
    end_download(download);
}

static void run_check(struct pool_work *work)
{
    struct download *download = CONTAINER_OF(work, struct download, work);
    struct files_fetch *fetch = download->fetch;
    if (check_content(download) != ERR_OK) {
        end_download(download);
        return;
    }
    download->put = (struct files_put){
        .fd = download->partial.fd,
        .tmp_path = download->partial.path,
        .size = download->partial.size,
        .sha256 = str_of(fetch->sha256),
        .content_type = model_file_content_type(fetch->kind),
        .done = put_done,
        .ctx = download,
    };
    files_put_start(fetch->files, &download->put);
}

static void store(struct download *download)
{
    download->work.run = run_check;
    if (pool_submit(files_of(download)->pool, &download->work) == ERR_OK)
        return; // the download is the worker's now
    error_set(error_of(download), ERR_UNAVAILABLE, "too many files are being stored");
    break_off(download);
}

// ---- When an answer has ended.

static void on_done(struct http_call *call);

// Asks for the file, or for the rest of it. The last byte that is here is asked for again, so that
// there is a rest also of a file that is whole.
static void ask(struct download *download)
{
    struct files *files = files_of(download);
    struct partial *partial = &download->partial;
    download->begun = false;
    download->is_other_part = false;
    download->asked_from = 0;
    download->http = (struct http_call){
        .arena = download->arena,
        .method = "GET",
        .url = download->url.ptr,
        .connect_ms = files->connect_ms,
        .total_ms = (unsigned)(files->total_ms - download->spent_ms),
        .stall_s = files->stall_s,
        .answer_max_bytes = (size_t)(files->max_bytes + ANSWER_SLACK_BYTES),
        .wanted = {[WANT_ETAG] = {.name = "ETag"},
                   [WANT_RANGE] = {.name = "Content-Range"},
                   [WANT_HASH] = {.name = "x-goog-hash"},
                   [WANT_STORED_ENCODING] = {.name = "x-goog-stored-content-encoding"}},
        .on_data = on_data,
        .done = on_done,
        .ctx = download,
    };
    if (partial->etag.ptr != NULL && partial->size > 1) {
        download->asked_from = partial->size - 1;
        download->http.headers[0] =
            arena_printf(download->arena, "Range: bytes=%lld-", (long long)download->asked_from);
        download->http.headers[1] =
            arena_printf(download->arena, "If-Range: %.*s", STR_ARG(partial->etag));
    }
    http_client_call(files->http, &download->http);
}

// Whether the rest is asked for at once: while that brings something, or brought nothing only now
// and then.
static bool goes_on(struct download *download)
{
    const struct http_call *call = &download->http;
    const struct partial *partial = &download->partial;
    bool has_some = partial->etag.ptr != NULL && partial->size > 1;
    download->idle_tries++;
    if (partial->size - download->best >= PROGRESS_BYTES)
        download->idle_tries = 0;
    if (partial->size > download->best)
        download->best = partial->size;
    return (has_some || download->asked_from > 0) && !call->held_back &&
           download->idle_tries < IDLE_TRIES_MAX &&
           download->spent_ms < files_of(download)->total_ms;
}

static enum err not_in_time(struct download *download)
{
    const struct http_call *call = &download->http;
    const struct files *files = files_of(download);
    if (call->held_back)
        return error_set(error_of(download), ERR_UNAVAILABLE, "the file was not asked for: %s",
                         call->detail);
    if (download->spent_ms >= files->total_ms ||
        (call->fate == HTTP_NOT_SENT && call->duration_us >= files->connect_ms * US_PER_MS))
        return error_set(error_of(download), ERR_TIMEOUT, "the file did not come in time: %s",
                         call->detail);
    return error_set(error_of(download), ERR_UPSTREAM, "the file did not come: %s", call->detail);
}

static void take_broken(struct download *download)
{
    if (goes_on(download)) {
        ask(download);
        return;
    }
    not_in_time(download);
    break_off(download);
}

// The answer ended as it should. A body without a byte is never handed over.
static void take_end(struct download *download)
{
    const struct http_call *call = &download->http;
    int64_t size = download->partial.size;
    if (!download->begun && call->content_length.set && call->content_length.value == 0) {
        error_set(error_of(download), ERR_CORRUPT, "the file is empty");
        end_download(download);
    } else if (!download->begun) { // it may also be that it was cut before its body
        error_set(error_of(download), ERR_UPSTREAM, "nothing came");
        break_off(download);
    } else if (download->said.set && download->said.value != size) {
        error_set(error_of(download), ERR_UPSTREAM, "only %lld of %lld bytes came", (long long)size,
                  (long long)download->said.value);
        break_off(download);
    } else {
        store(download);
    }
}

static void on_done(struct http_call *call)
{
    struct download *download = call->ctx;
    download->spent_ms += call->duration_us / US_PER_MS;
    // Nothing is left to be had of what is here: it is another file, or a mistake.
    bool is_beyond = download->asked_from > 0 &&
                     (call->status == 416 ||
                      (call->status == 206 && call->fate == HTTP_ANSWERED && !download->begun));
    if (error_of(download)->code != ERR_OK) { // we broke it off
        end_download(download);
    } else if (download->is_other_part || is_beyond) {
        files_partial_drop(&download->partial);
        take_broken(download);
    } else if (call->status == 404) {
        error_set(error_of(download), ERR_NOT_FOUND, "there is no such file at LightFusion");
        end_download(download);
    } else if (call->status != 0 && call->status != 200 &&
               !(call->status == 206 && download->asked_from > 0)) {
        error_set(error_of(download), ERR_UPSTREAM, "LightFusion's storage answered %d",
                  call->status);
        error_of(download)->retry_after_s = call->retry_after_s;
        break_off(download);
    } else if (call->fate != HTTP_ANSWERED) {
        take_broken(download);
    } else {
        take_end(download);
    }
}

void files_fetch_start(struct files *files, struct files_fetch *fetch)
{
    check(model_file_is_original(fetch->kind));
    check(fetch->url.ptr != NULL && fetch->done != NULL);
    error_reset(&fetch->error);
    fetch->size = 0;
    fetch->sha256[0] = '\0';
    fetch->files = files;
    // Its own, since several fetches of one job work on several threads.
    struct arena *arena = arena_open(0);
    struct download *download = arena_new(arena, struct download, 1);
    *download = (struct download){
        .fetch = fetch,
        .arena = arena,
        .url = arena_str(arena, fetch->url),
    };
    files_partial_find(&download->partial, files, arena, download->url);
    download->best = download->partial.size;
    ask(download);
}
