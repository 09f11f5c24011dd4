/*
 * timeline.h - load and waits of the background over the window of a run.
 * One thread.
 */
#ifndef MIR_REPLAY_TIMELINE_H
#define MIR_REPLAY_TIMELINE_H

#include "daemon/core/error.h"
#include "traces/replay/comparison.h"
#include "traces/replay/episodes.h"

/*
 * Fill out->load with an instant for every hour of [from_at, to_at) (every few
 * hours where that makes more than 10,000), from a simulation of the whole log
 * without any chain, whatever the protocol.  Returns 0 or -EINVAL from the
 * simulator.
 */
int mir_timeline(const struct mir_episodes *e, struct mir_comparison *out, struct mir_error *err);

#endif
