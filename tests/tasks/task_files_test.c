// Tests of tasks/task_files.c: fetching the files of a completed project, all or what there is.
#include "support/task_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file_store.h"
#include "store/retention_store.h"

#define S US_PER_S

#define JPG                                                                                        \
    "\xFF\xD8\xFF\xC0\x00\x0B\x08\0\x08\0\x10\x01\x01\x11\0\xFF\xDA\x00\x08\x01\x01\0\0\x3F\0"     \
    "\x12\x34\xFF\xD9"
#define OBJ "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
#define PLY                                                                                        \
    "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"                \
    "property float z\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n"       \
    "0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
#define MTL "newmtl roof\nKd 1 1 1\n"

#define ANSWER_JPG                                                                                 \
    {                                                                                              \
        .body = JPG, .body_len = sizeof(JPG) - 1                                                   \
    }
#define ANSWER_OBJ                                                                                 \
    {                                                                                              \
        .body = OBJ                                                                                \
    }
#define ANSWER_PLY                                                                                 \
    {                                                                                              \
        .body = PLY                                                                                \
    }
#define ANSWER_MTL                                                                                 \
    {                                                                                              \
        .body = MTL                                                                                \
    }
#define ANSWER_NONE                                                                                \
    {                                                                                              \
        .status = 404, .body = "none"                                                              \
    }
#define ANSWER_GARBAGE                                                                             \
    {                                                                                              \
        .body = "<html>this is no picture</html>"                                                  \
    }

#define ROUTE(name) "GET /leads/123/mesh/scene." name

static struct task_fixture *open_completed(const struct fake_route *routes, size_t count)
{
    struct task_fixture *f = task_fixture_open(routes, count, NULL);
    task_set_project(f);
    task_set_order(f, "state = 'completed', files = 'pending', completed_at = created_at");
    store_exec(f->store, "UPDATE sunlead_jobs SET kind = 'files', turn = 0");
    return f;
}

// The files' states in the order of their kinds: jpg, obj, ply, mtl.
static void assert_files(struct task_fixture *f, const enum model_file_state want[4])
{
    struct model_file files[MODEL_FILE_KIND_COUNT] = {0};
    struct row_list list = {.arena = f->store->arena,
                            .table = &model_file_table,
                            .objects = files,
                            .max = MODEL_FILE_KIND_COUNT};
    struct sql_op *op = store_read(f->store);
    file_store_list(op, 123, &list);
    store_run(f->store, op);
    size_t originals = 0;
    for (size_t i = 0; i < list.count; i++) {
        const struct model_file *file = &files[i];
        if (!model_file_is_original(file->kind))
            continue;
        originals++;
        if (file->state != want[file->kind - MODEL_FILE_JPG])
            fail_msg("%.*s is %s: %.*s", STR_ARG(file->name), model_file_state_names[file->state],
                     STR_ARG(file->error));
        bool fetched = file->state == MODEL_FILE_STORED;
        assert_int_equal(file->size.set, fetched);
        assert_int_equal(file->sha256.len, fetched ? 64 : 0);
        assert_int_equal(file->error.ptr == NULL, fetched);
        assert_true(str_equal(file->content_type, model_file_content_type(file->kind)));
        struct files_place place = {.sha256 = file->sha256};
        if (!fetched)
            continue;
        assert_int_equal(files_locate(f->files, f->store->arena, &place, NULL), ERR_OK);
        assert_int_equal(place.size, file->size.value);
        close(place.fd);
    }
    assert_int_equal(originals, 4);
}

// What LightFusion's storage answers at the first run and later, and what is left in the end.
struct files_row {
    const char *what;
    struct fake_answer jpg[3];
    struct fake_answer obj[3];
    enum files_state first; // after the first run
    bool again;             // another run is due then
    size_t runs;            // all of them
    enum files_state last;
    enum model_file_state files[4];
};

#define F MODEL_FILE_STORED

