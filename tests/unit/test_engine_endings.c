/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_engine_endings.c - what the end of a link means, and what the journal must hold, on a cluster that answers as the test says. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/engine_lab.h"

#define EACH(i, table) for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)

/* ---- endings ---- */

static void each_ending_has_its_consequence(void **state)
{
    static const struct {
        const char *comment;
        int64_t after_s;
        uint8_t state;
        int32_t exit_code;
        uint32_t flags;
        const char *chain, *reason;
        unsigned n_submitted;
    } cases[] = {
        {"mirage", 1000, MIR_STATE_CANCELLED, 0, 0, "ended", "link 0 was cancelled", 0},
        {"mirage", 1000, MIR_STATE_COMPLETED, 0, 0, "ended", "finished its work", 0},
        {"mirage:done=never", 1000, MIR_STATE_COMPLETED, 0, 0, "active", "", 1},
        {"mirage", 1000, MIR_STATE_FAILED, 1, 0, "active", "", 1},
        {"mirage", 1000, MIR_STATE_OUT_OF_MEMORY, 0, 0, "active", "", 1},
        {"mirage", 1000, MIR_STATE_NODE_FAIL, 0, 0, "active", "", 1},
        {"mirage", 1000, MIR_STATE_PREEMPTED, 0, 0, "active", "", 1},
        {"mirage", 1000, MIR_STATE_TIMEOUT, 0, 0, "active", "", 1},
        {"mirage", 1000, MIR_STATE_OTHER, 0, MIR_LIVE_DEADLINE, "ended", "deadline", 0},
        {"mirage:links=1", 1000, MIR_STATE_TIMEOUT, 0, 0, "ended", "all 1 links", 0},
        {"mirage:until=2023-11-14T22:20", 1000, MIR_STATE_TIMEOUT, 0, 0, "ended", "until", 0},
    };

    (void)state;
    EACH(i, cases)
    {
        struct lab *lab = lab_open(MIR_MODE_ACT);

        lab_add(lab, 50, 1000, MIR_STATE_RUNNING, cases[i].comment);
        lab_run(lab, cases[i].after_s);
        lab_job(lab, 50)->flags |= cases[i].flags;
        lab_end(lab, 50, cases[i].state, cases[i].exit_code);
        lab_run(lab, 130);
        expect_chain(lab, cases[i].chain);
        expect_reason(lab, cases[i].reason);
        assert_int_equal(lab->count[LAB_SUBMIT], cases[i].n_submitted);
        lab_close(lab);
    }
}

static void an_end_within_the_margin_is_the_limits(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, LAB_LIMIT - 60 - 100);
    lab_end(lab, 50, MIR_STATE_COMPLETED, 0);
    lab_run(lab, 70);
    expect_chain(lab, "active");
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void a_crash_loop_backs_off_and_is_parked(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    int64_t failed_at;

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_end(lab, 50, MIR_STATE_FAILED, 1);
    lab_run(lab, 70);
    lab_run(lab, 65);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_start(lab, 100);
    lab_run(lab, 70);
    lab_end(lab, 100, MIR_STATE_FAILED, 1);
    failed_at = lab->at;
    while (lab->count[LAB_SUBMIT] == 1 && lab->at < failed_at + 1000)
        lab_run(lab, 5);
    assert_in_range(lab->at - failed_at, 120, 200); /* twice the first back-off */
    lab_start(lab, 101);
    lab_run(lab, 70);
    lab_end(lab, 101, MIR_STATE_FAILED, 7);
    lab_run(lab, 1000);
    expect_chain(lab, "parked");
    expect_reason(lab, "3 links failed within 5 min: exit code 7");
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    assert_int_equal(lab_command(lab, MIR_RESUME, 1000).rc, 0);
    lab_run(lab, 70);
    assert_int_equal(lab->count[LAB_SUBMIT], 3);
    lab_close(lab);
}

static void cancelling_any_link_ends_the_chain(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct lab *lab = lab_open(MIR_MODE_ACT);

        lab_successor_waits(lab);
        lab_end(lab, first ? 50 : 100, MIR_STATE_CANCELLED, 0);
        lab_run(lab, 130);
        expect_chain(lab, "ended");
        if (first)
            assert_int_equal(lab_job(lab, 100)->state, MIR_STATE_CANCELLED);
        else
            assert_int_equal(lab_job(lab, 50)->state, MIR_STATE_RUNNING);
        lab_run(lab, 8000);
        assert_int_equal(lab->count[LAB_SUBMIT], 1);
        lab_close(lab);
    }
}

static void a_link_that_ends_early_with_a_successor_waiting(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_successor_waits(lab);
    lab_end(lab, 50, MIR_STATE_COMPLETED, 0); /* half an hour before the limit */
    lab_run(lab, 130);
    expect_reason(lab, "finished its work");
    assert_int_equal(lab_job(lab, 100)->state, MIR_STATE_CANCELLED);
    lab_close(lab);
}

/* ---- the journal ---- */

static int count_open(void *arg, const struct mir_chain_row *row)
{
    (void)row;
    ++*(unsigned *)arg;
    return 0;
}

/* Claims by force the lock that the engine's own transaction needs. */
static void nothing_is_submitted_that_is_not_journalled(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view *view;
    unsigned n = 0;

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3400);
    assert_int_equal(mir_journal_begin(lab->journal, NULL), 0); /* the engine's begin now fails */
    lab_run(lab, 400);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    view = mir_view_get(lab->board);
    assert_false(view->ready);
    assert_non_null(strstr(view->problem, "journal"));
    mir_view_unref(view);
    assert_int_equal(mir_journal_begin(lab->journal, NULL) == 0, 0);
    mir_journal_rollback(lab->journal);
    lab_run(lab, 20);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    assert_int_equal(mir_journal_each_chain(lab->journal, true, count_open, &n, NULL), 0);
    assert_int_equal(n, 1);
    lab_close(lab);
}

static void survives_a_restart_at_any_moment(void **state)
{
    (void)state;
    for (int64_t stop_s = 3300; stop_s < 3900; stop_s += 30) {
        struct lab *lab = lab_open(MIR_MODE_ACT);

        lab_chain_runs(lab, "mirage");
        lab_run(lab, stop_s);
        lab_restart(lab);
        lab_run(lab, 600);
        assert_int_equal(lab->count[LAB_SUBMIT], 1);
        assert_int_equal(lab->n_jobs, 2);
        expect_link(lab, 1, "pending");
        lab_close(lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_ending_has_its_consequence),
        cmocka_unit_test(an_end_within_the_margin_is_the_limits),
        cmocka_unit_test(a_crash_loop_backs_off_and_is_parked),
        cmocka_unit_test(cancelling_any_link_ends_the_chain),
        cmocka_unit_test(a_link_that_ends_early_with_a_successor_waiting),
        cmocka_unit_test(nothing_is_submitted_that_is_not_journalled),
        cmocka_unit_test(survives_a_restart_at_any_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
