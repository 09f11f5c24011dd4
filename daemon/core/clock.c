/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clock.c - the time, handed in. */
#include "daemon/core/clock.h"

#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec t = {0};

    (void)clock_gettime(id, &t); /* fails only for a clock that is not there */
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t mir_clock_wall(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000000;
}

int64_t mir_clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t mir_clock_cpu_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}
