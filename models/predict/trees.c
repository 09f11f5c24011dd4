/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trees.c - decision trees: are they some, and the walk through them. */
#include "models/predict/trees.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

void mir_trees_release(struct mir_trees *trees)
{
    free(trees->roots);
    free(trees->nodes);
    free(trees->values);
    free(trees->only);
    *trees = (struct mir_trees){0};
}

uint32_t mir_trees_values_per_leaf(const struct mir_trees *t)
{
    return t->only != NULL ? 1 : t->n_outputs;
}

/* ---- Are they trees? */

static bool in_range(float value)
{
    return fabsf(value) <= MIR_TREES_MAX_VALUE; /* false for NaN */
}

static int check_sizes(const struct mir_trees *t, struct mir_error *err)
{
    if (t->n_outputs < 1 || t->n_outputs > MIR_TREES_MAX_OUTPUTS)
        return mir_error_set(err, -EBADMSG, "%" PRIu32 " outputs, not 1 to %d", t->n_outputs,
                             MIR_TREES_MAX_OUTPUTS);
    if (t->n_features < 1 || t->n_features > MIR_TREE_LEAF)
        return mir_error_set(err, -EBADMSG, "%" PRIu32 " features, not 1 to %d", t->n_features,
                             MIR_TREE_LEAF);
    if (t->n_nodes > MIR_TREES_MAX_NODES || t->n_trees > t->n_nodes || t->n_leaves > t->n_nodes)
        return mir_error_set(err, -EBADMSG,
                             "%" PRIu32 " nodes, %" PRIu32 " trees, %" PRIu32 " leaves", t->n_nodes,
                             t->n_trees, t->n_leaves);
    return 0;
}

static int check_numbers(const struct mir_trees *t, struct mir_error *err)
{
    size_t n_values = (size_t)t->n_leaves * mir_trees_values_per_leaf(t);

    if (!in_range(t->scale))
        return mir_error_set(err, -EBADMSG, "scale %g", (double)t->scale);
    for (uint32_t k = 0; k < t->n_outputs; k++)
        if (!in_range(t->base[k]))
            return mir_error_set(err, -EBADMSG, "base %" PRIu32 ": %g", k, (double)t->base[k]);
    for (size_t i = 0; i < n_values; i++)
        if (!in_range(t->values[i]))
            return mir_error_set(err, -EBADMSG, "value %zu: %g", i, (double)t->values[i]);
    for (uint32_t i = 0; i < t->n_trees && t->only != NULL; i++)
        if (t->only[i] >= t->n_outputs)
            return mir_error_set(err, -EBADMSG, "tree %" PRIu32 ": output %u of %" PRIu32, i,
                                 t->only[i], t->n_outputs);
    return 0;
}

/* `level` of a node: 0 not reached yet, 1 a root, one more for each split above it. */
static int
check_children(const struct mir_trees *t, uint32_t at, unsigned char *level, struct mir_error *err)
{
    uint32_t left = t->nodes[at].left;

    /* Above the parent: then no path comes back, and one pass in order meets parents first. */
    if (left <= at || left >= t->n_nodes - 1)
        return mir_error_set(err, -EBADMSG, "node %" PRIu32 ": child %" PRIu32, at, left);
    if (level[left] != 0 || level[left + 1] != 0)
        return mir_error_set(err, -EBADMSG, "node %" PRIu32 ": child %" PRIu32 " has two parents",
                             at, left);
    if (level[at] > MIR_TREES_MAX_DEPTH)
        return mir_error_set(err, -EBADMSG, "node %" PRIu32 ": deeper than %d", at,
                             MIR_TREES_MAX_DEPTH);
    level[left] = level[left + 1] = (unsigned char)(level[at] + 1);
    return 0;
}

static int
check_node(const struct mir_trees *t, uint32_t at, unsigned char *level, struct mir_error *err)
{
    const struct mir_tree_node *node = &t->nodes[at];

    if (level[at] == 0)
        return mir_error_set(err, -EBADMSG, "node %" PRIu32 ": in no tree", at);
    if (node->feature == MIR_TREE_LEAF)
        return node->left < t->n_leaves
                   ? 0
                   : mir_error_set(err, -EBADMSG, "node %" PRIu32 ": leaf %" PRIu32 " of %" PRIu32,
                                   at, node->left, t->n_leaves);
    if (node->feature >= t->n_features)
        return mir_error_set(err, -EBADMSG, "node %" PRIu32 ": feature %u of %" PRIu32, at,
                             node->feature, t->n_features);
    if (!isfinite(node->threshold) || node->missing_left > 1)
        return mir_error_set(err, -EBADMSG, "node %" PRIu32 ": threshold %g, missing_left %u", at,
                             (double)node->threshold, node->missing_left);
    return check_children(t, at, level, err);
}

