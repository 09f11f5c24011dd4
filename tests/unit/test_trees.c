/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_trees.c - the walk through trees, and what does not pass for one. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/predict/trees.h"
#include "tests/unit/wood_fixture.h"

enum { MAX_FEATURES = 600 };

/* ---- The walk */

/* Slow and obvious. */
static const float *naive_leaf(const struct mir_trees *t, uint32_t at, const float *x)
{
    const struct mir_tree_node *node = &t->nodes[at];

    if (node->feature == MIR_TREE_LEAF)
        return &t->values[(size_t)node->left * t->n_outputs];
    if (isnan(x[node->feature]))
        return naive_leaf(t, node->missing_left ? node->left : node->left + 1, x);
    if (x[node->feature] < node->threshold)
        return naive_leaf(t, node->left, x);
    return naive_leaf(t, node->left + 1, x);
}

static void naive_predict(const struct mir_trees *t, const float *x, float *out)
{
    for (uint32_t k = 0; k < t->n_outputs; k++) {
        float sum = 0;

        for (uint32_t i = 0; i < t->n_trees; i++)
            sum += naive_leaf(t, t->roots[i], x)[k];
        out[k] = t->base[k] + t->scale * sum;
    }
}

static struct wood draw_wood(struct mir_rng *rng)
{
    static const uint32_t widths[] = {1, 2, 5, 11, 12, MIR_TREES_MAX_OUTPUTS};

    return (struct wood){
        /* Few and many are walked differently. */
        .n_features =
            1 + (uint32_t)mir_rng_below(rng, mir_rng_below(rng, 2) == 0 ? 80 : MAX_FEATURES),
        .n_outputs = widths[mir_rng_below(rng, 6)],
        .n_trees = (uint32_t)mir_rng_below(rng, 30),
        .depth = (unsigned)mir_rng_below(rng, 8),
        .p_leaf = mir_rng_double(rng) / 2,
    };
}

static void compare_with_naive(const struct mir_trees *t, struct mir_rng *rng)
{
    float x[MAX_FEATURES], got[MIR_TREES_MAX_OUTPUTS], wanted[MIR_TREES_MAX_OUTPUTS];

    for (int i = 0; i < 20; i++) {
        wood_input(x, t->n_features, rng);
        mir_trees_predict(t, x, got);
        naive_predict(t, x, wanted);
        assert_memory_equal(got, wanted, t->n_outputs * sizeof(*got));
    }
}

static void agrees_bit_for_bit_with_a_naive_walk(void **state)
{
    const uint64_t seed = 4;
    struct mir_rng rng;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    mir_rng_init(&rng, seed);
    for (int i = 0; i < 500; i++) {
        struct wood w = draw_wood(&rng);
        struct mir_error err = {{0}};
        struct mir_trees t;

        wood_make(&t, &w, &rng);
        if (mir_trees_check(&t, &err) != 0)
            fail_msg("%d: %s", i, err.text);
        compare_with_naive(&t, &rng);
        mir_trees_release(&t);
    }
}

/*
 * Two trees by hand:  0: x0 < 1 (missing: left) ? leaf 0 : 2
 *                     2: x1 < 2 (missing: right) ? leaf 1 : leaf 2
 *                     5: x1 < 0 (missing: left) ? leaf 3 : leaf 4
 */
static struct mir_trees make_two(void)
{
    static const struct mir_tree_node nodes[] = {
        {1, 1, 0, 1, 0},
        {0, 0, MIR_TREE_LEAF, 0, 0},
        {2, 3, 1, 0, 0},
        {0, 1, MIR_TREE_LEAF, 0, 0},
        {0, 2, MIR_TREE_LEAF, 0, 0},
        {0, 6, 1, 1, 0},
        {0, 3, MIR_TREE_LEAF, 0, 0},
        {0, 4, MIR_TREE_LEAF, 0, 0},
    };
    static const float values[] = {1, -1, 2, -2, 4, -4, 8, -8, 16, -16};
    struct mir_trees t = {
        .n_features = 2,
        .n_outputs = 2,
        .n_trees = 2,
        .n_nodes = 8,
        .n_leaves = 5,
        .roots = MIR_NEW_ARRAY(uint32_t, 2),
        .nodes = MIR_NEW_ARRAY(struct mir_tree_node, 8),
        .values = MIR_NEW_ARRAY(float, 10),
        .base = {100, 0.5F},
        .scale = 0.5F,
    };

