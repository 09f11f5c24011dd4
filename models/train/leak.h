/*
 * leak.h - can a feature see the future?  A feature that does predicts well in every
 * test and not at all in use.  At an instant of a simulated log the features are
 * computed in the true world and in other worlds: the same up to and at the instant,
 * but with another future.  Jobs that are submitted later are gone or are others;
 * those that wait or run at the instant take another time, end otherwise or are
 * cancelled (what runs, runs on after the instant); nodes leave and return otherwise.
 * A feature that is not the same number, bit for bit, has seen what it must not see.
 * One thread; calls do not share anything.
 */
#ifndef MIR_TRAIN_LEAK_H
#define MIR_TRAIN_LEAK_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/features/wait_features.h"
#include "traces/replay/job_timeline.h"
#include "traces/sim/sim.h"

/* One world at the instant.  All of it is lent for the time of the call. */
struct mir_leak_world {
    const struct mir_sim_options *options;   /* its jobs, future ones too */
    const struct mir_job_timeline *timeline; /* of all its starts and ends */
    struct mir_sim *sim;                     /* at the instant; not to be advanced */
    const struct mir_snapshot *queue;        /* all parts */
    struct mir_run_book *book;               /* of what happened up to the instant */
};

/* Compute features as the program under suspicion does.  0 or a negative errno. */
typedef int (*mir_leak_features_f)(void *context,
                                   const struct mir_leak_world *world,
                                   const struct mir_wait_case *c,
                                   float out[MIR_N_WAIT_FEATURES],
                                   struct mir_error *err);

/* Those that models are trained on, made as labels.c makes them; `context` is not read. */
int mir_leak_features(void *context,
                      const struct mir_leak_world *world,
                      const struct mir_wait_case *c,
                      float out[MIR_N_WAIT_FEATURES],
                      struct mir_error *err);

/* Everything is lent for the time of the call. */
struct mir_leak_options {
    const struct mir_sim_options *sim; /* the true world */
    const struct mir_request *requests;
    uint32_t n_requests;
    const int64_t *instants; /* in any order */
    uint32_t n_instants;
    uint32_t n_worlds; /* other futures at each instant; 3 or more try all there is */
    uint64_t seed;
    mir_leak_features_f features; /* NULL: mir_leak_features() */
    void *context;                /* of features() */
};

/* A feature that has seen the future, and where it first was found out. */
struct mir_leak {
    unsigned feature; /* in mir_wait_feature_table */
    const char *name;
    int64_t at;
    double here, elsewhere; /* its value in the true world and in another */
    uint64_t n;             /* comparisons in which it differs */
};

struct mir_leak_report {
    uint64_t n_compared; /* pairs of all features of one request */
    uint64_t n_changed;  /* jobs that differ, in all other worlds together */
    /* How long the requests would wait: the futures are others where this differs. */
    uint64_t n_waits, n_waits_changed;
    struct mir_leak leaks[MIR_N_WAIT_FEATURES]; /* by number of the feature */
    uint32_t n_leaks;                           /* 0: none sees the future */
};

/*
 * Fill `*out`.  Returns 0 whether or not there are leaks; -EINVAL (no instant,
 * request or world), -ENODATA (at no instant was there a future that could be
 * changed), or what the simulator or features() failed with.
 */
int mir_leak_check(const struct mir_leak_options *options,
                   struct mir_leak_report *out,
                   struct mir_error *err);

/* One line for people, cut at `size`: how much was compared, or which features leak; returns buf. */
char *mir_leak_text(const struct mir_leak_report *report, char *buf, size_t size);

#endif
