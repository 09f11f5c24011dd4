/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.c - sbatch's options, where it read them. */
#include "daemon/broker/options.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"

enum argument { NO_ARGUMENT, ARGUMENT, OPTIONAL };

/* All of sbatch's, so that it is known which take a value and which are not its own. */
static const struct {
    const char *name;
    char letter; /* 0: none */
    enum argument argument;
    enum mir_option keep;
} table[] = {
    {"account", 'A', ARGUMENT, MIR_OPTION_NONE},
    {"acctg-freq", 0, ARGUMENT, MIR_OPTION_ACCTG_FREQ},
    {"array", 'a', ARGUMENT, MIR_OPTION_NONE},
    {"batch", 0, ARGUMENT, MIR_OPTION_NONE},
    {"bb", 0, ARGUMENT, MIR_OPTION_NONE},
    {"bbf", 0, ARGUMENT, MIR_OPTION_NONE},
    {"begin", 'b', ARGUMENT, MIR_OPTION_NONE},
    {"chdir", 'D', ARGUMENT, MIR_OPTION_NONE},
    {"cluster-constraint", 0, ARGUMENT, MIR_OPTION_NONE},
    {"clusters", 'M', ARGUMENT, MIR_OPTION_NONE},
    {"comment", 0, ARGUMENT, MIR_OPTION_NONE},
    {"constraint", 'C', ARGUMENT, MIR_OPTION_NONE},
    {"container", 0, ARGUMENT, MIR_OPTION_NONE},
    {"context", 0, ARGUMENT, MIR_OPTION_NONE},
    {"contiguous", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"core-spec", 'S', ARGUMENT, MIR_OPTION_NONE},
    {"cores-per-socket", 0, ARGUMENT, MIR_OPTION_NONE},
    {"cpu-freq", 0, ARGUMENT, MIR_OPTION_NONE},
    {"cpus-per-gpu", 0, ARGUMENT, MIR_OPTION_NONE},
    {"cpus-per-task", 'c', ARGUMENT, MIR_OPTION_NONE},
    {"deadline", 0, ARGUMENT, MIR_OPTION_NONE},
    {"delay-boot", 0, ARGUMENT, MIR_OPTION_NONE},
    {"dependency", 'd', ARGUMENT, MIR_OPTION_DEPENDENCY},
    {"distribution", 'm', ARGUMENT, MIR_OPTION_DISTRIBUTION},
    {"error", 'e', ARGUMENT, MIR_OPTION_NONE},
    {"exclude", 'x', ARGUMENT, MIR_OPTION_NONE},
    {"exclusive", 0, OPTIONAL, MIR_OPTION_NONE},
    {"export", 0, ARGUMENT, MIR_OPTION_NONE},
    {"export-file", 0, ARGUMENT, MIR_OPTION_NONE},
    {"extra-node-info", 'B', ARGUMENT, MIR_OPTION_NONE},
    {"get-user-env", 0, OPTIONAL, MIR_OPTION_NONE},
    {"gid", 0, ARGUMENT, MIR_OPTION_NONE},
    {"gpu-bind", 0, ARGUMENT, MIR_OPTION_NONE},
    {"gpu-freq", 0, ARGUMENT, MIR_OPTION_NONE},
    {"gpus", 'G', ARGUMENT, MIR_OPTION_NONE},
    {"gpus-per-node", 0, ARGUMENT, MIR_OPTION_NONE},
    {"gpus-per-socket", 0, ARGUMENT, MIR_OPTION_NONE},
    {"gpus-per-task", 0, ARGUMENT, MIR_OPTION_NONE},
    {"gres", 0, ARGUMENT, MIR_OPTION_NONE},
    {"gres-flags", 0, ARGUMENT, MIR_OPTION_NONE},
    {"help", 'h', NO_ARGUMENT, MIR_OPTION_NONE},
    {"hint", 0, ARGUMENT, MIR_OPTION_HINT},
    {"hold", 'H', NO_ARGUMENT, MIR_OPTION_NONE},
    {"ignore-pbs", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"input", 'i', ARGUMENT, MIR_OPTION_NONE},
    {"job-name", 'J', ARGUMENT, MIR_OPTION_NONE},
    {"kill-on-invalid-dep", 0, ARGUMENT, MIR_OPTION_NONE},
    {"licenses", 'L', ARGUMENT, MIR_OPTION_NONE},
    {"mail-type", 0, ARGUMENT, MIR_OPTION_NONE},
    {"mail-user", 0, ARGUMENT, MIR_OPTION_NONE},
    {"mcs-label", 0, ARGUMENT, MIR_OPTION_NONE},
    {"mem", 0, ARGUMENT, MIR_OPTION_NONE},
    {"mem-bind", 0, ARGUMENT, MIR_OPTION_MEM_BIND},
    {"mem-per-cpu", 0, ARGUMENT, MIR_OPTION_NONE},
    {"mem-per-gpu", 0, ARGUMENT, MIR_OPTION_NONE},
    {"mincpus", 0, ARGUMENT, MIR_OPTION_NONE},
    {"network", 0, ARGUMENT, MIR_OPTION_NONE},
    {"nice", 0, OPTIONAL, MIR_OPTION_NONE},
    {"no-kill", 'k', OPTIONAL, MIR_OPTION_NO_KILL},
    {"no-requeue", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"nodefile", 'F', ARGUMENT, MIR_OPTION_NONE},
    {"nodelist", 'w', ARGUMENT, MIR_OPTION_NONE},
    {"nodes", 'N', ARGUMENT, MIR_OPTION_NODES},
    {"ntasks", 'n', ARGUMENT, MIR_OPTION_NONE},
    {"ntasks-per-core", 0, ARGUMENT, MIR_OPTION_NONE},
    {"ntasks-per-gpu", 0, ARGUMENT, MIR_OPTION_NONE},
    {"ntasks-per-node", 0, ARGUMENT, MIR_OPTION_NONE},
    {"ntasks-per-socket", 0, ARGUMENT, MIR_OPTION_NONE},
    {"open-mode", 0, ARGUMENT, MIR_OPTION_OPEN_MODE},
    {"output", 'o', ARGUMENT, MIR_OPTION_NONE},
    {"overcommit", 'O', NO_ARGUMENT, MIR_OPTION_OVERCOMMIT},
    {"oversubscribe", 's', NO_ARGUMENT, MIR_OPTION_NONE},
    {"parsable", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"partition", 'p', ARGUMENT, MIR_OPTION_PARTITION},
    {"power", 0, ARGUMENT, MIR_OPTION_NONE},
    {"prefer", 0, ARGUMENT, MIR_OPTION_NONE},
    {"priority", 0, ARGUMENT, MIR_OPTION_NONE},
    {"profile", 0, ARGUMENT, MIR_OPTION_NONE},
    {"propagate", 0, OPTIONAL, MIR_OPTION_NONE},
    {"qos", 'q', ARGUMENT, MIR_OPTION_NONE},
    {"quiet", 'Q', NO_ARGUMENT, MIR_OPTION_NONE},
    {"reboot", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"requeue", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"reservation", 0, ARGUMENT, MIR_OPTION_NONE},
    {"share", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"signal", 0, ARGUMENT, MIR_OPTION_SIGNAL},
    {"sockets-per-node", 0, ARGUMENT, MIR_OPTION_NONE},
    {"spread-job", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"switches", 0, ARGUMENT, MIR_OPTION_NONE},
    {"tasks-per-node", 0, ARGUMENT, MIR_OPTION_NONE},
    {"test-only", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"thread-spec", 0, ARGUMENT, MIR_OPTION_NONE},
    {"threads-per-core", 0, ARGUMENT, MIR_OPTION_NONE},
    {"time", 't', ARGUMENT, MIR_OPTION_TIME},
    {"time-min", 0, ARGUMENT, MIR_OPTION_NONE},
    {"tmp", 0, ARGUMENT, MIR_OPTION_NONE},
    {"uid", 0, ARGUMENT, MIR_OPTION_NONE},
    {"usage", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"use-min-nodes", 0, NO_ARGUMENT, MIR_OPTION_NONE},
    {"verbose", 'v', NO_ARGUMENT, MIR_OPTION_NONE},
    {"version", 'V', NO_ARGUMENT, MIR_OPTION_NONE},
    {"wait", 'W', NO_ARGUMENT, MIR_OPTION_NONE},
    {"wait-all-nodes", 0, ARGUMENT, MIR_OPTION_WAIT_ALL_NODES},
    {"wckey", 0, ARGUMENT, MIR_OPTION_NONE},
    {"wrap", 0, ARGUMENT, MIR_OPTION_NONE},
};

