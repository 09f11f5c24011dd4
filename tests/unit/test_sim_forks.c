/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_sim_forks.c - time in pieces, copies, probes and single jobs of the
 * simulator: none of them may change what happens.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/oracle/trial.h"

/* ---- time in pieces, forks, probes, bytes */

static void same_in_pieces(struct mir_trial *t)
{
    struct mir_sim *sim = mir_trial_open(t);
    int64_t last = t->instants[t->n_instants - 1];

    for (int64_t at = t->instants[0]; at <= last;
         at += mir_random_between(&t->w.rng, 0, 2 * t->w.max_run_s)) {
        mir_sim_advance(sim, at);
        CLAIM(t, mir_sim_now(sim) == at, "at %" PRId64, at);
    }
    mir_sim_run(sim);
    mir_trial_claim_starts(t, sim);
    mir_sim_destroy(sim);
}

static void time_in_pieces_is_the_same_time(void **state)
{
    (void)state;
    mir_trial_check(same_in_pieces, NULL);
}

static void same_again(struct mir_trial *t)
{
    struct mir_trial other;

    mir_trial_init(&other, t->kind, t->w.seed);
    mir_trial_claim_starts(t, other.sim);
    CLAIM(t,
          memcmp(mir_sim_counters(t->sim), mir_sim_counters(other.sim),
                 sizeof(struct mir_sim_counters)) == 0,
          "counters");
    mir_trial_release(&other);
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    mir_trial_check(same_again, NULL);
}

static void claim_same_view(const struct mir_trial *t, struct mir_sim *a, struct mir_sim *b)
{
    struct mir_snapshot x, y;

    mir_trial_observe(t, a, &x);
    mir_trial_observe(t, b, &y);
    CLAIM(t, x.now == y.now && x.n_nodes == y.n_nodes && x.n_nodes_free == y.n_nodes_free,
          "at %" PRId64, x.now);
    CLAIM(t, x.n_pending == y.n_pending && x.n_running == y.n_running, "at %" PRId64, x.now);
    for (size_t i = 0; i < x.n_pending; i++)
        CLAIM(t,
              x.pending[i].id == y.pending[i].id && x.pending[i].priority == y.pending[i].priority,
              "pending %zu at %" PRId64, i, x.now);
    for (size_t i = 0; i < x.n_running; i++)
        CLAIM(t,
              x.running[i].id == y.running[i].id && x.running[i].start_at == y.running[i].start_at,
              "running %zu at %" PRId64, i, x.now);
}

static void fork_is_the_same(struct mir_trial *t)
{
    size_t from;
    struct mir_sim *sim = mir_trial_open_midway(t, &from);
    struct mir_sim *child = mir_sim_fork(sim);

    claim_same_view(t, sim, child);
    for (size_t i = from + 1; i < t->n_instants; i++) {
        mir_sim_advance(child, t->instants[i]);
        mir_sim_advance(sim, t->instants[i]);
        claim_same_view(t, sim, child);
    }
    mir_sim_destroy(child);
    mir_sim_run(sim);
    mir_trial_claim_starts(t, sim);
    mir_sim_destroy(sim);
}

static void a_fork_behaves_as_the_original(void **state)
{
    (void)state;
    mir_trial_check(fork_is_the_same, NULL);
}

static void fork_leaves_alone(struct mir_trial *t)
{
    size_t from, other;
    struct mir_sim *sim = mir_trial_open_midway(t, &from);
    struct mir_sim *scratch = mir_trial_open_midway(t, &other);
    uint64_t serial;

    for (int i = 0; i < 3; i++) {
        struct mir_request request = mir_random_request(&t->w);

        mir_sim_copy(scratch, sim);
        claim_same_view(t, sim, scratch);
        CLAIM(t, mir_sim_submit(scratch, &request, &serial, NULL) == 0, "copy %d", i);
        mir_sim_run(scratch);
    }
    mir_sim_destroy(scratch);
    mir_sim_run(sim);
    mir_trial_claim_starts(t, sim);
    mir_sim_destroy(sim);
}

static void what_a_copy_does_leaves_the_original_alone(void **state)
{
    (void)state;
    mir_trial_check(fork_leaves_alone, NULL);
}

