/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_engine_outcomes.c - what came of a submission, and where is the job? On a cluster that answers as the test says. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/engine_lab.h"

#define EACH(i, table) for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)

/* ---- outcomes ---- */

static void each_refusal_has_its_consequence(void **state)
{
    static const struct {
        enum mir_refusal refusal;
        const char *chain, *reason;
    } cases[] = {
        {MIR_REFUSAL_STOP_FILE, "ended", "stop file"}, {MIR_REFUSAL_LIMIT, "parked", "too much"},
        {MIR_REFUSAL_OWNER, "parked", "too much"},     {MIR_REFUSAL_OTHER, "parked", "too much"},
        {MIR_REFUSAL_KILL_FILE, "active", ""},         {MIR_REFUSAL_RATE, "active", ""},
        {MIR_REFUSAL_IDENTITY, "active", ""},          {MIR_REFUSAL_TEMPLATE, "active", ""},
    };

    (void)state;
    EACH(i, cases)
    {
        struct lab *lab = lab_open(MIR_MODE_ACT);
        unsigned n;

        lab->answers[LAB_SUBMIT] = (struct lab_answer){
            .outcome = MIR_OUTCOME_REFUSED, .refusal = cases[i].refusal, .text = "too much"};
        lab_chain_runs(lab, "mirage");
        while (lab->count[LAB_SUBMIT] == 0)
            lab_run(lab, 5);
        expect_chain(lab, cases[i].chain);
        expect_reason(lab, cases[i].reason);
        n = lab->count[LAB_SUBMIT];
        lab->answers[LAB_SUBMIT] = (struct lab_answer){.outcome = MIR_OUTCOME_DONE};
        lab_run(lab, 200);
        assert_int_equal(lab->count[LAB_SUBMIT], strcmp(cases[i].chain, "active") == 0 ? n + 1 : n);
        if (cases[i].refusal == MIR_REFUSAL_TEMPLATE)
            assert_int_equal(lab->count[LAB_CAPTURE], 2);
        lab_close(lab);
    }
}

static void backs_off_when_nothing_can_be_sent(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->answers[LAB_SUBMIT].outcome = MIR_OUTCOME_UNAVAILABLE;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3540);
    lab_run(lab, 600);
    assert_in_range(lab->count[LAB_SUBMIT], 8, 16); /* 5, 10, 20, 40, 60, 60, ... */
    lab->answers[LAB_SUBMIT].outcome = MIR_OUTCOME_DONE;
    lab_run(lab, 140);
    expect_link(lab, 1, "pending");
    assert_int_equal(lab->n_jobs, 2);
    lab_close(lab);
}

static void rate_refusals_back_off_further(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->answers[LAB_SUBMIT] =
        (struct lab_answer){.outcome = MIR_OUTCOME_REFUSED, .refusal = MIR_REFUSAL_RATE};
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3540);
    lab_run(lab, 1800);
    assert_in_range(lab->count[LAB_SUBMIT], 4, 6); /* 60, 120, 240, 480, 960 */
    lab_close(lab);
}

/* A submission whose reply is lost; `happens`: the job exists all the same. */
static struct lab *lab_with_unknown(bool happens)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    lab->answers[LAB_SUBMIT] =
        (struct lab_answer){.outcome = MIR_OUTCOME_UNKNOWN, .happens = happens, .text = "timeout"};
    lab_chain_runs(lab, "mirage");
    while (lab->count[LAB_SUBMIT] == 0)
        lab_run(lab, 5);
    lab->answers[LAB_SUBMIT] = (struct lab_answer){.outcome = MIR_OUTCOME_DONE};
    return lab;
}

static void adopts_a_job_whose_reply_was_lost(void **state)
{
    struct lab *lab = lab_with_unknown(true);

    (void)state;
    lab_run(lab, 200);
    expect_link(lab, 1, "pending");
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    assert_int_equal(lab->n_jobs, 2);
    expect_log(lab, "adopted job 100");
    lab_close(lab);
}

