/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.c - the table of options, and reading arguments by it. */
#include "traces/replay/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/replay/option_values.h"
#include "traces/replay/together.h"

enum {
    RUN = 1 << MIR_VERB_RUN,
    TOGETHER = 1 << MIR_VERB_TOGETHER,
    SCHEDULE = 1 << MIR_VERB_SCHEDULE,
    STATS = 1 << MIR_VERB_STATS,
    CONVERT = 1 << MIR_VERB_CONVERT,
    GENERATE = 1 << MIR_VERB_GENERATE,
    SCENE = 1 << MIR_VERB_SCENE,
    COMPARES = RUN | TOGETHER,
    READS = COMPARES | SCHEDULE | STATS | CONVERT | SCENE,
    SIMULATES = COMPARES | SCHEDULE | SCENE,
    ALL = READS | GENERATE,
};

/* For the setters below: `o`, `value` and `err` are what they are given. */
#define SETTER(name)                                                                               \
    static int name(struct mir_replay_options *o, const char *value, struct mir_error *err)

/* Setters of one shape each: a text, a switch, a duration, a number. */
#define SET_TEXT(name, field)                                                                      \
    SETTER(name)                                                                                   \
    {                                                                                              \
        (void)err;                                                                                 \
        o->field = value;                                                                          \
        return 0;                                                                                  \
    }
#define SET_SWITCH(name, field)                                                                    \
    SETTER(name)                                                                                   \
    {                                                                                              \
        (void)value;                                                                               \
        (void)err;                                                                                 \
        o->field = true;                                                                           \
        return 0;                                                                                  \
    }
#define SET_DURATION(name, option, min_s, field)                                                   \
    SETTER(name)                                                                                   \
    {                                                                                              \
        return mir_value_duration(option, value, 1, min_s, &o->field, err);                        \
    }
#define SET_COUNT(name, option, type, min, max, field)                                             \
    SETTER(name)                                                                                   \
    {                                                                                              \
        int64_t number;                                                                            \
        int rc = mir_value_count(option, value, min, max, &number, err);                           \
                                                                                                   \
        if (rc == 0)                                                                               \
            o->field = (type)number;                                                               \
        return rc;                                                                                 \
    }

SET_SWITCH(set_strict, strict)
SET_SWITCH(set_quiet, quiet)
SET_SWITCH(set_help, help)
SET_SWITCH(set_csv, csv)
SET_SWITCH(set_json, json)
SET_SWITCH(set_cold, cold)
SET_SWITCH(set_compare, compare)
SET_SWITCH(set_node_identity, node_identity)
SET_SWITCH(set_in_sample, in_sample)
SET_SWITCH(set_alone, alone)
SET_TEXT(set_from, from_text)
SET_TEXT(set_to, to_text)
SET_TEXT(set_start, start_text)
SET_TEXT(set_slurm_conf, slurm_conf)
SET_TEXT(set_capacity, capacity)
SET_TEXT(set_output, output)
SET_TEXT(set_model, model)
SET_TEXT(set_report, report)
SET_TEXT(set_outcomes, outcomes)
SET_TEXT(set_fit, fit)
SET_TEXT(set_capacity_out, capacity_out)
SET_TEXT(set_params, params)
SET_DURATION(set_every, "--every", 1, every_s)
SET_DURATION(set_period, "--period", 1, period_s)
SET_DURATION(set_warmup, "--warmup", 0, warmup_s)
SET_DURATION(set_spread, "--spread", 0, spread_s)
SET_DURATION(set_cold_arrivals, "--cold-arrivals", 1, cold_arrivals_s)
SET_DURATION(set_cold_warmup, "--cold-warmup", 0, cold_warmup_s)
SET_DURATION(set_round_submit, "--round-submit", 1, round_submit_s)
SET_DURATION(set_round_run, "--round-run", 1, round_run_s)
SET_DURATION(set_min_run, "--min-run", 1, min_run_s)
SET_DURATION(set_phase, "--phase", 0, phase_s)
SET_COUNT(set_nodes, "--nodes", uint32_t, 1, 1 << 24, n_nodes)
SET_COUNT(set_chains, "--chains", uint32_t, 1, MIR_MAX_CHAINS, n_chains)
SET_COUNT(set_seed, "--seed", uint64_t, 0, INT64_MAX, seed)
SET_COUNT(set_threads, "--threads", uint32_t, 1, 1024, n_threads)
SET_COUNT(set_limit_episodes, "--limit-episodes", uint32_t, 1, 1 << 24, max_episodes)

