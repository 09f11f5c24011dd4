/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_run_book.c - what the book learns, against truths that are simple enough to
 * know; what it forgets; and its arithmetic against plain numeric integration.
 */
#include "models/run_time/book.h"

#include <inttypes.h>
#include <malloc.h>
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

enum { HOUR = 3600, DAY = 86400, NOW = 1700000000 };

static const struct mir_run_shape usual = {.user = 1,
                                           .name = 1,
                                           .n_nodes = 4,
                                           .limit_s = 48 * HOUR};

static int set_up(void **state)
{
    *state = mir_run_book_create();
    return 0;
}

static int tear_down(void **state)
{
    mir_run_book_destroy(*state);
    return 0;
}

/* A job that ran for `run_s` and ended before NOW. */
static void run(struct mir_run_book *book, const struct mir_run_shape *shape, double run_s)
{
    static uint64_t id;

    mir_run_book_start(book, ++id, shape, NOW - 30 * DAY);
    mir_run_book_end(book, id, NOW - 30 * DAY + (int64_t)llround(run_s));
}

static void run_exponential(struct mir_run_book *book,
                            const struct mir_run_shape *shape,
                            int n,
                            double mean_s,
                            uint64_t seed)
{
    struct mir_rng rng;

    mir_rng_init(&rng, seed);
    for (int i = 0; i < n; i++)
        run(book, shape, fmin(shape->limit_s, mean_s * mir_rng_exponential(&rng)));
    mir_run_book_update(book, NOW);
}

static struct mir_run_curve curve_of(struct mir_run_book *book, const struct mir_run_shape *shape)
{
    return *mir_run_book_curve(book, shape);
}

static void assert_about(double value, double truth, double tolerance)
{
    if (!(fabs(value - truth) <= tolerance))
        fail_msg("%g, not %g +- %g", value, truth, tolerance);
}

/* ---- Simple truths */

static void before_anything_is_known_half_of_all_jobs_end_within_six_hours(void **state)
{
    struct mir_run_curve c = curve_of(*state, &usual);

    assert_about(mir_run_survival(&c, 0, 6 * HOUR), 0.5, 0.05);
    assert_true(mir_run_expected_left_s(&c, 0) > 6 * HOUR);
    assert_true(mir_run_expected_left_s(&c, 12 * HOUR) > mir_run_expected_left_s(&c, 0));
}

/* The last 400 of 4000 count: a share of them is known to 2.5 %, a mean to 5 %. */
static void an_exponential_is_learned_as_one(void **state)
{
    struct mir_run_curve c;

    run_exponential(*state, &usual, 4000, 3 * HOUR, 1);
    c = curve_of(*state, &usual);
    for (double h = 0.5; h <= 12; h += 0.5)
        assert_about(mir_run_survival(&c, 0, h * HOUR), exp(-h / 3), 0.05);
    assert_about(mir_run_expected_left_s(&c, 0), 3 * HOUR, 0.3 * HOUR);
    assert_about(mir_run_expected_left_s(&c, 4 * HOUR), 3 * HOUR, 0.45 * HOUR);
    assert_about(mir_run_quantile_left_s(&c, 0, 0.5), 3 * HOUR * log(2), 0.3 * HOUR);
}

static void who_always_meets_the_limit_does_so_again(void **state)
{
    const struct mir_run_shape other = {.user = 2, .name = 2, .n_nodes = 4, .limit_s = 12 * HOUR};
    struct mir_run_shape his = other;
    struct mir_run_curve c;

    his.user = 1;
    run_exponential(*state, &other, 500, HOUR, 2);
    for (int i = 0; i < 200; i++)
        run(*state, &his, his.limit_s);
    mir_run_book_update(*state, NOW);
    c = curve_of(*state, &his);
    assert_true(mir_run_survival(&c, 0, 11.9 * HOUR) > 0.9);
    assert_about(mir_run_expected_left_s(&c, 0), 12 * HOUR, 0.5 * HOUR);
    c = curve_of(*state, &other);
    assert_true(mir_run_survival(&c, 0, 11.9 * HOUR) < 0.05);
    assert_about(mir_run_expected_left_s(&c, 0), HOUR, 0.2 * HOUR);
}

