/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_lessons.c - what a lookahead learns of jobs that it foretold, and what that changes. */
#include "models/lookahead/lessons.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/host/runs.h"
#include "models/lookahead/calibrate.h"

enum { HOUR = 3600, NOW = 1675209600, N = 16, LIMIT_S = 48 * HOUR };

static struct mir_pending_job job_of(uint32_t id, int64_t submit_at)
{
    return (struct mir_pending_job){
        .submit_at = submit_at,
        .eligible_at = submit_at,
        .id = id,
        .limit_s = LIMIT_S,
        .n_nodes = 1,
    };
}

/* Foretold to start in 1, 2, ... 16 h; it starts after `wait_s`. */
static void teach(struct mir_lesson_book *book, uint32_t id, int64_t at, int64_t wait_s)
{
    const struct mir_pending_job job = job_of(id, at - 60);
    int64_t start_at[N];

    for (int f = 0; f < N; f++)
        start_at[f] = at + (N - f) * HOUR;
    mir_lesson_book_foretell(book, &job, at, 1, start_at, N);
    mir_lesson_book_start(book, mir_run_key(id, at - 60), at + wait_s);
}

/* `n` looks, in so many of ten of which the start is later than all futures had it. */
static void teach_looks(struct mir_lesson_book *book, int n, int of_ten, int64_t *at)
{
    for (int i = 0; i < n; i++, *at += HOUR)
        teach(book, (uint32_t)i + 1, *at, i % 10 < of_ten ? 20 * HOUR : 8 * HOUR + HOUR / 2);
}

static double asked(const struct mir_lesson_book *book, double level)
{
    return mir_calibration_level(&mir_lesson_book_get(book)->calibration, mir_lesson_class(LIMIT_S),
                                 level);
}

/* ---- who is foretold */

static void only_who_was_just_submitted_is_foretold(void **state)
{
    struct mir_lesson_book *book = mir_lesson_book_create();
    struct mir_pending_job pending[6];
    const struct mir_snapshot queue = {.now = NOW, .pending = pending, .n_pending = 6};
    size_t out[6];

    (void)state;
    pending[0] = job_of(1, NOW - 600);
    pending[1] = job_of(2, NOW - HOUR); /* too long ago */
    pending[2] = job_of(3, NOW - 600);
    pending[2].chained = 1;
    pending[3] = job_of(4, NOW - 600);
    pending[3].eligible_at = INT64_MAX;
    pending[4] = pending[5] = job_of(5, NOW - 600); /* two tasks */
    assert_int_equal(mir_lesson_book_look(book, &queue, out), 1);
    assert_int_equal(out[0], 0);
    assert_int_equal(mir_lesson_book_look(book, &queue, out), 0);
    mir_lesson_book_destroy(book);
}

static void who_waits_beyond_the_horizon_is_late_and_who_is_gone_is_no_lesson(void **state)
{
    struct mir_lesson_book *book = mir_lesson_book_create();
    struct mir_pending_job waiting = job_of(1, NOW - 60), gone = job_of(2, NOW - 60);
    struct mir_snapshot queue = {.now = NOW + 48 * HOUR + 1, .pending = &waiting, .n_pending = 1};
    int64_t soon[N] = {0};
    size_t out[1];

    (void)state;
    for (int f = 0; f < N; f++)
        soon[f] = NOW + HOUR;
    mir_lesson_book_foretell(book, &gone, NOW, 1, soon, N);
    (void)mir_lesson_book_look(book, &queue, out);
    assert_int_equal(mir_lesson_book_get(book)->trust.n_starts, 0);
    mir_lesson_book_foretell(book, &waiting, NOW, 1, soon, N);
    (void)mir_lesson_book_look(book, &queue, out);
    assert_int_equal(mir_lesson_book_get(book)->trust.n_starts, 1);
    assert_float_equal(mir_lesson_book_get(book)->trust.outside, 1, 1e-12);
    mir_lesson_book_start(book, mir_run_key(1, NOW - 60), NOW + 50 * HOUR); /* it has taught */
    assert_int_equal(mir_lesson_book_get(book)->trust.n_starts, 1);
    mir_lesson_book_destroy(book);
}

static void a_start_at_once_that_was_foretold_teaches_nothing(void **state)
{
    struct mir_lesson_book *book = mir_lesson_book_create();
    const struct mir_pending_job job = job_of(1, NOW - 60);
    int64_t at_once[N];

    (void)state;
    for (int f = 0; f < N; f++)
        at_once[f] = NOW + 30;
    mir_lesson_book_foretell(book, &job, NOW, 1, at_once, N);
    mir_lesson_book_start(book, mir_run_key(1, NOW - 60), NOW + 60);
    assert_float_equal(asked(book, 0.5), 0.5, 1e-7);
    assert_int_equal(mir_lesson_book_get(book)->trust.n_starts, 0);
    mir_lesson_book_destroy(book);
}

/* ---- what is learned */

static void who_waits_longer_than_foretold_raises_the_levels(void **state)
{
    struct mir_lesson_book *book = mir_lesson_book_create();
    int64_t at = NOW;

    (void)state;
    for (int i = 0; i < 20; i++, at += HOUR)
        teach(book, (uint32_t)i + 1, at, 14 * HOUR);
    assert_true(asked(book, 0.5) > 0.54);
    assert_true(asked(book, 0.5) < 0.56); /* half a step each time: one of 0.005 */
    mir_lesson_book_destroy(book);
}

