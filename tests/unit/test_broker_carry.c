/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_carry.c - sbatch's words, and a record's fields to a description and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/broker/carry.h"

static void reads_the_scripts_directives(void **state)
{
    struct mir_options o = {0};

    (void)state;
    mir_options_read_script(&o,
                            "#!/bin/sh\n"
                            "#SBATCH --signal=B:USR1@120 # why\n"
                            "# a comment\n\n"
                            "#SBATCH -N 2-3 -pmain,short --comment=\"a --open-mode=append\" -O\n"
                            "#SBATCH\t--open-mode truncate --sig='B:USR2@60'\n"
                            "echo\n"
                            "#SBATCH --nodes=9\n");
    assert_string_equal(o.value[MIR_OPTION_SIGNAL], "B:USR2@60");
    assert_string_equal(o.value[MIR_OPTION_NODES], "2-3");
    assert_string_equal(o.value[MIR_OPTION_PARTITION], "main,short");
    assert_string_equal(o.value[MIR_OPTION_OPEN_MODE], "truncate");
    assert_string_equal(o.value[MIR_OPTION_OVERCOMMIT], "");
    assert_null(o.value[MIR_OPTION_NO_KILL]);
    assert_int_equal(o.n_unknown, 0);
    mir_options_release(&o);
}

static void reads_the_command_line_up_to_the_script(void **state)
{
    struct mir_options o = {0};

    (void)state;
    mir_options_read_script(&o, "#SBATCH --signal=1@1 --nodes=4\n");
    mir_options_read_line(&o,
                          "sbatch -J run.sh --comment=my own words --signal=USR1@30 -k dir/run.sh "
                          "--nodes=7",
                          "/home/a/dir/run.sh", NULL);
    assert_string_equal(o.value[MIR_OPTION_SIGNAL], "USR1@30");
    assert_string_equal(o.value[MIR_OPTION_NODES], "4");
    assert_string_equal(o.value[MIR_OPTION_NO_KILL], "");
    mir_options_release(&o);
    mir_options_read_line(&o, "sbatch --wrap srun --signal=9@9 x --signal=USR1@30", NULL,
                          "srun --signal=9@9 x");
    assert_string_equal(o.value[MIR_OPTION_SIGNAL], "USR1@30");
    mir_options_release(&o);
}

static void names_options_that_are_not_sbatchs(void **state)
{
    struct mir_options o = {0};

    (void)state;
    mir_options_read_script(&o, "#SBATCH --gentle=yes -t 5\n");
    assert_int_equal(o.n_unknown, 1);
    assert_string_equal(o.unknown[0], "gentle");
    assert_string_equal(o.value[MIR_OPTION_TIME], "5");
    mir_options_release(&o);
}

static void variables_are_between_script_and_line(void **state)
{
    struct mir_environment e = {0};
    struct mir_options o = {0};

    (void)state;
    mir_environment_set(&e, "SBATCH_SIGNAL", "TERM");
    mir_environment_set(&e, "SBATCH_OPEN_MODE", "append");
    mir_options_read_script(&o, "#SBATCH --signal=USR1\n");
    mir_options_read_environment(&o, &e);
    mir_options_read_line(&o, "sbatch --open-mode=t x", "x", NULL);
    assert_string_equal(o.value[MIR_OPTION_SIGNAL], "TERM");
    assert_string_equal(o.value[MIR_OPTION_OPEN_MODE], "t");
    mir_options_release(&o);
    mir_environment_release(&e);
}

static void parses_signals_and_nodes(void **state)
{
    struct mir_signal_option s;
    uint32_t min, max;

    (void)state;
    assert_int_equal(mir_signal_option_parse("RB:SIGUSR1@120", &s), 0);
    assert_true(s.batch_only && s.with_reservation && s.signal == 10 && s.warn_s == 120);
    assert_int_equal(mir_signal_option_parse("15", &s), 0);
    assert_true(!s.batch_only && s.signal == 15 && s.warn_s == 60);
    assert_int_equal(mir_signal_option_parse("B:NOPE", &s), -EINVAL);
    assert_int_equal(mir_signal_option_parse("X:USR1", &s), -EINVAL);
    assert_int_equal(mir_signal_option_parse("USR1@-1", &s), -EINVAL);
    assert_int_equal(mir_nodes_option_parse("2-1k", &min, &max), 0);
    assert_true(min == 2 && max == 1024);
    assert_int_equal(mir_nodes_option_parse("3", &min, &max), 0);
    assert_true(min == 3 && max == 3);
    assert_int_equal(mir_nodes_option_parse("3-2", &min, &max), -EINVAL);
    assert_int_equal(mir_nodes_option_parse("", &min, &max), -EINVAL);
}

