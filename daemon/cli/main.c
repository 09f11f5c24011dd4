/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c - mirage, the command for people. */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "daemon/cli/args.h"
#include "daemon/core/clock.h"
#include "daemon/core/parse.h"

/* The zone of TZ, else of the system; NULL (UTC) when it has no name that we can read. */
static struct mir_zone *local_zone(void)
{
    struct mir_zone *zone = NULL;
    const char *name = getenv("TZ"), *folder;
    char target[256];
    ssize_t n;

    if (name != NULL && name[0] != '\0')
        return mir_zone_create(name[0] == ':' ? name + 1 : name, &zone) == 0 ? zone : NULL;
    n = readlink("/etc/localtime", target, sizeof(target) - 1);
    if (n <= 0)
        return NULL;
    target[n] = '\0';
    folder = strstr(target, "zoneinfo/");
    if (folder == NULL || mir_zone_create(folder + strlen("zoneinfo/"), &zone) != 0)
        return NULL;
    return zone;
}

static size_t terminal_width(void)
{
    struct winsize size;

    if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

/* As the locale says, without setting it: numbers keep their point. */
static bool shows_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    bool utf8;

    if (locale == (locale_t)0)
        return false;
    utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return utf8;
}

static int help(const struct mir_cli_verb *verb)
{
    struct mir_str text = {0};

    mir_cli_args_help(verb, &text);
    (void)fputs(text.text, stdout);
    mir_str_release(&text);
    return MIR_EXIT_OK;
}

static int run(struct mir_cli_args *args)
{
    struct mir_zone *zone = local_zone();
    int rc;

    args->cli.out = stdout;
    args->cli.err = stderr;
    args->cli.now = mir_clock_wall();
    args->cli.width = terminal_width();
    args->cli.utf8 = shows_utf8();
    args->cli.zone = zone;
    rc = args->verb->run(&args->cli);
    mir_zone_destroy(zone);
    return rc;
}

int main(int argc, char **argv)
{
    struct mir_cli_args args;
    struct mir_error err = {{0}};
    int rc;

    if (mir_cli_args_parse(argc, argv, &args, &err) != 0) {
        (void)fprintf(stderr, "mirage: %s\nTry 'mirage --help'.\n", err.text);
        return MIR_EXIT_USAGE;
    }
    if (args.version) {
        (void)puts("mirage " MIR_VERSION);
        rc = MIR_EXIT_OK;
    } else {
        rc = args.help ? help(args.verb) : run(&args);
    }
    if (fflush(stdout) != 0 && rc == MIR_EXIT_OK) {
        (void)fprintf(stderr, "mirage: cannot write the answer\n");
        rc = MIR_EXIT_REFUSED;
    }
    return rc;
}
