/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_table.c - a comparison for the terminal, plain ASCII: what came out,
 * what it cost, then both in short by load class.
 */
#include <math.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "traces/replay/log_truth.h"
#include "traces/replay/report.h"
#include "traces/replay/report_parts.h"

static const char BOLD[] = "\033[1m", DIM[] = "\033[2m", PLAIN[] = "\033[0m";

/* Percentages of the outcome table; "late" is left to the other reports. */
enum { N_SHOWN_COLUMNS = 6 };

struct table {
    struct mir_str s;
    const struct mir_comparison *c;
    struct mir_figure_grid grid;
    struct mir_report_lines lines;
    int label_width;
    bool colour;
};

static void add_rule(struct table *t, const char *title)
{
    mir_str_addf(&t->s, "\n%s%s%s\n", t->colour ? BOLD : "", title, t->colour ? PLAIN : "");
}

/* Right-aligned; the best one bold, or with a star where there is no colour. */
static void add_cell(struct table *t, const char *text, int width, bool best)
{
    if (best && t->colour)
        mir_str_addf(&t->s, "%s%*s%s ", BOLD, width, text, PLAIN);
    else
        mir_str_addf(&t->s, "%*s%c", width, text, best ? '*' : ' ');
}

/* The best one of a column stands among its policies; the clairvoyant is no policy. */
static void add_value(struct table *t,
                      const struct mir_report_line *line,
                      const struct mir_report_column *column,
                      int weight,
                      int load,
                      int width)
{
    uint32_t w = weight < 0 ? line->weight : (uint32_t)weight;
    double value =
        mir_report_value(column, mir_figure_grid_get(&t->grid, line->row_index, w, load));
    double best = mir_report_best(&t->grid, &t->lines, column, weight, load);
    char text[32];

    add_cell(t, mir_report_format(column, value, text), width,
             !line->clairvoyant && mir_report_is_best(column, value, best));
}

/* End a line without blanks at its end. */
static void end_line(struct table *t)
{
    while (t->s.len > 0 && t->s.text[t->s.len - 1] == ' ')
        t->s.text[--t->s.len] = '\0';
    mir_str_add(&t->s, "\n");
}

/* Labels are as long as policy specs are: as wide as needed, within reason. */
static int label_width(const struct mir_report_lines *lines)
{
    size_t width = 14;

    for (size_t i = 0; i < lines->n; i++) {
        size_t len = strlen(lines->lines[i].label);

        width = len > width ? len : width;
    }
    return (int)(width > 40 ? 40 : width);
}

static void add_label(struct table *t, const char *label, bool clairvoyant)
{
    bool dim = clairvoyant && t->colour;

    if (strlen(label) > (size_t)t->label_width) {
        mir_str_addf(&t->s, "%.*s...", t->label_width - 3, label);
        return;
    }
    mir_str_addf(&t->s, "%s%-*s%s", dim ? DIM : "", t->label_width, label, dim ? PLAIN : "");
}

/* Whose line is it, and of all that share the policy the first? */
static bool is_first_of_row(const struct mir_report_lines *lines, size_t i)
{
    return i == 0 || lines->lines[i - 1].row_index != lines->lines[i].row_index;
}

static const char *policy_name(const struct mir_report_line *line)
{
    return line->clairvoyant ? "clairvoyant" : line->row->policy;
}

static void add_unstarted(struct table *t, const struct mir_report_line *line)
{
    uint32_t n = mir_figure_grid_get(&t->grid, line->row_index, line->weight, -1)->n_unstarted;

    if (n > 0)
        mir_str_addf(&t->s, " (%u never started)", n);
}

static void add_outcomes(struct table *t)
{
    add_rule(t, "What came out (hours)");
    mir_str_addf(&t->s, "%-*s  ------ interruption ------- overlap\n", t->label_width, "");
    add_label(t, "policy", false);
    for (size_t i = 0; i < N_SHOWN_COLUMNS; i++)
        add_cell(t, MIR_OUTCOME_COLUMNS[i].title, 7, false);
    end_line(t);
    for (size_t i = 0; i < t->lines.n; i++) {
        const struct mir_report_line *line = &t->lines.lines[i];

        add_label(t, line->label, line->clairvoyant);
        for (size_t k = 0; k < N_SHOWN_COLUMNS; k++)
            add_value(t, line, &MIR_OUTCOME_COLUMNS[k], -1, -1, 7);
        add_unstarted(t, line);
        end_line(t);
    }
}

/* An interval of no width says nothing: reactive closes nothing of its own gap. */
static void add_interval(struct table *t, const char *text, double low, double high)
{
    mir_str_addf(&t->s, "%-16s", low < high ? text : "");
}

static void add_cost(struct table *t, const struct mir_report_line *line, uint32_t w)
{
    const struct mir_figures *f = mir_figure_grid_get(&t->grid, line->row_index, w, -1);
    char text[64];

    add_value(t, line, &MIR_COST_COLUMN, (int)w, -1, 7);
    snprintf(text, sizeof text, "[%.2f, %.2f]", f->cost_low_h, f->cost_high_h);
    add_interval(t, text, f->cost_low_h, f->cost_high_h);
}

