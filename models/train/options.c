/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.c - the table of options of its own, and reading arguments by both tables. */
#include "models/train/options.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/parse.h"
#include "traces/replay/option_rows.h"
#include "traces/replay/option_values.h"

enum {
    FIT = 1 << MIR_TRAIN_FIT,
    EVALUATE = 1 << MIR_TRAIN_EVALUATE,
    INSPECT = 1 << MIR_TRAIN_INSPECT,
    LEARNS = FIT | EVALUATE,
};

_Static_assert(offsetof(struct mir_train_options, scene) == 0, "rows write through the scene's");

static struct mir_train_options *own(struct mir_replay_options *scene)
{
    return (struct mir_train_options *)scene;
}

/* For the setters below: `o`, `value` and `err` are what they are given. */
#define SETTER(name)                                                                               \
    static int name(struct mir_replay_options *o, const char *value, struct mir_error *err)

#define SET_TEXT(name, field)                                                                      \
    SETTER(name)                                                                                   \
    {                                                                                              \
        (void)err;                                                                                 \
        own(o)->field = value;                                                                     \
        return 0;                                                                                  \
    }
#define SET_SWITCH(name, field)                                                                    \
    SETTER(name)                                                                                   \
    {                                                                                              \
        (void)value;                                                                               \
        (void)err;                                                                                 \
        own(o)->field = true;                                                                      \
        return 0;                                                                                  \
    }
#define SET_DURATION(name, option, min_s, field)                                                   \
    SETTER(name)                                                                                   \
    {                                                                                              \
        return mir_value_duration(option, value, 1, min_s, &own(o)->field, err);                   \
    }

SET_TEXT(set_output, scene.output)
SET_TEXT(set_report, scene.report)
SET_TEXT(set_model, model_path)
SET_TEXT(set_current, current_path)
SET_TEXT(set_pending, pending_path)
SET_SWITCH(set_json, scene.json)
SET_SWITCH(set_csv, scene.csv)
SET_SWITCH(set_quiet, scene.quiet)
SET_SWITCH(set_help, scene.help)
SET_SWITCH(set_force, force)
SET_SWITCH(set_no_check, no_check)
SET_SWITCH(set_in_sample, in_sample)
SET_DURATION(set_every, "--every", 600, every_s)
SET_DURATION(set_probe_every, "--probe-every", 60, probe_every_s)
SET_DURATION(set_budget, "--time-budget", 1, budget_s)

SETTER(set_shapes)
{
    return mir_shapes_parse("--shapes", value, &own(o)->shapes, err);
}

SETTER(set_paper_shapes)
{
    return mir_shapes_parse("--paper-shapes", value, &own(o)->paper_shapes, err);
}

/* Partition, account and so on of all requests; the sizes and limits are in --shapes. */
SETTER(set_request)
{
    struct mir_chain_options given = {.limit_s = MIR_UNKNOWN, .run_s = MIR_UNKNOWN};
    struct mir_error why = {{0}};
    int rc = mir_value_chain(value, &given, &why);

    if (rc != 0) /* its message begins with the option of mirage-replay */
        return mir_error_set(err, rc, "--request%s",
                             strncmp(why.text, "--chain", 7) == 0 ? why.text + 7 : why.text);
    if (given.n_nodes != 0 || given.limit_s != MIR_UNKNOWN || given.run_s != MIR_UNKNOWN ||
        given.n_jobs != 0)
        return mir_error_set(err, -EINVAL,
                             "--request: takes partition, user, account, qos and nice; sizes and "
                             "limits are in --shapes");
    given.n_nodes = o->chain.n_nodes;
    given.limit_s = o->chain.limit_s;
    given.n_jobs = o->chain.n_jobs;
    o->chain = given;
    return 0;
}

/* 1 is always there and comes first: the log's own machine is what is asked about. */
SETTER(set_scales)
{
    struct mir_train_options *t = own(o);
    const char *s = value;

    t->n_scales = 1;
    for (bool more = true; more;) {
        size_t len = strcspn(s, ",");
        bool known = false;
        double scale;

        if (mir_parse_f64(s, len, &scale) != 0 || scale < 0.1 || scale > 10)
            return mir_error_set(err, -EINVAL,
                                 "--load-scales: '%.*s' is not a number from 0.1 to 10 (0.9,1,1.1)",
                                 (int)(len < 40 ? len : 40), s);
        for (uint32_t i = 0; i < t->n_scales; i++)
            known = known || (t->scales[i] <= scale && t->scales[i] >= scale);
        if (!known && t->n_scales == MIR_TRAIN_MAX_SCALES)
            return mir_error_set(err, -EINVAL, "--load-scales: at most %d of them",
                                 MIR_TRAIN_MAX_SCALES);
        if (!known)
            t->scales[t->n_scales++] = scale;
        more = s[len] != '\0';
        s += more ? len + 1 : len;
    }
    return 0;
}

