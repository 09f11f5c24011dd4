/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_json.c - a comparison as JSON; the shape is in report.h.
 */
#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "traces/replay/fans.h"
#include "traces/replay/log_truth.h"
#include "traces/replay/report.h"
#include "traces/replay/report_parts.h"

/* Nine digits: more than any figure has, and short. */
static char NUMBER_FORMAT[] = "%.9g";

/* NULL is json-c's null. */
static struct json_object *new_number(double value)
{
    struct json_object *number;

    if (!isfinite(value))
        return NULL;
    number = json_object_new_double(value);
    json_object_set_serializer(number, json_object_double_to_json_string, NUMBER_FORMAT, NULL);
    return number;
}

static void add_number(struct json_object *to, const char *key, double value)
{
    json_object_object_add(to, key, new_number(value));
}

static void add_text(struct json_object *to, const char *key, const char *text)
{
    json_object_object_add(to, key, text != NULL ? json_object_new_string(text) : NULL);
}

static void add_count(struct json_object *to, const char *key, uint64_t n)
{
    json_object_object_add(to, key, json_object_new_uint64(n));
}

static struct json_object *add_object(struct json_object *to, const char *key)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(to, key, o);
    return o;
}

static void add_pair(struct json_object *to, const char *key, double low, double high)
{
    struct json_object *pair = json_object_new_array_ext(2);

    json_object_array_add(pair, new_number(low));
    json_object_array_add(pair, new_number(high));
    json_object_object_add(to, key, pair);
}

/* What depends on a weight only through what the policy did. */
static void add_outcomes(struct json_object *to, const struct mir_figures *f)
{
    struct json_object *interruption = add_object(to, "interruption_h");

    add_number(interruption, "mean", f->interruption_mean_h);
    add_number(interruption, "p50", f->interruption_p50_h);
    add_number(interruption, "p90", f->interruption_p90_h);
    add_number(interruption, "p99", f->interruption_p99_h);
    add_number(add_object(to, "overlap_h"), "mean", f->overlap_mean_h);
    add_number(to, "zero_share", f->zero_share);
    add_number(to, "late_share", f->late_share);
    add_count(to, "unstarted", f->n_unstarted);
}

static const char *weight_key(const struct mir_comparison *c, uint32_t weight, char buf[32])
{
    snprintf(buf, 32, "%g", c->weights[weight]);
    return buf;
}

/* Everything of one row and class. */
static void add_figures(struct json_object *to,
                        const struct mir_figure_grid *grid,
                        uint32_t row,
                        bool uses_weight,
                        int load)
{
    const struct mir_comparison *c = grid->comparison;
    struct json_object *cost, *cost_ci, *gap, *gap_ci, *by_weight = NULL;
    char key[32];

    add_count(to, "episodes", mir_figure_grid_get(grid, row, 0, load)->n_episodes);
    add_count(to, "outcomes", mir_figure_grid_get(grid, row, 0, load)->n);
    add_outcomes(to, mir_figure_grid_get(grid, row, 0, load));
    cost = add_object(to, "cost_h");
    cost_ci = add_object(to, "cost_ci95_h");
    gap = add_object(to, "gap_closed");
    gap_ci = add_object(to, "gap_ci95");
    if (uses_weight)
        by_weight = add_object(to, "by_weight");
    for (uint32_t w = 0; w < c->n_weights; w++) {
        const struct mir_figures *f = mir_figure_grid_get(grid, row, w, load);

        weight_key(c, w, key);
        add_number(cost, key, f->cost_mean_h);
        add_pair(cost_ci, key, f->cost_low_h, f->cost_high_h);
        add_number(gap, key, f->gap_closed);
        add_pair(gap_ci, key, f->gap_low, f->gap_high);
        if (by_weight != NULL)
            add_outcomes(add_object(by_weight, key), f);
    }
}

static void
add_row(struct json_object *to, const struct mir_figure_grid *grid, uint32_t row, bool uses_weight)
{
    struct json_object *by_load;

    add_figures(to, grid, row, uses_weight, -1);
    by_load = add_object(to, "by_load");
    for (int load = 0; load < MIR_N_LOADS; load++) {
        add_figures(add_object(by_load, mir_load_name((enum mir_load)load)), grid, row, uses_weight,
                    load);
    }
}

