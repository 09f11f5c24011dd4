/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lesson_track.c - see lesson_track.h. */
#include "traces/replay/lesson_track.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/host/runs.h"
#include "traces/replay/live_books.h"

struct maker {
    const struct mir_job_timeline *timeline;
    const struct mir_habit_track *habits;
    struct mir_lookahead *lookahead;
    struct mir_sim *sim;
    struct mir_live_books *books;
    struct mir_lesson_book *lessons;
    size_t next; /* event of the timeline */
};

static void hear_starts(struct maker *m, int64_t now)
{
    const struct mir_job_timeline *t = m->timeline;

    for (; m->next < t->n_events && t->events[m->next].at <= now; m->next++) {
        const struct mir_job_event *e = &t->events[m->next];
        const struct mir_job *job = &t->workload->jobs[e->job];

        if (e->start)
            mir_lesson_book_start(m->lessons, mir_run_key(job->id, job->submit_at), e->at);
    }
}

/* As mir_forecasts_look_ahead() feeds it. */
static int look(struct maker *m, struct mir_error *err)
{
    struct mir_host *host = mir_sim_host(m->sim);
    struct mir_snapshot queue;
    struct mir_habits habits;
    int rc = host->ops->observe(host, MIR_SNAPSHOT_JOBS, &queue, err);

    if (rc != 0)
        return rc;
    mir_live_books_follow(m->books, &queue);
    mir_lookahead_set_books(m->lookahead, mir_live_books_runs(m->books),
                            mir_live_books_arrivals(m->books));
    mir_habit_track_at(m->habits, queue.now, &habits);
    mir_lookahead_set_habits(m->lookahead, &habits);
    mir_lookahead_look(m->lookahead, &queue);
    rc = mir_lookahead_foretell(m->lookahead, m->lessons, err);
    return rc == -EINVAL ? 0 : rc; /* nobody plays futures of such a cluster: no lessons */
}

static int
follow(struct maker *m, int64_t to_at, struct mir_lesson_track *out, struct mir_error *err)
{
    int rc = 0;

    for (int64_t at = out->from_at; at <= to_at && rc == 0; at += MIR_LESSON_LOOK_S) {
        mir_sim_advance(m->sim, at);
        hear_starts(m, at);
        rc = look(m, err);
        out->v = mir_grow(out->v, &out->cap, out->n + 1, sizeof(*out->v));
        out->v[out->n++] = *mir_lesson_book_get(m->lessons);
    }
    return rc;
}

int mir_lesson_track_make(const struct mir_sim_options *options,
                          const struct mir_job_timeline *timeline,
                          const struct mir_habit_track *habits,
                          struct mir_lookahead *lookahead,
                          int64_t from_at,
                          int64_t to_at,
                          struct mir_lesson_track *out,
                          struct mir_error *err)
{
    struct maker m = {.timeline = timeline, .habits = habits, .lookahead = lookahead};
    struct mir_sim_options own = *options;
    int rc;

    own.keep_starts = own.keep_history = own.keep_summary = false;
    rc = mir_sim_create(&own, &m.sim, err);
    if (rc != 0)
        return rc;
    out->from_at = from_at - MIR_LESSON_WARMUP_S;
    if (timeline->n_events > 0 && out->from_at < timeline->events[0].at)
        out->from_at = timeline->events[0].at;
    m.books = mir_live_books_create(timeline, options->from_at, options->to_at);
    m.lessons = mir_lesson_book_create();
    mir_lookahead_set_ticks(lookahead, options->from_at);
    rc = follow(&m, to_at, out, err);
    mir_lookahead_set_books(lookahead, NULL, NULL);
    mir_lesson_book_destroy(m.lessons);
    mir_live_books_destroy(m.books);
    mir_sim_destroy(m.sim);
    return rc;
}

void mir_lesson_track_release(struct mir_lesson_track *track)
{
    free(track->v);
    *track = (struct mir_lesson_track){0};
}

const struct mir_lessons *mir_lesson_track_at(const struct mir_lesson_track *track, int64_t now)
{
    double hours = mir_between_s(track->from_at, now) / MIR_LESSON_LOOK_S;

    if (track->n == 0 || hours < 0)
        return NULL;
    return &track->v[hours < (double)track->n ? (size_t)hours : track->n - 1];
}
