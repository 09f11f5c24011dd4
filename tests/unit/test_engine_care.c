/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_engine_care.c - the engine where facts are thin: quiet lists, pauses, suspensions, floods. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/engine_lab.h"

#define EACH(i, table) for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)

static unsigned count_log(const struct lab *lab, const char *part)
{
    unsigned n = 0;

    for (const char *s = lab->log; (s = strstr(s, part)) != NULL; s += strlen(part))
        n++;
    return n;
}

/* ---- evidence ---- */

/* A list that was on its way when the doubt arose is no evidence, and the next must be a full one. */
static void doubt_during_a_list_asks_for_a_full_one(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct lab_question *open;
    size_t n;

    (void)state;
    lab->answers[LAB_SUBMIT].silent = true;
    lab_chain_runs(lab, "mirage");
    while (lab->count[LAB_SUBMIT] == 0)
        lab_run(lab, 5);
    lab->answers[LAB_READ_JOBS].silent = true;
    lab_run(lab, 90);
    open = &lab->asked[lab->n_asked - 1];
    assert_int_equal(open->kind, LAB_READ_JOBS);
    assert_false(open->done);
    lab->answers[LAB_SUBMIT] = (struct lab_answer){.outcome = MIR_OUTCOME_UNKNOWN};
    lab_settle(lab);
    expect_log(lab, "outcome unknown");
    lab->answers[LAB_READ_JOBS].silent = false;
    n = lab->n_asked;
    lab_run(lab, 10);
    for (size_t i = n; i < lab->n_asked; i++) {
        if (lab->asked[i].kind != LAB_READ_JOBS)
            continue;
        assert_true(lab->asked[i].full);
        lab_close(lab);
        return;
    }
    fail_msg("no list was asked for");
}

static void accounting_without_comments_is_not_asked(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->cluster.stores_comment = false;
    lab->answers[LAB_SUBMIT].outcome = MIR_OUTCOME_UNKNOWN;
    lab_chain_runs(lab, "mirage");
    assert_int_equal(count_log(lab, "accounting stores no comments"), 1);
    while (lab->count[LAB_SUBMIT] == 0)
        lab_run(lab, 5);
    lab->answers[LAB_SUBMIT].outcome = MIR_OUTCOME_DONE;
    lab_run(lab, 1000);
    assert_int_equal(lab->count[LAB_FIND], 0);
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    assert_int_equal(count_log(lab, "accounting stores no comments"), 1);
    lab_close(lab);
}

/* An intent that was proved never to have happened waits for a new decision once its way is barred. */
static void a_barred_intent_is_decided_again(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->answers[LAB_SUBMIT].outcome = MIR_OUTCOME_UNKNOWN;
    lab_chain_runs(lab, "mirage");
    while (lab->count[LAB_SUBMIT] == 0)
        lab_run(lab, 5);
    lab->settings.mode = MIR_MODE_OBSERVE;
    mir_engine_set(lab->engine, &lab->settings);
    lab_run(lab, 120);
    expect_link(lab, 1, "planned");
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_end(lab, 50, MIR_STATE_TIMEOUT, 0);
    lab_run(lab, 120);
    expect_chain(lab, "ended");
    expect_reason(lab, "observed");
    lab_close(lab);
}

static void a_job_without_a_submit_time_is_left_for_later(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_live_job *job = lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");

    (void)state;
    job->submit_at = 0;
    lab_settle(lab);
    lab_run(lab, 200);
    assert_int_equal(lab_n_chains(lab), 0);
    job->submit_at = lab->at;
    lab_run(lab, 100);
    expect_chain(lab, "active");
    lab_close(lab);
}

/* ---- states of a chain ---- */

