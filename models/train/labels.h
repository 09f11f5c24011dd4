/*
 * labels.h - exact counterfactuals: along a log, at many instants and for many
 * requests, the wait that a job submitted then would have had, beside what could
 * be seen then.  A chain's predecessor is inserted into the simulated machine;
 * while it runs, forks of the simulator with the successor submitted at each
 * instant tell the successor's start.  These are the states in which policies
 * decide.
 */
#ifndef MIR_TRAIN_LABELS_H
#define MIR_TRAIN_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/progress.h"
#include "models/features/wait_features.h"
#include "traces/replay/job_timeline.h"
#include "traces/sim/sim.h"

enum { MIR_LABELS_MAX_EPISODES = 100 * 1000 * 1000 };

struct mir_label {
    int64_t at;       /* of the submission */
    uint32_t episode; /* which predecessor */
    uint16_t shape;   /* which request */
    bool censored;    /* it had not started when the truth ends: it waited at least `wait_h` */
    float wait_h;
    float left_h; /* until the predecessor's end */
    float features[MIR_N_WAIT_FEATURES];
};

struct mir_labels {
    struct mir_label *rows; /* by episode, then by time */
    size_t n, cap;
    uint32_t n_episodes; /* of all parts */
};

/* Everything is lent for the time of the call. */
struct mir_labels_options {
    const struct mir_sim_options *sim; /* cluster, workload, capacity */
    const struct mir_job_timeline *timeline;
    const struct mir_request *shapes; /* with a time limit, until which they run */
    uint32_t n_shapes;
    int64_t from_at, to_at; /* predecessors are submitted in [from_at, to_at) */
    int64_t known_until_at; /* nothing after this is known: later starts are censored */
    int32_t every_s;        /* between predecessors of one shape */
    int32_t probe_every_s;  /* between submissions that are tried */
    /* Of each shape's predecessors every n_parts-th, from `part` on; n_parts 0: all. */
    uint32_t part, n_parts;
    uint64_t seed;                 /* of the phase of each predecessor and its probes */
    uint32_t n_threads;            /* the result does not depend on it */
    struct mir_progress *progress; /* counts episodes; may be NULL */
};

/* Predecessors of all shapes, of the part that is asked for; UINT32_MAX: more than MIR_LABELS_MAX_EPISODES. */
uint32_t mir_labels_episodes(const struct mir_labels_options *options);

/*
 * Fill `*out` ({0} before; the caller releases it).  Features are as of the instant of
 * each submission, but run times are known up to the submission of its predecessor.
 * Returns 0, -EINVAL (nothing to try, or a shape without a limit), or -E2BIG: a shape
 * that can never run here.
 */
int mir_labels_make(const struct mir_labels_options *options,
                    struct mir_labels *out,
                    struct mir_error *err);
/* Parts together give, in any order, what all at once do. */
void mir_labels_add(struct mir_labels *to, const struct mir_labels *part);
void mir_labels_release(struct mir_labels *labels);

#endif
