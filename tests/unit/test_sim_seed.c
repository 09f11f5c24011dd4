/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_sim_seed.c - a simulator that is planted from another's snapshot goes on
 * as that one does, and what of a snapshot is left out or mended.
 */
#include "traces/sim/seed.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "tests/oracle/reference.h"
#include "traces/generate/generate.h"
#include "traces/reader/reader.h"
#include "traces/sim/state.h"

enum {
    MINUTE = 60,
    HOUR = 3600,
    DAY = 86400,
    NOW = 1700000000,
    N_NODES = 76,
    FEBRUARY = 1675209600,
};

/* ---- allocations are counted: these stand in for daemon/core/alloc.c */

static size_t n_allocations;

static void *not_null(void *p)
{
    if (p == NULL)
        abort();
    n_allocations++;
    return p;
}

void *mir_alloc(size_t n, size_t size)
{
    return not_null(calloc(n + 1, size + 1));
}

void *mir_realloc(void *p, size_t n, size_t size)
{
    return not_null(realloc(p, n * size + 1));
}

void *mir_grow(void *p, size_t *cap, size_t need, size_t size)
{
    if (need <= *cap)
        return p;
    *cap = need + need / 2 + 8;
    return mir_realloc(p, *cap, size);
}

char *mir_strdup(const char *s)
{
    return not_null(strdup(s));
}

/* ---- a simulator, and the truth about what its snapshot does not show */

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
    struct mir_sim *sim;
    struct mir_seed_bed *bed;
    /* of the last look: */
    struct mir_snapshot queue;
    int32_t *left_s, *run_s;
    struct mir_seed_arrival *arrivals;
    size_t cap_left, cap_run, cap_arrivals;
    struct mir_seed seed;
    bool forget_ticks, at_now_only;
    const struct mir_reserved *reserved;
    size_t n_reserved;
};

/* bf_interval 30 s, a week of age against the size of a job. */
static void set_up_cluster(struct mir_cluster *c)
{
    mir_cluster_init(c, MIR_SCHED_SLURM, N_NODES);
    c->params.bf_window_s = 2880 * MINUTE;
    c->params.bf_resolution_s = 600;
    c->params.bf_max_job_test = 3000;
    c->priority.weight_age = 7000;
    c->priority.weight_job_size = 100;
}

static void open_world(struct world *w, int64_t from_at)
{
    struct mir_workload_options workload_options;
    struct mir_sim_options options;

    mir_workload_options_init(&workload_options);
    assert_int_equal(
        mir_workload_create(&w->log, &w->cluster, &workload_options, &w->workload, NULL), 0);
    mir_sim_options_init(&options);
    options.cluster = &w->cluster;
    options.workload = &w->workload;
    options.from_at = from_at;
    options.reserved = w->reserved;
    options.n_reserved = w->n_reserved;
    assert_int_equal(mir_sim_create(&options, &w->sim, NULL), 0);
    w->bed = mir_seed_bed_create(&w->cluster, w->workload.partition_of, w->log.partitions.n,
                                 w->workload.qos_of, w->log.qos.n);
    assert_non_null(w->bed);
}

static void close_world(struct world *w)
{
    mir_seed_bed_destroy(w->bed);
    mir_sim_destroy(w->sim);
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
    free(w->left_s);
    free(w->run_s);
    free(w->arrivals);
}

/* Overloaded every other week: three weeks, some 4,000 jobs. */
static void generated_world(struct world *w, uint64_t seed)
{
    struct mir_generate_params params;

    *w = (struct world){0};
    mir_joblog_init(&w->log);
    mir_generate_default(&params);
    params.jobs_per_day *= 1.3;
    assert_int_equal(mir_generate(&params, seed, 21 * DAY, NOW, &w->log, NULL), 0);
    set_up_cluster(&w->cluster);
}

/* True ends, in the order of the starts. */
static void tell_ends(struct world *w)
{
    const struct mir_sim *sim = w->sim;

    w->left_s = mir_grow(w->left_s, &w->cap_left, w->queue.n_running + 1, sizeof(*w->left_s));
    for (size_t i = 0; i < sim->n_slots; i++) {
        const struct mir_slot *slot = &sim->slots[i];
        size_t rank = 0;
        if (slot->n_nodes == 0)
            continue;
        for (size_t k = 0; k < sim->n_slots; k++)
            rank += sim->slots[k].n_nodes > 0 && sim->slots[k].sequence < slot->sequence;
        w->left_s[rank] = (int32_t)(slot->end_at - sim->now);
    }
}

static void tell_runs(struct world *w)
{
    const struct mir_sim *sim = w->sim;
    size_t n = 0;

    w->run_s = mir_grow(w->run_s, &w->cap_run, w->queue.n_pending + 1, sizeof(*w->run_s));
    for (size_t i = 0; i < sim->n_queue; i++)
        w->run_s[n++] = sim->queue[sim->head + i].run_s;
    for (size_t i = 0; i < sim->n_held; i++)
        w->run_s[n++] = mir_sim_job(sim, sim->held[i].job)->run_s;
}

