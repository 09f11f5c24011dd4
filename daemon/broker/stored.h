/*
 * stored.h - what slurmdbd keeps of one job beyond its row: command line, script,
 * environment.  As the job's owner (others get an empty answer).  One thread.
 */
#ifndef MIR_BROKER_STORED_H
#define MIR_BROKER_STORED_H

#include <stdint.h>

#include "daemon/core/error.h"

enum mir_stored { MIR_STORED_LINE, MIR_STORED_SCRIPT, MIR_STORED_ENVIRONMENT };

/*
 * The newest row of job `id`, if it is the job of `uid` submitted at `submit_at`.
 * The caller frees `*out`.  -ENOENT: not stored, or not yet (slurmdbd is seconds
 * behind); -EIO: slurmdbd does not answer.
 */
int mir_stored_read(uint32_t id,
                    uint32_t uid,
                    int64_t submit_at,
                    enum mir_stored what,
                    char **out,
                    struct mir_error *err);

/*
 * How that job ended, for one that slurmctld has purged: `*state` as slurmdbd has it
 * (JOB_STATE_BASE), and its comment, which the caller frees; "" where the site does
 * not store comments.  Also of one whose id another job bears since.  Returns as above.
 */
int mir_stored_end(uint32_t id,
                   uint32_t uid,
                   int64_t submit_at,
                   uint32_t *state,
                   char **comment,
                   struct mir_error *err);

#endif
