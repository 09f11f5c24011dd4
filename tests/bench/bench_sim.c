/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_sim.c - how fast are the simulator, its forks and probes, and the log
 * readers on real logs?  tests/bench/README.md tells what each figure is.  What
 * has no log in the shared folder is left out; a schedule that is not the
 * reference's is a failure, however fast.
 */
#include <inttypes.h>
#include <stdint.h>

#include "daemon/core/alloc.h"
#include "models/features/paper_state.h"
#include "tests/bench/bench.h"
#include "tests/oracle/oracle.h"
#include "tests/oracle/reference.h"
#include "traces/reader/reader.h"
#include "traces/sim/seed.h"
#include "traces/sim/sim.h"

#define TACC "traces/tacc-ls6-a100_2022-10_2023-02.log.xz"
#define KTH "traces/KTH-SP2-1996.swf.xz"
#define KTH_STARTS "reference-schedules/KTH-SP2-1996.starts.csv.xz"
#define THETA "traces/alcf-theta_2022.swf.xz"
#define THETA_STARTS "reference-schedules/alcf-theta_2022.starts.csv.xz"
#define RICC "traces/RICC-2010-2.swf.xz"
#define GWU "traces/gwu-pegasus-slurm_2019-03_2020-07.csv.xz"

enum {
    HOUR_S = 3600,
    DAY_S = 86400,
    TACC_NODES = 76,
    FEBRUARY_AT = 1675209600, /* 2023-02-01; the TACC log's local times are read as UTC */
    MARCH_AT = FEBRUARY_AT + 28 * DAY_S,
    DECISION_S = 600,
};

/* ---- a log, a machine, a scheduler */

struct world {
    struct mir_joblog log;
    struct mir_cluster cluster;
    struct mir_workload workload;
};

/*
 * slurm: the settings with which the TACC February was run through slurmctld's
 * own code (reference-schedules/README.md).
 */
static void set_up_cluster(struct mir_cluster *c, enum mir_scheduler scheduler, uint32_t n_nodes)
{
    mir_cluster_init(c, scheduler, n_nodes);
    c->params.backfill = true;
    c->params.bf_window_s = 2880 * 60;
    c->params.bf_resolution_s = 600;
    c->params.bf_interval_s = 30;
    c->params.bf_max_job_test = 3000;
    c->params.default_queue_depth = 1000;
    c->params.bf_continue = true;
    c->priority.multifactor = true;
    c->priority.weight_age = 7000;
    c->priority.weight_job_size = 100;
    c->priority.weight_fairshare = 0;
    c->priority.weight_partition = 0;
    c->priority.weight_qos = 0;
    c->priority.max_age_s = 7 * DAY_S;
}

static void world_release(struct world *w)
{
    mir_workload_release(&w->workload);
    mir_joblog_release(&w->log);
}

static bool is_there(const char *name)
{
    char *path = mir_shared_path(name);

    free(path);
    return path != NULL;
}

static int read_shared(const char *trace, struct mir_joblog *log, struct mir_read_result *result)
{
    const struct mir_read_options options = {0};
    struct mir_error err = {{0}};
    char *path = mir_shared_path(trace);
    int rc;

    mir_joblog_init(log);
    if (path == NULL)
        return -1;
    rc = mir_log_read(path, &options, log, result, &err);
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", path, err.text);
    free(path);
    return rc;
}

/* False: there is no such log here, or it cannot be used, which is a failure. */
static bool world_open(struct mir_bench *b,
                       struct world *w,
                       const char *trace,
                       enum mir_scheduler scheduler,
                       uint32_t n_nodes)
{
    struct mir_workload_options options;
    struct mir_read_result result;
    struct mir_error err = {{0}};

    *w = (struct world){0};
    if (!is_there(trace))
        return false;
    set_up_cluster(&w->cluster, scheduler, n_nodes);
    mir_workload_options_init(&options);
    if (read_shared(trace, &w->log, &result) == 0) {
        if (mir_workload_create(&w->log, &w->cluster, &options, &w->workload, &err) == 0)
            return true;
        fprintf(stderr, "%s: %s\n", trace, err.text);
    }
    b->n_failed++;
    world_release(w);
    return false;
}

