/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_fairshare.c - who goes first when usage counts, worked out by hand on a
 * machine of one node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "traces/sim/sim.h"

enum { HOUR = 3600, DAY = 24 * HOUR, PERIOD = 300 };

struct line {
    int64_t submit_at;
    const char *account, *user;
    int32_t run_s;
};

struct fixture {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_sim *sim;
};

static void open_fixture(struct fixture *f, const struct line *lines, size_t n, bool fair_tree)
{
    struct mir_workload_options workload_options;
    struct mir_sim_options options;

    mir_joblog_init(&f->log);
    for (size_t i = 0; i < n; i++) {
        struct mir_job *job = mir_joblog_add(&f->log);
        job->id = (uint32_t)i + 1;
        job->submit_at = lines[i].submit_at;
        job->run_s = job->limit_s = lines[i].run_s;
        job->n_nodes = 1;
        job->account = (uint16_t)mir_names_add(&f->log.accounts, lines[i].account, 1);
        job->user = mir_names_add(&f->log.users, lines[i].user, 1);
    }
    mir_cluster_init(&f->cluster, MIR_SCHED_SLURM, 1);
    f->cluster.priority.weight_fairshare = 10000;
    f->cluster.priority.decay_half_life_s = 1 * DAY;
    f->cluster.priority.calc_period_s = PERIOD;
    f->cluster.priority.no_fair_tree = !fair_tree;
    mir_workload_options_init(&workload_options);
    assert_int_equal(
        mir_workload_create(&f->log, &f->cluster, &workload_options, &f->workload, NULL), 0);
    mir_sim_options_init(&options);
    options.cluster = &f->cluster;
    options.workload = &f->workload;
    options.keep_starts = true;
    assert_int_equal(mir_sim_create(&options, &f->sim, NULL), 0);
}

static void close_fixture(struct fixture *f)
{
    mir_sim_destroy(f->sim);
    mir_workload_release(&f->workload);
    mir_joblog_release(&f->log);
}

/* Jobs run one after another: their starts tell the order in which they were tried. */
static void assert_order(const struct line *lines, size_t n, bool fair_tree, const size_t *order)
{
    struct fixture f;

    open_fixture(&f, lines, n, fair_tree);
    mir_sim_run(f.sim);
    const int64_t *starts = mir_sim_starts(f.sim);
    for (size_t i = 1; i < n; i++)
        assert_true(starts[order[i - 1]] < starts[order[i]]);
    close_fixture(&f);
}

/* a has used an hour when both are waiting. */
static const struct line newcomer[] = {
    {0, "x", "a", HOUR},
    {60, "x", "a", HOUR},
    {120, "x", "b", HOUR},
};

static void who_has_used_less_goes_first(void **state)
{
    static const size_t order[] = {0, 2, 1};

    (void)state;
    assert_order(newcomer, 3, true, order);
    assert_order(newcomer, 3, false, order);
}

/*
 * c of account y has used more than a of account x, but x as a whole, by b, more
 * than y.  Fair Tree looks at accounts first: c before a.
 */
static const struct line accounts[] = {
    {0, "x", "b", 6 * HOUR}, {10, "y", "c", 2 * HOUR}, {20, "x", "a", HOUR},
    {30, "x", "a", HOUR},    {40, "y", "c", HOUR},
};

static void fair_tree_ranks_accounts_before_users(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f, accounts, 5, true);
    mir_sim_run(f.sim);
    const int64_t *starts = mir_sim_starts(f.sim);
    assert_int_equal(starts[0], 0);
    assert_true(starts[1] < starts[2]); /* y has used nothing, x six hours */
    assert_true(starts[4] < starts[3]); /* y two or three hours, x more than six */
    close_fixture(&f);
}

/* Used a hundred half-lives ago: as good as never, so the earlier submission counts. */
static const struct line long_ago[] = {
    {0, "x", "a", HOUR},
    {100 * DAY, "x", "c", HOUR},
    {100 * DAY + 60, "x", "a", HOUR},
    {100 * DAY + 120, "x", "b", HOUR},
};

static void usage_fades(void **state)
{
    static const size_t order[] = {0, 1, 2, 3};

    (void)state;
    assert_order(long_ago, 4, false, order);
}

static void forks_carry_the_usage_with_them(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f, newcomer, 3, true);
    mir_sim_advance(f.sim, 200);
    struct mir_sim *fork = mir_sim_fork(f.sim);
    mir_sim_run(f.sim);
    mir_sim_run(fork);
    assert_int_equal(mir_sim_now(fork), mir_sim_now(f.sim));
    assert_int_equal(mir_sim_counters(fork)->n_started, 3);
    mir_sim_destroy(fork);
    close_fixture(&f);
}

static void without_slurmdbd_fair_share_does_not_count(void **state)
{
    struct fixture f;

    (void)state;
    open_fixture(&f, newcomer, 3, true);
    mir_sim_destroy(f.sim);
    f.cluster.priority.accounting = false;
    struct mir_sim_options options;
    mir_sim_options_init(&options);
    options.cluster = &f.cluster;
    options.workload = &f.workload;
    options.keep_starts = true;
    assert_int_equal(mir_sim_create(&options, &f.sim, NULL), 0);
    mir_sim_run(f.sim);
    assert_true(mir_sim_starts(f.sim)[1] < mir_sim_starts(f.sim)[2]);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_used_less_goes_first),
        cmocka_unit_test(fair_tree_ranks_accounts_before_users),
        cmocka_unit_test(usage_fades),
        cmocka_unit_test(forks_carry_the_usage_with_them),
        cmocka_unit_test(without_slurmdbd_fair_share_does_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
