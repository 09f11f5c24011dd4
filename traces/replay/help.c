/* SPDX-License-Identifier: GPL-3.0-or-later */
/* help.c - what --help prints, from the table of options. */
#include "traces/replay/options.h"

static const char *const USAGE[MIR_N_VERBS] = {
    [MIR_VERB_RUN] = "run [LOG] [OPTIONS]",
    [MIR_VERB_TOGETHER] = "together [LOG] [OPTIONS]",
    [MIR_VERB_SCHEDULE] = "schedule [LOG] [OPTIONS]",
    [MIR_VERB_STATS] = "stats [LOG] [OPTIONS]",
    [MIR_VERB_CONVERT] = "convert LOG [-o OUT.csv] [OPTIONS]",
    [MIR_VERB_GENERATE] = "generate [-o OUT.csv] [OPTIONS]",
};

static const char *const SUMMARY[MIR_N_VERBS] = {
    [MIR_VERB_RUN] = "compare policies that submit the next job of a chain",
    [MIR_VERB_TOGETHER] = "compare them where many chains compete with one another",
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
    [MIR_VERB_TOGETHER] =
        "together jobs.txt.xz --chains 10 --chain nodes=2,limit=48h --every 48h \\\n"
        "      --from 2023-02-01 --to 2023-03-01 --policy avg \\\n"
        "      --policy lookahead --alone",
    [MIR_VERB_SCHEDULE] = "schedule jobs.swf --scheduler easy --compare -o starts.csv",
    [MIR_VERB_STATS] = "stats jobs.txt --fit habits.txt",
    [MIR_VERB_CONVERT] = "convert jobs.txt.xz --tz America/Chicago -o jobs.csv",
    [MIR_VERB_GENERATE] = "generate --days 60 --seed 7 -o jobs.csv",
};

static void print_policies(FILE *to)
{
    fprintf(to, "\nPolicies\n");
    for (const struct mirage_plugin *const *p = mir_policy_builtin(); *p != NULL; p++) {
        fprintf(to, "  %-*s", MIR_OPTION_COLUMN - 2, (*p)->name);
        mir_option_print_wrapped(to, (*p)->summary);
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
    const struct mir_option_list list = {"", {mir_option_rows()}, {1u << verb}};

    fprintf(to, "mirage-replay %s\n  %s\n", USAGE[verb], SUMMARY[verb]);
    mir_option_rows_print(to, &list);
    if (verb == MIR_VERB_RUN || verb == MIR_VERB_TOGETHER)
        print_policies(to);
    fprintf(to, "\nExample\n  mirage-replay %s\n", EXAMPLE[verb]);
}
