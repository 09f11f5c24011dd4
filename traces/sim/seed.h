/*
 * seed.h - a simulator that goes on from what a snapshot shows: the jobs that wait
 * and run now, with run times of the caller's making, and jobs that are yet to
 * come.  One future after another is planted into the same memory, so that
 * thousands cost no allocation.  One thread at a time per bed; the cluster is lent
 * and shared.
 *
 * What the snapshot does not show is assumed: a job has whole nodes, holds none
 * that are not in a set of its partition, and depends on no other.
 */
#ifndef MIR_SIM_SEED_H
#define MIR_SIM_SEED_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/snapshot.h"
#include "traces/sim/sim.h"

/* A job that is to come; eligible at once. */
struct mir_seed_arrival {
    int64_t submit_at; /* after the snapshot's now */
    uint32_t n_nodes;
    int32_t limit_s; /* 0 or less: as it runs */
    int32_t run_s;   /* 1 .. limit_s */
    uint32_t user;
    uint16_t partition; /* as in the snapshot; mapped as its jobs' are */
    uint16_t account;
    uint8_t qos;
};

struct mir_seed {
    const struct mir_snapshot *queue; /* its jobs are read; lent during the call */
    /* In how many seconds each running job ends, how long each pending one will run; >= 1. */
    const int32_t *running_left_s;           /* [queue->n_running] */
    const int32_t *pending_run_s;            /* [queue->n_pending]; cut at the limit */
    const struct mir_seed_arrival *arrivals; /* by submit_at */
    size_t n_arrivals;
    /* Lent for as long as the simulator and its copies are used. */
    const struct mir_reserved *reserved;
    size_t n_reserved; /* at most MIR_MAX_RESERVED */
    /*
     * From when the scheduler's periods (bf_interval, sched_interval,
     * PriorityCalcPeriod) count: a simulator's from_at.  A snapshot does not show
     * it; 0, or a time after now: from the epoch.
     */
    int64_t ticks_from_at;
};

struct mir_seed_bed;

/*
 * `partition_of` and `qos_of`: the cluster's numbers of the snapshot's partitions
 * and QOS (n of each; what is beyond, or NULL: partition 0, no QOS).  Copied.
 * NULL for a cluster that no simulator takes: without nodes, or conservative
 * backfilling with more than one set of them.
 */
struct mir_seed_bed *mir_seed_bed_create(const struct mir_cluster *cluster,
                                         const uint16_t *partition_of,
                                         size_t n_partitions,
                                         const uint8_t *qos_of,
                                         size_t n_qos);
/* Accepts NULL. */
void mir_seed_bed_destroy(struct mir_seed_bed *bed);

/*
 * The simulator at queue->now in the state of the snapshot, after a pass of its
 * scheduler; lent until the next call on the bed, as are copies of it
 * (mir_sim_fork(), mir_sim_copy(): a scratch made once serves later futures).
 * Requests to it (mir_sim_submit, mir_sim_probe) use the numbers of the snapshot.
 *
 * Nodes.  Free are n_nodes_free, from now on.  The others, up to n_nodes, belong to
 * the running jobs in order of their starts, on the sets on which a start would
 * put them now; one for which there are not enough has what there is, or is left
 * out.  Nodes that are neither free nor a running job's never come back; missing
 * ones are missing from each set in proportion to what is free of it, and nodes
 * that the cluster does not know join its largest set.
 *
 * Reservations that have begun have what nodes are missing so, and give them back at
 * their end; those to come take theirs from what is free then.
 *
 * Queue.  Left out are jobs that are not eligible (INT64_MAX) and those that
 * never fit their partition or the nodes above; those that become eligible later
 * join then.  Neighbours of one id are an array.  A reported priority counts as it
 * is, with the fraction that the configuration gives it, and grows with age as
 * that says; 0 or NaN: computed from it.  Where fair share counts, an
 * association's factor is what the reported priorities leave to it (the mean of
 * its waiting jobs; without any, of the others'), and stays so.
 *
 * How true is it?  With true ends, run times and arrivals, what a simulator's
 * snapshot showed goes on to the second as in that simulator (slurm, easy and
 * fcfs; dependencies, cancellations, throttles and begin times of jobs yet to come
 * aside, and moving fair share).  At an instant of backfill a job may start one
 * bf_interval sooner, as an end just before it does not show.
 * It takes ticks_from_at for that: with ticks off by some seconds, backfill takes
 * a job up earlier or later, and that changes the starts of others; over generated
 * weeks 39 % of probes then agree to the second, and 0.09 h is the mean difference.
 * Conservative backfilling remembers reservations that a snapshot does not show:
 * they are made anew, in order.
 */
struct mir_sim *mir_seed_bed_plant(struct mir_seed_bed *bed, const struct mir_seed *seed);

/*
 * When each waiting job of `queue`, which was planted last, has started in the bed's
 * simulator (not in copies of it) as far as that has been advanced: start_at[n_pending].
 * INT64_MAX: not yet, or it was left out.
 */
void mir_seed_bed_starts(const struct mir_seed_bed *bed,
                         const struct mir_snapshot *queue,
                         int64_t *start_at);

#endif
