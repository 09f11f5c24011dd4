/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_json.c - an evaluation as JSON; the shape is in report.h. */
#include <inttypes.h>

#include "models/train/json_parts.h"
#include "models/train/report.h"

static const char *level_key(unsigned level, char buf[16])
{
    snprintf(buf, 16, "%g", mir_scored_levels[level]);
    return buf;
}

static void add_score(struct json_object *to, const struct mir_score *s)
{
    struct json_object *t, *h, *coverage;
    char key[16];

    mir_json_count(to, "n", s->n);
    t = mir_json_object(to, "pinball_t");
    h = mir_json_object(to, "pinball_h");
    for (unsigned k = 0; k < MIR_N_PROMISES; k++) {
        mir_json_number(t, level_key(mir_promises[k], key), s->pinball_t[k]);
        mir_json_number(h, key, s->pinball_h[k]);
    }
    mir_json_number(to, "mae_h", s->mae_h);
    mir_json_number(to, "within_2", s->within_2);
    mir_json_number(to, "at_once", s->at_once);
    coverage = mir_json_object(to, "coverage");
    for (unsigned k = 0; k < MIR_SCORED_LEVELS; k++)
        mir_json_number(coverage, level_key(k, key), s->coverage[k]);
}

static void
add_prediction(struct json_object *to, const struct mir_evaluation *e, uint32_t prediction)
{
    const struct mir_prediction *p = &e->predictions[prediction];
    struct json_object *classes;

    mir_json_text(to, "name", p->name);
    json_object_object_add(to, "learned", json_object_new_boolean(p->learned));
    json_object_object_add(to, "calibrated", json_object_new_boolean(p->calibrated));
    classes = mir_json_array(to, "classes");
    for (uint32_t c = 0; c < e->n_classes; c++) {
        struct json_object *o = mir_json_item(classes);

        mir_json_text(o, "class", e->classes[c].name);
        add_score(o, &e->scores[prediction][c]);
    }
}

static void add_run(struct json_object *to, const struct mir_evaluation_report *r)
{
    char checksum[32];

    snprintf(checksum, sizeof checksum, "%016" PRIx64, r->checksum);
    mir_json_text(to, "log", r->log);
    mir_json_text(to, "model", r->model);
    mir_json_text(to, "checksum", r->checksum != 0 ? checksum : NULL);
    mir_json_time(to, "learned_from", r->origin->from_at);
    mir_json_time(to, "learned_to", r->origin->to_at);
    mir_json_time(to, "from", r->from_at);
    mir_json_time(to, "to", r->to_at);
    mir_json_count(to, "nodes", r->n_nodes);
    mir_json_count(to, "submissions", r->e->n);
    mir_json_count(to, "censored", r->e->n_censored);
    mir_json_number(to, "mean_wait_h", r->e->mean_wait_h);
    json_object_object_add(to, "in_sample", json_object_new_boolean(r->in_sample));
    mir_json_text(to, "leak", r->leak);
    mir_json_text(to, "command", r->command);
    mir_json_text(to, "version", r->version);
    mir_json_number(to, "wall_s", r->wall_s);
}

int mir_evaluation_json(FILE *to, const struct mir_evaluation_report *r, struct mir_error *err)
{
    struct json_object *root = json_object_new_object();
    struct json_object *predictions = mir_json_array(root, "predictions"), *outcomes;

    for (uint32_t p = 0; p < r->e->n_predictions; p++)
        add_prediction(mir_json_item(predictions), r->e, p);
    outcomes = mir_json_array(root, "outcomes");
    for (uint32_t i = 0; i < r->n_outcomes; i++) {
        struct json_object *o = mir_json_item(outcomes);

        mir_json_text(o, "name", r->outcomes[i].name);
        mir_json_count(o, "n", r->outcomes[i].n);
        mir_json_number(o, "mae_h", r->outcomes[i].mae_h);
        mir_json_number(o, "bias_h", r->outcomes[i].bias_h);
    }
    add_run(mir_json_object(root, "run"), r);
    return mir_json_write(to, root, err);
}
