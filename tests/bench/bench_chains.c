/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_chains.c - 200 chains in a queue of 10,000 jobs that all decide by lookahead:
 * what does a pass cost, and who is answered?  The cluster is a simulated one, with a
 * generated log; it goes on from pass to pass, and what is submitted waits in it.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "models/futures/arrivals.h"
#include "models/lookahead/lookahead.h"
#include "plugins/policy.h"
#include "tests/bench/bench.h"
#include "traces/sim/seed.h"
#include "traces/sim/sim.h"
#include "traces/sim/workload.h"

enum {
    NOW = 1700000000,
    HOUR_S = 3600,
    DAY_S = 86400,
    PERIOD_S = 600,
    LIMIT_S = 48 * HOUR_S, /* of the chains' jobs */
    HISTORY_DAYS = 10,
    FUTURE_DAYS = 3,
    N_USERS = 300,
    CHAIN_USER = 1000, /* and on */
    BUDGET_S = 5,
};

static const double WEIGHT = 0.5;

/* A cluster, its load, and who decides; MIRAGE_BENCH_VERBOSE=1 tells each decision. */
struct size {
    const char *name;
    uint32_t n_nodes, n_a_day, n_burst, n_chains, chain_nodes;
    int32_t usual_wait_s; /* who had less time left at first has submitted */
    int n_passes;
};

static const struct size sizes[] = {
    {"chains_small", 200, 800, 600, 20, 2, 5 * HOUR_S, 12},
    {"chains_10k", 2000, 10000, 10500, 200, 4, 15 * HOUR_S, 12},
};

struct chain {
    struct mir_request successor;
    void *instance;
    int64_t start_at, end_at;
    int64_t needed_at; /* an answer */
    struct mir_job_ref job;
    bool submitted, decided; /* before the first pass; in one */
};

struct world {
    const struct size *size;
    struct mir_cluster cluster;
    struct mir_joblog log;
    struct mir_workload workload;
    struct mir_sim *sim;
    struct mir_run_book *runs;
    struct mir_arrivals_book *arrivals;
    struct mir_lookahead *lookahead;
    struct mir_policy *policy;
    struct chain *chains;
    struct chain **due; /* who has not submitted, the most urgent first */
    struct mir_lookahead_chain *told;
    size_t n_due;
    struct mir_running_job *running;
    size_t cap_running;
    bool verbose;
    int64_t left_ns; /* of the budget, which what is overdrawn is taken off */
};

/* What became of the questions of one pass. */
struct pass {
    unsigned n_asked, n_answered, n_submitted, n_quiet, n_held, n_fallen;
    uint64_t n_futures;
    double cpu_s;
};

/* ---- the log */

static void set_up_cluster(struct mir_cluster *c, uint32_t n_nodes)
{
    mir_cluster_init(c, MIR_SCHED_SLURM, n_nodes);
    c->params.backfill = true;
    c->params.bf_window_s = 2880 * 60;
    c->params.bf_resolution_s = 600;
    c->params.bf_interval_s = 60;
    c->params.bf_max_job_test = 1000;
    c->params.default_queue_depth = 1000;
    c->params.bf_continue = true;
    c->priority.multifactor = true;
    c->priority.accounting = true;
    c->priority.weight_age = 7000;
    c->priority.weight_job_size = 100;
    c->priority.max_age_s = 7 * DAY_S;
}

static struct mir_job *
add_job(struct world *w, int64_t submit_at, uint32_t user, uint32_t n_nodes, int32_t limit_s)
{
    struct mir_job *job = mir_joblog_add(&w->log);

    job->submit_at = submit_at;
    job->id = (uint32_t)w->log.n_jobs;
    job->user = user;
    job->name = user;
    job->n_nodes = n_nodes;
    job->limit_s = limit_s;
    return job;
}

