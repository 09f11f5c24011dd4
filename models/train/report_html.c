/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_html.c - an evaluation as one HTML page in the style of mirage-replay's.  No
 * script, nothing loaded from elsewhere.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "models/train/chart.h"
#include "models/train/report.h"
#include "traces/replay/chart.h"
#include "traces/replay/report_html.h"
#include "traces/replay/report_parts.h"

/* "2023-02-01 04:00" */
static void add_time(struct mir_str *s, int64_t at)
{
    char text[32];

    mir_format_time(at, text);
    mir_str_addf(s, "%.10s %.5s", text, text + 11);
}

static void add_head(struct mir_str *s)
{
    mir_str_add(s, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<title>Mirage: forecasts of waits, held against what came out</title>\n"
                   "<style>\n");
    mir_html_style(s);
    mir_str_add(s, "</style>\n</head>\n<body>\n");
}

static void add_intro(struct mir_str *s, const struct mir_evaluation_report *r)
{
    mir_str_add(s, "<header>\n<h1>How long will this job wait?</h1>\n"
                   "<p class=\"lead\">A model that has learned from a cluster's past says for a "
                   "job, before it is submitted, how long it would wait: not one number but a "
                   "range, \xe2\x80\x9cwith 90 % certainty at most so long\xe2\x80\x9d. Two things "
                   "are asked of it. The ranges should be <b>narrow</b>, and the promises "
                   "<b>kept</b>: of all waits, 90 % should stay within what was promised with "
                   "90 %. Here it is held against what came out, beside what needs no "
                   "learning.</p>\n<p>It learned from ");
    add_time(s, r->origin->from_at);
    mir_str_add(s, " to ");
    add_time(s, r->origin->to_at);
    mir_str_add(s, " UTC, and was asked about ");
    mir_str_addf(s, "%zu %s from ", r->e->n, r->what);
    add_time(s, r->from_at);
    mir_str_add(s, " to ");
    add_time(s, r->to_at);
    mir_str_add(s, " UTC.</p>\n</header>\n<main>\n");
    if (r->in_sample)
        mir_str_add(s, "<p class=\"warn\"><b>In sample:</b> the model has seen this window. Its "
                       "figures say nothing about what it can foretell.</p>\n");
}

static void add_card(struct mir_str *s, const char *value, const char *what)
{
    mir_str_add(s, "<li><b>");
    mir_html_add(s, value);
    mir_str_add(s, "</b><span>");
    mir_html_add(s, what);
    mir_str_add(s, "</span></li>\n");
}

/* "17.20 h"; "-" where there is nothing to tell. */
static const char *hours(double h, char buf[64])
{
    if (isnan(h))
        return "-";
    snprintf(buf, 64, "%.2f h", h);
    return buf;
}

static const char *percent(double share, char buf[64])
{
    if (isnan(share))
        return "-";
    snprintf(buf, 64, "%.1f %%", 100 * share);
    return buf;
}

/* Of those that need no learning the one with the least mean absolute error. */
static uint32_t best_reference(const struct mir_evaluation *e)
{
    uint32_t best = UINT32_MAX;

    for (uint32_t p = 0; p < e->n_predictions; p++) {
        if (!e->predictions[p].learned && !isnan(e->scores[p][0].mae_h) &&
            (best == UINT32_MAX || e->scores[p][0].mae_h < e->scores[best][0].mae_h))
            best = p;
    }
    return best;
}

/* The result in four numbers. */
static void add_cards(struct mir_str *s, const struct mir_evaluation *e)
{
    uint32_t best = mir_evaluation_best(e, true), reference = best_reference(e);
    char value[64], what[160], label[48];

    if (best == UINT32_MAX)
        return;
    mir_str_add(s, "<ul class=\"cards\">\n");
    snprintf(what, sizeof what, "mean error of the median of %s",
             mir_prediction_label(&e->predictions[best], label));
    add_card(s, hours(e->scores[best][0].mae_h, value), what);
    if (reference != UINT32_MAX) {
        snprintf(what, sizeof what, "that of the best without learning: %s",
                 e->predictions[reference].name);
        add_card(s, hours(e->scores[reference][0].mae_h, value), what);
    }
    add_card(s, percent(e->scores[best][0].coverage[MIR_SCORED_P90], value),
             "of waits stayed within what was promised with 90 %");
    add_card(s, hours(e->mean_wait_h, value), "mean wait: what there was to foretell");
    mir_str_add(s, "</ul>\n");
}

static void open_figure(struct mir_str *s, const char *heading)
{
    mir_str_addf(s, "<h2>%s</h2>\n<figure>\n", heading);
}

static void close_figure(struct mir_str *s, const char *caption)
{
    mir_str_addf(s, "<figcaption>%s</figcaption>\n</figure>\n", caption);
}

