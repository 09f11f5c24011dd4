/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stats.c - counts, quantiles and weeks of a log.
 */
#include "traces/stats/stats.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/quantile.h"
#include "traces/stats/sweep.h"

enum { HOUR_S = 3600 };

static const int64_t MAX_SPAN_S = INT64_C(200) * 366 * MIR_DAY_S;

enum mir_size_class mir_size_class(uint32_t size)
{
    return size <= 1    ? MIR_SIZE_1
           : size <= 4  ? MIR_SIZE_4
           : size <= 16 ? MIR_SIZE_16
                        : MIR_SIZE_MORE;
}

const char *mir_size_class_name(enum mir_size_class c)
{
    static const char *const names[] = {"1", "2-4", "5-16", "17+"};

    return names[c];
}

enum mir_limit_class mir_limit_class(int32_t limit_s)
{
    if (limit_s <= HOUR_S)
        return MIR_LIMIT_1H;
    if (limit_s <= 12 * HOUR_S)
        return MIR_LIMIT_12H;
    return limit_s < 48 * HOUR_S ? MIR_LIMIT_48H : MIR_LIMIT_MORE;
}

const char *mir_limit_class_name(enum mir_limit_class c)
{
    static const char *const names[] = {"<=1h", "1-12h", "12-48h", ">=48h"};

    return names[c];
}

void mir_stats_options_init(struct mir_stats_options *options)
{
    *options = (struct mir_stats_options){.from_at = INT64_MIN, .to_at = INT64_MAX};
    mir_capacity_options_init(&options->capacity);
}

/* The jobs of the interval. */
struct selection {
    const struct mir_joblog *log;
    const struct mir_stats_options *options;
    struct mir_log_stats *out;
};

static bool selected(const struct selection *s, const struct mir_job *j)
{
    return j->submit_at >= s->options->from_at && j->submit_at < s->options->to_at;
}

static int compare_i64(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* One wait and the group it counts in: a class, a week. */
struct grouped_wait {
    int32_t wait_s;
    uint32_t group;
};

static int compare_grouped(const void *a, const void *b)
{
    const struct grouped_wait *x = a, *y = b;

    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->wait_s > y->wait_s) - (x->wait_s < y->wait_s);
}

static double wait_quantile(const struct grouped_wait *w, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;

    if (i + 1 >= n)
        return w[n - 1].wait_s;
    return w[i].wait_s + (at - (double)i) * ((double)w[i + 1].wait_s - w[i].wait_s);
}

/* Of `n` > 0 waits in ascending order. */
static struct mir_wait_figures figures_of(const struct grouped_wait *w, size_t n)
{
    struct mir_wait_figures f = {.n = n};

    for (size_t i = 0; i < n; i++)
        f.mean_s += w[i].wait_s;
    f.mean_s /= (double)n;
    f.p50_s = wait_quantile(w, n, 0.5);
    f.p90_s = wait_quantile(w, n, 0.9);
    f.p99_s = wait_quantile(w, n, 0.99);
    return f;
}

/* Figures of each group that has waits; out[group] stays as it is for the others. */
static void group_figures(struct grouped_wait *w, size_t n, struct mir_wait_figures **out)
{
    size_t first = 0;

    qsort(w, n, sizeof *w, compare_grouped);
    for (size_t i = 1; i <= n; i++) {
        if (i < n && w[i].group == w[first].group)
            continue;
        *out[w[first].group] = figures_of(w + first, i - first);
        first = i;
    }
}

/* What a job counts as when waits are grouped; ALL counts every job. */
enum grouping { BY_BOTH, BY_SIZE, BY_LIMIT, BY_ALL };

/* The group, or UINT32_MAX for a job that belongs to none. */
static uint32_t group_of(const struct mir_job *j, enum grouping by)
{
    bool classed = j->limit_s >= 0;
    uint32_t size = mir_size_class(mir_job_size(j));
    uint32_t limit = mir_limit_class(j->limit_s), width = MIR_N_LIMITS + 1;

    if (mir_job_size(j) == 0 && (by == BY_BOTH || by == BY_SIZE))
        return UINT32_MAX;
    if (!classed && (by == BY_BOTH || by == BY_LIMIT))
        return UINT32_MAX;
    size = by == BY_BOTH || by == BY_SIZE ? size : (uint32_t)MIR_N_SIZES;
    limit = by == BY_BOTH || by == BY_LIMIT ? limit : (uint32_t)MIR_N_LIMITS;
    return size * width + limit;
}

