// The bump allocator behind struct arena: blocks in a chain, the first of which holds the arena
// itself.
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>

#define BLOCK_FIRST 4096
#define BLOCK_MAX   ((size_t)64 * 1024)
#define ALIGNMENT   ((size_t)16)

// Under AddressSanitizer what is not given out is poisoned, and a gap behind each piece too, so
// that overruns inside a block are seen.
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_POISON 1
#endif
#endif

#ifdef ARENA_POISON
#include <sanitizer/asan_interface.h>
#define GAP ALIGNMENT
#else
#define GAP                                      ((size_t)0)
#define ASAN_POISON_MEMORY_REGION(bytes, size)   ((void)(bytes), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(bytes, size) ((void)(bytes), (void)(size))
#endif

struct block {
    struct block *next;
    size_t size; // of bytes[]
    size_t used;
    _Alignas(16) char bytes[];
};

struct arena {
    struct block *newest; // the chain of all blocks but the first
    struct block *current;
    struct block *first; // holds this struct
    size_t next_size;
    size_t given;
};

static size_t round_up(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

#define ARENA_SIZE ((sizeof(struct arena) + ALIGNMENT - 1) & ~(ALIGNMENT - 1))

static struct block *block_new(size_t size)
{
    check(size <= SIZE_MAX - sizeof(struct block));
    struct block *block = malloc(sizeof(struct block) + size);
    if (block == NULL) {
        dprintf(2, "out of memory (%zu bytes)\n", size);
        abort();
    }
    block->next = NULL;
    block->size = size;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->bytes, size);
    return block;
}

static void block_free(struct block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
    free(block);
}

struct arena *arena_open(size_t first_bytes)
{
    size_t size = round_up(first_bytes == 0 ? BLOCK_FIRST : first_bytes);
    struct block *first = block_new(ARENA_SIZE + size);
    ASAN_UNPOISON_MEMORY_REGION(first->bytes, ARENA_SIZE);
    first->used = ARENA_SIZE;
    struct arena *arena = (struct arena *)(void *)first->bytes;
    *arena = (struct arena){.first = first, .current = first, .next_size = size};
    return arena;
}

static void free_later_blocks(struct arena *arena)
{
    struct block *block = arena->newest;
    while (block != NULL) {
        struct block *next = block->next;
        block_free(block);
        block = next;
    }
    arena->newest = NULL;
}

void arena_close(struct arena *arena)
{
    if (arena == NULL)
        return;
    free_later_blocks(arena);
    block_free(arena->first);
}

void arena_close_ptr(struct arena **arena)
{
    arena_close(*arena);
    *arena = NULL;
}

void arena_reset(struct arena *arena)
{
    free_later_blocks(arena);
    struct block *first = arena->first;
    first->used = ARENA_SIZE;
    ASAN_POISON_MEMORY_REGION(first->bytes + ARENA_SIZE, first->size - ARENA_SIZE);
    arena->current = first;
    arena->next_size = first->size - ARENA_SIZE;
    arena->given = 0;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){
        .newest = arena->newest,
        .current = arena->current,
        .used = arena->current->used,
        .next_size = arena->next_size,
        .given = arena->given,
    };
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    while (arena->newest != mark.newest) {
        struct block *block = arena->newest;
        arena->newest = block->next;
        block_free(block);
    }
    struct block *current = mark.current;
    check(mark.used <= current->used);
    current->used = mark.used;
    ASAN_POISON_MEMORY_REGION(current->bytes + mark.used, current->size - mark.used);
    arena->current = current;
    arena->next_size = mark.next_size;
    arena->given = mark.given;
}

static struct block *add_block(struct arena *arena, size_t size)
{
    struct block *block = block_new(size);
    block->next = arena->newest;
    arena->newest = block;
    return block;
}

// A block with room for need bytes. What is larger than the next block would be gets one of its
// own, and the current block goes on being filled.
static struct block *block_with_room(struct arena *arena, size_t need)
{
    struct block *current = arena->current;
    if (need <= current->size - current->used)
        return current;
    size_t size = arena->next_size < BLOCK_MAX / 2 ? arena->next_size * 2 : BLOCK_MAX;
    if (need > size / 2)
        return add_block(arena, need);
    arena->next_size = size;
    arena->current = add_block(arena, size);
    return arena->current;
}

void *arena_raw(struct arena *arena, size_t size)
{
    check(size <= SIZE_MAX / 2);
    size_t need = round_up(size == 0 ? 1 : size) + GAP;
    struct block *block = block_with_room(arena, need);
    char *bytes = block->bytes + block->used;
    block->used += need;
    arena->given += size;
    ASAN_UNPOISON_MEMORY_REGION(bytes, size);
    return bytes;
}

void *arena_bytes(struct arena *arena, size_t size)
{
    void *bytes = arena_raw(arena, size);
    memset(bytes, 0, size);
    return bytes;
}

bool arena_extend(struct arena *arena, void *bytes, size_t size, size_t new_size)
{
    struct block *block = arena->current;
    size_t old_need = round_up(size == 0 ? 1 : size) + GAP;
    if (block->used < old_need || (char *)bytes != block->bytes + (block->used - old_need))
        return false;
    check(new_size >= size && new_size <= SIZE_MAX / 2);
    size_t more = round_up(new_size == 0 ? 1 : new_size) + GAP - old_need;
    if (more > block->size - block->used)
        return false;
    block->used += more;
    arena->given += new_size - size;
    ASAN_UNPOISON_MEMORY_REGION((char *)bytes, new_size);
    return true;
}

size_t arena_array_size(size_t n, size_t size)
{
    size_t bytes = 0;
    check(!__builtin_mul_overflow(n, size, &bytes));
    return bytes;
}

struct str arena_str(struct arena *arena, struct str s)
{
    if (s.ptr == NULL)
        return s;
    char *copy = arena_raw(arena, s.len + 1);
    memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return (struct str){.ptr = copy, .len = s.len};
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    check(length >= 0);
    size_t len = (size_t)length;
    if (len < sizeof(text))
        return arena_str(arena, (struct str){.ptr = text, .len = len});

    char *copy = arena_raw(arena, len + 1);
    va_start(args, format);
    vsnprintf(copy, len + 1, format, args);
    va_end(args);
    return (struct str){.ptr = copy, .len = len};
}

size_t arena_used(const struct arena *arena)
{
    return arena->given;
}
