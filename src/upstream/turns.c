// Owns the shares of the classes of calls.
#include "upstream/turns.h"

#include "base/macro.h"

// What a call costs its class: half the cost is twice the share.
static const uint64_t costs[LF_CLASS_COUNT] = {
    [LF_CLASS_CREATE] = 1,
    [LF_CLASS_USER] = 1,
    [LF_CLASS_POLL] = 2,
    [LF_CLASS_LOOKUP] = 4,
};

static unsigned part_of(unsigned slots, unsigned divisor)
{
    return slots / divisor > 0 ? slots / divisor : 1;
}

// There is always a slot that is nobody's own.
void turns_init(struct turns *turns, unsigned slots)
{
    check(slots > 0);
    *turns = (struct turns){.slots = slots};
    if (slots >= 2)
        turns->own[LF_CLASS_CREATE] = part_of(slots, 4);
    if (slots >= 3)
        turns->own[LF_CLASS_USER] = part_of(slots, 8);
    if (slots >= 4)
        turns->own[LF_CLASS_POLL] = part_of(slots, 8);
}

static bool has_slot(const struct turns *turns, enum lf_class class)
{
    unsigned kept = 0; // for others
    for (int other = LF_CLASS_CREATE; other < LF_CLASS_COUNT; other++) {
        if (other != (int)class && turns->own[other] > turns->busy_of[other])
            kept += turns->own[other] - turns->busy_of[other];
    }
    return turns->busy + kept < turns->slots;
}

// Who begins to wait starts now; and now is when the first of those who wait starts.
static void move_now(struct turns *turns, const bool waits[LF_CLASS_COUNT])
{
    uint64_t least = UINT64_MAX;
    for (int class = LF_CLASS_CREATE; class < LF_CLASS_COUNT; class ++) {
        uint64_t *next = &turns->next_of[class];
        if (waits[class] && !turns->waited[class] && *next < turns->now)
            *next = turns->now;
        if (waits[class] && *next < least)
            least = *next;
        turns->waited[class] = waits[class];
    }
    if (least != UINT64_MAX && least > turns->now)
        turns->now = least;
}

enum lf_class turns_next(struct turns *turns, const bool waits[LF_CLASS_COUNT])
{
    enum lf_class next = LF_CLASS_OF_KIND;
    move_now(turns, waits);
    for (int i = LF_CLASS_CREATE; i < LF_CLASS_COUNT; i++) {
        enum lf_class class = (enum lf_class)i;
        if (!waits[class] || !has_slot(turns, class))
            continue;
        if (next == LF_CLASS_OF_KIND || turns->next_of[class] < turns->next_of[next])
            next = class;
    }
    return next;
}

void turns_begin(struct turns *turns, enum lf_class class)
{
    uint64_t next = turns->next_of[class] + costs[class];
    uint64_t most = turns->now + costs[class];
    turns->next_of[class] = next < most ? next : most;
    turns->busy++;
    turns->busy_of[class]++;
}

void turns_end(struct turns *turns, enum lf_class class)
{
    check(turns->busy > 0 && turns->busy_of[class] > 0);
    turns->busy--;
    turns->busy_of[class]--;
}
