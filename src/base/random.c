// Unpredictable bytes by getrandom(2), repeatable numbers by splitmix64.
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/macro.h"

void random_bytes(void *bytes, size_t len)
{
    char *to = bytes;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        check(got > 0);
        to += got;
        len -= (size_t)got;
    }
}

int64_t random_id(void)
{
    uint64_t id;
    do {
        random_bytes(&id, sizeof(id));
        id >>= 11;
    } while (id == 0);
    return (int64_t)id;
}

void random_seed(struct random *random, uint64_t seed)
{
    random->state = seed;
}

// Sebastiano Vigna's splitmix64 (public domain).
uint64_t random_u64(struct random *random)
{
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

// Numbers beyond the last whole multiple of the range are thrown again, so that none is favoured.
int64_t random_between(struct random *random, int64_t min, int64_t max)
{
    check(min <= max);
    uint64_t range = (uint64_t)max - (uint64_t)min + 1;
    if (range == 0)
        return (int64_t)random_u64(random);
    uint64_t limit = UINT64_MAX - UINT64_MAX % range;
    uint64_t number;
    do {
        number = random_u64(random);
    } while (number >= limit);
    return (int64_t)((uint64_t)min + number % range);
}

double random_unit(struct random *random)
{
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}