static void options_of(const struct world *w, struct mir_sim_options *options)
{
    mir_sim_options_init(options);
    options->cluster = &w->cluster;
    options->workload = &w->workload;
}

/* NULL after telling why. */
static struct mir_sim *open_sim(const struct mir_sim_options *options)
{
    struct mir_error err = {{0}};
    struct mir_sim *sim = NULL;

    if (mir_sim_create(options, &sim, &err) != 0)
        fprintf(stderr, "simulator: %s\n", err.text);
    return sim;
}

/* ---- whole logs */

struct whole {
    const char *name;
    const char *trace;
    uint32_t n_nodes;
    enum mir_scheduler scheduler;
    enum mir_event_order event_order;
    bool node_identity;
    bool quick;         /* part of a quick run */
    const char *starts; /* reference schedule; NULL: none */
    const char *column;
};

static const struct whole wholes[] = {
    {"easy_kth", KTH, 100, MIR_SCHED_EASY, MIR_EVENTS_BATCH, false, true, KTH_STARTS, "easy_batch"},
    {"easy_event_kth", KTH, 100, MIR_SCHED_EASY, MIR_EVENTS_SINGLE, false, true, KTH_STARTS,
     "easy_event"},
    {"easy_node_kth", KTH, 100, MIR_SCHED_EASY, MIR_EVENTS_BATCH, true, true, KTH_STARTS,
     "easy_node"},
    {"conservative_kth", KTH, 100, MIR_SCHED_CONSERVATIVE, MIR_EVENTS_BATCH, false, true,
     KTH_STARTS, "conservative_event"},
    {"easy_theta", THETA, 4360, MIR_SCHED_EASY, MIR_EVENTS_BATCH, false, false, THETA_STARTS,
     "easy_batch"},
    {"slurm_tacc", TACC, TACC_NODES, MIR_SCHED_SLURM, MIR_EVENTS_BATCH, false, true, NULL, NULL},
    {"slurm_ricc", RICC, 8192, MIR_SCHED_SLURM, MIR_EVENTS_BATCH, false, false, NULL, NULL},
    {"slurm_gwu", GWU, 164, MIR_SCHED_SLURM, MIR_EVENTS_BATCH, false, false, NULL, NULL},
};

struct whole_run {
    struct world world;
    struct mir_sim_options options;
    struct mir_reference reference; /* n is 0: none */
    const struct whole *whole;
};

static bool same_starts(const struct whole_run *r, const int64_t *starts)
{
    const struct mir_workload *w = &r->world.workload;
    int64_t zero_at = r->world.log.unix_start_at;

    for (size_t i = 0; r->reference.n > 0 && i < w->n_jobs; i++) {
        uint32_t id = w->jobs[i].id;

        if (id >= r->reference.n || starts[i] - zero_at != r->reference.start_at[id]) {
            fprintf(stderr, "%s: job %" PRIu32 " starts at %" PRId64 ", not as in %s\n",
                    r->whole->name, id, starts[i] - zero_at, r->whole->column);
            return false;
        }
    }
    return true;
}

static bool note_waits(struct mir_bench *b, const struct mir_workload *w, const int64_t *starts)
{
    double sum = 0;

    for (size_t i = 0; i < w->n_jobs; i++) {
        if (starts[i] == INT64_MIN) {
            fprintf(stderr, "job %" PRIu32 " never starts\n", w->jobs[i].id);
            return false;
        }
        sum += (double)(starts[i] - w->jobs[i].submit_at);
    }
    snprintf(b->note, sizeof b->note, "%zu jobs, mean wait %.1f s", w->n_jobs,
             sum / (double)w->n_jobs);
    return true;
}

