/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model.c - the model of waits: look at it, change it; and what it is trained on. */
#include "daemon/cli/cli.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- list, show ---- */

static const double TIMES_FROM = 1e8; /* no loss and no share is so large; 1973 is */

static const struct mir_table_column list_columns[] = {
    {"MODEL", false}, {"CHECKSUM", false}, {"TRAINED", false}, {"FROM", false},
    {"TO", false},    {"METHODS", false},  {"SOURCE", false},
};

static const struct mir_table_column pair_columns[] = {{"KEY", false}, {"VALUE", false}};

static void
add_file(struct mir_table *t, const struct mir_cli *cli, const char *role, struct json_object *file)
{
    if (file == NULL)
        return;
    mir_table_add(t, role);
    mir_cell_text(t, cli, mir_json_text(file, "checksum"));
    mir_cell_time(t, cli, mir_json_int(file, "trained_at", 0));
    mir_cell_time(t, cli, mir_json_int(file, "from_at", 0));
    mir_cell_time(t, cli, mir_json_int(file, "to_at", 0));
    mir_cell_text(t, cli, mir_json_text(file, "methods"));
    mir_cell_text(t, cli, mir_json_text(file, "source"));
}

static void print_list(const struct mir_cli *cli, struct json_object *m)
{
    struct mir_table t;

    mir_table_init(&t, list_columns, sizeof(list_columns) / sizeof(list_columns[0]));
    add_file(&t, cli, "current", mir_json_object(m, "current"));
    add_file(&t, cli, "previous", mir_json_object(m, "previous"));
    mir_print_table(cli, &t);
}

/* Where each score would be a line, those that --json has as well are not for people. */
static bool is_detail(const char *name)
{
    return strstr(name, "coverage") != NULL || strstr(name, "labels") != NULL;
}

static const char in_use_then[] = "current "; /* mirage-train fit --current */

/* It stands beside the score of the same name. */
static bool is_beside(struct json_object *numbers, const char *name)
{
    size_t len = sizeof(in_use_then) - 1;

    return strncmp(name, in_use_then, len) == 0 &&
           json_object_object_get_ex(numbers, name + len, NULL);
}

static void add_beside(struct json_object *numbers, const char *name, struct mir_str *text)
{
    struct json_object *value = NULL;
    struct mir_str key = {0};

    mir_str_addf(&key, "%s%s", in_use_then, name);
    if (json_object_object_get_ex(numbers, key.text, &value))
        mir_str_addf(text, " (the one before: %.4g)", json_object_get_double(value));
    mir_str_release(&key);
}

/* "Score: NAME": a number, or the time that it stands for; shares in per cent. */
static void add_numbers(struct mir_table *t,
                        const struct mir_cli *cli,
                        struct json_object *numbers,
                        const char *what,
                        bool shares)
{
    if (numbers == NULL)
        return;
    json_object_object_foreach(numbers, name, value)
    {
        double number = value != NULL ? json_object_get_double(value) : (double)NAN;
        struct mir_str key = {0}, text = {0};

        if (is_detail(name) || is_beside(numbers, name))
            continue;
        mir_str_addf(&key, "%s: %s", what, name);
        if (shares)
            mir_str_addf(&text, "%.1f %%", 100 * number);
        else if (number >= TIMES_FROM && number < 1e11)
            mir_print_time(cli, (int64_t)number, &text);
        else
            mir_str_addf(&text, "%.4g", number);
        add_beside(numbers, name, &text);
        mir_cell_pair(t, key.text, text.text);
        mir_str_release(&key);
        mir_str_release(&text);
    }
}

static void add_coverage(struct mir_table *t, struct json_object *m)
{
    static const char *const keys[] = {"p50", "p90", "p95"};
    struct json_object *coverage = mir_json_object(m, "coverage");
    struct mir_str text = {0};

    mir_str_addf(&text, "%lld waits known", (long long)mir_json_int(coverage, "n_known", 0));
    for (int i = 0; i < 3 && mir_json_int(coverage, "n_known", 0) > 0; i++)
        mir_str_addf(&text, ", %s held for %.1f %%", keys[i],
                     100 * mir_json_number(coverage, keys[i]));
    mir_str_addf(&text, "; %lld jobs still wait", (long long)mir_json_int(coverage, "n_open", 0));
    mir_cell_pair(t, "Coverage", text.text);
    mir_str_release(&text);
}

