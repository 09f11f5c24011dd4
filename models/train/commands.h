/*
 * commands.h - the verbs of mirage-train.  They print results on standard output (or
 * where the options say) and notes on stderr; what fails is told in `err` and printed
 * by main.  Each returns 0 or a negative errno.
 */
#ifndef MIR_TRAIN_COMMANDS_H
#define MIR_TRAIN_COMMANDS_H

#include <stdio.h>

#include "daemon/core/error.h"
#include "models/predict/wait_model.h"
#include "models/train/options.h"

/* `now`: seconds since the epoch, written into the model. */
int mir_command_fit(const struct mir_train_options *options, int64_t now, struct mir_error *err);

/* `command` is the command line as it was typed, for the report. */
int mir_command_evaluate(const struct mir_train_options *options,
                         const char *command,
                         struct mir_error *err);
int mir_command_inspect(const struct mir_train_options *options, struct mir_error *err);

/* The same on a log of pending jobs: `evaluate --pending`. */
int mir_command_pending(const struct mir_train_options *options,
                        const char *command,
                        struct mir_error *err);

struct mir_evaluation_report;

/* An evaluation in the form and at the place that the options say, and the HTML file. */
int mir_evaluation_print(const struct mir_train_options *options,
                         const struct mir_evaluation_report *report,
                         struct mir_error *err);

/* What inspect prints, for people.  `name` is the file's. */
void mir_inspect_print(FILE *to, const struct mir_wait_model *m, const char *name);

/* As many as --threads says, or as there are cores. */
uint32_t mir_train_threads(const struct mir_train_options *options);

/* "mirage-train: ..." on stderr, unless --quiet. */
void mir_train_note(const struct mir_train_options *options, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The same, --quiet or not: something is wrong with what was given. */
void mir_train_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
