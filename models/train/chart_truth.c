/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chart_truth.c - medians against what came out, in squares of a grid: thousands of
 * dots would hide how many there are.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "models/train/chart.h"
#include "traces/replay/chart.h"

enum { BINS = 31 };

static const double TOP = 40, SIDE = 372, LEFT = 70, BETWEEN = 96;
static const double LABEL = 42; /* width of what stands below a tick */
static const double FLOOR_H = MIR_FACTOR_FLOOR_S / 3600.0;

static double clamp(double hours, double most)
{
    return log(fmin(fmax(hours, FLOOR_H), most));
}

static double longest_h(const struct mir_evaluation *e)
{
    double longest = 24;

    for (size_t i = 0; i < e->n; i++)
        longest = fmax(longest, (double)e->rows[i].wait_h);
    return longest;
}

static unsigned bin_of(double hours, double most)
{
    double share = (clamp(hours, most) - log(FLOOR_H)) / (log(most) - log(FLOOR_H));
    unsigned bin = (unsigned)(share * BINS);

    return bin < BINS ? bin : BINS - 1;
}

static uint32_t *count(const struct mir_evaluation *e, uint32_t prediction, double most)
{
    uint32_t *bins = MIR_NEW_ARRAY(uint32_t, BINS * BINS);

    for (size_t i = 0; i < e->n; i++) {
        float said = e->predictions[prediction].hours[i * MIR_SCORED_LEVELS + MIR_SCORED_P50];

        if (!e->rows[i].censored && !isnan(said))
            bins[bin_of((double)e->rows[i].wait_h, most) * BINS + bin_of((double)said, most)]++;
    }
    return bins;
}

static void draw_frame(struct mir_str *s,
                       const struct mir_scale *x,
                       const struct mir_scale *y,
                       const char *title)
{
    static const struct {
        double hours;
        const char *text;
    } ticks[] = {{FLOOR_H, "\xe2\x89\xa4 10 min"},
                 {0.5, "30 min"},
                 {1, "1 h"},
                 {3, "3 h"},
                 {12, "12 h"},
                 {24, "1 d"},
                 {72, "3 d"},
                 {168, "1 w"},
                 {720, "30 d"}};

    double last = -LABEL;

    mir_chart_text(s, "strong", x->x0, TOP - 12, title);
    for (size_t i = 0; i < sizeof ticks / sizeof *ticks; i++) {
        double v = log(ticks[i].hours);

        if (v > x->to)
            break;
        mir_chart_line(s, "grid", x->x0, mir_scale_at(y, v), x->x1, mir_scale_at(y, v));
        mir_chart_line(s, "grid", mir_scale_at(x, v), y->x0, mir_scale_at(x, v), y->x1);
        mir_chart_text(s, "end muted num", x->x0 - 8, mir_scale_at(y, v) + 4, ticks[i].text);
        if (mir_scale_at(x, v) - last < LABEL) /* no room for both */
            continue;
        last = mir_scale_at(x, v);
        mir_chart_text(s, "mid muted num", last, y->x0 + 18, ticks[i].text);
    }
    mir_chart_text(s, "mid muted", (x->x0 + x->x1) / 2, y->x0 + 38, "said (median)");
    mir_str_addf(s,
                 "<text class=\"mid muted\" transform=\"translate(%.1f %.1f) rotate(-90)\">came "
                 "out</text>\n",
                 x->x0 - 56, (y->x0 + y->x1) / 2);
}

/* By the logarithm: the many that start at once would leave all others pale. */
static void draw_bins(struct mir_str *s,
                      const uint32_t *bins,
                      const struct mir_scale *x,
                      const struct mir_scale *y)
{
    double cell = SIDE / BINS;
    uint32_t most = 1;

    for (unsigned i = 0; i < BINS * BINS; i++)
        most = bins[i] > most ? bins[i] : most;
    for (unsigned i = 0; i < BINS * BINS; i++) {
        if (bins[i] > 0)
            mir_str_addf(s,
                         "<rect class=\"m0\" fill-opacity=\"%.2f\" x=\"%.1f\" y=\"%.1f\" "
                         "width=\"%.1f\" height=\"%.1f\"/>\n",
                         0.06 + 0.9 * log1p(bins[i]) / log1p(most), x->x0 + (i % BINS) * cell,
                         y->x0 - (i / BINS + 1) * cell, cell, cell);
    }
}

static void draw_panel(struct mir_str *s,
                       const struct mir_evaluation *e,
                       uint32_t prediction,
                       double left,
                       double most)
{
    struct mir_scale x = {log(FLOOR_H), log(most), left, left + SIDE};
    struct mir_scale y = {log(FLOOR_H), log(most), TOP + SIDE, TOP};
    double factor = log(2) / (x.to - x.from) * SIDE;
    uint32_t *bins = count(e, prediction, most);
    char title[48];

    draw_frame(s, &x, &y, mir_prediction_label(&e->predictions[prediction], title));
    draw_bins(s, bins, &x, &y);
    mir_chart_line(s, "zero", x.x0, y.x0, x.x1, y.x1);
    mir_chart_line(s, "limit", x.x0 + factor, y.x0, x.x1, y.x1 + factor);
    mir_chart_line(s, "limit", x.x0, y.x0 - factor, x.x1 - factor, y.x1);
    free(bins);
}

/* The last of the references that is one number: where there is Slurm's plan, it is that. */
static uint32_t find_reference(const struct mir_evaluation *e)
{
    uint32_t found = UINT32_MAX;

    for (uint32_t p = 0; p < e->n_predictions; p++) {
        if (!e->predictions[p].learned && e->predictions[p].point)
            found = p;
    }
    return found;
}

void mir_chart_truth(struct mir_str *s, const struct mir_evaluation_report *r)
{
    uint32_t best = mir_evaluation_best(r->e, false), reference = find_reference(r->e);
    double most = longest_h(r->e);

    mir_chart_open(
        s, "truth", TOP + SIDE + 48, "Said and come out",
        "Two squares with logarithmic axes from ten minutes up: across the median that "
        "was said, up the wait that came out; stronger where there are more submissions. "
        "Between the dashed lines a median is right within a factor of two.");
    if (best != UINT32_MAX)
        draw_panel(s, r->e, best, LEFT, most);
    if (reference != UINT32_MAX)
        draw_panel(s, r->e, reference, LEFT + SIDE + BETWEEN, most);
    mir_chart_close(s);
}
