/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quantile.c - see quantile.h. */
#include "daemon/core/quantile.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void mir_sort(double *values, size_t n)
{
    if (n > 0)
        qsort(values, n, sizeof(*values), compare);
}

double mir_sorted_quantile(const double *sorted, size_t n, double q)
{
    double at, rest;
    size_t i;

    if (n == 0)
        return 0;
    at = q * (double)(n - 1);
    i = (size_t)at;
    rest = at - (double)i;
    return i + 1 < n ? sorted[i] + rest * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}