static void compute_waits(const struct selection *s)
{
    enum { N_GROUPS = (MIR_N_SIZES + 1) * (MIR_N_LIMITS + 1) };
    struct grouped_wait *w = MIR_NEW_ARRAY(struct grouped_wait, s->log->n_jobs);
    struct mir_wait_figures *out[N_GROUPS];

    for (uint32_t g = 0; g < N_GROUPS; g++)
        out[g] = &s->out->wait[g / (MIR_N_LIMITS + 1)][g % (MIR_N_LIMITS + 1)];
    for (int by = BY_BOTH; by <= BY_ALL; by++) {
        size_t n = 0;

        for (size_t i = 0; i < s->log->n_jobs; i++) {
            const struct mir_job *j = &s->log->jobs[i];
            uint32_t group = group_of(j, (enum grouping)by);

            if (selected(s, j) && j->wait_s >= 0 && group != UINT32_MAX)
                w[n++] = (struct grouped_wait){j->wait_s, group};
        }
        group_figures(w, n, out);
    }
    s->out->n_started = s->out->wait[MIR_N_SIZES][MIR_N_LIMITS].n;
    free(w);
}

static void compute_ratios(const struct selection *s)
{
    double *r = MIR_NEW_ARRAY(double, s->log->n_jobs);
    struct mir_log_stats *o = s->out;
    size_t n = 0, hits = 0;

    for (size_t i = 0; i < s->log->n_jobs; i++) {
        const struct mir_job *j = &s->log->jobs[i];

        if (!selected(s, j) || j->run_s < 0 || j->limit_s <= 0 || j->limit_s == MIR_UNLIMITED)
            continue;
        r[n] = (double)j->run_s / j->limit_s;
        hits += r[n++] >= 0.98;
    }
    o->n_ratio = n;
    if (n > 0) {
        mir_sort(r, n);
        o->ratio_p10 = mir_sorted_quantile(r, n, 0.1);
        o->ratio_p25 = mir_sorted_quantile(r, n, 0.25);
        o->ratio_p50 = mir_sorted_quantile(r, n, 0.5);
        o->ratio_p75 = mir_sorted_quantile(r, n, 0.75);
        o->ratio_p90 = mir_sorted_quantile(r, n, 0.9);
        o->ratio_p99 = mir_sorted_quantile(r, n, 0.99);
        o->at_limit_share = (double)hits / (double)n;
    }
    free(r);
}

/* Keep `c` if it is among the most frequent so far; of equals the smaller value. */
static void keep_top(struct mir_count *top, size_t *n_top, struct mir_count c)
{
    size_t i = *n_top;

    while (i > 0 && top[i - 1].n < c.n)
        i--;
    if (i == MIR_STATS_TOP)
        return;
    if (*n_top < MIR_STATS_TOP)
        ++*n_top;
    for (size_t k = *n_top - 1; k > i; k--)
        top[k] = top[k - 1];
    top[i] = c;
}

static size_t most_used(int64_t *v, size_t n, struct mir_count *top)
{
    size_t n_top = 0, first = 0;

    qsort(v, n, sizeof *v, compare_i64);
    for (size_t i = 1; i <= n; i++) {
        if (i < n && v[i] == v[first])
            continue;
        keep_top(top, &n_top, (struct mir_count){v[first], i - first});
        first = i;
    }
    return n_top;
}

static void compute_most_used(const struct selection *s)
{
    int64_t *v = MIR_NEW_ARRAY(int64_t, s->log->n_jobs);
    size_t n = 0;

    for (size_t i = 0; i < s->log->n_jobs; i++) {
        if (selected(s, &s->log->jobs[i]) && s->log->jobs[i].limit_s > 0)
            v[n++] = s->log->jobs[i].limit_s;
    }
    s->out->n_limits = most_used(v, n, s->out->limits);
    n = 0;
    for (size_t i = 0; i < s->log->n_jobs; i++) {
        if (selected(s, &s->log->jobs[i]) && mir_job_size(&s->log->jobs[i]) > 0)
            v[n++] = mir_job_size(&s->log->jobs[i]);
    }
    s->out->n_sizes = most_used(v, n, s->out->sizes);
    free(v);
}

