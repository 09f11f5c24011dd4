/*
 * fit_rows.h - labels as the matrix that a fit wants.  One thread.
 */
#ifndef MIR_TRAIN_FIT_ROWS_H
#define MIR_TRAIN_FIT_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "models/predict/wait_model.h"
#include "models/train/fit.h"
#include "models/train/labels.h"

/* Starts as {0}; ends with mir_fit_rows_release(). */
struct mir_fit_rows {
    float *x, *y; /* features; t of the wait, see wait_model.h */
    unsigned char *censored;
    size_t n, cap_x, cap_y, cap_censored;
    size_t n_censored;
};

void mir_fit_rows_release(struct mir_fit_rows *rows);

/*
 * Add the labels submitted before `until_at`, as they were known then: one that
 * had not started by that time is censored there, whatever is known of it now.
 */
void mir_fit_rows_add(struct mir_fit_rows *rows, const struct mir_labels *labels, int64_t until_at);

/* Lent until the next call on `rows`. */
struct mir_fit_data mir_fit_rows_data(const struct mir_fit_rows *rows);

/* Percentiles of every feature over at most 50,000 rows evenly spread; all NaN where it never is. */
void mir_fit_rows_ranges(const struct mir_fit_rows *rows,
                         struct mir_feature_range out[MIR_N_WAIT_FEATURES]);

#endif
