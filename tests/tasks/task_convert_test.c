// Tests of tasks/task_convert.c: models made of what was fetched, all of them at once or none.
// This program is the process of a conversion too: as `task_convert_test worker`.
#include "support/task_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "convert/convert_worker.h"
#include "json/json_read.h"
#include "store/file_store.h"

#define OBJ                                                                                        \
    "mtllib scene.mtl\nv 0 0 0\nv 4 0 0\nv 4 0 4\nv 0 0 4\nv 2 3 2\nusemtl roof\nf 1 2 5\n"        \
    "f 2 3 5\nf 3 4 5\nf 4 1 5\nf 4 3 2 1\n"
#define BROKEN_OBJ "v 0 0 0\nv 4 0 0\nv 4 0 4\nv 0 1e20 0\nf 1 2 3\nf 1 2 4\n"
#define PLY                                                                                        \
    "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"                \
    "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"       \
    "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
#define MTL "newmtl roof\nKd 1 1 1\n"
#define JPG                                                                                        \
    "\xFF\xD8\xFF\xC0\x00\x0B\x08\0\x08\0\x10\x01\x01\x11\0\xFF\xDA\x00\x08\x01\x01\0\0\x3F\0"     \
    "\x12\x34\xFF\xD9"

#define ROUTE(name) "GET /leads/123/mesh/scene." name

static const struct fake_route all_routes[] = {
    {ROUTE("jpg"), {{.body = JPG, .body_len = sizeof(JPG) - 1}}},
    {ROUTE("obj"), {{.body = OBJ}}},
    {ROUTE("ply"), {{.body = PLY}}},
    {ROUTE("mtl"), {{.body = MTL}}},
};
static const struct fake_route broken_routes[] = {
    {ROUTE("jpg"), {{.body = JPG, .body_len = sizeof(JPG) - 1}}},
    {ROUTE("obj"), {{.body = BROKEN_OBJ}}},
    {ROUTE("ply"), {{.body = PLY}}},
    {ROUTE("mtl"), {{.body = MTL}}},
};
static const struct fake_route ply_routes[] = {{ROUTE("ply"), {{.body = PLY}}}};
static const struct fake_route jpg_routes[] = {
    {ROUTE("jpg"), {{.body = JPG, .body_len = sizeof(JPG) - 1}}}};

static const char *const good_words[] = {"task_convert_test", "worker", NULL};
static const char *const dying_words[] = {"task_convert_test", "die", NULL};

static void open_convert(struct task_fixture *f, const char *const *words)
{
    const struct convert_settings settings = {
        .threads = 1,
        .limits = {CONVERT_MEMORY_MB_DEFAULT, CONVERT_CPU_S_DEFAULT},
        .words = words,
    };
    convert_close(TAKE_PTR(f->tasks.convert));
    assert_int_equal(convert_open(&settings, &f->tasks.convert, NULL), ERR_OK);
}

static struct task_fixture *open_completed(const struct fake_route *routes, size_t count,
                                           const char *const *words)
{
    struct task_fixture *f = task_fixture_open(routes, count, NULL);
    struct order order = task_order(f);
    order.state = ORDER_COMPLETED;
    order.project_id = OPT_I64(123);
    order.house_id = OPT_I64(456);
    order.files = FILES_PENDING;
    order.created_at = order.completed_at = OPT_I64(STORE_T0_US);
    struct sql_op *op = store_write(f->store);
    order_store_save(op, &order);
    store_run(f->store, op);
    store_exec(f->store, "UPDATE sunlead_jobs SET kind = 'files', turn = 0");
    open_convert(f, words);
    return f;
}

static void close_all(struct task_fixture *f)
{
    task_fixture_stop(f);
    convert_close(TAKE_PTR(f->tasks.convert));
    task_fixture_close(f);
}

