/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_model_body.c - a body that says what cannot be is refused, by name. */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "models/predict/model_body.h"
#include "tests/unit/wood_fixture.h"

static void put_u32(char *at, uint32_t v, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++)
        at[i] = (char)(unsigned char)(v >> 8 * i);
}

static struct mir_str body_of(const struct mir_wait_model *m)
{
    struct mir_str body = {0};
    struct mir_error err = {{0}};

    if (mir_model_body_encode(m, &body, &err) != 0)
        fail_msg("%s", err.text);
    return body;
}

static void assert_refused(const struct mir_str *body, int rc, const char *text)
{
    struct mir_wait_model *const untouched = (void *)&rc, *m = untouched;
    struct mir_error err = {{0}};
    int got = mir_model_body_decode(body->text, body->len, &m, &err);

    if (got != rc || strstr(err.text, text) == NULL)
        fail_msg("%d, \"%s\"; not %d, \"%s\"", got, err.text, rc, text);
    assert_ptr_equal(m, untouched);
}

static char *find(struct mir_str *body, const char *text)
{
    char *at = memmem(body->text, body->len, text, strlen(text));

    assert_non_null(at);
    return at;
}

static void refuses_another_feature_set_and_names_both(void **state)
{
    struct mir_wait_model *m = wood_model(1);
    struct mir_str body = body_of(m);

    (void)state;
    find(&body, "wait-1")[5] = '7';
    assert_refused(&body, -ENOEXEC, "trained on feature set \"wait-7\", this build has \"wait-1\"");
    /* Whatever else is different then. */
    body.len = 60;
    assert_refused(&body, -EBADMSG, "origin");
    mir_str_release(&body);
    mir_wait_model_unref(m);
}

static void refuses_a_text_that_would_draw_on_a_terminal(void **state)
{
    static const char bad[] = {'\033', '\n', '\0', '\x7f', '\x9b'};
    struct mir_wait_model *m = wood_model(1);

    (void)state;
    for (size_t i = 0; i < sizeof(bad); i++) {
        struct mir_str body = body_of(m);

        find(&body, "log.sacct")[3] = bad[i];
        assert_refused(&body, -EBADMSG, "values out of range in its origin");
        mir_str_release(&body);
        body = body_of(m);
        find(&body, "pinball")[0] = bad[i];
        assert_refused(&body, -EBADMSG, "values out of range in its scores");
        mir_str_release(&body);
    }
    mir_wait_model_unref(m);
}

/* One byte more at `at`, and in the length of the section that begins at `section`. */
static void insert(struct mir_str *body, size_t section, size_t at, char byte)
{
    unsigned char *len;

    mir_str_add_n(body, "", 1);
    memmove(body->text + at + 1, body->text + at, body->len - at - 1);
    body->text[at] = byte;
    len = (unsigned char *)body->text + section + 4;
    put_u32((char *)len, len[0] + 256u * len[1] + 1, 4);
}

static void refuses_a_text_longer_than_its_place(void **state)
{
    struct mir_wait_model *m = wood_model(1);
    struct mir_str body;
    char *text;

    (void)state;
    memset(m->origin.source, 'x', sizeof(m->origin.source) - 1);
    body = body_of(m);
    text = find(&body, "xxx");
    text[-1] = (char)MIR_MODEL_TEXT_MAX;
    insert(&body, 0, (size_t)(text - body.text), 'x');
    assert_refused(&body, -EBADMSG, "values out of range in its origin");
    mir_str_release(&body);
    body = body_of(m);
    find(&body, "pinball")[-1] = 64;
    assert_refused(&body, -EBADMSG, "values out of range in its scores");
    mir_str_release(&body);
    mir_wait_model_unref(m);
}

static void refuses_a_section_with_more_in_it(void **state)
{
    static const char *const names[] = {"origin", "ranges", "importance", "scores", "trees"};
    struct mir_wait_model *m = wood_model(1);
    size_t section = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct mir_str body = body_of(m);
        const unsigned char *len = (unsigned char *)body.text + section + 4;
        size_t end = section + 8 + len[0] + 256u * len[1];

        insert(&body, section, end, 0);
        assert_refused(&body, -EBADMSG, names[i]);
        mir_str_release(&body);
        section = end;
    }
    mir_wait_model_unref(m);
}

