/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bench_engine.c - what does the decision loop cost with 10,000 jobs and 200
 * chains: a pass (take the list, decide on every chain, journal, publish), and an
 * hour of questions to Slurm?  Figures that the daemon could not afford fail.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdint.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/engine/engine.h"
#include "tests/bench/bench.h"

enum {
    N_JOBS = 10000,
    N_CHAINS = 200,
    N_NAMES = 200,
    N_PAST = 100000,
    N_OPEN = 1024,
    T0 = 1700000000,
    DAY_S = 86400,
    SHORT_S = 5400,      /* limits of the chains' jobs: all need successors within two hours, */
    LONG_S = 10 * DAY_S, /* or none of them does yet */
};

static const double too_slow_ms = 500;

struct ask {
    enum mir_live_kind kind;
    uint64_t ticket;
    uint32_t id;
    struct mir_submission submission;
};

struct world {
    struct mir_live live; /* first */
    struct mir_engine_settings settings;
    struct mir_engine_rule rule;
    struct mir_policy *policy;
    struct mir_journal *journal;
    struct mir_view_board *board;
    struct mir_engine *engine;
    int64_t at, mono_ns;
    int32_t chain_limit_s;
    char names[N_NAMES][16];
    struct mir_live_job *jobs;
    char (*comments)[96];
    size_t n_jobs;
    struct mir_live_jobs list;
    struct mir_live_past *past;
    struct ask open[N_OPEN];
    size_t n_open;
    unsigned n_lists, n_looks, n_looks_now, most_looks, n_submitted;
};

/* ---- the cluster: whatever is asked is answered at the next turn ---- */

static int take(struct mir_live *l, struct ask ask)
{
    struct world *w = (struct world *)l;

    if (w->n_open == N_OPEN)
        return -16;
    w->open[w->n_open++] = ask;
    return 0;
}

static int read_jobs(struct mir_live *l, uint64_t ticket, bool full, struct mir_error *err)
{
    (void)full;
    (void)err;
    ((struct world *)l)->n_lists++;
    return take(l, (struct ask){.kind = MIR_LIVE_JOBS, .ticket = ticket});
}

static int read_job(struct mir_live *l, uint64_t ticket, uint32_t id, struct mir_error *err)
{
    (void)err;
    ((struct world *)l)->n_looks++;
    ((struct world *)l)->n_looks_now++;
    return take(l, (struct ask){.kind = MIR_LIVE_JOB, .ticket = ticket, .id = id});
}

static int read_cluster(struct mir_live *l, uint64_t ticket, struct mir_error *err)
{
    (void)err;
    return take(l, (struct ask){.kind = MIR_LIVE_CLUSTER, .ticket = ticket});
}

static int
read_history(struct mir_live *l, uint64_t ticket, int64_t from, int64_t to, struct mir_error *err)
{
    (void)from;
    (void)to;
    (void)err;
    return take(l, (struct ask){.kind = MIR_LIVE_HISTORY, .ticket = ticket});
}

static int find(struct mir_live *l,
                uint64_t ticket,
                uint32_t uid,
                const char *token,
                int64_t from,
                struct mir_error *err)
{
    (void)uid;
    (void)token;
    (void)from;
    (void)err;
    return take(l, (struct ask){.kind = MIR_LIVE_FOUND, .ticket = ticket});
}

static int capture(struct mir_live *l,
                   uint64_t ticket,
                   const struct mir_job_identity *job,
                   const char *munged,
                   struct mir_error *err)
{
    (void)munged;
    (void)err;
    return take(l, (struct ask){.kind = MIR_LIVE_CAPTURED, .ticket = ticket, .id = job->id});
}

static int submit(struct mir_live *l,
                  uint64_t ticket,
                  const struct mir_submission *submission,
                  struct mir_error *err)
{
    (void)err;
    return take(
        l, (struct ask){.kind = MIR_LIVE_SUBMITTED, .ticket = ticket, .submission = *submission});
}

static int
cancel(struct mir_live *l, uint64_t ticket, const struct mir_job_identity *job, struct mir_error *e)
{
    (void)e;
    return take(l, (struct ask){.kind = MIR_LIVE_CANCELLED, .ticket = ticket, .id = job->id});
}

static void forget(struct mir_live *l, const char *template_id)
{
    (void)l;
    (void)template_id;
}

static const struct mir_live_count *counts(const struct mir_live *l, size_t *n)
{
    (void)l;
    *n = 0;
    return NULL;
}