/* Times are UTC and say so. */
static void add_time(struct json_object *to, const char *key, int64_t at)
{
    char text[32], with_zone[40];

    snprintf(with_zone, sizeof with_zone, "%sZ", mir_format_time(at, text));
    add_text(to, key, with_zone);
}

static void add_model(struct json_object *to, const struct mir_comparison *c)
{
    struct json_object *model;

    if (c->model == NULL) {
        json_object_object_add(to, "model", NULL);
        return;
    }
    model = add_object(to, "model");
    add_text(model, "file", c->model);
    add_text(model, "source", c->model_source);
    add_time(model, "from", c->model_from_at);
    add_time(model, "to", c->model_to_at);
}

static void add_run(struct json_object *to, const struct mir_comparison *c)
{
    struct json_object *chain;
    char cheats[64];

    add_text(to, "log", c->log_path);
    add_text(to, "command", c->command);
    add_text(to, "scheduler", c->scheduler);
    add_text(to, "protocol", c->protocol);
    if (c->truth != 0)
        add_text(to, "lookahead_cheats_with", mir_log_truth_format(c->truth, cheats));
    add_count(to, "nodes", c->cluster_nodes);
    chain = add_object(to, "chain");
    add_count(chain, "nodes", c->chain_nodes);
    json_object_object_add(chain, "limit_s", json_object_new_int64(c->chain_limit_s));
    add_count(chain, "links", mir_report_jobs(c));
    if (c->n_chains > 0) {
        add_count(to, "chains", c->n_chains);
        json_object_object_add(to, "spread_s", json_object_new_int64(c->spread_s));
    }
    json_object_object_add(to, "every_s", json_object_new_int64(c->every_s));
    json_object_object_add(to, "period_s", json_object_new_int64(c->period_s));
    add_time(to, "from", c->from_at);
    add_time(to, "to", c->to_at);
    add_count(to, "episodes", c->n_episodes);
    add_count(to, "seed", c->seed);
    add_number(to, "wall_s", c->wall_s);
    add_number(to, "cpu_s", c->cpu_s);
    add_count(to, "probes", c->n_probes);
    add_text(to, "version", c->version);
    add_model(to, c);
}

static void add_seconds(struct json_object *to, const char *key, int64_t at)
{
    json_object_object_add(to, key, json_object_new_int64(at));
}

static struct json_object *new_instant(const struct mir_view_fan *fan)
{
    struct json_object *o = json_object_new_object();
    struct json_object *points = json_object_new_array(), *jobs = json_object_new_array();

    add_seconds(o, "at", fan->points[0].submit_at);
    add_count(o, "futures", fan->n_futures);
    add_count(o, "best", fan->best);
    for (uint32_t k = 0; k < fan->n_points; k++) {
        const struct mir_view_fan_point *p = &fan->points[k];
        struct json_object *point = json_object_new_object();

        json_object_array_add(points, point);
        add_seconds(point, "submit_at", p->submit_at);
        add_number(point, "cost_h", p->cost_h);
        add_pair(point, "cost_p10_p90_h", p->cost_p10_h, p->cost_p90_h);
        add_number(point, "wait_p50_h", p->wait_p50_h);
        add_pair(point, "wait_p10_p90_h", p->wait_p10_h, p->wait_p90_h);
    }
    for (uint32_t i = 0; i < fan->n_jobs; i++) {
        struct json_object *job = json_object_new_object();

        json_object_array_add(jobs, job);
        add_count(job, "id", fan->jobs[i].id);
        json_object_object_add(job, "running", json_object_new_boolean(fan->jobs[i].is_running));
        add_number(job, "effect_h", fan->jobs[i].effect_h);
    }
    json_object_object_add(o, "points", points);
    json_object_object_add(o, "jobs", jobs);
    return o;
}

