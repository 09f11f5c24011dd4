/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * default.c - the embedded default workload.  Its numbers are invented and
 * round; they describe no machine that exists.
 */
#include "traces/generate/generate.h"

#include <string.h>

enum { MINUTE = 60, HOUR = 3600 };

/* nodes, limit, share, hit, fail, ratio mean and sd */
static const struct mir_generate_shape shapes[] = {
    {1, 30 * MINUTE, 0.12, 0.20, 0.20, 0.20, 0.25}, {1, 1 * HOUR, 0.11, 0.20, 0.20, 0.20, 0.25},
    {1, 2 * HOUR, 0.14, 0.20, 0.20, 0.20, 0.25},    {1, 4 * HOUR, 0.09, 0.15, 0.20, 0.25, 0.28},
    {1, 12 * HOUR, 0.07, 0.10, 0.20, 0.25, 0.28},   {1, 24 * HOUR, 0.09, 0.10, 0.25, 0.25, 0.30},
    {1, 48 * HOUR, 0.16, 0.20, 0.20, 0.30, 0.34},   {2, 2 * HOUR, 0.03, 0.15, 0.25, 0.20, 0.25},
    {2, 12 * HOUR, 0.02, 0.10, 0.25, 0.25, 0.30},   {2, 48 * HOUR, 0.03, 0.15, 0.20, 0.35, 0.35},
    {4, 2 * HOUR, 0.04, 0.15, 0.25, 0.20, 0.25},    {4, 24 * HOUR, 0.02, 0.15, 0.25, 0.30, 0.30},
    {4, 48 * HOUR, 0.03, 0.20, 0.20, 0.35, 0.35},   {8, 2 * HOUR, 0.02, 0.15, 0.25, 0.20, 0.25},
    {8, 12 * HOUR, 0.01, 0.10, 0.25, 0.30, 0.30},   {8, 48 * HOUR, 0.006, 0.15, 0.20, 0.40, 0.35},
    {16, 2 * HOUR, 0.01, 0.15, 0.25, 0.20, 0.25},   {16, 24 * HOUR, 0.004, 0.15, 0.20, 0.35, 0.30},
};

static const double hour_factor[24] = {
    0.5, 0.4, 0.3, 0.3, 0.3, 0.3, 0.4, 0.6, 1.0, 1.4, 1.6, 1.6,
    1.4, 1.6, 1.8, 1.8, 1.7, 1.5, 1.2, 1.1, 1.0, 0.9, 0.7, 0.6,
};

static const double weekday_factor[7] = {1.1, 1.2, 1.2, 1.2, 1.1, 0.6, 0.6};

void mir_generate_default(struct mir_generate_params *out)
{
    *out = (struct mir_generate_params){
        .n_nodes = 76,
        .n_users = 120,
        .n_accounts = 20,
        .classes_per_user = 4,
        .user_zipf = 0.9,
        .jobs_per_day = 140,
        .batch_mean = 2,
        .batch_gap_s = 40,
        .repeat_share = 0.3,
        .week_spread = 0.15,
        .fail_max_s = 60,
        .n_shapes = sizeof shapes / sizeof *shapes,
    };
    memcpy(out->shapes, shapes, sizeof shapes);
    memcpy(out->hour_factor, hour_factor, sizeof hour_factor);
    memcpy(out->weekday_factor, weekday_factor, sizeof weekday_factor);
    mir_generate_normalise(out);
}