static void parses_distributions(void **state)
{
    uint32_t d;
    uint16_t plane;

    (void)state;
    assert_int_equal(mir_carry_distribution("block:cyclic", &d, &plane), 0);
    assert_int_equal(d, SLURM_DIST_BLOCK_CYCLIC);
    assert_int_equal(mir_carry_distribution("cyclic:fcyclic:block,NoPack", &d, &plane), 0);
    assert_int_equal(d, SLURM_DIST_CYCLIC_CFULL_BLOCK | SLURM_DIST_NO_PACK_NODES);
    assert_int_equal(mir_carry_distribution("plane=4", &d, &plane), 0);
    assert_true(d == SLURM_DIST_PLANE && plane == 4);
    assert_int_equal(mir_carry_distribution("fcyclic", &d, &plane), -EINVAL);
    assert_int_equal(mir_carry_distribution("block:block:block:block", &d, &plane), -EINVAL);
    assert_int_equal(mir_carry_distribution("plane=0", &d, &plane), -EINVAL);
}

static void counts_in_a_tres_string(void **state)
{
    (void)state;
    assert_int_equal(mir_carry_tres_count("cpu=8,mem=62.50G,node=2,billing=8", "node"), 2);
    assert_int_equal(mir_carry_tres_count("cpu=8,mem=800M", "node"), 0);
    assert_int_equal(mir_carry_tres_count("xcpu=8", "cpu"), 0);
    assert_int_equal(mir_carry_tres_count(NULL, "cpu"), 0);
}

/* As slurmctld fills a record in which nothing was asked for. */
static slurm_job_info_t plain_job(void)
{
    return (slurm_job_info_t){
        .job_id = 5,
        .batch_flag = 1,
        .job_state = JOB_PENDING,
        .core_spec = NO_VAL16,
        .cores_per_socket = NO_VAL16,
        .cpu_freq_gov = NO_VAL,
        .cpu_freq_max = NO_VAL,
        .cpu_freq_min = NO_VAL,
        .cpus_per_task = 1,
        .nice = NICE_OFFSET,
        .ntasks_per_core = INFINITE16,
        .ntasks_per_socket = INFINITE16,
        .num_cpus = 1,
        .num_nodes = 1,
        .num_tasks = 1,
        .pn_min_cpus = 1,
        .requeue = NO_VAL16,
        .shared = NO_VAL16,
        .sockets_per_node = NO_VAL16,
        .threads_per_core = NO_VAL16,
        .time_limit = 5,
    };
}

static void asks_for_nothing_that_was_not_asked_for(void **state)
{
    slurm_job_info_t job = plain_job();
    struct mir_environment e = {0};
    struct mir_template t = {0};
    struct mir_options o = {0};

    (void)state;
    assert_int_equal(mir_carry_from_job(&job, &o, &e, &t, NULL), 0);
    for (size_t i = 0; i < t.n_fields; i++)
        assert_true(strcmp(t.fields[i].name, "time") == 0 ||
                    strcmp(t.fields[i].name, "min-cpus") == 0);
    assert_int_equal(t.n_fields, 2);
    mir_template_release(&t);
}

static void carries_fields_to_a_description(void **state)
{
    char account[] = "acct1", name[] = "a\nb", gpus[] = "gres:gpu:2", mail[] = "a@b";
    slurm_job_info_t job = plain_job();
    struct mir_environment e = {0};
    struct mir_template t = {0};
    struct mir_options o = {0};
    job_desc_msg_t desc = {0};
    char **argv;

    (void)state;
    job.account = account;
    job.name = name;
    job.tres_per_node = gpus;
    job.mail_type = MAIL_JOB_END;
    job.mail_user = mail;
    job.nice = NICE_OFFSET + 50;
    job.pn_min_memory = MEM_PER_CPU | 100;
    job.bitflags = JOB_MEM_SET | SPREAD_JOB | BACKFILL_SCHED;
    job.shared = JOB_SHARED_NONE;
    job.time_limit = INFINITE;
    mir_options_read_script(&o, "#SBATCH --signal=B:10@99 --open-mode=a -k -m plane=2 -O\n");
    mir_template_add_field(&t, "argument", "/s.sh");
    mir_template_add_field(&t, "argument", "a b");
    assert_int_equal(mir_carry_from_job(&job, &o, &e, &t, NULL), 0);
    assert_int_equal(t.warn_s, 99);
    assert_int_equal(mir_carry_to_desc(&t, &desc, &argv, NULL), 0);
    assert_string_equal(desc.account, "acct1");
    assert_string_equal(desc.name, "a\nb");
    assert_string_equal(desc.tres_per_node, "gres:gpu:2");
    assert_string_equal(desc.mail_user, "a@b");
    assert_int_equal(desc.mail_type, MAIL_JOB_END);
    assert_int_equal(desc.nice, NICE_OFFSET + 50);
    assert_true(desc.pn_min_memory == (MEM_PER_CPU | 100));
    assert_true(desc.bitflags == SPREAD_JOB);
    assert_int_equal(desc.shared, JOB_SHARED_NONE);
    assert_int_equal(desc.time_limit, INFINITE);
    assert_true(desc.warn_flags == KILL_JOB_BATCH && desc.warn_signal == 10 &&
                desc.warn_time == 99);
    assert_int_equal(desc.open_mode, OPEN_MODE_APPEND);
    assert_int_equal(desc.overcommit, 1);
    assert_true(desc.task_dist == SLURM_DIST_PLANE && desc.plane_size == 2);
    assert_int_equal(desc.argc, 2);
    assert_string_equal(desc.argv[1], "a b");
    free(argv);
    mir_options_release(&o);
    mir_template_release(&t);
}