SETTER(set_days)
{
    int64_t days;
    int rc = mir_value_count("--days", value, 1, 36525, &days, err);

    if (rc == 0)
        o->duration_s = days * 86400;
    return rc;
}

SETTER(set_format)
{
    struct mir_error why = {{0}};

    if (mir_log_format_parse(value, &o->format, &why) == 0)
        return 0;
    return mir_error_set(err, -EINVAL, "--format: %s", why.text);
}

SETTER(set_tz)
{
    mir_zone_destroy(o->zone);
    o->zone = NULL;
    if (mir_zone_create(value, &o->zone) == 0)
        return 0;
    return mir_error_set(err, -EINVAL, "--tz: no time zone '%s' on this system", value);
}

SETTER(set_scheduler)
{
    struct mir_error why = {{0}};

    o->scheduler_given = true;
    if (mir_scheduler_parse(value, &o->scheduler, &why) == 0)
        return 0;
    return mir_error_set(err, -EINVAL, "--scheduler: %s", why.text);
}

SETTER(set_setting)
{
    return mir_value_setting(value, o, err);
}

SETTER(set_qos)
{
    struct mir_cluster scratch;
    struct mir_error why = {{0}};

    if (o->n_qos == MIR_MAX_QOS)
        return mir_error_set(err, -EINVAL, "--qos: at most %d of them", MIR_MAX_QOS);
    mir_cluster_init(&scratch, MIR_SCHED_SLURM, 1);
    o->qos[o->n_qos++] = value;
    for (uint32_t i = 0; i < o->n_qos; i++) {
        if (mir_cluster_add_qos(&scratch, o->qos[i], &why) != 0)
            return mir_error_set(err, -EINVAL, "--qos: %s", why.text);
    }
    return 0;
}

SETTER(set_chain)
{
    return mir_value_chain(value, &o->chain, err);
}

static int add_policy(struct mir_replay_options *o, const char *spec, struct mir_error *err)
{
    struct mir_error why = {{0}};

    for (uint32_t i = 0; i < o->n_policies; i++) {
        if (strcmp(mir_policy_spec(o->policies[i]), spec) == 0)
            return mir_error_set(err, -EINVAL, "--policy: '%s' is there twice", spec);
    }
    if (o->n_policies == MIR_MAX_POLICIES)
        return mir_error_set(err, -EINVAL, "--policy: at most %d of them", MIR_MAX_POLICIES);
    if (mir_policy_create(spec, &o->policies[o->n_policies], &why) != 0)
        return mir_error_set(err, -EINVAL, "--policy: %s", why.text);
    o->n_policies++;
    return 0;
}

/* The first row is always reactive, so a user who names it says nothing new. */
SETTER(set_policy)
{
    if (o->n_policies == 0) {
        int rc = add_policy(o, "reactive", err);

        if (rc != 0)
            return rc;
    }
    return strcmp(value, "reactive") == 0 ? 0 : add_policy(o, value, err);
}

SETTER(set_weights)
{
    return mir_value_weights(value, o, err);
}

SETTER(set_truth)
{
    struct mir_error why = {{0}};

    if (mir_log_truth_parse(value, &o->truth, &why) == 0)
        return 0;
    return mir_error_set(err, -EINVAL, "--truth: %s", why.text);
}

SETTER(set_protocol)
{
    if (strcmp(value, "continuous") == 0)
        o->protocol = MIR_PROTOCOL_CONTINUOUS;
    else if (strcmp(value, "cold") == 0)
        o->protocol = MIR_PROTOCOL_COLD;
    else
        return mir_error_set(err, -EINVAL, "--protocol: '%s' is neither continuous nor cold",
                             value);
    return 0;
}

SETTER(set_event_order)
{
    if (strcmp(value, "batch") == 0)
        o->event_order = MIR_EVENTS_BATCH;
    else if (strcmp(value, "single") == 0)
        o->event_order = MIR_EVENTS_SINGLE;
    else
        return mir_error_set(err, -EINVAL, "--event-order: '%s' is neither batch nor single",
                             value);
    return 0;
}

static const char CHAIN[] = "Chain", EPISODES[] = "Episodes", CLUSTER[] = "Cluster",
                  INPUT[] = "Input", OUTPUT[] = "Output", WINDOW[] = "Window", PLAN[] = "Schedule",
                  RESULT[] = "Results", WORKLOAD[] = "Workload";

