// Fills the placeholders of statement texts from their field tables.
#include "sql/sql_text.h"

static bool is_column(const struct field *field)
{
    return (field->flags & FIELD_NO_SQL) == 0;
}

static void write_columns(struct buf *out, const struct field_table *table, size_t skip)
{
    size_t n = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (!is_column(&table->fields[i]) || n++ < skip)
            continue;
        buf_printf(out, "%s%s", n > skip + 1 ? ", " : "", table->fields[i].name);
    }
}

static void write_values(struct buf *out, const struct field_table *table, size_t skip)
{
    size_t n = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (!is_column(&table->fields[i]) || n++ < skip)
            continue;
        buf_printf(out, "%s$%zu", n > skip + 1 ? ", " : "", n - skip);
    }
}

static void write_set(struct buf *out, const struct field_table *table)
{
    size_t n = 0;
    for (size_t i = 0; i < table->count; i++) {
        if (!is_column(&table->fields[i]) || n++ < 1)
            continue;
        buf_printf(out, "%s%s = $%zu", n > 2 ? ", " : "", table->fields[i].name, n);
    }
}

static void write_changes(struct buf *out, const struct field_table *table)
{
    size_t n = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        if (!is_column(field) || (field->flags & FIELD_READ_ONLY) != 0)
            continue;
        buf_printf(out, "%s%s = CASE WHEN (CAST($2 AS BIGINT) & %llu) <> 0 THEN $%zu ELSE %s END",
                   n > 0 ? ", " : "", field->name, 1ULL << i, n + 3, field->name);
        n++;
    }
}

// {after-...}: where its list begins, and the flags of the fields that are not in it.
static const struct {
    struct str name;
    size_t first;
    unsigned without;
} afters[] = {
    {STR_INIT("after-changes"), 3, FIELD_NO_SQL | FIELD_READ_ONLY},
    {STR_INIT("after-all"), 1, FIELD_NO_SQL},
    {STR_INIT("after-values-id"), 0, FIELD_NO_SQL},
};

// Writes the parameter behind the last one of a list, or one that follows it.
static bool write_after(struct buf *out, const struct field_table *table, struct str name)
{
    int64_t more = 0;
    struct str list = str_split(&name, '+');
    if (name.ptr != NULL)
        check(number_parse_i64(name, 1, FIELD_TABLE_MAX, &more) == ERR_OK);
    for (size_t i = 0; i < COUNT_OF(afters); i++) {
        if (!str_equal(list, afters[i].name))
            continue;
        size_t at = afters[i].first + (size_t)more;
        for (size_t j = 0; j < table->count; j++)
            at += (table->fields[j].flags & afters[i].without) == 0;
        buf_printf(out, "$%zu", at);
        return true;
    }
    return false;
}

static void expand_one(const struct sql_stmt *stmt, struct str name, struct buf *out)
{
    if (str_starts(name, STR("last:"))) {
        buf_printf(out, "{%.*s}", STR_ARG(name));
        return;
    }
    check(stmt->table != NULL);
    if (str_equal(name, STR("columns")))
        write_columns(out, stmt->table, 0);
    else if (str_equal(name, STR("columns-id")))
        write_columns(out, stmt->table, 1);
    else if (str_equal(name, STR("values")))
        write_values(out, stmt->table, 0);
    else if (str_equal(name, STR("values-id")))
        write_values(out, stmt->table, 1);
    else if (str_equal(name, STR("set-id")))
        write_set(out, stmt->table);
    else if (str_equal(name, STR("changes")))
        write_changes(out, stmt->table);
    else if (!write_after(out, stmt->table, name))
        check_failed("a known placeholder", __FILE__, __LINE__);
}

const struct field *sql_text_param_field(const struct sql_stmt *stmt, size_t i)
{
    static const struct {
        const char *name;
        unsigned without;
        size_t skipped; // fields before the first one
        size_t first;   // parameter
    } lists[] = {{"{values-id}", FIELD_NO_SQL, 1, 0},
                 {"{changes}", FIELD_NO_SQL | FIELD_READ_ONLY, 0, 2}};
    for (size_t list = 0; list < COUNT_OF(lists) && stmt->table != NULL; list++) {
        if (strstr(stmt->text, lists[list].name) == NULL || i < lists[list].first)
            continue;
        size_t at = i - lists[list].first + lists[list].skipped;
        for (size_t j = 0; j < stmt->table->count; j++) {
            if ((stmt->table->fields[j].flags & lists[list].without) == 0 && at-- == 0)
                return &stmt->table->fields[j];
        }
    }
    return NULL;
}

size_t sql_text_quoted_end(struct str text, size_t at)
{
    char c = text.ptr[at];
    size_t end = at;
    if (c == '\'' || c == '"')
        end = str_find(text, c, at + 1) + 1;
    else if (c == '-' && str_starts(str_slice(text, at, text.len), STR("--")))
        end = str_find(text, '\n', at);
    return end < text.len ? end : text.len;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

size_t sql_text_last_end(struct str text, size_t at, struct str *ret_table)
{
    const struct str start = STR("{last:");
    if (!str_starts(str_slice(text, at, text.len), start))
        return at;
    size_t name_at = at + start.len;
    size_t end = name_at;
    while (end < text.len && is_name_char(text.ptr[end]))
        end++;
    check(end > name_at && end < text.len && text.ptr[end] == '}');
    *ret_table = str_slice(text, name_at, end);
    return end + 1;
}

// The position of the next brace outside of quoted text; text.len if there is none.
static size_t next_brace(struct str text)
{
    size_t at = 0;
    while (at < text.len && text.ptr[at] != '{') {
        size_t end = sql_text_quoted_end(text, at);
        at = end > at ? end : at + 1;
    }
    return at;
}

void sql_text_expand(const struct sql_stmt *stmt, const char *text, struct buf *ret_text)
{
    struct str rest = str_of(text);
    for (;;) {
        size_t open = next_brace(rest);
        buf_append(ret_text, rest.ptr, open);
        if (open == rest.len)
            return;
        size_t close = str_find(rest, '}', open);
        check(close < rest.len);
        expand_one(stmt, str_slice(rest, open + 1, close), ret_text);
        rest = str_slice(rest, close + 1, rest.len);
    }
}