static void add_charts(struct mir_str *s, const struct mir_evaluation_report *r)
{
    if (mir_evaluation_best(r->e, false) == UINT32_MAX) {
        mir_str_add(s, "<p class=\"muted\">The model says no quantiles: there is nothing to draw, "
                       "and the table has only what needs no learning.</p>\n");
        return;
    }
    open_figure(s, "Promised and kept");
    mir_chart_reliability(s, r);
    close_figure(s, "A point below the diagonal promises too little time. Calibration moves the "
                    "level that a model is asked for with every wait that ends, by class of "
                    "request; a wait teaches only once it is over. Where many jobs start at "
                    "once, the lowest levels cannot be kept: no wait is shorter than none.");
    open_figure(s, "Said and come out");
    mir_chart_truth(s, r);
    close_figure(s, "The stronger a square, the more submissions (by the logarithm). On the line "
                    "the median was right, between the dashed ones within a factor of two. Waits "
                    "below 10 minutes stand at 10 minutes.");
    open_figure(s, "Day by day");
    mir_chart_days(s, r);
    close_figure(s, "By the day of submission, in UTC. A single day is one state of the queue, so "
                    "its share jumps; what counts is whether the calibrated line comes back.");
    if (r->n_gains == 0)
        return;
    open_figure(s, "What the model looks at");
    mir_chart_gains(s, r);
    close_figure(s, "Each feature's share of what splits on it gained in training. Features that "
                    "tell nearly the same share what they have in common.");
}

/* ---- The table */

static void add_table_head(struct mir_str *s)
{
    mir_str_add(s, "<div class=\"scroll\"><table>\n<thead>\n<tr><th rowspan=\"2\">forecast</th>");
    for (size_t i = 0; i < MIR_N_SCORE_COLUMNS;) {
        size_t n = 0;

        while (i + n < MIR_N_SCORE_COLUMNS &&
               strcmp(MIR_SCORE_COLUMNS[i + n].group, MIR_SCORE_COLUMNS[i].group) == 0)
            n++;
        mir_str_addf(s, "<th colspan=\"%zu\">%s</th>", n, MIR_SCORE_COLUMNS[i].group);
        i += n;
    }
    mir_str_add(s, "</tr>\n<tr>");
    for (size_t i = 0; i < MIR_N_SCORE_COLUMNS; i++)
        mir_str_addf(s, "<th>%s</th>", MIR_SCORE_COLUMNS[i].title);
    mir_str_add(s, "</tr>\n</thead>\n");
}

static void add_line(struct mir_str *s, const struct mir_evaluation *e, uint32_t p, uint32_t class)
{
    char text[48];

    mir_str_add(s, "<tr><th>");
    mir_html_add(s, mir_prediction_label(&e->predictions[p], text));
    mir_str_add(s, "</th>");
    for (size_t i = 0; i < MIR_N_SCORE_COLUMNS; i++) {
        const struct mir_score_column *c = &MIR_SCORE_COLUMNS[i];

        mir_str_addf(s, "<td%s>%s</td>", mir_score_is_best(e, c, p, class) ? " class=\"best\"" : "",
                     mir_score_format(c, mir_score_value(c, &e->scores[p][class]), text));
    }
    mir_str_add(s, "</tr>\n");
}

static void add_table(struct mir_str *s, const struct mir_evaluation *e)
{
    mir_str_add(s, "<h2>All figures</h2>\n<p class=\"muted\">Bold on green: the best of its "
                   "column, for \xe2\x80\x9cwaits within\xe2\x80\x9d the nearest to its "
                   "promise.</p>\n");
    add_table_head(s);
    for (uint32_t c = 0; c < e->n_classes; c++) {
        if (e->classes[c].n == 0)
            continue;
        mir_str_addf(s, "<tbody>\n<tr class=\"part\"><th colspan=\"%d\"><span>",
                     MIR_N_SCORE_COLUMNS + 1);
        mir_html_add(s, e->classes[c].name);
        mir_str_addf(s, ": %zu</span></th></tr>\n", e->classes[c].n);
        for (uint32_t p = 0; p < e->n_predictions; p++)
            add_line(s, e, p, c);
        mir_str_add(s, "</tbody>\n");
    }
    mir_str_add(s, "</table></div>\n");
}

