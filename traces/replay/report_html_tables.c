/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_html_tables.c - the tables of the HTML page.
 */
#include <math.h>
#include <string.h>

#include "traces/replay/chart.h"
#include "traces/replay/report_html.h"

struct tables {
    struct mir_str *s;
    const struct mir_figure_grid *grid;
    const struct mir_report_lines *lines;
};

/* A cell; `low` and `high` are its interval, NaN where it has none. */
static void add_cell(const struct tables *t,
                     const struct mir_report_line *line,
                     const struct mir_report_column *column,
                     int weight,
                     int load,
                     double low,
                     double high)
{
    uint32_t w = weight < 0 ? line->weight : (uint32_t)weight;
    double value = mir_report_value(column, mir_figure_grid_get(t->grid, line->row_index, w, load));
    double best = mir_report_best(t->grid, t->lines, column, weight, load);
    bool is_best = !line->clairvoyant && mir_report_is_best(column, value, best);
    char text[32], from[32], to[32];

    mir_str_addf(t->s, "<td%s>%s", is_best ? " class=\"best\"" : "",
                 mir_report_format(column, value, text));
    /* An interval of no width says nothing: reactive closes nothing of its own gap. */
    if (!isnan(low) && low < high) {
        mir_report_format(column, low, from);
        from[strcspn(from, " ")] = '\0'; /* "76 to 90 %" */
        mir_str_addf(t->s, "<small>%s to %s</small>", from, mir_report_format(column, high, to));
    }
    mir_str_add(t->s, "</td>");
}

static void add_empty_cells(const struct tables *t, int n)
{
    while (n-- > 0)
        mir_str_add(t->s, "<td class=\"na\"></td>");
}

static void open_row(const struct tables *t, const struct mir_report_line *line, int load)
{
    uint32_t n_unstarted =
        mir_figure_grid_get(t->grid, line->row_index, line->weight, load)->n_unstarted;

    mir_str_addf(t->s, "<tr%s><th scope=\"row\"", line->clairvoyant ? " class=\"bound\"" : "");
    if (line->row->summary != NULL) {
        mir_str_add(t->s, " title=\"");
        mir_html_add(t->s, line->row->summary);
        mir_str_add(t->s, "\"");
    }
    mir_str_add(t->s, ">");
    mir_html_add(t->s, line->label);
    if (n_unstarted > 0)
        mir_str_addf(t->s, "<small>%u never started</small>", n_unstarted);
    mir_str_add(t->s, "</th>");
}

static void add_figures_head(const struct tables *t)
{
    const struct mir_comparison *c = t->grid->comparison;

    mir_str_add(t->s, "<thead><tr><th rowspan=\"2\" scope=\"col\">policy</th>"
                      "<th colspan=\"4\" scope=\"colgroup\">interruption, h</th>"
                      "<th scope=\"colgroup\">overlap, h</th>"
                      "<th colspan=\"2\" scope=\"colgroup\">share of outcomes</th>");
    for (uint32_t w = 0; w < c->n_weights; w++)
        mir_str_addf(t->s, "<th colspan=\"2\" scope=\"colgroup\">w = %g</th>", c->weights[w]);
    mir_str_add(t->s, "</tr><tr>");
    for (size_t k = 0; k < MIR_N_OUTCOME_COLUMNS; k++)
        mir_str_addf(t->s, "<th scope=\"col\">%s</th>", MIR_OUTCOME_COLUMNS[k].title);
    for (uint32_t w = 0; w < c->n_weights; w++) {
        mir_str_addf(t->s, "<th scope=\"col\">%s</th><th scope=\"col\">%s</th>",
                     MIR_COST_COLUMN.title, MIR_GAP_COLUMN.title);
    }
    mir_str_add(t->s, "</tr></thead>\n");
}

