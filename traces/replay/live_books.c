/* SPDX-License-Identifier: GPL-3.0-or-later */
/* live_books.c - see live_books.h. */
#include "traces/replay/live_books.h"

#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/host/job.h"

/* Submissions that are remembered: months of a busy cluster. */
enum { MOST_SUBMISSIONS = 1 << 15 };

/* Sorted. */
struct ids {
    uint32_t *v;
    size_t n, cap;
};

struct mir_live_books {
    const struct mir_job_timeline *timeline;
    int64_t from_at, to_at;
    int64_t now; /* of the last decision; INT64_MIN: none yet */
    struct mir_run_book *runs;
    struct mir_arrivals_book *arrivals;
    size_t next_job, next_event;
    struct mir_job_event *late; /* events of jobs that the queue still showed */
    size_t n_late, cap_late;
    struct ids waiting, present; /* in the queue now; present: waiting or running */
};

static void forget(struct mir_live_books *b)
{
    mir_arrivals_book_destroy(b->arrivals); /* it draws from the run-time book */
    mir_run_book_destroy(b->runs);
    b->runs = mir_run_book_create();
    mir_run_book_mix(b->runs);
    b->arrivals = mir_arrivals_book_create(MOST_SUBMISSIONS);
    mir_arrivals_book_set_runs(b->arrivals, b->runs);
    b->next_job = mir_workload_find(b->timeline->workload, b->from_at);
    b->next_event = 0;
    b->n_late = 0;
    b->now = INT64_MIN;
}

struct mir_live_books *
mir_live_books_create(const struct mir_job_timeline *timeline, int64_t from_at, int64_t to_at)
{
    struct mir_live_books *b = MIR_NEW(struct mir_live_books);

    b->timeline = timeline;
    b->from_at = from_at;
    b->to_at = to_at;
    forget(b);
    return b;
}

void mir_live_books_destroy(struct mir_live_books *b)
{
    if (b == NULL)
        return;
    mir_arrivals_book_destroy(b->arrivals);
    mir_run_book_destroy(b->runs);
    free(b->late);
    free(b->waiting.v);
    free(b->present.v);
    free(b);
}

void mir_live_books_begin(struct mir_live_books *b)
{
    if (b->now != INT64_MIN)
        forget(b);
}

/* ---- what the queue shows */

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void add_id(struct ids *ids, uint32_t id)
{
    ids->v = mir_grow(ids->v, &ids->cap, ids->n + 1, sizeof(*ids->v));
    ids->v[ids->n++] = id;
}

static void see(struct mir_live_books *b, const struct mir_snapshot *queue)
{
    b->waiting.n = b->present.n = 0;
    for (size_t i = 0; i < queue->n_pending; i++) {
        add_id(&b->waiting, queue->pending[i].id);
        add_id(&b->present, queue->pending[i].id);
    }
    for (size_t i = 0; i < queue->n_running; i++)
        add_id(&b->present, queue->running[i].id);
    if (b->waiting.n > 0)
        qsort(b->waiting.v, b->waiting.n, sizeof(*b->waiting.v), by_id);
    if (b->present.n > 0)
        qsort(b->present.v, b->present.n, sizeof(*b->present.v), by_id);
}

static const struct mir_job *job_of(const struct mir_live_books *b, uint32_t job)
{
    return &b->timeline->workload->jobs[job];
}

/* Tasks of one array have one id: then all wait for the last. */
static bool has(const struct ids *ids, uint32_t id)
{
    return ids->n > 0 && bsearch(&id, ids->v, ids->n, sizeof(*ids->v), by_id) != NULL;
}

/* ---- what has happened */

static void submit(struct mir_live_books *b, size_t index)
{
    const struct mir_job *job = job_of(b, (uint32_t)index);
    const struct mir_arrival arrival = {
        .submit_at = job->submit_at,
        .n_nodes = job->n_nodes,
        .limit_s = job->limit_s,
        .run_s = MIR_UNKNOWN,
        .user = job->user,
        .name = b->timeline->workload->stem_of[job->name],
        .partition = job->partition,
        .account = job->account,
        .qos = job->qos,
    };

    mir_arrivals_book_submit(b->arrivals, index, &arrival);
}

static void tell_start(struct mir_live_books *b, const struct mir_job_event *e)
{
    const struct mir_job *job = job_of(b, e->job);
    const struct mir_run_shape shape = {job->user, b->timeline->workload->stem_of[job->name],
                                        job->n_nodes, job->limit_s,
                                        mir_run_waited_s(job->submit_at, e->at)};

    mir_run_book_start(b->runs, e->job, &shape, e->at);
    mir_arrivals_book_started(b->arrivals, e->job, e->at);
}

static void tell_end(struct mir_live_books *b, const struct mir_job_event *e)
{
    mir_run_book_end(b->runs, e->job, e->at);
    mir_arrivals_book_ran(b->arrivals, e->job, job_of(b, e->job)->run_s);
}

static void keep(struct mir_live_books *b, const struct mir_job_event *e)
{
    b->late = mir_grow(b->late, &b->cap_late, b->n_late + 1, sizeof(*b->late));
    b->late[b->n_late++] = *e;
}

static void hear(struct mir_live_books *b, const struct mir_job_event *e)
{
    if (has(e->start ? &b->waiting : &b->present, job_of(b, e->job)->id))
        keep(b, e);
    else if (e->start)
        tell_start(b, e);
    else
        tell_end(b, e);
}

static void hear_late(struct mir_live_books *b)
{
    size_t n = b->n_late;

    b->n_late = 0;
    for (size_t i = 0; i < n; i++) {
        const struct mir_job_event e = b->late[i];

        hear(b, &e);
    }
}

void mir_live_books_follow(struct mir_live_books *b, const struct mir_snapshot *queue)
{
    const struct mir_job_timeline *t = b->timeline;
    const struct mir_workload *w = t->workload;

    if (queue->now < b->now)
        forget(b);
    b->now = queue->now;
    see(b, queue);
    for (; b->next_job < w->n_jobs && w->jobs[b->next_job].submit_at <= b->now &&
           w->jobs[b->next_job].submit_at < b->to_at;
         b->next_job++)
        submit(b, b->next_job);
    hear_late(b);
    for (; b->next_event < t->n_events && t->events[b->next_event].at <= b->now; b->next_event++)
        hear(b, &t->events[b->next_event]);
    mir_run_book_update(b->runs, b->now);
}

struct mir_run_book *mir_live_books_runs(const struct mir_live_books *b)
{
    return b->runs;
}

struct mir_arrivals_book *mir_live_books_arrivals(const struct mir_live_books *b)
{
    return b->arrivals;
}