static double offered_node_s(const struct mir_job *j)
{
    return j->run_s > 0 ? (double)mir_job_size(j) * j->run_s : 0;
}

static void count_job(const struct selection *s, const struct mir_job *j, uint8_t *user_seen)
{
    struct mir_log_stats *o = s->out;
    int64_t day_at = mir_floor_time(j->submit_at, 0, MIR_DAY_S);

    if (o->n_jobs == 0 || j->submit_at < o->first_submit_at)
        o->first_submit_at = j->submit_at;
    if (o->n_jobs == 0 || j->submit_at > o->last_submit_at)
        o->last_submit_at = j->submit_at;
    o->n_jobs++;
    if (mir_job_size(j) > o->max_size)
        o->max_size = mir_job_size(j);
    o->offered_node_s += offered_node_s(j);
    o->states[j->state < MIR_N_STATES ? j->state : MIR_STATE_OTHER]++;
    o->by_hour[(j->submit_at - day_at) / HOUR_S]++;
    o->by_weekday[(day_at - mir_monday(j->submit_at)) / MIR_DAY_S]++;
    if (j->user > 0 && j->user <= s->log->users.n && !user_seen[j->user]) {
        user_seen[j->user] = 1;
        o->n_users++;
    }
}

static int count_jobs(const struct selection *s, struct mir_error *err)
{
    uint8_t *user_seen = MIR_NEW_ARRAY(uint8_t, s->log->users.n + 1);
    struct mir_log_stats *o = s->out;
    size_t with_nodes = 0;

    for (size_t i = 0; i < s->log->n_jobs; i++) {
        const struct mir_job *j = &s->log->jobs[i];

        with_nodes += j->n_nodes > 0;
        /* Before any arithmetic with it: a time may be anything. */
        if (j->submit_at < -MAX_SPAN_S || j->submit_at > 2 * MAX_SPAN_S) {
            free(user_seen);
            return mir_error_set(err, -EINVAL, "a job is submitted centuries from now");
        }
        if (selected(s, j))
            count_job(s, j, user_seen);
    }
    free(user_seen);
    o->counts_nodes = with_nodes * 2 > s->log->n_jobs;
    o->n_nodes = o->counts_nodes ? s->log->n_nodes : s->log->n_procs;
    if (o->n_jobs == 0)
        return mir_error_set(err, -ENODATA, "the log has no job in this interval");
    return 0;
}

static size_t week_of(const struct mir_log_stats *o, int64_t at)
{
    return (size_t)((at - o->weeks[0].at) / MIR_WEEK_S);
}

/* Submissions and waits week by week. */
static void compute_weeks(const struct selection *s)
{
    struct mir_log_stats *o = s->out;
    int64_t monday = mir_monday(o->first_submit_at);
    struct grouped_wait *w = MIR_NEW_ARRAY(struct grouped_wait, s->log->n_jobs);
    struct mir_wait_figures **out;
    size_t n = 0;

    o->n_weeks = (size_t)((o->last_submit_at - monday) / MIR_WEEK_S) + 1;
    o->weeks = MIR_NEW_ARRAY(struct mir_week_stats, o->n_weeks);
    out = MIR_NEW_ARRAY(struct mir_wait_figures *, o->n_weeks);
    for (size_t i = 0; i < o->n_weeks; i++) {
        struct mir_week_stats *week = &o->weeks[i];
        int64_t at = monday + (int64_t)i * MIR_WEEK_S, end = at + MIR_WEEK_S;

        week->at = at;
        week->from_at = at > o->first_submit_at ? at : o->first_submit_at;
        week->to_at = end < o->last_submit_at + 1 ? end : o->last_submit_at + 1;
        out[i] = &week->wait;
    }
    for (size_t i = 0; i < s->log->n_jobs; i++) {
        const struct mir_job *j = &s->log->jobs[i];

        if (!selected(s, j))
            continue;
        o->weeks[week_of(o, j->submit_at)].n_jobs++;
        o->weeks[week_of(o, j->submit_at)].offered_node_s += offered_node_s(j);
        if (j->wait_s >= 0)
            w[n++] = (struct grouped_wait){j->wait_s, (uint32_t)week_of(o, j->submit_at)};
    }
    group_figures(w, n, out);
    free(out);
    free(w);
}