static void add_gap(struct table *t, const struct mir_report_line *line, uint32_t w)
{
    const struct mir_figures *f = mir_figure_grid_get(&t->grid, line->row_index, w, -1);
    char low[32], high[32], text[72];

    add_value(t, line, &MIR_GAP_COLUMN, (int)w, -1, 7);
    mir_report_format(&MIR_GAP_COLUMN, f->gap_low, low);
    mir_report_format(&MIR_GAP_COLUMN, f->gap_high, high);
    low[strcspn(low, " ")] = '\0'; /* "[76, 90 %]" */
    snprintf(text, sizeof text, "[%s, %s]", low, high);
    add_interval(t, text, f->gap_low, f->gap_high);
}

typedef void (*add_weight_f)(struct table *t, const struct mir_report_line *line, uint32_t w);

/* A policy that heeds the weight needs one line here: each column has its own weight. */
static void add_weight_table(struct table *t, uint32_t from, uint32_t to, add_weight_f add)
{
    char text[32];

    mir_str_add(&t->s, "\n");
    add_label(t, "policy", false);
    for (uint32_t w = from; w < to; w++) {
        snprintf(text, sizeof text, "w=%g", t->c->weights[w]);
        mir_str_addf(&t->s, "%7s %-16s", text, "[95 %]");
    }
    end_line(t);
    for (size_t i = 0; i < t->lines.n; i++) {
        struct mir_report_line line = t->lines.lines[i];

        if (!is_first_of_row(&t->lines, i))
            continue;
        add_label(t, policy_name(&line), line.clairvoyant);
        for (uint32_t w = from; w < to; w++)
            add(t, &line, w);
        end_line(t);
    }
}

/* Three weights fit a terminal. */
static void add_by_weight(struct table *t, const char *title, add_weight_f add)
{
    add_rule(t, title);
    for (uint32_t w = 0; w < t->c->n_weights; w += 3)
        add_weight_table(t, w, w + 3 < t->c->n_weights ? w + 3 : t->c->n_weights, add);
}

static void add_difference(struct table *t,
                           const struct mir_report_line *line,
                           const struct mir_comparison_row *against,
                           uint32_t w)
{
    struct mir_cost_difference d;
    char text[64];

    mir_comparison_difference(t->c, line->row, against, w, &d);
    snprintf(text, sizeof text, "%+.2f", d.mean_h);
    add_cell(t, text, 7, false);
    snprintf(text, sizeof text, "[%+.2f, %+.2f]", d.low_h, d.high_h);
    add_interval(t, text, d.low_h, d.high_h);
}

static void add_against_reactive(struct table *t, const struct mir_report_line *line, uint32_t w)
{
    add_difference(t, line, &t->c->rows[0], w);
}

static void add_against_alone(struct table *t, const struct mir_report_line *line, uint32_t w)
{
    if (line->row->alone_row > 0)
        add_difference(t, line, &t->c->rows[line->row->alone_row], w);
    else
        mir_str_addf(&t->s, "%24s", "");
}

static bool any_alone(const struct mir_comparison *c)
{
    for (uint32_t i = 0; i < c->n_rows; i++) {
        if (c->rows[i].alone_row > 0)
            return true;
    }
    return false;
}

/* Without a clairvoyant. */
static void add_differences(struct table *t)
{
    add_by_weight(t, "More than reactive (mean hours, 95 % interval)", add_against_reactive);
    if (any_alone(t->c))
        add_by_weight(t, "More than alone, where no chain heeds the others", add_against_alone);
}

static void add_costs(struct table *t)
{
    add_by_weight(t, "What it cost: interruption + w * overlap (mean hours, 95 % interval)",
                  add_cost);
    if (t->c->n_chains > 0)
        add_differences(t);
    else
        add_by_weight(t, "Part of the gap closed between reactive and clairvoyant (95 % interval)",
                      add_gap);
}

static void add_share(struct table *t, uint64_t part, uint64_t n)
{
    char text[32];

    snprintf(text, sizeof text, "%.0f %%", 100 * (double)part / (double)n);
    add_cell(t, text, 7, false);
}

static void add_kept_line(struct table *t, const struct mir_comparison_row *row)
{
    char text[32];

    add_label(t, row->policy, false);
    snprintf(text, sizeof text, "%llu", (unsigned long long)row->kept.n);
    add_cell(t, text, 9, false);
    add_share(t, row->kept.n_p10, row->kept.n);
    add_share(t, row->kept.n_p50, row->kept.n);
    add_share(t, row->kept.n_p90, row->kept.n);
    end_line(t);
}

/* Of policies that say what they expect; kept are 10, 50 and 90 % when they are right. */
static void add_kept(struct table *t)
{
    bool any = false;

    for (uint32_t i = 0; i < t->c->n_rows; i++) {
        if (t->c->rows[i].kept.n == 0)
            continue;
        if (!any) {
            add_rule(t,
                     "Wait forecasts kept (waits up to the forecast's 10, 50 and 90 % quantile)");
            mir_str_addf(&t->s, "%-*s forecasts     p10     p50     p90\n", t->label_width,
                         "policy");
        }
        any = true;
        add_kept_line(t, &t->c->rows[i]);
    }
}

