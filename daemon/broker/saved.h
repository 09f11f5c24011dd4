/*
 * saved.h - reads slurmctld's StateSaveLocation, which only SlurmUser may: by a
 * helper process that is forked while there is privilege, becomes SlurmUser for
 * good, and reads two files: one job's environment, and job_state for the
 * arguments of its script.  One thread.
 */
#ifndef MIR_BROKER_SAVED_H
#define MIR_BROKER_SAVED_H

#include <stdint.h>
#include <sys/types.h>

#include "daemon/broker/broker.h"
#include "daemon/broker/environment.h"
#include "daemon/core/error.h"

struct mir_saved {
    int fd; /* -1: there is no helper */
    pid_t pid;
};

/*
 * Start the helper for job `job_id`; it does nothing until it is asked.  With
 * slurm_user "" there is none, and that is no error: reading says -ENOENT.
 */
int mir_saved_start(const struct mir_broker_settings *settings,
                    uint32_t job_id,
                    struct mir_saved *s,
                    struct mir_error *err);

/* The job's environment.  -ENOENT: it cannot be had here; -EBADMSG: not such a file. */
int mir_saved_environment(struct mir_saved *s, struct mir_environment *out, struct mir_error *err);

/* See mir_environment_find_arguments(). */
int mir_saved_arguments(struct mir_saved *s,
                        const char *command,
                        struct mir_environment *out,
                        struct mir_error *err);

/* Ends and reaps the helper. */
void mir_saved_end(struct mir_saved *s);

#endif
