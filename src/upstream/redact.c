// Owns what may be seen of a body.
#include "upstream/redact.h"

#include <string.h>

#include "base/buf.h"
#include "domain/exchange.h"
#include "upstream/wire.h"

#define MASK            "***"
#define KEY_MAX         64
#define PHONE_DIGITS    7
#define HIDE_MIN        2 // bytes
#define MASKED_TEXT_MAX (4 * EXCHANGE_TEXT_MAX)
// What is written of JSON before the words are masked: a word at its end may be cut, but is not
// kept.
#define ENOUGH (EXCHANGE_TEXT_MAX + EXCHANGE_TEXT_MAX / 2)

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// Bytes of other alphabets count as letters.
static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

// ---- What is private.

// Parts of names of members, in small letters and without _ and -.
static const char *const private_parts[] = {
    "password", "token",     "secret",   "apikey",    "authorization", "mail",
    "contact",  "phone",     "mobile",   "firstname", "lastname",      "fullname",
    "username", "homeowner", "customer", "creator",
};
// Whole names.
static const char *const private_names[] = {"name", "user", "owner", "surname"};

static bool is_private_key(struct str key)
{
    char plain[KEY_MAX + 1];
    size_t len = 0;
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '\\' || len == KEY_MAX)
            return true; // nobody writes a name like that
        if (key.ptr[i] != '_' && key.ptr[i] != '-')
            plain[len++] = lower(key.ptr[i]);
    }
    plain[len] = '\0';
    for (size_t i = 0; i < COUNT_OF(private_parts); i++) {
        if (strstr(plain, private_parts[i]) != NULL)
            return true;
    }
    for (size_t i = 0; i < COUNT_OF(private_names); i++) {
        if (strcmp(plain, private_names[i]) == 0)
            return true;
    }
    return false;
}

static bool is_phone(struct str text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (is_digit(text.ptr[i]))
            digits++;
        else if (strchr("+-(). /", text.ptr[i]) == NULL)
            return false;
    }
    return digits >= PHONE_DIGITS;
}

static bool is_private_text(struct str text)
{
    return memchr(text.ptr, '@', text.len) != NULL || is_phone(text);
}

// ---- Text that is no JSON.

static size_t run_end(struct str text, size_t at, bool (*fits)(char c))
{
    while (at < text.len && fits(text.ptr[at]))
        at++;
    return at;
}

static bool is_phone_part(char c)
{
    return is_digit(c) || (c != '\0' && strchr("+-(). /", c) != NULL);
}

static bool is_no_gap(char c)
{
    return !is_space(c) && strchr("<>\"'(),;", c) == NULL;
}

static void mask_text(struct buf *out, struct str text)
{
    size_t at = 0;
    while (at < text.len) {
        size_t end = at;
        if (is_digit(text.ptr[at]) || text.ptr[at] == '+')
            end = run_end(text, at, is_phone_part);
        bool ends = end == text.len || !is_word(text.ptr[end]); // else it is a time, or a name
        bool hidden = end > at && ends && is_phone(str_slice(text, at, end));
        if (!hidden && is_no_gap(text.ptr[at])) {
            end = run_end(text, at, is_no_gap);
            hidden = memchr(text.ptr + at, '@', end - at) != NULL;
        }
        if (end == at)
            end = at + 1;
        if (hidden)
            BUF_LITERAL(out, MASK);
        else
            buf_append_str(out, str_slice(text, at, end));
        at = end;
    }
}

// ---- JSON.

// The end of the string that begins at `at`, behind its closing quote; 0 if it is not closed.
static size_t string_end(struct str text, size_t at)
{
    for (size_t i = at + 1; i < text.len; i++) {
        if (text.ptr[i] == '\\')
            i++;
        else if (text.ptr[i] == '"')
            return i + 1;
    }
    return 0;
}

