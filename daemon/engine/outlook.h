/*
 * outlook.h - what the engine knows of futures to come: the cluster as the simulator
 * plays it, what was submitted, and the lookahead that all chains share.  It looks at
 * the forecaster's queue (forecast.h), draws from its run times, and computes nothing
 * before a policy asks.  One thread: the engine's.
 */
#ifndef MIR_ENGINE_OUTLOOK_H
#define MIR_ENGINE_OUTLOOK_H

#include "daemon/engine/internal.h"
#include "models/futures/arrivals.h"
#include "models/lookahead/habits.h"
#include "models/lookahead/lessons.h"
#include "models/lookahead/lookahead.h"
#include "traces/sim/cluster.h"

struct mir_engine_outlook {
    struct mir_cluster cluster;
    char refusal[64]; /* why it cannot be played; "": it can */
    struct mir_arrivals_book *arrivals;
    struct mir_habit_book *habits;
    struct mir_lesson_book *lessons; /* since we started: none is kept on disk */
    int64_t lessons_at;              /* when futures were played for them last; 0: never */

    struct mir_lookahead *lookahead; /* NULL: to be made */
    uint16_t *partition_of;          /* the cluster's number of each of the queue's */
    size_t n_partitions;
    bool looked; /* at the forecaster's queue as it is */
    struct mir_snapshot
        queue; /* that one, with the nodes that are free now, and whose chains run */
    struct mir_pending_job *pending; /* its own, where it has more than the forecaster's */
    size_t cap_pending;
    int64_t backfill_at;
    /*
     * Idle nodes are told every ten minutes, with a list of jobs at about the same time;
     * later lists tell what has become of them.
     */
    int64_t idle_nodes, busy_nodes;
    bool idle_told; /* and the list is still to come */

    /* All submissions since then were told; 0: not known yet.  A fact of the journal. */
    int64_t since_at;
    int64_t first_list_at;
    int64_t oldest_at; /* start of the oldest job that the journal had */
    uint64_t n_loaded; /* jobs that it had */

    struct mir_reserved reserved[MIR_MAX_RESERVED]; /* as slurmctld tells of them */
    size_t n_reserved;

    struct mir_lookahead_chain *coming; /* of one look */
    size_t cap_coming;

    int64_t left_ns;                  /* CPU time that futures may take now */
    int64_t charged_ns;               /* of the lookahead's cost, what is in `left_ns` already */
    int64_t refilled_ns;              /* monotonic; 0: never, it is full */
    struct mir_lookahead_cost before; /* of lookaheads that are gone */
};

#endif
