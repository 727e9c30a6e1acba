// Tests of operations on SQLite: values, rows, steps, transactions, errors.
#include "sql/temp_db.h"

#include <math.h>
#include <sys/stat.h>

#define VALUES_TABLE "CREATE TABLE v (id INTEGER PRIMARY KEY AUTOINCREMENT, x, n INTEGER)"

static const struct sql_stmt insert_value = {.name = "insert",
                                             .text = "INSERT INTO v (x) VALUES ($1)"};
static const struct sql_stmt read_value = {
    .name = "read", .text = "SELECT x, typeof(x), length(x) FROM v WHERE id = $1"};
static const struct sql_stmt insert_last = {
    .name = "insert_last", .text = "INSERT INTO v (x) VALUES ({last:v}) RETURNING id, x"};

struct read_back {
    struct arena *arena;
    bool is_null;
    int64_t i64;
    double f64;
    struct str text;
    struct str type;
    struct opt_i64 opt_i64;
    struct opt_f64 opt_f64;
    size_t columns;
    int rows;
};

static void keep_value(void *ctx, const struct sql_row *row)
{
    struct read_back *back = ctx;
    back->is_null = sql_row_is_null(row, 0);
    back->i64 = sql_row_i64(row, 0);
    back->f64 = sql_row_f64(row, 0);
    back->opt_i64 = sql_row_opt_i64(row, 0);
    back->opt_f64 = sql_row_opt_f64(row, 0);
    back->text = arena_str(back->arena, sql_row_str(row, 0));
    back->columns = sql_row_columns(row);
    if (back->columns > 1)
        back->type = arena_str(back->arena, sql_row_str(row, 1));
    back->rows++;
}

static struct read_back store_and_read(struct temp_db *db, struct sql_value value)
{
    struct read_back back = {.arena = db->arena};
    struct sql_op *op = sql_op_new(db->arena, "store", SQL_LANE_WRITE);
    struct sql_step *step = SQL_STEP(op, &insert_value, value);
    assert_int_equal(sql_run(db->sql, op), ERR_OK);
    assert_int_equal(step->rows, 1);
    op = sql_op_new(db->arena, "read", SQL_LANE_SHORT);
    step = SQL_STEP(op, &read_value, SQLV_INT(temp_db_i64(db, "SELECT max(id) FROM v")));
    step->on_row = keep_value;
    step->ctx = &back;
    assert_int_equal(sql_run(db->sql, op), ERR_OK);
    assert_int_equal(back.rows, 1);
    assert_int_equal(back.columns, 3);
    return back;
}

static void test_integers(void **state)
{
    struct temp_db *db = *state;
    static const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN, INT64_C(9007199254740993)};
    temp_db_script(db, VALUES_TABLE);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct read_back back = store_and_read(db, SQLV_INT(values[i]));
        assert_true(back.i64 == values[i]);
        assert_true(back.opt_i64.set && back.opt_i64.value == values[i]);
        assert_false(back.is_null);
        assert_string_equal(back.type.ptr, "integer");
        back = store_and_read(db, SQLV_TIME(values[i]));
        assert_true(back.i64 == values[i]);
    }
    assert_int_equal(store_and_read(db, SQLV_BOOL(true)).i64, 1);
    assert_int_equal(store_and_read(db, SQLV_BOOL(false)).i64, 0);
}

static void test_floats(void **state)
{
    struct temp_db *db = *state;
    static const double values[] = {0.0, 37.7749, -122.4194, 1e308, 5e-324, 15000.0};
    temp_db_script(db, VALUES_TABLE);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct read_back back = store_and_read(db, SQLV_FLOAT(values[i]));
        assert_memory_equal(&back.f64, &values[i], sizeof(double));
        assert_true(back.opt_f64.set && !back.is_null);
        assert_string_equal(back.type.ptr, "real");
    }
}

