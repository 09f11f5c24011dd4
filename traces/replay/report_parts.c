/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_parts.c - what the reports have in common.
 */
#include "traces/replay/report_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

#define FIELD(name) offsetof(struct mir_figures, name)

const struct mir_report_column MIR_OUTCOME_COLUMNS[] = {
    {"interruption_mean_h", "mean", "interruption, h", FIELD(interruption_mean_h), false, false},
    {"interruption_p50_h", "p50", "interruption, h", FIELD(interruption_p50_h), false, false},
    {"interruption_p90_h", "p90", "interruption, h", FIELD(interruption_p90_h), false, false},
    {"interruption_p99_h", "p99", "interruption, h", FIELD(interruption_p99_h), false, false},
    {"overlap_mean_h", "mean", "overlap, h", FIELD(overlap_mean_h), false, false},
    {"zero_share", "zero", "share", FIELD(zero_share), true, true},
    {"late_share", "late", "share", FIELD(late_share), true, false},
};
_Static_assert(sizeof MIR_OUTCOME_COLUMNS / sizeof *MIR_OUTCOME_COLUMNS == MIR_N_OUTCOME_COLUMNS,
               "the count in the header");

const struct mir_report_column MIR_COST_COLUMN = {"cost_mean_h",      "cost, h", "cost",
                                                  FIELD(cost_mean_h), false,     false};
const struct mir_report_column MIR_GAP_COLUMN = {"gap_closed",      "gap closed", "cost",
                                                 FIELD(gap_closed), true,         true};

/* Does the row act the same at every weight? */
static bool is_same_at_all_weights(const struct mir_comparison *c,
                                   const struct mir_comparison_row *row)
{
    size_t size = (size_t)c->n_episodes * c->n_links * sizeof *row->outcomes[0];

    for (uint32_t w = 1; w < c->n_weights; w++) {
        if (row->outcomes[w] != row->outcomes[0] &&
            memcmp(row->outcomes[w], row->outcomes[0], size) != 0)
            return false;
    }
    return true;
}

static void add_line(struct mir_report_lines *l,
                     const struct mir_comparison *c,
                     uint32_t row_index,
                     uint32_t weight,
                     bool one_weight)
{
    struct mir_report_line *line = &l->lines[l->n++];
    struct mir_str label = {0};

    line->clairvoyant = row_index == c->n_rows;
    line->row = line->clairvoyant ? &c->clairvoyant : &c->rows[row_index];
    line->row_index = row_index;
    line->weight = weight;
    line->one_weight = one_weight;
    mir_str_add(&label, line->clairvoyant ? "clairvoyant" : line->row->policy);
    if (one_weight)
        mir_str_addf(&label, " (w=%g)", c->weights[weight]);
    line->label = label.text;
}

void mir_report_lines_init(struct mir_report_lines *l, const struct mir_comparison *c)
{
    l->n = 0;
    l->lines = MIR_NEW_ARRAY(struct mir_report_line, ((size_t)c->n_rows + 1) * MIR_MAX_WEIGHTS);
    for (uint32_t i = 0; i <= c->n_rows; i++) {
        const struct mir_comparison_row *row = i < c->n_rows ? &c->rows[i] : &c->clairvoyant;

        if (c->n_weights == 0 || row->outcomes[0] == NULL)
            continue;
        if (!row->uses_weight || is_same_at_all_weights(c, row)) {
            add_line(l, c, i, 0, false);
            continue;
        }
        for (uint32_t w = 0; w < c->n_weights; w++)
            add_line(l, c, i, w, true);
    }
}

void mir_report_lines_release(struct mir_report_lines *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->lines[i].label);
    free(l->lines);
    memset(l, 0, sizeof *l);
}

double mir_report_value(const struct mir_report_column *column, const struct mir_figures *f)
{
    double value;

    memcpy(&value, (const char *)f + column->offset, sizeof value);
    return value;
}

