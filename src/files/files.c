// Opens the store, hands what is asked of it to its kind, keeps the folder of temporary files.
#include "files/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/random.h"
#include "files/files_partial.h"
#include "files/files_store.h"
#include "files/s3.h"

#define CONNECT_MS      5000
#define TOTAL_MS        (10 * 60 * 1000)
#define STALL_S         30
#define TMP_RANDOM_U64S 2

enum err files_disk_err(struct error *err)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;
    if (err == NULL)
        return ERR_UNAVAILABLE;
    char reason[sizeof(err->cause)];
    snprintf(reason, sizeof(reason), "%s", err->message);
    error_set(err, ERR_UNAVAILABLE,
              is_full ? "our disk is full" : "the file cannot be stored on our disk");
    error_cause(err, "%s", reason);
    return ERR_UNAVAILABLE;
}

enum err files_create_tmp(const struct files *files, struct arena *arena, char **ret_path,
                          int *ret_fd, struct error *err)
{
    uint64_t name[TMP_RANDOM_U64S];
    random_bytes(name, sizeof(name));
    struct str path = arena_printf(arena, "%s/tmp/%016llx%016llx", files->dir,
                                   (unsigned long long)name[0], (unsigned long long)name[1]);
    int fd = open(path.ptr, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        fs_err(err, "open", path.ptr);
        return files_disk_err(err);
    }
    // Without the lock (a file system that has none) the file could only be taken for a left-over.
    (void)flock(fd, LOCK_EX | LOCK_NB);
    *ret_path = (char *)path.ptr;
    *ret_fd = fd;
    return ERR_OK;
}

enum err files_make_folder(const struct files *files, const char *name, struct error *err)
{
    if (mkdirat(files->dir_fd, name, 0700) != 0 && errno != EEXIST)
        return fs_err(err, "mkdir", name);
    // Also when another thread has made it just now: it must be on disk before a file in it counts.
    if (fsync(files->dir_fd) != 0)
        return fs_err(err, "fsync", files->dir);
    return ERR_OK;
}

static bool is_sha256(struct str text)
{
    if (text.len != SHA256_HEX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return true;
}

static enum err check_sha256(struct str sha256, struct error *err)
{
    if (!is_sha256(sha256))
        return error_set(err, ERR_INVALID, "this is not the SHA-256 of a file");
    return ERR_OK;
}

static void announced(struct files_announce *announce)
{
    struct files_put *put = CONTAINER_OF(announce, struct files_put, announce);
    put->error = announce->error;
    if (put->error.code == ERR_OK)
        put->files->kind->put(put);
    else
        put->done(put);
}

void files_put_start(struct files *files, struct files_put *put)
{
    check(put->fd >= 0 && put->tmp_path != NULL && put->done != NULL);
    check(put->content_type.len > 0);
    put->files = files;
    error_reset(&put->error);
    if (check_sha256(put->sha256, &put->error) != ERR_OK) {
        put->done(put);
        return;
    }
    put->announce = (struct files_announce){.sha256 = put->sha256, .done = announced};
    error_reset(&put->announce.error);
    if (files->announcer == NULL)
        announced(&put->announce);
    else
        files->announcer->start(files->announcer, &put->announce);
}

enum err files_locate(struct files *files, struct arena *arena, struct files_place *place,
                      struct error *err)
{
    place->fd = -1;
    place->size = 0;
    place->is_gzip = false;
    place->url = STR_NULL;
    TRY(check_sha256(place->sha256, err));
    return files->kind->locate(files, arena, place, err);
}

void files_get_start(struct files *files, struct files_get *get)
{
    check(get->done != NULL);
    get->files = files;
    get->fd = -1;
    get->size = 0;
    error_reset(&get->error);
    if (check_sha256(get->sha256, &get->error) == ERR_OK)
        files->kind->get(get);
    else
        get->done(get);
}

void files_remove_start(struct files *files, struct files_remove *remove)
{
    check(remove->done != NULL);
    remove->files = files;
    error_reset(&remove->error);
    if (check_sha256(remove->sha256, &remove->error) == ERR_OK)
        files->kind->remove(remove);
    else
        remove->done(remove);
}

static void dir_close(DIR **dir)
{
    if (*dir != NULL)
        closedir(*dir);
}

// A file that nobody holds locked belongs to a process that was killed.
static void remove_if_left_over(int folder_fd, const char *name)
{
    CLEANUP(fd_close)
    int fd = openat(folder_fd, name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && !files_partial_is_kept(name, fd))
        unlinkat(folder_fd, name, 0);
}

static enum err open_tmp_folder(const struct files *files, struct error *err)
{
    TRY(files_make_folder(files, "tmp", err));
    int fd = openat(files->dir_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(dir_close) DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        enum err code = fs_err(err, "open", "tmp");
        fd_close(&fd);
        return code;
    }
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.')
            remove_if_left_over(fd, entry->d_name);
    }
    return ERR_OK;
}

static void files_close_ptr(struct files **files)
{
    files_close(*files);
}

enum err files_open(const struct files_settings *settings, struct files **ret_files,
                    struct error *err)
{
    const char *dir = settings->dir;
    check(settings->http != NULL && settings->pool != NULL);
    if (strlen(dir) + SHA256_HEX + 8 > PATH_MAX) {
        errno = ENAMETOOLONG;
        return fs_err(err, "open", dir);
    }
    TRY(fs_make_dirs(dir, err));
    CLEANUP(files_close_ptr) struct files *files = calloc(1, sizeof(*files));
    check(files != NULL);
    files->kind = &files_dir_kind;
    files->http = settings->http;
    files->pool = settings->pool;
    files->announcer = settings->announcer;
    files->max_bytes = MODEL_FILE_MAX_BYTES;
    files->connect_ms = CONNECT_MS;
    files->total_ms = TOTAL_MS;
    files->stall_s = STALL_S;
    files->dir = strdup(dir);
    check(files->dir != NULL);
    files->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->dir_fd < 0)
        return fs_err(err, "open", dir);
    TRY(open_tmp_folder(files, err));
    *ret_files = TAKE_PTR(files);
    return ERR_OK;
}

void files_close(struct files *files)
{
    if (files == NULL)
        return;
    s3_close(files->s3);
    fd_close(&files->dir_fd);
    free(files->dir);
    free(files);
}