/* Users come in campaigns: the 20 of a week submit most; jobs run a sixth of their limit. */
static void add_background(struct world *w, int64_t at, struct mir_rng *rng)
{
    uint64_t week = (uint64_t)(at / (7 * DAY_S));
    uint32_t user = 1 + (uint32_t)((week * 17 + mir_rng_below(rng, 20)) % N_USERS);
    uint32_t n_nodes = mir_rng_below(rng, 8) == 0 ? 1u << mir_rng_below(rng, 5) : 1;
    int32_t limit_s = (int32_t)(1 + mir_rng_below(rng, 12)) * HOUR_S;
    double run_s = fmin(limit_s, 60 + limit_s / 6.0 * mir_rng_exponential(rng));

    add_job(w, at, user, n_nodes, limit_s)->run_s = (int32_t)run_s;
}

/* Predecessors, which started at once, over the last 48 h. */
static void add_chain(struct world *w, uint32_t i)
{
    const struct size *size = w->size;
    int64_t at = NOW - LIMIT_S + PERIOD_S + (int64_t)i * (LIMIT_S - PERIOD_S) / size->n_chains;
    uint32_t user = CHAIN_USER + i;

    add_job(w, at, user, size->chain_nodes, LIMIT_S)->run_s = LIMIT_S;
    w->chains[i] = (struct chain){
        .successor = {.n_nodes = size->chain_nodes,
                      .limit_s = LIMIT_S,
                      .run_s = MIR_UNKNOWN,
                      .user = user},
        .start_at = at,
        .end_at = at + LIMIT_S,
    };
}

static void name_users(struct world *w)
{
    for (uint32_t i = 1; i < CHAIN_USER + w->size->n_chains; i++) {
        char name[16];
        size_t len = (size_t)snprintf(name, sizeof(name), "u%u", i);

        mir_names_add(&w->log.users, name, len);
        mir_names_add(&w->log.names, name, len);
    }
}

static void make_log(struct world *w)
{
    const struct size *size = w->size;
    uint32_t n = size->n_a_day * (HISTORY_DAYS + FUTURE_DAYS);
    struct mir_rng rng;

    mir_rng_init(&rng, 1);
    mir_joblog_init(&w->log);
    name_users(w);
    for (uint32_t i = 0; i < n; i++)
        add_background(w, NOW - HISTORY_DAYS * DAY_S + (int64_t)i * DAY_S / size->n_a_day, &rng);
    for (uint32_t i = 0; i < size->n_burst; i++)
        add_background(w, NOW - HOUR_S + (int64_t)i * HOUR_S / size->n_burst, &rng);
    for (uint32_t i = 0; i < size->n_chains; i++)
        add_chain(w, i);
    mir_joblog_sort(&w->log);
}

/* ---- what is known of the past */

static void teach(struct world *w)
{
    for (size_t i = 0; i < w->workload.n_jobs; i++) {
        const struct mir_job *job = &w->workload.jobs[i];
        const struct mir_run_shape shape = {job->user, w->workload.stem_of[job->name], job->n_nodes,
                                            job->limit_s, 0};
        const struct mir_arrival arrival = {
            .submit_at = job->submit_at,
            .n_nodes = job->n_nodes,
            .limit_s = job->limit_s,
            .run_s = MIR_UNKNOWN,
            .user = job->user,
            .name = shape.name,
        };

        /* What has just been submitted teaches nothing of run times yet. */
        if (job->submit_at >= NOW || job->user >= CHAIN_USER)
            continue;
        mir_arrivals_book_submit(w->arrivals, i, &arrival);
        if (job->submit_at + job->run_s >= NOW - DAY_S)
            continue;
        mir_run_book_start(w->runs, i, &shape, job->submit_at);
        mir_run_book_end(w->runs, i, job->submit_at + job->run_s);
        mir_arrivals_book_ran(w->arrivals, i, job->run_s);
    }
    mir_run_book_update(w->runs, NOW);
}

/* ---- the world */

static int open_sim(struct world *w, struct mir_error *err)
{
    struct mir_workload_options options;
    struct mir_sim_options sim;
    int rc;

    mir_workload_options_init(&options);
    rc = mir_workload_create(&w->log, &w->cluster, &options, &w->workload, err);
    if (rc != 0)
        return rc;
    mir_sim_options_init(&sim);
    sim.cluster = &w->cluster;
    sim.workload = &w->workload;
    sim.from_at = NOW - LIMIT_S;
    sim.keep_history = true;
    rc = mir_sim_create(&sim, &w->sim, err);
    if (rc == 0)
        mir_sim_advance(w->sim, NOW);
    return rc;
}

