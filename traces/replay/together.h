/*
 * together.h - the engine of `together`: several chains side by side in one simulated
 * cluster, where each submission is one more job ahead of the others' successors.
 *
 * An episode submits the predecessors of all chains.  Each policy, at each weight, then
 * has a world of its own, as what it submits changes the queue that it looks at next:
 * outcomes are the starts in that world, none is probed.  Each chain has an instance of
 * the policy, which is asked every period from its predecessor's start on.  What several
 * chains decide at one instant they decide on one look at the queue, as in the daemon.
 *
 * The best in hindsight for all chains at once is not known: there is no clairvoyant.
 */
#ifndef MIR_REPLAY_TOGETHER_H
#define MIR_REPLAY_TOGETHER_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "traces/replay/comparison.h"
#include "traces/replay/episodes.h"

enum { MIR_MAX_CHAINS = 1000 };

/* Everything is lent for the time of the call. */
struct mir_together {
    /* Of the continuous protocol; its shape and links are those of every chain. */
    const struct mir_episodes *episodes;
    uint32_t n_chains; /* 1 to MIR_MAX_CHAINS */
    int32_t spread_s;  /* predecessors are submitted evenly over so long; 0: all at once */
    /*
     * Policies that play out futures have a second row, in which each chain decides as if
     * there were no other (mir_comparison_row.alone_row of the first).
     */
    bool alone;
};

/* How many worlds there will be, which is what progress counts. */
uint32_t mir_together_count(const struct mir_together *t);

/*
 * Run them all and fill `*out` as mir_episodes_run() does, but with no clairvoyant, no
 * timeline, no fans and no kept forecasts.  The outcomes of an episode are those of the
 * first chain's links, then the second's.  With one chain they are those of
 * mir_episodes_run().  Returns as that.
 */
int mir_together_run(const struct mir_together *t,
                     struct mir_comparison *out,
                     struct mir_episodes_notes *notes,
                     struct mir_error *err);

#endif
