/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_csv.c - a comparison as CSV (RFC 4180, but with plain line ends): one
 * line per policy, weight and load class, the clairvoyant last.
 */
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "traces/replay/report.h"
#include "traces/replay/report_parts.h"

/* What follows the outcome columns. */
static const struct {
    const char *key;
    size_t offset;
} COST_FIELDS[] = {
    {"cost_mean_h", offsetof(struct mir_figures, cost_mean_h)},
    {"cost_low_h", offsetof(struct mir_figures, cost_low_h)},
    {"cost_high_h", offsetof(struct mir_figures, cost_high_h)},
    {"gap_closed", offsetof(struct mir_figures, gap_closed)},
    {"gap_low", offsetof(struct mir_figures, gap_low)},
    {"gap_high", offsetof(struct mir_figures, gap_high)},
};
static const size_t N_COST_FIELDS = sizeof COST_FIELDS / sizeof *COST_FIELDS;

static void add_field(struct mir_str *s, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        mir_str_add(s, text);
        return;
    }
    mir_str_add(s, "\"");
    for (; *text != '\0'; text++)
        mir_str_add_n(s, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    mir_str_add(s, "\"");
}

/* A figure that does not exist is an empty field. */
static void add_number(struct mir_str *s, double value)
{
    if (isnan(value))
        mir_str_add(s, ",");
    else
        mir_str_addf(s, ",%.9g", value);
}

static void add_header(struct mir_str *s)
{
    mir_str_add(s, "policy,weight,load,outcomes,episodes,unstarted");
    for (size_t i = 0; i < MIR_N_OUTCOME_COLUMNS; i++)
        mir_str_addf(s, ",%s", MIR_OUTCOME_COLUMNS[i].key);
    for (size_t i = 0; i < N_COST_FIELDS; i++)
        mir_str_addf(s, ",%s", COST_FIELDS[i].key);
    mir_str_add(s, "\n");
}

static void add_line(struct mir_str *s,
                     const char *policy,
                     double weight,
                     const char *load,
                     const struct mir_figures *f)
{
    add_field(s, policy);
    mir_str_addf(s, ",%g,%s,%u,%u,%u", weight, load, f->n, f->n_episodes, f->n_unstarted);
    for (size_t i = 0; i < MIR_N_OUTCOME_COLUMNS; i++)
        add_number(s, mir_report_value(&MIR_OUTCOME_COLUMNS[i], f));
    for (size_t i = 0; i < N_COST_FIELDS; i++) {
        double value;

        memcpy(&value, (const char *)f + COST_FIELDS[i].offset, sizeof value);
        add_number(s, value);
    }
    mir_str_add(s, "\n");
}

int mir_report_csv(FILE *to, const struct mir_comparison *c, struct mir_error *err)
{
    struct mir_figure_grid grid;
    struct mir_str s = {0};

    mir_figure_grid_init(&grid, c);
    add_header(&s);
    for (uint32_t i = 0; i <= c->n_rows; i++) {
        const struct mir_comparison_row *row = i < c->n_rows ? &c->rows[i] : &c->clairvoyant;

        for (uint32_t w = 0; w < c->n_weights && row->outcomes[w] != NULL; w++) {
            for (int load = -1; load < MIR_N_LOADS; load++) {
                add_line(&s, i < c->n_rows ? row->policy : "clairvoyant", c->weights[w],
                         load < 0 ? "all" : mir_load_name((enum mir_load)load),
                         mir_figure_grid_get(&grid, i, w, load));
            }
        }
    }
    mir_figure_grid_release(&grid);
    return mir_report_write(to, &s, err);
}

/* ---- every outcome by itself */

static void add_outcomes(struct mir_str *s,
                         const struct mir_comparison *c,
                         const char *policy,
                         const struct mir_comparison_row *row,
                         uint32_t weight)
{
    for (uint32_t slot = 0; slot < c->n_episodes * c->n_links; slot++) {
        const struct mir_outcome *o = &row->outcomes[weight][slot];

        add_field(s, policy);
        mir_str_addf(s, ",%g,%" PRId64 ",%u,%s,%" PRId64 ",%" PRId64 ",%" PRId64,
                     c->weights[weight], c->episode_at[slot / c->n_links], slot % c->n_links + 1,
                     mir_load_name(mir_comparison_load(c, slot)), o->predecessor_start_at,
                     o->predecessor_end_at, o->submit_at);
        if (o->start_at == INT64_MAX)
            mir_str_add(s, ",,\n");
        else
            mir_str_addf(s, ",%" PRId64 ",%" PRId64 "\n", o->start_at,
                         o->start_at - o->predecessor_end_at);
    }
}

int mir_report_outcomes(FILE *to, const struct mir_comparison *c, struct mir_error *err)
{
    struct mir_str s = {0};

    mir_str_add(&s, "policy,weight,episode,link,load,predecessor_start,predecessor_end,submit,"
                    "start,signed_s\n");
    for (uint32_t i = 0; i <= c->n_rows; i++) {
        const struct mir_comparison_row *row = i < c->n_rows ? &c->rows[i] : &c->clairvoyant;
        uint32_t n = row->uses_weight ? c->n_weights : 1;

        for (uint32_t w = 0; w < n && row->outcomes[w] != NULL; w++)
            add_outcomes(&s, c, i < c->n_rows ? row->policy : "clairvoyant", row, w);
    }
    return mir_report_write(to, &s, err);
}
