/* SPDX-License-Identifier: GPL-3.0-or-later */
/* args.c - the command line of mirage. */
#include "daemon/cli/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/consent.h"
#include "daemon/core/parse.h"

static const char default_socket[] = "/run/mirage/mirage.sock";

enum { DECISIONS_MAX = 100, NODES_MAX = 1 << 24 };

static const struct mir_cli_verb verbs[] = {
    {"status", mir_verb_status, "", "", "What the daemon does and how it is."},
    {"list", mir_verb_list, "", "au", "The chains that are open, and those that ended today."},
    {"show", mir_verb_show, "CHAIN", "", "One chain with its jobs."},
    {"why", mir_verb_why, "CHAIN", "n", "Its decisions, with wait and reason, and what happened."},
    {"submit", mir_verb_submit, "[SBATCH OPTIONS] SCRIPT", "m",
     "Submit a job that asks for a chain, and enrol it."},
    {"enroll", mir_verb_enroll, "JOBID [OPTIONS]", "x",
     "Make a chain of a job of yours that is queued or runs."},
    {"stop", mir_verb_stop, "CHAIN", "k",
     "End a chain: the running job goes on, a queued successor is cancelled."},
    {"pause", mir_verb_pause, "CHAIN", "", "Submit no successor until it is resumed."},
    {"resume", mir_verb_resume, "CHAIN", "", "Go on with a paused or parked chain."},
    {"drain", mir_verb_drain, "", "", "Submit nothing for anyone until undrain (admins)."},
    {"undrain", mir_verb_undrain, "", "", "Take up submitting again (admins)."},
    {"predict", mir_verb_predict, "", "NtpUAq",
     "How long a job submitted now would wait, and why."},
    {"model", mir_verb_model, "list|show|install FILE|rollback|reload", "f",
     "The model of waits; to change it is for admins."},
    {"history", mir_verb_history, "", "", "Past jobs as a log, for mirage-train (admins)."},
    {"config", mir_verb_config, "", "", "The configuration in force."},
    {"selftest", mir_verb_selftest, "", "", "Check that everything that a chain needs is there."},
};

enum { N_VERBS = sizeof(verbs) / sizeof(verbs[0]) };

/* Letter 0: everywhere. */
static const struct option_row {
    const char *name;
    char letter;
    bool has_value;
    const char *value, *sentence;
} options[] = {
    {"--all", 'a', false, "", "also chains that ended long ago"},
    {"--user", 'u', true, "USER", "only this user's"},
    {"-n", 'n', true, "N", "the newest N decisions (1 to 100)"},
    {"--keep-successor", 'k', false, "", "leave a queued successor alone"},
    {"--export", 'x', false, "", "send this environment; successors get it (needs munge)"},
    {"--mirage", 'm', true, "OPTIONS", "of the chain, such as w=0.1,links=20; see mirage(1)"},
    {"--nodes", 'N', true, "N", "how many nodes (needed)"},
    {"--time", 't', true, "TIME", "its limit (needed): 48h, 2-00:00:00; a bare number is minutes"},
    {"--partition", 'p', true, "NAME", "in this partition"},
    {"--user", 'U', true, "USER", "whose job it would be (you)"},
    {"--account", 'A', true, "NAME", "under this account"},
    {"--qos", 'q', true, "NAME", "with this QOS"},
    {"--force", 'f', false, "", "install without comparison"},
    {"--json", 0, false, "", "the daemon's answer as JSON"},
    {"--parsable2", 0, false, "", "columns separated by |, times in seconds"},
    {"--noheader", 0, false, "", "no line of column names"},
    {"--socket", 0, true, "PATH", "the daemon's socket"},
    {"--help", 0, false, "", "this text"},
    {"--version", 0, false, "", "the version"},
};

enum { N_OPTIONS = sizeof(options) / sizeof(options[0]) };

static const struct mir_cli_verb *find_verb(const char *name)
{
    for (size_t i = 0; i < N_VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    }
    return NULL;
}

static bool belongs(const struct option_row *option, const struct mir_cli_verb *verb)
{
    return option->letter == 0 || (verb != NULL && strchr(verb->options, option->letter) != NULL);
}

/* That of the verb, before one of the same name that is another's. */
static const struct option_row *find_option(const char *arg, const struct mir_cli_verb *verb)
{
    const struct option_row *found = NULL;
    size_t len = strcspn(arg, "=");

    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strlen(options[i].name) == len && strncmp(options[i].name, arg, len) == 0 &&
            (found == NULL || belongs(&options[i], verb)))
            found = &options[i];
    }
    return found;
}

