/* SPDX-License-Identifier: GPL-3.0-or-later */
/* config.c - the table of all keys, and what parser, listing and example make of it. */
#include "daemon/config/config.h"

#include <confuse.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/file.h"
#include "daemon/config/scan.h"
#include "daemon/config/value.h"
#include "daemon/core/alloc.h"
#include "daemon/core/str.h"

#define AT(field) offsetof(struct mir_config, field)
#define PART(field) offsetof(struct mir_config_partition, field)

enum { MINUTE = 60, HOUR = 3600, DAY = 86400 };

/*
 * section, key, type, where, least, most, default, choices, sentence.  The order
 * is that of the example file and of `mirage config`.
 */
static const struct mir_config_row table[] = {
    {"", "mode", MIR_CONFIG_CHOICE, AT(mode), 0, 0, "observe", "observe|canary|act",
     "What the daemon may do: observe decides and journals, and submits nothing; canary acts for "
     "the users, accounts and partitions listed in the canary section; act acts for all chains."},
    {"", "policy", MIR_CONFIG_POLICY, AT(policy), 0, 0, "avg", NULL,
     "Which policy decides when a successor is submitted: a name with options "
     "(\"lead:hours=6\") or the path of a plugin."},
    {"", "weight", MIR_CONFIG_REAL, AT(weight), 0, 1000, "1", NULL,
     "How much a second of overlap costs, where a second of interruption costs 1."},
    {"", "period", MIR_CONFIG_DURATION, AT(period_s), 1, DAY, "10m", NULL,
     "How often a policy is asked while the predecessor runs."},
    {"", "poll", MIR_CONFIG_DURATION, AT(poll_s), 1, HOUR, "60s", NULL,
     "The shortest time between two readings of the job list; it is also at least five times the "
     "duration of the last one."},
    {"", "warmup", MIR_CONFIG_DURATION, AT(warmup_s), 0, 7 * DAY, "0s", NULL,
     "How long a successor needs after its start before it serves, unless the chain says so."},
    {"", "lead_max", MIR_CONFIG_DURATION, AT(lead_max_s), 0, 60 * DAY, "0s", NULL,
     "A successor is submitted at most this long before its predecessor's end; 0 is no limit."},
    {"", "lookahead_cpu", MIR_CONFIG_DURATION, AT(lookahead_cpu_s), 0, HOUR, "5s", NULL,
     "How much CPU time the policy lookahead may take in each period, for all chains together; "
     "who is not served when it is spent holds to what is planned; 0 is no limit."},
    {"", "links_max", MIR_CONFIG_COUNT, AT(links_max), 0, 100000, "0", NULL,
     "How many jobs a chain may have in all; 0 is no limit."},
    {"", "chains_per_user", MIR_CONFIG_COUNT, AT(chains_per_user), 1, 100000, "20", NULL,
     "How many open chains a user may have."},
    {"", "fail_within", MIR_CONFIG_DURATION, AT(fail_within_s), 0, 7 * DAY, "5m", NULL,
     "A job that ends with an error sooner than this after its start counts as a failure."},
    {"", "max_failures", MIR_CONFIG_COUNT, AT(max_failures), 1, 100, "3", NULL,
     "After this many failures in a row a chain is parked."},
    {"", "backoff", MIR_CONFIG_DURATION, AT(backoff_s), 1, DAY, "1m", NULL,
     "The wait after the first failure; it doubles with each further one."},
    {"", "finish_margin", MIR_CONFIG_DURATION, AT(finish_margin_s), 0, 7 * DAY, "10m", NULL,
     "A job that ends with exit code 0 earlier than this before its time limit has finished its "
     "work, and the chain is done."},
    {"", "done_on_success", MIR_CONFIG_BOOL, AT(done_on_success), 0, 0, "true", NULL,
     "Whether a job that finishes its work ends the chain, unless the chain says so."},
    {"", "enroll_by_comment", MIR_CONFIG_BOOL, AT(enroll_by_comment), 0, 0, "true", NULL,
     "Whether a job whose comment asks for a chain gets one; otherwise only `mirage enroll` does."},
    {"", "admins", MIR_CONFIG_NAMES, AT(admins), 0, 0, "", NULL,
     "Users that may act on all chains and drain the daemon; root always may."},
    {"", "state_dir", MIR_CONFIG_PATH, AT(state_dir), 1, 0, "/var/lib/mirage", NULL,
     "Where the journal is kept."},
    {"", "model", MIR_CONFIG_PATH, AT(model), 0, 0, "/var/lib/mirage/model/current.model", NULL,
     "The model of waits, made by mirage-train; with another state_dir its default is "
     "model/current.model there. Empty is none: policies that need one fall back to qbets."},
    {"", "socket", MIR_CONFIG_SOCKET, AT(socket), 1, 0, "/run/mirage/mirage.sock", NULL,
     "The socket that the mirage command talks to."},
    {"", "kill_file", MIR_CONFIG_PATH, AT(kill_file), 1, 0, "/etc/mirage/stop", NULL,
     "While this file exists, nothing is submitted."},
    {"", "time_zone", MIR_CONFIG_ZONE, AT(time_zone), 0, 0, "", NULL,
     "The zone of times without one (until=2027-01-01); empty is the system's."},
    {"", "listen", MIR_CONFIG_LISTEN, AT(listen), 0, 0, "127.0.0.1:8642", NULL,
     "The loopback address of the read-only HTTP server; empty is none."},
    {"", "hosts", MIR_CONFIG_HOSTS, AT(hosts), 0, 0, "", NULL,
     "Names beside localhost that HTTP clients may use in the Host field, such as that of a "
     "proxy."},
    {"", "show_users", MIR_CONFIG_BOOL, AT(show_users), 0, 0, "false", NULL,
     "Whether names of users, accounts and jobs are shown over HTTP on TCP."},
    {"", "history_days", MIR_CONFIG_COUNT, AT(history_days), 1, 3650, "30", NULL,
     "How many days of past jobs are read from accounting."},
    {"", "keep_days", MIR_CONFIG_COUNT, AT(keep_days), 1, 36500, "90", NULL,
     "How many days ended chains stay in the journal, and past jobs, from which mirage-train "
     "learns."},
    {"", "history_max", MIR_CONFIG_COUNT, AT(history_max), 1000, 5000000, "500000", NULL,
     "How many past jobs are kept in memory at most."},
    {"canary", "users", MIR_CONFIG_NAMES, AT(canary_users), 0, 0, "", NULL,
     "Users for whose chains canary mode acts."},
    {"canary", "accounts", MIR_CONFIG_NAMES, AT(canary_accounts), 0, 0, "", NULL,
     "Accounts for whose chains canary mode acts."},
    {"canary", "partitions", MIR_CONFIG_NAMES, AT(canary_partitions), 0, 0, "", NULL,
     "Partitions for whose chains canary mode acts."},
    {"broker", "socket", MIR_CONFIG_SOCKET, AT(broker.socket), 1, 0,
     "/run/mirage-broker/broker.sock", NULL, "The socket between daemon and broker."},
    {"broker", "spool", MIR_CONFIG_PATH, AT(broker.spool), 1, 0, "/var/lib/mirage-broker", NULL,
     "Where the broker keeps what it submits again: scripts and environments."},
    {"broker", "slurm_conf", MIR_CONFIG_PATH, AT(broker.slurm_conf), 0, 0, "", NULL,
     "The slurm.conf to use; empty is libslurm's own choice."},
    {"broker", "user", MIR_CONFIG_NAME, AT(broker.user), 0, 0, "mirage", NULL,
     "The daemon's user: the only one that the broker answers, and whom its reader becomes."},
    {"broker", "min_uid", MIR_CONFIG_UID, AT(broker.min_uid), 1, 4294967293.0, "1000", NULL,
     "Nothing is done for users with a uid under this."},
    {"broker", "user_per_hour", MIR_CONFIG_COUNT, AT(broker.user_per_hour), 1, 100000, "60", NULL,
     "How many jobs are submitted for one user in an hour at most."},
    {"broker", "all_per_hour", MIR_CONFIG_COUNT, AT(broker.all_per_hour), 1, 1000000, "600", NULL,
     "How many jobs are submitted in an hour at most, for all users together."},
    {"broker", "deadline", MIR_CONFIG_DURATION, AT(broker.deadline_s), 0, HOUR, "0s", NULL,
     "How long one act may take in all; 0 is four times Slurm's MessageTimeout."},
    {"broker", "state_save", MIR_CONFIG_CHOICE, AT(broker.state_save), 0, 0, "auto", "auto|never",
     "Whether environments of jobs are read from StateSaveLocation where it can be read."},
    {"broker", "slurm_user", MIR_CONFIG_NAME, AT(broker.slurm_user), 0, 0, "slurm", NULL,
     "Whose account may read StateSaveLocation."},
};

