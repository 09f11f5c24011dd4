/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_summary.c - summaries kept up to date against summaries sorted from
 * scratch.  Random cases print their seed.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/host/summary.h"

struct job {
    int64_t at; /* submission of the pending, start of the running */
    int32_t limit_s;
    int32_t wait_s;
    uint32_t n_nodes;
};

struct set {
    struct job *jobs;
    size_t n, cap;
};

/* How a random case is drawn. */
struct shape {
    const char *name;
    uint64_t seed;
    size_t n_steps;
    size_t typical;      /* jobs in a set, about */
    uint64_t n_limits;   /* distinct limits */
    uint64_t late_s;     /* how far behind the newest time a new one may be */
    bool from_the_front; /* the oldest leaves first */
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* numpy.percentile's "linear", from scratch; sorts `v`. */
static void percentiles(double *v, size_t n, double out[5])
{
    qsort(v, n, sizeof *v, by_value);
    for (size_t k = 0; k < 5; k++) {
        double at = (double)k / 4 * (double)(n - 1);
        size_t i = (size_t)at;

        out[k] = i + 1 < n ? v[i] + (v[i + 1] - v[i]) * (at - (double)i) : v[n - 1];
    }
}

enum column { LIMIT, WAIT, AGE };

static void column_of(const struct set *set, enum column column, int64_t now, double out[5])
{
    double *v = MIR_NEW_ARRAY(double, set->n);

    for (size_t i = 0; i < set->n; i++)
        v[i] = column == LIMIT  ? set->jobs[i].limit_s
               : column == WAIT ? set->jobs[i].wait_s
                                : (double)(now - set->jobs[i].at);
    if (set->n > 0)
        percentiles(v, set->n, out);
    free(v);
}

static void
from_scratch(const struct set *set, bool running, int64_t now, struct mir_jobs_summary *out)
{
    memset(out, 0, sizeof *out);
    out->n_jobs = (uint32_t)set->n;
    for (size_t i = 0; i < set->n; i++)
        out->n_nodes += set->jobs[i].n_nodes;
    column_of(set, LIMIT, now, out->limit_s);
    column_of(set, running ? WAIT : AGE, now, out->wait_s);
    if (running)
        column_of(set, AGE, now, out->elapsed_s);
}

static void claim_same(const struct mir_jobs_summary *a,
                       const struct mir_jobs_summary *b,
                       const struct shape *shape,
                       size_t step)
{
    bool same = a->n_jobs == b->n_jobs && a->n_nodes == b->n_nodes;

    for (int k = 0; k < 5; k++)
        same = same && a->limit_s[k] == b->limit_s[k] && a->wait_s[k] == b->wait_s[k] &&
               a->elapsed_s[k] == b->elapsed_s[k];
    if (!same)
        fail_msg("%s, seed %" PRIu64 ", step %zu", shape->name, shape->seed, step);
}

static void claim_right(const struct mir_summary *s,
                        const struct set *pending,
                        const struct set *running,
                        int64_t now,
                        const struct shape *shape,
                        size_t step)
{
    struct mir_jobs_summary got[2], want[2];

    memset(got, 0x55, sizeof got);
    mir_summary_get(s, now, &got[0], &got[1]);
    from_scratch(pending, false, now, &want[0]);
    from_scratch(running, true, now, &want[1]);
    claim_same(&got[0], &want[0], shape, step);
    claim_same(&got[1], &want[1], shape, step);
}

static struct job draw(struct mir_rng *rng, const struct shape *shape, int64_t now)
{
    return (struct job){
        .at = now - (int64_t)mir_rng_below(rng, shape->late_s + 1),
        .limit_s = (int32_t)(60 * (1 + mir_rng_below(rng, shape->n_limits))),
        .wait_s = mir_rng_below(rng, 2) ? 0 : (int32_t)mir_rng_below(rng, 100000),
        .n_nodes = (uint32_t)(1 + mir_rng_below(rng, 16)),
    };
}

static struct job take(struct set *set, struct mir_rng *rng, bool from_the_front)
{
    size_t i =
        from_the_front ? mir_rng_below(rng, set->n < 4 ? set->n : 4) : mir_rng_below(rng, set->n);
    struct job job = set->jobs[i];