static double run_whole(struct mir_bench *b, void *context)
{
    struct whole_run *r = context;
    struct mir_sim *sim = open_sim(&r->options);
    double jobs_per_s = NAN;
    int64_t start_ns;

    if (sim == NULL)
        return NAN;
    start_ns = mir_clock_cpu_ns();
    mir_sim_run(sim);
    jobs_per_s = (double)r->world.workload.n_jobs / mir_bench_seconds_since(start_ns);
    if (!same_starts(r, mir_sim_starts(sim)) ||
        !note_waits(b, &r->world.workload, mir_sim_starts(sim)))
        jobs_per_s = NAN;
    mir_sim_destroy(sim);
    return jobs_per_s;
}

/* False: there should be one, and it is not there or not usable. */
static bool read_reference(struct whole_run *r)
{
    struct mir_error err = {{0}};
    char *path;
    int rc = -1;

    if (r->whole->starts == NULL)
        return true;
    path = mir_shared_path(r->whole->starts);
    if (path != NULL)
        rc = mir_reference_read(path, r->whole->column, &r->reference, &err);
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", r->whole->starts, path != NULL ? err.text : "not there");
    free(path);
    return rc == 0;
}

/* The obvious program that also gives the reference's schedule: what is there to gain? */
static double run_oracle(struct mir_bench *b, void *context)
{
    struct whole_run *r = context;
    const struct mir_workload *w = &r->world.workload;
    struct mir_oracle_job *jobs = MIR_NEW_ARRAY(struct mir_oracle_job, w->n_jobs);
    int64_t *starts = MIR_NEW_ARRAY(int64_t, w->n_jobs);
    int64_t start_ns = mir_clock_cpu_ns();
    double jobs_per_s;

    for (size_t i = 0; i < w->n_jobs; i++)
        jobs[i] = (struct mir_oracle_job){.submit_at = w->jobs[i].submit_at,
                                          .run_s = w->jobs[i].run_s,
                                          .limit_s = w->jobs[i].limit_s,
                                          .n_nodes = w->jobs[i].n_nodes};
    mir_oracle_schedule(MIR_ORACLE_EASY_BATCH, r->whole->n_nodes, jobs, w->n_jobs);
    jobs_per_s = (double)w->n_jobs / mir_bench_seconds_since(start_ns);
    for (size_t i = 0; i < w->n_jobs; i++)
        starts[i] = jobs[i].start_at;
    if (!same_starts(r, starts) || !note_waits(b, w, starts))
        jobs_per_s = NAN;
    free(starts);
    free(jobs);
    return jobs_per_s;
}

static void compare_with_oracle(struct mir_bench *b, struct whole_run *r, double easy)
{
    double oracle, ratio;

    if (b->quick)
        return;
    oracle = mir_bench_measure(b, "easy_kth_oracle", "jobs/s", run_oracle, r);
    ratio = easy / oracle;
    if (!isnan(ratio))
        mir_bench_print(b, "easy_kth_ratio", "times", ratio, ratio, ratio, 1);
}

static void bench_whole(struct mir_bench *b, const struct whole *whole)
{
    struct whole_run r = {.whole = whole};

    if ((b->quick && !whole->quick) || !mir_bench_wants(b, whole->name) ||
        !world_open(b, &r.world, whole->trace, whole->scheduler, whole->n_nodes))
        return;
    options_of(&r.world, &r.options);
    r.options.event_order = whole->event_order;
    r.options.node_identity = whole->node_identity;
    r.options.keep_starts = true;
    if (read_reference(&r)) {
        double figure = mir_bench_measure(b, whole->name, "jobs/s", run_whole, &r);

        if (whole == &wholes[0])
            compare_with_oracle(b, &r, figure);
    } else {
        b->n_failed++;
    }
    mir_reference_release(&r.reference);
    world_release(&r.world);
}

/* ---- February on the TACC machine: forks and probes of the live state */

struct february {
    struct mir_sim *start; /* at the end of January */
    struct mir_sim *sim;   /* goes through February */
    struct mir_sim *scratch;
    uint32_t n_nodes; /* of the job that is probed; 0: forks only */
    double wait_s;    /* of all probes together */
    double spent_s;   /* futures only */
};