    t.roots[1] = 5;
    memcpy(t.nodes, nodes, sizeof(nodes));
    memcpy(t.values, values, sizeof(values));
    return t;
}

static void goes_left_below_the_threshold_and_where_missing_left_says(void **state)
{
    static const struct {
        float x[2];
        float sum; /* of the two leaves' first values */
    } cases[] = {
        {{0, -1}, 1 + 8},           {{0, 5}, 1 + 16},        {{1, 1.5F}, 2 + 16},
        {{1, 2}, 4 + 16},           {{1, -1}, 2 + 8},        {{NAN, 5}, 1 + 16},
        {{1, NAN}, 4 + 8},          {{NAN, NAN}, 1 + 8},     {{INFINITY, 3}, 4 + 16},
        {{-INFINITY, 3}, 1 + 16},   {{3, -INFINITY}, 2 + 8}, {{3, INFINITY}, 4 + 16},
        {{0.99999994F, 0}, 1 + 16}, {{3, -0.0F}, 2 + 16},
    };
    struct mir_trees t = make_two();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        float out[2];

        mir_trees_predict(&t, cases[i].x, out);
        if (out[0] != 100 + cases[i].sum / 2 || out[1] != 0.5F - cases[i].sum / 2)
            fail_msg("case %zu: %g and %g, not %g and %g", i, (double)out[0], (double)out[1],
                     (double)(100 + cases[i].sum / 2), (double)(0.5F - cases[i].sum / 2));
    }
    mir_trees_release(&t);
}

static void without_trees_it_is_the_base(void **state)
{
    struct mir_trees t = {.n_features = 1, .n_outputs = 2, .base = {3, 4}, .scale = 1};
    float x = NAN, out[2] = {0};

    (void)state;
    mir_trees_predict(&t, &x, out);
    assert_true(out[0] == 3 && out[1] == 4);
}

static void counts_how_often_each_feature_decides(void **state)
{
    struct mir_trees t = make_two();
    uint32_t n[2] = {77, 77};

    (void)state;
    mir_trees_count_splits(&t, n);
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], 2);
    mir_trees_release(&t);
}

/* ---- One output a tree */

static float *predict_many(const struct mir_trees *t, uint64_t seed)
{
    float *out = MIR_NEW_ARRAY(float, 20 * t->n_outputs), x[MAX_FEATURES];
    struct mir_rng rng;

    mir_rng_init(&rng, seed);
    for (uint32_t i = 0; i < 20; i++) {
        wood_input(x, t->n_features, &rng);
        mir_trees_predict(t, x, out + (size_t)i * t->n_outputs);
    }
    return out;
}

static void narrow_trees_predict_the_same_bits(void **state)
{
    const uint64_t seed = 6;
    struct mir_rng rng;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    mir_rng_init(&rng, seed);
    for (uint64_t i = 0; i < 300; i++) {
        struct wood w = draw_wood(&rng);
        struct mir_trees t;
        float *wide, *narrow;

        w.n_trees++;
        w.n_outputs++;
        w.n_outputs -= w.n_outputs > MIR_TREES_MAX_OUTPUTS;
        wood_make(&t, &w, &rng);
        wood_keep_one_output(&t);
        wide = predict_many(&t, i);
        assert_true(mir_trees_narrow(&t));
        assert_int_equal(mir_trees_values_per_leaf(&t), 1);
        assert_int_equal(mir_trees_check(&t, NULL), 0);
        assert_true(mir_trees_narrow(&t)); /* it stays so */
        narrow = predict_many(&t, i);
        assert_memory_equal(wide, narrow, 20 * t.n_outputs * sizeof(*wide));
        mir_trees_release(&t);
        free(wide);
        free(narrow);
    }
}

