/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_slurm_conf.c - clusters from slurm.conf files as admins write them. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/core/str.h"
#include "daemon/host/job.h"
#include "traces/sim/cluster.h"

static void parse(const char *text, struct mir_cluster *out)
{
    struct mir_error err = {{0}};

    if (mir_slurm_conf_parse("slurm.conf", text, strlen(text), out, &err) != 0)
        fail_msg("%s", err.text);
}

static const struct mir_partition *partition(const struct mir_cluster *c, const char *name)
{
    uint32_t i = mir_cluster_find_partition(c, name);

    assert_string_equal(c->partitions[i].name, name);
    return &c->partitions[i];
}

static uint32_t nodes_in(const struct mir_cluster *c, const char *name)
{
    return mir_cluster_partition_nodes(c, (uint32_t)(partition(c, name) - c->partitions));
}

static const char gpu_cluster[] =
    "# Managed by configuration management\n"
    "ClusterName=aurum\n"
    "SlurmctldHost=ctl1(10.0.0.1)\n"
    "SlurmctldHost=ctl2\n"
    "SlurmctldPort=6817   SlurmdPort=6818\n"
    "SlurmctldParameters=enable_configless,idle_on_node_suspend\n"
    "GresTypes=gpu\n"
    "Prolog=\"/etc/slurm/prolog.d/*  \"\n"
    "SelectType=select/cons_tres\n"
    "schedulertype=sched/backfill\n"
    "SchedulerParameters=bf_window=2880,bf_resolution=600,\\\n"
    "    bf_max_job_test=3000,default_queue_depth=1000,bf_continue\n"
    "SCHEDULERPARAMETERS=bf_interval=45,bf_max_job_user=20,pack_serial_at_end  # the last line "
    "counts\n"
    "PriorityType=priority/multifactor\n"
    "PriorityDecayHalfLife=14-0\n"
    "PriorityMaxAge=3-12\n"
    "PriorityCalcPeriod=10\n"
    "PriorityFavorSmall=NO\n"
    "PriorityFlags=ACCRUE_ALWAYS,NO_NORMAL_QOS\n"
    "PriorityWeightAge=1000\n"
    "PriorityWeightFairshare=10000\n"
    "PriorityWeightJobSize = 100\n"
    "PriorityWeightPartition=500 PriorityWeightQOS=2000\n"
    "\n"
    "NodeName=DEFAULT Sockets=2 CoresPerSocket=32 ThreadsPerCore=2 RealMemory=512000 "
    "State=UNKNOWN\n"
    "NodeName=cn[001-100] Weight=10\n"
    "NodeName=DEFAULT RealMemory=1024000\n"
    "NodeName=fat[1-4] Weight=20 Feature=bigmem,avx\n"
    "NodeName=gpu[01-08] Gres=gpu:a100:4,shard:16 Weight=30 Boards=1 SocketsPerBoard=2 "
    "CoresPerSocket=24 ThreadsPerCore=1 RealMemory=768000 Feature=a100\n"
    "NodeName=gpu[09-10] Gres=gpu:h100:8(S:0-1),gpu:mig:2 Weight=30 CPUs=96 Feature=h100\n"
    "NodeName=old[1-5] State=DRAIN Reason=\"to be scrapped = soon\"\n"
    "NodeName=new[1-5] State=FUTURE\n"
    "DownNodes=cn[007,042],fat4 State=DOWN Reason=\"DIMM\"\n"
    "NodeSet=accel Feature=a100\n"
    "NodeSet=mixed Nodes=fat[1-2] Feature=h100\n"
    "\n"
    "PartitionName=DEFAULT MaxTime=2-00:00:00 DefaultTime=60 State=UP PriorityTier=10\n"
    "PartitionName=batch Nodes=cn[001-100],fat[1-4] Default=YES MaxNodes=50\n"
    "PartitionName=fat Nodes=fat[1-4] PriorityJobFactor=7 MinNodes=2\n"
    "PartitionName=gpu Nodes=accel MaxTime=UNLIMITED DefaultTime=NONE\n"
    "PartitionName=mixed Nodes=mixed,cn001 MaxTime=90:30 PriorityTier=65533\n"
    "PartitionName=all Nodes=ALL State=DOWN AllowGroups=admin\n";

