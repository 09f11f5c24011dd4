/* SPDX-License-Identifier: GPL-3.0-or-later */
/* draws.c - drawn run times and arrivals of one queue. */
#include "models/lookahead/draws.h"

#include <math.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/rng.h"
#include "daemon/host/job.h"

/* Nobody looks further ahead. */
static const double longest_s = 60 * 86400.0;

void mir_draws_release(struct mir_draws *d)
{
    free(d->running_left_s);
    free(d->pending_run_s);
    free(d->arrivals);
    mir_arrivals_release(&d->drawn);
    *d = (struct mir_draws){.habits = d->habits, .truth = d->truth};
}

void mir_draws_begin(struct mir_draws *d, const struct mir_snapshot *queue, uint64_t seed)
{
    d->queue = queue;
    d->seed = seed;
    d->n_futures = 0;
}

/* ---- run times */

/* One in each sixteenth of (0, 1), in a random order. */
static void spread(struct mir_rng *rng, double p[MIR_DRAWS_BLOCK])
{
    unsigned place[MIR_DRAWS_BLOCK];

    for (unsigned k = 0; k < MIR_DRAWS_BLOCK; k++) {
        unsigned other = (unsigned)mir_rng_below(rng, k + 1);

        place[k] = place[other];
        place[other] = k;
    }
    for (unsigned k = 0; k < MIR_DRAWS_BLOCK; k++)
        p[k] = (place[k] + mir_rng_double(rng)) / MIR_DRAWS_BLOCK;
}

/* A job, as far as draws go. */
struct drawn_job {
    uint32_t id, user, name;
    double elapsed_s;
    const struct mir_run_curve *curve;
};

static void rng_of_job(const struct mir_draws *d, uint32_t id, uint32_t block, struct mir_rng *rng)
{
    mir_rng_init_stream(rng, d->seed, (uint64_t)id << 16 | block);
}

/* Streams of user and name do not meet those of jobs, whose seed is another. */
static void rng_of_kin(const struct mir_draws *d,
                       const struct drawn_job *job,
                       uint32_t block,
                       struct mir_rng *rng)
{
    mir_rng_init_stream(rng, d->seed + 1 + block, (uint64_t)job->user << 32 | job->name);
}

static void draw_levels(const struct mir_draws *d,
                        const struct drawn_job *job,
                        uint32_t block,
                        double p[MIR_DRAWS_BLOCK])
{
    double of_kin[MIR_DRAWS_BLOCK];
    struct mir_rng own, kin;

    rng_of_job(d, job->id, block, &own);
    spread(&own, p);
    if (job->user == 0)
        return;
    rng_of_kin(d, job, block, &kin);
    spread(&kin, of_kin);
    for (unsigned k = 0; k < MIR_DRAWS_BLOCK; k++)
        if (mir_rng_double(&own) < d->habits.kinship)
            p[k] = of_kin[k];
}

static int32_t seconds(double s)
{
    return s >= longest_s ? (int32_t)longest_s : s > 1 ? (int32_t)ceil(s) : 1;
}

/* Into the futures of `block`, of which `to` is the first; jobs are `stride` apart. */
static void draw_job(const struct mir_draws *d,
                     const struct drawn_job *job,
                     double hazard,
                     uint32_t block,
                     int32_t *to,
                     size_t stride)
{
    double p[MIR_DRAWS_BLOCK], left_s[MIR_DRAWS_BLOCK];

    draw_levels(d, job, block, p);
    /* Survival to the power of `hazard`: all hazards are so many times as high. */
    for (unsigned k = 0; k < MIR_DRAWS_BLOCK; k++)
        p[k] = -expm1(log1p(-p[k]) / hazard);
    mir_run_quantiles_left_s(job->curve, job->elapsed_s, p, MIR_DRAWS_BLOCK, left_s);
    for (unsigned k = 0; k < MIR_DRAWS_BLOCK; k++)
        to[k * stride] = seconds(left_s[k]);
}

/* MIR_UNKNOWN: nobody knows. */
static int32_t true_run_s(const struct mir_draws *d, uint32_t id, int64_t submit_at)
{
    const struct mir_lookahead_truth *t = d->truth;

    return t == NULL || t->run_s == NULL ? MIR_UNKNOWN : t->run_s(t->context, id, submit_at);
}

static void fill(int32_t value, int32_t *to, size_t stride)
{
    for (unsigned k = 0; k < MIR_DRAWS_BLOCK; k++)
        to[k * stride] = value;
}

static void draw_pending(struct mir_draws *d, struct mir_run_book *runs, uint32_t block)
{
    size_t n = d->queue->n_pending;
    int32_t *to = d->pending_run_s + (size_t)block * MIR_DRAWS_BLOCK * n;

    for (size_t i = 0; i < n; i++) {
        const struct mir_pending_job *job = &d->queue->pending[i];
        const struct mir_run_shape shape = {job->user, job->name, job->n_nodes, job->limit_s,
                                            mir_run_waited_s(job->submit_at, d->queue->now)};
        const struct drawn_job drawn = {job->id, job->user, job->name, 0,
                                        mir_run_book_job_curve(runs, &shape, INT64_MAX)};
        int32_t run_s = true_run_s(d, job->id, job->submit_at);

        if (job->chained != 0 && job->limit_s > 0)
            fill(seconds(job->limit_s), to + i, n);
        else if (run_s > 0)
            fill(run_s, to + i, n);
        else
            draw_job(d, &drawn, d->habits.waiting_hazard, block, to + i, n);
    }
}

