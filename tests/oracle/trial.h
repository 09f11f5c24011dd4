/*
 * trial.h - one random world of one kind, simulated from end to end, and a loop
 * over kinds and seeds for what must hold of all of them.  A failure prints kind
 * and seed; MIRAGE_SEED=N runs that seed alone.  For cmocka programs.
 */
#ifndef MIR_TESTS_TRIAL_H
#define MIR_TESTS_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/oracle/random_world.h"
#include "traces/sim/sim.h"

/* A scheduler and what its worlds have. */
struct mir_trial_kind {
    const char *name;
    enum mir_scheduler scheduler;
    enum mir_event_order event_order;
    bool node_identity;
    unsigned features; /* enum mir_world_feature */
};

struct mir_trial {
    const struct mir_trial_kind *kind;
    struct mir_random_world w;
    struct mir_sim *sim;   /* run to its end */
    const int64_t *starts; /* of the workload's jobs; lent by sim */
    int64_t *instants;     /* of all submissions, starts and ends; ascending, distinct */
    size_t n_instants;
};

typedef void (*mir_property_f)(struct mir_trial *t);

/* Does the property speak of this kind of world? */
typedef bool (*mir_applies_f)(const struct mir_trial_kind *kind);

/* Hold `property` against hundreds of worlds of each kind to which it applies (NULL: all). */
void mir_trial_check(mir_property_f property, mir_applies_f applies);

void mir_trial_init(struct mir_trial *t, const struct mir_trial_kind *kind, uint64_t seed);
void mir_trial_release(struct mir_trial *t);

/* A simulator of the trial's world before anything happened; mir_sim_destroy() ends it. */
struct mir_sim *mir_trial_open(const struct mir_trial *t);

/* The same, somewhere in its life: at t->instants[*instant]. */
struct mir_sim *mir_trial_open_midway(struct mir_trial *t, size_t *instant);

/* Jobs and summaries of `sim`, whose clock must agree. */
void mir_trial_observe(const struct mir_trial *t, struct mir_sim *sim, struct mir_snapshot *out);

/* `sim` started every job when the trial's own simulator did. */
void mir_trial_claim_starts(const struct mir_trial *t, const struct mir_sim *sim);

/* End the test: `claim` does not hold of this trial. */
void mir_trial_fail(const struct mir_trial *t,
                    const char *file,
                    int line,
                    const char *claim,
                    const char *fmt,
                    ...) __attribute__((format(printf, 5, 6)));

/* CLAIM(t, n <= max, "at %" PRId64, now) */
#define CLAIM(t, truth, ...)                                                                       \
    do {                                                                                           \
        if (!(truth))                                                                              \
            mir_trial_fail((t), __FILE__, __LINE__, #truth, __VA_ARGS__);                          \
    } while (0)

#endif
