/*
 * paper_labels.h - samples as the Mirage paper learns from: seven submissions evenly
 * spaced over a predecessor's life, each with the 144 x 42 state of that time and the
 * signed outcome that it would have had (wait - time left, in hours; above zero an
 * interruption).  The queue's rows are those of the log without any chain.
 */
#ifndef MIR_TRAIN_PAPER_LABELS_H
#define MIR_TRAIN_PAPER_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/features/paper_state.h"
#include "models/train/labels.h"

enum {
    MIR_PAPER_PROBES = 7,
    MIR_PAPER_EVERY_S = 4 * 3600, /* between predecessors */
    MIR_PAPER_STATE = MIR_PAPER_ROWS * MIR_PAPER_WIDTH,
};

/* Starts as {0}; ends with mir_paper_labels_release(). */
struct mir_paper_labels {
    struct mir_label *rows; /* with the features, so that other methods answer for the same */
    float *states;          /* MIR_PAPER_STATE for each row */
    size_t n;
};

/*
 * One predecessor of each shape every `options->every_s`; probe_every_s is not read.
 * Submissions whose outcome is not known by known_until_at are censored.  Returns 0,
 * -EINVAL or -E2BIG.
 */
int mir_paper_labels_make(const struct mir_labels_options *options,
                          struct mir_paper_labels *out,
                          struct mir_error *err);
void mir_paper_labels_release(struct mir_paper_labels *labels);

#endif
