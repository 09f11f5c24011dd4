/* SPDX-License-Identifier: GPL-3.0-or-later */
/* selftest.c - what a chain needs, looked at as a user would. */
#include "daemon/cli/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "daemon/cli/child.h"
#include "daemon/cli/environment.h"

enum {
    STALE_S = 180,
    OLD_MODEL_S = 60 * 86400,
    KNOWN_MIN = 200, /* waits, before coverage says anything */
};

enum result { OK, WARN, FAIL };

static const char *const result_names[] = {"ok", "warn", "FAIL"};

struct report {
    const struct mir_cli *cli;
    struct mir_table table;
    struct json_object *checks;
    bool failed;
};

static const struct mir_table_column columns[] = {{"RESULT", false},
                                                  {"CHECK", false},
                                                  {"TEXT", false}};

__attribute__((format(printf, 4, 5))) static void
note(struct report *r, const char *check, enum result result, const char *fmt, ...)
{
    struct json_object *one = json_object_new_object();
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    mir_table_add(&r->table, result_names[result]);
    mir_table_add(&r->table, check);
    mir_table_add(&r->table, text);
    json_object_object_add(one, "check", json_object_new_string(check));
    json_object_object_add(one, "result", json_object_new_string(result_names[result]));
    json_object_object_add(one, "text", json_object_new_string(text));
    json_object_array_add(r->checks, one);
    r->failed = r->failed || result == FAIL;
}

static void check_socket(struct report *r)
{
    struct stat st;

    if (stat(r->cli->socket, &st) != 0 || !S_ISSOCK(st.st_mode))
        note(r, "socket", FAIL, "no socket at %s: is miraged running? (systemctl status miraged)",
             r->cli->socket);
    else
        note(r, "socket", OK, "%s", r->cli->socket);
}

static struct json_object *check_daemon(struct report *r)
{
    struct json_object *status = NULL;
    struct mir_str text = {0};

    if (mir_cli_try(r->cli, "GET", "/api/v1/status", NULL, &status, &text) != MIR_EXIT_OK)
        note(r, "daemon", FAIL, "%s: see journalctl -u miraged", text.text);
    else
        note(r, "daemon", OK, "miraged %s answers", mir_json_text(status, "version"));
    mir_str_release(&text);
    return status;
}

static void check_broker(struct report *r, struct json_object *s)
{
    if (mir_json_bool(s, "connected"))
        note(r, "broker", OK, "connected to cluster %s, Slurm %s", mir_json_text(s, "cluster"),
             mir_json_text(s, "slurm_version"));
    else
        note(r, "broker", FAIL, "not connected: see systemctl status mirage-broker");
}

static void check_list(struct report *r, struct json_object *s)
{
    int64_t list_at = mir_json_int(s, "list_at", 0), poll_s = mir_json_int(s, "poll_s", 0);
    int64_t age_s = r->cli->now - list_at;
    bool stale = age_s > STALE_S && (poll_s <= 0 || age_s / 3 > poll_s);
    struct mir_str age = {0};

    mir_print_duration(age_s, &age);
    if (list_at == 0)
        note(r, "job list", FAIL, "not read yet: does slurmctld answer? (scontrol ping)");
    else if (age_s < -60)
        note(r, "job list", WARN, "%s in the future: do the clocks of the hosts agree?",
             age.text + 1);
    else
        note(r, "job list", stale ? FAIL : OK, "read %s ago%s", age.text,
             stale ? ": does slurmctld answer? (scontrol ping)" : "");
    mir_str_release(&age);
}

static void check_journal(struct report *r, struct json_object *s)
{
    const char *journal = mir_json_text(s, "journal");

    if (strcmp(journal, "wal") == 0)
        note(r, "journal", OK, "wal");
    else if (strcmp(journal, "truncate") == 0)
        note(r, "journal", WARN,
             "truncate: state_dir is on a network file system; a local one is "
             "faster");
    else
        note(r, "journal", FAIL, "not open (%s): is state_dir writable, is its disk full?",
             journal);
}

static void check_mode(struct report *r, struct json_object *s)
{
    const char *mode = mir_json_text(s, "mode");

    if (mir_json_bool(s, "killed"))
        note(r, "mode", WARN, "%s, but the kill file exists: nothing is submitted", mode);
    else if (mir_json_bool(s, "drained"))
        note(r, "mode", WARN, "%s, but drained: nothing is submitted until mirage undrain", mode);
    else
        note(r, "mode", OK, "%s%s", mode,
             strcmp(mode, "observe") == 0 ? ": it decides and reports, and submits nothing" : "");
}

static void check_ready(struct report *r, struct json_object *s)
{
    const char *problem = mir_json_text(s, "problem");

    if (!mir_json_bool(s, "ready"))
        note(r, "ready", FAIL, "no%s%s", problem[0] != '\0' ? ": " : "", problem);
    else if (problem[0] != '\0')
        note(r, "ready", WARN, "yes, but %s", problem);
    else
        note(r, "ready", OK, "yes");
}

static void check_history(struct report *r, struct json_object *s)
{
    const char *history = mir_json_text(s, "history");
    bool accounting = strncmp(history, "accounting", 10) == 0;

    note(r, "accounting", accounting ? OK : WARN, "%s%s", history,
         accounting ? "" : ": waits are learnt from what is seen from now on");
}