static const struct mir_live_ops ops = {
    .name = "bench",
    .read_jobs = read_jobs,
    .read_job = read_job,
    .read_cluster = read_cluster,
    .read_history = read_history,
    .find = find,
    .capture = capture,
    .submit = submit,
    .cancel = cancel,
    .forget = forget,
    .counts = counts,
};

static struct mir_now now_of(const struct world *w)
{
    return (struct mir_now){.wall = w->at, .mono_ns = w->mono_ns};
}

static const struct mir_live_cluster cluster = {
    .name = "bench",
    .slurm_version = "22.05.8",
    .n_nodes = 4000,
    .message_timeout_s = 10,
    .min_job_age_s = 300,
    .accounting = true,
    .stores_comment = true,
};

/* A successor waits: it takes the place of a pending job of others. */
static uint32_t obey(struct world *w, const struct mir_submission *s)
{
    struct mir_live_job *job = &w->jobs[N_CHAINS + w->n_submitted];
    size_t i = (size_t)(job - w->jobs);

    snprintf(w->comments[i], sizeof(w->comments[i]), "mirage mirage=%s.%d.%s", s->tag.chain,
             (int)s->tag.link, s->tag.token);
    job->uid = s->predecessor.uid;
    job->state = MIR_STATE_PENDING;
    job->submit_at = w->at;
    job->start_at = 0;
    w->n_submitted++;
    return job->id;
}

static void answer(struct world *w, const struct ask *ask)
{
    struct mir_live_event event = {
        .kind = ask->kind, .ticket = ask->ticket, .text = "", .workdir = "", .duration_ms = 20};

    w->list = (struct mir_live_jobs){.at = w->at, .jobs = w->jobs, .n_jobs = w->n_jobs};
    if (ask->kind == MIR_LIVE_JOBS) {
        event.jobs = &w->list;
    } else if (ask->kind == MIR_LIVE_JOB) {
        event.job = mir_live_jobs_find(&w->list, ask->id);
    } else if (ask->kind == MIR_LIVE_CLUSTER) {
        event.cluster = &cluster;
    } else if (ask->kind == MIR_LIVE_HISTORY) {
        event.past = w->past;
        event.n_past = N_PAST;
    } else if (ask->kind == MIR_LIVE_CAPTURED) {
        snprintf(event.template_id, sizeof(event.template_id), "%032x", ask->id);
        event.environment = MIR_ENVIRONMENT_LOGIN;
    } else if (ask->kind == MIR_LIVE_SUBMITTED) {
        event.submitted_id = obey(w, &ask->submission);
    }
    mir_engine_event(w->engine, now_of(w), &event);
}

/* One second: what was asked is answered, then the engine looks at what is due. */
static void second(struct world *w)
{
    struct ask open[N_OPEN];
    size_t n = w->n_open;

    w->at++;
    w->mono_ns += 1000000000;
    memcpy(open, w->open, n * sizeof(open[0]));
    w->n_open = 0;
    for (size_t i = 0; i < n; i++)
        answer(w, &open[i]);
    w->n_looks_now = 0;
    mir_engine_tick(w->engine, now_of(w));
    if (w->n_looks_now > w->most_looks)
        w->most_looks = w->n_looks_now;
}

/* ---- its jobs ---- */

static void make_job(struct world *w, struct mir_rng *rng, size_t i)
{
    bool chained = i < N_CHAINS, runs = chained || mir_rng_below(rng, 10) == 0;
    int64_t submit_at = T0 - (int64_t)mir_rng_below(rng, 7 * DAY_S);

    snprintf(w->comments[i], sizeof(w->comments[i]), "%s",
             chained ? "mirage:w=0.1,warmup=5m" : "words of the user's own");
    w->jobs[i] = (struct mir_live_job){
        .id = (uint32_t)i + 1,
        .uid = 1000 + (uint32_t)(i % N_NAMES),
        .gid = 1000,
        .n_nodes = 1 + (uint32_t)mir_rng_below(rng, 64),
        .n_tasks = 1,
        .priority = 1 + (uint32_t)mir_rng_below(rng, 100000),
        .flags = MIR_LIVE_BATCH,
        .limit_s = chained ? w->chain_limit_s : 60 * (1 + (int32_t)mir_rng_below(rng, 2880)),
        .state = runs ? MIR_STATE_RUNNING : MIR_STATE_PENDING,
        .submit_at = submit_at,
        .eligible_at = submit_at,
        .start_at = runs ? T0 - 30 : 0,
        .end_at = chained ? T0 - 30 + w->chain_limit_s
                  : runs  ? T0 + 30 * DAY_S
                          : 0,
        .user = w->names[i % N_NAMES],
        .account = w->names[mir_rng_below(rng, 50)],
        .partition = w->names[mir_rng_below(rng, 8)],
        .qos = w->names[mir_rng_below(rng, 4)],
        .name = "job",
        .comment = w->comments[i],
        .reason = "",
        .reservation = "",
    };
}

