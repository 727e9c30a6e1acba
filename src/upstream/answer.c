// Owns the table from HTTP answers to outcomes.
#include "upstream/answer.h"

#include "upstream/wire.h"

// The first row that holds the status counts.
static const struct answer_row {
    int from;
    int to;
    struct answer_meaning paid; // the create
    struct answer_meaning free; // calls that may be repeated
} answer_rows[] = {
    {200, 299, {LF_OK, FAILURE_NONE}, {LF_OK, FAILURE_NONE}},
    {401, 401, {LF_NOT_SENT, FAILURE_UNAUTHORIZED}, {LF_NOT_SENT, FAILURE_UNAUTHORIZED}},
    {404, 404, {LF_REFUSED, FAILURE_REFUSED}, {LF_NOT_FOUND, FAILURE_GONE}},
    {408, 408, {LF_UNCLEAR, FAILURE_UNCLEAR}, {LF_UNCLEAR, FAILURE_UNAVAILABLE}},
    {429, 429, {LF_NOT_SENT, FAILURE_LIMITED}, {LF_NOT_SENT, FAILURE_LIMITED}},
    {400, 499, {LF_REFUSED, FAILURE_REFUSED}, {LF_REFUSED, FAILURE_REFUSED}},
};

struct answer_meaning answer_nonsense(bool paid)
{
    return (struct answer_meaning){LF_UNCLEAR, paid ? FAILURE_UNCLEAR : FAILURE_UNAVAILABLE};
}

struct answer_meaning answer_meaning(const struct http_call *http, bool paid)
{
    if (http->fate == HTTP_NOT_SENT)
        return (struct answer_meaning){LF_NOT_SENT, FAILURE_UNAVAILABLE};
    if (http->fate == HTTP_BROKEN)
        return answer_nonsense(paid);
    for (size_t i = 0; i < COUNT_OF(answer_rows); i++) {
        const struct answer_row *row = &answer_rows[i];
        if (http->status >= row->from && http->status <= row->to)
            return paid ? row->paid : row->free;
    }
    return answer_nonsense(paid); // 3xx, 5xx, and numbers that are no status
}

enum breaker_verdict answer_verdict(const struct http_call *http)
{
    if (http->held_back)
        return BREAKER_NO_VERDICT;
    if (http->fate != HTTP_ANSWERED || http->status == 408 || http->status >= 500)
        return BREAKER_BAD;
    return BREAKER_GOOD;
}

struct str answer_words(const struct http_call *http, bool strict, struct arena *arena)
{
    if (http->held_back)
        return wire_clean_words(str_of(http->detail), arena);
    if (http->fate == HTTP_NOT_SENT)
        return wire_clean_words(
            arena_printf(arena, "LightFusion was not reached: %s", http->detail), arena);
    if (http->fate == HTTP_BROKEN)
        return wire_clean_words(
            arena_printf(arena, "LightFusion's answer was lost: %s", http->detail), arena);
    if (http->status >= 200 && http->status < 300)
        return arena_printf(arena, "LightFusion's answer (%d) makes no sense", http->status);
    struct str words = wire_find_words(http->answer, arena);
    if (words.ptr == NULL && !strict)
        words = wire_clean_words(http->answer, arena);
    if (words.len > 0)
        return words;
    return arena_printf(arena, "LightFusion answered %d without a word", http->status);
}