static int set_n(struct mir_cli *cli, const char *value, struct mir_error *err)
{
    if (mir_parse_i64(value, strlen(value), &cli->n) == 0 && cli->n >= 1 && cli->n <= DECISIONS_MAX)
        return 0;
    return mir_error_set(err, -EINVAL, "-n: expected a number from 1 to %d, not '%.40s'",
                         DECISIONS_MAX, value);
}

static int set_nodes(struct mir_cli *cli, const char *value, struct mir_error *err)
{
    if (mir_parse_i64(value, strlen(value), &cli->nodes) == 0 && cli->nodes >= 1 &&
        cli->nodes <= NODES_MAX)
        return 0;
    return mir_error_set(err, -EINVAL, "--nodes: expected a number of nodes, not '%.40s'", value);
}

/* As sbatch reads it: a bare number counts minutes. */
static int set_time(struct mir_cli *cli, const char *value, struct mir_error *err)
{
    if (mir_parse_duration(value, strlen(value), 60, &cli->limit_s) == 0 && cli->limit_s >= 1 &&
        cli->limit_s < INT32_MAX)
        return 0;
    return mir_error_set(err, -EINVAL, "--time: expected a time limit such as 48h, not '%.40s'",
                         value);
}

static int set_option(struct mir_cli_args *args,
                      const struct option_row *option,
                      const char *value,
                      struct mir_error *err)
{
    struct mir_cli *cli = &args->cli;
    const char *name = option->name;

    switch (option->letter) {
    case 'a':
        cli->all = true;
        return 0;
    case 'N':
        return set_nodes(cli, value, err);
    case 't':
        return set_time(cli, value, err);
    case 'p':
        cli->partition = value;
        return 0;
    case 'A':
        cli->account = value;
        return 0;
    case 'q':
        cli->qos = value;
        return 0;
    case 'f':
        cli->force = true;
        return 0;
    case 'u':
    case 'U':
        cli->user = value;
        return 0;
    case 'n':
        return set_n(cli, value, err);
    case 'k':
        cli->keep_successor = true;
        return 0;
    case 'x':
        cli->export_environment = true;
        return 0;
    case 'm':
        cli->options = value;
        return 0;
    default:
        break;
    }
    if (strcmp(name, "--json") == 0)
        cli->format = MIR_FORMAT_JSON;
    else if (strcmp(name, "--parsable2") == 0)
        cli->format = MIR_FORMAT_BARS;
    else if (strcmp(name, "--noheader") == 0)
        cli->header = false;
    else if (strcmp(name, "--socket") == 0)
        cli->socket = value;
    else if (strcmp(name, "--help") == 0)
        args->help = true;
    else
        args->version = true;
    return 0;
}

/* One option with its value; returns how many arguments it took. */
static int
take_option(struct mir_cli_args *args, int left, char *const *argv, struct mir_error *err)
{
    const struct option_row *option = find_option(argv[0], args->verb);
    const char *equal = strchr(argv[0], '=');
    const char *value = equal != NULL ? equal + 1 : left > 1 ? argv[1] : NULL;
    int rc;

    if (option == NULL || !belongs(option, args->verb))
        return mir_error_set(err, -EINVAL, "unknown option %.60s%s%s", argv[0],
                             args->verb != NULL ? " of " : "",
                             args->verb != NULL ? args->verb->name : "");
    if (option->has_value ? value == NULL : equal != NULL)
        return mir_error_set(err, -EINVAL, "%s %s", option->name,
                             option->has_value ? "needs a value" : "takes no value");
    rc = set_option(args, option, value, err);
    if (rc != 0)
        return rc;
    return option->has_value && equal == NULL ? 2 : 1;
}

static int take_operand(struct mir_cli_args *args, const char *arg, struct mir_error *err)
{
    struct mir_cli *cli = &args->cli;

    if (args->verb == NULL) {
        args->verb = find_verb(arg);
        if (args->verb == NULL)
            return mir_error_set(err, -EINVAL, "unknown command '%.60s'", arg);
    } else if (args->verb->operands[0] != '\0' && cli->chain == NULL) {
        cli->chain = arg;
    } else if (args->verb->run == mir_verb_enroll && cli->options == NULL) {
        cli->options = arg;
    } else if (args->verb->run == mir_verb_model && cli->file == NULL) {
        cli->file = arg;
    } else {
        return mir_error_set(err, -EINVAL, "%s: '%.60s' is one argument too many", args->verb->name,
                             arg);
    }
    return 1;
}

/* Is the rest sbatch's?  At the first argument that mirage does not know as its own. */
static bool is_sbatchs(const struct mir_cli_args *args, const char *arg)
{
    const struct option_row *option = find_option(arg, args->verb);

    return args->verb != NULL && args->verb->run == mir_verb_submit &&
           (option == NULL || !belongs(option, args->verb));
}