static const struct mir_config_row partition_table[] = {
    {"partition", "policy", MIR_CONFIG_POLICY, PART(policy), 0, 0, NULL, NULL,
     "The policy for chains in this partition."},
    {"partition", "weight", MIR_CONFIG_REAL, PART(weight), 0, 1000, NULL, NULL,
     "The weight for chains in this partition."},
};

enum {
    N_ROWS = sizeof(table) / sizeof(table[0]),
    N_PARTITION_ROWS = sizeof(partition_table) / sizeof(partition_table[0]),
};

/* libconfuse has no argument for its error function; its scanner is global state anyway. */
static const char *parsed_name;
static struct mir_error *first_error;

__attribute__((format(printf, 2, 0))) static void
collect_error(cfg_t *cfg, const char *fmt, va_list args)
{
    char text[300];

    if (first_error->text[0] != '\0')
        return;
    (void)vsnprintf(text, sizeof(text), fmt, args);
    (void)mir_error_set(first_error, 0, "%s:%d: %s", parsed_name, cfg->line, text);
}

static const struct mir_config_row *find_row(const char *section, const char *key)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strcmp(table[i].section, section) == 0 && strcmp(table[i].key, key) == 0)
            return &table[i];
    }
    for (size_t i = 0; i < N_PARTITION_ROWS; i++) {
        if (strcmp(section, "partition") == 0 && strcmp(partition_table[i].key, key) == 0)
            return &partition_table[i];
    }
    return NULL;
}

