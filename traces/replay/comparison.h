/*
 * comparison.h - what a `run` found: for each policy and episode, when the
 * successor started relative to its predecessor's end; and what is computed
 * from that.  Everything that is printed or drawn is drawn from here.
 * Filled by one thread, read by any.
 *
 * signed outcome d (seconds) = successor's start - predecessor's end:
 * interruption = max(d, 0), overlap = max(-d, 0), cost(w) = interruption + w * overlap.
 */
#ifndef MIR_REPLAY_COMPARISON_H
#define MIR_REPLAY_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIR_MAX_WEIGHTS = 8 };

/* What a successor that never started counts as: an interruption of 30 days, flagged as such. */
enum { MIR_UNSTARTED_S = 30 * 86400 };

/* Up to here an interruption counts as none. */
enum { MIR_ZERO_S = 60 };

/* Load of an episode, by what reactive submission would have cost it. */
enum mir_load {
    MIR_LOAD_LOW,    /* <= 2 h */
    MIR_LOAD_MEDIUM, /* <= 12 h */
    MIR_LOAD_HEAVY,  /* > 12 h */
    MIR_N_LOADS,
};

/* One link of one episode under one policy and weight. */
struct mir_outcome {
    int64_t predecessor_start_at;
    int64_t predecessor_end_at;
    int64_t submit_at;
    int64_t start_at; /* of the successor; INT64_MAX: never (flagged, not dropped) */
};

/* The signed outcome d in seconds; MIR_UNSTARTED_S for a successor that never started. */
int64_t mir_outcome_signed_s(const struct mir_outcome *o);

struct mir_episode_fans; /* fans.h */

/*
 * How often a policy's own forecasts of the wait were kept: those of a submission now at
 * every MIR_KEPT_EVERY_S of a predecessor's run, where the policy tells what it expects and
 * the wait, or what 9 of 10 were to stay below, is more than MIR_ZERO_S.
 */
struct mir_kept {
    uint64_t n;                   /* forecasts */
    uint64_t n_p10, n_p50, n_p90; /* of them, waits up to that quantile */
};

enum { MIR_KEPT_EVERY_S = 4 * 3600 };

/* One policy, over all episodes and links. */
struct mir_comparison_row {
    char *policy;  /* the spec as written; owned */
    char *summary; /* one line; owned */
    bool uses_weight;
    uint32_t alone_row; /* the same policy where no chain heeds the others; 0: there is none */
    /* How often it was asked, at all weights, and how often it fell back on another rule. */
    uint64_t n_decisions, n_fell_back;
    struct mir_kept kept; /* at all weights */
    /*
     * outcomes[w][episode * n_links + link]; a policy that does not look at the
     * weight has one array that every weight points to.
     */
    struct mir_outcome *outcomes[MIR_MAX_WEIGHTS];
    struct mir_episode_fans *fans; /* of each episode (fans.h); NULL: none; owned */
};

struct mir_load_point { /* one instant of the background, for the timeline */
    int64_t at;
    uint32_t n_nodes_used;
    uint32_t n_pending;
    float mean_wait_h; /* of the last 100 starts */
};

struct mir_comparison {
    double weights[MIR_MAX_WEIGHTS];
    uint32_t n_weights;
    uint32_t n_episodes;
    uint32_t n_links;                /* successors per episode: links - 1, of all its chains */
    uint32_t n_chains;               /* side by side in one world; 0: one, without a say */
    int32_t spread_s;                /* over which those begin */
    int64_t *episode_at;             /* submission of each episode's first job; owned */
    struct mir_comparison_row *rows; /* [0] is always reactive; owned */
    uint32_t n_rows;
    struct mir_comparison_row clairvoyant; /* uses_weight */
    struct mir_load_point *load;           /* timeline of the run's window; owned, may be NULL */
    uint32_t n_load;
    /* How it was made; strings owned. */
    char *log_path;
    char *command;
    char *scheduler;
    char *protocol;
    char *version; /* of the program; may be NULL */
    char *model;   /* its file; NULL: none */
    char *model_source;
    int64_t model_from_at, model_to_at; /* what it was trained on */
    unsigned
        truth; /* of enum mir_log_truth_part: what a lookahead was told and nobody could know */
    uint32_t cluster_nodes;
    uint32_t chain_nodes;
    int32_t chain_limit_s;
    int32_t every_s, period_s;
    int64_t from_at, to_at;
    uint64_t seed;
    double wall_s, cpu_s;
    uint64_t n_probes;
};

/* Accepts a zeroed struct. */
void mir_comparison_release(struct mir_comparison *c);

/*
 * Figures of one policy at one weight over the outcomes of one load class, or
 * all (load < 0).  Percentiles are linear between order statistics.  Over no
 * outcome at all (n == 0) every figure but the counts is NaN.
 */
struct mir_figures {
    uint32_t n;           /* outcomes */
    uint32_t n_episodes;  /* episodes that they belong to */
    uint32_t n_unstarted; /* outcomes whose successor never started */
    double interruption_mean_h, interruption_p50_h, interruption_p90_h, interruption_p99_h;
    double overlap_mean_h;
    double zero_share; /* interruption <= 60 s */
    double late_share; /* interruption > 0 */
    double cost_mean_h;
    /*
     * Bootstrap 95 % interval of the mean: 1000 resamples of whole episodes
     * (their links stay together), drawn from the comparison's seed and the
     * same for every policy, weight and class.  It takes episodes as
     * independent; where they follow each other closely it is too narrow.
     */
    double cost_low_h, cost_high_h;
    /*
     * (reactive - policy) / (reactive - clairvoyant), of mean costs; NaN where
     * the denominator is not positive.  Interval from the same resamples; NaN
     * where the denominator is not positive in more than one of 20 of them.
     */
    double gap_closed, gap_low, gap_high;
};

void mir_comparison_figures(const struct mir_comparison *c,
                            const struct mir_comparison_row *row,
                            uint32_t weight,
                            int load,
                            struct mir_figures *out);

/* How much more one policy costs than another, in mean hours; the interval is of the same resamples. */
struct mir_cost_difference {
    double mean_h, low_h, high_h;
};

void mir_comparison_difference(const struct mir_comparison *c,
                               const struct mir_comparison_row *row,
                               const struct mir_comparison_row *against,
                               uint32_t weight,
                               struct mir_cost_difference *out);

/*
 * The figures of every policy, weight and class at once: what the reports are
 * drawn from.  Draws the resamples once, so it costs a hundredth of as many
 * calls of mir_comparison_figures() and gives the same numbers.
 */
struct mir_figure_grid {
    const struct mir_comparison *comparison; /* lent, unchanged while the grid lives */
    struct mir_figures *cells;               /* owned */
};

void mir_figure_grid_init(struct mir_figure_grid *grid, const struct mir_comparison *c);
void mir_figure_grid_release(struct mir_figure_grid *grid);

/* `row` is an index in c->rows, or c->n_rows for the clairvoyant; load < 0: all. */
const struct mir_figures *
mir_figure_grid_get(const struct mir_figure_grid *grid, uint32_t row, uint32_t weight, int load);

/* The load class of an outcome slot (episode * n_links + link). */
enum mir_load mir_comparison_load(const struct mir_comparison *c, uint32_t slot);
const char *mir_load_name(enum mir_load load); /* "low", "medium", "heavy" */

#endif
