/*
 * answer.h - an answer of the broker while its records come in, and the event
 * that it becomes.  One thread at a time per answer.
 */
#ifndef MIR_SLURM_ANSWER_H
#define MIR_SLURM_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/live.h"
#include "daemon/host/wire.h"
#include "daemon/slurm/texts.h"

/* More is refused: a broker that sends without end must not fill the daemon's memory. */
enum {
    MIR_SLURM_JOBS_MAX = 1 << 20,
    MIR_SLURM_PAST_MAX = 1 << 20,
    MIR_SLURM_PARTITIONS_MAX = 1 << 12,
    MIR_SLURM_RESERVATIONS_MAX = 1 << 16,
};

/* Start from {.kind}; `asked_since`: the question allows "unchanged". */
struct mir_slurm_answer {
    enum mir_live_kind kind;
    bool asked_since;
    struct mir_slurm_texts texts;
    struct mir_live_jobs list; /* JOBS; JOB and SUBMITTED have one at most */
    size_t cap_jobs;
    struct mir_live_past *past;
    size_t n_past, cap_past;
    bool has_cluster;
    struct mir_live_cluster cluster; /* whose arrays are these: */
    struct mir_live_partition *partitions;
    size_t n_partitions, cap_partitions;
    struct mir_live_reservation *reservations;
    size_t n_reservations, cap_reservations;
    int64_t last_update; /* of a whole list */
};

/*
 * Take the next record.  Returns 0 when more is to come, 1 when that was the
 * last one and `*event` tells of it (all but its ticket; pointers are lent by
 * answer and record), or a negative errno: it is malformed, out of range, or no
 * part of such an answer, and nothing of this answer counts.
 */
int mir_slurm_answer_take(struct mir_slurm_answer *a,
                          const struct mir_wire_record *r,
                          struct mir_live_event *event,
                          struct mir_error *err);

void mir_slurm_answer_release(struct mir_slurm_answer *a);

#endif
