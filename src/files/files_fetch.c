// Downloads a file: network to temporary file, then on a worker check, then into the store.
#include "files/files.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "files/file_check.h"
#include "files/files_store.h"

// The client's own limit stays above ours, so that ours gives the reason.
#define ANSWER_SLACK_BYTES (INT64_C(1) << 20)

// The last step: nothing is left behind, and the fetch is the caller's again.
static void end_fetch(struct files_fetch *fetch)
{
    if (fetch->tmp_path != NULL)
        unlink(fetch->tmp_path);
    fetch->tmp_path = NULL;
    fd_close(&fetch->fd);
    sha256_close(TAKE_PTR(fetch->hash));
    arena_close(TAKE_PTR(fetch->arena));
    fetch->done(fetch);
}

static enum err too_large(struct files_fetch *fetch)
{
    return error_set(&fetch->error, ERR_TOO_LARGE, "the file is larger than %lld bytes",
                     (long long)fetch->files->max_bytes);
}

static enum err take_bytes(struct files_fetch *fetch, const void *bytes, size_t len)
{
    int64_t max = fetch->files->max_bytes;
    const struct opt_i64 *said = &fetch->http.content_length;
    if ((said->set && said->value > max) || len > (uint64_t)(max - fetch->size))
        return too_large(fetch);
    if (fetch->tmp_path == NULL)
        TRY(files_create_tmp(fetch->files, fetch->arena, &fetch->tmp_path, &fetch->fd,
                             &fetch->error));
    if (fs_write_all(fetch->fd, bytes, len, &fetch->error) != ERR_OK)
        return files_disk_err(&fetch->error);
    sha256_add(fetch->hash, bytes, len);
    fetch->size += (int64_t)len;
    return ERR_OK;
}

static bool on_data(struct http_call *call, const void *bytes, size_t len)
{
    return take_bytes(call->ctx, bytes, len) == ERR_OK;
}

static enum err broken_off(struct files_fetch *fetch)
{
    const struct http_call *call = &fetch->http;
    if (call->held_back)
        return error_set(&fetch->error, ERR_UNAVAILABLE, "the file was not asked for: %s",
                         call->detail);
    const struct files *files = fetch->files;
    if (call->duration_us >= files->total_ms * US_PER_MS ||
        (call->fate == HTTP_NOT_SENT && call->duration_us >= files->connect_ms * US_PER_MS))
        return error_set(&fetch->error, ERR_TIMEOUT, "the file did not come in time: %s",
                         call->detail);
    return error_set(&fetch->error, ERR_UPSTREAM, "the file did not come: %s", call->detail);
}

// Whether the download is whole.
static enum err judge_answer(struct files_fetch *fetch)
{
    const struct http_call *call = &fetch->http;
    if (fetch->error.code != ERR_OK) // we broke it off
        return fetch->error.code;
    if (call->status == 404)
        return error_set(&fetch->error, ERR_NOT_FOUND, "there is no such file at LightFusion");
    if (call->status != 0 && call->status != 200) {
        error_set(&fetch->error, ERR_UPSTREAM, "LightFusion's storage answered %d", call->status);
        fetch->error.retry_after_s = call->retry_after_s;
        return ERR_UPSTREAM;
    }
    if (call->fate != HTTP_ANSWERED)
        return broken_off(fetch);
    if (call->content_length.set && call->content_length.value != fetch->size)
        return error_set(&fetch->error, ERR_UPSTREAM, "only %lld of %lld bytes came",
                         (long long)fetch->size, (long long)call->content_length.value);
    if (fetch->size > 0)
        return ERR_OK;
    // Without a length it may also be that the answer was cut before its body.
    if (!call->content_length.set)
        return error_set(&fetch->error, ERR_UPSTREAM, "nothing came");
    return error_set(&fetch->error, ERR_CORRUPT, "the file is empty");
}

static enum err check_content(struct files_fetch *fetch)
{
    size_t len = (size_t)fetch->size;
    void *bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fetch->fd, 0);
    if (bytes == MAP_FAILED) {
        fs_err(&fetch->error, "mmap", fetch->tmp_path);
        return files_disk_err(&fetch->error);
    }
    (void)madvise(bytes, len, MADV_SEQUENTIAL);
    enum err code = file_check(fetch->kind, (struct str){.ptr = bytes, .len = len}, &fetch->error);
    munmap(bytes, len);
    return code;
}

static void put_done(struct files_put *put)
{
    struct files_fetch *fetch = put->ctx;
    if (put->error.code == ERR_OK)
        fetch->tmp_path = NULL;
    else
        fetch->error = put->error;
    end_fetch(fetch);
}

static void run_check(struct pool_work *work)
{
    struct files_fetch *fetch = CONTAINER_OF(work, struct files_fetch, work);
    if (check_content(fetch) != ERR_OK) {
        end_fetch(fetch);
        return;
    }
    sha256_finish(fetch->hash, fetch->sha256);
    fetch->put = (struct files_put){
        .fd = fetch->fd,
        .tmp_path = fetch->tmp_path,
        .size = fetch->size,
        .sha256 = str_of(fetch->sha256),
        .content_type = model_file_content_type(fetch->kind),
        .done = put_done,
        .ctx = fetch,
    };
    files_put_start(fetch->files, &fetch->put);
}

static void on_done(struct http_call *call)
{
    struct files_fetch *fetch = call->ctx;
    if (judge_answer(fetch) == ERR_OK) {
        fetch->work.run = run_check;
        if (pool_submit(fetch->files->pool, &fetch->work) == ERR_OK)
            return; // the fetch is the worker's now
        error_set(&fetch->error, ERR_UNAVAILABLE, "too many files are being stored");
    }
    end_fetch(fetch);
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
    fetch->arena = arena_open(0);
    fetch->hash = sha256_open();
    fetch->tmp_path = NULL;
    fetch->fd = -1;
    fetch->http = (struct http_call){
        .arena = fetch->arena,
        .method = "GET",
        .url = arena_str(fetch->arena, fetch->url).ptr,
        .connect_ms = files->connect_ms,
        .total_ms = files->total_ms,
        .answer_max_bytes = (size_t)(files->max_bytes + ANSWER_SLACK_BYTES),
        .on_data = on_data,
        .done = on_done,
        .ctx = fetch,
    };
    http_client_call(files->http, &fetch->http);
}
