/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cmd_inspect.c - what is in a model file. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "models/train/commands.h"
#include "models/train/json_parts.h"
#include "traces/replay/commands.h"

enum { TOP_FEATURES = 15 };

/* Features by importance, the greatest first. */
static void rank_features(const struct mir_wait_model *m, unsigned out[MIR_N_WAIT_FEATURES])
{
    for (unsigned f = 0; f < MIR_N_WAIT_FEATURES; f++) {
        unsigned k = f;

        for (; k > 0 && m->importance[out[k - 1]] < m->importance[f]; k--)
            out[k] = out[k - 1];
        out[k] = f;
    }
}

/* Nodes and leaves as they are in memory. */
static size_t bytes_of(const struct mir_trees *t)
{
    return t->n_nodes * sizeof(*t->nodes) + t->n_trees * sizeof(*t->roots) +
           (size_t)t->n_leaves * mir_trees_values_per_leaf(t) * sizeof(*t->values);
}

/* ---- For people */

static void print_origin(FILE *to, const struct mir_wait_model *m, const char *name)
{
    const struct mir_model_origin *o = &m->origin;
    char from[32], until[32], at[32];

    fprintf(to, "%s\n", name);
    fprintf(to, "  made      %.16s UTC by %s\n", mir_format_time(o->trained_at, at), o->program);
    fprintf(to, "  log       %s, %" PRIu32 " nodes\n", o->source, o->n_nodes);
    fprintf(to, "  window    %.16s to %.16s UTC; nothing later was seen\n",
            mir_format_time(o->from_at, from), mir_format_time(o->to_at, until));
    fprintf(to, "  labels    %" PRIu64 ", of which %" PRIu64 " had not started; seed %" PRIu64 "\n",
            o->n_labels, o->n_censored, o->seed);
    fprintf(to, "  features  %s, %d of them\n", o->feature_set, MIR_N_WAIT_FEATURES);
    if (m->checksum != 0)
        fprintf(to, "  checksum  %016" PRIx64 "\n", m->checksum);
}

static void print_methods(FILE *to, const struct mir_wait_model *m)
{
    fprintf(to, "\n%-10s %8s %10s %10s %10s\n", "method", "trees", "nodes", "leaves", "kB");
    for (unsigned k = 0; k < MIR_N_WAIT_METHODS; k++) {
        const struct mir_trees *t = &m->trees[k];

        if (t->n_trees > 0)
            fprintf(to, "%-10s %8" PRIu32 " %10" PRIu32 " %10" PRIu32 " %10zu\n",
                    mir_wait_method_name((enum mir_wait_method)k), t->n_trees, t->n_nodes,
                    t->n_leaves, bytes_of(t) / 1024);
    }
}

static void print_features(FILE *to, const struct mir_wait_model *m)
{
    unsigned order[MIR_N_WAIT_FEATURES];

    rank_features(m, order);
    if (!(m->importance[order[0]] > 0))
        return;
    fprintf(to, "\n%-6s %-28s %-7s %s\n", "gain", "feature", "unit", "what it is");
    for (unsigned i = 0; i < TOP_FEATURES && m->importance[order[i]] > 0; i++) {
        const struct mir_feature *f = &mir_wait_feature_table[order[i]];

        fprintf(to, "%4.1f %% %-28s %-7s %s\n", 100 * (double)m->importance[order[i]], f->name,
                f->unit, f->text);
    }
}

static const char CURRENT[] = "current ";

static const struct mir_model_score *find_score(const struct mir_wait_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_scores; i++) {
        if (strcmp(m->scores[i].name, name) == 0)
            return &m->scores[i];
    }
    return NULL;
}

/* What the model in use then had of it. */
static const struct mir_model_score *current_score(const struct mir_wait_model *m, const char *name)
{
    char current[sizeof(CURRENT) + sizeof(m->scores[0].name)];

    snprintf(current, sizeof current, "%s%s", CURRENT, name);
    return find_score(m, current);
}

/* A damaged file may say anything; no loss and no share is so large. */
static bool is_time(const struct mir_model_score *s)
{
    return s->value > 1e8 && s->value < 1e11;
}

/* A time is told as one; what the model in use had, beside. */
static void print_score(FILE *to, const struct mir_wait_model *m, const struct mir_model_score *s)
{
    const struct mir_model_score *current = current_score(m, s->name);
    char at[32];

    if (is_time(s))
        fprintf(to, "%-44s %.16s\n", s->name, mir_format_time((int64_t)s->value, at));
    else if (current != NULL)
        fprintf(to, "%-44s %-10.4g %.4g\n", s->name, s->value, current->value);
    else
        fprintf(to, "%-44s %.4g\n", s->name, s->value);
}

