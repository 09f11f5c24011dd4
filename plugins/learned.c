/* SPDX-License-Identifier: GPL-3.0-or-later */
/* learned.c - from a forecast to a decision, and to qbets where there is none. */
#include "plugins/learned.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "models/predict/forecaster.h"
#include "plugins/options.h"
#include "plugins/rule.h"

/* Built in wherever this file is. */
extern const struct mirage_plugin mirage_plugin_qbets;

/* The Mirage paper submits when half an hour of overlap is all that is predicted. */
static const double paper_threshold_h = -0.5;

/* The quantiles that qbets has bounds for. */
static const double qbets_low = 0.05, qbets_high = 0.99;

enum { S_PER_H = 3600 };

struct learned {
    enum mir_wait_method method;
    double fixed;       /* quantile; < 0: from the overlap weight */
    double threshold_h; /* of the paper's rule */
    void *qbets;        /* its own instance */
};

static bool is_quantile_method(enum mir_wait_method method)
{
    return method == MIR_WAIT_FOREST_Q || method == MIR_WAIT_XGB_Q;
}

/* ---- Options */

static int
read_options(struct learned *l, const struct mirage_options *options, struct mir_error *err)
{
    const struct mir_option_rule quantile = {"quantile", MIR_OPTION_REAL, 0, 1, 0, &l->fixed};
    const struct mir_option_rule threshold = {"threshold", MIR_OPTION_REAL, -1000, 1000,
                                              0,           &l->threshold_h};

    return mir_options_parse(options, is_quantile_method(l->method) ? &quantile : &threshold, 1,
                             err);
}

/* A fixed quantile is qbets's too, as far as it has bounds. */
static int open_qbets(struct learned *l, uint64_t seed, struct mir_error *err)
{
    char text[32];
    const struct mirage_option quantile = {"quantile", text};
    struct mirage_options options = {.items = &quantile, .n_items = l->fixed >= 0, .seed = seed};

    snprintf(text, sizeof(text), "%.17g", fmin(fmax(l->fixed, qbets_low), qbets_high));
    return mirage_plugin_qbets.open(&options, &l->qbets, err);
}

int mir_learned_open(enum mir_wait_method method,
                     const struct mirage_options *options,
                     void **state,
                     struct mir_error *err)
{
    struct learned *l = MIR_NEW(struct learned);
    int rc;

    l->method = method;
    l->fixed = -1;
    l->threshold_h = paper_threshold_h;
    rc = read_options(l, options, err);
    if (rc == 0)
        rc = open_qbets(l, options->seed, err);
    if (rc == 0)
        *state = l;
    else
        mir_learned_close(l);
    return rc;
}

void mir_learned_close(void *state)
{
    struct learned *l = state;

    if (l == NULL)
        return;
    mirage_plugin_qbets.close(l->qbets);
    free(l);
}

/* ---- Without a forecast */

static int fall_back(struct learned *l,
                     const struct mirage_view *view,
                     const char *why,
                     struct mirage_decision *out,
                     struct mir_error *err)
{
    struct mirage_decision other = {.size = sizeof(other)};
    int rc = mirage_plugin_qbets.decide(l->qbets, view, &other, err);

    if (rc != 0)
        return rc;
    /* Both are cut rather than one left out. */
    mir_rule_fall_back(&other, out, "%.40s, by qbets: %.107s", why, other.reason);
    return 0;
}

/* NULL also where the host program is older than the view's members for it. */
static struct mir_forecaster *forecaster_of(const struct mirage_view *view)
{
    return view->size > offsetof(struct mirage_view, successor_priority) ? view->forecaster : NULL;
}

/* Why is there no forecast at all?  NULL: there may be one. */
static const char *
no_model(const struct mir_forecaster *f, enum mir_wait_method method, char text[64])
{
    const struct mir_wait_model *model = f != NULL ? mir_forecaster_model(f) : NULL;

    if (model == NULL)
        return "no model";
    if (mir_wait_model_has(model, method))
        return NULL;
    snprintf(text, 64, "no %s in the model", mir_wait_method_name(method));
    return text;
}

/* ---- Quantiles */

static struct mir_wait_case case_of(const struct mirage_view *view)
{
    return (struct mir_wait_case){
        .request = view->successor,
        .priority = view->successor_priority,
        .predecessor_end_at = view->predecessor_end_at,
    };
}

static const char *out_of_range(const struct mir_forecast *f, char text[64])
{
    if (f->n_outside == 0 || f->furthest >= MIR_N_WAIT_FEATURES)
        return "out of the model's range";
    snprintf(text, 64, "%s out of range", mir_wait_feature_table[f->furthest].name);
    return text;
}

