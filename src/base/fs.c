// File calls that go through interruptions and say what failed.
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"

void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static const struct {
    int number;
    enum err code;
} err_by_errno[] = {
    {ENOENT, ERR_NOT_FOUND},  {ENOSPC, ERR_UNAVAILABLE}, {EDQUOT, ERR_UNAVAILABLE},
    {EROFS, ERR_UNAVAILABLE}, {EIO, ERR_UNAVAILABLE},
};

enum err fs_err(struct error *err, const char *what, const char *path)
{
    int number = errno;
    enum err code = ERR_INTERNAL;
    for (size_t i = 0; i < COUNT_OF(err_by_errno); i++) {
        if (err_by_errno[i].number == number)
            code = err_by_errno[i].code;
    }
    const char *reason = strerrordesc_np(number);
    error_set(err, code, "%s %s: %s", what, path, reason == NULL ? "unknown error" : reason);
    errno = number;
    return code;
}

static enum err make_dir(const char *path, mode_t mode, struct error *err)
{
    if (mkdir(path, mode) == 0)
        return ERR_OK;
    int number = errno;
    struct stat st;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return ERR_OK;
        number = ENOTDIR;
    }
    errno = number;
    return fs_err(err, "mkdir", path);
}

static enum err make_dirs(const char *path, mode_t mode, struct error *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return fs_err(err, "mkdir", path);
    }
    memcpy(part, path, len + 1);
    for (size_t i = 1; i < len; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        TRY(make_dir(part, mode, err));
        part[i] = '/';
    }
    return make_dir(part, mode, err);
}

enum err fs_make_dirs(const char *path, struct error *err)
{
    return make_dirs(path, 0700, err);
}

enum err fs_make_shared_dirs(const char *path, struct error *err)
{
    return make_dirs(path, 0777, err);
}

static ssize_t read_retry(int fd, void *bytes, size_t len)
{
    ssize_t got;
    do {
        got = read(fd, bytes, len);
    } while (got < 0 && errno == EINTR);
    return got;
}

// Reads to the end of the file, whatever size it was said to have (in /proc that is 0).
static ssize_t read_to_end(int fd, struct buf *text)
{
    for (;;) {
        char more[512];
        size_t room = text->cap - text->len;
        ssize_t got = room > 0 ? read_retry(fd, text->ptr + text->len, room)
                               : read_retry(fd, more, sizeof(more));
        if (got <= 0)
            return got;
        if (room > 0)
            text->len += (size_t)got;
        else
            buf_append(text, more, (size_t)got);
        if (text->overflow)
            return 0;
    }
}

enum err fs_read_all(const char *path, struct arena *arena, size_t max, struct str *ret_text,
                     struct error *err)
{
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return fs_err(err, "open", path);

    struct buf text;
    buf_init_arena(&text, arena, max);
    (void)buf_grow(&text, st.st_size > 0 ? (size_t)st.st_size : 0);
    if (!text.overflow && read_to_end(fd, &text) < 0)
        return fs_err(err, "read", path);
    if (text.overflow)
        return error_set(err, ERR_TOO_LARGE, "%s has more than %zu bytes", path, max);
    *ret_text = (struct str){.ptr = buf_cstr(&text), .len = text.len};
    return ERR_OK;
}

enum err fs_write_all(int fd, const void *bytes, size_t len, struct error *err)
{
    const char *from = bytes;
    while (len > 0) {
        ssize_t done = write(fd, from, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fs_err(err, "write", "file");
        from += done;
        len -= (size_t)done;
    }
    return ERR_OK;
}

// A rename is on disk only when the folder is.
static enum err sync_folder_of(const char *path, struct error *err)
{
    char folder[PATH_MAX] = ".";
    const char *slash = strrchr(path, '/');
    if (slash != NULL) {
        size_t len = slash == path ? 1 : (size_t)(slash - path);
        if (len >= sizeof(folder)) {
            errno = ENAMETOOLONG;
            return fs_err(err, "open", path);
        }
        memcpy(folder, path, len);
        folder[len] = '\0';
    }
    CLEANUP(fd_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fs_err(err, "open", folder);
    if (fsync(fd) != 0)
        return fs_err(err, "fsync", folder);
    return ERR_OK;
}

enum err fs_write_file(const char *path, struct str bytes, struct error *err)
{
    CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return fs_err(err, "open", path);
    return fs_write_all(fd, bytes.ptr, bytes.len, err);
}

enum err fs_publish(int fd, const char *tmp_path, const char *path, struct error *err)
{
    if (fsync(fd) != 0)
        return fs_err(err, "fsync", tmp_path);
    if (rename(tmp_path, path) != 0)
        return fs_err(err, "rename", tmp_path);
    return sync_folder_of(path, err);
}