static void reads_scheduler_and_priority(void **state)
{
    struct mir_cluster c;

    (void)state;
    parse(gpu_cluster, &c);
    assert_string_equal(c.name, "aurum");
    assert_int_equal(c.scheduler, MIR_SCHED_SLURM);
    assert_true(c.params.backfill);
    assert_int_equal(c.params.bf_interval_s, 45);
    assert_int_equal(c.params.bf_max_job_user, 20);
    /* The later line replaces the earlier one whole. */
    assert_int_equal(c.params.bf_window_s, 86400);
    assert_int_equal(c.params.bf_max_job_test, 500);
    assert_false(c.params.bf_continue);
    assert_true(c.priority.multifactor);
    assert_true(c.priority.accrue_always && c.priority.no_normal_qos);
    assert_int_equal(c.priority.decay_half_life_s, 14 * 86400);
    assert_int_equal(c.priority.max_age_s, 3 * 86400 + 12 * 3600);
    assert_int_equal(c.priority.calc_period_s, 600);
    assert_int_equal(c.priority.weight_age, 1000);
    assert_int_equal(c.priority.weight_fairshare, 10000);
    assert_int_equal(c.priority.weight_job_size, 100);
    assert_int_equal(c.priority.weight_partition, 500);
    assert_int_equal(c.priority.weight_qos, 2000);
}

static void partitions_share_nodes_and_skip_those_out_of_service(void **state)
{
    struct mir_cluster c;

    (void)state;
    parse(gpu_cluster, &c);
    assert_int_equal(c.n_partitions, 5);
    assert_int_equal(nodes_in(&c, "batch"), 98 + 3);
    assert_int_equal(nodes_in(&c, "fat"), 3);
    assert_int_equal(nodes_in(&c, "gpu"), 8);
    assert_int_equal(nodes_in(&c, "mixed"), 2 + 2 + 1);
    assert_int_equal(nodes_in(&c, "all"), 98 + 3 + 10);
    assert_int_equal(mir_cluster_nodes(&c), 98 + 3 + 10);
}

static void partitions_carry_the_defaults_before_them(void **state)
{
    struct mir_cluster c;

    (void)state;
    parse(gpu_cluster, &c);
    assert_true(partition(&c, "batch")->is_default);
    assert_int_equal(partition(&c, "batch")->max_time_s, 172800);
    assert_int_equal(partition(&c, "batch")->default_time_s, 3600);
    assert_int_equal(partition(&c, "batch")->max_nodes, 50);
    assert_int_equal(partition(&c, "batch")->priority_tier, 10);
    assert_int_equal(partition(&c, "batch")->priority_job_factor, 1);
    assert_int_equal(partition(&c, "fat")->priority_job_factor, 7);
    assert_int_equal(partition(&c, "fat")->min_nodes, 2);
    assert_int_equal(partition(&c, "fat")->max_nodes, UINT32_MAX);
    assert_false(partition(&c, "fat")->is_default);
    assert_int_equal(partition(&c, "gpu")->max_time_s, MIR_UNLIMITED);
    assert_int_equal(partition(&c, "gpu")->default_time_s, MIR_UNKNOWN);
    /* 90 min 30 s: Slurm counts minutes and rounds up. */
    assert_int_equal(partition(&c, "mixed")->max_time_s, 91 * 60);
    assert_int_equal(partition(&c, "mixed")->priority_tier, 65533);
    assert_false(partition(&c, "all")->up);
    assert_true(partition(&c, "mixed")->up);
}

static const struct mir_node_set *set_named(const struct mir_cluster *c, const char *name)
{
    for (uint32_t i = 0; i < c->n_node_sets; i++) {
        if (strcmp(c->node_sets[i].name, name) == 0)
            return &c->node_sets[i];
    }
    fail_msg("no node set %s", name);
    return NULL;
}

