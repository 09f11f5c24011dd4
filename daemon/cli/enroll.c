/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * enroll.c - submit and enroll.  Consent is a word in the job's own comment,
 * which only its owner (or an operator) can write: so it is written with sbatch
 * and scontrol as the caller, and the daemon reads it from Slurm.
 */
#include "daemon/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/cli/child.h"
#include "daemon/cli/consent.h"
#include "daemon/cli/environment.h"
#include "daemon/cli/sbatch.h"
#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

enum {
    SCRIPT_MAX = 4 << 20,
    ARGUMENTS_MAX = 96 << 10, /* the kernel takes 128 kB in one variable */
};

static const char *program(const char *variable, const char *otherwise)
{
    const char *path = getenv(variable);

    return path != NULL && path[0] != '\0' ? path : otherwise;
}

/* ---- What came of it */

static const struct mir_table_column result_columns[] = {{"JOBID", false},
                                                         {"CHAIN", false},
                                                         {"TEXT", false}};

static void print_result(const struct mir_cli *cli,
                         const char *done,
                         int64_t job_id,
                         const char *chain,
                         const char *text)
{
    struct json_object *o;
    struct mir_table t;

    if (cli->format == MIR_FORMAT_JSON) {
        o = json_object_new_object();
        json_object_object_add(o, "job", json_object_new_int64(job_id));
        json_object_object_add(o, "chain", chain[0] != '\0' ? json_object_new_string(chain) : NULL);
        json_object_object_add(o, "text", json_object_new_string(text));
        mir_print_json(cli, o);
        json_object_put(o);
    } else if (cli->format == MIR_FORMAT_BARS) {
        mir_table_init(&t, result_columns, 3);
        mir_cell_int(&t, job_id);
        mir_table_add(&t, chain);
        mir_table_add(&t, text);
        mir_print_table(cli, &t);
    } else {
        (void)fprintf(cli->out, "%s job %lld%s%s\n", done, (long long)job_id,
                      chain[0] != '\0' ? ", chain " : "", chain);
    }
    (void)fflush(cli->out);
}

/*
 * Tell the daemon of a job whose comment asks for a chain.  `sealed` NULL: no
 * environment.  Without a daemon nothing is lost but that environment: it finds
 * the comment by itself when it runs.
 */
static int
tell_daemon(const struct mir_cli *cli, const char *done, int64_t job_id, const char *sealed)
{
    struct json_object *body = json_object_new_object(), *answer = NULL;
    struct mir_str text = {0};
    int rc;

    json_object_object_add(body, "job", json_object_new_int64(job_id));
    if (sealed != NULL)
        json_object_object_add(body, "environment", json_object_new_string(sealed));
    rc = mir_cli_try(cli, "POST", "/api/v1/chains", body, &answer, &text);
    print_result(cli, done, job_id, mir_json_text(answer, "chain"),
                 rc == MIR_EXIT_OK ? mir_json_text(answer, "text") : text.text);
    if (rc == MIR_EXIT_UNREACHABLE && sealed == NULL) {
        mir_print_complaint(cli,
                            "warning: cannot reach the daemon (%s); job %lld asks for a chain "
                            "in its comment and is found there once the daemon runs",
                            text.text, (long long)job_id);
        rc = MIR_EXIT_OK;
    } else if (rc == MIR_EXIT_UNREACHABLE) {
        mir_print_complaint(cli, "cannot reach the daemon (%s); the environment is not sent",
                            text.text);
    } else if (rc != MIR_EXIT_OK) {
        mir_print_complaint(cli, "job %lld is not a chain: %s", (long long)job_id, text.text);
    }
    json_object_put(answer);
    mir_str_release(&text);
    return rc;
}

/* ---- submit */

/* The text of the script, or NULL: sbatch will say what is wrong with it. */
static char *read_script(const char *path)
{
    char *text = NULL;
    size_t n;
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return NULL;
    text = mir_alloc(SCRIPT_MAX + 1, 1);
    n = fread(text, 1, SCRIPT_MAX, f);
    text[n] = '\0';
    (void)fclose(f);
    return text;
}

