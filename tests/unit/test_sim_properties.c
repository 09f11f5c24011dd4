/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_sim_properties.c - what must hold of the simulator whatever it is fed:
 * nothing overbooked, nothing wasted, nobody early, summaries that add up.
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "tests/oracle/trial.h"

/* ---- allocation */

static uint64_t used_nodes(const struct mir_snapshot *s)
{
    uint64_t n = 0;

    for (size_t i = 0; i < s->n_running; i++)
        n += s->running[i].n_nodes;
    return n;
}

/*
 * Jobs that may only run on the nodes of `sets` never hold more than those:
 * Hall's condition, for every union of node sets.
 */
static void claim_sets_hold(const struct mir_trial *t, const struct mir_snapshot *s)
{
    const struct mir_cluster *c = &t->w.cluster;

    for (uint64_t sets = 1; sets < UINT64_C(1) << c->n_node_sets; sets++) {
        uint64_t used = 0, there = 0;

        for (uint32_t i = 0; i < c->n_node_sets; i++)
            there += sets >> i & 1 ? c->node_sets[i].n_nodes : 0;
        for (size_t i = 0; i < s->n_running; i++) {
            uint16_t p = t->w.workload.partition_of[s->running[i].partition];

            if ((c->partitions[p].node_sets & ~sets) == 0)
                used += s->running[i].n_nodes;
        }
        CLAIM(t, used <= there, "node sets %" PRIx64 " at %" PRId64, sets, s->now);
    }
}

static void never_more_allocated(struct mir_trial *t)
{
    struct mir_sim *sim = mir_trial_open(t);
    uint32_t n_nodes = mir_cluster_nodes(&t->w.cluster);

    for (size_t i = 0; i < t->n_instants; i++) {
        struct mir_snapshot s;

        mir_sim_advance(sim, t->instants[i]);
        mir_trial_observe(t, sim, &s);
        CLAIM(t, used_nodes(&s) + s.n_nodes_free <= n_nodes, "at %" PRId64, s.now);
        if (t->w.capacity.n_steps == 0)
            CLAIM(t, used_nodes(&s) + s.n_nodes_free == n_nodes, "at %" PRId64, s.now);
        claim_sets_hold(t, &s);
    }
    mir_sim_destroy(sim);
}

static void never_more_allocated_than_exists(void **state)
{
    (void)state;
    mir_trial_check(never_more_allocated, NULL);
}

static uint64_t capacity_at(const struct mir_trial *t, int64_t at)
{
    uint64_t n = mir_cluster_nodes(&t->w.cluster);

    for (size_t i = 0; i < t->w.capacity.n_steps && t->w.capacity.steps[i].at <= at; i++)
        n = t->w.capacity.steps[i].n_nodes;
    return n;
}

static void starts_within_capacity(struct mir_trial *t)
{
    for (size_t i = 0; i < t->w.workload.n_jobs; i++) {
        int64_t at = t->starts[i];
        uint64_t used = 0;

        for (size_t k = 0; k < t->w.workload.n_jobs; k++) {
            const struct mir_job *job = &t->w.workload.jobs[k];

            if (t->starts[k] <= at && at < t->starts[k] + job->run_s)
                used += job->n_nodes;
        }
        CLAIM(t, used <= capacity_at(t, at), "job %zu at %" PRId64, i, at);
    }
}

static bool with_capacity(const struct mir_trial_kind *kind)
{
    return (kind->features & MIR_WORLD_CAPACITY) != 0;
}

static void nothing_starts_on_nodes_out_of_service(void **state)
{
    (void)state;
    mir_trial_check(starts_within_capacity, with_capacity);
}

/* ---- what starts, and when */

static int64_t cancelled_at(const struct mir_trial *t, const struct mir_job *job)
{
    int32_t after_s = mir_joblog_get_extra(&t->w.log, job)->cancelled_s;

    return after_s < 0 ? INT64_MAX : job->submit_at + after_s;
}