static void make_past(struct world *w, struct mir_rng *rng, size_t i)
{
    int64_t start_at = T0 - 25 * DAY_S + (int64_t)i * 20;
    int64_t submit_at = start_at - (int64_t)mir_rng_below(rng, DAY_S);

    w->past[i] = (struct mir_live_past){
        .id = 1000000 + (uint32_t)i,
        .uid = 1000,
        .n_nodes = 1 + (uint32_t)mir_rng_below(rng, 64),
        .limit_s = 7200,
        .state = MIR_STATE_COMPLETED,
        .submit_at = submit_at,
        .eligible_at = submit_at,
        .start_at = start_at,
        .end_at = start_at + 3600,
        .user = w->names[mir_rng_below(rng, N_NAMES)],
        .account = w->names[mir_rng_below(rng, 50)],
        .partition = w->names[mir_rng_below(rng, 8)],
        .qos = w->names[mir_rng_below(rng, 4)],
        .comment = "",
    };
}

static void fill(struct world *w)
{
    struct mir_rng rng;

    mir_rng_init(&rng, 1);
    for (int i = 0; i < N_NAMES; i++)
        (void)snprintf(w->names[i], sizeof(w->names[i]), "name%d", i);
    w->n_jobs = N_JOBS;
    w->jobs = MIR_NEW_ARRAY(struct mir_live_job, N_JOBS);
    w->comments = mir_alloc(N_JOBS, sizeof(w->comments[0]));
    w->past = MIR_NEW_ARRAY(struct mir_live_past, N_PAST);
    for (size_t i = 0; i < N_JOBS; i++)
        make_job(w, &rng, i);
    for (size_t i = 0; i < N_PAST; i++)
        make_past(w, &rng, i);
}

static int start(struct world *w, enum mir_mode mode, const char *policy, int32_t period_s)
{
    const uint64_t seed[4] = {1, 2, 3, 4};
    const struct mir_live_event up = {.kind = MIR_LIVE_UP, .text = ""};
    struct mir_error err = {{0}};
    int rc = mir_policy_create(policy, &w->policy, &err);

    w->live.ops = &ops;
    w->at = T0;
    w->mono_ns = 1000000000;
    w->rule = (struct mir_engine_rule){.policy = w->policy, .weight = 0.5};
    w->settings = (struct mir_engine_settings){
        .mode = mode,
        .rules = &w->rule,
        .n_rules = 1,
        .period_s = period_s,
        .poll_s = 60,
        .fail_within_s = 300,
        .max_failures = 3,
        .backoff_s = 60,
        .finish_margin_s = 120,
        .chains_per_user = 20,
        .history_days = 30,
        .keep_days = 90,
        .history_max = 500000,
        .enroll_by_comment = true,
        .kill_file = "",
        .min_uid = 1000,
    };
    if (rc == 0)
        rc = mir_journal_open(":memory:", &w->journal, &err);
    w->board = mir_view_board_create();
    if (rc == 0)
        rc = mir_engine_create(&w->settings, w->journal, &w->live, w->board, seed, now_of(w), NULL,
                               NULL, &w->engine, &err);
    if (rc != 0)
        fprintf(stderr, "%s\n", err.text);
    else
        mir_engine_event(w->engine, now_of(w), &up);
    return rc;
}

static struct world *world_open(enum mir_mode mode, const char *policy, int32_t period_s)
{
    struct world *w = MIR_NEW(struct world);

    w->chain_limit_s = mode == MIR_MODE_ACT ? SHORT_S : LONG_S;
    fill(w);
    if (start(w, mode, policy, period_s) != 0)
        return NULL; /* the program ends */
    for (int i = 0; i < 20; i++)
        second(w);
    return w;
}

static void world_close(struct world *w)
{
    mir_engine_destroy(w->engine);
    mir_view_board_destroy(w->board);
    mir_journal_close(w->journal);
    mir_policy_destroy(w->policy);
    free(w->jobs);
    free(w->comments);
    free(w->past);
    free(w);
}

