/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judge.c - costs over futures. */
#include "models/lookahead/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/quantile.h"
#include "models/lookahead/calibrate.h"

static const double S_PER_H = 3600;

/* Costs of the submissions in the futures: of submission c, cost_h + c * n. */
struct bench {
    const struct mir_start_table *t;
    const struct mir_lookahead_case *c;
    const struct mir_calibration *calibration;
    uint32_t n_played; /* futures; the others up to `n` are those that were told */
    uint32_t n;
    int64_t *start_at; /* that cost is of, as cost_h */
    double *cost_h;
    double *sorted; /* room for n */
};

struct moments {
    double mean, se;
};

static struct moments moments_of(const double *v, uint32_t n)
{
    double sum = 0, squares = 0;

    for (uint32_t i = 0; i < n; i++)
        sum += v[i];
    for (uint32_t i = 0; i < n; i++)
        squares += (v[i] - sum / n) * (v[i] - sum / n);
    return (struct moments){sum / n, sqrt(squares / (n - 1.0) / n)};
}

/* ---- costs */

double mir_judge_cost_h(const struct mir_lookahead_case *c, int64_t start_at)
{
    double late_h = (double)(start_at + c->warmup_s - c->predecessor_end_at) / S_PER_H;

    return late_h > 0 ? late_h : -late_h * c->overlap_weight;
}

/*
 * Rockafellar and Uryasev 2000: the mean of what is above the `tail` quantile is the
 * mean of VaR + (cost - VaR)+ / (1 - tail), which stays a mean over futures, so that
 * errors and pairs are as those of any mean.
 */
static void weigh_tail(struct bench *b, double *cost)
{
    double at_risk_h;

    if (!(b->c->tail > 0))
        return;
    memcpy(b->sorted, cost, b->n * sizeof(*cost));
    mir_sort(b->sorted, b->n);
    at_risk_h = mir_sorted_quantile(b->sorted, b->n, b->c->tail);
    for (uint32_t f = 0; f < b->n; f++)
        cost[f] = at_risk_h + fmax(cost[f] - at_risk_h, 0) / (1 - b->c->tail);
}

static void cost_all(struct bench *b)
{
    for (uint32_t k = 0; k < b->t->n_at; k++) {
        double *cost = b->cost_h + (size_t)k * b->n;

        for (uint32_t f = 0; f < b->n; f++)
            cost[f] = mir_judge_cost_h(b->c, b->start_at[(size_t)k * b->n + f]);
        weigh_tail(b, cost);
    }
}

/* ---- the points */

/* Lessons are of played futures alone. */
static double wait_quantile(const struct bench *b, double level)
{
    return mir_calibrated_quantile(b->sorted, b->n, level, b->t->successor.limit_s,
                                   b->n == b->n_played ? b->calibration : NULL);
}

static void describe_wait(struct bench *b, uint32_t k, struct mir_lookahead_point *out)
{
    for (uint32_t f = 0; f < b->n; f++) {
        int64_t start_at =
            f < b->n_played ? mir_start_table_get(b->t, f, k) : b->start_at[(size_t)k * b->n + f];

        b->sorted[f] = (double)(start_at - b->t->at[k]) / S_PER_H;
    }
    mir_sort(b->sorted, b->n);
    out->wait_p10_h = wait_quantile(b, 0.1);
    out->wait_p50_h = wait_quantile(b, 0.5);
    out->wait_p90_h = wait_quantile(b, 0.9);
}

static void describe_points(struct bench *b, struct mir_lookahead_answer *out)
{
    out->n_points = b->t->n_at;
    out->best = 0;
    for (uint32_t k = 0; k < out->n_points; k++) {
        struct mir_lookahead_point *p = &out->points[k];
        struct moments m = moments_of(b->cost_h + (size_t)k * b->n, b->n);

        *p = (struct mir_lookahead_point){
            .submit_at = b->t->at[k], .cost_h = m.mean, .cost_se_h = m.se};
        describe_wait(b, k, p);
        if (p->cost_h < out->points[out->best].cost_h)
            out->best = k;
    }
}

/* ---- now, or later? */

static uint32_t best_later(const struct mir_lookahead_answer *a)
{
    uint32_t best = 1;

    for (uint32_t k = 2; k < a->n_points; k++)
        if (a->points[k].cost_h < a->points[best].cost_h)
            best = k;
    return best;
}

