/*
 * shapes.h - the requests whose waits are learned or scored: so many nodes for so
 * long, as a user lists them or as the log suggests.  Plain data.
 */
#ifndef MIR_TRAIN_SHAPES_H
#define MIR_TRAIN_SHAPES_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "traces/sim/cluster.h"
#include "traces/sim/workload.h"

enum { MIR_SHAPES_MAX = 64 };

struct mir_shape {
    uint32_t n_nodes;
    int32_t limit_s;
};

struct mir_shapes {
    struct mir_shape list[MIR_SHAPES_MAX];
    uint32_t n;
};

/*
 * "1,2,4x48h,8x24h": sizes, and after an x the limit of all sizes since the one
 * before; a bare limit is in minutes, as for sbatch.  `what` names the option.
 * Returns 0 or -EINVAL with a sentence that shows the text.
 */
int mir_shapes_parse(const char *what,
                     const char *text,
                     struct mir_shapes *out,
                     struct mir_error *err);

/*
 * What is worth knowing of this log: 1, 2, 4, 8 and 16 nodes (up to a quarter of
 * `n_nodes`) at the limit under which most node-hours of jobs submitted before
 * `until_at` ran, then 1 and 4 nodes at the next two commonest limits from an hour on.
 */
void mir_shapes_choose(const struct mir_workload *workload,
                       uint32_t n_nodes,
                       int64_t until_at,
                       struct mir_shapes *out);

/* "8 nodes, 48 h"; returns buf. */
char *mir_shape_label(const struct mir_shape *shape, char buf[48]);

#endif