static void a_paused_chain_decides_nothing(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view_chain *v;
    size_t n;

    (void)state;
    lab_chain_runs(lab, "mirage");
    assert_int_equal(lab_command(lab, MIR_PAUSE, 1000).rc, 0);
    v = lab_chain(lab, 0);
    n = v->n_decisions;
    assert_int_equal(v->next_decision_at, 0);
    mir_view_chain_unref(v);
    lab_run(lab, 5000);
    v = lab_chain(lab, 0);
    assert_int_equal(v->n_decisions, n);
    mir_view_chain_unref(v);
    assert_int_equal(lab_command(lab, MIR_RESUME, 1000).rc, 0);
    lab_run(lab, 20);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

/* What was to be done before a pause is decided again after it. */
static void a_pause_drops_what_was_decided(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->answers[LAB_READ_JOB].silent = true;
    lab_chain_runs(lab, "mirage");
    lab->settings.poll_s = 2000; /* facts are old: they must be read again first */
    lab_run(lab, 3600);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    assert_true(lab->count[LAB_READ_JOB] > 0);
    assert_int_equal(lab_command(lab, MIR_PAUSE, 1000).rc, 0);
    lab->answers[LAB_READ_JOB].silent = false;
    lab_settle(lab);
    lab_job(lab, 50)->limit_s *= 3;
    lab_job(lab, 50)->end_at += 2 * LAB_LIMIT;
    lab->settings.poll_s = 60;
    lab_run(lab, 2100);
    assert_int_equal(lab_command(lab, MIR_RESUME, 1000).rc, 0);
    lab_run(lab, 100);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    lab_close(lab);
}

static void a_parked_chain_without_a_job_decides_nothing(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view_chain *v;
    size_t n;

    (void)state;
    lab->answers[LAB_SUBMIT] = (struct lab_answer){
        .outcome = MIR_OUTCOME_REFUSED, .refusal = MIR_REFUSAL_LIMIT, .text = "no"};
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3700);
    expect_chain(lab, "parked");
    lab_end(lab, 50, MIR_STATE_TIMEOUT, 0);
    lab_run(lab, 100);
    v = lab_chain(lab, 0);
    n = v->n_decisions;
    assert_int_equal(v->next_decision_at, 0);
    mir_view_chain_unref(v);
    lab_run(lab, 3000);
    v = lab_chain(lab, 0);
    assert_int_equal(v->n_decisions, n);
    mir_view_chain_unref(v);
    lab->answers[LAB_SUBMIT] = (struct lab_answer){0};
    assert_int_equal(lab_command(lab, MIR_RESUME, 1000).rc, 0);
    lab_run(lab, 100);
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    lab_close(lab);
}

/* 1700014400 is four hours after the lab opens. */
static void until_ends_a_chain_that_was_held_back(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage:until=2023-11-15T02:13:20");
    assert_int_equal(lab_command(lab, MIR_DRAIN, 0).rc, 0);
    lab_run(lab, LAB_LIMIT);
    lab_end(lab, 50, MIR_STATE_TIMEOUT, 0);
    lab_run(lab, 600);
    expect_chain(lab, "active");
    lab_run(lab, 7200);
    expect_chain(lab, "ended");
    expect_reason(lab, "until has passed");
    lab_close(lab);
}

static void a_second_stop_says_that_it_is_over(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    assert_int_equal(lab_command(lab, MIR_STOP, 1001).rc, -EPERM);
    assert_int_equal(lab_command(lab, MIR_RESUME, 1000).rc, -EALREADY);
    assert_int_equal(lab_command(lab, MIR_STOP, 1000).rc, 0);
    assert_int_equal(lab_command(lab, MIR_STOP, 1000).rc, -EALREADY);
    assert_int_equal(lab_command(lab, MIR_PAUSE, 1000).rc, -EALREADY);
    lab_close(lab);
}

/* ---- what Slurm does to jobs ---- */

