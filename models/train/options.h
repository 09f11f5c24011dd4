/*
 * options.h - what a user asked mirage-train for.  What opens a log and makes a
 * machine of it are mirage-replay's own options, from its own table; the rest is in
 * the table here.  One thread.
 */
#ifndef MIR_TRAIN_OPTIONS_H
#define MIR_TRAIN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/core/error.h"
#include "models/predict/wait_model.h"
#include "models/train/shapes.h"
#include "traces/replay/options.h"

enum mir_train_verb {
    MIR_TRAIN_FIT,
    MIR_TRAIN_EVALUATE,
    MIR_TRAIN_INSPECT,
    MIR_TRAIN_N_VERBS,
};

enum { MIR_TRAIN_MAX_SCALES = 8 };

struct mir_train_options {
    /*
     * Log, machine, window, --seed, --threads, --json, --csv, --report and -o; first,
     * as the rows of both tables write through it.
     */
    struct mir_replay_options scene;
    enum mir_train_verb verb;
    const char *model_path; /* evaluate: --model; inspect: its argument */

    /* what is learned */
    struct mir_shapes shapes;       /* none: as the log suggests */
    struct mir_shapes paper_shapes; /* for rf and xgb */
    int32_t every_s;
    int32_t probe_every_s;               /* 0: mir_train_world's own */
    double scales[MIR_TRAIN_MAX_SCALES]; /* of the machine; 1 is the first */
    uint32_t n_scales;
    bool methods[MIR_N_WAIT_METHODS];

    /* how */
    int32_t budget_s; /* 0: as long as it takes */
    bool force, no_check;
    const char *current_path; /* the model in use, to be scored on the same days; NULL: none */

    /* evaluate */
    const char *pending_path; /* a log of pending jobs instead of LOG */
    bool in_sample;
};

/*
 * Read the arguments of a verb (argv[0] is the verb) over the defaults.  Strings of
 * argv are lent; the rest of `*out` ends with mir_train_options_release(), also
 * after a failure.  With out->scene.help set nothing else is checked.  Returns 0 or
 * -EINVAL: the user is to read `err` and the help.
 */
int mir_train_options_parse(enum mir_train_verb verb,
                            int argc,
                            char **argv,
                            struct mir_train_options *out,
                            struct mir_error *err);
void mir_train_options_release(struct mir_train_options *options);

/* "fit", "evaluate", "inspect"; -EINVAL for anything else. */
int mir_train_verb_parse(const char *name, enum mir_train_verb *out);
const char *mir_train_verb_name(enum mir_train_verb verb);

/* All rows that a verb takes, of both tables. */
void mir_train_option_list(enum mir_train_verb verb, struct mir_option_list *out);

/* Help for the whole program, and for one verb. */
void mir_train_help(FILE *to);
void mir_train_help_verb(FILE *to, enum mir_train_verb verb);

#endif
