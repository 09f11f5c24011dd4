/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_features.c - what does a prediction's input cost: a look at a queue, and
 * the features of requests?  A figure far over its goal is a failure.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "models/features/wait_features.h"
#include "tests/bench/bench.h"

enum {
    NOW = 1700000000,
    HOUR_S = 3600,
    DAY_S = 86400,
    N_REQUESTS = 200,
    N_ENDED = 20000, /* jobs that the book has learned from */
    FAR = 4,         /* times its goal, and a figure fails: a busy machine halves the speed */
};

/* How large a queue, and how many milliseconds it may take. */
struct size {
    const char *name;
    uint32_t n_nodes;
    size_t n_running, n_pending, n_history, n_users;
    bool varied; /* hardly two jobs of one shape */
    size_t n_requests;
    size_t rank_min, rank_max; /* how many waiting jobs are before a request */
    double goal_ms;
};

static const struct size sizes[] = {
    {"features_tacc", 76, 60, 40, 500, 300, false, 1, 40, 40, 0.2},
    {"features_10k", 1000, 500, 10000, 20000, 500, false, N_REQUESTS, 0, 10000, 50},
    {"features_10k_varied", 1000, 500, 10000, 20000, 500, true, N_REQUESTS, 0, 10000, 50},
    {"features_10k_ahead", 1000, 500, 10000, 20000, 500, false, N_REQUESTS, 0, 300, 100},
};

struct world {
    const struct size *size;
    struct mir_snapshot queue;
    struct mir_pending_job *pending;
    struct mir_running_job *running;
    struct mir_start *starts;
    struct mir_request requests[N_REQUESTS];
    double priorities[N_REQUESTS];
    struct mir_run_book *book;
    struct mir_queue_outlook *outlook;
    double checksum;
};

static int64_t between(struct mir_rng *rng, int64_t low, int64_t high)
{
    return low + (int64_t)mir_rng_below(rng, (uint64_t)(high - low + 1));
}

static int32_t draw_limit(const struct size *size, struct mir_rng *rng)
{
    static const int32_t usual_s[] = {HOUR_S,      2 * HOUR_S, 8 * HOUR_S,
                                      12 * HOUR_S, DAY_S,      2 * DAY_S};

    return size->varied ? (int32_t)(60 * between(rng, 5, 2880)) : usual_s[between(rng, 0, 5)];
}

static uint32_t draw_nodes(const struct size *size, struct mir_rng *rng)
{
    return size->varied ? (uint32_t)between(rng, 1, 64) : 1u << between(rng, 0, 4);
}

static struct mir_run_shape draw_shape(const struct size *size, struct mir_rng *rng)
{
    uint32_t user = 1 + (uint32_t)mir_rng_below(rng, size->n_users);

    return (struct mir_run_shape){user, 4 * user + (uint32_t)mir_rng_below(rng, 4),
                                  draw_nodes(size, rng), draw_limit(size, rng), 0};
}

static void teach(struct world *w, struct mir_rng *rng)
{
    w->book = mir_run_book_create();
    mir_run_book_mix(w->book);
    for (uint64_t id = 1; id <= N_ENDED; id++) {
        struct mir_run_shape shape = draw_shape(w->size, rng);
        double run_s = fmin(shape.limit_s, 1 + 4 * HOUR_S * mir_rng_exponential(rng));

        mir_run_book_start(w->book, id, &shape, NOW - 10 * DAY_S);
        mir_run_book_end(w->book, id, NOW - 10 * DAY_S + (int64_t)run_s);
    }
}

static void draw_running(struct world *w, struct mir_rng *rng)
{
    for (size_t i = 0; i < w->size->n_running; i++) {
        struct mir_run_shape s = draw_shape(w->size, rng);
        int64_t start_at = NOW - between(rng, 0, s.limit_s);

        w->running[i] = (struct mir_running_job){.submit_at = start_at - HOUR_S,
                                                 .start_at = start_at,
                                                 .planned_end_at = start_at + s.limit_s,
                                                 .id = (uint32_t)(1000000 + i),
                                                 .n_nodes = s.n_nodes,
                                                 .user = s.user,
                                                 .name = s.name};
        mir_run_book_start(w->book, 1000000 + i, &s, start_at);
    }
    mir_run_book_update(w->book, NOW);
}

static void draw_pending(struct world *w, struct mir_rng *rng)
{
    for (size_t i = 0; i < w->size->n_pending; i++) {
        struct mir_run_shape s = draw_shape(w->size, rng);
        int64_t submit_at = NOW - between(rng, 0, 3 * DAY_S);

        w->pending[i] = (struct mir_pending_job){.submit_at = submit_at,
                                                 .eligible_at = submit_at,
                                                 .id = (uint32_t)(2000000 + i),
                                                 .limit_s = s.limit_s,
                                                 .n_nodes = s.n_nodes,
                                                 .user = s.user,
                                                 .name = s.name,
                                                 .priority = (double)(w->size->n_pending - i)};
    }
}

static void draw_starts(struct world *w, struct mir_rng *rng)
{
    for (size_t i = 0; i < w->size->n_history; i++) {
        struct mir_run_shape s = draw_shape(w->size, rng);

        w->starts[i] = (struct mir_start){
            .start_at = NOW - (int64_t)((w->size->n_history - i) * 4 * DAY_S / w->size->n_history),
            .wait_s = (int32_t)between(rng, 0, DAY_S),
            .limit_s = s.limit_s,
            .n_nodes = s.n_nodes,
            .user = s.user};
    }
}

/* Waiting job i has the priority n - i, so that of rank r is just below n - r + 1. */
static double draw_priority(const struct size *size, struct mir_rng *rng)
{
    int64_t rank = between(rng, (int64_t)size->rank_min, (int64_t)size->rank_max);

    return (double)((int64_t)size->n_pending - rank) + 0.5;
}

