/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - miraged: decides when successors are submitted.
 * Exit codes: 0 ended as told, 1 could not start or run, 2 wrong usage.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <syslog.h>

#include "daemon/core/str.h"
#include "daemon/miraged/log.h"
#include "daemon/miraged/loop.h"
#include "daemon/miraged/settings.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const char help[] =
    "usage: miraged [--config FILE] [--check | --example]\n"
    "\n"
    "Watches chains of Slurm jobs and submits each successor early, through mirage-broker.\n"
    "Runs in the foreground; miraged.service starts it. SIGHUP reads the configuration again.\n"
    "\n"
    "  -c, --config FILE  configuration (/etc/mirage/mirage.conf), see mirage.conf(5)\n"
    "      --check        read the configuration, say whether it is right, and end\n"
    "      --example      print a configuration with every key, its default and what it does\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n"
    "\n"
    "Exit codes: 0 ended as told, 1 could not start or run, 2 wrong usage.\n"
    "See miraged(8), mirage(1), mirage.conf(5).\n";

static int check(const char *path)
{
    struct mir_settings *settings = NULL;
    struct mir_error err = {{0}};

    if (mir_settings_create(path, &settings, &err) != 0) {
        fprintf(stderr, "miraged: %s\n", err.text);
        return EXIT_FAILED;
    }
    printf("%s: mode %s, policy %s\n", path, settings->config->mode, settings->config->policy);
    mir_settings_destroy(settings);
    return EXIT_DONE;
}

static int print_example(void)
{
    struct mir_str text = {0};

    mir_config_example(&text);
    fputs(text.text, stdout);
    mir_str_release(&text);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int run(const char *path)
{
    struct mir_error err = {{0}};

    mir_log_open();
    umask(077);
    if (mir_loop_run(path, &err) != 0) {
        mir_log(LOG_ERR, "%s", err.text);
        return EXIT_FAILED;
    }
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"example", no_argument, NULL, 'e'},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
    };
    const char *config = "/etc/mirage/mirage.conf";
    bool only_check = false;
    int c;

    while ((c = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
        switch (c) {
        case 'c':
            config = optarg;
            break;
        case 'k':
            only_check = true;
            break;
        case 'e':
            return print_example();
        case 'h':
            fputs(help, stdout);
            return EXIT_DONE;
        case 'V':
            puts("miraged " MIR_VERSION);
            return EXIT_DONE;
        default:
            fputs("See: miraged --help\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "miraged: no argument expected: \"%s\"\nSee: miraged --help\n",
                argv[optind]);
        return EXIT_USAGE;
    }
    return only_check ? check(config) : run(config);
}
