// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * generate.c - parameters to jobs.
 * Batches arrive by a Poisson process whose rate is constant within an hour;
 * each batch belongs to one class of one user; a class is a shape and the run
 * time that its last job had.
 */
#include "traces/generate/generate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"

enum { HOUR_S = 3600, DAY_S = 86400, WEEK_S = 7 * DAY_S };

static const double MAX_JOBS = 1e8;

/* Streams of the seed: what one draws must not move when another draws more. */
enum { STREAM_WEEKS, STREAM_CLASSES, STREAM_ARRIVALS, STREAM_RUNS };

/* One of a user's habits. */
struct class {
    uint32_t shape;
    int32_t last_run_s; /* 0: none yet */
};

struct beta {
    double a, b;
};

struct generator {
    const struct mir_generate_params *p;
    struct mir_joblog *log;
    struct mir_rng arrivals, runs;
    double *user_cdf;     /* n_users, last is 1 */
    double *class_cdf;    /* classes_per_user, the same for every user */
    struct class *classes; /* n_users * classes_per_user */
    uint32_t *user_names;
    uint16_t *account_names;
    uint32_t *class_names;
    struct beta *betas;   /* by shape */
    double *week_factor;
    int64_t start_at, end_at;
};

struct mir_generate_range mir_generate_range(int32_t limit_s, int32_t fail_max_s)
{
    double lo = fail_max_s;

    /* A limit of minutes leaves room for more than failures. */
    if (lo > limit_s / 2.0)
        lo = limit_s / 2.0;
    return (struct mir_generate_range){ .lo_s = lo, .hi_s = 0.98 * limit_s };
}

/* Beta parameters of the shape's body on its range, by moments. */
static struct beta shape_beta(const struct mir_generate_shape *s, int32_t fail_max_s)
{
    struct mir_generate_range r = mir_generate_range(s->limit_s, fail_max_s);
    double width = r.hi_s - r.lo_s;
    double mean = (s->ratio_mean * s->limit_s - r.lo_s) / width;
    double sd = s->ratio_sd * s->limit_s / width;
    double nu;

    mean = fmin(fmax(mean, 0.001), 0.999);
    /* Below 0.1 a beta is a coin toss that underflows; above 1000 a constant. */
    nu = mean * (1 - mean) / fmax(sd * sd, 1e-12) - 1;
    nu = fmin(fmax(nu, 0.1), 1000);
    return (struct beta){ mean * nu, (1 - mean) * nu };
}

/* Expected run time of a job of the shape. */
static double shape_mean_s(const struct mir_generate_shape *s, int32_t fail_max_s)
{
    struct mir_generate_range r = mir_generate_range(s->limit_s, fail_max_s);
    struct beta b = shape_beta(s, fail_max_s);
    double body = r.lo_s + (r.hi_s - r.lo_s) * b.a / (b.a + b.b);
    double fail = r.lo_s > 1 ? (r.lo_s - 1) / log(r.lo_s) : 1; /* of a log-uniform one */

    return s->hit_share * s->limit_s + s->fail_share * fail +
           (1 - s->hit_share - s->fail_share) * body;
}

double mir_generate_offered_load(const struct mir_generate_params *params)
{
    double sum = 0, shares = 0;

    for (uint32_t i = 0; i < params->n_shapes; i++) {
        const struct mir_generate_shape *s = &params->shapes[i];

        sum += s->share * s->n_nodes * shape_mean_s(s, params->fail_max_s);
        shares += s->share;
    }
    return params->jobs_per_day * sum / shares / DAY_S / params->n_nodes;
}

/* Marsaglia and Tsang 2000; below 1 by their boost. */
static double draw_gamma(struct mir_rng *rng, double a)
{
    double boost = 1, d, c;

    if (a < 1) {
        boost = pow(mir_rng_double(rng), 1 / a);
        a += 1;
    }
    d = a - 1.0 / 3;
    c = 1 / sqrt(9 * d);
    for (;;) {
        double x = mir_rng_normal(rng);
        double v = 1 + c * x;

        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(mir_rng_double(rng) + 0x1p-54) < 0.5 * x * x + d - d * v + d * log(v))
            return boost * d * v;
    }
}

static double draw_beta(struct mir_rng *rng, struct beta b)
{
    double x = draw_gamma(rng, b.a);
    double y = draw_gamma(rng, b.b);

    return x + y > 0 ? x / (x + y) : b.a / (b.a + b.b);
}

