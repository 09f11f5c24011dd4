/* SPDX-License-Identifier: GPL-3.0-or-later */
/* help.c - what --help prints, from the tables of options. */
#include "models/train/options.h"

static const char *const USAGE[MIR_TRAIN_N_VERBS] = {
    [MIR_TRAIN_FIT] = "fit [LOG] -o MODEL [OPTIONS]",
    [MIR_TRAIN_EVALUATE] = "evaluate [LOG] --model MODEL [OPTIONS]",
    [MIR_TRAIN_INSPECT] = "inspect MODEL [--json]",
};

static const char *const SUMMARY[MIR_TRAIN_N_VERBS] = {
    [MIR_TRAIN_FIT] = "learn waits from a log and write a model",
    [MIR_TRAIN_EVALUATE] = "score a model on a later part of a log, beside what needs no learning",
    [MIR_TRAIN_INSPECT] = "tell what is in a model",
};

static const char *const EXAMPLE[MIR_TRAIN_N_VERBS] = {
    [MIR_TRAIN_FIT] = "fit jobs.txt.xz --nodes 76 --to 2023-02-01 -o waits.model",
    [MIR_TRAIN_EVALUATE] = "evaluate jobs.txt.xz --nodes 76 --model waits.model --from 2023-02-01",
    [MIR_TRAIN_INSPECT] = "inspect waits.model",
};

void mir_train_help(FILE *to)
{
    fprintf(to, "mirage-train - learn from a job log how long jobs wait\n\nUsage\n");
    for (int v = 0; v < MIR_TRAIN_N_VERBS; v++)
        fprintf(to, "  mirage-train %s\n      %s\n", USAGE[v], SUMMARY[v]);
    fprintf(to, "  mirage-train help VERB\n  mirage-train --version\n\n"
                "LOG is what mirage-replay reads: sacct's parsable output, SWF, Mirage's CSV or a\n"
                "published log, plain or compressed; '-' is standard input.  Without LOG a\n"
                "synthetic workload is used.\n"
                "Exit code: 0 done, 1 unusable input or failure, 2 wrong usage.\n"
                "More: man mirage-train\n");
}

void mir_train_help_verb(FILE *to, enum mir_train_verb verb)
{
    struct mir_option_list list;

    mir_train_option_list(verb, &list);
    fprintf(to, "mirage-train %s\n  %s\n", USAGE[verb], SUMMARY[verb]);
    mir_option_rows_print(to, &list);
    fprintf(to, "\nExample\n  mirage-train %s\n", EXAMPLE[verb]);
}