/*
 * All keys are text for libconfuse: its numbers know neither range nor unit, and
 * it takes an ERANGE left over in errno for its own.
 */
static void
make_options(const struct mir_config_row *rows, size_t n_rows, const char *section, cfg_opt_t *out)
{
    static const cfg_opt_t scalar = CFG_STR(NULL, NULL, CFGF_NODEFAULT);
    static const cfg_opt_t list = CFG_STR_LIST(NULL, NULL, CFGF_NODEFAULT);
    static const cfg_opt_t end = CFG_END();

    for (size_t i = 0; i < n_rows; i++) {
        if (strcmp(rows[i].section, section) != 0)
            continue;
        *out = mir_config_is_list(&rows[i]) ? list : scalar;
        (out++)->name = rows[i].key;
    }
    *out = end;
}

static cfg_t *make_parser(void)
{
    cfg_opt_t canary[N_ROWS + 1], broker[N_ROWS + 1], partition[N_PARTITION_ROWS + 1];
    cfg_opt_t root[N_ROWS + 4];
    cfg_opt_t sections[] = {
        CFG_SEC("canary", canary, CFGF_NONE),
        CFG_SEC("broker", broker, CFGF_NONE),
        CFG_SEC("partition", partition, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
    };
    cfg_t *cfg;

    make_options(table, N_ROWS, "canary", canary);
    make_options(table, N_ROWS, "broker", broker);
    make_options(partition_table, N_PARTITION_ROWS, "partition", partition);
    memcpy(root, sections, sizeof(sections));
    make_options(table, N_ROWS, "", root + 3);
    cfg = cfg_init(root, CFGF_NONE);
    if (cfg == NULL)
        abort(); /* out of memory, as in mir_alloc() */
    (void)cfg_set_error_function(cfg, collect_error);
    return cfg;
}

static void set_defaults(struct mir_config *config)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        const char *const preset[] = {table[i].preset};
        size_t n = mir_config_is_list(&table[i]) ? 0 : 1;

        if (mir_config_value_set(&table[i], config, preset, n, NULL) != 0)
            abort(); /* a default out of its own range is a bug of the table */
    }
}

/* Values of one option as libconfuse has them. */
static int
set_from(const struct mir_config_row *row, void *base, cfg_opt_t *opt, struct mir_error *err)
{
    unsigned n = opt != NULL ? cfg_opt_size(opt) : 0;
    const char **values = mir_alloc(n, sizeof(*values));
    int rc;

    for (unsigned i = 0; i < n; i++)
        values[i] = cfg_opt_getnstr(opt, i);
    rc = mir_config_value_set(row, base, values, n, err);
    free((void *)values);
    return rc;
}

