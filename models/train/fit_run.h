/*
 * fit_run.h - what all fits share: are the data sound, independent tasks over
 * threads, progress, and quantiles of censored rows.  Internal to models/train.
 */
#ifndef MIR_TRAIN_FIT_RUN_H
#define MIR_TRAIN_FIT_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/train/fit.h"

/* Returns 0, -EINVAL (names the row) or -ENODATA. */
int mir_fit_check(const struct mir_fit_data *data, struct mir_error *err);
/* The same, and the levels. */
int mir_fit_check_q(const struct mir_fit_data *data,
                    const float *levels,
                    uint32_t n_levels,
                    struct mir_error *err);

/* ---- Tasks */

struct mir_fit_run;

/* In any thread; what it makes must not depend on which, nor on when. */
typedef int (*mir_fit_task_f)(struct mir_fit_run *run,
                              void *fit,
                              uint32_t task,
                              struct mir_error *err);

/*
 * All tasks, spread over options->n_threads threads.  Returns 0, or what the first
 * that failed has returned; the others were told to stop, then.
 */
int mir_fit_run_tasks(const struct mir_fit_options *options,
                      mir_fit_task_f task,
                      void *fit,
                      uint32_t n_tasks,
                      struct mir_error *err);

/* From a task: `share` more of the whole is done.  Returns 0, or -ECANCELED: give up. */
int mir_fit_run_step(struct mir_fit_run *run, double share, struct mir_error *err);

/* A seed for one of a fit's tasks. */
uint64_t mir_fit_seed(uint64_t seed, uint32_t task);

/* `own` where the options say 0. */
uint32_t mir_fit_number(uint32_t option, uint32_t own);

/* ---- Means, gains */

double mir_fit_mean(const struct mir_fit_data *data);

/* Of predicting `mean` for all rows: half the squared error's derivatives, n_rows numbers each. */
void mir_fit_squared_error(const struct mir_fit_data *data,
                           double mean,
                           float *gradient,
                           float *hessian);

/* `gains` is n_parts x n_features; `out` (may be NULL) gets each feature's share of the sum. */
void mir_fit_share_gain(const double *gains, uint32_t n_parts, uint32_t n_features, float *out);

/* ---- Rows in the order of what they are trained for */

/* All rows by y, of equals the censored ones last; n_rows numbers, the caller frees. */
uint32_t *mir_fit_order(const struct mir_fit_data *data);

/*
 * For each level the least y at which the share of rows up to it reaches the level,
 * of `n` > 0 rows in mir_fit_order().  Censored rows: Kaplan and Meier (1958); where
 * the curve does not reach the level, the largest y.  `levels` in any order.
 */
void mir_fit_quantiles(const struct mir_fit_data *data,
                       const uint32_t *rows,
                       size_t n,
                       const float *levels,
                       uint32_t n_levels,
                       float *out);

#endif
