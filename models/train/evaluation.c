/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evaluation.c - see evaluation.h. */
#include "models/train/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "models/predict/calibration.h"

const double mir_scored_levels[MIR_SCORED_LEVELS] = {0.05, 0.1,  0.25, 0.4, 0.5,
                                                     0.6,  0.75, 0.9,  0.95};
const unsigned mir_promises[MIR_N_PROMISES] = {MIR_SCORED_P50, MIR_SCORED_P90, MIR_SCORED_P95};

/* ---- What was said */

void mir_evaluation_init(struct mir_evaluation *e, size_t n)
{
    *e = (struct mir_evaluation){.n = n, .n_classes = 1};
    e->rows = MIR_NEW_ARRAY(struct mir_truth, n);
    snprintf(e->classes[0].name, sizeof e->classes[0].name, "all");
}

void mir_evaluation_release(struct mir_evaluation *e)
{
    for (uint32_t p = 0; p < e->n_predictions; p++) {
        free(e->predictions[p].hours);
        free(e->predictions[p].grid);
    }
    free(e->rows);
    *e = (struct mir_evaluation){0};
}

uint16_t mir_evaluation_class(struct mir_evaluation *e, uint32_t key, const char *name)
{
    for (uint32_t c = 1; c < e->n_classes; c++) {
        if (e->classes[c].key == key)
            return (uint16_t)c;
    }
    if (e->n_classes == MIR_MAX_CLASSES)
        return 0;
    e->classes[e->n_classes].key = key;
    snprintf(e->classes[e->n_classes].name, sizeof e->classes[0].name, "%s", name);
    return (uint16_t)e->n_classes++;
}

static float *no_numbers(size_t n)
{
    float *numbers = MIR_NEW_ARRAY(float, n);

    for (size_t i = 0; i < n; i++)
        numbers[i] = NAN;
    return numbers;
}

struct mir_prediction *mir_evaluation_add(struct mir_evaluation *e, const char *name, bool learned)
{
    struct mir_prediction *p = &e->predictions[e->n_predictions];

    if (e->n_predictions == MIR_MAX_PREDICTIONS)
        abort();
    e->n_predictions++;
    *p = (struct mir_prediction){.learned = learned};
    snprintf(p->name, sizeof p->name, "%s", name);
    p->hours = no_numbers(e->n * MIR_SCORED_LEVELS);
    if (learned)
        p->grid = no_numbers(e->n * MIR_N_WAIT_LEVELS_TRAINED);
    return p;
}

void mir_prediction_set(struct mir_prediction *p,
                        size_t i,
                        const double grid[MIR_N_WAIT_LEVELS_TRAINED])
{
    for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++)
        p->grid[i * MIR_N_WAIT_LEVELS_TRAINED + k] = (float)grid[k];
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
        p->hours[i * MIR_SCORED_LEVELS + k] =
            (float)mir_wait_quantile_between(grid, mir_scored_levels[k]);
}

void mir_prediction_set_point(struct mir_prediction *p, size_t i, double hours)
{
    p->point = true;
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
        p->hours[i * MIR_SCORED_LEVELS + k] = (float)hours;
}

/* ---- Calibration */

static unsigned class_of(const struct mir_truth *row)
{
    return mir_calibration_class(row->n_nodes, row->limit_s);
}

static void get_grid(const struct mir_prediction *p, size_t i, double *out)
{
    for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++)
        out[k] = (double)p->grid[i * MIR_N_WAIT_LEVELS_TRAINED + k];
}

/* Rows that nothing was learned from yet, in the order of time. */
struct open_rows {
    size_t *rows; /* owned */
    size_t n;
};

/* True: the row has taught, or never will. */
static bool learn(struct mir_calibration *c,
                  const struct mir_prediction *p,
                  const struct mir_truth *row,
                  size_t i,
                  int64_t now)
{
    double grid[MIR_N_WAIT_LEVELS_TRAINED], so_far_h = (double)(now - row->at) / 3600;
    bool known = !row->censored && row->known_at <= now;

    get_grid(p, i, grid);
    if (known)
        mir_calibration_learn(c, class_of(row), grid, (double)row->wait_h);
    else if (so_far_h > mir_calibration_highest(c, class_of(row), grid))
        mir_calibration_learn(c, class_of(row), grid, so_far_h);
    else
        return false;
    return true;
}

static void learn_until(struct mir_calibration *c,
                        const struct mir_evaluation *e,
                        const struct mir_prediction *p,
                        struct open_rows *open,
                        int64_t now)
{
    size_t kept = 0;

    for (size_t k = 0; k < open->n; k++) {
        size_t i = open->rows[k];

        if (!learn(c, p, &e->rows[i], i, now))
            open->rows[kept++] = i;
    }
    open->n = kept;
}

void mir_evaluation_calibrate(struct mir_evaluation *e, uint32_t prediction)
{
    const struct mir_prediction *from = &e->predictions[prediction];
    struct mir_prediction *to = mir_evaluation_add(e, from->name, true);
    struct open_rows open = {.rows = MIR_NEW_ARRAY(size_t, e->n)};
    double grid[MIR_N_WAIT_LEVELS_TRAINED];
    struct mir_calibration c;

    to->calibrated = true;
    memcpy(to->grid, from->grid, e->n * MIR_N_WAIT_LEVELS_TRAINED * sizeof(*to->grid));
    mir_calibration_init(&c, MIR_CALIBRATION_GAMMA);
    for (size_t i = 0; i < e->n; i++) {
        learn_until(&c, e, from, &open, e->rows[i].at);
        get_grid(from, i, grid);
        for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
            to->hours[i * MIR_SCORED_LEVELS + k] = (float)mir_calibration_quantile(
                &c, class_of(&e->rows[i]), grid, mir_scored_levels[k]);
        open.rows[open.n++] = i;
    }
    free(open.rows);
}

