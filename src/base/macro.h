// Small compiler conveniences that every file may use: attributes, cleanup, run-time checks.
#ifndef SUNLEAD_BASE_MACRO_H
#define SUNLEAD_BASE_MACRO_H

#include <stddef.h>

#include "base/banned.h"

#define MUST_CHECK                      __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define NORETURN                        __attribute__((noreturn))

// COUNT_OF(array) is the number of elements of a real array (not a pointer).
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// CLEANUP(fn) runs fn(&variable) when the variable leaves its scope, on every path.
#define CLEANUP(fn) __attribute__((cleanup(fn)))

// TAKE_PTR(p) gives the pointer away: its value is returned and p becomes NULL, so that a CLEANUP
// on p has nothing left to do.
#define TAKE_PTR(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

// CONTAINER_OF(ptr, type, member) is the struct of which *ptr is the given member.
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

// check_failed() prints the place of a broken assumption to stderr and aborts. Use check().
NORETURN void check_failed(const char *condition, const char *file, int line);

// check(condition) aborts on a programming error, in release builds too. Input, peers and disks
// never fail a check: they give an enum err.
#define check(condition)                                                                           \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0))                                                     \
            check_failed(#condition, __FILE__, __LINE__);                                          \
    } while (0)

#endif
