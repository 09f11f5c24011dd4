/*
 * capacity.h - how many nodes are in service over time: outages, drains,
 * maintenance, given in a file or estimated from a log.  Read-only once made.
 */
#ifndef MIR_SIM_CAPACITY_H
#define MIR_SIM_CAPACITY_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/core/error.h"

/* From `at` on, until the next step, `n_nodes` of the set are in service. */
struct mir_capacity_step {
    int64_t at;
    uint32_t n_nodes;
    uint32_t node_set; /* number in the cluster; 0 where there is only one */
};

struct mir_capacity {
    struct mir_capacity_step *steps; /* by `at`, then node_set */
    size_t n_steps;
};

/*
 * Read "time,nodes[,node_set]" lines (a header line and # comments allowed;
 * times as in parse.h, UTC where they name no zone).  Lines may come in any
 * order.  The caller ends `*out` with mir_capacity_release(); on failure it is
 * left as it was.  Returns 0, -ENOENT and other errnos from opening, or -EINVAL
 * with "file:line: field: ...".
 */
int mir_capacity_read(const char *path, struct mir_capacity *out, struct mir_error *err);

/*
 * Write what mir_capacity_read() reads back unchanged; the node_set column only
 * where a step names a set other than 0.  Returns 0 or -EIO.
 */
int mir_capacity_write(FILE *to, const struct mir_capacity *capacity, struct mir_error *err);

/* Accepts a zeroed struct. */
void mir_capacity_release(struct mir_capacity *capacity);

#endif