bool mir_learned_waits(const struct mirage_view *view,
                       enum mir_wait_method method,
                       double *wait_h,
                       uint32_t n,
                       char why[64])
{
    const char *no = no_model(forecaster_of(view), method, why);
    struct mir_error err = {{0}};
    struct mir_wait_case c;
    struct mir_forecast f;

    if (no == NULL) {
        c = case_of(view);
        if (mir_forecaster_waits(view->forecaster, &c, method, wait_h, n, &f, &err) != 0)
            no = err.text;
        else if (f.out_of_range)
            no = out_of_range(&f, why);
    }
    if (no != NULL && no != why)
        snprintf(why, 64, "%.63s", no);
    return no == NULL;
}

static void submit_by_quantile(const struct learned *l,
                               const struct mirage_view *view,
                               double level,
                               const struct mir_forecast *f,
                               struct mirage_decision *out)
{
    char low[32], high[32];

    mir_rule_apply(view, f->wait_h * S_PER_H, out, "%s: p10 %s, p90 %s, %.2g quantile",
                   mir_wait_method_name(l->method),
                   mir_format_duration((int64_t)(f->p10_h * S_PER_H), low),
                   mir_format_duration((int64_t)(f->p90_h * S_PER_H), high), level);
}

static int decide_by_quantile(struct learned *l,
                              const struct mirage_view *view,
                              struct mirage_decision *out,
                              struct mir_error *err)
{
    const struct mir_wait_case c = case_of(view);
    double level = l->fixed >= 0 ? l->fixed : mir_rule_quantile(view->overlap_weight);
    struct mir_error why = {{0}};
    struct mir_forecast f;
    char text[64];

    if (mir_forecaster_wait(view->forecaster, &c, l->method, level, &f, &why) != 0)
        return fall_back(l, view, why.text, out, err);
    if (f.out_of_range)
        return fall_back(l, view, out_of_range(&f, text), out, err);
    submit_by_quantile(l, view, level, &f, out);
    return 0;
}

/* ---- The paper's rule */

static int32_t seconds(int64_t from, int64_t to)
{
    return to <= from ? 0 : to - from > INT32_MAX ? INT32_MAX : (int32_t)(to - from);
}

static void submit_by_outcome(const struct learned *l,
                              const struct mirage_view *view,
                              double outcome_h,
                              struct mirage_decision *out)
{
    double warmup_h = (double)view->warmup_s / S_PER_H;
    bool submit = outcome_h + warmup_h >= l->threshold_h;
    char warmup[48] = "";

    out->action = submit ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = fmax(outcome_h * S_PER_H + (double)mir_rule_left_s(view), 0);
    if (view->warmup_s > 0)
        snprintf(warmup, sizeof(warmup), ", warm-up %.1f h,", warmup_h);
    snprintf(
        out->reason, sizeof(out->reason),
        "%s: submitted now it would start %.1f h %s the predecessor's end%s, threshold %g h %s",
        mir_wait_method_name(l->method), fabs(outcome_h), outcome_h < 0 ? "before" : "after",
        warmup, l->threshold_h, submit ? "reached" : "not reached");
}

static int decide_by_outcome(struct learned *l,
                             const struct mirage_view *view,
                             struct mirage_decision *out,
                             struct mir_error *err)
{
    const struct mir_paper_chain chain = {
        .predecessor_limit_s = view->predecessor_limit_s,
        .predecessor_nodes = view->predecessor_nodes,
        .predecessor_wait_s = seconds(view->predecessor_submit_at, view->predecessor_start_at),
        .predecessor_elapsed_s = seconds(view->predecessor_start_at, view->now),
        .successor_limit_s = view->successor->limit_s,
        .successor_nodes = view->successor->n_nodes,
    };
    struct mir_error why = {{0}};
    double outcome_h;

    if (mir_forecaster_outcome(view->forecaster, &chain, l->method, &outcome_h, &why) != 0)
        return fall_back(l, view, why.text, out, err);
    submit_by_outcome(l, view, outcome_h, out);
    return 0;
}

int mir_learned_decide(void *state,
                       const struct mirage_view *view,
                       struct mirage_decision *out,
                       struct mir_error *err)
{
    struct learned *l = state;
    char text[64];
    const char *why = no_model(forecaster_of(view), l->method, text);

    if (why != NULL)
        return fall_back(l, view, why, out, err);
    return is_quantile_method(l->method) ? decide_by_quantile(l, view, out, err)
                                         : decide_by_outcome(l, view, out, err);
}
