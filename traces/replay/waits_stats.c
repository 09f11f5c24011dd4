/* SPDX-License-Identifier: GPL-3.0-or-later */
/* waits_stats.c - see waits_stats.h. */
#include "traces/replay/waits_stats.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/quantile.h"

static double mean(const double *values, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += values[i];
    return n == 0 ? 0 : sum / (double)n;
}

/* ---- Figures */

static double slowdown(double wait_s, double run_s)
{
    double bound_s = run_s > MIR_SLOWDOWN_BOUND_S ? run_s : MIR_SLOWDOWN_BOUND_S;
    double s = (wait_s + run_s) / bound_s;

    return s > 1 ? s : 1;
}

/* Node-seconds within [from, to), of all jobs that started. */
static double used_node_s(const struct mir_schedule_slice *slice, int64_t from_at, int64_t to_at)
{
    double sum = 0;

    for (size_t i = 0; i < slice->workload->n_jobs; i++) {
        const struct mir_job *job = &slice->workload->jobs[i];
        int64_t begin_at = slice->start_at[i], end_at;

        if (begin_at == INT64_MIN)
            continue;
        end_at = begin_at + job->run_s;
        begin_at = begin_at < from_at ? from_at : begin_at;
        end_at = end_at > to_at ? to_at : end_at;
        if (begin_at < end_at)
            sum += (double)(end_at - begin_at) * job->n_nodes;
    }
    return sum;
}

void mir_schedule_figures(const struct mir_schedule_slice *slice, struct mir_schedule_figures *out)
{
    const struct mir_job *jobs = slice->workload->jobs;
    double *waits = MIR_NEW_ARRAY(double, slice->end - slice->first);
    int64_t last_end_at = INT64_MIN;
    size_t n = 0;

    *out = (struct mir_schedule_figures){.n_jobs = slice->end - slice->first};
    for (size_t i = slice->first; i < slice->end; i++) {
        int64_t start_at = slice->start_at[i];

        if (start_at == INT64_MIN) {
            out->n_unstarted++;
            continue;
        }
        waits[n] = (double)(start_at - jobs[i].submit_at);
        out->bounded_slowdown += slowdown(waits[n++], jobs[i].run_s);
        if (start_at + jobs[i].run_s > last_end_at)
            last_end_at = start_at + jobs[i].run_s;
    }
    if (n > 0) {
        int64_t first_at = jobs[slice->first].submit_at;

        mir_sort(waits, n);
        out->mean_wait_s = mean(waits, n);
        out->p50_wait_s = mir_sorted_quantile(waits, n, 0.5);
        out->p90_wait_s = mir_sorted_quantile(waits, n, 0.9);
        out->p99_wait_s = mir_sorted_quantile(waits, n, 0.99);
        out->max_wait_s = waits[n - 1];
        out->bounded_slowdown /= (double)n;
        out->makespan_s = last_end_at - first_at;
        out->utilisation = used_node_s(slice, first_at, last_end_at) /
                           ((double)slice->n_nodes * (double)out->makespan_s);
    }
    free(waits);
}

/* ---- Simulated against recorded */

struct pair {
    double sim_s, log_s;
};