static void node_sets_are_alike_in_partitions_and_hardware(void **state)
{
    struct mir_cluster c;
    const struct mir_node_set *set;

    (void)state;
    parse(gpu_cluster, &c);
    assert_int_equal(c.n_node_sets, 6);
    set = set_named(&c, "cn001");
    assert_int_equal(set->n_nodes, 1);
    set = set_named(&c, "cn[002-006],cn[008-041],cn[043-100]");
    assert_int_equal(set->n_nodes, 97);
    assert_int_equal(set->n_cpus, 128);
    assert_int_equal(set->n_gpus, 0);
    assert_true(set->mem_bytes == UINT64_C(512000) << 20);
    assert_int_equal(set->weight, 10);
    assert_int_equal(set_named(&c, "fat[1-2]")->n_nodes, 2);
    assert_true(set_named(&c, "fat3")->mem_bytes == UINT64_C(1024000) << 20);
    set = set_named(&c, "gpu[01-08]");
    assert_int_equal(set->n_cpus, 48);
    assert_int_equal(set->n_gpus, 4);
    set = set_named(&c, "gpu[09-10]");
    assert_int_equal(set->n_cpus, 96);
    assert_int_equal(set->n_gpus, 10);
    assert_int_equal(set->weight, 30);
}

static void hardware_not_given_is_zero(void **state)
{
    struct mir_cluster c;

    (void)state;
    parse("NodeName=a\nPartitionName=p Nodes=a\n", &c);
    assert_int_equal(c.n_node_sets, 1);
    assert_string_equal(c.node_sets[0].name, "a");
    assert_int_equal(c.node_sets[0].n_cpus, 0);
    assert_int_equal(c.node_sets[0].mem_bytes, 0);
    assert_int_equal(c.node_sets[0].weight, 1);
    assert_false(c.partitions[0].is_default);
}

static void the_last_default_partition_is_the_default(void **state)
{
    struct mir_cluster c;

    (void)state;
    parse("NodeName=a[1-4]\nPartitionName=p Nodes=a1 Default=YES\n"
          "PartitionName=q Nodes=a[2-4] Default=yes\nPartitionName=r Default=NO Nodes= \n",
          &c);
    assert_false(c.partitions[0].is_default);
    assert_true(c.partitions[1].is_default);
    assert_int_equal(mir_cluster_partition_nodes(&c, 2), 0);
}

static void names_given_twice_keep_their_first_line(void **state)
{
    struct mir_cluster c;

    (void)state;
    parse("NodeName=a[1-4] CPUs=8\nNodeName=a[3-6] CPUs=16\n"
          "PartitionName=p Nodes=ALL\nPartitionName=p Nodes=a1\n",
          &c);
    assert_int_equal(c.n_partitions, 1);
    assert_int_equal(mir_cluster_nodes(&c), 6);
    assert_string_equal(c.node_sets[0].name, "a[1-4]");
    assert_string_equal(c.node_sets[1].name, "a[5-6]");
    assert_int_equal(c.node_sets[1].n_cpus, 16);
}

static void takes_crlf_odd_spacing_and_no_last_newline(void **state)
{
    struct mir_cluster c;

    (void)state;
    parse("\r\n  nodename = n[1-2]\tcpus=4 \r\n\\\n\n# x \\\nPARTITIONNAME=p \\\r\n  nodes=n1 \\\n"
          "  maxtime=10 # half a line\\#\nPartitionName=odd\\#1 Nodes=n2",
          &c);
    assert_int_equal(c.n_partitions, 2);
    assert_int_equal(c.partitions[0].max_time_s, 600);
    assert_string_equal(c.partitions[1].name, "odd#1");
    assert_int_equal(mir_cluster_nodes(&c), 2);
}

static void many_kinds_of_hardware_become_one_set_per_membership(void **state)
{
    struct mir_str text = {0};
    struct mir_cluster c;

    (void)state;
    for (int i = 0; i < 100; i++)
        mir_str_addf(&text, "NodeName=n%d CPUs=%d RealMemory=%d\n", i, 100 - i, 1000 + i);
    mir_str_add(&text, "PartitionName=p Nodes=ALL\nPartitionName=q Nodes=n[0-9]\n");
    parse(text.text, &c);
    mir_str_release(&text);
    assert_int_equal(c.n_node_sets, 2);
    assert_int_equal(c.node_sets[0].n_nodes, 10);
    assert_int_equal(c.node_sets[0].n_cpus, 91);
    assert_int_equal(c.node_sets[1].n_nodes, 90);
    assert_int_equal(c.node_sets[1].n_cpus, 1);
    assert_true(c.node_sets[1].mem_bytes == UINT64_C(1010) << 20);
    assert_string_equal(c.node_sets[1].name, "n[10-99]");
}

