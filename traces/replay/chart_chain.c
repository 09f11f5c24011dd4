/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chart_chain.c - what an interruption is, drawn: one link of one episode
 * under reactive, a middling policy, the best one, and in hindsight.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "traces/replay/chart.h"

enum { MAX_SHOWN = 4 };

static const double LEFT = 196, RIGHT = 940, TOP = 64, LANE = 17, BLOCK = 66;

struct shown {
    const struct mir_outcome *outcome;
    const char *role;
    char label[64];
};

struct picture {
    struct shown shown[MAX_SHOWN];
    size_t n;
    struct mir_scale x; /* hours after the predecessor's end */
};

struct ranked {
    double value;
    uint32_t index;
};

static int compare_ranked(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/*
 * The outcome to draw: among the heavy ones the one with the median reactive
 * interruption, else the largest; one that never started cannot be drawn to scale.
 */
static uint32_t pick_slot(const struct mir_comparison *c)
{
    uint32_t n_slots = c->n_episodes * c->n_links, n_heavy = 0, slot = 0;
    struct ranked *heavy = MIR_NEW_ARRAY(struct ranked, n_slots);
    int64_t largest_s = INT64_MIN;

    for (uint32_t i = 0; i < n_slots; i++) {
        const struct mir_outcome *o = &c->rows[0].outcomes[0][i];
        int64_t d = mir_outcome_signed_s(o);

        if (o->start_at == INT64_MAX)
            continue;
        if (d > largest_s) {
            largest_s = d;
            slot = i;
        }
        if (mir_comparison_load(c, i) == MIR_LOAD_HEAVY)
            heavy[n_heavy++] = (struct ranked){(double)d, i};
    }
    if (n_heavy > 0) {
        qsort(heavy, n_heavy, sizeof *heavy, compare_ranked);
        slot = heavy[n_heavy / 2].index;
    }
    free(heavy);
    return slot;
}

/* The policy in the middle by mean cost, reactive and the best set apart; 0 when there is none. */
static uint32_t pick_middle(const struct mir_figure_grid *grid, uint32_t best)
{
    const struct mir_comparison *c = grid->comparison;
    struct ranked *rows = MIR_NEW_ARRAY(struct ranked, c->n_rows);
    uint32_t n = 0, middle;

    for (uint32_t i = 1; i < c->n_rows; i++) {
        if (i != best)
            rows[n++] = (struct ranked){mir_figure_grid_get(grid, i, 0, -1)->cost_mean_h, i};
    }
    qsort(rows, n, sizeof *rows, compare_ranked);
    middle = n > 0 ? rows[n / 2].index : 0;
    free(rows);
    return middle;
}

/* Of a later link the predecessor itself may never have started: there is no bar to draw then. */
static bool is_drawable(const struct mir_outcome *o)
{
    return o->predecessor_start_at <= o->predecessor_end_at &&
           o->predecessor_start_at > INT64_MIN && o->submit_at >= o->predecessor_start_at &&
           o->submit_at < INT64_MAX && o->predecessor_end_at < INT64_MAX;
}

static void show(struct picture *p,
                 const struct mir_comparison *c,
                 const struct mir_comparison_row *row,
                 uint32_t slot,
                 const char *role)
{
    const struct mir_outcome *o = &row->outcomes[0][slot];
    struct shown *shown;

    if (!is_drawable(o))
        return;
    shown = &p->shown[p->n++];
    shown->outcome = o;
    shown->role = role;
    snprintf(shown->label, sizeof shown->label, "%s",
             row == &c->clairvoyant ? "clairvoyant" : row->policy);
}

static double hours_after_end(const struct mir_outcome *o, int64_t at)
{
    return ((double)at - (double)o->predecessor_end_at) / 3600;
}

static void choose(struct picture *p, const struct mir_figure_grid *grid)
{
    const struct mir_comparison *c = grid->comparison;
    uint32_t slot = pick_slot(c), best = mir_report_best_row(grid);
    uint32_t middle = pick_middle(grid, best);

    show(p, c, &c->rows[0], slot, "submits at the end");
    if (middle != 0)
        show(p, c, &c->rows[middle], slot, "in the middle on average");
    if (best != 0)
        show(p, c, &c->rows[best], slot, "the best on average");
    if (c->clairvoyant.outcomes[0] != NULL)
        show(p, c, &c->clairvoyant, slot, "the best in hindsight");
}

static void set_scale(struct picture *p)
{
    double from = -1, to = 1;

    for (size_t i = 0; i < p->n; i++) {
        const struct mir_outcome *o = p->shown[i].outcome;

        from = fmin(from, hours_after_end(o, o->predecessor_start_at));
        from = fmin(from, hours_after_end(o, o->submit_at));
        if (o->start_at != INT64_MAX)
            to = fmax(to, hours_after_end(o, o->start_at));
    }
    /* Room for the successor's bar, and beside the end for what is said of it. */
    to = fmax(to * 1.15, to + 0.22 * (to - from));
    p->x = (struct mir_scale){from, to, LEFT, RIGHT};
}

static void draw_legend(struct mir_str *s)
{
    static const struct {
        const char *class_name, *text;
    } entries[] = {
        {"c-pred", "predecessor runs"},  {"c-wait", "successor waits in the queue"},
        {"c-succ", "successor runs"},    {"c-gap", "interruption: nothing runs"},
        {"c-over", "overlap: both run"},
    };
    static const double widths[] = {142, 206, 128, 196, 130};
    double x = 10;

    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        mir_chart_rect(s, entries[i].class_name, x, 8, 18, 12);
        mir_chart_text(s, "", x + 25, 18, entries[i].text);
        x += widths[i] + 26;
    }
}

