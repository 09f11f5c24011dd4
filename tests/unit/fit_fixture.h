/*
 * fit_fixture.h - rows to learn from, of which the truth is known: y is normal,
 * its mean and its spread depend on x.  For the test program's one thread.
 */
#ifndef MIR_TESTS_FIT_FIXTURE_H
#define MIR_TESTS_FIT_FIXTURE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "models/train/fit.h"

/* Feature 0 moves the mean, 1 the spread, 2 the mean when it is there; the rest say nothing. */
enum { FIT_MEAN, FIT_SPREAD, FIT_SOMETIMES, FIT_MIN_FEATURES };

#define assert_near(a, b, tolerance) assert_true(fabs((double)(a) - (double)(b)) <= (tolerance))

struct fit_rows {
    struct mir_fit_data data;
    float *x, *y;
    unsigned char *censored;
};

static inline double fit_mean_of(const float *x)
{
    return 2 + 2 * (double)x[FIT_MEAN] + (isnan(x[FIT_SOMETIMES]) ? 1 : 0);
}

static inline double fit_spread_of(const float *x)
{
    return 0.2 + 0.8 * (double)x[FIT_SPREAD];
}

static inline void fit_rows_release(struct fit_rows *r)
{
    free(r->x);
    free(r->y);
    free(r->censored);
}

/* Where `censor`, a row is watched until a time between 1 and 6 that has nothing to do with it. */
static inline void
fit_rows_init(struct fit_rows *r, uint64_t seed, size_t n, uint32_t n_features, bool censor)
{
    struct mir_rng rng;

    mir_rng_init(&rng, seed);
    r->x = MIR_NEW_ARRAY(float, n *n_features);
    r->y = MIR_NEW_ARRAY(float, n);
    r->censored = MIR_NEW_ARRAY(unsigned char, n);
    for (size_t i = 0; i < n; i++) {
        float *x = r->x + i * n_features;
        float until = (float)(1 + 5 * mir_rng_double(&rng));

        for (uint32_t k = 0; k < n_features; k++)
            x[k] = (float)mir_rng_double(&rng);
        if (mir_rng_below(&rng, 4) == 0)
            x[FIT_SOMETIMES] = NAN;
        r->y[i] = (float)(fit_mean_of(x) + fit_spread_of(x) * mir_rng_normal(&rng));
        r->censored[i] = censor && r->y[i] > until;
        if (r->censored[i])
            r->y[i] = until;
    }
    r->data = (struct mir_fit_data){r->x, r->y, r->censored, n, n_features};
}

/* The number of the leaf that `x` comes to: the walk, as plainly as possible. */
static inline uint32_t fit_leaf(const struct mir_trees *t, uint32_t tree, const float *x)
{
    uint32_t at = t->roots[tree];

    while (t->nodes[at].feature != MIR_TREE_LEAF) {
        const struct mir_tree_node *node = &t->nodes[at];
        float v = x[node->feature];

        if (isnan(v))
            at = node->missing_left ? node->left : node->left + 1;
        else
            at = v < node->threshold ? node->left : node->left + 1;
    }
    return t->nodes[at].left;
}

static inline double fit_predict(const struct mir_trees *t, const float *x, uint32_t output)
{
    double sum = 0;

    for (uint32_t i = 0; i < t->n_trees; i++) {
        uint32_t leaf = fit_leaf(t, i, x);

        if (t->only == NULL)
            sum += (double)t->values[leaf * t->n_outputs + output];
        else if (t->only[i] == output)
            sum += (double)t->values[leaf];
    }
    return (double)t->base[output] + (double)t->scale * sum;
}

#endif