static void tell_arrivals(struct world *w, int64_t until)
{
    size_t n = 0;

    for (size_t i = w->sim->next_arrival; i < w->workload.n_jobs; i++) {
        const struct mir_job *job = &w->workload.jobs[i];
        if (job->submit_at > until)
            break;
        w->arrivals = mir_grow(w->arrivals, &w->cap_arrivals, n + 1, sizeof(*w->arrivals));
        w->arrivals[n++] = (struct mir_seed_arrival){
            .submit_at = job->submit_at,
            .n_nodes = job->n_nodes,
            .limit_s = job->limit_s,
            .run_s = job->run_s,
            .user = job->user,
            .partition = job->partition,
            .account = job->account,
            .qos = job->qos,
        };
    }
    w->seed.n_arrivals = n;
}

/* All that is to know about the future of w->sim. */
static const struct mir_seed *look(struct world *w, int64_t until)
{
    struct mir_host *host = mir_sim_host(w->sim);

    assert_int_equal(host->ops->observe(host, MIR_SNAPSHOT_JOBS, &w->queue, NULL), 0);
    tell_ends(w);
    tell_runs(w);
    tell_arrivals(w, until);
    w->seed.queue = &w->queue;
    w->seed.running_left_s = w->left_s;
    w->seed.pending_run_s = w->run_s;
    w->seed.arrivals = w->arrivals;
    w->seed.ticks_from_at = w->forget_ticks ? 0 : w->sim->options.from_at;
    w->seed.reserved = w->reserved;
    w->seed.n_reserved = w->n_reserved;
    return &w->seed;
}

/* ---- the same future */

struct tally {
    size_t n, n_same, n_waits;
    double sum_h, max_h;
};

static const int32_t later_s[] = {0,        10 * MINUTE, HOUR, 3 * HOUR,
                                  6 * HOUR, 12 * HOUR,   DAY,  2 * DAY};

/* Probes of both at once, until two weeks later. */
static void compare_probes(struct tally *t,
                           const struct mir_sim *a,
                           const struct mir_sim *b,
                           struct mir_sim *scratch_a,
                           struct mir_sim *scratch_b)
{
    static const struct {
        uint32_t n_nodes;
        int32_t limit_s;
    } shapes[] = {{1, 2 * DAY}, {8, 2 * DAY}, {2, HOUR}};

    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct mir_request request = {
            .n_nodes = shapes[i].n_nodes, .limit_s = shapes[i].limit_s, .run_s = MIR_UNKNOWN};
        int64_t until = mir_sim_now(a) + 14 * DAY;
        int64_t x = mir_sim_probe(a, scratch_a, &request, until);
        int64_t y = mir_sim_probe(b, scratch_b, &request, until);
        double off_h = fabs((double)((x < until ? x : until) - (y < until ? y : until))) / HOUR;

        t->n++;
        t->n_same += x == y;
        t->n_waits += x > mir_sim_now(a);
        t->sum_h += off_h;
        t->max_h = off_h > t->max_h ? off_h : t->max_h;
    }
}

/* Snapshot, plant, and both go on. */
static void compare_futures(struct world *w, struct tally *t)
{
    struct mir_sim *truth = mir_sim_fork(w->sim);
    struct mir_sim *scratch = mir_sim_fork(w->sim);
    int64_t now = mir_sim_now(w->sim);
    struct mir_sim *planted = mir_seed_bed_plant(w->bed, look(w, now + 30 * DAY));
    struct mir_sim *scratch_planted = mir_sim_fork(planted);

    for (size_t i = 0; i < (w->at_now_only ? 1 : sizeof(later_s) / sizeof(later_s[0])); i++) {
        mir_sim_advance(truth, now + later_s[i]);
        mir_sim_advance(planted, now + later_s[i]);
        compare_probes(t, truth, planted, scratch, scratch_planted);
    }
    mir_sim_destroy(scratch_planted);
    mir_sim_destroy(scratch);
    mir_sim_destroy(truth);
}

static void print_tally(const char *what, const struct tally *t)
{
    printf("# %s: %zu probes, %zu of which wait; %.2f %% start in the same second, "
           "mean difference %.4f h, most %.2f h\n",
           what, t->n, t->n_waits, 100.0 * (double)t->n_same / (double)t->n,
           t->sum_h / (double)t->n, t->max_h);
}

/* The first of backfill's at or after `at`. */
static int64_t on_a_tick(const struct world *w, int64_t at)
{
    int64_t interval_s = w->cluster.params.bf_interval_s;

    while ((at - w->sim->options.from_at) % interval_s != 0)
        at++;
    return at;
}

/* At any second, or at the first tick of backfill after something was submitted, or the second. */
static int64_t instant_near(const struct world *w, int64_t at)
{
    size_t next = mir_workload_find(&w->workload, at);

    if (at % 3 == 0 || next >= w->workload.n_jobs)
        return at;
    at = on_a_tick(w, w->workload.jobs[next].submit_at);
    return at % 3 == 1 ? at : at + w->cluster.params.bf_interval_s;
}

struct variant {
    const char *name;
    void (*apply)(struct mir_cluster *c);
    const struct mir_reserved *reserved;
    size_t n_reserved;
};

/* A day of maintenance, and two of users that overlap; looks come before, in and after them. */
static const struct mir_reserved reservations[] = {
    {NOW + 5 * DAY, NOW + 6 * DAY, N_NODES},
    {NOW + 9 * DAY + 777, NOW + 12 * DAY, 30},
    {NOW + 11 * DAY, NOW + 14 * DAY, 12},
};

