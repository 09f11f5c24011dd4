/*
 * chains.h - who else is going to submit, and when: each chain's successor comes
 * into the futures of the others at the time that its own last answer named best.
 * One thread at a time per object.
 */
#ifndef MIR_LOOKAHEAD_CHAINS_H
#define MIR_LOOKAHEAD_CHAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/lookahead/lookahead.h"
#include "traces/sim/seed.h"

/* A chain that is going to submit. */
struct mir_chain_plan {
    uint64_t chain;
    struct mir_request successor;
    int64_t predecessor_end_at;
    int32_t warmup_s;
    double overlap_weight;
    int64_t submit_at;      /* planned */
    int64_t answered_at;    /* when that was; INT64_MIN: never yet */
    int64_t longest_wait_s; /* what 9 of 10 futures of that answer do not exceed */
    bool submitted;         /* at this look: it is in the queue now */
};

struct mir_chain_coming {
    int64_t at;
    const struct mir_chain_plan *plan;
};

/* Starts as {0}. */
struct mir_chain_plans {
    struct mir_chain_plan *v; /* by chain; owned */
    size_t n;
    struct mir_chain_coming *coming; /* into one future, by time; owned */
    size_t n_coming, cap_coming;
    struct mir_seed_arrival *arrivals; /* of one future, with those of chains; owned */
    size_t cap_arrivals;
};

void mir_chain_plans_release(struct mir_chain_plans *p);

/*
 * These chains and no others.  One that was there keeps its plan, unless it has submitted
 * since; a new one is taken to submit at its predecessor's end.
 */
void mir_chain_plans_set(struct mir_chain_plans *p,
                         const struct mir_lookahead_chain *chains,
                         size_t n);

/* NULL: there is no such chain. */
struct mir_chain_plan *mir_chain_plans_find(const struct mir_chain_plans *p, uint64_t chain);

/* As mir_lookahead_needed_at(). */
int64_t mir_chain_plans_needed_at(const struct mir_chain_plans *p, uint64_t chain);

/* Does anybody else count for `chain` (0: none of them)? */
bool mir_chain_plans_others(const struct mir_chain_plans *p, uint64_t chain);

/* Those but `chain` that come into a future of `now`, up to `until`: p->coming. */
void mir_chain_plans_collect(struct mir_chain_plans *p, uint64_t chain, int64_t now, int64_t until);

/*
 * Let all successors but that of `chain` come into a future that begins at `now`, up to
 * `until`; `seed` lends the arrivals until the next call on `p`.
 */
void mir_chain_plans_join(struct mir_chain_plans *p,
                          uint64_t chain,
                          int64_t now,
                          int64_t until,
                          struct mir_seed *seed);

#endif