enum { N_TABLE = sizeof(table) / sizeof(*table), UNKNOWN_MAX = 16, WORDS_MAX = 4096 };

const char *mir_option_name(enum mir_option option)
{
    for (size_t i = 0; i < N_TABLE; i++) {
        if (option != MIR_OPTION_NONE && table[i].keep == option)
            return table[i].name;
    }
    return "";
}

void mir_options_release(struct mir_options *o)
{
    for (int i = 0; i < MIR_N_OPTIONS; i++)
        free(o->value[i]);
    for (size_t i = 0; i < o->n_unknown; i++)
        free(o->unknown[i]);
    free(o->unknown);
    *o = (struct mir_options){0};
}

static void keep(struct mir_options *o, enum mir_option option, const char *value)
{
    if (option == MIR_OPTION_NONE)
        return;
    free(o->value[option]);
    o->value[option] = mir_strdup(value);
}

static void keep_unknown(struct mir_options *o, const char *name, size_t len)
{
    if (o->n_unknown == UNKNOWN_MAX || len > 64)
        return;
    if (o->unknown == NULL)
        o->unknown = MIR_NEW_ARRAY(char *, UNKNOWN_MAX);
    o->unknown[o->n_unknown] = mir_alloc(len + 1, 1);
    memcpy(o->unknown[o->n_unknown++], name, len);
}

