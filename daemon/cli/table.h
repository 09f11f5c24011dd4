/*
 * table.h - rows of text in aligned columns as squeue has them, or separated by
 * '|' for programs.  Cells are anybody's text (job names, reasons), so control
 * characters never reach the terminal.  One thread per table.
 */
#ifndef MIR_CLI_TABLE_H
#define MIR_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/core/str.h"

struct mir_table_column {
    const char *name;
    bool right; /* aligned: numbers */
};

struct mir_table {
    const struct mir_table_column *columns; /* lent */
    size_t n_columns;
    char **cells; /* row after row */
    size_t n_cells, cap;
};

void mir_table_init(struct mir_table *t, const struct mir_table_column *columns, size_t n_columns);

/* The next cell, left to right; NULL is empty. */
void mir_table_add(struct mir_table *t, const char *cell);

/*
 * Aligned columns: no line is longer than `width` characters (0: as long as it
 * gets); the last column gives way first.
 */
void mir_table_align(const struct mir_table *t, bool header, size_t width, struct mir_str *out);

/* "a|b|c" lines; a '|' within a cell becomes '/'. */
void mir_table_bars(const struct mir_table *t, bool header, struct mir_str *out);
void mir_table_release(struct mir_table *t);

/* Append `text` with control characters (C0, DEL, C1) as '?'. */
void mir_table_clean(const char *text, struct mir_str *out);

#endif
