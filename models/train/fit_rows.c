/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fit_rows.c - see fit_rows.h. */
#include "models/train/fit_rows.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

enum { RANGE_ROWS = 50000 };

void mir_fit_rows_release(struct mir_fit_rows *rows)
{
    free(rows->x);
    free(rows->y);
    free(rows->censored);
    *rows = (struct mir_fit_rows){0};
}

static void add_one(struct mir_fit_rows *rows, const struct mir_label *label, int64_t until_at)
{
    double known_h = (double)(until_at - label->at) / 3600, wait_h = (double)label->wait_h;
    bool censored = label->censored || wait_h > known_h;
    size_t i = rows->n++;

    memcpy(&rows->x[i * MIR_N_WAIT_FEATURES], label->features, sizeof label->features);
    rows->y[i] = (float)mir_wait_to_t(fmin(wait_h, known_h));
    rows->censored[i] = censored;
    rows->n_censored += censored;
}

void mir_fit_rows_add(struct mir_fit_rows *rows, const struct mir_labels *labels, int64_t until_at)
{
    size_t most = rows->n + labels->n;

    rows->x = mir_grow(rows->x, &rows->cap_x, most * MIR_N_WAIT_FEATURES, sizeof(*rows->x));
    rows->y = mir_grow(rows->y, &rows->cap_y, most, sizeof(*rows->y));
    rows->censored = mir_grow(rows->censored, &rows->cap_censored, most, sizeof(*rows->censored));
    for (size_t i = 0; i < labels->n; i++) {
        if (labels->rows[i].at < until_at)
            add_one(rows, &labels->rows[i], until_at);
    }
}

struct mir_fit_data mir_fit_rows_data(const struct mir_fit_rows *rows)
{
    return (struct mir_fit_data){
        .x = rows->x,
        .y = rows->y,
        .censored = rows->censored,
        .n_rows = rows->n,
        .n_features = MIR_N_WAIT_FEATURES,
    };
}

/* ---- Ranges */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

static float rank(const float *sorted, size_t n, double share)
{
    return sorted[(size_t)(share * (double)(n - 1) + 0.5)];
}

static struct mir_feature_range range_of(const float *sorted, size_t n)
{
    if (n == 0)
        return (struct mir_feature_range){NAN, NAN, NAN, NAN};
    return (struct mir_feature_range){
        .low = rank(sorted, n, 0.01),
        .high = rank(sorted, n, 0.99),
        .median = rank(sorted, n, 0.5),
        .iqr = rank(sorted, n, 0.75) - rank(sorted, n, 0.25),
    };
}

void mir_fit_rows_ranges(const struct mir_fit_rows *rows,
                         struct mir_feature_range out[MIR_N_WAIT_FEATURES])
{
    size_t step = rows->n / RANGE_ROWS + 1;
    float *values = MIR_NEW_ARRAY(float, rows->n / step + 1);

    for (unsigned f = 0; f < MIR_N_WAIT_FEATURES; f++) {
        size_t n = 0;

        for (size_t i = 0; i < rows->n; i += step) {
            float value = rows->x[i * MIR_N_WAIT_FEATURES + f];

            if (isfinite(value))
                values[n++] = value;
        }
        qsort(values, n, sizeof(*values), by_value);
        out[f] = range_of(values, n);
    }
    free(values);
}
