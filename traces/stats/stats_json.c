/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stats_json.c - a log's statistics as one JSON object.  Keys are fixed and no
 * text comes from the log, so nothing needs escaping.
 */
#include <errno.h>
#include <inttypes.h>

#include "daemon/core/str.h"
#include "traces/stats/states.h"
#include "traces/stats/stats.h"

static void add_waits(struct mir_str *s, const struct mir_wait_figures *w)
{
    if (w->n == 0)
        mir_str_add(s, "{\"n\":0,\"mean\":null,\"p50\":null,\"p90\":null,\"p99\":null}");
    else
        mir_str_addf(s, "{\"n\":%" PRIu64 ",\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f}",
                     w->n, w->mean_s, w->p50_s, w->p90_s, w->p99_s);
}

/* A number, or null where 0 stands for unknown. */
static void add_known(struct mir_str *s, const char *key, double v, int decimals)
{
    if (v > 0)
        mir_str_addf(s, "\"%s\":%.*f,", key, decimals, v);
    else
        mir_str_addf(s, "\"%s\":null,", key);
}

static void add_overall(struct mir_str *s, const struct mir_log_stats *o)
{
    mir_str_addf(s,
                 "\"jobs\":%" PRIu64 ",\"started\":%" PRIu64 ",\"users\":%" PRIu64
                 ",\"first_submit_at\":%" PRId64 ",\"last_submit_at\":%" PRId64 ",\"unit\":\"%s\",",
                 o->n_jobs, o->n_started, o->n_users, o->first_submit_at, o->last_submit_at,
                 o->counts_nodes ? "nodes" : "processors");
    add_known(s, "machine_nodes", o->n_nodes, 0);
    mir_str_addf(s, "\"max_size\":%" PRIu32 ",", o->max_size);
    add_known(s, "busy_peak", o->busy_peak, 0);
    mir_str_addf(s, "\"offered_node_h\":%.1f,", o->offered_node_s / 3600);
    add_known(s, "load", o->load, 4);
    add_known(s, "capacity_nodes", o->capacity, 2);
    if (o->left_edge)
        mir_str_addf(s, "\"left_edge_at\":%" PRId64 ",", o->left_edge_at);
    else
        mir_str_add(s, "\"left_edge_at\":null,");
}

static void add_waits_by_limit(struct mir_str *s, const struct mir_wait_figures *row)
{
    for (int l = 0; l < MIR_N_LIMITS; l++) {
        mir_str_addf(s, "%s\"%s\":", l > 0 ? "," : "",
                     mir_limit_class_name((enum mir_limit_class)l));
        add_waits(s, &row[l]);
    }
}

static void add_wait_classes(struct mir_str *s, const struct mir_log_stats *o)
{
    mir_str_add(s, "\"wait_s\":{\"all\":");
    add_waits(s, &o->wait[MIR_N_SIZES][MIR_N_LIMITS]);
    mir_str_add(s, ",\"by_limit\":{");
    add_waits_by_limit(s, o->wait[MIR_N_SIZES]);
    mir_str_add(s, "},\"by_size\":{");
    for (int z = 0; z < MIR_N_SIZES; z++) {
        mir_str_addf(s, "%s\"%s\":", z > 0 ? "," : "", mir_size_class_name((enum mir_size_class)z));
        add_waits(s, &o->wait[z][MIR_N_LIMITS]);
    }
    mir_str_add(s, "},\"by_size_and_limit\":{");
    for (int z = 0; z < MIR_N_SIZES; z++) {
        mir_str_addf(s, "%s\"%s\":{", z > 0 ? "," : "",
                     mir_size_class_name((enum mir_size_class)z));
        add_waits_by_limit(s, o->wait[z]);
        mir_str_add(s, "}");
    }
    mir_str_add(s, "}},");
}

static void add_ratios(struct mir_str *s, const struct mir_log_stats *o)
{
    const struct {
        const char *key;
        double v;
    } values[] = {
        {"p10", o->ratio_p10},
        {"p25", o->ratio_p25},
        {"p50", o->ratio_p50},
        {"p75", o->ratio_p75},
        {"p90", o->ratio_p90},
        {"p99", o->ratio_p99},
        {"at_limit_share", o->at_limit_share},
    };

    mir_str_addf(s, "\"run_limit_ratio\":{\"n\":%" PRIu64, o->n_ratio);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        if (o->n_ratio > 0)
            mir_str_addf(s, ",\"%s\":%.5f", values[i].key, values[i].v);
        else
            mir_str_addf(s, ",\"%s\":null", values[i].key);
    }
    mir_str_add(s, "},");
}