static int check_model(const struct mir_cli *cli, struct mir_error *err)
{
    static const char *const verbs_of_model[] = {"list", "show", "install", "rollback", "reload"};
    bool known = false, installs = strcmp(cli->chain, "install") == 0;

    for (size_t i = 0; i < sizeof(verbs_of_model) / sizeof(verbs_of_model[0]); i++)
        known = known || strcmp(cli->chain, verbs_of_model[i]) == 0;
    if (!known)
        return mir_error_set(err, -EINVAL, "model: unknown command '%.60s'", cli->chain);
    if (installs && cli->file == NULL)
        return mir_error_set(err, -EINVAL, "model install: FILE is missing");
    if (!installs && (cli->file != NULL || cli->force))
        return mir_error_set(err, -EINVAL, "model %s takes no file and no --force", cli->chain);
    return 0;
}

static int check(const struct mir_cli_args *args, struct mir_error *err)
{
    const struct mir_cli *cli = &args->cli;

    if (args->help || args->version)
        return 0;
    if (args->verb == NULL)
        return mir_error_set(err, -EINVAL, "which command?");
    if (args->verb->run != mir_verb_submit && args->verb->operands[0] != '\0' && cli->chain == NULL)
        return mir_error_set(err, -EINVAL, "%s: %s is missing", args->verb->name,
                             args->verb->operands);
    if (args->verb->run == mir_verb_model)
        return check_model(cli, err);
    if (args->verb->run == mir_verb_predict && (cli->nodes == 0 || cli->limit_s == 0))
        return mir_error_set(err, -EINVAL, "predict: --nodes and --time are needed");
    return cli->options != NULL ? mir_consent_check(cli->options, err) : 0;
}

int mir_cli_args_parse(int argc, char *const *argv, struct mir_cli_args *out, struct mir_error *err)
{
    const char *socket = getenv("MIRAGE_SOCKET");
    struct mir_cli_args args = {.cli = {.header = true, .n = DECISIONS_MAX}};
    int i = 1, n, rc;

    args.cli.socket = socket != NULL && socket[0] != '\0' ? socket : default_socket;
    for (; i < argc && !is_sbatchs(&args, argv[i]); i += n) {
        n = argv[i][0] == '-' && argv[i][1] != '\0' ? take_option(&args, argc - i, argv + i, err)
                                                    : take_operand(&args, argv[i], err);
        if (n < 0)
            return n;
    }
    args.cli.argc = argc - i;
    args.cli.argv = argv + i;
    rc = check(&args, err);
    if (rc == 0)
        *out = args;
    return rc;
}

static void add_options(const struct mir_cli_verb *verb, bool own, struct mir_str *out)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        struct mir_str head = {0};

        if ((options[i].letter != 0) != own || !belongs(&options[i], verb))
            continue;
        mir_str_addf(&head, "%s%s%s", options[i].name, options[i].has_value ? " " : "",
                     options[i].value);
        mir_str_addf(out, "  %-20s %s\n", head.text, options[i].sentence);
        mir_str_release(&head);
    }
}

static const char help_of_model[] =
    "  list       the model in use and the one before\n"
    "  show       where it is from, how it scored, how often its promises are kept\n"
    "  install    use FILE from mirage-train, if it is no worse; the daemon reads it\n"
    "  rollback   exchange it with the one before\n"
    "  reload     read the configured file again\n\n"
    "A candidate.model beside the configured file is tried within a minute, and taken\n"
    "if it is no worse; else it is kept as refused.model, and show says why.\n\n";

void mir_cli_args_help(const struct mir_cli_verb *verb, struct mir_str *out)
{
    if (verb != NULL) {
        mir_str_addf(out, "Usage: mirage %s%s%s%s\n\n%s\n\n", verb->name,
                     verb->options[0] != '\0' ? " [OPTIONS]" : "",
                     verb->operands[0] != '\0' ? " " : "", verb->operands, verb->sentence);
        if (verb->run == mir_verb_model)
            mir_str_add(out, help_of_model);
        add_options(verb, true, out);
    } else {
        mir_str_add(out, "Usage: mirage COMMAND [OPTIONS]\n\n"
                         "Chains of Slurm jobs: the successor is queued before the job ends.\n\n");
        for (size_t i = 0; i < N_VERBS; i++)
            mir_str_addf(out, "  %-20s %s\n", verbs[i].name, verbs[i].sentence);
        mir_str_add(out, "\n");
    }
    add_options(verb, false, out);
    if (verb != NULL && strncmp(verb->operands, "CHAIN", 5) == 0)
        mir_str_add(out, "\nCHAIN is an id, the beginning of one, or the id of a job.\n");
    mir_str_add(out, "\nExit status: 0 done, 1 refused, 2 wrong usage, 3 daemon not reached.\n");
}
