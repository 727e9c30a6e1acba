// Whose turn it is: the classes of calls share the slots, and none starves another.
#ifndef SUNLEAD_UPSTREAM_TURNS_H
#define SUNLEAD_UPSTREAM_TURNS_H

#include <stdbool.h>
#include <stdint.h>

// In the order of precedence where two are equally due.
enum lf_class {
    LF_CLASS_OF_KIND, // whatever the call's kind is by itself
    LF_CLASS_CREATE,
    LF_CLASS_USER, // somebody waits for it
    LF_CLASS_POLL,
    LF_CLASS_LOOKUP,
    LF_CLASS_COUNT,
};

// Start-time fair queueing (Goyal, Vin, Cheng 1996) over the classes: each call costs its class a
// time by its share; the class whose next call starts first goes. One that was idle starts now, so
// it goes next and has saved up nothing. Beside that some slots are a class's own, which no other
// takes; what a class gets through them beyond its share is held against it for one call. One
// thread.
struct turns {
    unsigned slots;
    unsigned busy;
    unsigned own[LF_CLASS_COUNT];
    unsigned busy_of[LF_CLASS_COUNT];
    uint64_t now;                     // the start of the call that has waited longest by its share
    uint64_t next_of[LF_CLASS_COUNT]; // the start of the class's next call
    bool waited[LF_CLASS_COUNT];      // when asked last
};

// turns_init() makes free slots, 1 at least.
void turns_init(struct turns *turns, unsigned slots);

// turns_next() is the class whose call goes next among those in which some wait; LF_CLASS_OF_KIND:
// none may go.
enum lf_class turns_next(struct turns *turns, const bool waits[LF_CLASS_COUNT]);

// turns_begin() takes a slot for a call.
void turns_begin(struct turns *turns, enum lf_class class);

// turns_end() gives it back.
void turns_end(struct turns *turns, enum lf_class class);

#endif
