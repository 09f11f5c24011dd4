/* SPDX-License-Identifier: GPL-3.0-or-later */
/* job_timeline.c - a run-time book that follows a simulated log. */
#include "traces/replay/job_timeline.h"

#include <stdlib.h>

#include "daemon/core/alloc.h"

/* By time; at one instant ends before starts, as in the simulator; then by job. */
static int by_time(const void *a, const void *b)
{
    const struct mir_job_event *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->job > y->job) - (x->job < y->job);
}

/* A job that the log cancels ends then, even if the simulator had started it. */
static int64_t end_of(const struct mir_workload *w, const struct mir_job *job, int64_t start_at)
{
    int32_t cancelled_s = mir_joblog_get_extra(w->log, job)->cancelled_s;
    int64_t end_at = start_at + (job->run_s > 0 ? job->run_s : 1);

    return cancelled_s >= 0 && job->submit_at + cancelled_s < end_at ? job->submit_at + cancelled_s
                                                                     : end_at;
}

static void add_job(struct mir_job_timeline *t, size_t i, int64_t start_at)
{
    int64_t end_at = end_of(t->workload, &t->workload->jobs[i], start_at);

    if (end_at <= start_at)
        return; /* it never ran, and an end sorts before a start of the same second */
    t->events[t->n_events++] = (struct mir_job_event){start_at, (uint32_t)i, 1};
    t->events[t->n_events++] = (struct mir_job_event){end_at, (uint32_t)i, 0};
}

int mir_job_timeline_create(const struct mir_sim_options *options,
                            struct mir_job_timeline *out,
                            struct mir_error *err)
{
    const struct mir_workload *w = options->workload;
    struct mir_sim_options plain = *options;
    struct mir_sim *sim;
    const int64_t *starts;
    int rc;

    plain.keep_starts = true;
    plain.keep_history = false;
    plain.keep_summary = false;
    rc = mir_sim_create(&plain, &sim, err);
    if (rc != 0)
        return rc;
    mir_sim_run(sim);
    starts = mir_sim_starts(sim);
    *out = (struct mir_job_timeline){.workload = w};
    out->events = MIR_NEW_ARRAY(struct mir_job_event, 2 * w->n_jobs);
    for (size_t i = 0; i < w->n_jobs; i++) {
        if (starts[i] != INT64_MIN)
            add_job(out, i, starts[i]);
    }
    qsort(out->events, out->n_events, sizeof(out->events[0]), by_time);
    mir_sim_destroy(sim);
    return 0;
}

void mir_job_timeline_release(struct mir_job_timeline *t)
{
    free(t->events);
    *t = (struct mir_job_timeline){0};
}

void mir_timeline_book_init(struct mir_timeline_book *b, const struct mir_job_timeline *timeline)
{
    *b = (struct mir_timeline_book){.timeline = timeline, .book = mir_run_book_create()};
}

void mir_timeline_book_release(struct mir_timeline_book *b)
{
    mir_run_book_destroy(b->book);
    *b = (struct mir_timeline_book){0};
}

void mir_timeline_book_advance(struct mir_timeline_book *b, int64_t now)
{
    const struct mir_job_timeline *t = b->timeline;

    for (; b->next < t->n_events && t->events[b->next].at <= now; b->next++) {
        const struct mir_job_event *e = &t->events[b->next];
        const struct mir_job *job = &t->workload->jobs[e->job];
        struct mir_run_shape shape = {job->user, t->workload->stem_of[job->name], job->n_nodes,
                                      job->limit_s, 0};

        if (e->start)
            mir_run_book_start(b->book, e->job, &shape, e->at);
        else
            mir_run_book_end(b->book, e->job, e->at);
    }
    mir_run_book_update(b->book, now);
}
