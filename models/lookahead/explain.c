/* SPDX-License-Identifier: GPL-3.0-or-later */
/* explain.c - bands of costs, and the jobs that decide. */
#include "models/lookahead/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/quantile.h"
#include "models/lookahead/judge.h"

static const double S_PER_H = 3600;

/* Chance alone may name a job in so many explanations. */
static const double BY_CHANCE = 0.05;

/* So many that go well with the start are looked at again. */
enum { TRIES = 8 };

/* A start that moves by less than this is not decided by anybody. */
static const double LEAST_H = 1.0 / 60;

/* ---- bands */

static void find_bands(const struct mir_start_table *t,
                       const struct mir_calibration *calibration,
                       const struct mir_lookahead_case *c,
                       uint32_t n_futures,
                       struct mir_lookahead_fan *out)
{
    uint32_t n;
    int64_t *start_at = mir_judge_starts(t, calibration, c, n_futures, &n);
    double *cost = MIR_NEW_ARRAY(double, n);

    out->n_points = t->n_at;
    for (uint32_t k = 0; k < t->n_at; k++) {
        for (uint32_t f = 0; f < n; f++)
            cost[f] = mir_judge_cost_h(c, start_at[(size_t)k * n + f]);
        mir_sort(cost, n);
        out->cost_p10_h[k] = mir_sorted_quantile(cost, n, 0.1);
        out->cost_p90_h[k] = mir_sorted_quantile(cost, n, 0.9);
    }
    free(cost);
    free(start_at);
}

/* ---- jobs */

/* What is not explained yet of the starts, and one kind of jobs held against it. */
struct search {
    const struct mir_start_table *t;
    const struct mir_draws *d;
    uint32_t n;                      /* futures */
    double *rest_h;                  /* mean 0 */
    double *room;                    /* for 3 n */
    double *sum_x, *sum_xx, *sum_xy; /* per job, running ones first */
    size_t n_jobs;
    int32_t longest_s;
};

struct found {
    size_t job;
    double r, effect_h;
};

static double drawn_s(const struct search *s, uint32_t f, size_t job)
{
    size_t n_running = s->d->queue->n_running;
    int32_t left_s = job < n_running
                         ? s->d->running_left_s[f * n_running + job]
                         : s->d->pending_run_s[f * s->d->queue->n_pending + (job - n_running)];

    return left_s < s->longest_s ? left_s : s->longest_s;
}

/* Straight on through memory, as there may be ten thousand jobs, and 200 chains that ask. */
static void
add_moments(const int32_t *left_s, size_t n, int32_t longest_s, double *sum_x, double *sum_xx)
{
    for (size_t i = 0; i < n; i++) {
        double x = left_s[i] < longest_s ? left_s[i] : longest_s;

        sum_x[i] += x;
        sum_xx[i] += x * x;
    }
}

static void add_products(const int32_t *left_s, size_t n, int32_t longest_s, double y, double *sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += y * (left_s[i] < longest_s ? left_s[i] : longest_s);
}

/* Of one future; NULL where there is no job of the kind. */
static const int32_t *row_of(const int32_t *draws, size_t n_jobs, uint32_t f)
{
    return n_jobs > 0 ? draws + f * n_jobs : NULL;
}

static void sum_moments(struct search *s)
{
    size_t n_running = s->d->queue->n_running, n_pending = s->d->queue->n_pending;

    for (uint32_t f = 0; f < s->n; f++) {
        add_moments(row_of(s->d->running_left_s, n_running, f), n_running, s->longest_s, s->sum_x,
                    s->sum_xx);
        add_moments(row_of(s->d->pending_run_s, n_pending, f), n_pending, s->longest_s,
                    s->sum_x + n_running, s->sum_xx + n_running);
    }
}

static void sum_products(struct search *s)
{
    size_t n_running = s->d->queue->n_running, n_pending = s->d->queue->n_pending;

    memset(s->sum_xy, 0, s->n_jobs * sizeof(double));
    for (uint32_t f = 0; f < s->n; f++) {
        add_products(row_of(s->d->running_left_s, n_running, f), n_running, s->longest_s,
                     s->rest_h[f], s->sum_xy);
        add_products(row_of(s->d->pending_run_s, n_pending, f), n_pending, s->longest_s,
                     s->rest_h[f], s->sum_xy + n_running);
    }
}

static double variance_of_rest(const struct search *s)
{
    double squares = 0;

    for (uint32_t f = 0; f < s->n; f++)
        squares += s->rest_h[f] * s->rest_h[f];
    return squares / s->n;
}

/* The job whose run time goes best with the rest, by correlation. */
static struct found find_best(const struct search *s, double sd_h)
{
    struct found best = {.r = 0};

    for (size_t i = 0; i < s->n_jobs; i++) {
        double mean = s->sum_x[i] / s->n, variance = s->sum_xx[i] / s->n - mean * mean;
        double r = variance > 1 ? s->sum_xy[i] / s->n / sqrt(variance) / sd_h : 0;

        if (fabs(r) > fabs(best.r))
            best = (struct found){i, r, r * sd_h};
    }
    return best;
}

/* Ranks from 0, of equals their middle. */
static void rank_all(const double *v, uint32_t n, double *rank)
{
    for (uint32_t i = 0; i < n; i++) {
        rank[i] = -0.5;
        for (uint32_t k = 0; k < n; k++)
            rank[i] += v[k] < v[i] ? 1 : v[k] == v[i] ? 0.5 : 0;
    }
}