/* ---- Scores */

int mir_truth_within(const struct mir_truth *row, double hours)
{
    if ((double)row->wait_h > hours)
        return 0;
    return row->censored || isnan(hours) ? -1 : 1;
}

/* A mean in the making. */
struct mean {
    double sum;
    size_t n;
};

static void add(struct mean *m, double value)
{
    m->sum += value;
    m->n++;
}

static double mean_of(const struct mean *m)
{
    return m->n > 0 ? m->sum / (double)m->n : NAN;
}

struct sums {
    struct mean pinball_t[MIR_N_PROMISES], pinball_h[MIR_N_PROMISES];
    struct mean mae_h, within_2, at_once, coverage[MIR_SCORED_LEVELS];
    size_t n;
};

static double pinball(double level, double truth, double said)
{
    double over = truth - said;

    return over > 0 ? level * over : (level - 1) * over;
}

static double with_floor(double hours)
{
    return fmax(hours, MIR_FACTOR_FLOOR_S / 3600.0);
}

/* What is known of a wait that is not over decides if it already is too long. */
static void add_median(struct sums *s, const struct mir_truth *row, double said)
{
    double wait_h = (double)row->wait_h;
    double factor = with_floor(wait_h) / with_floor(said);

    if (mir_truth_within(row, said) >= 0)
        add(&s->mae_h, fabs(wait_h - said));
    if (!row->censored || factor > 2)
        add(&s->within_2, factor <= 2 && factor >= 0.5);
}

static bool is_at_once(const struct mir_truth *row, double said)
{
    return !row->censored && fmax((double)row->wait_h, said) <= MIR_CALIBRATION_AT_ONCE_H;
}

static void add_row(struct sums *s, const struct mir_truth *row, const float *hours)
{
    double wait_h = (double)row->wait_h;

    if (isnan(hours[0]))
        return;
    s->n += !row->censored;
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++) {
        int within = mir_truth_within(row, (double)hours[k]);

        if (within >= 0 && !is_at_once(row, (double)hours[k]))
            add(&s->coverage[k], within);
    }
    add(&s->at_once, is_at_once(row, (double)hours[MIR_SCORED_P50]));
    for (unsigned k = 0; k < MIR_N_PROMISES; k++) {
        double said = (double)hours[mir_promises[k]], level = mir_scored_levels[mir_promises[k]];

        if (mir_truth_within(row, said) < 0)
            continue;
        add(&s->pinball_h[k], pinball(level, wait_h, said));
        add(&s->pinball_t[k], pinball(level, mir_wait_to_t(wait_h), mir_wait_to_t(said)));
    }
    add_median(s, row, (double)hours[MIR_SCORED_P50]);
}

static void finish(const struct sums *s, struct mir_score *out)
{
    *out = (struct mir_score){
        .n = s->n,
        .mae_h = mean_of(&s->mae_h),
        .at_once = mean_of(&s->at_once),
        .within_2 = mean_of(&s->within_2),
    };
    for (unsigned k = 0; k < MIR_N_PROMISES; k++) {
        out->pinball_t[k] = mean_of(&s->pinball_t[k]);
        out->pinball_h[k] = mean_of(&s->pinball_h[k]);
    }
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
        out->coverage[k] = mean_of(&s->coverage[k]);
}

static void score(struct mir_evaluation *e, uint32_t prediction)
{
    const struct mir_prediction *p = &e->predictions[prediction];
    struct sums *sums = MIR_NEW_ARRAY(struct sums, e->n_classes);

    for (size_t i = 0; i < e->n; i++) {
        const float *hours = &p->hours[i * MIR_SCORED_LEVELS];

        add_row(&sums[0], &e->rows[i], hours);
        if (e->rows[i].class != 0)
            add_row(&sums[e->rows[i].class], &e->rows[i], hours);
    }
    for (uint32_t c = 0; c < e->n_classes; c++)
        finish(&sums[c], &e->scores[prediction][c]);
    free(sums);
}

void mir_evaluation_score(struct mir_evaluation *e)
{
    struct mean wait = {0};

    e->n_censored = 0;
    for (uint32_t c = 0; c < e->n_classes; c++)
        e->classes[c].n = 0;
    for (size_t i = 0; i < e->n; i++) {
        e->n_censored += e->rows[i].censored;
        e->classes[0].n++;
        if (e->rows[i].class != 0)
            e->classes[e->rows[i].class].n++;
        if (!e->rows[i].censored)
            add(&wait, (double)e->rows[i].wait_h);
    }
    e->mean_wait_h = mean_of(&wait);
    for (uint32_t p = 0; p < e->n_predictions; p++)
        score(e, p);
}

uint32_t mir_evaluation_best(const struct mir_evaluation *e, bool calibrated)
{
    uint32_t best = UINT32_MAX;
    double least = INFINITY;

    for (uint32_t p = 0; p < e->n_predictions; p++) {
        double loss = 0;

        if (!e->predictions[p].learned || e->predictions[p].calibrated != calibrated)
            continue;
        for (unsigned k = 0; k < MIR_N_PROMISES; k++)
            loss += e->scores[p][0].pinball_t[k];
        if (loss < least || best == UINT32_MAX) {
            best = p;
            least = loss;
        }
    }
    return best;
}