static void refuses_more_scores_than_it_has_room_for(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    struct mir_str body;

    (void)state;
    m->n_scores = MIR_MODEL_SCORES_MAX; /* a byte of length and eight of value each */
    body = body_of(m);
    for (int i = 0; i < 9; i++)
        insert(&body, body.len - 8 - (size_t)(9 * MIR_MODEL_SCORES_MAX + i), body.len, 0);
    assert_refused(&body, -EBADMSG, "values out of range in its scores");
    mir_str_release(&body);
    mir_wait_model_unref(m);
}

static void refuses_more_outputs_than_it_has_room_for(void **state)
{
    enum { LEN = 24 + 4 * (MIR_TREES_MAX_OUTPUTS + 1) * 2 + 4 + 11 };
    struct mir_wait_model *m = mir_wait_model_create();
    struct mir_str body = body_of(m);
    char section[8 + LEN] = {0};

    (void)state;
    put_u32(section, 16, 4);
    put_u32(section + 4, LEN, 4);
    put_u32(section + 8, MIR_N_WAIT_FEATURES, 4);
    put_u32(section + 12, MIR_TREES_MAX_OUTPUTS + 1, 4);
    for (int i = 0; i < 3; i++)
        put_u32(section + 16 + 4 * i, 1, 4); /* a tree of one node, a leaf */
    mir_str_add_n(&body, section, sizeof(section));
    assert_refused(&body, -EBADMSG, "values out of range in its trees");
    mir_str_release(&body);
    mir_wait_model_unref(m);
}

static void refuses_a_method_without_a_tree(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    struct mir_str body = body_of(m);
    char section[8 + 24] = {16, 0, 0, 0, 24};

    (void)state;
    mir_str_add_n(&body, section, sizeof(section));
    assert_refused(&body, -EBADMSG, "values out of range in its trees");
    mir_str_release(&body);
    mir_wait_model_unref(m);
}

/*
 * The body of a model with nothing but one forest of one tree: 0 splits into 1 and
 * 2, which splits into 3 and 4.  Where things are, in bytes from the end.
 */
enum place {
    VALUES = 4 * 33,
    NODES = VALUES + 5 * 11,
    ROOT = NODES + 4,
    BASE = ROOT + 44,
    SCALE = BASE + 4,
    SIZES = SCALE + 20, /* features, outputs, trees, nodes, leaves */
    LENGTH = SIZES + 4,
    TAG = LENGTH + 4,
};

/* In a node of eleven bytes. */
enum { THRESHOLD = 0, LEFT = 4, FEATURE = 8, MISSING = 10 };

static struct mir_wait_model *forest_of_one_tree(void)
{
    static const struct mir_tree_node nodes[] = {
        {1, 1, 0, 1, 0},
        {0, 0, MIR_TREE_LEAF, 0, 0},
        {2, 3, 71, 0, 0},
        {0, 1, MIR_TREE_LEAF, 0, 0},
        {0, 2, MIR_TREE_LEAF, 0, 0},
    };
    struct mir_wait_model *m = mir_wait_model_create();
    struct mir_trees *t = &m->trees[MIR_WAIT_FOREST_Q];

    *t = (struct mir_trees){
        .n_features = MIR_N_WAIT_FEATURES,
        .n_outputs = MIR_N_WAIT_LEVELS_TRAINED,
        .n_trees = 1,
        .n_nodes = 5,
        .n_leaves = 3,
        .roots = MIR_NEW_ARRAY(uint32_t, 1),
        .nodes = MIR_NEW_ARRAY(struct mir_tree_node, 5),
        .values = MIR_NEW_ARRAY(float, 33),
        .scale = 1,
    };
    memcpy(t->nodes, nodes, sizeof(nodes));
    return m;
}

