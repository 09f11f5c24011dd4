/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_profile.c - free nodes over time: against a machine that is an array of
 * seconds.  Random cases print their seed.
 */
#include "models/features/profile.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/rng.h"

enum { HORIZON = 400, MACHINE = 20 };

/* The slow and obvious machine; from HORIZON on nothing changes any more. */
struct plain {
    int64_t free[HORIZON + 1];
};

static bool fits(const struct plain *m, int from, uint32_t n_nodes, int length)
{
    for (int t = from; t < from + length && t <= HORIZON; t++)
        if (m->free[t] < (int64_t)n_nodes)
            return false;
    return m->free[from + length > HORIZON ? HORIZON : from + length - 1] >= (int64_t)n_nodes;
}

static double find_plainly(const struct plain *m, int from, uint32_t n_nodes, int length)
{
    for (int t = from; t <= HORIZON; t++)
        if (fits(m, t, n_nodes, length))
            return t;
    return INFINITY;
}

static void add_plainly(struct plain *m, int from, int64_t n_nodes, int length)
{
    for (int t = from; t <= HORIZON && (t < from + length || length < 0); t++)
        m->free[t] += n_nodes;
}

struct machine {
    struct mir_rng rng;
    struct mir_profile p;
    struct plain plain;
};

static int below(struct machine *m, int n)
{
    return (int)mir_rng_below(&m->rng, (uint64_t)n);
}

/* Some nodes idle, the others come free within the first half of the horizon. */
static void machine_init(struct machine *m, uint64_t seed)
{
    double at_s[MACHINE];
    uint32_t n_nodes[MACHINE];
    size_t n;

    memset(m, 0, sizeof *m);
    mir_rng_init(&m->rng, seed);
    mir_profile_begin(&m->p, below(m, 5));
    add_plainly(&m->plain, 0, m->p.steps[0].free, -1);
    n = (size_t)below(m, MACHINE);
    for (size_t i = 0; i < n; i++) {
        int at = below(m, HORIZON / 2) - 5;

        at_s[i] = at;
        n_nodes[i] = (uint32_t)below(m, 4);
        add_plainly(&m->plain, at < 0 ? 0 : at, n_nodes[i], -1);
    }
    mir_profile_release_nodes(&m->p, at_s, n_nodes, n);
}

static void assert_same_answer(struct machine *m, uint64_t seed)
{
    int from = below(m, HORIZON / 2), length = 1 + below(m, 60);
    uint32_t n_nodes = (uint32_t)below(m, MACHINE + 2);
    double found = mir_profile_find(&m->p, from, n_nodes, length);
    double truth = find_plainly(&m->plain, from, n_nodes, length);

    if (found < truth || found > truth)
        fail_msg("seed %" PRIu64 ": %u nodes for %d s from %d on: %g, not %g", seed, n_nodes,
                 length, from, found, truth);
}

static void the_earliest_place_is_found(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        struct machine m;

        machine_init(&m, seed);
        for (int i = 0; i < 20; i++)
            assert_same_answer(&m, seed);
        mir_profile_release(&m.p);
    }
}

static void what_is_placed_is_gone_for_its_time(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) {
        struct machine m;

        machine_init(&m, seed);
        for (int i = 0; i < 30; i++) {
            uint32_t n_nodes = 1 + (uint32_t)below(&m, 6);
            int length = 1 + below(&m, 50);
            double at_s = mir_profile_find(&m.p, 0, n_nodes, length);

            if (isfinite(at_s) && at_s + length < HORIZON) {
                mir_profile_take(&m.p, at_s, n_nodes, length);
                add_plainly(&m.plain, (int)at_s, -(int64_t)n_nodes, length);
            }
            assert_same_answer(&m, seed);
        }
        for (size_t i = 0; i < m.p.n; i++) /* nobody is ever planned where nothing is free */
            assert_true(m.p.steps[i].free >= 0);
        mir_profile_release(&m.p);
    }
}

