// Tests of filling statement texts from field tables.
#include "sql/temp_db.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sql/sql_text.h"

struct thing {
    int64_t id;
    int64_t count;
    int64_t made;
    int64_t hidden;
    int64_t size;
};

static const struct field fields[] = {
    {FIELD_AS_I64(struct thing, id), .flags = FIELD_READ_ONLY},
    {FIELD_AS_I64(struct thing, count)},
    {FIELD_AS_I64(struct thing, made), .flags = FIELD_READ_ONLY},
    {FIELD_AS_I64(struct thing, hidden), .flags = FIELD_NO_SQL},
    {FIELD_AS_I64(struct thing, size)},
};

static const struct field_table table = FIELD_TABLE("thing", fields, struct thing);

static void test_expand(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"", ""},
        {"SELECT 1", "SELECT 1"},
        {"SELECT {columns} FROM t", "SELECT id, count, made, size FROM t"},
        {"({columns-id}) ({values-id})", "(count, made, size) ($1, $2, $3)"},
        {"{values}", "$1, $2, $3, $4"},
        {"SET {set-id} WHERE id = $1", "SET count = $2, made = $3, size = $4 WHERE id = $1"},
        {"{changes}", "count = CASE WHEN (CAST($2 AS BIGINT) & 2) <> 0 THEN $3 ELSE count END, "
                      "size = CASE WHEN (CAST($2 AS BIGINT) & 16) <> 0 THEN $4 ELSE size END"},
        {"{after-changes} {after-all} {after-values-id}", "$5 $5 $4"},
        {"{after-changes+1} {after-all+2} {after-values-id+10}", "$6 $7 $14"},
        {"{last:leads}, {columns-id}", "{last:leads}, count, made, size"},
        {"SELECT '{columns} it''s', {columns-id}", "SELECT '{columns} it''s', count, made, size"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct sql_stmt stmt = {.name = "test", .text = cases[i].text, .table = &table};
        CLEANUP(buf_done) struct buf out;
        buf_init(&out, 1000);
        sql_text_expand(&stmt, stmt.text, &out);
        assert_string_equal(buf_cstr(&out), cases[i].want);
    }
}

static void expand(const char *text, const struct field_table *of, struct buf *out)
{
    const struct sql_stmt stmt = {.name = "test", .text = text, .table = of};
    sql_text_expand(&stmt, text, out);
}

// Where nothing comes from a table, none is needed.
static void test_param_fields(void **state)
{
    static const struct {
        const char *text;
        size_t param;
        const char *want;
    } cases[] = {
        {"VALUES ({values-id})", 0, "count"},
        {"VALUES ({values-id})", 2, "size"},
        {"VALUES ({values-id})", 3, NULL},
        {"SET {changes}", 0, NULL},
        {"SET {changes}", 1, NULL},
        {"SET {changes}", 2, "count"},
        {"SET {changes}", 3, "size"},
        {"SET {changes}", 4, NULL},
        {"SELECT {columns} WHERE $1", 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct sql_stmt stmt = {.text = cases[i].text, .table = &table};
        const struct field *field = sql_text_param_field(&stmt, cases[i].param);
        if (cases[i].want == NULL)
            assert_null(field);
        else
            assert_string_equal(field->name, cases[i].want);
    }
    const struct sql_stmt plain = {.text = "({values-id})"};
    assert_null(sql_text_param_field(&plain, 0));
}

static void test_without_table(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "SELECT $1", "VALUES ({last:leads}, {last:t})", "a}b"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        CLEANUP(buf_done) struct buf out;
        buf_init(&out, 1000);
        expand(texts[i], NULL, &out);
        assert_string_equal(buf_cstr(&out), texts[i]);
    }
}

// What is given is expanded, not the statement's own text: an engine may have other words.
static void test_other_words(void **state)
{
    (void)state;
    const struct sql_stmt stmt = {.name = "test", .text = "{columns}", .table = &table};
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 1000);
    BUF_LITERAL(&out, "before ");
    sql_text_expand(&stmt, "{values-id}", &out);
    assert_string_equal(buf_cstr(&out), "before $1, $2, $3");
}

struct pair {
    int64_t first;
    int64_t second;
};

static const struct field pair_fields[] = {
    {FIELD_AS_I64(struct pair, first)},
    {FIELD_AS_I64(struct pair, second)},
};

// The smallest tables: an id alone, and one that a client may change.
static void test_small_tables(void **state)
{
    (void)state;
    const struct field_table alone = {"one", pair_fields, 1, sizeof(struct pair)};
    const struct field_table both = FIELD_TABLE("pair", pair_fields, struct pair);
    static const struct {
        const char *text;
        const char *alone;
        const char *both;
    } cases[] = {
        {"{columns}|{columns-id}", "first|", "first, second|second"},
        {"{values}|{values-id}", "$1|", "$1, $2|$1"},
        {"{set-id}", "", "second = $2"},
        {"{changes}", "first = CASE WHEN (CAST($2 AS BIGINT) & 1) <> 0 THEN $3 ELSE first END",
         "first = CASE WHEN (CAST($2 AS BIGINT) & 1) <> 0 THEN $3 ELSE first END, "
         "second = CASE WHEN (CAST($2 AS BIGINT) & 2) <> 0 THEN $4 ELSE second END"},
        {"{after-changes}|{after-all}", "$4|$2", "$5|$3"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(buf_done) struct buf out;
        buf_init(&out, 1000);
        expand(cases[i].text, &alone, &out);
        assert_string_equal(buf_cstr(&out), cases[i].alone);
        buf_reset(&out);
        expand(cases[i].text, &both, &out);
        assert_string_equal(buf_cstr(&out), cases[i].both);
    }
}

static void test_ceiling(void **state)
{
    (void)state;
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 10);
    expand("{columns}", &table, &out);
    assert_true(out.overflow);
}

// Texts that only a mistake can hold end the process.
static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const struct field_table *of;
    } cases[] = {
        {"{column}", &table}, {"{}", &table},         {"{columns", &table},
        {"{", &table},        {"{ columns}", &table}, {"{columns}", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            close(STDERR_FILENO);
            struct buf out;
            buf_init(&out, 1000);
            expand(cases[i].text, cases[i].of, &out);
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGABRT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_param_fields),  cmocka_unit_test(test_expand),
        cmocka_unit_test(test_without_table), cmocka_unit_test(test_other_words),
        cmocka_unit_test(test_small_tables),  cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
