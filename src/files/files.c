// Owns the directory of the store: its folders, the names in it, what a killed process left.
#include "files/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/random.h"
#include "files/files_dir.h"
#include "files/files_partial.h"

#define CONNECT_MS      5000
#define TOTAL_MS        (10 * 60 * 1000)
#define STALL_S         30
#define FOLDER_HEX      2 // digits of the hash that name the folder
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

static enum err make_folder(const struct files *files, const char *name, struct error *err)
{
    if (mkdirat(files->dir_fd, name, 0700) != 0 && errno != EEXIST)
        return fs_err(err, "mkdir", name);
    // Also when another thread has made it just now: it must be on disk before a file in it counts.
    if (fsync(files->dir_fd) != 0)
        return fs_err(err, "fsync", files->dir);
    return ERR_OK;
}

enum err files_publish(const struct files *files, int fd, const char *tmp_path,
                       const char sha256[SHA256_HEX + 1], struct error *err)
{
    char path[PATH_MAX];
    char folder[FOLDER_HEX + 1];
    snprintf(folder, sizeof(folder), "%.*s", FOLDER_HEX, sha256);
    int len = snprintf(path, sizeof(path), "%s/%s/%s", files->dir, folder, sha256);
    check(len > 0 && (size_t)len < sizeof(path));
    if (make_folder(files, folder, err) != ERR_OK || fs_publish(fd, tmp_path, path, err) != ERR_OK)
        return files_disk_err(err);
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

enum err files_open_read(struct files *files, struct str sha256, int *ret_fd, int64_t *ret_size,
                         struct error *err)
{
    if (!is_sha256(sha256))
        return error_set(err, ERR_INVALID, "this is not the SHA-256 of a file");
    char name[FOLDER_HEX + 1 + SHA256_HEX + 1];
    snprintf(name, sizeof(name), "%.*s/%.*s", FOLDER_HEX, sha256.ptr, STR_ARG(sha256));
    CLEANUP(fd_close) int fd = openat(files->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERR_NOT_FOUND, "the file is not stored here any more");
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        enum err code = error_set(err, ERR_UNAVAILABLE, "the file cannot be read from our disk");
        error_cause(err, "open %s: %s", name, fd < 0 ? strerrordesc_np(errno) : "no file");
        return code;
    }
    *ret_size = st.st_size;
    *ret_fd = fd;
    fd = -1;
    return ERR_OK;
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
    TRY(make_folder(files, "tmp", err));
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

enum err files_open(const char *dir, struct http_client *http, struct pool *pool,
                    struct files **ret_files, struct error *err)
{
    check(http != NULL && pool != NULL);
    if (strlen(dir) + SHA256_HEX + 8 > PATH_MAX) {
        errno = ENAMETOOLONG;
        return fs_err(err, "open", dir);
    }
    TRY(fs_make_dirs(dir, err));
    CLEANUP(files_close_ptr) struct files *files = calloc(1, sizeof(*files));
    check(files != NULL);
    files->http = http;
    files->pool = pool;
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
    fd_close(&files->dir_fd);
    free(files->dir);
    free(files);
}