static int check_shape(const struct mir_trees *t, unsigned char *level, struct mir_error *err)
{
    int rc = 0;

    for (uint32_t i = 0; i < t->n_trees; i++) {
        if (t->roots[i] >= t->n_nodes || level[t->roots[i]] != 0)
            return mir_error_set(err, -EBADMSG, "tree %" PRIu32 ": root %" PRIu32, i, t->roots[i]);
        level[t->roots[i]] = 1;
    }
    for (uint32_t i = 0; i < t->n_nodes && rc == 0; i++)
        rc = check_node(t, i, level, err);
    return rc;
}

int mir_trees_check(const struct mir_trees *t, struct mir_error *err)
{
    unsigned char *level;
    int rc;

    if (t->n_trees == 0)
        return t->n_nodes == 0 && t->n_leaves == 0 && t->n_outputs <= MIR_TREES_MAX_OUTPUTS
                   ? 0
                   : mir_error_set(err, -EBADMSG,
                                   "%" PRIu32 " nodes, %" PRIu32 " outputs without a tree",
                                   t->n_nodes, t->n_outputs);
    rc = check_sizes(t, err);
    if (rc == 0)
        rc = check_numbers(t, err);
    if (rc != 0)
        return rc;
    level = MIR_NEW_ARRAY(unsigned char, t->n_nodes);
    rc = check_shape(t, level, err);
    free(level);
    return rc;
}

/* ---- One output a tree */

/* The tree of every node; children come after their parents. */
static uint32_t *owners_of(const struct mir_trees *t)
{
    uint32_t *owners = MIR_NEW_ARRAY(uint32_t, t->n_nodes);

    for (uint32_t i = 0; i < t->n_trees; i++)
        owners[t->roots[i]] = i;
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        const struct mir_tree_node *node = &t->nodes[i];

        if (node->feature != MIR_TREE_LEAF)
            owners[node->left] = owners[node->left + 1] = owners[i];
    }
    return owners;
}

enum { ANY_OUTPUT = UINT8_MAX };

/* Settle `*only` on the output in which `values` are not zero; false: there is another. */
static bool agree_on_output(const float *values, uint32_t n_outputs, uint8_t *only)
{
    for (uint32_t k = 0; k < n_outputs; k++) {
        if (values[k] == 0 || *only == k)
            continue;
        if (*only != ANY_OUTPUT)
            return false;
        *only = (uint8_t)k;
    }
    return true;
}

static bool find_outputs(const struct mir_trees *t, const uint32_t *owners, uint8_t *only)
{
    memset(only, ANY_OUTPUT, t->n_trees);
    for (uint32_t i = 0; i < t->n_nodes; i++) {
        const struct mir_tree_node *node = &t->nodes[i];

        if (node->feature == MIR_TREE_LEAF &&
            !agree_on_output(t->values + (size_t)node->left * t->n_outputs, t->n_outputs,
                             &only[owners[i]]))
            return false;
    }
    for (uint32_t i = 0; i < t->n_trees; i++)
        only[i] = only[i] == ANY_OUTPUT ? 0 : only[i];
    return true;
}

static void keep_outputs(struct mir_trees *t, const uint32_t *owners, uint8_t *only)
{
    float *values = MIR_NEW_ARRAY(float, t->n_leaves);

    for (uint32_t i = 0; i < t->n_nodes; i++) {
        uint32_t leaf = t->nodes[i].left;

        /* Trees that share a leaf agree on its output, or it is zero. */
        if (t->nodes[i].feature == MIR_TREE_LEAF)
            values[leaf] = t->values[(size_t)leaf * t->n_outputs + only[owners[i]]];
    }
    free(t->values);
    t->values = values;
    t->only = only;
}

bool mir_trees_narrow(struct mir_trees *t)
{
    uint32_t *owners;
    uint8_t *only;
    bool narrow;

    if (t->n_trees == 0 || t->n_outputs < 2 || t->only != NULL)
        return t->only != NULL;
    owners = owners_of(t);
    only = MIR_NEW_ARRAY(uint8_t, t->n_trees);
    narrow = find_outputs(t, owners, only);
    if (narrow)
        keep_outputs(t, owners, only);
    else
        free(only);
    free(owners);
    return narrow;
}

/* ---- The walk */

enum {
    /*
     * So many trees at a time, each one step, until all are at a leaf: which way a
     * step goes cannot be guessed, so it is computed, and eight steps that do not
     * wait for each other hide what one costs.  tests/bench/README.md has figures.
     */
    LANES = 8,
    /* With up to so many features it pays to write them down twice. */
    FEW_FEATURES = 256,
};

