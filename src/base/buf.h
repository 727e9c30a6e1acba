// A growing run of bytes with a ceiling.
#ifndef SUNLEAD_BASE_BUF_H
#define SUNLEAD_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/macro.h"
#include "base/str.h"

// A buffer grows on the heap, or in an arena where one is given, up to max bytes. An append that
// would go over max writes nothing and sets overflow, which stays: append freely, check once at
// the end.
struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    struct arena *arena; // NULL: heap
    bool overflow;
};

// buf_init() makes an empty buffer on the heap; buf_done() frees it.
void buf_init(struct buf *buf, size_t max);

// buf_init_arena() makes an empty buffer in an arena; it needs no buf_done().
void buf_init_arena(struct buf *buf, struct arena *arena, size_t max);

// buf_done() frees the bytes of a heap buffer; fine to call twice, and as CLEANUP(buf_done).
void buf_done(struct buf *buf);

// buf_reset() empties the buffer and clears overflow, keeping its memory.
void buf_reset(struct buf *buf);

// buf_grow() makes room for more bytes behind len and returns where they go (not yet counted in
// len), or NULL after setting overflow.
char *buf_grow(struct buf *buf, size_t more);

// buf_append() adds len bytes.
void buf_append(struct buf *buf, const void *bytes, size_t len);

// buf_append_str() adds a text; null adds nothing.
void buf_append_str(struct buf *buf, struct str s);

// buf_append_char() adds one byte.
static inline void buf_append_char(struct buf *buf, char c)
{
    if (buf->len < buf->cap)
        buf->ptr[buf->len++] = c;
    else
        buf_append(buf, &c, 1);
}

// BUF_LITERAL(buf, "text") adds a literal without counting it at run time.
#define BUF_LITERAL(buf, literal) buf_append((buf), (literal), sizeof(literal) - 1)

// buf_printf() adds formatted text.
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

// buf_str() is what the buffer holds; valid until the next change.
static inline struct str buf_str(const struct buf *buf)
{
    return (struct str){.ptr = buf->ptr == NULL ? "" : buf->ptr, .len = buf->len};
}

// buf_cstr() puts a NUL behind the bytes (not counted in len) and returns them; NULL on overflow.
const char *buf_cstr(struct buf *buf);

#endif
