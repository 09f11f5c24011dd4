/*
 * episode.h - one episode after another, in one thread: the inner half of
 * episodes.h.  One thread per worker; workers share what struct mir_episodes
 * lends and write to disjoint slots of the comparison.
 */
#ifndef MIR_REPLAY_EPISODE_H
#define MIR_REPLAY_EPISODE_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "traces/replay/comparison.h"
#include "traces/replay/episodes.h"
#include "traces/replay/forecasts.h"
#include "traces/sim/sim.h"

struct mir_worker;

/*
 * All are lent for the worker's life; the rows of `out` have their outcome arrays.
 * `background` is NULL where no forecast is wanted, and in the cold protocol.
 */
struct mir_worker *mir_worker_create(const struct mir_episodes *e,
                                     const struct mir_background *background,
                                     struct mir_comparison *out);

/* Accepts NULL. */
void mir_worker_destroy(struct mir_worker *w);

/*
 * Run episode `index` (of mir_episodes_count()) and fill its outcomes.  Indexes
 * come in ascending order, as the worker's clock only goes forward.  Returns 0
 * or -E2BIG, -EINVAL from the simulator or a policy.
 */
int mir_worker_run(struct mir_worker *w, uint32_t index, struct mir_error *err);

/* Add what it counted to the comparison: probes, and each row's decisions.  When all is over. */
void mir_worker_add_counts(const struct mir_worker *w, struct mir_comparison *out);

/* ---- What chains side by side (together.h) have in common with this */

/* Are the settings in range?  0 or -EINVAL. */
int mir_episodes_check(const struct mir_episodes *e, struct mir_error *err);

/* The comparison's settings and episodes, for one chain at a time. */
void mir_episodes_describe(const struct mir_episodes *e, struct mir_comparison *out);

/* The row of a policy, with its outcome arrays; `out` is described. */
void mir_episodes_make_row(const struct mir_policy *policy,
                           struct mir_comparison_row *row,
                           const struct mir_comparison *out);

/* What a reader should be told of the rows' outcomes. */
void mir_episodes_note(const struct mir_episodes *e,
                       const struct mir_comparison *c,
                       struct mir_episodes_notes *notes);

/* The controller's start in the continuous protocol: nothing happens before. */
int64_t mir_episodes_origin(const struct mir_episodes *e);

/* Simulator options of `e`, from the origin to the log's end. */
void mir_episodes_sim_options(const struct mir_episodes *e, struct mir_sim_options *out);

#endif