/*
 * Every feature as nodes see it that send a missing value to the right, and as those
 * that send it left: a step then need not ask what is missing.
 */
static void write_twice(const float *x, uint32_t n, float *out)
{
    for (uint32_t i = 0; i < n; i++) {
        out[2 * i] = isnan(x[i]) ? INFINITY : x[i];
        out[2 * i + 1] = isnan(x[i]) ? -INFINITY : x[i];
    }
}

/* Stays where it is at a leaf.  A comparison with NaN is false; | and &: no branches. */
static inline uint32_t
step(const struct mir_tree_node *nodes, const float *x, bool twice, uint32_t at)
{
    const struct mir_tree_node *node = &nodes[at];
    bool leaf = node->feature == MIR_TREE_LEAF;
    uint32_t left, child;
    float v;

    if (twice) {
        v = x[leaf ? 0 : 2 * node->feature + node->missing_left];
        left = v < node->threshold;
    } else {
        v = x[leaf ? 0 : node->feature];
        left = (v < node->threshold) | (isnan(v) & node->missing_left);
    }
    child = node->left + !left;
    return leaf ? at : child;
}

static inline void walk(const struct mir_trees *t, const float *x, bool twice, uint32_t at[LANES])
{
    uint32_t moved;

    do {
        moved = 0;
        for (unsigned i = 0; i < LANES; i++) {
            uint32_t next = step(t->nodes, x, twice, at[i]);

            moved |= next ^ at[i];
            at[i] = next;
        }
    } while (moved != 0);
}

/* Up to LANES trees to their leaves, `first` on; returns how many.  The rest of `at` is of no use. */
static inline uint32_t
walk_from(const struct mir_trees *t, const float *x, bool twice, uint32_t first, uint32_t at[LANES])
{
    uint32_t n = t->n_trees - first < LANES ? t->n_trees - first : LANES;

    for (uint32_t i = 0; i < LANES; i++)
        at[i] = t->roots[first + (i < n ? i : 0)];
    walk(t, x, twice, at);
    return n;
}

/*
 * Tree after tree from the first, so that the same trees give the same bits
 * everywhere.  Inlined with a constant `n_outputs`, so that sums stay in registers.
 */
static inline void
add_wide(const struct mir_trees *t, const float *x, bool twice, size_t n_outputs, float *sum)
{
    for (uint32_t first = 0; first < t->n_trees; first += LANES) {
        uint32_t at[LANES], n = walk_from(t, x, twice, first, at);

        for (uint32_t i = 0; i < n; i++) {
            const float *values = t->values + t->nodes[at[i]].left * n_outputs;

            for (size_t k = 0; k < n_outputs; k++)
                sum[k] += values[k];
        }
    }
}

/* In the same order; the zeros that are left out would not change a sum. */
static inline void add_narrow(const struct mir_trees *t, const float *x, bool twice, float *sum)
{
    for (uint32_t first = 0; first < t->n_trees; first += LANES) {
        uint32_t at[LANES], n = walk_from(t, x, twice, first, at);

        for (uint32_t i = 0; i < n; i++)
            sum[t->only[first + i]] += t->values[t->nodes[at[i]].left];
    }
}

/* The widths of wait models are worth code of their own. */
static inline void add_trees(const struct mir_trees *t, const float *x, bool twice, float *sum)
{
    if (t->only != NULL)
        add_narrow(t, x, twice, sum);
    else if (t->n_outputs == 11)
        add_wide(t, x, twice, 11, sum);
    else if (t->n_outputs == 1)
        add_wide(t, x, twice, 1, sum);
    else
        add_wide(t, x, twice, t->n_outputs, sum);
}

static void add_few(const struct mir_trees *t, const float *x, float *sum)
{
    float twice[2 * FEW_FEATURES];

    write_twice(x, t->n_features, twice);
    add_trees(t, twice, true, sum);
}

void mir_trees_predict(const struct mir_trees *t, const float *x, float *out)
{
    float sum[MIR_TREES_MAX_OUTPUTS] = {0};

    if (t->n_features <= FEW_FEATURES)
        add_few(t, x, sum);
    else
        add_trees(t, x, false, sum);
    for (uint32_t k = 0; k < t->n_outputs; k++)
        out[k] = t->base[k] + t->scale * sum[k];
}

void mir_trees_count_splits(const struct mir_trees *t, uint32_t *out)
{
    memset(out, 0, t->n_features * sizeof(*out));
    for (uint32_t i = 0; i < t->n_nodes; i++)
        if (t->nodes[i].feature != MIR_TREE_LEAF)
            out[t->nodes[i].feature]++;
}
