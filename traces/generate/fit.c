/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fit.c - the generator's parameters from a log.  Each is a moment or a count
 * of its own, so nothing iterates but the search for the Zipf exponent.
 */
#include "traces/generate/generate.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"

enum {
    DAY_S = 86400,
    WEEK_S = 7 * DAY_S,
    MIN_JOBS = 100,
    FAIL_MAX_S = 60,
    BATCH_GAP_S = 600,   /* a user's next submission within this is of the same batch */
    NAMELESS_GAP_S = 60, /* the same where the log has no users and only the shape tells */
    MAX_OWN_SHAPES = 96, /* exact (nodes, limit) pairs; the rest share shapes by class */
};

static const int64_t MAX_SPAN_S = INT64_C(200) * 366 * DAY_S;

struct change {
    int64_t at, size;
};

/* What the fit reads of a job. */
struct record {
    int64_t submit_at;
    uint32_t n_nodes, user, shape;
    int32_t limit_s, run_s;
};

struct fit {
    const struct mir_joblog *log;
    struct record *jobs; /* by submission once read */
    size_t n_jobs;
    int64_t from_at, span_s;
    struct mir_generate_params *out;
};

/* Jobs of the same size and limit. */
struct pair {
    size_t first, n; /* in fit.jobs, ordered by pair */
    uint32_t class;  /* of the rest: powers of two of size and limit */
};

void mir_generate_fit_options_init(struct mir_generate_fit_options *options)
{
    *options = (struct mir_generate_fit_options){.from_at = INT64_MIN, .to_at = INT64_MAX};
}

/* Is the machine counted in nodes?  Not where hardly any job names them. */
static bool counts_nodes(const struct mir_joblog *log)
{
    size_t with = 0;

    for (size_t i = 0; i < log->n_jobs; i++)
        with += log->jobs[i].n_nodes > 0;
    return with * 2 > log->n_jobs;
}

static int compare_changes(const void *a, const void *b)
{
    const struct change *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size);
}

/* The most that was ever busy at once; 0 when the log has no starts. */
static uint32_t busy_peak(const struct mir_joblog *log)
{
    struct change *changes = MIR_NEW_ARRAY(struct change, 2 * log->n_jobs);
    int64_t busy = 0, peak = 0;
    size_t n = 0;

    for (size_t i = 0; i < log->n_jobs; i++) {
        const struct mir_job *j = &log->jobs[i];
        int64_t size = j->n_nodes > 0 ? j->n_nodes : j->n_cpus;

        if (j->wait_s < 0 || j->run_s <= 0 || j->submit_at > INT64_MAX / 2)
            continue;
        changes[n++] = (struct change){j->submit_at + j->wait_s, size};
        changes[n++] = (struct change){j->submit_at + j->wait_s + j->run_s, -size};
    }
    qsort(changes, n, sizeof *changes, compare_changes);
    for (size_t i = 0; i < n; i++) {
        busy += changes[i].size;
        peak = busy > peak ? busy : peak;
    }
    free(changes);
    return peak < UINT32_MAX ? (uint32_t)peak : UINT32_MAX;
}

static int compare_submit(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    return (x->submit_at > y->submit_at) - (x->submit_at < y->submit_at);
}

static int compare_pair(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    if (x->n_nodes != y->n_nodes)
        return x->n_nodes < y->n_nodes ? -1 : 1;
    if (x->limit_s != y->limit_s)
        return x->limit_s < y->limit_s ? -1 : 1;
    return compare_submit(a, b);
}

/* By shape and user, in time. */
static int compare_habit(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    if (x->shape != y->shape)
        return x->shape < y->shape ? -1 : 1;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    return compare_submit(a, b);
}

/* By shape alone, in time. */
static int compare_shape(const void *a, const void *b)
{
    const struct record *x = a, *y = b;

    if (x->shape != y->shape)
        return x->shape < y->shape ? -1 : 1;
    return compare_submit(a, b);
}