static void change_nothing(struct mir_cluster *c)
{
    (void)c;
}

/* Ages are capped, so that keys change at every PriorityCalcPeriod. */
static void cap_ages(struct mir_cluster *c)
{
    c->priority.max_age_s = 6 * HOUR;
    c->priority.weight_age = 200;
}

static void ignore_ages(struct mir_cluster *c)
{
    c->priority.accounting = false;
}

static void go_by_submission(struct mir_cluster *c)
{
    c->priority.multifactor = false;
}

static void look_shallowly(struct mir_cluster *c)
{
    c->params.bf_max_job_user = 2;
    c->params.bf_max_job_test = 20;
    c->params.bf_window_s = DAY;
}

static void defer(struct mir_cluster *c)
{
    c->params.defer = true;
}

static void use_easy(struct mir_cluster *c)
{
    c->scheduler = MIR_SCHED_EASY;
}

static void use_fcfs(struct mir_cluster *c)
{
    c->scheduler = MIR_SCHED_FCFS;
}

static const struct variant variants[] = {
    {"age and size", change_nothing, NULL, 0},
    {"capped ages", cap_ages, NULL, 0},
    {"size alone", ignore_ages, NULL, 0},
    {"by submission", go_by_submission, NULL, 0},
    {"shallow", look_shallowly, NULL, 0},
    {"defer", defer, NULL, 0},
    {"easy", use_easy, NULL, 0},
    {"fcfs", use_fcfs, NULL, 0},
    {"reservations", change_nothing, reservations, 3},
    {"reservations, shallow", look_shallowly, reservations, 3},
};

static void compare_variant(const struct variant *v, uint64_t seed, struct tally *t)
{
    struct world w;

    generated_world(&w, seed);
    v->apply(&w.cluster);
    w.reserved = v->reserved;
    w.n_reserved = v->n_reserved;
    open_world(&w, INT64_MIN);
    for (int64_t at = NOW + 2 * DAY; at < NOW + 18 * DAY; at += 11 * HOUR + 13) {
        mir_sim_advance(w.sim, instant_near(&w, at));
        compare_futures(&w, t);
    }
    print_tally(v->name, t);
    close_world(&w);
}

/*
 * What ended without letting anybody start, and an order that changed, do not show,
 * so that once in a while backfill comes a tick sooner than in the original.
 */
static void a_planted_simulator_goes_on_as_the_original(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        struct tally t = {0};

        compare_variant(&variants[i], 1 + i % 3, &t);
        assert_true(t.n_waits > t.n / 2);
        assert_true(t.n_same * 1000 >= t.n * 995);
        assert_true(t.max_h <= 30.0 / HOUR);
    }
}

static void the_real_queue_goes_on_too(void **state)
{
    const struct mir_read_options options = {0};
    struct mir_read_result result;
    struct world w = {0};
    struct tally t = {0};
    char *path = mir_shared_path("traces/tacc-ls6-a100_2022-10_2023-02.log.xz");

    (void)state;
    if (path == NULL)
        skip(); /* the log is not here */
    mir_joblog_init(&w.log);
    assert_int_equal(mir_log_read(path, &options, &w.log, &result, NULL), 0);
    free(path);
    set_up_cluster(&w.cluster);
    open_world(&w, INT64_MIN);
    for (int k = 0; k < 50; k++) {
        mir_sim_advance(w.sim, FEBRUARY + k * (13 * HOUR + 7 * MINUTE));
        compare_futures(&w, &t);
    }
    print_tally("February", &t);
    close_world(&w);
    assert_int_equal(t.n_same, t.n);
}

/* Does backfill look at a new job at once, or has it just looked?  Mostly the snapshot tells. */
static void backfill_looks_again_when_it_would_have(void **state)
{
    struct tally t = {0};
    struct world w;

    (void)state;
    generated_world(&w, 2);
    cap_ages(&w.cluster);
    open_world(&w, INT64_MIN);
    w.at_now_only = true;
    for (int64_t at = NOW + 2 * DAY; at < NOW + 18 * DAY; at += 53 * MINUTE + 13) {
        mir_sim_advance(w.sim, instant_near(&w, at));
        compare_futures(&w, &t);
    }
    print_tally("capped ages, at once", &t);
    close_world(&w);
    assert_true(t.n_same * 1000 >= t.n * 995);
}

/* The log's own clock is not in a snapshot: what its loss costs is told, not required to be nil. */
static void without_the_ticks_it_is_near(void **state)
{
    struct tally t = {0};
    struct world w;

    (void)state;
    generated_world(&w, 1);
    open_world(&w, INT64_MIN);
    w.forget_ticks = true;
    for (int64_t at = NOW + 2 * DAY; at < NOW + 18 * DAY; at += 11 * HOUR + 13) {
        mir_sim_advance(w.sim, at);
        compare_futures(&w, &t);
    }
    print_tally("ticks not known", &t);
    close_world(&w);
    assert_true(t.n_same > t.n / 4);
    assert_true(t.sum_h / (double)t.n < 0.3);
}

