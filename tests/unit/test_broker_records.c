/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_records.c - Slurm's structs, made by hand, as records of the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/broker/reasons.h"
#include "daemon/broker/records.h"
#include "daemon/core/rng.h"
#include "daemon/host/wire.h"
#include "daemon/slurm/decode.h"

enum { NOW = 1795248000 };

/* A pending batch job as slurmctld sends one. */
static slurm_job_info_t pending_job(void)
{
    slurm_job_info_t job = {
        .job_id = 7,
        .user_id = 1001,
        .group_id = 1002,
        .job_state = JOB_PENDING,
        .state_reason = WAIT_PRIORITY,
        .array_task_id = NO_VAL,
        .batch_flag = 1,
        .num_nodes = 2,
        .num_cpus = 32,
        .priority = 500,
        .nice = NICE_OFFSET,
        .time_limit = 90,
        .submit_time = NOW - 100,
        .eligible_time = NOW - 100,
        .tres_req_str = (char *)"cpu=32,mem=64G,node=2,billing=32",
    };

    return job;
}

static slurm_job_info_t running_job(void)
{
    slurm_job_info_t job = pending_job();

    job.job_state = JOB_RUNNING;
    job.state_reason = WAIT_NO_REASON;
    job.start_time = NOW - 50;
    job.end_time = NOW - 50 + 5400;
    job.nodes = (char *)"n[01-02]";
    return job;
}

static struct mir_live_job read_job(const slurm_job_info_t *job)
{
    struct mir_live_job live;

    mir_record_job_read(job, "alice", NOW, &live);
    return live;
}

/* The record that was written into `s`, parsed in place. */
static void parse(struct mir_str *s, struct mir_wire_record *out)
{
    struct mir_error err = {0};

    assert_true(s->len > 0 && s->text[s->len - 1] == '\n');
    if (mir_wire_parse(s->text, s->len - 1, out, &err) != 0)
        fail_msg("%s", err.text);
}

static int64_t number(const struct mir_wire_record *r, const char *key)
{
    int64_t value = 0;

    assert_int_equal(mir_wire_get_i64(r, key, INT64_MIN, INT64_MAX, &value, NULL), 0);
    return value;
}

