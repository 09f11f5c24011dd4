/* SPDX-License-Identifier: GPL-3.0-or-later */
/* look.c - status, list, show, why, config: what the daemon knows. */
#include "daemon/cli/cli.h"

#include <math.h>
#include <string.h>

enum { DAY_S = 86400 };

static const struct mir_table_column pair_columns[] = {{"KEY", false}, {"VALUE", false}};

/* ---- status, config: keys and values */

/* A scalar of JSON as a cell; times by their name. */
static void add_value(struct mir_table *t,
                      const struct mir_cli *cli,
                      const char *key,
                      struct json_object *value)
{
    size_t len = strlen(key);
    bool is_time = strcmp(key, "at") == 0 || (len > 3 && strcmp(key + len - 3, "_at") == 0);
    bool is_duration = len > 2 && strcmp(key + len - 2, "_s") == 0 && strstr(key, "cpu") == NULL;

    mir_table_add(t, key);
    if (value == NULL)
        mir_cell_text(t, cli, "");
    else if (is_time && json_object_is_type(value, json_type_int))
        mir_cell_time(t, cli, json_object_get_int64(value));
    else if (is_duration && (json_object_is_type(value, json_type_int) ||
                             json_object_is_type(value, json_type_double)))
        mir_cell_duration(t, cli, json_object_get_double(value));
    else
        mir_cell_text(t, cli, json_object_get_string(value));
}

/* Every scalar of `o`: for the program's formats, and for keys that a newer daemon adds. */
static void print_pairs(const struct mir_cli *cli, struct json_object *o)
{
    struct mir_table t;

    mir_table_init(&t, pair_columns, 2);
    json_object_object_foreach(o, key, value)
    {
        if (!json_object_is_type(value, json_type_array) &&
            !json_object_is_type(value, json_type_object))
            add_value(&t, cli, key, value);
    }
    mir_print_table(cli, &t);
}

static void describe_doing(struct json_object *s, struct mir_str *out)
{
    mir_str_add(out, mir_json_text(s, "mode"));
    if (mir_json_bool(s, "killed"))
        mir_str_add(out, ", stopped by the kill file");
    if (mir_json_bool(s, "drained"))
        mir_str_add(out, ", drained");
    mir_str_add(out, mir_json_bool(s, "ready") ? ", ready" : ", not ready");
}

static void add_counts(struct mir_table *t, struct json_object *s)
{
    static const char *const keys[] = {"n_chains", "n_decisions", "n_submitted", "n_adopted",
                                       "n_lost"};
    static const char *const words[] = {"chains", "decisions", "submitted", "adopted", "lost"};
    struct mir_str text = {0};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        mir_str_addf(&text, "%s%lld %s", i > 0 ? ", " : "", (long long)mir_json_int(s, keys[i], 0),
                     words[i]);
    mir_cell_pair(t, "Work", text.text);
    mir_str_release(&text);
}

static void add_cluster(struct mir_table *t, const struct mir_cli *cli, struct json_object *s)
{
    struct mir_str text = {0}, age = {0};
    int64_t list_at = mir_json_int(s, "list_at", 0);

    mir_str_addf(&text, "%s, Slurm %s, broker %s", mir_json_text(s, "cluster"),
                 mir_json_text(s, "slurm_version"),
                 mir_json_bool(s, "connected") ? "connected" : "NOT connected");
    mir_cell_pair(t, "Cluster", text.text);
    mir_str_release(&text);
    mir_str_addf(
        &text, "%lld nodes (%lld free), %lld jobs pending, %lld running",
        (long long)mir_json_int(s, "n_nodes", 0), (long long)mir_json_int(s, "n_nodes_free", 0),
        (long long)mir_json_int(s, "n_pending", 0), (long long)mir_json_int(s, "n_running", 0));
    if (list_at != 0)
        mir_print_duration(cli->now - list_at, &age);
    mir_str_addf(&text, list_at != 0 ? ", read %s ago" : "%s, not read yet",
                 age.text != NULL ? age.text : "");
    mir_cell_pair(t, "Queue", text.text);
    mir_str_release(&text);
    mir_str_release(&age);
}

/* The lookahead's work; nothing where no chain has asked for it. */
static void add_futures(struct mir_table *t, const struct mir_cli *cli, struct json_object *s)
{
    double cpu_s = mir_json_number(s, "lookahead_cpu_s"), outside;
    int64_t since_at = mir_json_int(s, "arrivals_since_at", 0);
    struct mir_str text = {0};

    if (mir_json_int(s, "n_futures", 0) == 0)
        return;
    mir_str_addf(&text, "%lld played in %.1f s of CPU", (long long)mir_json_int(s, "n_futures", 0),
                 cpu_s);
    outside = mir_json_number(s, "foretold_outside");
    if (!isnan(outside))
        mir_str_addf(&text, ", %.0f %% of %lld starts outside the 90 %% band%s", 100 * outside,
                     (long long)mir_json_int(s, "n_foretold", 0),
                     mir_json_bool(s, "lookahead_trusted") ? "" : ": not trusted");
    if (since_at == 0 || cli->now - since_at < DAY_S)
        mir_str_add(&text, ", without arrivals (less than a day is known)");
    mir_cell_pair(t, "Futures", text.text);
    mir_str_release(&text);
}

