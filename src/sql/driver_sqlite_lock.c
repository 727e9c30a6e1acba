// The lock file beside a SQLite database, which keeps a second sunlead away from it.
#include "sql/driver_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/number.h"

// The process that holds the lock wrote its id into the file, perhaps not yet.
static enum err refuse(int fd, const char *path, struct error *err)
{
    char text[32];
    ssize_t len = pread(fd, text, sizeof(text), 0);
    struct str s = {.ptr = text, .len = len > 0 ? (size_t)len : 0};
    s = str_slice(s, 0, str_find(s, '\n', 0));
    int64_t pid;
    if (number_parse_i64(s, 1, INT32_MAX, &pid) != ERR_OK)
        return error_set(err, ERR_CONFLICT, "another process uses the database %s", path);
    return error_set(err, ERR_CONFLICT, "process %lld uses the database %s", (long long)pid, path);
}

static enum err write_pid(int fd, struct error *err)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%lld\n", (long long)getpid());
    if (ftruncate(fd, 0) != 0)
        return fs_err(err, "cannot write", "the lock file");
    return fs_write_all(fd, text, (size_t)len, err);
}

// The file stays when the lock is given back: removing it would let two processes lock two files of
// that name.
enum err sqlite_lock_take(const char *path, int *ret_fd, struct error *err)
{
    CLEANUP(arena_close_ptr) struct arena *arena = arena_open(0);
    const char *lock_path = arena_printf(arena, "%s.lock", path).ptr;
    CLEANUP(fd_close) int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fs_err(err, "cannot open", lock_path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return refuse(fd, path, err);
        return fs_err(err, "cannot lock", lock_path);
    }
    TRY(write_pid(fd, err));
    *ret_fd = fd;
    fd = -1;
    return ERR_OK;
}
