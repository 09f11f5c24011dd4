/*
 * options.h - what a user asked mirage-replay for.
 * One table of options serves every verb: it says who takes what, checks the
 * value and is what --help prints.  One thread.
 */
#ifndef MIR_REPLAY_OPTIONS_H
#define MIR_REPLAY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/core/error.h"
#include "daemon/core/parse.h"
#include "plugins/policy.h"
#include "traces/reader/reader.h"
#include "traces/replay/comparison.h"
#include "traces/replay/episodes.h"
#include "traces/replay/option_rows.h"
#include "traces/sim/cluster.h"
#include "traces/sim/sim.h"

enum mir_verb {
    MIR_VERB_RUN,
    MIR_VERB_TOGETHER,
    MIR_VERB_SCHEDULE,
    MIR_VERB_STATS,
    MIR_VERB_CONVERT,
    MIR_VERB_GENERATE,
    MIR_N_VERBS,
    /* No verb: what any program needs to simulate a log, mirage-train too. */
    MIR_VERB_SCENE = MIR_N_VERBS,
};

enum {
    MIR_MAX_SETS = 128,
    MIR_MAX_POLICIES = 64,
    MIR_MAX_CHAIN_JOBS = 100,
};

/* One "--set KEY=VALUE", taken apart. */
struct mir_setting {
    char *key;
    char *value;
};

/* "--chain nodes=8,limit=48h,links=2": names stay names until there is a log to look them up in. */
struct mir_chain_options {
    uint32_t n_nodes;
    int32_t limit_s;
    int32_t run_s;   /* MIR_UNKNOWN: the limit */
    uint32_t n_jobs; /* "links": predecessor and successors together */
    int32_t nice;
    char partition[64], user[64], account[64], qos[64];
};

struct mir_replay_options {
    enum mir_verb verb;
    bool help; /* print the help and nothing else */

    /* input */
    const char *log_path; /* NULL: the embedded workload */
    enum mir_log_format format;
    struct mir_zone *zone; /* NULL: UTC; owned */
    bool strict, quiet;

    /* cluster */
    uint32_t n_nodes; /* 0: as the log says */
    const char *slurm_conf;
    const char *capacity; /* a file, "auto", or NULL */
    enum mir_scheduler scheduler;
    bool scheduler_given;
    struct mir_setting sets[MIR_MAX_SETS]; /* owned */
    uint32_t n_sets;
    const char *qos[MIR_MAX_QOS]; /* "name=priority" */
    uint32_t n_qos;
    int32_t round_submit_s, round_run_s, min_run_s;

    /* time window; INT64_MIN and INT64_MAX where not given */
    int64_t from_at, to_at;
    const char *from_text, *to_text, *start_text; /* as given; read once the zone is known */

    /* run */
    struct mir_chain_options chain;
    struct mir_policy *policies[MIR_MAX_POLICIES]; /* owned; [0] is reactive */
    uint32_t n_policies;
    const char *model; /* a file, or NULL */
    bool in_sample;    /* days that the model was trained on may be replayed */
    unsigned truth;    /* of enum mir_log_truth_part */
    double weights[MIR_MAX_WEIGHTS];
    uint32_t n_weights;
    enum mir_protocol protocol;
    int32_t every_s, period_s, warmup_s;
    int32_t cold_arrivals_s, cold_warmup_s;
    uint64_t seed;
    uint32_t n_threads;    /* 0: all cores */
    uint32_t max_episodes; /* 0: no limit */
    const char *report;
    const char *outcomes;

    /* together */
    uint32_t n_chains;
    int32_t spread_s;
    bool alone;

    /* schedule */
    bool cold, compare, node_identity;
    enum mir_event_order event_order;
    int32_t phase_s; /* the controller starts this long before the first arrival */

    /* stats, generate */
    const char *fit, *capacity_out, *params;
    int64_t start_at;
    int64_t duration_s;

    /* output */
    const char *output; /* NULL: standard output */
    bool csv, json;
};

/*
 * Read the arguments of a verb (argv[0] is the verb) over the defaults.  Strings
 * of argv are lent; the rest of `*out` ends with mir_replay_options_release(),
 * also after a failure.  With out->help set nothing else is checked.  Returns 0
 * or -EINVAL: the user is to read `err` and the help.
 */
int mir_replay_options_parse(enum mir_verb verb,
                             int argc,
                             char **argv,
                             struct mir_replay_options *out,
                             struct mir_error *err);
void mir_replay_options_release(struct mir_replay_options *options);

/*
 * The same in parts, for a program that reads its own table beside the rows of
 * MIR_VERB_SCENE: defaults, then mir_option_rows_read(), then the times and what
 * must fit together.  mir_replay_options_release() ends it as ever.
 */
void mir_replay_options_defaults(enum mir_verb verb, struct mir_replay_options *out);
int mir_replay_options_check(struct mir_replay_options *options, struct mir_error *err);

/* "run", "schedule", ...; -EINVAL for anything else. */
int mir_verb_parse(const char *name, enum mir_verb *out);
const char *mir_verb_name(enum mir_verb verb);

/* Help for the whole program, and for one verb. */
void mir_replay_help(FILE *to);
void mir_replay_help_verb(FILE *to, enum mir_verb verb);

/* The table; ends with a row without a name. */
const struct mir_option_row *mir_option_rows(void);

#endif
