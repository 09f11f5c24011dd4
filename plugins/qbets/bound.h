/*
 * bound.h - QBETS on a series of waits: an upper confidence bound on a quantile
 * of the next wait, which forgets the past when the series changes.
 * One thread at a time.
 */
#ifndef MIR_QBETS_BOUND_H
#define MIR_QBETS_BOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "plugins/qbets/binomial.h"
#include "plugins/waits.h"

/* Sums of the series' logarithms, for the correlation of neighbours. */
struct mir_lag_sums {
    uint32_t n; /* values */
    double last;
    double x, xx, xy; /* sums of values, squares, products of neighbours */
};

enum { MIR_QBETS_RHO_STEPS = 10 }; /* run lengths are kept for rho = 0, 0.1, ... 0.9 */

struct mir_qbets {
    struct mir_wait_window window;
    struct mir_binomial_rank rank;
    struct mir_lag_sums lag;
    uint32_t run;                           /* values in a row above the bound */
    uint32_t rho_step;                      /* correlation when that run began, in tenths */
    uint32_t rare_run[MIR_QBETS_RHO_STEPS]; /* 0: not computed yet */
    uint32_t n_changes;                     /* change points met */
};

/* Keeps at most `keep` values, or what the bound needs if that is more. */
void mir_qbets_init(struct mir_qbets *q, double quantile, double confidence, uint32_t keep);
void mir_qbets_release(struct mir_qbets *q);

/* Forget everything seen; the settings stay. */
void mir_qbets_clear(struct mir_qbets *q);

/* The next value of the series. */
void mir_qbets_add(struct mir_qbets *q, int32_t wait_s);

/*
 * The bound in seconds.  False: too few values for the confidence; `*wait_s` is
 * then the largest seen, or as it was when there is none.
 */
bool mir_qbets_bound(const struct mir_qbets *q, int32_t *wait_s);

#endif
