/*
 * live.h - a cluster that runs by itself: real Slurm behind the broker, or a
 * simulated one that loses replies.  Where a struct mir_host (host.h) answers at
 * once, a live cluster answers later, by an event, or never: any question may
 * take longer than a job's life.  Both are seen through the same snapshot.h, and
 * the same decision code reads it.  One thread.
 */
#ifndef MIR_HOST_LIVE_H
#define MIR_HOST_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/comment.h"
#include "daemon/host/job.h"

/*
 * Two clocks.  `mono_ns` never jumps and measures all intervals; `wall` is this
 * machine's idea of the time, only for display.  What Slurm's times are compared
 * with is Slurm's own clock: mir_live_jobs.at plus the time gone since.
 */
struct mir_now {
    int64_t wall;
    int64_t mono_ns;
};

enum mir_live_flag {
    MIR_LIVE_ARRAY = 1u << 0,      /* task or remainder of an array */
    MIR_LIVE_HET = 1u << 1,        /* component of a heterogeneous job */
    MIR_LIVE_BATCH = 1u << 2,      /* has a script */
    MIR_LIVE_SUSPENDED = 1u << 3,  /* its state is RUNNING */
    MIR_LIVE_COMPLETING = 1u << 4, /* ended, nodes not yet free */
    MIR_LIVE_DEPENDENT = 1u << 5,  /* has a dependency that is not satisfied */
    MIR_LIVE_HELD_USER = 1u << 6,
    MIR_LIVE_HELD_ADMIN = 1u << 7, /* or by Slurm, after failed launches */
    MIR_LIVE_FEDERATED = 1u << 8,
    MIR_LIVE_RESIZED = 1u << 9,     /* has changed its size while running */
    MIR_LIVE_DEADLINE = 1u << 10,   /* ended by --deadline (state OTHER) */
    MIR_LIVE_BEGIN_LATER = 1u << 11 /* --begin in the future */
};

/* A job as slurmctld tells of it; strings are never NULL. */
struct mir_live_job {
    uint32_t id;
    uint32_t uid, gid;
    uint32_t n_nodes, n_cpus, n_gpus;
    uint32_t n_tasks;  /* of an array's remainder: jobs that this record stands for; else 1 */
    uint32_t restarts; /* requeued so often; a requeue renews submit_at */
    uint32_t priority; /* 0: held */
    uint32_t flags;    /* enum mir_live_flag */
    int32_t limit_s;   /* MIR_UNLIMITED */
    int32_t nice;
    int32_t exit_code;   /* once ended: 0..255 */
    int32_t exit_signal; /* once ended: 0 or the signal */
    uint8_t state;       /* enum mir_job_state */
    int64_t submit_at;
    int64_t eligible_at; /* INT64_MAX: not yet eligible */
    int64_t start_at;    /* started: when; pending: Slurm's own estimate, 0 none */
    int64_t end_at;      /* ended: when; running: planned; else 0 */
    int64_t last_sched_eval_at;
    const char *user, *account, *partition, *qos, *name, *comment, *reason, *reservation;
};

/* A full list; owned by whoever made it, see the event. */
struct mir_live_jobs {
    int64_t at; /* Slurm's clock when it answered */
    int64_t last_backfill_at;
    struct mir_live_job *jobs; /* by id, ascending */
    size_t n_jobs;
};

/* The job of that id, or NULL. */
const struct mir_live_job *mir_live_jobs_find(const struct mir_live_jobs *list, uint32_t id);

struct mir_live_reservation {
    char name[64];
    int64_t start_at, end_at;
    uint32_t n_nodes;
    bool maintenance;
};

struct mir_live_partition {
    char name[64];
    uint32_t n_nodes, n_cpus;
    int32_t limit_max_s; /* MIR_UNLIMITED */
    bool up;
    uint32_t tier, job_factor; /* PriorityTier, PriorityJobFactor: 1 unless set */
    uint32_t sets;             /* bit i: nodes of set i of its cluster belong to it */
};

/* Kinds of nodes that are told apart: a bit each in a partition's `sets`. */
enum { MIR_LIVE_SETS_MAX = 32 };

/* What seldom changes; lent with the event. */
struct mir_live_cluster {
    char name[64];
    char slurm_version[32];
    uint32_t n_nodes, n_nodes_idle, n_nodes_down; /* down: down, drained, failed */
    int32_t message_timeout_s;
    int32_t min_job_age_s; /* an ended job stays in slurmctld's list this long */
    bool accounting;       /* there is a slurmdbd */
    bool stores_comment, stores_environment, stores_script;
    bool accrue_always; /* PriorityFlags: dependent jobs age too */
    bool federated;
    char scheduler[32], priority_type[32];
    char scheduler_parameters[512], priority_flags[128];
    uint32_t weight_age, weight_fair_share, weight_job_size, weight_partition, weight_qos;
    int32_t max_age_s;     /* PriorityMaxAge: from then on the age counts in full; 0: not told */
    int32_t calc_period_s; /* PriorityCalcPeriod; 0: not told */
    bool favor_small;      /* PriorityFavorSmall */
    /*
     * Which partitions share nodes: nodes in service that are in the same partitions are
     * a set.  n_sets 0: not told, as by a broker that is older, or where there are more.
     */
    uint32_t set_nodes[MIR_LIVE_SETS_MAX];
    uint32_t n_sets;
    const struct mir_live_partition *partitions;
    size_t n_partitions;
    const struct mir_live_reservation *reservations;
    size_t n_reservations;
};