static void print_status(const struct mir_cli *cli, struct json_object *s)
{
    struct mir_cli plain = *cli;
    struct mir_table t;
    struct mir_str text = {0};

    plain.header = false;
    mir_table_init(&t, pair_columns, 2);
    describe_doing(s, &text);
    mir_cell_pair(&t, "Mode", text.text);
    if (mir_json_text(s, "problem")[0] != '\0')
        mir_cell_pair(&t, "Problem", mir_json_text(s, "problem"));
    add_cluster(&t, cli, s);
    add_counts(&t, s);
    add_futures(&t, cli, s);
    mir_table_add(&t, "Started");
    mir_cell_time(&t, cli, mir_json_int(s, "started_at", 0));
    mir_table_add(&t, "Maintenance");
    mir_cell_time(&t, cli, mir_json_int(s, "maintenance_at", 0));
    mir_cell_pair(&t, "History", mir_json_text(s, "history"));
    mir_cell_pair(&t, "Journal", mir_json_text(s, "journal"));
    mir_cell_pair(&t, "Version", mir_json_text(s, "version"));
    mir_print_table(&plain, &t);
    mir_str_release(&text);
}

int mir_verb_status(const struct mir_cli *cli)
{
    struct json_object *status = NULL;
    int rc = mir_cli_get(cli, "/api/v1/status", &status);

    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON)
        mir_print_json(cli, status);
    else if (cli->format == MIR_FORMAT_BARS)
        print_pairs(cli, status);
    else
        print_status(cli, status);
    json_object_put(status);
    return MIR_EXIT_OK;
}

int mir_verb_config(const struct mir_cli *cli)
{
    struct json_object *root = NULL, *settings = NULL;
    int rc = mir_cli_get(cli, "/api/v1/config", &root);
    struct mir_table t;

    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON) {
        mir_print_json(cli, root);
    } else if (json_object_object_get_ex(root, "settings", &settings) &&
               json_object_is_type(settings, json_type_object)) {
        mir_table_init(&t, pair_columns, 2);
        json_object_object_foreach(settings, key, value)
        {
            mir_cell_pair(&t, key, json_object_get_string(value));
        }
        mir_print_table(cli, &t);
    }
    json_object_put(root);
    return MIR_EXIT_OK;
}

/* ---- list */

static const struct mir_table_column list_columns[] = {
    {"CHAIN", false},       {"USER", false},   {"PARTITION", false}, {"STATE", false},
    {"LINK", true},         {"JOBID", true},   {"ENDS", true},       {"NEXT", true},
    {"INTERRUPTION", true}, {"REASON", false},
};

/*
 * The link that serves: the newest one that runs, else the newest with a job,
 * else the newest.
 */
static struct json_object *serving_link(struct json_object *links)
{
    struct json_object *found = NULL;
    int best = -1;

    for (size_t i = 0; i < mir_json_count(links); i++) {
        struct json_object *link = json_object_array_get_idx(links, i);
        int rank = strcmp(mir_json_text(link, "state"), "running") == 0 ? 2
                   : mir_json_int(link, "job_id", 0) != 0               ? 1
                                                                        : 0;

        if (rank >= best) {
            best = rank;
            found = link;
        }
    }
    return found;
}

/* A time for programs; for people what is left until then. */
static void cell_left(struct mir_table *t, const struct mir_cli *cli, int64_t at)
{
    if (cli->format == MIR_FORMAT_BARS || at == 0)
        mir_cell_time(t, cli, at);
    else
        mir_cell_duration(t, cli, (double)at - (double)cli->now);
}

static void add_chain(struct mir_table *t,
                      const struct mir_cli *cli,
                      struct json_object *chain,
                      struct json_object *links)
{
    struct json_object *link = serving_link(links);
    int64_t job_id = mir_json_int(link, "job_id", 0);