static int32_t round_run(double run_s, int32_t limit_s)
{
    double r = floor(run_s + 0.5);

    return r < 1 ? 1 : r > limit_s ? limit_s : (int32_t)r;
}

static int32_t draw_new_run(struct generator *g, uint32_t shape)
{
    const struct mir_generate_shape *s = &g->p->shapes[shape];
    struct mir_generate_range r = mir_generate_range(s->limit_s, g->p->fail_max_s);
    double u = mir_rng_double(&g->runs);

    if (u < s->hit_share)
        return s->limit_s;
    if (u < s->hit_share + s->fail_share)
        return round_run(pow(fmax(r.lo_s, 1), mir_rng_double(&g->runs)), s->limit_s);
    return round_run(r.lo_s + (r.hi_s - r.lo_s) * draw_beta(&g->runs, g->betas[shape]),
                     s->limit_s);
}

/*
 * A repetition varies around the run that the class last drew anew, not around
 * the last repetition, so that the distribution stays the shape's.
 */
static int32_t draw_run(struct generator *g, struct class *c)
{
    int32_t limit_s = g->p->shapes[c->shape].limit_s;

    if (c->last_run_s == 0 || mir_rng_double(&g->runs) >= g->p->repeat_share) {
        c->last_run_s = draw_new_run(g, c->shape);
        return c->last_run_s;
    }
    if (c->last_run_s == limit_s)
        return limit_s;
    return round_run(c->last_run_s * (0.9 + 0.2 * mir_rng_double(&g->runs)), limit_s);
}

static size_t draw_from_cdf(struct mir_rng *rng, const double *cdf, size_t n)
{
    double u = mir_rng_double(rng);
    size_t lo = 0, hi = n - 1;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (u < cdf[mid])
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

/* Weights k^-s as a running sum that ends at 1. */
static double *make_zipf_cdf(size_t n, double s)
{
    double *cdf = MIR_NEW_ARRAY(double, n);
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        sum += pow((double)(i + 1), -s);
        cdf[i] = sum;
    }
    for (size_t i = 0; i < n; i++)
        cdf[i] /= sum;
    cdf[n - 1] = 1;
    return cdf;
}

struct slot {
    double weight;
    uint32_t number; /* in generator.classes */
};