/* The index in `table`, N_TABLE for none; getopt_long takes any prefix that fits one option. */
static size_t find_long(const char *name, size_t len)
{
    size_t found = N_TABLE;
    int n_found = 0;

    for (size_t i = 0; i < N_TABLE; i++) {
        if (strncmp(table[i].name, name, len) != 0)
            continue;
        if (table[i].name[len] == '\0')
            return i;
        found = i;
        n_found++;
    }
    return n_found == 1 ? found : N_TABLE;
}

static size_t find_letter(char letter)
{
    for (size_t i = 0; i < N_TABLE; i++) {
        if (table[i].letter == letter)
            return i;
    }
    return N_TABLE;
}

/* How many words the option at `words[i]` took, itself included. */
static size_t read_long(struct mir_options *o, const struct mir_environment *words, size_t i)
{
    const char *name = words->v[i] + 2, *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    size_t row = find_long(name, len);

    if (row == N_TABLE) {
        keep_unknown(o, name, len);
        return 1;
    }
    if (equals != NULL || table[row].argument != ARGUMENT) {
        keep(o, table[row].keep, equals != NULL ? equals + 1 : "");
        return 1;
    }
    if (i + 1 < words->n)
        keep(o, table[row].keep, words->v[i + 1]);
    return 2;
}

static size_t read_letters(struct mir_options *o, const struct mir_environment *words, size_t i)
{
    for (const char *c = words->v[i] + 1; *c != '\0'; c++) {
        size_t row = find_letter(*c);

        if (row == N_TABLE)
            return 1;
        if (table[row].argument == NO_ARGUMENT) {
            keep(o, table[row].keep, "");
            continue;
        }
        if (c[1] != '\0' || table[row].argument == OPTIONAL) {
            keep(o, table[row].keep, c + 1);
            return 1;
        }
        if (i + 1 < words->n)
            keep(o, table[row].keep, words->v[i + 1]);
        return 2;
    }
    return 1;
}

