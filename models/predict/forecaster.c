/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forecaster.c - features, model and calibration, put together for one question. */
#include "models/predict/forecaster.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

/* So many features outside of training at once, and the queue is not one that it knew. */
enum { MOST_OUTSIDE = MIR_N_WAIT_FEATURES / 4 };

struct mir_forecaster {
    struct mir_queue_outlook *outlook;
    struct mir_run_book *no_book; /* empty: stands in for a book */
    struct mir_wait_model *model;
    struct mir_run_book *book;
    const struct mir_calibration *calibration[MIR_N_QUANTILE_METHODS];
    struct mir_paper_history *paper;
    const struct mir_snapshot *queue;
    bool is_current; /* the outlook is that of `queue` */
};

struct mir_forecaster *mir_forecaster_create(int32_t bf_window_s)
{
    struct mir_forecaster *f = MIR_NEW(struct mir_forecaster);

    f->outlook = mir_queue_outlook_create();
    mir_queue_outlook_set_window(f->outlook, bf_window_s);
    f->no_book = mir_run_book_create();
    return f;
}

void mir_forecaster_destroy(struct mir_forecaster *f)
{
    if (f == NULL)
        return;
    mir_queue_outlook_destroy(f->outlook);
    mir_run_book_destroy(f->no_book);
    mir_wait_model_unref(f->model);
    free(f);
}

/* ---- what it works with */

void mir_forecaster_set_model(struct mir_forecaster *f, struct mir_wait_model *model)
{
    struct mir_wait_model *old = f->model;

    f->model = model != NULL ? mir_wait_model_ref(model) : NULL;
    mir_wait_model_unref(old);
}

void mir_forecaster_set_book(struct mir_forecaster *f, struct mir_run_book *book)
{
    f->book = book;
    f->is_current = false;
}

void mir_forecaster_set_calibration(struct mir_forecaster *f,
                                    enum mir_wait_method method,
                                    const struct mir_calibration *c)
{
    assert(method < MIR_N_QUANTILE_METHODS);
    f->calibration[method] = c;
}

void mir_forecaster_set_paper(struct mir_forecaster *f, struct mir_paper_history *paper)
{
    f->paper = paper;
}

struct mir_wait_model *mir_forecaster_model(const struct mir_forecaster *f)
{
    return f->model;
}

void mir_forecaster_look(struct mir_forecaster *f, const struct mir_snapshot *queue)
{
    f->queue = queue;
    f->is_current = false;
}

void mir_forecaster_features(struct mir_forecaster *f,
                             const struct mir_wait_case *c,
                             float out[MIR_N_WAIT_FEATURES])
{
    assert(f->queue != NULL);
    if (!f->is_current)
        mir_queue_outlook_update(f->outlook, f->queue, f->book != NULL ? f->book : f->no_book);
    f->is_current = true;
    mir_wait_features(f->outlook, c, out);
}

/* ---- waits */

static int check_model(const struct mir_forecaster *f,
                       enum mir_wait_method method,
                       bool right_kind,
                       struct mir_error *err)
{
    if (f->model == NULL)
        return mir_error_set(err, -ENODATA, "there is no model");
    if (!right_kind || !mir_wait_model_has(f->model, method))
        return mir_error_set(err, -ENODATA, "the model cannot answer this by %s",
                             mir_wait_method_name(method));
    return 0;
}

static int
check_quantiles(const struct mir_forecaster *f, enum mir_wait_method method, struct mir_error *err)
{
    bool right_kind = method == MIR_WAIT_FOREST_Q || method == MIR_WAIT_XGB_Q;
    int rc = check_model(f, method, right_kind, err);

    if (rc == 0 && f->queue == NULL)
        rc = mir_error_set(err, -ENODATA, "no queue has been looked at");
    return rc;
}

static bool
is_outside(const struct mir_wait_model *m, const float x[MIR_N_WAIT_FEATURES], unsigned feature)
{
    const struct mir_feature_range *range = &m->ranges[feature];

    return x[feature] < range->low || x[feature] > range->high;
}

/* What of the request alone no training knew; MIR_N_WAIT_FEATURES: nothing. */
static unsigned unknown_of_request(const struct mir_forecaster *f,
                                   const struct mir_request *r,
                                   const float x[MIR_N_WAIT_FEATURES])
{
    if (r->n_nodes > f->queue->n_nodes)
        return MIR_WAIT_FEATURE_NODES_SHARE;
    if (is_outside(f->model, x, MIR_WAIT_FEATURE_NODES))
        return MIR_WAIT_FEATURE_NODES;
    if (is_outside(f->model, x, MIR_WAIT_FEATURE_LIMIT))
        return MIR_WAIT_FEATURE_LIMIT;
    return MIR_N_WAIT_FEATURES;
}

static void judge_range(const struct mir_forecaster *f,
                        const struct mir_request *r,
                        const float x[MIR_N_WAIT_FEATURES],
                        struct mir_forecast *out)
{
    unsigned unknown = unknown_of_request(f, r, x);

    out->n_outside = mir_wait_model_outside(f->model, x, &out->furthest);
    out->out_of_range = out->n_outside > MOST_OUTSIDE || unknown < MIR_N_WAIT_FEATURES;
    if (unknown == MIR_N_WAIT_FEATURES)
        return;
    out->n_outside = out->n_outside > 0 ? out->n_outside : 1;
    out->furthest = unknown;
}