/* One instant's work: returns how many forks or probes were made. */
static int work_at_instant(struct february *f)
{
    enum { N_FORKS = 20 };
    const struct mir_request request = {
        .n_nodes = f->n_nodes, .limit_s = 48 * HOUR_S, .run_s = 48 * HOUR_S};

    if (f->n_nodes > 0) {
        int64_t now = mir_sim_now(f->sim), until = now + 60 * DAY_S;
        int64_t start_at = mir_sim_probe(f->sim, f->scratch, &request, until);

        f->wait_s += (double)((start_at < until ? start_at : until) - now);
        return 1;
    }
    for (int i = 0; i < N_FORKS; i++)
        mir_sim_copy(f->scratch, f->sim);
    return N_FORKS;
}

/* Every 8th decision instant of the month; only the work counts, not the way there. */
static double run_february(struct mir_bench *b, void *context)
{
    struct february *f = context;
    int64_t step_s = (b->quick ? 128 : 8) * DECISION_S;
    double spent_s = 0;
    int n = 0;

    f->wait_s = 0;
    mir_sim_copy(f->sim, f->start);
    for (int64_t at = FEBRUARY_AT; at < MARCH_AT; at += step_s) {
        int64_t start_ns;

        mir_sim_advance(f->sim, at);
        start_ns = mir_clock_cpu_ns();
        n += work_at_instant(f);
        spent_s += mir_bench_seconds_since(start_ns);
    }
    if (f->n_nodes > 0)
        snprintf(b->note, sizeof b->note, "%d probes, mean wait %.0f s", n, f->wait_s / n);
    return f->n_nodes > 0 ? n / spent_s : spent_s * 1e9 / n;
}

static void measure_february(struct mir_bench *b, struct february *f)
{
    static const struct {
        const char *name, *unit;
        uint32_t n_nodes;
    } cases[] = {{"fork", "ns", 0}, {"probe_1", "probes/s", 1}, {"probe_8", "probes/s", 8}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->n_nodes = cases[i].n_nodes;
        if (mir_bench_wants(b, cases[i].name))
            mir_bench_measure(b, cases[i].name, cases[i].unit, run_february, f);
    }
}

/* ---- February once more: futures of what a snapshot shows */

enum { N_ARRIVALS = 300 };

struct futures {
    struct february *february;
    const struct mir_workload *workload;
    struct mir_seed_bed *bed;
    struct mir_sim *scratch; /* for probes; made from the first planted simulator */
    struct mir_snapshot queue;
    int32_t *left_s, *run_s;
    size_t cap_left, cap_run;
    struct mir_seed_arrival arrivals[N_ARRIVALS];
    size_t n_running, n_pending; /* of all instants together */
    bool probes;
};

/* Everybody runs for half of what is left to him; the log's next arrivals come. */
static struct mir_seed seed_of(struct futures *u)
{
    const struct mir_workload *w = u->workload;
    const struct mir_snapshot *q = &u->queue;
    size_t next = mir_workload_find(w, q->now + 1);
    struct mir_seed seed = {.queue = q, .arrivals = u->arrivals};

    u->left_s = mir_grow(u->left_s, &u->cap_left, q->n_running + 1, sizeof *u->left_s);
    u->run_s = mir_grow(u->run_s, &u->cap_run, q->n_pending + 1, sizeof *u->run_s);
    for (size_t i = 0; i < q->n_running; i++)
        u->left_s[i] = (int32_t)(q->running[i].planned_end_at - q->now + 1) / 2;
    for (size_t i = 0; i < q->n_pending; i++)
        u->run_s[i] = (q->pending[i].limit_s + 1) / 2;
    for (size_t i = next; i < w->n_jobs && seed.n_arrivals < N_ARRIVALS; i++)
        u->arrivals[seed.n_arrivals++] =
            (struct mir_seed_arrival){.submit_at = w->jobs[i].submit_at,
                                      .n_nodes = w->jobs[i].n_nodes,
                                      .limit_s = w->jobs[i].limit_s,
                                      .run_s = w->jobs[i].run_s,
                                      .user = w->jobs[i].user};
    seed.running_left_s = u->left_s;
    seed.pending_run_s = u->run_s;
    return seed;
}

