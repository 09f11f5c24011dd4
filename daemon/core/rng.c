/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rng.c - seeded random numbers.
 * xoshiro256** 1.0 and splitmix64 as on https://prng.di.unimi.it (public domain).
 */
#include "daemon/core/rng.h"

#include <math.h>

__extension__ typedef unsigned __int128 wide;

static const uint64_t golden = 0x9e3779b97f4a7c15; /* 2^64 / golden ratio */

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void mir_rng_init(struct mir_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += golden;
        rng->s[i] = mix(seed);
    }
}

void mir_rng_init_stream(struct mir_rng *rng, uint64_t seed, uint64_t stream)
{
    /* Mixed twice: neighbouring seeds and streams must not land on one splitmix64 sequence. */
    mir_rng_init(rng, mix(mix(seed + golden) + stream * 0xd1342543de82ef95 + golden));
}

uint64_t mir_rng_u64(struct mir_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t out = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return out;
}

double mir_rng_double(struct mir_rng *rng)
{
    return (double)(mir_rng_u64(rng) >> 11) * 0x1p-53;
}

/* Lemire 2019, "Fast random integer generation in an interval": a division in rare cases only. */
uint64_t mir_rng_below(struct mir_rng *rng, uint64_t n)
{
    wide product = (wide)mir_rng_u64(rng) * n;

    if ((uint64_t)product < n) {
        uint64_t threshold = (0 - n) % n;

        while ((uint64_t)product < threshold)
            product = (wide)mir_rng_u64(rng) * n;
    }
    return (uint64_t)(product >> 64);
}

double mir_rng_normal(struct mir_rng *rng)
{
    double u, v, r2;

    do {
        u = 2 * mir_rng_double(rng) - 1;
        v = 2 * mir_rng_double(rng) - 1;
        r2 = u * u + v * v;
    } while (r2 >= 1 || r2 <= 0);
    /* The pair's other half is thrown away: a kept one would be hidden state. */
    return u * sqrt(-2 * log(r2) / r2);
}

double mir_rng_exponential(struct mir_rng *rng)
{
    return -log1p(-mir_rng_double(rng)); /* 1 - u is never 0 */
}
