// Pieces of text: comparing, searching, cutting, UTF-8.
#include "base/str.h"

#include <openssl/crypto.h>

struct str str_of(const char *text)
{
    return (struct str){.ptr = text, .len = text == NULL ? 0 : strlen(text)};
}

static bool same_shape(struct str a, struct str b)
{
    return a.len == b.len && (a.ptr == NULL) == (b.ptr == NULL);
}

bool str_equal(struct str a, struct str b)
{
    return same_shape(a, b) && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (!same_shape(a, b))
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

size_t str_find(struct str s, char c, size_t from)
{
    if (from >= s.len)
        return s.len;
    const char *found = memchr(s.ptr + from, c, s.len - from);
    return found == NULL ? s.len : (size_t)(found - s.ptr);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    return s;
}

struct str str_slice(struct str s, size_t start, size_t end)
{
    if (s.ptr == NULL)
        return s;
    if (end > s.len)
        end = s.len;
    if (start > end)
        start = end;
    return (struct str){.ptr = s.ptr + start, .len = end - start};
}

struct str str_split(struct str *rest, char separator)
{
    struct str whole = *rest;
    size_t at = str_find(whole, separator, 0);
    *rest = at < whole.len ? str_slice(whole, at + 1, whole.len) : STR_NULL;
    return str_slice(whole, 0, at);
}

// The table of RFC 3629, section 4: what may follow each first byte.
size_t str_utf8_width(struct str s, size_t at)
{
    if (at >= s.len)
        return 0;
    const unsigned char *p = (const unsigned char *)s.ptr + at;
    size_t left = s.len - at;
    if (p[0] < 0x80)
        return 1;

    size_t width = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || left < width)
        return 0;
    unsigned char least = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char most = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < least || p[1] > most)
        return 0;
    for (size_t i = 2; i < width; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    }
    return width;
}

// Eight bytes at a time while they are ASCII, which nearly all input is.
static size_t skip_ascii(struct str s, size_t at)
{
    uint64_t word;
    while (s.len - at >= sizeof(word)) {
        memcpy(&word, s.ptr + at, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) != 0)
            break;
        at += sizeof(word);
    }
    return at;
}

bool str_is_utf8(struct str s)
{
    size_t at = skip_ascii(s, 0);
    while (at < s.len) {
        size_t width = str_utf8_width(s, at);
        if (width == 0)
            return false;
        at += width;
    }
    return true;
}

struct str str_cut(struct str s, size_t max)
{
    if (s.len <= max)
        return s;
    size_t end = max;
    while (end > 0 && max - end < 3 && (s.ptr[end] & 0xC0) == 0x80)
        end--;
    // Bytes that are no UTF-8 at all are cut where the limit is.
    if ((s.ptr[end] & 0xC0) == 0x80)
        end = max;
    return str_slice(s, 0, end);
}

bool str_equal_secret(struct str a, struct str b)
{
    if (a.ptr == NULL || b.ptr == NULL || a.len != b.len)
        return false;
    return CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}
