/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timeline.c - see timeline.h. */
#include "traces/replay/timeline.h"

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "traces/replay/episode.h"
#include "traces/sim/sim.h"

enum { LAST_STARTS = 100, MAX_POINTS = 10000 };

static float mean_wait_h(const struct mir_history *history)
{
    size_t n = mir_history_len(history);
    size_t first = n > LAST_STARTS ? n - LAST_STARTS : 0;
    double sum_s = 0;

    if (n == 0)
        return 0;
    for (size_t i = first; i < n; i++)
        sum_s += mir_history_at(history, i)->wait_s;
    return (float)(sum_s / (double)(n - first) / 3600);
}

static int look(struct mir_sim *sim, struct mir_load_point *point, struct mir_error *err)
{
    struct mir_host *host = mir_sim_host(sim);
    struct mir_snapshot s;
    int rc = host->ops->observe(host, MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_HISTORY, &s, err);

    if (rc != 0)
        return rc;
    point->at = s.now;
    for (size_t i = 0; i < s.n_running; i++)
        point->n_nodes_used += s.running[i].n_nodes;
    point->n_pending = (uint32_t)s.n_pending;
    point->mean_wait_h = mean_wait_h(&s.history);
    return 0;
}

int mir_timeline(const struct mir_episodes *e, struct mir_comparison *out, struct mir_error *err)
{
    int64_t began_ns = mir_clock_cpu_ns();
    int64_t span_s = e->to_at - e->from_at;
    int64_t step_s = 3600 * (1 + span_s / 3600 / MAX_POINTS);
    uint32_t n = (uint32_t)((span_s + step_s - 1) / step_s);
    struct mir_sim_options options;
    struct mir_sim *sim;
    int rc;

    mir_episodes_sim_options(e, &options);
    options.keep_history = true;
    rc = mir_sim_create(&options, &sim, err);
    if (rc != 0)
        return rc;
    out->load = MIR_NEW_ARRAY(struct mir_load_point, n);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        mir_sim_advance(sim, e->from_at + i * step_s);
        rc = look(sim, &out->load[i], err);
        out->n_load = i + 1;
    }
    mir_sim_destroy(sim);
    out->cpu_s += (double)(mir_clock_cpu_ns() - began_ns) * 1e-9;
    return rc;
}
