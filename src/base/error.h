// Error codes and the details that travel with them.
#ifndef SUNLEAD_BASE_ERROR_H
#define SUNLEAD_BASE_ERROR_H

#include "base/macro.h"
#include "base/str.h"

// enum err says what a caller can do about a failure; details are in struct error.
enum err {
    ERR_OK = 0,
    ERR_INVALID,         // the input breaks a rule; the places say which
    ERR_NOT_FOUND,       // no such thing
    ERR_CONFLICT,        // the state of the thing does not allow it
    ERR_STALE,           // it changed since it was read
    ERR_UNAUTHENTICATED, // who is asking is not known
    ERR_FORBIDDEN,       // who is asking may not
    ERR_LIMITED,         // too many requests; later
    ERR_TOO_LARGE,       // larger than the bound
    ERR_UNAVAILABLE,     // not now (down, full, draining); later, nothing was done
    ERR_TIMEOUT,         // a deadline passed
    ERR_UPSTREAM,        // LightFusion failed or refused
    ERR_UNKNOWN_OUTCOME, // it may have happened or not; never simply repeat it
    ERR_CORRUPT,         // stored or received data is broken
    ERR_CANCELLED,       // somebody called it off
    ERR_EXHAUSTED,       // all tries are used up
    ERR_INTERNAL,        // a bug or a system call that should not fail
};

#define ERROR_PLACES_MAX 8

// One wrong place of the input: a JSON pointer (RFC 6901) or "?name" for a query parameter.
struct error_place {
    char pointer[128];
    char detail[160];
};

// What went wrong. message and places are fit to be shown to who asked; cause is for the log only.
struct error {
    enum err code;
    unsigned place_count;
    unsigned retry_after_s; // 0: not known
    char message[256];
    char cause[256];
    struct error_place places[ERROR_PLACES_MAX];
};

// error_reset() makes an error empty without clearing the whole struct.
static inline void error_reset(struct error *err)
{
    err->code = ERR_OK;
    err->place_count = 0;
    err->retry_after_s = 0;
    err->message[0] = '\0';
    err->cause[0] = '\0';
}

// error_set() stores code and message (cut to fit), clears cause, places and retry_after_s, and
// returns code, so that a function can end with `return error_set(err, ERR_..., "...")`. err may
// be NULL.
enum err error_set(struct error *err, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);

// error_cause() stores the private cause (cut to fit) beside an error that is set. err may be NULL.
void error_cause(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

// error_place() adds one wrong place and sets code ERR_INVALID and a message if there is none
// yet. More than ERROR_PLACES_MAX places are dropped. Control characters in the pointer are
// replaced. Returns ERR_INVALID. err may be NULL.
enum err error_place(struct error *err, struct str pointer, const char *format, ...)
    PRINTF_LIKE(3, 4);

// err_name() is the code's name in lower case ("not_found"), for logs; never NULL.
const char *err_name(enum err code);

// TRY(call) returns from the calling function with the call's code unless it is ERR_OK.
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_code_ = (call);                                                               \
        if (try_code_ != ERR_OK)                                                                   \
            return try_code_;                                                                      \
    } while (0)

#endif
