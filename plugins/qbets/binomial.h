/*
 * binomial.h - which order statistic of n values is an upper confidence bound
 * on their quantile (Brevik, Nurmi and Wolski's binomial method).
 */
#ifndef MIR_QBETS_BINOMIAL_H
#define MIR_QBETS_BINOMIAL_H

#include <stdint.h>

/*
 * For `n` values: the smallest rank k such that the k-th smallest is at least
 * the `quantile` with probability `confidence`, that is
 * P(Binomial(n, quantile) <= k - 1) >= confidence.  Kept up as n grows, O(1).
 */
struct mir_binomial_rank {
    double quantile;
    double confidence;
    uint32_t n_min; /* with fewer values there is no such rank */
    uint32_t n;
    uint32_t rank; /* 0: n < n_min */
    double cdf;    /* P(Binomial(n, quantile) <= rank - 1) */
    double pmf;    /* P(Binomial(n, quantile) == rank - 1) */
};

/* Both inside (0, 1). */
void mir_binomial_rank_init(struct mir_binomial_rank *b, double quantile, double confidence);

/* Set n to n_min, where the rank is n_min too: the largest value. */
void mir_binomial_rank_restart(struct mir_binomial_rank *b);

/* One value more. */
void mir_binomial_rank_grow(struct mir_binomial_rank *b);

#endif
