// Statements that were written for all engines, in PostgreSQL's words.
#include "sql/driver_postgres.h"
#include "sql/sql_text.h"

// {last:table} at `at`: writes the query and returns its end; `at` if it is something else.
static size_t write_last(struct str text, size_t at, struct buf *out)
{
    struct str table;
    size_t end = sql_text_last_end(text, at, &table);
    if (end > at)
        buf_printf(out, "currval(pg_get_serial_sequence('%.*s', 'id'))", STR_ARG(table));
    return end;
}

// Copies the text with {last:table} filled in. Tells whether it says RETURNING.
static bool write_filled(struct str text, struct buf *out)
{
    bool returning = false;
    size_t at = 0;
    while (at < text.len) {
        size_t end = sql_text_quoted_end(text, at);
        if (end > at) {
            buf_append_str(out, str_slice(text, at, end));
            at = end;
            continue;
        }
        end = write_last(text, at, out);
        if (end > at) {
            at = end;
            continue;
        }
        if (str_starts(str_slice(text, at, text.len), STR(" RETURNING ")))
            returning = true;
        buf_append_char(out, text.ptr[at++]);
    }
    return returning;
}

// Rows that are wanted come by a LEFT JOIN, whose left side is evaluated also when the step is
// empty; otherwise the number of rows is all there is.
bool postgres_text_write(const struct sql_stmt *stmt, bool is_required, struct buf *out)
{
    CLEANUP(buf_done) struct buf expanded;
    CLEANUP(buf_done) struct buf filled;
    buf_init(&expanded, out->max);
    buf_init(&filled, out->max);
    sql_text_expand(stmt, stmt->text, &expanded);
    struct str text = str_trim(buf_str(&expanded));
    bool has_rows = write_filled(text, &filled) || str_starts(text, STR("SELECT "));
    check(!expanded.overflow && !filled.overflow);
    if (!is_required) {
        buf_append_str(out, buf_str(&filled));
        return false;
    }
    check(!str_starts(text, STR("WITH ")));
    if (has_rows)
        buf_printf(out,
                   "WITH step AS (%.*s) SELECT step.* FROM (SELECT sunlead_require("
                   "(SELECT count(*) FROM step)) AS found) AS found "
                   "LEFT JOIN step ON found.found > 0",
                   STR_ARG(buf_str(&filled)));
    else
        buf_printf(out,
                   "WITH step AS (%.*s RETURNING 1) SELECT sunlead_require(count(*)) FROM step",
                   STR_ARG(buf_str(&filled)));
    return !has_rows;
}
