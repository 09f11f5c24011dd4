/*
 * cluster.h - the simulated machine and its scheduler's settings, as an admin
 * writes them in slurm.conf.  Plain data, made once, read-only afterwards.
 * Durations are seconds.  Names are Slurm's.
 */
#ifndef MIR_SIM_CLUSTER_H
#define MIR_SIM_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"

enum mir_scheduler {
    MIR_SCHED_SLURM,        /* main scheduler and backfill, multifactor priority */
    MIR_SCHED_FCFS,         /* strict first come, first served */
    MIR_SCHED_EASY,         /* EASY backfill (Lifka 1995), one pass per second or per event */
    MIR_SCHED_CONSERVATIVE, /* every job holds a reservation; compression on early ends */
};

enum {
    MIR_MAX_PARTITIONS = 32,
    MIR_MAX_NODE_SETS = 32, /* classes of nodes that are in the same partitions */
    MIR_MAX_QOS = 64,
};

/* Nodes that are alike: same partitions, same hardware, same weight. */
struct mir_node_set {
    char name[64]; /* as written: "n[01-12]" */
    uint32_t n_nodes;
    uint32_t n_cpus;    /* per node; 0: not given */
    uint32_t n_gpus;    /* per node */
    uint64_t mem_bytes; /* per node; 0: not given */
    uint32_t weight;    /* lower is used first */
};

struct mir_partition {
    char name[64];
    uint64_t node_sets;     /* bit i: nodes of set i belong to it */
    int32_t max_time_s;     /* MIR_UNLIMITED: none */
    int32_t default_time_s; /* MIR_UNKNOWN: max_time_s */
    uint32_t max_nodes;     /* per job; UINT32_MAX: no limit */
    uint32_t min_nodes;
    uint16_t priority_tier; /* higher tiers are tried first */
    uint16_t priority_job_factor;
    bool is_default;
    bool up;
};

/* PriorityWeight*, PriorityMaxAge and friends (slurm.conf(5), multifactor plugin). */
struct mir_priority {
    bool multifactor; /* PriorityType=priority/multifactor; false: priority/basic, by submission */
    /*
     * AccountingStorageType is slurmdbd.  Without it slurmctld ignores the weights
     * of age and fair share (priority/multifactor's init(): "can only be used with
     * SlurmDBD, ignoring"; a 17.11 without accounting did not age jobs either).
     */
    bool accounting;
    uint32_t weight_age;
    uint32_t weight_fairshare;
    uint32_t weight_job_size;
    uint32_t weight_partition;
    uint32_t weight_qos;
    int32_t max_age_s;
    int32_t decay_half_life_s; /* 0: usage never decays */
    int32_t calc_period_s;
    bool favor_small;
    /* PriorityFlags, of the same names. */
    bool accrue_always;
    bool small_relative_to_time;
    bool no_fair_tree;
    bool no_normal_part;
    bool no_normal_qos;
    bool incr_only;
};

/* SchedulerParameters. */
struct mir_sched_params {
    bool backfill;            /* SchedulerType=sched/backfill, and bf_interval is not -1 */
    int32_t sched_interval_s; /* main scheduler, whole queue; -1: never */
    int32_t bf_interval_s;    /* -1: never; `backfill` is false then */
    int32_t bf_window_s;
    int32_t bf_resolution_s;
    uint32_t bf_max_job_test;
    uint32_t bf_max_job_user;           /* 0: no limit */
    uint32_t bf_max_job_part;           /* 0: no limit */
    uint32_t bf_max_job_user_part;      /* 0: no limit */
    uint32_t bf_max_job_assoc;          /* user and account; 0: no limit */
    uint32_t bf_max_job_start;          /* 0: no limit */
    uint32_t bf_max_job_array_resv;     /* tasks of one array with a reservation */
    uint32_t bf_job_part_count_reserve; /* 0: every job gets a reservation */
    int32_t bf_window_linear_s; /* will-run windows grow by this much; 0: they double from 30 s */
    int32_t bf_min_age_reserve_s;
    uint32_t default_queue_depth;
    uint32_t partition_job_depth; /* 0: no limit */
    uint32_t sched_max_job_start; /* in one pass of the main scheduler; 0: no limit */
    bool bf_continue;
    bool defer; /* no attempt to start at submission */
};