/* A limit ends a job at the limit; of how long the work would have taken it tells nothing. */
static void what_a_limit_cut_off_did_not_end_by_itself(void **state)
{
    const struct mir_run_shape cut = {.user = 1, .n_nodes = 1, .limit_s = 4 * HOUR};
    const struct mir_run_shape longer = {.user = 1, .n_nodes = 1, .limit_s = 8 * HOUR};
    struct mir_run_curve c;

    for (int i = 0; i < 300; i++)
        run(*state, &cut, cut.limit_s - i % 60); /* or just before, on the signal */
    mir_run_book_update(*state, NOW);
    c = curve_of(*state, &longer);
    assert_true(mir_run_survival(&c, 0, 4.5 * HOUR) > 0.9);
}

static void a_short_limit_does_not_make_every_end_its_own(void **state)
{
    const struct mir_run_shape quick = {.user = 1, .n_nodes = 1, .limit_s = 60};
    struct mir_run_curve c;

    for (int i = 0; i < 300; i++)
        run(*state, &quick, 5);
    mir_run_book_update(*state, NOW);
    c = curve_of(*state, &quick);
    assert_true(mir_run_survival(&c, 0, 30) < 0.2);
}

/* "sleep 3600" runs to an edge of the grid, and no time in the bin that begins there. */
static void a_job_that_ends_where_a_bin_begins_has_ended(void **state)
{
    struct mir_run_curve c;

    for (int i = 0; i < 200; i++)
        run(*state, &usual, HOUR);
    mir_run_book_update(*state, NOW);
    c = curve_of(*state, &usual);
    assert_true(mir_run_survival(&c, 0, 0.99 * HOUR) > 0.9);
    assert_true(mir_run_survival(&c, 0, 1.5 * HOUR) < 0.05);
}

static void jobs_that_still_run_lengthen_the_estimate(void **state)
{
    struct mir_run_curve before, after;

    for (int i = 0; i < 20; i++)
        run(*state, &usual, 0.1 * HOUR);
    mir_run_book_update(*state, NOW);
    before = curve_of(*state, &usual);
    for (uint64_t id = 1000000; id < 1000020; id++)
        mir_run_book_start(*state, id, &usual, NOW - 10 * HOUR);
    mir_run_book_update(*state, NOW);
    after = curve_of(*state, &usual);
    /* Half of them are over after 6 min; the others have run for 10 h. */
    assert_true(mir_run_survival(&before, 0, 5 * HOUR) < 0.3);
    assert_true(mir_run_survival(&after, 0, 5 * HOUR) > 0.4);
    assert_true(mir_run_survival(&after, HOUR, 5 * HOUR) > 0.8);
    assert_int_equal(mir_run_book_running(*state), 20);
}

/* What was at risk while it ran is at risk once: as a job that has ended. */
static void a_job_that_has_ended_runs_no_more(void **state)
{
    struct mir_run_book *other = mir_run_book_create();
    struct mir_run_curve watched, told_at_once;

    mir_run_book_start(*state, 1, &usual, NOW - 40 * HOUR);
    mir_run_book_update(*state, NOW - HOUR);
    mir_run_book_end(*state, 1, NOW);
    mir_run_book_update(*state, NOW);
    mir_run_book_start(other, 1, &usual, NOW - 40 * HOUR);
    mir_run_book_end(other, 1, NOW);
    mir_run_book_update(other, NOW);
    watched = curve_of(*state, &usual);
    told_at_once = curve_of(other, &usual);
    assert_memory_equal(&watched, &told_at_once, sizeof watched);
    mir_run_book_destroy(other);
}

/*
 * The crowd's jobs end within 4 h on the average.  His eight ran for 12 h, at each of
 * three levels as many as the prior is worth: the hazard is halved three times.
 */
