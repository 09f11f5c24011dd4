/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * generate.c - parameters to jobs.
 * Batches arrive by a Poisson process whose rate is constant within an hour;
 * each batch belongs to one class of one user; a class is a shape and the run
 * time that its last job had.
 */
#include "traces/generate/generate.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"

enum { HOUR_S = 3600, DAY_S = 86400, WEEK_S = 7 * DAY_S };

static const double MAX_JOBS = 1e8;

/* Streams of the seed: what one draws must not move when another draws more. */
enum { STREAM_WEEKS, STREAM_CLASSES, STREAM_ARRIVALS, STREAM_RUNS };

/* One of a user's habits. */
struct class {
    uint32_t user, habit;
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
    struct class *classes;
    double *class_cdf; /* how much of the workload the classes up to here make up */
    size_t n_classes, cap_classes;
    uint32_t *user_names;
    uint16_t *account_names;
    uint32_t *habit_names; /* classes_per_user */
    struct beta *betas;    /* by shape */
    double *week_factor;
    int64_t start_at, end_at;
};

struct mir_generate_range mir_generate_range(int32_t limit_s, int32_t fail_max_s)
{
    double lo = fail_max_s;

    /* A limit of minutes leaves room for more than failures. */
    if (lo > limit_s / 2.0)
        lo = limit_s / 2.0;
    return (struct mir_generate_range){.lo_s = lo, .hi_s = 0.98 * limit_s};
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
    return (struct beta){mean * nu, (1 - mean) * nu};
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
    return round_run(r.lo_s + (r.hi_s - r.lo_s) * draw_beta(&g->runs, g->betas[shape]), s->limit_s);
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

/* Weights k^-s with sum 1. */
static double *make_zipf(size_t n, double s)
{
    double *w = MIR_NEW_ARRAY(double, n);
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        w[i] = pow((double)(i + 1), -s);
        sum += w[i];
    }
    for (size_t i = 0; i < n; i++)
        w[i] /= sum;
    return w;
}

/* A class without a shape yet, and how much of the workload it makes up. */
struct slot {
    double weight;
    uint32_t user, habit;
};

static int compare_slots(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;

    if (x->weight > y->weight || x->weight < y->weight)
        return x->weight > y->weight ? -1 : 1;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    return (x->habit > y->habit) - (x->habit < y->habit);
}

/* All users' classes, the most used first. */
static struct slot *make_slots(const struct mir_generate_params *p, size_t *n_out)
{
    double *users = make_zipf(p->n_users, p->user_zipf);
    double *habits = make_zipf(p->classes_per_user, 1.5);
    size_t n = (size_t)p->n_users * p->classes_per_user;
    struct slot *slots = MIR_NEW_ARRAY(struct slot, n);

    for (size_t i = 0; i < n; i++) {
        uint32_t u = (uint32_t)(i / p->classes_per_user), h = (uint32_t)(i % p->classes_per_user);

        slots[i] = (struct slot){users[u] * habits[h], u, h};
    }
    qsort(slots, n, sizeof *slots, compare_slots);
    free(users);
    free(habits);
    *n_out = n;
    return slots;
}

/*
 * A shape for a class of the given weight: at random by what is left of the
 * shapes' shares, among those that still have room for it.  False when none has;
 * then `*out` is the roomiest.
 */
static bool
deal_shape(struct mir_rng *rng, const double *left, uint32_t n, double weight, uint32_t *out)
{
    double sum = 0, u;

    *out = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (left[i] >= weight)
            sum += left[i];
        if (left[i] > left[*out])
            *out = i;
    }
    if (left[*out] < weight)
        return false;
    u = mir_rng_double(rng) * sum;
    for (uint32_t i = 0; i < n; i++) {
        if (left[i] < weight)
            continue;
        u -= left[i];
        if (u < 0) {
            *out = i;
            break;
        }
    }
    return true;
}

static void add_class(struct generator *g, const struct slot *slot, uint32_t shape)
{
    size_t cap = g->cap_classes;

    g->classes = mir_grow(g->classes, &g->cap_classes, g->n_classes + 1, sizeof *g->classes);
    g->class_cdf = mir_grow(g->class_cdf, &cap, g->n_classes + 1, sizeof *g->class_cdf);
    g->classes[g->n_classes] = (struct class){slot->user, slot->habit, shape, 0};
    g->class_cdf[g->n_classes] =
        slot->weight + (g->n_classes > 0 ? g->class_cdf[g->n_classes - 1] : 0);
    g->n_classes++;
}

/* The heavier one of the next slot and the next half: both come in descending order. */
static struct slot next_slot(const struct slot *slots,
                             size_t n_slots,
                             size_t *i_slot,
                             const struct slot *halves,
                             size_t n_halves,
                             size_t *i_half)
{
    if (*i_half == n_halves ||
        (*i_slot < n_slots && slots[*i_slot].weight >= halves[*i_half].weight))
        return slots[(*i_slot)++];
    return halves[(*i_half)++];
}

/*
 * Give every class a shape.  The most used classes are served first and what
 * they take is gone, so that the workload as a whole keeps the shapes' shares
 * although a few users make up most of it.  A class that is more than any shape
 * has left becomes two of half the weight: whoever submits that much does more
 * than one thing.
 */
