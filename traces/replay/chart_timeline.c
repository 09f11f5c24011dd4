/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chart_timeline.c - the window that was replayed: nodes in use, jobs pending,
 * waits, and what each episode came to under reactive submission.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "traces/replay/chart.h"

enum { MAX_POINTS = 800, N_PANELS = 3 }; /* one point a pixel and no more */

static const double LEFT = 64, RIGHT = 944, TOP = 30, PANEL = 96, BETWEEN = 38;

/* The mean of a stretch of the timeline. */
struct bin {
    double at;
    double value[N_PANELS]; /* nodes, pending jobs, mean wait in hours */
};

struct timeline {
    struct bin *bins;
    uint32_t n;
    struct mir_scale x;
};

static struct bin mean_of(const struct mir_load_point *points, uint32_t n)
{
    struct bin bin = {0};

    for (uint32_t i = 0; i < n; i++) {
        bin.at += ((double)points[i].at - (double)points[0].at) / n;
        bin.value[0] += (double)points[i].n_nodes_used / n;
        bin.value[1] += (double)points[i].n_pending / n;
        bin.value[2] += (double)points[i].mean_wait_h / n;
    }
    bin.at += (double)points[0].at;
    return bin;
}

static void timeline_init(struct timeline *t, const struct mir_comparison *c)
{
    t->n = c->n_load < MAX_POINTS ? c->n_load : MAX_POINTS;
    t->bins = MIR_NEW_ARRAY(struct bin, t->n);
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t from = (uint32_t)((uint64_t)i * c->n_load / t->n);
        uint32_t to = (uint32_t)((uint64_t)(i + 1) * c->n_load / t->n);

        t->bins[i] = mean_of(&c->load[from], to - from);
    }
    t->x =
        (struct mir_scale){(double)c->load[0].at, (double)c->load[c->n_load - 1].at, LEFT, RIGHT};
}

static void date_parts(int64_t at, int *month, int *day, char clock[8])
{
    char text[32];

    mir_format_time(at, text); /* YYYY-MM-DDTHH:MM:SS */
    *month = (text[5] - '0') * 10 + (text[6] - '0');
    *day = (text[8] - '0') * 10 + (text[9] - '0');
    snprintf(clock, 8, "%.5s", text + 11);
}

static void draw_time_tick(struct mir_str *s, const struct timeline *t, int64_t at, double bottom)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    double x = mir_scale_at(&t->x, (double)at);
    char clock[8], text[32];
    int month, day;

    date_parts(at, &month, &day, clock);
    if (at % 86400 == 0)
        snprintf(text, sizeof text, "%d %s", day, months[(month + 11) % 12]);
    else
        snprintf(text, sizeof text, "%s", clock);
    mir_chart_line(s, "grid", x, TOP, x, bottom);
    mir_chart_text(s, x > RIGHT - 14 ? "end muted num" : "mid muted num", x, bottom + 18, text);
}

/* Ticks on whole hours, days, Mondays; above half a year on the first of months. */
static void draw_time_axis(struct mir_str *s, const struct timeline *t, double bottom)
{
    static const int64_t steps_h[] = {1, 3, 6, 12, 24, 48, 96, 168, 336};
    const int64_t day = 86400, monday = 4 * day; /* the epoch was a Thursday */
    int64_t from = (int64_t)t->x.from, to = (int64_t)t->x.to, step = 0;
    int64_t n_months = (to - from) / (30 * day), month_stride = n_months / 12 + 1;

    for (size_t i = 0; i < sizeof steps_h / sizeof *steps_h && step == 0; i++) {
        if ((to - from) / (steps_h[i] * 3600) <= 13)
            step = steps_h[i] * 3600;
    }
    if (step != 0) {
        int64_t origin = step > day ? monday : 0;

        for (int64_t at = from + (step - (from - origin) % step) % step; at <= to; at += step)
            draw_time_tick(s, t, at, bottom);
        return;
    }
    for (int64_t at = from + (day - from % day) % day; at <= to; at += day) {
        char clock[8];
        int month, of_month;

        date_parts(at, &month, &of_month, clock);
        if (of_month == 1 && (month - 1) % month_stride == 0)
            draw_time_tick(s, t, at, bottom);
    }
}

static struct mir_scale panel_scale(size_t panel, double largest)
{
    double bottom = TOP + (double)(panel + 1) * PANEL + (double)panel * BETWEEN;

    return (struct mir_scale){0, largest > 0 ? largest : 1, bottom, bottom - PANEL};
}

static double largest_value(const struct timeline *t, size_t panel)
{
    double largest = 0;

    for (uint32_t i = 0; i < t->n; i++)
        largest = fmax(largest, t->bins[i].value[panel]);
    return largest;
}

static void draw_panel_frame(struct mir_str *s, const struct mir_scale *y, const char *title)
{
    double step = mir_tick_step(y->to, 4);

    for (double v = 0; v <= y->to * (1 + 1e-9); v += step) {
        double at = mir_scale_at(y, v);
        char text[32];

        snprintf(text, sizeof text, "%g", v);
        mir_chart_line(s, v == 0 ? "zero" : "grid", LEFT, at, RIGHT, at);
        mir_chart_text(s, "end muted num", LEFT - 8, at + 4, text);
    }
    mir_chart_text(s, "strong", LEFT, y->x1 - 9, title);
}