/* Busy nodes of the weeks from `first` on, of `width_s` each. */
static void busy_weeks(const struct selection *s,
                       const struct mir_sweep *sweep,
                       size_t first,
                       size_t n,
                       int64_t width_s)
{
    struct mir_week_stats *weeks = &s->out->weeks[first];
    struct mir_window *w =
        mir_sweep_windows(sweep, &s->options->capacity, weeks[0].from_at, width_s, n);

    for (size_t i = 0; i < n; i++) {
        weeks[i].busy_mean = w[i].busy_mean;
        weeks[i].busy_peak = w[i].busy_peak;
    }
    free(w);
}

/* Busy nodes: whole weeks together, those that the log's ends cut each on its own. */
static void compute_busy(const struct selection *s, const struct mir_sweep *sweep)
{
    struct mir_log_stats *o = s->out;
    size_t n = o->n_weeks;
    int64_t span_s = sweep->last_end_at - sweep->first_start_at + 1;
    struct mir_window *all;

    busy_weeks(s, sweep, 0, 1, o->weeks[0].to_at - o->weeks[0].from_at);
    if (n > 2)
        busy_weeks(s, sweep, 1, n - 2, MIR_WEEK_S);
    if (n > 1)
        busy_weeks(s, sweep, n - 1, 1, o->weeks[n - 1].to_at - o->weeks[n - 1].from_at);
    all = mir_sweep_windows(sweep, &s->options->capacity, sweep->first_start_at, span_s, 1);
    o->busy_peak = all[0].busy_peak;
    free(all);
}

/* Nodes of the machine over [from, to): estimated, else as the log says, else 0. */
static double nodes_between(const struct mir_log_stats *o, int64_t from_at, int64_t to_at)
{
    return o->steps.n_steps > 0 ? mir_capacity_mean(&o->steps, from_at, to_at) : o->n_nodes;
}

static double load_of(double offered, double nodes, int64_t from_at, int64_t to_at)
{
    return nodes > 0 ? offered / nodes / (double)(to_at - from_at) : 0;
}

static void compute_loads(struct mir_log_stats *o)
{
    int64_t end = o->last_submit_at + 1;

    for (size_t i = 0; i < o->n_weeks; i++) {
        struct mir_week_stats *w = &o->weeks[i];

        w->capacity = nodes_between(o, w->from_at, w->to_at);
        w->load = load_of(w->offered_node_s, w->capacity, w->from_at, w->to_at);
    }
    o->capacity = nodes_between(o, o->first_submit_at, end);
    o->load = load_of(o->offered_node_s, o->capacity, o->first_submit_at, end);
}

/* What needs start times; a log without them, a generated one, has the rest. */
static int compute_past(const struct selection *s, struct mir_error *err)
{
    struct mir_log_stats *o = s->out;
    struct mir_sweep sweep;
    int rc = mir_capacity_estimate(s->log, &s->options->capacity, &o->steps, err);

    if (rc == -ENODATA)
        return 0;
    if (rc != 0)
        return rc;
    o->left_edge =
        mir_log_left_edge(s->log, &o->left_edge_at) && o->left_edge_at > o->first_submit_at;
    rc = mir_sweep_init(&sweep, s->log, s->options->capacity.min_wait_s, err);
    if (rc != 0)
        return rc;
    compute_busy(s, &sweep);
    mir_sweep_release(&sweep);
    return 0;
}

int mir_log_stats_compute(const struct mir_joblog *log,
                          const struct mir_stats_options *options,
                          struct mir_log_stats *out,
                          struct mir_error *err)
{
    struct mir_log_stats stats = {0};
    struct selection s = {.log = log, .options = options, .out = &stats};
    int rc = count_jobs(&s, err);

    if (rc != 0)
        return rc;
    compute_waits(&s);
    compute_ratios(&s);
    compute_most_used(&s);
    compute_weeks(&s);
    rc = compute_past(&s, err);
    if (rc != 0) {
        mir_log_stats_release(&stats);
        return rc;
    }
    compute_loads(&stats);
    *out = stats;
    return 0;
}

void mir_log_stats_release(struct mir_log_stats *stats)
{
    free(stats->weeks);
    mir_capacity_release(&stats->steps);
    *stats = (struct mir_log_stats){0};
}
