/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_together.c - chains side by side: small worlds worked out by hand, and one chain
 * held against the engine of `run`.
 */
#include "traces/replay/together.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/episodes_fixture.h"

static void run_chains(struct world *w, uint32_t n_chains, int32_t spread_s, bool alone)
{
    const struct mir_together t = {
        .episodes = &w->e, .n_chains = n_chains, .spread_s = spread_s, .alone = alone};
    struct mir_error err = {{0}};

    if (w->workload.jobs == NULL)
        make_workload(w);
    if (mir_together_run(&t, &w->c, &w->notes, &err) != 0)
        fail_msg("%s", err.text);
}

static struct mir_comparison take(struct world *w)
{
    struct mir_comparison c = w->c;

    memset(&w->c, 0, sizeof w->c);
    return c;
}

static const struct mir_outcome *outcome(const struct world *w, uint32_t row, uint32_t slot)
{
    return &w->c.rows[row].outcomes[0][slot];
}

static void
assert_outcomes(const struct world *w, uint32_t row, const int64_t *signed_s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(mir_outcome_signed_s(outcome(w, row, i)), signed_s[i]);
}

static bool
is_same_row(const struct mir_comparison *a, uint32_t i, const struct mir_comparison *b, uint32_t k)
{
    size_t size = (size_t)a->n_episodes * a->n_links * sizeof(struct mir_outcome);

    assert_int_equal(a->n_episodes * a->n_links, b->n_episodes * b->n_links);
    for (uint32_t v = 0; v < a->n_weights; v++) {
        if (memcmp(a->rows[i].outcomes[v], b->rows[k].outcomes[v], size) != 0)
            return false;
    }
    return a->rows[i].n_decisions == b->rows[k].n_decisions;
}

static void assert_same_rows(const struct mir_comparison *a, const struct mir_comparison *b)
{
    assert_int_equal(a->n_rows, b->n_rows);
    for (uint32_t i = 0; i < a->n_rows; i++) {
        if (!is_same_row(a, i, b, i))
            fail_msg("row %u, %s, differs", i, a->rows[i].policy);
    }
}

/* ---- By hand */

/* Room for one: predecessors at 1000 and an hour later, then the successors in turn. */
static void chains_with_room_for_one_wait_for_each_other(void **state)
{
    static const int64_t both[] = {HOUR, HOUR};
    static const int64_t one[] = {0};
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 1);
    add_job(&w, 0, 1, 10);
    add_policy(&w, "reactive");
    run_chains(&w, 2, 0, false);
    assert_int_equal(w.c.n_links, 2);
    assert_int_equal(outcome(&w, 0, 0)->predecessor_start_at, 1000);
    assert_int_equal(outcome(&w, 0, 1)->predecessor_start_at, 1000 + HOUR);
    assert_outcomes(&w, 0, both, 2);
    mir_comparison_release(&w.c);
    run_chains(&w, 1, 0, false);
    assert_outcomes(&w, 0, one, 1);
    close_world(&w);
}

/*
 * Room for two, and a rival comes at 2000 for both nodes and two hours.  Who submits
 * before it is ahead; the first successor of the chains that do not has to wait.
 */
static void each_policy_meets_what_it_submitted_itself(void **state)
{
    static const int64_t late[] = {2 * HOUR, 2 * HOUR}, early[] = {0, 0};
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 2);
    add_job(&w, 0, 1, 10);
    add_job(&w, 2000, 2, 2 * HOUR);
    add_policy(&w, "reactive");
    add_policy(&w, "lead:hours=1");
    run_chains(&w, 2, 0, false);
    assert_outcomes(&w, 0, late, 2);
    assert_outcomes(&w, 1, early, 2);
    close_world(&w);
}

static void chains_begin_spread_evenly(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 8);
    add_job(&w, 0, 1, 10);
    add_policy(&w, "reactive");
    run_chains(&w, 4, 2 * HOUR, false);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(outcome(&w, 0, i)->predecessor_start_at, 1000 + i * HOUR / 2);
    close_world(&w);
}

