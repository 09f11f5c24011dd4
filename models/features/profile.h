/*
 * profile.h - free nodes over time to come, and where jobs would fit: the plan
 * that a backfill scheduler makes (conservative: each job, in order, at the
 * earliest place where it disturbs nobody before it).  Whole nodes, one pool.
 * Source: Mu'alem and Feitelson, IEEE TPDS 12(6), 2001, section 2.
 * One thread at a time per profile.
 */
#ifndef MIR_FEATURES_PROFILE_H
#define MIR_FEATURES_PROFILE_H

#include <stddef.h>
#include <stdint.h>

struct mir_profile_step {
    double at_s;  /* from now; the first is 0 */
    int64_t free; /* nodes, until the next step; below 0 where more were taken than there are */
};

/* Starts as {0}; ends with mir_profile_release(). */
struct mir_profile {
    struct mir_profile_step *steps; /* ascending; the last lasts for ever */
    size_t n, cap;
};

void mir_profile_release(struct mir_profile *p);

/* A machine with `free` nodes from now on; what was planned before is forgotten. */
void mir_profile_begin(struct mir_profile *p, int64_t free);

/*
 * `n_nodes` come free at `at_s`[0 .. n) each; any order, sorted here; what is past
 * comes free now.  To be called once, right after mir_profile_begin().
 */
void mir_profile_release_nodes(struct mir_profile *p,
                               const double *at_s,
                               const uint32_t *n_nodes,
                               size_t n);

/* The earliest time from `from_s` on with `n_nodes` free for `length_s`; INFINITY: never. */
double
mir_profile_find(const struct mir_profile *p, double from_s, uint32_t n_nodes, double length_s);

/* Take `n_nodes` from `at_s` for `length_s`, where mir_profile_find() said they are free. */
void mir_profile_take(struct mir_profile *p, double at_s, uint32_t n_nodes, double length_s);

/* Undo a take of the same numbers: every mir_profile_find() answers as it did before. */
void mir_profile_give(struct mir_profile *p, double at_s, uint32_t n_nodes, double length_s);

#endif
