/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_futures.c - what does a possible future of submissions cost?  A figure far
 * over its goal is a failure.
 */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/core/rng.h"
#include "daemon/host/job.h"
#include "models/futures/arrivals.h"
#include "tests/bench/bench.h"

enum {
    NOW = 1700000000,
    HOUR_S = 3600,
    DAY_S = 86400,
    PERIOD_S = 600, /* from one decision to the next */
    N_FUTURES = 64, /* drawn for one decision */
    DAYS = 60,      /* of history */
    N_DECISIONS = 40,
    FAR = 4, /* times its goal, and a figure fails: a busy machine halves the speed */
};

/* A cluster like TACC's: some 150 submissions a day of 300 users; and one of thirty times that. */
struct size {
    const char *name;
    uint32_t n_a_day, n_users;
    double goal_us;
};

static const struct size sizes[] = {
    {"draw", 150, 300, 30},
    {"draw_busy", 4500, 2000, 1500},
};

struct world {
    const struct size *size;
    struct mir_arrivals_book *book;
    struct mir_run_book *runs;
    struct mir_arrivals drawn;
};

/* Users come in campaigns: the 20 of a week submit bursts of 1 to 5. */
static struct mir_arrival draw_submission(const struct size *size, int64_t at, struct mir_rng *rng)
{
    uint64_t week = (uint64_t)(at / (7 * DAY_S));
    uint64_t user = (week * 17 + mir_rng_below(rng, size->n_users / 15)) % size->n_users;

    return (struct mir_arrival){.submit_at = at,
                                .n_nodes = 1u << mir_rng_below(rng, 4),
                                .limit_s = (int32_t)(2 + mir_rng_below(rng, 47)) * HOUR_S,
                                .run_s = MIR_UNKNOWN,
                                .user = 1 + (uint32_t)user,
                                .name = 1 + (uint32_t)(4 * user + mir_rng_below(rng, 4))};
}

/* It starts at once and runs for up to its limit: those that have not ended have no run time. */
static void tell(struct world *w, uint64_t id, const struct mir_arrival *a, struct mir_rng *rng)
{
    const struct mir_run_shape shape = {a->user, a->name, a->n_nodes, a->limit_s, 0};
    int32_t run_s = 1 + (int32_t)mir_rng_below(rng, (uint64_t)a->limit_s);

    mir_arrivals_book_submit(w->book, id, a);
    mir_arrivals_book_started(w->book, id, a->submit_at);
    mir_run_book_start(w->runs, id, &shape, a->submit_at);
    if (a->submit_at + run_s > NOW)
        return;
    mir_arrivals_book_ran(w->book, id, run_s);
    mir_run_book_end(w->runs, id, a->submit_at + run_s);
}

static void world_open(struct world *w, const struct size *size)
{
    struct mir_rng rng;

    *w =
        (struct world){size, mir_arrivals_book_create((size_t)1 << 20), mir_run_book_create(), {0}};
    mir_rng_init(&rng, 1);
    for (uint64_t i = 0; i < (uint64_t)size->n_a_day * DAYS; i++) {
        int64_t at = NOW - DAYS * (int64_t)DAY_S + (int64_t)i * DAY_S / size->n_a_day;
        struct mir_arrival a = draw_submission(size, at, &rng);

        tell(w, i, &a, &rng);
    }
    mir_run_book_update(w->runs, NOW);
    mir_arrivals_book_set_runs(w->book, w->runs);
}

static void world_release(struct world *w)
{
    mir_arrivals_book_destroy(w->book);
    mir_run_book_destroy(w->runs);
    mir_arrivals_release(&w->drawn);
}

static size_t decide(struct world *w, int64_t now)
{
    size_t n = 0;

    for (uint64_t f = 0; f < N_FUTURES; f++) {
        struct mir_rng rng;

        mir_rng_init_stream(&rng, (uint64_t)now, f);
        mir_arrivals_book_draw(w->book, now, now + 48 * HOUR_S, &rng, &w->drawn);
        n += w->drawn.n;
    }
    return n;
}

/* One of 64 futures, with its share of what is prepared once for all of them. */
static double run_draw(struct mir_bench *b, void *context)
{
    struct world *w = context;
    int n = b->quick ? 2 : N_DECISIONS;
    size_t n_drawn = 0;
    int64_t start_ns;
    double us;

    decide(w, NOW); /* the first one makes room */
    start_ns = mir_clock_cpu_ns();
    for (int i = 1; i <= n; i++)
        n_drawn += decide(w, NOW + i * PERIOD_S);
    us = mir_bench_seconds_since(start_ns) * 1e6 / n / N_FUTURES;
    snprintf(b->note, sizeof b->note, "%zu submissions a future", n_drawn / (size_t)n / N_FUTURES);
    return us;
}

int main(int argc, char **argv)
{
    struct mir_bench b = {0};
    int rc = mir_bench_options(&b, argc, argv);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct world w;
        double us;

        if (!mir_bench_wants(&b, sizes[i].name))
            continue;
        world_open(&w, &sizes[i]);
        us = mir_bench_measure(&b, sizes[i].name, "us", run_draw, &w);
        if (us > FAR * sizes[i].goal_us && !b.quick) {
            fprintf(stderr, "%s: %.1f us, over %.1f\n", sizes[i].name, us, FAR * sizes[i].goal_us);
            b.n_failed++;
        }
        world_release(&w);
    }
    return mir_bench_end(&b);
}