static void a_prior_is_worth_eight_jobs(void **state)
{
    const struct mir_run_shape crowd = {.user = 2, .n_nodes = 4, .limit_s = 12 * HOUR};
    struct mir_run_shape his = crowd;

    his.user = 1;
    run_exponential(*state, &crowd, 4000, 4 * HOUR, 15);
    for (int i = 0; i < 8; i++)
        run(*state, &his, his.limit_s);
    mir_run_book_update(*state, NOW);
    assert_about(mir_run_survival(mir_run_book_curve(*state, &his), 0, 6 * HOUR), exp(-6.0 / 4 / 8),
                 0.03);
}

/* Many shapes of jobs by nobody, asked for again and again. */
static void what_shapes_have_in_common_is_not_mixed_up(void **state)
{
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < 400 * 100; i++) {
            struct mir_run_shape shape = {.n_nodes = 1, .limit_s = (1 + i % 100) * HOUR};

            run(*state, &shape, shape.limit_s / 10.0 * round);
        }
        mir_run_book_update(*state, NOW);
        for (int i = 0; i < 300; i++) {
            struct mir_run_shape shape = {.n_nodes = 1, .limit_s = (1 + i * 37 % 100) * HOUR};
            double truth_s = shape.limit_s / 10.0 * round;

            assert_about(mir_run_quantile_left_s(mir_run_book_curve(*state, &shape), 0, 0.5),
                         truth_s, 0.3 * truth_s);
        }
    }
}

static void a_new_user_runs_as_the_crowd_does(void **state)
{
    struct mir_run_shape nobody = usual, unknown = usual;
    struct mir_run_curve crowd, new_user, known;

    nobody.user = 77;
    nobody.name = 78;
    unknown.user = 0;
    run_exponential(*state, &usual, 300, HOUR, 3);
    crowd = curve_of(*state, &unknown);
    new_user = curve_of(*state, &nobody);
    known = curve_of(*state, &usual);
    assert_memory_equal(&new_user, &crowd, sizeof crowd);
    assert_memory_not_equal(&known, &crowd, sizeof crowd);
}

static void each_level_speaks_before_the_next(void **state)
{
    struct mir_run_shape other_limit = usual, other_name = usual, all = usual;

    all.user = 2;
    other_limit.limit_s = 24 * HOUR;
    other_name.name = 9;
    run_exponential(*state, &all, 1000, 8 * HOUR, 4);
    run_exponential(*state, &usual, 400, 0.5 * HOUR, 5);
    double crowd_s = mir_run_expected_left_s(mir_run_book_curve(*state, &all), 0);
    double user_s = mir_run_expected_left_s(mir_run_book_curve(*state, &other_limit), 0);
    double limit_s = mir_run_expected_left_s(mir_run_book_curve(*state, &other_name), 0);
    double name_s = mir_run_expected_left_s(mir_run_book_curve(*state, &usual), 0);

    assert_true(crowd_s > 3 * user_s);
    assert_true(user_s > limit_s && limit_s > name_s);
    assert_about(name_s, 0.5 * HOUR, 0.1 * HOUR);
}

static void old_jobs_fade(void **state)
{
    run_exponential(*state, &usual, 2000, 10 * HOUR, 6);
    run_exponential(*state, &usual, 2000, HOUR, 7);
    assert_about(mir_run_expected_left_s(mir_run_book_curve(*state, &usual), 0), HOUR, 0.2 * HOUR);
}

/* ---- What it is told */

static void nothing_changes_between_updates(void **state)
{
    struct mir_run_curve before, after;

    run_exponential(*state, &usual, 50, HOUR, 8);
    before = curve_of(*state, &usual);
    for (int i = 0; i < 100; i++)
        run(*state, &usual, 40 * HOUR);
    after = curve_of(*state, &usual);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(mir_run_book_ends(*state), 50);
    mir_run_book_update(*state, NOW);
    after = curve_of(*state, &usual);
    assert_memory_not_equal(&before, &after, sizeof before);
    assert_int_equal(mir_run_book_ends(*state), 150);
}

