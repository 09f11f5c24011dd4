/*
 * rate.h - how many submissions an hour, per user and in all: a sliding hour of
 * monotonic time.  It forgets when the broker restarts, which the daemon cannot
 * bring about.  One thread.
 */
#ifndef MIR_BROKER_RATE_H
#define MIR_BROKER_RATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/error.h"

/* More than this an hour is refused whatever the settings say: it bounds the table. */
enum { MIR_RATE_EVENTS_MAX = 100000 };

struct mir_rate_event {
    int64_t mono_ns;
    uid_t uid;
};

/* Start from {0}. */
struct mir_rate {
    struct mir_rate_event *events; /* of the last hour, oldest first */
    size_t n_events, cap;
};

/*
 * May `uid` submit now?  `n_under_way` are submissions of other users that have
 * been let through and may yet count.  A cap of 0 lets nothing through.
 * Returns 0, or -EDQUOT with the cap that is reached and when it frees.
 */
int mir_rate_check(struct mir_rate *rate,
                   uid_t uid,
                   int user_per_hour,
                   int all_per_hour,
                   size_t n_under_way,
                   int64_t mono_ns,
                   struct mir_error *err);

/* A submission of `uid` was handed to slurmctld. */
void mir_rate_count(struct mir_rate *rate, uid_t uid, int64_t mono_ns);

void mir_rate_release(struct mir_rate *rate);

#endif