static void claim_same_running(const struct mir_running_job *x, const struct mir_running_job *y)
{
    assert_int_equal(x->submit_at, y->submit_at);
    assert_int_equal(x->start_at, y->start_at);
    assert_int_equal(x->planned_end_at, y->planned_end_at);
    assert_int_equal(x->id, y->id);
    assert_int_equal(x->n_nodes, y->n_nodes);
    assert_int_equal(x->user, y->user);
    assert_int_equal(x->name, y->name);
    assert_int_equal(x->partition, y->partition);
    assert_int_equal(x->account, y->account);
    assert_int_equal(x->qos, y->qos);
}

static void claim_same_pending(const struct mir_pending_job *x, const struct mir_pending_job *y)
{
    assert_int_equal(x->submit_at, y->submit_at);
    assert_int_equal(x->eligible_at, y->eligible_at);
    assert_int_equal(x->id, y->id);
    assert_int_equal(x->limit_s, y->limit_s);
    assert_int_equal(x->n_nodes, y->n_nodes);
    assert_int_equal(x->user, y->user);
    assert_int_equal(x->name, y->name);
    assert_true(x->priority == y->priority);
    assert_int_equal(x->partition, y->partition);
    assert_int_equal(x->account, y->account);
    assert_int_equal(x->qos, y->qos);
}

static void claim_same_view(const struct mir_snapshot *x, const struct mir_snapshot *y)
{
    assert_int_equal(x->now, y->now);
    assert_int_equal(x->n_nodes, y->n_nodes);
    assert_int_equal(x->n_nodes_free, y->n_nodes_free);
    assert_int_equal(x->n_running, y->n_running);
    assert_int_equal(x->n_pending, y->n_pending);
    for (size_t i = 0; i < x->n_running; i++)
        claim_same_running(&x->running[i], &y->running[i]);
    for (size_t i = 0; i < x->n_pending; i++)
        claim_same_pending(&x->pending[i], &y->pending[i]);
}

static void see(struct mir_sim *sim, struct mir_snapshot *out)
{
    struct mir_host *host = mir_sim_host(sim);

    assert_int_equal(host->ops->observe(host, MIR_SNAPSHOT_JOBS, out, NULL), 0);
}

static void a_planted_simulator_shows_the_snapshot(void **state)
{
    struct mir_snapshot seen;
    struct world w;

    (void)state;
    generated_world(&w, 2);
    cap_ages(&w.cluster);
    open_world(&w, INT64_MIN);
    for (int64_t at = NOW + 2 * DAY; at < NOW + 18 * DAY; at += 25 * MINUTE + 13) {
        mir_sim_advance(w.sim, at);
        see(mir_seed_bed_plant(w.bed, look(&w, at)), &seen);
        claim_same_view(&w.queue, &seen);
    }
    close_world(&w);
}

/* A day of the future in two simulators that ought to be alike. */
static void claim_same_day(struct mir_sim *a, struct mir_sim *b)
{
    struct mir_snapshot x, y;

    for (int64_t at = mir_sim_now(a), end = at + DAY; at < end; at += HOUR) {
        mir_sim_advance(a, at);
        mir_sim_advance(b, at);
        see(a, &x);
        see(b, &y);
        claim_same_view(&x, &y);
    }
}

static void a_used_bed_is_as_good_as_a_fresh_one(void **state)
{
    struct world w;

    (void)state;
    generated_world(&w, 3);
    open_world(&w, INT64_MIN);
    for (int64_t at = NOW + 9 * DAY; at > NOW + 5 * DAY; at -= 19 * HOUR) {
        struct mir_seed_bed *fresh = mir_seed_bed_create(&w.cluster, NULL, 0, NULL, 0);
        struct mir_sim *sim = mir_sim_fork(w.sim);
        const struct mir_seed *seed;
        struct mir_request request = {.n_nodes = 3, .limit_s = DAY, .run_s = MIR_UNKNOWN};
        uint64_t serial, again;

        /* Something is on its way, from outside and in the arrays, when the next is planted. */
        mir_sim_advance(w.sim, at);
        seed = look(&w, at + 5 * DAY);
        assert_int_equal(mir_sim_submit(mir_seed_bed_plant(w.bed, seed), &request, &serial, NULL),
                         0);
        assert_int_equal(serial, w.queue.n_running + w.queue.n_pending + seed->n_arrivals);
        assert_int_equal(mir_sim_submit(mir_seed_bed_plant(w.bed, seed), &request, &again, NULL),
                         0);
        assert_int_equal(serial, again);
        mir_sim_advance(mir_seed_bed_plant(w.bed, seed), at + 2 * DAY);
        claim_same_day(mir_seed_bed_plant(w.bed, seed), mir_seed_bed_plant(fresh, seed));
        mir_sim_copy(w.sim, sim);
        mir_sim_destroy(sim);
        mir_seed_bed_destroy(fresh);
    }
    close_world(&w);
}

static void a_warm_bed_allocates_nothing(void **state)
{
    const struct mir_seed *seed;
    struct world w;

    (void)state;
    generated_world(&w, 1);
    w.cluster.priority.weight_fairshare = 1000;
    w.cluster.params.bf_max_job_user = 3;
    open_world(&w, INT64_MIN);
    mir_sim_advance(w.sim, NOW + 8 * DAY);
    seed = look(&w, NOW + 10 * DAY);
    assert_true(w.queue.n_pending > 10 && w.queue.n_running > 10 && seed->n_arrivals > 100);
    mir_seed_bed_plant(w.bed, seed);
    mir_sim_advance(mir_seed_bed_plant(w.bed, seed), NOW + 9 * DAY);
    n_allocations = 0;
    for (int i = 0; i < 10; i++)
        mir_sim_advance(mir_seed_bed_plant(w.bed, seed), NOW + 9 * DAY);
    assert_int_equal(n_allocations, 0);
    close_world(&w);
}