/* Room for one and three jobs each: the chains take turns. */
static void long_chains_take_turns(void **state)
{
    static const int64_t both[] = {HOUR, HOUR, HOUR, HOUR};
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 1);
    add_job(&w, 0, 1, 10);
    add_policy(&w, "reactive");
    w.e.n_jobs = 3;
    run_chains(&w, 2, 0, false);
    assert_outcomes(&w, 0, both, 4);
    assert_int_equal(outcome(&w, 0, 1)->predecessor_start_at, outcome(&w, 0, 0)->start_at);
    assert_int_equal(outcome(&w, 0, 3)->predecessor_start_at, outcome(&w, 0, 2)->start_at);
    close_world(&w);
}

/* Both chains' predecessors run when it comes, to hold a node for longer than is waited. */
static void a_successor_that_never_starts_stops_its_chain_only(void **state)
{
    struct world w;
    uint32_t n_unstarted = 0;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 2);
    add_job(&w, 0, 1, 10);
    add_job(&w, 2000, 1, 200 * DAY);
    add_policy(&w, "reactive");
    w.e.shape.n_nodes = 1;
    w.e.shape.limit_s = w.e.shape.run_s = 61 * DAY;
    run_chains(&w, 2, 0, false);
    for (uint32_t i = 0; i < 2; i++)
        n_unstarted += outcome(&w, 0, i)->start_at == INT64_MAX;
    assert_int_equal(n_unstarted, 1);
    assert_int_equal(w.notes.n_stuck, 1);
    close_world(&w);
}

static void refuses_what_makes_no_world(void **state)
{
    struct mir_error err;

    (void)state;
    for (int k = 0; k < 5; k++) {
        struct mir_together t = {.n_chains = k == 0 ? 0 : k == 1 ? MIR_MAX_CHAINS + 1 : 1};
        struct world w;

        open_world(&w, MIR_SCHED_FCFS, 4);
        add_job(&w, 0, 1, 10);
        add_policy(&w, "reactive");
        make_workload(&w);
        t.episodes = &w.e;
        t.spread_s = k == 2 ? -1 : 0;
        w.e.protocol = k == 3 ? MIR_PROTOCOL_COLD : MIR_PROTOCOL_CONTINUOUS;
        w.e.period_s = k == 4 ? 0 : 600;
        err.text[0] = '\0';
        assert_int_equal(mir_together_run(&t, &w.c, &w.notes, &err), -EINVAL);
        assert_true(err.text[0] != '\0');
        close_world(&w);
    }
}

static void refuses_a_chain_larger_than_the_cluster(void **state)
{
    struct mir_together t = {.n_chains = 2};
    struct mir_error err = {{0}};
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_SLURM, 4);
    add_job(&w, 0, 1, 10);
    add_policy(&w, "reactive");
    w.e.shape.n_nodes = 5;
    make_workload(&w);
    t.episodes = &w.e;
    assert_int_equal(mir_together_run(&t, &w.c, &w.notes, &err), -E2BIG);
    assert_true(err.text[0] != '\0');
    close_world(&w);
}

/* ---- Held against a run */

static void open_busy(struct world *w, uint64_t seed)
{
    open_generated(w, MIR_SCHED_SLURM, seed);
    add_policy(w, "qbets");
    add_policy(w, "asa");
    add_policy(w, "lookahead:futures=4");
    w->e.n_jobs = 3;
    w->e.every_s = 61 * HOUR;
    w->e.period_s = 4 * HOUR;
}

/* With jobs that end before their limit, too. */
static void one_chain_is_what_a_run_finds(void **state)
{
    (void)state;
    for (int early = 0; early < 2; early++) {
        struct mir_comparison run;
        struct mir_error err = {{0}};
        struct world w;

        open_busy(&w, 21);
        w.e.shape.run_s -= early * (5 * HOUR + 7);
        if (mir_episodes_run(&w.e, &w.c, &w.notes, &err) != 0)
            fail_msg("%s", err.text);
        run = take(&w);
        run_chains(&w, 1, 0, false);
        assert_same_rows(&run, &w.c);
        mir_comparison_release(&run);
        close_world(&w);
    }
}

