/*
 * machine.h - the same log on a machine of another size: labels from a few sizes
 * teach a model loads that the log itself never had.  Read-only once made.
 */
#ifndef MIR_TRAIN_MACHINE_H
#define MIR_TRAIN_MACHINE_H

#include <stdbool.h>

#include "traces/replay/scene.h"
#include "traces/sim/sim.h"

struct mir_machine {
    struct mir_cluster cluster;
    struct mir_capacity capacity; /* owned */
    bool has_capacity;
    struct mir_workload workload; /* its jobs are owned, the rest is the scene's */
    struct mir_job *jobs;
};

/*
 * The scene's machine with every set of nodes, and every step of its capacity,
 * `scale` times as large (rounded, at least a node), and of its workload the jobs
 * that fit.  The scene outlives it.
 */
void mir_machine_init(struct mir_machine *m, const struct mir_scene *scene, double scale);
void mir_machine_release(struct mir_machine *m);

/* To simulate it from an empty queue to the workload's end; the machine is lent to `*out`. */
void mir_machine_options(const struct mir_machine *m, struct mir_sim_options *out);

/* The most nodes that one job of the request's partition may have. */
uint32_t mir_machine_largest(const struct mir_machine *m, const struct mir_request *request);

#endif
