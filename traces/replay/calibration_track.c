/* SPDX-License-Identifier: GPL-3.0-or-later */
/* calibration_track.c - see calibration_track.h. */
#include "traces/replay/calibration_track.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"

/* As the daemon's: a list a minute, and of one list's new jobs no more than so many. */
enum { POLL_S = 60, NEW_MAX = 200, STEP_S = 3600 };

struct promised {
    struct mir_promise promise;
    int64_t at;
    uint32_t job;
};

struct maker {
    const struct mir_job_timeline *timeline;
    const struct mir_wait_model *model;
    struct mir_sim *sim;
    struct mir_timeline_book book;
    struct mir_queue_outlook *outlook;
    int64_t *start_at;     /* of each job; INT64_MAX: never */
    struct promised *open; /* not known yet */
    size_t n_open, cap_open;
    struct mir_calibration now[MIR_N_QUANTILE_METHODS];
};

/* ---- Who starts when */

static int64_t *starts_of(const struct mir_job_timeline *t)
{
    int64_t *start_at = MIR_NEW_ARRAY(int64_t, t->workload->n_jobs);

    for (size_t i = 0; i < t->workload->n_jobs; i++)
        start_at[i] = INT64_MAX;
    for (size_t i = 0; i < t->n_events; i++) {
        if (t->events[i].start)
            start_at[t->events[i].job] = t->events[i].at;
    }
    return start_at;
}

/* ---- Promises */

static struct mir_request request_of(const struct mir_job *job)
{
    return (struct mir_request){
        .n_nodes = job->n_nodes,
        .limit_s = job->limit_s,
        .run_s = MIR_UNKNOWN,
        .user = job->user,
        .partition = job->partition,
        .account = job->account,
        .qos = job->qos,
    };
}

static void promise(struct maker *m, uint32_t job)
{
    const struct mir_job *j = &m->timeline->workload->jobs[job];
    const struct mir_request request = request_of(j);
    const struct mir_wait_case c = {
        .request = &request,
        .priority = mir_sim_request_priority(m->sim, &request),
        .predecessor_end_at = INT64_MIN,
    };
    float x[MIR_N_WAIT_FEATURES];
    struct promised *p;

    mir_wait_features(m->outlook, &c, x);
    m->open = mir_grow(m->open, &m->cap_open, m->n_open + 1, sizeof(*m->open));
    p = &m->open[m->n_open++];
    *p = (struct promised){.at = j->submit_at, .job = job};
    mir_promise_make(m->model, &request, x, &p->promise);
}

/* Its wait tells of the queue alone: no begin time, no dependency, no array. */
static bool waits_for_the_queue(const struct mir_workload *w, const struct mir_job *job)
{
    return job->eligible_s <= 0 && job->n_nodes > 0 && job->limit_s > 0 &&
           job->array_task == MIR_UNKNOWN &&
           (job->extra == 0 || w->log->extras[job->extra].dependency == 0);
}

/* Jobs [*next, end) that are submitted before `until`; of more than NEW_MAX every second, third ... */
static int promise_until(struct maker *m, size_t *next, int64_t until, struct mir_error *err)
{
    const struct mir_workload *w = m->timeline->workload;
    struct mir_host *host = mir_sim_host(m->sim);
    size_t begin = *next, step;
    struct mir_snapshot queue;
    int rc;

    while (*next < w->n_jobs && w->jobs[*next].submit_at < until)
        (*next)++;
    if (*next == begin)
        return 0;
    rc = host->ops->observe(host, MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_HISTORY, &queue, err);
    if (rc != 0)
        return rc;
    mir_queue_outlook_update(m->outlook, &queue, m->book.book);
    step = (*next - begin + NEW_MAX - 1) / NEW_MAX;
    for (size_t i = begin; i < *next; i += step) {
        if (waits_for_the_queue(w, &w->jobs[i]))
            promise(m, (uint32_t)i);
    }
    return 0;
}

