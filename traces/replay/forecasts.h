/*
 * forecasts.h - what policies that ask for forecasts are given in a replay: one
 * forecaster and one lookahead per worker, fed with what could be known then.  The
 * forecaster's run times are those of jobs that had started or ended when the
 * episode's first job was submitted, the lookahead's follow the decisions
 * (live_books.h), as do calibrations; the queue is that of the decision; nothing later
 * is looked at.
 */
#ifndef MIR_REPLAY_FORECASTS_H
#define MIR_REPLAY_FORECASTS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/snapshot.h"
#include "models/lookahead/lookahead.h"
#include "models/predict/forecaster.h"
#include "traces/replay/calibration_track.h"
#include "traces/replay/episodes.h"
#include "traces/replay/habit_track.h"
#include "traces/replay/job_timeline.h"
#include "traces/replay/lesson_track.h"
#include "traces/replay/paper_rows.h"
#include "traces/sim/sim.h"

/* The simulated log without any chain.  Read-only once made; any thread. */
struct mir_background {
    struct mir_job_timeline jobs;
    struct mir_habit_track habits;             /* n 0: nobody asks for a lookahead */
    struct mir_lesson_track lessons;           /* n 0: as habits, or the truth is told */
    struct mir_calibration_track calibrations; /* n 0: nobody asks for forecasts */
    struct mir_paper_rows paper;               /* n 0: nobody asks for it */
};

/*
 * What the policies of `e` ask for and can be given, of MIR_SNAPSHOT_FORECAST (there is
 * a model) and MIR_SNAPSHOT_LOOKAHEAD.
 */
unsigned mir_forecasts_wanted(const struct mir_episodes *e);

/* What to observe for policies that read `parts`, where they can be given `wanted` of it. */
unsigned mir_forecasts_parts(unsigned parts, unsigned wanted);

/*
 * Run the world of `options` for episodes from `from_at` on.  `*out` is {0} before and
 * ends with mir_background_release().  Returns 0 or -EINVAL from the simulator.
 */
int mir_background_make(const struct mir_episodes *e,
                        const struct mir_sim_options *options,
                        int64_t from_at,
                        struct mir_background *out,
                        struct mir_error *err);
void mir_background_release(struct mir_background *background);

/* One thread at a time. */
struct mir_forecasts;

/*
 * `background` is that of all episodes, lent; NULL: each has a world of its own
 * (MIR_PROTOCOL_COLD).  Takes a reference of the model.
 */
struct mir_forecasts *mir_forecasts_create(const struct mir_episodes *e,
                                           const struct mir_background *background);
/* Accepts NULL. */
void mir_forecasts_destroy(struct mir_forecasts *f);

/*
 * An episode forks from the world of `options` at `at`, which is not before the last
 * one's unless each has a world of its own.  Returns 0 or -EINVAL.
 */
int mir_forecasts_begin(struct mir_forecasts *f,
                        const struct mir_sim_options *options,
                        int64_t at,
                        struct mir_error *err);

/*
 * The forecaster for a decision on `queue` (jobs and history), which is lent until
 * the next look; `paper`: somebody asks for the paper's models.
 */
struct mir_forecaster *
mir_forecasts_look(struct mir_forecasts *f, const struct mir_snapshot *queue, bool paper);

/* The lookahead for a decision on `queue` (jobs), which is lent until the next; NULL: not wanted. */
struct mir_lookahead *mir_forecasts_look_ahead(struct mir_forecasts *f,
                                               const struct mir_snapshot *queue);

#endif
