/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_waits.c - classes of waits, the feed that picks them, the sorted window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/host/job.h"
#include "plugins/waits.h"

static void names_the_class_of_a_job(void **state)
{
    static const struct {
        uint32_t n_nodes;
        int32_t limit_s;
        const char *label;
    } cases[] = {
        {1, 3600, "1 node, up to 1 h"},
        {0, 0, "1 node, up to 1 h"},
        {2, 3601, "2-4 nodes, 1-12 h"},
        {4, 43200, "2-4 nodes, 1-12 h"},
        {5, 43201, "5-16 nodes, 12-48 h"},
        {16, 172799, "5-16 nodes, 12-48 h"},
        {17, 172800, "17 nodes and more, 48 h and more"},
        {UINT32_MAX, MIR_UNLIMITED, "17 nodes and more, 48 h and more"},
        {1, MIR_UNKNOWN, "1 node, 48 h and more"},
    };
    char buf[48];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_start same = {.n_nodes = cases[i].n_nodes, .limit_s = cases[i].limit_s};
        struct mir_wait_class c;

        mir_wait_class_of(cases[i].n_nodes, cases[i].limit_s, &c);
        assert_string_equal(mir_wait_class_label(&c, MIR_WAITS_OF_CLASS, buf), cases[i].label);
        assert_true(mir_wait_class_holds(&c, MIR_WAITS_OF_CLASS, &same));
    }
}

static void widens_from_class_to_nodes_to_all(void **state)
{
    const struct mir_start other_limit = {.n_nodes = 3, .limit_s = 60};
    const struct mir_start other_nodes = {.n_nodes = 5, .limit_s = 7200};
    struct mir_wait_class c;
    char buf[48];

    (void)state;
    mir_wait_class_of(2, 7200, &c);
    assert_false(mir_wait_class_holds(&c, MIR_WAITS_OF_CLASS, &other_limit));
    assert_true(mir_wait_class_holds(&c, MIR_WAITS_OF_NODES, &other_limit));
    assert_false(mir_wait_class_holds(&c, MIR_WAITS_OF_NODES, &other_nodes));
    assert_true(mir_wait_class_holds(&c, MIR_WAITS_OF_ALL, &other_nodes));
    assert_string_equal(mir_wait_class_label(&c, MIR_WAITS_OF_NODES, buf), "2-4 nodes");
    assert_string_equal(mir_wait_class_label(&c, MIR_WAITS_OF_ALL, buf), "all jobs");
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

    return (x > y) - (x < y);
}

/* The window's contents against the tail of everything added. */
static void check_window(const struct mir_wait_window *w, const int32_t *all, uint32_t n_all)
{
    int32_t expected[64];

    for (uint32_t age = 0; age < w->n; age++) {
        expected[age] = all[n_all - 1 - age];
        assert_int_equal(mir_wait_window_recent(w, age), expected[age]);
    }
    qsort(expected, w->n, sizeof(*expected), by_value);
    for (uint32_t rank = 1; rank <= w->n; rank++)
        assert_int_equal(mir_wait_window_rank(w, rank), expected[rank - 1]);
}

static void keeps_the_last_values_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct mir_wait_window w;
        struct mir_rng rng;
        int32_t all[300];
        uint32_t n = 0, kept = 0;
        uint32_t cap;

        mir_rng_init(&rng, seed);
        cap = 1 + (uint32_t)mir_rng_below(&rng, 60);
        mir_wait_window_init(&w, cap);
        while (n < 300) {
            uint64_t what = mir_rng_below(&rng, 100);
            uint32_t to = (uint32_t)mir_rng_below(&rng, cap + 2);

            if (what == 0) {
                mir_wait_window_clear(&w);
                kept = 0;
            } else if (what < 4) {
                mir_wait_window_trim(&w, to);
                kept = kept < to ? kept : to;
            } else {
                all[n] = (int32_t)mir_rng_below(&rng, seed % 2 != 0 ? 5 : 100000);
                mir_wait_window_add(&w, all[n++]);
                kept = kept < cap ? kept + 1 : cap;
            }
            assert_int_equal(w.n, kept);
            check_window(&w, all, n);
        }
        mir_wait_window_release(&w);
    }
}