/* A successor submitted now, in two hours, in four ...: 13 probes of one future. */
static int probe_future(struct futures *u, struct mir_sim *sim)
{
    const struct mir_request request = {.n_nodes = 1, .limit_s = 48 * HOUR_S, .run_s = 48 * HOUR_S};
    int64_t now = mir_sim_now(sim);
    int n = 0;

    if (u->scratch == NULL)
        u->scratch = mir_sim_fork(sim);
    for (int64_t at = now; at <= now + DAY_S; at += 2 * HOUR_S, n++) {
        mir_sim_advance(sim, at);
        u->february->wait_s +=
            (double)(mir_sim_probe(sim, u->scratch, &request, at + 60 * DAY_S) - at);
    }
    return n;
}

static int futures_at_instant(struct futures *u)
{
    enum { N_PLANTS = 20 };
    struct mir_host *host = mir_sim_host(u->february->sim);

    int64_t start_ns;
    double *spent_s = &u->february->spent_s;
    struct mir_seed seed;
    int n = 0;

    if (host->ops->observe(host, MIR_SNAPSHOT_JOBS, &u->queue, NULL) != 0)
        return 0;
    seed = seed_of(u);
    u->n_running += u->queue.n_running;
    u->n_pending += u->queue.n_pending;
    start_ns = mir_clock_cpu_ns();
    if (u->probes)
        n = probe_future(u, mir_seed_bed_plant(u->bed, &seed));
    for (; !u->probes && n < N_PLANTS; n++)
        mir_seed_bed_plant(u->bed, &seed);
    *spent_s += mir_bench_seconds_since(start_ns);
    return n;
}

static double run_futures(struct mir_bench *b, void *context)
{
    struct futures *u = context;
    struct february *f = u->february;
    int64_t step_s = (b->quick ? 128 : 8) * DECISION_S;
    int n = 0, n_instants = 0;

    f->wait_s = f->spent_s = 0;
    u->n_running = u->n_pending = 0;
    mir_sim_copy(f->sim, f->start);
    for (int64_t at = FEBRUARY_AT; at < MARCH_AT; at += step_s, n_instants++) {
        mir_sim_advance(f->sim, at);
        n += futures_at_instant(u);
    }
    snprintf(b->note, sizeof b->note, "%zu running, %zu pending, mean wait %.0f s",
             u->n_running / (size_t)n_instants, u->n_pending / (size_t)n_instants,
             u->probes ? f->wait_s / n : 0.0);
    return u->probes ? n / f->spent_s : f->spent_s * 1e9 / n;
}

static void measure_futures(struct mir_bench *b, struct february *f, const struct world *w)
{
    struct futures u = {.february = f, .workload = &w->workload};

    u.bed = mir_seed_bed_create(&w->cluster, NULL, 0, NULL, 0);
    if (mir_bench_wants(b, "plant"))
        mir_bench_measure(b, "plant", "ns", run_futures, &u);
    u.probes = true;
    if (mir_bench_wants(b, "future_probe"))
        mir_bench_measure(b, "future_probe", "probes/s", run_futures, &u);
    mir_sim_destroy(u.scratch);
    mir_seed_bed_destroy(u.bed);
    free(u.left_s);
    free(u.run_s);
}

static void bench_february(struct mir_bench *b)
{
    struct mir_sim_options options;
    struct february f = {0};
    struct world w;

    if (!(mir_bench_wants(b, "fork") || mir_bench_wants(b, "probe_1") ||
          mir_bench_wants(b, "probe_8") || mir_bench_wants(b, "plant") ||
          mir_bench_wants(b, "future_probe")) ||
        !world_open(b, &w, TACC, MIR_SCHED_SLURM, TACC_NODES))
        return;
    options_of(&w, &options);
    f.start = open_sim(&options);
    if (f.start != NULL) {
        mir_sim_advance(f.start, FEBRUARY_AT - 1);
        f.sim = mir_sim_fork(f.start);
        f.scratch = mir_sim_fork(f.start);
        measure_february(b, &f);
        measure_futures(b, &f, &w);
        mir_sim_destroy(f.scratch);
        mir_sim_destroy(f.sim);
        mir_sim_destroy(f.start);
    } else {
        b->n_failed++;
    }
    world_release(&w);
}

