/* SPDX-License-Identifier: GPL-3.0-or-later */
/* habit_track.c - see habit_track.h. */
#include "traces/replay/habit_track.h"

#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"

enum { STEP_S = 3600 };

/* As curves were before the hour began: the book of habits learns what they missed. */
static void hear(const struct mir_job_timeline *t,
                 const struct mir_job_event *e,
                 struct mir_run_book *runs,
                 struct mir_habit_book *habits)
{
    const struct mir_job *job = &t->workload->jobs[e->job];
    const struct mir_run_shape shape = {job->user, t->workload->stem_of[job->name], job->n_nodes,
                                        job->limit_s, mir_run_waited_s(job->submit_at, e->at)};

    if (e->start) {
        mir_run_book_start(runs, e->job, &shape, e->at);
        mir_habit_book_start(habits, e->job, &shape, mir_habit_curve(runs, &shape), job->submit_at,
                             e->at);
    } else {
        mir_run_book_end(runs, e->job, e->at);
        mir_habit_book_end(habits, e->job, e->at);
    }
}

static void note(struct mir_habit_track *track, const struct mir_habit_book *book, int64_t at)
{
    track->v = mir_grow(track->v, &track->cap, track->n + 1, sizeof(*track->v));
    mir_habit_book_get(book, at, &track->v[track->n++]);
}

void mir_habit_track_make(const struct mir_job_timeline *timeline, struct mir_habit_track *out)
{
    struct mir_run_book *runs = mir_run_book_create();
    struct mir_habit_book *habits = mir_habit_book_create();
    size_t next = 0;

    mir_run_book_mix(runs);
    out->from_at = timeline->n_events > 0 ? timeline->events[0].at : 0;
    for (int64_t at = out->from_at; next < timeline->n_events; at += STEP_S) {
        for (; next < timeline->n_events && timeline->events[next].at <= at; next++)
            hear(timeline, &timeline->events[next], runs, habits);
        mir_run_book_update(runs, at);
        note(out, habits, at);
    }
    mir_habit_book_destroy(habits);
    mir_run_book_destroy(runs);
}

void mir_habit_track_release(struct mir_habit_track *track)
{
    free(track->v);
    *track = (struct mir_habit_track){0};
}

void mir_habit_track_at(const struct mir_habit_track *track, int64_t now, struct mir_habits *out)
{
    double hours = mir_between_s(track->from_at, now) / STEP_S;

    if (track->n == 0 || hours < 0)
        mir_habits_init(out);
    else
        *out = track->v[hours < (double)track->n ? (size_t)hours : track->n - 1];
}