static void all_start(struct mir_trial *t)
{
    for (size_t i = 0; i < t->w.workload.n_jobs; i++) {
        const struct mir_job *job = &t->w.workload.jobs[i];

        if (t->starts[i] == INT64_MIN) {
            CLAIM(t, cancelled_at(t, job) != INT64_MAX, "job %zu never started", i);
        } else {
            CLAIM(t, t->starts[i] >= job->submit_at + job->eligible_s, "job %zu too early", i);
            CLAIM(t, t->starts[i] <= cancelled_at(t, job), "job %zu started though cancelled", i);
        }
    }
}

static void every_job_starts_once_eligible_unless_cancelled(void **state)
{
    (void)state;
    mir_trial_check(all_start, NULL);
}

/* The first that may start as far as it is concerned itself. */
static const struct mir_pending_job *head_of(const struct mir_snapshot *s)
{
    for (size_t i = 0; i < s->n_pending; i++) {
        if (s->pending[i].eligible_at <= s->now)
            return &s->pending[i];
    }
    return NULL;
}

/* How long the scheduler may sleep on a free node: textbook ones not at all. */
static int64_t patience_s(const struct mir_trial *t)
{
    if (t->kind->scheduler != MIR_SCHED_SLURM)
        return 0;
    return t->w.cluster.params.sched_interval_s + t->w.cluster.params.bf_interval_s;
}

/* Its number when it fits the free nodes, else 0. */
static uint32_t idle_head(const struct mir_trial *t, struct mir_sim *sim, int64_t at)
{
    const struct mir_pending_job *head;
    struct mir_snapshot s;

    mir_sim_advance(sim, at);
    mir_trial_observe(t, sim, &s);
    head = head_of(&s);
    return head != NULL && head->n_nodes <= s.n_nodes_free ? head->id : 0;
}

static void work_conserved(struct mir_trial *t)
{
    struct mir_sim *sim = mir_trial_open(t);

    for (size_t i = 0; i < t->n_instants; i++) {
        int64_t until = t->instants[i] + patience_s(t);
        uint32_t before = idle_head(t, sim, t->instants[i]);

        /* Nothing is submitted, starts or ends until then. */
        if (before != 0 && (i + 1 == t->n_instants || t->instants[i + 1] > until))
            CLAIM(t, idle_head(t, sim, until) != before, "job %u at %" PRId64, before, until);
    }
    mir_sim_destroy(sim);
}

/*
 * Where the head of the queue is held back by nothing but nodes.  Conservative
 * backfilling compresses once per end, so a hole that a later job leaves to an
 * earlier one stays empty until the next end (rules in tests/oracle/oracle.c).
 */
static bool with_plain_heads(const struct mir_trial_kind *kind)
{
    return kind->scheduler != MIR_SCHED_CONSERVATIVE &&
           (kind->features & (MIR_WORLD_PARTITIONS | MIR_WORLD_ARRAYS)) == 0;
}

static void no_node_idles_while_the_head_of_the_queue_fits(void **state)
{
    (void)state;
    mir_trial_check(work_conserved, with_plain_heads);
}

static void in_queue_order(struct mir_trial *t)
{
    for (size_t i = 1; i < t->w.workload.n_jobs; i++)
        CLAIM(t, t->starts[i] >= t->starts[i - 1], "job %zu overtook", i);
}

static bool without_backfill(const struct mir_trial_kind *kind)
{
    return kind->scheduler == MIR_SCHED_FCFS ||
           (kind->scheduler == MIR_SCHED_SLURM && kind->features == 0);
}

static void order_is_kept_where_nothing_backfills(void **state)
{
    (void)state;
    mir_trial_check(in_queue_order, without_backfill);
}

/* When the head would start if everybody ran to the limit. */
static int64_t shadow_of(const struct mir_snapshot *s, uint32_t n_nodes)
{
    int64_t best = INT64_MAX;

    for (size_t i = 0; i < s->n_running; i++) {
        int64_t at = s->running[i].planned_end_at;
        uint64_t n = s->n_nodes_free;

        for (size_t k = 0; k < s->n_running; k++)
            n += s->running[k].planned_end_at <= at ? s->running[k].n_nodes : 0;
        if (n >= n_nodes && at < best)
            best = at;
    }
    return best;
}