/* A job of the accounting: one lesson about waits, or what became of one of ours. */
struct mir_live_past {
    uint32_t id, uid;
    uint32_t n_nodes;
    int32_t limit_s;
    int32_t exit_code, exit_signal;
    uint8_t state;
    int64_t submit_at, eligible_at, start_at, end_at;       /* 0: not yet */
    const char *user, *account, *partition, *qos, *comment; /* lent; never NULL */
    const char *name;                                       /* the same; NULL as good as "" */
};

/* The same of a job that is still listed; its names are lent on.  One that runs has not ended yet. */
struct mir_live_past mir_live_past_of(const struct mir_live_job *job);

/* Which job: an id alone is none, Slurm hands ids out again after a crash. */
struct mir_job_identity {
    uint32_t id;
    uint32_t uid;
    int64_t submit_at;             /* 0: not known yet (only together with a token) */
    char token[MIR_TOKEN_LEN + 1]; /* "": the user submitted it himself */
};

/*
 * Is `job` the one that is meant?  With a token: same uid, same token in its
 * tag, and, where they are known (not 0), the same id and, unless requeued since
 * (`restarts` above `restarts_seen`), the same submit time.  Without a token: the
 * same id and uid, and the same submit time unless requeued since; an identity
 * without a submit time is then nobody's.
 */
bool mir_job_is(const struct mir_live_job *job,
                const struct mir_job_identity *who,
                uint32_t restarts_seen);

/* How a question ended. */
enum mir_outcome {
    MIR_OUTCOME_DONE,
    MIR_OUTCOME_REFUSED,     /* certainly not done, and asking again will not help: see `refusal` */
    MIR_OUTCOME_UNAVAILABLE, /* certainly not done; ask again later */
    MIR_OUTCOME_UNKNOWN,     /* may have been done */
};

/* Why something was refused: what the engine does about it differs. */
enum mir_refusal {
    MIR_REFUSAL_NONE,
    MIR_REFUSAL_OTHER,
    MIR_REFUSAL_NOT_CARRIED, /* capture: the job has what a successor could not be given */
    MIR_REFUSAL_LIMIT,       /* account, QOS, association or partition says no */
    MIR_REFUSAL_STOP_FILE,   /* the user's stop file exists */
    MIR_REFUSAL_IDENTITY,    /* no such job any more, or it is another one */
    MIR_REFUSAL_OWNER,       /* uid 0, gid 0, under the minimum uid, unknown user */
    MIR_REFUSAL_RATE,        /* the broker's caps: try later */
    MIR_REFUSAL_KILL_FILE,
    MIR_REFUSAL_TEMPLATE, /* the broker has no such template (any more): capture again */
};

/* Names as they go over the wire and into JSON ("not_carried"); parse: MIR_REFUSAL_OTHER if new. */
const char *mir_refusal_name(enum mir_refusal refusal);
enum mir_refusal mir_refusal_parse(const char *name);
const char *mir_outcome_name(enum mir_outcome outcome);
/* "PENDING", "RUNNING", "CANCELLED", ...; parse: MIR_STATE_UNKNOWN for others. */
const char *mir_job_state_name(uint8_t state);
uint8_t mir_job_state_parse(const char *name);

enum { MIR_TEMPLATE_ID_LEN = 32 };

/* Where a successor's environment comes from, in the order of preference. */
enum mir_environment_source {
    MIR_ENVIRONMENT_NONE,
    MIR_ENVIRONMENT_ENROLLED,   /* handed in at enrolment, vouched for by munge */
    MIR_ENVIRONMENT_ACCOUNTING, /* slurmdbd, AccountingStoreFlags=job_env */
    MIR_ENVIRONMENT_STATE_SAVE, /* slurmctld's StateSaveLocation */
    MIR_ENVIRONMENT_LOGIN,      /* none of these: slurmd loads the login environment */
};
const char *mir_environment_source_name(enum mir_environment_source source);
enum mir_environment_source mir_environment_source_parse(const char *name);

/* All a host needs to submit a successor. */
struct mir_submission {
    char template_id[MIR_TEMPLATE_ID_LEN + 1];
    struct mir_tag tag; /* chain, number of the new link, token */
    struct mir_job_identity predecessor;
    char stop_file[MIR_STOP_FILE_MAX + 1]; /* ""; looked for as the owner */
};

