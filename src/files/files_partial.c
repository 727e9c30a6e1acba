// Names, locks and ages of downloads that were broken off.
#include "files/files_partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/random.h"
#include "files/files_store.h"

// part-<digits of a hash of the address>-<the tag in hex>
#define PREFIX        "part-"
#define PREFIX_LEN    (sizeof(PREFIX) - 1)
#define KEY_HEX       32
#define TAG_MAX       80 // a name has 255 bytes at most
#define HEX_OF(len)   (2 * (len))
#define PART_NAME_MAX (PREFIX_LEN + KEY_HEX + 1 + HEX_OF(TAG_MAX) + 1)
#define KEPT_US       (24 * 3600 * US_PER_S)

// The beginning of the names of all files of an address, up to the second '-'. The kernel's number
// of its start is part of it: what was written before a power cut may lack its end.
static struct str name_start(struct arena *arena, struct str url)
{
    struct str boot;
    struct error err;
    if (fs_read_all("/proc/sys/kernel/random/boot_id", arena, 64, &boot, &err) != ERR_OK) {
        uint64_t number;
        random_bytes(&number, sizeof(number));
        boot = arena_printf(arena, "%llx", (unsigned long long)number);
    }
    char key[SHA256_HEX + 1];
    sha256_hex(arena_printf(arena, "%.*s %.*s", STR_ARG(boot), STR_ARG(url)), key);
    return arena_printf(arena, PREFIX "%.*s-", KEY_HEX, key);
}

// RFC 9110, section 8.8.3: no W/ in front, quotes around visible characters.
static bool is_strong(struct str etag)
{
    if (etag.len < 3 || etag.len > TAG_MAX || etag.ptr[0] != '"' || etag.ptr[etag.len - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < etag.len; i++) {
        if (etag.ptr[i] <= ' ' || etag.ptr[i] == '"' || etag.ptr[i] == 0x7f)
            return false;
    }
    return true;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Null if hex is not the hex of a strong tag.
static struct str tag_of(struct arena *arena, struct str hex)
{
    char tag[TAG_MAX];
    if (hex.len % 2 != 0 || hex.len > HEX_OF(TAG_MAX))
        return STR_NULL;
    for (size_t i = 0; i < hex.len / 2; i++) {
        int high = digit_of(hex.ptr[2 * i]);
        int low = digit_of(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return STR_NULL;
        tag[i] = (char)(high << 4 | low);
    }
    struct str found = {.ptr = tag, .len = hex.len / 2};
    return is_strong(found) ? arena_str(arena, found) : STR_NULL;
}

// Whether the path still names the open file: who had it before may have stored or removed it.
static bool is_there(const char *path, const struct stat *open_st)
{
    struct stat st;
    return lstat(path, &st) == 0 && st.st_dev == open_st->st_dev && st.st_ino == open_st->st_ino;
}

static bool open_found(struct partial *partial, const char *name)
{
    const char *path = arena_printf(partial->arena, "%s/tmp/%s", partial->files->dir, name).ptr;
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    struct stat st;
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || fstat(fd, &st) != 0 ||
        !S_ISREG(st.st_mode) || !is_there(path, &st)) {
        fd_close(&fd);
        return false;
    }
    partial->path = (char *)path;
    partial->fd = fd;
    partial->size = st.st_size;
    return true;
}

// Without a file; what it is of stays.
static void forget(struct partial *partial)
{
    fd_close(&partial->fd);
    partial->path = NULL;
    partial->size = 0;
    partial->etag = STR_NULL;
}

void files_partial_find(struct partial *partial, const struct files *files, struct arena *arena,
                        struct str url)
{
    *partial = (struct partial){.files = files, .arena = arena, .url = url, .fd = -1};
    int fd = openat(files->dir_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (folder == NULL) {
        fd_close(&fd);
        return;
    }
    struct str start = name_start(arena, url);
    struct dirent *entry;
    while (partial->path == NULL && (entry = readdir(folder)) != NULL) {
        struct str name = str_of(entry->d_name);
        if (!str_starts(name, start))
            continue;
        struct str etag = tag_of(arena, str_slice(name, start.len, name.len));
        if (etag.ptr != NULL && open_found(partial, entry->d_name))
            partial->etag = etag;
    }
    closedir(folder);
}

// False if the name is taken, or the file cannot be made this way.
static bool create_named(struct partial *partial, struct str etag)
{
    const char *dir = partial->files->dir;
    struct buf path;
    buf_init_arena(&path, partial->arena, strlen(dir) + sizeof("/tmp/") + PART_NAME_MAX);
    buf_printf(&path, "%s/tmp/", dir);
    buf_append_str(&path, name_start(partial->arena, partial->url));
    for (size_t i = 0; i < etag.len; i++)
        buf_printf(&path, "%02x", (unsigned char)etag.ptr[i]);
    check(!path.overflow);
    partial->path = (char *)buf_cstr(&path);
    partial->etag = arena_str(partial->arena, etag);
    partial->fd = open(partial->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    struct stat st;
    if (partial->fd >= 0 && flock(partial->fd, LOCK_EX | LOCK_NB) == 0 &&
        fstat(partial->fd, &st) == 0 && is_there(partial->path, &st))
        return true;
    // Somebody has such a file; or who looked for left-overs was faster with the lock.
    forget(partial);
    return false;
}

enum err files_partial_create(struct partial *partial, struct str etag, struct error *err)
{
    files_partial_drop(partial);
    if (is_strong(etag) && create_named(partial, etag))
        return ERR_OK;
    return files_create_tmp(partial->files, partial->arena, &partial->path, &partial->fd, err);
}

enum err files_partial_cut(struct partial *partial, int64_t from, struct error *err)
{
    check(from <= partial->size);
    if (ftruncate(partial->fd, from) != 0 || lseek(partial->fd, from, SEEK_SET) != from) {
        fs_err(err, "ftruncate", partial->path);
        return files_disk_err(err);
    }
    partial->size = from;
    return ERR_OK;
}

enum err files_partial_reserve(const struct partial *partial, int64_t size, struct error *err)
{
    if (size <= partial->size ||
        fallocate(partial->fd, FALLOC_FL_KEEP_SIZE, partial->size, size - partial->size) == 0 ||
        (errno != ENOSPC && errno != EDQUOT))
        return ERR_OK;
    fs_err(err, "fallocate", partial->path);
    return files_disk_err(err);
}

void files_partial_drop(struct partial *partial)
{
    if (partial->path != NULL)
        unlink(partial->path);
    forget(partial);
}

void files_partial_keep(struct partial *partial)
{
    // The end that was reserved and not used is given back.
    if (partial->etag.ptr == NULL || partial->size == 0 ||
        ftruncate(partial->fd, partial->size) != 0)
        files_partial_drop(partial);
    else
        forget(partial);
}

bool files_partial_is_kept(const char *name, int fd)
{
    struct stat st;
    if (strncmp(name, PREFIX, PREFIX_LEN) != 0 || fstat(fd, &st) != 0)
        return false;
    int64_t written_us = st.st_mtim.tv_sec * US_PER_S + st.st_mtim.tv_nsec / 1000;
    return clock_now_us(clock_system()) - written_us < KEPT_US;
}
