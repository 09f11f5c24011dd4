/*
 * rng.h - seeded random numbers: xoshiro256** (Blackman and Vigna 2018),
 * seeded through splitmix64.  Same seed, same sequence, on every machine.
 * One thread at a time per generator.
 */
#ifndef MIR_CORE_RNG_H
#define MIR_CORE_RNG_H

#include <stdint.h>

struct mir_rng {
    uint64_t s[4];
};

void mir_rng_init(struct mir_rng *rng, uint64_t seed);

/* An independent generator for `stream` (an episode, a user) of the same seed. */
void mir_rng_init_stream(struct mir_rng *rng, uint64_t seed, uint64_t stream);

uint64_t mir_rng_u64(struct mir_rng *rng);

/* Uniform in [0, 1), 53 bits. */
double mir_rng_double(struct mir_rng *rng);

/* Uniform integer in [0, n), without modulo bias; n > 0. */
uint64_t mir_rng_below(struct mir_rng *rng, uint64_t n);

/* Standard normal (Marsaglia's polar method). */
double mir_rng_normal(struct mir_rng *rng);

/* Exponential with mean 1. */
double mir_rng_exponential(struct mir_rng *rng);

#endif
