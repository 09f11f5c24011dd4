/*
 * rare_run.h - how many values in a row above their quantile are too many to be
 * chance, when neighbours are correlated.
 */
#ifndef MIR_QBETS_RARE_RUN_H
#define MIR_QBETS_RARE_RUN_H

#include <stdint.h>

/* Three independent values in a row above their 0.95 quantile: QBETS's rare event (README.md). */
#define MIR_RARE_RUN_PROBABILITY (0.05 * 0.05 * 0.05)

/* No run is asked to be longer than this. */
enum { MIR_RARE_RUN_MAX = 200 };

/*
 * The shortest run of consecutive values above their `quantile` whose
 * probability is at most MIR_RARE_RUN_PROBABILITY in a stationary Gaussian
 * AR(1) series with lag-1 autocorrelation `rho`, which is taken as within
 * [0, 0.9].  Some 10 us.
 */
uint32_t mir_rare_run(double quantile, double rho);

/* The standard normal's quantile. */
double mir_normal_quantile(double p);

#endif