static void read_jobs(struct fit *f, const struct mir_generate_fit_options *o)
{
    f->jobs = MIR_NEW_ARRAY(struct record, f->log->n_jobs);
    for (size_t i = 0; i < f->log->n_jobs; i++) {
        const struct mir_job *j = &f->log->jobs[i];
        uint32_t size = j->n_nodes > 0 ? j->n_nodes : j->n_cpus;

        if (j->submit_at < o->from_at || j->submit_at >= o->to_at || size == 0 ||
            size > f->out->n_nodes || j->run_s <= 0 || j->limit_s <= 0 ||
            j->limit_s == MIR_UNLIMITED)
            continue;
        f->jobs[f->n_jobs++] = (struct record){
            .submit_at = j->submit_at,
            .n_nodes = size,
            .user = j->user,
            .limit_s = j->limit_s,
            .run_s = j->run_s < j->limit_s ? j->run_s : j->limit_s,
        };
    }
    qsort(f->jobs, f->n_jobs, sizeof *f->jobs, compare_submit);
}

static double node_s(const struct record *r)
{
    return (double)r->n_nodes * r->run_s;
}

static uint32_t log2_floor(uint32_t v)
{
    return 31 - (uint32_t)__builtin_clz(v);
}

static bool is_hit(const struct record *r)
{
    return r->run_s >= 0.98 * r->limit_s;
}

static bool is_failure(const struct record *r)
{
    return !is_hit(r) && r->run_s <= mir_generate_range(r->limit_s, FAIL_MAX_S).lo_s;
}

/* Sums over the jobs of one shape; the body is what neither hits the limit nor fails. */
struct shape_sums {
    double n, nodes, asked, hits, failures;
    double body, body_asked, body_used, body_ratio, body_ratio2;
};

static void sums_add(struct shape_sums *s, const struct record *r)
{
    double asked = (double)r->n_nodes * r->limit_s;
    double ratio = (double)r->run_s / r->limit_s;

    s->n++;
    s->nodes += r->n_nodes;
    s->asked += asked;
    if (is_hit(r)) {
        s->hits++;
    } else if (is_failure(r)) {
        s->failures++;
    } else {
        s->body++;
        s->body_asked += asked;
        s->body_used += asked * ratio;
        s->body_ratio += ratio;
        s->body_ratio2 += ratio * ratio;
    }
}

/*
 * Shapes that stand for several pairs keep the mean size and the node-seconds
 * asked for; the mean ratio is weighted by what is asked for, so that the
 * node-seconds used, the load, come out too.
 */
static struct mir_generate_shape shape_from_sums(const struct shape_sums *s, double n_all)
{
    double nodes = fmax(1, floor(s->nodes / s->n + 0.5));
    double limit = s->asked / s->n / nodes;
    double mean = 0.5, var = 0.05, max_var;

    if (limit > 1200)
        limit = floor(limit / 60 + 0.5) * 60;
    if (s->body > 0) {
        double plain = s->body_ratio / s->body;

        mean = s->body_used / s->body_asked;
        var = s->body_ratio2 / s->body - plain * plain;
    }
    max_var = 0.95 * mean * (1 - mean);
    return (struct mir_generate_shape){
        .n_nodes = (uint32_t)nodes,
        .limit_s = (int32_t)fmin(fmax(1, floor(limit + 0.5)), 2e9),
        .share = s->n / n_all,
        .hit_share = s->hits / s->n,
        .fail_share = s->failures / s->n,
        .ratio_mean = mean,
        .ratio_sd = sqrt(fmin(fmax(var, 0), max_var)),
    };
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

static int compare_classes(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    return compare_pairs(a, b);
}

/*
 * Size by powers of two, limit by powers of four from four minutes on: at most
 * 32 * 10 classes of which a log has a fraction; sizes above 2^14 share one so
 * that the shapes never run out.
 */
static uint32_t pair_class(const struct record *r)
{
    uint32_t size = log2_floor(r->n_nodes), limit = log2_floor((uint32_t)r->limit_s / 240 + 1) / 2;

    return (size < 15 ? size : 15) * 10 + (limit < 9 ? limit : 9);
}

static struct pair *find_pairs(struct fit *f, size_t *n_out)
{
    struct pair *pairs = NULL;
    size_t n = 0, cap = 0;

