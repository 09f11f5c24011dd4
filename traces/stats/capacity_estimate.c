/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * capacity_estimate.c - how many nodes did the scheduler have?  README.md tells
 * how and why.
 */
#include <errno.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "traces/stats/sweep.h"

static const size_t MAX_WINDOWS = 10000000;

void mir_capacity_options_init(struct mir_capacity_options *options)
{
    *options = (struct mir_capacity_options){
        .window_s = 6 * 3600,
        .quantile = 0.75,
        .min_wait_s = 600,
        .min_users = 3,
        .min_share = 0.25,
        .level_s = 28 * MIR_DAY_S,
    };
}

static int check_options(const struct mir_capacity_options *o, struct mir_error *err)
{
    if (o->window_s < 60 || o->min_wait_s < 0 || o->min_users < 1 || o->level_s < 0)
        return mir_error_set(err, -EINVAL, "capacity: window, wait, users or level is too small");
    if (!(o->quantile > 0 && o->quantile <= 1) || !(o->min_share > 0 && o->min_share <= 1))
        return mir_error_set(err, -EINVAL, "capacity: quantile or share is not within 0 to 1");
    return 0;
}

/* The windows of an estimate. */
struct estimate {
    const struct mir_capacity_options *options;
    struct mir_window *windows;
    size_t n;
    int64_t from_at; /* of the first window */
    size_t first,
        last;      /* windows that are evidence: behind the left edge, before the last submission */
    uint32_t most; /* the machine as the log says; UINT32_MAX: it does not */
    uint32_t *seen; /* what a window on its own lets us see */
};

static bool tells(const struct estimate *e, size_t i)
{
    return i >= e->first && i <= e->last &&
           e->windows[i].contended_s >= e->options->min_share * e->options->window_s;
}

/* The highest value seen within level_s around window `i`. */
static uint32_t level_at(const struct estimate *e, size_t i)
{
    size_t reach = (size_t)(e->options->level_s / e->options->window_s);
    size_t at = i < e->first ? e->first : i > e->last ? e->last : i;
    size_t from = at > e->first + reach ? at - reach : e->first;
    size_t to = at + reach < e->last ? at + reach : e->last;
    uint32_t level = 0;

    for (size_t k = from; k <= to; k++) {
        if (e->seen[k] > level)
            level = e->seen[k];
    }
    return level;
}

/* Never more than the log says there is, though some logs show more busy at times. */
static uint32_t nodes_at(const struct estimate *e, size_t i)
{
    uint32_t n = e->seen[i];

    if (!tells(e, i)) {
        n = level_at(e, i);
        n = n > e->windows[i].busy_peak ? n : e->windows[i].busy_peak;
    }
    return n < e->most ? n : e->most;
}

/* The machine's size in the unit of most jobs, when the log gives it. */
static uint32_t machine_size(const struct mir_joblog *log)
{
    size_t with_nodes = 0;
    uint32_t n;

    for (size_t i = 0; i < log->n_jobs; i++)
        with_nodes += log->jobs[i].n_nodes > 0;
    n = with_nodes * 2 > log->n_jobs ? log->n_nodes : log->n_procs;
    return n > 0 ? n : UINT32_MAX;
}

static void make_steps(const struct estimate *e, int64_t first_submit_at, struct mir_capacity *out)
{
    size_t cap = 0;

    *out = (struct mir_capacity){0};
    for (size_t i = 0; i < e->n; i++) {
        uint32_t n = nodes_at(e, i);
        int64_t at = e->from_at + (int64_t)i * e->options->window_s;

        if (out->n_steps > 0 && out->steps[out->n_steps - 1].n_nodes == n)
            continue;
        if (out->n_steps == 0 && first_submit_at < at)
            at = first_submit_at;
        out->steps = mir_grow(out->steps, &cap, out->n_steps + 1, sizeof *out->steps);
        out->steps[out->n_steps++] = (struct mir_capacity_step){.at = at, .n_nodes = n};
    }
}

static size_t window_of(const struct estimate *e, int64_t at)
{
    int64_t i = (at - e->from_at) / e->options->window_s;

    return i < 0 ? 0 : (size_t)i < e->n ? (size_t)i : e->n - 1;
}

static int estimate_from_sweep(const struct mir_sweep *sweep,
                               const struct mir_capacity_options *o,
                               struct mir_capacity *out,
                               struct mir_error *err)
{
    struct estimate e = {.options = o, .most = machine_size(sweep->log)};
    int64_t edge_at;

    e.from_at = mir_floor_time(sweep->first_start_at, 0, o->window_s);
    e.n = (size_t)((sweep->last_end_at - e.from_at) / o->window_s) + 1;
    if (e.n > MAX_WINDOWS)
        return mir_error_set(err, -EINVAL, "capacity: the window is too short for this log");
    e.windows = mir_sweep_windows(sweep, o, e.from_at, o->window_s, e.n);
    /* Behind the last submission the queue drains and busy nodes say nothing. */
    e.last = window_of(&e, sweep->last_submit_at);
    if (mir_log_left_edge(sweep->log, &edge_at))
        e.first = window_of(&e, edge_at);
    if (e.first > e.last)
        e.first = e.last;
    e.seen = MIR_NEW_ARRAY(uint32_t, e.n);
    for (size_t i = 0; i < e.n; i++)
        e.seen[i] = tells(&e, i) ? e.windows[i].contended_quantile : e.windows[i].busy_p90;
    make_steps(&e, sweep->first_submit_at, out);
    free(e.seen);
    free(e.windows);
    return 0;
}

int mir_capacity_estimate(const struct mir_joblog *log,
                          const struct mir_capacity_options *options,
                          struct mir_capacity *out,
                          struct mir_error *err)
{
    struct mir_sweep sweep;
    int rc = check_options(options, err);

    if (rc == 0)
        rc = mir_sweep_init(&sweep, log, options->min_wait_s, err);
    if (rc != 0)
        return rc;
    rc = estimate_from_sweep(&sweep, options, out, err);
    mir_sweep_release(&sweep);
    return rc;
}

double mir_capacity_mean(const struct mir_capacity *capacity, int64_t from_at, int64_t to_at)
{
    double sum = 0;

    if (to_at <= from_at)
        return 0;
    for (size_t i = 0; i < capacity->n_steps; i++) {
        int64_t from = i == 0 ? INT64_MIN : capacity->steps[i].at;
        int64_t to = i + 1 < capacity->n_steps ? capacity->steps[i + 1].at : INT64_MAX;

        from = from > from_at ? from : from_at;
        to = to < to_at ? to : to_at;
        if (to > from)
            sum += (double)(to - from) * capacity->steps[i].n_nodes;
    }
    return sum / (double)(to_at - from_at);
}
