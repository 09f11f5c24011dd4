/*
 * learner.h - exponential weights over a fixed set of waits: which of them is
 * closest to the waits seen?  One thread at a time.
 */
#ifndef MIR_ASA_LEARNER_H
#define MIR_ASA_LEARNER_H

#include <stdint.h>

enum { MIR_ASA_N = 53 }; /* alternatives */

struct mir_asa {
    double wait_s[MIR_ASA_N]; /* 0, then 10 s to 48 h in equal ratios */
    double loss[MIR_ASA_N];   /* sum over the waits seen, each within [0, 1] */
    uint32_t n_seen;
};

void mir_asa_init(struct mir_asa *a);

/* Forget the waits seen. */
void mir_asa_clear(struct mir_asa *a);

void mir_asa_learn(struct mir_asa *a, int32_t wait_s);

/* What the alternatives weigh now; sums to 1. */
void mir_asa_weights(const struct mir_asa *a, double out[MIR_ASA_N]);

/* The alternative at which the cumulated weights pass `u`, in [0, 1). */
double mir_asa_sample(const struct mir_asa *a, double u);

#endif