static int open_partition(struct mir_config *config, const char *title, struct mir_error *err)
{
    int rc = mir_config_name_check(title, err);

    if (rc != 0)
        return rc;
    config->partitions =
        mir_realloc(config->partitions, config->n_partitions + 1, sizeof(*config->partitions));
    config->partitions[config->n_partitions++] =
        (struct mir_config_partition){.name = mir_strdup(title), .weight = (double)NAN};
    return 0;
}

/* One line of the file, with all its values; entries come in the order of the file. */
static int apply(struct mir_config *config,
                 cfg_t *cfg,
                 const struct mir_config_entry *entry,
                 struct mir_error *err)
{
    bool in_partition = strcmp(entry->section, "partition") == 0;
    const struct mir_config_row *row;
    void *base = config;

    if (entry->key[0] == '\0')
        return in_partition ? open_partition(config, entry->title, err) : 0;
    row = find_row(entry->section, entry->key);
    if (row == NULL) /* "broker|user": libconfuse would find that */
        return mir_error_set(err, -EINVAL, "no such option '%.100s'", entry->key);
    if (in_partition) {
        base = &config->partitions[config->n_partitions - 1];
        cfg = cfg_gettsec(cfg, "partition", entry->title);
    } else if (entry->section[0] != '\0') {
        cfg = cfg_getsec(cfg, entry->section);
    }
    return set_from(row, base, cfg != NULL ? cfg_getopt(cfg, entry->key) : NULL, err);
}

static int apply_all(struct mir_config *config,
                     cfg_t *cfg,
                     const char *name,
                     const struct mir_config_scan *scan,
                     struct mir_error *err)
{
    for (size_t i = 0; i < scan->n_entries; i++) {
        struct mir_error why = {{0}};

        if (apply(config, cfg, &scan->entries[i], &why) != 0)
            return mir_error_set(err, -EINVAL, "%s:%d: %s", name, scan->entries[i].line, why.text);
    }
    return 0;
}

/* Its default lies in state_dir, wherever that is. */
static void place_model(struct mir_config *config, const struct mir_config_scan *scan)
{
    struct mir_str path = {0};

    for (size_t i = 0; i < scan->n_entries; i++) {
        if (scan->entries[i].section[0] == '\0' && strcmp(scan->entries[i].key, "model") == 0)
            return;
    }
    mir_str_addf(&path, "%s/model/current.model", config->state_dir);
    free(config->model);
    config->model = path.text;
}

static int run_parser(cfg_t *cfg, const char *name, const char *text, struct mir_error *err)
{
    struct mir_error why = {{0}};
    int rc;

    parsed_name = name;
    first_error = &why;
    rc = text[0] == '\0' ? CFG_SUCCESS : cfg_parse_buf(cfg, text);
    first_error = NULL;
    if (rc == CFG_SUCCESS && why.text[0] == '\0')
        return 0;
    if (why.text[0] == '\0') /* an empty name, for one, fails without a word */
        (void)mir_error_set(&why, 0, "%s:%d: syntax error", name, cfg->line);
    return mir_error_set(err, -EINVAL, "%s", why.text);
}

int mir_config_parse(const char *name,
                     const char *text,
                     struct mir_config **out,
                     struct mir_error *err)
{
    struct mir_config *config = MIR_NEW(struct mir_config);
    struct mir_config_scan scan;
    cfg_t *cfg;
    int rc;

    set_defaults(config);
    rc = mir_config_scan(name, text, &scan, err);
    if (rc != 0)
        goto fail;
    cfg = make_parser();
    rc = run_parser(cfg, name, scan.text, err);
    if (rc == 0)
        rc = apply_all(config, cfg, name, &scan, err);
    if (rc == 0)
        place_model(config, &scan);
    (void)cfg_free(cfg);
    mir_config_scan_release(&scan);
    if (rc != 0)
        goto fail;
    *out = config;
    return 0;
fail:
    mir_config_destroy(config);
    return rc;
}

int mir_config_read(const char *path, struct mir_config **out, struct mir_error *err)
{
    char *text = NULL;
    int rc;

    if (path == NULL)
        return mir_config_parse("defaults", "", out, err);
    rc = mir_config_file_read(path, &text, err);
    if (rc == 0)
        rc = mir_config_parse(path, text, out, err);
    free(text);
    return rc;
}