static void head_is_not_delayed(struct mir_trial *t)
{
    struct mir_sim *sim = mir_trial_open(t);
    uint32_t head = 0;
    int64_t promised = INT64_MAX;

    for (size_t i = 0; i < t->n_instants; i++) {
        struct mir_snapshot s;

        mir_sim_advance(sim, t->instants[i]);
        mir_trial_observe(t, sim, &s);
        if (s.n_pending == 0 || s.pending[0].id != head) {
            head = s.n_pending == 0 ? 0 : s.pending[0].id;
            promised = INT64_MAX;
        }
        if (head != 0) {
            int64_t shadow = shadow_of(&s, s.pending[0].n_nodes);

            CLAIM(t, shadow <= promised, "job %u: %" PRId64 " after %" PRId64, head, shadow,
                  promised);
            promised = shadow;
        }
    }
    mir_sim_destroy(sim);
}

static bool is_easy(const struct mir_trial_kind *kind)
{
    return kind->scheduler == MIR_SCHED_EASY;
}

static void backfill_never_delays_the_head_s_reservation(void **state)
{
    (void)state;
    mir_trial_check(head_is_not_delayed, is_easy);
}

/* ---- dependencies and arrays */

static int64_t end_of(const struct mir_trial *t, size_t i)
{
    return t->starts[i] == INT64_MIN ? INT64_MIN : t->starts[i] + t->w.workload.jobs[i].run_s;
}

static void claim_after(const struct mir_trial *t, size_t i, const char *text)
{
    const char *colon = strchr(text, ':');
    bool any_end = strncmp(text, "afterany:", 9) == 0;
    int64_t id = 0;

    CLAIM(t, mir_parse_i64(colon + 1, strlen(colon + 1), &id) == 0, "%s", text);
    for (size_t k = 0; k < t->w.workload.n_jobs; k++) {
        if (t->w.workload.jobs[k].id == (uint32_t)id && t->starts[k] != INT64_MIN)
            CLAIM(t, t->starts[i] >= (any_end ? end_of(t, k) : t->starts[k]), "job %zu %s", i,
                  text);
    }
}

static void claim_single(const struct mir_trial *t, size_t i)
{
    const struct mir_job *job = &t->w.workload.jobs[i];

    for (size_t k = 0; k < t->w.workload.n_jobs; k++) {
        const struct mir_job *other = &t->w.workload.jobs[k];

        if (other->id < job->id && other->user == job->user && other->name == job->name)
            CLAIM(t, t->starts[i] >= end_of(t, k), "job %zu beside %zu", i, k);
    }
}

static void dependencies_kept(struct mir_trial *t)
{
    for (size_t i = 0; i < t->w.workload.n_jobs; i++) {
        const struct mir_job *job = &t->w.workload.jobs[i];
        uint32_t number = mir_joblog_get_extra(&t->w.log, job)->dependency;
        const char *text = mir_names_get(&t->w.log.names, number);

        if (number == 0 || t->starts[i] == INT64_MIN)
            continue;
        if (strcmp(text, "singleton") == 0)
            claim_single(t, i);
        else
            claim_after(t, i, text);
    }
}

static bool with_dependencies(const struct mir_trial_kind *kind)
{
    return (kind->features & MIR_WORLD_DEPENDENCIES) != 0 &&
           (kind->features & MIR_WORLD_CANCELLATIONS) == 0;
}

static void jobs_wait_for_those_they_depend_on(void **state)
{
    (void)state;
    mir_trial_check(dependencies_kept, with_dependencies);
}

static void throttles_kept(struct mir_trial *t)
{
    for (size_t i = 0; i < t->w.workload.n_jobs; i++) {
        const struct mir_job *job = &t->w.workload.jobs[i];
        int32_t throttle = mir_joblog_get_extra(&t->w.log, job)->array_throttle;
        int32_t n = 0;

        if (job->array_task < 0 || throttle == 0)
            continue;
        for (size_t k = 0; k < t->w.workload.n_jobs; k++)
            n += t->w.workload.jobs[k].id == job->id && t->starts[k] <= t->starts[i] &&
                 t->starts[i] < end_of(t, k);
        CLAIM(t, n <= throttle, "%d tasks of job %u at %" PRId64, n, job->id, t->starts[i]);
    }
}

static bool with_arrays(const struct mir_trial_kind *kind)
{
    return (kind->features & MIR_WORLD_ARRAYS) != 0 &&
           (kind->features & MIR_WORLD_CANCELLATIONS) == 0;
}

