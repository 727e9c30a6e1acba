// A store of files in a temporary folder with a server to fetch from, and looks at what lies there.
#ifndef SUNLEAD_TEST_STORE_FIXTURE_H
#define SUNLEAD_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <endian.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "files/files.h"
#include "files/raw_server.h"

#define WAIT_US (20 * US_PER_S)
#define OK      "HTTP/1.1 200 OK\r\n"

struct fixture {
    struct arena *arena;
    char root[64];
    const char *dir;
    struct raw_server server;
    struct http_client *http;
    struct pool *pool;
    struct files *files;
};

static inline int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void make_root(struct fixture *fixture)
{
    fixture->arena = arena_open(0);
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/sunlead-files-test-XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    fixture->dir = arena_printf(fixture->arena, "%s/data/files", fixture->root).ptr;
}

static inline void remove_root(struct fixture *fixture)
{
    assert_int_equal(nftw(fixture->root, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
    arena_close(fixture->arena);
}

static inline enum err open_files(struct fixture *fixture, const char *dir,
                                  struct files **ret_files, struct error *err)
{
    const struct files_settings settings = {
        .dir = dir,
        .http = fixture->http,
        .pool = fixture->pool,
    };
    return files_open(&settings, ret_files, err);
}

static inline void open_store(struct fixture *fixture, size_t pool_bound)
{
    struct error err;
    assert_int_equal(http_client_open("files-test", 8, 64, &fixture->http, &err), ERR_OK);
    assert_int_equal(pool_open(&fixture->pool, "files", 2, pool_bound, &err), ERR_OK);
    assert_int_equal(open_files(fixture, fixture->dir, &fixture->files, &err), ERR_OK);
}

static inline void close_store(struct fixture *fixture)
{
    http_client_close(fixture->http);
    pool_close(fixture->pool);
    files_close(fixture->files);
}

static inline void setup(struct fixture *fixture, const struct raw_answer *answers)
{
    *fixture = (struct fixture){.server = {.answers = answers}};
    make_root(fixture);
    raw_listen(&fixture->server);
    raw_start(&fixture->server);
    open_store(fixture, 64);
}

static inline void teardown(struct fixture *fixture)
{
    close_store(fixture);
    raw_stop(&fixture->server);
    remove_root(fixture);
}

// A fetch and a way to wait for its end.
struct wait {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool done;
    struct files_fetch fetch;
};

static inline void fetch_done(struct files_fetch *fetch)
{
    struct wait *wait = fetch->ctx;
    mutex_lock(&wait->mutex);
    wait->done = true;
    pthread_cond_broadcast(&wait->changed);
    mutex_unlock(&wait->mutex);
}

static inline void wait_start(struct wait *wait, struct fixture *fixture, const char *path,
                              enum model_file_kind kind)
{
    *wait = (struct wait){0};
    pthread_mutex_init(&wait->mutex, NULL);
    cond_init(&wait->changed);
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/%s", fixture->server.port, path);
    wait->fetch =
        (struct files_fetch){.url = str_of(url), .kind = kind, .done = fetch_done, .ctx = wait};
    files_fetch_start(fixture->files, &wait->fetch);
    memset(url, 'x', sizeof(url)); // it was copied
}

static inline void wait_end(struct wait *wait)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + WAIT_US;
    mutex_lock(&wait->mutex);
    while (!wait->done)
        assert_true(cond_wait_until(&wait->changed, &wait->mutex, deadline_us));
    mutex_unlock(&wait->mutex);
    pthread_cond_destroy(&wait->changed);
    pthread_mutex_destroy(&wait->mutex);
}

// A mesh of that many faces, 8 bytes each; number makes it differ from others.
static inline struct str make_mesh(struct arena *arena, int number, size_t faces)
{
    struct buf body;
    buf_init_arena(&body, arena, 64 << 20);
    buf_printf(&body, "# %d\nv 0 0 0\nv 1 0 0\nv 0 1 0\n", number);
    for (size_t face = 0; face < faces; face++)
        BUF_LITERAL(&body, "f 1 2 3\n");
    return buf_str(&body);
}

static inline void fetch(struct fixture *fixture, const char *path, enum model_file_kind kind,
                         struct wait *wait)
{
    wait_start(wait, fixture, path, kind);
    wait_end(wait);
}

struct census {
    size_t stored;
    size_t temporary;
    size_t copies; // in gzip
};

// A copy in gzip is whole if it ends with the size of its content, which must be there.
static inline void check_copy(struct str copy, const char *path)
{
    char plain[PATH_MAX];
    struct stat st;
    snprintf(plain, sizeof(plain), "%.*s", (int)strlen(path) - 3, path);
    assert_int_equal(stat(plain, &st), 0);
    assert_true(copy.len > 18);
    assert_memory_equal(copy.ptr, "\x1f\x8b\x08", 3);
    uint32_t size = 0;
    memcpy(&size, copy.ptr + copy.len - sizeof(size), sizeof(size));
    assert_int_equal(le32toh(size), st.st_size);
}

// Looks at every file: a stored one must have the content that its name says.
static inline void count_file(struct census *census, const char *folder, const char *name,
                              const char *path, struct arena *arena)
{
    if (strcmp(folder, "tmp") == 0) {
        census->temporary++;
        return;
    }
    struct str content;
    struct error err;
    assert_int_equal(fs_read_all(path, arena, 64 << 20, &content, &err), ERR_OK);
    if (strcmp(name + strlen(name) - 3, ".gz") == 0) {
        check_copy(content, path);
        census->copies++;
        return;
    }
    char hex[SHA256_HEX + 1];
    sha256_hex(content, hex);
    assert_string_equal(name, hex);
    assert_memory_equal(folder, hex, 2);
    assert_int_equal(strlen(folder), 2);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    census->stored++;
}

static inline struct census take_census(const char *dir)
{
    struct census census = {0};
    DIR *top = opendir(dir);
    assert_non_null(top);
    for (struct dirent *folder; (folder = readdir(top)) != NULL;) {
        if (folder->d_name[0] == '.')
            continue;
        struct arena *arena CLEANUP(arena_close_ptr) = arena_open(0);
        const char *path = arena_printf(arena, "%s/%s", dir, folder->d_name).ptr;
        DIR *in = opendir(path);
        assert_non_null(in);
        for (struct dirent *file; (file = readdir(in)) != NULL;) {
            if (file->d_name[0] != '.')
                count_file(&census, folder->d_name, file->d_name,
                           arena_printf(arena, "%s/%s", path, file->d_name).ptr, arena);
        }
        closedir(in);
    }
    closedir(top);
    return census;
}

static inline void assert_census(const char *dir, size_t stored, size_t temporary)
{
    struct census census = take_census(dir);
    assert_int_equal(census.stored, stored);
    assert_int_equal(census.temporary, temporary);
}

#endif
