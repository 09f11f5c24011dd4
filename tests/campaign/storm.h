/*
 * storm.h - a simulated slurmctld in bad weather, behind live.h: it loses
 * replies, takes submissions late, crashes and forgets acknowledged jobs, hands
 * their ids to strangers, answers with half a list while it recovers, loses its
 * accounting for a while; people cancel, requeue and fail jobs.  It knows the
 * whole truth and checks what the engine does against it.  Same seed, same weather.
 */
#ifndef MIR_TESTS_STORM_H
#define MIR_TESTS_STORM_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/rng.h"
#include "daemon/host/live.h"

typedef void (*mir_storm_event_f)(void *arg, const struct mir_live_event *event);

struct mir_storm_settings {
    uint64_t seed;
    bool accounting;
    double fault_rate; /* chance that a submission or cancellation goes wrong */
    int32_t limit_s;   /* of chain jobs */
    bool verbose;      /* tell the story on stdout */
};

struct mir_storm;

struct mir_storm *mir_storm_create(const struct mir_storm_settings *settings, int64_t now);
void mir_storm_destroy(struct mir_storm *s);
struct mir_live *mir_storm_live(struct mir_storm *s);

/* Let the world go on for `dt_s` seconds. */
void mir_storm_advance(struct mir_storm *s, int32_t dt_s);
/* Deliver what is due; `on_event` may ask again. */
void mir_storm_deliver(struct mir_storm *s, mir_storm_event_f on_event, void *arg);

/* The daemon has died: it hears nothing any more, but what it has sent arrives. */
void mir_storm_daemon_dies(struct mir_storm *s);
void mir_storm_daemon_starts(struct mir_storm *s); /* UP comes with the next deliver */

int64_t mir_storm_now(const struct mir_storm *s);
int64_t mir_storm_mono_ns(const struct mir_storm *s);

/* From now on nothing goes wrong any more. */
void mir_storm_calm(struct mir_storm *s);

/* A user asks for a chain; returns the job's id. */
uint32_t mir_storm_enroll(struct mir_storm *s, uint32_t uid);

/* The first thing that should never have happened; "" so far. */
const char *mir_storm_wrong(const struct mir_storm *s);

/* Jobs of the chain that wait or run (its first one included, which has no tag: `first_job`). */
struct mir_storm_alive {
    uint32_t n_pending, n_running;
};
struct mir_storm_alive
mir_storm_alive(const struct mir_storm *s, const char *chain, uint32_t first_job, uint32_t uid);

/* For the summary: what happened. */
struct mir_storm_counts {
    uint64_t n_submitted, n_lost_replies, n_late, n_forgotten, n_reused_ids, n_crashes,
        n_half_lists;
    uint64_t n_cancelled_by_us, n_cancelled_by_people, n_requeued, n_failed;
};
const struct mir_storm_counts *mir_storm_counts(const struct mir_storm *s);

#endif