// The end of the value that begins at `at`: of a string, of all that brackets hold, of a word.
static size_t value_end(struct str text, size_t at)
{
    size_t depth = 0;
    while (at < text.len) {
        char c = text.ptr[at];
        if (c == '"') {
            size_t end = string_end(text, at);
            at = end == 0 ? text.len : end;
        } else {
            if (depth == 0 && (c == ',' || c == '}' || c == ']'))
                return at;
            depth += c == '{' || c == '[' ? 1 : 0;
            depth -= c == '}' || c == ']' ? 1 : 0;
            at++;
        }
        if (depth == 0 && (c == '"' || c == '}' || c == ']'))
            return at;
    }
    return at;
}

// Writes the string at `at`, and of a private member the mask for its value; where it goes on.
static size_t mask_string(struct buf *out, struct str text, size_t at)
{
    size_t end = string_end(text, at);
    if (end == 0) { // cut or broken
        mask_text(out, str_slice(text, at, text.len));
        return text.len;
    }
    struct str inner = str_slice(text, at + 1, end - 1);
    size_t colon = run_end(text, end, is_space);
    bool is_key = colon < text.len && text.ptr[colon] == ':';
    if (!is_key && is_private_text(inner)) {
        BUF_LITERAL(out, "\"" MASK "\"");
        return end;
    }
    buf_append_char(out, '"');
    mask_text(out, inner);
    buf_append_char(out, '"');
    if (!is_key || !is_private_key(inner))
        return end;
    BUF_LITERAL(out, ":\"" MASK "\"");
    return value_end(text, run_end(text, colon + 1, is_space));
}

static void mask_json(struct buf *out, struct str text)
{
    size_t at = 0;
    while (at < text.len && out->len < ENOUGH) {
        size_t end = str_find(text, '"', at);
        if (end == at) {
            at = mask_string(out, text, at);
            continue;
        }
        struct str between = str_slice(text, at, end); // in JSON: numbers and punctuation
        if (memchr(between.ptr, '@', between.len) != NULL)
            mask_text(out, between);
        else
            buf_append_str(out, between);
        at = end;
    }
}

// ---- Words that are private here.

static bool is_at(struct str text, size_t at, struct str word)
{
    if (word.len < HIDE_MIN || word.len > text.len - at)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (lower(text.ptr[at + i]) != lower(word.ptr[i]))
            return false;
    }
    size_t end = at + word.len;
    return end == text.len || !is_word(text.ptr[end]) || !is_word(text.ptr[end - 1]);
}

static void mask_words(struct buf *out, struct str text, const struct str *hide, size_t hide_count)
{
    size_t at = 0;
    while (at < text.len) {
        size_t len = 0;
        bool begins = at == 0 || !is_word(text.ptr[at - 1]) || !is_word(text.ptr[at]);
        for (size_t i = 0; begins && len == 0 && i < hide_count; i++)
            len = is_at(text, at, hide[i]) ? hide[i].len : 0;
        if (len > 0)
            BUF_LITERAL(out, MASK);
        else
            buf_append_char(out, text.ptr[at]);
        at += len > 0 ? len : 1;
    }
}

// A name that stands at the very end of what was read may be cut: it is beyond what is kept.
struct str redact_body(struct str body, const struct str *hide, size_t hide_count,
                       struct arena *arena)
{
    struct str text = str_trim(wire_clean_words(str_cut(body, REDACT_READ_MAX), arena));
    struct buf masked;
    struct buf out;
    if (text.len == 0)
        return STR_NULL;
    buf_init_arena(&masked, arena, 2 * REDACT_READ_MAX);
    if (text.ptr[0] == '{' || text.ptr[0] == '[' || text.ptr[0] == '"')
        mask_json(&masked, text);
    else
        mask_text(&masked, text);
    buf_init_arena(&out, arena, 2 * MASKED_TEXT_MAX);
    mask_words(&out, str_cut(buf_str(&masked), MASKED_TEXT_MAX), hide, hide_count);
    return arena_str(arena, str_cut(buf_str(&out), EXCHANGE_TEXT_MAX));
}