static void a_tree_that_adds_to_two_outputs_keeps_all_wide(void **state)
{
    struct mir_trees t = make_two();

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        t.values[2 * i] = 0;
    t.values[6] = 1e-30F; /* of leaf 3 */
    assert_false(mir_trees_narrow(&t));
    assert_null(t.only);
    assert_int_equal(mir_trees_values_per_leaf(&t), 2);
    assert_true(t.values[6] == 1e-30F && t.values[7] == -8);
    t.values[6] = -0.0F;
    assert_true(mir_trees_narrow(&t));
    assert_true(t.only[0] == 1 && t.only[1] == 1 && t.values[3] == -8);
    mir_trees_release(&t);
}

static void a_tree_of_zeros_adds_to_an_output_all_the_same(void **state)
{
    struct mir_trees t = make_two();

    (void)state;
    memset(t.values, 0, 10 * sizeof(*t.values));
    assert_true(mir_trees_narrow(&t));
    assert_int_equal(mir_trees_check(&t, NULL), 0);
    mir_trees_release(&t);
}

static void trees_of_different_outputs_may_share_an_empty_leaf(void **state)
{
    struct mir_trees t = make_two();
    float x[2] = {0, 5}, out[2];

    (void)state;
    t.nodes[7].left = 0; /* of the second tree; 0 is of the first */
    memset(t.values, 0, 10 * sizeof(*t.values));
    t.values[3] = 5; /* the first tree: output 1 */
    t.values[6] = 7; /* the second: output 0 */
    assert_true(mir_trees_narrow(&t));
    assert_true(t.only[0] == 1 && t.only[1] == 0);
    mir_trees_predict(&t, x, out);
    assert_true(out[0] == 100 && out[1] == 0.5F);
    x[1] = -1;
    x[0] = 1;
    mir_trees_predict(&t, x, out);
    assert_true(out[0] == 103.5F && out[1] == 3);
    mir_trees_release(&t);
}

static void nothing_and_one_output_cannot_be_narrower(void **state)
{
    struct mir_trees none = {0};
    struct wood w = {.n_features = 3, .n_outputs = 1, .n_trees = 2, .depth = 2};
    struct mir_trees one;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 1);
    wood_make(&one, &w, &rng);
    assert_false(mir_trees_narrow(&none));
    assert_false(mir_trees_narrow(&one));
    mir_trees_release(&one);
}

static void refuses_an_output_that_is_not_there(void **state)
{
    struct mir_trees t = make_two();
    struct mir_error err = {{0}};

    (void)state;
    for (uint32_t i = 0; i < 5; i++)
        t.values[2 * i] = 0;
    assert_true(mir_trees_narrow(&t));
    t.only[1] = 2;
    assert_int_equal(mir_trees_check(&t, &err), -EBADMSG);
    assert_string_equal(err.text, "tree 1: output 2 of 2");
    mir_trees_release(&t);
}

/* ---- What passes for trees */

static void accepts_none_and_a_released_one(void **state)
{
    struct mir_trees none = {0}, t = make_two();

    (void)state;
    assert_int_equal(mir_trees_check(&none, NULL), 0);
    assert_int_equal(mir_trees_check(&t, NULL), 0);
    mir_trees_release(&t);
    assert_int_equal(mir_trees_check(&t, NULL), 0);
    mir_trees_release(&t);
}

static void cycle(struct mir_trees *t)
{
    t->nodes[2].left = 0;
}

static void child_of_itself(struct mir_trees *t)
{
    t->nodes[2].left = 2;
}

static void child_below_parent(struct mir_trees *t)
{
    t->nodes[5].left = 3;
}