static void test_texts(void **state)
{
    struct temp_db *db = *state;
    static const struct str values[] = {STR_INIT(""), STR_INIT("abc"), STR_INIT("a\0b"),
                                        STR_INIT("Zoë's ☀ 'roof'; DROP TABLE v")};
    temp_db_script(db, VALUES_TABLE);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct read_back back = store_and_read(db, SQLV_TEXT(values[i]));
        assert_true(str_equal(back.text, values[i]));
        assert_false(back.is_null);
        assert_string_equal(back.type.ptr, "text");
    }
    size_t long_len = 300000;
    char *bytes = arena_raw(db->arena, long_len);
    memset(bytes, 'x', long_len);
    struct read_back back = store_and_read(db, SQLV_TEXT(((struct str){bytes, long_len})));
    assert_int_equal(back.text.len, long_len);
}

static void test_nulls(void **state)
{
    struct temp_db *db = *state;
    const struct sql_value values[] = {
        SQLV_NULL,
        SQLV_TEXT(STR_NULL),
        sql_value_opt_i64((struct opt_i64){0}),
        sql_value_opt_f64((struct opt_f64){0}),
        sql_value_opt_time((struct opt_i64){0}),
    };
    temp_db_script(db, VALUES_TABLE);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        struct read_back back = store_and_read(db, values[i]);
        assert_true(back.is_null);
        assert_int_equal(back.i64, 0);
        assert_true(back.f64 == 0);
        assert_null(back.text.ptr);
        assert_false(back.opt_i64.set);
        assert_false(back.opt_f64.set);
    }
}

enum color { COLOR_NONE, COLOR_RED, COLOR_BLUE };

static const char *const color_names[] = {NULL, "red", "blue", FIELD_NAMES_END};

struct thing {
    int64_t id;
    struct opt_i64 count;
    double width;
    struct opt_f64 height;
    bool is_new;
    struct str name;
    struct opt_i64 made_at;
    enum color color;
    double list[2];
    struct str raw;
    int64_t hidden;
};

static const struct field thing_fields[] = {
    {FIELD_AS_I64(struct thing, id)},
    {FIELD_AS_OPT_I64(struct thing, count)},
    {FIELD_AS_F64(struct thing, width)},
    {FIELD_AS_OPT_F64(struct thing, height)},
    {FIELD_AS_BOOL(struct thing, is_new)},
    {FIELD_AS_STR(struct thing, name, 100)},
    {FIELD_AS_TIME(struct thing, made_at)},
    {FIELD_AS_ENUM(struct thing, color, enum color, color_names)},
    {FIELD_AS_F64_LIST(struct thing, list, 2)},
    {FIELD_AS_I64(struct thing, hidden), .flags = FIELD_NO_SQL},
    {FIELD_AS_RAW(struct thing, raw, 100)},
};

static const struct field_table thing_table = FIELD_TABLE("thing", thing_fields, struct thing);

static const struct sql_stmt insert_thing = {
    .name = "insert_thing", .text = "INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"};
static const struct sql_stmt read_thing = {.name = "read_thing",
                                           .text = "SELECT 'first', t.* FROM t WHERE id = $1"};

struct thing_reader {
    struct arena *arena;
    struct thing thing;
    size_t end;
};

static void keep_thing(void *ctx, const struct sql_row *row)
{
    struct thing_reader *reader = ctx;
    reader->end = sql_row_object(row, 1, &thing_table, reader->arena, &reader->thing);
}

static struct thing_reader store_thing(struct temp_db *db, const struct thing *thing)
{
    struct sql_value params[9];
    size_t count = 0;
    for (size_t i = 0; i < thing_table.count; i++) {
        const struct field *field = &thing_table.fields[i];
        if ((field->flags & FIELD_NO_SQL) == 0 && field->type != FIELD_F64_LIST)
            params[count++] = sql_value_field(field, thing);
    }
    struct sql_op *op = sql_op_new(db->arena, "store", SQL_LANE_WRITE);
    (void)sql_op_step(op, &insert_thing, count, params);
    assert_int_equal(sql_run(db->sql, op), ERR_OK);
    struct thing_reader reader = {.arena = db->arena, .thing = {.hidden = 5}};
    op = sql_op_new(db->arena, "read", SQL_LANE_SHORT);
    struct sql_step *step = SQL_STEP(op, &read_thing, SQLV_INT(thing->id));
    step->on_row = keep_thing;
    step->ctx = &reader;
    assert_int_equal(sql_run(db->sql, op), ERR_OK);
    assert_int_equal(step->rows, 1);
    assert_int_equal(reader.end, 10);
    return reader;
}