    mir_cell_text(t, cli, mir_json_text(chain, "id"));
    mir_cell_text(t, cli, mir_json_text(chain, "user"));
    mir_cell_text(t, cli, mir_json_text(chain, "partition"));
    mir_cell_text(t, cli, mir_json_text(chain, "state"));
    if (link != NULL)
        mir_cell_int(t, mir_json_int(link, "number", 0));
    else
        mir_cell_text(t, cli, "");
    if (job_id != 0)
        mir_cell_int(t, job_id);
    else
        mir_cell_text(t, cli, "");
    cell_left(t, cli,
              strcmp(mir_json_text(link, "state"), "running") == 0 ? mir_json_int(link, "end_at", 0)
                                                                   : 0);
    cell_left(t, cli, mir_json_int(chain, "next_decision_at", 0));
    mir_cell_duration(t, cli, mir_json_number(chain, "interruption_s"));
    mir_table_add(t, mir_json_text(chain, "reason"));
}

/* The list has no links: each chain is asked for its own. */
static int add_with_links(struct mir_table *t, const struct mir_cli *cli, struct json_object *chain)
{
    struct json_object *whole = NULL;
    struct mir_str target = {0}, text = {0};
    int rc;

    mir_str_addf(&target, "/api/v1/chains/%s", mir_json_text(chain, "id"));
    rc = mir_cli_try(cli, "GET", target.text, NULL, &whole, &text);
    if (rc == MIR_EXIT_UNREACHABLE)
        mir_print_complaint(cli, "cannot reach the daemon: %s", text.text);
    else
        add_chain(t, cli, chain, mir_json_list(whole, "links"));
    json_object_put(whole);
    mir_str_release(&target);
    mir_str_release(&text);
    return rc == MIR_EXIT_UNREACHABLE ? rc : MIR_EXIT_OK;
}

static bool is_of(struct json_object *chain, const char *user)
{
    return user == NULL || strcmp(mir_json_text(chain, "user"), user) == 0;
}

/* --json --user: the daemon's answer with the others' chains left out. */
static void print_list_json(const struct mir_cli *cli, struct json_object *root)
{
    struct json_object *list = mir_json_list(root, "chains"), *kept = json_object_new_array();

    for (size_t i = 0; i < mir_json_count(list); i++) {
        struct json_object *chain = json_object_array_get_idx(list, i);

        if (is_of(chain, cli->user))
            json_object_array_add(kept, json_object_get(chain));
    }
    json_object_object_add(root, "chains", kept);
    mir_print_json(cli, root);
}

int mir_verb_list(const struct mir_cli *cli)
{
    struct json_object *root = NULL, *list;
    struct mir_table t;
    int rc = mir_cli_get(cli, cli->all ? "/api/v1/chains?all=1" : "/api/v1/chains", &root);

    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON) {
        print_list_json(cli, root);
        json_object_put(root);
        return MIR_EXIT_OK;
    }
    list = mir_json_list(root, "chains");
    mir_table_init(&t, list_columns, sizeof(list_columns) / sizeof(list_columns[0]));
    for (size_t i = 0; rc == MIR_EXIT_OK && i < mir_json_count(list); i++) {
        struct json_object *chain = json_object_array_get_idx(list, i);

        if (is_of(chain, cli->user))
            rc = add_with_links(&t, cli, chain);
    }
    if (rc == MIR_EXIT_OK)
        mir_print_table(cli, &t);
    else
        mir_table_release(&t);
    json_object_put(root);
    return rc;
}

/* ---- show */

static const struct mir_table_column link_columns[] = {
    {"LINK", true},         {"STATE", false},  {"JOBID", true},        {"JOBSTATE", false},
    {"SUBMIT", false},      {"START", false},  {"END", false},         {"WAIT", true},
    {"INTERRUPTION", true}, {"OVERLAP", true}, {"ENVIRONMENT", false},
};

static void add_link(struct mir_table *t, const struct mir_cli *cli, struct json_object *link)
{
    int64_t submit_at = mir_json_int(link, "submit_at", 0);
    int64_t start_at = mir_json_int(link, "start_at", 0);
    int64_t job_id = mir_json_int(link, "job_id", 0);

    mir_cell_int(t, mir_json_int(link, "number", 0));
    mir_cell_text(t, cli, mir_json_text(link, "state"));
    if (job_id != 0)
        mir_cell_int(t, job_id);
    else
        mir_cell_text(t, cli, "");
    mir_cell_text(t, cli, mir_json_text(link, "job_state"));
    mir_cell_time(t, cli, submit_at);
    mir_cell_time(t, cli, start_at);
    mir_cell_time(t, cli, mir_json_int(link, "end_at", 0));
    mir_cell_duration(t, cli,
                      submit_at != 0 && start_at != 0 ? (double)start_at - (double)submit_at
                                                      : (double)NAN);
    mir_cell_duration(t, cli, mir_json_number(link, "interruption_s"));
    mir_cell_duration(t, cli, mir_json_number(link, "overlap_s"));
    mir_cell_text(t, cli, mir_json_text(link, "environment"));
}

