/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_fit_rows.c - labels as they were known at one time, and the features' ranges. */
#include "models/train/fit_rows.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"

static struct mir_labels labels_of(size_t n)
{
    return (struct mir_labels){
        .rows = mir_alloc(n, sizeof(struct mir_label)), .n = n, .cap = n, .n_episodes = 1};
}

static void near(double a, double b)
{
    if (!(fabs(a - b) < 1e-5))
        fail_msg("%.9g, not %.9g", a, b);
}

/* Submitted at 0 and waited 1, 3 and (censored) 2 h; one was submitted later. */
static void forgets_what_was_not_known_yet(void **state)
{
    struct mir_labels labels = labels_of(4);
    struct mir_fit_rows rows = {0};
    struct mir_fit_data data;

    (void)state;
    labels.rows[0].wait_h = 1;
    labels.rows[1].wait_h = 3;
    labels.rows[2].wait_h = 2;
    labels.rows[2].censored = true;
    labels.rows[3].at = 9000;
    mir_fit_rows_add(&rows, &labels, 9000); /* 2.5 h */
    data = mir_fit_rows_data(&rows);
    assert_int_equal(data.n_rows, 3);
    assert_int_equal(data.n_features, MIR_N_WAIT_FEATURES);
    near((double)data.y[0], log(5));
    near((double)data.y[1], log(11));
    near((double)data.y[2], log(9));
    assert_int_equal(data.censored[0], 0);
    assert_int_equal(data.censored[1], 1);
    assert_int_equal(data.censored[2], 1);
    assert_int_equal(rows.n_censored, 2);
    mir_fit_rows_release(&rows);
    mir_labels_release(&labels);
}

static void labels_add_up(void **state)
{
    struct mir_labels labels = labels_of(100);
    struct mir_fit_rows rows = {0};

    (void)state;
    for (size_t i = 0; i < 100; i++) {
        labels.rows[i].at = (int64_t)i;
        labels.rows[i].features[5] = (float)i;
    }
    mir_fit_rows_add(&rows, &labels, 50);
    mir_fit_rows_add(&rows, &labels, 1000);
    assert_int_equal(rows.n, 150);
    near((double)rows.x[149 * MIR_N_WAIT_FEATURES + 5], 99);
    near((double)rows.x[50 * MIR_N_WAIT_FEATURES + 5], 0);
    mir_fit_rows_release(&rows);
    mir_labels_release(&labels);
}

static void tells_between_which_values_a_feature_was(void **state)
{
    struct mir_labels labels = labels_of(1001);
    struct mir_feature_range ranges[MIR_N_WAIT_FEATURES];
    struct mir_fit_rows rows = {0};

    (void)state;
    for (size_t i = 0; i < labels.n; i++) {
        labels.rows[i].features[0] = (float)((i * 10) % 1001); /* 0 .. 1000 in some order */
        labels.rows[i].features[1] = i % 2 == 0 ? NAN : 5;
        labels.rows[i].features[2] = NAN;
    }
    mir_fit_rows_add(&rows, &labels, 1);
    mir_fit_rows_ranges(&rows, ranges);
    near((double)ranges[0].low, 10);
    near((double)ranges[0].high, 990);
    near((double)ranges[0].median, 500);
    near((double)ranges[0].iqr, 500);
    near((double)ranges[1].low, 5);
    near((double)ranges[1].iqr, 0);
    assert_true(isnan(ranges[2].low) && isnan(ranges[2].median) && isnan(ranges[2].iqr));
    mir_fit_rows_release(&rows);
    mir_labels_release(&labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgets_what_was_not_known_yet),
        cmocka_unit_test(labels_add_up),
        cmocka_unit_test(tells_between_which_values_a_feature_was),
    };

    return cmocka_run_group_tests_name("train_fit_rows", tests, NULL, NULL);
}
