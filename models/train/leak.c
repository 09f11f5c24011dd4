/* SPDX-License-Identifier: GPL-3.0-or-later */
/* leak.c - the same past with other futures: no feature may tell them apart. */
#include "models/train/leak.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "models/train/labels.h"

enum {
    DAY_S = 86400,
    WAIT_MAX_S = 30 * DAY_S, /* how long a request's true wait is looked for */
    N_CASES = 2,             /* of a request: with and without a predecessor */
};

/* How the future is changed; from DRAWN on at random, each world otherwise. */
enum future { NOBODY_COMES, ALL_TAKE_LONG, DRAWN };

/* A copy of what may be edited of a world; the rest is the true one's. */
struct copy {
    struct mir_sim_options options;
    struct mir_workload workload;
    struct mir_joblog log;
    struct mir_capacity capacity;
    uint64_t n_changed;
};

/* What the requests' features and waits are in one world. */
struct sight {
    float (*features)[MIR_N_WAIT_FEATURES]; /* of n_requests * N_CASES */
    int64_t *start_at;                      /* of n_requests */
};

/* ---- Another future */

static void *copy_of(const void *from, size_t n, size_t size)
{
    void *to = mir_alloc(n + 1, size);

    if (n > 0)
        memcpy(to, from, n * size);
    return to;
}

static void copy_init(struct copy *c, const struct mir_sim_options *o)
{
    const struct mir_workload *w = o->workload;

    *c = (struct copy){.options = *o, .workload = *w, .log = *w->log};
    c->log.jobs = copy_of(w->jobs, w->n_jobs, sizeof(*w->jobs));
    c->log.n_jobs = w->n_jobs;
    c->log.extras = copy_of(w->log->extras, w->log->n_extras, sizeof(*w->log->extras));
    c->workload.jobs = c->log.jobs;
    c->workload.log = &c->log;
    c->options.workload = &c->workload;
    if (o->capacity == NULL)
        return;
    c->capacity.n_steps = o->capacity->n_steps;
    c->capacity.steps =
        copy_of(o->capacity->steps, o->capacity->n_steps, sizeof(*o->capacity->steps));
    c->options.capacity = &c->capacity;
}

static void copy_release(struct copy *c)
{
    free(c->log.jobs);
    free(c->log.extras);
    free(c->capacity.steps);
}

static int64_t between(struct mir_rng *rng, int64_t low, int64_t high)
{
    return high > low ? low + (int64_t)mir_rng_below(rng, (uint64_t)(high - low + 1)) : low;
}

/* A run time of at least `least_s`, which its limit allows. */
static int32_t
other_run(const struct mir_job *job, int64_t least_s, enum future future, struct mir_rng *rng)
{
    bool unlimited = job->limit_s == MIR_UNLIMITED;
    int64_t most_s = unlimited ? least_s + WAIT_MAX_S : job->limit_s;

    if (future == NOBODY_COMES)
        return (int32_t)least_s;
    return (int32_t)(future == ALL_TAKE_LONG ? most_s : between(rng, least_s, most_s));
}

/* It waits or runs, and has done so for `past_s`; it runs for `least_s` at least. */
static void change_present(struct copy *c,
                           struct mir_job *job,
                           int64_t past_s,
                           int64_t least_s,
                           enum future future,
                           struct mir_rng *rng)
{
    job->run_s = other_run(job, least_s, future, rng);
    job->state = mir_rng_below(rng, 2) == 0 ? MIR_STATE_COMPLETED : MIR_STATE_FAILED;
    if (job->extra != 0 && c->log.extras[job->extra].cancelled_s >= 0)
        c->log.extras[job->extra].cancelled_s =
            future == DRAWN ? (int32_t)(past_s + between(rng, 1, DAY_S)) : MIR_UNKNOWN;
    c->n_changed++;
}

/* The log of a job that still waits tells its wait, and its priority at its start. */
static void change_waiting(struct copy *c,
                           struct mir_job *job,
                           int64_t past_s,
                           enum future future,
                           struct mir_rng *rng)
{
    change_present(c, job, past_s, 1, future, rng);
    job->wait_s = (int32_t)between(rng, 0, 10 * DAY_S);
    job->priority = (uint32_t)between(rng, 1, 100000);
}

