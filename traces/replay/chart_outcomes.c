/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chart_outcomes.c - every outcome as a dot on a signed axis: overlap to the
 * left of zero, interruption to the right.  The axis is linear near zero and
 * logarithmic far out, since outcomes span minutes to days.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/quantile.h"
#include "traces/replay/bootstrap.h"
#include "traces/replay/chart.h"

static const double LEFT = 236, RIGHT = 846, TOP = 44, ROW = 32, STRIP = 18;
static const double LINEAR_H = 0.5; /* up to about here the axis is linear */

enum { MAX_DOTS = 200 };

static double squeeze(double hours)
{
    return asinh(hours / LINEAR_H);
}

/* The signed outcomes of a line in hours, sorted; those that never started left out. */
static double *
sorted_hours(const struct mir_comparison *c, const struct mir_report_line *line, uint32_t *n)
{
    const struct mir_outcome *outcomes = line->row->outcomes[line->weight];
    uint32_t n_slots = c->n_episodes * c->n_links;
    double *hours = MIR_NEW_ARRAY(double, n_slots);

    *n = 0;
    for (uint32_t i = 0; i < n_slots; i++) {
        if (outcomes[i].start_at != INT64_MAX)
            hours[(*n)++] = (double)mir_outcome_signed_s(&outcomes[i]) / 3600;
    }
    mir_sort(hours, *n);
    return hours;
}

static struct mir_scale common_scale(const struct mir_comparison *c,
                                     const struct mir_report_lines *lines)
{
    double from = -1, to = 1;

    for (size_t i = 0; i < lines->n; i++) {
        uint32_t n;
        double *hours = sorted_hours(c, &lines->lines[i], &n);

        if (n > 0) {
            from = fmin(from, hours[0]);
            to = fmax(to, hours[n - 1]);
        }
        free(hours);
    }
    return (struct mir_scale){squeeze(from * 1.15), squeeze(to * 1.15), LEFT, RIGHT};
}

static void draw_tick(struct mir_str *s, const struct mir_scale *x, double hours, double bottom)
{
    double at = mir_scale_at(x, squeeze(hours));
    char text[32];

    if (fabs(hours) < 1)
        snprintf(text, sizeof text, "%.0f min", fabs(hours) * 60);
    else if (fabs(hours) < 72)
        snprintf(text, sizeof text, "%.0f h", fabs(hours));
    else
        snprintf(text, sizeof text, "%.0f d", fabs(hours) / 24);
    mir_chart_line(s, hours == 0 ? "zero" : "grid", at, TOP - 6, at, bottom);
    mir_chart_text(s, "mid muted num", at, bottom + 17, hours == 0 ? "0" : text);
}

/* Ticks outwards from zero on one side, none closer to the last than its text is wide. */
static void draw_ticks(struct mir_str *s, const struct mir_scale *x, double sign, double bottom)
{
    static const double hours[] = {0.25, 1, 3, 6, 12, 24, 48, 96, 192, 384, 768};
    double last = mir_scale_at(x, 0);

    for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
        double at = mir_scale_at(x, squeeze(sign * hours[i]));

        if (at < x->x0 || at > x->x1)
            break;
        if (fabs(at - last) < 40)
            continue;
        draw_tick(s, x, sign * hours[i], bottom);
        last = at;
    }
}

static void draw_axis(struct mir_str *s, const struct mir_scale *x, double bottom)
{
    double zero = mir_scale_at(x, 0);

    draw_ticks(s, x, -1, bottom);
    draw_ticks(s, x, 1, bottom);
    draw_tick(s, x, 0, bottom);
    mir_chart_text(s, "end muted", zero - 10, TOP - 14, "\xe2\x86\x90 overlap");
    mir_chart_text(s, "muted", zero + 10, TOP - 14, "interruption \xe2\x86\x92");
    mir_chart_text(s, "end muted", MIR_CHART_WIDTH - 8, TOP - 14, "zero");
}

/* Spreads the dots of a strip evenly: van der Corput's sequence in base 2. */
static double spread(uint32_t i)
{
    double at = 0, part = 0.5;

    for (; i != 0; i >>= 1, part /= 2)
        at += (i & 1) * part;
    return at;
}

enum side { OVERLAP, NONE, INTERRUPTION };

