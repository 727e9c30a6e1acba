// Tests of rewriting statements for SQLite.
#include "sql/temp_db.h"

#include "sql/driver_sqlite.h"

static void test_rewrite(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"", ""},
        {"SELECT 1", "SELECT 1"},
        {"SELECT $1, $12", "SELECT ?1, ?12"},
        {"$1$2", "?1?2"},
        {"a $ b $x", "a $ b $x"},
        {"SELECT '$1', \"$2\", $3", "SELECT '$1', \"$2\", ?3"},
        {"'it''s $1' || $2", "'it''s $1' || ?2"},
        {"SELECT 1 -- $1 it's\n + $2", "SELECT 1 -- $1 it's\n + ?2"},
        {"SELECT 1 - $1 -- $2", "SELECT 1 - ?1 -- $2"},
        {"'open $1", "'open $1"},
        {"VALUES ({last:sunlead_orders}, $1)",
         "VALUES ((SELECT seq FROM sqlite_sequence WHERE name='sunlead_orders'), ?1)"},
        {"{last:a}{last:b2}", "(SELECT seq FROM sqlite_sequence WHERE name='a')"
                              "(SELECT seq FROM sqlite_sequence WHERE name='b2')"},
        {"'{last:a}' {\"a\"}", "'{last:a}' {\"a\"}"},
        {"$", "$"},
        {"-", "-"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        CLEANUP(buf_done) struct buf out;
        buf_init(&out, 1000);
        sqlite_stmt_rewrite(str_of(cases[i].text), &out);
        assert_string_equal(buf_cstr(&out), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rewrite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
