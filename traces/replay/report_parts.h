/*
 * report_parts.h - what the reports have in common: the lines of a table, the
 * columns, which cell is best.  Private to traces/replay.  One thread.
 */
#ifndef MIR_REPLAY_REPORT_PARTS_H
#define MIR_REPLAY_REPORT_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"
#include "traces/replay/comparison.h"

/*
 * A line of a table: a policy, or a policy at one weight where it acts
 * otherwise at another.
 */
struct mir_report_line {
    const struct mir_comparison_row *row; /* lent */
    uint32_t row_index;                   /* for mir_figure_grid_get() */
    uint32_t weight;                      /* whose outcomes it shows */
    bool one_weight;                      /* and the only one whose cost it has */
    bool clairvoyant;
    char *label; /* owned: "quantile (w=0.5)" */
};

struct mir_report_lines {
    struct mir_report_line *lines; /* owned */
    size_t n;
};

/* The policies in their order, then the clairvoyant where there is one. */
void mir_report_lines_init(struct mir_report_lines *l, const struct mir_comparison *c);
void mir_report_lines_release(struct mir_report_lines *l);

/* A figure as the reports know it. */
struct mir_report_column {
    const char *key;   /* of the CSV: "interruption_mean_h" */
    const char *title; /* for people, below its group's: "mean" */
    const char *group; /* "interruption, h" */
    size_t offset;     /* in struct mir_figures */
    bool share;        /* shown in per cent */
    bool more_is_better;
};

/* Those that describe outcomes; they depend on no weight but through what the policy did. */
extern const struct mir_report_column MIR_OUTCOME_COLUMNS[];
enum { MIR_N_OUTCOME_COLUMNS = 7 };
extern const struct mir_report_column MIR_COST_COLUMN, MIR_GAP_COLUMN;

double mir_report_value(const struct mir_report_column *column, const struct mir_figures *f);

/* As shown: hours with two digits, shares as "41 %", a figure that does not exist as "-". */
char *mir_report_format(const struct mir_report_column *column, double value, char buf[32]);

/*
 * The best value of a column among the lines that are policies: over all
 * weights where `weight` is negative, else of that weight's cells only.  NaN
 * when no line stands out: all the same as shown, or fewer than two.
 */
double mir_report_best(const struct mir_figure_grid *grid,
                       const struct mir_report_lines *lines,
                       const struct mir_report_column *column,
                       int weight,
                       int load);

/* Does `value` look like `best` when shown?  False for NaN. */
bool mir_report_is_best(const struct mir_report_column *column, double value, double best);

/* Does the line have a cost at this weight? */
bool mir_report_has_cost(const struct mir_report_line *line, uint32_t weight);

/* The row of the lowest mean cost at the first weight; 0 when there is nothing to compare. */
uint32_t mir_report_best_row(const struct mir_figure_grid *grid);

/* "reactive outcome <= 2 h" and so on. */
const char *mir_report_load_title(enum mir_load load);

/* For people: whole hours as such ("48 h", as limits are written), else mir_format_duration(). */
char *mir_report_duration(int32_t s, char buf[32]);

/* How many jobs a chain has. */
uint32_t mir_report_jobs(const struct mir_comparison *c);

/* Outcomes of all lines that never started, for the warning; 0: none. */
uint32_t mir_report_unstarted(const struct mir_figure_grid *grid);

/* Write `text` (may be empty, with NULL) to `to`.  Returns 0 or -EIO; releases `text`. */
int mir_report_write(FILE *to, struct mir_str *text, struct mir_error *err);

#endif