/* ---- snapshots by hand: ten nodes, seen at NOW */

struct hand {
    struct mir_cluster cluster;
    struct mir_running_job running[8];
    struct mir_pending_job pending[8];
    struct mir_seed_arrival arrivals[8];
    int32_t left_s[8], run_s[8];
    struct mir_snapshot queue;
    struct mir_seed seed;
    struct mir_seed_bed *bed;
    uint16_t partition_of[8];
};

static void open_hand(struct hand *h, enum mir_scheduler scheduler, uint32_t n_free)
{
    *h = (struct hand){0};
    mir_cluster_init(&h->cluster, scheduler, 10);
    h->queue = (struct mir_snapshot){
        .now = NOW,
        .n_nodes = 10,
        .n_nodes_free = n_free,
        .running = h->running,
        .pending = h->pending,
    };
    h->seed = (struct mir_seed){
        .queue = &h->queue,
        .running_left_s = h->left_s,
        .pending_run_s = h->run_s,
        .arrivals = h->arrivals,
    };
}

static struct mir_sim *plant(struct hand *h)
{
    if (h->bed == NULL)
        h->bed = mir_seed_bed_create(&h->cluster, h->partition_of, 8, NULL, 0);
    assert_non_null(h->bed);
    return mir_seed_bed_plant(h->bed, &h->seed);
}

static void close_hand(struct hand *h)
{
    mir_seed_bed_destroy(h->bed);
}

/* Runs for an hour already, has a limit of a day. */
static struct mir_running_job *add_running(struct hand *h, uint32_t n_nodes, int32_t left_s)
{
    size_t i = h->queue.n_running++;

    h->left_s[i] = left_s;
    h->running[i] = (struct mir_running_job){
        .submit_at = NOW - 2 * HOUR,
        .start_at = NOW - HOUR,
        .planned_end_at = NOW + 23 * HOUR,
        .id = 100 + (uint32_t)i,
        .n_nodes = n_nodes,
    };
    return &h->running[i];
}

/* Waits for ten minutes, runs for an hour of two. */
static struct mir_pending_job *add_pending(struct hand *h, uint32_t n_nodes)
{
    size_t i = h->queue.n_pending++;

    h->run_s[i] = HOUR;
    h->pending[i] = (struct mir_pending_job){
        .submit_at = NOW - 10 * MINUTE,
        .eligible_at = NOW - 10 * MINUTE,
        .id = 200 + (uint32_t)i,
        .limit_s = 2 * HOUR,
        .n_nodes = n_nodes,
    };
    return &h->pending[i];
}

static struct mir_seed_arrival *add_arrival(struct hand *h, int32_t after_s, uint32_t n_nodes)
{
    size_t i = h->seed.n_arrivals++;

    h->arrivals[i] = (struct mir_seed_arrival){
        .submit_at = NOW + after_s,
        .n_nodes = n_nodes,
        .limit_s = 2 * HOUR,
        .run_s = HOUR,
    };
    return &h->arrivals[i];
}

/* Seconds after NOW at which the only job of `n_nodes` nodes starts; -1: not within two days. */
static int64_t start_of(struct hand *h, uint32_t n_nodes)
{
    struct mir_sim *sim = plant(h);
    struct mir_snapshot seen;

    for (int64_t at = NOW; at < NOW + 2 * DAY; at += 30) {
        mir_sim_advance(sim, at);
        see(sim, &seen);
        for (size_t i = 0; i < seen.n_running; i++)
            if (seen.running[i].n_nodes == n_nodes)
                return seen.running[i].start_at - NOW;
    }
    return -1;
}

static int64_t probe_by_a_fork(const struct mir_sim *sim, const struct mir_request *request)
{
    struct mir_sim *scratch = mir_sim_fork(sim);
    int64_t start_at = mir_sim_probe(sim, scratch, request, NOW + 2 * DAY);

    mir_sim_destroy(scratch);
    return start_at;
}

static int64_t probe(struct hand *h, uint16_t partition, uint32_t n_nodes)
{
    struct mir_request request = {
        .n_nodes = n_nodes, .limit_s = HOUR, .run_s = MIR_UNKNOWN, .partition = partition};
    int64_t start_at = probe_by_a_fork(plant(h), &request);

    return start_at == INT64_MAX ? -1 : start_at - NOW;
}

static const enum mir_scheduler schedulers[] = {MIR_SCHED_SLURM, MIR_SCHED_FCFS, MIR_SCHED_EASY,
                                                MIR_SCHED_CONSERVATIVE};

static void an_empty_queue_is_an_empty_machine(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct hand h;

        open_hand(&h, schedulers[i], 10);
        assert_int_equal(probe(&h, 0, 10), 0);
        add_arrival(&h, 100, 9);
        assert_int_equal(start_of(&h, 9), 100);
        close_hand(&h);
    }
}