static void long_set_names_are_cut_with_dots(void **state)
{
    struct mir_str text = {0};
    struct mir_cluster c;
    size_t len;

    (void)state;
    for (int i = 0; i < 100; i += 2)
        mir_str_addf(&text, "NodeName=node%03d\n", i);
    mir_str_add(&text, "PartitionName=p Nodes=ALL\n");
    parse(text.text, &c);
    mir_str_release(&text);
    assert_int_equal(mir_cluster_nodes(&c), 50);
    len = strlen(c.node_sets[0].name);
    assert_true(len < sizeof(c.node_sets[0].name));
    assert_string_equal(c.node_sets[0].name + len - 4, ",...");
}

static void parameters_and_scheduler_type_do_not_depend_on_their_order(void **state)
{
    static const char nodes[] = "NodeName=a\nPartitionName=p Nodes=a\n";
    static const struct {
        const char *keys;
        bool backfill;
    } cases[] = {
        {"", true},
        {"SchedulerType=sched/builtin\nSchedulerParameters=defer\n", false},
        {"SchedulerParameters=defer\nSchedulerType=sched/builtin\n", false},
        {"SchedulerParameters=bf_interval=-1\nSchedulerType=sched/backfill\n", false},
        {"SchedulerType=sched/backfill\nSchedulerParameters=bf_interval=-1\n", false},
        {"SchedulerParameters=bf_interval=-1\nSchedulerParameters=defer\n", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_str text = {0};
        struct mir_cluster c;

        mir_str_addf(&text, "%s%s", cases[i].keys, nodes);
        parse(text.text, &c);
        assert_int_equal(c.params.backfill, cases[i].backfill);
        mir_str_release(&text);
    }
}

#define GOOD "NodeName=n[1-4]\nPartitionName=p Nodes=n[1-4]\n"

static void refuses_with_file_line_and_key(void **state)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"NodeName=n[1-4\nPartitionName=p Nodes=ALL\n",
         "slurm.conf:1: NodeName: brackets do not match"},
        {GOOD "\nPartitionName=q Nodes=m1\n", "slurm.conf:4: Nodes: there is no node \"m1\""},
        {GOOD "DownNodes=m[1-2]\n", "slurm.conf:3: DownNodes: there is no node \"m1\""},
        {GOOD "SchedulerParameters=defer,bf_interval=0\n",
         "slurm.conf:3: bf_interval: 0 is not in 1..10800"},
        {GOOD "PriorityWeightAge=much\n",
         "slurm.conf:3: PriorityWeightAge: \"much\" is not a number"},
        {"NodeName=n1 CPUs=-3\n", "slurm.conf:1: CPUs: -3 is not in 0..1048576"},
        {"NodeName=n1 RealMemory=64G\n", "slurm.conf:1: RealMemory: \"64G\" is not a number"},
        {"NodeName=n1 Gres=gpu:a100:-2\n",
         "slurm.conf:1: Gres: \"gpu:a100:-2\" is not a count of GPUs"},
        {"NodeName=n1 State=SLEEPY\n", "slurm.conf:1: State: \"SLEEPY\" is not a state of a node"},
        {"NodeName=ALL\n", "slurm.conf:1: NodeName: ALL is a reserved word"},
        {GOOD "PartitionName=q \\\n Nodes=ALL \\\n MaxTime=soon\n",
         "slurm.conf:3: MaxTime: \"soon\" is not a time limit"},
        {GOOD "PartitionName=q Nodes=ALL State=AWAY\n",
         "slurm.conf:3: State: \"AWAY\" is not a state of a partition"},
        {GOOD "PartitionName=q Default=MAYBE\n",
         "slurm.conf:3: Default: \"MAYBE\" is not YES or NO"},
        {GOOD "PartitionName=q PriorityTier=70000\n",
         "slurm.conf:3: PriorityTier: 70000 is not in 0..65535"},
        {GOOD "NodeSet=s\n", "slurm.conf:3: NodeSet: neither Nodes nor Feature given"},
        {GOOD "what is this\n", "slurm.conf:3: expected key=value, not \"what is this\""},
        {GOOD "Reason=\"open\n", "slurm.conf:3: a quote is not closed"},
        {GOOD "Include other.conf\n", "slurm.conf:3: Include: not possible here"},
        {"NodeName=n1\n", "slurm.conf:1: PartitionName: no partition is given"},
        {"NodeName=n1 State=DOWN\nPartitionName=p Nodes=n1\n",
         "slurm.conf:1: NodeName: no partition has a node in service"},
        {"", "slurm.conf:1: PartitionName: no partition is given"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mir_cluster c;
        struct mir_error err = {{0}};

        memset(&c, 0x5a, sizeof(c));
        assert_int_equal(
            mir_slurm_conf_parse("slurm.conf", cases[i].text, strlen(cases[i].text), &c, &err),
            -EINVAL);
        assert_string_equal(err.text, cases[i].error);
        assert_int_equal(c.n_node_sets, 0x5a5a5a5a);
    }
}