static void sends_again_only_after_two_lists_and_accounting(void **state)
{
    struct lab *lab = lab_with_unknown(false);
    int64_t since = lab->at;
    char token[MIR_TOKEN_LEN + 1];
    struct mir_view_chain *v = lab_chain(lab, 0);

    (void)state;
    memcpy(token, v->links[1].token, sizeof(token));
    assert_string_equal(v->links[1].state, "sent");
    mir_view_chain_unref(v);
    while (lab->count[LAB_SUBMIT] == 1 && lab->at < since + 600)
        lab_run(lab, 1);
    assert_in_range(lab->at - since, 2 * 10 + 5, 90);
    assert_int_equal(lab->count[LAB_FIND], 1);
    v = lab_chain(lab, 0);
    assert_string_equal(v->links[1].token, token); /* the same intent, not a new one */
    assert_int_equal(v->links[1].n_sent, 2);
    mir_view_chain_unref(v);
    lab_run(lab, 200);
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    lab_close(lab);
}

static void waits_while_accounting_cannot_tell(void **state)
{
    struct lab *lab = lab_with_unknown(false);

    (void)state;
    lab->answers[LAB_FIND].outcome = MIR_OUTCOME_UNAVAILABLE;
    lab_run(lab, 3000);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    assert_true(lab->count[LAB_FIND] > 10);
    lab->answers[LAB_FIND].outcome = MIR_OUTCOME_DONE;
    lab_run(lab, 60);
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    lab_close(lab);
}

static void two_lists_suffice_without_accounting(void **state)
{
    struct lab *lab;

    (void)state;
    lab = lab_open(MIR_MODE_ACT);
    lab->cluster.accounting = false;
    lab->answers[LAB_SUBMIT].outcome = MIR_OUTCOME_UNKNOWN;
    lab_chain_runs(lab, "mirage");
    while (lab->count[LAB_SUBMIT] == 0)
        lab_run(lab, 5);
    lab->answers[LAB_SUBMIT].outcome = MIR_OUTCOME_DONE;
    lab_run(lab, 100);
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    assert_int_equal(lab->count[LAB_FIND], 0);
    lab_close(lab);
}

static void add_past(struct lab *lab, uint32_t id, uint8_t state, const char *token)
{
    struct mir_live_past *p = &lab->past[lab->n_past];

    *p = (struct mir_live_past){.id = id,
                                .uid = 1000,
                                .n_nodes = 2,
                                .limit_s = LAB_LIMIT,
                                .state = state,
                                .submit_at = lab->at,
                                .eligible_at = lab->at,
                                .start_at = lab->at,
                                .end_at = state > MIR_STATE_RUNNING ? lab->at + 1 : 0,
                                .user = "alice",
                                .account = "",
                                .partition = "",
                                .qos = ""};
    snprintf(lab->past_comments[lab->n_past++], sizeof(lab->past_comments[0]),
             "mirage mirage=aaaaaaaa.1.%s", token);
}

static void accounting_may_know_that_the_job_ended(void **state)
{
    struct lab *lab = lab_with_unknown(false);
    struct mir_view_chain *v = lab_chain(lab, 0);

    (void)state;
    add_past(lab, 100, MIR_STATE_CANCELLED, v->links[1].token);
    mir_view_chain_unref(v);
    lab_run(lab, 200);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    expect_chain(lab, "ended");
    expect_reason(lab, "link 1 was cancelled");
    lab_close(lab);
}

static void a_restart_while_sent_is_an_unknown_outcome(void **state)
{
    (void)state;
    for (int happens = 0; happens < 2; happens++) {
        struct lab *lab = lab_open(MIR_MODE_ACT);

        lab->answers[LAB_SUBMIT].silent = true;
        lab_chain_runs(lab, "mirage");
        while (lab->count[LAB_SUBMIT] == 0)
            lab_run(lab, 5);
        if (happens)
            lab_obey(lab, &lab->asked[lab->n_asked - 1].submission);
        expect_link(lab, 1, "sent");
        lab->answers[LAB_SUBMIT].silent = false;
        lab_restart(lab);
        lab_run(lab, 200);
        assert_int_equal(lab->count[LAB_SUBMIT], happens ? 1 : 2);
        assert_int_equal(lab->n_jobs, 2);
        expect_link(lab, 1, "pending");
        lab_close(lab);
    }
}