/* Who submits two jobs of the future: exchanged, so that nobody is new or gone. */
static void swap_owners(struct mir_job *a, struct mir_job *b)
{
    const struct mir_job was = *a;

    a->user = b->user;
    a->name = b->name;
    a->account = b->account;
    b->user = was.user;
    b->name = was.name;
    b->account = was.account;
}

/*
 * A job of the future is another one, and comes at another time, or it is not seen
 * any more: it comes when all is over, since those whom fair share knows are known
 * from the beginning, whether they submit or not.
 */
static void
change_later(struct copy *c, struct mir_job *job, int64_t at, bool comes, struct mir_rng *rng)
{
    int64_t in_s = job->submit_at - at;

    c->n_changed++;
    job->submit_at = comes ? at + 1 + (int64_t)mir_rng_below(rng, (uint64_t)in_s * 2)
                           : at + 2 * WAIT_MAX_S + in_s;
    job->n_nodes = (uint32_t)between(rng, 1, job->n_nodes);
    if (job->limit_s != MIR_UNLIMITED)
        job->limit_s = (int32_t)between(rng, 1, job->limit_s);
    job->run_s = other_run(job, 1, DRAWN, rng);
    job->extra = 0;
}

static int by_arrival(const void *a, const void *b)
{
    const struct mir_job *x = a, *y = b;

    if (x->submit_at != y->submit_at)
        return x->submit_at < y->submit_at ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->array_task > y->array_task) - (x->array_task < y->array_task);
}

static void change_arrivals(struct copy *c, int64_t at, enum future future, struct mir_rng *rng)
{
    size_t known = mir_workload_find(&c->workload, at + 1), n = c->log.n_jobs - known;
    struct mir_job *later = c->log.jobs + known;

    if (future == ALL_TAKE_LONG)
        return;
    for (size_t i = 0; i < n; i++) {
        bool comes = future == DRAWN && mir_rng_below(rng, 4) != 0;

        swap_owners(&later[i], &later[mir_rng_below(rng, n)]);
        change_later(c, &later[i], at, comes, rng);
    }
    qsort(later, n, sizeof(later[0]), by_arrival);
}

/* The last step of a set stays as it is: jobs that it lets run could else never run. */
static bool is_last_of_set(const struct mir_capacity *c, size_t i)
{
    for (size_t k = i + 1; k < c->n_steps; k++)
        if (c->steps[k].node_set == c->steps[i].node_set)
            return false;
    return true;
}

static void change_capacity(struct copy *c, int64_t at, struct mir_rng *rng)
{
    for (size_t i = 0; i < c->capacity.n_steps; i++) {
        struct mir_capacity_step *step = &c->capacity.steps[i];

        if (step->at > at && !is_last_of_set(&c->capacity, i))
            step->n_nodes = (uint32_t)between(rng, 1, step->n_nodes);
    }
}

/* The log cancels it, and did so by `at`: all is known of it, whether it ran or not. */
static bool is_cancelled(const struct copy *c, const struct mir_job *job, int64_t at)
{
    int32_t cancelled_s = mir_joblog_get_extra(&c->log, job)->cancelled_s;

    return cancelled_s >= 0 && job->submit_at + cancelled_s <= at;
}

/* `starts`: of the true world's jobs, up to `at`. */
static void change_future(struct copy *c,
                          const int64_t *starts,
                          int64_t at,
                          enum future future,
                          struct mir_rng *rng)
{
    size_t known = mir_workload_find(&c->workload, at + 1);

    for (size_t i = 0; i < known; i++) {
        struct mir_job *job = &c->log.jobs[i];
        int64_t past_s = at - job->submit_at;

        if (is_cancelled(c, job, at))
            continue;
        if (starts[i] == INT64_MIN)
            change_waiting(c, job, past_s, future, rng);
        else if (starts[i] + job->run_s > at)
            change_present(c, job, past_s, at - starts[i] + 1, future, rng);
    }
    change_arrivals(c, at, future, rng);
    change_capacity(c, at, rng);
}

/* ---- One world */

int mir_leak_features(void *context,
                      const struct mir_leak_world *world,
                      const struct mir_wait_case *c,
                      float out[MIR_N_WAIT_FEATURES],
                      struct mir_error *err)
{
    struct mir_queue_outlook *outlook = mir_queue_outlook_create();