static int compare_slots(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;

    if (x->weight > y->weight || x->weight < y->weight)
        return x->weight > y->weight ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/*
 * A shape for a class of the given weight: at random by what is left of the
 * shapes' shares, among those that still have room for it; else the roomiest.
 */
static uint32_t deal_shape(struct mir_rng *rng, const double *left, uint32_t n, double weight)
{
    double sum = 0, u;
    uint32_t best = 0;

    for (uint32_t i = 0; i < n; i++) {
        if (left[i] >= weight)
            sum += left[i];
        if (left[i] > left[best])
            best = i;
    }
    u = mir_rng_double(rng) * sum;
    for (uint32_t i = 0; i < n && sum > 0; i++) {
        if (left[i] < weight)
            continue;
        u -= left[i];
        if (u < 0)
            return i;
    }
    return best;
}

/*
 * Give every class a shape.  The most used classes are served first and what
 * they take is gone, so that the workload as a whole keeps the shapes' shares
 * although a few users make up most of it.
 */
static void deal_classes(struct generator *g, uint64_t seed)
{
    const struct mir_generate_params *p = g->p;
    size_t n = (size_t)p->n_users * p->classes_per_user;
    struct slot *slots = MIR_NEW_ARRAY(struct slot, n);
    double *left = MIR_NEW_ARRAY(double, p->n_shapes);
    double shares = 0;
    struct mir_rng rng;

    mir_rng_init_stream(&rng, seed, STREAM_CLASSES);
    for (size_t i = 0; i < n; i++) {
        size_t u = i / p->classes_per_user, c = i % p->classes_per_user;
        double wu = g->user_cdf[u] - (u > 0 ? g->user_cdf[u - 1] : 0);
        double wc = g->class_cdf[c] - (c > 0 ? g->class_cdf[c - 1] : 0);

        slots[i] = (struct slot){ wu * wc, (uint32_t)i };
    }
    qsort(slots, n, sizeof *slots, compare_slots);
    for (uint32_t i = 0; i < p->n_shapes; i++)
        shares += p->shapes[i].share;
    for (uint32_t i = 0; i < p->n_shapes; i++)
        left[i] = p->shapes[i].share / shares;
    for (size_t i = 0; i < n; i++) {
        uint32_t s = deal_shape(&rng, left, p->n_shapes, slots[i].weight);

        g->classes[slots[i].number].shape = s;
        left[s] -= slots[i].weight;
    }
    free(left);
    free(slots);
}

/*
 * Load factors of the weeks: evenly spread, so that every workload of some
 * weeks has light and heavy ones, in the order in which a slowly wandering
 * series ranks the weeks.
 */
static double *make_week_factors(const struct mir_generate_params *p, uint64_t seed, size_t n)
{
    struct slot *weeks = MIR_NEW_ARRAY(struct slot, n);
    double *factor = MIR_NEW_ARRAY(double, n);
    struct mir_rng rng;
    double x = 0;

    mir_rng_init_stream(&rng, seed, STREAM_WEEKS);
    for (size_t i = 0; i < n; i++) {
        x = 0.5 * x + mir_rng_normal(&rng);
        weeks[i] = (struct slot){ x, (uint32_t)i };
    }
    qsort(weeks, n, sizeof *weeks, compare_slots);
    for (size_t r = 0; r < n; r++)
        factor[weeks[r].number] =
            1 + p->week_spread * (1 - ((double)r + 0.5) * 2 / (double)n);
    free(weeks);
    return factor;
}

static void make_names(struct generator *g)
{
    const struct mir_generate_params *p = g->p;
    char text[32];

    g->user_names = MIR_NEW_ARRAY(uint32_t, p->n_users);
    g->account_names = MIR_NEW_ARRAY(uint16_t, p->n_accounts);
    g->class_names = MIR_NEW_ARRAY(uint32_t, p->classes_per_user);
    for (uint32_t i = 0; i < p->n_users; i++) {
        int len = snprintf(text, sizeof text, "user%03u", i + 1);

        g->user_names[i] = mir_names_add(&g->log->users, text, (size_t)len);
    }
    for (uint32_t i = 0; i < p->n_accounts; i++) {
        int len = snprintf(text, sizeof text, "group%02u", i + 1);

        g->account_names[i] = (uint16_t)mir_names_add(&g->log->accounts, text, (size_t)len);
    }
    for (uint32_t i = 0; i < p->classes_per_user; i++) {
        int len = snprintf(text, sizeof text, "habit%u", i + 1);

        g->class_names[i] = mir_names_add(&g->log->names, text, (size_t)len);
    }
}

static void add_job(struct generator *g, int64_t at, uint32_t user, uint32_t class)
{
    struct class *c = &g->classes[(size_t)user * g->p->classes_per_user + class];
    const struct mir_generate_shape *s = &g->p->shapes[c->shape];
    struct mir_job *job = mir_joblog_add(g->log);

    job->submit_at = at;
    job->id = (uint32_t)g->log->n_jobs;
    job->n_nodes = s->n_nodes;
    job->limit_s = s->limit_s;
    job->run_s = draw_run(g, c);
    job->user = g->user_names[user];
    job->account = g->account_names[user % g->p->n_accounts];
    job->name = g->class_names[class];
    if (job->run_s == s->limit_s)
        job->state = MIR_STATE_TIMEOUT;
    else if (job->run_s <= g->p->fail_max_s)
        job->state = MIR_STATE_FAILED;
    else
        job->state = MIR_STATE_COMPLETED;
}

static void add_batch(struct generator *g, double at)
{
    const struct mir_generate_params *p = g->p;
    uint32_t user = (uint32_t)draw_from_cdf(&g->arrivals, g->user_cdf, p->n_users);
    uint32_t class = (uint32_t)draw_from_cdf(&g->arrivals, g->class_cdf, p->classes_per_user);
    double again = 1 - 1 / p->batch_mean;

    for (;;) {
        int64_t at_s = g->start_at + (int64_t)floor(at);

        if (at_s >= g->end_at)
            return;
        add_job(g, at_s, user, class);
        if (mir_rng_double(&g->arrivals) >= again)
            return;
        at += p->batch_gap_s * mir_rng_exponential(&g->arrivals);
    }
}

/* Batches per second in the hour (of the clock) that holds `at_s`. */
static double arrival_rate(const struct generator *g, int64_t at_s)
{
    int64_t day = at_s >= 0 ? at_s / DAY_S : -((DAY_S - 1 - at_s) / DAY_S);
    int64_t hour = (at_s - day * DAY_S) / HOUR_S;
    int64_t weekday = ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    double base = g->p->jobs_per_day / DAY_S / g->p->batch_mean;

    return base * g->p->hour_factor[hour] * g->p->weekday_factor[weekday] *
           g->week_factor[(at_s - g->start_at) / WEEK_S];
}

/* The next change of the rate after `at_s`: an hour of the clock or a week of the workload. */
static int64_t next_change(const struct generator *g, int64_t at_s)
{
    int64_t into_hour = ((at_s % HOUR_S) + HOUR_S) % HOUR_S;
    int64_t hour = at_s - into_hour + HOUR_S;
    int64_t week = g->start_at + ((at_s - g->start_at) / WEEK_S + 1) * WEEK_S;

    return hour < week ? hour : week;
}

/* Time-rescaled Poisson process: the integral of the rate between two batches is exponential. */
static void add_arrivals(struct generator *g)
{
    double need = mir_rng_exponential(&g->arrivals);
    int64_t at_s = g->start_at;

    while (at_s < g->end_at) {
        int64_t next = next_change(g, at_s);
        double rate = arrival_rate(g, at_s);
        double offset = (double)(at_s - g->start_at);
        double left = (double)(next - at_s);

        while (need < rate * left) {
            offset += need / rate;
            left -= need / rate;
            add_batch(g, offset);
            need = mir_rng_exponential(&g->arrivals);
        }
        need -= rate * left;
        at_s = next;
    }
}

static void generator_init(struct generator *g,
                           const struct mir_generate_params *p,
                           uint64_t seed,
                           int64_t duration_s)
{
    g->p = p;
    mir_rng_init_stream(&g->arrivals, seed, STREAM_ARRIVALS);
    mir_rng_init_stream(&g->runs, seed, STREAM_RUNS);
    g->user_cdf = make_zipf_cdf(p->n_users, p->user_zipf);
    g->class_cdf = make_zipf_cdf(p->classes_per_user, 1.5);
    g->classes = MIR_NEW_ARRAY(struct class, (size_t)p->n_users * p->classes_per_user);
    g->week_factor = make_week_factors(p, seed, (size_t)((duration_s - 1) / WEEK_S) + 1);
    g->betas = MIR_NEW_ARRAY(struct beta, p->n_shapes);
    for (uint32_t i = 0; i < p->n_shapes; i++)
        g->betas[i] = shape_beta(&p->shapes[i], p->fail_max_s);
    deal_classes(g, seed);
    make_names(g);
}

static void generator_release(struct generator *g)
{
    free(g->user_cdf);
    free(g->class_cdf);
    free(g->classes);
    free(g->week_factor);
    free(g->betas);
    free(g->user_names);
    free(g->account_names);
    free(g->class_names);
}

int mir_generate(const struct mir_generate_params *params,
                 uint64_t seed,
                 int64_t duration_s,
                 int64_t start_at,
                 struct mir_joblog *log,
                 struct mir_error *err)
{
    struct mir_generate_params p = *params;
    struct generator g = { .log = log, .start_at = start_at };
    int rc = mir_generate_check(&p, err);

    if (rc != 0)
        return rc;
    if (duration_s <= 0 || p.jobs_per_day * (double)duration_s / DAY_S > MAX_JOBS ||
        duration_s / WEEK_S > (int64_t)MAX_JOBS || start_at > INT64_MAX - duration_s - WEEK_S ||
        start_at < INT64_MIN + WEEK_S)
        return mir_error_set(err, -EINVAL, "duration: not positive, or too many jobs");
    mir_generate_normalise(&p);
    g.end_at = start_at + duration_s;
    generator_init(&g, &p, seed, duration_s);
    add_arrivals(&g);
    /* Batches overlap: order them, then let the ids follow the order as Slurm's do. */
    mir_joblog_sort(log);
    for (size_t i = 0; i < log->n_jobs; i++)
        log->jobs[i].id = (uint32_t)(i + 1);
    log->n_nodes = p.n_nodes;
    generator_release(&g);
    return 0;
}