/* ---- What came of them */

static double hours_between(int64_t from, int64_t to)
{
    return (double)(to - from) / STEP_S;
}

/* Nothing is known of the wait of a job that was cancelled in the queue. */
static bool is_gone(const struct mir_workload *w, const struct mir_job *job, int64_t now)
{
    const struct mir_job_extra *extra = job->extra != 0 ? &w->log->extras[job->extra] : NULL;

    return extra != NULL && extra->cancelled_s != MIR_UNKNOWN &&
           job->submit_at + extra->cancelled_s <= now;
}

/* True: it has taught, or never will. */
static bool is_over(struct maker *m, const struct promised *p, int64_t now)
{
    int64_t start_at = m->start_at[p->job];
    double so_far_h = hours_between(p->at, now);

    if (start_at <= now)
        mir_promise_learn(&p->promise, m->model, hours_between(p->at, start_at), m->now);
    else if (is_gone(m->timeline->workload, &m->timeline->workload->jobs[p->job], now))
        return true;
    else if (so_far_h > mir_promise_highest(&p->promise, m->model, m->now))
        mir_promise_learn(&p->promise, m->model, so_far_h, m->now);
    else
        return false;
    return true;
}

static void learn_until(struct maker *m, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n_open; i++) {
        if (!is_over(m, &m->open[i], now))
            m->open[kept++] = m->open[i];
    }
    m->n_open = kept;
}

/* ---- All of it */

static void note(const struct maker *m, struct mir_calibration_track *out)
{
    out->v = mir_grow(out->v, &out->cap, out->n + 1, sizeof(*out->v));
    memcpy(out->v[out->n++], m->now, sizeof(m->now));
}

static int
follow(struct maker *m, int64_t to_at, struct mir_calibration_track *out, struct mir_error *err)
{
    size_t next = mir_workload_find(m->timeline->workload, out->from_at);
    int rc = 0;

    for (int64_t at = out->from_at; at <= to_at && rc == 0; at += POLL_S) {
        mir_sim_advance(m->sim, at);
        mir_timeline_book_advance(&m->book, at);
        learn_until(m, at);
        if ((at - out->from_at) % STEP_S == 0)
            note(m, out);
        rc = promise_until(m, &next, at + POLL_S, err);
    }
    return rc;
}

int mir_calibration_track_make(const struct mir_sim_options *options,
                               const struct mir_job_timeline *timeline,
                               const struct mir_wait_model *model,
                               int64_t to_at,
                               struct mir_calibration_track *out,
                               struct mir_error *err)
{
    struct mir_sim_options own = *options;
    struct maker m = {.timeline = timeline, .model = model};
    int rc;

    own.keep_history = true;
    own.keep_starts = false;
    rc = mir_sim_create(&own, &m.sim, err);
    if (rc != 0)
        return rc;
    out->from_at = model->origin.to_at > own.from_at ? model->origin.to_at : own.from_at;
    mir_timeline_book_init(&m.book, timeline);
    m.outlook = mir_queue_outlook_create();
    mir_queue_outlook_set_window(m.outlook, mir_cluster_window_s(own.cluster));
    mir_calibrations_init(m.now);
    m.start_at = starts_of(timeline);
    rc = follow(&m, to_at, out, err);
    free(m.start_at);
    free(m.open);
    mir_queue_outlook_destroy(m.outlook);
    mir_timeline_book_release(&m.book);
    mir_sim_destroy(m.sim);
    return rc;
}

void mir_calibration_track_release(struct mir_calibration_track *track)
{
    free(track->v);
    *track = (struct mir_calibration_track){0};
}

const struct mir_calibration *mir_calibration_track_at(const struct mir_calibration_track *track,
                                                       int64_t now)
{
    double hours = mir_between_s(track->from_at, now) / STEP_S;

    if (track->n == 0 || hours < 0)
        return NULL;
    return track->v[hours < (double)track->n ? (size_t)hours : track->n - 1];
}
