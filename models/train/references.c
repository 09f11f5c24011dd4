/* SPDX-License-Identifier: GPL-3.0-or-later */
/* references.c - see references.h. */
#include "models/train/references.h"

#include <math.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "plugins/qbets/bound.h"
#include "plugins/waits.h"

/* As the policies avg and qbets have them. */
enum { MEAN_LAST = 100, QBETS_LAST = 2000, QBETS_MIN_STARTS = 20, RECENT_LAST = 1000 };
static const double CONFIDENCE = 0.95;

/* ---- The history */

void mir_starts_of_timeline(const struct mir_job_timeline *timeline, struct mir_starts *out)
{
    *out = (struct mir_starts){.list = MIR_NEW_ARRAY(struct mir_start, timeline->n_events)};
    for (size_t i = 0; i < timeline->n_events; i++) {
        const struct mir_job_event *event = &timeline->events[i];
        const struct mir_job *job = &timeline->workload->jobs[event->job];

        if (!event->start)
            continue;
        out->list[out->n++] = (struct mir_start){
            .start_at = event->at,
            .wait_s = (int32_t)(event->at - job->submit_at),
            .limit_s = job->limit_s,
            .n_nodes = job->n_nodes,
            .user = job->user,
            .partition = job->partition,
            .account = job->account,
            .qos = job->qos,
        };
    }
}

void mir_starts_release(struct mir_starts *starts)
{
    free(starts->list);
    *starts = (struct mir_starts){0};
}

/* How many starts a row may see; rows come by time. */
static size_t advance(const struct mir_starts *starts, size_t seen, int64_t at)
{
    while (seen < starts->n && starts->list[seen].start_at <= at)
        seen++;
    return seen;
}

/* ---- The mean of recent waits */

static void add_mean(struct mir_evaluation *e, const struct mir_starts *starts)
{
    struct mir_prediction *p = mir_evaluation_add(e, "mean wait", false);
    int64_t sum_s = 0; /* of the last MEAN_LAST of those seen */
    size_t seen = 0;

    for (size_t i = 0; i < e->n; i++) {
        size_t until = advance(starts, seen, e->rows[i].at);

        for (; seen < until; seen++) {
            sum_s += starts->list[seen].wait_s;
            if (seen >= MEAN_LAST)
                sum_s -= starts->list[seen - MEAN_LAST].wait_s;
        }
        if (seen > 0)
            mir_prediction_set_point(
                p, i, (double)sum_s / (double)(seen < MEAN_LAST ? seen : MEAN_LAST) / 3600);
    }
}

/* ---- QBETS */

/* Of one shape: a feed and a bound for each level. */
struct bounds {
    struct mir_request request;
    struct mir_wait_feed feed[MIR_SCORED_LEVELS];
    struct mir_qbets bound[MIR_SCORED_LEVELS];
};

static void bounds_init(struct bounds *b, const struct mir_truth *row)
{
    b->request = (struct mir_request){.n_nodes = row->n_nodes, .limit_s = row->limit_s};
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++) {
        uint32_t need;

        mir_qbets_init(&b->bound[k], mir_scored_levels[k], CONFIDENCE, QBETS_LAST);
        need = b->bound[k].rank.n_min;
        mir_wait_feed_init(&b->feed[k], b->bound[k].window.cap,
                           need > QBETS_MIN_STARTS ? need : QBETS_MIN_STARTS);
    }
}

static void bounds_release(struct bounds *b)
{
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
        mir_qbets_release(&b->bound[k]);
}

static void ask(struct bounds *b, const struct mir_history *history, float *hours)
{
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++) {
        const struct mir_start *start;
        int32_t wait_s = 0;

        if (mir_wait_feed_begin(&b->feed[k], history, &b->request))
            mir_qbets_clear(&b->bound[k]);
        while ((start = mir_wait_feed_next(&b->feed[k], history)) != NULL)
            mir_qbets_add(&b->bound[k], start->wait_s);
        if (b->bound[k].window.n == 0)
            continue;
        mir_qbets_bound(&b->bound[k], &wait_s);
        hours[k] = (float)((double)wait_s / 3600);
    }
}

/* The row's own, made on first use; the list holds as many as there are rows. */
static struct bounds *find_bounds(struct bounds **list, size_t *n, const struct mir_truth *row)
{
    for (size_t i = 0; i < *n; i++) {
        if (list[i]->request.n_nodes == row->n_nodes && list[i]->request.limit_s == row->limit_s)
            return list[i];
    }
    list[*n] = MIR_NEW(struct bounds);
    bounds_init(list[*n], row);
    return list[(*n)++];
}

static void add_qbets(struct mir_evaluation *e, const struct mir_starts *starts)
{
    struct mir_prediction *p = mir_evaluation_add(e, "qbets", false);
    struct bounds **list = MIR_NEW_ARRAY(struct bounds *, e->n);
    struct mir_history history = {.old = starts->list};
    size_t n = 0;

    for (size_t i = 0; i < e->n; i++) {
        struct bounds *b = find_bounds(list, &n, &e->rows[i]);

        history.n_old = advance(starts, history.n_old, e->rows[i].at);
        ask(b, &history, &p->hours[i * MIR_SCORED_LEVELS]);
    }
    for (size_t i = 0; i < n; i++) {
        bounds_release(list[i]);
        free(list[i]);
    }
    free(list);
}

void mir_references_add(struct mir_evaluation *e, const struct mir_starts *starts)
{
    add_mean(e, starts);
    add_qbets(e, starts);
}

/* ---- Quantiles of recent waits */

void mir_references_add_recent(struct mir_evaluation *e, const struct mir_starts *starts)
{
    struct mir_prediction *p = mir_evaluation_add(e, "recent waits", false);
    struct mir_wait_window window;
    size_t seen = 0;

    mir_wait_window_init(&window, RECENT_LAST);
    for (size_t i = 0; i < e->n; i++) {
        size_t until = advance(starts, seen, e->rows[i].at);

        for (; seen < until; seen++)
            mir_wait_window_add(&window, starts->list[seen].wait_s);
        for (unsigned k = 0; k < MIR_SCORED_LEVELS && window.n > 0; k++) {
            uint32_t rank = (uint32_t)ceil(mir_scored_levels[k] * window.n);

            p->hours[i * MIR_SCORED_LEVELS + k] =
                (float)((double)mir_wait_window_rank(&window, rank > 0 ? rank : 1) / 3600);
        }
    }
    mir_wait_window_release(&window);
}
