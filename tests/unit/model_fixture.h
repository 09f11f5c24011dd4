/*
 * model_fixture.h - small models made by hand, for the tests of what asks one: a
 * tree of one split per method, so that the answer is known and tells which state
 * the model was asked about.
 */
#ifndef MIR_TESTS_MODEL_FIXTURE_H
#define MIR_TESTS_MODEL_FIXTURE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "models/predict/wait_model.h"

/* Of mir_wait_feature_table. */
static inline uint16_t fixture_feature(const char *name)
{
    for (uint16_t i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        if (strcmp(mir_wait_feature_table[i].name, name) == 0)
            return i;
    }
    abort();
}

/* Below `threshold` (or missing) the tree says values[0 .. n), else values[n .. 2 n). */
static inline void fixture_tree(struct mir_trees *t,
                                uint32_t n_features,
                                uint16_t feature,
                                float threshold,
                                const float *values,
                                uint32_t n)
{
    *t = (struct mir_trees){
        .n_features = n_features,
        .n_outputs = n,
        .n_trees = 1,
        .n_nodes = 3,
        .n_leaves = 2,
        .roots = MIR_NEW_ARRAY(uint32_t, 1),
        .nodes = MIR_NEW_ARRAY(struct mir_tree_node, 3),
        .values = MIR_NEW_ARRAY(float, 2 * n),
        .scale = 1,
    };
    t->nodes[0] = (struct mir_tree_node){threshold, 1, feature, 1, 0};
    t->nodes[1] = (struct mir_tree_node){0, 0, MIR_TREE_LEAF, 0, 0};
    t->nodes[2] = (struct mir_tree_node){0, 1, MIR_TREE_LEAF, 0, 0};
    memcpy(t->values, values, 2 * n * sizeof(*values));
}

/* A model without any method; whatever the queue, it is in range.  Ends with unref. */
static inline struct mir_wait_model *fixture_model(void)
{
    struct mir_wait_model *m = mir_wait_model_create();

    snprintf(m->origin.feature_set, sizeof(m->origin.feature_set), "%s", MIR_WAIT_FEATURE_SET);
    snprintf(m->origin.source, sizeof(m->origin.source), "a hand");
    snprintf(m->origin.program, sizeof(m->origin.program), "model_fixture");
    m->origin.n_nodes = 76;
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++)
        m->ranges[i] = (struct mir_feature_range){-1e9F, 1e9F, 0, 1};
    return m;
}

/*
 * FOREST_Q or XGB_Q: t, and with it every way between two levels, is `slope` * level;
 * one slope below the feature's threshold, one from there on.
 */
static inline void fixture_quantiles(struct mir_wait_model *m,
                                     enum mir_wait_method method,
                                     const char *feature,
                                     float threshold,
                                     float slope_below,
                                     float slope_above)
{
    float values[2 * MIR_N_WAIT_LEVELS_TRAINED];

    for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++) {
        values[k] = slope_below * mir_wait_levels[k];
        values[MIR_N_WAIT_LEVELS_TRAINED + k] = slope_above * mir_wait_levels[k];
    }
    fixture_tree(&m->trees[method], MIR_N_WAIT_FEATURES, fixture_feature(feature), threshold,
                 values, MIR_N_WAIT_LEVELS_TRAINED);
}

/* What such a model says, in hours, of a level within its grid. */
static inline double fixture_quantile_h(double slope, double level)
{
    return expm1(slope * level) / 4;
}

/* RF or XGB: hours by the number at `index` in row `row` of the paper's state. */
static inline void fixture_outcome(struct mir_wait_model *m,
                                   enum mir_wait_method method,
                                   unsigned row,
                                   unsigned index,
                                   float threshold,
                                   float below_h,
                                   float above_h)
{
    const float values[2] = {below_h, above_h};

    fixture_tree(&m->trees[method], MIR_PAPER_ROWS * MIR_PAPER_WIDTH,
                 (uint16_t)(row * MIR_PAPER_WIDTH + index), threshold, values, 1);
}

#endif