static void test_objects(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db,
                   "CREATE TABLE t (id, count, width, height, is_new, name, made_at, color, raw)");
    struct thing full = {
        .id = 7,
        .count = OPT_I64(-3),
        .width = 1.5,
        .height = OPT_F64(2),
        .is_new = true,
        .name = STR("roof"),
        .made_at = OPT_I64(1),
        .color = COLOR_BLUE,
        .raw = STR("{\"a\":1}"),
        .hidden = 5,
    };
    struct thing empty = {.id = 8, .hidden = 5};
    struct thing_reader reader = store_thing(db, &full);
    for (size_t i = 0; i < thing_table.count; i++)
        assert_true(field_equal(&thing_fields[i], &reader.thing, &full));
    reader = store_thing(db, &empty);
    for (size_t i = 0; i < thing_table.count; i++)
        assert_true(field_equal(&thing_fields[i], &reader.thing, &empty));
    assert_int_equal(temp_db_run(db, SQL_LANE_WRITE, "UPDATE t SET color = 'green'"), ERR_OK);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM t WHERE color = 'green'"), 2);
    full.id = 9;
    full.color = COLOR_NONE;
    assert_int_equal(store_thing(db, &full).thing.color, COLOR_NONE);
}

static void test_last_chain(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, VALUES_TABLE);
    for (int i = 0; i < 3; i++) {
        struct read_back back = {.arena = db->arena};
        struct sql_op *op = sql_op_new(db->arena, "chain", SQL_LANE_WRITE);
        (void)SQL_STEP(op, &insert_value, SQLV_TEXT(STR("head")));
        (void)sql_op_step(op, &insert_last, 0, NULL);
        struct sql_step *step = sql_op_step(op, &insert_last, 0, NULL);
        step->on_row = keep_value;
        step->ctx = &back;
        assert_int_equal(sql_run(db->sql, op), ERR_OK);
        assert_int_equal(step->rows, 1);
        assert_int_equal(back.i64, 3 * i + 3);
        assert_true(str_equal(back.type, arena_printf(db->arena, "%d", 3 * i + 2)));
    }
}

static void test_when_none(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, VALUES_TABLE);
    struct sql_op *op = sql_op_new(db->arena, "none", SQL_LANE_WRITE);
    (void)SQL_STEP(op, &insert_value, SQLV_INT(1));
    struct sql_step *step =
        sql_op_step(op, temp_db_stmt(db, "UPDATE v SET x = 2 WHERE id = 99"), 0, NULL);
    step->when_none = ERR_NOT_FOUND;
    step->none_message = "no such lead";
    assert_int_equal(sql_run(db->sql, op), ERR_NOT_FOUND);
    assert_string_equal(op->error.message, "no such lead");
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM v"), 0);

    op = sql_op_new(db->arena, "none", SQL_LANE_SHORT);
    step = SQL_STEP(op, &read_value, SQLV_INT(99));
    step->when_none = ERR_NOT_FOUND;
    assert_int_equal(sql_run(db->sql, op), ERR_NOT_FOUND);
    assert_string_equal(op->error.message, "not_found");
    assert_true(sql_is_available(db->sql));
}

