// Files and folders: reading, and writing that survives a crash.
#ifndef SUNLEAD_BASE_FS_H
#define SUNLEAD_BASE_FS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

// fd_close() closes *fd if it is not negative and sets it to -1; for CLEANUP.
void fd_close(int *fd);

// fs_make_dirs() makes a folder and those above it (mode 0700), and is content if they exist.
MUST_CHECK enum err fs_make_dirs(const char *path, struct error *err);

// fs_make_shared_dirs() does the same with the mode that the umask leaves of 0777, for what a user
// asked for.
MUST_CHECK enum err fs_make_shared_dirs(const char *path, struct error *err);

// fs_read_all() reads a whole file of at most max bytes into the arena. ERR_NOT_FOUND,
// ERR_TOO_LARGE.
MUST_CHECK enum err fs_read_all(const char *path, struct arena *arena, size_t max,
                                struct str *ret_text, struct error *err);

// fs_write_all() writes all bytes to fd, through interruptions. A full disk is ERR_UNAVAILABLE.
MUST_CHECK enum err fs_write_all(int fd, const void *bytes, size_t len, struct error *err);

// fs_write_file() makes or replaces a file with these bytes, without care for a crash.
MUST_CHECK enum err fs_write_file(const char *path, struct str bytes, struct error *err);

// fs_publish() makes a file that was written under tmp_path appear as path, whole or not at all,
// also after a power cut: fsync of the file (fd), rename, fsync of the folder. Replaces what was
// there.
MUST_CHECK enum err fs_publish(int fd, const char *tmp_path, const char *path, struct error *err);

// fs_err() turns errno after a failed file call into a code (ENOENT not_found, ENOSPC, EDQUOT,
// EROFS, EIO unavailable, else internal) and sets err to "what path: reason". Returns the code and
// leaves errno as it was.
enum err fs_err(struct error *err, const char *what, const char *path);

#endif
