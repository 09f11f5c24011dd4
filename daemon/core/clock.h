/*
 * clock.h - the time, handed in.  Decisions take `now` as an argument; this is
 * where a program's main gets it from.  Any thread.
 */
#ifndef MIR_CORE_CLOCK_H
#define MIR_CORE_CLOCK_H

#include <stdint.h>

/* Seconds since the epoch: for display, for Slurm's own times, never for intervals. */
int64_t mir_clock_wall(void);

/* Nanoseconds that never go back: for intervals, deadlines, benchmarks. */
int64_t mir_clock_mono_ns(void);

/*
 * Seconds from one time since the epoch to another.  In floating point: times that a
 * broken record gives must not overflow.
 */
static inline double mir_between_s(int64_t from_at, int64_t to_at)
{
    return (double)to_at - (double)from_at;
}

/* CPU time of the calling thread in nanoseconds: for benchmarks on a shared machine. */
int64_t mir_clock_cpu_ns(void);

#endif
