/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_cluster.c - defaults and single settings of the simulated cluster. */
#include "traces/sim/cluster.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/host/job.h"

static void defaults_are_those_of_slurm_22_05(void **state)
{
    struct mir_cluster c;

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 76);
    assert_true(c.params.backfill);
    assert_int_equal(c.params.sched_interval_s, 60);
    assert_int_equal(c.params.bf_interval_s, 30);
    assert_int_equal(c.params.bf_window_s, 86400);
    assert_int_equal(c.params.bf_resolution_s, 60);
    assert_int_equal(c.params.bf_max_job_test, 500);
    assert_int_equal(c.params.bf_max_job_user, 0);
    assert_int_equal(c.params.bf_max_job_start, 0);
    assert_int_equal(c.params.default_queue_depth, 100);
    assert_int_equal(c.params.partition_job_depth, 0);
    assert_false(c.params.bf_continue);
    assert_false(c.params.defer);
    assert_true(c.priority.multifactor);
    assert_int_equal(c.priority.max_age_s, 7 * 86400);
    assert_int_equal(c.priority.decay_half_life_s, 7 * 86400);
    assert_int_equal(c.priority.calc_period_s, 300);
    assert_int_equal(c.priority.weight_age, 0);
}

static void one_number_of_nodes_makes_one_partition(void **state)
{
    struct mir_cluster c;

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_EASY, 76);
    assert_int_equal(c.scheduler, MIR_SCHED_EASY);
    assert_int_equal(mir_cluster_nodes(&c), 76);
    assert_int_equal(c.n_partitions, 1);
    assert_int_equal(mir_cluster_partition_nodes(&c, 0), 76);
    assert_true(c.partitions[0].is_default && c.partitions[0].up);
    assert_int_equal(c.partitions[0].max_time_s, MIR_UNLIMITED);
    assert_int_equal(c.partitions[0].max_nodes, UINT32_MAX);
    mir_cluster_init(&c, MIR_SCHED_SLURM, 0);
    assert_int_equal(mir_cluster_nodes(&c), 0);
    assert_int_equal(c.n_partitions, 0);
}

static void sets_each_key_in_slurm_s_units(void **state)
{
    struct mir_cluster c;
    const struct {
        const char *key, *value;
        const int32_t *field;
        int32_t expected;
    } cases[] = {
        {"bf_interval", "10", &c.params.bf_interval_s, 10},
        {"bf_window", "2880", &c.params.bf_window_s, 172800},
        {"BF_Resolution", "600", &c.params.bf_resolution_s, 600},
        {"bf_min_age_reserve", "60", &c.params.bf_min_age_reserve_s, 60},
        {"bf_window_linear", "30", &c.params.bf_window_linear_s, 30},
        {"sched_interval", "-1", &c.params.sched_interval_s, -1},
        {"PriorityMaxAge", "14-0", &c.priority.max_age_s, 14 * 86400},
        {"PriorityMaxAge", "30", &c.priority.max_age_s, 1800},
        {"prioritydecayhalflife", "0", &c.priority.decay_half_life_s, 0},
        {"PriorityDecayHalfLife", "1-12:00:00", &c.priority.decay_half_life_s, 129600},
        {"PriorityCalcPeriod", "1", &c.priority.calc_period_s, 60},
    };

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_error err = {{0}};

        if (mir_cluster_set(&c, cases[i].key, cases[i].value, &err) != 0)
            fail_msg("%s=%s: %s", cases[i].key, cases[i].value, err.text);
        assert_int_equal(*cases[i].field, cases[i].expected);
    }
}

static void sets_counts_and_weights(void **state)
{
    struct mir_cluster c;
    const struct {
        const char *key, *value;
        const uint32_t *field;
        uint32_t expected;
    } cases[] = {
        {"bf_max_job_test", "3000", &c.params.bf_max_job_test, 3000},
        {"bf_max_job_user", "20", &c.params.bf_max_job_user, 20},
        {"bf_max_job_part", "50", &c.params.bf_max_job_part, 50},
        {"bf_max_job_start", "7", &c.params.bf_max_job_start, 7},
        {"bf_max_job_user_part", "8", &c.params.bf_max_job_user_part, 8},
        {"default_queue_depth", "1000", &c.params.default_queue_depth, 1000},
        {"partition_job_depth", "9", &c.params.partition_job_depth, 9},
        {"PriorityWeightAge", "7000", &c.priority.weight_age, 7000},
        {"PriorityWeightFairshare", "4294967295", &c.priority.weight_fairshare, UINT32_MAX},
        {"PriorityWeightFairShare", "1", &c.priority.weight_fairshare, 1},
        {"PriorityWeightJobSize", "100", &c.priority.weight_job_size, 100},
        {"PriorityWeightPartition", "2", &c.priority.weight_partition, 2},
        {"PriorityWeightQOS", "3", &c.priority.weight_qos, 3},
    };

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(mir_cluster_set(&c, cases[i].key, cases[i].value, NULL), 0);
        assert_int_equal(*cases[i].field, cases[i].expected);
    }
}

