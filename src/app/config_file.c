// Reading .env files.
#include "app/config_file.h"

#include "base/buf.h"

struct parser {
    const char *file_name;
    struct arena *arena;
    size_t line;
    struct error *err;
};

static bool is_name_char(char c, bool first)
{
    return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (!first && c >= '0' && c <= '9');
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_name_char(s.ptr[i], i == 0))
            return false;
    }
    return s.len > 0;
}

static enum err broken(const struct parser *parser, const char *what)
{
    return error_set(parser->err, ERR_INVALID, "%s, line %zu: %s", parser->file_name, parser->line,
                     what);
}

// What may stand behind a closing quote: nothing, or a comment.
static bool is_rest_empty(struct str rest)
{
    rest = str_trim(rest);
    return rest.len == 0 || rest.ptr[0] == '#';
}

static enum err parse_quoted(const struct parser *parser, struct str s, struct str *ret_value)
{
    char quote = s.ptr[0];
    struct buf value;
    buf_init_arena(&value, parser->arena, s.len);
    size_t i = 1;
    for (; i < s.len && s.ptr[i] != quote; i++) {
        bool escapes = quote == '"' && s.ptr[i] == '\\' && i + 1 < s.len &&
                       (s.ptr[i + 1] == '"' || s.ptr[i + 1] == '\\');
        if (escapes)
            i++;
        buf_append_char(&value, s.ptr[i]);
    }
    if (i == s.len)
        return broken(parser, "the quote is not closed");
    if (!is_rest_empty(str_slice(s, i + 1, s.len)))
        return broken(parser, "something stands behind the closing quote");
    *ret_value = buf_str(&value);
    return ERR_OK;
}

static struct str without_comment(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool starts = i == 0 || s.ptr[i - 1] == ' ' || s.ptr[i - 1] == '\t';
        if (s.ptr[i] == '#' && starts)
            return str_trim(str_slice(s, 0, i));
    }
    return s;
}

static enum err parse_line(const struct parser *parser, struct str line,
                           struct config_entry *ret_entry)
{
    if (str_starts(line, STR("export ")))
        line = str_trim(str_slice(line, 7, line.len));
    size_t equal = str_find(line, '=', 0);
    struct str name = str_trim(str_slice(line, 0, equal));
    if (equal == line.len || !is_name(name))
        return broken(parser, "wanted NAME=VALUE, a comment with # or an empty line");
    struct str value = str_trim(str_slice(line, equal + 1, line.len));
    if (value.len > 0 && (value.ptr[0] == '"' || value.ptr[0] == '\''))
        TRY(parse_quoted(parser, value, &value));
    else
        value = without_comment(value);
    *ret_entry = (struct config_entry){.name = name, .value = value, .line = parser->line};
    return ERR_OK;
}

const struct config_entry *config_file_find(const struct config_file *file, struct str name)
{
    for (size_t i = 0; i < file->count; i++) {
        if (str_equal(file->entries[i].name, name))
            return &file->entries[i];
    }
    return NULL;
}

static size_t count_lines(struct str text)
{
    size_t lines = 1;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

enum err config_file_parse(const char *name, struct str text, struct arena *arena,
                           struct config_file *ret_file, struct error *err)
{
    struct parser parser = {.file_name = name, .arena = arena, .err = err};
    struct config_file file = {.name = name};
    file.entries = arena_new(arena, struct config_entry, count_lines(text));
    if (str_starts(text, STR("\xEF\xBB\xBF"))) // a byte order mark
        text = str_slice(text, 3, text.len);
    while (text.ptr != NULL) {
        parser.line++;
        struct str line = str_split(&text, '\n');
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        line = str_trim(line);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        struct config_entry *entry = &file.entries[file.count];
        TRY(parse_line(&parser, line, entry));
        const struct config_entry *before = config_file_find(&file, entry->name);
        if (before != NULL)
            return error_set(err, ERR_INVALID, "%s, line %zu: %.*s is set in line %zu already",
                             name, parser.line, STR_ARG(before->name), before->line);
        file.count++;
    }
    *ret_file = file;
    return ERR_OK;
}
