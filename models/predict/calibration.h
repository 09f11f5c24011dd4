/*
 * calibration.h - promised coverage, kept under drift: adaptive conformal
 * inference (Gibbs and Candes, NeurIPS 2021, arXiv 2106.00170, eq. 2).  For each
 * class of requests and each level of the grid, the level that the model is asked
 * for moves by gamma * (level - covered or not) with each wait that is known, so
 * that in the long run the promise holds whatever the queue does: over T waits to
 * within (range of a level) / (gamma * T), as long as the model has such a level.
 * Plain data: a copy is an independent calibration.  One thread at a time while it
 * learns.
 */
#ifndef MIR_PREDICT_CALIBRATION_H
#define MIR_PREDICT_CALIBRATION_H

#include <stdint.h>

#include "models/predict/wait_model.h"

enum {
    MIR_CALIBRATION_SIZES = 5,  /* 1, 2, 3-4, 5-8, 9 and more nodes */
    MIR_CALIBRATION_LIMITS = 3, /* up to 2 h, up to 24 h, more */
    MIR_CALIBRATION_CLASSES = MIR_CALIBRATION_SIZES * MIR_CALIBRATION_LIMITS,
};

struct mir_calibration {
    double gamma; /* step; MIR_CALIBRATION_GAMMA */
    /*
     * What the model is asked for when this level of the grid is wanted, each in
     * [0.001, 0.999] and on its own: neighbours may cross by a step or two.
     */
    double asked[MIR_CALIBRATION_CLASSES][MIR_N_WAIT_LEVELS_TRAINED];
    uint64_t n_learned[MIR_CALIBRATION_CLASSES];
};

#define MIR_CALIBRATION_GAMMA 0.0015

/* Waits no longer than this are a start at once: slurmctld looks every so often. */
#define MIR_CALIBRATION_AT_ONCE_H (2 / 60.0)

/* Nothing learned: the model is asked for what is wanted. */
void mir_calibration_init(struct mir_calibration *c, double gamma);

/* Of a request; no limit counts as a long one. */
unsigned mir_calibration_class(uint32_t n_nodes, int32_t limit_s);

/*
 * The level to ask the model for, when `level` is wanted: linear between those of the
 * grid, outside of it the outermost; a higher `level` never asks for less.
 */
double mir_calibration_level(const struct mir_calibration *c, unsigned class, double level);

/*
 * A wait became known: `quantiles` is what the model said of it when it was
 * submitted (mir_wait_model_quantiles).  A job that still waits may be told of early,
 * once and for all, with its wait so far when that is above
 * mir_calibration_highest(): it is uncovered at all levels, however long it goes on.
 * A NaN is ignored.
 *
 * A start at once where that was said moves nothing.  Half of all waits may be of that
 * kind; no level makes fewer of them covered, and one that fell in an idle week would
 * promise too little in the next busy one.
 */
void mir_calibration_learn(struct mir_calibration *c,
                           unsigned class,
                           const double quantiles[MIR_N_WAIT_LEVELS_TRAINED],
                           double wait_h);

/* The longest wait, in hours, that counts as covered at some level of the grid. */
double mir_calibration_highest(const struct mir_calibration *c,
                               unsigned class,
                               const double quantiles[MIR_N_WAIT_LEVELS_TRAINED]);

/* The wanted quantile in hours, calibrated. */
double mir_calibration_quantile(const struct mir_calibration *c,
                                unsigned class,
                                const double quantiles[MIR_N_WAIT_LEVELS_TRAINED],
                                double level);

#endif
