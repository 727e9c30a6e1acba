// Memory that is given out piece by piece and freed all at once.
#ifndef SUNLEAD_BASE_ARENA_H
#define SUNLEAD_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/macro.h"
#include "base/str.h"

// An arena belongs to one request, job or imported row and to one thread at a time. What is taken
// from it is never freed alone. Inputs are bounded at the edge, so that an arena is bounded too;
// when the system has no memory left the process ends with a message (allocation never gives
// NULL).
struct arena;

// arena_open() makes an arena whose first block holds first_bytes (0: a default of 4 KiB).
struct arena *arena_open(size_t first_bytes);

// arena_close() frees the arena and all that came from it. NULL is fine.
void arena_close(struct arena *arena);

// arena_close_ptr() is arena_close() for CLEANUP.
void arena_close_ptr(struct arena **arena);

// arena_reset() forgets all that came from the arena but keeps its first block, for reuse.
void arena_reset(struct arena *arena);

// A moment in an arena's life.
struct arena_mark {
    void *newest;
    void *current;
    size_t used;
    size_t next_size;
    size_t given;
};

// arena_mark() notes what was given out until now.
struct arena_mark arena_mark(const struct arena *arena);

// arena_rewind() forgets what was given out since a mark, for work that starts again from there.
// Marks that were made since are of no use any more.
void arena_rewind(struct arena *arena, struct arena_mark mark);

// arena_bytes() gives size zeroed bytes, aligned for any type.
void *arena_bytes(struct arena *arena, size_t size);

// arena_raw() gives size bytes that are not cleared, aligned for any type.
void *arena_raw(struct arena *arena, size_t size);

// arena_extend() makes the piece that was given out last longer in place, from size to new_size
// bytes (the new ones are not cleared). False, with nothing changed, if it was not the last or
// has no room.
bool arena_extend(struct arena *arena, void *bytes, size_t size, size_t new_size);

// arena_new(arena, type, n) gives n zeroed elements of a type.
#define arena_new(arena, type, n)                                                                  \
    ((type *)arena_bytes((arena), arena_array_size((n), sizeof(type))))

// arena_array_size() is n * size; an overflow is a programming error.
size_t arena_array_size(size_t n, size_t size);

// arena_str() copies s and puts a NUL behind the copy. Null stays null.
struct str arena_str(struct arena *arena, struct str s);

// arena_printf() formats into the arena; the result has a NUL behind it.
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

// arena_used() is how many bytes were given out since arena_open() or arena_reset().
size_t arena_used(const struct arena *arena);

#endif