static const struct files_row files_rows[] = {
    {"all there", {ANSWER_JPG}, {ANSWER_OBJ}, FILES_DONE, false, 1, FILES_DONE, {F, F, F, F}},
    {"one missing",
     {ANSWER_NONE},
     {ANSWER_OBJ},
     FILES_PARTIAL,
     true,
     5,
     FILES_PARTIAL,
     {MODEL_FILE_MISSING, F, F, F}},
    {"one late",
     {ANSWER_NONE, ANSWER_JPG},
     {ANSWER_OBJ},
     FILES_PARTIAL,
     true,
     2,
     FILES_DONE,
     {F, F, F, F}},
    {"garbage for a picture",
     {ANSWER_GARBAGE},
     {ANSWER_OBJ},
     FILES_PARTIAL,
     true,
     10,
     FILES_PARTIAL,
     {MODEL_FILE_FAILED, F, F, F}},
    {"garbage, then a picture",
     {ANSWER_GARBAGE, ANSWER_GARBAGE, ANSWER_JPG},
     {ANSWER_OBJ},
     FILES_PARTIAL,
     true,
     3,
     FILES_DONE,
     {F, F, F, F}},
    {"cut, then whole",
     {{.body = JPG, .body_len = sizeof(JPG) - 1, .end = FAKE_CUT}, ANSWER_JPG},
     {{.body = OBJ, .end = FAKE_CUT}, ANSWER_OBJ},
     FILES_PARTIAL,
     true,
     2,
     FILES_DONE,
     {F, F, F, F}},
    {"two fail in their ways",
     {ANSWER_NONE},
     {{.status = 500}},
     FILES_PARTIAL,
     true,
     10,
     FILES_PARTIAL,
     {MODEL_FILE_MISSING, MODEL_FILE_FAILED, F, F}},
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(files_rows); i++) {
        const struct files_row *row = &files_rows[i];
        struct fake_route routes[] = {{.request = ROUTE("jpg")},
                                      {.request = ROUTE("obj")},
                                      {ROUTE("ply"), {ANSWER_PLY}},
                                      {ROUTE("mtl"), {ANSWER_MTL}}};
        memcpy(routes[0].answers, row->jpg, sizeof(row->jpg));
        memcpy(routes[1].answers, row->obj, sizeof(row->obj));
        print_message("%s\n", row->what);
        struct task_fixture *f = open_completed(routes, COUNT_OF(routes));
        task_fixture_start(f);
        task_fixture_settle(f);
        assert_int_equal(task_order(f).files, row->first);
        assert_int_equal(task_job_due_us(f, JOB_FILES) >= 0, row->again);
        size_t runs = 1;
        while (task_job_due_us(f, JOB_FILES) >= 0 && runs < 20) {
            assert_true(task_fixture_next(f) > 0);
            runs++;
        }
        assert_int_equal(runs, row->runs);
        assert_int_equal(task_order(f).files, row->last);
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
        assert_files(f, row->files);
        // What was fetched is not fetched again, and nobody gets our token.
        assert_int_equal(fake_server_count(f->server, ROUTE("ply")), 1);
        assert_null(strcasestr(fake_server_request(f->server, 0), "authorization"));
        assert_int_equal(task_order(f).state, ORDER_COMPLETED);
        task_fixture_close(f);
    }
}

// All four are asked for before any is there.
static void test_four_at_once(void **state)
{
    (void)state;
    const struct fake_route routes[] = {{ROUTE(""), {{.status = 404, .delay_ms = 1500}}}};
    struct task_fixture *f = open_completed(routes, COUNT_OF(routes));
    task_fixture_start(f);
    fake_server_wait(f->server, TASK_MESH, 4);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_files"), 0);
    task_fixture_settle(f);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_files"), 4);
    task_fixture_close(f);
}