/* ---- training episodes */

/* Seven days from an empty cluster, a state every ten minutes.  False: failed. */
static bool run_episode(const struct mir_sim_options *options, double *checksum)
{
    struct mir_paper_chain chain = {.predecessor_limit_s = 48 * HOUR_S,
                                    .predecessor_nodes = 1,
                                    .successor_limit_s = 48 * HOUR_S,
                                    .successor_nodes = 1};
    struct mir_sim *sim = open_sim(options);
    struct mir_host *host;

    if (sim == NULL)
        return false;
    host = mir_sim_host(sim);
    for (int64_t at = options->from_at; at < options->to_at; at += DECISION_S) {
        struct mir_snapshot queue;
        float state[MIR_PAPER_WIDTH];

        mir_sim_advance(sim, at);
        if (host->ops->observe(host, MIR_SNAPSHOT_SUMMARY, &queue, NULL) != 0)
            break;
        chain.predecessor_elapsed_s = (int32_t)(at - options->from_at);
        mir_paper_state(&queue, &chain, state);
        *checksum += (double)state[0] + (double)state[31];
    }
    mir_sim_destroy(sim);
    return true;
}

static double run_episodes(struct mir_bench *b, void *context)
{
    const struct world *w = context;
    int64_t every_s = (b->quick ? 72 : 6) * HOUR_S;
    int64_t start_ns = mir_clock_cpu_ns();
    struct mir_sim_options options;
    double checksum = 0, spent_s;
    size_t n_jobs = 0;
    int n = 0;

    options_of(w, &options);
    options.keep_summary = true;
    for (int64_t at = FEBRUARY_AT; at + 7 * DAY_S <= MARCH_AT; at += every_s) {
        options.from_at = at;
        options.to_at = at + 7 * DAY_S;
        if (!run_episode(&options, &checksum))
            return NAN;
        n++;
        n_jobs += mir_workload_find(&w->workload, options.to_at) -
                  mir_workload_find(&w->workload, options.from_at);
    }
    spent_s = mir_bench_seconds_since(start_ns);
    snprintf(b->note, sizeof b->note, "%d episodes, %zu jobs each, checksum %.0f", n,
             n_jobs / (size_t)n, checksum);
    return n / spent_s;
}

static void bench_episodes(struct mir_bench *b, const char *name, enum mir_scheduler scheduler)
{
    struct world w;

    if (!mir_bench_wants(b, name) || !world_open(b, &w, TACC, scheduler, TACC_NODES))
        return;
    mir_bench_measure(b, name, "episodes/s", run_episodes, &w);
    world_release(&w);
}

/* ---- readers */

static double run_read(struct mir_bench *b, void *context)
{
    const char *trace = *(const char *const *)context;
    struct mir_read_result result;
    struct mir_joblog log;
    int64_t start_ns = mir_clock_cpu_ns();
    double lines_per_s = NAN;

    if (read_shared(trace, &log, &result) == 0) {
        lines_per_s = (double)result.n_lines / mir_bench_seconds_since(start_ns);
        snprintf(b->note, sizeof b->note, "%" PRIu64 " lines", result.n_lines);
    }
    mir_joblog_release(&log);
    return lines_per_s;
}

static void bench_read(struct mir_bench *b, const char *name, const char *trace)
{
    if (mir_bench_wants(b, name) && is_there(trace))
        mir_bench_measure(b, name, "lines/s", run_read, &trace);
}

int main(int argc, char **argv)
{
    struct mir_bench b = {0};
    int rc = mir_bench_options(&b, argc, argv);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++)
        bench_whole(&b, &wholes[i]);
    bench_february(&b);
    bench_episodes(&b, "episode_easy", MIR_SCHED_EASY);
    bench_episodes(&b, "episode_slurm", MIR_SCHED_SLURM);
    bench_read(&b, "read_kth", KTH);
    if (!b.quick)
        bench_read(&b, "read_ricc", RICC);
    return mir_bench_end(&b);
}