static void test_counts(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, VALUES_TABLE ";CREATE TABLE log (id INTEGER PRIMARY KEY);"
                                    "CREATE TRIGGER g AFTER UPDATE ON v BEGIN INSERT INTO log "
                                    "VALUES (NULL); INSERT INTO log VALUES (NULL); END;"
                                    "INSERT INTO v (n) VALUES (1), (1), (2)");
    struct sql_op *op = sql_op_new(db->arena, "counts", SQL_LANE_WRITE);
    struct sql_step *all = sql_op_step(op, temp_db_stmt(db, "UPDATE v SET n = 3"), 0, NULL);
    struct sql_step *none =
        sql_op_step(op, temp_db_stmt(db, "UPDATE v SET n = 4 WHERE n = 1"), 0, NULL);
    struct sql_step *rows =
        sql_op_step(op, temp_db_stmt(db, "DELETE FROM v WHERE id > 1 RETURNING id"), 0, NULL);
    struct sql_step *query = sql_op_step(op, temp_db_stmt(db, "SELECT * FROM log"), 0, NULL);
    assert_int_equal(sql_run(db->sql, op), ERR_OK);
    assert_int_equal(all->rows, 3);
    assert_int_equal(none->rows, 0);
    assert_int_equal(rows->rows, 2);
    assert_int_equal(query->rows, 6);
}

static void test_read_lanes_refuse_to_write(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, VALUES_TABLE);
    assert_int_not_equal(temp_db_run(db, SQL_LANE_SHORT, "INSERT INTO v (x) VALUES (1)"), ERR_OK);
    assert_int_not_equal(temp_db_run(db, SQL_LANE_LONG, "INSERT INTO v (x) VALUES (1)"), ERR_OK);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM v"), 0);
}

static void test_empty_operation(void **state)
{
    struct temp_db *db = *state;
    for (int lane = SQL_LANE_SHORT; lane <= SQL_LANE_WRITE; lane++) {
        struct sql_op *op = sql_op_new(db->arena, "empty", (enum sql_lane)lane);
        assert_int_equal(sql_run(db->sql, op), ERR_OK);
    }
}

static void test_long_lane(void **state)
{
    struct temp_db *db = *state;
    temp_db_script(db, VALUES_TABLE ";WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM "
                                    "c WHERE i < 1000) INSERT INTO v (x) SELECT i FROM c");
    int64_t sum = 0;
    struct sql_op *op = sql_op_new(db->arena, "long", SQL_LANE_LONG);
    struct sql_step *all = sql_op_step(op, temp_db_stmt(db, "SELECT x FROM v"), 0, NULL);
    struct sql_step *step = sql_op_step(op, temp_db_stmt(db, "SELECT sum(x) FROM v"), 0, NULL);
    step->on_row = temp_db_keep_i64;
    step->ctx = &sum;
    assert_int_equal(sql_run(db->sql, op), ERR_OK);
    assert_int_equal(all->rows, 1000);
    assert_int_equal(sum, 500500);
}

struct refusal {
    const char *text;
    enum err code;
    const char *pointer; // NULL: no place
};

static void test_refusals(void **state)
{
    struct temp_db *db = *state;
    static const struct refusal refusals[] = {
        {"INSERT INTO c (id) VALUES (1)", ERR_CONFLICT, NULL},
        {"INSERT INTO c (mail) VALUES ('a')", ERR_CONFLICT, NULL},
        {"INSERT INTO c (owner) VALUES (99)", ERR_INVALID, NULL},
        {"INSERT INTO c (state) VALUES (4)", ERR_INVALID, "/state"},
        {"INSERT INTO c (age) VALUES (-1)", ERR_INVALID, NULL},
        {"INSERT INTO c (name) VALUES (NULL)", ERR_INVALID, "/name"},
        {"INSERT INTO c (id) VALUES ('x')", ERR_INVALID, NULL},
        {"INSERT INTO c (nothing) VALUES (1)", ERR_INTERNAL, NULL},
        {"INSERT INTO nothing VALUES (1)", ERR_INTERNAL, NULL},
        {"SELEKT", ERR_INTERNAL, NULL},
        {"INSERT INTO c (mail) VALUES (zeroblob(1100000000))", ERR_TOO_LARGE, NULL},
    };
    temp_db_script(db, "CREATE TABLE c (id INTEGER PRIMARY KEY, mail TEXT UNIQUE, "
                       "owner INTEGER REFERENCES c (id), state INTEGER CHECK (state BETWEEN 0 AND "
                       "3), age INTEGER CONSTRAINT old CHECK (age > 0), name TEXT NOT NULL DEFAULT "
                       "'');INSERT INTO c (id, mail) VALUES (1, 'a')");
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        struct sql_op *op = sql_op_new(db->arena, "refusal", SQL_LANE_WRITE);
        (void)sql_op_step(op, temp_db_stmt(db, refusals[i].text), 0, NULL);
        enum err code = sql_run(db->sql, op);
        if (code != refusals[i].code)
            print_error("%s: %s (%s)\n", refusals[i].text, op->error.message, op->error.cause);
        assert_int_equal(code, refusals[i].code);
        assert_true(op->error.message[0] != '\0');
        assert_true(op->error.cause[0] != '\0');
        assert_int_equal(op->error.place_count, refusals[i].pointer != NULL);
        if (refusals[i].pointer != NULL)
            assert_string_equal(op->error.places[0].pointer, refusals[i].pointer);
    }
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM c"), 1);
}

