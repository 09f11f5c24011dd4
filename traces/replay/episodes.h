/*
 * episodes.h - the engine of `run`: many chains, each inserted into the
 * simulated cluster at another time, each decided by every policy.
 *
 * An episode submits a predecessor and waits for its start.  From then on, every
 * decision period until its end, each policy that has not submitted yet is asked;
 * and a probe, a fork of the simulator with the successor submitted at that very
 * instant, tells when the successor would start.  Since nothing else differs
 * between submitting and probing, that answer is the outcome of whoever submits
 * there, and the cheapest of all answers is the clairvoyant bound.
 *
 * Chains of more than two jobs go on in worlds of their own, one for each
 * instant at which somebody submitted.  The clairvoyant is then greedy: each
 * successor is submitted at the instant that is cheapest for that link.
 */
#ifndef MIR_REPLAY_EPISODES_H
#define MIR_REPLAY_EPISODES_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/progress.h"
#include "daemon/host/host.h"
#include "models/predict/wait_model.h"
#include "plugins/policy.h"
#include "traces/replay/comparison.h"
#include "traces/replay/log_truth.h"
#include "traces/sim/capacity.h"
#include "traces/sim/cluster.h"
#include "traces/sim/workload.h"

enum mir_protocol {
    MIR_PROTOCOL_CONTINUOUS, /* the whole log runs; chains are inserted into it */
    MIR_PROTOCOL_COLD,       /* the Mirage paper's: an empty cluster and a slice of arrivals each */
};

/* How long after a predecessor's end, or a first submission, a start is waited for. */
enum { MIR_EPISODE_HORIZON_S = 60 * 86400 };

/* Everything is lent for the time of the call. */
struct mir_episodes {
    const struct mir_cluster *cluster;
    const struct mir_workload *workload;
    const struct mir_capacity *capacity; /* NULL: all nodes, always */
    struct mir_policy *const *policies;  /* [0] is reactive */
    uint32_t n_policies;
    struct mir_wait_model *model; /* what they may ask for forecasts; NULL: nothing */
    const double *weights;
    uint32_t n_weights;       /* 1 to MIR_MAX_WEIGHTS */
    struct mir_request shape; /* of every job of the chain; run_s: what it really runs */
    uint32_t n_jobs;          /* of a chain, at least 2 */
    int32_t every_s;          /* between episodes */
    int32_t period_s;         /* between decisions */
    int32_t warmup_s;         /* of a successor, told to the policies */
    /*
     * Episodes begin at from_at, from_at + every_s, ... before to_at.  Continuous:
     * that is the predecessor's submission.  Cold: it is the empty cluster, and
     * the predecessor follows cold_warmup_s later.
     */
    int64_t from_at, to_at;
    unsigned truth; /* of enum mir_log_truth_part: what a lookahead is told that nobody can know */
    enum mir_protocol protocol;
    int32_t cold_arrivals_s, cold_warmup_s;
    uint64_t seed;
    uint32_t n_threads;            /* at least 1; the result does not depend on it */
    uint32_t max_episodes;         /* 0: no limit */
    struct mir_progress *progress; /* counts episodes; may be NULL */
};

/* What a reader of the result should be told. */
struct mir_episodes_notes {
    uint32_t n_past_log; /* episodes with an outcome after the log's last submission */
    uint32_t n_stuck;    /* episodes in which some successor never started */
};

/* How many episodes there will be. */
uint32_t mir_episodes_count(const struct mir_episodes *e);

/*
 * Run them all and fill `*out` (zeroed before; the caller releases it): rows,
 * outcomes, clairvoyant, the timeline of the background, counters and settings,
 * but none of log_path, command and version, nor wall_s.  Returns 0, -EINVAL
 * (no episode, or settings out of range) or -E2BIG (the chain's job can never
 * run on this cluster).
 */
int mir_episodes_run(const struct mir_episodes *e,
                     struct mir_comparison *out,
                     struct mir_episodes_notes *notes,
                     struct mir_error *err);

#endif
