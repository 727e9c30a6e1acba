// Reading Range and the conditions on entity tags (RFC 9110, sections 13 and 14).
#include "http/http_range.h"

static const struct http_range whole = {.kind = HTTP_RANGE_WHOLE};
static const struct http_range unsatisfiable = {.kind = HTTP_RANGE_UNSATISFIABLE};

// Digits only; what is too large for a uint64_t becomes the largest one.
static bool parse_position(struct str s, uint64_t *ret_position)
{
    uint64_t position = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c < '0' || c > '9')
            return false;
        uint64_t digit = (uint64_t)(c - '0');
        position = position > (UINT64_MAX - digit) / 10 ? UINT64_MAX : position * 10 + digit;
    }
    *ret_position = position;
    return s.len > 0;
}

static struct http_range suffix_range(uint64_t length, uint64_t total)
{
    if (length == 0 || total == 0)
        return unsatisfiable;
    if (length > total)
        length = total;
    return (struct http_range){.kind = HTTP_RANGE_PART, .offset = total - length, .length = length};
}

static struct http_range part_range(uint64_t first, uint64_t last, uint64_t total)
{
    if (last < first)
        return whole;
    if (first >= total)
        return unsatisfiable;
    if (last >= total)
        last = total - 1;
    return (struct http_range){
        .kind = HTTP_RANGE_PART, .offset = first, .length = last - first + 1};
}

struct http_range http_range_parse(struct str header, uint64_t total)
{
    static const struct str unit = STR_INIT("bytes=");
    if (header.ptr == NULL || !str_equal_nocase(str_slice(header, 0, unit.len), unit))
        return whole;
    struct str range = str_trim(str_slice(header, unit.len, header.len));
    size_t dash = str_find(range, '-', 0);
    if (dash == range.len)
        return whole;
    struct str before = str_slice(range, 0, dash);
    struct str behind = str_slice(range, dash + 1, range.len);
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    if (before.len == 0)
        return parse_position(behind, &last) ? suffix_range(last, total) : whole;
    if (!parse_position(before, &first) || (behind.len > 0 && !parse_position(behind, &last)))
        return whole;
    return part_range(first, last, total);
}

// Takes one tag with its quotes (and W/) off the front of *rest; null if there is none.
static struct str take_tag(struct str *rest, bool *ret_weak)
{
    *ret_weak = str_starts(*rest, STR("W/"));
    struct str s = str_slice(*rest, *ret_weak ? 2 : 0, rest->len);
    if (s.len == 0 || s.ptr[0] != '"')
        return STR_NULL;
    size_t end = str_find(s, '"', 1);
    if (end == s.len)
        return STR_NULL;
    *rest = str_slice(s, end + 1, s.len);
    return str_slice(s, 1, end);
}

// Weak tags count only where weak ones are wanted.
static bool is_listed(struct str header, struct str etag, bool weak_too)
{
    struct str rest = str_trim(header);
    if (rest.len == 1 && rest.ptr[0] == '*')
        return true;
    while (rest.len > 0) {
        bool weak = false;
        struct str tag = take_tag(&rest, &weak);
        if (tag.ptr == NULL)
            return false;
        if (str_equal(tag, etag) && (weak_too || !weak))
            return true;
        rest = str_trim(rest);
        if (rest.len > 0 && rest.ptr[0] != ',')
            return false;
        while (rest.len > 0 && (rest.ptr[0] == ',' || rest.ptr[0] == ' ' || rest.ptr[0] == '\t'))
            rest = str_slice(rest, 1, rest.len);
    }
    return false;
}

bool http_etag_listed(struct str header, struct str etag)
{
    return is_listed(header, etag, true);
}

bool http_etag_matches(struct str header, struct str etag)
{
    return is_listed(header, etag, false);
}

bool http_etag_same(struct str header, struct str etag)
{
    struct str rest = str_trim(header);
    bool weak = false;
    struct str tag = take_tag(&rest, &weak);
    return tag.ptr != NULL && !weak && rest.len == 0 && str_equal(tag, etag);
}