/* The long way to what a probe answers. */
static int64_t start_by_hand(const struct mir_trial *t,
                             const struct mir_sim *sim,
                             const struct mir_request *request,
                             int64_t until)
{
    struct mir_sim *child = mir_sim_fork(sim);
    uint64_t serial = 0;
    int64_t start_at;

    CLAIM(t, mir_sim_submit(child, request, &serial, NULL) == 0, "at %" PRId64, mir_sim_now(sim));
    start_at = mir_sim_advance_to_start(child, serial, until);
    mir_sim_destroy(child);
    return start_at;
}

static void probe_is_right(struct mir_trial *t)
{
    size_t from;
    struct mir_sim *sim = mir_trial_open_midway(t, &from);
    struct mir_sim *scratch = mir_sim_fork(sim);

    for (int i = 0; i < 4; i++) {
        struct mir_request request = mir_random_request(&t->w);
        int64_t until = mir_sim_now(sim) + mir_random_between(&t->w.rng, 0, 20 * t->w.max_run_s);
        int64_t start_at = mir_sim_probe(sim, scratch, &request, until);

        CLAIM(t, start_at == start_by_hand(t, sim, &request, until), "probe %d at %" PRId64, i,
              mir_sim_now(sim));
        CLAIM(t, start_at == INT64_MAX || (start_at >= mir_sim_now(sim) && start_at <= until),
              "start %" PRId64, start_at);
    }
    mir_sim_destroy(scratch);
    mir_sim_run(sim);
    mir_trial_claim_starts(t, sim);
    mir_sim_destroy(sim);
}

static void a_probe_answers_what_submitting_on_a_fork_shows(void **state)
{
    (void)state;
    mir_trial_check(probe_is_right, NULL);
}

/* The host's own probe, submission and status tell the same story. */
static void host_agrees(struct mir_trial *t)
{
    size_t from;
    struct mir_sim *sim = mir_trial_open_midway(t, &from);
    struct mir_host *host = mir_sim_host(sim);
    struct mir_request request = mir_random_request(&t->w);
    struct mir_job_status status;
    struct mir_job_ref job;
    int64_t start_at = 0;

    CLAIM(t, host->ops->probe(host, &request, &start_at, NULL) == 0, "probe");
    CLAIM(t, host->ops->submit(host, &request, &job, NULL) == 0, "submit");
    mir_sim_run(sim);
    CLAIM(t, host->ops->status(host, job, &status, NULL) == 0, "status");
    CLAIM(t, status.start_at == start_at, "start %" PRId64 ", probe %" PRId64, status.start_at,
          start_at);
    CLAIM(t, status.end_at == start_at + (request.run_s < 0 ? request.limit_s : request.run_s),
          "end %" PRId64, status.end_at);
    mir_sim_destroy(sim);
}

static void the_host_s_probe_comes_true(void **state)
{
    (void)state;
    mir_trial_check(host_agrees, NULL);
}

static void cancelled_is_gone(struct mir_trial *t)
{
    size_t from;
    struct mir_sim *sim = mir_trial_open_midway(t, &from);
    struct mir_host *host = mir_sim_host(sim);
    struct mir_request request = mir_random_request(&t->w);
    struct mir_sim *before = mir_sim_fork(sim);
    struct mir_job_ref job;

    /* Submitted and cancelled in one instant before anything starts it: as if it never was. */
    CLAIM(t, host->ops->submit(host, &request, &job, NULL) == 0, "submit");
    CLAIM(t, host->ops->cancel(host, job, NULL) == 0, "cancel");
    CLAIM(t, host->ops->cancel(host, job, NULL) == -ESRCH, "cancel again");
    claim_same_view(t, sim, before);
    mir_sim_destroy(before);
    mir_sim_destroy(sim);
}

/* Conservative and the like may start a job in the very call that submits it. */
static bool is_slurm(const struct mir_trial_kind *kind)
{
    return kind->scheduler == MIR_SCHED_SLURM;
}

static void a_job_cancelled_at_once_leaves_no_trace(void **state)
{
    (void)state;
    mir_trial_check(cancelled_is_gone, is_slurm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_in_pieces_is_the_same_time),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(a_fork_behaves_as_the_original),
        cmocka_unit_test(what_a_copy_does_leaves_the_original_alone),
        cmocka_unit_test(a_probe_answers_what_submitting_on_a_fork_shows),
        cmocka_unit_test(the_host_s_probe_comes_true),
        cmocka_unit_test(a_job_cancelled_at_once_leaves_no_trace),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
