// Downloads a content from an S3 store into a temporary file without a name; removes one.
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "files/files_store.h"
#include "files/s3.h"

#define ANSWER_SLACK_BYTES (INT64_C(1) << 20)

// ---- Getting.

struct s3_get {
    struct files_get *get;
    struct s3_call call;
    struct arena *arena;
    struct pool_work work;
    int fd;
    int64_t size;
};

static void finish(struct s3_get *own)
{
    struct files_get *get = own->get;
    if (get->error.code == ERR_OK) {
        get->fd = own->fd;
        get->size = own->size;
    } else {
        fd_close(&own->fd);
    }
    arena_close(own->arena);
    get->done(get);
}

static bool take_bytes(struct http_call *http, const void *bytes, size_t len)
{
    struct s3_call *call = http->ctx;
    struct s3_get *own = call->ctx;
    struct error *err = &own->get->error;
    if (fs_write_all(own->fd, bytes, len, err) != ERR_OK)
        return files_disk_err(err) == ERR_OK;
    own->size += (int64_t)len;
    return true;
}

static enum err verify(struct s3_get *own)
{
    struct files_get *get = own->get;
    char hex[SHA256_HEX + 1];
    size_t len = (size_t)own->size;
    void *bytes = len == 0 ? NULL : mmap(NULL, len, PROT_READ, MAP_PRIVATE, own->fd, 0);
    if (bytes == MAP_FAILED || lseek(own->fd, 0, SEEK_SET) != 0) {
        fs_err(&get->error, "mmap", "file");
        return files_disk_err(&get->error);
    }
    sha256_hex((struct str){.ptr = bytes, .len = len}, hex);
    if (bytes != NULL)
        munmap(bytes, len);
    if (!str_equal(str_of(hex), get->sha256))
        return error_set(&get->error, ERR_CORRUPT, "our storage has another content of this name");
    return ERR_OK;
}

static void run_verify(struct pool_work *work)
{
    struct s3_get *own = CONTAINER_OF(work, struct s3_get, work);
    (void)verify(own);
    finish(own);
}

static void get_done(struct s3_call *call)
{
    struct s3_get *own = call->ctx;
    struct error *err = &own->get->error;
    if (err->code == ERR_OK && s3_call_result(call, err) == ERR_OK) {
        own->work.run = run_verify;
        if (pool_submit(own->get->files->pool, &own->work) == ERR_OK)
            return;
        error_set(err, ERR_UNAVAILABLE, "too many files are being stored");
    }
    finish(own);
}

void s3_get_run(struct s3 *s3, struct files_get *get)
{
    struct arena *arena = arena_open(0);
    struct s3_get *own = arena_new(arena, struct s3_get, 1);
    char *path = NULL;
    own->get = get;
    own->arena = arena;
    own->fd = -1;
    if (files_create_tmp(get->files, arena, &path, &own->fd, &get->error) != ERR_OK) {
        finish(own);
        return;
    }
    unlink(path);
    own->call = (struct s3_call){
        .s3 = s3,
        .arena = arena,
        .method = "GET",
        .path = s3_object_path(s3, get->sha256, arena),
        .on_data = take_bytes,
        .answer_max_bytes = (size_t)(MODEL_FILE_MAX_BYTES + ANSWER_SLACK_BYTES),
        .done = get_done,
        .ctx = own,
    };
    s3_call_start(&own->call);
}

// ---- Removing.

struct s3_remove {
    struct files_remove *remove;
    struct s3_call call;
    struct arena *arena;
};

static void remove_done(struct s3_call *call)
{
    struct s3_remove *own = call->ctx;
    struct files_remove *remove = own->remove;
    if (s3_call_result(call, &remove->error) == ERR_NOT_FOUND)
        error_reset(&remove->error); // it is gone, as was wanted
    arena_close(own->arena);
    remove->done(remove);
}

void s3_remove_run(struct s3 *s3, struct files_remove *remove)
{
    struct arena *arena = arena_open(0);
    struct s3_remove *own = arena_new(arena, struct s3_remove, 1);
    own->remove = remove;
    own->arena = arena;
    own->call = (struct s3_call){
        .s3 = s3,
        .arena = arena,
        .method = "DELETE",
        .path = s3_object_path(s3, remove->sha256, arena),
        .done = remove_done,
        .ctx = own,
    };
    s3_call_start(&own->call);
}