// Three are shown while the fourth is still under way.
static void test_one_is_slow(void **state)
{
    (void)state;
    const struct fake_route routes[] = {
        {ROUTE("jpg"), {{.body = JPG, .body_len = sizeof(JPG) - 1, .delay_ms = 1000}}},
        {ROUTE("obj"), {ANSWER_OBJ}},
        {ROUTE("ply"), {ANSWER_PLY}},
        {ROUTE("mtl"), {ANSWER_MTL}}};
    static const enum model_file_state all[] = {F, F, F, F};
    struct task_fixture *f = open_completed(routes, COUNT_OF(routes));
    task_fixture_start(f);
    int64_t stored = 0;
    int64_t running = 0;
    while (stored < 3) {
        stored = store_i64(f->store, "SELECT count(*) FROM sunlead_files WHERE state = 'stored'");
        running = store_i64(f->store, "SELECT count(*) FROM sunlead_jobs WHERE kind = 'files'");
        assert_true(running == 1 || stored == 4);
    }
    assert_int_equal(stored, 3);
    task_fixture_settle(f);
    assert_files(f, all);
    task_fixture_close(f);
}

static const struct fake_route all_routes[] = {{ROUTE("jpg"), {ANSWER_JPG}},
                                               {ROUTE("obj"), {ANSWER_OBJ}},
                                               {ROUTE("ply"), {ANSWER_PLY}},
                                               {ROUTE("mtl"), {ANSWER_MTL}}};

// While our side cannot store anything the job waits, about a minute at most, and no try counts.
static void test_no_room(void **state)
{
    (void)state;
    static const enum model_file_state pending[] = {MODEL_FILE_PENDING, MODEL_FILE_PENDING,
                                                    MODEL_FILE_PENDING, MODEL_FILE_PENDING};
    static const enum model_file_state all[] = {F, F, F, F};
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes));
    char tmp[80];
    snprintf(tmp, sizeof(tmp), "%s/tmp", f->files_dir);
    assert_int_equal(rmdir(tmp), 0);
    task_fixture_start(f);
    task_fixture_settle(f);
    int64_t longest_us = 0;
    for (int run = 2; run <= 14; run++) {
        int64_t waited_us = task_fixture_next(f);
        longest_us = waited_us > longest_us ? waited_us : longest_us;
    }
    assert_in_range(longest_us, 40 * S, 60 * S);
    assert_files(f, pending);
    assert_int_equal(store_i64(f->store, "SELECT sum(tries) FROM sunlead_files"), 0);
    assert_int_equal(mkdir(tmp, 0700), 0);
    assert_in_range(task_fixture_next(f), 1, 60 * S);
    assert_files(f, all);
    assert_int_equal(task_order(f).files, FILES_DONE);
    task_fixture_close(f);
}

static void test_none_at_all(void **state)
{
    (void)state;
    static const enum model_file_state pending[] = {MODEL_FILE_PENDING, MODEL_FILE_PENDING,
                                                    MODEL_FILE_PENDING, MODEL_FILE_PENDING};
    static const enum model_file_state missing[] = {MODEL_FILE_MISSING, MODEL_FILE_MISSING,
                                                    MODEL_FILE_MISSING, MODEL_FILE_MISSING};
    struct task_fixture *f = open_completed(NULL, 0);
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).files, FILES_PENDING);
    assert_files(f, pending);
    for (int run = 2; run <= 5; run++)
        (void)task_fixture_next(f);
    assert_int_equal(task_order(f).files, FILES_FAILED);
    assert_files(f, missing);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

static void test_not_completed(void **state)
{
    static const char *const orders[] = {"state = 'processing'", "state = 'failed'",
                                         "project_id = NULL"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        struct task_fixture *f = open_completed(NULL, 0);
        task_set_order(f, orders[i]);
        task_fixture_start(f);
        task_fixture_settle(f);
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_files"), 0);
        assert_int_equal(fake_server_count(f->server, ""), 0);
        task_fixture_close(f);
    }
}

static void test_killed_between_two_files(void **state)
{
    // What the killed process had fetched is there; the rest is fetched by the next.
    (void)state;
    static const enum model_file_state all[] = {F, F, F, F};
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes));
    task_fixture_start(f);
    task_fixture_settle(f);
    task_fixture_stop(f);
    store_exec(f->store, "DELETE FROM sunlead_files WHERE kind IN ('ply', 'mtl')");
    store_exec(f->store, "INSERT INTO sunlead_jobs (kind, order_id, company_id, state, attempt, "
                         "run_at, worker, lease_until) VALUES ('files', 1, 1, 'running', 1, 0, 5, "
                         "9000000000000000)");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_files(f, all);
    assert_int_equal(task_order(f).files, FILES_DONE);
    assert_int_equal(fake_server_count(f->server, ROUTE("jpg")), 1);
    assert_int_equal(fake_server_count(f->server, ROUTE("mtl")), 2);
    task_fixture_close(f);
}