static size_t read_files(struct task_fixture *f, struct model_file files[MODEL_FILE_KIND_COUNT])
{
    struct row_list list = {.arena = f->store->arena,
                            .table = &model_file_table,
                            .objects = files,
                            .max = MODEL_FILE_KIND_COUNT};
    struct sql_op *op = store_read(f->store);
    file_store_list(op, 123, &list);
    store_run(f->store, op);
    return list.count;
}

static size_t count_temporary(const char *dir)
{
    char path[128];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/tmp", dir);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] == '.' ? 0 : 1;
    closedir(folder);
    return count;
}

// All that is made of the originals is in one state, with words that hold a part.
static void assert_made(struct task_fixture *f, enum model_file_state state, const char *part)
{
    struct model_file files[MODEL_FILE_KIND_COUNT] = {0};
    size_t count = read_files(f, files);
    size_t made = 0;
    for (size_t i = 0; i < count; i++) {
        const struct model_file *file = &files[i];
        if (model_file_is_original(file->kind))
            continue;
        made++;
        if (file->state != state)
            fail_msg("%.*s is %s: %.*s", STR_ARG(file->name), model_file_state_names[file->state],
                     STR_ARG(file->error));
        assert_int_equal(file->company_id, task_order(f).company_id);
        assert_int_equal(file->error.ptr == NULL, part == NULL);
        if (part != NULL && memmem(file->error.ptr, file->error.len, part, strlen(part)) == NULL)
            fail_msg("\"%.*s\" does not hold \"%s\"", STR_ARG(file->error), part);
    }
    assert_int_equal(made, convert_product_count());
}

// They are in the store, whole, and the manifest is in its row.
static void assert_contents(struct task_fixture *f)
{
    struct model_file files[MODEL_FILE_KIND_COUNT] = {0};
    size_t count = read_files(f, files);
    for (size_t i = 0; i < count; i++) {
        struct files_place place = {.sha256 = files[i].sha256};
        if (files[i].state != MODEL_FILE_STORED)
            continue;
        assert_int_equal(files_locate(f->files, f->store->arena, &place, NULL), ERR_OK);
        assert_int_equal(place.size, files[i].size.value);
        close(place.fd);
        struct json_doc *doc = NULL;
        if (files[i].kind == MODEL_FILE_MANIFEST)
            assert_int_equal(json_parse(files[i].data, &doc, NULL), ERR_OK);
        else
            assert_null(files[i].data.ptr);
        json_doc_free(doc);
    }
    assert_int_equal(count_temporary(f->files_dir), 0);
}

static int64_t jobs(struct task_fixture *f)
{
    return store_i64(f->store, "SELECT count(*) FROM sunlead_jobs");
}

static void settle_all(struct task_fixture *f)
{
    if (f->jobs == NULL)
        task_fixture_start(f);
    task_fixture_settle(f);
    for (int run = 0; run < 20 && task_job_due_us(f, JOB_FILES) >= 0; run++)
        (void)task_fixture_next(f);
}

static void test_converts_what_there_is(void **state)
{
    (void)state;
    static const struct {
        const struct fake_route *routes;
        size_t count;
    } table[] = {{all_routes, COUNT_OF(all_routes)}, {ply_routes, COUNT_OF(ply_routes)}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct task_fixture *f = open_completed(table[i].routes, table[i].count, good_words);
        settle_all(f);
        assert_made(f, MODEL_FILE_STORED, NULL);
        assert_contents(f);
        assert_int_equal(jobs(f), 0);
        close_all(f);
    }
}

static void test_no_mesh(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(jpg_routes, COUNT_OF(jpg_routes), good_words);
    settle_all(f);
    struct model_file files[MODEL_FILE_KIND_COUNT] = {0};
    assert_int_equal(read_files(f, files), MODEL_FILE_ORIGINAL_COUNT);
    assert_int_equal(jobs(f), 0);
    close_all(f);
}

