/*
 * act.h - one capture, submission or cancellation, in a child of its own: what the
 * three have in common.  mir_act_run() is declared in broker.h.
 */
#ifndef MIR_BROKER_ACT_H
#define MIR_BROKER_ACT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/broker/broker.h"
#include "daemon/broker/compat.h"
#include "daemon/core/error.h"
#include "daemon/core/str.h"
#include "daemon/host/live.h"

struct mir_deed {
    int fd; /* answers go there */
    int64_t ticket;
    const struct mir_wire_record *question;
    const struct mir_broker_settings *settings;
    struct mir_job_identity who; /* the job to capture or cancel, or the predecessor */
    int64_t slurm_ns;            /* spent in calls to Slurm */
};

/*
 * Answer `failed`.  All return 0, the exit status of a child that has answered (1
 * when not even that could be written), so that a failing path is one statement.
 */
int mir_deed_refuse(struct mir_deed *d, enum mir_refusal why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int mir_deed_unavailable(struct mir_deed *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int mir_deed_unknown(struct mir_deed *d, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Begin a closing record; mir_deed_answer() adds `ms` and sends it. */
void mir_deed_begin(struct mir_deed *d, const char *verb, struct mir_str *s);
int mir_deed_answer(struct mir_deed *d, struct mir_str *s);

/*
 * Become the job's owner for good, with `gid` (0: his own), and start libslurm.
 * Returns 0, or -1 when it has answered (then the caller returns *status).
 */
int mir_deed_become(struct mir_deed *d, gid_t gid, int *status);

/* Around each call to Slurm: at = start(); call; stop(at). */
int64_t mir_deed_start(void);
void mir_deed_stop(struct mir_deed *d, int64_t started_ns);

/*
 * Load job `id`; the caller frees `*out` (slurm_free_job_info_msg).  0 with one
 * record; -ESRCH: slurmctld knows no such job; -EIO: it does not answer.
 */
int mir_deed_load(struct mir_deed *d, uint32_t id, job_info_msg_t **out, struct mir_error *err);

/* The script of the job `who` as slurmctld has it, for free(); NULL: it does not give it. */
char *mir_deed_script(struct mir_deed *d);

/* Does this site have a slurmdbd?  False too when slurmctld does not say. */
bool mir_deed_has_accounting(struct mir_deed *d);

/* Is this record the job `who`? */
bool mir_deed_is(const slurm_job_info_t *job, const struct mir_job_identity *who);

/* Does its comment ask for a chain? */
bool mir_deed_opted_in(const slurm_job_info_t *job);

/* act_capture.c, act_submit.c, act_cancel.c */
int mir_deed_capture(struct mir_deed *d);
int mir_deed_submit(struct mir_deed *d);
int mir_deed_cancel(struct mir_deed *d);

#endif
