/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - mirage-train: learn from a job log how long jobs wait.
 * Exit codes: 0 done, 1 unusable input or failure, 2 wrong usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/clock.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"
#include "models/train/commands.h"
#include "models/train/options.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/*
 * XGBoost's OpenMP threads spin between loops and then starve whoever else needs the
 * cores.  libgomp reads the variable when it is loaded, before main: so once more.
 */
static void be_passive(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") != NULL || setenv("OMP_WAIT_POLICY", "passive", 1) != 0)
        return;
    execv("/proc/self/exe", argv); /* where it fails, threads spin: no reason to stop */
}

static int usage_error(const char *text, const char *verb)
{
    fprintf(stderr, "mirage-train: %s\n", text);
    if (verb == NULL)
        fprintf(stderr, "See: mirage-train --help\n");
    else
        fprintf(stderr, "See: mirage-train %s --help\n", verb);
    return EXIT_USAGE;
}

static void join_command(int argc, char **argv, struct mir_str *out)
{
    mir_str_add(out, "mirage-train");
    for (int i = 1; i < argc; i++)
        mir_str_addf(out, " %s", argv[i]);
}

/* Of the model; SOURCE_DATE_EPOCH makes it the same in every run (reproducible-builds.org). */
static int64_t made_at(void)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    int64_t at;

    if (text != NULL && mir_parse_i64(text, strlen(text), &at) == 0)
        return at;
    return mir_clock_wall();
}

static int run_verb(const struct mir_train_options *o, const char *command, struct mir_error *err)
{
    if (o->verb == MIR_TRAIN_FIT)
        return mir_command_fit(o, made_at(), err);
    if (o->verb == MIR_TRAIN_INSPECT)
        return mir_command_inspect(o, err);
    if (o->pending_path != NULL)
        return mir_command_pending(o, command, err);
    return mir_command_evaluate(o, command, err);
}

static int do_verb(enum mir_train_verb verb, int argc, char **argv)
{
    struct mir_train_options options;
    struct mir_error err = {{0}};
    struct mir_str command = {0};
    int exit_code = EXIT_DONE;

    join_command(argc, argv, &command); /* before getopt changes the order */
    if (mir_train_options_parse(verb, argc - 1, argv + 1, &options, &err) != 0) {
        exit_code = usage_error(err.text, mir_train_verb_name(verb));
    } else if (options.scene.help) {
        mir_train_help_verb(stdout, verb);
    } else if (run_verb(&options, command.text, &err) != 0) {
        fprintf(stderr, "mirage-train: %s\n", err.text);
        exit_code = EXIT_FAILED;
    }
    mir_str_release(&command);
    mir_train_options_release(&options);
    return exit_code;
}

static int help(int argc, char **argv)
{
    enum mir_train_verb verb;

    if (argc < 3) {
        mir_train_help(stdout);
        return EXIT_DONE;
    }
    if (mir_train_verb_parse(argv[2], &verb) != 0)
        return usage_error("help knows fit, evaluate and inspect", NULL);
    mir_train_help_verb(stdout, verb);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    enum mir_train_verb verb;
    char text[128];

    if (argc < 2) {
        mir_train_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("mirage-train %s\n", MIR_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return help(argc, argv);
    be_passive(argv);
    if (mir_train_verb_parse(argv[1], &verb) == 0)
        return do_verb(verb, argc, argv);
    snprintf(text, sizeof text, "'%.60s' is none of fit, evaluate, inspect", argv[1]);
    return usage_error(text, NULL);
}
