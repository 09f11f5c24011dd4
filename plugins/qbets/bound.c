/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bound.c - QBETS: quantile bound and change points of a series of waits. */
#include "plugins/qbets/bound.h"

#include <math.h>
#include <string.h>

#include "plugins/qbets/rare_run.h"

enum { MIN_FOR_CORRELATION = 30 };

void mir_qbets_init(struct mir_qbets *q, double quantile, double confidence, uint32_t keep)
{
    memset(q, 0, sizeof(*q));
    mir_binomial_rank_init(&q->rank, quantile, confidence);
    q->rare_run[0] = mir_rare_run(quantile, 0);
    mir_wait_window_init(&q->window, keep > q->rank.n_min ? keep : q->rank.n_min);
}

void mir_qbets_release(struct mir_qbets *q)
{
    mir_wait_window_release(&q->window);
}

void mir_qbets_clear(struct mir_qbets *q)
{
    mir_wait_window_clear(&q->window);
    mir_binomial_rank_init(&q->rank, q->rank.quantile, q->rank.confidence);
    q->lag = (struct mir_lag_sums){0};
    q->run = 0;
    q->rho_step = 0;
    q->n_changes = 0;
}

static void lag_add(struct mir_lag_sums *s, int32_t wait_s)
{
    /* Waits spread over five decades: their logarithms are what looks normal. */
    double x = log1p(wait_s > 0 ? wait_s : 0);

    if (s->n > 0)
        s->xy += s->last * x;
    s->n++;
    s->x += x;
    s->xx += x * x;
    s->last = x;
}

/* Lag-1 autocorrelation; of two values or more; 0 for a series too flat to have one. */
static double lag_correlation(const struct mir_lag_sums *s)
{
    double n = s->n, mean, variance, covariance;

    mean = s->x / n;
    variance = s->xx / n - mean * mean;
    covariance = s->xy / (n - 1) - mean * mean;
    return variance > 1e-9 ? covariance / variance : 0;
}

/*
 * As a run begins: its own values would pass for correlation.  With few values
 * after a change the correlation from before it is the better guess.
 */
static void note_correlation(struct mir_qbets *q)
{
    double step;

    if (q->lag.n < MIN_FOR_CORRELATION)
        return;
    step = round(lag_correlation(&q->lag) * MIR_QBETS_RHO_STEPS);
    q->rho_step = step < 0                      ? 0
                  : step >= MIR_QBETS_RHO_STEPS ? MIR_QBETS_RHO_STEPS - 1
                                                : (uint32_t)step;
}

static bool run_is_rare(struct mir_qbets *q)
{
    uint32_t *rare = &q->rare_run[q->rho_step];

    /* A run that would not be rare without correlation never is: spares the integral. */
    if (q->run < q->rare_run[0])
        return false;
    if (*rare == 0)
        *rare = mir_rare_run(q->rank.quantile, q->rho_step / (double)MIR_QBETS_RHO_STEPS);
    return q->run >= *rare;
}

/* The series has changed: only as many values as the bound needs still count. */
static void trim(struct mir_qbets *q)
{
    mir_wait_window_trim(&q->window, q->rank.n_min);
    mir_binomial_rank_restart(&q->rank);
    q->lag = (struct mir_lag_sums){0};
    q->run = 0;
    q->n_changes++;
}

void mir_qbets_add(struct mir_qbets *q, int32_t wait_s)
{
    int32_t bound;
    bool bounded = mir_qbets_bound(q, &bound);
    bool full = q->window.n == q->window.cap;

    if (bounded && wait_s > bound) {
        if (q->run++ == 0)
            note_correlation(q);
    } else {
        q->run = 0;
    }
    mir_wait_window_add(&q->window, wait_s);
    lag_add(&q->lag, wait_s);
    if (!full)
        mir_binomial_rank_grow(&q->rank);
    if (run_is_rare(q))
        trim(q);
}

bool mir_qbets_bound(const struct mir_qbets *q, int32_t *wait_s)
{
    uint32_t n = q->window.n;

    if (q->rank.rank != 0) {
        *wait_s = mir_wait_window_rank(&q->window, q->rank.rank);
        return true;
    }
    if (n > 0)
        *wait_s = mir_wait_window_rank(&q->window, n);
    return false;
}