static void what_is_told_twice_counts_once(void **state)
{
    struct mir_run_book *book = *state;

    mir_run_book_end(book, 7, NOW); /* it never started */
    mir_run_book_start(book, 8, &usual, NOW - HOUR);
    mir_run_book_start(book, 8, &usual, NOW - 2 * HOUR);
    mir_run_book_update(book, NOW);
    assert_int_equal(mir_run_book_running(book), 1);
    assert_int_equal(mir_run_book_ends(book), 0);
    mir_run_book_end(book, 8, NOW);
    mir_run_book_end(book, 8, NOW);
    mir_run_book_update(book, NOW);
    assert_int_equal(mir_run_book_running(book), 0);
    assert_int_equal(mir_run_book_ends(book), 1);
    mir_run_book_start(book, 8, &usual, NOW); /* the id is used again */
    mir_run_book_update(book, NOW);
    assert_int_equal(mir_run_book_running(book), 1);
}

/* Starts and ends in a random order, with a list of who runs kept beside. */
static void knows_who_runs_whatever_the_order(void **state)
{
    bool running[500] = {false};
    size_t n_running = 0, n_ends = 0;
    struct mir_rng rng;

    mir_rng_init(&rng, 9);
    for (int i = 0; i < 20000; i++) {
        uint64_t id = mir_rng_below(&rng, 500);

        if (running[id])
            mir_run_book_end(*state, id << 40, NOW);
        else
            mir_run_book_start(*state, id << 40, &usual, NOW - 100);
        n_ends += running[id];
        running[id] = !running[id];
        n_running += running[id] ? 1 : (size_t)-1;
        if (mir_rng_below(&rng, 50) == 0) {
            mir_run_book_update(*state, NOW);
            assert_int_equal(mir_run_book_running(*state), n_running);
            assert_int_equal(mir_run_book_ends(*state), n_ends);
        }
    }
}

/* ---- Years */

static struct mir_run_shape shape_of_user(uint32_t user)
{
    return (struct mir_run_shape){.user = user, .name = user, .n_nodes = 1, .limit_s = 10 * HOUR};
}

/* `n` users who each come twice and never again. */
static void flood(struct mir_run_book *book, uint32_t first, uint32_t n)
{
    for (uint32_t user = first; user < first + n; user++) {
        struct mir_run_shape shape = shape_of_user(user);

        run(book, &shape, HOUR);
        run(book, &shape, HOUR);
        if (user % 1000 == 0)
            mir_run_book_update(book, NOW);
    }
    mir_run_book_update(book, NOW);
}

static void a_book_of_years_stays_of_a_size(void **state)
{
    double mean_s;

    for (uint32_t i = 0; i < 20; i++) {
        flood(*state, 1000 + i * 10000, 10000);
        assert_true(mir_run_book_keys(*state) <= MIR_RUN_KEYS_MAX);
    }
    assert_int_equal(mir_run_book_ends(*state), 400000);
    /* The crowd's own key is used by every job and never goes. */
    struct mir_run_shape unknown = {.n_nodes = 64, .limit_s = 9 * HOUR};
    mean_s = mir_run_expected_left_s(mir_run_book_curve(*state, &unknown), 0);
    assert_about(mean_s, HOUR, 0.3 * HOUR);
}

static void what_is_forgotten_is_what_nobody_used(void **state)
{
    struct mir_run_shape gone = shape_of_user(1), runs = shape_of_user(2), back = shape_of_user(3);
    struct mir_run_shape newcomer = shape_of_user(4);
    struct mir_run_curve c, crowd;

    for (int i = 0; i < 100; i++) {
        run(*state, &gone, gone.limit_s);
        run(*state, &runs, runs.limit_s);
        run(*state, &back, back.limit_s);
    }
    mir_run_book_start(*state, 1ull << 50, &runs, NOW - HOUR);
    for (uint32_t i = 0; i < 10; i++) {
        flood(*state, 1000 + i * 5000, 5000);
        run(*state, &back, back.limit_s);
    }
    mir_run_book_update(*state, NOW);
    crowd = curve_of(*state, &newcomer);
    c = curve_of(*state, &gone);
    assert_memory_equal(&c, &crowd, sizeof c);
    c = curve_of(*state, &runs);
    assert_true(mir_run_survival(&c, 0, 9 * HOUR) > 0.8);
    c = curve_of(*state, &back);
    assert_true(mir_run_survival(&c, 0, 9 * HOUR) > 0.8);
}