static void test_killed_runs_are_no_tries(void **state)
{
    // Cut off 15 times before it came to anything: the file, cut once, is tried again.
    (void)state;
    const struct fake_route routes[] = {{ROUTE("jpg"), {ANSWER_GARBAGE, ANSWER_JPG}},
                                        {ROUTE("obj"), {ANSWER_NONE, ANSWER_NONE, ANSWER_OBJ}},
                                        {ROUTE("ply"), {ANSWER_PLY}},
                                        {ROUTE("mtl"), {ANSWER_MTL}}};
    static const enum model_file_state all[] = {F, F, F, F};
    struct task_fixture *f = open_completed(routes, COUNT_OF(routes));
    store_exec(f->store, "UPDATE sunlead_jobs SET attempt = 15, failures = 15");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_int_equal(task_order(f).files, FILES_PARTIAL);
    (void)task_fixture_next(f);
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).files, FILES_DONE);
    assert_files(f, all);
    task_fixture_close(f);
}

static void test_another_job_tries_anew(void **state)
{
    // What was given up is tried as often again when somebody asks for it.
    (void)state;
    const struct fake_route routes[] = {{ROUTE("jpg"), {ANSWER_NONE}},
                                        {ROUTE("obj"), {ANSWER_OBJ}},
                                        {ROUTE("ply"), {ANSWER_PLY}},
                                        {ROUTE("mtl"), {ANSWER_MTL}}};
    struct task_fixture *f = open_completed(routes, COUNT_OF(routes));
    for (int job = 1; job <= 2; job++) {
        task_fixture_start(f);
        task_fixture_settle(f);
        for (int run = 2; run <= 5; run++)
            (void)task_fixture_next(f);
        assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
        assert_int_equal(fake_server_count(f->server, ROUTE("jpg")), 5 * job);
        task_fixture_stop(f);
        store_exec(f->store,
                   "INSERT INTO sunlead_jobs (kind, order_id, company_id, state, attempt, "
                   "run_at) VALUES ('files', 1, 1, 'ready', 0, 0)");
    }
    task_fixture_close(f);
}

// ---- What the company's settings say.

static void assert_rows(struct task_fixture *f, const char *state, const char *error, int64_t want)
{
    int64_t got =
        store_i64(f->store, arena_printf(f->store->arena,
                                         "SELECT count(*) FROM sunlead_files WHERE state = '%s' "
                                         "AND coalesce(error, '') = '%s' AND sha256 IS NULL",
                                         state, error)
                                .ptr);
    if (got != want)
        fail_msg("%lld rows are %s: %s", (long long)got, state, error);
}

static void test_nothing_is_kept(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes));
    f->tasks.file_policy.retention = RETENTION_STREAM;
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_rows(f, "remote", "", 4);
    assert_int_equal(task_order(f).files, FILES_REMOTE);
    assert_int_equal(fake_server_count(f->server, TASK_MESH), 0);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_loose_files"), 0);
    task_fixture_close(f);
}

static void test_lead_is_gone(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes));
    store_exec(f->store, "DELETE FROM leads");
    task_fixture_start(f);
    task_fixture_settle(f);
    assert_rows(f, "removed", "it was removed: it is not kept any longer", 4);
    assert_int_equal(task_order(f).files, FILES_REMOVED);
    assert_int_equal(fake_server_count(f->server, TASK_MESH), 0);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