static void deal_slots(struct generator *g, struct mir_rng *rng, double *left)
{
    const double least = 1e-4; /* what rounding leaves over is not worth halving */
    struct slot *slots, *halves = NULL;
    size_t n_slots, n_halves = 0, cap_halves = 0, i_slot = 0, i_half = 0;

    slots = make_slots(g->p, &n_slots);
    while (i_slot < n_slots || i_half < n_halves) {
        struct slot s = next_slot(slots, n_slots, &i_slot, halves, n_halves, &i_half);
        uint32_t shape;

        if (!deal_shape(rng, left, g->p->n_shapes, s.weight, &shape) && s.weight > least) {
            s.weight /= 2;
            halves = mir_grow(halves, &cap_halves, n_halves + 2, sizeof *halves);
            halves[n_halves++] = s;
            halves[n_halves++] = s;
            continue;
        }
        add_class(g, &s, shape);
        left[shape] -= s.weight;
    }
    free(slots);
    free(halves);
}

static void deal_classes(struct generator *g, uint64_t seed)
{
    double *left = MIR_NEW_ARRAY(double, g->p->n_shapes);
    struct mir_rng rng;

    mir_rng_init_stream(&rng, seed, STREAM_CLASSES);
    for (uint32_t i = 0; i < g->p->n_shapes; i++)
        left[i] = g->p->shapes[i].share;
    deal_slots(g, &rng, left);
    g->class_cdf[g->n_classes - 1] = 1;
    free(left);
}

/* A week and where it stands in the series. */
struct week {
    double x;
    size_t number;
};

static int compare_weeks(const void *a, const void *b)
{
    const struct week *x = a, *y = b;

    if (x->x > y->x || x->x < y->x)
        return x->x > y->x ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

/*
 * Load factors of the weeks: evenly spread, so that every workload of some
 * weeks has light and heavy ones, in the order in which a slowly wandering
 * series ranks the weeks.
 */
static double *make_week_factors(const struct mir_generate_params *p, uint64_t seed, size_t n)
{
    struct week *weeks = MIR_NEW_ARRAY(struct week, n);
    double *factor = MIR_NEW_ARRAY(double, n);
    struct mir_rng rng;
    double x = 0;

    mir_rng_init_stream(&rng, seed, STREAM_WEEKS);
    for (size_t i = 0; i < n; i++) {
        x = 0.5 * x + mir_rng_normal(&rng);
        weeks[i] = (struct week){x, i};
    }
    qsort(weeks, n, sizeof *weeks, compare_weeks);
    for (size_t r = 0; r < n; r++)
        factor[weeks[r].number] = 1 + p->week_spread * (1 - ((double)r + 0.5) * 2 / (double)n);
    free(weeks);
    return factor;
}

static void make_names(struct generator *g)
{
    const struct mir_generate_params *p = g->p;
    char text[32];

    g->user_names = MIR_NEW_ARRAY(uint32_t, p->n_users);
    g->account_names = MIR_NEW_ARRAY(uint16_t, p->n_accounts);
    g->habit_names = MIR_NEW_ARRAY(uint32_t, p->classes_per_user);
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

        g->habit_names[i] = mir_names_add(&g->log->names, text, (size_t)len);
    }
}

static void add_job(struct generator *g, int64_t at, struct class *c)
{
    const struct mir_generate_shape *s = &g->p->shapes[c->shape];
    struct mir_job *job = mir_joblog_add(g->log);

    job->submit_at = at;
    job->id = (uint32_t)g->log->n_jobs;
    job->n_nodes = s->n_nodes;
    job->limit_s = s->limit_s;
    job->run_s = draw_run(g, c);
    job->user = g->user_names[c->user];
    job->account = g->account_names[c->user % g->p->n_accounts];
    job->name = g->habit_names[c->habit];
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
    struct class *c = &g->classes[draw_from_cdf(&g->arrivals, g->class_cdf, g->n_classes)];
    double again = 1 - 1 / p->batch_mean;

    for (;;) {
        int64_t at_s = g->start_at + (int64_t)floor(at);

        if (at_s >= g->end_at)
            return;
        add_job(g, at_s, c);
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
    g->week_factor = make_week_factors(p, seed, (size_t)((duration_s - 1) / WEEK_S) + 1);
    g->betas = MIR_NEW_ARRAY(struct beta, p->n_shapes);
    for (uint32_t i = 0; i < p->n_shapes; i++)
        g->betas[i] = shape_beta(&p->shapes[i], p->fail_max_s);
    deal_classes(g, seed);
    make_names(g);
}

static void generator_release(struct generator *g)
{
    free(g->class_cdf);
    free(g->classes);
    free(g->week_factor);
    free(g->betas);
    free(g->user_names);
    free(g->account_names);
    free(g->habit_names);
}

int mir_generate(const struct mir_generate_params *params,
                 uint64_t seed,
                 int64_t duration_s,
                 int64_t start_at,
                 struct mir_joblog *log,
                 struct mir_error *err)
{
    struct mir_generate_params p = *params;
    struct generator g = {.log = log, .start_at = start_at};
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