static double correlation(const double *x, const double *y, uint32_t n)
{
    double xx = 0, yy = 0, xy = 0, middle = (n - 1) / 2.0; /* of all ranks */

    for (uint32_t i = 0; i < n; i++) {
        xx += (x[i] - middle) * (x[i] - middle);
        yy += (y[i] - middle) * (y[i] - middle);
        xy += (x[i] - middle) * (y[i] - middle);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/*
 * Of ranks: run times and starts have long tails, and two single outliers that meet
 * would look like a rule.  `n_taken` jobs have been taken out of the rest before.
 */
static bool is_by_chance(const struct search *s, size_t job, uint32_t n_taken)
{
    double *x = s->room, *rank_x = x + s->n, *rank_y = rank_x + s->n, r, z;

    if (s->n < 4 + n_taken)
        return true;
    for (uint32_t f = 0; f < s->n; f++)
        x[f] = drawn_s(s, f, job);
    rank_all(x, s->n, rank_x);
    rank_all(s->rest_h, s->n, rank_y);
    r = fmin(fabs(correlation(rank_x, rank_y, s->n)), 1 - 1e-12);
    z = atanh(r) * sqrt((s->n - 3.0 - n_taken) / 1.06); /* Fieller, Hartley and Pearson 1957 */
    return erfc(z / sqrt(2)) * (double)s->n_jobs > BY_CHANCE;
}

/* The best that is not by chance; false: there is none. */
static bool find_next(struct search *s, uint32_t n_taken, struct found *out)
{
    double sd_h = sqrt(variance_of_rest(s));

    if (sd_h < LEAST_H)
        return false;
    sum_products(s);
    for (int i = 0; i < TRIES; i++) {
        *out = find_best(s, sd_h);
        if (fabs(out->effect_h) < LEAST_H)
            return false;
        if (!is_by_chance(s, out->job, n_taken))
            return true;
        s->sum_xy[out->job] = 0; /* not this one */
    }
    return false;
}

static void take_out(struct search *s, const struct found *job)
{
    double mean = s->sum_x[job->job] / s->n;
    double variance = s->sum_xx[job->job] / s->n - mean * mean;
    double slope = job->effect_h / sqrt(variance);

    for (uint32_t f = 0; f < s->n; f++)
        s->rest_h[f] -= slope * (drawn_s(s, f, job->job) - mean);
}

static struct mir_lookahead_fan_job describe(const struct search *s, const struct found *job)
{
    const struct mir_snapshot *queue = s->d->queue;
    bool is_running = job->job < queue->n_running;

    return (struct mir_lookahead_fan_job){
        .id = is_running ? queue->running[job->job].id
                         : queue->pending[job->job - queue->n_running].id,
        .is_running = is_running,
        .effect_h = job->effect_h,
    };
}

/* What is left of a job that was taken out may go with the rest again, by a hair. */
static bool is_known(const struct mir_lookahead_fan *fan, const struct mir_lookahead_fan_job *job)
{
    for (uint32_t i = 0; i < fan->n_jobs; i++)
        if (fan->jobs[i].id == job->id)
            return true;
    return false;
}

/* The greatest effect first: another may show only once a greater one is taken out. */
static void add_job(struct mir_lookahead_fan *fan, struct mir_lookahead_fan_job job)
{
    uint32_t k = fan->n_jobs++;

    for (; k > 0 && fabs(fan->jobs[k - 1].effect_h) < fabs(job.effect_h); k--)
        fan->jobs[k] = fan->jobs[k - 1];
    fan->jobs[k] = job;
}

static void find_jobs(struct search *s, struct mir_lookahead_fan *out)
{
    struct mir_lookahead_fan_job job;
    struct found best;

    while (out->n_jobs < MIR_LOOKAHEAD_FAN_JOBS && find_next(s, out->n_jobs, &best)) {
        job = describe(s, &best);
        if (is_known(out, &job))
            return;
        add_job(out, job);
        take_out(s, &best);
    }
}

static void set_rest(struct search *s)
{
    double sum = 0;

    for (uint32_t f = 0; f < s->n; f++) {
        s->rest_h[f] = (double)(mir_start_table_get(s->t, f, 0) - s->t->at[0]) / S_PER_H;
        sum += s->rest_h[f];
    }
    for (uint32_t f = 0; f < s->n; f++)
        s->rest_h[f] -= sum / s->n;
}

void mir_explain(const struct mir_start_table *t,
                 const struct mir_calibration *calibration,
                 const struct mir_draws *d,
                 const struct mir_lookahead_case *c,
                 uint32_t n_futures,
                 struct mir_lookahead_fan *out)
{
    struct search s = {.t = t, .d = d, .n = n_futures};

    *out = (struct mir_lookahead_fan){.n_points = 0};
    s.n_jobs = d->queue->n_running + d->queue->n_pending;
    s.longest_s = t->until - t->from_at < INT32_MAX ? (int32_t)(t->until - t->from_at) : INT32_MAX;
    s.rest_h = MIR_NEW_ARRAY(double, (size_t)4 * n_futures);
    s.room = s.rest_h + n_futures;
    s.sum_x = MIR_NEW_ARRAY(double, 3 * s.n_jobs + 1);
    s.sum_xx = s.sum_x + s.n_jobs;
    s.sum_xy = s.sum_xx + s.n_jobs;
    find_bands(t, calibration, c, n_futures, out);
    set_rest(&s);
    sum_moments(&s);
    find_jobs(&s, out);
    free(s.sum_x);
    free(s.rest_h);
}
