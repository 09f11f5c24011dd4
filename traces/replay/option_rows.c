/* SPDX-License-Identifier: GPL-3.0-or-later */
/* option_rows.c - see option_rows.h. */
#include "traces/replay/option_rows.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

enum {
    MAX_ROWS = 96,    /* of one verb */
    FIRST_LONG = 256, /* getopt_long's value of the first row */
    LINE_WIDTH = 96,
};

/* The rows of a list one after another, as getopt and the help go through them. */
struct picked {
    const struct mir_option_row *rows[MAX_ROWS];
    int n;
};

static void pick(const struct mir_option_list *list, struct picked *out)
{
    out->n = 0;
    for (int t = 0; t < MIR_OPTION_TABLES; t++) {
        const struct mir_option_row *row = list->tables[t];

        for (; row != NULL && row->name != NULL && out->n < MAX_ROWS; row++) {
            if ((row->verbs & list->bits[t]) != 0)
                out->rows[out->n++] = row;
        }
    }
}

/* ---- Reading */

/* getopt's own tables. */
static void make_getopt(const struct picked *picked, struct option *longs, char *shorts)
{
    *shorts++ = ':'; /* a missing argument is told apart from an unknown option */
    for (int i = 0; i < picked->n; i++) {
        const struct mir_option_row *row = picked->rows[i];

        *longs++ = (struct option){row->name, row->arg != NULL, NULL, FIRST_LONG + i};
        if (row->letter == 0)
            continue;
        *shorts++ = row->letter;
        if (row->arg != NULL)
            *shorts++ = ':';
    }
    *longs = (struct option){NULL, 0, NULL, 0};
    *shorts = '\0';
}

static const struct mir_option_row *find_row(const struct picked *picked, int value)
{
    if (value >= FIRST_LONG)
        return picked->rows[value - FIRST_LONG];
    for (int i = 0; i < picked->n; i++) {
        if (picked->rows[i]->letter == value)
            return picked->rows[i];
    }
    return NULL;
}

/* Another verb's option gets a better answer than "unknown". */
static int
refuse_unknown(const struct mir_option_list *list, const char *arg, struct mir_error *err)
{
    size_t len = strncmp(arg, "--", 2) == 0 ? strcspn(arg + 2, "=") : 0;

    for (int t = 0; t < MIR_OPTION_TABLES && len > 0; t++) {
        const struct mir_option_row *row = list->tables[t];

        for (; row != NULL && row->name != NULL; row++) {
            if (strlen(row->name) != len || strncmp(row->name, arg + 2, len) != 0)
                continue;
            if ((row->verbs & list->bits[t]) == 0)
                return mir_error_set(err, -EINVAL, "%s does not take --%s", list->verb, row->name);
            return mir_error_set(err, -EINVAL, "--%s takes no value", row->name);
        }
    }
    return mir_error_set(err, -EINVAL, "unknown option '%s'", arg);
}

int mir_option_rows_read(const struct mir_option_list *list,
                         int argc,
                         char **argv,
                         struct mir_replay_options *options,
                         int *operand,
                         struct mir_error *err)
{
    struct option longs[MAX_ROWS + 1];
    char shorts[2 * MAX_ROWS + 2];
    struct picked picked;
    int value, rc;

    pick(list, &picked);
    make_getopt(&picked, longs, shorts);
    opterr = 0;
    optind = 0; /* glibc: start anew */
    while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (value == ':')
            return mir_error_set(err, -EINVAL, "%s needs a value", argv[optind - 1]);
        if (value == '?' && optopt > 0 && optopt < FIRST_LONG)
            return mir_error_set(err, -EINVAL, "unknown option '-%c'", optopt);
        if (value == '?')
            return refuse_unknown(list, argv[optind - 1], err);
        rc = find_row(&picked, value)->set(options, optarg, err);
        if (rc != 0)
            return rc;
    }
    *operand = optind;
    return 0;
}

/* ---- Help */

void mir_option_print_wrapped(FILE *to, const char *text)
{
    int column = MIR_OPTION_COLUMN;

    for (;;) {
        int len = (int)strcspn(text, " ");

        fprintf(to, "%.*s", len, text);
        column += len;
        text += len;
        if (*text == '\0')
            break;
        text++;
        if (column + 1 + (int)strcspn(text, " ") > LINE_WIDTH) {
            fprintf(to, "\n%*s", MIR_OPTION_COLUMN, "");
            column = MIR_OPTION_COLUMN;
        } else {
            putc(' ', to);
            column++;
        }
    }
    putc('\n', to);
}

static void print_option(FILE *to, const struct mir_option_row *row)
{
    char left[64];
    int len = snprintf(left, sizeof left, "  %c%c%s--%s%s%s", row->letter == 0 ? ' ' : '-',
                       row->letter == 0 ? ' ' : row->letter, row->letter == 0 ? "  " : ", ",
                       row->name, row->arg == NULL ? "" : " ", row->arg == NULL ? "" : row->arg);

    fprintf(to, "%-*s", MIR_OPTION_COLUMN, left);
    if (len >= MIR_OPTION_COLUMN)
        fprintf(to, "\n%*s", MIR_OPTION_COLUMN, "");
    mir_option_print_wrapped(to, row->help);
}

void mir_option_rows_print(FILE *to, const struct mir_option_list *list)
{
    struct picked picked;

    pick(list, &picked);
    /* Rows of one heading need not stand together. */
    for (int i = 0; i < picked.n; i++) {
        const char *group = picked.rows[i]->group;
        bool first = true;

        for (int k = 0; k < i && first; k++)
            first = strcmp(picked.rows[k]->group, group) != 0;
        if (!first)
            continue;
        fprintf(to, "\n%s\n", group);
        for (int k = i; k < picked.n; k++) {
            if (strcmp(picked.rows[k]->group, group) == 0)
                print_option(to, picked.rows[k]);
        }
    }
}
