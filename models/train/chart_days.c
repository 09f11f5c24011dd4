/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chart_days.c - day by day: are promises kept while the queue changes? */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "models/train/chart.h"
#include "traces/replay/chart.h"

enum { DAY_S = 86400, MAX_DAYS = 800 };

static const double LEFT = 64, RIGHT = 944, TOP = 58, PANEL = 118, BETWEEN = 46;

/* Of one day's submissions. */
struct day {
    size_t n, n_known[2][2], n_within[2][2]; /* [p50, p90][plain, calibrated] */
    double wait_h;
};

struct days {
    struct day *list;
    uint32_t n;
    int64_t first_at;
    uint32_t plain, calibrated; /* predictions */
    struct mir_scale x;
};

static const unsigned LEVELS[2] = {MIR_SCORED_P50, MIR_SCORED_P90};

static void add_row(struct days *d, const struct mir_evaluation *e, size_t i)
{
    const struct mir_truth *row = &e->rows[i];
    struct day *day = &d->list[(row->at - d->first_at) / DAY_S];

    day->n++;
    day->wait_h += (double)row->wait_h;
    for (unsigned k = 0; k < 2; k++) {
        for (unsigned c = 0; c < 2; c++) {
            const struct mir_prediction *p = &e->predictions[c == 0 ? d->plain : d->calibrated];
            int within = mir_truth_within(row, (double)p->hours[i * MIR_SCORED_LEVELS + LEVELS[k]]);

            if (within >= 0) {
                day->n_known[k][c]++;
                day->n_within[k][c] += within == 1;
            }
        }
    }
}

static bool days_init(struct days *d, const struct mir_evaluation *e)
{
    int64_t last_at;

    *d = (struct days){.plain = mir_evaluation_best(e, false),
                       .calibrated = mir_evaluation_best(e, true)};
    if (e->n == 0 || d->plain == UINT32_MAX || d->calibrated == UINT32_MAX)
        return false;
    d->first_at = e->rows[0].at / DAY_S * DAY_S;
    last_at = e->rows[e->n - 1].at;
    if (last_at - d->first_at >= (int64_t)MAX_DAYS * DAY_S)
        return false;
    d->n = (uint32_t)((last_at - d->first_at) / DAY_S) + 1;
    d->list = MIR_NEW_ARRAY(struct day, d->n);
    for (size_t i = 0; i < e->n; i++)
        add_row(d, e, i);
    d->x = (struct mir_scale){0, d->n, LEFT, RIGHT};
    return true;
}

static double middle(const struct days *d, uint32_t day)
{
    return mir_scale_at(&d->x, day + 0.5);
}

static void draw_time_axis(struct mir_str *s, const struct days *d, double bottom)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    uint32_t step = d->n / 14 + 1;

    for (uint32_t i = 0; i < d->n; i += step) {
        char at[32], text[32];
        int month;

        mir_format_time(d->first_at + (int64_t)i * DAY_S, at); /* YYYY-MM-DDTHH:MM:SS */
        month = (at[5] - '0') * 10 + (at[6] - '0');
        snprintf(text, sizeof text, "%s%.2s %s", "", at + 8, months[(month + 11) % 12]);
        mir_chart_line(s, "grid", mir_scale_at(&d->x, i), TOP, mir_scale_at(&d->x, i), bottom);
        mir_chart_text(s, "num muted", mir_scale_at(&d->x, i) + 3, bottom + 16, text);
    }
}

static void draw_share(struct mir_str *s,
                       const struct days *d,
                       unsigned level,
                       unsigned calibrated,
                       const struct mir_scale *y)
{
    bool open = false;

    mir_str_addf(s, "<path class=\"k%u\" d=\"", calibrated == 1 ? 0u : 1u);
    for (uint32_t i = 0; i < d->n; i++) {
        size_t known = d->list[i].n_known[level][calibrated];

        if (known == 0)
            continue;
        mir_str_addf(
            s, "%s%.1f %.1f", open ? "L" : "M", middle(d, i),
            mir_scale_at(y, (double)d->list[i].n_within[level][calibrated] / (double)known));
        open = true;
    }
    mir_str_add(s, "\"/>\n");
}

