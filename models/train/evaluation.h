/*
 * evaluation.h - forecasts held against what came out: who said what of each
 * submission, at which levels, and the figures that follow.  A submission that had
 * not started when the truth ends counts where its wait so far decides, and nowhere
 * else; none is dropped in silence.  Filled by one thread, read by any.
 */
#ifndef MIR_TRAIN_EVALUATION_H
#define MIR_TRAIN_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/predict/wait_model.h"

/* The levels that are scored: of the reliability diagram, and three that are promised. */
enum {
    MIR_SCORED_LEVELS = 9,
    MIR_SCORED_P50 = 4,
    MIR_SCORED_P90 = 7,
    MIR_SCORED_P95 = 8,
    MIR_N_PROMISES = 3,
};
extern const double mir_scored_levels[MIR_SCORED_LEVELS];
extern const unsigned mir_promises[MIR_N_PROMISES]; /* P50, P90, P95 */

/* Waits below this count as this when a factor is asked for. */
enum { MIR_FACTOR_FLOOR_S = 600 };

enum { MIR_MAX_PREDICTIONS = 8, MIR_MAX_CLASSES = 24 };

/* One submission, and what came of it. */
struct mir_truth {
    int64_t at;
    int64_t known_at; /* when the wait was known: at its end; INT64_MAX: never */
    float wait_h;     /* censored: it waited at least this */
    bool censored;
    uint16_t class; /* besides class 0, which is all */
    uint32_t n_nodes;
    int32_t limit_s;
};

/* What one of them said of every submission. */
struct mir_prediction {
    char name[32];   /* "xgb-q", "qbets" */
    bool learned;    /* a model's */
    bool calibrated; /* and calibrated online */
    bool point;      /* one number, the same at every level */
    float *hours;    /* n x MIR_SCORED_LEVELS; owned */
    float *grid;     /* n x MIR_N_WAIT_LEVELS_TRAINED, as the model says it; NULL: none */
};

struct mir_class {
    char name[48]; /* "all", "1 node" */
    uint32_t key;  /* nodes; 0: all */
    size_t n;
};

/* Of one prediction on one class; NaN: nothing to compute it from. */
struct mir_score {
    size_t n;                         /* submissions whose wait is known */
    double pinball_t[MIR_N_PROMISES]; /* of t = log(1 + 4 h), as the models are trained */
    double pinball_h[MIR_N_PROMISES];
    double mae_h; /* of the median */
    /*
     * Share of waits within what was said, but for those `at_once`: a start at once
     * that was said to be one keeps any promise, and says nothing of the level.
     */
    double coverage[MIR_SCORED_LEVELS];
    double at_once;  /* share of starts at once that the median foretold */
    double within_2; /* share of medians within a factor of two, from MIR_FACTOR_FLOOR_S up */
};

struct mir_evaluation {
    struct mir_truth *rows; /* by time; owned */
    size_t n;
    size_t n_censored;
    double mean_wait_h; /* of those that are known */
    struct mir_prediction predictions[MIR_MAX_PREDICTIONS];
    uint32_t n_predictions;
    struct mir_class classes[MIR_MAX_CLASSES]; /* [0] is all */
    uint32_t n_classes;
    struct mir_score scores[MIR_MAX_PREDICTIONS][MIR_MAX_CLASSES];
};

/* No rows yet: the caller fills rows[0 .. n), by time, with classes from mir_evaluation_class(). */
void mir_evaluation_init(struct mir_evaluation *e, size_t n);
void mir_evaluation_release(struct mir_evaluation *e);

/* The class of this key, made on first use; 0 (all) when there are too many. */
uint16_t mir_evaluation_class(struct mir_evaluation *e, uint32_t key, const char *name);

/* To be filled by the caller; good until mir_evaluation_release().  All NaN before. */
struct mir_prediction *mir_evaluation_add(struct mir_evaluation *e, const char *name, bool learned);

/* Fill hours of row `i` from a grid of quantiles, which is kept. */
void mir_prediction_set(struct mir_prediction *p,
                        size_t i,
                        const double grid[MIR_N_WAIT_LEVELS_TRAINED]);

/* The same number at every level. */
void mir_prediction_set_point(struct mir_prediction *p, size_t i, double hours);

/*
 * Beside a learned prediction, the same calibrated online: rows are asked in the
 * order of time, and a wait teaches from the moment on at which it was over, or
 * longer than anything that was said of it.
 */
void mir_evaluation_calibrate(struct mir_evaluation *e, uint32_t prediction);

/* All scores, classes and totals from the rows. */
void mir_evaluation_score(struct mir_evaluation *e);

/* Is the wait known to be above, known to be within `hours`, or not known (-1)? */
int mir_truth_within(const struct mir_truth *row, double hours);

/* The prediction that a report shows: of the learned ones, the least pinball loss of all. */
uint32_t mir_evaluation_best(const struct mir_evaluation *e, bool calibrated);

#endif
