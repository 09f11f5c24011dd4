/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_habits.c - what is learned from jobs whose habits are known. */
#include "models/lookahead/habits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "daemon/core/rng.h"

enum { HOUR = 3600, T0 = 1675209600, LIMIT = 1000 * HOUR };

static const uint64_t SEED = 42;

/* A book that hears of jobs of one shape, and draws how long they run. */
struct world {
    struct mir_run_book *runs;
    struct mir_habit_book *book;
    const struct mir_run_curve *curve;
    struct mir_run_shape shape;
    struct mir_rng rng;
    uint64_t next;
    int64_t last_end_at;
};

static void open_world(struct world *w)
{
    printf("# seed %u\n", (unsigned)SEED);
    *w = (struct world){.shape = {1, 1, 1, LIMIT, 0}};
    w->runs = mir_run_book_create();
    w->book = mir_habit_book_create();
    w->curve = mir_run_book_curve(w->runs, &w->shape);
    mir_rng_init(&w->rng, SEED);
}

static void close_world(struct world *w)
{
    mir_habit_book_destroy(w->book);
    mir_run_book_destroy(w->runs);
}

/* Each job has a name of its own, unless it is given one. */
static uint64_t start(struct world *w, uint32_t name, double waited_h, int64_t at)
{
    uint64_t id = ++w->next;

    w->shape.name = name != 0 ? name : 1000 + (uint32_t)id;
    mir_habit_book_start(w->book, id, &w->shape, w->curve, at - (int64_t)(waited_h * HOUR), at);
    return id;
}

static void end(struct world *w, uint64_t id, int64_t start_at, double run_s)
{
    int64_t at = start_at + (int64_t)ceil(run_s);

    mir_habit_book_end(w->book, id, at);
    w->last_end_at = at > w->last_end_at ? at : w->last_end_at;
}

/* At level `p` of the book's distribution, its hazards times `hazard`. */
static double run_at(const struct world *w, double p, double hazard)
{
    return mir_run_quantile_left_s(w->curve, 0, -expm1(log1p(-p) / hazard));
}

/* `n` jobs that waited so long and run with hazards so high. */
static void live_through(struct world *w, unsigned n, double waited_h, double hazard)
{
    for (unsigned i = 0; i < n; i++) {
        int64_t at = T0 + (int64_t)w->next * HOUR;
        uint64_t id = start(w, 0, waited_h, at);

        end(w, id, at, run_at(w, mir_rng_double(&w->rng), hazard));
    }
}

static struct mir_habits learned(const struct world *w)
{
    struct mir_habits h;

    mir_habit_book_get(w->book, w->last_end_at, &h);
    return h;
}

static void assumes_what_it_is_told_to_at_first(void **state)
{
    struct mir_habits first, h;
    struct world w;

    (void)state;
    open_world(&w);
    mir_habits_init(&first);
    h = learned(&w);
    assert_float_equal(h.waiting_hazard, first.waiting_hazard, 1e-9);
    assert_float_equal(h.kinship, first.kinship, 1e-9);
    close_world(&w);
}

static void learns_how_much_longer_runs_who_waits(void **state)
{
    struct world w;

    (void)state;
    for (double hazard = 0.4; hazard < 2; hazard *= 2) {
        open_world(&w);
        w.shape.n_nodes = 8;
        w.shape.limit_s = LIMIT;
        live_through(&w, 2000, 4, hazard);
        assert_true(fabs(learned(&w).waiting_hazard - hazard) < 0.1 * hazard);
        close_world(&w);
    }
}

static void who_did_not_wait_says_nothing_of_who_does(void **state)
{
    struct mir_habits first, h;
    struct world w;

    (void)state;
    open_world(&w);
    mir_habits_init(&first);
    live_through(&w, 1000, 0, 3);
    h = learned(&w);
    assert_float_equal(h.waiting_hazard, first.waiting_hazard, 1e-9);
    close_world(&w);
}

