// Tests of tasks/file_sweep.c and tasks/file_announcer.c: what is not named goes, what is stays.
#include "support/task_fixture.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/hash.h"
#include "store/file_store.h"
#include "store/loose_store.h"
#include "tasks/file_sweep.h"

#define T0   STORE_T0_US
#define DAY  (86400 * US_PER_S)
#define WAIT (20 * US_PER_S)
#define PACE 240 // a round each 250 ms, and 15 s for an hour

static const struct file_policy keep = {.retention = RETENTION_KEEP};
static const struct file_policy days10 = {.retention = RETENTION_DAYS, .days = 10};

// ---- Contents.

static void put_done(struct files_put *put)
{
    waiter_add(put->ctx);
}

// Puts a text into the store of files; its hash.
static const char *put(struct task_fixture *f, const char *text, enum err want)
{
    char *path = NULL;
    char *hash = arena_bytes(f->store->arena, SHA256_HEX + 1);
    int fd = -1;
    struct sha256 *sha256 = sha256_open();
    sha256_add(sha256, text, strlen(text));
    sha256_finish(sha256, hash);
    sha256_close(sha256);
    assert_int_equal(files_create_tmp(f->files, f->store->arena, &path, &fd, NULL), ERR_OK);
    assert_int_equal(fs_write_all(fd, text, strlen(text), NULL), ERR_OK);
    struct files_put put = {.fd = fd,
                            .tmp_path = path,
                            .size = (int64_t)strlen(text),
                            .sha256 = str_of(hash),
                            .content_type = STR("text/plain"),
                            .done = put_done,
                            .ctx = waiter_open()};
    files_put_start(f->files, &put);
    waiter_wait(put.ctx, 1);
    waiter_close(put.ctx);
    assert_int_equal(put.error.code, want);
    if (want != ERR_OK)
        unlink(path);
    close(fd);
    return hash;
}

static bool is_stored(struct task_fixture *f, const char *hash)
{
    struct files_place place = {.sha256 = str_of(hash)};
    enum err code = files_locate(f->files, f->store->arena, &place, NULL);
    if (code == ERR_OK)
        close(place.fd);
    else
        assert_int_equal(code, ERR_NOT_FOUND);
    return code == ERR_OK;
}

static void name_it(struct task_fixture *f, int64_t project_id, const char *hash)
{
    const struct model_file file = {
        .project_id = project_id,
        .company_id = 1,
        .name = STR("scene.obj"),
        .kind = MODEL_FILE_OBJ,
        .state = MODEL_FILE_STORED,
        .size = OPT_I64(1),
        .sha256 = str_of(hash),
        .updated_at = OPT_I64(test_clock_now(&f->clock)),
    };
    struct sql_op *op = store_write(f->store);
    file_store_put(op, &file, file.updated_at.value);
    store_run(f->store, op);
}

static int64_t loose(struct task_fixture *f)
{
    return store_i64(f->store, "SELECT count(*) FROM sunlead_loose_files");
}

// ---- The sweep.

static struct file_sweep *open_sweep(struct task_fixture *f, const struct file_policy *policy)
{
    const struct file_sweep_settings settings = {.db = f->store->db,
                                                 .http = f->http,
                                                 .files = f->files,
                                                 .clock = &f->clock.clock,
                                                 .policy = *policy,
                                                 .pace = PACE};
    return file_sweep_open(&settings);
}

// Sweeps until the query gives a number. The client ends with the sweep.
static void sweep_until(struct task_fixture *f, const struct file_policy *policy, const char *query,
                        int64_t want)
{
    struct file_sweep *sweep = open_sweep(f, policy);
    int64_t deadline_us = clock_monotonic_us(clock_system()) + WAIT;
    while (store_i64(f->store, query) != want) {
        if (clock_monotonic_us(clock_system()) >= deadline_us)
            fail_msg("%s never gives %lld", query, (long long)want);
        usleep(2000);
    }
    file_sweep_stop(sweep);
    http_client_close(TAKE_PTR(f->http));
    file_sweep_close(sweep);
}

