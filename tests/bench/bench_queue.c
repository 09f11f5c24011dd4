/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_queue.c - how long does a look at 10,000 jobs take: a list from the wire,
 * a list to the queue, a snapshot?  A figure far beyond what the daemon can spend
 * is a failure.
 */
#include <inttypes.h>
#include <stdint.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/host/queue.h"
#include "daemon/host/wire.h"
#include "tests/bench/bench.h"

enum {
    N_JOBS = 10000,
    N_NAMES = 200,
    N_JOB_NAMES = 2000,
    NOW = 1700000000,
    DAY_S = 86400,
};

static const double too_slow_ms = 100;

struct world {
    struct mir_live_job *jobs;
    struct mir_live_jobs list;
    char names[N_NAMES][16];
    char job_names[N_JOB_NAMES][32];
    struct mir_str wire;
};

static struct mir_live_job draw_job(struct world *w, struct mir_rng *rng, uint32_t id)
{
    bool runs = mir_rng_below(rng, 10) == 0;
    int64_t submit_at = NOW - (int64_t)mir_rng_below(rng, 7 * DAY_S);

    return (struct mir_live_job){
        .id = id,
        .uid = 1000,
        .n_nodes = 1 + (uint32_t)mir_rng_below(rng, 64),
        .n_tasks = 1,
        .priority = 1 + (uint32_t)mir_rng_below(rng, 100000),
        .limit_s = 60 * (1 + (int32_t)mir_rng_below(rng, 2880)),
        .state = runs ? MIR_STATE_RUNNING : MIR_STATE_PENDING,
        .submit_at = submit_at,
        .eligible_at = submit_at,
        .start_at = runs ? submit_at + (int64_t)mir_rng_below(rng, DAY_S) : 0,
        .user = w->names[mir_rng_below(rng, N_NAMES)],
        .account = w->names[mir_rng_below(rng, 50)],
        .partition = w->names[mir_rng_below(rng, 8)],
        .qos = w->names[mir_rng_below(rng, 4)],
        .name = w->job_names[mir_rng_below(rng, N_JOB_NAMES)],
        .comment = "mirage:w=0.1,links=20 and words of the user's own",
        .reason = "",
        .reservation = "",
    };
}

/* A record as the broker writes it: 40 fields. */
static void write_job(struct mir_str *s, const struct mir_live_job *job)
{
    mir_wire_begin(s, "job");
    mir_wire_add_i64(s, "id", job->id);
    mir_wire_add(s, "user", job->user);
    mir_wire_add(s, "comment", job->comment);
    mir_wire_add(s, "state", mir_job_state_name(job->state));
    for (int i = 0; i < 36; i++)
        mir_wire_add_i64(s, "submit_at", job->submit_at);
    mir_wire_end(s);
}

static void world_open(struct world *w)
{
    struct mir_rng rng;

    *w = (struct world){0};
    mir_rng_init(&rng, 1);
    for (int i = 0; i < N_NAMES; i++)
        (void)snprintf(w->names[i], sizeof w->names[i], "name%d", i);
    for (int i = 0; i < N_JOB_NAMES; i++) /* four runs each */
        (void)snprintf(w->job_names[i], sizeof w->job_names[i], "train_%c%c_s.%02d",
                       'a' + i / 4 % 26, 'a' + i / 104, i % 4);
    w->jobs = MIR_NEW_ARRAY(struct mir_live_job, N_JOBS);
    for (uint32_t i = 0; i < N_JOBS; i++) {
        w->jobs[i] = draw_job(w, &rng, i + 1);
        write_job(&w->wire, &w->jobs[i]);
    }
    w->list = (struct mir_live_jobs){.at = NOW, .jobs = w->jobs, .n_jobs = N_JOBS};
}

static void world_release(struct world *w)
{
    free(w->jobs);
    mir_str_release(&w->wire);
}

/* The figure in milliseconds since `start_ns`, or NAN when it is absurd. */
static double checked(const char *name, int64_t start_ns, int n)
{
    double ms = mir_bench_seconds_since(start_ns) * 1000 / n;

    if (ms <= too_slow_ms)
        return ms;
    fprintf(stderr, "%s: %.1f ms, over %.0f\n", name, ms, too_slow_ms);
    return NAN;
}

static double run_parse(struct mir_bench *b, void *context)
{
    const struct world *w = context;
    struct mir_wire_input in = {0};
    int64_t start_ns = mir_clock_cpu_ns();
    size_t n = 0, len;
    char *line;
    double ms;

    for (size_t at = 0; at < w->wire.len;) {
        size_t piece = w->wire.len - at < 200000 ? w->wire.len - at : 200000;

        if (mir_wire_feed(&in, w->wire.text + at, piece) != 0)
            break;
        at += piece;
        while (mir_wire_next_line(&in, &line, &len)) {
            struct mir_wire_record r;

            n += mir_wire_parse(line, len, &r, NULL) == 0 && r.n_fields == 40;
        }
    }
    ms = checked("wire_parse", start_ns, 1);
    mir_wire_release(&in);
    snprintf(b->note, sizeof b->note, "%zu records, %zu bytes", n, w->wire.len);
    return n == N_JOBS ? ms : NAN;
}

static double run_update(struct mir_bench *b, void *context)
{
    const struct world *w = context;
    struct mir_queue *q = mir_queue_create(N_JOBS);
    int n = b->quick ? 2 : 20;
    int64_t start_ns;
    double ms;

    mir_queue_update(q, &w->list); /* the first one makes room */
    start_ns = mir_clock_cpu_ns();
    for (int i = 0; i < n; i++)
        mir_queue_update(q, &w->list);
    ms = checked("queue_update", start_ns, n);
    snprintf(b->note, sizeof b->note, "%d jobs", N_JOBS);
    mir_queue_destroy(q);
    return ms;
}

static double run_snapshot(struct mir_bench *b, void *context)
{
    const struct world *w = context;
    struct mir_queue *q = mir_queue_create(N_JOBS);
    int n = b->quick ? 10 : 1000;
    int64_t start_ns;
    size_t n_pending = 0;
    double ms;

    mir_queue_update(q, &w->list);
    start_ns = mir_clock_cpu_ns();
    for (int i = 0; i < n; i++)
        n_pending = mir_queue_snapshot(q, NOW + i)->n_pending;
    ms = checked("queue_snapshot", start_ns, n);
    snprintf(b->note, sizeof b->note, "%zu pending", n_pending);
    mir_queue_destroy(q);
    return ms;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        mir_bench_f run;
    } figures[] = {
        {"wire_parse", run_parse},
        {"queue_update", run_update},
        {"queue_snapshot", run_snapshot},
    };
    struct mir_bench b = {0};
    struct world w;
    int rc = mir_bench_options(&b, argc, argv);

    if (rc != 0)
        return rc;
    world_open(&w);
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (mir_bench_wants(&b, figures[i].name))
            (void)mir_bench_measure(&b, figures[i].name, "ms", figures[i].run, &w);
    world_release(&w);
    return mir_bench_end(&b);
}
