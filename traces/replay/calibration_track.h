/*
 * calibration_track.h - how the calibrations of a model stand as a simulated log goes
 * on, as in a daemon that has had that model since its training ended: each job of the
 * log was promised a wait when it was submitted, and at each time those are known whose
 * jobs have started, or wait longer than was promised.  Read-only once made; any thread.
 */
#ifndef MIR_REPLAY_CALIBRATION_TRACK_H
#define MIR_REPLAY_CALIBRATION_TRACK_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/predict/promise.h"
#include "traces/replay/job_timeline.h"
#include "traces/sim/sim.h"

struct mir_calibration_track {
    int64_t from_at;
    /* Of every hour from from_at on, each method's; owned. */
    struct mir_calibration (*v)[MIR_N_QUANTILE_METHODS];
    size_t n, cap;
};

/*
 * From the end of the model's training (what it has seen keeps all promises) until
 * `to_at`.  `timeline` is of the world of `options`.  `*out` is {0} before.  Returns 0 or
 * -EINVAL from the simulator.
 */
int mir_calibration_track_make(const struct mir_sim_options *options,
                               const struct mir_job_timeline *timeline,
                               const struct mir_wait_model *model,
                               int64_t to_at,
                               struct mir_calibration_track *out,
                               struct mir_error *err);
void mir_calibration_track_release(struct mir_calibration_track *track);

/* As of the last full hour up to `now`, one for each method; NULL: nothing is learned yet. */
const struct mir_calibration *mir_calibration_track_at(const struct mir_calibration_track *track,
                                                       int64_t now);

#endif
