/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sbatch.c - where sbatch's options end, and the comment among them. */
#include "daemon/cli/sbatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/core/alloc.h"

enum arity { NONE, ATTACHED, REQUIRED, UNKNOWN }; /* ATTACHED: optional, "--nice=5" only */

/*
 * Long options of sbatch 22.05 to 26.05.  REQUIRED ones are listed as well, for
 * --co is not --comment but may be --comment, --constraint, --container, ...
 */
static const char *const flags[] = {
    "autocomplete",  "consolidate-segments",
    "contiguous",    "help",
    "hold",          "ignore-pbs",
    "no-requeue",    "overcommit",
    "oversubscribe", "parsable",
    "quiet",         "reboot",
    "requeue",       "share",
    "spread-job",    "stepmgr",
    "test-only",     "usage",
    "use-min-nodes", "verbose",
    "version",       "wait",
    "immediate",
};
static const char *const attached[] = {
    "exclusive", "get-user-env", "nice", "no-kill", "oom-kill-step", "propagate", "resv-ports",
};
static const char *const required[] = {
    "account",
    "acctg-freq",
    "array",
    "batch",
    "bb",
    "bbf",
    "begin",
    "chdir",
    "cluster",
    "cluster-constraint",
    "clusters",
    "comment",
    "constraint",
    "container",
    "container-id",
    "core-spec",
    "cores-per-socket",
    "cpu-freq",
    "cpus-per-gpu",
    "cpus-per-task",
    "deadline",
    "delay-boot",
    "dependency",
    "distribution",
    "error",
    "exclude",
    "export",
    "export-file",
    "extra",
    "extra-node-info",
    "gid",
    "gpu-bind",
    "gpu-freq",
    "gpus",
    "gpus-per-node",
    "gpus-per-socket",
    "gpus-per-task",
    "gres",
    "gres-flags",
    "hint",
    "input",
    "job-name",
    "kill-on-invalid-dep",
    "licenses",
    "mail-type",
    "mail-user",
    "mcs-label",
    "mem",
    "mem-bind",
    "mem-per-cpu",
    "mem-per-gpu",
    "mincpus",
    "mirage",
    "network",
    "nodefile",
    "nodelist",
    "nodes",
    "ntasks",
    "ntasks-per-core",
    "ntasks-per-gpu",
    "ntasks-per-node",
    "ntasks-per-socket",
    "ntasks-per-tres",
    "open-mode",
    "output",
    "partition",
    "power",
    "prefer",
    "priority",
    "profile",
    "qos",
    "reservation",
    "segment",
    "signal",
    "sockets-per-node",
    "spread-segments",
    "switches",
    "tasks-per-node",
    "thread-spec",
    "threads-per-core",
    "time",
    "time-min",
    "tmp",
    "tres-bind",
    "tres-per-task",
    "uid",
    "wait-all-nodes",
    "wckey",
    "wrap",
};

#define N_OF(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
    const char *const *names;
    size_t n;
    enum arity arity;
} groups[] = {
    {flags, N_OF(flags), NONE},
    {attached, N_OF(attached), ATTACHED},
    {required, N_OF(required), REQUIRED},
};

/*
 * As getopt_long() does it: the whole name, or a beginning of one only.  A
 * beginning of several gives the first of them: sbatch will refuse it.
 */
static enum arity find_long(const char *text, size_t len, const char **name)
{
    enum arity found = UNKNOWN;

    *name = "";
    for (size_t g = 0; g < N_OF(groups); g++) {
        for (size_t i = 0; i < groups[g].n; i++) {
            const char *candidate = groups[g].names[i];

            if (len == 0 || strncmp(candidate, text, len) != 0)
                continue;
            if (candidate[len] != '\0' && found != UNKNOWN)
                continue;
            *name = candidate;
            found = groups[g].arity;
            if (candidate[len] == '\0')
                return found;
        }
    }
    return found;
}

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Options of SPANK plugins are not in the table: with a value when the next word cannot be the script. */
static bool takes_next(enum arity arity, const char *next)
{
    if (next == NULL || arity == NONE || arity == ATTACHED)
        return false;
    return arity == REQUIRED || (next[0] != '-' && !is_file(next));
}

static void keep(struct mir_sbatch *s, const char *arg)
{
    s->argv[s->n++] = arg;
}

/* Returns how many arguments the option took, or -EINVAL. */
static int take_long(struct mir_sbatch *s, int left, char *const *argv, struct mir_error *err)
{
    const char *text = argv[0] + 2, *name;
    const char *equal = strchr(text, '=');
    enum arity arity =
        find_long(text, equal != NULL ? (size_t)(equal - text) : strlen(text), &name);
    const char *next = left > 1 ? argv[1] : NULL;
    bool takes = equal == NULL && takes_next(arity, next);
    bool ours = strcmp(name, "comment") == 0 || strcmp(name, "mirage") == 0;

    if (ours) {
        if (equal == NULL && !takes)
            return mir_error_set(err, -EINVAL, "--%s needs a value", name);
        *(name[0] == 'c' ? &s->comment : &s->mirage) = equal != NULL ? equal + 1 : next;
        return takes ? 2 : 1;
    }
    s->wrap = s->wrap || strcmp(name, "wrap") == 0;
    s->only_asks = s->only_asks || strcmp(name, "help") == 0 || strcmp(name, "usage") == 0 ||
                   strcmp(name, "version") == 0 || strcmp(name, "test-only") == 0 ||
                   strcmp(name, "autocomplete") == 0;
    keep(s, argv[0]);
    if (takes)
        keep(s, next);
    return takes ? 2 : 1;
}

