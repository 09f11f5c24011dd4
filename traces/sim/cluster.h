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
    char name[64];      /* as written: "n[01-12]" */
    uint32_t n_nodes;
    uint32_t n_cpus;    /* per node; 0: not given */
    uint32_t n_gpus;    /* per node */
    uint64_t mem_bytes; /* per node; 0: not given */
    uint32_t weight;    /* lower is used first */
};

struct mir_partition {
    char name[64];
    uint64_t node_sets;       /* bit i: nodes of set i belong to it */
    int32_t max_time_s;       /* MIR_UNLIMITED: none */
    int32_t default_time_s;   /* MIR_UNKNOWN: max_time_s */
    uint32_t max_nodes;       /* per job; UINT32_MAX: no limit */
    uint32_t min_nodes;
    uint16_t priority_tier;   /* higher tiers are tried first */
    uint16_t priority_job_factor;
    bool is_default;
    bool up;
};

/* PriorityWeight*, PriorityMaxAge and friends (slurm.conf(5), multifactor plugin). */
struct mir_priority {
    bool multifactor;      /* PriorityType=priority/multifactor; false: priority/basic, by submission */
    uint32_t weight_age;
    uint32_t weight_fairshare;
    uint32_t weight_job_size;
    uint32_t weight_partition;
    uint32_t weight_qos;
    int32_t max_age_s;
    int32_t decay_half_life_s; /* 0: usage never decays */
    int32_t calc_period_s;
    bool favor_small;
    bool accrue_always;    /* PriorityFlags=ACCRUE_ALWAYS */
};

/* SchedulerParameters. */
struct mir_sched_params {
    bool backfill;                /* SchedulerType=sched/backfill */
    int32_t sched_interval_s;     /* main scheduler, whole queue */
    int32_t bf_interval_s;
    int32_t bf_window_s;
    int32_t bf_resolution_s;
    uint32_t bf_max_job_test;
    uint32_t bf_max_job_user;     /* 0: no limit */
    uint32_t bf_max_job_part;     /* 0: no limit */
    uint32_t bf_max_job_start;    /* 0: no limit */
    int32_t bf_min_age_reserve_s;
    uint32_t default_queue_depth;
    uint32_t partition_job_depth; /* 0: no limit */
    bool bf_continue;
    bool defer;                   /* no attempt to start at submission */
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

/* Set one SchedulerParameters or Priority* key as slurm.conf writes it ("bf_interval", "60"). */
int mir_cluster_set(struct mir_cluster *cluster,
                    const char *key,
                    const char *value,
                    struct mir_error *err);

/* "slurm", "fcfs", "easy", "conservative".  Returns 0 or -EINVAL. */
int mir_scheduler_parse(const char *name, enum mir_scheduler *out, struct mir_error *err);
const char *mir_scheduler_name(enum mir_scheduler scheduler);

/* Nodes of all sets together. */
uint32_t mir_cluster_nodes(const struct mir_cluster *cluster);

/*
 * Read an actual slurm.conf over Slurm's defaults: NodeName, PartitionName,
 * Priority*, SchedulerType, SchedulerParameters, NodeSet, DownNodes, Include,
 * line continuation, comments, case-insensitive keys.  Keys that do not bear on
 * scheduling are accepted and ignored, as slurmctld knows far more of them than
 * a simulator does.  Returns 0, -ENOENT, or -EINVAL with "file:line: key: ...".
 */
int mir_slurm_conf_read(const char *path, struct mir_cluster *out, struct mir_error *err);

/* The same from memory; `name` stands for the file in messages.  Include lines are refused. */
int mir_slurm_conf_parse(const char *name,
                         const char *text,
                         size_t len,
                         struct mir_cluster *out,
                         struct mir_error *err);

#endif