static double pearson(const struct pair *pairs, size_t n)
{
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;

    for (size_t i = 0; i < n; i++) {
        mean_x += pairs[i].sim_s / (double)n;
        mean_y += pairs[i].log_s / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        double x = pairs[i].sim_s - mean_x, y = pairs[i].log_s - mean_y;

        xx += x * x;
        yy += y * y;
        xy += x * y;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : (double)NAN;
}

struct ranked {
    double value;
    size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
    double x = ((const struct ranked *)a)->value, y = ((const struct ranked *)b)->value;

    return (x > y) - (x < y);
}

/* Ranks from 1; equal values share the mean of theirs. */
static void rank(struct ranked *items, size_t n, double *rank_of)
{
    qsort(items, n, sizeof *items, compare_ranked);
    for (size_t begin = 0; begin < n;) {
        size_t end = begin + 1;

        while (end < n && items[end].value == items[begin].value)
            end++;
        for (size_t i = begin; i < end; i++)
            rank_of[items[i].index] = (double)(begin + 1 + end) / 2;
        begin = end;
    }
}

static double spearman(const struct pair *pairs, size_t n)
{
    struct ranked *items = MIR_NEW_ARRAY(struct ranked, n);
    struct pair *ranks = MIR_NEW_ARRAY(struct pair, n);
    double *rank_of = MIR_NEW_ARRAY(double, n);
    double r;

    for (size_t i = 0; i < n; i++)
        items[i] = (struct ranked){pairs[i].sim_s, i};
    rank(items, n, rank_of);
    for (size_t i = 0; i < n; i++) {
        ranks[i].sim_s = rank_of[i];
        items[i] = (struct ranked){pairs[i].log_s, i};
    }
    rank(items, n, rank_of);
    for (size_t i = 0; i < n; i++)
        ranks[i].log_s = rank_of[i];
    r = pearson(ranks, n);
    free(rank_of);
    free(ranks);
    free(items);
    return r;
}

/* Sorts `values`. */
static void describe_side(double *values, size_t n, double *mean_s, double *p50_s, double *p90_s)
{
    mir_sort(values, n);
    *mean_s = mean(values, n);
    *p50_s = mir_sorted_quantile(values, n, 0.5);
    *p90_s = mir_sorted_quantile(values, n, 0.9);
}

static void describe_errors(double *errors, size_t n, struct mir_wait_match *out)
{
    mir_sort(errors, n);
    out->error_p5_s = mir_sorted_quantile(errors, n, 0.05);
    out->error_p25_s = mir_sorted_quantile(errors, n, 0.25);
    out->error_p50_s = mir_sorted_quantile(errors, n, 0.5);
    out->error_p75_s = mir_sorted_quantile(errors, n, 0.75);
    out->error_p95_s = mir_sorted_quantile(errors, n, 0.95);
    for (size_t i = 0; i < n; i++)
        out->abs_error_mean_s += fabs(errors[i]) / (double)n;
}

static void match(const struct pair *pairs, size_t n, struct mir_wait_match *out)
{
    double *values = MIR_NEW_ARRAY(double, n);

    *out = (struct mir_wait_match){.n_jobs = n, .pearson = (double)NAN, .spearman = (double)NAN};
    if (n > 0) {
        for (size_t i = 0; i < n; i++)
            values[i] = pairs[i].sim_s;
        describe_side(values, n, &out->sim_mean_s, &out->sim_p50_s, &out->sim_p90_s);
        for (size_t i = 0; i < n; i++)
            values[i] = pairs[i].log_s;
        describe_side(values, n, &out->log_mean_s, &out->log_p50_s, &out->log_p90_s);
        for (size_t i = 0; i < n; i++)
            values[i] = pairs[i].sim_s - pairs[i].log_s;
        describe_errors(values, n, out);
        out->pearson = pearson(pairs, n);
        out->spearman = spearman(pairs, n);
    }
    free(values);
}

/* ---- Classes */

static int size_class(const struct mir_job *job)
{
    return (int)mir_size_class(job->n_nodes);
}

static int limit_class(const struct mir_job *job)
{
    return (int)mir_limit_class(job->limit_s);
}

static int any_class(const struct mir_job *job)
{
    (void)job;
    return 0;
}

static void match_class(const struct mir_schedule_slice *slice,
                        int (*class_of)(const struct mir_job *job),
                        int which,
                        struct pair *pairs,
                        struct mir_wait_match *out)
{
    size_t n = 0;

    for (size_t i = slice->first; i < slice->end; i++) {
        const struct mir_job *job = &slice->workload->jobs[i];

        if (job->wait_s < 0 || slice->start_at[i] == INT64_MIN || class_of(job) != which)
            continue;
        pairs[n++] = (struct pair){(double)(slice->start_at[i] - job->submit_at), job->wait_s};
    }
    match(pairs, n, out);
}

void mir_wait_matches(const struct mir_schedule_slice *slice, struct mir_wait_matches *out)
{
    struct pair *pairs = MIR_NEW_ARRAY(struct pair, slice->end - slice->first);

    out->n_without = 0;
    for (size_t i = slice->first; i < slice->end; i++)
        out->n_without += slice->workload->jobs[i].wait_s < 0;
    match_class(slice, any_class, 0, pairs, &out->all);
    for (int k = 0; k < MIR_N_SIZES; k++)
        match_class(slice, size_class, k, pairs, &out->by_size[k]);
    for (int k = 0; k < MIR_N_LIMITS; k++)
        match_class(slice, limit_class, k, pairs, &out->by_limit[k]);
    free(pairs);
}