static enum side side_of(double hours)
{
    if (hours < 0)
        return OVERLAP;
    return hours * 3600 <= MIR_ZERO_S ? NONE : INTERRUPTION;
}

/* All dots of one side are one path: a dot is a line of no length with round caps. */
static void draw_dots(struct mir_str *s,
                      const struct mir_scale *x,
                      const double *hours,
                      uint32_t n,
                      enum side side,
                      double y)
{
    static const char *const classes[] = {"dot d-over", "dot d-none", "dot d-gap"};
    uint32_t n_dots = n < MAX_DOTS ? n : MAX_DOTS;
    struct mir_str path = {0};

    for (uint32_t i = 0; i < n_dots; i++) {
        double value = hours[(uint64_t)(2 * i + 1) * n / (2 * (uint64_t)n_dots)];

        if (side_of(value) == side) {
            mir_str_addf(&path, "M%.1f %.1fh0", mir_scale_at(x, squeeze(value)),
                         y + spread(i + 1) * STRIP);
        }
    }
    if (path.len > 0)
        mir_str_addf(s, "<path class=\"%s\" d=\"%s\"/>\n", classes[side], path.text);
    mir_str_release(&path);
}

/* p10 to p90 as a line, the median as a diamond: quartiles would hide the tail that matters. */
static void
draw_range(struct mir_str *s, const struct mir_scale *x, double *hours, uint32_t n, double y)
{
    double low = mir_scale_at(x, squeeze(mir_quantile(hours, n, 0.1)));
    double middle = mir_scale_at(x, squeeze(mir_quantile(hours, n, 0.5)));
    double high = mir_scale_at(x, squeeze(mir_quantile(hours, n, 0.9)));

    mir_str_addf(s, "<path class=\"halo\" d=\"M%.1f %.1fH%.1f\"/>\n", low, y, high);
    mir_str_addf(s, "<path class=\"whisker\" d=\"M%.1f %.1fH%.1f\"/>\n", low, y, high);
    mir_str_addf(s, "<path class=\"diamond\" d=\"M%.1f %.1fl5 6l-5 6l-5 -6z\"/>\n", middle, y - 6);
}

static void draw_line(struct mir_str *s,
                      const struct mir_figure_grid *grid,
                      const struct mir_report_line *line,
                      const struct mir_scale *x,
                      double y)
{
    const struct mir_figures *f = mir_figure_grid_get(grid, line->row_index, line->weight, -1);
    uint32_t n;
    double *hours = sorted_hours(grid->comparison, line, &n);
    double middle = y + STRIP / 2;
    char text[64];

    mir_chart_label(s, line->clairvoyant ? "end muted" : "end", LEFT - 14, middle + 4.5,
                    line->label, 33);
    if (n > 0) {
        for (int side = OVERLAP; side <= INTERRUPTION; side++)
            draw_dots(s, x, hours, n, (enum side)side, y);
        draw_range(s, x, hours, n, middle);
    }
    if (f->n_unstarted > 0) {
        snprintf(text, sizeof text, "%u never", f->n_unstarted);
        mir_chart_text(s, "end strong", RIGHT + 64, middle + 4.5, text);
    }
    snprintf(text, sizeof text, "%.0f %%", f->zero_share * 100);
    mir_chart_text(s, "end num", MIR_CHART_WIDTH - 8, middle + 4.5, text);
    free(hours);
}

void mir_chart_outcomes(struct mir_str *s,
                        const struct mir_figure_grid *grid,
                        const struct mir_report_lines *lines)
{
    struct mir_scale x = common_scale(grid->comparison, lines);
    double bottom = TOP + (double)lines->n * ROW;

    mir_chart_open(s, "outcomes", bottom + 26, "Distribution of outcomes per policy",
                   "A strip of dots per policy, a dot per outcome: overlap left of zero, "
                   "interruption right of it. A line from the tenth to the ninetieth percentile, "
                   "a diamond at the median. The percentiles are in the table.");
    draw_axis(s, &x, bottom);
    for (size_t i = 0; i < lines->n; i++)
        draw_line(s, grid, &lines->lines[i], &x, TOP + (double)i * ROW + (ROW - STRIP) / 2);
    mir_chart_close(s);
}