/* The cheapest of those from `from` on in one future; the last of equals, as nothing is lost. */
static uint32_t cheapest(const struct bench *b, uint32_t f, uint32_t from)
{
    uint32_t best = from;

    for (uint32_t k = from + 1; k < b->t->n_at; k++)
        if (b->cost_h[(size_t)k * b->n + f] <= b->cost_h[(size_t)best * b->n + f])
            best = k;
    return best;
}

static void compare(struct bench *b, struct mir_lookahead_answer *out)
{
    uint32_t later = best_later(out);
    struct moments m;

    for (uint32_t f = 0; f < b->n; f++) {
        double now_h = b->cost_h[f], fixed_h = b->cost_h[(size_t)later * b->n + f];
        double known_h = b->cost_h[(size_t)cheapest(b, f, 1) * b->n + f];

        b->sorted[f] = now_h - fixed_h + b->c->foresight * (fixed_h - known_h);
    }
    m = moments_of(b->sorted, b->n);
    out->now_minus_best_h = m.mean;
    out->now_minus_best_se_h = m.se;
}

static int64_t earliest_best(const struct bench *b)
{
    uint32_t first = b->t->n_at - 1;

    for (uint32_t f = 0; f < b->n; f++) {
        uint32_t k = cheapest(b, f, 0);

        first = k < first ? k : first;
    }
    return b->t->at[first];
}

/* ---- told waits */

/* As many futures as make up their share beside those that are played. */
static uint32_t n_told_futures(const struct mir_told_waits *told, uint32_t n_futures)
{
    double share = fmin(told->share, 0.9);

    return told->n > 0 && share > 0 ? (uint32_t)lround(n_futures * share / (1 - share)) : 0;
}

/* The i-th wait told is the quantile (i + 0.5) / n. */
static double told_wait_h(const struct mir_told_waits *told, double level)
{
    double place = level * told->n - 0.5;

    return mir_sorted_quantile(told->wait_h, told->n,
                               fmin(fmax(place / fmax(told->n - 1.0, 1), 0), 1));
}

static void add_told(const struct mir_start_table *t,
                     const struct mir_told_waits *told,
                     uint32_t n_futures,
                     uint32_t n,
                     int64_t *start_at)
{
    for (uint32_t i = 0; i < n - n_futures; i++) {
        double wait_s = told_wait_h(told, (i + 0.5) / (n - n_futures)) * S_PER_H;

        for (uint32_t k = 0; k < t->n_at; k++) {
            double longest_s = (double)(t->until - t->at[k]);

            start_at[(size_t)k * n + n_futures + i] =
                wait_s < longest_s ? t->at[k] + (int64_t)wait_s : t->until;
        }
    }
}

int64_t *mir_judge_starts(const struct mir_start_table *t,
                          const struct mir_calibration *calibration,
                          const struct mir_lookahead_case *c,
                          uint32_t n_futures,
                          uint32_t *n)
{
    uint32_t n_told = n_told_futures(&c->told, n_futures);
    int64_t *start_at =
        mir_calibrated_starts(t, c->calibrated ? calibration : NULL, n_futures, n_told);

    *n = n_futures + n_told;
    add_told(t, &c->told, n_futures, *n, start_at);
    return start_at;
}

void mir_judge(const struct mir_start_table *t,
               const struct mir_calibration *calibration,
               const struct mir_lookahead_case *c,
               uint32_t n_futures,
               struct mir_lookahead_answer *out)
{
    struct bench b = {.t = t, .c = c, .calibration = calibration, .n_played = n_futures};

    *out = (struct mir_lookahead_answer){.n_futures = n_futures};
    b.start_at = mir_judge_starts(t, calibration, c, n_futures, &b.n);
    b.cost_h = MIR_NEW_ARRAY(double, (size_t)t->n_at *b.n);
    b.sorted = MIR_NEW_ARRAY(double, b.n);
    cost_all(&b);
    describe_points(&b, out);
    if (out->n_points > 1)
        compare(&b, out);
    out->wait_h = out->points[0].wait_p50_h;
    out->earliest_best_at = earliest_best(&b);
    free(b.sorted);
    free(b.cost_h);
    free(b.start_at);
}
