// Uploads a content to an S3 store: in one piece, or in parts that become an object at the end.
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crash.h"
#include "base/fs.h"
#include "files/files_store.h"
#include "files/s3.h"

#define COMPLETE_MS    (5 * 60 * 1000)
#define PART_XML_BYTES 256
#define ANSWER_MAX     (64 * 1024)
#define ABORT_TOTAL_MS 30000

struct s3_put {
    struct files_put *put;
    struct s3_call call; // the one in hand
    struct s3 *s3;
    struct arena *arena;
    struct http_file_body body;
    struct pool_work work;
    // of an upload in parts
    unsigned part_count;
    unsigned part; // the one in hand, from 0
    char (*sha256)[SHA256_HEX + 1];
    struct str *etags;
    struct str upload_id;
    char complete_sha256[SHA256_HEX + 1];
};

static void finish(struct s3_put *own)
{
    struct files_put *put = own->put;
    if (put->error.code == ERR_OK) {
        crash_here(CRASH_FILE_NAMED);
        unlink(put->tmp_path);
    }
    arena_close(own->arena);
    put->done(put);
}

static void call_store(struct s3_put *own, const struct s3_call *call)
{
    own->call = *call;
    own->call.s3 = own->s3;
    own->call.arena = own->arena;
    own->call.path = s3_object_path(own->s3, own->put->sha256, own->arena);
    own->call.answer_max_bytes = ANSWER_MAX;
    own->call.ctx = own;
    s3_call_start(&own->call);
}

// Storing is our trouble, whatever the store says.
static bool succeeded(struct s3_put *own)
{
    struct error *err = &own->put->error;
    if (s3_call_result(&own->call, err) == ERR_OK)
        return true;
    if (err->code == ERR_NOT_FOUND) {
        error_set(err, ERR_UNAVAILABLE, "our storage refuses us");
        error_cause(err, "%s: 404", own->call.method);
    }
    return false;
}

// ---- In parts.

static void abort_done(struct s3_call *call)
{
    finish(call->ctx);
}

// Parts cost room until somebody removes them. The failure that led here stays the put's.
static void abort_parts(struct s3_put *own)
{
    call_store(own, &(struct s3_call){
                        .method = "DELETE",
                        .query = arena_printf(own->arena, "uploadId=%.*s", STR_ARG(own->upload_id)),
                        .total_ms = ABORT_TOTAL_MS,
                        .done = abort_done,
                    });
}

// The answer begins before the object is made: 200 may be followed by an error.
static bool is_completed(struct s3_put *own)
{
    struct error *err = &own->put->error;
    struct str answer = own->call.http.answer;
    static const char root[] = "<CompleteMultipartUploadResult";
    if (!succeeded(own))
        return false;
    if (answer.len > 0 && memmem(answer.ptr, answer.len, root, sizeof(root) - 1) != NULL)
        return true;
    struct str code = s3_element(answer, "Code");
    error_set(err, ERR_UNAVAILABLE, "our storage could not put the parts of the file together");
    error_cause(err, "%.*s", STR_ARG(code.ptr == NULL ? STR("no result") : str_cut(code, 60)));
    return false;
}

static void complete_done(struct s3_call *call)
{
    struct s3_put *own = call->ctx;
    if (is_completed(own))
        finish(own);
    else
        abort_parts(own);
}

static void complete_parts(struct s3_put *own)
{
    struct buf xml;
    buf_init_arena(&xml, own->arena, 1024 + own->part_count * (2 * PART_XML_BYTES));
    BUF_LITERAL(&xml, "<CompleteMultipartUpload>");
    for (unsigned i = 0; i < own->part_count; i++)
        buf_printf(&xml, "<Part><PartNumber>%u</PartNumber><ETag>%.*s</ETag></Part>", i + 1,
                   STR_ARG(own->etags[i]));
    BUF_LITERAL(&xml, "</CompleteMultipartUpload>");
    check(!xml.overflow);
    sha256_hex(buf_str(&xml), own->complete_sha256);
    call_store(own, &(struct s3_call){
                        .method = "POST",
                        .query = arena_printf(own->arena, "uploadId=%.*s", STR_ARG(own->upload_id)),
                        .content_type = STR("application/xml"),
                        .sha256 = str_of(own->complete_sha256),
                        .body = buf_str(&xml),
                        .total_ms = COMPLETE_MS,
                        .done = complete_done,
                    });
}

static bool is_etag(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~' || text.ptr[i] == '<' || text.ptr[i] == '&')
            return false;
    }
    return text.len > 0 && text.len <= PART_XML_BYTES;
}

static void send_part(struct s3_put *own);

static void part_done(struct s3_call *call)
{
    struct s3_put *own = call->ctx;
    struct str etag = call->http.wanted[0].value;
    if (!succeeded(own)) {
        abort_parts(own);
    } else if (!is_etag(etag)) {
        error_set(&own->put->error, ERR_UNAVAILABLE, "our storage took a part and gave no ETag");
        abort_parts(own);
    } else {
        own->etags[own->part++] = etag;
        if (own->part == own->part_count)
            complete_parts(own);
        else
            send_part(own);
    }
}

