/*
 * paper_rows.h - the queue every ten minutes, as the Mirage paper's models want it:
 * the last day up to any instant of a simulated log, without any chain.  Read-only
 * once made, by any number of threads.
 */
#ifndef MIR_REPLAY_PAPER_ROWS_H
#define MIR_REPLAY_PAPER_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/snapshot.h"
#include "models/features/paper_state.h"
#include "traces/sim/sim.h"

/* The queue at `first_at` + i * MIR_PAPER_PERIOD_S, which are multiples of that period. */
struct mir_paper_rows {
    int64_t first_at;
    struct mir_paper_row {
        struct mir_jobs_summary pending, running;
    } * rows; /* owned */
    size_t n, cap;
};

/*
 * Run the simulator and take a row at each multiple of MIR_PAPER_PERIOD_S from the
 * day before `from_at` until `to_at`, or until nothing is left to happen.  `*out`
 * is {0} before and ends with mir_paper_rows_release().  Returns 0 or -EINVAL.
 */
int mir_paper_rows_make(const struct mir_sim_options *options,
                        int64_t from_at,
                        int64_t to_at,
                        struct mir_paper_rows *out,
                        struct mir_error *err);
void mir_paper_rows_release(struct mir_paper_rows *rows);

/*
 * The last MIR_PAPER_ROWS rows at or before `at`, nothing later; `at` is not before
 * `from_at`.  Past the last row the queue is as it was there.
 */
void mir_paper_rows_history(const struct mir_paper_rows *rows,
                            int64_t at,
                            struct mir_paper_history *out);

#endif
