/*
 * decode.h - records of the broker to the structs of live.h, every value
 * checked: a number that its member cannot hold, a word that is none, a key
 * twice and a missing id are refused.  Keys that are not known are passed over:
 * a newer broker may say more.  Strings are kept in `texts`; `*out` is good as
 * long as they are.  All return 0, or -EINVAL or -ERANGE naming verb and key.
 */
#ifndef MIR_SLURM_DECODE_H
#define MIR_SLURM_DECODE_H

#include "daemon/core/error.h"
#include "daemon/host/live.h"
#include "daemon/host/wire.h"
#include "daemon/slurm/texts.h"

/* Times lie between 0 and this, so that sums of them never overflow. */
#define MIR_SLURM_TIME_MAX (INT64_C(1) << 40)

/* The largest number that Slurm gives to a job; above are NO_VAL and INFINITE. */
#define MIR_SLURM_JOB_ID_MAX (UINT32_MAX - 2)

int mir_slurm_decode_job(const struct mir_wire_record *r,
                         struct mir_slurm_texts *texts,
                         struct mir_live_job *out,
                         struct mir_error *err);
int mir_slurm_decode_past(const struct mir_wire_record *r,
                          struct mir_slurm_texts *texts,
                          struct mir_live_past *out,
                          struct mir_error *err);
/* The partitions and reservations of `*out` are none. */
int mir_slurm_decode_cluster(const struct mir_wire_record *r,
                             struct mir_live_cluster *out,
                             struct mir_error *err);
int mir_slurm_decode_partition(const struct mir_wire_record *r,
                               struct mir_live_partition *out,
                               struct mir_error *err);
int mir_slurm_decode_reservation(const struct mir_wire_record *r,
                                 struct mir_live_reservation *out,
                                 struct mir_error *err);

/* What closes an answer; absent is 0. */
struct mir_slurm_closing {
    int64_t n, at, backfill_at, last_update, upto, ms;
    bool more;
};
int mir_slurm_decode_closing(const struct mir_wire_record *r,
                             struct mir_slurm_closing *out,
                             struct mir_error *err);

/*
 * The closing record of an action into the event that tells of it: kind
 * CAPTURED, SUBMITTED or CANCELLED, or any with a record "failed".  `text` and
 * `workdir` are the record's.
 */
int mir_slurm_decode_outcome(const struct mir_wire_record *r,
                             struct mir_live_event *event,
                             struct mir_error *err);

#endif