static int set_method(struct mir_train_options *t, const char *s, size_t len)
{
    for (int m = 0; m < MIR_N_WAIT_METHODS; m++) {
        const char *name = mir_wait_method_name((enum mir_wait_method)m);

        if (strlen(name) == len && strncmp(name, s, len) == 0) {
            t->methods[m] = true;
            return 0;
        }
    }
    return -EINVAL;
}

SETTER(set_methods)
{
    struct mir_train_options *t = own(o);
    const char *s = value;

    memset(t->methods, 0, sizeof t->methods);
    for (bool more = true; more;) {
        size_t len = strcspn(s, ",");

        if (set_method(t, s, len) != 0)
            return mir_error_set(err, -EINVAL,
                                 "--methods: '%.*s' is none of forest-q, xgb-q, rf, xgb",
                                 (int)(len < 40 ? len : 40), s);
        more = s[len] != '\0';
        s += more ? len + 1 : len;
    }
    return 0;
}

static const char MODEL[] = "Model", LABELS[] = "Labels", FITTING[] = "Fitting",
                  SCORING[] = "Scoring", OUTPUT[] = "Output";

static const struct mir_option_row ROWS[] = {
    {"model", 'm', "FILE", EVALUATE, MODEL, "the model to score, from mirage-train fit", set_model},
    {"shapes", 0, "LIST", LEARNS, LABELS,
     "requests, as sizes and limit: 1,2,8x48h or 1x24h,4x48h; default: 1 to 16 nodes at the limit "
     "under which most of the log ran, and its next commonest limits",
     set_shapes},
    {"paper-shapes", 0, "LIST", LEARNS, LABELS, "those of rf and xgb; default 1,8x48h",
     set_paper_shapes},
    {"request", 0, "KEYS", LEARNS, LABELS,
     "of all requests: partition=, user=, account=, qos=, nice=", set_request},
    {"every", 0, "TIME", LEARNS, LABELS, "a predecessor of each shape this often; default 8h",
     set_every},
    {"probe-every", 0, "TIME", LEARNS, LABELS,
     "a submission this often while it runs; default 90m, or a 32nd of the longest limit",
     set_probe_every},
    {"load-scales", 0, "X,...", FIT, LABELS,
     "also learn from machines of these sizes, relative to the log's; default 0.87,0.95,1,1.05",
     set_scales},
    {"methods", 0, "NAME,...", FIT, FITTING, "of forest-q, xgb-q, rf, xgb; default forest-q,xgb-q",
     set_methods},
    {"time-budget", 0, "TIME", FIT, FITTING,
     "leave out labels, methods and the check that do not get done in time", set_budget},
    {"no-check", 0, NULL, FIT, FITTING, "do not score a fit to all but the window's last part",
     set_no_check},
    {"current", 0, "FILE", FIT, FITTING,
     "the model in use: score it on the same days, so that miraged can compare", set_current},
    {"in-sample", 0, NULL, EVALUATE, SCORING, "also where the model has seen the window",
     set_in_sample},
    {"pending", 0, "FILE", EVALUATE, SCORING,
     "no LOG and no model: fit to the first month of a log of pending jobs, score its second",
     set_pending},
    {"output", 'o', "FILE", FIT | EVALUATE, OUTPUT, "fit: the model; evaluate: print there",
     set_output},
    {"force", 0, NULL, FIT, OUTPUT, "replace the model if there is one", set_force},
    {"csv", 0, NULL, EVALUATE, OUTPUT, "print CSV", set_csv},
    {"json", 0, NULL, EVALUATE | INSPECT, OUTPUT, "print JSON", set_json},
    {"report", 0, "FILE", EVALUATE, OUTPUT, "also write one HTML file", set_report},
    {"quiet", 'q', NULL, INSPECT, OUTPUT, "no notes", set_quiet},
    {"help", 'h', NULL, INSPECT, OUTPUT, "this text", set_help},
    {NULL, 0, NULL, 0, NULL, NULL, NULL},
};