struct mir_cluster {
    char name[64];
    enum mir_scheduler scheduler;
    struct mir_node_set node_sets[MIR_MAX_NODE_SETS];
    uint32_t n_node_sets;
    struct mir_partition partitions[MIR_MAX_PARTITIONS];
    uint32_t n_partitions;
    struct mir_priority priority;
    struct mir_sched_params params;
    /* QOS priorities live in slurmdbd, not slurm.conf; given with --qos name=priority. */
    struct {
        char name[64];
        uint32_t priority;
    } qos[MIR_MAX_QOS];
    uint32_t n_qos;
};

/*
 * Slurm's defaults (22.05) and one partition "default" over `n_nodes` alike
 * nodes (0: no nodes and no partition yet).
 */
void mir_cluster_init(struct mir_cluster *cluster, enum mir_scheduler scheduler, uint32_t n_nodes);

/*
 * Set one key as slurm.conf writes it: a SchedulerParameters parameter
 * ("bf_interval", "60"; a flag's value is "", "yes" or "no"), a Priority* key,
 * SchedulerType, ClusterName, or SchedulerParameters with its whole list, of
 * which unknown parameters are ignored as slurmctld knows more of them, and the
 * first of a name counts, as in slurmctld.  Returns 0, or -EINVAL with
 * "key: reason" when the key is not known or the value not in its range.
 */
int mir_cluster_set(struct mir_cluster *cluster,
                    const char *key,
                    const char *value,
                    struct mir_error *err);

/*
 * Add a QOS from "name=priority", or change the priority of one there is.
 * Returns 0 or -EINVAL (not of that form, or MIR_MAX_QOS - 1 are there already:
 * the entry at n_qos stays zero and stands for jobs without a known QOS).
 */
int mir_cluster_add_qos(struct mir_cluster *cluster, const char *text, struct mir_error *err);

/* "slurm", "fcfs", "easy", "conservative".  Returns 0 or -EINVAL. */
int mir_scheduler_parse(const char *name, enum mir_scheduler *out, struct mir_error *err);
const char *mir_scheduler_name(enum mir_scheduler scheduler);

/* Nodes of all sets together. */
uint32_t mir_cluster_nodes(const struct mir_cluster *cluster);

/* How far ahead its backfill plans; 0: it does not plan as Slurm does. */
int32_t mir_cluster_window_s(const struct mir_cluster *cluster);

/* Nodes of the sets of `partition`. */
uint32_t mir_cluster_partition_nodes(const struct mir_cluster *cluster, uint32_t partition);

/* The partition called `name`; without one, the default; without that, the first. */
uint32_t mir_cluster_find_partition(const struct mir_cluster *cluster, const char *name);

/*
 * Read an actual slurm.conf over Slurm's defaults: NodeName, PartitionName,
 * Priority*, SchedulerType, SchedulerParameters, NodeSet, DownNodes, Include,
 * line continuation, comments, case-insensitive keys.  Keys that do not bear on
 * scheduling are accepted and ignored, as slurmctld knows far more of them than
 * a simulator does.  Nodes that are down, drained, failing or for the future,
 * and nodes in no partition, are left out.  Where nodes differ in more ways than
 * there are node sets, those in the same partitions and of the same weight
 * become one set with the least hardware of any of them.  Returns 0, -ENOENT and
 * other errnos from opening, or -EINVAL with "file:line: key: ..."; `*out` is
 * as it was on failure.
 */
int mir_slurm_conf_read(const char *path, struct mir_cluster *out, struct mir_error *err);

/* The same from memory; `name` stands for the file in messages.  Include lines are refused. */
int mir_slurm_conf_parse(const char *name,
                         const char *text,
                         size_t len,
                         struct mir_cluster *out,
                         struct mir_error *err);

#endif