/* `stop`: the word that ends the options, NULL for none; other loose words are values' rests. */
static void read_words(struct mir_options *o, const struct mir_environment *words, const char *stop)
{
    for (size_t i = 0; i < words->n;) {
        const char *word = words->v[i];

        if (word[0] != '-' || word[1] == '\0') {
            const char *slash = strrchr(word, '/');

            if (stop != NULL && strcmp(slash != NULL ? slash + 1 : word, stop) == 0)
                return;
            i++;
        } else if (word[1] == '-')
            i += word[2] == '\0' ? words->n : read_long(o, words, i);
        else
            i += read_letters(o, words, i);
    }
}

/* --- the script -------------------------------------------------------------------- */

/* One word of a #SBATCH line, with its quotes and backslashes resolved; false: no more. */
static bool next_word(const char **at, const char *end, struct mir_str *word)
{
    const char *s = *at;
    char quote = '\0';

    while (s < end && isspace((unsigned char)*s))
        s++;
    if (s == end || *s == '#')
        return false;
    word->len = 0;
    mir_str_add(word, "");
    for (; s < end && (quote != '\0' || !isspace((unsigned char)*s)); s++) {
        if (*s == '\\' && s + 1 < end)
            mir_str_add_n(word, ++s, 1);
        else if (quote != '\0' ? *s == quote : *s == '"' || *s == '\'')
            quote = quote != '\0' ? '\0' : *s;
        else if (quote == '\0' && *s == '#')
            end = s; /* a comment */
        else
            mir_str_add_n(word, s, 1);
    }
    *at = s < end ? s : end;
    return true;
}

static void read_directive(struct mir_options *o, const char *at, const char *end)
{
    struct mir_environment words = {0};
    struct mir_str word = {0};

    while (words.n < WORDS_MAX && next_word(&at, end, &word))
        mir_environment_add(&words, word.text, word.len);
    read_words(o, &words, NULL);
    mir_str_release(&word);
    mir_environment_release(&words);
}

void mir_options_read_script(struct mir_options *o, const char *script)
{
    static const char magic[] = "#SBATCH";

    while (*script != '\0') {
        size_t len = strcspn(script, "\n"), blank = strspn(script, " \t\r\v\f");

        if (strncmp(script, magic, sizeof(magic) - 1) == 0)
            read_directive(o, script + sizeof(magic) - 1, script + len);
        else if (blank < len && script[blank] != '#')
            return; /* a command: sbatch reads no further */
        script += len + (script[len] == '\n');
    }
}

/* --- variables and command line ---------------------------------------------------- */

void mir_options_read_environment(struct mir_options *o, const struct mir_environment *e)
{
    static const struct {
        const char *name;
        enum mir_option option;
    } variables[] = {
        {"SBATCH_SIGNAL", MIR_OPTION_SIGNAL},
        {"SBATCH_PARTITION", MIR_OPTION_PARTITION},
        {"SBATCH_TIMELIMIT", MIR_OPTION_TIME},
        {"SBATCH_OPEN_MODE", MIR_OPTION_OPEN_MODE},
        {"SBATCH_OVERCOMMIT", MIR_OPTION_OVERCOMMIT},
        {"SBATCH_NO_KILL", MIR_OPTION_NO_KILL},
        {"SBATCH_WAIT_ALL_NODES", MIR_OPTION_WAIT_ALL_NODES},
        {"SBATCH_ACCTG_FREQ", MIR_OPTION_ACCTG_FREQ},
        {"SBATCH_DISTRIBUTION", MIR_OPTION_DISTRIBUTION},
        {"SBATCH_MEM_BIND", MIR_OPTION_MEM_BIND},
        {"SBATCH_HINT", MIR_OPTION_HINT},
    };

    for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
        const char *value = mir_environment_get(e, variables[i].name);

        if (value != NULL)
            keep(o, variables[i].option, value);
    }
}

static void read_line_words(struct mir_options *o, const char *line, const char *script_name)
{
    struct mir_environment words = {0};

    line += strcspn(line, " "); /* sbatch itself */
    while (*line != '\0' && words.n < WORDS_MAX) {
        size_t len = strcspn(line, " ");

        if (len > 0)
            mir_environment_add(&words, line, len);
        line += len + (line[len] == ' ');
    }
    read_words(o, &words, script_name);
    mir_environment_release(&words);
}

