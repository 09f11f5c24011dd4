/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.c - rows of text in columns. */
#include "daemon/cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

enum { GAP = 1 };

void mir_table_init(struct mir_table *t, const struct mir_table_column *columns, size_t n_columns)
{
    *t = (struct mir_table){.columns = columns, .n_columns = n_columns};
}

void mir_table_clean(const char *text, struct mir_str *out)
{
    mir_str_add(out, "");
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) { /* C1 in UTF-8: CSI is one of them */
            mir_str_add(out, "?");
            c++;
        } else if (*c < ' ' || *c == 0x7f) {
            mir_str_add(out, "?");
        } else {
            mir_str_add_n(out, (const char *)c, 1);
        }
    }
}

void mir_table_add(struct mir_table *t, const char *cell)
{
    struct mir_str clean = {0};

    mir_table_clean(cell != NULL ? cell : "", &clean);
    t->cells = mir_grow((void *)t->cells, &t->cap, t->n_cells + 1, sizeof(*t->cells));
    t->cells[t->n_cells++] = clean.text;
}

/* Characters, not bytes: UTF-8 that goes on is not counted. */
static size_t width_of(const char *text)
{
    size_t n = 0;

    for (; *text != '\0'; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Bytes of the first `width` characters. */
static size_t bytes_of(const char *text, size_t width)
{
    size_t i = 0;

    while (text[i] != '\0') {
        if (((unsigned char)text[i] & 0xc0) != 0x80 && width-- == 0)
            break;
        i++;
    }
    return i;
}

static void add_spaces(struct mir_str *out, size_t n)
{
    while (n-- > 0)
        mir_str_add(out, " ");
}

static void measure(const struct mir_table *t, bool header, size_t *widths)
{
    for (size_t i = 0; header && i < t->n_columns; i++)
        widths[i] = width_of(t->columns[i].name);
    for (size_t i = 0; i < t->n_cells; i++) {
        size_t width = width_of(t->cells[i]);

        if (width > widths[i % t->n_columns])
            widths[i % t->n_columns] = width;
    }
}

static void add_cell(const struct mir_table *t,
                     size_t column,
                     const char *cell,
                     const size_t *widths,
                     struct mir_str *out)
{
    size_t pad = widths[column] - width_of(cell);

    if (column > 0)
        add_spaces(out, GAP);
    if (t->columns[column].right)
        add_spaces(out, pad);
    mir_str_add(out, cell);
    if (!t->columns[column].right && column + 1 < t->n_columns)
        add_spaces(out, pad);
}

/* `line` without blanks at its end, cut to `width`, and ended. */
static void add_line(const struct mir_str *line, size_t width, struct mir_str *out)
{
    size_t len = width > 0 ? bytes_of(line->text, width) : line->len;

    while (len > 0 && line->text[len - 1] == ' ')
        len--;
    mir_str_add_n(out, line->text, len);
    mir_str_add(out, "\n");
}

void mir_table_align(const struct mir_table *t, bool header, size_t width, struct mir_str *out)
{
    size_t *widths = mir_alloc(t->n_columns, sizeof(*widths));

    measure(t, header, widths);
    for (size_t row = header ? 0 : 1; row <= t->n_cells / t->n_columns; row++) {
        struct mir_str line = {0};

        for (size_t i = 0; i < t->n_columns; i++)
            add_cell(t, i, row == 0 ? t->columns[i].name : t->cells[(row - 1) * t->n_columns + i],
                     widths, &line);
        add_line(&line, width, out);
        mir_str_release(&line);
    }
    free(widths);
}

static void add_barred(const char *cell, struct mir_str *out)
{
    for (; *cell != '\0'; cell++)
        mir_str_add_n(out, *cell == '|' ? "/" : cell, 1);
}

void mir_table_bars(const struct mir_table *t, bool header, struct mir_str *out)
{
    for (size_t i = 0; header && i < t->n_columns; i++)
        mir_str_addf(out, "%s%c", t->columns[i].name, i + 1 < t->n_columns ? '|' : '\n');
    for (size_t i = 0; i < t->n_cells; i++) {
        add_barred(t->cells[i], out);
        mir_str_add(out, (i + 1) % t->n_columns == 0 ? "\n" : "|");
    }
}

void mir_table_release(struct mir_table *t)
{
    for (size_t i = 0; i < t->n_cells; i++)
        free(t->cells[i]);
    free((void *)t->cells);
    *t = (struct mir_table){0};
}
