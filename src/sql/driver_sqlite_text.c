// Statements that were written for all engines, in SQLite's words.
#include "sql/driver_sqlite.h"
#include "sql/sql_text.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// {last:table} at `at`: writes the query and returns its end; `at` if it is something else. SQLite
// keeps the last id of each table with AUTOINCREMENT in a table of its own.
static size_t rewrite_last(struct str text, size_t at, struct buf *out)
{
    struct str table;
    size_t end = sql_text_last_end(text, at, &table);
    if (end > at)
        buf_printf(out, "(SELECT seq FROM sqlite_sequence WHERE name='%.*s')", STR_ARG(table));
    return end;
}

void sqlite_stmt_rewrite(struct str text, struct buf *out)
{
    size_t at = 0;
    while (at < text.len) {
        size_t end = sql_text_quoted_end(text, at);
        if (end > at) {
            buf_append_str(out, str_slice(text, at, end));
            at = end;
            continue;
        }
        end = rewrite_last(text, at, out);
        if (end > at) {
            at = end;
            continue;
        }
        char c = text.ptr[at++];
        bool is_param = c == '$' && at < text.len && is_digit(text.ptr[at]);
        buf_append_char(out, is_param ? '?' : c);
    }
}
