/*
 * progress.h - a bar with the time left, on a terminal; nothing elsewhere.
 * mir_progress_add() from any thread; the rest from the one that opened it.
 */
#ifndef MIR_CORE_PROGRESS_H
#define MIR_CORE_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mir_progress {
    const char *label; /* lent */
    atomic_uint_fast64_t done;
    uint64_t total;
    int64_t began_ns;
    atomic_int_fast64_t drawn_ns; /* when it was last drawn */
    bool shown;                   /* stderr is a terminal and not told to be quiet */
};

/* `total` in whatever unit mir_progress_add() counts; 0 draws a counter without an end. */
void mir_progress_open(struct mir_progress *p, const char *label, uint64_t total, bool quiet);

/* Count `n` more as done and redraw at most ten times a second. */
void mir_progress_add(struct mir_progress *p, uint64_t n);

/* Erase the bar. */
void mir_progress_close(struct mir_progress *p);

#endif
