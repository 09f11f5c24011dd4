/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_html.c - a comparison as one HTML page, for a newcomer first and for
 * a cluster's administrator next.  No script, nothing loaded from elsewhere:
 * it can be mailed, archived and opened from disk.
 */
#include "traces/replay/report_html.h"

#include <math.h>

#include "daemon/core/parse.h"
#include "traces/replay/chart.h"
#include "traces/replay/log_truth.h"
#include "traces/replay/report.h"

/* "8 nodes", "1 node". */
static void add_count(struct mir_str *s, uint64_t n, const char *what)
{
    mir_str_addf(s, "%llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
}

/* "2023-02-01 04:00" */
static void add_time(struct mir_str *s, int64_t at)
{
    char text[32];

    mir_format_time(at, text);
    mir_str_addf(s, "%.10s %.5s", text, text + 11);
}

/* What the bars and whiskers are filled with, once for all charts. */
static void add_patterns(struct mir_str *s)
{
    mir_str_add(
        s, "<svg class=\"defs\" aria-hidden=\"true\" focusable=\"false\"><defs>"
           "<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
           "patternTransform=\"rotate(45)\"><line class=\"p-hatch\" x1=\"0\" y1=\"0\" x2=\"0\" "
           "y2=\"6\"/></pattern>"
           "<pattern id=\"cross\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
           "patternTransform=\"rotate(-45)\"><rect class=\"p-over\" width=\"6\" height=\"6\"/>"
           "<line class=\"p-cross\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\"/></pattern>"
           "<linearGradient id=\"fade\"><stop class=\"f0\" offset=\"0\"/>"
           "<stop class=\"f1\" offset=\"1\"/></linearGradient></defs></svg>\n");
}

static void add_head(struct mir_str *s)
{
    mir_str_add(s, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<title>Mirage replay: policies compared</title>\n<style>\n");
    mir_html_style(s);
    mir_str_add(s, "</style>\n</head>\n<body>\n");
    add_patterns(s);
}

static void add_intro(struct mir_str *s, const struct mir_comparison *c)
{
    char limit[32];

    mir_str_add(s, "<header>\n<h1>When to submit the next job of a chain</h1>\n"
                   "<p class=\"lead\">Work that needs more than a job's time limit runs as a chain "
                   "of jobs, each continuing where its predecessor stopped. The successor has to "
                   "wait in the queue. Submitted too late, it starts late and nothing runs in "
                   "between: an <b>interruption</b>. Submitted too early, it starts while the "
                   "predecessor still runs and takes nodes twice: an <b>overlap</b>. A policy "
                   "decides when to submit. Its <b>cost</b> is interruption + w \xc3\x97 overlap, "
                   "where the weight w says how much an hour of overlap hurts compared with an "
                   "hour of interruption.</p>\n<p>Here ");
    mir_str_addf(s, "%u %s met the same ", c->n_rows, c->n_rows == 1 ? "policy" : "policies");
    add_count(s, c->n_episodes, "start");
    mir_str_add(s, " of a chain (");
    add_count(s, c->chain_nodes, "node");
    mir_str_addf(s, ", %s limit) replayed against a job log from ",
                 mir_report_duration(c->chain_limit_s, limit));
    add_time(s, c->from_at);
    mir_str_add(s, " to ");
    add_time(s, c->to_at);
    mir_str_add(s, " UTC.</p>\n</header>\n<main>\n");
}

static void add_card(struct mir_str *s, const char *class_name, const char *value, const char *what)
{
    mir_str_addf(s, "<li><b class=\"%s\">", class_name);
    mir_html_add(s, value);
    mir_str_add(s, "</b><span>");
    mir_html_add(s, what);
    mir_str_add(s, "</span></li>\n");
}

/* The result in four numbers. */
static void add_cards(struct mir_str *s, const struct mir_figure_grid *grid)
{
    const struct mir_comparison *c = grid->comparison;
    uint32_t row = mir_report_best_row(grid);
    const struct mir_figures *reactive = mir_figure_grid_get(grid, 0, 0, -1);
    const struct mir_figures *best = mir_figure_grid_get(grid, row, 0, -1);
    char value[64], what[160];

    mir_str_add(s, "<ul class=\"cards\">\n");
    snprintf(value, sizeof value, "%.2f h", reactive->interruption_mean_h);
    add_card(s, "", value,
             "mean interruption when the successor is submitted as the predecessor "
             "ends (reactive)");
    snprintf(what, sizeof what, "lowest mean cost at w = %g", c->weights[0]);
    add_card(s, "name", c->rows[row].policy, what);
    snprintf(value, sizeof value, "%.2f h", best->interruption_mean_h);
    snprintf(what, sizeof what, "its mean interruption, bought with %.2f h of overlap",
             best->overlap_mean_h);
    add_card(s, "", value, what);
    mir_report_format(&MIR_GAP_COLUMN, best->gap_closed, value);
    add_card(s, "", value, "of what hindsight would save over reactive, saved by it");
    mir_str_add(s, "</ul>\n");
}

static void add_warnings(struct mir_str *s, const struct mir_figure_grid *grid)
{
    uint32_t n = mir_report_unstarted(grid);

    if (n == 0)
        return;
    mir_str_add(s, "<p class=\"warn\"><b>Note:</b> ");
    add_count(s, n, "successor");
    mir_str_addf(s,
                 " never started within the replay. Each counts as an interruption of %d days; "
                 "none is left out. Means of the policies concerned say more about that than "
                 "about the rest.</p>\n",
                 MIR_UNSTARTED_S / 86400);
}

static void open_figure(struct mir_str *s, const char *heading)
{
    mir_str_addf(s, "<h2>%s</h2>\n<figure>\n", heading);
}

static void close_figure(struct mir_str *s, const char *caption)
{
    mir_str_addf(s, "<figcaption>%s</figcaption>\n</figure>\n", caption);
}

static void add_charts_before_table(struct mir_str *s, const struct mir_figure_grid *grid)
{
    open_figure(s, "One chain, drawn");
    mir_chart_chain(s, grid);
    close_figure(s, "The same moment of the log under several policies; time in hours from the "
                    "predecessor's end. It is a typical one of those that waited long: the median "
                    "of the heavy ones where there are any, else the longest. One chain proves "
                    "nothing; the table below counts them all.");
    open_figure(s, "What it cost on average");
    mir_chart_cost(s, grid);
    close_figure(s, "Shorter is better. Clairvoyant is no policy: it is the best submission time "
                    "in hindsight, so no bar can honestly be much shorter than its.");
}

static void add_charts_after_table(struct mir_str *s,
                                   const struct mir_figure_grid *grid,
                                   const struct mir_report_lines *lines)
{
    open_figure(s, "Every outcome");
    mir_chart_outcomes(s, grid, lines);
    close_figure(s, "A dot is an outcome (200 evenly ranked ones where there are more). The "
                    "diamond is the median, the line spans the 10th to the 90th percentile. On "
                    "the right, the share without interruption (up to 60 s).");
    if (grid->comparison->n_load == 0)
        return;
    open_figure(s, "The window");
    mir_chart_timeline(s, grid->comparison);
    close_figure(s, "The cluster's background load while the chains were submitted, in UTC.");
}

/* The best policy of those that play out futures. */
static bool choose_fan(const struct mir_figure_grid *grid,
                       struct mir_fan_scene *scene,
                       const struct mir_comparison_row **row)
{
    const struct mir_comparison *c = grid->comparison;
    double least = INFINITY;

    for (uint32_t i = 0; i < c->n_rows; i++) {
        double cost_h = mir_figure_grid_get(grid, i, 0, -1)->cost_mean_h;
        struct mir_fan_scene found;

        if (cost_h < least && mir_fan_scene_choose(c, &c->rows[i], &found)) {
            least = cost_h;
            *scene = found;
            *row = &c->rows[i];
        }
    }
    return least < INFINITY;
}

static void add_fan_caption(struct mir_str *s,
                            const struct mir_comparison *c,
                            const struct mir_comparison_row *row,
                            const struct mir_fan_scene *scene)
{
    mir_str_add(s, "<figcaption>What ");
    mir_html_add(s, row->policy);
    mir_str_addf(s, " expected each submission to cost, by its time, at %s (w = %g). ",
                 scene->n_fans > 1 ? "two of its decisions" : "its only decision", c->weights[0]);
    mir_str_addf(s, "It is the episode of the median cost (%.2f h) of %u, begun on ", scene->cost_h,
                 scene->n_episodes);
    add_time(s, c->episode_at[scene->episode]);
    mir_str_addf(s, "; submitted %.1f h before the end",
                 ((double)scene->outcome->predecessor_end_at - (double)scene->outcome->submit_at) /
                     3600);
    if (scene->clairvoyant_at != INT64_MIN)
        mir_str_addf(s, ", where the clairvoyant would have submitted %.1f h before it",
                     ((double)scene->outcome->predecessor_end_at - (double)scene->clairvoyant_at) /
                         3600);
    mir_str_add(s, ". Named are the jobs whose drawn run times go with the start, beyond what "
                   "chance would show, and by how much one deviation of theirs moves it.");
    mir_str_add(s, "</figcaption>\n</figure>\n");
}

static void add_fan(struct mir_str *s, const struct mir_figure_grid *grid)
{
    const struct mir_comparison_row *row = NULL;
    struct mir_fan_scene scene;

    if (!choose_fan(grid, &scene, &row))
        return;
    open_figure(s, "Why it submitted when it did");
    mir_chart_fan(s, &scene);
    add_fan_caption(s, grid->comparison, row, &scene);
}

static void add_made_entry(struct mir_str *s, const char *term, const char *text, bool code)
{
    mir_str_addf(s, "<dt>%s</dt><dd>%s", term, code ? "<code>" : "");
    mir_html_add(s, text != NULL ? text : "not recorded");
    mir_str_addf(s, "%s</dd>\n", code ? "</code>" : "");
}

static void add_model(struct mir_str *s, const struct mir_comparison *c)
{
    char from[32], to[32];
    struct mir_str text = {0};

    if (c->model == NULL)
        return;
    mir_str_addf(&text, "%s, trained on %s, %.10s to %.10s", c->model, c->model_source,
                 mir_format_time(c->model_from_at, from), mir_format_time(c->model_to_at, to));
    add_made_entry(s, "model", text.text, false);
    mir_str_release(&text);
}

static void add_truth(struct mir_str *s, const struct mir_comparison *c)
{
    char parts[64], text[128];

    if (c->truth == 0)
        return;
    snprintf(text, sizeof text, "lookahead was told the truth of: %s.  No forecast.",
             mir_log_truth_format(c->truth, parts));
    add_made_entry(s, "CHEATS", text, false);
}

static void add_how_made(struct mir_str *s, const struct mir_comparison *c)
{
    char text[256], limit[32], every[32], period[32];

    mir_str_add(s, "<h2>How this was made</h2>\n<div class=\"made\"><dl>\n");
    add_made_entry(s, "command", c->command, true);
    add_made_entry(s, "log", c->log_path, true);
    snprintf(text, sizeof text, "%u nodes, scheduler %s, protocol %s", c->cluster_nodes,
             c->scheduler != NULL ? c->scheduler : "?", c->protocol != NULL ? c->protocol : "?");
    add_made_entry(s, "cluster", text, false);
    add_truth(s, c);
    snprintf(text, sizeof text,
             "%u links of %u node%s and %s; one chain every %s, a decision every %s",
             c->n_links + 1, c->chain_nodes, c->chain_nodes == 1 ? "" : "s",
             mir_report_duration(c->chain_limit_s, limit), mir_report_duration(c->every_s, every),
             mir_report_duration(c->period_s, period));
    add_made_entry(s, "chain", text, false);
    add_model(s, c);
    snprintf(text, sizeof text, "%.1f s on the clock, %.1f s of CPU, %llu probes", c->wall_s,
             c->cpu_s, (unsigned long long)c->n_probes);
    add_made_entry(s, "run time", text, false);
    snprintf(text, sizeof text, "%llu", (unsigned long long)c->seed);
    add_made_entry(s, "seed", text, false);
    add_made_entry(s, "version", c->version, false);
    mir_str_add(s, "</dl></div>\n");
}

static void add_policies(struct mir_str *s, const struct mir_comparison *c)
{
    mir_str_add(s, "<h2>The policies</h2>\n<dl>\n");
    for (uint32_t i = 0; i < c->n_rows; i++) {
        mir_str_add(s, "<dt>");
        mir_html_add(s, c->rows[i].policy);
        mir_str_add(s, "</dt><dd>");
        mir_html_add(s, c->rows[i].summary);
        mir_str_add(s, "</dd>\n");
    }
    mir_str_add(s, "<dt>clairvoyant</dt><dd>For each weight the cheapest of all decision instants, "
                   "found by trying every one of them. A bound, not a policy.</dd>\n</dl>\n");
}

static const char GLOSSARY[] =
    "<h2>Words</h2>\n<dl>\n"
    "<dt>chain</dt><dd>Jobs that continue one another: predecessor, successor, its "
    "successor.</dd>\n"
    "<dt>wait</dt><dd>From a job's submission to its start.</dd>\n"
    "<dt>interruption</dt><dd>From the predecessor's end to the successor's start, if that is "
    "later; else zero. Up to 60 s counts as none in the share \xe2\x80\x9czero\xe2\x80\x9d.</dd>\n"
    "<dt>overlap</dt><dd>From the successor's start to the predecessor's end, if that is later; "
    "else zero.</dd>\n"
    "<dt>late</dt><dd>Share of outcomes with any interruption at all.</dd>\n"
    "<dt>w, cost</dt><dd>Cost = interruption + w \xc3\x97 overlap, in hours, averaged over all "
    "outcomes. At w = 1 an hour of overlap is as bad as an hour of interruption.</dd>\n"
    "<dt>p50, p90, p99</dt><dd>Half, nine in ten, ninety-nine in a hundred outcomes had at most "
    "this interruption.</dd>\n"
    "<dt>gap closed</dt><dd>The part of the way from reactive (0 %) to clairvoyant (100 %) in mean "
    "cost. Negative: worse than reactive.</dd>\n"
    "<dt>interval</dt><dd>Small print in the table and whiskers in the chart: the 95 % bootstrap "
    "interval of the mean, 1000 resamples of whole episodes. It takes episodes as independent of "
    "each other; those that start hours apart see the same queue, so the true uncertainty is "
    "somewhat larger.</dd>\n"
    "<dt>load</dt><dd>An outcome's class by its reactive interruption: low up to 2 h, medium up to "
    "12 h, heavy beyond.</dd>\n</dl>\n";

static void add_tables(struct mir_str *s,
                       const struct mir_figure_grid *grid,
                       const struct mir_report_lines *lines)
{
    mir_str_add(s,
                "<h2>All figures</h2>\n<p class=\"muted\">Over every outcome, none dropped. Bold "
                "on green: the best policy of its column. A policy that heeds the weight has a "
                "line for each.</p>\n");
    mir_html_figures(s, grid, lines);
}

static void add_by_load(struct mir_str *s,
                        const struct mir_figure_grid *grid,
                        const struct mir_report_lines *lines)
{
    mir_str_add(s, "<h2>By load</h2>\n<p class=\"muted\">An idle queue needs no policy and a long "
                   "one tests it: the same outcomes, apart by what reactive submission would have "
                   "cost.</p>\n");
    mir_html_by_load(s, grid, lines);
}

static bool is_empty(const struct mir_comparison *c)
{
    return c->n_rows == 0 || c->n_weights == 0 || c->n_episodes == 0 || c->n_links == 0;
}

static void add_page(struct mir_str *s, const struct mir_figure_grid *grid)
{
    const struct mir_comparison *c = grid->comparison;
    struct mir_report_lines lines;

    mir_report_lines_init(&lines, c);
    add_head(s);
    add_intro(s, c);
    if (is_empty(c)) {
        mir_str_add(s, "<p class=\"warn\">There is nothing to show: no episode was run.</p>\n");
    } else {
        add_cards(s, grid);
        add_warnings(s, grid);
        add_charts_before_table(s, grid);
        add_tables(s, grid, &lines);
        add_fan(s, grid);
        add_charts_after_table(s, grid, &lines);
        add_by_load(s, grid, &lines);
        add_policies(s, c);
    }
    add_how_made(s, c);
    mir_str_add(s, GLOSSARY);
    mir_str_add(s, "</main>\n<footer>Made by mirage-replay.</footer>\n</body>\n</html>\n");
    mir_report_lines_release(&lines);
}

int mir_report_html(FILE *to, const struct mir_comparison *c, struct mir_error *err)
{
    struct mir_figure_grid grid;
    struct mir_str s = {0};

    mir_figure_grid_init(&grid, c);
    add_page(&s, &grid);
    mir_figure_grid_release(&grid);
    return mir_report_write(to, &s, err);
}