static const struct mir_option_row ROWS[] = {
    {"chain", 0, "KEYS", COMPARES, CHAIN,
     "the job that is chained: nodes=N,limit=TIME,links=JOBS and, where wanted, run=TIME, "
     "partition=, user=, account=, qos=, nice=; default nodes=1,limit=48h,links=2",
     set_chain},
    {"chains", 0, "N", TOGETHER, CHAIN, "so many side by side; default 10", set_chains},
    {"spread", 0, "TIME", TOGETHER, CHAIN,
     "their first jobs are submitted evenly over so long; default 0: all at once", set_spread},
    {"policy", 0, "SPEC", COMPARES, CHAIN,
     "a policy to compare, NAME[:KEY=VALUE,...] or PATH.so[:...]; may be repeated; reactive is "
     "always compared",
     set_policy},
    {"alone", 0, NULL, TOGETHER, CHAIN,
     "also show policies that play out futures where each chain ignores the others", set_alone},
    {"model", 0, "FILE", COMPARES, CHAIN,
     "what rf, xgb, forest-q and xgb-q ask; made by mirage-train, of days before this run's",
     set_model},
    {"in-sample", 0, NULL, COMPARES, CHAIN, "take a model that was trained on this run's own days",
     set_in_sample},
    {"truth", 0, "PART,...", COMPARES, CHAIN,
     "cheat, to see what limits lookahead: it is told the true run-times or arrivals, or looks at "
     "every step of a finer grid",
     set_truth},
    {"weights", 0, "W,...", COMPARES, CHAIN,
     "weights of overlap in cost = interruption + W * overlap; default 1,0.5,0.1", set_weights},
    {"period", 0, "TIME", COMPARES, CHAIN, "between decisions; default 10m", set_period},
    {"warmup", 0, "TIME", COMPARES, CHAIN, "what a successor needs before it serves; default 0",
     set_warmup},
    {"every", 0, "TIME", COMPARES, EPISODES, "begin an episode this often; default 4h", set_every},
    {"from", 0, "DATE", COMPARES | SCHEDULE | STATS | SCENE, WINDOW,
     "from this time on (2023-02-01, 2023-02-01T12:00, with or without a zone)", set_from},
    {"to", 0, "DATE", COMPARES | SCHEDULE | STATS | SCENE, WINDOW, "before this time", set_to},
    {"limit-episodes", 0, "N", COMPARES, EPISODES, "only the first N episodes", set_limit_episodes},
    {"protocol", 0, "NAME", RUN, EPISODES,
     "continuous (default: the whole log runs) or cold (each episode starts on an empty cluster)",
     set_protocol},
    {"cold-arrivals", 0, "TIME", RUN, EPISODES,
     "cold: jobs submitted for this long arrive; default 5d", set_cold_arrivals},
    {"cold-warmup", 0, "TIME", RUN, EPISODES,
     "cold: the predecessor is submitted after this long; default 2d", set_cold_warmup},
    {"seed", 0, "N", COMPARES | GENERATE | SCENE, WORKLOAD, "of everything random; default 1",
     set_seed},
    {"threads", 0, "N", COMPARES | SCENE, EPISODES,
     "default: all cores; results do not depend on it", set_threads},
    {"cold", 0, NULL, SCHEDULE, PLAN, "only the window's jobs, on an empty machine", set_cold},
    {"compare", 0, NULL, SCHEDULE, PLAN, "hold simulated waits against the log's", set_compare},
    {"event-order", 0, "ORDER", SCHEDULE, PLAN,
     "easy: a pass per second (batch, default) or after each event (single)", set_event_order},
    {"node-identity", 0, NULL, SCHEDULE, PLAN,
     "easy, slurm: reservations are sets of machines (slower)", set_node_identity},
    {"phase", 0, "TIME", SCHEDULE, PLAN,
     "the controller starts this long before the first arrival; default 0", set_phase},
    {"nodes", 0, "N", SIMULATES | STATS, CLUSTER, "size of the machine; default: as the log says",
     set_nodes},
    {"slurm-conf", 0, "FILE", SIMULATES, CLUSTER, "take machine and scheduler from a slurm.conf",
     set_slurm_conf},
    {"capacity", 0, "FILE|auto", SIMULATES, CLUSTER,
     "nodes in service over time: lines 'time,nodes', or estimated from the log", set_capacity},
    {"scheduler", 0, "NAME", SIMULATES, CLUSTER, "slurm (default), easy, fcfs or conservative",
     set_scheduler},
    {"set", 0, "KEY=VALUE", SIMULATES, CLUSTER,
     "a SchedulerParameters or Priority* key of slurm.conf (bf_interval=60); may be repeated",
     set_setting},
    {"qos", 0, "NAME=N", SIMULATES, CLUSTER, "priority of a QOS; may be repeated", set_qos},
    {"round-submit", 0, "TIME", SIMULATES, CLUSTER, "round submissions down to a multiple",
     set_round_submit},
    {"round-run", 0, "TIME", SIMULATES, CLUSTER, "round run times up to a multiple", set_round_run},
    {"min-run", 0, "TIME", SIMULATES, CLUSTER,
     "jobs that ran shorter, or for no time at all, count as this long; default: jobs of no run "
     "time are left out",
     set_min_run},
    {"params", 0, "FILE", GENERATE, WORKLOAD, "parameters, as stats --fit writes them", set_params},
    {"days", 0, "N", GENERATE, WORKLOAD, "how long; default 90", set_days},
    {"start", 0, "DATE", GENERATE, WORKLOAD, "when it begins; default 2024-01-01", set_start},
    {"fit", 0, "FILE", STATS, RESULT, "write parameters for generate, fitted to the log", set_fit},
    {"capacity-out", 0, "FILE", STATS, RESULT, "write the estimated capacity for --capacity",
     set_capacity_out},
    {"format", 0, "NAME", READS, INPUT, "auto (default), mirage, sacct, swf, tacc, alcf or gwu",
     set_format},
    {"tz", 0, "ZONE", ALL, INPUT, "of times without a zone (America/Chicago); default UTC", set_tz},
    {"strict", 0, NULL, READS, INPUT, "stop at the first bad line", set_strict},
    {"csv", 0, NULL, COMPARES, OUTPUT, "print CSV", set_csv},
    {"json", 0, NULL, COMPARES | SCHEDULE | STATS, OUTPUT, "print JSON", set_json},
    {"output", 'o', "FILE", COMPARES | SCHEDULE | CONVERT | GENERATE, OUTPUT,
     "write there (schedule: the starts as CSV)", set_output},
    {"report", 0, "FILE", RUN, OUTPUT, "also write one HTML file", set_report},
    {"outcomes", 0, "FILE", COMPARES, OUTPUT, "also write every outcome by itself, as CSV",
     set_outcomes},
    {"quiet", 'q', NULL, ALL, OUTPUT, "no progress, no notes", set_quiet},
    {"help", 'h', NULL, ALL, OUTPUT, "this text", set_help},
    {NULL, 0, NULL, 0, NULL, NULL, NULL},
};