static void add_outcomes(struct mir_str *s, const struct mir_evaluation_report *r)
{
    if (r->n_outcomes == 0)
        return;
    mir_str_add(s,
                "<h2>As the Mirage paper asks</h2>\n<p class=\"muted\">The signed outcome of a "
                "submission (wait less the time that the predecessor still runs), on the "
                "paper\xe2\x80\x99s own kind of samples: seven over each predecessor\xe2\x80\x99s "
                "life.</p>\n<div class=\"scroll\"><table>\n<thead><tr><th>forecast</th>"
                "<th>samples</th><th>mean error, h</th><th>bias, h</th></tr></thead>\n<tbody>\n");
    for (uint32_t i = 0; i < r->n_outcomes; i++) {
        const struct mir_outcome_score *o = &r->outcomes[i];

        mir_str_add(s, "<tr><th>");
        mir_html_add(s, o->name);
        mir_str_addf(s, "</th><td>%zu</td><td>%.3f</td><td>%.3f</td></tr>\n", o->n, o->mae_h,
                     o->bias_h);
    }
    mir_str_add(s, "</tbody>\n</table></div>\n");
}

/* ---- How it was made, and words */

static void add_made_entry(struct mir_str *s, const char *term, const char *text, bool code)
{
    mir_str_addf(s, "<dt>%s</dt><dd>%s", term, code ? "<code>" : "");
    mir_html_add(s, text != NULL ? text : "not recorded");
    mir_str_addf(s, "%s</dd>\n", code ? "</code>" : "");
}

static void add_how_made(struct mir_str *s, const struct mir_evaluation_report *r)
{
    char text[160];

    mir_str_add(s, "<h2>How this was made</h2>\n<div class=\"made\"><dl>\n");
    add_made_entry(s, "command", r->command, true);
    add_made_entry(s, "log", r->log, true);
    if (r->n_nodes > 0) {
        snprintf(text, sizeof text, "%u nodes", r->n_nodes);
        add_made_entry(s, "machine", text, false);
    }
    snprintf(text, sizeof text, "%.100s", r->model);
    add_made_entry(s, "model", text, true);
    if (r->checksum != 0) {
        snprintf(text, sizeof text, "checksum %016" PRIx64 ", %" PRIu64 " labels, seed %" PRIu64,
                 r->checksum, r->origin->n_labels, r->origin->seed);
        add_made_entry(s, "", text, false);
    }
    if (r->leak != NULL)
        add_made_entry(s, "leak check", r->leak, false);
    snprintf(text, sizeof text, "%.1f s", r->wall_s);
    add_made_entry(s, "run time", text, false);
    add_made_entry(s, "version", r->version, false);
    mir_str_add(s, "</dl></div>\n");
}

static const char GLOSSARY[] =
    "<h2>Words</h2>\n<dl>\n"
    "<dt>p50, p90, p95</dt><dd>The wait that is not exceeded with this certainty. p50 is the "
    "median.</dd>\n"
    "<dt>waits within</dt><dd>The share of waits that stayed within it. A promise is kept where "
    "share and level agree.</dd>\n"
    "<dt>pinball loss</dt><dd>What a quantile costs: an hour too short counts with its level, an "
    "hour too long with the rest (p90: 0.9 and 0.1). Less is better; only the true quantile has "
    "the least. Once in hours, and once in t = log(1 + 4 h), where a factor counts alike for short "
    "and long waits.</dd>\n"
    "<dt>MAE</dt><dd>Mean absolute error of the median, in hours.</dd>\n"
    "<dt>x/2</dt><dd>The share of medians within a factor of two of what came out; below 10 "
    "minutes everything counts as 10 minutes.</dd>\n"
    "<dt>forest-q, xgb-q</dt><dd>A forest whose leaves hold quantiles, and boosted trees per "
    "level; both over the same features of the queue.</dd>\n"
    "<dt>mean wait</dt><dd>The mean of the last 100 starts, as the Mirage paper\xe2\x80\x99s "
    "baseline.</dd>\n"
    "<dt>qbets</dt><dd>A 95 % bound on the quantile of recent waits of such jobs (Nurmi, Brevik "
    "and "
    "Wolski).</dd>\n"
    "<dt>slurm plan</dt><dd>When Slurm\xe2\x80\x99s backfill would plan the start if every job ran "
    "to its limit and nobody submitted anything more.</dd>\n"
    "<dt>not known to the end</dt><dd>A submission that had not started where the log ends counts "
    "as too long where its wait so far is beyond what was said, and is left out elsewhere.</dd>\n"
    "</dl>\n";

int mir_evaluation_html(FILE *to, const struct mir_evaluation_report *r, struct mir_error *err)
{
    struct mir_str s = {0};

    add_head(&s);
    add_intro(&s, r);
    add_cards(&s, r->e);
    add_charts(&s, r);
    add_table(&s, r->e);
    add_outcomes(&s, r);
    add_how_made(&s, r);
    mir_str_add(&s, GLOSSARY);
    mir_str_add(&s, "</main>\n<footer>Made by mirage-train.</footer>\n</body>\n</html>\n");
    return mir_report_write(to, &s, err);
}