static void describe_model(struct report *r, struct json_object *m, struct json_object *current)
{
    struct json_object *coverage = mir_json_object(m, "coverage");
    int64_t trained_at = mir_json_int(current, "trained_at", 0);
    int64_t n_known = mir_json_int(coverage, "n_known", 0);
    double p90 = mir_json_number(coverage, "p90");
    bool old = r->cli->now - trained_at > OLD_MODEL_S;
    bool off = n_known >= KNOWN_MIN && (p90 < 0.85 || p90 > 0.95);
    struct mir_str age = {0}, kept = {0};

    mir_print_duration(r->cli->now - trained_at, &age);
    if (n_known > 0)
        mir_str_addf(&kept, "p90 held for %.0f %% of the last %lld waits", 100 * p90,
                     (long long)n_known);
    else
        mir_str_add(&kept, "no wait known yet to hold it against");
    note(r, "model", old || off ? WARN : OK, "trained %s ago on %s; %s%s", age.text,
         mir_json_text(current, "source"), kept.text,
         old ? ": is mirage-train.timer enabled?" : "");
    mir_str_release(&age);
    mir_str_release(&kept);
}

static void check_model(struct report *r, struct json_object *s)
{
    struct json_object *m = NULL, *current;
    struct mir_str text = {0};

    (void)s;
    if (mir_cli_try(r->cli, "GET", "/api/v1/model", NULL, &m, &text) != MIR_EXIT_OK) {
        note(r, "model", WARN, "%s", text.text);
        mir_str_release(&text);
        return;
    }
    current = mir_json_object(m, "current");
    if (mir_json_text(m, "refused")[0] != '\0')
        note(r, "model", WARN, "%s", mir_json_text(m, "refused"));
    else if (current == NULL)
        note(r, "model", OK, "none: policies that need one fall back to qbets");
    else
        describe_model(r, m, current);
    json_object_put(m);
}

static const char *program(const char *variable, const char *otherwise)
{
    const char *path = getenv(variable);

    return path != NULL && path[0] != '\0' ? path : otherwise;
}

static void check_programs(struct report *r)
{
    static const struct {
        const char *name, *variable, *needed_by;
    } programs[] = {
        {"sbatch", "MIRAGE_SBATCH", "mirage submit"},
        {"squeue", "MIRAGE_SQUEUE", "mirage enroll"},
        {"scontrol", "MIRAGE_SCONTROL", "mirage enroll"},
    };

    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        const char *path = program(programs[i].variable, programs[i].name);

        if (mir_child_found(path))
            note(r, programs[i].name, OK, "found");
        else
            note(r, programs[i].name, WARN, "not found in PATH: %s needs it",
                 programs[i].needed_by);
    }
}

/* Does the value of `key` in `scontrol show config` ("Key    = a,b\n") name `word`? */
static bool names(const char *config, const char *key, const char *word)
{
    const char *line = strstr(config, key);
    size_t len = line != NULL ? strcspn(line, "\n") : 0;

    return line != NULL && memmem(line, len, word, strlen(word)) != NULL;
}

static void check_slurm_conf(struct report *r)
{
    const char *argv[] = {program("MIRAGE_SCONTROL", "scontrol"), "show", "config", NULL};
    struct mir_str text = {0};
    struct mir_error err = {{0}};

    if (!mir_child_found(argv[0]) || mir_child_read(argv, &text, &err) != 0) {
        note(r, "slurm.conf", WARN, "cannot be looked at: scontrol show config fails");
        mir_str_release(&text);
        return;
    }
    if (names(text.text, "AccountingStoreFlags", "job_comment"))
        note(r, "comment", OK, "kept in accounting");
    else
        note(r, "comment", WARN,
             "not kept in accounting: add job_comment to AccountingStoreFlags "
             "in slurm.conf, so that a lost job is found again");
    if (names(text.text, "PrivateData", "jobs"))
        note(r, "jobs", WARN,
             "hidden by PrivateData in slurm.conf: Mirage sees none unless its user is an "
             "operator (sacctmgr add user mirage account=root adminlevel=operator)");
    else
        note(r, "jobs", OK, "can be seen by all users");
    mir_str_release(&text);
}

static void check_munge(struct report *r)
{
    char *const nothing[] = {NULL};
    struct mir_str sealed = {0};
    struct mir_error err = {{0}};

    if (mir_environment_seal(1, nothing, &sealed, &err) == 0)
        note(r, "munge", OK, "works");
    else
        note(r, "munge", WARN, "%s: mirage enroll --export needs it", err.text);
    mir_str_release(&sealed);
}

int mir_verb_selftest(const struct mir_cli *cli)
{
    struct report r = {.cli = cli, .checks = json_object_new_array()};
    struct json_object *status, *root = json_object_new_object();
    static void (*const checks[])(struct report *, struct json_object *) = {
        check_broker, check_list,    check_journal, check_mode,
        check_ready,  check_history, check_model};

    mir_table_init(&r.table, columns, sizeof(columns) / sizeof(columns[0]));
    check_socket(&r);
    status = check_daemon(&r);
    for (size_t i = 0; status != NULL && i < sizeof(checks) / sizeof(checks[0]); i++)
        checks[i](&r, status);
    check_programs(&r);
    check_slurm_conf(&r);
    check_munge(&r);
    json_object_object_add(root, "checks", r.checks);
    if (cli->format == MIR_FORMAT_JSON) {
        mir_print_json(cli, root);
        mir_table_release(&r.table);
    } else {
        mir_print_table(cli, &r.table);
    }
    json_object_put(root);
    json_object_put(status);
    return r.failed ? MIR_EXIT_REFUSED : MIR_EXIT_OK;
}
