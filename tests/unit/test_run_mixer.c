/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_run_mixer.c - what a book that mixes knows of one job beyond its shape: in worlds
 * in which run times hang on what the shape does not show.
 */
#include "models/run_time/mixer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/rng.h"
#include "daemon/host/job.h"

enum { HOUR = 3600, DAY = 86400 };

static const struct mir_run_shape usual = {.user = 1,
                                           .name = 1,
                                           .n_nodes = 4,
                                           .limit_s = 20 * HOUR};

struct world {
    struct mir_run_book *book;
    struct mir_rng rng;
    int64_t now;
    uint64_t id;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->book = mir_run_book_create();
    mir_run_book_mix(w->book);
    mir_rng_init(&w->rng, 1);
    w->now = 1700000000;
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    mir_run_book_destroy(w->book);
    free(w);
    return 0;
}

static struct mir_run_shape waited(struct mir_run_shape shape, int32_t waited_s)
{
    shape.waited_s = waited_s;
    return shape;
}

static uint64_t start(struct world *w, struct mir_run_shape shape)
{
    mir_run_book_start(w->book, ++w->id, &shape, w->now);
    mir_run_book_update(w->book, w->now);
    return w->id;
}

static void advance(struct world *w, double s)
{
    w->now += llround(s);
    mir_run_book_update(w->book, w->now);
}

static void end(struct world *w, uint64_t id)
{
    mir_run_book_end(w->book, id, w->now);
    mir_run_book_update(w->book, w->now);
}

/* One after another. */
static void run(struct world *w, struct mir_run_shape shape, double part_of_limit)
{
    uint64_t id = start(w, shape);

    advance(w, part_of_limit * shape.limit_s);
    end(w, id);
}

/* Is a job that starts now still running after this part of its limit? */
static double survives(struct world *w, struct mir_run_shape shape, double part_of_limit)
{
    const struct mir_run_curve *c = mir_run_book_job_curve(w->book, &shape, INT64_MAX);

    return mir_run_survival(c, 0, part_of_limit * shape.limit_s);
}

static double survives_by_shape(struct world *w, struct mir_run_shape shape, double part_of_limit)
{
    return mir_run_survival(mir_run_book_curve(w->book, &shape), 0, part_of_limit * shape.limit_s);
}

/* ---- what the shape does not show */

static void who_waited_long_runs_long_where_that_is_so(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 400; i++)
        run(w, waited(usual, 0), 0.01 + 0.04 * mir_rng_double(&w->rng));
    for (int i = 0; i < 400; i++) {
        run(w, waited(usual, 0), 0.01 + 0.04 * mir_rng_double(&w->rng));
        run(w, waited(usual, 6 * HOUR), 0.6 + 0.3 * mir_rng_double(&w->rng));
    }
    assert_true(survives(w, waited(usual, 0), 0.3) < 0.1);
    assert_true(survives(w, waited(usual, 6 * HOUR), 0.3) > 0.8);
    assert_true(fabs(survives_by_shape(w, usual, 0.3) - 0.5) < 0.1);
}

static void the_last_runs_tell_the_next(void **state)
{
    struct world *w = *state;

    for (int block = 0; block < 60; block++)
        for (int i = 0; i < 10; i++)
            run(w, usual, (block % 2 == 0 ? 0.02 : 0.8) + 0.1 * mir_rng_double(&w->rng));
    assert_true(survives(w, usual, 0.5) > 0.6);
    for (int i = 0; i < 3; i++)
        run(w, usual, 0.05);
    assert_true(survives(w, usual, 0.5) < survives_by_shape(w, usual, 0.5) - 0.05);
}

/* Four at once; stillborn ones end at once as well, and the others get four more. */
static void run_batch(struct world *w, bool stillborn, double *just_begun, double *later)
{
    uint64_t ids[8];
    int n = stillborn ? 4 : 8;

    for (int i = 0; i < 4; i++)
        ids[i] = start(w, usual);
    *just_begun = survives(w, usual, 0.5);
    advance(w, 0.01 * usual.limit_s);
    *later = survives(w, usual, 0.5);
    for (int i = 4; i < n; i++)
        ids[i] = start(w, usual);
    advance(w, stillborn ? 0 : 0.8 * usual.limit_s);
    for (int i = 0; i < n; i++)
        end(w, ids[i]);
}