/* The comment that the job would have had, with the consent. */
static void make_comment(const struct mir_sbatch *s, const char *options, struct mir_str *out)
{
    struct mir_str own = {0};
    char *script = NULL;

    if (s->comment == NULL && s->script != NULL)
        script = read_script(s->script);
    if (s->comment != NULL)
        mir_str_add(&own, s->comment);
    else if (script != NULL)
        (void)mir_sbatch_script_comment(script, &own);
    mir_consent_add(own.text, options, out);
    free(script);
    mir_str_release(&own);
}

/*
 * Slurm's record joins the script's arguments with blanks and does not tell which
 * of them were between two: the job's environment does.  One left by the chain
 * in whose job we run is not ours.
 */
static void export_arguments(const struct mir_cli *cli, const struct mir_sbatch *s)
{
    struct mir_str text = {0};

    mir_sbatch_list_arguments(s, &text);
    if (s->n_arguments == 0 || text.len > ARGUMENTS_MAX)
        (void)unsetenv("MIRAGE_ARGUMENTS");
    else if (setenv("MIRAGE_ARGUMENTS", text.text, 1) != 0)
        abort(); /* out of memory */
    if (text.len > ARGUMENTS_MAX)
        mir_print_complaint(cli,
                            "warning: the script's arguments are over %d kB; the chain may "
                            "be refused",
                            ARGUMENTS_MAX >> 10);
    mir_str_release(&text);
}

/* "--parsable" prints "123" or "123;cluster". */
static int64_t read_job_id(FILE *from)
{
    char *line = NULL;
    size_t cap = 0;
    int64_t id = 0;

    if (getline(&line, &cap, from) > 0 &&
        (mir_parse_i64(line, strcspn(line, ";\n"), &id) != 0 || id < 1 || id > UINT32_MAX))
        id = 0;
    free(line);
    return id;
}

static int
run_sbatch(const struct mir_cli *cli, const char *const *argv, const struct mir_sbatch *s)
{
    struct mir_error err = {{0}};
    struct mir_child child;
    int64_t job_id;
    int status, rc = MIR_EXIT_REFUSED;

    if (s->only_asks) {
        (void)execvp(argv[0], (char *const *)(uintptr_t)argv);
        mir_print_complaint(cli, "%s: %s", argv[0], strerror(errno));
        return MIR_EXIT_REFUSED;
    }
    if (mir_child_start(argv, &child, &err) != 0) {
        mir_print_complaint(cli, "%s", err.text);
        return MIR_EXIT_REFUSED;
    }
    job_id = read_job_id(child.out);
    if (job_id != 0) /* before sbatch ends: with --wait it stays until the job does */
        rc = tell_daemon(cli, "Submitted batch", job_id, NULL);
    status = mir_child_wait(&child);
    if (job_id == 0 && status == 0)
        mir_print_complaint(cli, "%s did not say which job it submitted", argv[0]);
    return status != 0 ? (status > 0 ? status : MIR_EXIT_REFUSED) : rc;
}

int mir_verb_submit(const struct mir_cli *cli)
{
    struct mir_sbatch s;
    struct mir_error err = {{0}};
    struct mir_str comment = {0};
    const char **argv, *options;
    int rc = mir_sbatch_parse(cli->argc, cli->argv, &s, &err);

    options = rc == 0 && s.mirage != NULL ? s.mirage : cli->options;
    if (rc == 0 && options != NULL)
        rc = mir_consent_check(options, &err);
    if (rc != 0) {
        mir_print_complaint(cli, "submit: %s", err.text);
        return MIR_EXIT_USAGE;
    }
    mir_str_add(&comment, "--comment=");
    make_comment(&s, options, &comment);
    argv = mir_alloc(s.n + 4, sizeof(*argv));
    argv[0] = program("MIRAGE_SBATCH", "sbatch");
    argv[1] = s.only_asks ? comment.text : "--parsable";
    argv[2] = comment.text; /* twice is the same as once */
    memcpy((void *)(argv + 3), (const void *)s.argv, s.n * sizeof(*argv));
    export_arguments(cli, &s);
    rc = run_sbatch(cli, argv, &s);
    free((void *)argv);
    mir_str_release(&comment);
    mir_sbatch_release(&s);
    return rc;
}