#define LOOSE "SELECT count(*) FROM sunlead_loose_files"

static void test_announced(void **state)
{
    (void)state;
    struct task_fixture *f = task_fixture_open(NULL, 0, NULL);
    const char *a = put(f, "a", ERR_OK);
    assert_true(is_stored(f, a));
    assert_int_equal(loose(f), 1);
    assert_int_equal(store_i64(f->store, "SELECT since FROM sunlead_loose_files"), T0);
    (void)put(f, "a", ERR_OK);
    assert_int_equal(loose(f), 1);
    // While it is being removed nobody may rely on it.
    store_exec(f->store, "UPDATE sunlead_loose_files SET removing = TRUE");
    (void)put(f, "a", ERR_UNAVAILABLE);
    task_fixture_close(f);
}

static void test_what_nobody_names_goes(void **state)
{
    (void)state;
    struct task_fixture *f = task_fixture_open(NULL, 0, NULL);
    const char *left = put(f, "left behind by a killed process", ERR_OK);
    const char *named = put(f, "named", ERR_OK);
    name_it(f, 5, named);
    test_clock_add(&f->clock, 3600 * US_PER_S);
    const char *fresh = put(f, "somebody is about to name it", ERR_OK);
    sweep_until(f, &keep, LOOSE, 1);
    assert_false(is_stored(f, left));
    assert_true(is_stored(f, named));
    assert_true(is_stored(f, fresh));
    task_fixture_close(f);
}

// More than are marked at once, and one that another process began to remove before it was killed.
static void test_portions(void **state)
{
    (void)state;
    struct task_fixture *f = task_fixture_open(NULL, 0, NULL);
    const char *cut_off = put(f, "cut off", ERR_OK);
    store_exec(f->store, "UPDATE sunlead_loose_files SET removing = TRUE");
    for (int i = 0; i < LOOSE_PORTION + 20; i++) {
        char text[20];
        snprintf(text, sizeof(text), "content %d", i);
        (void)put(f, text, ERR_OK);
    }
    test_clock_add(&f->clock, 3600 * US_PER_S);
    sweep_until(f, &keep, LOOSE, 0);
    assert_false(is_stored(f, cut_off));
    task_fixture_close(f);
}

// A model whose days are over, a content that another one still has, and a lead that is gone.
static void test_what_is_not_kept(void **state)
{
    (void)state;
    struct task_fixture *f = task_fixture_open(NULL, 0, NULL);
    task_set_project(f);
    task_set_order(f, "state = 'completed', files = 'done'");
    const char *shared = put(f, "shared", ERR_OK);
    name_it(f, 123, shared);
    test_clock_add(&f->clock, 8 * DAY);
    (void)put(f, "shared", ERR_OK);
    name_it(f, 124, shared);
    test_clock_add(&f->clock, 3 * DAY);
    sweep_until(f, &days10, "SELECT count(*) FROM sunlead_files WHERE state = 'removed'", 1);
    assert_int_equal(store_i64(f->store, "SELECT project_id FROM sunlead_files "
                                         "WHERE state = 'removed'"),
                     123);
    assert_int_equal(task_order(f).files, FILES_REMOVED);
    assert_true(is_stored(f, shared));
    task_fixture_close(f);
}

static void test_a_lead_that_is_gone(void **state)
{
    (void)state;
    struct task_fixture *f = task_fixture_open(NULL, 0, NULL);
    task_set_project(f);
    task_set_order(f, "state = 'completed', files = 'done'");
    const char *hash = put(f, "a house", ERR_OK);
    name_it(f, 123, hash);
    store_exec(f->store, "DELETE FROM leads");
    sweep_until(f, &keep, "SELECT count(*) FROM sunlead_files WHERE state = 'removed'", 1);
    task_fixture_close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_announced),
        cmocka_unit_test(test_what_nobody_names_goes),
        cmocka_unit_test(test_portions),
        cmocka_unit_test(test_what_is_not_kept),
        cmocka_unit_test(test_a_lead_that_is_gone),
    };
    return cmocka_run_group_tests_name("file_sweep", tests, NULL, NULL);
}
