/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_table.c - an evaluation for the terminal, plain ASCII, and as CSV. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "daemon/core/str.h"
#include "models/predict/calibration.h"
#include "models/train/report.h"
#include "traces/replay/report_parts.h"

static const char BOLD[] = "\033[1m", PLAIN[] = "\033[0m";

enum { LABEL_WIDTH = 21, CELL_WIDTH = 7 };

struct table {
    struct mir_str s;
    const struct mir_evaluation_report *r;
    bool colour;
};

static void add_heading(struct table *t)
{
    const struct mir_evaluation_report *r = t->r;
    char from[32], to[32];

    mir_str_addf(&t->s, "%s", r->log);
    if (r->n_nodes > 0)
        mir_str_addf(&t->s, " on %u nodes", r->n_nodes);
    mir_str_addf(&t->s, ", %.16s to %.16s UTC: %zu %s", mir_format_time(r->from_at, from),
                 mir_format_time(r->to_at, to), r->e->n, r->what);
    if (r->e->n_censored > 0)
        mir_str_addf(&t->s, ", %zu of them not known to the end", r->e->n_censored);
    mir_str_addf(&t->s, "\n%s, learned %.16s to %.16s UTC from %s\n", r->model,
                 mir_format_time(r->origin->from_at, from), mir_format_time(r->origin->to_at, to),
                 r->origin->source);
    if (r->in_sample)
        mir_str_add(&t->s, "In sample: the model has seen the window, so this says nothing.\n");
    if (r->leak != NULL)
        mir_str_addf(&t->s, "%s\n", r->leak);
}

static void add_groups(struct table *t)
{
    mir_str_addf(&t->s, "%-*s", LABEL_WIDTH, "");
    for (size_t i = 0; i < MIR_N_SCORE_COLUMNS;) {
        const char *group = MIR_SCORE_COLUMNS[i].group;
        size_t n = 0;

        while (i + n < MIR_N_SCORE_COLUMNS && strcmp(MIR_SCORE_COLUMNS[i + n].group, group) == 0)
            n++;
        mir_str_addf(&t->s, "%*s ", (int)(n * (CELL_WIDTH + 1)) - 1, group);
        i += n;
    }
    mir_str_add(&t->s, "\n");
}

/* Right-aligned; the best one bold, or with a star where there is no colour. */
static void add_cell(struct table *t, const char *text, bool best)
{
    if (best && t->colour)
        mir_str_addf(&t->s, "%s%*s%s ", BOLD, CELL_WIDTH, text, PLAIN);
    else
        mir_str_addf(&t->s, "%*s%c", CELL_WIDTH, text, best ? '*' : ' ');
}

static void end_line(struct table *t)
{
    while (t->s.len > 0 && t->s.text[t->s.len - 1] == ' ')
        t->s.text[--t->s.len] = '\0';
    mir_str_add(&t->s, "\n");
}

static void add_prediction(struct table *t, uint32_t prediction, uint32_t class)
{
    const struct mir_evaluation *e = t->r->e;
    const struct mir_prediction *p = &e->predictions[prediction];

    mir_str_addf(&t->s, "%-*s", LABEL_WIDTH, p->calibrated ? "  calibrated" : p->name);
    for (size_t i = 0; i < MIR_N_SCORE_COLUMNS; i++) {
        const struct mir_score_column *c = &MIR_SCORE_COLUMNS[i];
        char text[32];

        mir_score_format(c, mir_score_value(c, &e->scores[prediction][class]), text);
        add_cell(t, text, mir_score_is_best(e, c, prediction, class));
    }
    end_line(t);
}

static void add_class(struct table *t, uint32_t class)
{
    const struct mir_evaluation *e = t->r->e;

    mir_str_addf(&t->s, "\n%s%s: %zu%s\n", t->colour ? BOLD : "", e->classes[class].name,
                 e->classes[class].n, t->colour ? PLAIN : "");
    if (e->classes[class].n == 0)
        return;
    add_groups(t);
    mir_str_addf(&t->s, "%-*s", LABEL_WIDTH, "");
    for (size_t i = 0; i < MIR_N_SCORE_COLUMNS; i++)
        add_cell(t, MIR_SCORE_COLUMNS[i].title, false);
    end_line(t);
    for (uint32_t p = 0; p < e->n_predictions; p++)
        add_prediction(t, p, class);
}

static void add_outcomes(struct table *t)
{
    if (t->r->n_outcomes == 0)
        return;
    mir_str_addf(&t->s, "\nSigned outcome (wait - time left), as the Mirage paper samples it\n");
    mir_str_addf(&t->s, "%-*s %7s %7s %7s\n", LABEL_WIDTH, "", "n", "MAE, h", "bias, h");
    for (uint32_t i = 0; i < t->r->n_outcomes; i++) {
        const struct mir_outcome_score *o = &t->r->outcomes[i];

        mir_str_addf(&t->s, "%-*s %7zu %7.3f %7.3f\n", LABEL_WIDTH, o->name, o->n, o->mae_h,
                     o->bias_h);
    }
}

static void add_notes(struct table *t)
{
    mir_str_addf(
        &t->s,
        "\nMean wait %.2f h.  t = log(1 + 4 h).  x/2: medians within a factor of two, from "
        "10 minutes up.\nAt once: told to start within %g minutes, and did; the shares within p50, "
        "p90 and p95 are of the others.\nBest of its column: %s.\n",
        t->r->e->mean_wait_h, MIR_CALIBRATION_AT_ONCE_H * 60, t->colour ? "bold" : "*");
}

int mir_evaluation_table(FILE *to,
                         const struct mir_evaluation_report *r,
                         bool colour,
                         struct mir_error *err)
{
    struct table t = {.r = r, .colour = colour};

    add_heading(&t);
    for (uint32_t c = 0; c < r->e->n_classes; c++)
        add_class(&t, c);
    add_outcomes(&t);
    add_notes(&t);
    return mir_report_write(to, &t.s, err);
}

/* ---- CSV */

static void add_number(struct mir_str *s, double value)
{
    if (isnan(value))
        mir_str_add(s, ",");
    else
        mir_str_addf(s, ",%.9g", value);
}

int mir_evaluation_csv(FILE *to, const struct mir_evaluation_report *r, struct mir_error *err)
{
    const struct mir_evaluation *e = r->e;
    struct mir_str s = {0};

    mir_str_add(&s, "prediction,calibrated,class,n");
    for (size_t i = 0; i < MIR_N_SCORE_COLUMNS; i++)
        mir_str_addf(&s, ",%s", MIR_SCORE_COLUMNS[i].key);
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
        mir_str_addf(&s, ",coverage_%g", mir_scored_levels[k]);
    mir_str_add(&s, "\n");
    for (uint32_t p = 0; p < e->n_predictions; p++) {
        for (uint32_t c = 0; c < e->n_classes; c++) {
            const struct mir_score *score = &e->scores[p][c];

            mir_str_addf(&s, "%s,%d,%s,%zu", e->predictions[p].name, e->predictions[p].calibrated,
                         e->classes[c].name, score->n);
            for (size_t i = 0; i < MIR_N_SCORE_COLUMNS; i++)
                add_number(&s, mir_score_value(&MIR_SCORE_COLUMNS[i], score));
            for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
                add_number(&s, score->coverage[k]);
            mir_str_add(&s, "\n");
        }
    }
    return mir_report_write(to, &s, err);
}