/* ---- what is measured ---- */

static uint64_t decisions_of(const struct world *w)
{
    struct mir_view *view = mir_view_get(w->board);
    uint64_t n = view->n_decisions;

    mir_view_unref(view);
    return n;
}

/* The dearest second of each minute: a list, and a decision for every chain. */
static double run_pass(struct mir_bench *b, void *context)
{
    struct world *w = world_open(MIR_MODE_OBSERVE, context, 60);
    int n_passes = b->quick ? 5 : 60;
    double sum_ms = 0, worst_ms = 0;
    uint64_t before;

    if (w == NULL)
        return NAN;
    before = decisions_of(w);
    for (int i = 0; i < n_passes; i++) {
        double pass_ms = 0;

        for (int s = 0; s < 61; s++) { /* and all the seconds between two lists */
            int64_t start_ns = mir_clock_cpu_ns();

            second(w);
            pass_ms += mir_bench_seconds_since(start_ns) * 1000;
        }
        sum_ms += pass_ms;
        worst_ms = pass_ms > worst_ms ? pass_ms : worst_ms;
    }
    snprintf(b->note, sizeof(b->note), "%" PRIu64 " decisions a pass, worst %.1f ms",
             (decisions_of(w) - before) / (uint64_t)n_passes, worst_ms);
    world_close(w);
    if (sum_ms / n_passes <= too_slow_ms)
        return sum_ms / n_passes;
    fprintf(stderr, "%.1f ms a pass, over %.0f\n", sum_ms / n_passes, too_slow_ms);
    return NAN;
}

/* Two hours in which each of 200 chains needs a successor; counted is the dearer hour. */
static double run_lists(struct mir_bench *b, void *context)
{
    struct world *w = world_open(MIR_MODE_ACT, context, 600);
    unsigned most = 0;

    if (w == NULL)
        return NAN;
    for (int hour = 0; hour < 2; hour++) {
        unsigned before = w->n_lists;

        for (int s = 0; s < 3600; s++)
            second(w);
        most = w->n_lists - before > most ? w->n_lists - before : most;
    }
    snprintf(b->note, sizeof(b->note),
             "%u successors, %u looks at single jobs, %u a second at most", w->n_submitted,
             w->n_looks, w->most_looks);
    if (most > 60 || w->n_submitted != N_CHAINS || w->n_looks > 2 * N_CHAINS || w->most_looks > 1) {
        fprintf(stderr, "%u lists an hour; %s\n", most, b->note);
        most = 0;
    }
    world_close(w);
    return most > 0 ? (double)most : (double)NAN;
}

/* What 200 chains keep in memory once everything that is shown is there to be shown. */
static double run_memory(struct mir_bench *b, void *context)
{
    size_t before = mallinfo2().uordblks, own;
    struct world *w = world_open(MIR_MODE_OBSERVE, context, 60);

    if (w == NULL)
        return NAN;
    for (int s = 0; s < (b->quick ? 600 : 5000); s++)
        second(w);
    own = N_JOBS * (sizeof(w->jobs[0]) + sizeof(w->comments[0])) + N_PAST * sizeof(w->past[0]) +
          sizeof(*w);
    own = mallinfo2().uordblks - before - own;
    snprintf(b->note, sizeof(b->note), "journal in memory, %d starts of history included", N_PAST);
    world_close(w);
    return (double)own / 1048576;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *unit;
        mir_bench_f run;
        const char *policy;
    } figures[] = {
        {"engine_pass_reactive", "ms", run_pass, "reactive"},
        {"engine_pass_avg", "ms", run_pass, "avg"},
        {"engine_pass_qbets", "ms", run_pass, "qbets"},
        {"engine_pass_asa", "ms", run_pass, "asa"},
        {"engine_lists", "lists/h", run_lists, "lead:minutes=30"},
        {"engine_memory", "MB", run_memory, "reactive"},
    };
    struct mir_bench b = {0};
    int rc = mir_bench_options(&b, argc, argv);

    if (rc != 0)
        return rc;
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        char policy[32];

        snprintf(policy, sizeof(policy), "%s", figures[i].policy);
        if (mir_bench_wants(&b, figures[i].name))
            (void)mir_bench_measure(&b, figures[i].name, figures[i].unit, figures[i].run, policy);
    }
    return mir_bench_end(&b);
}
