/* SPDX-License-Identifier: GPL-3.0-or-later */
/* calibrate.c - see calibrate.h. */
#include "models/lookahead/calibrate.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/quantile.h"
#include "models/lookahead/lessons.h"

/* A start and the future that it is of. */
struct ranked {
    int64_t start_at;
    uint32_t future;
};

static int by_start(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->start_at != y->start_at)
        return x->start_at < y->start_at ? -1 : 1;
    return (x->future > y->future) - (x->future < y->future);
}

/* Outside of the grid, straight on to never and surely. */
static double level_of(const struct mir_calibration *c, unsigned class, double level)
{
    double low = (double)mir_wait_levels[0];
    double high = (double)mir_wait_levels[MIR_N_WAIT_LEVELS_TRAINED - 1];
    double asked = mir_calibration_level(c, class, level);

    if (level < low)
        return asked * level / low;
    if (level > high)
        return 1 - (1 - asked) * (1 - level) / (1 - high);
    return asked;
}

static bool has_learned(const struct mir_calibration *c, unsigned class)
{
    return c != NULL && c->n_learned[class] > 0;
}

/* Where in the sorted starts each rank finds its own. */
static double *places_of(const struct mir_calibration *c, unsigned class, uint32_t n)
{
    double *place = MIR_NEW_ARRAY(double, n);

    for (uint32_t r = 0; r < n; r++) {
        double level = level_of(c, class, (r + 0.5) / n);

        place[r] = fmin(fmax(level * n - 0.5, 0), n - 1.0);
    }
    return place;
}

/* To the second: where nothing has moved, each rank gets its own start. */
static int64_t start_between(const struct ranked *sorted, uint32_t n, double place)
{
    uint32_t low = (uint32_t)place, high = low + 1 < n ? low + 1 : low;
    double step_s = (double)(sorted[high].start_at - sorted[low].start_at);

    return sorted[low].start_at + llround((place - low) * step_s);
}

static void
copy_starts(const struct mir_start_table *t, uint32_t n_futures, uint32_t stride, int64_t *out)
{
    for (uint32_t k = 0; k < t->n_at; k++)
        for (uint32_t f = 0; f < n_futures; f++)
            out[(size_t)k * stride + f] = mir_start_table_get(t, f, k);
}

static void move_starts(const struct mir_start_table *t,
                        const struct mir_calibration *c,
                        unsigned class,
                        uint32_t n_futures,
                        uint32_t stride,
                        int64_t *out)
{
    struct ranked *sorted = MIR_NEW_ARRAY(struct ranked, n_futures);
    double *place = places_of(c, class, n_futures);

    for (uint32_t k = 0; k < t->n_at; k++) {
        for (uint32_t f = 0; f < n_futures; f++)
            sorted[f] = (struct ranked){mir_start_table_get(t, f, k), f};
        qsort(sorted, n_futures, sizeof(*sorted), by_start);
        for (uint32_t r = 0; r < n_futures; r++)
            out[(size_t)k * stride + sorted[r].future] = start_between(sorted, n_futures, place[r]);
    }
    free(place);
    free(sorted);
}

int64_t *mir_calibrated_starts(const struct mir_start_table *t,
                               const struct mir_calibration *c,
                               uint32_t n_futures,
                               uint32_t n_more)
{
    unsigned class = mir_lesson_class(t->successor.limit_s);
    uint32_t stride = n_futures + n_more;
    int64_t *out = MIR_NEW_ARRAY(int64_t, (size_t)t->n_at * stride);

    if (has_learned(c, class))
        move_starts(t, c, class, n_futures, stride, out);
    else
        copy_starts(t, n_futures, stride, out);
    return out;
}

double mir_calibrated_quantile(const double *sorted,
                               uint32_t n,
                               double level,
                               int32_t limit_s,
                               const struct mir_calibration *c)
{
    unsigned class = mir_lesson_class(limit_s);
    double place;

    if (!has_learned(c, class) || n < 2)
        return mir_sorted_quantile(sorted, n, level);
    place = level_of(c, class, level) * (n + 1.0) - 1;
    return mir_sorted_quantile(sorted, n, fmin(fmax(place / (n - 1.0), 0), 1));
}