static void refuses_binary_files(void **state)
{
    static const char elf[] = "\177ELF\2\1\1\0\0\0\0";
    struct mir_cluster c;
    struct mir_error err;

    (void)state;
    assert_int_equal(mir_slurm_conf_parse("x", elf, sizeof(elf), &c, &err), -EINVAL);
    assert_string_equal(err.text, "x:1: not a text file");
}

static void refuses_more_partitions_than_there_is_room_for(void **state)
{
    struct mir_str text = {0};
    struct mir_cluster c;
    struct mir_error err;

    (void)state;
    mir_str_add(&text, "NodeName=n[1-9]\n");
    for (int i = 0; i <= MIR_MAX_PARTITIONS; i++)
        mir_str_addf(&text, "PartitionName=p%d Nodes=ALL\n", i);
    assert_int_equal(mir_slurm_conf_parse("x", text.text, text.len, &c, &err), -EINVAL);
    assert_non_null(strstr(err.text, "x:34: PartitionName: more than 32 partitions"));
    mir_str_release(&text);
}

/* ---- files */

struct files {
    char directory[64];
};

static int make_directory(void **state)
{
    static struct files files;

    strncpy(files.directory, "/tmp/mirage-conf-XXXXXX", sizeof(files.directory) - 1);
    *state = &files;
    return mkdtemp(files.directory) == NULL;
}

static const char *const file_names[] = {"slurm.conf", "nodes.conf", "aurum_parts", "loop.conf"};

static void path_of(const struct files *files, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", files->directory, name);
}

static int remove_directory(void **state)
{
    const struct files *files = *state;
    char path[128];

    for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
        path_of(files, file_names[i], path);
        unlink(path);
    }
    return rmdir(files->directory);
}

