// Growing of buffers. One byte more than cap is always there, for the NUL of buf_cstr() and
// vsnprintf().
#include "base/buf.h"

#include <stdarg.h>

#define CAP_FIRST 256

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_init_arena(struct buf *buf, struct arena *arena, size_t max)
{
    *buf = (struct buf){.max = max, .arena = arena};
}

void buf_done(struct buf *buf)
{
    if (buf->arena == NULL)
        free(buf->ptr);
    buf->ptr = NULL;
    buf->len = 0;
    buf->cap = 0;
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->overflow = false;
}

static void set_cap_arena(struct buf *buf, size_t cap)
{
    if (buf->ptr != NULL && arena_extend(buf->arena, buf->ptr, buf->cap + 1, cap + 1)) {
        buf->cap = cap;
        return;
    }
    char *bytes = arena_raw(buf->arena, cap + 1);
    if (buf->len > 0)
        memcpy(bytes, buf->ptr, buf->len);
    buf->ptr = bytes;
    buf->cap = cap;
}

static void set_cap_heap(struct buf *buf, size_t cap)
{
    char *bytes = realloc(buf->ptr, cap + 1);
    if (bytes == NULL) {
        dprintf(2, "out of memory (%zu bytes)\n", cap);
        abort();
    }
    buf->ptr = bytes;
    buf->cap = cap;
}

char *buf_grow(struct buf *buf, size_t more)
{
    if (buf->overflow || more > buf->max - buf->len) {
        buf->overflow = true;
        return NULL;
    }
    size_t need = buf->len + more;
    if (need > buf->cap || buf->ptr == NULL) {
        size_t cap = buf->cap < CAP_FIRST / 2 ? CAP_FIRST : buf->cap * 2;
        if (cap < need)
            cap = need;
        if (cap > buf->max)
            cap = buf->max;
        if (buf->arena != NULL)
            set_cap_arena(buf, cap);
        else
            set_cap_heap(buf, cap);
    }
    return buf->ptr + buf->len;
}

void buf_append(struct buf *buf, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    char *to = buf_grow(buf, len);
    if (to == NULL)
        return;
    memcpy(to, bytes, len);
    buf->len += len;
}

void buf_append_str(struct buf *buf, struct str s)
{
    buf_append(buf, s.ptr, s.len);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    if (buf_grow(buf, 0) == NULL)
        return;
    size_t room = buf->cap - buf->len + 1;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(buf->ptr + buf->len, room, format, args);
    va_end(args);
    check(length >= 0);
    size_t len = (size_t)length;
    if (len >= room) {
        char *to = buf_grow(buf, len);
        if (to == NULL)
            return;
        va_start(args, format);
        vsnprintf(to, len + 1, format, args);
        va_end(args);
    }
    buf->len += len;
}

const char *buf_cstr(struct buf *buf)
{
    if (buf->overflow)
        return NULL;
    if (buf->ptr == NULL)
        return "";
    buf->ptr[buf->len] = '\0';
    return buf->ptr;
}
