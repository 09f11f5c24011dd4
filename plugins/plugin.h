/*
 * plugin.h - the ABI between Mirage and a policy: what decides, at every tick
 * of a chain, whether the successor is submitted now.  A policy sees a
 * read-only view and answers with a decision and a one-line reason; it never
 * talks to Slurm, never prints, and takes time and randomness from the view.
 * The same source is built in or loaded with dlopen().
 */
#ifndef MIRAGE_PLUGIN_H
#define MIRAGE_PLUGIN_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/host.h"
#include "daemon/host/snapshot.h"

struct mir_forecaster; /* models/predict/forecaster.h */
struct mir_lookahead;  /* models/lookahead/lookahead.h */

/* Raised when a struct below changes other than by growing at its end. */
#define MIRAGE_PLUGIN_ABI 1u

/* One `key=value` of "--policy lead:hours=6"; lent for the time of open(). */
struct mirage_option {
    const char *key;
    const char *value;
};

struct mirage_options {
    const struct mirage_option *items;
    uint32_t n_items;
    uint64_t seed; /* for policies that draw: same seed, same decisions */
};

/* What a policy may look at.  All of it is lent for the time of decide(). */
struct mirage_view {
    uint32_t size; /* of this struct, as the host program knows it */
    int64_t now;
    const struct mir_snapshot *queue;
    const struct mir_request *successor;
    int64_t predecessor_submit_at;
    int64_t predecessor_start_at;
    int64_t predecessor_end_at; /* expected: start + limit */
    uint32_t predecessor_nodes;
    int32_t predecessor_limit_s;
    int32_t period_s;      /* decide() is asked again after this long */
    int32_t warmup_s;      /* what a successor needs before it serves */
    double overlap_weight; /* w of cost = interruption + w * overlap */
    /* What predicts waits; NULL where the host program has nothing to predict with. */
    struct mir_forecaster *forecaster;
    double successor_priority; /* Slurm's, were it submitted now; NaN: not known */
    /* What plays out futures; NULL where the host program has nothing to do so with. */
    struct mir_lookahead *lookahead;
    uint64_t chain; /* names it to the lookahead, among those that it knows of; 0: none of them */
};

enum mirage_action { MIRAGE_WAIT, MIRAGE_SUBMIT };

enum { MIRAGE_FAN_POINTS = 48, MIRAGE_FAN_JOBS = 3 };

/* What a submission at one time would cost, over the futures that were played out. */
struct mirage_fan_point {
    int64_t submit_at;
    double cost_h;                 /* expected */
    double cost_p10_h, cost_p90_h; /* of the futures: the fan's band */
    double wait_p10_h, wait_p50_h, wait_p90_h;
};

/* A job whose run time decides when a successor starts that is submitted now. */
struct mirage_fan_job {
    uint32_t id;
    uint32_t is_running; /* 0: it waits */
    double effect_h;     /* the successor's start moves by so much with one deviation of it */
};

/* Why a policy decided as it did, where it plays out futures. */
struct mirage_fan {
    uint32_t n_points, n_jobs, n_futures;
    uint32_t best;                                     /* the cheapest of the points */
    struct mirage_fan_point points[MIRAGE_FAN_POINTS]; /* by submit_at; [0] is now */
    struct mirage_fan_job jobs[MIRAGE_FAN_JOBS];       /* the greatest effect first */
};

struct mirage_decision {
    uint32_t size; /* of this struct, as the host program knows it */
    enum mirage_action action;
    double wait_s;      /* the wait this decision counts with; < 0: it counts with none */
    char reason[160];   /* one line, for people */
    uint32_t fell_back; /* 1: not by the policy's own rule, for want of what it needs */
    /* NULL: nothing was played out.  The policy's, good until it decides again or is closed. */
    const struct mirage_fan *fan;
};

/*
 * The policy.  `open` makes one instance per chain: `*state` is the policy's
 * own.  `decide` is called every period from the predecessor's start until it
 * answers MIRAGE_SUBMIT; without an answer the chain submits at the
 * predecessor's end.  Both return 0 or a negative errno; after a failing
 * decide() the caller goes on as if the answer were MIRAGE_WAIT and says so.
 */
struct mirage_plugin {
    uint32_t abi;
    uint32_t size;
    const char *name;
    const char *summary;     /* one line for --help */
    unsigned snapshot_parts; /* enum mir_snapshot_part: what decide() reads of view->queue */
    /* 1: decisions depend on view->overlap_weight, so each weight is a run of its own. */
    uint32_t uses_weight;
    int (*open)(const struct mirage_options *options, void **state, struct mir_error *err);
    int (*decide)(void *state,
                  const struct mirage_view *view,
                  struct mirage_decision *out,
                  struct mir_error *err);
    void (*close)(void *state); /* accepts NULL */
};

#ifdef MIRAGE_PLUGIN_BUILTIN
#define MIRAGE_PLUGIN_SYMBOL(id) mirage_plugin_##id
#else
#define MIRAGE_PLUGIN_SYMBOL(id) mirage_plugin
#endif

/*
 * Defines the plugin's one public constant.
 * MIRAGE_PLUGIN(avg, "mean wait of ...", MIR_SNAPSHOT_HISTORY, 0, avg_open, avg_decide, avg_close);
 */
#define MIRAGE_PLUGIN(id, summary_text, parts, weighs, open_f, decide_f, close_f)                  \
    MIRAGE_PLUGIN_NAMED(id, #id, summary_text, parts, weighs, open_f, decide_f, close_f)

/* The same for a name that is no identifier: MIRAGE_PLUGIN_NAMED(forest_q, "forest-q", ...). */
#define MIRAGE_PLUGIN_NAMED(id, name_text, summary_text, parts, weighs, open_f, decide_f, close_f) \
    extern const struct mirage_plugin MIRAGE_PLUGIN_SYMBOL(id);                                    \
    const struct mirage_plugin MIRAGE_PLUGIN_SYMBOL(id) = {                                        \
        .abi = MIRAGE_PLUGIN_ABI,                                                                  \
        .size = sizeof(struct mirage_plugin),                                                      \
        .name = name_text,                                                                         \
        .summary = summary_text,                                                                   \
        .snapshot_parts = (parts),                                                                 \
        .uses_weight = (weighs),                                                                   \
        .open = open_f,                                                                            \
        .decide = decide_f,                                                                        \
        .close = close_f,                                                                          \
    }

#endif