    qsort(f->jobs, f->n_jobs, sizeof *f->jobs, compare_pair);
    for (size_t i = 0; i < f->n_jobs; i++) {
        const struct record *r = &f->jobs[i];

        if (i == 0 || r->n_nodes != r[-1].n_nodes || r->limit_s != r[-1].limit_s) {
            pairs = mir_grow(pairs, &cap, n + 1, sizeof *pairs);
            pairs[n++] = (struct pair){.first = i, .class = pair_class(r)};
        }
        pairs[n - 1].n++;
    }
    qsort(pairs, n, sizeof *pairs, compare_pairs);
    *n_out = n;
    return pairs;
}

static void add_pair(struct fit *f, const struct pair *p, struct shape_sums *sums)
{
    for (size_t i = p->first; i < p->first + p->n; i++) {
        f->jobs[i].shape = f->out->n_shapes;
        sums_add(sums, &f->jobs[i]);
    }
}

static void end_shape(struct fit *f, struct shape_sums *sums)
{
    f->out->shapes[f->out->n_shapes++] = shape_from_sums(sums, (double)f->n_jobs);
    *sums = (struct shape_sums){0};
}

/* Pairs that are common enough are shapes; the others are merged by class. */
static void fit_shapes(struct fit *f)
{
    struct shape_sums sums = {0};
    size_t n, own = 0;
    struct pair *pairs = find_pairs(f, &n);

    while (own < n && own < MAX_OWN_SHAPES && pairs[own].n * 500 >= f->n_jobs) {
        add_pair(f, &pairs[own++], &sums);
        end_shape(f, &sums);
    }
    qsort(pairs + own, n - own, sizeof *pairs, compare_classes);
    for (size_t i = own; i < n; i++) {
        bool last = i + 1 == n || pairs[i + 1].class != pairs[i].class;

        add_pair(f, &pairs[i], &sums);
        if (last)
            end_shape(f, &sums);
    }
    free(pairs);
    qsort(f->jobs, f->n_jobs, sizeof *f->jobs, compare_submit);
}

/* Days since 1970, also before. */
static int64_t day_of(int64_t at)
{
    return at >= 0 ? at / DAY_S : -((DAY_S - 1 - at) / DAY_S);
}

static int weekday_of(int64_t at)
{
    return (int)(((day_of(at) + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* Seconds of each weekday in the span: six Mondays must not count against five Sundays. */
static void weekday_exposure(int64_t from_at, int64_t span_s, double out[7])
{
    int64_t at = from_at + span_s / WEEK_S * WEEK_S, end = from_at + span_s;

    for (int i = 0; i < 7; i++)
        out[i] = (double)(span_s / WEEK_S) * DAY_S;
    while (at < end) {
        int64_t next = (day_of(at) + 1) * DAY_S;

        if (next > end)
            next = end;
        out[weekday_of(at)] += (double)(next - at);
        at = next;
    }
}

static void fit_rhythm(struct fit *f)
{
    double *hours = f->out->hour_factor, *days = f->out->weekday_factor;
    double exposure[7];

    weekday_exposure(f->from_at, f->span_s, exposure);
    for (int i = 0; i < 24; i++)
        hours[i] = 0;
    for (int i = 0; i < 7; i++)
        days[i] = 0;
    for (size_t i = 0; i < f->n_jobs; i++) {
        int64_t at = f->jobs[i].submit_at;

        hours[(at - day_of(at) * DAY_S) / 3600]++;
        days[weekday_of(at)] += 1 / exposure[weekday_of(at)];
    }
    f->out->jobs_per_day = (double)f->n_jobs * DAY_S / (double)f->span_s;
}

/*
 * A batch goes on while its user's next submission follows within minutes.
 * Where the log has no users, the shape stands for the user.
 */
static void fit_batches(struct fit *f)
{
    size_t n_users = f->log->users.n + 1;
    int64_t *last_at = MIR_NEW_ARRAY(int64_t, n_users + f->out->n_shapes);
    double batches = 0, gaps = 0, gap_sum = 0;

    for (size_t i = 0; i < n_users + f->out->n_shapes; i++)
        last_at[i] = INT64_MIN / 2;
    for (size_t i = 0; i < f->n_jobs; i++) {
        const struct record *r = &f->jobs[i];
        bool named = r->user > 0 && r->user < n_users;
        int64_t *last = &last_at[named ? r->user : n_users + r->shape];
        int64_t gap = r->submit_at - *last;

        if (gap <= (named ? BATCH_GAP_S : NAMELESS_GAP_S)) {
            gap_sum += (double)gap;
            gaps++;
        } else {
            batches++;
        }
        *last = r->submit_at;
    }
    f->out->batch_mean = fmin((double)f->n_jobs / fmax(batches, 1), 1e4);
    f->out->batch_gap_s = gaps > 0 ? gap_sum / gaps : 0;
    free(last_at);
}

/* Chance that two jobs of n users with activity k^-s are of the same user. */
static double zipf_concentration(uint32_t n, double s)
{
    double sum = 0, sum2 = 0;

    for (uint32_t k = 1; k <= n; k++) {
        double w = pow(k, -s);

        sum += w;
        sum2 += w * w;
    }
    return sum2 / sum / sum;
}

static void fit_users(struct fit *f)
{
    size_t n_names = f->log->users.n + 1;
    double *count = MIR_NEW_ARRAY(double, n_names);
    double named = 0, same = 0, low = 0, high = 5;
    uint32_t n = 0;

    for (size_t i = 0; i < f->n_jobs; i++) {
        uint32_t u = f->jobs[i].user;

        if (u > 0 && u < n_names)
            count[u]++;
    }
    for (size_t i = 1; i < n_names; i++) {
        n += count[i] > 0;
        named += count[i];
        same += count[i] * count[i];
    }
    free(count);
    if (n < 2)
        return; /* the default's users */
    f->out->n_users = n < 50000 ? n : 50000;
    f->out->n_accounts = (f->out->n_users + 5) / 6;
    same /= named * named;
    for (int i = 0; i < 30; i++) {
        double mid = (low + high) / 2;

        if (zipf_concentration(f->out->n_users, mid) < same)
            low = mid;
        else
            high = mid;
    }
    f->out->user_zipf = low;
}

/* Enough classes that the rarest shape finds a user; the generator halves those too heavy. */
static void fit_classes(struct fit *f)
{
    uint32_t classes = 2 * f->out->n_shapes / f->out->n_users + 1;

    f->out->classes_per_user = classes < 4 ? 4 : classes > 64 ? 64 : classes;
}

static bool run_alike(const struct record *a, const struct record *b)
{
    if (is_hit(a) || is_hit(b))
        return is_hit(a) && is_hit(b);
    return fabs((double)a->run_s - b->run_s) <= 0.1 * fmax(a->run_s, b->run_s);
}

/* Of the successive jobs of a shape, by the same user or not, the part that run alike. */
static double share_alike(const struct fit *f, bool same_user)
{
    double n = 0, alike = 0;

    for (size_t i = 1; i < f->n_jobs; i++) {
        const struct record *a = &f->jobs[i - 1], *b = &f->jobs[i];

        if (a->shape != b->shape || (a->user == b->user) != same_user || b->user == 0)
            continue;
        n++;
        alike += run_alike(a, b);
    }
    return n > 0 ? alike / n : 0;
}

/* Jobs that run like their user's last one, beyond what chance makes alike. */
static void fit_repeats(struct fit *f)
{
    double own, chance;

    qsort(f->jobs, f->n_jobs, sizeof *f->jobs, compare_habit);
    own = share_alike(f, true);
    qsort(f->jobs, f->n_jobs, sizeof *f->jobs, compare_shape);
    chance = share_alike(f, false);
    qsort(f->jobs, f->n_jobs, sizeof *f->jobs, compare_submit);
    f->out->repeat_share = chance < 1 ? fmin(fmax((own - chance) / (1 - chance), 0), 0.95) : 0;
}

/*
 * Spread of the weekly load beyond what the luck of the draw makes: the
 * variance of a sum of random batches is taken off.  An even spread of +- s
 * has the variance s^2 / 3.
 */
static void fit_weeks(struct fit *f)
{
    size_t n = (size_t)(f->span_s / WEEK_S);
    double *load, sum = 0, luck = 0, var = 0, mean;

    f->out->week_spread = 0;
    if (n < 3)
        return;
    load = MIR_NEW_ARRAY(double, n);
    for (size_t i = 0; i < f->n_jobs; i++) {
        size_t week = (size_t)((f->jobs[i].submit_at - f->from_at) / WEEK_S);

        if (week >= n)
            continue;
        load[week] += node_s(&f->jobs[i]);
        sum += node_s(&f->jobs[i]);
        luck += node_s(&f->jobs[i]) * node_s(&f->jobs[i]);
    }
    mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        var += (load[i] - mean) * (load[i] - mean) / (double)(n - 1);
    /* Jobs of a batch are alike: E[B^2] / E[B] of a geometric B. */
    var -= luck / (double)n * (2 * f->out->batch_mean - 1);
    if (mean > 0)
        f->out->week_spread = fmin(sqrt(3 * fmax(var, 0)) / mean, 0.9);
    free(load);
}

/* Six decimals are more than a log tells, and a file of them can be read. */
static double rounded(double v)
{
    return floor(v * 1e6 + 0.5) / 1e6;
}

static void round_all(struct mir_generate_params *p)
{
    p->user_zipf = rounded(p->user_zipf);
    p->jobs_per_day = fmax(rounded(p->jobs_per_day), 1e-6);
    p->batch_mean = rounded(p->batch_mean);
    p->batch_gap_s = rounded(p->batch_gap_s);
    p->repeat_share = rounded(p->repeat_share);
    p->week_spread = rounded(p->week_spread);
    for (int i = 0; i < 24; i++)
        p->hour_factor[i] = rounded(p->hour_factor[i]);
    for (int i = 0; i < 7; i++)
        p->weekday_factor[i] = rounded(p->weekday_factor[i]);
    for (uint32_t i = 0; i < p->n_shapes; i++) {
        struct mir_generate_shape *s = &p->shapes[i];

        s->share = rounded(s->share);
        /* Down, so that together they never exceed 1. */
        s->hit_share = floor(s->hit_share * 1e6) / 1e6;
        s->fail_share = floor(s->fail_share * 1e6) / 1e6;
        s->ratio_mean = rounded(s->ratio_mean);
        s->ratio_sd = floor(s->ratio_sd * 1e6) / 1e6;
    }
}

static int fit_all(struct fit *f, struct mir_error *err)
{
    if (f->n_jobs < MIN_JOBS)
        return mir_error_set(err, -ENODATA,
                             "only %zu jobs with size, limit and run time: too few to fit",
                             f->n_jobs);
    f->from_at = f->jobs[0].submit_at;
    if (f->jobs[f->n_jobs - 1].submit_at > f->from_at + MAX_SPAN_S)
        return mir_error_set(err, -EINVAL, "the submissions are centuries apart");
    f->span_s = f->jobs[f->n_jobs - 1].submit_at - f->from_at + 1;
    f->out->fail_max_s = FAIL_MAX_S;
    f->out->n_shapes = 0;
    fit_shapes(f);
    fit_rhythm(f);
    fit_batches(f);
    fit_users(f);
    fit_classes(f);
    fit_repeats(f);
    fit_weeks(f);
    mir_generate_normalise(f->out);
    round_all(f->out);
    return mir_generate_check(f->out, err);
}

int mir_generate_fit(const struct mir_joblog *log,
                     const struct mir_generate_fit_options *options,
                     struct mir_generate_params *out,
                     struct mir_error *err)
{
    struct mir_generate_params p;
    struct fit f = {.log = log, .out = &p};
    int rc;

    mir_generate_default(&p);
    p.n_nodes = options->n_nodes;
    if (p.n_nodes == 0)
        p.n_nodes = counts_nodes(log) ? log->n_nodes : log->n_procs;
    if (p.n_nodes == 0)
        p.n_nodes = busy_peak(log);
    if (p.n_nodes == 0)
        return mir_error_set(err, -EINVAL, "the log does not tell how many nodes the machine has");
    read_jobs(&f, options);
    rc = fit_all(&f, err);
    free(f.jobs);
    if (rc == 0)
        *out = p;
    return rc;
}
