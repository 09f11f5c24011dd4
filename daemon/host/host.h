/*
 * host.h - where jobs run: real Slurm, or a simulated cluster, behind one
 * interface.  The decision code knows this header and neither of the two.
 * One thread at a time per host.
 */
#ifndef MIR_HOST_HOST_H
#define MIR_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/job.h"
#include "daemon/host/snapshot.h"

/* What is asked of the cluster: a job's shape and owner. */
struct mir_request {
    uint32_t n_nodes;
    int32_t limit_s;
    int32_t run_s; /* simulated hosts only: how long it will run; MIR_UNKNOWN: its limit */
    uint32_t user; /* numbers of names, as in struct mir_job */
    uint16_t partition;
    uint16_t account;
    uint8_t qos;
    int32_t nice;
};

/* A job that the host accepted.  Not Slurm's id alone: ids are handed out again. */
struct mir_job_ref {
    uint32_t id;
    uint64_t serial; /* unique within the host's lifetime */
};

/* What became of a job so far. */
struct mir_job_status {
    uint8_t state; /* enum mir_job_state */
    int64_t submit_at;
    int64_t start_at; /* INT64_MIN: not yet */
    int64_t end_at; /* real end once ended, else planned (start + limit); INT64_MIN: not started */
};

struct mir_host;

/*
 * All return 0 or a negative errno with text in `err`; -ENOTSUP where a host
 * cannot do it (real Slurm neither forks nor probes).
 */
struct mir_host_ops {
    const char *name;

    /* Seconds since the epoch on this host's clock. */
    int64_t (*now)(const struct mir_host *host);

    /* Let time pass until `to` (not before now). */
    int (*advance)(struct mir_host *host, int64_t to, struct mir_error *err);

    /* Fill the snapshot's `parts` (enum mir_snapshot_part); the rest of `out` is zero. */
    int (*observe)(struct mir_host *host,
                   unsigned parts,
                   struct mir_snapshot *out,
                   struct mir_error *err);

    /* Submit now.  -E2BIG: the request can never run here. */
    int (*submit)(struct mir_host *host,
                  const struct mir_request *request,
                  struct mir_job_ref *out,
                  struct mir_error *err);

    /* Cancel a pending or running job.  -ESRCH: no such job now. */
    int (*cancel)(struct mir_host *host, struct mir_job_ref job, struct mir_error *err);

    /* What became of a job of ours.  -ESRCH: unknown. */
    int (*status)(struct mir_host *host,
                  struct mir_job_ref job,
                  struct mir_job_status *out,
                  struct mir_error *err);

    /*
     * Were `request` submitted now and nothing else changed: when would it
     * start?  The host itself stays as it is.
     */
    int (*probe)(struct mir_host *host,
                 const struct mir_request *request,
                 int64_t *start_at,
                 struct mir_error *err);

    /* An independent copy of the host's live state; the caller owns `*out`. */
    int (*fork)(struct mir_host *host, struct mir_host **out, struct mir_error *err);

    /* Accepts NULL. */
    void (*destroy)(struct mir_host *host);
};

/* First member of every host. */
struct mir_host {
    const struct mir_host_ops *ops;
};

#endif