static void send_part(struct s3_put *own)
{
    int64_t offset = own->part * own->s3->part_bytes;
    int64_t left = own->put->size - offset;
    own->body = (struct http_file_body){
        .fd = own->put->fd,
        .offset = offset,
        .len = left < own->s3->part_bytes ? left : own->s3->part_bytes,
    };
    call_store(own, &(struct s3_call){
                        .method = "PUT",
                        .query = arena_printf(own->arena, "partNumber=%u&uploadId=%.*s",
                                              own->part + 1, STR_ARG(own->upload_id)),
                        .sha256 = str_of(own->sha256[own->part]),
                        .file_body = &own->body,
                        .done = part_done,
                    });
}

static void create_done(struct s3_call *call)
{
    struct s3_put *own = call->ctx;
    struct str id = s3_element(call->http.answer, "UploadId");
    if (!succeeded(own)) {
        finish(own);
        return;
    }
    if (id.ptr == NULL) {
        error_set(&own->put->error, ERR_UNAVAILABLE, "our storage began no upload");
        finish(own);
        return;
    }
    struct buf encoded;
    buf_init_arena(&encoded, own->arena, 3 * id.len + 1);
    s3_append_encoded(&encoded, id);
    own->upload_id = buf_str(&encoded);
    send_part(own);
}

static enum err hash_parts(struct s3_put *own)
{
    struct files_put *put = own->put;
    char *bytes = mmap(NULL, (size_t)put->size, PROT_READ, MAP_PRIVATE, put->fd, 0);
    if (bytes == MAP_FAILED) {
        fs_err(&put->error, "mmap", put->tmp_path);
        return files_disk_err(&put->error);
    }
    for (unsigned i = 0; i < own->part_count; i++) {
        int64_t offset = i * own->s3->part_bytes;
        int64_t len =
            put->size - offset < own->s3->part_bytes ? put->size - offset : own->s3->part_bytes;
        sha256_hex((struct str){.ptr = bytes + offset, .len = (size_t)len}, own->sha256[i]);
    }
    munmap(bytes, (size_t)put->size);
    return ERR_OK;
}

static void run_hash(struct pool_work *work)
{
    struct s3_put *own = CONTAINER_OF(work, struct s3_put, work);
    if (hash_parts(own) != ERR_OK) {
        finish(own);
        return;
    }
    call_store(own, &(struct s3_call){
                        .method = "POST",
                        .query = STR("uploads="),
                        .content_type = own->put->content_type,
                        .done = create_done,
                    });
}

static void begin_parts(struct s3_put *own)
{
    own->part_count = (unsigned)((own->put->size + own->s3->part_bytes - 1) / own->s3->part_bytes);
    own->sha256 = arena_bytes(own->arena, own->part_count * sizeof(*own->sha256));
    own->etags = arena_new(own->arena, struct str, own->part_count);
    own->work.run = run_hash;
    if (pool_submit(own->put->files->pool, &own->work) == ERR_OK)
        return;
    error_set(&own->put->error, ERR_UNAVAILABLE, "too many files are being stored");
    finish(own);
}

// ---- In one piece.

static void whole_done(struct s3_call *call)
{
    struct s3_put *own = call->ctx;
    (void)succeeded(own);
    finish(own);
}

static void send_whole(struct s3_put *own)
{
    own->body = (struct http_file_body){.fd = own->put->fd, .len = own->put->size};
    call_store(own, &(struct s3_call){
                        .method = "PUT",
                        .content_type = own->put->content_type,
                        .sha256 = own->put->sha256,
                        .file_body = &own->body,
                        .done = whole_done,
                    });
}

// What the store has under this name came from here, verified: no need to send it again. Answers to
// HEAD do not say what is wrong; sending does.
static void head_done(struct s3_call *call)
{
    struct s3_put *own = call->ctx;
    const struct http_call *http = &call->http;
    bool refused = http->fate == HTTP_ANSWERED && http->status >= 300 && http->status < 500;
    if (!refused && !succeeded(own)) {
        finish(own);
        return;
    }
    bool is_there =
        !refused && http->content_length.set && http->content_length.value == own->put->size;
    if (is_there) {
        finish(own);
        return;
    }
    crash_here(CRASH_FILE_NAMING);
    if (own->put->size > own->s3->part_bytes)
        begin_parts(own);
    else
        send_whole(own);
}

void s3_put_run(struct s3 *s3, struct files_put *put)
{
    struct arena *arena = arena_open(0);
    struct s3_put *own = arena_new(arena, struct s3_put, 1);
    own->put = put;
    own->s3 = s3;
    own->arena = arena;
    call_store(own, &(struct s3_call){.method = "HEAD", .done = head_done});
}