/* Only of policies that play out futures. */
static void add_fan(struct json_object *to,
                    const struct mir_comparison *c,
                    const struct mir_comparison_row *row)
{
    struct json_object *fan, *instants;
    struct mir_fan_scene scene;

    if (!mir_fan_scene_choose(c, row, &scene))
        return;
    fan = add_object(to, "fan");
    add_count(fan, "episode", scene.episode);
    add_count(fan, "of_episodes", scene.n_episodes);
    add_number(fan, "cost_h", scene.cost_h);
    add_seconds(fan, "predecessor_end_at", scene.outcome->predecessor_end_at);
    add_seconds(fan, "submit_at", scene.outcome->submit_at);
    add_seconds(fan, "start_at", scene.outcome->start_at);
    if (scene.clairvoyant_at != INT64_MIN)
        add_seconds(fan, "clairvoyant_submit_at", scene.clairvoyant_at);
    instants = json_object_new_array();
    for (uint32_t i = 0; i < scene.n_fans; i++)
        json_object_array_add(instants, new_instant(scene.fans[i]));
    json_object_object_add(fan, "instants", instants);
}

static void add_difference(struct json_object *to,
                           const struct mir_comparison *c,
                           const struct mir_comparison_row *row,
                           const struct mir_comparison_row *against)
{
    struct json_object *mean = add_object(to, "mean_h"), *ci = add_object(to, "ci95_h");
    struct mir_cost_difference d;
    char key[32];

    for (uint32_t w = 0; w < c->n_weights; w++) {
        mir_comparison_difference(c, row, against, w, &d);
        weight_key(c, w, key);
        add_number(mean, key, d.mean_h);
        add_pair(ci, key, d.low_h, d.high_h);
    }
}

/* Only of chains side by side. */
static void add_differences(struct json_object *to,
                            const struct mir_comparison *c,
                            const struct mir_comparison_row *row)
{
    if (c->n_chains == 0)
        return;
    add_difference(add_object(to, "cost_minus_reactive"), c, row, &c->rows[0]);
    if (row->alone_row > 0)
        add_difference(add_object(to, "cost_minus_alone"), c, row, &c->rows[row->alone_row]);
}

/* Of policies that say what they expect. */
static void add_kept(struct json_object *to, const struct mir_kept *kept)
{
    struct json_object *o;

    if (kept->n == 0)
        return;
    o = add_object(to, "wait_forecasts_kept");
    add_count(o, "forecasts", kept->n);
    add_number(o, "p10", (double)kept->n_p10 / (double)kept->n);
    add_number(o, "p50", (double)kept->n_p50 / (double)kept->n);
    add_number(o, "p90", (double)kept->n_p90 / (double)kept->n);
}

static struct json_object *build(const struct mir_figure_grid *grid)
{
    const struct mir_comparison *c = grid->comparison;
    struct json_object *root = json_object_new_object();
    struct json_object *policies = json_object_new_array();

    json_object_object_add(root, "policies", policies);
    for (uint32_t i = 0; i < c->n_rows && c->n_weights > 0; i++) {
        struct json_object *o = json_object_new_object();

        json_object_array_add(policies, o);
        add_text(o, "policy", c->rows[i].policy);
        add_text(o, "summary", c->rows[i].summary);
        json_object_object_add(o, "uses_weight", json_object_new_boolean(c->rows[i].uses_weight));
        add_count(o, "decisions", c->rows[i].n_decisions);
        add_count(o, "fell_back", c->rows[i].n_fell_back);
        add_kept(o, &c->rows[i].kept);
        add_row(o, grid, i, c->rows[i].uses_weight);
        add_differences(o, c, &c->rows[i]);
        add_fan(o, c, &c->rows[i]);
    }
    if (c->clairvoyant.outcomes[0] != NULL)
        add_row(add_object(root, "clairvoyant"), grid, c->n_rows, true);
    else
        json_object_object_add(root, "clairvoyant", NULL);
    add_run(add_object(root, "run"), c);
    return root;
}

int mir_report_json(FILE *to, const struct mir_comparison *c, struct mir_error *err)
{
    struct mir_figure_grid grid;
    struct json_object *root;
    struct mir_str s = {0};

    mir_figure_grid_init(&grid, c);
    root = build(&grid);
    mir_str_add(&s, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    mir_str_add(&s, "\n");
    json_object_put(root);
    mir_figure_grid_release(&grid);
    return mir_report_write(to, &s, err);
}