static void a_broken_connection_while_sent_is_an_unknown_outcome(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->answers[LAB_SUBMIT].silent = true;
    lab_chain_runs(lab, "mirage");
    while (lab->count[LAB_SUBMIT] == 0)
        lab_run(lab, 5);
    lab_break(lab);
    lab->answers[LAB_SUBMIT].silent = false;
    lab_run(lab, 400);
    assert_int_equal(lab->count[LAB_SUBMIT], 1); /* nothing while it is down */
    lab_connect(lab, true);
    lab_run(lab, 200);
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    assert_int_equal(lab->n_jobs, 2);
    lab_close(lab);
}

static void a_submission_that_never_left_is_sent_with_its_token(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->refuse_to_ask[LAB_SUBMIT] = true;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3600);
    expect_link(lab, 1, "intent");
    lab->refuse_to_ask[LAB_SUBMIT] = false;
    lab_run(lab, 10);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    assert_int_equal(lab->count[LAB_FIND], 0);
    lab_close(lab);
}

/* ---- jobs that vanish, doubles, strangers ---- */

static void a_lost_successor_is_submitted_anew(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_successor_waits(lab);
    lab_lose(lab, 100);
    lab_run(lab, 300);
    expect_log(lab, "slurmctld lost job 100");
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    assert_string_not_equal(lab->comments[1], lab->comments[2]); /* another token */
    expect_link(lab, 1, "pending");
    lab_close(lab);
}

static void one_list_without_the_job_proves_nothing(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_live_job *job;

    (void)state;
    lab_successor_waits(lab);
    job = lab_job(lab, 100);
    job->id = 0;
    while (strstr(lab->log, "not in the list") == NULL)
        lab_run(lab, 5);
    job->id = 100;
    lab_run(lab, 300);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    expect_link(lab, 1, "pending");
    lab_close(lab);
}

static void a_stranger_with_the_same_id_is_never_touched(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_successor_waits(lab);
    lab_lose(lab, 100);
    lab_add(lab, 100, 1001, MIR_STATE_PENDING, "mine");
    lab_run(lab, 300);
    expect_log(lab, "slurmctld lost job 100");
    lab_run(lab, 100);
    assert_int_equal(lab_command(lab, MIR_STOP, 1000).rc, 0);
    lab_run(lab, 200);
    for (size_t i = 0; i < lab->n_asked; i++)
        assert_false(lab->asked[i].kind == LAB_CANCEL && lab->asked[i].job.id == 100);
    lab_close(lab);
}