void mir_config_destroy(struct mir_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < N_ROWS; i++)
        mir_config_value_release(&table[i], config);
    for (size_t i = 0; i < config->n_partitions; i++) {
        free(config->partitions[i].name);
        free(config->partitions[i].policy);
    }
    free(config->partitions);
    free(config);
}

static void each_partition(const struct mir_config_partition *partition,
                           void (*f)(void *arg, const char *key, const char *value),
                           void *arg)
{
    for (size_t i = 0; i < N_PARTITION_ROWS; i++) {
        const struct mir_config_row *row = &partition_table[i];
        struct mir_str key = {0}, value = {0};

        if (row->type == MIR_CONFIG_POLICY ? partition->policy == NULL : isnan(partition->weight))
            continue;
        mir_str_addf(&key, "partition.%s.%s", partition->name, row->key);
        mir_config_value_format(row, partition, &value);
        f(arg, key.text, value.text);
        mir_str_release(&key);
        mir_str_release(&value);
    }
}

void mir_config_each(const struct mir_config *config,
                     void (*f)(void *arg, const char *key, const char *value),
                     void *arg)
{
    for (size_t i = 0; i < N_ROWS; i++) {
        struct mir_str key = {0}, value = {0};

        mir_str_addf(&key, "%s%s%s", table[i].section, table[i].section[0] != '\0' ? "." : "",
                     table[i].key);
        mir_config_value_format(&table[i], config, &value);
        f(arg, key.text, value.text);
        mir_str_release(&key);
        mir_str_release(&value);
    }
    for (size_t i = 0; i < config->n_partitions; i++)
        each_partition(&config->partitions[i], f, arg);
}

/* `sentence` as a comment of lines that fit a terminal. */
static void add_comment(struct mir_str *out, const char *indent, const char *sentence)
{
    size_t width = 88 - strlen(indent);

    while (*sentence != '\0') {
        size_t n = strlen(sentence);

        if (n > width) {
            for (n = width; sentence[n] != ' ' && n > 1; n--)
                continue;
        }
        mir_str_addf(out, "%s# %.*s\n", indent, (int)n, sentence);
        sentence += n;
        while (*sentence == ' ')
            sentence++;
    }
}

static void add_range(struct mir_str *out, const char *indent, const struct mir_config_row *row)
{
    if (row->type == MIR_CONFIG_CHOICE || row->type == MIR_CONFIG_BOOL ||
        row->type == MIR_CONFIG_DURATION || row->type == MIR_CONFIG_COUNT ||
        row->type == MIR_CONFIG_REAL) {
        mir_str_addf(out, "%s# Expected: ", indent);
        mir_config_value_expect(row, out);
        mir_str_add(out, ".\n");
    }
}

static void add_example(struct mir_str *out, const struct mir_config *defaults, const char *section)
{
    const char *indent = section[0] != '\0' ? "    " : "";

    for (size_t i = 0; i < N_ROWS; i++) {
        if (strcmp(table[i].section, section) != 0)
            continue;
        add_comment(out, indent, table[i].sentence);
        add_range(out, indent, &table[i]);
        mir_str_addf(out, "%s# %s = ", indent, table[i].key);
        mir_config_value_format(&table[i], defaults, out);
        mir_str_add(out, "\n\n");
    }
}

void mir_config_example(struct mir_str *out)
{
    struct mir_config *defaults = MIR_NEW(struct mir_config);

    set_defaults(defaults);
    mir_str_add(out,
                "# mirage.conf - see mirage.conf(5).  Every key stands here with its default.\n"
                "# Durations: 90s, 10m, 1.5h, 2d, or Slurm's 2-00:00:00; a bare number is "
                "seconds.\n\n");
    add_example(out, defaults, "");
    mir_str_add(out, "canary {\n");
    add_example(out, defaults, "canary");
    mir_str_add(out, "}\n\n# Other values for one partition:\n# partition \"gpu\" {\n"
                     "#     policy = \"lead:hours=6\"\n#     weight = 0.1\n# }\n\n"
                     "# What the privileged part holds itself to, whatever the daemon says.\n"
                     "broker {\n");
    add_example(out, defaults, "broker");
    mir_str_add(out, "}\n");
    mir_config_destroy(defaults);
}
