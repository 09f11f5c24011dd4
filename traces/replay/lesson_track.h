/*
 * lesson_track.h - what a lookahead's book of lessons (models/lookahead/lessons.h) says as
 * a simulated log goes on, as in a daemon that foretells every hour: at each time it has
 * heard of starts up to then and of nothing later.  Read-only once made; any thread.
 */
#ifndef MIR_REPLAY_LESSON_TRACK_H
#define MIR_REPLAY_LESSON_TRACK_H

#include "daemon/core/error.h"
#include "models/lookahead/lookahead.h"
#include "traces/replay/habit_track.h"
#include "traces/replay/job_timeline.h"
#include "traces/sim/sim.h"

/* So long before the first episode lessons begin: a daemon has run for some time. */
enum { MIR_LESSON_WARMUP_S = 60 * 86400 };

struct mir_lesson_track {
    int64_t from_at;
    struct mir_lessons *v; /* of every hour from from_at on; owned */
    size_t n, cap;
};

/*
 * Lessons from MIR_LESSON_WARMUP_S before `from_at` until `to_at`.  `lookahead` plays
 * (it ends without books), `habits` are those of its time; `timeline` is of the world of
 * `options`.  `*out` is {0} before.  Returns 0 or -EINVAL from the simulator.
 */
int mir_lesson_track_make(const struct mir_sim_options *options,
                          const struct mir_job_timeline *timeline,
                          const struct mir_habit_track *habits,
                          struct mir_lookahead *lookahead,
                          int64_t from_at,
                          int64_t to_at,
                          struct mir_lesson_track *out,
                          struct mir_error *err);
void mir_lesson_track_release(struct mir_lesson_track *track);

/* As of the last full hour up to `now`, lent; NULL: nothing is learned yet. */
const struct mir_lessons *mir_lesson_track_at(const struct mir_lesson_track *track, int64_t now);

#endif
