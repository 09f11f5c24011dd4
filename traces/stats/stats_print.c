/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stats_print.c - a log's statistics for people, in plain ASCII.
 */
#include <errno.h>
#include <inttypes.h>

#include "daemon/core/parse.h"
#include "traces/stats/states.h"
#include "traces/stats/stats.h"

enum { BAR = 20 };

static const char *unit(const struct mir_log_stats *o)
{
    return o->counts_nodes ? "nodes" : "processors";
}

/* A wait for a column of 8. */
static const char *short_wait(double wait_s, char buf[32])
{
    return mir_format_duration((int64_t)(wait_s + 0.5), buf);
}

/* The day alone of a time. */
static const char *day(int64_t at, char buf[32])
{
    mir_format_time(at, buf)[10] = '\0';
    return buf;
}

/* `v` of `full` as a bar; what goes beyond is marked. */
static void print_bar(FILE *to, double v, double full)
{
    int n = full > 0 ? (int)(v / full * BAR + 0.5) : 0;

    for (int i = 0; i < BAR; i++)
        fputc(i < n ? '#' : '.', to);
    fputc(n > BAR ? '+' : ' ', to);
}

static void print_overall(FILE *to, const struct mir_log_stats *o)
{
    char a[32], b[32];

    fprintf(to, "%" PRIu64 " jobs of %" PRIu64 " users, submitted %s to %s\n", o->n_jobs,
            o->n_users, day(o->first_submit_at, a), day(o->last_submit_at, b));
    fprintf(to, "Largest job: %" PRIu32 " %s.", o->max_size, unit(o));
    if (o->n_nodes > 0)
        fprintf(to, "  The log's machine: %" PRIu32 ".", o->n_nodes);
    if (o->busy_peak > 0)
        fprintf(to, "  At most %" PRIu32 " busy at once.", o->busy_peak);
    fprintf(to, "\nOffered: %.0f %s-hours", o->offered_node_s / 3600,
            o->counts_nodes ? "node" : "cpu");
    if (o->capacity > 0)
        fprintf(to, ", %.0f %% of %.1f effective %s", 100 * o->load, o->capacity, unit(o));
    fputs("\n", to);
    if (o->left_edge)
        fprintf(to,
                "\nLeft edge: the log begins in the middle of things: in its first days jobs wait\n"
                "beside %s that look idle, as what ran before is not in it.  Use --from %s.\n",
                unit(o), day(o->left_edge_at, a));
}

static void print_weeks(FILE *to, const struct mir_log_stats *o)
{
    char a[32], b[32], c[32], d[32];

    fprintf(
        to,
        "\nWeek of      jobs  load  %-*s  busy mean/peak  of      wait: mean       p50       p90\n",
        BAR, "");
    for (size_t i = 0; i < o->n_weeks; i++) {
        const struct mir_week_stats *w = &o->weeks[i];

        fprintf(to, "%s %6" PRIu64 "  %4.2f  ", day(w->at, a), w->n_jobs, w->load);
        print_bar(to, w->load, 1);
        fprintf(to, "  %7.1f/%-6" PRIu32 " %5.1f", w->busy_mean, w->busy_peak, w->capacity);
        if (w->wait.n > 0)
            fprintf(to, "    %10s%10s%10s", short_wait(w->wait.mean_s, b),
                    short_wait(w->wait.p50_s, c), short_wait(w->wait.p90_s, d));
        fputc('\n', to);
    }
    fprintf(to, "load: %s-seconds submitted / (time * effective %s); +: more than all of it\n",
            o->counts_nodes ? "node" : "cpu", unit(o));
}

static void
print_wait_row(FILE *to, const char *size, const char *limit, const struct mir_wait_figures *w)
{
    char a[32], b[32], c[32], d[32];

    if (w->n == 0)
        return;
    fprintf(to, "%-6s %-7s %9" PRIu64 " %10s%10s%10s%10s\n", size, limit, w->n,
            short_wait(w->mean_s, a), short_wait(w->p50_s, b), short_wait(w->p90_s, c),
            short_wait(w->p99_s, d));
}

