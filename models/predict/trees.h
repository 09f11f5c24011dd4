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

/* Of a leaf's value, of base and scale, either sign: no sum overflows, none is NaN. */
#define MIR_TREES_MAX_VALUE 1e9F

/*
 * A split, or a leaf.  XGBoost's rule: x < threshold goes left, else right; a
 * missing value (NaN) goes where `missing_left` says.
 */
struct mir_tree_node {
    float threshold;  /* finite */
    uint32_t left;    /* the right child is left + 1; of a leaf: number of its values */
    uint16_t feature; /* MIR_TREE_LEAF: a leaf */
    uint8_t missing_left;
    uint8_t unused;
};

enum { MIR_TREE_LEAF = UINT16_MAX };

struct mir_trees {
    uint32_t n_features;
    uint32_t n_outputs; /* values per leaf; with `only`: one */
    uint32_t n_trees;
    uint32_t n_nodes, n_leaves;
    uint32_t *roots;             /* n_trees: number of each root in nodes */
    struct mir_tree_node *nodes; /* a child's number is above its parent's */
    float *values;               /* n_leaves x n_outputs; with `only`: n_leaves */
    uint8_t *only; /* n_trees: the one output that each tree adds to; NULL: each to all */
    float base[MIR_TREES_MAX_OUTPUTS]; /* added to the sum over all trees, scaled by `scale` */
    float scale;                       /* 1 for boosted trees, 1 / n_trees for a forest */
};

/* Accepts a zeroed struct. */
void mir_trees_release(struct mir_trees *trees);

/* n_outputs, or 1 with `only`. */
uint32_t mir_trees_values_per_leaf(const struct mir_trees *trees);

/*
 * Where all leaves of a tree are zero but in one output, keep that one: boosters for
 * eleven levels then need less than half of the memory, and of the time where caches
 * are contended.  Predictions stay the same, bit for bit.  Returns whether it was so
 * for every tree; if not, nothing has changed.  For trees that mir_trees_check()
 * accepts.
 */
bool mir_trees_narrow(struct mir_trees *trees);

/*
 * Is it what trees are?  Every number in range, children above parents, each node
 * reached once, no tree deeper than MIR_TREES_MAX_DEPTH, all values finite and up
 * to MIR_TREES_MAX_VALUE.  No tree at all is fine.  To be asked of everything that
 * was not made in this process.  Returns 0 or -EBADMSG, with the number of the node.
 */
int mir_trees_check(const struct mir_trees *trees, struct mir_error *err);

/*
 * out[k] = base[k] + scale * sum over trees of its leaf's value k; `x` has
 * n_features.  Summed as float in the order of the trees: the same bits everywhere.
 * For trees that mir_trees_check() accepts.
 */
void mir_trees_predict(const struct mir_trees *trees, const float *x, float *out);

/* How often each feature decides, over all trees, weighted by nothing: n_features numbers. */
void mir_trees_count_splits(const struct mir_trees *trees, uint32_t *out);

#endif