static void open_lookahead(struct world *w)
{
    struct mir_lookahead_options options;

    mir_lookahead_options_init(&options);
    options.cluster = &w->cluster;
    w->lookahead = mir_lookahead_create(&options);
    w->runs = mir_run_book_create();
    mir_run_book_mix(w->runs);
    w->arrivals = mir_arrivals_book_create((size_t)1 << 17);
    mir_arrivals_book_set_runs(w->arrivals, w->runs);
    teach(w);
    mir_lookahead_set_books(w->lookahead, w->runs, w->arrivals);
    mir_lookahead_set_ticks(w->lookahead, NOW - LIMIT_S);
}

static void submit(struct world *w, struct chain *c)
{
    struct mir_host *host = mir_sim_host(w->sim);

    host->ops->submit(host, &c->successor, &c->job, NULL);
    c->submitted = true;
}

static int open_chains(struct world *w, struct mir_error *err)
{
    int rc = mir_policy_create("lookahead", &w->policy, err);

    for (uint32_t i = 0; i < w->size->n_chains && rc == 0; i++) {
        rc = mir_policy_open(w->policy, 1, &w->chains[i].instance, err);
        if (w->chains[i].end_at - NOW < w->size->usual_wait_s)
            submit(w, &w->chains[i]);
    }
    return rc;
}

static void world_release(struct world *w)
{
    for (uint32_t i = 0; i < w->size->n_chains && w->policy != NULL; i++)
        mir_policy_plugin(w->policy)->close(w->chains[i].instance);
    mir_policy_destroy(w->policy);
    mir_lookahead_destroy(w->lookahead);
    mir_arrivals_book_destroy(w->arrivals);
    mir_run_book_destroy(w->runs);
    mir_sim_destroy(w->sim);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
    free(w->chains);
    free(w->due);
    free(w->told);
    free(w->running);
}

static int world_open(struct world *w, const struct size *size)
{
    struct mir_error err = {{0}};
    int rc;

    *w = (struct world){.size = size, .verbose = getenv("MIRAGE_BENCH_VERBOSE") != NULL};
    w->chains = MIR_NEW_ARRAY(struct chain, size->n_chains);
    w->due = MIR_NEW_ARRAY(struct chain *, size->n_chains);
    w->told = MIR_NEW_ARRAY(struct mir_lookahead_chain, size->n_chains);
    set_up_cluster(&w->cluster, size->n_nodes);
    make_log(w);
    rc = open_sim(w, &err);
    if (rc == 0)
        open_lookahead(w);
    if (rc == 0)
        rc = open_chains(w, &err);
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", size->name, err.text);
        world_release(w);
    }
    return rc;
}

/* ---- a pass, as the engine makes it */

static int by_urgency(const void *a, const void *b)
{
    const struct chain *x = *(struct chain *const *)a, *y = *(struct chain *const *)b;

    if (x->needed_at != y->needed_at)
        return x->needed_at < y->needed_at ? -1 : 1;
    return (x->end_at > y->end_at) - (x->end_at < y->end_at);
}

static uint64_t id_of(const struct world *w, const struct chain *c)
{
    return (uint64_t)(c - w->chains) + 1;
}

/* Of a policy's reason: that it had no time to play futures out. */
static bool is_held(const struct mirage_decision *d)
{
    return strstr(d->reason, "budget spent") != NULL && d->fell_back == 0;
}

/* The predecessors are chains' jobs, which the log does not say. */
static void mark_chains(struct world *w, struct mir_snapshot *queue)
{
    w->running = mir_grow(w->running, &w->cap_running, queue->n_running, sizeof(*w->running));
    for (size_t i = 0; i < queue->n_running; i++) {
        w->running[i] = queue->running[i];
        w->running[i].chained |= queue->running[i].user >= CHAIN_USER;
    }
    queue->running = w->running;
}

