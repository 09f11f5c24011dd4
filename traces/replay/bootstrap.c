/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bootstrap.c - resamples kept as counts, so that a resampled sum is a chain
 * of multiply-adds over consecutive memory instead of a gather.
 */
#include "traces/replay/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"

/* Keeps the bootstrap's numbers apart from whatever else the run's seed feeds. */
static const uint64_t RESAMPLE_STREAM = 0x626f6f74;

void mir_resamples_init(struct mir_resamples *rs, uint32_t n_episodes, uint64_t seed)
{
    struct mir_rng rng;

    rs->n_episodes = n_episodes;
    rs->times = mir_alloc((size_t)n_episodes, MIR_N_RESAMPLES);
    mir_rng_init_stream(&rng, seed, RESAMPLE_STREAM);
    for (size_t r = 0; r < MIR_N_RESAMPLES; r++) {
        for (uint32_t i = 0; i < n_episodes; i++) {
            uint8_t *times = &rs->times[mir_rng_below(&rng, n_episodes) * MIR_N_RESAMPLES + r];

            /* A count is Poisson with mean 1: the cap is out of reach, and only guards the sum. */
            if (*times < UINT8_MAX)
                (*times)++;
        }
    }
}

void mir_resamples_release(struct mir_resamples *rs)
{
    free(rs->times);
    memset(rs, 0, sizeof *rs);
}

static void add_scaled(double *restrict sums, const uint8_t *restrict times, double value)
{
    for (size_t r = 0; r < MIR_N_RESAMPLES; r++)
        sums[r] += value * (double)times[r];
}

void mir_resamples_sum(const struct mir_resamples *rs,
                       const double *of_episode,
                       double out[MIR_N_RESAMPLES])
{
    memset(out, 0, MIR_N_RESAMPLES * sizeof *out);
    for (uint32_t e = 0; e < rs->n_episodes; e++) {
        if (of_episode[e] != 0)
            add_scaled(out, &rs->times[(size_t)e * MIR_N_RESAMPLES], of_episode[e]);
    }
}

static void swap(double *a, double *b)
{
    double t = *a;

    *a = *b;
    *b = t;
}

/* Hoare's selection: values[k] is then the k-th smallest, and nothing after it is smaller. */
static void select_kth(double *values, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;

    while (low < high) {
        double pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;

        for (;;) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i >= j)
                break;
            swap(&values[i++], &values[j--]);
        }
        /* Up to j nothing is above the pivot, beyond it nothing below; and j < high. */
        if (k <= j)
            high = j;
        else
            low = j + 1;
    }
}

double mir_quantile(double *values, size_t n, double q)
{
    double at, next;
    size_t k;

    if (n == 0)
        return NAN;
    at = q * (double)(n - 1);
    k = (size_t)at;
    select_kth(values, n, k);
    if (k + 1 >= n || at <= (double)k)
        return values[k];
    next = values[k + 1];
    for (size_t i = k + 2; i < n; i++)
        next = fmin(next, values[i]);
    return values[k] + (at - (double)k) * (next - values[k]);
}