static void siblings_that_live_speak_for_the_next(void **state)
{
    struct world *w = *state;
    double just_begun = 0, later = 0;

    for (int batch = 0; batch < 300; batch++) {
        bool stillborn = mir_rng_double(&w->rng) < 0.5;
        double at_first, then;

        run_batch(w, stillborn, &at_first, &then);
        just_begun += batch >= 200 ? at_first / 100 : 0;
        later += batch >= 200 ? then / 100 : 0;
    }
    assert_true(just_begun < 0.75);
    assert_true(later > just_begun + 0.1);
}

/* What somebody's jobs of a limit did is no word on his others, nor on another's. */
static void others_are_left_as_they_are(void **state)
{
    struct world *w = *state;
    struct mir_run_shape other = usual, longer = usual;

    other.user = other.name = 2;
    longer.limit_s = 10 * usual.limit_s;
    for (int i = 0; i < 200; i++) {
        run(w, usual, 0.05);
        run(w, other, 0.9);
    }
    assert_true(survives(w, usual, 0.5) < 0.05);
    assert_true(survives(w, other, 0.5) > 0.95);
    assert_true(survives(w, longer, 0.05) > survives(w, usual, 0.5));
}

/* Log loss of where in its limit each job ends, in a world with all of that and noise. */
static void mixing_foretells_better_than_pooling(void **state)
{
    struct world *w = *state;
    double pooled = 0, mixed = 0;

    for (int i = 0; i < 3000; i++) {
        struct mir_run_shape shape = usual;
        double mean, part, s;

        shape.user = 1 + (uint32_t)mir_rng_below(&w->rng, 5);
        shape.waited_s = mir_rng_double(&w->rng) < 0.5 ? 0 : 4 * HOUR;
        mean = (shape.waited_s > 0 ? 0.5 : 0.1) * (i / 100 % 3 == (int)shape.user % 3 ? 1 : 0.2);
        part = fmin(mean * mir_rng_exponential(&w->rng), 1);
        s = survives(w, shape, 0.1);
        mixed -= i < 500 ? 0 : log(part > 0.1 ? s : 1 - s);
        s = survives_by_shape(w, shape, 0.1);
        pooled -= i < 500 ? 0 : log(part > 0.1 ? s : 1 - s);
        run(w, shape, part);
    }
    if (!(mixed < 0.9 * pooled))
        fail_msg("log loss %.1f mixed, %.1f pooled", mixed, pooled);
}

/* ---- one job */

/* Who has run for a while is no longer one of those who end early. */
static void what_a_job_has_survived_counts(void **state)
{
    struct world *w = *state;
    const struct mir_run_curve *c;
    int64_t start_at;

    for (int i = 0; i < 300; i++)
        run(w, usual, mir_rng_double(&w->rng) < 0.5 ? 0.05 : 0.8);
    start_at = w->now;
    start(w, usual);
    advance(w, 0.2 * usual.limit_s);
    c = mir_run_book_job_curve(w->book, &usual, start_at);
    assert_true(mir_run_survival(c, 0.2 * usual.limit_s, 0.3 * usual.limit_s) > 0.9);
    assert_true(survives(w, usual, 0.5) < 0.7);
}

static void a_job_whose_end_nobody_told_teaches_nothing(void **state)
{
    struct world *w = *state;
    double before;

    run(w, usual, 0.5);
    before = survives(w, usual, 0.3);
    start(w, usual);
    advance(w, usual.limit_s + MIR_RUN_LOST_S + 1);
    assert_int_equal(mir_run_book_running(w->book), 0);
    assert_true(survives(w, usual, 0.3) == before);
}

/* ---- as the book answers */

static void assert_same_curve(const struct mir_run_curve *a, const struct mir_run_curve *b)
{
    assert_memory_equal(a->hazard_sum, b->hazard_sum, sizeof(a->hazard_sum));
    assert_int_equal(a->limit_s, b->limit_s);
}