static const char *carried(slurm_job_info_t *job, const char *script, const char *field)
{
    static char value[64];
    struct mir_environment e = {0};
    struct mir_template t = {0};
    struct mir_options o = {0};

    mir_options_read_script(&o, script);
    assert_int_equal(mir_carry_from_job(job, &o, &e, &t, NULL), 0);
    value[0] = '\0';
    if (mir_template_field(&t, field) != NULL)
        snprintf(value, sizeof(value), "%s", mir_template_field(&t, field));
    mir_options_release(&o);
    mir_template_release(&t);
    return value;
}

/* A running job's record says what it got, not what it asked for. */
static void gives_a_running_jobs_request_again(void **state)
{
    char partition[] = "main", tres[] = "cpu=4,mem=1G,node=2,billing=4";
    slurm_job_info_t job = plain_job();

    (void)state;
    job.job_state = JOB_RUNNING;
    job.partition = partition;
    job.tres_req_str = tres;
    job.num_nodes = 3;
    job.num_cpus = 48;
    job.time_limit = 7;
    job.time_min = 3;
    assert_string_equal(carried(&job, "#SBATCH -N 2-4\n", "min-nodes"), "2");
    assert_string_equal(carried(&job, "#SBATCH -N 2-4\n", "max-nodes"), "4");
    assert_string_equal(carried(&job, "", "min-nodes"), "2");
    assert_string_equal(carried(&job, "", "max-nodes"), "");
    assert_string_equal(carried(&job, "", "min-cpus"), "4");
    assert_string_equal(carried(&job, "#SBATCH -p short,main\n", "partition"), "short,main");
    assert_string_equal(carried(&job, "#SBATCH -p short\n", "partition"), "main");
    assert_string_equal(carried(&job, "#SBATCH -t 0:9:30\n", "time"), "10");
    assert_string_equal(carried(&job, "", "time"), "7");
}

static void refuses_by_name(void **state)
{
    slurm_job_info_t job = plain_job();
    struct mir_environment e = {0};
    struct mir_template t = {0};
    struct mir_options o = {0};
    struct mir_error err;
    char dependency[] = "afterok:4(unfulfilled)";

    (void)state;
    job.deadline = 1;
    assert_int_equal(mir_carry_check(&job, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "deadline"));
    job = plain_job();
    job.dependency = dependency;
    assert_int_equal(mir_carry_check(&job, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "dependency"));
    job.job_state = JOB_RUNNING;
    assert_int_equal(mir_carry_check(&job, &err), 0);
    job.array_job_id = 4;
    assert_int_equal(mir_carry_check(&job, &err), -ENOTSUP);
    job = plain_job();
    mir_options_read_script(&o, "#SBATCH --gentle\n");
    assert_int_equal(mir_carry_from_job(&job, &o, &e, &t, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "--gentle"));
    mir_environment_set(&e, "_SLURM_SPANK_OPTION_nice_plugin_gentle", "");
    assert_int_equal(mir_carry_from_job(&job, &o, &e, &t, &err), 0);
    mir_environment_release(&e);
    mir_options_release(&o);
    mir_template_release(&t);
}

static void refuses_fields_that_are_none(void **state)
{
    static const char *const bad[][2] = {{"nonsense", "1"},      {"time", "x"},
                                         {"time", ""},           {"time", "4294967296"},
                                         {"exclusive", "65536"}, {"mem", "18446744073709551616"},
                                         {"signal", "HELLO"},    {"open-mode", "x"}};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct mir_template t = {0};
        job_desc_msg_t desc = {0};
        char **argv;

        mir_template_add_field(&t, bad[i][0], bad[i][1]);
        assert_int_equal(mir_carry_to_desc(&t, &desc, &argv, NULL), -EBADMSG);
        mir_template_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_scripts_directives),
        cmocka_unit_test(reads_the_command_line_up_to_the_script),
        cmocka_unit_test(names_options_that_are_not_sbatchs),
        cmocka_unit_test(variables_are_between_script_and_line),
        cmocka_unit_test(parses_signals_and_nodes),
        cmocka_unit_test(parses_distributions),
        cmocka_unit_test(counts_in_a_tres_string),
        cmocka_unit_test(asks_for_nothing_that_was_not_asked_for),
        cmocka_unit_test(carries_fields_to_a_description),
        cmocka_unit_test(gives_a_running_jobs_request_again),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(refuses_fields_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
