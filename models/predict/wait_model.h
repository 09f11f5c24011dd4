/*
 * wait_model.h - how long would this request wait?  A trained model in memory:
 * quantiles of the wait by two methods, the paper's two point predictions, and
 * what a reader must know of where it comes from.  Read-only once loaded: any
 * number of threads; shared by reference.
 *
 * Waits are modelled as t = log(1 + 4 h), h in hours: a quarter of an hour matters
 * near zero, a factor far from it.
 */
#ifndef MIR_PREDICT_WAIT_MODEL_H
#define MIR_PREDICT_WAIT_MODEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "models/features/paper_state.h"
#include "models/features/wait_features.h"
#include "models/predict/trees.h"

enum {
    MIR_N_WAIT_LEVELS_TRAINED = 11,
    MIR_WAIT_MAX_H = 87600, /* ten years: no prediction is above */
};

/* The grid of quantile levels that both methods are trained for, ascending. */
/* The highest level that a wait is told for; the grid ends before. */
#define MIR_WAIT_HIGHEST_LEVEL 0.999

extern const float mir_wait_levels[MIR_N_WAIT_LEVELS_TRAINED];

enum mir_wait_method {
    MIR_WAIT_FOREST_Q, /* quantile random forest over mir_wait_features */
    MIR_WAIT_XGB_Q,    /* boosted quantiles over mir_wait_features */
    MIR_WAIT_RF,       /* the paper's: mean signed outcome in hours over its 144 x 42 state */
    MIR_WAIT_XGB,      /* the paper's */
    MIR_N_WAIT_METHODS,
    MIR_N_QUANTILE_METHODS = MIR_WAIT_RF, /* the first ones */
};

/* "forest-q", "xgb-q", "rf", "xgb". */
const char *mir_wait_method_name(enum mir_wait_method method);

enum { MIR_MODEL_TEXT_MAX = 128, MIR_MODEL_SCORES_MAX = 128 };

/*
 * A number that was measured on data after the training window: "february pinball
 * 0.5".  NaN: it could not be measured.
 */
struct mir_model_score {
    char name[64];
    double value;
};

/*
 * Where the model comes from.  Texts of a loaded model are terminated and printable
 * ASCII; what is not is saved as '?'.
 */
struct mir_model_origin {
    char feature_set[MIR_MODEL_TEXT_MAX]; /* MIR_WAIT_FEATURE_SET */
    char source[MIR_MODEL_TEXT_MAX];      /* the log, or "daemon history" */
    char program[MIR_MODEL_TEXT_MAX];     /* "mirage-train 0.4" */
    int64_t trained_at;
    int64_t from_at, to_at; /* training window: nothing after to_at was seen */
    uint64_t seed;
    uint64_t n_labels, n_censored;
    uint32_t n_nodes; /* of the machine it was trained on */
};

/*
 * Between which values a feature was in training (1st to 99th percentile), and
 * its median and interquartile range, for robust scaling.  Finite, or all four NaN
 * where the feature was never known.
 */
struct mir_feature_range {
    float low, high, median, iqr;
};

struct mir_wait_model {
    struct mir_model_origin origin;
    struct mir_feature_range ranges[MIR_N_WAIT_FEATURES];
    /*
     * n_trees 0: not in this model.  FOREST_Q and XGB_Q: 72 features, an output a
     * level, in t; RF and XGB: 144 x 42 features, one output, in hours.
     */
    struct mir_trees trees[MIR_N_WAIT_METHODS];
    float importance[MIR_N_WAIT_FEATURES]; /* share of the gain, of xgb-q or forest-q */
    struct mir_model_score scores[MIR_MODEL_SCORES_MAX];
    uint32_t n_scores;
    atomic_uint n_refs;
    uint64_t checksum; /* of the file it was loaded from; 0: of none */
};

/* An empty model of this build's feature set, with one reference; all ranges are NaN. */
struct mir_wait_model *mir_wait_model_create(void);
struct mir_wait_model *mir_wait_model_ref(struct mir_wait_model *m);
/* Accepts NULL; the last reference ends it. */
void mir_wait_model_unref(struct mir_wait_model *m);

/*
 * Load from a file that mirage-train wrote.  On failure `*out` is left as it was,
 * and `err` names the file and what is wrong.  Returns 0, -ENOENT, -EBADMSG (not
 * a model, truncated, its checksum is wrong, or values are out of range), -ENOEXEC
 * (of another version, or another feature set: both are named) or another errno of
 * reading.  No file makes it allocate more than some 250 MB.
 */
int mir_wait_model_load(const char *path, struct mir_wait_model **out, struct mir_error *err);

/* The same from memory; `name` is for messages. */
int mir_wait_model_parse(const void *bytes,
                         size_t len,
                         const char *name,
                         struct mir_wait_model **out,
                         struct mir_error *err);

/*
 * Write aside, fsync, rename; the same model makes the same bytes.  Returns 0,
 * -EINVAL (load would refuse it), -EFBIG (over 64 MB before compression) or another
 * errno of writing; what was at `path` is still there then.
 */
int mir_wait_model_save(const struct mir_wait_model *m, const char *path, struct mir_error *err);

/* Accepts NULL: a model that has none. */
bool mir_wait_model_has(const struct mir_wait_model *m, enum mir_wait_method method);

/*
 * The wait in hours that is not exceeded with probability `level`, by FOREST_Q or
 * XGB_Q: predictions on the trained grid, sorted (quantiles do not cross), linear
 * between levels in t; outside of the grid as mir_wait_quantile_between() says.  The
 * model must have the method; so for all below.
 */
double mir_wait_model_quantile(const struct mir_wait_model *m,
                               enum mir_wait_method method,
                               const float features[MIR_N_WAIT_FEATURES],
                               double level);

/* All levels of the grid at once, ascending, in hours. */
void mir_wait_model_quantiles(const struct mir_wait_model *m,
                              enum mir_wait_method method,
                              const float features[MIR_N_WAIT_FEATURES],
                              double out[MIR_N_WAIT_LEVELS_TRAINED]);

/*
 * Any level, from mir_wait_model_quantiles(): below the grid its lowest; above it an
 * exponential tail in t, up to MIR_WAIT_HIGHEST_LEVEL.
 */
double mir_wait_quantile_between(const double quantiles[MIR_N_WAIT_LEVELS_TRAINED], double level);

/*
 * RF or XGB: predicted signed outcome of submitting now, in hours (positive:
 * interruption).  `state` is mir_paper_history_view().
 */
double mir_wait_model_outcome(const struct mir_wait_model *m,
                              enum mir_wait_method method,
                              const float state[MIR_PAPER_ROWS * MIR_PAPER_WIDTH]);

/*
 * How many features lie outside of what training saw, and the one furthest out (by
 * its interquartile range, or where that is zero by its range; not touched when
 * there is none); NaN is never outside, nor is anything where training knew nothing.
 */
unsigned mir_wait_model_outside(const struct mir_wait_model *m,
                                const float features[MIR_N_WAIT_FEATURES],
                                unsigned *furthest);

/* t and back; a negative wait or t counts as none, and none is above MIR_WAIT_MAX_H. */
double mir_wait_to_t(double wait_h);
double mir_wait_from_t(double t);

#endif
