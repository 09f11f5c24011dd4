/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rare_run.c - runs above a quantile that are too long to be chance. */
#include "plugins/qbets/rare_run.h"

#include <math.h>

/* QBETS looks this up in a table made from simulated series; here it is integrated. */
enum { N_CELLS = 32 };
static const double reach = 6; /* standard deviations above which nothing is left */

double mir_normal_quantile(double p)
{
    double low = -9, high = 9;

    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        if (0.5 * erfc(-mid * M_SQRT1_2) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

static double density(double x)
{
    return exp(-0.5 * x * x) * (0.5 * M_SQRT1_2 * M_2_SQRTPI);
}

static uint32_t independent_run(double above)
{
    double run = ceil(log(MIR_RARE_RUN_PROBABILITY) / log(above) - 1e-9);

    return run < 1 ? 1 : run > MIR_RARE_RUN_MAX ? MIR_RARE_RUN_MAX : (uint32_t)run;
}

uint32_t mir_rare_run(double quantile, double rho)
{
    double above = 1 - quantile;
    double from = mir_normal_quantile(quantile), width = (reach - from) / N_CELLS;
    double mass[N_CELLS], next[N_CELLS], step[N_CELLS][N_CELLS];
    double r = rho < 0.9 ? rho : 0.9, sd, p = 0;

    if (!(rho > 0.01))
        return independent_run(above);
    sd = sqrt(1 - r * r);
    for (int i = 0; i < N_CELLS; i++) {
        double x = from + (i + 0.5) * width;
        mass[i] = density(x) * width;
        p += mass[i];
        for (int j = 0; j < N_CELLS; j++)
            step[i][j] = density((from + (j + 0.5) * width - r * x) / sd) / sd * width;
    }
    for (int i = 0; i < N_CELLS; i++)
        mass[i] *= above / p;
    /* mass: P(all so far above, the last one in cell i) */
    for (uint32_t run = 1; run < MIR_RARE_RUN_MAX; run++) {
        p = 0;
        for (int i = 0; i < N_CELLS; i++)
            p += mass[i];
        if (p <= MIR_RARE_RUN_PROBABILITY)
            return run;
        for (int j = 0; j < N_CELLS; j++)
            next[j] = 0;
        for (int i = 0; i < N_CELLS; i++) {
            for (int j = 0; j < N_CELLS; j++)
                next[j] += mass[i] * step[i][j];
        }
        for (int j = 0; j < N_CELLS; j++)
            mass[j] = next[j];
    }
    return MIR_RARE_RUN_MAX;
}
