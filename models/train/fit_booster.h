/*
 * fit_booster.h - XGBoost as the fits use it: binned rows that are shared, boosters
 * of one thread each.  Its C API is used behind this header only, which is
 * internal to models/train.
 *
 * XGBoost 1.7.4 says nothing of training in several threads.  Its source does: the
 * random numbers, the log, the verbosity, the error text and a booster's predictions
 * are per thread; rows are binned when they are first used and only read from then
 * on.  Hence a booster is created, used and destroyed in one thread, and
 * mir_matrix_create() bins before it returns.  Valgrind's helgrind and drd agree: no
 * race inside of libxgboost, and 40,000 where binning is left to the boosters.
 * Inside of XGBoost everything is told to use one thread: its sums, and which rows
 * are sampled, depend on how many.
 */
#ifndef MIR_TRAIN_FIT_BOOSTER_H
#define MIR_TRAIN_FIT_BOOSTER_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/predict/trees.h"

/* Rows in XGBoost's own form.  Any number of threads, once created. */
struct mir_matrix;

/*
 * `x`: n_rows x n_features, NaN is missing (and counts as less than any number);
 * copied.  `max_bin`: into how many quantiles a feature is cut.  Returns 0 or -EIO
 * with XGBoost's text.
 */
int mir_matrix_create(const float *x,
                      size_t n_rows,
                      uint32_t n_features,
                      uint32_t max_bin,
                      struct mir_matrix **out,
                      struct mir_error *err);
/* Accepts NULL. */
void mir_matrix_destroy(struct mir_matrix *m);

/*
 * A max_bin, 256 (XGBoost's own) or less: XGBoost keeps the histograms of all of a
 * tree's nodes until the tree is grown, 16 bytes per node, feature and bin, and
 * thousands of features would take gigabytes.
 */
uint32_t mir_matrix_bins(uint32_t n_features, uint32_t max_depth);

/* "label_lower_bound", "weight" ...: a number per row.  Not while boosters use it. */
int mir_matrix_set(struct mir_matrix *m,
                   const char *field,
                   const float *values,
                   struct mir_error *err);

/*
 * XGBoost's parameters of the same names; zeros mean zero.  A booster starts at
 * margin 0: of the squared error, or, where `aft_scale` is not 0, of survival:aft
 * with a normal distribution of that scale.
 */
struct mir_booster_params {
    uint64_t seed;
    uint32_t max_depth;
    uint32_t n_parallel; /* num_parallel_tree: each tree counts eta / n_parallel */
    double eta;
    double lambda;
    double min_child_weight;
    double subsample;
    double colsample_bynode;
    double aft_scale;
};

/* In one thread; the matrix is lent for as long as it lives. */
struct mir_booster;

int mir_booster_create(const struct mir_matrix *m,
                       const struct mir_booster_params *params,
                       struct mir_booster **out,
                       struct mir_error *err);
/* Accepts NULL. */
void mir_booster_destroy(struct mir_booster *b);

/* One round against this gradient: n_rows numbers each. */
int mir_booster_boost(struct mir_booster *b,
                      float *gradient,
                      float *hessian,
                      struct mir_error *err);

/* Round number `round` with the objective's own gradient. */
int mir_booster_update(struct mir_booster *b, int round, struct mir_error *err);

/* What it predicts for the rows of its matrix; lent until the next call. */
int mir_booster_margins(struct mir_booster *b, const float **out, struct mir_error *err);

/* mir_convert_model() of it. */
int mir_booster_trees(struct mir_booster *b,
                      struct mir_trees *out,
                      double *gain,
                      struct mir_error *err);

#endif
