/*
 * job.h - a job, as a log or a queue tells of it: one cache line each.
 */
#ifndef MIR_HOST_JOB_H
#define MIR_HOST_JOB_H

#include <stdint.h>

enum {
    MIR_UNKNOWN = -1,          /* a duration or count that the source does not give */
    MIR_UNLIMITED = INT32_MAX, /* a time limit of none */
};

/* How a job ended, in Slurm's words; MIR_STATE_UNKNOWN where the log is silent. */
enum mir_job_state {
    MIR_STATE_UNKNOWN,
    MIR_STATE_PENDING,
    MIR_STATE_RUNNING,
    MIR_STATE_COMPLETED,
    MIR_STATE_CANCELLED,
    MIR_STATE_FAILED,
    MIR_STATE_TIMEOUT,
    MIR_STATE_NODE_FAIL,
    MIR_STATE_PREEMPTED,
    MIR_STATE_OUT_OF_MEMORY,
    MIR_STATE_OTHER,
};

/*
 * A job of a log.  64 bytes and no pointer, so that a log of a million jobs is
 * 64 MB and the simulator touches one line per job.  `user`, `account`, `qos`,
 * `partition` and `name` are numbers of names in the log's own tables
 * (joblog.h); 0 is always the empty name: not given.
 */
struct mir_job {
    int64_t submit_at; /* seconds since the epoch */
    uint32_t id;       /* Slurm's job id; of an array task, the array's id */
    uint32_t priority; /* as logged (at start); 0: not given */
    int32_t wait_s;    /* start - submit as logged; MIR_UNKNOWN: never started, or not given */
    int32_t run_s;     /* end - start; MIR_UNKNOWN */
    int32_t limit_s;   /* requested limit; MIR_UNKNOWN, MIR_UNLIMITED */
    int32_t
        eligible_s;   /* eligible - submit (begin time, dependency); 0 when at once or not given */
    uint32_t n_nodes; /* 0: not given */
    uint32_t n_cpus;  /* of the whole job; 0: not given */
    uint32_t user;
    uint32_t name;
    uint32_t extra;     /* number of the struct mir_job_extra in the log; 0: none */
    int32_t array_task; /* MIR_UNKNOWN: not an array task */
    uint16_t account;
    uint16_t partition;
    uint16_t n_gpus; /* of the whole job */
    uint8_t qos;
    uint8_t state; /* enum mir_job_state */
};

_Static_assert(sizeof(struct mir_job) == 64, "one cache line a job");

/* What few jobs have. */
struct mir_job_extra {
    uint64_t mem_bytes;     /* of the whole job; 0: not given */
    int32_t nice;           /* subtracted from the priority */
    int32_t array_throttle; /* the N of --array=...%N; 0: none */
    int32_t cancelled_s; /* cancelled while pending, this long after submission; MIR_UNKNOWN: not */
    uint32_t dependency; /* name number of Slurm's dependency text ("afterok:12:13"); 0: none */
};

#endif