static void a_job_that_still_runs_counts_for_as_long_as_it_has(void **state)
{
    struct mir_habits early, late;
    struct world w;

    (void)state;
    open_world(&w);
    for (unsigned i = 0; i < 200; i++)
        start(&w, 0, 10, T0);
    mir_habit_book_get(w.book, T0, &early);
    mir_habit_book_get(w.book, T0 + 100 * HOUR, &late);
    assert_float_equal(early.waiting_hazard, 0.75, 1e-9);
    assert_true(late.waiting_hazard < 0.3);
    close_world(&w);
}

/* Cut at the median: half of them would have run on. */
static void a_job_that_its_limit_cut_has_not_ended_by_itself(void **state)
{
    struct world w;
    double median_s;

    (void)state;
    open_world(&w);
    median_s = run_at(&w, 0.5, 1);
    w.shape.limit_s = (int32_t)ceil(median_s);
    w.shape.n_nodes = 1000; /* so that short limits weigh something */
    for (unsigned i = 0; i < 2000; i++) {
        int64_t at = T0 + i * HOUR;
        uint64_t id = start(&w, 0, 10, at);

        end(&w, id, at, fmin(run_at(&w, mir_rng_double(&w.rng), 1), w.shape.limit_s));
    }
    assert_float_equal(learned(&w).waiting_hazard, 1, 0.1);
    close_world(&w);
}

/* Pairs of kin that waited together and run alike with a probability. */
static double kinship_of_pairs(double alike, double waited_h)
{
    double kinship;
    struct world w;

    open_world(&w);
    for (uint32_t i = 0; i < 2000; i++) {
        int64_t at = T0 + i * 24 * HOUR;
        uint64_t a = start(&w, i + 1, waited_h, at), b = start(&w, i + 1, waited_h, at + HOUR);
        double p = mir_rng_double(&w.rng);
        double q = mir_rng_double(&w.rng) < alike ? p : mir_rng_double(&w.rng);

        end(&w, a, at, run_at(&w, p, 1));
        end(&w, b, at + HOUR, run_at(&w, q, 1));
    }
    kinship = learned(&w).kinship;
    close_world(&w);
    return kinship;
}

static void learns_how_alike_kin_run(void **state)
{
    (void)state;
    assert_true(kinship_of_pairs(0, 4) < 0.25);
    assert_float_equal(kinship_of_pairs(0.5, 4), sqrt(0.5), 0.06);
    assert_true(kinship_of_pairs(1, 4) > 0.98);
}

static void kin_that_did_not_wait_together_are_no_pair(void **state)
{
    struct mir_habits first;

    (void)state;
    mir_habits_init(&first);
    assert_float_equal(kinship_of_pairs(0, 0.5), first.kinship, 1e-9);
}

static void forgets_what_is_long_past(void **state)
{
    struct world w;

    (void)state;
    open_world(&w);
    w.shape.n_nodes = 4;
    live_through(&w, MIR_HABIT_MEMORY, 4, 0.3);
    live_through(&w, MIR_HABIT_MEMORY, 4, 1.5);
    assert_float_equal(learned(&w).waiting_hazard, 1.5, 0.1);
    live_through(&w, MIR_HABIT_MEMORY / 2, 4, 1.5); /* and when there is no room for more */
    assert_float_equal(learned(&w).waiting_hazard, 1.5, 0.1);
    mir_habit_book_end(w.book, 1, T0 + HOUR); /* nobody knows it any more */
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assumes_what_it_is_told_to_at_first),
        cmocka_unit_test(learns_how_much_longer_runs_who_waits),
        cmocka_unit_test(who_did_not_wait_says_nothing_of_who_does),
        cmocka_unit_test(a_job_that_still_runs_counts_for_as_long_as_it_has),
        cmocka_unit_test(a_job_that_its_limit_cut_has_not_ended_by_itself),
        cmocka_unit_test(learns_how_alike_kin_run),
        cmocka_unit_test(kin_that_did_not_wait_together_are_no_pair),
        cmocka_unit_test(forgets_what_is_long_past),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