/* Other shapes at every look, for years: those of one look make room for those of the next. */
static void curves_that_nobody_asks_for_any_more_take_no_memory(void **state)
{
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;

    for (uint32_t i = 1; i <= 100000; i++) {
        struct mir_run_shape shape = shape_of_user(i);

        (void)mir_run_book_curve(*state, &shape);
        if (i % 50 == 0)
            mir_run_book_update(*state, NOW);
    }
    assert_true(mallinfo2().uordblks + mallinfo2().hblkhd < before + 200000);
}

/* More jobs run than there are keys to keep: none of theirs may go. */
static void a_machine_with_more_running_jobs_than_keys_is_no_reason_to_forget(void **state)
{
    const uint32_t n = 3 * MIR_RUN_KEYS_MAX / 4;

    for (uint32_t user = 1; user <= n; user++) {
        struct mir_run_shape shape = shape_of_user(user);

        mir_run_book_start(*state, user, &shape, NOW - HOUR);
    }
    mir_run_book_update(*state, NOW);
    assert_int_equal(mir_run_book_keys(*state), 2 + 3 * n);
    for (uint32_t user = 1; user <= n; user++)
        mir_run_book_end(*state, user, NOW);
    flood(*state, n + 1, n);
    assert_int_equal(mir_run_book_running(*state), 0);
    assert_true(mir_run_book_keys(*state) <= 2 * (2 + 3 * n));
    flood(*state, 2 * n + 1, 4 * n);
    assert_true(mir_run_book_keys(*state) <= MIR_RUN_KEYS_MAX);
}

static void how_it_is_cut_into_updates_does_not_matter(void **state)
{
    struct mir_run_book *whole = mir_run_book_create();
    struct mir_rng rng;

    mir_rng_init(&rng, 10);
    for (uint64_t id = 0; id < 60000; id++) {
        struct mir_run_shape shape = shape_of_user(1 + (uint32_t)mir_rng_below(&rng, 20000));
        int64_t start_at = NOW - 20 * DAY + (int64_t)id * 20;
        int64_t end_at = start_at + (int64_t)mir_rng_below(&rng, 10 * HOUR);

        mir_run_book_start(*state, id, &shape, start_at);
        mir_run_book_start(whole, id, &shape, start_at);
        if (id % 7 != 0 || id < 50000) {
            mir_run_book_end(*state, id, end_at);
            mir_run_book_end(whole, id, end_at);
        }
        if (mir_rng_below(&rng, 100) == 0)
            mir_run_book_update(*state, end_at);
    }
    mir_run_book_update(*state, NOW - 6 * DAY);
    mir_run_book_update(whole, NOW - 6 * DAY);
    assert_int_equal(mir_run_book_keys(*state), mir_run_book_keys(whole));
    for (uint32_t user = 1; user <= 20000; user++) {
        struct mir_run_shape shape = shape_of_user(user);
        struct mir_run_curve a = curve_of(*state, &shape), b = curve_of(whole, &shape);

        assert_memory_equal(&a, &b, sizeof a);
    }
    mir_run_book_destroy(whole);
}

static void a_job_whose_end_nobody_told_is_forgotten(void **state)
{
    struct mir_run_shape unlimited = usual;

    unlimited.limit_s = MIR_UNLIMITED;
    mir_run_book_start(*state, 1, &usual, NOW);
    mir_run_book_start(*state, 2, &unlimited, NOW);
    mir_run_book_update(*state, NOW + usual.limit_s + MIR_RUN_LOST_S);
    assert_int_equal(mir_run_book_running(*state), 2);
    mir_run_book_update(*state, NOW + usual.limit_s + MIR_RUN_LOST_S + 1);
    assert_int_equal(mir_run_book_running(*state), 1);
    mir_run_book_update(*state, NOW + 400 * (int64_t)DAY);
    assert_int_equal(mir_run_book_running(*state), 0);
    assert_int_equal(mir_run_book_ends(*state), 0);
    mir_run_book_end(*state, 1, NOW + 401 * (int64_t)DAY); /* too late to be learned from */
    mir_run_book_update(*state, NOW + 401 * (int64_t)DAY);
    assert_int_equal(mir_run_book_ends(*state), 0);
}

