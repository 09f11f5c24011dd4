/*
 * training.h - rows to trees, method by method.
 */
#ifndef MIR_TRAIN_TRAINING_H
#define MIR_TRAIN_TRAINING_H

#include "daemon/core/error.h"
#include "models/predict/wait_model.h"
#include "models/train/fit.h"
#include "models/train/fit_rows.h"
#include "models/train/paper_labels.h"

/*
 * Fit one method into the model, over what it had of it: FOREST_Q and XGB_Q from
 * `rows`, RF and XGB from `paper`; the other may be NULL.  Importance is XGB_Q's
 * where there is one, else FOREST_Q's.  Returns 0, -ENODATA (too few rows),
 * -ECANCELED (the options' progress said so) or -EIO.
 */
int mir_training_fit(enum mir_wait_method method,
                     const struct mir_fit_rows *rows,
                     const struct mir_paper_labels *paper,
                     const struct mir_fit_options *options,
                     struct mir_wait_model *model,
                     struct mir_error *err);

#endif