/* Jobs of one look share a step. */
static void many_of_one_look_teach_no_more_than_one(void **state)
{
    struct mir_lesson_book *one = mir_lesson_book_create(), *many = mir_lesson_book_create();
    int64_t late[N];

    (void)state;
    teach(one, 1, NOW, 20 * HOUR);
    for (uint32_t i = 0; i < 10; i++) {
        const struct mir_pending_job job = job_of(i + 1, NOW - 60);

        for (int f = 0; f < N; f++)
            late[f] = NOW + (f + 1) * HOUR;
        mir_lesson_book_foretell(many, &job, NOW, 10, late, N);
        mir_lesson_book_start(many, mir_run_key(i + 1, NOW - 60), NOW + 20 * HOUR);
    }
    assert_float_equal(asked(many, 0.5), asked(one, 0.5), 1e-9);
    assert_int_equal(mir_lesson_book_get(many)->trust.n_looks, 1);
    assert_int_equal(mir_lesson_book_get(many)->trust.n_starts, 10);
    mir_lesson_book_destroy(many);
    mir_lesson_book_destroy(one);
}

static void trust_is_lost_above_and_found_again_below(void **state)
{
    struct mir_lesson_book *book = mir_lesson_book_create();
    const struct mir_lookahead_trust *t = &mir_lesson_book_get(book)->trust;
    char text[MIR_TRUST_TEXT];
    int64_t at = NOW;

    (void)state;
    teach_looks(book, MIR_TRUST_LOOKS_LEAST - 1, 10, &at);
    assert_false(t->lost); /* too few to say */
    teach_looks(book, 50, 3, &at);
    assert_false(t->lost);
    teach_looks(book, 50, 6, &at);
    assert_true(t->lost);
    assert_float_equal(t->outside, 0.6, 1e-12);
    mir_trust_text(t, text);
    assert_string_equal(text, "lookahead: 60 % outside its 90 % band");
    teach_looks(book, 50, 4, &at); /* not above, but not below */
    assert_true(t->lost);
    teach_looks(book, 50, 2, &at);
    assert_false(t->lost);
    mir_lesson_book_destroy(book);
}

/* ---- what it changes */

/* Two submissions; future f has its start in f hours, or in 63 - f. */
static void fill_table(struct mir_start_table *t, int64_t *start_at)
{
    *t = (struct mir_start_table){.n_at = 2, .n_futures = 64, .start_at = start_at};
    t->successor.limit_s = LIMIT_S;
    for (int f = 0; f < 64; f++) {
        start_at[f * MIR_LOOKAHEAD_CANDIDATES_MAX] = NOW + f / 2 * HOUR;
        start_at[f * MIR_LOOKAHEAD_CANDIDATES_MAX + 1] = NOW + (63 - f) * HOUR;
    }
}

static void without_lessons_starts_stay_as_they_are(void **state)
{
    int64_t start_at[64 * MIR_LOOKAHEAD_CANDIDATES_MAX], *same, *identity;
    struct mir_start_table t;
    struct mir_lessons none;

    (void)state;
    fill_table(&t, start_at);
    mir_lessons_init(&none);
    same = mir_calibrated_starts(&t, &none.calibration, 64, 0);
    /* A calibration that has learned, but moved nothing. */
    none.calibration.n_learned[mir_lesson_class(LIMIT_S)] = 1;
    identity = mir_calibrated_starts(&t, &none.calibration, 64, 0);
    for (uint32_t k = 0; k < 2; k++) {
        for (uint32_t f = 0; f < 64; f++) {
            assert_int_equal(same[k * 64 + f], mir_start_table_get(&t, f, k));
            assert_int_equal(identity[k * 64 + f], mir_start_table_get(&t, f, k));
        }
    }
    free(identity);
    free(same);
}

static void raised_levels_make_starts_later_and_keep_the_order(void **state)
{
    struct mir_lesson_book *book = mir_lesson_book_create();
    int64_t start_at[64 * MIR_LOOKAHEAD_CANDIDATES_MAX], *later, at = NOW;
    const struct mir_calibration *learned;
    struct mir_start_table t;
    double sorted[64];

    (void)state;
    fill_table(&t, start_at);
    for (int i = 0; i < 40; i++, at += HOUR)
        teach(book, (uint32_t)i + 1, at, 14 * HOUR);
    later = mir_calibrated_starts(&t, &mir_lesson_book_get(book)->calibration, 64, 0);
    for (uint32_t f = 0; f < 63; f++) {
        assert_true(f < 8 || f > 48 || later[f] > mir_start_table_get(&t, f, 0));
        assert_true(later[f] <= later[f + 1]);
        assert_true(later[64 + f] >= later[64 + f + 1]);
    }
    /* Where the median is wanted, 0.6 is asked for: of 64 h, six hours on. */
    assert_float_equal((double)(later[64 + 32] - mir_start_table_get(&t, 32, 1)) / HOUR, 6, 1);
    free(later);
    for (int f = 0; f < 64; f++)
        sorted[f] = f;
    learned = &mir_lesson_book_get(book)->calibration;
    assert_float_equal(mir_calibrated_quantile(sorted, 64, 0.5, LIMIT_S, NULL), 31.5, 1e-9);
    assert_float_equal(mir_calibrated_quantile(sorted, 64, 0.5, LIMIT_S, learned), 38, 1);
    mir_lesson_book_destroy(book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_was_just_submitted_is_foretold),
        cmocka_unit_test(who_waits_beyond_the_horizon_is_late_and_who_is_gone_is_no_lesson),
        cmocka_unit_test(a_start_at_once_that_was_foretold_teaches_nothing),
        cmocka_unit_test(who_waits_longer_than_foretold_raises_the_levels),
        cmocka_unit_test(many_of_one_look_teach_no_more_than_one),
        cmocka_unit_test(trust_is_lost_above_and_found_again_below),
        cmocka_unit_test(without_lessons_starts_stay_as_they_are),
        cmocka_unit_test(raised_levels_make_starts_later_and_keep_the_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