static void every_state_of_slurm_has_one_of_ours(void **state)
{
    static const struct {
        uint32_t slurm;
        uint8_t ours;
        uint32_t flags;
        bool ended;
    } cases[] = {
        {JOB_PENDING, MIR_STATE_PENDING, 0, false},
        {JOB_RUNNING, MIR_STATE_RUNNING, 0, false},
        {JOB_SUSPENDED, MIR_STATE_RUNNING, MIR_LIVE_SUSPENDED, false},
        {JOB_COMPLETE, MIR_STATE_COMPLETED, 0, true},
        {JOB_CANCELLED, MIR_STATE_CANCELLED, 0, true},
        {JOB_FAILED, MIR_STATE_FAILED, 0, true},
        {JOB_TIMEOUT, MIR_STATE_TIMEOUT, 0, true},
        {JOB_NODE_FAIL, MIR_STATE_NODE_FAIL, 0, true},
        {JOB_PREEMPTED, MIR_STATE_PREEMPTED, 0, true},
        {JOB_BOOT_FAIL, MIR_STATE_NODE_FAIL, 0, true},
        {JOB_DEADLINE, MIR_STATE_OTHER, MIR_LIVE_DEADLINE, true},
        {JOB_OOM, MIR_STATE_OUT_OF_MEMORY, 0, true},
        {JOB_RUNNING | JOB_CONFIGURING, MIR_STATE_RUNNING, 0, false},
        {JOB_COMPLETE | JOB_COMPLETING, MIR_STATE_COMPLETED, 0, true},
        {77, MIR_STATE_OTHER, 0, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t flags = 0;
        uint8_t ours = mir_record_state(cases[i].slurm, &flags);

        assert_int_equal(ours, cases[i].ours);
        assert_int_equal(flags, cases[i].flags);
        assert_int_equal(mir_record_ended(ours), cases[i].ended);
    }
}

static void limits_become_seconds(void **state)
{
    (void)state;
    assert_int_equal(mir_record_limit_s(0), 0);
    assert_int_equal(mir_record_limit_s(1), 60);
    assert_int_equal(mir_record_limit_s(525600), 31536000);
    assert_int_equal(mir_record_limit_s(INFINITE), MIR_UNLIMITED);
    assert_int_equal(mir_record_limit_s(NO_VAL), MIR_UNLIMITED);
    assert_int_equal(mir_record_limit_s(INT32_MAX / 60), MIR_UNLIMITED);
    assert_int_equal(mir_record_limit_s(INT32_MAX / 60 - 1), (INT32_MAX / 60 - 1) * 60);
}

static void exit_status_is_split(void **state)
{
    static const struct {
        uint32_t status;
        int32_t code, signal;
    } cases[] = {
        {0, 0, 0},          {768, 3, 0},      {9, 0, 9},
        {255 << 8, 255, 0}, {0x8b, 0, 11}, /* with a core dump */
        {NO_VAL, 0, 0},     {INFINITE, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t code = -1, sig = -1;

        mir_record_exit(cases[i].status, &code, &sig);
        assert_int_equal(code, cases[i].code);
        assert_int_equal(sig, cases[i].signal);
    }
}

static void gpus_are_counted_once(void **state)
{
    static const struct {
        const char *tres;
        uint32_t n;
    } cases[] = {
        {NULL, 0},
        {"", 0},
        {"cpu=4,mem=8G", 0},
        {"gres/gpu=2", 2},
        {"cpu=1,gres/gpu=8,gres/gpu:a100=8", 8},
        {"cpu=1,gres/gpu:a100=8,gres/gpu=8", 8},
        {"gres/gpu:a100=3,gres/gpu:v100=2", 5},
        {"gres/gpumem=40G", 0},
        {"gres/gpuutil=9,gres/gpu=1", 1},
        {"gres/gpu", 0},
        {"gres/gpu=", 0},
        {"gres/gpu:", 0},
        {"gres/gpu:a,b=7", 0},
        {"gres/gpu=99999999999999999999", 0},
        {",,gres/gpu=4,", 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(mir_record_gpus(cases[i].tres), cases[i].n);
}

static void array_tasks_are_counted(void **state)
{
    static const struct {
        const char *text;
        uint32_t n;
    } cases[] = {
        {NULL, 1},
        {"", 1},
        {"7", 1},
        {"0-9", 10},
        {"1-5%1", 5},
        {"7,10,13,90%2", 4},
        {"1-9:2,20", 6},
        {"0-9,...", 10},
        {"0-4000000", 4000001},
        {"0-4294967295", 4000001},
        {"0-4294967295,0-4294967295", 4000001},
        {"9-1", 1},
        {"1-9:0", 1},
        {"junk", 1},
        {"3-", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(mir_record_tasks(cases[i].text), cases[i].n);
}

/* Against the tasks that were put in, in random strings of single ones and ranges. */
static void array_tasks_agree_with_a_count_by_hand(void **state)
{
    struct mir_rng rng;
    uint64_t seed = 20260517;

    (void)state;
    mir_rng_init(&rng, seed);
    for (int i = 0; i < 300; i++) {
        struct mir_str s = {0};
        uint32_t expected = 0, at = 0;
        uint64_t n_parts = 1 + mir_rng_below(&rng, 20);

        for (uint64_t part = 0; part < n_parts; part++) {
            uint32_t n = 1 + (uint32_t)mir_rng_below(&rng, 50);
            uint32_t step = 1 + (uint32_t)mir_rng_below(&rng, 4);

            mir_str_addf(&s, "%s%u", part == 0 ? "" : ",", at);
            if (n > 1)
                mir_str_addf(&s, "-%u:%u", at + (n - 1) * step, step);
            at += n * step + 1;
            expected += n;
        }
        if (mir_record_tasks(s.text) != expected)
            fail_msg("seed %llu: %s", (unsigned long long)seed, s.text);
        mir_str_release(&s);
    }
}

static void a_pending_job_is_read(void **state)
{
    slurm_job_info_t job = pending_job();
    struct mir_live_job live;

    (void)state;
    job.nice = NICE_OFFSET + 100;
    job.start_time = NOW + 1000;
    job.end_time = NOW + 2000;
    live = read_job(&job);
    assert_int_equal(live.state, MIR_STATE_PENDING);
    assert_int_equal(live.flags, MIR_LIVE_BATCH);
    assert_int_equal(live.limit_s, 5400);
    assert_int_equal(live.nice, 100);
    assert_int_equal(live.n_tasks, 1);
    assert_int_equal(live.start_at, NOW + 1000);
    assert_int_equal(live.end_at, 0);
    assert_string_equal(live.user, "alice");
    assert_string_equal(live.reason, "Priority");
    assert_string_equal(live.comment, "");
}

static void slurmctlds_user_name_goes_first(void **state)
{
    slurm_job_info_t job = pending_job();

    (void)state;
    job.user_name = (char *)"bob";
    assert_string_equal(read_job(&job).user, "bob");
}

static void negative_nice_stays_negative(void **state)
{
    slurm_job_info_t job = pending_job();

    (void)state;
    job.nice = NICE_OFFSET - 5;
    assert_int_equal(read_job(&job).nice, -5);
    job.nice = NO_VAL;
    assert_int_equal(read_job(&job).nice, 0);
}

static void waiting_is_told_apart(void **state)
{
    static const struct {
        uint32_t reason, more_state, priority;
        int64_t eligible_at;
        const char *dependency;
        uint32_t flags;
    } cases[] = {
        {WAIT_RESOURCES, 0, 5, NOW, NULL, 0},
        {WAIT_DEPENDENCY, 0, 5, 0, "afterany:3(unfulfilled)", MIR_LIVE_DEPENDENT},
        {WAIT_DEP_INVALID, 0, 5, 0, "afterok:3(failed)", MIR_LIVE_DEPENDENT},
        {WAIT_HELD_USER, 0, 0, 0, NULL, MIR_LIVE_HELD_USER},
        {WAIT_HELD_USER, 0, 0, 0, "singleton", MIR_LIVE_HELD_USER | MIR_LIVE_DEPENDENT},
        {WAIT_HELD, 0, 0, 0, NULL, MIR_LIVE_HELD_ADMIN},
        {WAIT_MAX_REQUEUE, 0, 0, 0, NULL, MIR_LIVE_HELD_ADMIN},
        {WAIT_NO_REASON, 0, 0, NOW, NULL, MIR_LIVE_HELD_ADMIN},
        {WAIT_NO_REASON, JOB_SPECIAL_EXIT, 5, NOW, NULL, MIR_LIVE_HELD_ADMIN},
        {WAIT_NO_REASON, JOB_REQUEUE_HOLD, 5, NOW, NULL, MIR_LIVE_HELD_ADMIN},
        {WAIT_TIME, 0, 5, NOW + 60, NULL, MIR_LIVE_BEGIN_LATER},
        {WAIT_PRIORITY, 0, 5, NOW + 60, NULL, MIR_LIVE_BEGIN_LATER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        slurm_job_info_t job = pending_job();
        struct mir_live_job live;

        job.state_reason = (__typeof__(job.state_reason))cases[i].reason;
        job.job_state |= cases[i].more_state;
        job.priority = cases[i].priority;
        job.eligible_time = cases[i].eligible_at;
        job.dependency = (char *)(uintptr_t)cases[i].dependency;
        live = read_job(&job);
        assert_int_equal(live.flags & ~(uint32_t)MIR_LIVE_BATCH, cases[i].flags);
        assert_int_equal(live.state, MIR_STATE_PENDING);
        if (cases[i].eligible_at == 0)
            assert_int_equal(live.eligible_at, INT64_MAX);
        else
            assert_int_equal(live.eligible_at, cases[i].eligible_at);
    }
}

static void a_running_job_keeps_no_waiting_flags(void **state)
{
    slurm_job_info_t job = running_job();
    struct mir_live_job live;

    (void)state;
    job.priority = 0;
    job.dependency = (char *)"afterok:1";
    job.exit_code = 256;
    live = read_job(&job);
    assert_int_equal(live.flags, MIR_LIVE_BATCH);
    assert_int_equal(live.exit_code, 0);
    assert_int_equal(live.end_at, NOW - 50 + 5400);
    assert_string_equal(live.reason, "");
}

static void kinds_of_jobs_are_flagged(void **state)
{
    slurm_job_info_t array = running_job(), het = running_job(), fed = running_job(),
                     resized = running_job(), interactive = running_job(), stopped = running_job();

    (void)state;
    array.array_job_id = 5;
    array.array_task_id = 3;
    assert_int_equal(read_job(&array).flags, MIR_LIVE_BATCH | MIR_LIVE_ARRAY);
    assert_int_equal(read_job(&array).n_tasks, 1);
    array.array_task_id = NO_VAL;
    array.array_task_str = (char *)"4-7%1";
    assert_int_equal(read_job(&array).n_tasks, 4);
    het.het_job_id = 6;
    assert_int_equal(read_job(&het).flags, MIR_LIVE_BATCH | MIR_LIVE_HET);
    fed.fed_siblings_viable = 2;
    assert_int_equal(read_job(&fed).flags, MIR_LIVE_BATCH | MIR_LIVE_FEDERATED);
    resized.resize_time = NOW;
    assert_int_equal(read_job(&resized).flags, MIR_LIVE_BATCH | MIR_LIVE_RESIZED);
    interactive.batch_flag = 0;
    assert_int_equal(read_job(&interactive).flags, 0);
    stopped.job_state |= JOB_STOPPED;
    assert_int_equal(read_job(&stopped).flags, MIR_LIVE_BATCH | MIR_LIVE_SUSPENDED);
}

static void a_completing_job_has_ended(void **state)
{
    slurm_job_info_t job = running_job();
    struct mir_live_job live;

    (void)state;
    job.job_state = JOB_FAILED | JOB_COMPLETING;
    job.end_time = NOW - 1;
    job.exit_code = 3 << 8;
    live = read_job(&job);
    assert_int_equal(live.state, MIR_STATE_FAILED);
    assert_true((live.flags & MIR_LIVE_COMPLETING) != 0);
    assert_int_equal(live.exit_code, 3);
    assert_int_equal(live.end_at, NOW - 1);
    assert_int_equal(live.start_at, NOW - 50);
}

static void a_job_cancelled_while_it_waited_never_started(void **state)
{
    slurm_job_info_t job = pending_job();

    (void)state;
    job.job_state = JOB_CANCELLED;
    job.start_time = job.end_time = NOW;
    assert_int_equal(read_job(&job).start_at, 0);
    assert_int_equal(read_job(&job).end_at, NOW);
    job.nodes = (char *)"n01"; /* ran for less than a second */
    assert_int_equal(read_job(&job).start_at, NOW);
}

static void allocated_gpus_go_before_requested_ones(void **state)
{
    slurm_job_info_t job = running_job();

    (void)state;
    job.tres_req_str = (char *)"cpu=1,gres/gpu=2";
    assert_int_equal(read_job(&job).n_gpus, 2);
    job.tres_alloc_str = (char *)"cpu=1,gres/gpu=4";
    assert_int_equal(read_job(&job).n_gpus, 4);
}

static void a_job_comes_back_from_its_record(void **state)
{
    slurm_job_info_t job = pending_job();
    struct mir_live_job live;
    struct mir_wire_record record;
    struct mir_str s = {0};

    (void)state;
    job.name = (char *)"two\nlines id=99";
    job.comment = (char *)"mirage:w=0.1 100%";
    job.time_limit = INFINITE;
    job.eligible_time = 0;
    live = read_job(&job);
    mir_record_job_write(&s, 42, &live);
    parse(&s, &record);
    assert_string_equal(record.verb, "job");
    assert_int_equal(number(&record, "ticket"), 42);
    assert_int_equal(number(&record, "id"), 7);
    assert_int_equal(number(&record, "uid"), 1001);
    assert_int_equal(number(&record, "gid"), 1002);
    assert_int_equal(number(&record, "nodes"), 2);
    assert_int_equal(number(&record, "cpus"), 32);
    assert_int_equal(number(&record, "tasks"), 1);
    assert_int_equal(number(&record, "eligible_at"), INT64_MAX);
    assert_string_equal(mir_wire_get(&record, "state"), "PENDING");
    assert_string_equal(mir_wire_get(&record, "name"), "two\nlines id=99");
    assert_string_equal(mir_wire_get(&record, "comment"), "mirage:w=0.1 100%");
    assert_null(mir_wire_get(&record, "limit_s"));
    assert_null(mir_wire_get(&record, "start_at"));
    assert_null(mir_wire_get(&record, "gpus"));
    mir_str_release(&s);
}

static void a_past_job_comes_back_from_its_record(void **state)
{
    struct mir_live_past past = {
        .id = 9,
        .uid = 1001,
        .n_nodes = 3,
        .limit_s = MIR_UNLIMITED,
        .exit_signal = 9,
        .state = MIR_STATE_FAILED,
        .submit_at = NOW,
        .user = "alice",
        .account = "",
        .partition = "main",
        .qos = "normal",
        .comment = "a b",
        .name = "run 7",
    };
    struct mir_wire_record record;
    struct mir_str s = {0};

    (void)state;
    mir_record_past_write(&s, 1, &past);
    parse(&s, &record);
    assert_string_equal(record.verb, "past");
    assert_string_equal(mir_wire_get(&record, "state"), "FAILED");
    assert_string_equal(mir_wire_get(&record, "comment"), "a b");
    assert_string_equal(mir_wire_get(&record, "name"), "run 7");
    assert_int_equal(number(&record, "exit_signal"), 9);
    assert_null(mir_wire_get(&record, "limit_s"));
    assert_null(mir_wire_get(&record, "account"));
    assert_null(mir_wire_get(&record, "start_at"));
    mir_str_release(&s);
}

static void nodes_are_idle_down_or_neither(void **state)
{
    node_info_t nodes[] = {
        {.name = (char *)"idle", .node_state = NODE_STATE_IDLE},
        {.name = (char *)"planned", .node_state = NODE_STATE_IDLE | NODE_STATE_PLANNED},
        {.name = (char *)"asleep", .node_state = NODE_STATE_IDLE | NODE_STATE_POWERED_DOWN},
        {.name = (char *)"busy", .node_state = NODE_STATE_ALLOCATED},
        {.name = (char *)"mixed", .node_state = NODE_STATE_MIXED},
        {.name = (char *)"down", .node_state = NODE_STATE_DOWN},
        {.name = (char *)"drained", .node_state = NODE_STATE_IDLE | NODE_STATE_DRAIN},
        {.name = (char *)"draining", .node_state = NODE_STATE_ALLOCATED | NODE_STATE_DRAIN},
        {.name = (char *)"failing", .node_state = NODE_STATE_IDLE | NODE_STATE_FAIL},
        {.name = (char *)"new", .node_state = NODE_STATE_UNKNOWN},
        {.name = (char *)"silent", .node_state = NODE_STATE_IDLE | NODE_STATE_NO_RESPOND},
        {.name = (char *)"ending", .node_state = NODE_STATE_IDLE | NODE_STATE_COMPLETING},
        {.name = (char *)"reserved", .node_state = NODE_STATE_IDLE | NODE_STATE_RES},
        {.name = (char *)"future", .node_state = NODE_STATE_FUTURE},
        {.name = NULL, .node_state = NODE_STATE_IDLE},
    };
    node_info_msg_t message = {.node_array = nodes, .record_count = sizeof nodes / sizeof nodes[0]};
    struct mir_live_cluster cluster = {.n_nodes = 99};

    (void)state;
    mir_record_nodes_read(&message, &cluster);
    assert_int_equal(cluster.n_nodes, 13);
    assert_int_equal(cluster.n_nodes_idle, 3);
    assert_int_equal(cluster.n_nodes_down, 5);
}

static void the_configuration_is_read(void **state)
{
    slurm_conf_t conf = {
        .cluster_name = (char *)"lab",
        .version = (char *)"22.05.8",
        .msg_timeout = 10,
        .min_job_age = 300,
        .accounting_storage_type = (char *)"accounting_storage/slurmdbd",
        .conf_flags = MIR_CONF_STORES_SCRIPT,
        .priority_type = (char *)"priority/multifactor",
        .priority_flags = PRIORITY_FLAGS_ACCRUE_ALWAYS | PRIORITY_FLAGS_INCR_ONLY,
        .priority_weight_fs = 7,
        .priority_max_age = 604800,
        .priority_calc_period = 300,
        .priority_favor_small = 1,
    };
    struct mir_live_cluster cluster = {.n_nodes = 4};

    (void)state;
    mir_record_conf_read(&conf, &cluster);
    assert_string_equal(cluster.name, "lab");
    assert_true(cluster.accounting);
    assert_true(cluster.stores_script);
    assert_false(cluster.stores_comment);
    assert_false(cluster.stores_environment);
    assert_true(cluster.accrue_always);
    assert_string_equal(cluster.priority_flags, "NO_FAIR_TREE,ACCRUE_ALWAYS,INCR_ONLY");
    assert_int_equal(cluster.weight_fair_share, 7);
    assert_int_equal(cluster.max_age_s, 604800);
    assert_int_equal(cluster.calc_period_s, 300);
    assert_true(cluster.favor_small);
    assert_int_equal(cluster.n_nodes, 4);
    conf.accounting_storage_type = NULL;
    conf.priority_type = (char *)"priority/basic";
    mir_record_conf_read(&conf, &cluster);
    assert_false(cluster.accounting);
    assert_string_equal(cluster.priority_flags, "");
}

static void long_texts_of_the_site_are_cut(void **state)
{
    char parameters[2000];
    slurm_conf_t conf = {.sched_params = parameters, .priority_flags = UINT16_MAX};
    struct mir_live_cluster cluster = {0};

    (void)state;
    memset(parameters, 'x', sizeof parameters - 1);
    parameters[sizeof parameters - 1] = '\0';
    conf.priority_type = (char *)"priority/multifactor";
    mir_record_conf_read(&conf, &cluster);
    assert_int_equal(strlen(cluster.scheduler_parameters), sizeof cluster.scheduler_parameters - 1);
    assert_true(strlen(cluster.priority_flags) < sizeof cluster.priority_flags);
}

static void partitions_and_reservations_are_read(void **state)
{
    partition_info_t part = {
        .name = (char *)"main", .total_nodes = 12, .max_time = 60, .state_up = PARTITION_UP};
    reserve_info_t reservation = {.name = (char *)"maint",
                                  .start_time = NOW,
                                  .end_time = NOW + 60,
                                  .node_cnt = NO_VAL,
                                  .flags = RESERVE_FLAG_MAINT};
    struct mir_live_partition p;
    struct mir_live_reservation r;

    (void)state;
    part.priority_tier = 3;
    part.priority_job_factor = 0;
    mir_record_partition_read(&part, &p);
    assert_true(p.tier == 3 && p.job_factor == 0 && p.sets == 0);
    assert_int_equal(p.limit_max_s, 3600);
    assert_true(p.up);
    part.state_up = PARTITION_DRAIN;
    part.max_time = INFINITE;
    mir_record_partition_read(&part, &p);
    assert_false(p.up);
    assert_int_equal(p.limit_max_s, MIR_UNLIMITED);
    mir_record_reservation_read(&reservation, &r);
    assert_int_equal(r.n_nodes, 0);
    assert_true(r.maintenance);
    assert_int_equal(r.end_at, NOW + 60);
}

static void a_cluster_comes_back_from_its_records(void **state)
{
    const struct mir_live_partition part = {
        .name = "main", .limit_max_s = MIR_UNLIMITED, .tier = 0, .job_factor = 9, .sets = 5};
    const struct mir_live_cluster cluster = {.name = "lab",
                                             .calc_period_s = 300,
                                             .favor_small = true,
                                             .set_nodes = {60, 0, 12},
                                             .n_sets = 3};
    struct mir_live_partition part_back;
    struct mir_live_cluster back;
    struct mir_wire_record record;
    struct mir_str s = {0};

    (void)state;
    mir_record_cluster_write(&s, 1, &cluster);
    parse(&s, &record);
    assert_int_equal(mir_slurm_decode_cluster(&record, &back, NULL), 0);
    assert_true(back.calc_period_s == 300 && back.favor_small && back.n_sets == 3);
    assert_memory_equal(back.set_nodes, cluster.set_nodes, sizeof back.set_nodes);
    mir_str_release(&s);
    mir_record_partition_write(&s, 1, &part);
    parse(&s, &record);
    assert_int_equal(mir_slurm_decode_partition(&record, &part_back, NULL), 0);
    assert_true(part_back.tier == 0 && part_back.job_factor == 9 && part_back.sets == 5);
    assert_true(part_back.limit_max_s == MIR_UNLIMITED && !part_back.up);
    mir_str_release(&s);
}

static void reasons_have_squeues_names(void **state)
{
    (void)state;
    assert_string_equal(mir_reason_name(WAIT_HELD_USER), "JobHeldUser");
    assert_string_equal(mir_reason_name(WAIT_DEPENDENCY), "Dependency");
    assert_string_equal(mir_reason_name(WAIT_ARRAY_TASK_LIMIT), "JobArrayTaskLimit");
    assert_string_equal(mir_reason_name(100000), "Other");
    assert_string_equal(mir_reason_name(UINT32_MAX), "Other");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_slurm_has_one_of_ours),
        cmocka_unit_test(limits_become_seconds),
        cmocka_unit_test(exit_status_is_split),
        cmocka_unit_test(gpus_are_counted_once),
        cmocka_unit_test(array_tasks_are_counted),
        cmocka_unit_test(array_tasks_agree_with_a_count_by_hand),
        cmocka_unit_test(a_pending_job_is_read),
        cmocka_unit_test(slurmctlds_user_name_goes_first),
        cmocka_unit_test(negative_nice_stays_negative),
        cmocka_unit_test(waiting_is_told_apart),
        cmocka_unit_test(a_running_job_keeps_no_waiting_flags),
        cmocka_unit_test(kinds_of_jobs_are_flagged),
        cmocka_unit_test(a_completing_job_has_ended),
        cmocka_unit_test(a_job_cancelled_while_it_waited_never_started),
        cmocka_unit_test(allocated_gpus_go_before_requested_ones),
        cmocka_unit_test(a_job_comes_back_from_its_record),
        cmocka_unit_test(a_past_job_comes_back_from_its_record),
        cmocka_unit_test(nodes_are_idle_down_or_neither),
        cmocka_unit_test(the_configuration_is_read),
        cmocka_unit_test(long_texts_of_the_site_are_cut),
        cmocka_unit_test(partitions_and_reservations_are_read),
        cmocka_unit_test(a_cluster_comes_back_from_its_records),
        cmocka_unit_test(reasons_have_squeues_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
