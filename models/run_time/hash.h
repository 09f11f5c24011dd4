/*
 * hash.h - numbers of what run times are remembered by.  Any thread.
 */
#ifndef MIR_RUN_TIME_HASH_H
#define MIR_RUN_TIME_HASH_H

#include <stdint.h>

/* Another value into a hash; never 0, which marks a free slot. */
static inline uint64_t mir_run_hash(uint64_t h, uint64_t value)
{
    h ^= value + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
    h ^= h >> 30;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    h ^= h >> 27;
    h *= UINT64_C(0x94d049bb133111eb);
    h ^= h >> 31;
    return h | 1;
}

#endif
