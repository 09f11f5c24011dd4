/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chart_fan.c - what a policy saw when it decided: cost against the time of
 * submission, with its band, at two instants of one episode.
 */
#include <math.h>
#include <stdio.h>

#include "daemon/core/parse.h"
#include "traces/replay/chart.h"

static const double LEFT = 52, RIGHT = 940, BETWEEN = 76, TOP = 92, PANEL = 200, JOB_LINE = 19;

/* One decision.  Times are hours after the predecessor's end. */
struct panel {
    const struct mir_fan_scene *scene;
    const struct mir_view_fan *fan;
    struct mir_scale x, y;
    double clairvoyant_h;
};

static double after_end(const struct mir_fan_scene *scene, int64_t at)
{
    return ((double)at - (double)scene->outcome->predecessor_end_at) / 3600;
}

static double greatest_cost(const struct mir_fan_scene *scene)
{
    double greatest = 0.1;

    for (uint32_t i = 0; i < scene->n_fans; i++) {
        for (uint32_t k = 0; k < scene->fans[i]->n_points; k++) {
            greatest = fmax(greatest, scene->fans[i]->points[k].cost_h);
            greatest = fmax(greatest, scene->fans[i]->points[k].cost_p90_h);
        }
    }
    return greatest;
}

/* ---- axes */

/* Hours that people count in. */
static double hour_step(double span)
{
    static const double steps[] = {1.0 / 6, 0.25, 0.5, 1, 2, 3, 6, 12, 24, 48};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (span / steps[i] <= 6)
            return steps[i];
    }
    return mir_tick_step(span, 6);
}

static void draw_times(struct mir_str *s, const struct panel *p)
{
    double step = hour_step(p->x.to - p->x.from);

    /* From the end backwards, so that the labels are whole steps before it. */
    for (double h = floor(p->x.to / step) * step; h >= p->x.from - 1e-9; h -= step) {
        double x = mir_scale_at(&p->x, h);
        char text[32];

        if (fabs(h) < 1e-9)
            snprintf(text, sizeof text, "end");
        else if (step < 1)
            snprintf(text, sizeof text, "%+.0f min", h * 60);
        else
            snprintf(text, sizeof text, "%+g h", h);
        mir_chart_line(s, "grid", x, p->y.x1, x, p->y.x0);
        mir_chart_text(s, "mid muted num", x, p->y.x0 + 17, text);
    }
}

static void draw_costs(struct mir_str *s, const struct panel *p)
{
    double step = mir_tick_step(p->y.to, 5);

    for (double h = 0; h <= p->y.to * (1 + 1e-9); h += step) {
        double y = mir_scale_at(&p->y, h);
        char text[32];

        snprintf(text, sizeof text, "%g h", h);
        mir_chart_line(s, h == 0 ? "zero" : "grid", p->x.x0, y, p->x.x1, y);
        mir_chart_text(s, "end muted num", p->x.x0 - 7, y + 4, text);
    }
}

/* ---- the fan */

static void
add_spot(struct mir_str *s, const struct panel *p, char word, int64_t submit_at, double cost)
{
    mir_str_addf(s, "%c%.1f %.1f", word, mir_scale_at(&p->x, after_end(p->scene, submit_at)),
                 mir_scale_at(&p->y, cost));
}

/* There along the upper quantile, back along the lower; unknown ones are left out. */
static void draw_band(struct mir_str *s, const struct panel *p)
{
    const struct mir_view_fan *fan = p->fan;
    char word = 'M';

    mir_str_add(s, "<path class=\"area\" d=\"M0 0");
    for (uint32_t k = 0; k < fan->n_points; k++) {
        if (isnan(fan->points[k].cost_p90_h) || isnan(fan->points[k].cost_p10_h))
            continue;
        add_spot(s, p, word, fan->points[k].submit_at, fan->points[k].cost_p90_h);
        word = 'L';
    }
    for (uint32_t k = fan->n_points; k-- > 0 && word == 'L';) {
        if (!isnan(fan->points[k].cost_p90_h) && !isnan(fan->points[k].cost_p10_h))
            add_spot(s, p, word, fan->points[k].submit_at, fan->points[k].cost_p10_h);
    }
    mir_str_add(s, "Z\"/>\n");
}

static void draw_mean(struct mir_str *s, const struct panel *p)
{
    char word = 'M';

    mir_str_add(s, "<path class=\"curve\" d=\"M0 0");
    for (uint32_t k = 0; k < p->fan->n_points; k++) {
        if (isnan(p->fan->points[k].cost_h))
            continue;
        add_spot(s, p, word, p->fan->points[k].submit_at, p->fan->points[k].cost_h);
        word = 'L';
    }
    mir_str_add(s, "\"/>\n");
}

static void draw_diamond(struct mir_str *s, double x, double y)
{
    mir_str_addf(s, "<path class=\"diamond\" d=\"M%.1f %.1fl6 6l-6 6l-6 -6z\"/>\n", x, y - 6);
}

static void draw_best(struct mir_str *s, const struct panel *p)
{
    const struct mir_view_fan_point *best = &p->fan->points[p->fan->best];

    if (!isnan(best->cost_h))
        draw_diamond(s, mir_scale_at(&p->x, after_end(p->scene, best->submit_at)),
                     mir_scale_at(&p->y, best->cost_h));
}

