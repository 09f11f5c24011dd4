/*
 * sent.h - the last successor that was made of a template, as the broker itself
 * heard from slurmctld: beside the template, in `<id>-<uid>.sent`, one wire record
 *
 *     sent chain link id submit_at
 *
 * It vouches for a predecessor that slurmctld has lost (a state restored after a
 * crash) before it could be captured: slurmdbd has no comment of a job that has not
 * ended.  Written and read as root.
 */
#ifndef MIR_BROKER_SENT_H
#define MIR_BROKER_SENT_H

#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/error.h"
#include "daemon/host/comment.h"

struct mir_sent {
    char chain[MIR_CHAIN_ID_LEN + 1];
    int32_t link;
    uint32_t job_id;
    int64_t submit_at; /* s */
};

/* Instead of what was noted before.  A negative errno: the old note stays. */
int mir_sent_note(const char *spool,
                  const char *id,
                  uid_t uid,
                  const struct mir_sent *sent,
                  struct mir_error *err);

/* -ENOENT: nothing was made of it yet; -EBADMSG: damaged.  `*out` is zero then. */
int mir_sent_read(const char *spool,
                  const char *id,
                  uid_t uid,
                  struct mir_sent *out,
                  struct mir_error *err);

#endif