enum mir_live_kind {
    MIR_LIVE_UP,        /* the connection to the cluster's reader stands */
    MIR_LIVE_DOWN,      /* it is gone: all open questions end as said below */
    MIR_LIVE_JOBS,      /* answer to read_jobs */
    MIR_LIVE_JOB,       /* answer to read_job */
    MIR_LIVE_CLUSTER,   /* answer to read_cluster */
    MIR_LIVE_HISTORY,   /* answer to read_history: one page */
    MIR_LIVE_FOUND,     /* answer to find */
    MIR_LIVE_CAPTURED,  /* answer to capture */
    MIR_LIVE_SUBMITTED, /* answer to submit */
    MIR_LIVE_CANCELLED, /* answer to cancel */
};

/*
 * What a live cluster tells.  Every question is answered exactly once, by the
 * event with its ticket; when the connection breaks, by outcome UNKNOWN for
 * submit and cancel that were sent, else UNAVAILABLE.  All pointers are lent for
 * the time of the call, but `jobs`, which stays good until the next JOBS event.
 */
struct mir_live_event {
    enum mir_live_kind kind;
    uint64_t ticket; /* 0: UP, DOWN */
    enum mir_outcome outcome;
    enum mir_refusal refusal;
    const char *text;    /* for people; never NULL */
    int64_t duration_ms; /* of the call to Slurm */

    const struct mir_live_jobs *jobs; /* JOBS; NULL: nothing has changed since the last list */
    const struct mir_live_job *job;   /* JOB: NULL with DONE means Slurm knows no such id;
                                         SUBMITTED: the job, when it could be read back */
    const struct mir_live_cluster *cluster; /* CLUSTER */
    const struct mir_live_past *past;       /* HISTORY, FOUND: by start time, ascending */
    size_t n_past;
    bool more;             /* HISTORY: ask again from the last page's end */
    int64_t upto;          /* HISTORY: that end; the page may be empty.  0: not said */
    uint32_t submitted_id; /* SUBMITTED, DONE */
    bool already;          /* SUBMITTED: a job with this token was there; none was made */
    char template_id[MIR_TEMPLATE_ID_LEN + 1]; /* CAPTURED, DONE */
    enum mir_environment_source environment;   /* CAPTURED, DONE */
    int32_t warn_s;      /* CAPTURED: --signal comes so long before the limit; 0: none */
    const char *workdir; /* CAPTURED: for show; "" else */
};

/* Questions counted, for `mirage status`: what we cost slurmctld. */
struct mir_live_count {
    char name[24]; /* "jobs", "job", "submit", ... */
    uint64_t n, n_failed;
    int64_t total_ms, max_ms;
};

struct mir_live;

/*
 * Ask.  Each takes a ticket (> 0, unique among open questions, the caller's) and
 * returns 0 when the question is on its way, or a negative errno when it
 * certainly never will be (then no event comes).
 */
struct mir_live_ops {
    const char *name;
    int (*read_jobs)(struct mir_live *l, uint64_t ticket, bool full, struct mir_error *err);
    int (*read_job)(struct mir_live *l, uint64_t ticket, uint32_t id, struct mir_error *err);
    int (*read_cluster)(struct mir_live *l, uint64_t ticket, struct mir_error *err);
    /* Jobs that ended or ran in [from, to), a page of a few thousand at a time. */
    int (*read_history)(struct mir_live *l,
                        uint64_t ticket,
                        int64_t from,
                        int64_t to,
                        struct mir_error *err);
    /* Accounting's jobs of `uid` submitted since `from` whose comment has `token`. */
    int (*find)(struct mir_live *l,
                uint64_t ticket,
                uint32_t uid,
                const char *token,
                int64_t from,
                struct mir_error *err);
    /* Keep script, environment and shape of a live job; `munged_environment` may be NULL. */
    int (*capture)(struct mir_live *l,
                   uint64_t ticket,
                   const struct mir_job_identity *job,
                   const char *munged_environment,
                   struct mir_error *err);
    int (*submit)(struct mir_live *l,
                  uint64_t ticket,
                  const struct mir_submission *submission,
                  struct mir_error *err);
    /* Cancel a job that is still pending; REFUSED (identity) when it is not that job, or runs. */
    int (*cancel)(struct mir_live *l,
                  uint64_t ticket,
                  const struct mir_job_identity *job,
                  struct mir_error *err);
    /* The template is of no more use.  No answer. */
    void (*forget)(struct mir_live *l, const char *template_id);
    /* Lent; good until the next call. */
    const struct mir_live_count *(*counts)(const struct mir_live *l, size_t *n);
    /* Accepts NULL. */
    void (*destroy)(struct mir_live *l);
};

/* First member of every live cluster. */
struct mir_live {
    const struct mir_live_ops *ops;
};

#endif
