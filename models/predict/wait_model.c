/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wait_model.c - a trained model in memory, and what it says. */
#include "models/predict/wait_model.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"
#include "models/predict/model_body.h"
#include "models/predict/model_file.h"

/* 1 / (1 + w) of an overlap's weight w = 1, 0.5, 0.2, 0.1 are among them. */
const float mir_wait_levels[MIR_N_WAIT_LEVELS_TRAINED] = {
    0.05F, 0.1F, 0.2F, 0.35F, 0.5F, 0.6F, 0.6666667F, 0.75F, 0.8333333F, 0.9090909F, 0.95F,
};

const char *mir_wait_method_name(enum mir_wait_method method)
{
    static const char *const names[MIR_N_WAIT_METHODS] = {
        [MIR_WAIT_FOREST_Q] = "forest-q",
        [MIR_WAIT_XGB_Q] = "xgb-q",
        [MIR_WAIT_RF] = "rf",
        [MIR_WAIT_XGB] = "xgb",
    };

    return names[method];
}

/* ---- One model, many readers */

struct mir_wait_model *mir_wait_model_create(void)
{
    struct mir_wait_model *m = MIR_NEW(struct mir_wait_model);

    (void)snprintf(m->origin.feature_set, sizeof(m->origin.feature_set), "%s",
                   MIR_WAIT_FEATURE_SET);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++)
        m->ranges[i] = (struct mir_feature_range){NAN, NAN, NAN, NAN};
    atomic_init(&m->n_refs, 1);
    return m;
}

struct mir_wait_model *mir_wait_model_ref(struct mir_wait_model *m)
{
    atomic_fetch_add_explicit(&m->n_refs, 1, memory_order_relaxed);
    return m;
}

void mir_wait_model_unref(struct mir_wait_model *m)
{
    if (m == NULL || atomic_fetch_sub_explicit(&m->n_refs, 1, memory_order_acq_rel) != 1)
        return;
    for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++)
        mir_trees_release(&m->trees[i]);
    free(m);
}

/* ---- The file */

static int parse(const void *bytes, size_t len, struct mir_wait_model **out, struct mir_error *err)
{
    struct mir_str body = {0};
    uint64_t checksum;
    int rc = mir_model_file_unpack(bytes, len, &body, &checksum, err);

    if (rc == 0)
        rc = mir_model_body_decode(body.text, body.len, out, err);
    if (rc == 0) {
        (*out)->checksum = checksum;
        for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++)
            (void)mir_trees_narrow(&(*out)->trees[i]);
    }
    mir_str_release(&body);
    return rc;
}

int mir_wait_model_parse(const void *bytes,
                         size_t len,
                         const char *name,
                         struct mir_wait_model **out,
                         struct mir_error *err)
{
    struct mir_error why = {{0}};
    int rc = parse(bytes, len, out, &why);

    return rc == 0 ? 0 : mir_error_set(err, rc, "%s: %s", name, why.text);
}

int mir_wait_model_load(const char *path, struct mir_wait_model **out, struct mir_error *err)
{
    struct mir_error why = {{0}};
    struct mir_str bytes = {0};
    int rc = mir_model_file_read(path, &bytes, &why);

    if (rc == 0)
        rc = mir_wait_model_parse(bytes.text, bytes.len, path, out, err);
    else
        rc = mir_error_set(err, rc, "%s: %s", path, why.text);
    mir_str_release(&bytes);
    return rc;
}

static int save(const struct mir_wait_model *m, const char *path, struct mir_error *err)
{
    struct mir_str body = {0}, bytes = {0};
    int rc = mir_model_body_encode(m, &body, err);

    if (rc == 0)
        rc = mir_model_file_pack(&body, &bytes, err);
    mir_str_release(&body);
    if (rc == 0)
        rc = mir_model_file_write(path, &bytes, err);
    mir_str_release(&bytes);
    return rc;
}

int mir_wait_model_save(const struct mir_wait_model *m, const char *path, struct mir_error *err)
{
    struct mir_error why = {{0}};
    int rc = save(m, path, &why);

    return rc == 0 ? 0 : mir_error_set(err, rc, "%s: %s", path, why.text);
}

/* ---- Hours and t */

double mir_wait_to_t(double wait_h)
{
    return wait_h > 0 ? log1p(4 * fmin(wait_h, MIR_WAIT_MAX_H)) : 0;
}

double mir_wait_from_t(double t)
{
    return t > 0 ? fmin(expm1(t) / 4, MIR_WAIT_MAX_H) : 0;
}

/* ---- Answers */

bool mir_wait_model_has(const struct mir_wait_model *m, enum mir_wait_method method)
{
    return m != NULL && m->trees[method].n_trees > 0;
}