static void write_file(const struct files *files, const char *name, const char *text)
{
    char path[128];
    FILE *f;

    path_of(files, name, path);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void includes_stand_beside_the_main_file(void **state)
{
    const struct files *files = *state;
    struct mir_cluster c;
    struct mir_error err = {{0}};
    char path[128];

    write_file(files, "slurm.conf",
               "ClusterName=aurum\nInclude nodes.conf\ninclude\t%c_parts  # names the cluster\n");
    write_file(files, "nodes.conf", "NodeName=n[1-4] CPUs=4\n");
    write_file(files, "aurum_parts", "PartitionName=p Nodes=n[1-3]\n");
    path_of(files, "slurm.conf", path);
    assert_int_equal(mir_slurm_conf_read(path, &c, &err), 0);
    assert_int_equal(mir_cluster_nodes(&c), 3);

    write_file(files, "aurum_parts", "PartitionName=p Nodes=n[1-5]\n");
    assert_int_equal(mir_slurm_conf_read(path, &c, &err), -EINVAL);
    assert_non_null(strstr(err.text, "/aurum_parts:1: Nodes: there is no node \"n5\""));
}

static void refuses_includes_that_are_missing_or_turn_in_circles(void **state)
{
    const struct files *files = *state;
    struct mir_cluster c;
    struct mir_error err = {{0}};
    char path[128];

    write_file(files, "slurm.conf", "\nInclude /nonexistent/x.conf\n");
    path_of(files, "slurm.conf", path);
    assert_int_equal(mir_slurm_conf_read(path, &c, &err), -EINVAL);
    assert_non_null(strstr(err.text, "/slurm.conf:2: Include: /nonexistent/x.conf: No such file"));
    write_file(files, "loop.conf", "Include loop.conf\n");
    path_of(files, "loop.conf", path);
    assert_int_equal(mir_slurm_conf_read(path, &c, &err), -EINVAL);
    assert_non_null(strstr(err.text, "/loop.conf:1: Include: too many levels deep"));
}

static void a_missing_file_is_enoent(void **state)
{
    struct mir_cluster c;
    struct mir_error err = {{0}};

    (void)state;
    assert_int_equal(mir_slurm_conf_read("/nonexistent/slurm.conf", &c, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/nonexistent/slurm.conf"));
    assert_int_not_equal(mir_slurm_conf_read("/tmp", &c, &err), 0);
}

/* A configuration that a real slurmctld 22.05 runs with. */
static void reads_the_lab_s_slurm_conf(void **state)
{
    const char *shared = getenv("MIRAGE_SHARED");
    struct mir_str path = {0};
    struct mir_cluster c;
    struct mir_error err = {{0}};
    int rc;

    (void)state;
    mir_str_add(&path, shared != NULL ? shared : MIR_SOURCE_DIR "/../shared");
    mir_str_add(&path, "/slurm-lab/etc/slurm.conf.in");
    if (access(path.text, R_OK) != 0) {
        mir_str_release(&path);
        skip();
    }
    rc = mir_slurm_conf_read(path.text, &c, &err);
    mir_str_release(&path);
    if (rc != 0)
        fail_msg("%s", err.text);
    assert_string_equal(c.name, "lab");
    assert_int_equal(c.n_node_sets, 1);
    assert_int_equal(c.node_sets[0].n_nodes, 12);
    assert_int_equal(c.node_sets[0].n_cpus, 16);
    assert_int_equal(c.node_sets[0].n_gpus, 4);
    assert_int_equal(c.n_partitions, 2);
    assert_int_equal(partition(&c, "main")->max_time_s, 86400);
    assert_int_equal(partition(&c, "main")->default_time_s, 300);
    assert_int_equal(partition(&c, "short")->priority_job_factor, 10);
    assert_int_equal(c.params.bf_interval_s, 2);
    assert_int_equal(c.params.bf_max_job_test, 2000);
    assert_int_equal(c.priority.weight_age, 100000);
    assert_int_equal(c.priority.max_age_s, 86400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_scheduler_and_priority),
        cmocka_unit_test(partitions_share_nodes_and_skip_those_out_of_service),
        cmocka_unit_test(partitions_carry_the_defaults_before_them),
        cmocka_unit_test(node_sets_are_alike_in_partitions_and_hardware),
        cmocka_unit_test(hardware_not_given_is_zero),
        cmocka_unit_test(the_last_default_partition_is_the_default),
        cmocka_unit_test(names_given_twice_keep_their_first_line),
        cmocka_unit_test(takes_crlf_odd_spacing_and_no_last_newline),
        cmocka_unit_test(many_kinds_of_hardware_become_one_set_per_membership),
        cmocka_unit_test(long_set_names_are_cut_with_dots),
        cmocka_unit_test(parameters_and_scheduler_type_do_not_depend_on_their_order),
        cmocka_unit_test(refuses_with_file_line_and_key),
        cmocka_unit_test(refuses_binary_files),
        cmocka_unit_test(refuses_more_partitions_than_there_is_room_for),
        cmocka_unit_test_setup_teardown(includes_stand_beside_the_main_file, make_directory,
                                        remove_directory),
        cmocka_unit_test_setup_teardown(refuses_includes_that_are_missing_or_turn_in_circles,
                                        make_directory, remove_directory),
        cmocka_unit_test(a_missing_file_is_enoent),
        cmocka_unit_test(reads_the_lab_s_slurm_conf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