const struct mir_option_row *mir_option_rows(void)
{
    return ROWS;
}

/* ---- Verbs */

static const char *const VERBS[MIR_N_VERBS] = {"run",   "together", "schedule",
                                               "stats", "convert",  "generate"};

int mir_verb_parse(const char *name, enum mir_verb *out)
{
    for (int v = 0; v < MIR_N_VERBS; v++) {
        if (strcmp(VERBS[v], name) == 0) {
            *out = (enum mir_verb)v;
            return 0;
        }
    }
    return -EINVAL;
}

const char *mir_verb_name(enum mir_verb verb)
{
    return VERBS[verb];
}

/* ---- Reading arguments */

void mir_replay_options_defaults(enum mir_verb verb, struct mir_replay_options *o)
{
    *o = (struct mir_replay_options){
        .verb = verb,
        .from_at = INT64_MIN,
        .to_at = INT64_MAX,
        .chain = {.n_nodes = 1, .limit_s = 48 * 3600, .run_s = MIR_UNKNOWN, .n_jobs = 2},
        .weights = {1, 0.5, 0.1},
        .n_weights = 3,
        .n_chains = 10,
        .every_s = 4 * 3600,
        .period_s = 600,
        .cold_arrivals_s = 5 * 86400,
        .cold_warmup_s = 2 * 86400,
        .seed = 1,
        .start_at = 1704067200, /* 2024-01-01, a Monday */
        .duration_s = 90 * 86400,
    };
}

static int
read_log_path(int n, char **operands, struct mir_replay_options *o, struct mir_error *err)
{
    if (n > 0 && o->verb == MIR_VERB_GENERATE)
        return mir_error_set(err, -EINVAL, "generate reads no log ('%s')", operands[0]);
    if (n > 1)
        return mir_error_set(err, -EINVAL, "one log at a time ('%s' and '%s')", operands[0],
                             operands[1]);
    if (n > 0)
        o->log_path = operands[0];
    else if (o->verb == MIR_VERB_CONVERT)
        return mir_error_set(err, -EINVAL, "convert needs a log");
    return 0;
}

