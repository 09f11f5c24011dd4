/*
 * scoring.h - a model's forecasts of labelled submissions, as an evaluation.
 */
#ifndef MIR_TRAIN_SCORING_H
#define MIR_TRAIN_SCORING_H

#include <stdint.h>

#include "models/predict/wait_model.h"
#include "models/train/evaluation.h"
#include "models/train/labels.h"

struct mir_scoring {
    const struct mir_wait_model *model;
    const struct mir_labels *labels;
    const struct mir_request *shapes;
    uint32_t n_shapes;
    int64_t from_at, to_at;                  /* submissions in [from_at, to_at) */
    const struct mir_job_timeline *timeline; /* for the references; NULL: without them */
};

/*
 * Forecasts of the model's quantile methods, plain and calibrated, and where there
 * is a timeline the references; scored.  `*out` ends with mir_evaluation_release().
 */
void mir_scoring_run(const struct mir_scoring *scoring, struct mir_evaluation *out);

/* The number of a feature by its name; there is one. */
unsigned mir_feature_number(const char *name);

#endif
