/*
 * lookahead.h - play out possible futures of this very queue: what would a
 * successor cost that is submitted now, or in an hour, or in six?  Futures are
 * simulated (traces/sim/seed.h) with drawn run times (models/run_time/book.h) and
 * drawn arrivals (models/futures/arrivals.h); the same draws serve all candidate
 * times and all chains (common random numbers).  Who runs the decisions owns one
 * and looks at the queue once per snapshot, as with the forecaster.  One thread at
 * a time.  Same queue, same books, same seed: same answer, bit for bit, unless a
 * CPU budget ran out.
 */
#ifndef MIR_LOOKAHEAD_LOOKAHEAD_H
#define MIR_LOOKAHEAD_LOOKAHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/host.h"
#include "daemon/host/snapshot.h"
#include "models/futures/arrivals.h"
#include "models/run_time/book.h"
#include "traces/sim/cluster.h"

struct mir_lookahead;

struct mir_lookahead_options {
    const struct mir_cluster *cluster; /* lent */
    const uint16_t *partition_of;      /* as for mir_seed_bed_create(); lent */
    size_t n_partitions;
    const uint8_t *qos_of;
    size_t n_qos;
    uint32_t n_futures_max; /* drawn for one queue */
    uint32_t n_futures_min; /* before it may stop early */
    /*
     * Jobs that wait run longer than others of their kind: their hazards are those of
     * the run-time book, times this.
     */
    double waiting_hazard;
    /* How likely two jobs of one user and name run alike in a future, each one asked. */
    double kinship;
    uint64_t seed;
};

void mir_lookahead_options_init(struct mir_lookahead_options *o);

struct mir_lookahead *mir_lookahead_create(const struct mir_lookahead_options *options);
/* Accepts NULL. */
void mir_lookahead_destroy(struct mir_lookahead *l);

/* Lent as long as they are set; NULL: run times as from an empty book, no arrivals. */
void mir_lookahead_set_books(struct mir_lookahead *l,
                             struct mir_run_book *runs,
                             struct mir_arrivals_book *arrivals);

/*
 * When the scheduler's periodic passes are due: as ticks_from_at of struct mir_seed.
 * Real Slurm tells the time of its last backfill.  0, until it is set: not known.
 */
void mir_lookahead_set_ticks(struct mir_lookahead *l, int64_t ticks_from_at);

/* The queue to answer for, lent until the next look; nothing is drawn before it is asked for. */
void mir_lookahead_look(struct mir_lookahead *l, const struct mir_snapshot *queue);

/* What is asked: one chain's successor. */
struct mir_lookahead_case {
    const struct mir_request *successor;
    int64_t predecessor_end_at; /* expected */
    int32_t warmup_s;
    double overlap_weight; /* w */
    /* In [0, 1): cost is averaged over the worst 1 - tail of the futures (CVaR); 0: over all. */
    double tail;
    /*
     * What waiting is worth beyond its best fixed time, because one looks again: 0:
     * nothing, 1: as if the future were known from then on.
     */
    double foresight;
    int32_t period_s;   /* until the next decision */
    uint32_t n_futures; /* at most; 0, and what is above: as many as the lookahead has */
};

enum { MIR_LOOKAHEAD_CANDIDATES_MAX = 48 };

struct mir_lookahead_point {
    int64_t submit_at;
    double cost_h, cost_se_h; /* expected, and the standard error over futures */
    double wait_p10_h, wait_p50_h, wait_p90_h;
};

struct mir_lookahead_answer {
    struct mir_lookahead_point points[MIR_LOOKAHEAD_CANDIDATES_MAX]; /* by submit_at; [0] is now */
    uint32_t n_points;
    uint32_t best;      /* index of the least expected cost */
    uint32_t n_futures; /* played out */
    /*
     * Submitting now against going on waiting (the best later point, and foresight),
     * paired over the futures, and its standard error.  Negative: now is best.
     */
    double now_minus_best_h;
    double now_minus_best_se_h;
    double wait_h; /* median of submitting now */
    /* In no future played out would an earlier submission have been the cheapest. */
    int64_t earliest_best_at;
};

/*
 * Returns 0; -ENODATA: no queue was looked at; -E2BIG: the successor can never run here;
 * -EINVAL: the cluster of the options cannot be simulated.
 */
int mir_lookahead_ask(struct mir_lookahead *l,
                      const struct mir_lookahead_case *c,
                      struct mir_lookahead_answer *out,
                      struct mir_error *err);

#endif