void mir_options_read_line(struct mir_options *o,
                           const char *line,
                           const char *script_path,
                           const char *wrapped)
{
    const char *cut = wrapped != NULL && *wrapped != '\0' ? strstr(line, wrapped) : NULL;
    struct mir_str rest = {0};

    if (cut != NULL) {
        mir_str_add_n(&rest, line, (size_t)(cut - line));
        mir_str_add(&rest, "_"); /* still the value of --wrap */
        mir_str_add(&rest, cut + strlen(wrapped));
        line = rest.text;
    }
    if (script_path != NULL && strrchr(script_path, '/') != NULL)
        script_path = strrchr(script_path, '/') + 1;
    o->has_line = true;
    read_line_words(o, line, script_path);
    mir_str_release(&rest);
}

/* --- values ------------------------------------------------------------------------ */

/* Names as sbatch knows them; numbers are the way to say any other. */
static const struct {
    const char *name;
    int number;
} signals[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ABRT", SIGABRT}, {"KILL", SIGKILL},
    {"ALRM", SIGALRM}, {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"URG", SIGURG},
    {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},
    {"CHLD", SIGCHLD}, {"XCPU", SIGXCPU},
};

static int parse_signal(const char *s, size_t len, uint16_t *out)
{
    int64_t number;

    if (mir_parse_i64(s, len, &number) == 0) {
        if (number < 1 || number > 0xfff)
            return -EINVAL;
        *out = (uint16_t)number;
        return 0;
    }
    if (len > 3 && strncasecmp(s, "SIG", 3) == 0) {
        s += 3;
        len -= 3;
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        if (strlen(signals[i].name) == len && strncasecmp(signals[i].name, s, len) == 0) {
            *out = (uint16_t)signals[i].number;
            return 0;
        }
    }
    return -EINVAL;
}

int mir_signal_option_parse(const char *text, struct mir_signal_option *out)
{
    const char *colon = strchr(text, ':'), *at;
    struct mir_signal_option o = {.warn_s = 60};
    int64_t warn_s;

    for (; colon != NULL && text < colon; text++) {
        if (*text == 'B' || *text == 'b')
            o.batch_only = true;
        else if (*text == 'R' || *text == 'r')
            o.with_reservation = true;
        else
            return -EINVAL;
    }
    if (colon != NULL)
        text++;
    at = strchr(text, '@');
    if (at != NULL) {
        if (mir_parse_i64(at + 1, strlen(at + 1), &warn_s) != 0 || warn_s < 0 ||
            warn_s > UINT16_MAX)
            return -EINVAL;
        o.warn_s = (uint16_t)warn_s;
    }
    if (parse_signal(text, at != NULL ? (size_t)(at - text) : strlen(text), &o.signal) != 0)
        return -EINVAL;
    *out = o;
    return 0;
}

static int parse_count(const char *s, size_t len, uint32_t *out)
{
    int64_t n, unit = 1;

    if (len > 0 && (s[len - 1] == 'k' || s[len - 1] == 'K'))
        unit = 1024;
    if (len > 0 && (s[len - 1] == 'm' || s[len - 1] == 'M'))
        unit = 1024 * 1024;
    if (unit > 1)
        len--;
    if (mir_parse_i64(s, len, &n) != 0 || n < 0 || n > INT32_MAX / unit)
        return -EINVAL;
    *out = (uint32_t)(n * unit);
    return 0;
}

int mir_nodes_option_parse(const char *text, uint32_t *min, uint32_t *max)
{
    size_t len = strcspn(text, "-");
    uint32_t least, most;

    if (parse_count(text, len, &least) != 0)
        return -EINVAL;
    most = least;
    if (text[len] == '-' && parse_count(text + len + 1, strlen(text + len + 1), &most) != 0)
        return -EINVAL;
    if (most < least)
        return -EINVAL;
    *min = least;
    *max = most;
    return 0;
}