static void test_script(void **state)
{
    struct temp_db *db = *state;
    struct error err;
    temp_db_script(db, "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n-- the end\n");
    assert_int_equal(temp_db_i64(db, "SELECT x FROM a"), 1);
    enum err code = sql_script(
        db->sql, STR("INSERT INTO a VALUES (2); CREATE TABLE b (x); INSERT INTO c VALUES (1)"),
        &err);
    assert_int_equal(code, ERR_INTERNAL);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM a"), 1);
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
}

static void test_many_statements(void **state)
{
    struct temp_db *db = *state;
    for (int64_t round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 300; i++) {
            const char *text = arena_printf(db->arena, "SELECT %lld", (long long)i).ptr;
            assert_int_equal(temp_db_i64(db, text), i);
        }
    }
}

static void test_other_words(void **state)
{
    struct temp_db *db = *state;
    static const struct sql_stmt stmt = {
        .name = "other", .text = "SELECT now()", .sqlite = "SELECT $1 + $2, '$3 {last:x}'"};
    struct read_back back = {.arena = db->arena};
    struct sql_op *op = sql_op_new(db->arena, "other", SQL_LANE_SHORT);
    struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(2), SQLV_INT(3));
    step->on_row = keep_value;
    step->ctx = &back;
    assert_int_equal(sql_run(db->sql, op), ERR_OK);
    assert_int_equal(back.i64, 5);
    assert_string_equal(back.type.ptr, "$3 {last:x}");
}

// Each of several statements follows one that had rows; all are stored, or none.
static void test_several_statements(void **state)
{
    struct temp_db *db = *state;
    static const struct sql_stmt stmt = {
        .name = "two",
        .text = "SELECT now()",
        .sqlite = "UPDATE a SET n = $2 WHERE id = $1; INSERT INTO b VALUES ($3, $1); "
                  "SELECT n FROM a WHERE id = $1"};
    static const struct {
        int64_t id;
        int64_t n;
        int64_t key;
        enum err code;
        int64_t stored; // n behind it
        int64_t rows;   // in b behind it
    } cases[] = {
        {7, 5, 100, ERR_OK, 5, 1},
        {8, 6, 101, ERR_NOT_FOUND, 5, 1},
        {7, 9, 100, ERR_CONFLICT, 5, 1},
        {7, 9, 101, ERR_OK, 9, 2},
    };
    temp_db_script(db, "CREATE TABLE a (id INTEGER PRIMARY KEY, n); INSERT INTO a VALUES (7, 1);"
                       "CREATE TABLE b (key INTEGER PRIMARY KEY, id)");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct read_back back = {.arena = db->arena};
        struct sql_op *op = sql_op_new(db->arena, "two", SQL_LANE_WRITE);
        struct sql_step *step = SQL_STEP(op, &stmt, SQLV_INT(cases[i].id), SQLV_INT(cases[i].n),
                                         SQLV_INT(cases[i].key));
        step->on_row = keep_value;
        step->ctx = &back;
        step->when_none = ERR_NOT_FOUND;
        assert_int_equal(sql_run(db->sql, op), cases[i].code);
        if (cases[i].code == ERR_OK) {
            assert_int_equal(back.i64, cases[i].n);
            assert_int_equal(step->rows, 1);
        }
        assert_int_equal(temp_db_i64(db, "SELECT n FROM a"), cases[i].stored);
        assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM b"), cases[i].rows);
    }
    assert_int_equal(temp_db_i64(db, "SELECT count(*) FROM b WHERE id <> 7"), 0);
}