/* Hour ticks that people count in: parts and multiples of a day. */
static double hour_step(double span, int n)
{
    static const double steps[] = {0.25, 0.5, 1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (span / steps[i] <= n)
            return steps[i];
    }
    return mir_tick_step(span, n);
}

static void draw_axis(struct mir_str *s, const struct mir_scale *x, double bottom)
{
    double step = hour_step(x->to - x->from, 12);
    double end = mir_scale_at(x, 0);

    for (double h = ceil(x->from / step) * step; h <= x->to; h += step) {
        char text[32];

        snprintf(text, sizeof text, fabs(h) < 1e-9 ? "0" : "%+g h", h);
        mir_chart_line(s, "grid", mir_scale_at(x, h), TOP - 8, mir_scale_at(x, h), bottom);
        mir_chart_text(s, "mid muted num", mir_scale_at(x, h), bottom + 17, text);
    }
    mir_chart_line(s, "zero", end, TOP - 12, end, bottom);
    mir_chart_text(s, "mid strong", end, TOP - 17, "predecessor ends");
}

/* Bars end at the right edge; one that goes on beyond it fades out. */
static void draw_successor(struct mir_str *s, const struct picture *p, double from, double y)
{
    double x = mir_scale_at(&p->x, from);

    mir_chart_rect(s, "c-succ", x, y, fmax(RIGHT - x - 24, 2), LANE);
    mir_chart_rect(s, "fade", fmax(RIGHT - 24, x + 2), y, 24, LANE);
}

static void draw_interruption(struct mir_str *s, const struct picture *p, double hours, double y)
{
    double end = mir_scale_at(&p->x, 0), until = fmin(mir_scale_at(&p->x, hours), RIGHT);
    char text[64];

    snprintf(text, sizeof text, "interruption %.1f h", hours);
    mir_chart_rect(s, "c-gap", end, y, fmax(until - end, 1.5), LANE);
    if (until - end > 130)
        mir_chart_text(s, "mid on-gap strong", (end + until) / 2, y + 12.5, text);
    else
        mir_chart_text(s, "strong", until + 6, y + 12.5, text);
}

static void draw_overlap(struct mir_str *s, const struct picture *p, double hours, double y)
{
    double start = mir_scale_at(&p->x, -hours), end = mir_scale_at(&p->x, 0);
    char text[64];

    snprintf(text, sizeof text, "overlap %.1f h", hours);
    mir_chart_rect(s, "c-over", start, y, fmax(end - start, 1.5), LANE);
    mir_chart_text(s, "strong", end + 6, y - LANE - 3 + 12.5, text);
}

static void draw_submission(struct mir_str *s, const struct picture *p, double hours, double y)
{
    double x = mir_scale_at(&p->x, hours);
    char text[64];

    mir_str_addf(s, "<path class=\"ink\" d=\"M%.1f %.1fl-4 -6h8z\"/>\n", x, y - 0.5);
    if (hours < -1.0 / 60)
        snprintf(text, sizeof text, "submitted %.1f h before", -hours);
    else
        snprintf(text, sizeof text, "submitted at the end");
    if (x - LEFT > 160)
        mir_chart_text(s, "end muted", x - 6, y + 12.5, text);
}

/* Upper lane: the predecessor and the gap after it.  Lower lane: the successor. */
static void draw_shown(struct mir_str *s, const struct picture *p, size_t i)
{
    const struct mir_outcome *o = p->shown[i].outcome;
    double upper = TOP + (double)i * BLOCK + 8, lower = upper + LANE + 3;
    double begin = mir_scale_at(&p->x, hours_after_end(o, o->predecessor_start_at));
    double end = mir_scale_at(&p->x, 0), submit_h = hours_after_end(o, o->submit_at);
    double d = o->start_at == INT64_MAX ? p->x.to : hours_after_end(o, o->start_at);
    double submit = mir_scale_at(&p->x, submit_h);

    mir_chart_label(s, "strong", 10, upper + 13, p->shown[i].label, 25);
    mir_chart_text(s, "muted", 10, upper + 31, p->shown[i].role);
    mir_chart_rect(s, "c-pred", begin, upper, end - begin, LANE);
    mir_chart_rect(s, "c-wait", submit, lower, mir_scale_at(&p->x, d) - submit, LANE);
    if (o->start_at == INT64_MAX) {
        mir_chart_rect(s, "c-gap", end, upper, RIGHT - end, LANE);
        mir_chart_text(s, "mid on-gap strong", (end + RIGHT) / 2, upper + 12.5, "never started");
    } else {
        draw_successor(s, p, d, lower);
        if (d > MIR_ZERO_S / 3600.0)
            draw_interruption(s, p, d, upper);
        else if (d < -1.0 / 60)
            draw_overlap(s, p, -d, lower);
        else
            mir_chart_text(s, "strong", end + 6, upper + 12.5, "no interruption");
    }
    draw_submission(s, p, submit_h, lower);
}

void mir_chart_chain(struct mir_str *s, const struct mir_figure_grid *grid)
{
    struct picture p = {0};
    double bottom;

    choose(&p, grid);
    set_scale(&p);
    bottom = TOP + (double)p.n * BLOCK;
    mir_chart_open(s, "chain", bottom + 28, "One chain, drawn as bars",
                   "Per policy two bars on a time axis that is zero where the predecessor ends: "
                   "above, the predecessor and the interruption after it; below, the successor "
                   "waiting in the queue and then running.");
    draw_axis(s, &p.x, bottom);
    draw_legend(s);
    for (size_t i = 0; i < p.n; i++)
        draw_shown(s, &p, i);
    mir_chart_close(s);
}
