/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scoring.c - see scoring.h. */
#include "models/train/scoring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "models/train/references.h"

unsigned mir_feature_number(const char *name)
{
    for (unsigned f = 0; f < MIR_N_WAIT_FEATURES; f++) {
        if (strcmp(mir_wait_feature_table[f].name, name) == 0)
            return f;
    }
    abort();
}

/* By time; at one time in the order in which they were made. */
static int by_time(const void *a, const void *b)
{
    const struct mir_label *x = *(const struct mir_label *const *)a;
    const struct mir_label *y = *(const struct mir_label *const *)b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Of the window; they point into the labels. */
static const struct mir_label **pick(const struct mir_scoring *s, size_t *n)
{
    const struct mir_label **list = MIR_NEW_ARRAY(const struct mir_label *, s->labels->n);

    *n = 0;
    for (size_t i = 0; i < s->labels->n; i++) {
        const struct mir_label *label = &s->labels->rows[i];

        if (label->at >= s->from_at && label->at < s->to_at)
            list[(*n)++] = label;
    }
    qsort(list, *n, sizeof(*list), by_time);
    return list;
}

static uint16_t class_of(struct mir_evaluation *e, uint32_t n_nodes)
{
    char name[48];

    snprintf(name, sizeof name, "%u node%s", n_nodes, n_nodes == 1 ? "" : "s");
    return mir_evaluation_class(e, n_nodes, name);
}

/* The smallest first, whichever comes first in the log. */
static void make_classes(struct mir_evaluation *e, const struct mir_scoring *s)
{
    uint32_t last = 0, next;

    for (;;) {
        next = UINT32_MAX;
        for (uint32_t i = 0; i < s->n_shapes; i++) {
            if (s->shapes[i].n_nodes > last && s->shapes[i].n_nodes < next)
                next = s->shapes[i].n_nodes;
        }
        if (next == UINT32_MAX)
            return;
        class_of(e, next);
        last = next;
    }
}

static void set_row(struct mir_evaluation *e,
                    size_t i,
                    const struct mir_label *label,
                    const struct mir_request *r)
{
    e->rows[i] = (struct mir_truth){
        .at = label->at,
        .wait_h = label->wait_h,
        .censored = label->censored,
        .known_at =
            label->censored ? INT64_MAX : label->at + (int64_t)ceil((double)label->wait_h * 3600),
        .class = class_of(e, r->n_nodes),
        .n_nodes = r->n_nodes,
        .limit_s = r->limit_s,
    };
}

static void add_method(struct mir_evaluation *e,
                       const struct mir_wait_model *m,
                       enum mir_wait_method method,
                       const struct mir_label **labels)
{
    uint32_t number = e->n_predictions;
    struct mir_prediction *p;

    if (!mir_wait_model_has(m, method))
        return;
    p = mir_evaluation_add(e, mir_wait_method_name(method), true);
    for (size_t i = 0; i < e->n; i++) {
        double grid[MIR_N_WAIT_LEVELS_TRAINED];

        mir_wait_model_quantiles(m, method, labels[i]->features, grid);
        mir_prediction_set(p, i, grid);
    }
    mir_evaluation_calibrate(e, number);
}

/* What squeue --start would tell, if slurmctld planned for this job too. */
static void add_plan(struct mir_evaluation *e, const struct mir_label **labels)
{
    unsigned plan = mir_feature_number("plan_limit");
    struct mir_prediction *p = mir_evaluation_add(e, "slurm plan", false);

    for (size_t i = 0; i < e->n; i++)
        mir_prediction_set_point(p, i, (double)labels[i]->features[plan]);
}

void mir_scoring_run(const struct mir_scoring *s, struct mir_evaluation *out)
{
    size_t n;
    const struct mir_label **labels = pick(s, &n);
    struct mir_starts starts;

    mir_evaluation_init(out, n);
    make_classes(out, s);
    for (size_t i = 0; i < n; i++)
        set_row(out, i, labels[i], &s->shapes[labels[i]->shape]);
    add_method(out, s->model, MIR_WAIT_FOREST_Q, labels);
    add_method(out, s->model, MIR_WAIT_XGB_Q, labels);
    if (s->timeline != NULL) {
        mir_starts_of_timeline(s->timeline, &starts);
        mir_references_add(out, &starts);
        mir_starts_release(&starts);
        add_plan(out, labels);
    }
    mir_evaluation_score(out);
    free(labels);
}