static void draw_one_running(struct mir_draws *d,
                             struct mir_run_book *runs,
                             const struct mir_running_job *job,
                             uint32_t block,
                             int32_t *to)
{
    double limit_s = mir_between_s(job->start_at, job->planned_end_at);
    double planned_s = mir_between_s(d->queue->now, job->planned_end_at);
    const struct mir_run_shape shape = {job->user, job->name, job->n_nodes,
                                        limit_s > 0 && limit_s < INT32_MAX ? (int32_t)limit_s
                                                                           : MIR_UNLIMITED,
                                        mir_run_waited_s(job->submit_at, job->start_at)};
    const struct drawn_job drawn = {job->id, job->user, job->name,
                                    fmax(mir_between_s(job->start_at, d->queue->now), 0),
                                    mir_run_book_job_curve(runs, &shape, job->start_at)};
    int32_t run_s = true_run_s(d, job->id, job->submit_at);

    /* What keeps running past its plan (clocks, suspension) ends any moment. */
    if (job->chained != 0 || planned_s <= 0)
        fill(seconds(planned_s), to, d->queue->n_running);
    else if (run_s > 0)
        fill(seconds(run_s - drawn.elapsed_s), to, d->queue->n_running);
    else
        draw_job(d, &drawn, 1, block, to, d->queue->n_running);
}

static void draw_running(struct mir_draws *d, struct mir_run_book *runs, uint32_t block)
{
    size_t n = d->queue->n_running;
    int32_t *to = d->running_left_s + (size_t)block * MIR_DRAWS_BLOCK * n;

    for (size_t i = 0; i < n; i++)
        draw_one_running(d, runs, &d->queue->running[i], block, to + i);
}

static void draw_block(struct mir_draws *d, struct mir_run_book *runs)
{
    uint32_t block = d->n_futures / MIR_DRAWS_BLOCK;

    d->n_futures += MIR_DRAWS_BLOCK;
    d->pending_run_s = mir_grow(d->pending_run_s, &d->cap_pending,
                                d->n_futures * d->queue->n_pending + 1, sizeof(int32_t));
    d->running_left_s = mir_grow(d->running_left_s, &d->cap_running,
                                 d->n_futures * d->queue->n_running + 1, sizeof(int32_t));
    draw_pending(d, runs, block);
    draw_running(d, runs, block);
}

/* ---- arrivals */

static struct mir_seed_arrival seeded(const struct mir_arrival *a)
{
    return (struct mir_seed_arrival){
        .submit_at = a->submit_at,
        .n_nodes = a->n_nodes,
        .limit_s = a->limit_s,
        .run_s = a->run_s,
        .user = a->user,
        .partition = a->partition,
        .account = a->account,
        .qos = a->qos,
    };
}

static void draw_arrivals(struct mir_draws *d,
                          struct mir_arrivals_book *book,
                          uint32_t f,
                          int64_t until,
                          struct mir_seed *out)
{
    struct mir_rng rng;

    mir_rng_init_stream(&rng, d->seed ^ (uint64_t)d->queue->now, f);
    mir_arrivals_book_draw(book, d->queue->now, until, &rng, &d->drawn);
    d->arrivals = mir_grow(d->arrivals, &d->cap_arrivals, d->drawn.n + 1, sizeof(*d->arrivals));
    for (size_t i = 0; i < d->drawn.n; i++)
        d->arrivals[i] = seeded(&d->drawn.v[i]);
    out->arrivals = d->arrivals;
    out->n_arrivals = d->drawn.n;
}

/* The first submission after `at` of those that are known. */
static size_t first_after(const struct mir_lookahead_truth *t, int64_t at)
{
    size_t low = 0, high = t->n_arrivals;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->arrivals[middle].submit_at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void true_arrivals(const struct mir_draws *d, int64_t until, struct mir_seed *out)
{
    size_t from = first_after(d->truth, d->queue->now);

    out->arrivals = d->truth->arrivals + from;
    out->n_arrivals = first_after(d->truth, until) - from;
}

void mir_draws_future(struct mir_draws *d,
                      struct mir_run_book *runs,
                      struct mir_arrivals_book *arrivals,
                      uint32_t f,
                      int64_t until,
                      struct mir_seed *out)
{
    while (f >= d->n_futures)
        draw_block(d, runs);
    *out = (struct mir_seed){
        .queue = d->queue,
        .running_left_s = d->running_left_s + f * d->queue->n_running,
        .pending_run_s = d->pending_run_s + f * d->queue->n_pending,
    };
    if (d->truth != NULL && d->truth->arrivals != NULL)
        true_arrivals(d, until, out);
    else if (arrivals != NULL)
        draw_arrivals(d, arrivals, f, until, out);
}

bool mir_draws_lack_arrivals(const struct mir_draws *d)
{
    return (d->truth == NULL || d->truth->arrivals == NULL) && d->drawn.n_days == 0;
}
