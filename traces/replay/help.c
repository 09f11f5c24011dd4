/* SPDX-License-Identifier: GPL-3.0-or-later */
/* help.c - what --help prints, from the table of options. */
#include <string.h>

#include "traces/replay/options.h"

enum { OPTION_COLUMN = 26, LINE_WIDTH = 96 };

static const char *const USAGE[MIR_N_VERBS] = {
    [MIR_VERB_RUN] = "run [LOG] [OPTIONS]",
    [MIR_VERB_SCHEDULE] = "schedule [LOG] [OPTIONS]",
    [MIR_VERB_STATS] = "stats [LOG] [OPTIONS]",
    [MIR_VERB_CONVERT] = "convert LOG [-o OUT.csv] [OPTIONS]",
    [MIR_VERB_GENERATE] = "generate [-o OUT.csv] [OPTIONS]",
};

static const char *const SUMMARY[MIR_N_VERBS] = {
    [MIR_VERB_RUN] = "compare policies that submit the next job of a chain",
    [MIR_VERB_SCHEDULE] = "simulate a log and print waits, utilisation and speed",
    [MIR_VERB_STATS] = "tell what is in a log",
    [MIR_VERB_CONVERT] = "write a log as Mirage's CSV",
    [MIR_VERB_GENERATE] = "write a synthetic log",
};

static const char *const EXAMPLE[MIR_N_VERBS] = {
    [MIR_VERB_RUN] =
        "run jobs.txt.xz --chain nodes=8,limit=48h,links=2 --every 4h \\\n"
        "      --from 2023-02-01 --to 2023-03-01 --policy lead:hours=6 --policy avg \\\n"
        "      --report february.html",
    [MIR_VERB_SCHEDULE] = "schedule jobs.swf --scheduler easy --compare -o starts.csv",
    [MIR_VERB_STATS] = "stats jobs.txt --fit habits.txt",
    [MIR_VERB_CONVERT] = "convert jobs.txt.xz --tz America/Chicago -o jobs.csv",
    [MIR_VERB_GENERATE] = "generate --days 60 --seed 7 -o jobs.csv",
};

/* `text` from column OPTION_COLUMN on, broken between words. */
static void print_wrapped(FILE *to, const char *text)
{
    int column = OPTION_COLUMN;

    for (;;) {
        int len = (int)strcspn(text, " ");

        fprintf(to, "%.*s", len, text);
        column += len;
        text += len;
        if (*text == '\0')
            break;
        text++;
        if (column + 1 + (int)strcspn(text, " ") > LINE_WIDTH) {
            fprintf(to, "\n%*s", OPTION_COLUMN, "");
            column = OPTION_COLUMN;
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

    fprintf(to, "%-*s", OPTION_COLUMN, left);
    if (len >= OPTION_COLUMN)
        fprintf(to, "\n%*s", OPTION_COLUMN, "");
    print_wrapped(to, row->help);
}

/* Rows of one heading need not stand together in the table. */
static void print_group(FILE *to, enum mir_verb verb, const char *group)
{
    fprintf(to, "\n%s\n", group);
    for (const struct mir_option_row *row = mir_option_rows(); row->name != NULL; row++) {
        if (row->group == group && (row->verbs & 1u << verb) != 0)
            print_option(to, row);
    }
}

static void print_groups(FILE *to, enum mir_verb verb)
{
    const struct mir_option_row *rows = mir_option_rows();

    for (int i = 0; rows[i].name != NULL; i++) {
        bool first = (rows[i].verbs & 1u << verb) != 0;

        for (int k = 0; k < i && first; k++)
            first = rows[k].group != rows[i].group || (rows[k].verbs & 1u << verb) == 0;
        if (first)
            print_group(to, verb, rows[i].group);
    }
}

static void print_policies(FILE *to)
{
    fprintf(to, "\nPolicies\n");
    for (const struct mirage_plugin *const *p = mir_policy_builtin(); *p != NULL; p++) {
        fprintf(to, "  %-*s", OPTION_COLUMN - 2, (*p)->name);
        print_wrapped(to, (*p)->summary);
    }
}

void mir_replay_help(FILE *to)
{
    fprintf(to, "mirage-replay - real job logs on a simulated cluster\n\nUsage\n");
    for (int v = 0; v < MIR_N_VERBS; v++)
        fprintf(to, "  mirage-replay %s\n      %s\n", USAGE[v], SUMMARY[v]);
    fprintf(to, "  mirage-replay help VERB\n  mirage-replay --version\n\n"
                "LOG is sacct's parsable output, SWF, Mirage's CSV or a published log, plain or\n"
                "compressed; '-' is standard input.  Without LOG a synthetic workload is used.\n"
                "Exit code: 0 done, 1 unusable input or failure, 2 wrong usage.\n"
                "More: man mirage-replay\n");
}

void mir_replay_help_verb(FILE *to, enum mir_verb verb)
{
    fprintf(to, "mirage-replay %s\n  %s\n", USAGE[verb], SUMMARY[verb]);
    print_groups(to, verb);
    if (verb == MIR_VERB_RUN)
        print_policies(to);
    fprintf(to, "\nExample\n  mirage-replay %s\n", EXAMPLE[verb]);
}
