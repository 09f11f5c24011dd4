/*
 * quantile.h - order statistics of numbers in memory.  NaN has no place among them.
 */
#ifndef MIR_CORE_QUANTILE_H
#define MIR_CORE_QUANTILE_H

#include <stddef.h>

/* Ascending. */
void mir_sort(double *values, size_t n);

/*
 * The quantile q (0..1) of n ascending values, linear between order statistics
 * (numpy.percentile's default); 0 for n == 0.
 */
double mir_sorted_quantile(const double *sorted, size_t n, double q);

#endif