/* Eleven numbers that are nearly in order. */
static void sort(double *a, unsigned n)
{
    for (unsigned i = 1; i < n; i++) {
        double v = a[i];
        unsigned k = i;

        for (; k > 0 && a[k - 1] > v; k--)
            a[k] = a[k - 1];
        a[k] = v;
    }
}

void mir_wait_model_quantiles(const struct mir_wait_model *m,
                              enum mir_wait_method method,
                              const float features[MIR_N_WAIT_FEATURES],
                              double out[MIR_N_WAIT_LEVELS_TRAINED])
{
    float t[MIR_N_WAIT_LEVELS_TRAINED];

    assert(method == MIR_WAIT_FOREST_Q || method == MIR_WAIT_XGB_Q);
    assert(m->trees[method].n_outputs == MIR_N_WAIT_LEVELS_TRAINED);
    mir_trees_predict(&m->trees[method], features, t);
    for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
        out[i] = mir_wait_from_t((double)t[i]);
    sort(out, MIR_N_WAIT_LEVELS_TRAINED);
}

/*
 * Above the grid: an exponential tail in t, that is a power of the wait, as steep as
 * the grid's last levels are and no steeper than four times the wait at level 0.999.
 */
static double beyond(const double quantiles[MIR_N_WAIT_LEVELS_TRAINED], double level)
{
    const unsigned last = MIR_N_WAIT_LEVELS_TRAINED - 1;
    const double flattest = 0.02, steepest = 0.3;
    double top = (double)mir_wait_levels[last], before = (double)mir_wait_levels[last - 2];
    double t = mir_wait_to_t(quantiles[last]);
    double slope = (t - mir_wait_to_t(quantiles[last - 2])) / log((1 - before) / (1 - top));

    slope = fmin(fmax(slope, flattest), steepest);
    t += slope * log((1 - top) / (1 - fmin(level, MIR_WAIT_HIGHEST_LEVEL)));
    return fmin(mir_wait_from_t(t), MIR_WAIT_MAX_H);
}

double mir_wait_quantile_between(const double quantiles[MIR_N_WAIT_LEVELS_TRAINED], double level)
{
    const unsigned last = MIR_N_WAIT_LEVELS_TRAINED - 1;
    double low, share, t;
    unsigned i = 1;

    if (!(level > (double)mir_wait_levels[0]))
        return quantiles[0];
    if (level > (double)mir_wait_levels[last])
        return fmax(beyond(quantiles, level), quantiles[last]);
    if (level == (double)mir_wait_levels[last])
        return quantiles[last];
    while (level >= (double)mir_wait_levels[i])
        i++;
    low = (double)mir_wait_levels[i - 1];
    share = (level - low) / ((double)mir_wait_levels[i] - low);
    t = mir_wait_to_t(quantiles[i - 1]);
    t += share * (mir_wait_to_t(quantiles[i]) - t);
    /* Rounding must not make a higher level's wait shorter. */
    return fmin(fmax(mir_wait_from_t(t), quantiles[i - 1]), quantiles[i]);
}

double mir_wait_model_quantile(const struct mir_wait_model *m,
                               enum mir_wait_method method,
                               const float features[MIR_N_WAIT_FEATURES],
                               double level)
{
    double quantiles[MIR_N_WAIT_LEVELS_TRAINED];

    mir_wait_model_quantiles(m, method, features, quantiles);
    return mir_wait_quantile_between(quantiles, level);
}

double mir_wait_model_outcome(const struct mir_wait_model *m,
                              enum mir_wait_method method,
                              const float state[MIR_PAPER_ROWS * MIR_PAPER_WIDTH])
{
    float outcome_h;

    assert(method == MIR_WAIT_RF || method == MIR_WAIT_XGB);
    assert(m->trees[method].n_outputs == 1);
    mir_trees_predict(&m->trees[method], state, &outcome_h);
    return (double)outcome_h;
}

/* How far out, in interquartile ranges; 0: inside, or not known. */
static double distance(const struct mir_feature_range *r, float value)
{
    double out = 0, unit = (double)r->iqr;

    if (value < r->low)
        out = (double)r->low - (double)value;
    else if (value > r->high)
        out = (double)value - (double)r->high;
    if (unit == 0)
        unit = (double)r->high - (double)r->low;
    if (out == 0)
        return 0;
    return unit > 0 ? out / unit : INFINITY; /* training saw one value only */
}

unsigned mir_wait_model_outside(const struct mir_wait_model *m,
                                const float features[MIR_N_WAIT_FEATURES],
                                unsigned *furthest)
{
    double most = 0;
    unsigned n = 0;

    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        double d = distance(&m->ranges[i], features[i]);

        n += d > 0;
        if (d > most) {
            most = d;
            *furthest = i;
        }
    }
    return n;
}