/* ---- Arithmetic */

/* A book that has learned something odd, for curves of all forms. */
static void learn_at_random(struct mir_run_book *book, struct mir_rng *rng)
{
    for (int i = 0; i < 200; i++) {
        struct mir_run_shape shape = shape_of_user(1 + (uint32_t)mir_rng_below(rng, 5));

        shape.limit_s = (int32_t)(HOUR * (1 + mir_rng_below(rng, 200)));
        run(book, &shape, fmin(shape.limit_s, exp(3 + 10 * mir_rng_double(rng))));
    }
    mir_run_book_update(book, NOW);
}

static struct mir_run_shape draw_shape(struct mir_rng *rng)
{
    static const int32_t limits_s[] = {HOUR,      3 * HOUR + 123, 48 * HOUR,  7 * DAY,
                                       200 * DAY, MIR_UNLIMITED,  MIR_UNKNOWN};
    struct mir_run_shape shape = shape_of_user(1 + (uint32_t)mir_rng_below(rng, 6));

    shape.limit_s = limits_s[mir_rng_below(rng, sizeof limits_s / sizeof *limits_s)];
    return shape;
}

static double draw_elapsed(const struct mir_run_curve *c, struct mir_rng *rng)
{
    return mir_rng_below(rng, 3) == 0 ? 0 : fmin(c->limit_s, 9 * DAY) * mir_rng_double(rng);
}

static void the_quantile_is_the_inverse_of_survival(void **state)
{
    struct mir_rng rng;

    mir_rng_init(&rng, 11);
    learn_at_random(*state, &rng);
    for (int i = 0; i < 20000; i++) {
        struct mir_run_shape shape = draw_shape(&rng);
        struct mir_run_curve c = curve_of(*state, &shape);
        double elapsed_s = draw_elapsed(&c, &rng), p = mir_rng_double(&rng);
        double left_s = mir_run_quantile_left_s(&c, elapsed_s, p);

        assert_true(left_s >= 0);
        if (elapsed_s + left_s < c.limit_s - 1)
            assert_about(mir_run_survival(&c, elapsed_s, left_s), 1 - p, 1e-6);
        else /* the limit came first */
            assert_true(mir_run_survival(&c, elapsed_s, left_s - 2) >= 1 - p - 1e-6);
    }
}

static void quantiles_at_once_are_those_one_by_one(void **state)
{
    double p[37], all_s[37];
    struct mir_rng rng;

    mir_rng_init(&rng, 12);
    learn_at_random(*state, &rng);
    for (int i = 0; i < 200; i++) {
        struct mir_run_shape shape = draw_shape(&rng);
        struct mir_run_curve c = curve_of(*state, &shape);
        double elapsed_s = draw_elapsed(&c, &rng);

        for (int k = 0; k < 37; k++)
            p[k] = k == 0 ? 0 : k == 1 ? 1 : mir_rng_double(&rng);
        mir_run_quantiles_left_s(&c, elapsed_s, p, 37, all_s);
        for (int k = 0; k < 37; k++)
            assert_true(all_s[k] == mir_run_quantile_left_s(&c, elapsed_s, p[k]));
        assert_true(all_s[0] <= 1e-6);
        assert_true(elapsed_s + all_s[1] >= fmin(c.limit_s, 30 * DAY));
    }
}

/* Simpson's rule; `to_s` is where the limit or the grid's last bin and 30 days end it. */
static double integrate(const struct mir_run_curve *c, double elapsed_s, double to_s)
{
    const int n = 20000;
    double sum = 0;

    for (int i = 0; i <= n; i++) {
        double s = mir_run_survival(c, elapsed_s, to_s * i / n * (1 - 1e-12));

        sum += (i == 0 || i == n ? 1 : i % 2 == 1 ? 4 : 2) * s;
    }
    return sum * to_s / n / 3;
}