char *mir_report_format(const struct mir_report_column *column, double value, char buf[32])
{
    double shown = column->share ? value * 100 : value;

    /* A rounded -0.001 is shown as 0, not as -0.00. */
    if (fabs(shown) < (column->share ? 0.5 : 0.005))
        shown = 0;
    if (isnan(value))
        snprintf(buf, 32, "-");
    else if (column->share)
        snprintf(buf, 32, "%.0f %%", shown);
    else
        snprintf(buf, 32, "%.2f", shown);
    return buf;
}

bool mir_report_is_best(const struct mir_report_column *column, double value, double best)
{
    char a[32], b[32];

    if (isnan(value) || isnan(best))
        return false;
    return strcmp(mir_report_format(column, value, a), mir_report_format(column, best, b)) == 0;
}

bool mir_report_has_cost(const struct mir_report_line *line, uint32_t weight)
{
    return !line->one_weight || line->weight == weight;
}

double mir_report_best(const struct mir_figure_grid *grid,
                       const struct mir_report_lines *lines,
                       const struct mir_report_column *column,
                       int weight,
                       int load)
{
    double best = NAN, worst = NAN;

    for (size_t i = 0; i < lines->n; i++) {
        const struct mir_report_line *line = &lines->lines[i];
        uint32_t w = weight < 0 ? line->weight : (uint32_t)weight;
        double value;

        if (line->clairvoyant || !mir_report_has_cost(line, w))
            continue;
        value = mir_report_value(column, mir_figure_grid_get(grid, line->row_index, w, load));
        /* fmin and fmax pass over NaN. */
        best = column->more_is_better ? fmax(best, value) : fmin(best, value);
        worst = column->more_is_better ? fmin(worst, value) : fmax(worst, value);
    }
    return mir_report_is_best(column, worst, best) ? NAN : best;
}

uint32_t mir_report_best_row(const struct mir_figure_grid *grid)
{
    const struct mir_comparison *c = grid->comparison;
    uint32_t best = 0;
    double best_h = INFINITY;

    for (uint32_t i = 0; i < c->n_rows && c->n_weights > 0; i++) {
        double cost_h = mir_figure_grid_get(grid, i, 0, -1)->cost_mean_h;

        if (cost_h < best_h) {
            best = i;
            best_h = cost_h;
        }
    }
    return best;
}

const char *mir_report_load_title(enum mir_load load)
{
    static const char *const titles[MIR_N_LOADS] = {"reactive interruption up to 2 h",
                                                    "reactive interruption 2 to 12 h",
                                                    "reactive interruption over 12 h"};

    return titles[load];
}

char *mir_report_duration(int32_t s, char buf[32])
{
    if (s == 0 || s % 3600 != 0)
        return mir_format_duration(s, buf);
    snprintf(buf, 32, "%d h", s / 3600);
    return buf;
}

uint32_t mir_report_jobs(const struct mir_comparison *c)
{
    return (c->n_chains > 0 ? c->n_links / c->n_chains : c->n_links) + 1;
}

uint32_t mir_report_unstarted(const struct mir_figure_grid *grid)
{
    const struct mir_comparison *c = grid->comparison;
    uint32_t n = 0;

    for (uint32_t i = 0; i <= c->n_rows; i++) {
        for (uint32_t w = 0; w < c->n_weights; w++) {
            const struct mir_comparison_row *row = i < c->n_rows ? &c->rows[i] : &c->clairvoyant;

            if (w == 0 || row->outcomes[w] != row->outcomes[0])
                n += mir_figure_grid_get(grid, i, w, -1)->n_unstarted;
        }
    }
    return n;
}

int mir_report_write(FILE *to, struct mir_str *text, struct mir_error *err)
{
    int rc = 0;

    if (text->len > 0 && fwrite(text->text, 1, text->len, to) != text->len)
        rc = -EIO;
    if (fflush(to) != 0)
        rc = -EIO;
    mir_str_release(text);
    return rc == 0 ? 0 : mir_error_set(err, rc, "write report: %s", strerror(errno));
}