static void test_broken_mesh(void **state)
{
    // Not tried again: it would be as broken.
    (void)state;
    struct task_fixture *f = open_completed(broken_routes, COUNT_OF(broken_routes), good_words);
    settle_all(f);
    assert_made(f, MODEL_FILE_FAILED, "scene.obj, line 4");
    assert_contents(f);
    assert_int_equal(jobs(f), 0);
    close_all(f);
}

static void test_process_that_dies(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes), dying_words);
    task_fixture_start(f);
    task_fixture_settle(f);
    for (int run = 1; run < 3; run++) {
        assert_made(f, MODEL_FILE_PENDING, NULL);
        assert_true(task_job_due_us(f, JOB_CONVERT) > 0);
        (void)task_fixture_next(f);
    }
    assert_made(f, MODEL_FILE_FAILED, "crashed");
    assert_contents(f);
    assert_int_equal(jobs(f), 0);
    close_all(f);
}

static void add_job(struct task_fixture *f, enum job_kind kind)
{
    struct sql_op *op = store_write(f->store);
    job_store_add(op, &(struct job){.kind = kind,
                                    .order_id = f->order_id,
                                    .company_id = 1,
                                    .run_at = OPT_I64(STORE_T0_US),
                                    .created_at = OPT_I64(STORE_T0_US)});
    store_run(f->store, op);
}

static void test_failure_keeps_what_was_made(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes), good_words);
    settle_all(f);
    task_fixture_stop(f);
    open_convert(f, dying_words);
    add_job(f, JOB_CONVERT);
    task_fixture_start(f);
    task_fixture_settle(f);
    while (task_job_due_us(f, JOB_CONVERT) >= 0)
        (void)task_fixture_next(f);
    assert_made(f, MODEL_FILE_STORED, "crashed");
    assert_contents(f);
    assert_int_equal(jobs(f), 0);
    // The next one that is made knows nothing of it.
    task_fixture_stop(f);
    open_convert(f, good_words);
    add_job(f, JOB_CONVERT);
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_made(f, MODEL_FILE_STORED, NULL);
    close_all(f);
}

static void test_no_room_here(void **state)
{
    // For as long as it takes.
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes), good_words);
    task_fixture_start(f);
    task_fixture_settle(f);
    task_fixture_stop(f);
    const char *tmp = arena_printf(f->store->arena, "%s/tmp", f->files_dir).ptr;
    const char *aside = arena_printf(f->store->arena, "%s/aside", f->files_dir).ptr;
    assert_int_equal(rename(tmp, aside), 0);
    store_exec(f->store, "UPDATE sunlead_files SET state = 'pending', sha256 = NULL "
                         "WHERE kind NOT IN ('jpg', 'obj', 'ply', 'mtl')");
    add_job(f, JOB_CONVERT);
    task_fixture_start(f);
    task_fixture_settle(f);
    for (int run = 0; run < 30; run++)
        (void)task_fixture_next(f);
    assert_made(f, MODEL_FILE_PENDING, NULL);
    assert_int_equal(rename(aside, tmp), 0);
    (void)task_fixture_next(f);
    assert_made(f, MODEL_FILE_STORED, NULL);
    assert_int_equal(jobs(f), 0);
    close_all(f);
}

static void test_content_that_is_gone(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes), good_words);
    settle_all(f);
    store_exec(f->store,
               "DELETE FROM sunlead_files WHERE kind NOT IN ('jpg', 'obj', 'ply', 'mtl')");
    store_exec(f->store, "UPDATE sunlead_files SET sha256 = "
                         "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' "
                         "WHERE kind = 'mtl'");
    add_job(f, JOB_CONVERT);
    task_fixture_settle(f);
    assert_made(f, MODEL_FILE_FAILED, "not stored here any more");
    assert_int_equal(count_temporary(f->files_dir), 0);
    close_all(f);
}

