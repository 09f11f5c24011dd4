/*
 * habit_track.h - what a lookahead's book of habits (models/lookahead/habits.h) says
 * as a simulated log goes on: at each time it has heard of starts and ends up to then
 * and of nothing later.  Read-only once made; any thread.
 */
#ifndef MIR_REPLAY_HABIT_TRACK_H
#define MIR_REPLAY_HABIT_TRACK_H

#include "models/lookahead/habits.h"
#include "traces/replay/job_timeline.h"

struct mir_habit_track {
    int64_t from_at;
    struct mir_habits *v; /* of every hour from from_at on; owned */
    size_t n, cap;
};

/* `*out` is {0} before. */
void mir_habit_track_make(const struct mir_job_timeline *timeline, struct mir_habit_track *out);
void mir_habit_track_release(struct mir_habit_track *track);

/* As of the last full hour up to `now`. */
void mir_habit_track_at(const struct mir_habit_track *track, int64_t now, struct mir_habits *out);

#endif