static void draw_curve(struct mir_str *s,
                       const struct timeline *t,
                       size_t panel,
                       const struct mir_scale *y,
                       const char *class_name,
                       bool filled)
{
    mir_str_addf(s, "<path class=\"%s\" d=\"", class_name);
    if (filled)
        mir_str_addf(s, "M%.1f %.1f", mir_scale_at(&t->x, t->bins[0].at), y->x0);
    for (uint32_t i = 0; i < t->n; i++) {
        mir_str_addf(s, "%s%.1f %.1f", i == 0 && !filled ? "M" : "L",
                     mir_scale_at(&t->x, t->bins[i].at), mir_scale_at(y, t->bins[i].value[panel]));
    }
    if (filled)
        mir_str_addf(s, "V%.1fZ", y->x0);
    mir_str_add(s, "\"/>\n");
}

/* Outcomes of an episode: the worst of its links. */
static int64_t reactive_s(const struct mir_comparison *c, uint32_t episode)
{
    int64_t worst = 0;

    for (uint32_t slot = episode * c->n_links; slot < (episode + 1) * c->n_links; slot++) {
        int64_t d = mir_outcome_signed_s(&c->rows[0].outcomes[0][slot]);

        worst = d > worst ? d : worst;
    }
    return worst;
}

/* Where there are more episodes than pixels, the worst of each stretch: peaks are looked for. */
static uint32_t worst_episode(const struct mir_comparison *c, uint32_t from, uint32_t to)
{
    uint32_t worst = from;

    for (uint32_t e = from; e < to; e++) {
        if (reactive_s(c, e) > reactive_s(c, worst))
            worst = e;
    }
    return worst;
}

/* An episode that never went on (30 days) would flatten all others: it stands at the top. */
static double largest_reactive_h(const struct mir_comparison *c)
{
    double largest = 0;

    for (uint32_t e = 0; e < c->n_episodes; e++) {
        int64_t d = reactive_s(c, e);

        if (d < MIR_UNSTARTED_S)
            largest = fmax(largest, (double)d / 3600);
    }
    return largest;
}

static void draw_episodes(struct mir_str *s,
                          const struct mir_comparison *c,
                          const struct timeline *t,
                          const struct mir_scale *y)
{
    uint32_t n = c->n_episodes < MAX_POINTS ? c->n_episodes : MAX_POINTS;

    mir_str_add(s, "<path class=\"dot d-gap\" d=\"M0 0");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t e = worst_episode(c, (uint32_t)((uint64_t)i * c->n_episodes / n),
                                   (uint32_t)((uint64_t)(i + 1) * c->n_episodes / n));
        double h = fmin((double)reactive_s(c, e) / 3600, y->to);
        double at = (double)c->episode_at[e];

        if (at >= t->x.from && at <= t->x.to)
            mir_str_addf(s, "M%.1f %.1fh0", mir_scale_at(&t->x, at), mir_scale_at(y, h));
    }
    mir_str_add(s, "\"/>\n");
}

static void draw_nodes(struct mir_str *s, const struct mir_comparison *c, const struct timeline *t)
{
    struct mir_scale y = panel_scale(0, fmax(largest_value(t, 0), c->cluster_nodes));
    double capacity = mir_scale_at(&y, c->cluster_nodes);

    draw_curve(s, t, 0, &y, "area", true);
    draw_panel_frame(s, &y, "nodes in use");
    if (c->cluster_nodes > 0) {
        char text[64];

        snprintf(text, sizeof text, "all %u nodes", c->cluster_nodes);
        mir_chart_line(s, "limit", LEFT, capacity, RIGHT, capacity);
        mir_chart_text(s, "end muted", RIGHT, capacity - 5, text);
    }
}

static void draw_waits(struct mir_str *s, const struct mir_comparison *c, const struct timeline *t)
{
    struct mir_scale y = panel_scale(2, fmax(largest_value(t, 2), largest_reactive_h(c)));
    double legend = y.x1 - 13;

    draw_panel_frame(s, &y, "hours");
    draw_curve(s, t, 2, &y, "curve", false);
    draw_episodes(s, c, t, &y);
    mir_chart_line(s, "curve", LEFT + 64, legend, LEFT + 86, legend);
    mir_chart_text(s, "", LEFT + 92, legend + 4, "mean wait of the last 100 jobs that started");
    mir_str_addf(s, "<path class=\"dot d-gap\" d=\"M%.1f %.1fh0\"/>\n", LEFT + 400, legend);
    mir_chart_text(s, "", LEFT + 410, legend + 4,
                   "an episode: its interruption if submitted reactively");
}

void mir_chart_timeline(struct mir_str *s, const struct mir_comparison *c)
{
    double bottom = TOP + N_PANELS * PANEL + (N_PANELS - 1) * BETWEEN;
    struct timeline t;
    struct mir_scale y;

    if (c->n_load == 0 || c->load == NULL)
        return;
    timeline_init(&t, c);
    mir_chart_open(s, "timeline", bottom + 28, "Load and waits over the window",
                   "Three panels over time: nodes in use, jobs pending, and below the mean wait of "
                   "recent starts as a line with each episode's reactive interruption as a dot.");
    draw_time_axis(s, &t, bottom);
    draw_nodes(s, c, &t);
    y = panel_scale(1, largest_value(&t, 1));
    draw_curve(s, &t, 1, &y, "area a2", true);
    draw_panel_frame(s, &y, "jobs pending");
    draw_waits(s, c, &t);
    mir_chart_close(s);
    free(t.bins);
}