/* Jobs come and go in the order of a stack, as a plan that moves from rank to rank has it. */
static void what_is_given_back_leaves_no_trace(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct {
            double at_s, length_s;
            uint32_t n_nodes;
        } placed[40];
        struct machine m;
        size_t n = 0;

        machine_init(&m, seed);
        for (int i = 0; i < 100; i++) {
            uint32_t n_nodes = 1 + (uint32_t)below(&m, 6);
            int length = 1 + below(&m, 50);
            double at_s = mir_profile_find(&m.p, 0, n_nodes, length);

            if (n > 0 && (n == 40 || below(&m, 2) == 0)) {
                n--;
                mir_profile_give(&m.p, placed[n].at_s, placed[n].n_nodes, placed[n].length_s);
                add_plainly(&m.plain, (int)placed[n].at_s, placed[n].n_nodes,
                            (int)placed[n].length_s);
            } else if (isfinite(at_s) && at_s + length < HORIZON) {
                mir_profile_take(&m.p, at_s, n_nodes, length);
                add_plainly(&m.plain, (int)at_s, -(int64_t)n_nodes, length);
                placed[n].at_s = at_s;
                placed[n].n_nodes = n_nodes;
                placed[n++].length_s = length;
            }
            assert_same_answer(&m, seed);
        }
        mir_profile_release(&m.p);
    }
}

static void releases_are_put_in_order_however_many(void **state)
{
    enum { N = 30000 };
    static double at_s[N];
    static uint32_t n_nodes[N];
    struct mir_profile p = {0};
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 1);
    for (size_t n = 0; n <= N; n = n < 10 ? n + 1 : n * 3) {
        int64_t sum = 7;

        for (size_t i = 0; i < n; i++) {
            at_s[i] = (double)mir_rng_below(&rng, 2 * n);
            n_nodes[i] = (uint32_t)mir_rng_below(&rng, 9);
            sum += n_nodes[i];
        }
        mir_profile_begin(&p, 7);
        mir_profile_release_nodes(&p, at_s, n_nodes, n);
        assert_true(p.steps[0].at_s == 0);
        for (size_t i = 1; i < p.n; i++)
            assert_true(p.steps[i].at_s > p.steps[i - 1].at_s);
        assert_true(p.steps[p.n - 1].free == sum);
    }
    mir_profile_release(&p);
}

static void nothing_is_too_large_to_be_asked_for(void **state)
{
    const double at_s[] = {10, 20};
    const uint32_t n_nodes[] = {UINT32_MAX, UINT32_MAX};
    struct mir_profile p = {0};

    (void)state;
    mir_profile_begin(&p, 1);
    assert_true(isinf(mir_profile_find(&p, 0, UINT32_MAX, 10)));
    assert_true(isinf(mir_profile_find(&p, 50, 2, 1e300)));
    assert_true(mir_profile_find(&p, 50, 1, INFINITY) == 50);
    assert_true(mir_profile_find(&p, 50, 0, 10) == 50);
    mir_profile_release_nodes(&p, at_s, n_nodes, 2);
    assert_true(p.steps[2].free == 2 * (int64_t)UINT32_MAX + 1);
    assert_true(mir_profile_find(&p, 0, UINT32_MAX, 1e9) == 10);
    mir_profile_take(&p, 20, UINT32_MAX, INFINITY);
    assert_true(mir_profile_find(&p, 0, UINT32_MAX, 1e9) == 10);
    mir_profile_take(&p, 10, 2, INFINITY);
    assert_true(isinf(mir_profile_find(&p, 0, UINT32_MAX, 10)));
    mir_profile_release(&p);
}

static void a_profile_begins_anew_in_the_memory_it_has(void **state)
{
    struct mir_profile p = {0};

    (void)state;
    mir_profile_begin(&p, 4);
    mir_profile_take(&p, 0, 3, 100);
    assert_true(mir_profile_find(&p, 0, 4, 1) == 100);
    mir_profile_begin(&p, 4);
    assert_true(mir_profile_find(&p, 0, 4, 1) == 0);
    assert_int_equal(p.n, 1);
    mir_profile_release(&p);
    assert_null(p.steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_place_is_found),
        cmocka_unit_test(what_is_placed_is_gone_for_its_time),
        cmocka_unit_test(what_is_given_back_leaves_no_trace),
        cmocka_unit_test(releases_are_put_in_order_however_many),
        cmocka_unit_test(nothing_is_too_large_to_be_asked_for),
        cmocka_unit_test(a_profile_begins_anew_in_the_memory_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
