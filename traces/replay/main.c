/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - mirage-replay: real job logs on a simulated cluster.
 * Exit codes: 0 done, 1 unusable input or failure, 2 wrong usage.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/core/str.h"
#include "traces/replay/commands.h"
#include "traces/replay/options.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int usage_error(const char *text, const char *verb)
{
    fprintf(stderr, "mirage-replay: %s\n", text);
    if (verb == NULL)
        fprintf(stderr, "See: mirage-replay --help\n");
    else
        fprintf(stderr, "See: mirage-replay %s --help\n", verb);
    return EXIT_USAGE;
}

/* The command line for the report; words with blanks or quotes are quoted for the shell. */
static void join_command(int argc, char **argv, struct mir_str *out)
{
    mir_str_add(out, "mirage-replay");
    for (int i = 1; i < argc; i++) {
        bool plain = argv[i][0] != '\0' && strpbrk(argv[i], " \t\n'\"\\$`*?;&|<>()") == NULL;

        mir_str_add(out, plain ? " " : " '");
        for (const char *c = argv[i]; *c != '\0'; c++) {
            if (*c == '\'')
                mir_str_add(out, "'\\''");
            else
                mir_str_add_n(out, c, 1);
        }
        mir_str_add(out, plain ? "" : "'");
    }
}

static int run_verb(const struct mir_replay_options *o, const char *command, struct mir_error *err)
{
    switch (o->verb) {
    case MIR_VERB_RUN:
    case MIR_VERB_TOGETHER:
        return mir_command_run(o, command, err);
    case MIR_VERB_SCHEDULE:
        return mir_command_schedule(o, err);
    case MIR_VERB_STATS:
        return mir_command_stats(o, err);
    case MIR_VERB_CONVERT:
        return mir_command_convert(o, err);
    case MIR_VERB_GENERATE:
    case MIR_N_VERBS:
        break;
    }
    return mir_command_generate(o, err);
}

static int do_verb(enum mir_verb verb, int argc, char **argv)
{
    struct mir_replay_options options;
    struct mir_error err = {{0}};
    struct mir_str command = {0};
    int exit_code = EXIT_DONE;

    if (mir_replay_options_parse(verb, argc - 1, argv + 1, &options, &err) != 0) {
        exit_code = usage_error(err.text, mir_verb_name(verb));
    } else if (options.help) {
        mir_replay_help_verb(stdout, verb);
    } else {
        join_command(argc, argv, &command);
        if (run_verb(&options, command.text, &err) != 0) {
            fprintf(stderr, "mirage-replay: %s\n", err.text);
            exit_code = EXIT_FAILED;
        }
    }
    mir_str_release(&command);
    mir_replay_options_release(&options);
    return exit_code;
}

static int help(int argc, char **argv)
{
    enum mir_verb verb;

    if (argc < 3) {
        mir_replay_help(stdout);
        return EXIT_DONE;
    }
    if (mir_verb_parse(argv[2], &verb) != 0)
        return usage_error("help knows run, together, schedule, stats, convert and generate", NULL);
    mir_replay_help_verb(stdout, verb);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    enum mir_verb verb;
    char text[128];

    if (argc < 2) {
        mir_replay_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("mirage-replay %s\n", MIR_VERSION);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return help(argc, argv);
    if (mir_verb_parse(argv[1], &verb) == 0)
        return do_verb(verb, argc, argv);
    snprintf(text, sizeof text,
             "'%.60s' is none of run, together, schedule, stats, convert, generate", argv[1]);
    return usage_error(text, NULL);
}