static void sets_flags_by_name_alone_or_yes_and_no(void **state)
{
    struct mir_cluster c;

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
    assert_int_equal(mir_cluster_set(&c, "bf_continue", "", NULL), 0);
    assert_true(c.params.bf_continue);
    assert_int_equal(mir_cluster_set(&c, "bf_continue", "no", NULL), 0);
    assert_false(c.params.bf_continue);
    assert_int_equal(mir_cluster_set(&c, "PriorityFavorSmall", "YES", NULL), 0);
    assert_true(c.priority.favor_small);
    assert_int_equal(mir_cluster_set(&c, "PriorityType", "priority/multifactor", NULL), 0);
    assert_true(c.priority.multifactor);
    assert_int_equal(
        mir_cluster_set(&c, "PriorityFlags", "accrue_always,MAX_TRES,NO_FAIR_TREE", NULL), 0);
    assert_true(c.priority.accrue_always && c.priority.no_fair_tree);
    assert_false(c.priority.incr_only || c.priority.small_relative_to_time);
    assert_int_equal(mir_cluster_set(&c, "PriorityFlags", "INCR_ONLY", NULL), 0);
    assert_true(c.priority.incr_only);
    assert_false(c.priority.accrue_always);
}

static void a_parameter_list_skips_unknown_names_and_counts_the_first(void **state)
{
    struct mir_cluster c;

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
    assert_int_equal(mir_cluster_set(&c, "SchedulerParameters",
                                     "batch_sched_delay=0,bf_interval=15,defer,bf_yield_interval="
                                     "1000000,bf_interval=99,,bf_continue",
                                     NULL),
                     0);
    assert_int_equal(c.params.bf_interval_s, 15);
    assert_true(c.params.defer && c.params.bf_continue);
    assert_int_equal(mir_cluster_set(&c, "SchedulerParameters", "", NULL), 0);
}

static void backfill_needs_its_plugin_and_an_interval(void **state)
{
    struct mir_cluster c;

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
    assert_int_equal(mir_cluster_set(&c, "SchedulerType", "sched/builtin", NULL), 0);
    assert_false(c.params.backfill);
    assert_int_equal(mir_cluster_set(&c, "SchedulerType", "sched/backfill", NULL), 0);
    assert_true(c.params.backfill);
    assert_int_equal(mir_cluster_set(&c, "bf_interval", "-1", NULL), 0);
    assert_false(c.params.backfill);
    assert_int_equal(mir_cluster_set(&c, "SchedulerType", "sched/backfill", NULL), 0);
    assert_false(c.params.backfill);
}