    memmove(&set->jobs[i], &set->jobs[i + 1], (--set->n - i) * sizeof job);
    return job;
}

static void put(struct set *set, struct job job)
{
    set->jobs = mir_grow(set->jobs, &set->cap, set->n + 1, sizeof job);
    set->jobs[set->n++] = job;
}

/* One job comes or goes; sets wander around their typical size. */
static void step_once(struct mir_summary *s,
                      struct set *set,
                      bool running,
                      struct mir_rng *rng,
                      const struct shape *shape,
                      int64_t now)
{
    bool add = set->n == 0 || mir_rng_below(rng, 2 * shape->typical) >= set->n;
    struct job j = add ? draw(rng, shape, now) : take(set, rng, shape->from_the_front);

    if (add)
        put(set, j);
    if (add && running)
        mir_summary_add_running(s, j.limit_s, j.wait_s, j.at, j.n_nodes);
    else if (add)
        mir_summary_add_pending(s, j.limit_s, j.at, j.n_nodes);
    else if (running)
        mir_summary_remove_running(s, j.limit_s, j.wait_s, j.at, j.n_nodes);
    else
        mir_summary_remove_pending(s, j.limit_s, j.at, j.n_nodes);
}

static void try_shape(const struct shape *shape)
{
    struct mir_summary s = {0}, copy = {0};
    struct set sets[2] = {{0}, {0}};
    struct mir_rng rng;
    int64_t now = 1675209600;
    size_t look = shape->n_steps / 200 + 1;

    mir_rng_init(&rng, shape->seed);
    for (size_t i = 0; i < shape->n_steps; i++) {
        bool running = mir_rng_below(&rng, 2) == 1;

        now += (int64_t)mir_rng_below(&rng, 3) * 100;
        step_once(&s, &sets[running], running, &rng, shape, now);
        if (i % look != 0)
            continue;
        claim_right(&s, &sets[0], &sets[1], now, shape, i);
        mir_summary_copy(&copy, &s);
        if (mir_rng_below(&rng, 4) == 0) {
            struct mir_summary other = s;

            s = copy;
            copy = other;
        }
        claim_right(&s, &sets[0], &sets[1], now + 77, shape, i);
        claim_right(&copy, &sets[0], &sets[1], now, shape, i);
    }
    free(sets[0].jobs);
    free(sets[1].jobs);
    mir_summary_release(&s);
    mir_summary_release(&copy);
}

static void says_what_sorting_from_scratch_says(void **state)
{
    static const struct shape shapes[] = {
        {"hardly any", 1, 4000, 2, 3, 0, false},
        {"a queue, front first", 2, 20000, 50, 20, 0, true},
        {"a queue, any order", 3, 20000, 50, 20, 100000, false},
        {"one limit", 4, 20000, 60, 1, 0, false},
        {"all limits differ", 5, 20000, 200, 1000000, 3600, false},
        {"long", 6, 100000, 5000, 3000, 600, false},
        {"long, front first", 7, 100000, 3000, 3000, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        try_shape(&shapes[i]);
    for (uint64_t seed = 100; seed < 160; seed++) {
        struct shape small = {"small",      seed,           1000,         1 + seed % 9,
                              1 + seed % 5, seed % 2 * 500, seed % 3 == 0};

        try_shape(&small);
    }
}

/* numpy.percentile([60, 120, 120, 600, 3600, 172800], [0, 25, 50, 75, 100]) */
static void agrees_with_numpy(void **state)
{
    static const int32_t limits[] = {3600, 120, 172800, 60, 600, 120};
    static const double want[5] = {60, 120, 360, 2850, 172800};
    static const double want_wait[5] = {10, 22.5, 35, 47.5, 60};
    struct mir_jobs_summary pending, running;
    struct mir_summary s = {0};

    (void)state;
    for (int i = 0; i < 6; i++)
        mir_summary_add_pending(&s, limits[i], 1000 + 10 * i, 2);
    mir_summary_get(&s, 1060, &pending, &running);
    assert_int_equal(pending.n_jobs, 6);
    assert_int_equal(pending.n_nodes, 12);
    assert_int_equal(running.n_jobs, 0);
    for (int k = 0; k < 5; k++) {
        assert_true(pending.limit_s[k] == want[k]);
        assert_true(pending.wait_s[k] == want_wait[k]);
        assert_true(pending.elapsed_s[k] == 0 && running.limit_s[k] == 0);
    }
    mir_summary_release(&s);
}

static void empty_is_all_zero(void **state)
{
    static const struct mir_jobs_summary zero;
    struct mir_jobs_summary pending, running;
    struct mir_summary s = {0}, copy = {0};

    (void)state;
    memset(&pending, 0x55, sizeof pending);
    memset(&running, 0x55, sizeof running);
    mir_summary_add_running(&s, 60, 0, 1000, 1);
    mir_summary_copy(&copy, &s);
    mir_summary_remove_running(&s, 60, 0, 1000, 1);
    mir_summary_get(&s, 2000, &pending, &running);
    assert_memory_equal(&pending, &zero, sizeof zero);
    assert_memory_equal(&running, &zero, sizeof zero);
    mir_summary_clear(&copy);
    memset(&running, 0x55, sizeof running);
    mir_summary_get(&copy, 2000, &pending, &running);
    assert_memory_equal(&running, &zero, sizeof zero);
    mir_summary_release(&s);
    mir_summary_release(&copy);
    mir_summary_release(&copy);
}

static void a_cleared_summary_is_as_good_as_new(void **state)
{
    struct mir_jobs_summary pending, running;
    struct mir_summary s = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        mir_summary_add_pending(&s, 60 * i, i, 1);
    mir_summary_clear(&s);
    /* Far from the first times: the base follows. */
    mir_summary_add_pending(&s, 120, INT64_C(10000000000), 3);
    mir_summary_get(&s, INT64_C(10000000090), &pending, &running);
    assert_int_equal(pending.n_jobs, 1);
    assert_int_equal(pending.n_nodes, 3);
    assert_true(pending.limit_s[2] == 120);
    assert_true(pending.wait_s[0] == 90 && pending.wait_s[4] == 90);
    mir_summary_release(&s);
}

static void absurd_times_count_as_68_years_and_can_be_removed(void **state)
{
    static const int64_t absurd[] = {INT64_MIN, INT64_MAX, -INT64_C(1000000000000),
                                     INT64_C(1000000000000)};
    struct mir_jobs_summary pending, running;
    struct mir_summary s = {0};

    (void)state;
    mir_summary_add_pending(&s, 60, 1000, 1);
    for (size_t i = 0; i < 4; i++)
        mir_summary_add_pending(&s, 60, absurd[i], 1);
    mir_summary_get(&s, 1010, &pending, &running);
    assert_true(pending.wait_s[0] == 10.0 - INT32_MAX);
    assert_true(pending.wait_s[2] == 10);
    assert_true(pending.wait_s[4] == 10.0 + INT32_MAX);
    for (size_t i = 0; i < 4; i++)
        mir_summary_remove_pending(&s, 60, absurd[i], 1);
    mir_summary_get(&s, 1010, &pending, &running);
    assert_int_equal(pending.n_jobs, 1);
    assert_true(pending.wait_s[0] == 10 && pending.wait_s[4] == 10);
    mir_summary_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_sorting_from_scratch_says),
        cmocka_unit_test(agrees_with_numpy),
        cmocka_unit_test(empty_is_all_zero),
        cmocka_unit_test(a_cleared_summary_is_as_good_as_new),
        cmocka_unit_test(absurd_times_count_as_68_years_and_can_be_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
