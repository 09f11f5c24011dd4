/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_queue.c - lists of jobs to snapshots and lessons.  Random cases print
 * their seed.
 */
#include <inttypes.h>

#include "daemon/core/rng.h"
#include "tests/unit/queue_rig.h"

static size_t n_new(const struct mir_queue *q)
{
    size_t n;

    (void)mir_queue_new_starts(q, &n);
    return n;
}

static size_t n_history(struct mir_queue *q)
{
    return mir_history_len(&mir_queue_snapshot(q, AT)->history);
}

static void puts_pending_jobs_in_slurm_s_order(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[] = {
        pending_job(1, 10, 500), pending_job(2, 30, 900), pending_job(3, 10, 400),
        pending_job(4, 10, 400), pending_job(5, 0, 100),
    };
    static const uint32_t expected[] = {2, 3, 4, 1, 5};
    const struct mir_snapshot *s;

    (void)state;
    update(q, jobs, 5);
    s = mir_queue_snapshot(q, AT);
    assert_int_equal(s->n_pending, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(s->pending[i].id, expected[i]);
    assert_true(s->pending[0].priority >= 30 && s->pending[0].priority <= 30);
    assert_int_equal(s->pending_sum.n_jobs, 5);
    assert_int_equal(s->pending_sum.n_nodes, 10);
    assert_int_equal((int64_t)s->pending_sum.wait_s[4], AT - 100);
    assert_int_equal((int64_t)s->pending_sum.wait_s[0], AT - 900);
    assert_int_equal((int64_t)mir_queue_snapshot(q, AT + 7)->pending_sum.wait_s[0], AT - 893);
    mir_queue_destroy(q);
}

/* Slurm's order, as it is written down: the higher priority, then the older, then the lower id. */
static void check_order(const struct mir_pending_job *a, const struct mir_pending_job *b)
{
    assert_true(a->priority >= b->priority);
    if (a->priority > b->priority)
        return;
    assert_true(a->submit_at <= b->submit_at);
    if (a->submit_at == b->submit_at)
        assert_true(a->id < b->id);
}

static void puts_thousands_of_jobs_in_that_order_too(void **state)
{
    enum { N = 3000 };
    static struct mir_live_job jobs[N];
    static bool seen[N + 1];
    const uint64_t seed = 20261121;
    struct mir_rng rng;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    mir_rng_init(&rng, seed);
    for (int round = 0; round < 8; round++) {
        uint64_t most = round % 2 == 0 ? 40 : UINT32_MAX;
        struct mir_queue *q = mir_queue_create(100);
        size_t n = round < 6 ? N : (size_t)round - 5;
        const struct mir_snapshot *s;

        for (uint32_t i = 0; i < n; i++)
            jobs[i] = pending_job(i + 1, (uint32_t)(most - mir_rng_below(&rng, most)),
                                  500 + (int64_t)mir_rng_below(&rng, 20));
        update(q, jobs, n);
        update(q, jobs, n); /* in the memory of the list before */
        s = mir_queue_snapshot(q, AT);
        assert_int_equal(s->n_pending, n);
        memset(seen, 0, sizeof seen);
        for (size_t i = 0; i < n; i++) {
            if (i > 0)
                check_order(&s->pending[i - 1], &s->pending[i]);
            assert_false(seen[s->pending[i].id]);
            seen[s->pending[i].id] = true;
        }
        mir_queue_destroy(q);
    }
}

static void a_job_that_cannot_start_has_no_eligible_time(void **state)
{
    static const struct {
        uint32_t priority, flags;
        int64_t eligible_at, expected;
    } cases[] = {
        {10, 0, 500, 500},
        {10, MIR_LIVE_BEGIN_LATER, AT + 9000, AT + 9000},
        {0, 0, 500, INT64_MAX},
        {10, MIR_LIVE_HELD_USER, 500, INT64_MAX},
        {10, MIR_LIVE_HELD_ADMIN, 500, INT64_MAX},
        {10, MIR_LIVE_DEPENDENT, 500, INT64_MAX},
        {10, 0, 0, INT64_MAX},
        {10, 0, INT64_MAX, INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_queue *q = mir_queue_create(100);
        struct mir_live_job job = pending_job(1, cases[i].priority, 500);

        job.flags = cases[i].flags;
        job.eligible_at = cases[i].eligible_at;
        job.start_at = AT + 50; /* an estimate: no lesson */
        update(q, &job, 1);
        assert_true(mir_queue_snapshot(q, AT)->pending[0].eligible_at == cases[i].expected);
        assert_int_equal(n_new(q), 0);
        mir_queue_destroy(q);
    }
}

static void an_array_s_remainder_counts_as_its_tasks(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[30];
    const struct mir_snapshot *s;

    (void)state;
    jobs[0] = pending_job(1, 10, 500);
    jobs[0].n_tasks = 7;
    update(q, jobs, 1);
    s = mir_queue_snapshot(q, AT);
    assert_int_equal(s->n_pending, 7);
    assert_int_equal(s->pending_sum.n_jobs, 7);
    assert_int_equal(s->pending_sum.n_nodes, 14);
    for (uint32_t i = 0; i < 30; i++) {
        jobs[i] = pending_job(i + 1, 10, 500);
        jobs[i].n_tasks = i == 0 ? UINT32_MAX : 1000;
    }
    update(q, jobs, 1);
    assert_int_equal(mir_queue_snapshot(q, AT)->n_pending, 1000);
    update(q, jobs, 30); /* bounded, and no record is lost */
    assert_int_equal(mir_queue_snapshot(q, AT)->n_pending, 20030);
    mir_queue_destroy(q);
}

static void shows_running_jobs_in_the_order_of_their_starts(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[] = {running_job(1, 100, 900), running_job(2, 200, 300),
                                  running_job(3, 200, 300), running_job(4, 950, 950)};
    const struct mir_snapshot *s;

    (void)state;
    jobs[1].flags = MIR_LIVE_SUSPENDED;
    jobs[2].limit_s = MIR_UNLIMITED;
    jobs[2].end_at = 300 + 365 * 86400;
    jobs[3].state = MIR_STATE_COMPLETED; /* its nodes are not free yet, but it runs no more */
    jobs[3].flags = MIR_LIVE_COMPLETING;
    update(q, jobs, 4);
    s = mir_queue_snapshot(q, 1000);
    assert_int_equal(s->n_running, 3);
    assert_int_equal(s->running[0].id, 2);
    assert_int_equal(s->running[1].id, 3);
    assert_int_equal(s->running[2].id, 1);
    assert_int_equal(s->running[0].planned_end_at, 300 + 3600);
    assert_int_equal(s->running[1].planned_end_at, 300 + (int64_t)MIR_UNLIMITED);
    assert_int_equal(s->running_sum.n_jobs, 3);
    assert_int_equal((int64_t)s->running_sum.wait_s[4], 800);
    assert_int_equal((int64_t)s->running_sum.elapsed_s[4], 700);
    assert_int_equal((int64_t)s->running_sum.limit_s[4], MIR_UNLIMITED);
    mir_queue_destroy(q);
}

static void a_start_is_a_lesson_once(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[] = {pending_job(1, 10, 500), pending_job(2, 10, 600)};
    const struct mir_live_past *fresh;
    const struct mir_start *start;
    size_t n;

    (void)state;
    update(q, jobs, 2);
    assert_int_equal(n_new(q), 0);
    jobs[0] = running_job(1, 500, 1200);
    jobs[0].comment = "mirage " TAG;
    update(q, jobs, 2);
    fresh = mir_queue_new_starts(q, &n);
    assert_int_equal(n, 1);
    assert_int_equal(fresh[0].id, 1);
    assert_int_equal(fresh[0].end_at, 0);
    assert_string_equal(fresh[0].user, "alice");
    assert_string_equal(fresh[0].name, "train.12");
    start = mir_history_at(&mir_queue_snapshot(q, AT)->history, 0);
    assert_int_equal(start->wait_s, 700);
    assert_int_equal(start->start_at, 1200);
    assert_int_equal(start->n_nodes, 2);
    assert_int_equal(start->chained, 1);
    update(q, jobs, 2);
    assert_int_equal(n_new(q), 0);
    jobs[0].state = MIR_STATE_TIMEOUT; /* ended meanwhile */
    update(q, jobs, 2);
    assert_int_equal(n_new(q), 0);
    jobs[0] = running_job(1, 1500, 1600); /* requeued, or another job with that id */
    jobs[1] = running_job(2, 600, 1300);  /* began and ended between two lists */
    jobs[1].state = MIR_STATE_FAILED;
    update(q, jobs, 2);
    fresh = mir_queue_new_starts(q, &n);
    assert_int_equal(n, 2);
    assert_int_equal(fresh[0].id, 2);
    assert_int_equal(fresh[1].id, 1);
    assert_int_equal(n_history(q), 3);
    assert_int_equal(mir_history_at(&mir_queue_snapshot(q, AT)->history, 1)->chained, 0);
    mir_queue_destroy(q);
}

static void learns_nothing_from_waits_for_something_else(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[7];

    (void)state;
    for (uint32_t i = 0; i < 7; i++)
        jobs[i] = running_job(i + 1, 500, 1000);
    jobs[0].eligible_at = 561;
    jobs[1].eligible_at = INT64_MAX;
    jobs[2].eligible_at = 0;
    jobs[3].flags = MIR_LIVE_RESIZED;
    jobs[4].state = MIR_STATE_CANCELLED; /* while it was pending: Slurm notes this start */
    jobs[4].end_at = jobs[4].start_at;
    jobs[5].start_at = 499;
    jobs[6].state = MIR_STATE_UNKNOWN;
    update(q, jobs, 7);
    assert_int_equal(n_new(q), 0);
    jobs[0].eligible_at = 560;
    update(q, jobs, 7);
    assert_int_equal(n_new(q), 1);
    assert_int_equal(n_history(q), 1);
    mir_queue_destroy(q);
}

static void refuses_half_filled_rows_and_those_it_knows(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_past past = past_job(1, 500, 800);
    struct mir_live_job job = running_job(1, 500, 800);

    (void)state;
    assert_true(mir_queue_learn(q, &past));
    assert_false(mir_queue_learn(q, &past));
    past = past_job(1, 501, 800);
    assert_true(mir_queue_learn(q, &past));
    past = past_job(2, 500, 0);
    assert_false(mir_queue_learn(q, &past));
    past = past_job(2, 500, 800);
    past.eligible_at = 0;
    past.end_at = 0;
    assert_false(mir_queue_learn(q, &past));
    past.eligible_at = 500;
    past.state = MIR_STATE_PENDING;
    assert_false(mir_queue_learn(q, &past));
    past.state = MIR_STATE_RUNNING;
    past.end_at = 0;
    assert_true(mir_queue_learn(q, &past));
    update(q, &job, 1);
    assert_int_equal(n_new(q), 0);
    assert_int_equal(n_history(q), 3);
    mir_queue_destroy(q);
}

/* The limit tells which job a start is of. */
static void settles_into_the_order_of_starts(void **state)
{
    enum { N = 1000 };
    const uint64_t seed = 20260102;
    struct mir_queue *q = mir_queue_create(2 * N);
    struct mir_live_past pasts[N];
    const struct mir_history *h;
    struct mir_rng rng;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    mir_rng_init(&rng, seed);
    for (uint32_t i = 0; i < N; i++) {
        int64_t start_at = 1000 + (int64_t)mir_rng_below(&rng, 300);

        pasts[i] = past_job(N - i, start_at - (int64_t)mir_rng_below(&rng, 900), start_at);
        pasts[i].limit_s = (int32_t)(N - i);
        assert_true(mir_queue_learn(q, &pasts[i]));
    }
    mir_queue_settle(q);
    h = &mir_queue_snapshot(q, AT)->history;
    assert_int_equal(mir_history_len(h), N);
    for (size_t i = 0; i < N; i++) {
        const struct mir_start *b = mir_history_at(h, i);
        const struct mir_start *a = mir_history_at(h, i > 0 ? i - 1 : 0);
        const struct mir_live_past *past = &pasts[N - b->limit_s];

        assert_true(a->start_at < b->start_at ||
                    (a->start_at == b->start_at && a->limit_s <= b->limit_s));
        assert_int_equal(b->start_at, past->start_at);
        assert_int_equal(b->wait_s, past->start_at - past->submit_at);
    }
    for (size_t i = 0; i < N; i++) /* still known, wherever they were moved */
        assert_false(mir_queue_learn(q, &pasts[i]));
    mir_queue_destroy(q);
}

static void keeps_the_newest_and_forgets_a_quarter_at_once(void **state)
{
    enum { MAX = 100 };
    struct mir_queue *q = mir_queue_create(MAX);
    struct mir_live_past past;
    size_t n;

    (void)state;
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t k = i * 7 % 1000; /* in no order */

        past = past_job(k + 1, 1000 + k, 2000 + k);
        (void)mir_queue_learn(q, &past);
        n = n_history(q);
        assert_true(n <= MAX);
    }
    mir_queue_settle(q);
    n = n_history(q);
    assert_true(n >= MAX * 3 / 4);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(mir_history_at(&mir_queue_snapshot(q, AT)->history, i)->start_at,
                         3000 - (int64_t)n + (int64_t)i);
    past = past_job(5, 1004, 2004);
    assert_false(mir_queue_learn(q, &past)); /* forgotten for good */
    for (uint32_t k = 1000; n_history(q) >= n; k++) {
        n = n_history(q);
        past = past_job(k + 1, 1000 + k, 2000 + k);
        assert_true(mir_queue_learn(q, &past));
        assert_false(mir_queue_learn(q, &past));
    }
    assert_int_equal(n_history(q), MAX * 3 / 4);
    mir_queue_destroy(q);
}

static void a_long_job_is_not_learnt_again_when_its_start_is_forgotten(void **state)
{
    struct mir_queue *q = mir_queue_create(8);
    struct mir_live_job jobs[20];

    (void)state;
    jobs[0] = running_job(1, 500, 600);
    update(q, jobs, 1);
    assert_int_equal(n_new(q), 1);
    for (uint32_t i = 1; i < 20; i++)
        jobs[i] = running_job(i + 1, 500, 700 + i);
    update(q, jobs, 20);
    assert_int_equal(n_new(q), 19);
    update(q, jobs, 20);
    assert_int_equal(n_new(q), 0);
    mir_queue_destroy(q);
}

static void numbers_are_the_same_for_jobs_and_requests(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[] = {pending_job(1, 10, 500), pending_job(2, 10, 500)};
    const struct mir_snapshot *s;
    struct mir_request r;

    (void)state;
    jobs[1].user = "bob";
    jobs[1].account = "";
    jobs[1].qos = "high";
    jobs[1].nice = 50;
    update(q, jobs, 2);
    mir_queue_request(q, &jobs[1], &r);
    s = mir_queue_snapshot(q, AT);
    assert_int_equal(r.user, s->pending[1].user);
    assert_int_not_equal(r.user, s->pending[0].user);
    assert_int_equal(r.account, 0);
    assert_int_not_equal(s->pending[0].account, 0);
    assert_int_equal(r.partition, s->pending[0].partition);
    assert_int_equal(r.qos, s->pending[1].qos);
    assert_int_equal(r.n_nodes, 2);
    assert_int_equal(r.limit_s, 3600);
    assert_int_equal(r.run_s, MIR_UNKNOWN);
    assert_int_equal(r.nice, 50);
    mir_queue_destroy(q);
}

static void names_past_their_field_are_not_given(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job job = pending_job(1, 10, 500);
    struct mir_request r;
    char name[16];

    (void)state;
    job.qos = name;
    for (int i = 1; i <= 300; i++) {
        (void)snprintf(name, sizeof name, "q%d", i);
        mir_queue_request(q, &job, &r);
        assert_int_equal(r.qos, i <= UINT8_MAX ? i : 0);
    }
    (void)snprintf(name, sizeof name, "q7");
    mir_queue_request(q, &job, &r);
    assert_int_equal(r.qos, 7);
    mir_queue_destroy(q);
}

static void nodes_out_of_service_do_not_count(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_cluster cluster = {.n_nodes = 12, .n_nodes_idle = 3, .n_nodes_down = 2};

    (void)state;
    assert_int_equal(mir_queue_snapshot(q, AT)->n_nodes, 0);
    mir_queue_set_cluster(q, &cluster);
    assert_int_equal(mir_queue_snapshot(q, AT)->n_nodes, 10);
    assert_int_equal(mir_queue_snapshot(q, AT)->n_nodes_free, 3);
    cluster.n_nodes_down = 13;
    mir_queue_set_cluster(q, &cluster);
    assert_int_equal(mir_queue_snapshot(q, AT)->n_nodes, 0);
    mir_queue_destroy(q);
    mir_queue_destroy(NULL);
}

static void an_empty_list_empties_the_queue(void **state)
{
    struct mir_queue *q = mir_queue_create(0);
    struct mir_live_job jobs[] = {pending_job(1, 10, 500), running_job(2, 500, 600)};
    const struct mir_snapshot *s;

    (void)state;
    update(q, jobs, 2);
    update(q, NULL, 0);
    s = mir_queue_snapshot(q, AT);
    assert_int_equal(s->n_pending + s->n_running, 0);
    assert_int_equal(s->pending_sum.n_jobs + s->running_sum.n_jobs, 0);
    assert_int_equal(mir_history_len(&s->history), 1);
    mir_queue_destroy(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_pending_jobs_in_slurm_s_order),
        cmocka_unit_test(puts_thousands_of_jobs_in_that_order_too),
        cmocka_unit_test(a_job_that_cannot_start_has_no_eligible_time),
        cmocka_unit_test(an_array_s_remainder_counts_as_its_tasks),
        cmocka_unit_test(shows_running_jobs_in_the_order_of_their_starts),
        cmocka_unit_test(a_start_is_a_lesson_once),
        cmocka_unit_test(learns_nothing_from_waits_for_something_else),
        cmocka_unit_test(refuses_half_filled_rows_and_those_it_knows),
        cmocka_unit_test(settles_into_the_order_of_starts),
        cmocka_unit_test(keeps_the_newest_and_forgets_a_quarter_at_once),
        cmocka_unit_test(a_long_job_is_not_learnt_again_when_its_start_is_forgotten),
        cmocka_unit_test(numbers_are_the_same_for_jobs_and_requests),
        cmocka_unit_test(names_past_their_field_are_not_given),
        cmocka_unit_test(nodes_out_of_service_do_not_count),
        cmocka_unit_test(an_empty_list_empties_the_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