static void children_beyond_the_end(struct mir_trees *t)
{
    t->nodes[5].left = 8;
}

static void right_child_beyond_the_end(struct mir_trees *t)
{
    t->nodes[5].left = 7;
}

static void child_far_beyond_the_end(struct mir_trees *t)
{
    t->nodes[5].left = UINT32_MAX;
}

static void child_with_two_parents(struct mir_trees *t)
{
    t->nodes[3].feature = 0;
    t->nodes[3].left = 4;
}

static void right_child_with_two_parents(struct mir_trees *t)
{
    t->nodes[2].left = 4; /* and 5, which is a root */
}

static void node_in_no_tree(struct mir_trees *t)
{
    t->nodes[5].feature = MIR_TREE_LEAF;
    t->nodes[5].left = 0;
}

static void root_that_is_a_child(struct mir_trees *t)
{
    t->roots[1] = 2;
}

static void root_twice(struct mir_trees *t)
{
    t->roots[1] = 0;
}

static void root_beyond_the_end(struct mir_trees *t)
{
    t->roots[0] = 8;
}

static void feature_out_of_range(struct mir_trees *t)
{
    t->nodes[2].feature = 2;
}

static void leaf_out_of_range(struct mir_trees *t)
{
    t->nodes[7].left = 5;
}

static void threshold_nan(struct mir_trees *t)
{
    t->nodes[0].threshold = NAN;
}

static void threshold_infinite(struct mir_trees *t)
{
    t->nodes[0].threshold = -INFINITY;
}

static void missing_left_two(struct mir_trees *t)
{
    t->nodes[0].missing_left = 2;
}

static void value_nan(struct mir_trees *t)
{
    t->values[9] = NAN;
}

static void value_infinite(struct mir_trees *t)
{
    t->values[0] = -INFINITY;
}

static void value_too_large(struct mir_trees *t)
{
    t->values[3] = 2 * MIR_TREES_MAX_VALUE;
}

static void base_nan(struct mir_trees *t)
{
    t->base[1] = NAN;
}

static void scale_nan(struct mir_trees *t)
{
    t->scale = NAN;
}

static void no_outputs(struct mir_trees *t)
{
    t->n_outputs = 0;
}

static void too_many_outputs(struct mir_trees *t)
{
    t->n_outputs = MIR_TREES_MAX_OUTPUTS + 1;
}

static void no_features(struct mir_trees *t)
{
    t->n_features = 0;
}

static void too_many_features(struct mir_trees *t)
{
    t->n_features = MIR_TREE_LEAF + 1;
}

static void too_many_nodes(struct mir_trees *t)
{
    t->n_nodes = MIR_TREES_MAX_NODES + 1;
}

static void more_trees_than_nodes(struct mir_trees *t)
{
    t->n_trees = 9;
}

static void nodes_without_a_tree(struct mir_trees *t)
{
    t->n_trees = 0;
}

