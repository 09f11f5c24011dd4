/*
 * together_world.h - one world after another, in one thread: the inner half of together.h.
 * One thread per worker; workers write to disjoint slots of the comparison.
 */
#ifndef MIR_REPLAY_TOGETHER_WORLD_H
#define MIR_REPLAY_TOGETHER_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "plugins/policy.h"
#include "traces/replay/comparison.h"
#include "traces/replay/forecasts.h"
#include "traces/replay/together.h"

/* Who decides in a world. */
struct mir_together_player {
    const struct mir_policy *policy; /* lent */
    uint32_t row;                    /* of the comparison */
    uint32_t weight;
    bool alone;                        /* its chains do not heed each other */
    uint64_t n_decisions, n_fell_back; /* counted by the worker in its copy */
};

struct mir_together_worker;

/*
 * All but `players`, which are copied, are lent for the worker's life; `background` is
 * NULL where no forecast is wanted.
 */
struct mir_together_worker *mir_together_worker_create(const struct mir_together *t,
                                                       const struct mir_background *background,
                                                       const struct mir_together_player *players,
                                                       uint32_t n_players,
                                                       struct mir_comparison *out);
/* Accepts NULL. */
void mir_together_worker_destroy(struct mir_together_worker *w);

/*
 * Run world `index`: that of player index % n_players in episode index / n_players.
 * Indexes come in ascending order.  Returns 0, or -E2BIG or -EINVAL from the simulator
 * or a policy.
 */
int mir_together_worker_run(struct mir_together_worker *w, uint32_t index, struct mir_error *err);

/* Add what it counted to the comparison's rows.  When all is over. */
void mir_together_worker_add_counts(const struct mir_together_worker *w);

#endif