static void arrays_keep_to_their_throttle(void **state)
{
    (void)state;
    mir_trial_check(throttles_kept, with_arrays);
}

/* ---- summaries */

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* numpy.percentile's default, on values that are sorted here. */
static void
claim_quartiles(const struct mir_trial *t, double *values, size_t n, const double shown[5])
{
    qsort(values, n, sizeof(*values), by_value);
    for (size_t i = 0; i < 5; i++) {
        double at = n == 0 ? 0 : (double)(n - 1) * (double)i / 4;
        size_t low = (size_t)at;
        double expected = n == 0 ? 0 : values[low];

        if (low + 1 < n)
            expected += (at - (double)low) * (values[low + 1] - values[low]);
        CLAIM(t, fabs(shown[i] - expected) <= 1e-9 * (1 + fabs(expected)),
              "percentile %zu of %zu: %g, not %g", 25 * i, n, shown[i], expected);
    }
}

static void claim_pending_sum(const struct mir_trial *t, const struct mir_snapshot *s)
{
    double *values = MIR_NEW_ARRAY(double, s->n_pending);
    uint64_t n_nodes = 0;

    CLAIM(t, s->pending_sum.n_jobs == s->n_pending, "at %" PRId64, s->now);
    for (size_t i = 0; i < s->n_pending; i++) {
        n_nodes += s->pending[i].n_nodes;
        values[i] = s->pending[i].limit_s;
    }
    CLAIM(t, s->pending_sum.n_nodes == n_nodes, "at %" PRId64, s->now);
    claim_quartiles(t, values, s->n_pending, s->pending_sum.limit_s);
    for (size_t i = 0; i < s->n_pending; i++)
        values[i] = (double)(s->now - s->pending[i].submit_at);
    claim_quartiles(t, values, s->n_pending, s->pending_sum.wait_s);
    free(values);
}

static void claim_running_sum(const struct mir_trial *t, const struct mir_snapshot *s)
{
    double *values = MIR_NEW_ARRAY(double, s->n_running);

    CLAIM(t, s->running_sum.n_jobs == s->n_running, "at %" PRId64, s->now);
    CLAIM(t, s->running_sum.n_nodes == used_nodes(s), "at %" PRId64, s->now);
    for (size_t i = 0; i < s->n_running; i++)
        values[i] = (double)(s->now - s->running[i].start_at);
    claim_quartiles(t, values, s->n_running, s->running_sum.elapsed_s);
    for (size_t i = 0; i < s->n_running; i++)
        values[i] = (double)(s->running[i].start_at - s->running[i].submit_at);
    claim_quartiles(t, values, s->n_running, s->running_sum.wait_s);
    for (size_t i = 0; i < s->n_running; i++)
        values[i] = (double)(s->running[i].planned_end_at - s->running[i].start_at);
    claim_quartiles(t, values, s->n_running, s->running_sum.limit_s);
    free(values);
}

static void summaries_right(struct mir_trial *t)
{
    struct mir_sim *sim = mir_trial_open(t);

    for (size_t i = 0; i < t->n_instants; i++) {
        struct mir_snapshot s;

        mir_sim_advance(sim, t->instants[i]);
        mir_trial_observe(t, sim, &s);
        claim_pending_sum(t, &s);
        claim_running_sum(t, &s);
    }
    mir_sim_destroy(sim);
}

static void summaries_are_those_of_the_jobs_listed(void **state)
{
    (void)state;
    mir_trial_check(summaries_right, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_more_allocated_than_exists),
        cmocka_unit_test(nothing_starts_on_nodes_out_of_service),
        cmocka_unit_test(every_job_starts_once_eligible_unless_cancelled),
        cmocka_unit_test(no_node_idles_while_the_head_of_the_queue_fits),
        cmocka_unit_test(order_is_kept_where_nothing_backfills),
        cmocka_unit_test(backfill_never_delays_the_head_s_reservation),
        cmocka_unit_test(jobs_wait_for_those_they_depend_on),
        cmocka_unit_test(arrays_keep_to_their_throttle),
        cmocka_unit_test(summaries_are_those_of_the_jobs_listed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