/* Whose successor is to come. */
static void tell_chains(struct world *w)
{
    w->n_due = 0;
    for (uint32_t i = 0; i < w->size->n_chains; i++) {
        struct chain *c = &w->chains[i];

        if (c->submitted)
            continue;
        w->told[w->n_due] = (struct mir_lookahead_chain){
            .id = id_of(w, c),
            .successor = &c->successor,
            .predecessor_end_at = c->end_at,
            .overlap_weight = WEIGHT,
        };
        w->due[w->n_due++] = c;
    }
    mir_lookahead_set_chains(w->lookahead, w->told, w->n_due);
    for (size_t i = 0; i < w->n_due; i++)
        w->due[i]->needed_at = mir_lookahead_needed_at(w->lookahead, w->told[i].id);
    if (w->n_due > 0)
        qsort(w->due, w->n_due, sizeof(struct chain *), by_urgency);
}

static void look(struct world *w, struct mir_snapshot *queue)
{
    struct mir_host *host = mir_sim_host(w->sim);

    host->ops->observe(host, MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_HISTORY, queue, NULL);
    mark_chains(w, queue);
    mir_lookahead_look(w->lookahead, queue);
    tell_chains(w);
}

static void fill_view(const struct world *w,
                      const struct chain *c,
                      const struct mir_snapshot *queue,
                      struct mirage_view *out)
{
    *out = (struct mirage_view){
        .size = sizeof(*out),
        .now = queue->now,
        .queue = queue,
        .successor = &c->successor,
        .predecessor_submit_at = c->start_at,
        .predecessor_start_at = c->start_at,
        .predecessor_end_at = c->end_at,
        .predecessor_nodes = c->successor.n_nodes,
        .predecessor_limit_s = LIMIT_S,
        .period_s = PERIOD_S,
        .overlap_weight = WEIGHT,
        .successor_priority = NAN,
        .lookahead = w->lookahead,
        .chain = id_of(w, c),
    };
}

static void
decide(struct world *w, struct chain *c, const struct mir_snapshot *queue, struct pass *p)
{
    struct mirage_decision decision = {.size = sizeof(decision)};
    struct mir_error err = {{0}};
    struct mirage_view view;
    bool is_over = c->end_at <= queue->now;

    fill_view(w, c, queue, &view);
    if (!is_over && mir_policy_plugin(w->policy)->decide(c->instance, &view, &decision, &err) != 0)
        fprintf(stderr, "%s\n", err.text);
    if (w->verbose && (decision.fan != NULL || decision.action == MIRAGE_SUBMIT))
        fprintf(stderr, "  chain %3" PRIu64 ", %5.2f h before the end: %s\n", id_of(w, c),
                (double)(c->end_at - queue->now) / HOUR_S, decision.reason);
    p->n_asked++;
    p->n_answered += decision.fan != NULL;
    p->n_fallen += decision.fell_back != 0;
    p->n_held += is_held(&decision);
    p->n_quiet += strstr(decision.reason, "looks again") != NULL;
    p->n_submitted += is_over || decision.action == MIRAGE_SUBMIT;
    if (!is_over && decision.action != MIRAGE_SUBMIT)
        return;
    submit(w, c);
    c->decided = true;
    mir_lookahead_submitted(w->lookahead, id_of(w, c));
}

static void say(int number, const struct mir_snapshot *queue, const struct pass *p)
{
    fprintf(stderr,
            "pass %d: %zu run, %zu wait, %u asked: %u answered, %u quiet, %u held, %u fell back; "
            "%u submit; %" PRIu64 " futures, %.2f s\n",
            number, queue->n_running, queue->n_pending, p->n_asked, p->n_answered, p->n_quiet,
            p->n_held, p->n_fallen, p->n_submitted, p->n_futures, p->cpu_s);
}

