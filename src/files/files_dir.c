// The kind of store that is a folder: its contents lie at <dir>/ab/abcdef...
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/fs.h"
#include "base/log.h"
#include "files/files_gzip.h"
#include "files/files_store.h"

static const struct str plain = STR_INIT("");
static const struct str gzip = STR_INIT(".gz");

// "ab/abcdef..." or "ab/abcdef....gz"
struct content_name {
    char text[FILES_FOLDER_HEX + 1 + SHA256_HEX + 3 + 1];
};

static struct content_name name_of(struct str sha256, struct str suffix)
{
    struct content_name name;
    snprintf(name.text, sizeof(name.text), "%.*s/%.*s%.*s", FILES_FOLDER_HEX, sha256.ptr,
             STR_ARG(sha256), STR_ARG(suffix));
    return name;
}

static enum err publish(const struct files *files, int fd, const char *tmp_path,
                        const struct content_name *name, struct error *err)
{
    char path[PATH_MAX];
    char folder[FILES_FOLDER_HEX + 1];
    snprintf(folder, sizeof(folder), "%.*s", FILES_FOLDER_HEX, name->text);
    int len = snprintf(path, sizeof(path), "%s/%s", files->dir, name->text);
    check(len > 0 && (size_t)len < sizeof(path));
    if (files_make_folder(files, folder, err) != ERR_OK ||
        fs_publish(fd, tmp_path, path, err) != ERR_OK)
        return files_disk_err(err);
    return ERR_OK;
}

// The copy spares the network, and nothing else depends on it: without room for it there is none.
static void put_gzip(const struct files_put *put)
{
    const struct content_name name = name_of(put->sha256, gzip);
    struct error err;
    error_reset(&err);
    if (!files_gzip_is_text(put->fd, put->content_type) ||
        faccessat(put->files->dir_fd, name.text, F_OK, 0) == 0)
        return;
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    CLEANUP(fd_close) int fd = -1;
    char *tmp_path = NULL;
    int64_t max = put->size - put->size / GZIP_LEAST_GAIN;
    enum err code = files_create_tmp(put->files, arena, &tmp_path, &fd, &err);
    if (code == ERR_OK)
        code = files_gzip_write(put->fd, fd, max, &err);
    if (code == ERR_OK)
        code = publish(put->files, fd, tmp_path, &name, &err);
    if (code != ERR_OK && tmp_path != NULL)
        unlink(tmp_path);
    if (code != ERR_OK && code != ERR_TOO_LARGE)
        log_error(LOG_WARN, "files.gzip_failed", &err);
}

static void run_put(struct pool_work *work)
{
    struct files_put *put = CONTAINER_OF(work, struct files_put, work);
    crash_here(CRASH_FILE_NAMING);
    const struct content_name name = name_of(put->sha256, plain);
    if (publish(put->files, put->fd, put->tmp_path, &name, &put->error) == ERR_OK) {
        put_gzip(put);
        crash_here(CRASH_FILE_NAMED);
    }
    put->done(put);
}

static void dir_put(struct files_put *put)
{
    put->work.run = run_put;
    if (pool_submit(put->files->pool, &put->work) == ERR_OK)
        return;
    error_set(&put->error, ERR_UNAVAILABLE, "too many files are being stored");
    put->done(put);
}

static enum err open_content(const struct files *files, struct content_name name, int *ret_fd,
                             int64_t *ret_size, struct error *err)
{
    CLEANUP(fd_close) int fd = openat(files->dir_fd, name.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERR_NOT_FOUND, "the file is not stored here any more");
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        enum err code = error_set(err, ERR_UNAVAILABLE, "the file cannot be read from our disk");
        error_cause(err, "open %s: %s", name.text, fd < 0 ? strerrordesc_np(errno) : "no file");
        return code;
    }
    *ret_size = st.st_size;
    *ret_fd = fd;
    fd = -1;
    return ERR_OK;
}

static enum err dir_locate(struct files *files, struct arena *arena, struct files_place *place,
                           struct error *err)
{
    struct error none;
    (void)arena;
    error_reset(&none);
    place->is_gzip = place->takes_gzip && open_content(files, name_of(place->sha256, gzip),
                                                       &place->fd, &place->size, &none) == ERR_OK;
    if (place->is_gzip)
        return ERR_OK;
    return open_content(files, name_of(place->sha256, plain), &place->fd, &place->size, err);
}

static void dir_get(struct files_get *get)
{
    (void)open_content(get->files, name_of(get->sha256, plain), &get->fd, &get->size, &get->error);
    get->done(get);
}

static bool unlink_content(struct files_remove *remove, struct str suffix)
{
    struct content_name name = name_of(remove->sha256, suffix);
    if (unlinkat(remove->files->dir_fd, name.text, 0) == 0 || errno == ENOENT)
        return true;
    int number = errno;
    error_set(&remove->error, ERR_UNAVAILABLE, "the file cannot be removed from our disk");
    error_cause(&remove->error, "unlink %s: %s", name.text, strerrordesc_np(number));
    return false;
}

static void run_remove(struct pool_work *work)
{
    struct files_remove *remove = CONTAINER_OF(work, struct files_remove, work);
    // The copy first: one without its content would never be found again.
    if (unlink_content(remove, gzip))
        (void)unlink_content(remove, plain);
    remove->done(remove);
}

// A large file takes its time to go.
static void dir_remove(struct files_remove *remove)
{
    remove->work.run = run_remove;
    if (pool_submit(remove->files->pool, &remove->work) == ERR_OK)
        return;
    error_set(&remove->error, ERR_UNAVAILABLE, "too many files are being stored");
    remove->done(remove);
}

const struct files_kind files_dir_kind = {
    .put = dir_put,
    .get = dir_get,
    .remove = dir_remove,
    .locate = dir_locate,
};
