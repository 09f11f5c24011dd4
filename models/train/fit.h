/*
 * fit.h - from labelled states to trees: XGBoost (1.7, C API) grows them,
 * mir_trees (models/predict/trees.h) is what comes out.  The same seed gives the
 * same bytes, whatever the number of threads: those are this module's own, each
 * with trees of its own; XGBoost's (OpenMP) are not used.  Any thread, and several
 * fits at once do not disturb each other.  Nothing is printed.
 *
 * All fits return 0, -EINVAL (what is wrong with the data), -ENODATA (fewer than
 * MIR_FIT_MIN_ROWS rows), -ECANCELED (progress said so), -E2BIG (more nodes than
 * MIR_TREES_MAX_NODES) or -EIO with XGBoost's text.  `*out` is {0} before, untouched
 * by failure, and the caller's to release.
 */
#ifndef MIR_TRAIN_FIT_H
#define MIR_TRAIN_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/predict/trees.h"

enum { MIR_FIT_MIN_ROWS = 100 };

/* As large as numbers may be, either sign; of mir_fit_aft(), y is a logarithm. */
#define MIR_FIT_MAX_X 1e29F
#define MIR_FIT_MAX_Y 1e6F
#define MIR_FIT_MAX_LOG_Y 40.0F

/* What is learned from; all lent. */
struct mir_fit_data {
    const float *x;                /* n_rows x n_features, NaN: missing, less than any number */
    const float *y;                /* n_rows: the target, or the lower bound of a censored row */
    const unsigned char *censored; /* n_rows; NULL: none is */
    size_t n_rows;
    uint32_t n_features;
};

/*
 * Called now and then, one call at a time but from any of the fit's threads, with
 * the share done in [0, 1]; true: stop, give up.
 */
typedef bool (*mir_fit_progress_f)(void *context, double done);

struct mir_fit_options {
    uint64_t seed;
    uint32_t n_threads;          /* 0 and 1: the caller's alone */
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
 * Memory beside the data: 150 MB per thread, and 20 bytes for each number of `x`.
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
 * outputs; a tree adds to one of them only (`only` of struct mir_trees).  A censored row
 * pushes only while the prediction is below its bound.  The pinball's corner is
 * rounded over 0.2 units of y: y is expected on a scale where that is little.
 * `gain` is over all levels.  Quantiles of neighbouring levels may cross.
 */
int mir_fit_boost_q(const struct mir_fit_data *data,
                    const float *levels,
                    uint32_t n_levels,
                    const struct mir_fit_options *options,
                    struct mir_trees *out,
                    float *gain,
                    struct mir_error *err);

/*
 * The mean, one output: a random forest of scikit-learn's kind, or XGBoost's
 * defaults.  A censored row counts as if its bound were its value.  More than 512
 * features are taken for a history that repeats itself: five trees each of the
 * forest get a random 512 of them.  10,000 rows of 6,048 features take 1 GB (the
 * forest) and 1.6 GB.
 */
int mir_fit_forest_mean(const struct mir_fit_data *data,
                        const struct mir_fit_options *options,
                        struct mir_trees *out,
                        struct mir_error *err);
int mir_fit_boost_mean(const struct mir_fit_data *data,
                       const struct mir_fit_options *options,
                       struct mir_trees *out,
                       struct mir_error *err);

/*
 * survival:aft with censored rows as right-censored: y (a logarithm of a time) is
 * normal.  Two outputs, in units of y: the location, and the scale, which is a
 * constant, measured on rows that were held out.  For comparison.
 */
int mir_fit_aft(const struct mir_fit_data *data,
                const struct mir_fit_options *options,
                struct mir_trees *out,
                struct mir_error *err);

#endif
