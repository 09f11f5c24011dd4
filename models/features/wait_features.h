/*
 * wait_features.h - what a request's wait may depend on, as numbers: one
 * definition for training, replay and the daemon.  mir_wait_feature_table names
 * each with its unit and source; the documentation, the plots and the model file
 * use that table and no other.  What is not known is NaN, never zero.
 *
 * What all requests at one instant share is computed once, by
 * mir_queue_outlook_update(); a request then costs a few microseconds.
 * One thread at a time per outlook.
 */
#ifndef MIR_FEATURES_WAIT_FEATURES_H
#define MIR_FEATURES_WAIT_FEATURES_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/host/host.h"
#include "daemon/host/snapshot.h"
#include "models/run_time/book.h"

enum {
    MIR_OUTLOOK_FUTURES = 16,  /* drawn futures of the running and waiting jobs */
    MIR_OUTLOOK_PLANNED = 300, /* waiting jobs that are planned one by one; the rest is work */
    MIR_N_WAIT_FEATURES = 72,
};

/* Where a number comes from. */
enum mir_feature_source {
    MIR_FROM_REQUEST, /* the request itself, and its chain */
    MIR_FROM_CALENDAR,
    MIR_FROM_NODES,    /* free nodes, running jobs */
    MIR_FROM_QUEUE,    /* waiting jobs */
    MIR_FROM_RUN_TIME, /* the run-time book on running and waiting jobs */
    MIR_FROM_PLAN,     /* a backfill plan over them */
    MIR_FROM_HISTORY,  /* recent starts and submissions */
};

struct mir_feature {
    const char *name; /* "ahead_node_hours_expected" */
    const char *unit; /* "h", "nodes", "node-h", "count", "share" */
    enum mir_feature_source source;
    const char *text; /* one line, for people */
};

extern const struct mir_feature mir_wait_feature_table[MIR_N_WAIT_FEATURES];

/* Places in the table of those that are read one by one. */
enum {
    MIR_WAIT_FEATURE_NODES = 0,
    MIR_WAIT_FEATURE_NODES_SHARE = 1,
    MIR_WAIT_FEATURE_LIMIT = 2,
    MIR_WAIT_FEATURE_PLAN_LIMIT = 44,
};

const char *mir_feature_source_name(enum mir_feature_source source);

/* Changes whenever the table or the meaning of a number in it does; kept in every model file. */
#define MIR_WAIT_FEATURE_SET "wait-1"

struct mir_queue_outlook;

struct mir_queue_outlook *mir_queue_outlook_create(void);
/* Accepts NULL. */
void mir_queue_outlook_destroy(struct mir_queue_outlook *o);

/*
 * How far Slurm's backfill plans ahead (bf_window): jobs that it would start later
 * hold no nodes in the plans.  0 or less: a day, which is Slurm's default and that
 * of a new outlook.
 */
void mir_queue_outlook_set_window(struct mir_queue_outlook *o, int32_t bf_window_s);

/*
 * Look at the queue (MIR_SNAPSHOT_JOBS and MIR_SNAPSHOT_HISTORY are read), and at
 * how long jobs run by the book.  Both are lent until the next update.
 */
void mir_queue_outlook_update(struct mir_queue_outlook *o,
                              const struct mir_snapshot *queue,
                              struct mir_run_book *book);

/* Whose wait is asked for. */
struct mir_wait_case {
    const struct mir_request *request;
    double priority;            /* Slurm's, at submission; NaN: behind all that wait */
    int64_t predecessor_end_at; /* INT64_MIN: there is none */
};

/* For a submission at the time of the last update. */
void mir_wait_features(struct mir_queue_outlook *o,
                       const struct mir_wait_case *c,
                       float out[MIR_N_WAIT_FEATURES]);

/*
 * When the plans would start the case, in seconds from now: as Slurm plans, by
 * limits (`*by_limit_s`), and in each drawn future, ascending.  What lies beyond
 * all plans is INFINITY.
 */
void mir_queue_outlook_plan(struct mir_queue_outlook *o,
                            const struct mir_wait_case *c,
                            double *by_limit_s,
                            double futures_s[MIR_OUTLOOK_FUTURES]);

#endif