static void jobs_run_and_wait_as_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct hand h;

        open_hand(&h, schedulers[i], 4);
        add_running(&h, 6, 600);
        add_pending(&h, 7);
        add_arrival(&h, 60, 8);
        assert_int_equal(start_of(&h, 7), 600);
        assert_int_equal(start_of(&h, 8), 600 + HOUR);
        assert_int_equal(probe(&h, 0, 9), 600 + HOUR); /* before the arrival */
        /* Over its limit: Slurm gives it some time. */
        h.running[0].planned_end_at = NOW - 30;
        assert_int_equal(start_of(&h, 7), 600);
        close_hand(&h);
    }
}

static void what_would_start_starts_at_once(void **state)
{
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 4);
    add_running(&h, 6, 600);
    add_pending(&h, 4);
    assert_int_equal(start_of(&h, 4), 0);
    close_hand(&h);
}

static void a_held_job_joins_when_it_may(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct hand h;

        open_hand(&h, schedulers[i], 10);
        add_pending(&h, 7)->eligible_at = NOW + 4 * HOUR;
        assert_int_equal(start_of(&h, 7), 4 * HOUR);
        close_hand(&h);
    }
}

static void what_can_never_start_is_left_out(void **state)
{
    struct mir_snapshot seen;
    struct mir_sim *sim;
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 4);
    h.queue.n_nodes = 8;
    add_running(&h, 4, 600);
    add_pending(&h, 2)->eligible_at = INT64_MAX;
    add_pending(&h, 11);
    add_pending(&h, 9); /* two nodes are out of service */
    add_pending(&h, 0);
    add_pending(&h, 8)->id = 77;
    add_arrival(&h, 60, 9);
    add_arrival(&h, 60, 0);
    see(plant(&h), &seen);
    assert_int_equal(seen.n_pending, 1);
    assert_int_equal(seen.pending[0].id, 77);
    sim = plant(&h);
    mir_sim_run(sim); /* stops, and none of the two has come */
    assert_int_equal(mir_sim_counters(sim)->n_arrived, 0);
    assert_int_equal(probe(&h, 0, 11), -1);
    assert_int_equal(probe(&h, 0, 9), -1);
    assert_int_equal(start_of(&h, 8), 600);
    close_hand(&h);
}

/* n_nodes, free; nodes of running jobs; what there is in the end. */
static const struct {
    uint32_t n_nodes, n_free, running[3], in_the_end;
} nodes[] = {
    {10, 4, {6, 0, 0}, 10},  {10, 4, {2, 4, 0}, 10}, {10, 0, {8, 8, 0}, 10},
    {10, 0, {8, 8, 5}, 10},  {10, 4, {4, 0, 0}, 8},  {10, 12, {4, 0, 0}, 12},
    {20, 12, {8, 0, 0}, 20}, {5, 5, {6, 0, 0}, 5},   {0, 0, {3, 0, 0}, 0},
};

static void nodes_are_never_more_than_the_snapshot_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        struct mir_snapshot seen;
        struct mir_sim *sim;
        struct hand h;

        open_hand(&h, MIR_SCHED_SLURM, nodes[i].n_free);
        h.queue.n_nodes = nodes[i].n_nodes;
        for (size_t k = 0; k < 3 && nodes[i].running[k] > 0; k++)
            add_running(&h, nodes[i].running[k], 600);
        sim = plant(&h);
        see(sim, &seen);
        assert_int_equal(seen.n_nodes_free, nodes[i].n_free);
        assert_int_equal(seen.n_nodes, nodes[i].in_the_end);
        mir_sim_run(sim);
        see(sim, &seen);
        assert_int_equal(seen.n_nodes_free, nodes[i].in_the_end);
        close_hand(&h);
    }
}

/* "old" of four nodes and "new" of six; both together are the default. */
static void make_sets(struct hand *h)
{
    struct mir_cluster *c = &h->cluster;

    c->n_node_sets = 2;
    c->node_sets[0].n_nodes = 4;
    c->node_sets[1] = c->node_sets[0];
    c->node_sets[1].n_nodes = 6;
    c->n_partitions = 3;
    c->partitions[1] = c->partitions[2] = c->partitions[0];
    c->partitions[0].node_sets = 3;
    c->partitions[1].node_sets = 1;
    c->partitions[2].node_sets = 2;
    h->partition_of[5] = 1;
    h->partition_of[7] = 2;
}

static void partitions_are_mapped_and_keep_apart(void **state)
{
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 4);
    make_sets(&h);
    add_running(&h, 6, 600)->partition = 7;
    assert_int_equal(probe(&h, 5, 4), 0);
    assert_int_equal(probe(&h, 5, 5), -1);
    assert_int_equal(probe(&h, 7, 6), 600);
    assert_int_equal(probe(&h, 1, 10), 600);
    assert_int_equal(probe(&h, 9999, 10), 600); /* not a number of ours: 0 */
    add_pending(&h, 3)->partition = 5;
    add_pending(&h, 5)->partition = 7;
    add_arrival(&h, 60, 6)->partition = 7;
    assert_int_equal(start_of(&h, 3), 0);
    assert_int_equal(start_of(&h, 5), 600);
    close_hand(&h);
}

static void lost_nodes_are_missing_everywhere_alike(void **state)
{
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 5);
    make_sets(&h);
    h.queue.n_nodes = 5;
    assert_int_equal(probe(&h, 5, 2), 0);
    assert_int_equal(probe(&h, 5, 3), -1);
    assert_int_equal(probe(&h, 7, 3), 0);
    assert_int_equal(probe(&h, 7, 4), -1);
    close_hand(&h);
}