static void print_waits(FILE *to, const struct mir_log_stats *o)
{
    if (o->n_started == 0) {
        fputs("\nNo waits: the log does not tell when jobs started.\n", to);
        return;
    }
    fprintf(to, "\nWaits (start - submission)\nsize   limit        jobs       mean       p50       "
                "p90       p99\n");
    for (int z = 0; z <= MIR_N_SIZES; z++) {
        const char *size = z < MIR_N_SIZES ? mir_size_class_name((enum mir_size_class)z) : "all";

        for (int l = 0; l < MIR_N_LIMITS; l++)
            print_wait_row(to, size, mir_limit_class_name((enum mir_limit_class)l), &o->wait[z][l]);
        print_wait_row(to, size, "all", &o->wait[z][MIR_N_LIMITS]);
    }
}

static void print_ratios(FILE *to, const struct mir_log_stats *o)
{
    if (o->n_ratio == 0)
        return;
    fprintf(to,
            "\nRun time / limit   p10 %.4f  p25 %.4f  p50 %.3f  p75 %.3f  p90 %.3f  p99 %.3f\n"
            "                   %.1f %% of the jobs run into their limit (98 %% of it or more)\n",
            o->ratio_p10, o->ratio_p25, o->ratio_p50, o->ratio_p75, o->ratio_p90, o->ratio_p99,
            100 * o->at_limit_share);
}

static void print_most_used(FILE *to, const struct mir_log_stats *o)
{
    char a[32];

    fprintf(to, "\nMost used limits   ");
    for (size_t i = 0; i < o->n_limits && i < 6; i++) {
        bool none = o->limits[i].value >= MIR_UNLIMITED;

        fprintf(to, "%s%s %.0f %%", i > 0 ? ", " : "",
                none ? "none" : mir_format_duration(o->limits[i].value, a),
                100.0 * (double)o->limits[i].n / (double)o->n_jobs);
    }
    fprintf(to, "\nMost used sizes    ");
    for (size_t i = 0; i < o->n_sizes && i < 6; i++)
        fprintf(to, "%s%" PRId64 ": %.1f %%", i > 0 ? ", " : "", o->sizes[i].value,
                100.0 * (double)o->sizes[i].n / (double)o->n_jobs);
    fprintf(to, "\nStates             ");
    for (int i = 0, n = 0; i < MIR_N_STATES; i++) {
        if (o->states[i] > 0)
            fprintf(to, "%s%s %" PRIu64, n++ > 0 ? ", " : "", mir_stats_state_name(i),
                    o->states[i]);
    }
    fputc('\n', to);
}

/* One character a value, ten levels up to the largest. */
static void print_spark(FILE *to, const uint64_t *v, size_t n)
{
    static const char levels[] = " .:-=+*#%@";
    uint64_t most = 1;

    for (size_t i = 0; i < n; i++)
        most = v[i] > most ? v[i] : most;
    fputc('[', to);
    for (size_t i = 0; i < n; i++)
        fputc(levels[v[i] * 9 / most], to);
    fputc(']', to);
}

static void print_rhythm(FILE *to, const struct mir_log_stats *o)
{
    fprintf(to, "Submissions        by hour ");
    print_spark(to, o->by_hour, 24);
    fprintf(to, "  Mon to Sun ");
    print_spark(to, o->by_weekday, 7);
    fputc('\n', to);
}

int mir_log_stats_print(FILE *to, const struct mir_log_stats *stats, struct mir_error *err)
{
    print_overall(to, stats);
    print_weeks(to, stats);
    print_waits(to, stats);
    print_ratios(to, stats);
    print_most_used(to, stats);
    print_rhythm(to, stats);
    return ferror(to) ? mir_error_set(err, -EIO, "cannot write the statistics") : 0;
}
