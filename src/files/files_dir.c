// The kind of store that is a folder: its contents lie at <dir>/ab/abcdef...
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/fs.h"
#include "files/files_store.h"

// "ab/abcdef..."
struct content_name {
    char text[FILES_FOLDER_HEX + 1 + SHA256_HEX + 1];
};

static struct content_name name_of(struct str sha256)
{
    struct content_name name;
    snprintf(name.text, sizeof(name.text), "%.*s/%.*s", FILES_FOLDER_HEX, sha256.ptr,
             STR_ARG(sha256));
    return name;
}

static enum err publish(const struct files_put *put, struct error *err)
{
    const struct files *files = put->files;
    char path[PATH_MAX];
    char folder[FILES_FOLDER_HEX + 1];
    snprintf(folder, sizeof(folder), "%.*s", FILES_FOLDER_HEX, put->sha256.ptr);
    int len = snprintf(path, sizeof(path), "%s/%s", files->dir, name_of(put->sha256).text);
    check(len > 0 && (size_t)len < sizeof(path));
    if (files_make_folder(files, folder, err) != ERR_OK ||
        fs_publish(put->fd, put->tmp_path, path, err) != ERR_OK)
        return files_disk_err(err);
    return ERR_OK;
}

static void run_put(struct pool_work *work)
{
    struct files_put *put = CONTAINER_OF(work, struct files_put, work);
    crash_here(CRASH_FILE_NAMING);
    if (publish(put, &put->error) == ERR_OK)
        crash_here(CRASH_FILE_NAMED);
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

static enum err open_content(const struct files *files, struct str sha256, int *ret_fd,
                             int64_t *ret_size, struct error *err)
{
    struct content_name name = name_of(sha256);
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
    (void)arena;
    return open_content(files, place->sha256, &place->fd, &place->size, err);
}

static void dir_get(struct files_get *get)
{
    (void)open_content(get->files, get->sha256, &get->fd, &get->size, &get->error);
    get->done(get);
}

static void run_remove(struct pool_work *work)
{
    struct files_remove *remove = CONTAINER_OF(work, struct files_remove, work);
    struct content_name name = name_of(remove->sha256);
    if (unlinkat(remove->files->dir_fd, name.text, 0) != 0 && errno != ENOENT) {
        int number = errno;
        error_set(&remove->error, ERR_UNAVAILABLE, "the file cannot be removed from our disk");
        error_cause(&remove->error, "unlink %s: %s", name.text, strerrordesc_np(number));
    }
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
