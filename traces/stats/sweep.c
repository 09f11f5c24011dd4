/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sweep.c - starts, ends and waits of a log in the order in which they happened.
 */
#include "traces/stats/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

/* In this order at one instant, so that busy nodes never count twice. */
enum { EVENT_END, EVENT_TIRED, EVENT_START };

static const int64_t MAX_SPAN_S = INT64_C(200) * 366 * MIR_DAY_S;

int64_t mir_floor_time(int64_t at, int64_t origin_at, int64_t step_s)
{
    int64_t d = at - origin_at;
    int64_t steps = d >= 0 ? d / step_s : -((step_s - 1 - d) / step_s);

    return origin_at + steps * step_s;
}

int64_t mir_monday(int64_t at)
{
    return mir_floor_time(at, -3 * (int64_t)MIR_DAY_S, MIR_WEEK_S); /* 1969-12-29 was one */
}

static int compare_events(const void *a, const void *b)
{
    const struct mir_sweep_event *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->job > y->job) - (x->job < y->job);
}

static int compare_u32(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The size up to which a job is small: that of the smallest quarter. */
static uint32_t small_size(const struct mir_joblog *log)
{
    uint32_t *sizes = MIR_NEW_ARRAY(uint32_t, log->n_jobs);
    uint32_t small = 0;
    size_t n = 0;

    for (size_t i = 0; i < log->n_jobs; i++) {
        if (mir_job_ran(&log->jobs[i]))
            sizes[n++] = mir_job_size(&log->jobs[i]);
    }
    qsort(sizes, n, sizeof *sizes, compare_u32);
    if (n > 0)
        small = sizes[n / 4];
    free(sizes);
    return small;
}

static bool grows_tired(const struct mir_job *j, uint32_t small, int32_t min_wait_s)
{
    return mir_job_size(j) <= small && (int64_t)j->wait_s - j->eligible_s > min_wait_s;
}

static void widen(struct mir_sweep *s, const struct mir_job *j)
{
    int64_t start = j->submit_at + j->wait_s, end = start + j->run_s;

    if (start < s->first_start_at)
        s->first_start_at = start;
    if (end > s->last_end_at)
        s->last_end_at = end;
    if (j->submit_at < s->first_submit_at)
        s->first_submit_at = j->submit_at;
    if (j->submit_at > s->last_submit_at)
        s->last_submit_at = j->submit_at;
}

static int
find_span(struct mir_sweep *s, uint32_t small, int32_t min_wait_s, size_t *n, struct mir_error *err)
{
    const struct mir_joblog *log = s->log;

    s->first_start_at = s->first_submit_at = INT64_MAX;
    s->last_end_at = s->last_submit_at = INT64_MIN;
    *n = 0;
    for (size_t i = 0; i < log->n_jobs; i++) {
        if (!mir_job_ran(&log->jobs[i]))
            continue;
        widen(s, &log->jobs[i]);
        *n += 2 + grows_tired(&log->jobs[i], small, min_wait_s);
    }
    if (*n == 0)
        return mir_error_set(err, -ENODATA, "the log has no job whose start and run time it tells");
    /* Compared without subtracting: what is read from a file may be anything. */
    if (s->first_submit_at < -MAX_SPAN_S || s->last_end_at > s->first_submit_at + MAX_SPAN_S)
        return mir_error_set(err, -EINVAL, "the log's jobs are centuries apart");
    return 0;
}

int mir_sweep_init(struct mir_sweep *sweep,
                   const struct mir_joblog *log,
                   int32_t min_wait_s,
                   struct mir_error *err)
{
    struct mir_sweep s = {.log = log};
    uint32_t small = small_size(log);
    size_t n;
    int rc = find_span(&s, small, min_wait_s, &n, err);

    if (rc != 0)
        return rc;
    s.events = MIR_NEW_ARRAY(struct mir_sweep_event, n);
    for (uint32_t i = 0; i < log->n_jobs; i++) {
        const struct mir_job *j = &log->jobs[i];
        int64_t start = j->submit_at + j->wait_s;

        if (!mir_job_ran(j))
            continue;
        s.events[s.n_events++] = (struct mir_sweep_event){start, i, EVENT_START};
        s.events[s.n_events++] = (struct mir_sweep_event){start + j->run_s, i, EVENT_END};
        if (grows_tired(j, small, min_wait_s))
            s.events[s.n_events++] =
                (struct mir_sweep_event){j->submit_at + j->eligible_s + min_wait_s, i, EVENT_TIRED};
    }
    qsort(s.events, s.n_events, sizeof *s.events, compare_events);
    *sweep = s;
    return 0;
}

void mir_sweep_release(struct mir_sweep *sweep)
{
    free(sweep->events);
    *sweep = (struct mir_sweep){0};
}

/* The state between two events. */
struct state {
    struct mir_sweep_segment now;
    uint32_t *tired;   /* per user: small jobs that have waited for long; 0 is the nameless */
    uint8_t *is_tired; /* per job, one bit: its TIRED event was seen */
    size_t n_users;
};

static void tired_add(struct state *s, uint32_t user, int change)
{
    bool named = user > 0 && user < s->n_users;
    uint32_t *count = &s->tired[named ? user : 0];

    *count += (uint32_t)change;
    if (!named)
        s->now.waiters += (uint32_t)change;
    else if (change > 0 ? *count == 1 : *count == 0)
        s->now.waiters += (uint32_t)change;
}

static void apply(struct state *s, const struct mir_sweep_event *e, const struct mir_job *j)
{
    uint8_t bit = (uint8_t)(1u << (e->job % 8));
    uint8_t *flags = &s->is_tired[e->job / 8];

    switch (e->kind) {
    case EVENT_START:
        s->now.busy += mir_job_size(j);
        if (*flags & bit)
            tired_add(s, j->user, -1);
        break;
    case EVENT_END:
        s->now.busy -= mir_job_size(j);
        break;
    case EVENT_TIRED:
        *flags |= bit;
        tired_add(s, j->user, 1);
        break;
    }
}

struct piece {
    double s;
    uint32_t busy;
    bool contended;
};

/* Segments cut at the windows' borders, gathered for one window at a time. */
struct gather {
    const struct mir_capacity_options *options;
    struct mir_window *windows;
    size_t n_windows, current;
    int64_t from_at, width_s;
    struct piece *pieces;
    size_t n_pieces, cap_pieces;
};

static int compare_pieces(const void *a, const void *b)
{
    const struct piece *x = a, *y = b;

    return (x->busy > y->busy) - (x->busy < y->busy);
}

/* Of pieces in order of busy: the value that is not exceeded for `want_s` of them. */
static uint32_t time_quantile(const struct piece *p, size_t n, bool contended, double want_s)
{
    double sum = 0;
    uint32_t busy = 0;

    for (size_t i = 0; i < n; i++) {
        if (contended && !p[i].contended)
            continue;
        sum += p[i].s;
        busy = p[i].busy;
        if (sum >= want_s)
            break;
    }
    return busy;
}

static void end_window(struct gather *g)
{
    struct mir_window *w = &g->windows[g->current];
    double all_s = 0, node_s = 0, contended_node_s = 0;

    if (g->n_pieces == 0)
        return;
    qsort(g->pieces, g->n_pieces, sizeof *g->pieces, compare_pieces);
    for (size_t i = 0; i < g->n_pieces; i++) {
        const struct piece *p = &g->pieces[i];

        all_s += p->s;
        node_s += p->s * p->busy;
        if (p->contended) {
            w->contended_s += p->s;
            contended_node_s += p->s * p->busy;
        }
    }
    w->busy_peak = g->pieces[g->n_pieces - 1].busy;
    w->busy_mean = node_s / (double)g->width_s;
    /* Time before the first and after the last event counts as idle. */
    w->busy_p90 = time_quantile(g->pieces, g->n_pieces, false,
                                0.9 * (double)g->width_s - ((double)g->width_s - all_s));
    if (w->contended_s > 0) {
        w->contended_mean = contended_node_s / w->contended_s;
        w->contended_quantile =
            time_quantile(g->pieces, g->n_pieces, true, g->options->quantile * w->contended_s);
    }
    g->n_pieces = 0;
}

static void gather_segment(struct gather *g, struct mir_sweep_segment s)
{
    while (s.from_at < s.to_at && g->current < g->n_windows) {
        int64_t begin = g->from_at + (int64_t)g->current * g->width_s;
        int64_t end = begin + g->width_s;
        int64_t from = s.from_at > begin ? s.from_at : begin;
        int64_t to = s.to_at < end ? s.to_at : end;

        if (to > from) {
            g->pieces = mir_grow(g->pieces, &g->cap_pieces, g->n_pieces + 1, sizeof *g->pieces);
            g->pieces[g->n_pieces++] =
                (struct piece){(double)(to - from), s.busy, s.waiters >= g->options->min_users};
        }
        if (s.to_at < end)
            return;
        end_window(g);
        g->current++;
    }
}

struct mir_window *mir_sweep_windows(const struct mir_sweep *sweep,
                                     const struct mir_capacity_options *options,
                                     int64_t from_at,
                                     int64_t width_s,
                                     size_t n)
{
    struct state s = {.n_users = sweep->log->users.n + 1};
    struct gather g = {.options = options, .n_windows = n, .from_at = from_at};

    g.width_s = width_s;
    g.windows = MIR_NEW_ARRAY(struct mir_window, n);
    s.tired = MIR_NEW_ARRAY(uint32_t, s.n_users);
    s.is_tired = MIR_NEW_ARRAY(uint8_t, sweep->log->n_jobs / 8 + 1);
    for (size_t i = 0; i < sweep->n_events; i++) {
        const struct mir_sweep_event *e = &sweep->events[i];

        s.now.to_at = e->at;
        if (i > 0)
            gather_segment(&g, s.now);
        s.now.from_at = e->at;
        apply(&s, e, &sweep->log->jobs[e->job]);
    }
    for (; g.current < n; g.current++)
        end_window(&g);
    free(s.tired);
    free(s.is_tired);
    free(g.pieces);
    return g.windows;
}