static void test_open_errors(void **state)
{
    struct temp_db *db = *state;
    static const struct {
        const char *url;
        enum err code;
    } cases[] = {
        {"postgres://u:secr%et@host/db", ERR_INVALID},
        {"postgresql://host/db?no=1", ERR_INVALID},
        {"mysql:x", ERR_INVALID},
        {"", ERR_INVALID},
        {"sqlite:", ERR_INVALID},
        {"sqlite:/", ERR_INVALID},
        {"sqlite://data/x.db", ERR_INVALID},
        {"sqlite:/tmp/", ERR_INVALID},
        {"sqlite:/dev/null/x.db", ERR_INTERNAL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err;
        error_reset(&err);
        struct sql *sql = NULL;
        assert_int_equal(sql_open(cases[i].url, true, &sql, &err), cases[i].code);
        assert_null(sql);
        assert_null(strstr(err.message, "secret"));
        assert_true(err.message[0] != '\0');
    }
    FILE *file = fopen(db->path, "w");
    assert_non_null(file);
    assert_true(fputs("This is no database, but long enough to be taken for one at first.", file) >=
                0);
    assert_int_equal(fclose(file), 0);
    struct error err;
    error_reset(&err);
    struct sql *sql = NULL;
    assert_int_equal(sql_open(db->url, true, &sql, &err), ERR_CORRUPT);
}

static void test_open_makes_folders(void **state)
{
    struct temp_db *db = *state;
    const char *url = arena_printf(db->arena, "sqlite:%s/a/b/:memory:", db->folder).ptr;
    const char *path = url + strlen("sqlite:");
    struct error err;
    assert_int_equal(sql_open(url, true, &db->sql, &err), ERR_OK);
    assert_string_equal(sql_engine(db->sql), "sqlite");
    assert_int_equal(sql_capabilities(db->sql), SQL_CAP_SOLE_OWNER | SQL_CAP_INLINE_READS);
    temp_db_script(db, VALUES_TABLE);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(arena_printf(db->arena, "%s-wal", path).ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(arena_printf(db->arena, "%s/a", db->folder).ptr, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    temp_db_close(db);
    assert_int_equal(temp_folder_remove(arena_printf(db->arena, "%s/a/b", db->folder).ptr), 0);
    assert_int_equal(temp_folder_remove(arena_printf(db->arena, "%s/a", db->folder).ptr), 0);
}

#define TEST_OPEN(test)   cmocka_unit_test_setup_teardown(test, temp_db_setup_open, temp_db_teardown)
#define TEST_CLOSED(test) cmocka_unit_test_setup_teardown(test, temp_db_setup, temp_db_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OPEN(test_integers),
        TEST_OPEN(test_floats),
        TEST_OPEN(test_texts),
        TEST_OPEN(test_nulls),
        TEST_OPEN(test_objects),
        TEST_OPEN(test_last_chain),
        TEST_OPEN(test_when_none),
        TEST_OPEN(test_counts),
        TEST_OPEN(test_read_lanes_refuse_to_write),
        TEST_OPEN(test_empty_operation),
        TEST_OPEN(test_long_lane),
        TEST_OPEN(test_refusals),
        TEST_OPEN(test_script),
        TEST_OPEN(test_many_statements),
        TEST_OPEN(test_other_words),
        TEST_OPEN(test_several_statements),
        TEST_CLOSED(test_open_errors),
        TEST_CLOSED(test_open_makes_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