static void threads_do_not_change_the_outcome(void **state)
{
    struct mir_comparison first;
    struct world w;

    (void)state;
    open_busy(&w, 22);
    run_chains(&w, 4, HOUR, true);
    first = take(&w);
    w.e.n_threads = 3;
    run_chains(&w, 4, HOUR, true);
    assert_same_rows(&first, &w.c);
    mir_comparison_release(&first);
    close_world(&w);
}

/* Who else is compared is nothing to a policy: neither its queue nor what it has learned. */
static void other_policies_change_nothing(void **state)
{
    struct mir_comparison all;
    struct world w;
    uint32_t last;

    (void)state;
    open_busy(&w, 23);
    run_chains(&w, 4, 0, false);
    all = take(&w);
    last = all.n_rows - 1;
    mir_policy_destroy(w.policies[1]);
    w.policies[1] = w.policies[last];
    for (uint32_t i = 2; i < last; i++)
        mir_policy_destroy(w.policies[i]);
    w.e.n_policies = 2;
    run_chains(&w, 4, 0, false);
    assert_true(is_same_row(&all, 0, &w.c, 0));
    assert_true(is_same_row(&all, last, &w.c, 1));
    mir_comparison_release(&all);
    close_world(&w);
}

/* ---- Heeding each other */

static void open_futures(struct world *w)
{
    open_generated(w, MIR_SCHED_SLURM, 24);
    add_policy(w, "lookahead:futures=8");
    w->e.max_episodes = 1;
    w->e.period_s = 3 * HOUR;
}

static void only_policies_that_play_out_futures_have_a_row_alone(void **state)
{
    struct world w;

    (void)state;
    open_futures(&w);
    run_chains(&w, 1, 0, true);
    assert_int_equal(w.c.n_rows, 5);
    assert_int_equal(w.c.rows[2].alone_row, 0);
    assert_int_equal(w.c.rows[3].alone_row, 4);
    assert_string_equal(w.c.rows[4].policy, "lookahead:futures=8 (alone)");
    /* With nobody else there is nobody to heed. */
    assert_true(is_same_row(&w.c, 3, &w.c, 4));
    close_world(&w);
}

static void chains_that_compete_heed_each_other(void **state)
{
    struct world w;

    (void)state;
    open_futures(&w);
    run_chains(&w, 4, 0, true);
    assert_false(is_same_row(&w.c, 3, &w.c, 4));
    close_world(&w);
}

/* ---- Figures */

static void differences_are_of_mean_costs(void **state)
{
    struct mir_figures reactive, lead;
    struct mir_cost_difference d;
    struct world w;

    (void)state;
    open_generated(&w, MIR_SCHED_SLURM, 25);
    run_chains(&w, 3, 0, false);
    for (uint32_t v = 0; v < 2; v++) {
        mir_comparison_figures(&w.c, &w.c.rows[0], v, -1, &reactive);
        mir_comparison_figures(&w.c, &w.c.rows[1], v, -1, &lead);
        mir_comparison_difference(&w.c, &w.c.rows[1], &w.c.rows[0], v, &d);
        assert_true(fabs(d.mean_h - (lead.cost_mean_h - reactive.cost_mean_h)) < 1e-9);
        assert_true(d.low_h < d.mean_h && d.mean_h < d.high_h);
        mir_comparison_difference(&w.c, &w.c.rows[1], &w.c.rows[1], v, &d);
        assert_true(d.low_h >= 0 && d.mean_h >= 0 && d.high_h <= 0);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_with_room_for_one_wait_for_each_other),
        cmocka_unit_test(each_policy_meets_what_it_submitted_itself),
        cmocka_unit_test(chains_begin_spread_evenly),
        cmocka_unit_test(long_chains_take_turns),
        cmocka_unit_test(a_successor_that_never_starts_stops_its_chain_only),
        cmocka_unit_test(refuses_what_makes_no_world),
        cmocka_unit_test(refuses_a_chain_larger_than_the_cluster),
        cmocka_unit_test(one_chain_is_what_a_run_finds),
        cmocka_unit_test(threads_do_not_change_the_outcome),
        cmocka_unit_test(other_policies_change_nothing),
        cmocka_unit_test(only_policies_that_play_out_futures_have_a_row_alone),
        cmocka_unit_test(chains_that_compete_heed_each_other),
        cmocka_unit_test(differences_are_of_mean_costs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