static void a_suspended_job_has_no_end_to_act_on(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_live_job *job;

    (void)state;
    lab_chain_runs(lab, "mirage");
    job = lab_job(lab, 50);
    job->flags |= MIR_LIVE_SUSPENDED;
    lab_run(lab, 6000);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    expect_reason(lab, "link 0 is suspended");
    job->flags &= ~(uint32_t)MIR_LIVE_SUSPENDED;
    job->end_at += 6000; /* Slurm adds what it lost */
    lab_run(lab, 3000);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    lab_run(lab, 2000);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void a_shorter_limit_is_acted_on_at_once(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->settings.period_s = 3600;
    lab_chain_runs(lab, "mirage");
    lab_job(lab, 50)->limit_s = 3600;
    lab_job(lab, 50)->end_at -= 3600;
    lab_run(lab, 130);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void maintenance_is_told_with_the_decision(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_live_reservation window = {
        .name = "maint",
        .start_at = LAB_T0 + LAB_LIMIT + 3600,
        .end_at = LAB_T0 + LAB_LIMIT + 8 * 3600,
        .n_nodes = 8,
        .maintenance = true,
    };
    struct mir_view_chain *v;

    (void)state;
    lab->cluster.reservations = &window;
    lab->cluster.n_reservations = 1;
    lab_chain_runs(lab, "mirage");
    expect_reason(lab, "would run into maintenance");
    v = lab_chain(lab, 0);
    assert_non_null(strstr(v->decisions[0].reason, "would run into maintenance, which ends"));
    mir_view_chain_unref(v);
    lab->cluster.n_reservations = 0;
    lab_run(lab, 1300);
    v = lab_chain(lab, 0);
    assert_string_equal(v->reason, "");
    assert_null(strstr(v->decisions[v->n_decisions - 1].reason, "maintenance"));
    mir_view_chain_unref(v);
    lab_close(lab);
}

/* ---- what it costs ---- */

static void add_chains(struct lab *lab, uint32_t n)
{
    lab->settings.chains_per_user = (int32_t)n;
    for (uint32_t i = 0; i < n; i++)
        lab_add(lab, 500 + i, 1000, MIR_STATE_RUNNING, "mirage");
}

static void looks_at_one_job_a_second(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    unsigned most = 0;

    (void)state;
    lab->settings.poll_s = 500; /* the list is old when all are due at the same second */
    add_chains(lab, 20);
    lab_settle(lab);
    for (int s = 0; s < 3700; s++) {
        unsigned before = lab->count[LAB_READ_JOB];

        lab_pass(lab, 1);
        lab_settle(lab);
        if (lab->count[LAB_READ_JOB] - before > most)
            most = lab->count[LAB_READ_JOB] - before;
    }
    assert_int_equal(most, 1);
    assert_int_equal(lab->count[LAB_SUBMIT], 20);
    lab_close(lab);
}

static void requests_for_chains_are_looked_at_one_by_one(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_command command = {.verb = MIR_ENROLL, .uid = 1000};
    struct mir_answer answer;
    unsigned n_taken = 0;

    (void)state;
    lab_settle(lab);
    lab_run(lab, 60);
    for (uint32_t i = 0; i < 40; i++) {
        command.job_id = 900 + i;
        mir_engine_command(lab->engine, lab_now(lab), &command, &answer);
        n_taken += answer.rc == 0;
    }
    assert_int_equal(n_taken, 20); /* of one user; the others hear -EBUSY */
    assert_int_equal(answer.rc, -EBUSY);
    command.uid = 1001;
    mir_engine_command(lab->engine, lab_now(lab), &command, &answer);
    assert_int_equal(answer.rc, 0);
    lab_settle(lab);
    assert_true(lab->count[LAB_READ_JOB] <= 1);
    lab_run(lab, 200);
    assert_int_equal(lab->count[LAB_READ_JOB], 21);
    lab_close(lab);
}

/* Evidence brings lists forward; over an hour there are no more of them for it. */
static void hurried_lists_are_made_up_for(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    unsigned before;

    (void)state;
    lab->answers[LAB_SUBMIT] = (struct lab_answer){.outcome = MIR_OUTCOME_REFUSED,
                                                   .refusal = MIR_REFUSAL_IDENTITY,
                                                   .text = "it is another one"};
    add_chains(lab, 8);
    lab_settle(lab);
    lab_run(lab, 3500);
    before = lab->count[LAB_READ_JOBS];
    lab_run(lab, 3600);
    assert_int_equal(lab->count[LAB_SUBMIT], 40); /* 5 tries each, then parked */
    assert_in_range(lab->count[LAB_READ_JOBS] - before, 30, 60);
    lab_close(lab);
}

static void a_flood_of_refused_jobs_is_not_kept(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    for (uint32_t i = 0; i < 60; i++)
        lab_add(lab, 500 + i, 1000, MIR_STATE_PENDING, "mirage")->flags |= MIR_LIVE_ARRAY;
    lab_settle(lab);
    lab_run(lab, 120);
    assert_int_equal(lab_n_chains(lab), 50);
    /* And does not keep a good one out. */
    lab_add(lab, 700, 1000, MIR_STATE_RUNNING, "mirage");
    lab_run(lab, 120);
    assert_int_equal(lab_n_chains(lab), 51);
    expect_chain(lab, "active");
    lab_close(lab);
}

static void a_chain_that_is_over_takes_less_memory(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view_chain *v;

    (void)state;
    lab->settings.period_s = 60;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3400);
    v = lab_chain(lab, 0);
    assert_true(v->n_decisions > 50);
    mir_view_chain_unref(v);
    assert_int_equal(lab_command(lab, MIR_STOP, 1000).rc, 0);
    lab_run(lab, 130);
    v = lab_chain(lab, 0);
    assert_int_equal(v->n_decisions, 20);
    mir_view_chain_unref(v);
    lab_close(lab);
}

/* A stopped chain whose job still runs is not forgotten: the job still asks for one. */
static void what_is_over_stays_over_while_its_job_lives(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->settings.keep_days = 1;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_job(lab, 50)->limit_s = 30 * 86400;
    lab_job(lab, 50)->end_at = lab->at + 30 * 86400;
    lab_settle(lab);
    lab_run(lab, 60);
    assert_int_equal(lab_command(lab, MIR_STOP, 1000).rc, 0);
    for (int day = 0; day < 3; day++) {
        lab_pass(lab, 86400);
        lab_run(lab, 120);
    }
    lab_restart(lab);
    lab_run(lab, 200);
    assert_int_equal(lab_n_chains(lab), 1);
    expect_chain(lab, "ended");
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    lab_close(lab);
}

/* ---- other settings ---- */

static void other_policies_take_over_running_chains(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_engine_settings fresh;
    struct mir_engine_rule rule = {.weight = 0.1};
    struct mir_policy *policy;
    struct mir_error err = {{0}};
    struct mir_view_chain *v;

    (void)state;
    lab_chain_runs(lab, "mirage");
    assert_int_equal(mir_policy_create("lead:minutes=10", &policy, &err), 0);
    rule.policy = policy;
    fresh = lab->settings;
    fresh.rules = &rule;
    mir_engine_set(lab->engine, &fresh);
    mir_policy_destroy(lab->policy); /* as the daemon does once the new ones are in force */
    lab->policy = policy;
    lab_run(lab, 5000);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    v = lab_chain(lab, 0);
    assert_string_equal(v->policy, "lead:minutes=10");
    mir_view_chain_unref(v);
    lab_run(lab, 1800);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

/* Lists that say the most that the border lets through. */
static void survives_extreme_numbers(void **state)
{
    static const struct {
        int64_t submit_at, start_at, end_at;
        int32_t limit_s;
        uint8_t state;
    } cases[] = {
        {1, INT64_C(1) << 40, 0, MIR_UNLIMITED, MIR_STATE_RUNNING},
        {1, 0, INT64_C(1) << 40, MIR_UNLIMITED, MIR_STATE_RUNNING},
        {INT64_C(1) << 40, 1, 1, 1, MIR_STATE_COMPLETED},
        {1, INT64_C(1) << 40, 1, MIR_UNLIMITED, MIR_STATE_FAILED},
        {1, 1, INT64_C(1) << 40, 0, MIR_STATE_COMPLETED},
        {0, 0, 0, 0, MIR_STATE_OTHER},
    };

    (void)state;
    EACH(i, cases)
    {
        struct lab *lab = lab_open(i % 2 == 0 ? MIR_MODE_ACT : MIR_MODE_OBSERVE);
        struct mir_live_job *job;

        lab_chain_runs(lab, "mirage");
        job = lab_job(lab, 50);
        job->restarts = 1; /* a requeue may change all of it */
        job->submit_at = cases[i].submit_at;
        job->start_at = cases[i].start_at;
        job->end_at = cases[i].end_at;
        job->limit_s = cases[i].limit_s;
        job->state = cases[i].state;
        lab_run(lab, 900);
        assert_int_equal(lab_n_chains(lab), 1);
        lab_close(lab);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubt_during_a_list_asks_for_a_full_one),
        cmocka_unit_test(accounting_without_comments_is_not_asked),
        cmocka_unit_test(a_barred_intent_is_decided_again),
        cmocka_unit_test(a_job_without_a_submit_time_is_left_for_later),
        cmocka_unit_test(a_paused_chain_decides_nothing),
        cmocka_unit_test(a_pause_drops_what_was_decided),
        cmocka_unit_test(a_parked_chain_without_a_job_decides_nothing),
        cmocka_unit_test(until_ends_a_chain_that_was_held_back),
        cmocka_unit_test(a_second_stop_says_that_it_is_over),
        cmocka_unit_test(a_suspended_job_has_no_end_to_act_on),
        cmocka_unit_test(a_shorter_limit_is_acted_on_at_once),
        cmocka_unit_test(maintenance_is_told_with_the_decision),
        cmocka_unit_test(looks_at_one_job_a_second),
        cmocka_unit_test(requests_for_chains_are_looked_at_one_by_one),
        cmocka_unit_test(hurried_lists_are_made_up_for),
        cmocka_unit_test(a_flood_of_refused_jobs_is_not_kept),
        cmocka_unit_test(a_chain_that_is_over_takes_less_memory),
        cmocka_unit_test(what_is_over_stays_over_while_its_job_lives),
        cmocka_unit_test(other_policies_take_over_running_chains),
        cmocka_unit_test(survives_extreme_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