static int read_time(const char *option,
                     const char *text,
                     const struct mir_zone *zone,
                     int64_t *out,
                     struct mir_error *err)
{
    if (text == NULL || mir_parse_time(text, strlen(text), zone, out) == 0)
        return 0;
    return mir_error_set(err, -EINVAL, "%s: '%s' is not a time (2023-02-01, 2023-02-01T12:00)",
                         option, text);
}

static int read_times(struct mir_replay_options *o, struct mir_error *err)
{
    int rc = read_time("--from", o->from_text, o->zone, &o->from_at, err);

    if (rc == 0)
        rc = read_time("--to", o->to_text, o->zone, &o->to_at, err);
    if (rc == 0)
        rc = read_time("--start", o->start_text, o->zone, &o->start_at, err);
    if (rc == 0 && o->from_at >= o->to_at)
        rc = mir_error_set(err, -EINVAL, "--from is not before --to");
    return rc;
}

static int add_default_policies(struct mir_replay_options *o, struct mir_error *err)
{
    static const char *const specs[] = {
        "reactive", "lead:hours=1", "lead:hours=6", "lead:hours=12", "avg",
        "quantile", "qbets",        "asa",          "forest-q",      "xgb-q",
    };
    /* The last two only where there is something that they can ask. */
    size_t n = sizeof specs / sizeof *specs - (o->model == NULL ? 2 : 0);

    for (size_t i = 0; i < n; i++) {
        int rc = set_policy(o, specs[i], err);

        if (rc != 0)
            return rc;
    }
    return 0;
}

static int check_together(struct mir_replay_options *o, struct mir_error *err)
{
    if (o->csv && o->json)
        return mir_error_set(err, -EINVAL, "--csv or --json, not both");
    if (o->n_nodes > 0 && o->slurm_conf != NULL)
        return mir_error_set(err, -EINVAL, "--nodes or --slurm-conf, not both");
    if (o->event_order == MIR_EVENTS_SINGLE && o->scheduler != MIR_SCHED_EASY)
        return mir_error_set(err, -EINVAL, "--event-order single is for --scheduler easy");
    if (o->node_identity && o->scheduler != MIR_SCHED_EASY && o->scheduler != MIR_SCHED_SLURM)
        return mir_error_set(err, -EINVAL, "--node-identity is for --scheduler easy and slurm");
    if (o->compare && o->log_path == NULL)
        return mir_error_set(err, -EINVAL, "--compare needs a log: the embedded one has no waits");
    if (o->protocol == MIR_PROTOCOL_COLD && o->cold_warmup_s >= o->cold_arrivals_s)
        return mir_error_set(err, -EINVAL, "--cold-warmup is not before --cold-arrivals end");
    if (o->in_sample && o->model == NULL)
        return mir_error_set(err, -EINVAL, "--in-sample is for --model");
    return 0;
}

int mir_replay_options_check(struct mir_replay_options *o, struct mir_error *err)
{
    int rc = read_times(o, err);

    return rc == 0 ? check_together(o, err) : rc;
}

int mir_replay_options_parse(enum mir_verb verb,
                             int argc,
                             char **argv,
                             struct mir_replay_options *out,
                             struct mir_error *err)
{
    const struct mir_option_list list = {VERBS[verb], {ROWS}, {1u << verb}};
    int operand, rc;

    mir_replay_options_defaults(verb, out);
    rc = mir_option_rows_read(&list, argc, argv, out, &operand, err);
    if (rc != 0 || out->help)
        return rc;
    rc = read_log_path(argc - operand, argv + operand, out, err);
    if (rc == 0)
        rc = mir_replay_options_check(out, err);
    if (rc == 0 && (1 << verb & COMPARES) != 0 && out->n_policies == 0)
        rc = add_default_policies(out, err);
    return rc;
}

void mir_replay_options_release(struct mir_replay_options *o)
{
    for (uint32_t i = 0; i < o->n_sets; i++) {
        free(o->sets[i].key);
        free(o->sets[i].value);
    }
    for (uint32_t i = 0; i < o->n_policies; i++)
        mir_policy_destroy(o->policies[i]);
    mir_zone_destroy(o->zone);
    *o = (struct mir_replay_options){0};
}