static void test_cut_off(void **state)
{
    // Its process is gone with all of sunlead: once more, but not for ever.
    (void)state;
    static const struct {
        int failures;
        enum model_file_state want;
        const char *words;
    } table[] = {{1, MODEL_FILE_STORED, NULL},
                 {9, MODEL_FILE_STORED, NULL},
                 {10, MODEL_FILE_FAILED, "cut off again and again"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes), good_words);
        settle_all(f);
        task_fixture_stop(f);
        store_exec(f->store,
                   "DELETE FROM sunlead_files WHERE kind NOT IN ('jpg', 'obj', 'ply', 'mtl')");
        add_job(f, JOB_CONVERT);
        store_exec(f->store, arena_printf(f->store->arena, "UPDATE sunlead_jobs SET failures = %d",
                                          table[i].failures)
                                 .ptr);
        task_fixture_start(f);
        task_fixture_settle(f);
        assert_made(f, table[i].want, table[i].words);
        assert_int_equal(jobs(f), 0);
        close_all(f);
    }
}

static void test_late_files(void **state)
{
    // What is fetched later is converted too; a job that fetches nothing new converts nothing.
    (void)state;
    struct task_fixture *f = open_completed(ply_routes, COUNT_OF(ply_routes), good_words);
    settle_all(f);
    assert_made(f, MODEL_FILE_STORED, NULL);
    // The mark is gone when the row is made anew.
    static const char marked[] = "SELECT count(*) FROM sunlead_files WHERE tries = 77";
    store_exec(f->store, "UPDATE sunlead_files SET tries = 77 WHERE kind = 'web'");
    test_clock_add(&f->clock, US_PER_S);
    add_job(f, JOB_FILES);
    settle_all(f);
    assert_int_equal(store_i64(f->store, marked), 1);
    store_exec(f->store, "UPDATE sunlead_files SET state = 'failed' WHERE kind = 'ply'");
    add_job(f, JOB_FILES);
    settle_all(f);
    assert_int_equal(store_i64(f->store, marked), 0);
    assert_made(f, MODEL_FILE_STORED, NULL);
    close_all(f);
}

// ---- The company's settings.

static int64_t contents(struct task_fixture *f)
{
    return store_i64(f->store, "SELECT count(*) FROM sunlead_loose_files");
}

// Originals that are there, nothing that was made of them, and a conversion to come.
static struct task_fixture *open_fetched(const struct fake_route *routes, size_t count)
{
    struct task_fixture *f = open_completed(routes, count, good_words);
    settle_all(f);
    task_fixture_stop(f);
    store_exec(f->store, "UPDATE sunlead_files SET state = 'pending', sha256 = NULL, size = NULL, "
                         "data = NULL WHERE kind NOT IN ('jpg', 'obj', 'ply', 'mtl')");
    store_exec(f->store, "DELETE FROM sunlead_loose_files");
    add_job(f, JOB_CONVERT);
    return f;
}

static void test_nothing_is_kept(void **state)
{
    (void)state;
    struct task_fixture *f = open_fetched(all_routes, COUNT_OF(all_routes));
    f->tasks.file_policy.retention = RETENTION_STREAM;
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_made(f, MODEL_FILE_REMOTE, NULL);
    assert_int_equal(contents(f), 0);
    assert_int_equal(jobs(f), 0);
    close_all(f);
}

static void test_lead_is_gone(void **state)
{
    (void)state;
    struct task_fixture *f = open_fetched(all_routes, COUNT_OF(all_routes));
    store_exec(f->store, "DELETE FROM leads");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_made(f, MODEL_FILE_REMOVED, "it was removed");
    assert_int_equal(contents(f), 0);
    assert_int_equal(jobs(f), 0);
    close_all(f);
}

static int64_t stored_bytes(struct task_fixture *f)
{
    return store_i64(f->store, "SELECT CAST(sum(size) AS BIGINT) FROM sunlead_files "
                               "WHERE state = 'stored'");
}

