/* SPDX-License-Identifier: GPL-3.0-or-later */
/* predict.c - how long would a job wait that is submitted now, and what drives it? */
#include "daemon/cli/cli.h"

#include <ctype.h>
#include <math.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static const struct mir_table_column columns[] = {{"KEY", false}, {"VALUE", false}};

/* ---- the question ---- */

/* What goes into the query without being escaped. */
static bool is_plain(const char *name)
{
    for (; *name != '\0'; name++) {
        if (!isalnum((unsigned char)*name) && strchr("-_.@", *name) == NULL)
            return false;
    }
    return true;
}

static bool
add_name(const struct mir_cli *cli, struct mir_str *target, const char *key, const char *name)
{
    if (name == NULL || name[0] == '\0')
        return true;
    if (!is_plain(name)) {
        mir_print_complaint(cli, "%s '%.60s': such a name cannot be asked for", key, name);
        return false;
    }
    mir_str_addf(target, "&%s=%s", key, name);
    return true;
}

/* The user's own habits and priority count unless he asks for another. */
static const char *user_of(const struct mir_cli *cli)
{
    const struct passwd *me = cli->user == NULL ? getpwuid(geteuid()) : NULL;

    return cli->user != NULL ? cli->user : me != NULL && is_plain(me->pw_name) ? me->pw_name : "";
}

/* ---- the answer ---- */

static void add_duration(struct mir_str *out, double s)
{
    if (isfinite(s) && fabs(s) < 1e12)
        mir_print_duration((int64_t)nearbyint(s), out);
    else
        mir_str_add(out, "-");
}

static void add_wait(struct mir_table *t, struct json_object *f)
{
    static const char *const keys[] = {"p10", "p50", "p90"};
    struct json_object *wait = mir_json_object(f, "wait_s");
    struct mir_str text = {0};

    for (int i = 0; i < 3; i++) {
        mir_str_addf(&text, "%s%s ", i > 0 ? ", " : "", keys[i]);
        add_duration(&text, mir_json_number(wait, keys[i]));
    }
    mir_cell_pair(t, "Wait", text.text);
    mir_str_release(&text);
    add_duration(&text, mir_json_number(f, "plan_s"));
    mir_cell_pair(t, "Slurm's plan", text.text);
    mir_str_release(&text);
}

/* "ahead_jobs = 12 count: +1:30:00 (jobs ahead)" */
static void add_driver(struct json_object *d, struct mir_str *text)
{
    double change_s = mir_json_number(d, "change_s");

    mir_str_addf(text, "%s = %.4g %s: %s", mir_json_text(d, "name"), mir_json_number(d, "value"),
                 mir_json_text(d, "unit"), change_s < 0 ? "-" : "+");
    add_duration(text, fabs(change_s));
    mir_str_addf(text, " (%s)", mir_json_text(d, "text"));
}

/* Where many features say the same, none of them changes anything by itself. */
static void add_drivers(struct mir_table *t, struct json_object *f)
{
    struct json_object *drivers = mir_json_list(f, "drivers");
    size_t n = 0;

    for (size_t i = 0; i < mir_json_count(drivers); i++) {
        struct json_object *d = json_object_array_get_idx(drivers, i);
        struct mir_str text = {0};

        if (fabs(mir_json_number(d, "change_s")) < 0.5)
            continue;
        add_driver(d, &text);
        mir_cell_pair(t, n++ == 0 ? "Driven by" : "", text.text);
        mir_str_release(&text);
    }
    if (n == 0 && mir_json_count(drivers) > 0)
        mir_cell_pair(t, "Driven by", "no feature by itself");
}

static void add_model(struct mir_table *t, const struct mir_cli *cli, struct json_object *f)
{
    struct json_object *model = mir_json_object(f, "model");
    int64_t n_outside = mir_json_int(f, "n_outside", 0);
    struct mir_str text = {0};

    if (model == NULL)
        return;
    mir_str_addf(&text, "%s of %s, trained ", mir_json_text(f, "method"),
                 mir_json_text(model, "source"));
    mir_print_time(cli, mir_json_int(model, "trained_at", 0), &text);
    mir_str_addf(&text, " (%s)", mir_json_text(model, "checksum"));
    mir_cell_pair(t, "Model", text.text);
    mir_str_release(&text);
    if (n_outside == 0) {
        mir_cell_pair(t, "In its range", "yes");
        return;
    }
    mir_str_addf(&text, "%s: %lld of its features %s not, %s the furthest",
                 mir_json_bool(f, "out_of_range") ? "NO" : "nearly", (long long)n_outside,
                 n_outside == 1 ? "is" : "are", mir_json_text(f, "furthest"));
    mir_cell_pair(t, "In its range", text.text);
    mir_str_release(&text);
}

static void print_forecast(const struct mir_cli *cli, struct json_object *f)
{
    struct mir_cli plain = *cli;
    struct mir_table t;

    plain.header = false;
    mir_table_init(&t, columns, 2);
    add_wait(&t, f);
    if (mir_json_text(f, "note")[0] != '\0')
        mir_cell_pair(&t, "Note", mir_json_text(f, "note"));
    add_drivers(&t, f);
    add_model(&t, cli, f);
    mir_print_table(&plain, &t);
}

static void add_seconds(struct mir_table *t,
                        const struct mir_cli *cli,
                        const char *key,
                        struct json_object *o,
                        const char *name)
{
    mir_table_add(t, key);
    mir_cell_duration(t, cli, mir_json_number(o, name));
}

static void print_bars(const struct mir_cli *cli, struct json_object *f)
{
    struct json_object *wait = mir_json_object(f, "wait_s"), *model = mir_json_object(f, "model");
    struct mir_table t;

    mir_table_init(&t, columns, 2);
    add_seconds(&t, cli, "wait_p10_s", wait, "p10");
    add_seconds(&t, cli, "wait_p50_s", wait, "p50");
    add_seconds(&t, cli, "wait_p90_s", wait, "p90");
    add_seconds(&t, cli, "plan_s", f, "plan_s");
    mir_cell_pair(&t, "method", mir_json_text(f, "method"));
    mir_cell_pair(&t, "model", mir_json_text(model, "checksum"));
    mir_cell_pair(&t, "out_of_range", mir_json_bool(f, "out_of_range") ? "true" : "false");
    mir_cell_pair(&t, "note", mir_json_text(f, "note"));
    mir_print_table(cli, &t);
}

int mir_verb_predict(const struct mir_cli *cli)
{
    struct json_object *forecast = NULL;
    struct mir_str target = {0};
    int rc = MIR_EXIT_USAGE;

    mir_str_addf(&target, "/api/v1/predict?nodes=%lld&limit_s=%lld", (long long)cli->nodes,
                 (long long)cli->limit_s);
    if (add_name(cli, &target, "partition", cli->partition) &&
        add_name(cli, &target, "user", user_of(cli)) &&
        add_name(cli, &target, "account", cli->account) && add_name(cli, &target, "qos", cli->qos))
        rc = mir_cli_get(cli, target.text, &forecast);
    mir_str_release(&target);
    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON)
        mir_print_json(cli, forecast);
    else if (cli->format == MIR_FORMAT_BARS)
        print_bars(cli, forecast);
    else
        print_forecast(cli, forecast);
    json_object_put(forecast);
    return MIR_EXIT_OK;
}