/* "-HN4": flags up to the first option with a value, which has the rest or the next argument. */
static int take_short(struct mir_sbatch *s, int left, char *const *argv)
{
    keep(s, argv[0]);
    for (const char *c = argv[0] + 1; *c != '\0'; c++) {
        if (*c == 'h' || *c == 'u' || *c == 'V')
            s->only_asks = true;
        if (*c == 'k') /* --no-kill: the rest, if any, is its value */
            return 1;
        if (strchr("EHIhKOQRsuVvWXYZ", *c) != NULL)
            continue;
        if (c[1] != '\0' || left < 2)
            return 1;
        keep(s, argv[1]);
        return 2;
    }
    return 1;
}

int mir_sbatch_parse(int argc, char *const *argv, struct mir_sbatch *out, struct mir_error *err)
{
    struct mir_sbatch s = {.argv = mir_alloc((size_t)argc + 1, sizeof(*s.argv))};
    int i = 0;

    while (i < argc && argv[i][0] == '-' && argv[i][1] != '\0') {
        int n;

        if (strcmp(argv[i], "--") == 0) {
            keep(&s, argv[i++]);
            break;
        }
        n = argv[i][1] == '-' ? take_long(&s, argc - i, argv + i, err)
                              : take_short(&s, argc - i, argv + i);
        if (n < 0) {
            mir_sbatch_release(&s);
            return n;
        }
        i += n;
    }
    if (i < argc && !s.wrap) {
        s.script = argv[i];
        s.arguments = argv + i + 1;
        s.n_arguments = (size_t)(argc - i - 1);
    }
    while (i < argc)
        keep(&s, argv[i++]);
    *out = s;
    return 0;
}

void mir_sbatch_release(struct mir_sbatch *s)
{
    free((void *)s->argv);
    *s = (struct mir_sbatch){0};
}

static void add_escaped(struct mir_str *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c <= 0x20 || c == 0x7f || c == '%')
            mir_str_addf(out, "%%%02X", c);
        else
            mir_str_add_n(out, text, 1);
    }
}

void mir_sbatch_list_arguments(const struct mir_sbatch *s, struct mir_str *out)
{
    mir_str_add(out, "");
    for (size_t i = 0; i < s->n_arguments; i++) {
        if (i > 0)
            mir_str_add_n(out, " ", 1);
        add_escaped(out, s->arguments[i]);
    }
}

/* The next word of an #SBATCH line, quotes and backslashes taken off as sbatch does; NULL at its end. */
static char *next_word(const char **at, const char *end)
{
    struct mir_str word = {0};
    char quote = '\0';

    while (*at < end && (**at == ' ' || **at == '\t'))
        ++*at;
    if (*at == end || **at == '#')
        return NULL;
    mir_str_add(&word, "");
    for (; *at < end && (quote != '\0' || (**at != ' ' && **at != '\t')); ++*at) {
        char c = **at;

        if (quote == '\0' && (c == '"' || c == '\''))
            quote = c;
        else if (c == quote)
            quote = '\0';
        else if (c == '\\' && *at + 1 < end)
            mir_str_add_n(&word, ++*at, 1);
        else
            mir_str_add_n(&word, &c, 1);
    }
    return word.text;
}

static bool line_comment(const char *at, const char *end, struct mir_str *out)
{
    bool found = false, value_next = false;
    char *word;

    for (; (word = next_word(&at, end)) != NULL; free(word)) {
        const char *equal = strchr(word, '='), *name = "", *value = NULL;
        size_t len = equal != NULL ? (size_t)(equal - word) : strlen(word);

        if (value_next)
            value = word;
        else if (strncmp(word, "--", 2) == 0)
            (void)find_long(word + 2, len - 2, &name);
        value_next = false;
        if (strcmp(name, "comment") == 0) {
            value = equal != NULL ? equal + 1 : NULL;
            value_next = equal == NULL;
        }
        if (value == NULL)
            continue;
        mir_str_release(out);
        mir_str_add(out, value);
        found = true;
    }
    return found;
}

bool mir_sbatch_script_comment(const char *text, struct mir_str *out)
{
    bool found = false;

    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        const char *start = text + strspn(text, " \t\r");

        if (end == NULL)
            end = text + strlen(text);
        if (strncmp(text, "#SBATCH", 7) == 0 && (text[7] == ' ' || text[7] == '\t'))
            found =
                line_comment(text + 7, end > text && end[-1] == '\r' ? end - 1 : end, out) || found;
        else if (start < end && *start != '#')
            break; /* the first command: sbatch reads no further */
        text = *end == '\n' ? end + 1 : end;
    }
    return found;
}