static void refuses_trees_that_are_none(void **state)
{
    static const struct {
        enum place place;
        unsigned offset, n_bytes;
        uint32_t value;
        const char *text;
    } cases[] = {
        {NODES, 11 * 2 + LEFT, 4, 0, "forest-q: node 2: child 0"}, /* a cycle */
        {NODES, 11 * 2 + LEFT, 4, 2, "forest-q: node 2: child 2"}, /* a shorter one */
        {NODES, 11 * 2 + LEFT, 4, 1, "forest-q: node 2: child 1"}, /* below its parent */
        {NODES, LEFT, 4, 3, "forest-q: node 1: in no tree"},       /* two are left over */
        {NODES, 11 * 2 + LEFT, 4, 4, "forest-q: node 2: child 4"}, /* the right one is outside */
        {NODES, 11 * 2 + LEFT, 4, UINT32_MAX, "forest-q: node 2: child"}, /* so are both */
        {NODES, 11 * 1 + LEFT, 4, 3, "forest-q: node 1: leaf 3 of 3"},    /* no such leaf */
        {NODES, 11 * 2 + FEATURE, 2, 72, "node 2: feature 72 of 72"},     /* one too many */
        {NODES, 11 * 2 + FEATURE, 2, UINT16_MAX - 1, "node 2: feature"},  /* many too many */
        {NODES, 11 * 2 + FEATURE, 2, UINT16_MAX, "node 2: leaf 3 of 3"},  /* a leaf all at once */
        {NODES, THRESHOLD, 4, 0x7fc00000, "threshold nan"},               /* NaN */
        {NODES, MISSING, 1, 2, "missing_left 2"},                         /* neither yes nor no */
        {VALUES, 128, 4, 0x7fc00000, "value 32: nan"},                    /* NaN */
        {VALUES, 0, 4, 0x7f800000, "value 0: inf"},                       /* infinite */
        {VALUES, 0, 4, 0x7f7fffff, "value 0: 3.40282e+38"},               /* sums would overflow */
        {BASE, 40, 4, 0x7fc00000, "base 10: nan"},                        /* NaN */
        {SCALE, 0, 4, 0xff800000, "scale -inf"},                          /* infinite */
        {ROOT, 0, 4, 5, "tree 0: root 5"},                                /* outside */
        {ROOT, 0, 4, 2, "forest-q: node 0: in no tree"},                  /* not the root */
        {SIZES, 0, 4, 73, "73 features"},                                 /* other features */
        {SIZES, 0, 4, 0, "0 features"},                                   /* none */
        {SIZES, 4, 4, 12, "values out of range in its"},       /* does not fill its section */
        {SIZES, 4, 4, UINT32_MAX, "values out of range in"},   /* nor does that */
        {SIZES, 8, 4, 0, "values out of range in its"},        /* an empty set is left out */
        {SIZES, 8, 4, UINT32_MAX, "values out of range in"},   /* 16 GB of roots */
        {SIZES, 12, 4, UINT32_MAX, "values out of range in"},  /* 48 GB of nodes */
        {SIZES, 16, 4, UINT32_MAX, "values out of range in"},  /* 176 GB of values */
        {LENGTH, 0, 4, UINT32_MAX, "values out of range in"},  /* a long section */
        {LENGTH, 0, 4, 24, "values out of range in its"},      /* a short one */
        {TAG, 0, 4, 5, "a section that this build does not"},  /* another */
        {TAG, 0, 4, 20, "a section that this build does not"}, /* no such method */
        {TAG, 0, 4, 18, "rf: 72 features and 11 outputs"},     /* a method of another shape */
    };
    struct mir_wait_model *m = forest_of_one_tree();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mir_str body = body_of(m);

        put_u32(body.text + body.len - cases[i].place + cases[i].offset, cases[i].value,
                cases[i].n_bytes);
        assert_refused(&body, -EBADMSG, cases[i].text);
        mir_str_release(&body);
    }
    mir_wait_model_unref(m);
}

/* The same tree, which adds to output 4 only: 3 values, and a byte behind the root. */
static void refuses_narrow_trees_that_are_none(void **state)
{
    enum { ONLY = 12 + 5 * 11 + 1, NARROW_TAG = ONLY + TAG - NODES };
    static const struct {
        unsigned at, n_bytes;
        uint32_t value;
        const char *text;
    } cases[] = {
        {ONLY, 1, 11, "forest-q: tree 0: output 11 of 11"},
        {12, 4, 0x7fc00000, "forest-q: value 0: nan"},
        {NARROW_TAG, 4, 16, "values out of range in its trees"}, /* not as wide as that */
        {NARROW_TAG, 4, 36, "a section that this build does not know"},
        {NARROW_TAG, 4, 34, "rf: 72 features and 11 outputs"},
    };
    struct mir_wait_model *m = forest_of_one_tree();

    (void)state;
    for (int i = 0; i < 3; i++)
        m->trees[MIR_WAIT_FOREST_Q].values[11 * i + 4] = 1;
    assert_true(mir_trees_narrow(&m->trees[MIR_WAIT_FOREST_Q]));
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct mir_str body = body_of(m);

        assert_int_equal(body.text[body.len - ONLY], 4);
        assert_int_equal(body.text[body.len - NARROW_TAG], 32);
        put_u32(body.text + body.len - cases[i].at, cases[i].value, cases[i].n_bytes);
        assert_refused(&body, -EBADMSG, cases[i].text);
        mir_str_release(&body);
    }
    mir_wait_model_unref(m);
}