static void add_origin(struct mir_table *t, const struct mir_cli *cli, struct json_object *file)
{
    struct mir_str text = {0};

    mir_cell_pair(t, "Checksum", mir_json_text(file, "checksum"));
    mir_cell_pair(t, "Methods", mir_json_text(file, "methods"));
    mir_cell_pair(t, "Source", mir_json_text(file, "source"));
    mir_print_time(cli, mir_json_int(file, "trained_at", 0), &text);
    mir_str_addf(&text, " by %s", mir_json_text(file, "program"));
    mir_cell_pair(t, "Trained", text.text);
    mir_str_release(&text);
    mir_print_time(cli, mir_json_int(file, "from_at", 0), &text);
    mir_str_add(&text, " to ");
    mir_print_time(cli, mir_json_int(file, "to_at", 0), &text);
    mir_str_addf(&text, ", %lld waits (%lld censored), %lld nodes",
                 (long long)mir_json_int(file, "n_labels", 0),
                 (long long)mir_json_int(file, "n_censored", 0),
                 (long long)mir_json_int(file, "n_nodes", 0));
    mir_cell_pair(t, "Window", text.text);
    mir_cell_pair(t, "Features", mir_json_text(file, "feature_set"));
    mir_str_release(&text);
}

static void print_show(const struct mir_cli *cli, struct json_object *m)
{
    struct json_object *file = mir_json_object(m, "current");
    struct mir_cli plain = *cli;
    struct mir_table t;

    plain.header = false;
    mir_table_init(&t, pair_columns, 2);
    mir_cell_pair(&t, "File", mir_json_text(m, "path"));
    if (mir_json_text(m, "refused")[0] != '\0')
        mir_cell_pair(&t, "Refused", mir_json_text(m, "refused"));
    if (file == NULL) {
        mir_cell_pair(&t, "Model", "none: policies that need one fall back to qbets");
    } else {
        add_origin(&t, cli, file);
        add_coverage(&t, m);
        add_numbers(&t, cli, mir_json_object(m, "scores"), "Score", false);
        add_numbers(&t, cli, mir_json_object(m, "importance"), "Goes by", true);
    }
    mir_print_table(&plain, &t);
}

static int look(const struct mir_cli *cli)
{
    struct json_object *m = NULL;
    int rc = mir_cli_get(cli, "/api/v1/model", &m);

    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON)
        mir_print_json(cli, m);
    else if (strcmp(cli->chain, "list") == 0)
        print_list(cli, m);
    else
        print_show(cli, m);
    json_object_put(m);
    return MIR_EXIT_OK;
}

/* ---- install, rollback, reload ---- */

static int change(const struct mir_cli *cli, struct json_object *body)
{
    struct json_object *answer = NULL;
    struct mir_str target = {0}, clean = {0};
    int rc;

    mir_str_addf(&target, "/api/v1/model/%s", cli->chain);
    rc = mir_cli_post(cli, target.text, body, &answer);
    mir_str_release(&target);
    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON) {
        mir_print_json(cli, answer);
    } else {
        mir_table_clean(mir_json_text(answer, "text"), &clean);
        (void)fprintf(cli->out, "%s\n", clean.text);
        mir_str_release(&clean);
    }
    json_object_put(answer);
    return MIR_EXIT_OK;
}

/* The daemon reads the file, from its own place in the world. */
static int install(const struct mir_cli *cli)
{
    struct json_object *body;
    char *path = realpath(cli->file, NULL);

    if (path == NULL) {
        mir_print_complaint(cli, "%.200s: no such file", cli->file);
        return MIR_EXIT_REFUSED;
    }
    body = json_object_new_object();
    json_object_object_add(body, "file", json_object_new_string(path));
    if (cli->force)
        json_object_object_add(body, "force", json_object_new_boolean(true));
    free(path);
    return change(cli, body);
}

int mir_verb_model(const struct mir_cli *cli)
{
    if (strcmp(cli->chain, "list") == 0 || strcmp(cli->chain, "show") == 0)
        return look(cli);
    return strcmp(cli->chain, "install") == 0 ? install(cli) : change(cli, NULL);
}

/* ---- history ---- */

/* Page after page; a place that does not move on would go on for ever. */
int mir_verb_history(const struct mir_cli *cli)
{
    char after[64] = "", before[64];
    int rc = MIR_EXIT_OK;

    do {
        struct json_object *page = NULL;
        struct mir_str target = {0};

        mir_str_addf(&target, "/api/v1/history%s%s", after[0] != '\0' ? "?after=" : "", after);
        rc = mir_cli_get(cli, target.text, &page);
        mir_str_release(&target);
        memcpy(before, after, sizeof(before));
        (void)snprintf(after, sizeof(after), "%s", mir_json_text(page, "after"));
        if (rc == MIR_EXIT_OK && fputs(mir_json_text(page, "csv"), cli->out) < 0) {
            mir_print_complaint(cli, "cannot write the history");
            rc = MIR_EXIT_REFUSED;
        }
        json_object_put(page);
    } while (rc == MIR_EXIT_OK && after[0] != '\0' && strcmp(after, before) != 0);
    return rc;
}
