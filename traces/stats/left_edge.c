/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * left_edge.c - from when on can a log be trusted?  Two things betray a log
 * that leaves out what ran when it began: jobs that wait although most of the
 * machine looks idle, and a queue that is older than the first start.
 */
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "traces/stats/sweep.h"

enum {
    LOOK_DAYS = 30,    /* an edge is over by then, or it is something else */
    MIN_LEFT_OVER = 5, /* jobs submitted a day or more before the first start */
};

static int compare_times(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/*
 * Contended for half the day at less than 60 % of what the log shows at its
 * best: an outage of the first days looks the same, and is as well skipped.
 */
static bool day_is_odd(const struct mir_window *w, double best)
{
    return w->contended_s > 0.5 * MIR_DAY_S && w->contended_mean < 0.6 * best;
}

/* Days from the first start on until the odd ones are over; one good day among them is no end. */
static size_t odd_days(const struct mir_window *days, size_t n, double best)
{
    size_t end = 0;

    for (size_t i = 0; i < n && i < LOOK_DAYS && i <= end + 1; i++) {
        if (day_is_odd(&days[i], best))
            end = i + 1;
    }
    return end;
}

/*
 * When 95 % of the jobs that were waiting a day and more before the first start
 * have started; INT64_MIN when there are too few to mean anything.  Held jobs
 * may wait for months and are left aside.
 */
static int64_t left_over_started(const struct mir_sweep *s)
{
    const struct mir_joblog *log = s->log;
    int64_t *starts = MIR_NEW_ARRAY(int64_t, log->n_jobs);
    int64_t end = INT64_MIN;
    size_t n = 0;

    for (size_t i = 0; i < log->n_jobs; i++) {
        const struct mir_job *j = &log->jobs[i];

        if (mir_job_ran(j) && j->submit_at < s->first_start_at - MIR_DAY_S)
            starts[n++] = j->submit_at + j->wait_s;
    }
    if (n >= MIN_LEFT_OVER) {
        qsort(starts, n, sizeof *starts, compare_times);
        end = starts[(n - 1) * 95 / 100];
    }
    free(starts);
    return end;
}

static bool find_edge(const struct mir_sweep *s, int64_t *from_at)
{
    struct mir_capacity_options o;
    int64_t from = mir_floor_time(s->first_start_at, 0, MIR_DAY_S);
    size_t n = (size_t)((s->last_end_at - from) / MIR_DAY_S) + 1;
    int64_t over = left_over_started(s), latest = from + LOOK_DAYS * (int64_t)MIR_DAY_S;
    struct mir_window *days;
    double best = 0;
    size_t odd;

    mir_capacity_options_init(&o);
    days = mir_sweep_windows(s, &o, from, MIR_DAY_S, n);
    for (size_t i = 0; i < n; i++) {
        if (days[i].busy_p90 > best)
            best = days[i].busy_p90;
    }
    odd = odd_days(days, n, best);
    free(days);
    if (odd == 0 && over == INT64_MIN)
        return false;
    *from_at = from + (int64_t)odd * MIR_DAY_S;
    if (over >= *from_at)
        *from_at = mir_floor_time(over, 0, MIR_DAY_S) + MIR_DAY_S;
    if (*from_at > latest)
        *from_at = latest;
    /* A log of a few days has nothing to lose. */
    return *from_at < s->last_submit_at;
}

bool mir_log_left_edge(const struct mir_joblog *log, int64_t *from_at)
{
    struct mir_capacity_options o;
    struct mir_sweep s;
    bool found;

    mir_capacity_options_init(&o);
    if (mir_sweep_init(&s, log, o.min_wait_s, NULL) != 0)
        return false;
    found = find_edge(&s, from_at);
    mir_sweep_release(&s);
    return found;
}
