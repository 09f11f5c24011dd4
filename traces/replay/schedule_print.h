/*
 * schedule_print.h - what `schedule` prints: for people, as JSON, starts as CSV.
 * Writing errors are left in the stream for mir_output_close().  One thread.
 */
#ifndef MIR_REPLAY_SCHEDULE_PRINT_H
#define MIR_REPLAY_SCHEDULE_PRINT_H

#include <stdint.h>
#include <stdio.h>

#include "traces/replay/scene.h"
#include "traces/replay/waits_stats.h"
#include "traces/sim/sim.h"

struct mir_schedule_result {
    const struct mir_scene *scene;
    struct mir_schedule_slice slice;
    struct mir_schedule_figures figures;
    struct mir_sim_counters counters;
    double cpu_s;                           /* of the simulation loop alone */
    const struct mir_wait_matches *matches; /* NULL: not asked for */
};

/* Jobs through the loop per second of its CPU time. */
double mir_schedule_jobs_per_s(const struct mir_schedule_result *r);

void mir_schedule_print(FILE *to, const struct mir_schedule_result *r);

/*
 * {"log","scheduler","nodes","jobs","unstarted","dropped":{..},"mean_wait_s","p50_wait_s",
 *  "p90_wait_s","p99_wait_s","max_wait_s","bounded_slowdown","utilisation","makespan_s",
 *  "jobs_simulated","jobs_per_s","cpu_s","events","passes","backfill_passes",
 *  "compare":{"jobs","without_wait","simulated_s":{"mean","p50","p90"},"recorded_s":{..},
 *   "error_s":{"p5","p25","p50","p75","p95"},"abs_error_mean_s","pearson","spearman",
 *   "by_nodes":{"1":{..same..},..},"by_limit":{"<=1h":{..},..}}}
 * "compare" only with --compare.  Stable: keys are only ever added.
 */
void mir_schedule_print_json(FILE *to, const struct mir_schedule_result *r);

/* "job,submit,start,wait", seconds; an unstarted job has empty start and wait. */
void mir_schedule_print_starts(FILE *to, const struct mir_schedule_slice *slice);

#endif