/* What the feed must have given, worked out anew from the whole history. */
static uint32_t expect_kept(const struct mir_history *h,
                            const struct mir_wait_class *c,
                            uint32_t keep,
                            uint32_t minimum,
                            enum mir_wait_level *level,
                            int32_t *waits)
{
    uint32_t n = 0;

    for (unsigned l = 0; l < MIR_N_WAIT_LEVELS; l++) {
        n = 0;
        *level = (enum mir_wait_level)l;
        for (size_t i = mir_history_len(h); i-- > 0 && n < keep;) {
            if (mir_wait_class_holds(c, *level, mir_history_at(h, i)))
                waits[n++] = mir_history_at(h, i)->wait_s;
        }
        if (n >= minimum)
            break;
    }
    return n;
}

static void feeds_the_narrowest_level_as_history_grows(void **state)
{
    enum { N = 600, KEEP = 40, MINIMUM = 8 };
    const struct mir_request successor = {.n_nodes = 2, .limit_s = 7200};
    unsigned levels_seen = 0;
    struct mir_wait_class c;

    (void)state;
    mir_wait_class_of(2, 7200, &c);
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct mir_start *starts = MIR_NEW_ARRAY(struct mir_start, N);
        struct mir_history h = {.old = starts, .recent = starts + N / 3};
        struct mir_wait_window w;
        struct mir_wait_feed feed;
        struct mir_rng rng;
        int32_t expected[KEEP];
        enum mir_wait_level level;

        mir_rng_init(&rng, seed);
        mir_wait_window_init(&w, KEEP);
        mir_wait_feed_init(&feed, KEEP, MINIMUM);
        for (size_t i = 0; i < N; i++) {
            starts[i] = (struct mir_start){
                .n_nodes = mir_rng_below(&rng, 100) < seed ? 2 : 1,
                .limit_s = mir_rng_below(&rng, 4) == 0 ? 7200 : 60,
                .wait_s = (int32_t)mir_rng_below(&rng, 1000),
            };
        }
        for (size_t len = 0; len <= N; len += 1 + mir_rng_below(&rng, 30)) {
            const struct mir_start *start;
            uint32_t n;

            h.n_old = len < N / 3 ? len : N / 3;
            h.n_recent = len - h.n_old;
            if (mir_wait_feed_begin(&feed, &h, &successor))
                mir_wait_window_clear(&w);
            while ((start = mir_wait_feed_next(&feed, &h)) != NULL)
                mir_wait_window_add(&w, start->wait_s);
            n = expect_kept(&h, &c, KEEP, MINIMUM, &level, expected);
            assert_int_equal(feed.level, level);
            assert_int_equal(w.n, n);
            for (uint32_t age = 0; age < n; age++)
                assert_int_equal(mir_wait_window_recent(&w, age), expected[age]);
            levels_seen |= 1u << level;
        }
        mir_wait_window_release(&w);
        free(starts);
    }
    assert_int_equal(levels_seen, 7);
}

static void looks_back_no_further_than_the_limit(void **state)
{
    enum { N = MIR_WAITS_SCAN_MAX + 100 };
    const struct mir_request successor = {.n_nodes = 2, .limit_s = 60};
    struct mir_start *starts = MIR_NEW_ARRAY(struct mir_start, N);
    struct mir_history h = {.old = starts, .n_old = N};
    struct mir_wait_feed feed;

    (void)state;
    for (size_t i = 0; i < N; i++)
        starts[i] = (struct mir_start){.n_nodes = i < 100 ? 2 : 1, .limit_s = 60};
    mir_wait_feed_init(&feed, 50, 20);
    assert_true(mir_wait_feed_begin(&feed, &h, &successor));
    assert_int_equal(feed.level, MIR_WAITS_OF_ALL);
    assert_int_equal(feed.next, N - 50);
    assert_false(mir_wait_feed_begin(&feed, &h, &successor));
    free(starts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_class_of_a_job),
        cmocka_unit_test(widens_from_class_to_nodes_to_all),
        cmocka_unit_test(keeps_the_last_values_in_order),
        cmocka_unit_test(feeds_the_narrowest_level_as_history_grows),
        cmocka_unit_test(looks_back_no_further_than_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
