/*
 * cli.h - the verbs of the mirage command: what each needs to know, and what all
 * of them share.  A verb writes its answer to `out` and complaints to `err`, and
 * returns the exit status.  One thread.
 */
#ifndef MIR_CLI_CLI_H
#define MIR_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "daemon/cli/table.h"

enum mir_exit {
    MIR_EXIT_OK = 0,
    MIR_EXIT_REFUSED = 1, /* the daemon, or Slurm, says no */
    MIR_EXIT_USAGE = 2,
    MIR_EXIT_UNREACHABLE = 3,
};

enum mir_format { MIR_FORMAT_TABLE, MIR_FORMAT_BARS, MIR_FORMAT_JSON };

struct mir_zone;

struct mir_cli {
    const char *socket; /* the daemon's */
    enum mir_format format;
    bool header;
    size_t width; /* of the terminal; 0: not one */
    bool utf8;    /* it shows more than ASCII */
    int64_t now;
    const struct mir_zone *zone; /* NULL: UTC */
    FILE *out, *err;
    /* of the verb */
    const char *chain; /* as the user gave it: id, its beginning, or a job's id; model: the verb */
    const char *user;
    const char *options; /* enroll: after "mirage:"; NULL: none given */
    bool all, keep_successor, export_environment;
    int64_t n;              /* why: decisions */
    int64_t nodes, limit_s; /* predict */
    const char *account, *partition, *qos;
    const char *file; /* model install */
    bool force;
    int argc; /* submit: the rest */
    char *const *argv;
};

/* ---- Asking the daemon (ask.c).  All return an exit status, and complain themselves. */

/* GET; `*out` is put by the caller. */
int mir_cli_get(const struct mir_cli *cli, const char *target, struct json_object **out);

/* POST `body` (taken over; NULL: {}). */
int mir_cli_post(const struct mir_cli *cli,
                 const char *target,
                 struct json_object *body,
                 struct json_object **out);

/* The same without complaints: the text of the error in `text` instead. */
int mir_cli_try(const struct mir_cli *cli,
                const char *method,
                const char *target,
                struct json_object *body,
                struct json_object **out,
                struct mir_str *text);

/*
 * The id of the chain that the user means by `cli->chain`: an id, its unique
 * beginning, or the id of a job of one.  `id` holds 16 bytes.
 */
int mir_cli_resolve(const struct mir_cli *cli, char id[16]);

/* ---- JSON (json.c).  What is missing or null reads as "", `otherwise` or false. */
const char *mir_json_text(struct json_object *o, const char *key);
int64_t mir_json_int(struct json_object *o, const char *key, int64_t otherwise);
double mir_json_number(struct json_object *o, const char *key); /* NAN: null */
bool mir_json_bool(struct json_object *o, const char *key);
struct json_object *mir_json_list(struct json_object *o, const char *key);   /* NULL: none */
struct json_object *mir_json_object(struct json_object *o, const char *key); /* NULL: none */
size_t mir_json_count(struct json_object *list);                             /* NULL: 0 */

/* ---- Cells and tables (print.c) */

/*
 * For people: local time "2026-03-01T12:00:00" and "1-02:03:04"; for programs
 * (--parsable2) seconds.  A time of 0 and NAN are "-", or "" for programs.
 */
void mir_cell_time(struct mir_table *t, const struct mir_cli *cli, int64_t at);
void mir_cell_duration(struct mir_table *t, const struct mir_cli *cli, double s);
void mir_cell_int(struct mir_table *t, int64_t value);
void mir_cell_text(struct mir_table *t, const struct mir_cli *cli, const char *text);

/* A row "KEY VALUE" of a table of two columns. */
void mir_cell_pair(struct mir_table *t, const char *key, const char *value);

/* "1-02:03:04", "-0:10"; at least minutes and seconds. */
void mir_print_duration(int64_t s, struct mir_str *out);
void mir_print_time(const struct mir_cli *cli, int64_t at, struct mir_str *out);

/*
 * A decision's fan (of "fans" in the daemon's answer) as a chart and in words: as wide
 * as the terminal, of 40 to 120 columns; plain ASCII of 80 where there is none.
 */
void mir_print_fan(const struct mir_cli *cli, struct json_object *fan);

/* Print in the format chosen, and release. */
void mir_print_table(const struct mir_cli *cli, struct mir_table *t);
void mir_print_json(const struct mir_cli *cli, struct json_object *o);
__attribute__((format(printf, 2, 3))) void
mir_print_complaint(const struct mir_cli *cli, const char *fmt, ...);

/* ---- The verbs */
int mir_verb_status(const struct mir_cli *cli);
int mir_verb_list(const struct mir_cli *cli);
int mir_verb_show(const struct mir_cli *cli);
int mir_verb_why(const struct mir_cli *cli);
int mir_verb_config(const struct mir_cli *cli);
int mir_verb_submit(const struct mir_cli *cli);
int mir_verb_enroll(const struct mir_cli *cli);
int mir_verb_stop(const struct mir_cli *cli);
int mir_verb_pause(const struct mir_cli *cli);
int mir_verb_resume(const struct mir_cli *cli);
int mir_verb_drain(const struct mir_cli *cli);
int mir_verb_undrain(const struct mir_cli *cli);
int mir_verb_predict(const struct mir_cli *cli);
int mir_verb_model(const struct mir_cli *cli);
int mir_verb_history(const struct mir_cli *cli);
int mir_verb_selftest(const struct mir_cli *cli);

#endif