    (void)context;
    (void)err;
    mir_queue_outlook_set_window(outlook, mir_cluster_window_s(world->options->cluster));
    mir_queue_outlook_update(outlook, world->queue, world->book);
    mir_wait_features(outlook, c, out);
    mir_queue_outlook_destroy(outlook);
    return 0;
}

static int look_at_request(const struct mir_leak_options *o,
                           const struct mir_leak_world *world,
                           uint32_t i,
                           struct sight *out,
                           struct mir_error *err)
{
    mir_leak_features_f features = o->features != NULL ? o->features : mir_leak_features;
    const struct mir_request *r = &o->requests[i];
    struct mir_wait_case c = {r, mir_sim_request_priority(world->sim, r), INT64_MIN};
    int rc = features(o->context, world, &c, out->features[N_CASES * i], err);

    if (rc != 0)
        return rc;
    c.priority = NAN;
    c.predecessor_end_at = world->queue->now + DAY_S;
    return features(o->context, world, &c, out->features[N_CASES * i + 1], err);
}

static int look_at_all(const struct mir_leak_options *o,
                       const struct mir_leak_world *world,
                       struct sight *out,
                       struct mir_error *err)
{
    int64_t until = world->queue->now + WAIT_MAX_S;
    struct mir_sim *scratch = mir_sim_fork(world->sim);
    int rc = 0;

    for (uint32_t i = 0; i < o->n_requests && rc == 0; i++) {
        rc = look_at_request(o, world, i, out, err);
        out->start_at[i] = mir_sim_probe(world->sim, scratch, &o->requests[i], until);
    }
    mir_sim_destroy(scratch);
    return rc;
}

/* The world at `at`, with a simulator that has got there, as it must look to features(). */
static int look(const struct mir_leak_options *o,
                const struct mir_sim_options *options,
                struct mir_sim *sim,
                struct sight *out,
                struct mir_error *err)
{
    const unsigned all = MIR_SNAPSHOT_SUMMARY | MIR_SNAPSHOT_JOBS | MIR_SNAPSHOT_HISTORY;
    struct mir_host *host = mir_sim_host(sim);
    struct mir_job_timeline timeline = {0};
    struct mir_timeline_book book;
    struct mir_snapshot queue;
    int rc = mir_job_timeline_create(options, &timeline, err);

    if (rc != 0)
        return rc;
    mir_timeline_book_init(&book, &timeline);
    mir_timeline_book_advance(&book, mir_sim_now(sim));
    rc = host->ops->observe(host, all, &queue, err);
    if (rc == 0) {
        struct mir_leak_world world = {options, &timeline, sim, &queue, book.book};

        rc = look_at_all(o, &world, out, err);
    }
    mir_timeline_book_release(&book);
    mir_job_timeline_release(&timeline);
    return rc;
}

static int open_at(const struct mir_sim_options *options,
                   int64_t at,
                   struct mir_sim **out,
                   struct mir_error *err)
{
    struct mir_sim_options o = *options;
    int rc;

    o.keep_starts = true;
    o.keep_history = true;
    o.keep_summary = true;
    rc = mir_sim_create(&o, out, err);
    if (rc == 0)
        mir_sim_advance(*out, at);
    return rc;
}

/* ---- Comparing */

/* In order of the features' numbers; of one, the first is kept and the others counted. */
static void note_leak(struct mir_leak_report *report, const struct mir_leak *leak)
{
    uint32_t i = 0;

    while (i < report->n_leaks && report->leaks[i].feature < leak->feature)
        i++;
    if (i < report->n_leaks && report->leaks[i].feature == leak->feature) {
        report->leaks[i].n++;
        return;
    }
    memmove(&report->leaks[i + 1], &report->leaks[i], (report->n_leaks - i) * sizeof(*leak));
    report->leaks[i] = *leak;
    report->n_leaks++;
}

static bool same_number(float a, float b)
{
    return memcmp(&a, &b, sizeof(a)) == 0 || (isnan(a) && isnan(b));
}