static void print_links(const struct mir_cli *cli, struct json_object *chain)
{
    struct json_object *links = mir_json_list(chain, "links");
    struct mir_table t;

    mir_table_init(&t, link_columns, sizeof(link_columns) / sizeof(link_columns[0]));
    for (size_t i = 0; i < mir_json_count(links); i++)
        add_link(&t, cli, json_object_array_get_idx(links, i));
    mir_print_table(cli, &t);
}

/* GET /api/v1/chains/ID`suffix` of the chain that the user means. */
static int get_chain(const struct mir_cli *cli, const char *suffix, struct json_object **out)
{
    struct mir_str target = {0};
    char id[16];
    int rc = mir_cli_resolve(cli, id);

    if (rc != MIR_EXIT_OK)
        return rc;
    mir_str_addf(&target, "/api/v1/chains/%s%s", id, suffix);
    rc = mir_cli_get(cli, target.text, out);
    mir_str_release(&target);
    return rc;
}

int mir_verb_show(const struct mir_cli *cli)
{
    struct mir_cli plain = *cli;
    struct json_object *chain = NULL;
    int rc = get_chain(cli, "", &chain);

    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON) {
        mir_print_json(cli, chain);
    } else if (cli->format == MIR_FORMAT_BARS) {
        print_links(cli, chain);
    } else {
        plain.header = false;
        print_pairs(&plain, chain);
        (void)fputs("\n", cli->out);
        print_links(cli, chain);
    }
    json_object_put(chain);
    return MIR_EXIT_OK;
}

/* ---- why: decisions and events in the order of time */

static const struct mir_table_column why_columns[] = {
    {"TIME", false}, {"LINK", true}, {"ACTION", false}, {"WAIT", true}, {"REASON", false},
};

static void add_decision(struct mir_table *t, const struct mir_cli *cli, struct json_object *d)
{
    bool submit = mir_json_bool(d, "submit");
    double wait_s = mir_json_number(d, "wait_s");

    mir_cell_time(t, cli, mir_json_int(d, "at", 0));
    mir_cell_int(t, mir_json_int(d, "link", 0));
    mir_table_add(t, !submit ? "wait" : mir_json_bool(d, "acted") ? "submit" : "would submit");
    mir_cell_duration(t, cli, wait_s >= 0 ? wait_s : (double)NAN);
    mir_table_add(t, mir_json_text(d, "reason"));
}

static void add_event(struct mir_table *t, const struct mir_cli *cli, struct json_object *e)
{
    int64_t link = mir_json_int(e, "link", -1);

    mir_cell_time(t, cli, mir_json_int(e, "at", 0));
    if (link >= 0)
        mir_cell_int(t, link);
    else
        mir_cell_text(t, cli, "");
    mir_table_add(t, "event");
    mir_cell_text(t, cli, "");
    mir_table_add(t, mir_json_text(e, "text"));
}

static void print_why(const struct mir_cli *cli, struct json_object *root)
{
    struct json_object *decisions = mir_json_list(root, "decisions");
    struct json_object *events = mir_json_list(root, "events");
    size_t n_decisions = mir_json_count(decisions), n_events = mir_json_count(events);
    struct mir_table t;

    mir_table_init(&t, why_columns, sizeof(why_columns) / sizeof(why_columns[0]));
    for (size_t i = 0, k = 0; i < n_decisions || k < n_events;) {
        struct json_object *d = i < n_decisions ? json_object_array_get_idx(decisions, i) : NULL;
        struct json_object *e = k < n_events ? json_object_array_get_idx(events, k) : NULL;

        /* What was decided comes before what came of it in the same second. */
        if (d != NULL && (e == NULL || mir_json_int(d, "at", 0) <= mir_json_int(e, "at", 0))) {
            add_decision(&t, cli, d);
            i++;
        } else {
            add_event(&t, cli, e);
            k++;
        }
    }
    mir_print_table(cli, &t);
}

/* What the last decision that played futures out saw in them. */
static void print_last_fan(const struct mir_cli *cli, struct json_object *root)
{
    struct json_object *fans = mir_json_list(root, "fans");
    size_t n = mir_json_count(fans);

    if (n == 0)
        return;
    (void)fputs("\n", cli->out);
    mir_print_fan(cli, json_object_array_get_idx(fans, n - 1));
}

int mir_verb_why(const struct mir_cli *cli)
{
    struct json_object *root = NULL;
    struct mir_str suffix = {0};
    int rc;

    mir_str_addf(&suffix, "/decisions?n=%lld", (long long)cli->n);
    rc = get_chain(cli, suffix.text, &root);
    mir_str_release(&suffix);
    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON)
        mir_print_json(cli, root);
    else
        print_why(cli, root);
    if (cli->format == MIR_FORMAT_TABLE)
        print_last_fan(cli, root);
    json_object_put(root);
    return MIR_EXIT_OK;
}