static void play_pass(struct world *w, int number, struct pass *p)
{
    const int64_t full_ns = (int64_t)BUDGET_S * 1000000000;
    struct mir_lookahead_cost before = mir_lookahead_cost(w->lookahead), after;
    struct mir_snapshot queue;
    int64_t start_ns;

    mir_sim_advance(w->sim, NOW + (int64_t)number * PERIOD_S);
    start_ns = mir_clock_cpu_ns();
    look(w, &queue);
    w->left_ns = w->left_ns + full_ns < full_ns ? w->left_ns + full_ns : full_ns;
    mir_lookahead_set_budget(w->lookahead, w->left_ns > 0 ? w->left_ns : 0, full_ns);
    *p = (struct pass){0};
    for (size_t i = 0; i < w->n_due; i++)
        decide(w, w->due[i], &queue, p);
    after = mir_lookahead_cost(w->lookahead);
    w->left_ns -= after.cpu_ns - before.cpu_ns;
    p->cpu_s = mir_bench_seconds_since(start_ns);
    p->n_futures = after.n_futures - before.n_futures;
    if (w->verbose)
        say(number, &queue, p);
}

static void add(struct pass *sum, const struct pass *p)
{
    sum->n_asked += p->n_asked;
    sum->n_answered += p->n_answered;
    sum->n_submitted += p->n_submitted;
    sum->n_quiet += p->n_quiet;
    sum->n_held += p->n_held;
    sum->n_fallen += p->n_fallen;
    sum->n_futures += p->n_futures;
    sum->cpu_s += p->cpu_s;
}

/* What the decisions came to, in hours; NAN: there were none, or not all have started. */
static double mean_cost_h(struct world *w)
{
    struct mir_host *host = mir_sim_host(w->sim);
    unsigned n = 0;
    double sum_h = 0;

    mir_sim_advance(w->sim, NOW + FUTURE_DAYS * DAY_S);
    for (uint32_t i = 0; i < w->size->n_chains; i++) {
        const struct chain *c = &w->chains[i];
        struct mir_job_status status;
        double late_h;

        if (!c->decided)
            continue;
        host->ops->status(host, c->job, &status, NULL);
        late_h = (double)(status.start_at - c->end_at) / HOUR_S;
        sum_h += status.start_at < 0 ? NAN : late_h > 0 ? late_h : -late_h * WEIGHT;
        n++;
    }
    return n > 0 ? sum_h / n : (double)NAN;
}

/* Seconds of a pass in the mean; a queue that goes on makes no two passes alike. */
static double run_passes(struct mir_bench *b, struct world *w)
{
    int n = b->quick ? 2 : w->size->n_passes;
    struct pass sum = {0};
    double worst_s = 0, least_s = INFINITY, cost_h;
    char cost[32] = "";

    for (int i = 0; i < n; i++) {
        struct pass p;

        play_pass(w, i, &p);
        add(&sum, &p);
        worst_s = fmax(worst_s, p.cpu_s);
        least_s = fmin(least_s, p.cpu_s);
    }
    cost_h = mean_cost_h(w);
    if (!isnan(cost_h))
        snprintf(cost, sizeof cost, " at %.2f h", cost_h);
    snprintf(
        b->note, sizeof b->note,
        "a pass: %.0f asked, %.1f answered, %.1f quiet, %.1f held, %.1f fell back; %.0f futures; "
        "%" PRIu32 " submitted%s",
        (double)sum.n_asked / n, (double)sum.n_answered / n, (double)sum.n_quiet / n,
        (double)sum.n_held / n, (double)sum.n_fallen / n, (double)sum.n_futures / n,
        sum.n_submitted, cost);
    mir_bench_print(b, w->size->name, "s CPU", sum.cpu_s / n, least_s, worst_s, n);
    return sum.cpu_s / n;
}

int main(int argc, char **argv)
{
    struct mir_bench b = {0};
    int rc = mir_bench_options(&b, argc, argv);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct world w;

        if (!mir_bench_wants(&b, sizes[i].name) || world_open(&w, &sizes[i]) != 0)
            continue;
        if (run_passes(&b, &w) > BUDGET_S && !b.quick) {
            fprintf(stderr, "%s: over %d s\n", sizes[i].name, BUDGET_S);
            b.n_failed++;
        }
        world_release(&w);
    }
    return mir_bench_end(&b);
}
