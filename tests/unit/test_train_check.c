/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_check.c - the days of a check, which model is compared, and what is kept of it. */
#include "models/train/check.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/model_fixture.h"

enum { DAY = 86400, NONE = 1000 };

/* ---- Days: all in days since the window's begin */

static void neither_model_has_learned_from_the_days(void **state)
{
    static const struct {
        int length, current_to, from, to; /* NONE: no model in use */
        bool compares;
    } rows[] = {
        {80, NONE, 70, 78, false},                            /* an eighth */
        {24, NONE, 20, 22, false},                            /* but four days */
        {400, NONE, 384, 398, false}, {80, 60, 70, 78, true}, /* older than the twin: as usual */
        {80, 70, 70, 78, true},       {80, 73, 73, 78, true}, /* a week old: from where it ended */
        {80, 76, 76, 78, true},       {80, 77, 70, 78, false}, /* it has seen too much of them: as usual, without it */
        {80, 80, 70, 78, false},      {80, 500, 70, 78, false}, {80, -500, 70, 78, true},
        {8, -3, 4, 6, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const int64_t begin = 1700000000;
        int64_t current_to_at =
            rows[i].current_to == NONE ? INT64_MIN : begin + rows[i].current_to * (int64_t)DAY;
        struct mir_check_days days;

        assert_true(
            mir_check_days(begin, begin + rows[i].length * (int64_t)DAY, current_to_at, &days));
        if (days.from_at != begin + rows[i].from * (int64_t)DAY ||
            days.to_at != begin + rows[i].to * (int64_t)DAY || days.compares != rows[i].compares)
            fail_msg("row %zu: day %g to %g, %s", i, (double)(days.from_at - begin) / DAY,
                     (double)(days.to_at - begin) / DAY, days.compares ? "compares" : "not");
    }
}

static void a_short_window_has_no_check(void **state)
{
    struct mir_check_days days;

    (void)state;
    assert_true(mir_check_days(0, 8 * DAY, INT64_MIN, &days));
    assert_false(mir_check_days(0, 8 * DAY - 1, INT64_MIN, &days));
    assert_false(mir_check_days(0, 8 * DAY - 1, 0, &days));
    assert_false(mir_check_days(0, 1, INT64_MIN, &days));
}

/* ---- The model in use */

static int open_bytes(const char *bytes, size_t len, struct mir_error *err)
{
    char path[] = "/tmp/mirage-check-XXXXXX";
    struct mir_wait_model *m = NULL;
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
    rc = mir_check_open_current(path, &m, err);
    assert_non_null(strstr(err->text, path));
    assert_null(m);
    unlink(path);
    return rc;
}

static void a_file_that_is_no_use_is_told_apart_from_none(void **state)
{
    struct mir_error err = {{0}};
    struct mir_wait_model *m = NULL;

    (void)state;
    assert_int_equal(open_bytes("hello\n", 6, &err), -ENODATA);
    assert_int_equal(open_bytes("", 0, &err), -ENODATA);
    assert_int_equal(mir_check_open_current("/no/such/file", &m, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/no/such/file"));
    assert_int_equal(mir_check_open_current("/tmp", &m, &err), -EINVAL);
    assert_null(m);
}

static int open_saved(struct mir_wait_model *saved, struct mir_wait_model **out)
{
    char path[] = "/tmp/mirage-check-XXXXXX";
    struct mir_error err = {{0}};
    int fd = mkstemp(path), rc;

    assert_true(fd >= 0);
    close(fd);
    if (mir_wait_model_save(saved, path, &err) != 0)
        fail_msg("%s", err.text);
    rc = mir_check_open_current(path, out, &err);
    unlink(path);
    mir_wait_model_unref(saved);
    return rc;
}

static void a_model_without_quantiles_is_not_compared(void **state)
{
    struct mir_wait_model *m = NULL;

    (void)state;
    assert_int_equal(open_saved(fixture_model(), &m), -ENODATA);
    assert_null(m);
}

static void a_model_with_quantiles_is(void **state)
{
    struct mir_wait_model *saved = fixture_model(), *m = NULL;
    float values[2 * MIR_N_WAIT_LEVELS_TRAINED] = {0};

    (void)state;
    fixture_tree(&saved->trees[MIR_WAIT_FOREST_Q], MIR_N_WAIT_FEATURES, 0, 1, values,
                 MIR_N_WAIT_LEVELS_TRAINED);
    assert_int_equal(open_saved(saved, &m), 0);
    assert_true(mir_wait_model_has(m, MIR_WAIT_FOREST_Q));
    mir_wait_model_unref(m);
}

/* ---- Scores */

static const struct mir_model_score *find(const struct mir_wait_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_scores; i++) {
        if (strcmp(m->scores[i].name, name) == 0)
            return &m->scores[i];
    }
    return NULL;
}

/* One submission that waited an hour; two methods, said to wait two, and calibrated. */
static void evaluate(struct mir_evaluation *e)
{
    static const char *const names[] = {"forest-q", "xgb-q"};
    double grid[MIR_N_WAIT_LEVELS_TRAINED];

    mir_evaluation_init(e, 1);
    e->rows[0] = (struct mir_truth){.wait_h = 1, .known_at = 3600, .n_nodes = 1, .limit_s = 3600};
    for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
        grid[i] = 2;
    for (unsigned i = 0; i < 2; i++) {
        uint32_t number = e->n_predictions;

        mir_prediction_set(mir_evaluation_add(e, names[i], true), 0, grid);
        mir_evaluation_calibrate(e, number);
    }
    mir_evaluation_score(e);
}

/* The daemon looks for "current " and the name: daemon/engine/model.c. */
static void each_score_of_the_model_in_use_has_the_new_one_s_name_behind_current(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    struct mir_evaluation e;
    uint32_t n;

    (void)state;
    evaluate(&e);
    mir_check_add_all(m, "check", &e);
    n = m->n_scores;
    mir_check_add_all(m, "current check", &e);
    assert_int_equal(m->n_scores, 2 * n);
    assert_non_null(find(m, "check xgb-q calibrated pinball 0.95"));
    assert_non_null(find(m, "check forest-q pinball 0.5"));
    for (uint32_t i = 0; i < n; i++) {
        char name[128];

        snprintf(name, sizeof name, "current %s", m->scores[i].name);
        if (find(m, name) == NULL)
            fail_msg("no \"%s\"", name);
    }
    /* Beside labels of each machine, the days, and when the one in use had ended. */
    assert_true(2 * n + 8 + 4 <= MIR_MODEL_SCORES_MAX);
    mir_evaluation_release(&e);
    mir_wait_model_unref(m);
}

static void what_could_not_be_measured_and_what_has_no_room_is_left_out(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();

    (void)state;
    mir_check_add(m, (double)NAN, "nothing");
    assert_int_equal(m->n_scores, 0);
    for (int i = 0; i < MIR_MODEL_SCORES_MAX + 5; i++)
        mir_check_add(m, i, "score %d", i);
    assert_int_equal(m->n_scores, MIR_MODEL_SCORES_MAX);
    assert_string_equal(m->scores[MIR_MODEL_SCORES_MAX - 1].name, "score 127");
    mir_wait_model_unref(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neither_model_has_learned_from_the_days),
        cmocka_unit_test(a_short_window_has_no_check),
        cmocka_unit_test(a_file_that_is_no_use_is_told_apart_from_none),
        cmocka_unit_test(a_model_without_quantiles_is_not_compared),
        cmocka_unit_test(a_model_with_quantiles_is),
        cmocka_unit_test(each_score_of_the_model_in_use_has_the_new_one_s_name_behind_current),
        cmocka_unit_test(what_could_not_be_measured_and_what_has_no_room_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
