/*
 * random_world.h - small clusters and workloads out of a seed, made to hit the
 * corners: jobs of one second, many events in one second, sizes from one node
 * to the whole machine, limits met, missed and overrun.
 * One thread at a time per world.
 */
#ifndef MIR_TESTS_RANDOM_WORLD_H
#define MIR_TESTS_RANDOM_WORLD_H

#include <stdint.h>

#include "daemon/core/rng.h"
#include "daemon/host/host.h"
#include "daemon/host/joblog.h"
#include "traces/sim/capacity.h"
#include "traces/sim/cluster.h"
#include "traces/sim/workload.h"

/* What a world has besides alike nodes, one partition and jobs that are ready at once. */
enum mir_world_feature {
    MIR_WORLD_PARTITIONS = 1u << 0,    /* several, overlapping, of different tiers */
    MIR_WORLD_PRIORITIES = 1u << 1,    /* multifactor with random weights, users, QOS, nice */
    MIR_WORLD_BACKFILL = 1u << 2,      /* else SchedulerType=sched/builtin */
    MIR_WORLD_DELAYS = 1u << 3,        /* begin times */
    MIR_WORLD_CANCELLATIONS = 1u << 4, /* while pending */
    MIR_WORLD_DEPENDENCIES = 1u << 5,  /* after, afterany, singleton */
    MIR_WORLD_ARRAYS = 1u << 6,        /* with throttles */
    MIR_WORLD_CAPACITY = 1u << 7,      /* nodes leave and return; all are back in the end */
};

struct mir_random_world {
    uint64_t seed;
    unsigned features;
    struct mir_rng rng; /* for what the test itself draws */
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_capacity capacity;
    int64_t unit_s; /* times are mostly multiples of it */
    int64_t max_run_s;
};

/* The caller ends it with mir_random_world_release(). */
void mir_random_world_init(struct mir_random_world *w,
                           uint64_t seed,
                           enum mir_scheduler scheduler,
                           unsigned features);
void mir_random_world_release(struct mir_random_world *w);

/* An integer in [low, high]. */
int64_t mir_random_between(struct mir_rng *rng, int64_t low, int64_t high);

/* A request that fits the world's cluster. */
struct mir_request mir_random_request(struct mir_random_world *w);

#endif