/* More in a partition than it has: the job gets what there is, and all come back. */
static void a_job_that_does_not_fit_its_sets_gets_what_there_is(void **state)
{
    struct mir_snapshot seen;
    struct mir_sim *sim;
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 2);
    make_sets(&h);
    add_running(&h, 3, 600)->partition = 5;
    add_running(&h, 5, 900)->partition = 5;
    sim = plant(&h);
    see(sim, &seen);
    assert_int_equal(seen.n_nodes_free, 2);
    assert_int_equal(seen.running[1].n_nodes, 1);
    mir_sim_run(sim);
    assert_int_equal(probe(&h, 5, 4), 900);
    close_hand(&h);
}

static void arrivals_of_one_second_come_by_priority(void **state)
{
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 10);
    h.cluster.priority.weight_job_size = 1000;
    add_arrival(&h, 60, 8);
    add_arrival(&h, 60, 9);
    add_arrival(&h, 60, 7);
    assert_int_equal(start_of(&h, 9), 60);
    assert_int_equal(start_of(&h, 8), 60 + HOUR);
    assert_int_equal(start_of(&h, 7), 60 + 2 * HOUR);
    close_hand(&h);
    open_hand(&h, MIR_SCHED_SLURM, 10); /* and else by their order */
    add_arrival(&h, 60, 8);
    add_arrival(&h, 60, 9);
    assert_int_equal(start_of(&h, 8), 60);
    close_hand(&h);
}

static void reported_priorities_count(void **state)
{
    static const struct {
        double first, second;
        bool second_goes_first;
    } cases[] = {{10, 20, true},  {20, 10, false}, {0, 0, true},    {NAN, NAN, true},
                 {0, 500, false}, {0, 5000, true}, {900, 0, false}, {NAN, 100, false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hand h;

        open_hand(&h, MIR_SCHED_SLURM, 0);
        h.cluster.priority.weight_job_size = 1000; /* 700 and 800 computed */
        add_running(&h, 10, 600);
        add_pending(&h, 7)->priority = cases[i].first;
        add_pending(&h, 8)->priority = cases[i].second;
        assert_int_equal(start_of(&h, 7), 600 + (cases[i].second_goes_first ? HOUR : 0));
        close_hand(&h);
    }
}

/* One point a second: after 100 s the job that waits is ahead of one that is larger. */
static void a_reported_priority_grows_with_age(void **state)
{
    (void)state;
    for (int accounting = 0; accounting < 2; accounting++) {
        struct hand h;

        open_hand(&h, MIR_SCHED_SLURM, 0);
        h.cluster.priority.weight_job_size = 100;
        h.cluster.priority.weight_age = 7 * DAY;
        h.cluster.priority.accounting = accounting != 0;
        add_running(&h, 10, 600);
        add_pending(&h, 7)->priority = 10;
        add_arrival(&h, 100, 8);
        assert_int_equal(start_of(&h, 7), accounting != 0 ? 600 : 600 + HOUR);
        close_hand(&h);
    }
}

/* Of alike jobs, that of the user comes first whose waiting job is reported to be dear. */
static void fair_share_is_what_priorities_say(void **state)
{
    (void)state;
    for (uint32_t dear = 1; dear <= 2; dear++) {
        struct hand h;

        open_hand(&h, MIR_SCHED_SLURM, 0);
        h.cluster.priority.weight_fairshare = 10000;
        add_running(&h, 10, 600);
        add_pending(&h, 10)->user = 1;
        add_pending(&h, 10)->user = 2;
        h.pending[0].priority = dear == 1 ? 9000 : 1000;
        h.pending[1].priority = dear == 2 ? 9000 : 1000;
        add_arrival(&h, 10, 7)->user = 1;
        add_arrival(&h, 10, 8)->user = 2;
        add_arrival(&h, 5, 9)->user = 3; /* nobody knows: in between */
        assert_int_equal(start_of(&h, dear == 1 ? 7 : 8), 600 + HOUR);
        assert_int_equal(start_of(&h, 9), 600 + 2 * HOUR);
        assert_int_equal(start_of(&h, dear == 1 ? 8 : 7), 600 + 4 * HOUR);
        close_hand(&h);
    }
}

/* Backfill looks at two jobs: an array is one of them. */
static void tasks_of_an_array_are_one_job_to_backfill(void **state)
{
    const int64_t a_tick = 30 - NOW % 30;

    (void)state;
    for (int is_array = 0; is_array < 2; is_array++) {
        struct hand h;

        open_hand(&h, MIR_SCHED_SLURM, 2);
        h.cluster.params.bf_max_job_test = 2;
        add_running(&h, 8, 6 * HOUR);
        for (uint32_t i = 0; i < 3; i++)
            add_pending(&h, 9)->id = is_array != 0 ? 50 : 50 + i;
        add_pending(&h, 1);
        assert_int_equal(start_of(&h, 1), is_array != 0 ? a_tick : 8 * HOUR);
        close_hand(&h);
    }
}

/* A scratch simulator of one future serves the next, which has other jobs. */
static void scratches_outlive_futures(void **state)
{
    struct mir_request request = {.n_nodes = 9, .limit_s = HOUR, .run_s = MIR_UNKNOWN};
    struct mir_sim *scratch;
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 0);
    add_running(&h, 10, 600);
    scratch = mir_sim_fork(plant(&h));
    add_arrival(&h, 200, 10);
    add_arrival(&h, 400, 10);
    h.cluster.priority.weight_job_size = 1000;
    h.queue.now += 7;
    for (int64_t k = 0; k < 3; k++) {
        struct mir_sim *sim = plant(&h);
        int64_t start_at;

        mir_sim_advance(sim, NOW + 300);
        start_at = mir_sim_probe(sim, scratch, &request, NOW + DAY);
        assert_int_equal(start_at, probe_by_a_fork(sim, &request));
        assert_int_equal(start_at, NOW + 607 + k + 2 * HOUR);
        h.queue.now++;
    }
    mir_sim_destroy(scratch);
    close_hand(&h);
}