// There is some room, but not for the models: they are made once to know that, and not again
// before there is as much.
static void test_quota_is_full(void **state)
{
    (void)state;
    struct task_fixture *f = open_fetched(all_routes, COUNT_OF(all_routes));
    f->tasks.file_policy.quota = stored_bytes(f) + 1000;
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_made(f, MODEL_FILE_PENDING, "the company's quota of");
    assert_int_equal(contents(f), 0);
    assert_int_equal(count_temporary(f->files_dir), 0);
    assert_int_equal(task_job_due_us(f, JOB_CONVERT), 15 * 60 * US_PER_S);
    task_fixture_stop(f);
    open_convert(f, dying_words); // which would be seen
    task_fixture_start(f);
    (void)task_fixture_next(f);
    assert_made(f, MODEL_FILE_PENDING, "the company's quota of");
    assert_int_equal(task_job_due_us(f, JOB_CONVERT), 15 * 60 * US_PER_S);
    task_fixture_stop(f);
    open_convert(f, good_words);
    f->tasks.file_policy.quota = 100000000;
    task_fixture_start(f);
    (void)task_fixture_next(f);
    assert_made(f, MODEL_FILE_STORED, NULL);
    assert_contents(f);
    assert_int_equal(jobs(f), 0);
    close_all(f);
}

// What replaces as much needs no room.
static void test_quota_of_what_is_made_again(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes), good_words);
    settle_all(f);
    int64_t bytes = stored_bytes(f); // a manifest more or less, by some bytes
    store_exec(f->store, "UPDATE sunlead_files SET tries = 77 WHERE kind = 'web'");
    f->tasks.file_policy.quota = bytes - 500;
    add_job(f, JOB_CONVERT);
    settle_all(f);
    assert_made(f, MODEL_FILE_STORED, NULL);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_files WHERE tries = 77"), 0);
    assert_int_equal(jobs(f), 0);
    // What is larger waits, and says so, beside what was made before.
    store_exec(f->store, "UPDATE sunlead_files SET size = size - 400 WHERE kind = 'web'");
    add_job(f, JOB_CONVERT);
    settle_all(f);
    assert_made(f, MODEL_FILE_STORED, "the company's quota of");
    assert_int_equal(task_job_due_us(f, JOB_CONVERT), 15 * 60 * US_PER_S);
    close_all(f);
}

// The originals go while the conversion waits for its turn.
static void test_mesh_was_removed(void **state)
{
    (void)state;
    struct task_fixture *f = open_fetched(all_routes, COUNT_OF(all_routes));
    store_exec(f->store, "UPDATE sunlead_files SET state = 'removed', sha256 = NULL, size = NULL, "
                         "error = 'it was removed: long ago' WHERE state = 'stored'");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_made(f, MODEL_FILE_REMOVED, "long ago");
    assert_int_equal(jobs(f), 0);
    close_all(f);
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "worker") == 0) {
        struct error err;
        convert_worker_run(argv + 2, STR("1.2.3"), &err);
        return 2;
    }
    if (argc > 1 && strcmp(argv[1], "die") == 0)
        raise(SIGTRAP); // sanitizers take the others
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_converts_what_there_is),
        cmocka_unit_test(test_no_mesh),
        cmocka_unit_test(test_broken_mesh),
        cmocka_unit_test(test_process_that_dies),
        cmocka_unit_test(test_failure_keeps_what_was_made),
        cmocka_unit_test(test_no_room_here),
        cmocka_unit_test(test_content_that_is_gone),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_late_files),
        cmocka_unit_test(test_nothing_is_kept),
        cmocka_unit_test(test_lead_is_gone),
        cmocka_unit_test(test_quota_is_full),
        cmocka_unit_test(test_quota_of_what_is_made_again),
        cmocka_unit_test(test_mesh_was_removed),
    };
    return store_fixture_run_suite("task_convert", tests, COUNT_OF(tests));
}
