/* wood_fixture.h - random trees and models, for tests, fuzz seeds and benchmarks. */
#ifndef MIR_TESTS_WOOD_FIXTURE_H
#define MIR_TESTS_WOOD_FIXTURE_H

#include <math.h>
#include <stdio.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "models/predict/wait_model.h"

/* What random trees are to look like. */
struct wood {
    uint32_t n_features, n_outputs, n_trees;
    unsigned depth;
    double p_leaf; /* that a node above the full depth is a leaf all the same */
};

/* Thresholds and inputs out of few values, so that they are often equal. */
static inline float wood_value(struct mir_rng *rng)
{
    return (float)mir_rng_below(rng, 32) / 4;
}

static inline void wood_grow(struct mir_trees *t,
                             const struct wood *w,
                             struct mir_rng *rng,
                             uint32_t at,
                             unsigned depth)
{
    struct mir_tree_node *node = &t->nodes[at];

    if (depth == 0 || mir_rng_double(rng) < w->p_leaf) {
        node->feature = MIR_TREE_LEAF;
        node->left = t->n_leaves++;
        return;
    }
    node->threshold = wood_value(rng);
    node->feature = (uint16_t)mir_rng_below(rng, w->n_features);
    node->missing_left = (uint8_t)mir_rng_below(rng, 2);
    node->left = t->n_nodes;
    t->n_nodes += 2;
    wood_grow(t, w, rng, node->left, depth - 1);
    wood_grow(t, w, rng, node->left + 1, depth - 1);
}

/* Released with mir_trees_release(). */
static inline void wood_make(struct mir_trees *t, const struct wood *w, struct mir_rng *rng)
{
    size_t n_values;

    *t = (struct mir_trees){
        .n_features = w->n_features,
        .n_outputs = w->n_outputs,
        .n_trees = w->n_trees,
        .roots = MIR_NEW_ARRAY(uint32_t, w->n_trees),
        .nodes = MIR_NEW_ARRAY(struct mir_tree_node, (size_t)w->n_trees << (w->depth + 1)),
        .scale = w->n_trees > 0 ? 1.0F / (float)w->n_trees : 1,
    };
    for (uint32_t i = 0; i < w->n_trees; i++) {
        t->roots[i] = t->n_nodes++;
        wood_grow(t, w, rng, t->roots[i], w->depth);
    }
    n_values = (size_t)t->n_leaves * t->n_outputs;
    t->nodes = mir_realloc(t->nodes, t->n_nodes, sizeof(*t->nodes));
    t->values = MIR_NEW_ARRAY(float, n_values);
    for (size_t i = 0; i < n_values; i++)
        t->values[i] = (float)(mir_rng_double(rng) * 4 - 1);
    for (uint32_t k = 0; k < t->n_outputs; k++)
        t->base[k] = (float)mir_rng_double(rng);
}

/* Boosters, one per level: a tree adds to its own and nothing to the others. */
static inline void wood_keep_one_output(struct mir_trees *t)
{
    for (uint32_t tree = 0; tree < t->n_trees; tree++) {
        uint32_t end = tree + 1 < t->n_trees ? t->roots[tree + 1] : t->n_nodes;
        uint32_t level = tree * t->n_outputs / t->n_trees;

        for (uint32_t i = t->roots[tree]; i < end; i++)
            for (uint32_t k = 0; k < t->n_outputs && t->nodes[i].feature == MIR_TREE_LEAF; k++)
                if (k != level)
                    t->values[t->nodes[i].left * t->n_outputs + k] = 0;
    }
}

/* One in ten is missing. */
static inline void wood_input(float *x, uint32_t n, struct mir_rng *rng)
{
    for (uint32_t i = 0; i < n; i++)
        x[i] = mir_rng_below(rng, 10) == 0 ? NAN : wood_value(rng);
}

static inline struct wood wood_of(enum mir_wait_method method)
{
    bool quantiles = method == MIR_WAIT_FOREST_Q || method == MIR_WAIT_XGB_Q;

    return (struct wood){
        .n_features = quantiles ? MIR_N_WAIT_FEATURES : MIR_PAPER_ROWS * MIR_PAPER_WIDTH,
        .n_outputs = quantiles ? MIR_N_WAIT_LEVELS_TRAINED : 1,
        .n_trees = 3,
        .depth = 2,
        .p_leaf = 0.1,
    };
}

/* A small model with something everywhere. */
static inline struct mir_wait_model *wood_model(uint64_t seed)
{
    struct mir_wait_model *m = mir_wait_model_create();
    struct mir_model_origin *o = &m->origin;
    struct mir_rng rng;

    mir_rng_init(&rng, seed);
    (void)snprintf(o->source, sizeof(o->source), "log.sacct.xz");
    (void)snprintf(o->program, sizeof(o->program), "mirage-train 0.1");
    o->trained_at = 1700000000;
    o->from_at = 1690000000;
    o->to_at = 1699000000;
    o->seed = seed;
    o->n_labels = 1000;
    o->n_censored = 17;
    o->n_nodes = 76;
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        m->ranges[i] = (struct mir_feature_range){-1, (float)i, 0, 1};
        m->importance[i] = 1.0F / MIR_N_WAIT_FEATURES;
    }
    m->ranges[7] = (struct mir_feature_range){NAN, NAN, NAN, NAN};
    m->n_scores = 2;
    m->scores[0] = (struct mir_model_score){"pinball 0.5", 1.25};
    m->scores[1] = (struct mir_model_score){"coverage 0.9", 0.875};
    for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++) {
        struct wood w = wood_of(i);

        wood_make(&m->trees[i], &w, &rng);
    }
    return m;
}

#endif
