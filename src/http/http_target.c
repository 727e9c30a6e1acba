// Strict decoding of request targets (RFC 9112, section 3.2, and RFC 3986).
#include "http/http_target.h"

static const char bad_escape[] = "The address holds a broken % escape.";
static const char bad_byte[] = "The address holds a character that is not allowed.";
static const char bad_utf8[] = "The address is not valid UTF-8.";
static const char bad_form[] = "The request target is not a path.";
static const char dot_segment[] = "The path holds a segment \".\" or \"..\".";
static const char many_pairs[] = "The query has too many parameters.";

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

// Decodes the byte at *at and steps over it. Returns NULL or what is wrong.
static const char *decode_byte(struct str raw, size_t *at, char *ret_byte)
{
    unsigned char c = (unsigned char)raw.ptr[(*at)++];
    if (is_control(c) || c == ' ' || c == '#')
        return bad_byte;
    if (c == '%') {
        if (raw.len - *at < 2)
            return bad_escape;
        int high = hex_digit(raw.ptr[*at]);
        int low = hex_digit(raw.ptr[*at + 1]);
        if (high < 0 || low < 0)
            return bad_escape;
        *at += 2;
        c = (unsigned char)(high << 4 | low);
        if (is_control(c))
            return bad_byte;
    }
    *ret_byte = (char)c;
    return NULL;
}

static bool is_dot_segment(struct str s)
{
    return (s.len == 1 && s.ptr[0] == '.') || (s.len == 2 && s.ptr[0] == '.' && s.ptr[1] == '.');
}

static const char *add_segment(struct http_target *target, const char *start, const char *end)
{
    struct str segment = {.ptr = start, .len = (size_t)(end - start)};
    if (is_dot_segment(segment))
        return dot_segment;
    if (target->segment_count < HTTP_SEGMENTS_MAX)
        target->segments[target->segment_count] = segment;
    target->segment_count++;
    return NULL;
}

// The raw path begins with '/'. Segments are split before they are decoded and lie in the decoded
// path one behind the other.
static const char *parse_path(struct str raw, struct arena *arena, struct http_target *target)
{
    char *out = arena_raw(arena, raw.len + 1);
    char *start = out;
    char *end = out;
    bool high = false;
    *end++ = '/';
    start = end;
    for (size_t at = 1; at < raw.len;) {
        if (raw.ptr[at] == '/') {
            const char *fault = add_segment(target, start, end);
            if (fault != NULL)
                return fault;
            *end++ = '/';
            start = end;
            at++;
            continue;
        }
        const char *fault = decode_byte(raw, &at, end);
        if (fault != NULL)
            return fault;
        high |= (unsigned char)*end++ >= 0x80;
    }
    *end = '\0';
    target->path = (struct str){.ptr = out, .len = (size_t)(end - out)};
    if (high && !str_is_utf8(target->path))
        return bad_utf8;
    return raw.len == 1 ? NULL : add_segment(target, start, end);
}

// Decodes one name or value of a query, where '+' stands for a space.
static const char *decode_text(struct str raw, struct arena *arena, struct str *ret_text)
{
    char *out = arena_raw(arena, raw.len + 1);
    size_t len = 0;
    for (size_t at = 0; at < raw.len; len++) {
        bool plus = raw.ptr[at] == '+';
        const char *fault = decode_byte(raw, &at, &out[len]);
        if (fault != NULL)
            return fault;
        if (plus)
            out[len] = ' ';
    }
    out[len] = '\0';
    *ret_text = (struct str){.ptr = out, .len = len};
    return str_is_utf8(*ret_text) ? NULL : bad_utf8;
}

static size_t count_pairs(struct str query)
{
    size_t count = 0;
    for (struct str rest = query; rest.ptr != NULL;)
        count += str_split(&rest, '&').len > 0;
    return count;
}

static const char *parse_query(struct str query, struct arena *arena, struct http_target *target)
{
    size_t count = count_pairs(query);
    if (count > HTTP_PAIRS_MAX)
        return many_pairs;
    target->pairs = arena_new(arena, struct http_pair, count);
    for (struct str rest = query; rest.ptr != NULL;) {
        struct str piece = str_split(&rest, '&');
        if (piece.len == 0)
            continue;
        size_t equals = str_find(piece, '=', 0);
        struct http_pair *pair = &target->pairs[target->pair_count++];
        const char *fault = decode_text(str_slice(piece, 0, equals), arena, &pair->name);
        if (fault == NULL)
            fault = decode_text(str_slice(piece, equals + 1, piece.len), arena, &pair->value);
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

// Cuts scheme and authority off the absolute form; what is left begins with '/' or '?' or is empty.
static struct str cut_authority(struct str raw, struct arena *arena, struct http_target *target)
{
    static const struct str schemes[] = {STR_INIT("http://"), STR_INIT("https://")};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        struct str scheme = schemes[i];
        if (!str_equal_nocase(str_slice(raw, 0, scheme.len), scheme))
            continue;
        struct str rest = str_slice(raw, scheme.len, raw.len);
        size_t end = 0;
        while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
            end++;
        target->authority = arena_str(arena, str_slice(rest, 0, end));
        return str_slice(rest, end, rest.len);
    }
    return raw;
}

const char *http_target_parse(struct str raw, struct arena *arena, struct http_target *ret_target)
{
    *ret_target = (struct http_target){0};
    if (raw.len == 1 && raw.ptr[0] == '*') {
        ret_target->path = STR("*");
        return NULL;
    }
    struct str rest = cut_authority(raw, arena, ret_target);
    size_t mark = str_find(rest, '?', 0);
    struct str path = str_slice(rest, 0, mark);
    if (path.len == 0 && ret_target->authority.ptr != NULL)
        path = STR("/");
    if (path.len == 0 || path.ptr[0] != '/')
        return bad_form;
    const char *fault = parse_path(path, arena, ret_target);
    if (fault != NULL || mark == rest.len)
        return fault;
    return parse_query(str_slice(rest, mark + 1, rest.len), arena, ret_target);
}