static void draw_level(struct mir_str *s, const struct days *d, unsigned level, double top)
{
    struct mir_scale y = {0, 1, top + PANEL, top};
    double goal = mir_scale_at(&y, mir_scored_levels[LEVELS[level]]);
    char text[64];

    for (int i = 0; i <= 4; i++) {
        snprintf(text, sizeof text, "%d %%", 25 * i);
        mir_chart_line(s, i == 0 ? "zero" : "grid", LEFT, mir_scale_at(&y, 0.25 * i), RIGHT,
                       mir_scale_at(&y, 0.25 * i));
        mir_chart_text(s, "end muted num", LEFT - 8, mir_scale_at(&y, 0.25 * i) + 4, text);
    }
    snprintf(text, sizeof text, "share of waits within p%g",
             100 * mir_scored_levels[LEVELS[level]]);
    mir_chart_text(s, "strong", LEFT, top - 10, text);
    mir_chart_line(s, "limit", LEFT, goal, RIGHT, goal);
    draw_share(s, d, level, 0, &y);
    draw_share(s, d, level, 1, &y);
}

static double largest_wait(const struct days *d)
{
    double largest = 0;

    for (uint32_t i = 0; i < d->n; i++) {
        if (d->list[i].n > 0)
            largest = fmax(largest, d->list[i].wait_h / (double)d->list[i].n);
    }
    return largest > 0 ? largest : 1;
}

static void draw_waits(struct mir_str *s, const struct days *d, double top)
{
    struct mir_scale y = {0, largest_wait(d), top + PANEL, top};
    double step = mir_tick_step(y.to, 4), width = mir_scale_at(&d->x, 1) - LEFT;
    char text[32];

    for (uint32_t i = 0; i < d->n; i++) {
        if (d->list[i].n > 0) {
            double at = mir_scale_at(&y, d->list[i].wait_h / (double)d->list[i].n);

            mir_chart_rect(s, "area", mir_scale_at(&d->x, i) + width * 0.08, at, width * 0.84,
                           y.x0 - at);
        }
    }
    for (double v = 0; v <= y.to * (1 + 1e-9); v += step) {
        snprintf(text, sizeof text, "%g h", v);
        mir_chart_line(s, v <= 0 ? "zero" : "grid", LEFT, mir_scale_at(&y, v), RIGHT,
                       mir_scale_at(&y, v));
        mir_chart_text(s, "end muted num", LEFT - 8, mir_scale_at(&y, v) + 4, text);
    }
    mir_chart_text(s, "strong", LEFT, top - 10, "mean wait of the day's submissions");
}

static void draw_legend(struct mir_str *s, const struct days *d, const struct mir_evaluation *e)
{
    char label[48];

    mir_str_addf(s, "<path class=\"k1\" d=\"M%.1f 14h26\"/>\n", LEFT);
    mir_chart_text(s, "", LEFT + 34, 18, mir_prediction_label(&e->predictions[d->plain], label));
    mir_str_addf(s, "<path class=\"k0\" d=\"M%.1f 14h26\"/>\n", LEFT + 180);
    mir_chart_text(s, "", LEFT + 214, 18,
                   mir_prediction_label(&e->predictions[d->calibrated], label));
    mir_chart_line(s, "limit", LEFT + 400, 14, LEFT + 426, 14);
    mir_chart_text(s, "", LEFT + 434, 18, "promised");
}

void mir_chart_days(struct mir_str *s, const struct mir_evaluation_report *r)
{
    double bottom = TOP + 3 * PANEL + 2 * BETWEEN;
    struct days d;

    if (!days_init(&d, r->e))
        return;
    mir_chart_open(
        s, "days", bottom + 26, "Day by day",
        "Three panels over time, by the day of submission: the share of waits within the "
        "median that was said, the share within the ninetieth percentile, each with its "
        "promise as a dashed line, and below the mean wait.");
    draw_legend(s, &d, r->e);
    draw_time_axis(s, &d, bottom);
    for (unsigned level = 0; level < 2; level++)
        draw_level(s, &d, level, TOP + level * (PANEL + BETWEEN));
    draw_waits(s, &d, TOP + 2 * (PANEL + BETWEEN));
    mir_chart_close(s);
    free(d.list);
}
