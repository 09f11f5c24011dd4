/*
 * paper_state.h - the state of the Mirage paper (Ding et al., SC '23): 42 numbers
 * every ten minutes, 144 of them (24 hours) in a row.  Nothing is scaled: limits
 * are minutes, ages are seconds, as the paper's own code has it.
 *
 *  index   what                                                        unit
 *   0      pending: jobs                                               count
 *   1      pending: nodes they ask for                                 nodes
 *   2..6   pending: time limit, at 0, 25, 50, 75 and 100 %             min
 *   7..11  pending: waited so far, the same five                       s
 *  12..16  pending: run time, always zero                              s
 *  17      running: jobs                                               count
 *  18      running: nodes they hold                                    nodes
 *  19..23  running: time limit                                         min
 *  24..28  running: waited before the start                            s
 *  29..33  running: run so far                                         s
 *  34..37  predecessor: limit (min), nodes, waited (s), run so far (s)
 *  38..41  successor: limit (min), nodes, 0, 0
 *
 * No jobs, no chain: zeros.  mir_paper_features names every one.
 * One thread at a time per history.
 */
#ifndef MIR_FEATURES_PAPER_STATE_H
#define MIR_FEATURES_PAPER_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/host/snapshot.h"

enum {
    MIR_PAPER_WIDTH = 42,
    MIR_PAPER_QUEUE_WIDTH = 34, /* of it, from the queue; the rest is the chain's */
    MIR_PAPER_ROWS = 144,
    MIR_PAPER_PERIOD_S = 600, /* between rows */
};

struct mir_paper_feature {
    const char *name; /* "pending_limit_p25" */
    const char *unit; /* "count", "nodes", "min", "s" */
};

extern const struct mir_paper_feature mir_paper_features[MIR_PAPER_WIDTH];

/* The chain as the paper sees it; all zero for none. */
struct mir_paper_chain {
    int32_t predecessor_limit_s;
    uint32_t predecessor_nodes;
    int32_t predecessor_wait_s;
    int32_t predecessor_elapsed_s; /* 0 while it waits */
    int32_t successor_limit_s;
    uint32_t successor_nodes;
};

/* One row.  Of the snapshot only pending_sum and running_sum are read; `chain` may be NULL. */
void mir_paper_state(const struct mir_snapshot *queue,
                     const struct mir_paper_chain *chain,
                     float out[MIR_PAPER_WIDTH]);

/*
 * The last 144 rows; about 48 kB.  Plain data: a copy is an independent history.
 * Fields are private.
 */
struct mir_paper_history {
    size_t end; /* rows[end - 144] to rows[end - 1] are the history */
    float rows[2 * MIR_PAPER_ROWS][MIR_PAPER_WIDTH];
};

/* 144 rows of zeros: before there was a queue there were no jobs. */
void mir_paper_history_init(struct mir_paper_history *h);

/* Take down the queue, MIR_PAPER_PERIOD_S after the one before; the oldest row is forgotten. */
void mir_paper_history_push(struct mir_paper_history *h, const struct mir_snapshot *queue);

/*
 * All rows, the oldest first: row i begins at [i * MIR_PAPER_WIDTH].  In every
 * row the chain's numbers are those of `chain` now (may be NULL), as in the
 * paper's code.  Lent: good until the next call on `h`.
 */
const float *mir_paper_history_view(struct mir_paper_history *h,
                                    const struct mir_paper_chain *chain);

#endif