/* Which one it was, and why there is nothing beside, if so. */
static void print_current(FILE *to, const struct mir_wait_model *m, bool compared)
{
    const struct mir_model_score *until = find_score(m, "current learned until");
    char at[32];

    if (until == NULL || !is_time(until))
        return;
    fprintf(to, "\nThe model in use then had learned until %.16s UTC%s.\n",
            mir_format_time((int64_t)until->value, at),
            compared ? "; it was asked about the same submissions"
                     : ", so from the days of the check: not compared");
}

static void print_scores(FILE *to, const struct mir_wait_model *m)
{
    bool compared = false;

    for (uint32_t i = 0; i < m->n_scores; i++)
        compared = compared || current_score(m, m->scores[i].name) != NULL;
    print_current(to, m, compared);
    if (m->n_scores > 0)
        fprintf(to, "\n%-44s %-10s%s\n", "score", "value", compared ? " in use then" : "");
    for (uint32_t i = 0; i < m->n_scores; i++) {
        if (strncmp(m->scores[i].name, CURRENT, sizeof(CURRENT) - 1) != 0)
            print_score(to, m, &m->scores[i]);
    }
}

void mir_inspect_print(FILE *to, const struct mir_wait_model *m, const char *name)
{
    print_origin(to, m, name);
    print_methods(to, m);
    print_features(to, m);
    print_scores(to, m);
}

/* ---- JSON */

static void add_methods(struct json_object *root, const struct mir_wait_model *m)
{
    struct json_object *methods = mir_json_array(root, "methods");

    for (unsigned k = 0; k < MIR_N_WAIT_METHODS; k++) {
        const struct mir_trees *t = &m->trees[k];
        struct json_object *o;

        if (t->n_trees == 0)
            continue;
        o = mir_json_item(methods);
        mir_json_text(o, "name", mir_wait_method_name((enum mir_wait_method)k));
        mir_json_count(o, "trees", t->n_trees);
        mir_json_count(o, "nodes", t->n_nodes);
        mir_json_count(o, "leaves", t->n_leaves);
        mir_json_count(o, "bytes", bytes_of(t));
    }
}

static void add_features(struct json_object *root, const struct mir_wait_model *m)
{
    struct json_object *features = mir_json_array(root, "features");
    unsigned order[MIR_N_WAIT_FEATURES];

    rank_features(m, order);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        const struct mir_feature *f = &mir_wait_feature_table[order[i]];
        const struct mir_feature_range *r = &m->ranges[order[i]];
        struct json_object *o = mir_json_item(features);

        mir_json_text(o, "name", f->name);
        mir_json_text(o, "unit", f->unit);
        mir_json_text(o, "source", mir_feature_source_name(f->source));
        mir_json_text(o, "text", f->text);
        mir_json_number(o, "gain", (double)m->importance[order[i]]);
        mir_json_number(o, "p1", (double)r->low);
        mir_json_number(o, "median", (double)r->median);
        mir_json_number(o, "p99", (double)r->high);
        mir_json_number(o, "iqr", (double)r->iqr);
    }
}

static int print_json(FILE *to, const struct mir_wait_model *m, struct mir_error *err)
{
    struct json_object *root = json_object_new_object(), *scores;
    const struct mir_model_origin *o = &m->origin;
    char checksum[32];

    snprintf(checksum, sizeof checksum, "%016" PRIx64, m->checksum);
    mir_json_text(root, "source", o->source);
    mir_json_text(root, "program", o->program);
    mir_json_text(root, "feature_set", o->feature_set);
    mir_json_text(root, "checksum", checksum);
    mir_json_time(root, "trained_at", o->trained_at);
    mir_json_time(root, "from", o->from_at);
    mir_json_time(root, "to", o->to_at);
    mir_json_count(root, "seed", o->seed);
    mir_json_count(root, "nodes", o->n_nodes);
    mir_json_count(root, "labels", o->n_labels);
    mir_json_count(root, "censored", o->n_censored);
    add_methods(root, m);
    scores = mir_json_object(root, "scores");
    for (uint32_t i = 0; i < m->n_scores; i++)
        mir_json_number(scores, m->scores[i].name, m->scores[i].value);
    add_features(root, m);
    return mir_json_write(to, root, err);
}

int mir_command_inspect(const struct mir_train_options *options, struct mir_error *err)
{
    struct mir_wait_model *m;
    int rc = mir_wait_model_load(options->model_path, &m, err);

    if (rc != 0)
        return rc;
    if (options->scene.json)
        rc = print_json(stdout, m, err);
    else
        mir_inspect_print(stdout, m, options->model_path);
    mir_wait_model_unref(m);
    return mir_output_close(stdout, NULL, rc, err);
}
