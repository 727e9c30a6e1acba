// Chance: unpredictable bytes for ids, and a seeded generator for jitter and simulations.
#ifndef SUNLEAD_BASE_RANDOM_H
#define SUNLEAD_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

// random_bytes() fills with bytes from the system's generator. Never fails, does not block after
// boot.
void random_bytes(void *bytes, size_t len);

// random_id() is an unpredictable number from 1 to 2^53-1 (exact in JSON and in a double).
int64_t random_id(void);

// A small repeatable generator (splitmix64). Not for secrets. One thread at a time.
struct random {
    uint64_t state;
};

// random_seed() starts a generator; the same seed gives the same numbers.
void random_seed(struct random *random, uint64_t seed);

// random_u64() is the next number.
uint64_t random_u64(struct random *random);

// random_between() is a number from min to max, both included; max must not be below min.
int64_t random_between(struct random *random, int64_t min, int64_t max);

// random_unit() is a number from 0 (included) to 1 (excluded).
double random_unit(struct random *random);

#endif
