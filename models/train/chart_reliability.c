/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chart_reliability.c - promised against kept. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "models/train/chart.h"
#include "traces/replay/chart.h"

static const double TOP = 62, SIDE = 372, LEFT = 70, BETWEEN = 96;
static const double BAND = 0.03; /* what is promised is kept to this many points */

/* A curve of its own colour and mark. */
struct curve {
    uint32_t prediction;
    unsigned look; /* 0: circle, 1: square, 2: diamond */
};

static void draw_mark(struct mir_str *s, unsigned look, double x, double y)
{
    if (look == 0)
        mir_str_addf(s, "<circle class=\"m0\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.2\"/>\n", x, y);
    else if (look == 1)
        mir_chart_rect(s, "m1", x - 3.8, y - 3.8, 7.6, 7.6);
    else
        mir_str_addf(s, "<path class=\"m2\" d=\"M%.1f %.1fl4.8 4.8l-4.8 4.8l-4.8 -4.8z\"/>\n", x,
                     y - 4.8);
}

static void draw_frame(struct mir_str *s,
                       const struct mir_scale *x,
                       const struct mir_scale *y,
                       const char *title)
{
    char text[16];

    mir_chart_text(s, "strong", x->x0, y->x1 - 12, title);
    for (int i = 0; i <= 5; i++) {
        double v = 0.2 * i;

        snprintf(text, sizeof text, "%.0f %%", v * 100);
        mir_chart_line(s, i == 0 ? "zero" : "grid", x->x0, mir_scale_at(y, v), x->x1,
                       mir_scale_at(y, v));
        mir_chart_line(s, i == 0 ? "zero" : "grid", mir_scale_at(x, v), y->x0, mir_scale_at(x, v),
                       y->x1);
        mir_chart_text(s, "end muted num", x->x0 - 8, mir_scale_at(y, v) + 4, text);
        mir_chart_text(s, "mid muted num", mir_scale_at(x, v), y->x0 + 18, text);
    }
    mir_str_addf(s,
                 "<path class=\"area\" opacity=\".55\" "
                 "d=\"M%.1f %.1fL%.1f %.1fH%.1fV%.1fL%.1f %.1fH%.1fz\"/>\n",
                 x->x0, mir_scale_at(y, BAND), mir_scale_at(x, 1 - BAND), y->x1, x->x1,
                 mir_scale_at(y, 1 - BAND), mir_scale_at(x, BAND), y->x0, x->x0);
    mir_chart_line(s, "limit", x->x0, y->x0, x->x1, y->x1);
    mir_chart_text(s, "mid muted", (x->x0 + x->x1) / 2, y->x0 + 38, "promised");
    mir_str_addf(
        s,
        "<text class=\"mid muted\" transform=\"translate(%.1f %.1f) rotate(-90)\">share of "
        "waits within</text>\n",
        x->x0 - 50, (y->x0 + y->x1) / 2);
}

static void draw_curve(struct mir_str *s,
                       const struct mir_evaluation *e,
                       struct curve curve,
                       const struct mir_scale *x,
                       const struct mir_scale *y)
{
    const double *coverage = e->scores[curve.prediction][0].coverage;
    bool open = false;

    mir_str_addf(s, "<path class=\"k%u\" d=\"", curve.look);
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++) {
        if (isnan(coverage[k]))
            continue;
        mir_str_addf(s, "%s%.1f %.1f", open ? "L" : "M", mir_scale_at(x, mir_scored_levels[k]),
                     mir_scale_at(y, coverage[k]));
        open = true;
    }
    mir_str_add(s, "\"/>\n");
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++) {
        if (!isnan(coverage[k]))
            draw_mark(s, curve.look, mir_scale_at(x, mir_scored_levels[k]),
                      mir_scale_at(y, coverage[k]));
    }
}

/* The models, and of what needs no learning the one that promises levels. */
static unsigned
pick_curves(const struct mir_evaluation *e, bool calibrated, struct curve out[MIR_MAX_PREDICTIONS])
{
    unsigned n = 0, look = 0;

    for (uint32_t p = 0; p < e->n_predictions; p++) {
        const struct mir_prediction *said = &e->predictions[p];

        if (said->learned && said->calibrated == calibrated && look < 2)
            out[n++] = (struct curve){p, look++};
        else if (!said->learned && !said->point && !calibrated)
            out[n++] = (struct curve){p, 2};
    }
    return n;
}

static void draw_legend(struct mir_str *s, const struct mir_evaluation *e)
{
    struct curve curves[MIR_MAX_PREDICTIONS];
    unsigned n = pick_curves(e, false, curves);
    double x = LEFT;

    for (unsigned i = 0; i < n; i++) {
        mir_str_addf(s, "<path class=\"k%u\" d=\"M%.1f 14h26\"/>\n", curves[i].look, x);
        draw_mark(s, curves[i].look, x + 13, 14);
        mir_chart_text(s, "", x + 34, 18, e->predictions[curves[i].prediction].name);
        x += 130;
    }
    mir_chart_rect(s, "area", x, 7, 22, 14);
    mir_chart_text(s, "", x + 30, 18, "within 3 points of the promise");
}

static void draw_panel(struct mir_str *s,
                       const struct mir_evaluation *e,
                       double left,
                       const char *title,
                       bool calibrated)
{
    struct mir_scale x = {0, 1, left, left + SIDE}, y = {0, 1, TOP + SIDE, TOP};
    struct curve curves[MIR_MAX_PREDICTIONS];
    unsigned n = pick_curves(e, calibrated, curves);

    draw_frame(s, &x, &y, title);
    for (unsigned i = 0; i < n; i++)
        draw_curve(s, e, curves[i], &x, &y);
}

void mir_chart_reliability(struct mir_str *s, const struct mir_evaluation_report *r)
{
    mir_chart_open(s, "reliability", TOP + SIDE + 48, "Promised and kept",
                   "Two squares. Across: the level that was asked for. Up: the share of waits that "
                   "stayed within what was said. On the diagonal a promise is kept. Left as the "
                   "models say it, right calibrated online. The numbers are in the table.");
    draw_legend(s, r->e);
    draw_panel(s, r->e, LEFT, "as the models say it", false);
    draw_panel(s, r->e, LEFT + SIDE + BETWEEN, "calibrated online", true);
    mir_chart_close(s);
}