/* ---- enroll */

/* The comment of a queued or running job, as squeue shows it: "ID comment". */
static int read_comment(const struct mir_cli *cli, const char *id, struct mir_str *out)
{
    const char *argv[] = {program("MIRAGE_SQUEUE", "squeue"), "-h", "-j", id, "-o", "%i %k", NULL};
    struct mir_str text = {0};
    struct mir_error err = {{0}};
    int status = mir_child_read(argv, &text, &err);
    size_t len = strlen(id);
    const char *comment;

    mir_str_add(out, "");
    if (status != 0) {
        if (err.text[0] != '\0')
            mir_print_complaint(cli, "%s", err.text);
    } else if (strncmp(text.text, id, len) != 0 || strchr(" \n", text.text[len]) == NULL) {
        mir_print_complaint(cli, "job %s is neither queued nor running as a job of its own", id);
        status = -1;
    } else if (strchr(text.text, '\n') != text.text + text.len - 1) {
        mir_print_complaint(cli,
                            "job %s has a comment of several lines; add the word mirage to it "
                            "with scontrol",
                            id);
        status = -1;
    } else {
        text.text[text.len - 1] = '\0';
        comment = text.text + len + (text.text[len] == ' ');
        mir_str_add(out,
                    strcmp(comment, "(null)") != 0 ? comment : ""); /* squeue's word for none */
    }
    mir_str_release(&text);
    return status == 0 ? MIR_EXIT_OK : MIR_EXIT_REFUSED;
}

static int write_comment(const struct mir_cli *cli, const char *id, const char *comment)
{
    struct mir_str job = {0}, update = {0}, text = {0};
    struct mir_error err = {{0}};
    const char *argv[] = {program("MIRAGE_SCONTROL", "scontrol"), "update", NULL, NULL, NULL};
    int status;

    mir_str_addf(&job, "JobId=%s", id);
    mir_str_addf(&update, "Comment=%s", comment);
    argv[2] = job.text;
    argv[3] = update.text;
    status = mir_child_read(argv, &text, &err);
    if (status != 0)
        mir_print_complaint(cli, "the comment of job %s could not be written%s%s", id,
                            err.text[0] != '\0' ? ": " : "", err.text);
    mir_str_release(&job);
    mir_str_release(&update);
    mir_str_release(&text);
    return status == 0 ? MIR_EXIT_OK : MIR_EXIT_REFUSED;
}

/* See to it that the job's comment asks for a chain. */
static int ask_in_comment(const struct mir_cli *cli, const char *id)
{
    struct mir_str old = {0}, asking = {0};
    int rc = read_comment(cli, id, &old);

    if (rc == MIR_EXIT_OK) {
        mir_consent_add(old.text, cli->options, &asking);
        if (strcmp(old.text, asking.text) != 0)
            rc = write_comment(cli, id, asking.text);
    }
    mir_str_release(&old);
    mir_str_release(&asking);
    return rc;
}

int mir_verb_enroll(const struct mir_cli *cli)
{
    struct mir_str sealed = {0}, id = {0};
    struct mir_error err = {{0}};
    int64_t job_id = 0;
    int rc;

    if (!isdigit((unsigned char)cli->chain[0]) ||
        mir_parse_i64(cli->chain, strlen(cli->chain), &job_id) != 0 || job_id < 1 ||
        job_id > UINT32_MAX) {
        mir_print_complaint(cli, "enroll: '%s' is not the id of a job", cli->chain);
        return MIR_EXIT_USAGE;
    }
    mir_str_addf(&id, "%lld", (long long)job_id);
    /* Sealed first: when it cannot be, nothing has changed yet. */
    if (cli->export_environment && mir_environment_seal(job_id, environ, &sealed, &err) != 0) {
        mir_print_complaint(cli, "%s", err.text);
        rc = MIR_EXIT_REFUSED;
    } else {
        rc = ask_in_comment(cli, id.text);
    }
    if (rc == MIR_EXIT_OK)
        rc = tell_daemon(cli, "Enrolled", job_id, sealed.text);
    mir_str_release(&sealed);
    mir_str_release(&id);
    return rc;
}
