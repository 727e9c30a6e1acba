// Statements that were written for all engines, in SQLite's words.
#include "sql/driver_sqlite.h"

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// The end of what is quoted by, or the comment that begins with, the character at `at`; `at` if
// there is none.
static size_t end_of_quoted(struct str text, size_t at)
{
    char c = text.ptr[at];
    size_t end = at;
    if (c == '\'' || c == '"')
        end = str_find(text, c, at + 1) + 1;
    else if (c == '-' && str_starts(str_slice(text, at, text.len), STR("--")))
        end = str_find(text, '\n', at);
    return end < text.len ? end : text.len;
}

// {last:table} at `at`: writes the query and returns its end; `at` if it is something else. SQLite
// keeps the last id of each table with AUTOINCREMENT in a table of its own.
static size_t rewrite_last(struct str text, size_t at, struct buf *out)
{
    const struct str start = STR("{last:");
    if (!str_starts(str_slice(text, at, text.len), start))
        return at;
    size_t name_at = at + start.len;
    size_t end = name_at;
    while (end < text.len && is_name_char(text.ptr[end]))
        end++;
    check(end > name_at && end < text.len && text.ptr[end] == '}');
    buf_printf(out, "(SELECT seq FROM sqlite_sequence WHERE name='%.*s')",
               STR_ARG(str_slice(text, name_at, end)));
    return end + 1;
}

void sqlite_stmt_rewrite(struct str text, struct buf *out)
{
    size_t at = 0;
    while (at < text.len) {
        size_t end = end_of_quoted(text, at);
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