/* A job that backfill alone can start starts at its tick. */
static void ticks_come_when_told(void **state)
{
    static const struct {
        int64_t from_at, tick_s;
    } cases[] = {{0, 10}, {NOW - 7, 23}, {NOW - 61, 29}, {NOW + 5, 10}, {NOW, 0}};
    struct mir_request request = {.n_nodes = 1, .limit_s = HOUR, .run_s = MIR_UNKNOWN};
    struct mir_sim *scratch;
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 2);
    add_running(&h, 8, 6 * HOUR);
    add_pending(&h, 10);
    scratch = mir_sim_fork(plant(&h));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        h.seed.ticks_from_at = cases[i].from_at;
        assert_int_equal(probe(&h, 0, 1), cases[i].tick_s);
        assert_int_equal(mir_sim_probe(plant(&h), scratch, &request, NOW + DAY),
                         NOW + cases[i].tick_s);
    }
    mir_sim_destroy(scratch);
    close_hand(&h);
}

/* Number 3 is the cluster's only QOS. */
static void qos_are_mapped(void **state)
{
    const uint8_t qos_of[] = {9, 9, 9, 0};
    struct mir_request request = {.n_nodes = 10, .limit_s = HOUR, .run_s = MIR_UNKNOWN};
    struct mir_sim *sim;
    struct hand h;

    (void)state;
    open_hand(&h, MIR_SCHED_SLURM, 0);
    h.cluster.priority.weight_qos = 1000;
    assert_int_equal(mir_cluster_add_qos(&h.cluster, "fast=10", NULL), 0);
    h.bed = mir_seed_bed_create(&h.cluster, NULL, 0, qos_of, 4);
    add_running(&h, 10, 600);
    add_arrival(&h, 60, 7)->qos = 2;
    add_arrival(&h, 120, 8)->qos = 77; /* not a number of ours */
    add_arrival(&h, 180, 9)->qos = 3;
    assert_int_equal(start_of(&h, 9), 600);
    assert_int_equal(start_of(&h, 7), 600 + HOUR);
    assert_int_equal(start_of(&h, 8), 600 + 2 * HOUR);
    sim = plant(&h);
    assert_true(mir_sim_request_priority(sim, &request) < 1.5);
    request.qos = 3;
    assert_true(mir_sim_request_priority(sim, &request) > 999);
    close_hand(&h);
}

static void no_machine_no_bed(void **state)
{
    struct mir_cluster cluster;

    (void)state;
    mir_cluster_init(&cluster, MIR_SCHED_SLURM, 0);
    assert_null(mir_seed_bed_create(&cluster, NULL, 0, NULL, 0));
    mir_seed_bed_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_planted_simulator_goes_on_as_the_original),
        cmocka_unit_test(backfill_looks_again_when_it_would_have),
        cmocka_unit_test(without_the_ticks_it_is_near),
        cmocka_unit_test(the_real_queue_goes_on_too),
        cmocka_unit_test(a_planted_simulator_shows_the_snapshot),
        cmocka_unit_test(a_used_bed_is_as_good_as_a_fresh_one),
        cmocka_unit_test(a_warm_bed_allocates_nothing),
        cmocka_unit_test(an_empty_queue_is_an_empty_machine),
        cmocka_unit_test(jobs_run_and_wait_as_told),
        cmocka_unit_test(what_would_start_starts_at_once),
        cmocka_unit_test(a_held_job_joins_when_it_may),
        cmocka_unit_test(what_can_never_start_is_left_out),
        cmocka_unit_test(nodes_are_never_more_than_the_snapshot_says),
        cmocka_unit_test(partitions_are_mapped_and_keep_apart),
        cmocka_unit_test(lost_nodes_are_missing_everywhere_alike),
        cmocka_unit_test(a_job_that_does_not_fit_its_sets_gets_what_there_is),
        cmocka_unit_test(arrivals_of_one_second_come_by_priority),
        cmocka_unit_test(reported_priorities_count),
        cmocka_unit_test(a_reported_priority_grows_with_age),
        cmocka_unit_test(fair_share_is_what_priorities_say),
        cmocka_unit_test(tasks_of_an_array_are_one_job_to_backfill),
        cmocka_unit_test(scratches_outlive_futures),
        cmocka_unit_test(ticks_come_when_told),
        cmocka_unit_test(qos_are_mapped),
        cmocka_unit_test(no_machine_no_bed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
