/*
 * sim.h - a simulated cluster: event driven, integer seconds, deterministic.
 * It is a struct mir_host, so what decides on real Slurm decides here; its live
 * state forks for the cost of copying it.  One thread at a time per simulator;
 * any number of simulators share one workload, cluster and capacity.
 *
 * At one instant, in this order: capacity and reservations, ends, cancellations, jobs
 * becoming eligible, arrivals in the order (submit, id), then the scheduler.
 */
#ifndef MIR_SIM_SIM_H
#define MIR_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/host.h"
#include "traces/sim/capacity.h"
#include "traces/sim/cluster.h"
#include "traces/sim/workload.h"

/* How EASY handles what happens in one second (reference-schedules: easy_batch, easy_event). */
enum mir_event_order {
    MIR_EVENTS_BATCH,  /* all ends, all arrivals, one pass */
    MIR_EVENTS_SINGLE, /* arrivals one by one, then ends one by one, a pass after each */
};

/*
 * Nodes that jobs cannot have in [from_at, to_at): maintenance, or a reservation of others.
 * Which ones is not known: they are taken from all node sets in proportion.  Slurm's
 * scheduling knows of it before, and starts nothing that could run into it by its limit;
 * to other schedulers the nodes are gone when it begins.  What runs then goes on.
 */
struct mir_reserved {
    int64_t from_at, to_at;
    uint32_t n_nodes;
};

enum { MIR_MAX_RESERVED = 16 };

struct mir_sim_options {
    const struct mir_cluster *cluster;   /* lent for the simulator's life */
    const struct mir_workload *workload; /* lent for the simulator's life */
    const struct mir_capacity *capacity; /* lent; NULL: all nodes, always */
    const struct mir_reserved *reserved; /* lent; without machine identities only */
    size_t n_reserved;                   /* at most MIR_MAX_RESERVED */
    enum mir_event_order event_order;    /* EASY only */
    bool node_identity; /* EASY and Slurm: reservations are sets of machines, not numbers of them */
    bool keep_starts;   /* mir_sim_starts() */
    bool keep_history;  /* snapshot.history; needed by policies that learn from waits */
    bool keep_summary;  /* snapshot summaries, kept up to date at every event */
    int64_t from_at;    /* the controller's start: empty cluster, first arrival not before */
    int64_t to_at;      /* last arrival before; INT64_MAX: the workload's end */
};

struct mir_sim;

void mir_sim_options_init(struct mir_sim_options *options);

/* The caller owns `*out`. Returns 0 or -EINVAL. */
int mir_sim_create(const struct mir_sim_options *options,
                   struct mir_sim **out,
                   struct mir_error *err);
void mir_sim_destroy(struct mir_sim *sim);

/* The simulator as a host; lent, same object. */
struct mir_host *mir_sim_host(struct mir_sim *sim);

/*
 * Make `to` a copy of `from`, reusing its memory: no allocation once `to` has
 * been as large before.  Both are of the same options; keep_starts is off in
 * the copy.
 */
void mir_sim_copy(struct mir_sim *to, const struct mir_sim *from);

/* A new simulator in the state of `from`. */
struct mir_sim *mir_sim_fork(const struct mir_sim *from);

int64_t mir_sim_now(const struct mir_sim *sim);

/* Let everything that happens up to and at `to` happen; then now == to. */
void mir_sim_advance(struct mir_sim *sim, int64_t to);

/* Run until the queue and the machine are empty and no arrival is left. */
void mir_sim_run(struct mir_sim *sim);

/* Submit now; `*serial` names the job from then on. -E2BIG: can never run. */
int mir_sim_submit(struct mir_sim *sim,
                   const struct mir_request *request,
                   uint64_t *serial,
                   struct mir_error *err);

/*
 * Advance until the submitted job `serial` has started, at most to `until`.
 * Returns its start, or INT64_MAX when it has not started by then.
 */
int64_t mir_sim_advance_to_start(struct mir_sim *sim, uint64_t serial, int64_t until);

/*
 * Let everything happen up to and at `until`, but stop at the first instant at which a
 * job starts that was submitted from outside.  Returns the time then, which is `until`
 * when none did.
 */
int64_t mir_sim_advance_to_any_start(struct mir_sim *sim, int64_t until);

/* When the submitted job `serial` started; INT64_MAX: it waits. */
int64_t mir_sim_start_of(const struct mir_sim *sim, uint64_t serial);

/*
 * When would `request` start if it were submitted now?  `scratch` is the
 * simulator that is overwritten to find out (from mir_sim_fork() once).
 * INT64_MAX: not by `until`.
 */
int64_t mir_sim_probe(const struct mir_sim *sim,
                      struct mir_sim *scratch,
                      const struct mir_request *request,
                      int64_t until);

/*
 * Slurm's priority of `request`, which mir_sim_submit() would accept, were it
 * submitted now; NaN where the scheduler knows no priorities.
 */
double mir_sim_request_priority(const struct mir_sim *sim, const struct mir_request *request);

/* Start of each workload job; INT64_MIN: not started.  keep_starts only; lent. */
const int64_t *mir_sim_starts(const struct mir_sim *sim);

struct mir_sim_counters {
    uint64_t n_arrived, n_started, n_ended;
    uint64_t n_main_passes;     /* main scheduler or EASY passes that looked at the queue */
    uint64_t n_backfill_passes; /* that planned anything */
    uint64_t n_plan_kept;       /* backfill passes answered by the plan of the pass before */
    uint64_t max_pending, max_running;
    uint64_t max_nodes_used;
};

const struct mir_sim_counters *mir_sim_counters(const struct mir_sim *sim);

#endif
