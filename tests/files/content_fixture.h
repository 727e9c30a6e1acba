// A content that is put, got and removed, waiting for the end of each.
#ifndef SUNLEAD_TEST_CONTENT_FIXTURE_H
#define SUNLEAD_TEST_CONTENT_FIXTURE_H

#include "files/store_fixture.h"

struct content {
    int fd;
    char *tmp_path;
    int64_t size;
    const char *type; // NULL: text/plain
    char sha256[SHA256_HEX + 1];
};

static inline void make_content(struct content *content, struct fixture *fixture, struct str bytes)
{
    struct error err;
    assert_int_equal(
        files_create_tmp(fixture->files, fixture->arena, &content->tmp_path, &content->fd, &err),
        ERR_OK);
    assert_int_equal(fs_write_all(content->fd, bytes.ptr, bytes.len, &err), ERR_OK);
    content->size = (int64_t)bytes.len;
    content->type = NULL;
    sha256_hex(bytes, content->sha256);
}

// The end of one, waited for.
struct ending {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ended;
};

static inline void ending_init(struct ending *ending)
{
    *ending = (struct ending){0};
    pthread_mutex_init(&ending->mutex, NULL);
    cond_init(&ending->changed);
}

static inline void ending_tell(struct ending *ending)
{
    mutex_lock(&ending->mutex);
    assert_false(ending->ended);
    ending->ended = true;
    pthread_cond_broadcast(&ending->changed);
    mutex_unlock(&ending->mutex);
}

static inline void ending_wait(struct ending *ending)
{
    int64_t deadline_us = clock_monotonic_us(clock_system()) + WAIT_US;
    mutex_lock(&ending->mutex);
    while (!ending->ended)
        assert_true(cond_wait_until(&ending->changed, &ending->mutex, deadline_us));
    mutex_unlock(&ending->mutex);
    pthread_cond_destroy(&ending->changed);
    pthread_mutex_destroy(&ending->mutex);
}

static inline void content_put_done(struct files_put *put)
{
    ending_tell(put->ctx);
}

static inline enum err put_content_as(struct content *content, struct fixture *fixture,
                                      struct error *ret_err)
{
    struct ending ending;
    ending_init(&ending);
    struct files_put put = {
        .fd = content->fd,
        .tmp_path = content->tmp_path,
        .size = content->size,
        .sha256 = str_of(content->sha256),
        .content_type = str_of(content->type == NULL ? "text/plain" : content->type),
        .done = content_put_done,
        .ctx = &ending,
    };
    files_put_start(fixture->files, &put);
    ending_wait(&ending);
    *ret_err = put.error;
    return put.error.code;
}

static inline enum err put_content(struct content *content, struct fixture *fixture)
{
    struct error err;
    return put_content_as(content, fixture, &err);
}

static inline void content_get_done(struct files_get *get)
{
    ending_tell(get->ctx);
}

static inline enum err get_content(const struct content *content, struct fixture *fixture,
                                   int *ret_fd, struct error *ret_err)
{
    struct ending ending;
    ending_init(&ending);
    struct files_get get = {
        .sha256 = str_of(content->sha256),
        .done = content_get_done,
        .ctx = &ending,
    };
    files_get_start(fixture->files, &get);
    ending_wait(&ending);
    *ret_err = get.error;
    *ret_fd = get.fd;
    assert_int_equal(get.fd >= 0, get.error.code == ERR_OK);
    assert_int_equal(get.size, get.error.code == ERR_OK ? content->size : 0);
    return get.error.code;
}

static inline void content_remove_done(struct files_remove *remove)
{
    ending_tell(remove->ctx);
}

static inline enum err remove_content(const struct content *content, struct fixture *fixture)
{
    struct ending ending;
    ending_init(&ending);
    struct files_remove remove = {
        .sha256 = str_of(content->sha256),
        .done = content_remove_done,
        .ctx = &ending,
    };
    files_remove_start(fixture->files, &remove);
    ending_wait(&ending);
    return remove.error.code;
}

#endif