static void a_running_link_that_vanishes_has_ended(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_lose(lab, 50);
    lab_run(lab, 300);
    expect_link(lab, 0, "gone");
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void what_vanished_while_we_were_away_parks(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_connect(lab, false);
    lab_run(lab, 1000);
    lab_lose(lab, 50);
    lab_connect(lab, true);
    lab_run(lab, 300);
    expect_chain(lab, "parked");
    expect_reason(lab, "vanished while Mirage was away");
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    assert_int_equal(lab_command(lab, MIR_RESUME, 1000).rc, 0);
    lab_run(lab, 70);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

/* The first job has no token to look for, but history has its row. */
static void history_tells_how_the_first_job_ended(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_connect(lab, false);
    lab_run(lab, 1000);
    add_past(lab, 50, MIR_STATE_TIMEOUT, "");
    lab->past[0].submit_at = lab_job(lab, 50)->submit_at;
    lab_lose(lab, 50);
    lab_connect(lab, true);
    lab_run(lab, 300);
    expect_chain(lab, "active");
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void an_old_link_that_vanished_parks_nothing(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3700);
    lab_start(lab, 100);
    lab_run(lab, 100);
    lab_connect(lab, false);
    lab_run(lab, 1000);
    lab_lose(lab, 50);
    lab_connect(lab, true);
    lab_run(lab, 300);
    expect_chain(lab, "active");
    lab_close(lab);
}

static void accounting_tells_what_became_of_a_missed_end(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view_chain *v;

    (void)state;
    lab_successor_waits(lab);
    lab_end(lab, 50, MIR_STATE_TIMEOUT, 0);
    lab_start(lab, 100);
    lab_run(lab, 70);
    v = lab_chain(lab, 0);
    lab_connect(lab, false);
    lab_run(lab, 1000);
    add_past(lab, 100, MIR_STATE_CANCELLED, v->links[1].token);
    mir_view_chain_unref(v);
    lab_lose(lab, 100);
    lab_lose(lab, 50);
    lab_connect(lab, true);
    lab_run(lab, 200);
    expect_chain(lab, "ended");
    expect_reason(lab, "link 1 was cancelled");
    lab_close(lab);
}

static void a_duplicate_that_waits_is_cancelled(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view_chain *v;
    char comment[128];

    (void)state;
    lab_successor_waits(lab);
    v = lab_chain(lab, 0);
    snprintf(comment, sizeof(comment), "mirage mirage=%s.1.ffffffffffffffffffffffffffffffff",
             v->id);
    mir_view_chain_unref(v);
    lab_add(lab, 90, 1000, MIR_STATE_PENDING, comment);
    lab_run(lab, 130);
    assert_int_equal(lab_job(lab, 90)->state, MIR_STATE_CANCELLED);
    assert_int_equal(lab_job(lab, 100)->state, MIR_STATE_PENDING);
    expect_log(lab, "3 job 90 is a duplicate");
    expect_chain(lab, "active");
    lab_add(lab, 91, 1000, MIR_STATE_RUNNING, comment);
    lab_run(lab, 130);
    assert_int_equal(lab_job(lab, 91)->state, MIR_STATE_RUNNING);
    assert_int_equal(lab->count[LAB_CANCEL], 1);
    expect_log(lab, "left alone");
    lab_close(lab);
}

static void a_requeue_is_the_same_link(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_live_job *job;

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 1000);
    job = lab_job(lab, 50);
    job->state = MIR_STATE_PENDING;
    job->restarts = 1;
    job->submit_at = lab->at;
    job->start_at = job->end_at = 0;
    lab_run(lab, 4000);
    expect_chain(lab, "active");
    expect_link(lab, 0, "pending");
    expect_link(lab, 1, "planned");
    assert_int_equal(lab->count[LAB_SUBMIT], 0); /* it waits: nothing to succeed */
    lab_start(lab, 50);
    lab_run(lab, 3700);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_has_its_consequence),
        cmocka_unit_test(backs_off_when_nothing_can_be_sent),
        cmocka_unit_test(rate_refusals_back_off_further),
        cmocka_unit_test(adopts_a_job_whose_reply_was_lost),
        cmocka_unit_test(sends_again_only_after_two_lists_and_accounting),
        cmocka_unit_test(waits_while_accounting_cannot_tell),
        cmocka_unit_test(two_lists_suffice_without_accounting),
        cmocka_unit_test(accounting_may_know_that_the_job_ended),
        cmocka_unit_test(a_restart_while_sent_is_an_unknown_outcome),
        cmocka_unit_test(a_broken_connection_while_sent_is_an_unknown_outcome),
        cmocka_unit_test(a_submission_that_never_left_is_sent_with_its_token),
        cmocka_unit_test(a_lost_successor_is_submitted_anew),
        cmocka_unit_test(one_list_without_the_job_proves_nothing),
        cmocka_unit_test(a_stranger_with_the_same_id_is_never_touched),
        cmocka_unit_test(a_running_link_that_vanishes_has_ended),
        cmocka_unit_test(what_vanished_while_we_were_away_parks),
        cmocka_unit_test(history_tells_how_the_first_job_ended),
        cmocka_unit_test(an_old_link_that_vanished_parks_nothing),
        cmocka_unit_test(accounting_tells_what_became_of_a_missed_end),
        cmocka_unit_test(a_duplicate_that_waits_is_cancelled),
        cmocka_unit_test(a_requeue_is_the_same_link),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
