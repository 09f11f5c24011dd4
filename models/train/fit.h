/*
 * fit.h - from labelled states to trees: XGBoost (1.7, C API) grows them,
 * mir_trees (models/predict/trees.h) is what comes out.  Deterministic for a seed,
 * whatever the number of threads.  One fit at a time per process; the process
 * should have been started with OMP_WAIT_POLICY=passive.
 */
#ifndef MIR_TRAIN_FIT_H
#define MIR_TRAIN_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/predict/trees.h"

/* What is learned from; all lent. */
struct mir_fit_data {
    const float *x;                /* n_rows x n_features, NaN: missing */
    const float *y;                /* n_rows: the target, or the lower bound of a censored row */
    const unsigned char *censored; /* n_rows; NULL: none is */
    size_t n_rows;
    uint32_t n_features;
};

/* Called now and then with the share done in [0, 1]; true: stop, give up. */
typedef bool (*mir_fit_progress_f)(void *context, double done);

struct mir_fit_options {
    uint64_t seed;
    uint32_t n_threads;
    uint32_t n_trees;            /* forests; 0: the method's own number */
    uint32_t n_rounds;           /* boosting; 0: the method's own number */
    mir_fit_progress_f progress; /* may be NULL */
    void *context;
};

/*
 * Quantile forest: one output per level.  Trees are grown on the squared error of
 * y; each leaf then holds the quantiles of the rows that fall into it, which the
 * walk averages over trees.  A censored row counts in its leaf as right-censored
 * (Kaplan-Meier quantiles; where the curve does not reach a level, the largest
 * value of the leaf).  `gain` (n_features; may be NULL) gets each feature's share
 * of the loss reduction.
 * Source: Meinshausen, JMLR 7 (2006), with leaf quantiles averaged instead of pooled.
 * Returns 0, -EINVAL, -ENODATA (too few rows), -ECANCELED or -EIO with XGBoost's text.
 */
int mir_fit_forest_q(const struct mir_fit_data *data,
                     const float *levels,
                     uint32_t n_levels,
                     const struct mir_fit_options *options,
                     struct mir_trees *out,
                     float *gain,
                     struct mir_error *err);

/*
 * Boosted quantiles: a booster per level with a smoothed pinball gradient through
 * XGBoosterBoostOneIter (1.7 has no quantile objective).  The result has n_levels
 * outputs; a tree adds to one of them and zero to the others.  A censored row
 * pushes only while the prediction is below its bound.
 */
int mir_fit_boost_q(const struct mir_fit_data *data,
                    const float *levels,
                    uint32_t n_levels,
                    const struct mir_fit_options *options,
                    struct mir_trees *out,
                    float *gain,
                    struct mir_error *err);

/* The mean, one output: a random forest of scikit-learn's kind, or XGBoost's defaults. */
int mir_fit_forest_mean(const struct mir_fit_data *data,
                        const struct mir_fit_options *options,
                        struct mir_trees *out,
                        struct mir_error *err);
int mir_fit_boost_mean(const struct mir_fit_data *data,
                       const struct mir_fit_options *options,
                       struct mir_trees *out,
                       struct mir_error *err);

/*
 * survival:aft on y with censored rows as right-censored: log-normal; two outputs,
 * the location and the scale of y (a constant).  For comparison.
 */
int mir_fit_aft(const struct mir_fit_data *data,
                const struct mir_fit_options *options,
                struct mir_trees *out,
                struct mir_error *err);

#endif