static void add_load_header(struct table *t)
{
    char text[32];

    add_label(t, "policy", false);
    add_cell(t, "interr", 7, false);
    add_cell(t, "p90", 7, false);
    add_cell(t, "overlap", 7, false);
    add_cell(t, "zero", 7, false);
    for (uint32_t w = 0; w < t->c->n_weights; w++) {
        snprintf(text, sizeof text, "w=%g", t->c->weights[w]);
        add_cell(t, text, 7, false);
    }
    end_line(t);
}

static void add_load_line(struct table *t, const struct mir_report_line *line, int load)
{
    static const size_t shown[] = {0, 2, 4, 5}; /* of MIR_OUTCOME_COLUMNS */

    add_label(t, line->label, line->clairvoyant);
    for (size_t k = 0; k < sizeof shown / sizeof *shown; k++)
        add_value(t, line, &MIR_OUTCOME_COLUMNS[shown[k]], -1, load, 7);
    for (uint32_t w = 0; w < t->c->n_weights; w++) {
        if (mir_report_has_cost(line, w))
            add_value(t, line, &MIR_COST_COLUMN, (int)w, load, 7);
        else
            add_cell(t, "", 7, false);
    }
    end_line(t);
}

static void add_load(struct table *t, enum mir_load load)
{
    uint32_t n = t->lines.n > 0 ? mir_figure_grid_get(&t->grid, 0, 0, (int)load)->n : 0;
    char title[128];

    snprintf(title, sizeof title, "Load %s: %s, %u outcome%s", mir_load_name(load),
             mir_report_load_title(load), n, n == 1 ? "" : "s");
    add_rule(t, title);
    if (n == 0)
        return;
    add_load_header(t);
    for (size_t i = 0; i < t->lines.n; i++)
        add_load_line(t, &t->lines.lines[i], (int)load);
}

static void add_chains(struct table *t)
{
    const struct mir_comparison *c = t->c;
    char spread[32];

    mir_str_addf(&t->s, "%u chain%s side by side, begun %s%s\n", c->n_chains,
                 c->n_chains == 1 ? "" : "s", c->spread_s > 0 ? "over " : "at once",
                 c->spread_s > 0 ? mir_report_duration(c->spread_s, spread) : "");
}

static void add_heading(struct table *t)
{
    const struct mir_comparison *c = t->c;
    char from[32], to[32], limit[64], every[32];

    if (c->n_chains > 0)
        add_chains(t);
    mir_str_addf(
        &t->s, "%u episodes of %u links, %u node%s x %s, one every %s, %.16s to %.16s UTC\n",
        c->n_episodes, mir_report_jobs(c), c->chain_nodes, c->chain_nodes == 1 ? "" : "s",
        mir_report_duration(c->chain_limit_s, limit), mir_report_duration(c->every_s, every),
        mir_format_time(c->from_at, from), mir_format_time(c->to_at, to));
    mir_str_addf(&t->s, "%s, %s on %u nodes, %s\n", c->log_path != NULL ? c->log_path : "?",
                 c->scheduler != NULL ? c->scheduler : "?", c->cluster_nodes,
                 c->protocol != NULL ? c->protocol : "?");
    if (c->model != NULL)
        mir_str_addf(&t->s, "%s, trained on %s, %.10s to %.10s\n", c->model, c->model_source,
                     mir_format_time(c->model_from_at, from), mir_format_time(c->model_to_at, to));
    if (c->truth != 0)
        mir_str_addf(&t->s, "CHEATS: lookahead was told the truth of: %s.  No forecast.\n",
                     mir_log_truth_format(c->truth, limit));
}

static void add_notes(struct table *t)
{
    uint32_t n = mir_report_unstarted(&t->grid);

    mir_str_addf(&t->s, "\nBest of the policies: %s.  %s\n", t->colour ? "bold" : "*",
                 t->c->n_chains > 0
                     ? "Figures are per successor; the best for all in hindsight is not known."
                     : "clairvoyant: the best submission time in hindsight, a bound.");
    if (n > 0) {
        mir_str_addf(&t->s,
                     "Note: %u successor%s never started; each counts as an interruption of "
                     "%d days.\n",
                     n, n == 1 ? "" : "s", MIR_UNSTARTED_S / 86400);
    }
}

int mir_report_table(FILE *to, const struct mir_comparison *c, bool colour, struct mir_error *err)
{
    struct table t = {.c = c, .colour = colour};

    mir_figure_grid_init(&t.grid, c);
    mir_report_lines_init(&t.lines, c);
    t.label_width = label_width(&t.lines);
    add_heading(&t);
    add_outcomes(&t);
    add_costs(&t);
    add_kept(&t);
    for (int load = 0; load < MIR_N_LOADS && c->n_chains == 0; load++)
        add_load(&t, (enum mir_load)load);
    add_notes(&t);
    mir_report_lines_release(&t.lines);
    mir_figure_grid_release(&t.grid);
    return mir_report_write(to, &t.s, err);
}
