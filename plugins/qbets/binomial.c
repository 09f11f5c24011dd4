/* SPDX-License-Identifier: GPL-3.0-or-later */
/* binomial.c - the rank that bounds a quantile, kept up as values come. */
#include "plugins/qbets/binomial.h"

#include <math.h>

/* Ties are common (quantile and confidence of one half): they count as reached. */
static const double rounding = 1e-10;

void mir_binomial_rank_init(struct mir_binomial_rank *b, double quantile, double confidence)
{
    double n = ceil(log1p(-confidence) / log(quantile) - 1e-9);

    *b = (struct mir_binomial_rank){
        .quantile = quantile,
        .confidence = confidence,
        /* The largest of n values is below the quantile with probability quantile^n. */
        .n_min = n < 1 ? 1 : (uint32_t)n,
    };
}

void mir_binomial_rank_restart(struct mir_binomial_rank *b)
{
    double n = b->n_min, q = b->quantile;

    b->n = b->n_min;
    b->rank = b->n;
    b->cdf = 1 - pow(q, n);
    b->pmf = n * pow(q, n - 1) * (1 - q);
}

void mir_binomial_rank_grow(struct mir_binomial_rank *b)
{
    double j, q = b->quantile;

    if (b->n + 1 < b->n_min) {
        b->n++;
        return;
    }
    if (b->n + 1 == b->n_min || b->rank == 0) {
        mir_binomial_rank_restart(b);
        return;
    }
    /*
     * With j = rank - 1: one trial more takes those out of "at most j" that had
     * j successes and succeed again.
     */
    j = (double)b->rank - 1;
    b->cdf -= q * b->pmf;
    b->n++;
    b->pmf *= (double)b->n / ((double)b->n - j) * (1 - q);
    if (b->cdf < b->confidence - rounding) {
        b->pmf *= ((double)b->n - j) / (j + 1) * q / (1 - q);
        b->cdf += b->pmf;
        b->rank++;
    }
}