/* The wanted quantile; `*asked` is the level that the model gets to hear. */
static double calibrated(const struct mir_forecaster *f,
                         enum mir_wait_method method,
                         const struct mir_request *r,
                         const double quantiles[MIR_N_WAIT_LEVELS_TRAINED],
                         double level,
                         double *asked)
{
    const struct mir_calibration *c = f->calibration[method];

    *asked = level;
    if (c != NULL)
        *asked = mir_calibration_level(c, mir_calibration_class(r->n_nodes, r->limit_s), level);
    return mir_wait_quantile_between(quantiles, *asked);
}

/* All but the wanted level; `quantiles` is what the model says. */
static int forecast(struct mir_forecaster *f,
                    const struct mir_wait_case *c,
                    enum mir_wait_method method,
                    double quantiles[MIR_N_WAIT_LEVELS_TRAINED],
                    struct mir_forecast *out,
                    struct mir_error *err)
{
    float x[MIR_N_WAIT_FEATURES];
    double asked;
    int rc = check_quantiles(f, method, err);

    if (rc != 0)
        return rc;
    mir_forecaster_features(f, c, x);
    mir_wait_model_quantiles(f->model, method, x, quantiles);
    *out = (struct mir_forecast){.plan_h = (double)x[MIR_WAIT_FEATURE_PLAN_LIMIT]};
    out->p10_h = calibrated(f, method, c->request, quantiles, 0.1, &asked);
    out->p50_h = calibrated(f, method, c->request, quantiles, 0.5, &asked);
    out->p90_h = calibrated(f, method, c->request, quantiles, 0.9, &asked);
    judge_range(f, c->request, x, out);
    return 0;
}

int mir_forecaster_wait(struct mir_forecaster *f,
                        const struct mir_wait_case *c,
                        enum mir_wait_method method,
                        double level,
                        struct mir_forecast *out,
                        struct mir_error *err)
{
    double quantiles[MIR_N_WAIT_LEVELS_TRAINED];
    int rc = forecast(f, c, method, quantiles, out, err);

    if (rc == 0)
        out->wait_h = calibrated(f, method, c->request, quantiles, level, &out->level);
    return rc;
}

int mir_forecaster_waits(struct mir_forecaster *f,
                         const struct mir_wait_case *c,
                         enum mir_wait_method method,
                         double *wait_h,
                         uint32_t n,
                         struct mir_forecast *out,
                         struct mir_error *err)
{
    double quantiles[MIR_N_WAIT_LEVELS_TRAINED], asked;
    int rc = forecast(f, c, method, quantiles, out, err);

    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < n; i++)
        wait_h[i] = calibrated(f, method, c->request, quantiles, (i + 0.5) / n, &asked);
    out->wait_h = calibrated(f, method, c->request, quantiles, 0.5, &out->level);
    return 0;
}

int mir_forecaster_outcome(struct mir_forecaster *f,
                           const struct mir_paper_chain *chain,
                           enum mir_wait_method method,
                           double *outcome_h,
                           struct mir_error *err)
{
    int rc = check_model(f, method, method == MIR_WAIT_RF || method == MIR_WAIT_XGB, err);

    if (rc != 0)
        return rc;
    if (f->paper == NULL)
        return mir_error_set(err, -ENODATA, "there is no history of the queue");
    *outcome_h = mir_wait_model_outcome(f->model, method, mir_paper_history_view(f->paper, chain));
    return 0;
}

/* ---- what drives a wait */

/* Into its place among the strongest, if it has one. */
static void note_driver(struct mir_forecast_driver out[MIR_FORECAST_DRIVERS],
                        unsigned n_noted,
                        struct mir_forecast_driver driver)
{
    unsigned n = n_noted < MIR_FORECAST_DRIVERS ? n_noted : MIR_FORECAST_DRIVERS;
    unsigned k = n;

    while (k > 0 && fabs(driver.change_h) > fabs(out[k - 1].change_h))
        k--;
    if (k == MIR_FORECAST_DRIVERS)
        return;
    if (n == MIR_FORECAST_DRIVERS)
        n--;
    memmove(out + k + 1, out + k, (n - k) * sizeof(out[0]));
    out[k] = driver;
}

int mir_forecaster_explain(struct mir_forecaster *f,
                           const struct mir_wait_case *c,
                           enum mir_wait_method method,
                           struct mir_forecast_driver out[MIR_FORECAST_DRIVERS],
                           struct mir_error *err)
{
    float x[MIR_N_WAIT_FEATURES];
    double median_h;
    int rc = check_quantiles(f, method, err);

    if (rc != 0)
        return rc;
    mir_forecaster_features(f, c, x);
    median_h = mir_wait_model_quantile(f->model, method, x, 0.5);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        struct mir_forecast_driver driver = {.feature = i, .value = (double)x[i]};
        float value = x[i];

        x[i] = f->model->ranges[i].median;
        driver.change_h = median_h - mir_wait_model_quantile(f->model, method, x, 0.5);
        x[i] = value;
        note_driver(out, i, driver);
    }
    return 0;
}
