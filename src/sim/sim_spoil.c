// Spoiling by walking over the tokens of a text that is JSON of our own.
#include "sim/sim_spoil.h"

#include "base/buf.h"
#include "sim/sim_fault.h"

size_t sim_spoil_length(size_t len, int64_t at)
{
    if (at == SIM_HALF)
        return len / 2;
    return (uint64_t)at < len ? (size_t)at : len;
}

// Where the token at from ends: a text with its quotes, or a number or word.
static size_t token_end(struct str json, size_t from)
{
    size_t at = from + 1;
    if (json.ptr[from] != '"') {
        while (at < json.len && strchr(",]}: \n", json.ptr[at]) == NULL)
            at++;
        return at;
    }
    while (at < json.len && json.ptr[at] != '"')
        at += json.ptr[at] == '\\' ? 2 : 1;
    return at < json.len ? at + 1 : json.len;
}

static void spoil_token(struct buf *buf, struct str token)
{
    if (token.ptr[0] == '"')
        buf_printf(buf, "%zu", token.len);
    else if (strchr("tfn", token.ptr[0]) != NULL)
        BUF_LITERAL(buf, "{}");
    else
        buf_printf(buf, "\"#%.*s\"", STR_ARG(token));
}

struct str sim_spoil_types(struct str json, struct arena *arena)
{
    struct buf buf;
    // A digit becomes four bytes at most: quotes and a sign around it.
    buf_init_arena(&buf, arena, json.len * 4 + 16);
    for (size_t at = 0; at < json.len;) {
        if (strchr("{}[]:, \n", json.ptr[at]) != NULL) {
            buf_append_char(&buf, json.ptr[at++]);
            continue;
        }
        size_t end = token_end(json, at);
        struct str token = str_slice(json, at, end);
        bool is_name = token.ptr[0] == '"' && end < json.len && json.ptr[end] == ':';
        if (is_name)
            buf_append_str(&buf, token);
        else
            spoil_token(&buf, token);
        at = end;
    }
    check(!buf.overflow);
    return buf_str(&buf);
}