static void refuses_values_out_of_range_and_changes_nothing(void **state)
{
    static const struct {
        const char *key, *value;
    } cases[] = {
        {"bf_interval", "0"},
        {"bf_interval", "-2"},
        {"bf_interval", "10801"},
        {"bf_interval", "thirty"},
        {"bf_interval", ""},
        {"bf_window", "43201"},
        {"bf_window", "0"},
        {"bf_resolution", "3601"},
        {"bf_max_job_test", "0"},
        {"bf_max_job_test", "1000001"},
        {"bf_max_job_start", "-1"},
        {"bf_min_age_reserve", "2592001"},
        {"default_queue_depth", "0"},
        {"default_queue_depth", "99999999999999999999"},
        {"sched_interval", "0"},
        {"bf_continue", "perhaps"},
        {"PriorityWeightAge", "-1"},
        {"PriorityWeightAge", "4294967296"},
        {"PriorityMaxAge", "long"},
        {"PriorityMaxAge", "0"},
        {"PriorityType", "priority/whim"},
        {"SchedulerType", "sched/hold"},
        {"SchedulerParameters", "bf_interval=20,bf_window=0"},
        {"bf_magic", "1"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_cluster c, before;
        struct mir_error err = {{0}};

        mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
        before = c;
        if (mir_cluster_set(&c, cases[i].key, cases[i].value, &err) != -EINVAL)
            fail_msg("accepted %s=%s", cases[i].key, cases[i].value);
        assert_memory_equal(&c, &before, sizeof(c));
        assert_int_not_equal(err.text[0], '\0');
    }
}

static void names_the_key_in_its_refusal(void **state)
{
    struct mir_cluster c;
    struct mir_error err = {{0}};

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
    assert_int_equal(mir_cluster_set(&c, "bf_resolution", "7200", &err), -EINVAL);
    assert_string_equal(err.text, "bf_resolution: 7200 is not in 1..3600");
}

static void schedulers_have_names_that_parse_back(void **state)
{
    static const enum mir_scheduler all[] = {MIR_SCHED_SLURM, MIR_SCHED_FCFS, MIR_SCHED_EASY,
                                             MIR_SCHED_CONSERVATIVE};
    enum mir_scheduler s = MIR_SCHED_FCFS;

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_int_equal(mir_scheduler_parse(mir_scheduler_name(all[i]), &s, NULL), 0);
        assert_int_equal(s, all[i]);
    }
    assert_string_equal(mir_scheduler_name(MIR_SCHED_EASY), "easy");
    assert_int_equal(mir_scheduler_parse("maui", &s, NULL), -EINVAL);
    assert_int_equal(s, MIR_SCHED_CONSERVATIVE);
}

static void qos_are_added_and_changed(void **state)
{
    static const char *const wrong[] = {"",       "high",           "=5", "high=", "high=-1",
                                        "high=x", "high=4294967296"};
    struct mir_cluster c;
    char text[32];

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
    assert_int_equal(mir_cluster_add_qos(&c, "high=100", NULL), 0);
    assert_int_equal(mir_cluster_add_qos(&c, "low=0", NULL), 0);
    assert_int_equal(mir_cluster_add_qos(&c, "high=200", NULL), 0);
    assert_int_equal(c.n_qos, 2);
    assert_string_equal(c.qos[0].name, "high");
    assert_int_equal(c.qos[0].priority, 200);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(mir_cluster_add_qos(&c, wrong[i], NULL), -EINVAL);
    for (int i = 2; i < MIR_MAX_QOS - 1; i++) {
        snprintf(text, sizeof(text), "q%d=%d", i, i);
        assert_int_equal(mir_cluster_add_qos(&c, text, NULL), 0);
    }
    assert_int_equal(mir_cluster_add_qos(&c, "one_more=1", NULL), -EINVAL);
    assert_int_equal(c.qos[c.n_qos].priority, 0);
}

static void finds_partitions_by_name_or_default(void **state)
{
    struct mir_cluster c;

    (void)state;
    mir_cluster_init(&c, MIR_SCHED_SLURM, 4);
    c.partitions[1] = c.partitions[0];
    c.partitions[0].is_default = false;
    strncpy(c.partitions[0].name, "short", sizeof(c.partitions[0].name) - 1);
    c.n_partitions = 2;
    assert_int_equal(mir_cluster_find_partition(&c, "short"), 0);
    assert_int_equal(mir_cluster_find_partition(&c, "default"), 1);
    assert_int_equal(mir_cluster_find_partition(&c, "nowhere"), 1);
    c.partitions[1].is_default = false;
    assert_int_equal(mir_cluster_find_partition(&c, "nowhere"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_slurm_22_05),
        cmocka_unit_test(one_number_of_nodes_makes_one_partition),
        cmocka_unit_test(sets_each_key_in_slurm_s_units),
        cmocka_unit_test(sets_counts_and_weights),
        cmocka_unit_test(sets_flags_by_name_alone_or_yes_and_no),
        cmocka_unit_test(a_parameter_list_skips_unknown_names_and_counts_the_first),
        cmocka_unit_test(backfill_needs_its_plugin_and_an_interval),
        cmocka_unit_test(refuses_values_out_of_range_and_changes_nothing),
        cmocka_unit_test(names_the_key_in_its_refusal),
        cmocka_unit_test(schedulers_have_names_that_parse_back),
        cmocka_unit_test(qos_are_added_and_changed),
        cmocka_unit_test(finds_partitions_by_name_or_default),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