static void test_quota_is_full(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes));
    store_exec(f->store, "INSERT INTO sunlead_files (project_id, company_id, name, kind, state, "
                         "size) SELECT 9, company_id, 'scene.obj', 'obj', 'stored', 2500000 "
                         "FROM sunlead_orders");
    f->tasks.file_policy.quota = 2500000;
    task_fixture_start(f);
    task_fixture_settle(f);
    static const char full[] = "the company''s quota of 2.5 MB is full (2.5 MB are stored)";
    assert_rows(f, "pending", full, 4);
    assert_int_equal(task_order(f).files, FILES_PENDING);
    assert_int_equal(fake_server_count(f->server, TASK_MESH), 0);
    // It looks again by itself, however often, and goes on when there is room.
    for (int i = 0; i < 30; i++)
        assert_int_equal(task_fixture_next(f), 15 * 60 * S);
    assert_rows(f, "pending", full, 4);
    store_exec(f->store, "INSERT INTO sunlead_companies (company_id, file_quota, updated_at) "
                         "SELECT company_id, 0, 0 FROM sunlead_orders");
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).files, FILES_DONE);
    assert_int_equal(store_i64(f->store, "SELECT count(*) FROM sunlead_jobs"), 0);
    task_fixture_close(f);
}

// There is room for all but the PLY, as soon as LightFusion's storage says how long it is.
static void test_quota_is_nearly_full(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes));
    store_exec(f->store, "INSERT INTO sunlead_files (project_id, company_id, name, kind, state, "
                         "size) SELECT 9, company_id, 'scene.obj', 'obj', 'stored', 2500000 "
                         "FROM sunlead_orders");
    f->tasks.file_policy.quota = 2500000 + (int64_t)strlen(OBJ);
    task_fixture_start(f);
    task_fixture_settle(f);
    static const char full[] = "the company''s quota of 2.5 MB is full (2.5 MB are stored)";
    assert_true(strlen(OBJ) < strlen(PLY));
    assert_rows(f, "pending", full, 1);
    assert_int_equal(task_order(f).files, FILES_PARTIAL);
    assert_int_equal(task_job_due_us(f, JOB_FILES), 15 * 60 * S);
    f->tasks.file_policy.quota = 0;
    (void)task_fixture_next(f);
    assert_int_equal(task_order(f).files, FILES_DONE);
    assert_int_equal(fake_server_count(f->server, ROUTE("mtl")), 1);
    task_fixture_close(f);
}

// What was removed comes back only when somebody asks for it.
static void test_what_was_removed(void **state)
{
    (void)state;
    struct task_fixture *f = open_completed(all_routes, COUNT_OF(all_routes));
    task_fixture_start(f);
    task_fixture_settle(f);
    for (int round = 0; round < 2; round++) {
        store_exec(f->store, "UPDATE sunlead_files SET state = 'removed', sha256 = NULL, "
                             "size = NULL WHERE state = 'stored'");
        store_exec(f->store, "UPDATE sunlead_orders SET files = 'removed', version = version + 1");
        struct sql_op *op = store_write(f->store);
        if (round == 1)
            retention_store_restore(op, 123, STORE_T0_US);
        job_store_add(op, &(struct job){.kind = JOB_FILES,
                                        .order_id = f->order_id,
                                        .company_id = 1,
                                        .run_at = OPT_I64(STORE_T0_US)});
        store_run(f->store, op);
        task_fixture_settle(f);
        assert_int_equal(task_order(f).files, round == 0 ? FILES_REMOVED : FILES_DONE);
        assert_int_equal(fake_server_count(f->server, TASK_MESH), round == 0 ? 4 : 8);
    }
    task_fixture_close(f);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files),
        TEST(test_four_at_once),
        TEST(test_one_is_slow),
        TEST(test_no_room),
        TEST(test_none_at_all),
        TEST(test_not_completed),
        TEST(test_killed_between_two_files),
        TEST(test_killed_runs_are_no_tries),
        TEST(test_another_job_tries_anew),
        TEST(test_nothing_is_kept),
        TEST(test_lead_is_gone),
        TEST(test_quota_is_full),
        TEST(test_quota_is_nearly_full),
        TEST(test_what_was_removed),
    };
    return cmocka_run_group_tests_name("task_files", tests, NULL, NULL);
}