static void world_open(struct world *w, const struct size *size)
{
    struct mir_rng rng;

    *w = (struct world){.size = size};
    mir_rng_init(&rng, 1);
    teach(w, &rng);
    w->running = MIR_NEW_ARRAY(struct mir_running_job, size->n_running);
    w->pending = MIR_NEW_ARRAY(struct mir_pending_job, size->n_pending);
    w->starts = MIR_NEW_ARRAY(struct mir_start, size->n_history);
    draw_running(w, &rng);
    draw_pending(w, &rng);
    draw_starts(w, &rng);
    for (size_t i = 0; i < size->n_requests; i++) {
        w->requests[i] = (struct mir_request){.n_nodes = draw_nodes(size, &rng),
                                              .limit_s = draw_limit(size, &rng),
                                              .run_s = MIR_UNKNOWN,
                                              .user = 1 + (uint32_t)(i % size->n_users)};
        w->priorities[i] = draw_priority(size, &rng);
    }
    w->queue = (struct mir_snapshot){.now = NOW,
                                     .n_nodes = size->n_nodes,
                                     .n_nodes_free = 3,
                                     .pending = w->pending,
                                     .n_pending = size->n_pending,
                                     .running = w->running,
                                     .n_running = size->n_running,
                                     .history = {w->starts, size->n_history, NULL, 0}};
    w->outlook = mir_queue_outlook_create();
}

static void world_release(struct world *w)
{
    mir_queue_outlook_destroy(w->outlook);
    mir_run_book_destroy(w->book);
    free(w->running);
    free(w->pending);
    free(w->starts);
}

/* A new look, and all requests. */
static void look_and_ask(struct world *w)
{
    mir_run_book_update(w->book, NOW); /* so that no curve is remembered */
    mir_queue_outlook_update(w->outlook, &w->queue, w->book);
    for (size_t i = 0; i < w->size->n_requests; i++) {
        struct mir_wait_case c = {&w->requests[i], w->priorities[i], NOW + HOUR_S};
        float x[MIR_N_WAIT_FEATURES];

        mir_wait_features(w->outlook, &c, x);
        w->checksum += (double)x[2] + (double)x[48];
    }
}

static double run_features(struct mir_bench *b, void *context)
{
    struct world *w = context;
    int n = w->size->n_requests > 1 ? 1 : b->quick ? 50 : 1000;
    int64_t start_ns;
    double ms;

    look_and_ask(w); /* the first one makes room */
    w->checksum = 0;
    start_ns = mir_clock_cpu_ns();
    for (int i = 0; i < n; i++)
        look_and_ask(w);
    ms = mir_bench_seconds_since(start_ns) * 1000 / n;
    snprintf(b->note, sizeof b->note, "%zu waiting, %zu requests, checksum %.6g",
             w->size->n_pending, w->size->n_requests, w->checksum / n);
    return ms;
}

/* What a lookahead asks for at a look: a curve of each job's own. */
static void ask_job_curves(struct world *w)
{
    mir_run_book_update(w->book, NOW); /* so that none is remembered */
    for (size_t i = 0; i < w->size->n_running; i++) {
        const struct mir_running_job *r = &w->running[i];
        const struct mir_run_shape s = {r->user, r->name, r->n_nodes,
                                        (int32_t)(r->planned_end_at - r->start_at), HOUR_S};

        w->checksum += (double)mir_run_book_job_curve(w->book, &s, r->start_at)->hazard_sum[20];
    }
    for (size_t i = 0; i < w->size->n_pending; i++) {
        const struct mir_pending_job *p = &w->pending[i];
        const struct mir_run_shape s = {p->user, p->name, p->n_nodes, p->limit_s,
                                        mir_run_waited_s(p->submit_at, NOW)};

        w->checksum += (double)mir_run_book_job_curve(w->book, &s, INT64_MAX)->hazard_sum[20];
    }
}

static double run_job_curves(struct mir_bench *b, void *context)
{
    struct world *w = context;
    size_t n_jobs = w->size->n_running + w->size->n_pending;
    int n = b->quick ? 1 : n_jobs > 1000 ? 5 : 200;
    int64_t start_ns;
    double ms;

    w->checksum = 0;
    start_ns = mir_clock_cpu_ns();
    for (int i = 0; i < n; i++)
        ask_job_curves(w);
    ms = mir_bench_seconds_since(start_ns) * 1000 / n;
    snprintf(b->note, sizeof b->note, "%zu jobs, %.1f us a job, checksum %.6g", n_jobs,
             ms * 1000 / (double)n_jobs, w->checksum / n);
    return ms;
}

static void measure_job_curves(struct mir_bench *b, const struct size *size)
{
    struct world w;
    char name[64];

    snprintf(name, sizeof name, "job_curves%s", size->name + strlen("features"));
    if (!mir_bench_wants(b, name))
        return;
    world_open(&w, size);
    mir_bench_measure(b, name, "ms", run_job_curves, &w);
    world_release(&w);
}

int main(int argc, char **argv)
{
    struct mir_bench b = {0};
    int rc = mir_bench_options(&b, argc, argv);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        measure_job_curves(&b, &sizes[i]);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct world w;
        double ms;

        if (!mir_bench_wants(&b, sizes[i].name))
            continue;
        world_open(&w, &sizes[i]);
        ms = mir_bench_measure(&b, sizes[i].name, "ms", run_features, &w);
        if (ms > FAR * sizes[i].goal_ms && !b.quick) {
            fprintf(stderr, "%s: %.3f ms, over %.1f\n", sizes[i].name, ms, FAR * sizes[i].goal_ms);
            b.n_failed++;
        }
        world_release(&w);
    }
    return mir_bench_end(&b);
}