static void add_figures_row(const struct tables *t, const struct mir_report_line *line)
{
    open_row(t, line, -1);
    for (size_t k = 0; k < MIR_N_OUTCOME_COLUMNS; k++)
        add_cell(t, line, &MIR_OUTCOME_COLUMNS[k], -1, -1, NAN, NAN);
    for (uint32_t w = 0; w < t->grid->comparison->n_weights; w++) {
        const struct mir_figures *f = mir_figure_grid_get(t->grid, line->row_index, w, -1);

        if (!mir_report_has_cost(line, w)) {
            add_empty_cells(t, 2);
            continue;
        }
        add_cell(t, line, &MIR_COST_COLUMN, (int)w, -1, f->cost_low_h, f->cost_high_h);
        add_cell(t, line, &MIR_GAP_COLUMN, (int)w, -1, f->gap_low, f->gap_high);
    }
    mir_str_add(t->s, "</tr>\n");
}

void mir_html_figures(struct mir_str *s,
                      const struct mir_figure_grid *grid,
                      const struct mir_report_lines *lines)
{
    const struct tables t = {s, grid, lines};

    mir_str_add(s, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                   "aria-label=\"All figures\"><table>\n");
    add_figures_head(&t);
    mir_str_add(s, "<tbody>\n");
    for (size_t i = 0; i < lines->n; i++)
        add_figures_row(&t, &lines->lines[i]);
    mir_str_add(s, "</tbody></table></div>\n");
}

/* Of MIR_OUTCOME_COLUMNS: mean and p90 interruption, mean overlap, zero. */
static const size_t SHORT_COLUMNS[] = {0, 2, 4, 5};
static const size_t N_SHORT_COLUMNS = sizeof SHORT_COLUMNS / sizeof *SHORT_COLUMNS;

static void add_load_head(const struct tables *t)
{
    static const char *const titles[] = {"mean interruption, h", "p90 interruption, h",
                                         "mean overlap, h", "zero"};
    const struct mir_comparison *c = t->grid->comparison;

    mir_str_add(t->s, "<thead><tr><th scope=\"col\">policy</th>");
    for (size_t k = 0; k < N_SHORT_COLUMNS; k++)
        mir_str_addf(t->s, "<th scope=\"col\">%s</th>", titles[k]);
    for (uint32_t w = 0; w < c->n_weights; w++)
        mir_str_addf(t->s, "<th scope=\"col\">cost, w = %g</th>", c->weights[w]);
    mir_str_add(t->s, "</tr></thead>\n");
}

static void add_load_row(const struct tables *t, const struct mir_report_line *line, int load)
{
    open_row(t, line, load);
    for (size_t k = 0; k < N_SHORT_COLUMNS; k++)
        add_cell(t, line, &MIR_OUTCOME_COLUMNS[SHORT_COLUMNS[k]], -1, load, NAN, NAN);
    for (uint32_t w = 0; w < t->grid->comparison->n_weights; w++) {
        const struct mir_figures *f = mir_figure_grid_get(t->grid, line->row_index, w, load);

        if (mir_report_has_cost(line, w))
            add_cell(t, line, &MIR_COST_COLUMN, (int)w, load, f->cost_low_h, f->cost_high_h);
        else
            add_empty_cells(t, 1);
    }
    mir_str_add(t->s, "</tr>\n");
}

static void add_load(const struct tables *t, enum mir_load load)
{
    uint32_t n_columns = 1 + (uint32_t)N_SHORT_COLUMNS + t->grid->comparison->n_weights;
    uint32_t n = mir_figure_grid_get(t->grid, 0, 0, (int)load)->n;

    mir_str_addf(t->s,
                 "<tbody><tr class=\"part\"><th colspan=\"%u\" scope=\"rowgroup\"><span>%s "
                 "load: %s, %u outcome%s</span></th></tr>\n",
                 n_columns, mir_load_name(load), mir_report_load_title(load), n, n == 1 ? "" : "s");
    for (size_t i = 0; i < t->lines->n && n > 0; i++)
        add_load_row(t, &t->lines->lines[i], (int)load);
    mir_str_add(t->s, "</tbody>\n");
}

void mir_html_by_load(struct mir_str *s,
                      const struct mir_figure_grid *grid,
                      const struct mir_report_lines *lines)
{
    const struct tables t = {s, grid, lines};

    mir_str_add(s, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                   "aria-label=\"Figures by load\"><table>\n");
    add_load_head(&t);
    for (int load = 0; load < MIR_N_LOADS; load++)
        add_load(&t, (enum mir_load)load);
    mir_str_add(s, "</table></div>\n");
}
