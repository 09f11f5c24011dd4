/*
 * world.h - what is learned from or scored on: a log, the machine that runs it, the
 * requests that are asked about, the window.  Made once; read-only afterwards.
 */
#ifndef MIR_TRAIN_WORLD_H
#define MIR_TRAIN_WORLD_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "models/train/options.h"
#include "traces/replay/scene.h"

struct mir_train_world {
    struct mir_scene scene;
    struct mir_request shapes[MIR_SHAPES_MAX];
    uint32_t n_shapes;
    struct mir_request paper_shapes[MIR_SHAPES_MAX];
    uint32_t n_paper_shapes;
    int32_t probe_every_s; /* as asked for; else 90 minutes, or a 32nd of the longest limit */
    int64_t from_at, to_at;
    int64_t last_at; /* the log's last submission: later nobody competes for nodes */
};

/*
 * For fit: what happened from --to on is taken out of the log before anything looks at
 * it.  For evaluate: the whole log; shapes are chosen by what was there at
 * `learned_until_at`.  The caller ends `*out` with mir_train_world_close(), also after
 * a failure.  Returns 0, -EINVAL, -ENODATA or an errno from reading.
 */
int mir_train_world_open(const struct mir_train_options *options,
                         int64_t learned_until_at,
                         struct mir_train_world *out,
                         struct mir_error *err);
void mir_train_world_close(struct mir_train_world *world);

#endif