static void refuses_methods_twice_or_out_of_order(void **state)
{
    struct mir_wait_model *m = forest_of_one_tree(), *two = NULL;
    struct mir_str body = body_of(m), section = {0};

    (void)state;
    mir_str_add_n(&section, body.text + body.len - TAG, TAG);
    mir_str_add_n(&body, section.text, section.len);
    assert_refused(&body, -EBADMSG, "a section that this build does not know");
    put_u32(body.text + body.len - TAG, 32, 4);
    assert_refused(&body, -EBADMSG, "a section that this build does not know");
    put_u32(body.text + body.len - TAG, 16, 4);
    put_u32(body.text + body.len - 2 * TAG, 16 + MIR_WAIT_XGB_Q, 4);
    assert_refused(&body, -EBADMSG, "a section that this build does not know");
    put_u32(body.text + body.len - 2 * TAG, 16, 4);
    put_u32(body.text + body.len - TAG, 16 + MIR_WAIT_XGB_Q, 4);
    assert_int_equal(mir_model_body_decode(body.text, body.len, &two, NULL), 0);
    assert_true(mir_wait_model_has(two, MIR_WAIT_XGB_Q));
    mir_wait_model_unref(two);
    mir_wait_model_unref(m);
    mir_str_release(&section);
    mir_str_release(&body);
}

/* Whole or not at all: what is understood of a damaged body makes these very bytes again. */
static void check_damaged(const char *bytes, size_t len)
{
    char *copy = malloc(len > 0 ? len : 1);
    struct mir_wait_model *m = NULL;

    assert_non_null(copy);
    memcpy(copy, bytes, len);
    if (mir_model_body_decode(copy, len, &m, NULL) == 0) {
        struct mir_str again = body_of(m);

        assert_int_equal(again.len, len);
        assert_memory_equal(again.text, copy, len);
        mir_str_release(&again);
        mir_wait_model_unref(m);
    }
    free(copy);
}

static void understands_all_of_a_damaged_body_or_refuses_it(void **state)
{
    const uint64_t seed = 11;
    struct mir_wait_model *m = wood_model(1);
    struct mir_str body;
    struct mir_rng rng;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    mir_rng_init(&rng, seed);
    wood_keep_one_output(&m->trees[MIR_WAIT_XGB_Q]);
    assert_true(mir_trees_narrow(&m->trees[MIR_WAIT_XGB_Q]));
    body = body_of(m);
    for (size_t len = 0; len <= body.len; len++)
        check_damaged(body.text, len);
    for (size_t i = 0; i < 4 * body.len; i++) {
        char kept = body.text[i / 4];

        body.text[i / 4] = (char)mir_rng_below(&rng, 256);
        check_damaged(body.text, body.len);
        body.text[i / 4] = kept;
    }
    mir_str_release(&body);
    mir_wait_model_unref(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_another_feature_set_and_names_both),
        cmocka_unit_test(refuses_a_text_that_would_draw_on_a_terminal),
        cmocka_unit_test(refuses_a_text_longer_than_its_place),
        cmocka_unit_test(refuses_a_section_with_more_in_it),
        cmocka_unit_test(refuses_more_scores_than_it_has_room_for),
        cmocka_unit_test(refuses_more_outputs_than_it_has_room_for),
        cmocka_unit_test(refuses_a_method_without_a_tree),
        cmocka_unit_test(refuses_trees_that_are_none),
        cmocka_unit_test(refuses_narrow_trees_that_are_none),
        cmocka_unit_test(refuses_methods_twice_or_out_of_order),
        cmocka_unit_test(understands_all_of_a_damaged_body_or_refuses_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