static void refuses_what_is_not_trees(void **state)
{
    static const struct {
        const char *name;
        void (*spoil)(struct mir_trees *t);
        const char *text;
    } cases[] = {
        {"cycle", cycle, "node 2: child 0"},
        {"child_of_itself", child_of_itself, "node 2: child 2"},
        {"child_below_parent", child_below_parent, "node 5: child 3"},
        {"children_beyond_the_end", children_beyond_the_end, "node 5: child 8"},
        {"right_child_beyond_the_end", right_child_beyond_the_end, "node 5: child 7"},
        {"child_far_beyond_the_end", child_far_beyond_the_end, "node 5: child"},
        {"child_with_two_parents", child_with_two_parents, "node 3: child 4 has two parents"},
        {"right_child_with_two_parents", right_child_with_two_parents,
         "node 2: child 4 has two parents"},
        {"node_in_no_tree", node_in_no_tree, "node 6: in no tree"},
        {"root_that_is_a_child", root_that_is_a_child, "two parents"},
        {"root_twice", root_twice, "tree 1: root 0"},
        {"root_beyond_the_end", root_beyond_the_end, "tree 0: root 8"},
        {"feature_out_of_range", feature_out_of_range, "feature 2 of 2"},
        {"leaf_out_of_range", leaf_out_of_range, "leaf 5 of 5"},
        {"threshold_nan", threshold_nan, "threshold nan"},
        {"threshold_infinite", threshold_infinite, "threshold -inf"},
        {"missing_left_two", missing_left_two, "missing_left 2"},
        {"value_nan", value_nan, "value 9: nan"},
        {"value_infinite", value_infinite, "value 0: -inf"},
        {"value_too_large", value_too_large, "value 3: 2e+09"},
        {"base_nan", base_nan, "base 1: nan"},
        {"scale_nan", scale_nan, "scale nan"},
        {"no_outputs", no_outputs, "0 outputs"},
        {"too_many_outputs", too_many_outputs, "33 outputs"},
        {"no_features", no_features, "0 features"},
        {"too_many_features", too_many_features, "65536 features"},
        {"too_many_nodes", too_many_nodes, "16777217 nodes"},
        {"more_trees_than_nodes", more_trees_than_nodes, "9 trees"},
        {"nodes_without_a_tree", nodes_without_a_tree, "without a tree"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mir_trees t = make_two();
        struct mir_error err = {{0}};
        int rc;

        cases[i].spoil(&t);
        rc = mir_trees_check(&t, &err);
        if (rc != -EBADMSG || strstr(err.text, cases[i].text) == NULL)
            fail_msg("%s: %d, \"%s\"", cases[i].name, rc, err.text);
        mir_trees_release(&t);
    }
}

/* A tree that has its splits in one line, `depth` of them. */
static int check_line(unsigned depth)
{
    struct mir_tree_node nodes[2 * MIR_TREES_MAX_DEPTH + 8] = {0};
    uint32_t root = 0;
    float value = 1;
    struct mir_trees t = {
        .n_features = 1,
        .n_outputs = 1,
        .n_trees = 1,
        .n_nodes = 2 * depth + 1,
        .n_leaves = 1,
        .roots = &root,
        .nodes = nodes,
        .values = &value,
        .scale = 1,
    };

    for (uint32_t i = 0; i < t.n_nodes; i++)
        nodes[i].feature = MIR_TREE_LEAF;
    for (uint32_t i = 0; i < depth; i++) {
        nodes[2 * i].feature = 0;
        nodes[2 * i].left = 2 * i + 1;
    }
    return mir_trees_check(&t, NULL);
}

static void refuses_a_tree_that_is_too_deep(void **state)
{
    (void)state;
    assert_int_equal(check_line(0), 0);
    assert_int_equal(check_line(MIR_TREES_MAX_DEPTH), 0);
    assert_int_equal(check_line(MIR_TREES_MAX_DEPTH + 1), -EBADMSG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_bit_for_bit_with_a_naive_walk),
        cmocka_unit_test(goes_left_below_the_threshold_and_where_missing_left_says),
        cmocka_unit_test(without_trees_it_is_the_base),
        cmocka_unit_test(counts_how_often_each_feature_decides),
        cmocka_unit_test(narrow_trees_predict_the_same_bits),
        cmocka_unit_test(a_tree_that_adds_to_two_outputs_keeps_all_wide),
        cmocka_unit_test(a_tree_of_zeros_adds_to_an_output_all_the_same),
        cmocka_unit_test(trees_of_different_outputs_may_share_an_empty_leaf),
        cmocka_unit_test(nothing_and_one_output_cannot_be_narrower),
        cmocka_unit_test(refuses_an_output_that_is_not_there),
        cmocka_unit_test(accepts_none_and_a_released_one),
        cmocka_unit_test(refuses_what_is_not_trees),
        cmocka_unit_test(refuses_a_tree_that_is_too_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