static void compare(const struct mir_leak_options *o,
                    int64_t at,
                    const struct sight *here,
                    const struct sight *elsewhere,
                    struct mir_leak_report *report)
{
    for (uint32_t i = 0; i < o->n_requests * N_CASES; i++) {
        report->n_compared++;
        for (unsigned k = 0; k < MIR_N_WAIT_FEATURES; k++) {
            float a = here->features[i][k], b = elsewhere->features[i][k];
            const struct mir_leak leak = {
                k, mir_wait_feature_table[k].name, at, (double)a, (double)b, 1};

            if (!same_number(a, b))
                note_leak(report, &leak);
        }
    }
    for (uint32_t i = 0; i < o->n_requests; i++) {
        report->n_waits++;
        report->n_waits_changed += here->start_at[i] != elsewhere->start_at[i];
    }
}

static void sight_init(struct sight *s, uint32_t n_requests)
{
    s->features = mir_alloc((size_t)n_requests * N_CASES, sizeof(s->features[0]));
    s->start_at = MIR_NEW_ARRAY(int64_t, n_requests);
}

static void sight_release(struct sight *s)
{
    free(s->features);
    free(s->start_at);
}

static int check_world(const struct mir_leak_options *o,
                       const struct mir_sim *true_sim,
                       const struct sight *here,
                       struct mir_rng *rng,
                       enum future future,
                       struct mir_leak_report *report,
                       struct mir_error *err)
{
    int64_t at = mir_sim_now(true_sim);
    struct sight elsewhere;
    struct mir_sim *sim = NULL;
    struct copy c;
    int rc;

    copy_init(&c, o->sim);
    sight_init(&elsewhere, o->n_requests);
    change_future(&c, mir_sim_starts(true_sim), at, future, rng);
    rc = open_at(&c.options, at, &sim, err);
    if (rc == 0)
        rc = look(o, &c.options, sim, &elsewhere, err);
    if (rc == 0) {
        compare(o, at, here, &elsewhere, report);
        report->n_changed += c.n_changed;
    }
    mir_sim_destroy(sim);
    sight_release(&elsewhere);
    copy_release(&c);
    return rc;
}

static int check_instant(const struct mir_leak_options *o,
                         uint32_t instant,
                         struct mir_leak_report *report,
                         struct mir_error *err)
{
    struct mir_sim *sim = NULL;
    struct mir_rng rng;
    struct sight here;
    int rc = open_at(o->sim, o->instants[instant], &sim, err);

    if (rc != 0)
        return rc;
    mir_rng_init_stream(&rng, o->seed, instant);
    sight_init(&here, o->n_requests);
    rc = look(o, o->sim, sim, &here, err);
    for (uint32_t i = 0; i < o->n_worlds && rc == 0; i++)
        rc = check_world(o, sim, &here, &rng, i < DRAWN ? i : DRAWN, report, err);
    sight_release(&here);
    mir_sim_destroy(sim);
    return rc;
}

int mir_leak_check(const struct mir_leak_options *o,
                   struct mir_leak_report *out,
                   struct mir_error *err)
{
    int rc = 0;

    *out = (struct mir_leak_report){0};
    if (o->n_instants == 0 || o->n_requests == 0 || o->n_worlds == 0)
        return mir_error_set(err, -EINVAL, "no instant, request or other world to compare");
    for (uint32_t i = 0; i < o->n_instants && rc == 0; i++)
        rc = check_instant(o, i, out, err);
    if (rc == 0 && out->n_changed == 0)
        return mir_error_set(err, -ENODATA, "after the instants given nothing happens");
    return rc;
}

char *mir_leak_text(const struct mir_leak_report *report, char *buf, size_t size)
{
    size_t len;

    if (report->n_leaks == 0) {
        double share = report->n_waits > 0
                           ? 100.0 * (double)report->n_waits_changed / (double)report->n_waits
                           : 0;

        (void)snprintf(buf, size,
                       "no feature sees the future: %" PRIu64 " states compared with others of "
                       "the same past, in which %.0f %% of the waits are different",
                       report->n_compared, share);
        return buf;
    }
    (void)snprintf(buf, size, "LEAK: %" PRIu32 " of %d features see the future:", report->n_leaks,
                   MIR_N_WAIT_FEATURES);
    for (uint32_t i = 0; i < report->n_leaks; i++) {
        len = strlen(buf);
        (void)snprintf(buf + len, size - len, "%s %s", i > 0 ? "," : "", report->leaks[i].name);
    }
    return buf;
}
