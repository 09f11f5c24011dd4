/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chart_cost.c - mean cost per policy, a panel per weight, all on one scale.
 */
#include <math.h>
#include <stdio.h>

#include "traces/replay/chart.h"

enum { PANELS_ABREAST = 3 };

static const double LEFT = 196, RIGHT = 950, BETWEEN = 22, ROW = 26, BAR = 14, TITLE = 50;
static const double VALUE_WIDTH = 44; /* what stands right of the longest whisker */

static double largest_cost(const struct mir_figure_grid *grid, uint32_t n_rows)
{
    double largest = 0;

    for (uint32_t i = 0; i < n_rows; i++) {
        for (uint32_t w = 0; w < grid->comparison->n_weights; w++) {
            const struct mir_figures *f = mir_figure_grid_get(grid, i, w, -1);

            largest = fmax(largest, fmax(f->cost_mean_h, f->cost_high_h));
        }
    }
    return largest > 0 ? largest : 1;
}

static void
draw_bar(struct mir_str *s, const struct mir_scale *x, const struct mir_figures *f, double y)
{
    double zero = mir_scale_at(x, 0), middle = y + BAR / 2;
    double split = mir_scale_at(x, fmin(f->interruption_mean_h, f->cost_mean_h));
    double mean = mir_scale_at(x, f->cost_mean_h), right = mean;
    char text[32];

    if (f->n == 0)
        return;
    mir_chart_rect(s, "c-gap", zero, y, split - zero, BAR);
    mir_chart_rect(s, "c-over", split, y, mean - split, BAR);
    if (!isnan(f->cost_low_h)) {
        double low = mir_scale_at(x, f->cost_low_h);

        right = mir_scale_at(x, f->cost_high_h);
        mir_str_addf(s, "<path class=\"halo\" d=\"M%.1f %.1fH%.1f\"/>\n", low, middle, right);
        mir_str_addf(s, "<path class=\"whisker\" d=\"M%.1f %.1fv8m0-4H%.1fm0-4v8\"/>\n", low,
                     middle - 4, right);
    }
    mir_chart_text(s, "num", fmax(mean, right) + 5, y + 11.5,
                   mir_report_format(&MIR_COST_COLUMN, f->cost_mean_h, text));
}

static void draw_panel(struct mir_str *s,
                       const struct mir_figure_grid *grid,
                       uint32_t weight,
                       const struct mir_scale *x,
                       double top,
                       uint32_t n_rows)
{
    double bottom = top + TITLE + (double)n_rows * ROW;
    double step = mir_tick_step(x->to, 4);
    char text[64];

    snprintf(text, sizeof text, "w = %g", grid->comparison->weights[weight]);
    mir_chart_text(s, "strong", x->x0, top + 16, text);
    for (double h = 0; h <= x->to * (1 + 1e-9); h += step) {
        snprintf(text, sizeof text, h == 0 ? "0" : "%g h", h);
        mir_chart_line(s, h == 0 ? "zero" : "grid", mir_scale_at(x, h), top + TITLE - 8,
                       mir_scale_at(x, h), bottom);
        mir_chart_text(s, "mid muted num", mir_scale_at(x, h), top + TITLE - 13, text);
    }
    for (uint32_t i = 0; i < n_rows; i++)
        draw_bar(s, x, mir_figure_grid_get(grid, i, weight, -1), top + TITLE + (double)i * ROW + 4);
}

/* Panels next to each other share the names at their left. */
static void
draw_names(struct mir_str *s, const struct mir_comparison *c, double top, uint32_t n_rows)
{
    for (uint32_t i = 0; i < n_rows; i++) {
        bool clairvoyant = i == c->n_rows;

        mir_chart_label(s, clairvoyant ? "end muted" : "end", LEFT - 12,
                        top + TITLE + (double)i * ROW + 15.5,
                        clairvoyant ? "clairvoyant" : c->rows[i].policy, 24);
    }
}

static void draw_legend(struct mir_str *s)
{
    mir_chart_rect(s, "c-gap", LEFT, 6, 18, 12);
    mir_chart_text(s, "", LEFT + 25, 16, "mean interruption");
    mir_chart_rect(s, "c-over", LEFT + 170, 6, 18, 12);
    mir_chart_text(s, "", LEFT + 195, 16, "w \xc3\x97 mean overlap");
    mir_chart_line(s, "whisker", LEFT + 340, 12, LEFT + 362, 12);
    mir_chart_text(s, "", LEFT + 369, 16, "95 % interval of the mean");
}

void mir_chart_cost(struct mir_str *s, const struct mir_figure_grid *grid)
{
    const struct mir_comparison *c = grid->comparison;
    uint32_t n_rows = c->n_rows + (c->clairvoyant.outcomes[0] != NULL);
    uint32_t abreast = c->n_weights < PANELS_ABREAST ? c->n_weights : PANELS_ABREAST;
    double width = (RIGHT - LEFT - BETWEEN * (abreast - 1)) / abreast;
    double height = TITLE + (double)n_rows * ROW + 18;
    double largest = largest_cost(grid, n_rows);
    uint32_t n_strips = (c->n_weights + abreast - 1) / abreast;

    mir_chart_open(s, "cost", 28 + height * n_strips, "Mean cost per policy",
                   "Horizontal bars, a panel per weight: mean interruption plus weight times mean "
                   "overlap in hours, with the bootstrap interval as a whisker. Less is better. "
                   "The numbers are in the table.");
    draw_legend(s);
    for (uint32_t w = 0; w < c->n_weights; w++) {
        double left = LEFT + (w % abreast) * (width + BETWEEN);
        double top = 28 + height * (w / abreast);
        struct mir_scale x = {0, largest, left, left + width - VALUE_WIDTH};

        if (w % abreast == 0)
            draw_names(s, c, top, n_rows);
        draw_panel(s, grid, w, &x, top, n_rows);
    }
    mir_chart_close(s);
}