static void a_book_that_does_not_mix_answers_by_shape(void **state)
{
    struct mir_run_book *plain = mir_run_book_create();
    struct mir_run_curve c;

    (void)state;
    mir_run_book_start(plain, 1, &usual, 1000);
    mir_run_book_end(plain, 1, 5000);
    mir_run_book_update(plain, 6000);
    c = *mir_run_book_curve(plain, &usual);
    assert_same_curve(mir_run_book_job_curve(plain, &usual, INT64_MAX), &c);
    mir_run_book_destroy(plain);
}

static void a_job_without_a_limit_is_answered_by_shape(void **state)
{
    struct world *w = *state;
    const int32_t none[] = {MIR_UNLIMITED, MIR_UNKNOWN, 0};

    for (int i = 0; i < 3; i++) {
        struct mir_run_shape endless = usual;
        struct mir_run_curve c;

        endless.limit_s = none[i];
        run(w, waited(usual, 0), 0.1);
        end(w, start(w, endless));
        c = *mir_run_book_curve(w->book, &endless);
        assert_same_curve(mir_run_book_job_curve(w->book, &endless, INT64_MAX), &c);
    }
}

static void shape_alone_is_answered_as_without_mixing(void **state)
{
    struct world *w = *state, plain = {.book = mir_run_book_create(), .now = w->now};
    struct mir_run_curve c;

    for (int i = 0; i < 50; i++) {
        double part = mir_rng_double(&w->rng);

        run(w, usual, part);
        run(&plain, usual, part);
    }
    c = *mir_run_book_curve(plain.book, &usual);
    assert_same_curve(mir_run_book_curve(w->book, &usual), &c);
    mir_run_book_destroy(plain.book);
}

/* Hazards add up, nothing is left of the limit, and no number is none: limits of all lengths. */
static void every_curve_is_one(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 2000; i++) {
        struct mir_run_shape shape = {
            .user = (uint32_t)mir_rng_below(&w->rng, 4),
            .name = (uint32_t)mir_rng_below(&w->rng, 3),
            .n_nodes = 1 + (uint32_t)mir_rng_below(&w->rng, 5000),
            .limit_s = 1 + (int32_t)mir_rng_below(&w->rng, i % 2 ? 60 : 60 * DAY),
            .waited_s = (int32_t)mir_rng_below(&w->rng, 90 * DAY)};
        struct mir_run_curve c = *mir_run_book_job_curve(w->book, &shape, INT64_MAX);
        double left_s = mir_run_expected_left_s(&c, 0);

        assert_int_equal(c.limit_s, shape.limit_s);
        assert_true(c.hazard_sum[0] == 0);
        for (int b = 1; b < MIR_RUN_BINS; b++)
            assert_true(c.hazard_sum[b] >= c.hazard_sum[b - 1]);
        assert_true(c.hazard_sum[MIR_RUN_BINS] >= 0 && isfinite(c.hazard_sum[MIR_RUN_BINS]));
        assert_true(left_s > 0 && left_s <= shape.limit_s);
        run(w, shape, mir_rng_double(&w->rng));
    }
}

static void same_told_same_curve(void **state)
{
    struct world *w = *state, again = {.book = mir_run_book_create(), .now = w->now};
    struct mir_run_curve c;

    mir_run_book_mix(again.book);
    for (int i = 0; i < 300; i++) {
        struct mir_run_shape shape = waited(usual, i % 7 * HOUR);
        double part = mir_rng_double(&w->rng);

        run(w, shape, part);
        run(&again, shape, part);
    }
    c = *mir_run_book_job_curve(again.book, &usual, INT64_MAX);
    assert_same_curve(mir_run_book_job_curve(w->book, &usual, INT64_MAX), &c);
    mir_run_book_destroy(again.book);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_waited_long_runs_long_where_that_is_so),
        TEST(the_last_runs_tell_the_next),
        TEST(siblings_that_live_speak_for_the_next),
        TEST(others_are_left_as_they_are),
        TEST(mixing_foretells_better_than_pooling),
        TEST(what_a_job_has_survived_counts),
        TEST(a_job_whose_end_nobody_told_teaches_nothing),
        TEST(a_book_that_does_not_mix_answers_by_shape),
        TEST(a_job_without_a_limit_is_answered_by_shape),
        TEST(shape_alone_is_answered_as_without_mixing),
        TEST(every_curve_is_one),
        TEST(same_told_same_curve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
