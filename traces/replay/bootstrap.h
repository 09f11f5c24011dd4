/*
 * bootstrap.h - resampled means: how far would a mean have moved, had the
 * window held other episodes like these?  Private to traces/replay.
 * One thread while it is drawn, any number of readers after that.
 */
#ifndef MIR_REPLAY_BOOTSTRAP_H
#define MIR_REPLAY_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

enum { MIR_N_RESAMPLES = 1000 };

/* Each resample draws n_episodes episodes with replacement. */
struct mir_resamples {
    uint32_t n_episodes;
    uint8_t *times; /* [episode * MIR_N_RESAMPLES + resample]: how often it was drawn; owned */
};

void mir_resamples_init(struct mir_resamples *rs, uint32_t n_episodes, uint64_t seed);
void mir_resamples_release(struct mir_resamples *rs);

/* out[r] = sum of `of_episode` over the episodes of resample r. */
void mir_resamples_sum(const struct mir_resamples *rs,
                       const double *of_episode,
                       double out[MIR_N_RESAMPLES]);

/*
 * The quantile q (0..1) of n values, linear between order statistics
 * (numpy.percentile's default); NaN for n == 0.  Reorders `values`.
 */
double mir_quantile(double *values, size_t n, double q);

#endif
