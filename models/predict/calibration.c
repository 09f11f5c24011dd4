/* SPDX-License-Identifier: GPL-3.0-or-later */
/* calibration.c - adaptive conformal inference, level by level. */
#include "models/predict/calibration.h"

#include <math.h>
#include <string.h>

#include "daemon/host/job.h"

/* Never "surely" nor "never": from there a level would be slow to come back. */
static const double lowest = 0.001, highest = MIR_WAIT_HIGHEST_LEVEL;

void mir_calibration_init(struct mir_calibration *c, double gamma)
{
    *c = (struct mir_calibration){.gamma = gamma};
    for (unsigned k = 0; k < MIR_CALIBRATION_CLASSES; k++)
        for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
            c->asked[k][i] = (double)mir_wait_levels[i];
}

unsigned mir_calibration_class(uint32_t n_nodes, int32_t limit_s)
{
    unsigned size = 0, limit = limit_s <= 0 || limit_s > 24 * 3600 ? 2 : limit_s > 2 * 3600;

    while (size + 1 < MIR_CALIBRATION_SIZES && n_nodes > 1u << size)
        size++;
    return size * MIR_CALIBRATION_LIMITS + limit;
}

/* Neighbours that have crossed by a step or two are told in order. */
static void
sorted(const struct mir_calibration *c, unsigned class, double out[MIR_N_WAIT_LEVELS_TRAINED])
{
    for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++) {
        double asked = c->asked[class][i];
        unsigned k = i;

        for (; k > 0 && out[k - 1] > asked; k--)
            out[k] = out[k - 1];
        out[k] = asked;
    }
}

double mir_calibration_level(const struct mir_calibration *c, unsigned class, double level)
{
    double asked[MIR_N_WAIT_LEVELS_TRAINED];
    unsigned i = 1;
    double low, high;

    sorted(c, class, asked);
    while (i + 1 < MIR_N_WAIT_LEVELS_TRAINED && level > (double)mir_wait_levels[i])
        i++;
    low = (double)mir_wait_levels[i - 1];
    high = (double)mir_wait_levels[i];
    level = fmin(fmax(level, low), high);
    return asked[i - 1] + (asked[i] - asked[i - 1]) * (level - low) / (high - low);
}

void mir_calibration_learn(struct mir_calibration *c,
                           unsigned class,
                           const double quantiles[MIR_N_WAIT_LEVELS_TRAINED],
                           double wait_h)
{
    if (isnan(wait_h))
        return;
    for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++) {
        double *asked = &c->asked[class][i];
        double said_h = mir_wait_quantile_between(quantiles, *asked);
        bool covered = wait_h <= said_h;

        if (fmax(wait_h, said_h) <= MIR_CALIBRATION_AT_ONCE_H)
            continue;
        *asked += c->gamma * ((double)mir_wait_levels[i] - covered);
        *asked = fmin(fmax(*asked, lowest), highest);
    }
    c->n_learned[class]++;
}

double mir_calibration_highest(const struct mir_calibration *c,
                               unsigned class,
                               const double quantiles[MIR_N_WAIT_LEVELS_TRAINED])
{
    double highest_asked = 0;

    for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
        highest_asked = fmax(highest_asked, c->asked[class][i]);
    return mir_wait_quantile_between(quantiles, highest_asked);
}

double mir_calibration_quantile(const struct mir_calibration *c,
                                unsigned class,
                                const double quantiles[MIR_N_WAIT_LEVELS_TRAINED],
                                double level)
{
    return mir_wait_quantile_between(quantiles, mir_calibration_level(c, class, level));
}