static void add_counts(struct mir_str *s,
                       const char *name,
                       const char *key,
                       const struct mir_count *c,
                       size_t n)
{
    mir_str_addf(s, "\"%s\":[", name);
    for (size_t i = 0; i < n; i++)
        mir_str_addf(s, "%s{\"%s\":%" PRId64 ",\"jobs\":%" PRIu64 "}", i > 0 ? "," : "", key,
                     c[i].value, c[i].n);
    mir_str_add(s, "],");
}

static void add_rhythm(struct mir_str *s, const char *name, const uint64_t *v, size_t n)
{
    mir_str_addf(s, "\"%s\":[", name);
    for (size_t i = 0; i < n; i++)
        mir_str_addf(s, "%s%" PRIu64, i > 0 ? "," : "", v[i]);
    mir_str_add(s, "],");
}

static void add_states(struct mir_str *s, const struct mir_log_stats *o)
{
    mir_str_add(s, "\"states\":{");
    for (int i = 0; i < MIR_N_STATES; i++)
        mir_str_addf(s, "%s\"%s\":%" PRIu64, i > 0 ? "," : "", mir_stats_state_name(i),
                     o->states[i]);
    mir_str_add(s, "},");
}

static void add_week(struct mir_str *s, const struct mir_week_stats *w, bool has_past)
{
    mir_str_addf(s,
                 "{\"at\":%" PRId64 ",\"from_at\":%" PRId64 ",\"to_at\":%" PRId64
                 ",\"jobs\":%" PRIu64 ",\"offered_node_h\":%.1f,",
                 w->at, w->from_at, w->to_at, w->n_jobs, w->offered_node_s / 3600);
    if (w->capacity > 0)
        mir_str_addf(s, "\"load\":%.4f,\"capacity_nodes\":%.2f,", w->load, w->capacity);
    else
        mir_str_add(s, "\"load\":null,\"capacity_nodes\":null,");
    if (has_past)
        mir_str_addf(s, "\"busy_mean\":%.2f,\"busy_peak\":%" PRIu32 ",", w->busy_mean,
                     w->busy_peak);
    else
        mir_str_add(s, "\"busy_mean\":null,\"busy_peak\":null,");
    mir_str_add(s, "\"wait_s\":");
    add_waits(s, &w->wait);
    mir_str_add(s, "}");
}

static void add_over_time(struct mir_str *s, const struct mir_log_stats *o)
{
    mir_str_add(s, "\"weeks\":[");
    for (size_t i = 0; i < o->n_weeks; i++) {
        if (i > 0)
            mir_str_add(s, ",");
        add_week(s, &o->weeks[i], o->steps.n_steps > 0);
    }
    mir_str_add(s, "],\"capacity\":[");
    for (size_t i = 0; i < o->steps.n_steps; i++)
        mir_str_addf(s, "%s{\"at\":%" PRId64 ",\"nodes\":%" PRIu32 "}", i > 0 ? "," : "",
                     o->steps.steps[i].at, o->steps.steps[i].n_nodes);
    mir_str_add(s, "]");
}

int mir_log_stats_json(FILE *to, const struct mir_log_stats *stats, struct mir_error *err)
{
    struct mir_str s = {0};

    mir_str_add(&s, "{");
    add_overall(&s, stats);
    add_wait_classes(&s, stats);
    add_ratios(&s, stats);
    add_counts(&s, "limits", "limit_s", stats->limits, stats->n_limits);
    add_counts(&s, "sizes", "size", stats->sizes, stats->n_sizes);
    add_states(&s, stats);
    add_rhythm(&s, "by_hour", stats->by_hour, 24);
    add_rhythm(&s, "by_weekday", stats->by_weekday, 7);
    add_over_time(&s, stats);
    mir_str_add(&s, "}\n");
    fputs(s.text, to);
    mir_str_release(&s);
    return ferror(to) ? mir_error_set(err, -EIO, "cannot write the statistics") : 0;
}
