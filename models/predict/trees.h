/*
 * trees.h - decision trees as arrays, and the walk through them: what a trained
 * model is at run time.  Any number of outputs per leaf: a quantile forest has one
 * per quantile level and is walked once for all of them.  The daemon needs no
 * machine-learning library: mirage-train fits with XGBoost and converts.
 * Plain data, read-only once made: any number of threads.
 */
#ifndef MIR_PREDICT_TREES_H
#define MIR_PREDICT_TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"

enum {
    MIR_TREES_MAX_OUTPUTS = 32,
    MIR_TREES_MAX_NODES = 1 << 24,
    MIR_TREES_MAX_DEPTH = 64,
};

/*
 * A split, or a leaf.  XGBoost's rule: x < threshold goes left, else right; a
 * missing value (NaN) goes where `missing_left` says.
 */
struct mir_tree_node {
    float threshold;
    uint32_t left;    /* the right child is left + 1; of a leaf: number of its values */
    uint16_t feature; /* MIR_TREE_LEAF: a leaf */
    uint8_t missing_left;
    uint8_t unused;
};

enum { MIR_TREE_LEAF = UINT16_MAX };

struct mir_trees {
    uint32_t n_features;
    uint32_t n_outputs; /* values per leaf */
    uint32_t n_trees;
    uint32_t n_nodes, n_leaves;
    uint32_t *roots;                   /* n_trees: number of each root in nodes */
    struct mir_tree_node *nodes;       /* a child's number is above its parent's */
    float *values;                     /* n_leaves x n_outputs */
    float base[MIR_TREES_MAX_OUTPUTS]; /* added to the sum over all trees, scaled by `scale` */
    float scale;                       /* 1 for boosted trees, 1 / n_trees for a forest */
};

/* Accepts a zeroed struct. */
void mir_trees_release(struct mir_trees *trees);

/*
 * Is it what trees are?  Every number in range, children above parents, each node
 * reached once, no tree deeper than MIR_TREES_MAX_DEPTH, all values finite.  To be
 * asked of everything that was not made in this process.  Returns 0 or -EBADMSG.
 */
int mir_trees_check(const struct mir_trees *trees, struct mir_error *err);

/* out[k] = base[k] + scale * sum over trees of its leaf's value k; `x` has n_features. */
void mir_trees_predict(const struct mir_trees *trees, const float *x, float *out);

/* How often each feature decides in all trees, weighted by nothing: n_features numbers, added up. */
void mir_trees_count_splits(const struct mir_trees *trees, uint32_t *out);

#endif
