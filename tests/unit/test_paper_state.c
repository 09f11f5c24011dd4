/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_paper_state.c - the paper's 42 numbers: order, units, history.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/host/summary.h"
#include "models/features/paper_state.h"

static const struct mir_paper_chain chain = {
    .predecessor_limit_s = 172800,
    .predecessor_nodes = 8,
    .predecessor_wait_s = 5000,
    .predecessor_elapsed_s = 100000,
    .successor_limit_s = 86400,
    .successor_nodes = 4,
};

/* Two jobs wait at 10000, three run. */
static struct mir_snapshot look(void)
{
    struct mir_snapshot queue = {.now = 10000};
    struct mir_summary s = {0};

    mir_summary_add_pending(&s, 3600, 9000, 2);
    mir_summary_add_pending(&s, 7200, 9800, 5);
    mir_summary_add_running(&s, 600, 0, 9900, 1);
    mir_summary_add_running(&s, 1200, 40, 9500, 2);
    mir_summary_add_running(&s, 6000, 80, 9700, 16);
    mir_summary_get(&s, queue.now, &queue.pending_sum, &queue.running_sum);
    mir_summary_release(&s);
    return queue;
}

static const float expected[MIR_PAPER_WIDTH] = {
    2,    7,                       /* pending: jobs, nodes */
    60,   75,  90,   105,    120,  /* limit, min */
    200,  400, 600,  800,    1000, /* waited, s */
    0,    0,   0,    0,      0,    /* run time of jobs that wait */
    3,    19,                      /* running: jobs, nodes */
    10,   15,  20,   60,     100,  /* limit, min */
    0,    20,  40,   60,     80,   /* waited, s */
    100,  200, 300,  400,    500,  /* run so far, s */
    2880, 8,   5000, 100000,       /* predecessor */
    1440, 4,   0,    0,            /* successor */
};

static void puts_the_numbers_where_the_paper_has_them(void **state)
{
    struct mir_snapshot queue = look();
    float got[MIR_PAPER_WIDTH];

    (void)state;
    mir_paper_state(&queue, &chain, got);
    for (int i = 0; i < MIR_PAPER_WIDTH; i++)
        if (got[i] != expected[i])
            fail_msg("%d, %s: %g, not %g", i, mir_paper_features[i].name, (double)got[i],
                     (double)expected[i]);
}

static void an_empty_cluster_without_a_chain_is_all_zero(void **state)
{
    struct mir_snapshot queue = {.now = 10000};
    float got[MIR_PAPER_WIDTH];

    (void)state;
    memset(got, 0x55, sizeof got);
    mir_paper_state(&queue, NULL, got);
    for (int i = 0; i < MIR_PAPER_WIDTH; i++)
        assert_true(got[i] == 0);
}

/* What a name says agrees with what its place holds in `expected`. */
static void names_each_number_once_with_its_unit(void **state)
{
    static const struct {
        int index;
        const char *name, *unit;
    } some[] = {
        {0, "pending_jobs", "count"},      {1, "pending_nodes", "nodes"},
        {2, "pending_limit_p0", "min"},    {11, "pending_wait_p100", "s"},
        {12, "pending_elapsed_p0", "s"},   {17, "running_jobs", "count"},
        {21, "running_limit_p50", "min"},  {25, "running_wait_p25", "s"},
        {33, "running_elapsed_p100", "s"}, {34, "predecessor_limit", "min"},
        {37, "predecessor_elapsed", "s"},  {38, "successor_limit", "min"},
        {39, "successor_nodes", "nodes"},  {41, "successor_elapsed", "s"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        assert_string_equal(mir_paper_features[some[i].index].name, some[i].name);
        assert_string_equal(mir_paper_features[some[i].index].unit, some[i].unit);
    }
    for (int i = 0; i < MIR_PAPER_WIDTH; i++) {
        assert_non_null(mir_paper_features[i].name);
        assert_non_null(mir_paper_features[i].unit);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(mir_paper_features[i].name, mir_paper_features[j].name);
    }
}

static void history_holds_the_last_day_oldest_first(void **state)
{
    struct mir_paper_history *h = MIR_NEW(struct mir_paper_history);
    struct mir_snapshot queue = look();

    (void)state;
    mir_paper_history_init(h);
    for (int n = 1; n <= 1000; n++) {
        const float *rows;

        queue.pending_sum.n_jobs = (uint32_t)n;
        mir_paper_history_push(h, &queue);
        rows = mir_paper_history_view(h, n % 2 ? &chain : NULL);
        for (int i = 0; i < MIR_PAPER_ROWS; i++) {
            const float *row = rows + (size_t)i * MIR_PAPER_WIDTH;
            int from = n - (MIR_PAPER_ROWS - 1 - i); /* the push that made this row */

            assert_int_equal((int)row[0], from > 0 ? from : 0);
            assert_int_equal((int)row[33], from > 0 ? 500 : 0);
            assert_int_equal((int)row[34], n % 2 ? 2880 : 0);
            assert_int_equal((int)row[39], n % 2 ? 4 : 0);
        }
    }
    free(h);
}

static void a_copied_history_goes_its_own_way(void **state)
{
    struct mir_paper_history *h = MIR_NEW_ARRAY(struct mir_paper_history, 2);
    struct mir_snapshot queue = look();

    (void)state;
    mir_paper_history_init(&h[0]);
    for (int i = 0; i < 200; i++)
        mir_paper_history_push(&h[0], &queue);
    h[1] = h[0];
    queue.pending_sum.n_jobs = 77;
    mir_paper_history_push(&h[1], &queue);
    assert_int_equal(
        (int)mir_paper_history_view(&h[0], NULL)[(MIR_PAPER_ROWS - 1) * MIR_PAPER_WIDTH], 2);
    assert_int_equal(
        (int)mir_paper_history_view(&h[1], NULL)[(MIR_PAPER_ROWS - 1) * MIR_PAPER_WIDTH], 77);
    free(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_the_numbers_where_the_paper_has_them),
        cmocka_unit_test(an_empty_cluster_without_a_chain_is_all_zero),
        cmocka_unit_test(names_each_number_once_with_its_unit),
        cmocka_unit_test(history_holds_the_last_day_oldest_first),
        cmocka_unit_test(a_copied_history_goes_its_own_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
