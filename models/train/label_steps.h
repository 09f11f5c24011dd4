/*
 * label_steps.h - labels from the log's machine and from machines of other sizes, kept
 * in the work folder as they get done.  A step is a part of one machine's, spread over
 * all of the time: first one part of each machine, then another, so that whenever the
 * budget ends what there is covers all days and loads alike.
 */
#ifndef MIR_TRAIN_LABEL_STEPS_H
#define MIR_TRAIN_LABEL_STEPS_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "models/train/labels.h"
#include "models/train/options.h"
#include "models/train/paper_labels.h"
#include "models/train/work_folder.h"
#include "models/train/world.h"

struct mir_label_steps {
    struct mir_labels of_scale[MIR_TRAIN_MAX_SCALES]; /* [0] is of the log's own machine */
    uint32_t n_steps, n_done;                         /* fewer than there are: out of time */
};

enum { MIR_LABEL_PARTS = 4 };

/*
 * All steps, or those that get done by `deadline_ns` (mir_clock_mono_ns(); INT64_MAX:
 * all of them), but the first in any case.  `*out` is {0} before; the caller ends it
 * with mir_label_steps_release(), also after a failure.  Returns 0, -EINVAL, -E2BIG
 * or an errno from writing.
 */
int mir_label_steps_run(const struct mir_train_options *options,
                        const struct mir_train_world *world,
                        const struct mir_work_folder *folder,
                        int64_t deadline_ns,
                        struct mir_label_steps *out,
                        struct mir_error *err);
void mir_label_steps_release(struct mir_label_steps *steps);

/* The samples of rf and xgb, on the log's own machine; `*out` is {0} before. */
int mir_label_steps_paper(const struct mir_train_options *options,
                          const struct mir_train_world *world,
                          struct mir_paper_labels *out,
                          struct mir_error *err);

/* A number for everything that labels depend on and options do not say: the simulated log. */
int mir_label_steps_hash(const struct mir_train_world *world, uint64_t *out, struct mir_error *err);

#endif