static void the_expected_time_is_the_integral_of_survival(void **state)
{
    struct mir_rng rng;

    mir_rng_init(&rng, 13);
    learn_at_random(*state, &rng);
    for (int i = 0; i < 100; i++) {
        struct mir_run_shape shape = draw_shape(&rng);
        struct mir_run_curve c = curve_of(*state, &shape);
        double elapsed_s = draw_elapsed(&c, &rng);
        double last_s = fmax(elapsed_s, (double)mir_run_grid_s[MIR_RUN_BINS - 1]) + 30 * DAY;
        double left_s = fmin(c.limit_s, c.limit_s == INT32_MAX ? last_s : INFINITY) - elapsed_s;
        double truth_s = integrate(&c, elapsed_s, left_s);

        assert_about(mir_run_expected_left_s(&c, elapsed_s), truth_s, 1 + truth_s * 2e-3);
    }
}

static void survival_falls_from_one_to_nothing_at_the_limit(void **state)
{
    struct mir_run_curve c;

    run_exponential(*state, &usual, 100, 10 * HOUR, 14);
    c = curve_of(*state, &usual);
    assert_true(mir_run_survival(&c, 0, 0) == 1);
    for (double s = 60; s < usual.limit_s; s += 60)
        assert_true(mir_run_survival(&c, 0, s) <= mir_run_survival(&c, 0, s - 60));
    assert_true(mir_run_survival(&c, 0, usual.limit_s - 1) > 0);
    assert_true(mir_run_survival(&c, 0, usual.limit_s) == 0);
    assert_true(mir_run_expected_left_s(&c, usual.limit_s) == 0);
    assert_true(mir_run_expected_left_s(&c, 3.0 * usual.limit_s) == 0);
    assert_true(mir_run_quantile_left_s(&c, 3.0 * usual.limit_s, 0.5) == 0);
}

#define BOOK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(before_anything_is_known_half_of_all_jobs_end_within_six_hours),
        BOOK_TEST(an_exponential_is_learned_as_one),
        BOOK_TEST(who_always_meets_the_limit_does_so_again),
        BOOK_TEST(what_a_limit_cut_off_did_not_end_by_itself),
        BOOK_TEST(a_short_limit_does_not_make_every_end_its_own),
        BOOK_TEST(a_job_that_ends_where_a_bin_begins_has_ended),
        BOOK_TEST(jobs_that_still_run_lengthen_the_estimate),
        BOOK_TEST(a_job_that_has_ended_runs_no_more),
        BOOK_TEST(a_prior_is_worth_eight_jobs),
        BOOK_TEST(what_shapes_have_in_common_is_not_mixed_up),
        BOOK_TEST(a_new_user_runs_as_the_crowd_does),
        BOOK_TEST(each_level_speaks_before_the_next),
        BOOK_TEST(old_jobs_fade),
        BOOK_TEST(nothing_changes_between_updates),
        BOOK_TEST(what_is_told_twice_counts_once),
        BOOK_TEST(knows_who_runs_whatever_the_order),
        BOOK_TEST(a_book_of_years_stays_of_a_size),
        BOOK_TEST(what_is_forgotten_is_what_nobody_used),
        BOOK_TEST(curves_that_nobody_asks_for_any_more_take_no_memory),
        BOOK_TEST(a_machine_with_more_running_jobs_than_keys_is_no_reason_to_forget),
        BOOK_TEST(how_it_is_cut_into_updates_does_not_matter),
        BOOK_TEST(a_job_whose_end_nobody_told_is_forgotten),
        BOOK_TEST(the_quantile_is_the_inverse_of_survival),
        BOOK_TEST(quantiles_at_once_are_those_one_by_one),
        BOOK_TEST(the_expected_time_is_the_integral_of_survival),
        BOOK_TEST(survival_falls_from_one_to_nothing_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