void mir_train_option_list(enum mir_train_verb verb, struct mir_option_list *out)
{
    *out = (struct mir_option_list){
        .verb = mir_train_verb_name(verb),
        .tables = {ROWS, verb == MIR_TRAIN_INSPECT ? NULL : mir_option_rows()},
        .bits = {1u << verb, 1u << MIR_VERB_SCENE},
    };
}

/* ---- Verbs */

static const char *const VERBS[MIR_TRAIN_N_VERBS] = {"fit", "evaluate", "inspect"};

int mir_train_verb_parse(const char *name, enum mir_train_verb *out)
{
    for (int v = 0; v < MIR_TRAIN_N_VERBS; v++) {
        if (strcmp(VERBS[v], name) == 0) {
            *out = (enum mir_train_verb)v;
            return 0;
        }
    }
    return -EINVAL;
}

const char *mir_train_verb_name(enum mir_train_verb verb)
{
    return VERBS[verb];
}

/* ---- Reading arguments */

static void set_defaults(enum mir_train_verb verb, struct mir_train_options *o)
{
    *o = (struct mir_train_options){
        .verb = verb,
        .paper_shapes = {.list = {{1, 48 * 3600}, {8, 48 * 3600}}, .n = 2},
        .every_s = 8 * 3600,
        .scales = {1, 0.87, 0.95, 1.05},
        .n_scales = 4,
        .methods = {[MIR_WAIT_FOREST_Q] = true, [MIR_WAIT_XGB_Q] = true},
    };
    mir_replay_options_defaults(MIR_VERB_SCENE, &o->scene);
}

static int read_operand(int n, char **operands, struct mir_train_options *o, struct mir_error *err)
{
    bool inspect = o->verb == MIR_TRAIN_INSPECT;

    if (n > 1)
        return mir_error_set(err, -EINVAL, "one %s at a time ('%s' and '%s')",
                             inspect ? "model" : "log", operands[0], operands[1]);
    if (n == 1 && o->pending_path != NULL)
        return mir_error_set(err, -EINVAL, "--pending FILE stands instead of a log ('%s')",
                             operands[0]);
    if (n == 0 && inspect)
        return mir_error_set(err, -EINVAL, "inspect needs a model");
    if (n == 1 && inspect)
        o->model_path = operands[0];
    else if (n == 1)
        o->scene.log_path = operands[0];
    return 0;
}

static int check(struct mir_train_options *o, struct mir_error *err)
{
    int rc = mir_replay_options_check(&o->scene, err);

    if (rc != 0)
        return rc;
    if (o->verb == MIR_TRAIN_FIT && o->scene.output == NULL)
        return mir_error_set(err, -EINVAL, "fit needs -o MODEL, the file to write");
    if (o->verb == MIR_TRAIN_FIT && strcmp(o->scene.output, "-") == 0)
        return mir_error_set(err, -EINVAL, "-o: a model is a file, not standard output");
    if (o->current_path != NULL && o->no_check)
        return mir_error_set(err, -EINVAL, "--current is scored by the check: not with --no-check");
    if (o->verb == MIR_TRAIN_EVALUATE && o->model_path == NULL && o->pending_path == NULL)
        return mir_error_set(err, -EINVAL, "evaluate needs --model FILE");
    if (o->model_path != NULL && o->pending_path != NULL)
        return mir_error_set(err, -EINVAL, "--pending fits by itself and takes no --model");
    return 0;
}

int mir_train_options_parse(enum mir_train_verb verb,
                            int argc,
                            char **argv,
                            struct mir_train_options *out,
                            struct mir_error *err)
{
    struct mir_option_list list;
    int operand, rc;

    set_defaults(verb, out);
    mir_train_option_list(verb, &list);
    rc = mir_option_rows_read(&list, argc, argv, &out->scene, &operand, err);
    if (rc != 0 || out->scene.help)
        return rc;
    rc = read_operand(argc - operand, argv + operand, out, err);
    return rc == 0 ? check(out, err) : rc;
}

void mir_train_options_release(struct mir_train_options *options)
{
    mir_replay_options_release(&options->scene);
}
