/*
 * report.h - a comparison shown: a terminal table, CSV, JSON, one HTML file.
 * All return 0 or -EIO.
 */
#ifndef MIR_REPLAY_REPORT_H
#define MIR_REPLAY_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "daemon/core/error.h"
#include "traces/replay/comparison.h"

/* For people: overall, then by load class; `colour` marks the best policy of each column. */
int mir_report_table(FILE *to, const struct mir_comparison *c, bool colour, struct mir_error *err);

/* One line per policy, weight and load class ("all", "low", ...); header first. */
int mir_report_csv(FILE *to, const struct mir_comparison *c, struct mir_error *err);

/*
 * {"policies":[{"policy","episodes","interruption_h":{"mean","p50","p90","p99"},
 *  "overlap_h":{"mean"},"zero_share","cost_h":{"1":..},"cost_ci95_h":{"1":[lo,hi]},
 *  "gap_closed":{"1":..},"gap_ci95":{..},"by_load":{"low":{..same..},..}}],
 *  "clairvoyant":{"cost_h":{"1":..},...}, "run":{...}}
 * A policy that depends on the weight reports interruption_h etc. at the first
 * weight, and all of them under "by_weight":{"1":{"interruption_h",..},..}.  Also
 * "summary", "uses_weight", "decisions", "fell_back", "outcomes", "late_share", and "unstarted": successors that
 * never started, each counted as MIR_UNSTARTED_S of interruption.  A figure that does not
 * exist (of an empty class, of a gap that is none) is null.  A policy that plays out
 * futures has "fan":{"episode","of_episodes","cost_h","predecessor_end_at","submit_at",
 * "start_at","clairvoyant_submit_at","instants":[{"at","futures","best","points":[{"submit_at",
 * "cost_h","cost_p10_p90_h":[..],"wait_p50_h","wait_p10_p90_h":[..]}],"jobs":[{"id","running",
 * "effect_h"}]}]}, of the episode that the HTML page shows (fans.h).  Of chains side by side
 * (together.h) "clairvoyant" is null, "run" has "chains" and "spread_s", and each policy
 * "cost_minus_reactive":{"mean_h":{"1":..},"ci95_h":{..}}, with the same as "cost_minus_alone"
 * where there is such a row.  Stable: keys are only ever added.
 */
int mir_report_json(FILE *to, const struct mir_comparison *c, struct mir_error *err);

/*
 * Every outcome by itself: one line per policy, weight (a policy that does not
 * look at it: the first), episode and link (of several chains all of the first
 * one's links, then the second's), times in seconds since the epoch;
 * start and signed_s are empty for a successor that never started.
 */
int mir_report_outcomes(FILE *to, const struct mir_comparison *c, struct mir_error *err);

/* One self-contained file: no script, no link, static SVG. */
int mir_report_html(FILE *to, const struct mir_comparison *c, struct mir_error *err);

#endif