static void draw_clairvoyant(struct mir_str *s, const struct panel *p)
{
    double x = mir_scale_at(&p->x, p->clairvoyant_h);

    if (p->clairvoyant_h >= p->x.from && p->clairvoyant_h <= p->x.to)
        mir_chart_line(s, "limit", x, p->y.x1, x, p->y.x0);
}

/* ---- in words */

static const char *format(double hours, char buf[32])
{
    if (isnan(hours))
        return "-";
    snprintf(buf, 32, "%.1f h", hours);
    return buf;
}

static void draw_title(struct mir_str *s, const struct panel *p)
{
    const struct mir_view_fan_point *now = &p->fan->points[0];
    const struct mir_view_fan_point *best = &p->fan->points[p->fan->best];
    bool submits = now->submit_at == p->scene->outcome->submit_at;
    char text[160], now_text[32], best_text[32];

    snprintf(text, sizeof text, "%.1f h before the end: %s", -after_end(p->scene, now->submit_at),
             submits ? "submits" : "waits");
    mir_chart_text(s, "strong", p->x.x0, p->y.x1 - 32, text);
    if (p->fan->best == 0)
        snprintf(text, sizeof text, "now %s, the least; %u futures", format(now->cost_h, now_text),
                 p->fan->n_futures);
    else
        snprintf(text, sizeof text, "now %s, in %.1f h only %s; %u futures",
                 format(now->cost_h, now_text),
                 ((double)best->submit_at - (double)now->submit_at) / 3600,
                 format(best->cost_h, best_text), p->fan->n_futures);
    mir_chart_text(s, "muted", p->x.x0, p->y.x1 - 13, text);
}

static void draw_jobs(struct mir_str *s, const struct panel *p)
{
    double y = p->y.x0 + 46;
    char text[160], effect[32];

    mir_chart_text(s, "muted", p->x.x0, y,
                   p->fan->n_jobs > 0 ? "Its start, if submitted then, hangs on how long"
                                      : "Its start, if submitted then, hangs on no job by itself.");
    for (uint32_t i = 0; i < p->fan->n_jobs; i++) {
        const struct mir_view_fan_job *job = &p->fan->jobs[i];

        snprintf(text, sizeof text, "job %u %s: \xc2\xb1%s%s", job->id,
                 job->is_running ? "runs on" : "will run", format(fabs(job->effect_h), effect),
                 job->effect_h < 0 ? ", the longer the earlier" : "");
        mir_chart_text(s, "", p->x.x0 + 12, y + (i + 1) * JOB_LINE, text);
    }
}

static void draw_legend(struct mir_str *s, const struct mir_fan_scene *scene)
{
    double x = LEFT;

    mir_chart_line(s, "curve", x, 16, x + 22, 16);
    mir_chart_text(s, "", x + 28, 20, "expected cost");
    mir_chart_rect(s, "area", x + 134, 10, 20, 12);
    mir_chart_text(s, "", x + 160, 20, "8 of 10 futures");
    draw_diamond(s, x + 284, 16);
    mir_chart_text(s, "", x + 296, 20, "the least");
    if (scene->clairvoyant_at == INT64_MIN)
        return;
    mir_chart_line(s, "limit", x + 384, 8, x + 384, 24);
    mir_chart_text(s, "", x + 392, 20, "clairvoyant submission");
}

static void draw_panel(struct mir_str *s, const struct panel *p)
{
    draw_band(s, p);
    draw_times(s, p);
    draw_costs(s, p);
    draw_clairvoyant(s, p);
    draw_mean(s, p);
    draw_best(s, p);
    draw_title(s, p);
    draw_jobs(s, p);
}

static struct panel panel_of(const struct mir_fan_scene *scene, uint32_t i, double greatest)
{
    const struct mir_view_fan *fan = scene->fans[i];
    double width = scene->n_fans == 1 ? RIGHT - LEFT : (RIGHT - LEFT - BETWEEN) / 2;
    double left = LEFT + i * (width + BETWEEN);
    double from = after_end(scene, fan->points[0].submit_at);
    double to = after_end(scene, fan->points[fan->n_points - 1].submit_at);

    return (struct panel){
        .scene = scene,
        .fan = fan,
        .x = {from, to > from ? to : from + 1, left, left + width},
        .y = {0, greatest, TOP + PANEL, TOP},
        .clairvoyant_h = scene->clairvoyant_at != INT64_MIN
                             ? after_end(scene, scene->clairvoyant_at)
                             : (double)NAN,
    };
}

static uint32_t most_jobs(const struct mir_fan_scene *scene)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < scene->n_fans; i++)
        n = scene->fans[i]->n_jobs > n ? scene->fans[i]->n_jobs : n;
    return n;
}

void mir_chart_fan(struct mir_str *s, const struct mir_fan_scene *scene)
{
    double greatest = greatest_cost(scene);

    mir_chart_open(s, "fan", TOP + PANEL + 58 + most_jobs(scene) * JOB_LINE,
                   "What the policy saw when it decided",
                   "For one or two decisions the expected cost of a submission, by the time of "
                   "submission in hours after the predecessor's end, with the band of eight in "
                   "ten futures; below, the jobs that decide when the successor would start.");
    draw_legend(s, scene);
    for (uint32_t i = 0; i < scene->n_fans; i++) {
        struct panel p = panel_of(scene, i, greatest);

        draw_panel(s, &p);
    }
    mir_chart_close(s);
}
