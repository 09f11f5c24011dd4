/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_engine.c - what the engine promises of enrolment and decisions, on a cluster that answers as the test says. */
#include <errno.h>
#include <unistd.h>

#include "tests/unit/engine_lab.h"

#define EACH(i, table) for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++)

/* ---- enrolment ---- */

static void enrolls_a_job_whose_comment_asks(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_add(lab, 49, 1000, MIR_STATE_RUNNING, "nothing for us");
    lab_chain_runs(lab, "mirage");
    assert_int_equal(lab_n_chains(lab), 1);
    assert_int_equal(lab->count[LAB_CAPTURE], 1);
    lab_close(lab);
}

static void refuses_by_name_and_only_once(void **state)
{
    static const struct {
        const char *comment, *reason;
        uint32_t flags;
        int32_t limit_s;
    } cases[] = {
        {"mirage", "array", MIR_LIVE_BATCH | MIR_LIVE_ARRAY, LAB_LIMIT},
        {"mirage", "heterogeneous", MIR_LIVE_BATCH | MIR_LIVE_HET, LAB_LIMIT},
        {"mirage", "federation", MIR_LIVE_BATCH | MIR_LIVE_FEDERATED, LAB_LIMIT},
        {"mirage", "no batch script", 0, LAB_LIMIT},
        {"mirage", "no time limit", MIR_LIVE_BATCH, MIR_UNLIMITED},
        {"mirage", "waits for another job", MIR_LIVE_BATCH | MIR_LIVE_DEPENDENT, LAB_LIMIT},
        {"mirage:nonsense=1", "nonsense", MIR_LIVE_BATCH, LAB_LIMIT},
        {"mirage:policy=crystal", "crystal", MIR_LIVE_BATCH, LAB_LIMIT},
    };

    (void)state;
    EACH(i, cases)
    {
        struct lab *lab = lab_open(MIR_MODE_ACT);
        struct mir_live_job *job = lab_add(lab, 50, 1000, MIR_STATE_RUNNING, cases[i].comment);

        job->flags = cases[i].flags;
        job->limit_s = cases[i].limit_s;
        lab_settle(lab);
        lab_run(lab, 300);
        expect_chain(lab, "refused");
        expect_reason(lab, cases[i].reason);
        assert_int_equal(lab_n_chains(lab), 1);
        assert_int_equal(lab->count[LAB_CAPTURE], 0);
        lab_restart(lab);
        lab_run(lab, 300);
        assert_int_equal(lab_n_chains(lab), 1);
        lab_close(lab);
    }
}

static void ignores_users_below_the_minimum(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_add(lab, 50, 0, MIR_STATE_RUNNING, "mirage");
    lab_add(lab, 51, 999, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    lab_run(lab, 300);
    assert_int_equal(lab_n_chains(lab), 0);
    lab_close(lab);
}

static void ignores_comments_when_told_to(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->settings.enroll_by_comment = false;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    lab_run(lab, 300);
    assert_int_equal(lab_n_chains(lab), 0);
    lab_close(lab);
}

static void refuses_more_chains_than_a_user_may_have(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->settings.chains_per_user = 1;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_add(lab, 51, 1000, MIR_STATE_RUNNING, "mirage");
    lab_add(lab, 52, 1001, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    assert_int_equal(lab_n_chains(lab), 3);
    assert_int_equal(lab->count[LAB_CAPTURE], 2);
    expect_log(lab, "too many chains");
    lab_close(lab);
}

static void refuses_what_cannot_be_carried(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->answers[LAB_CAPTURE] = (struct lab_answer){
        .outcome = MIR_OUTCOME_REFUSED, .refusal = MIR_REFUSAL_NOT_CARRIED, .text = "burst buffer"};
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    lab_run(lab, 600);
    expect_chain(lab, "refused");
    expect_reason(lab, "burst buffer");
    assert_int_equal(lab->count[LAB_CAPTURE], 1);
    lab_close(lab);
}

static void captures_again_when_the_broker_is_busy(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->answers[LAB_CAPTURE].outcome = MIR_OUTCOME_UNAVAILABLE;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    lab_run(lab, 60);
    expect_chain(lab, "enrolling");
    assert_in_range(lab->count[LAB_CAPTURE], 2, 6);
    lab->answers[LAB_CAPTURE].outcome = MIR_OUTCOME_DONE;
    lab_run(lab, 120);
    expect_chain(lab, "active");
    lab_close(lab);
}

static void a_kill_file_refuses_no_chain_for_good(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->answers[LAB_CAPTURE].outcome = MIR_OUTCOME_REFUSED;
    lab->answers[LAB_CAPTURE].refusal = MIR_REFUSAL_KILL_FILE;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    lab_run(lab, 60);
    expect_chain(lab, "enrolling");
    lab->answers[LAB_CAPTURE].outcome = MIR_OUTCOME_DONE;
    lab->answers[LAB_CAPTURE].refusal = MIR_REFUSAL_NONE;
    lab_run(lab, 120);
    expect_chain(lab, "active");
    lab_close(lab);
}

static void takes_a_lost_chain_up_from_the_tag(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    const char *tag2 = "mirage mirage=aaaaaaaa.2.0123456789abcdef0123456789abcdef";
    const char *tag3 = "mirage mirage=aaaaaaaa.3.1123456789abcdef0123456789abcdef";
    struct mir_view_chain *v;

    (void)state;
    lab_add(lab, 60, 1000, MIR_STATE_RUNNING, tag2);
    lab_add(lab, 61, 1000, MIR_STATE_PENDING, tag3);
    lab_settle(lab);
    lab_run(lab, 60 + 4000);
    v = lab_chain(lab, 0);
    assert_string_equal(v->id, "aaaaaaaa");
    assert_string_equal(v->state, "active");
    assert_int_equal(v->n_links, 2);
    assert_int_equal(v->links[0].number, 2);
    assert_int_equal(v->links[1].number, 3);
    assert_int_equal(v->links[1].job_id, 61);
    mir_view_chain_unref(v);
    assert_int_equal(lab_n_chains(lab), 1);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    expect_log(lab, "taken up again");
    lab_close(lab);
}

static void a_forged_tag_is_not_somebody_elses_chain(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view_chain *v;
    char comment[128];

    (void)state;
    lab_successor_waits(lab);
    v = lab_chain(lab, 0);
    snprintf(comment, sizeof(comment), "mirage mirage=%s.1.%s", v->id, v->links[1].token);
    mir_view_chain_unref(v);
    lab_add(lab, 70, 1001, MIR_STATE_PENDING, comment);
    lab_run(lab, 300);
    expect_link(lab, 1, "pending");
    v = lab_chain(lab, 0);
    assert_int_equal(v->links[1].job_id, 100);
    mir_view_chain_unref(v);
    assert_int_equal(lab->count[LAB_CANCEL], 0);
    expect_log(lab, "names a chain of somebody else");
    lab_close(lab);
}

static struct mir_answer enroll(struct lab *lab, uint32_t uid, uint32_t job_id, const char *options)
{
    struct mir_command command = {.verb = MIR_ENROLL, .uid = uid, .job_id = job_id};
    struct mir_answer answer;

    snprintf(command.options, sizeof(command.options), "%s", options);
    mir_engine_command(lab->engine, lab_now(lab), &command, &answer);
    return answer;
}

static void enrolls_on_request_for_its_owner_only(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_answer answer;

    (void)state;
    lab->settings.enroll_by_comment = false;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    assert_int_equal(enroll(lab, 1001, 50, "").rc, -EPERM);
    assert_int_equal(enroll(lab, 1000, 50, "no such option").rc, -EINVAL);
    answer = enroll(lab, 1000, 50, "");
    assert_int_equal(answer.rc, 0);
    assert_non_null(strstr(answer.text, "looking at job 50"));
    lab_settle(lab);
    expect_chain(lab, "active");
    assert_int_equal(enroll(lab, 1000, 50, "").rc, -EALREADY);
    /* Not in the last list: read, and refused when it turns out to be a stranger's. */
    lab_add(lab, 51, 1000, MIR_STATE_RUNNING, "mirage");
    assert_int_equal(enroll(lab, 1001, 51, "").rc, 0);
    lab_settle(lab);
    assert_int_equal(lab_n_chains(lab), 1);
    lab_close(lab);
}

/* ---- decisions and submissions ---- */

static void submits_when_the_policy_says_so(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view_chain *v;

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3400);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    lab_run(lab, 200);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_run(lab, 70);
    v = lab_chain(lab, 0);
    assert_string_equal(v->links[1].state, "pending");
    assert_int_equal(v->links[1].n_sent, 1);
    assert_int_equal(strlen(v->links[1].token), MIR_TOKEN_LEN);
    assert_true(v->decisions[v->n_decisions - 1].acted);
    assert_false(v->decisions[0].acted);
    mir_view_chain_unref(v);
    lab_run(lab, 1200);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void a_chain_of_many_links_runs_by_itself(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    uint32_t running = 50;
    struct mir_view_chain *v;

    (void)state;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage:warmup=1m");
    for (int k = 0; k < 6; k++) {
        lab_run(lab, LAB_LIMIT);
        lab_end(lab, running, MIR_STATE_TIMEOUT, 0);
        running = (uint32_t)(100 + k);
        assert_non_null(lab_job(lab, running));
        lab_run(lab, 100);
        lab_start(lab, running);
        lab_run(lab, 60);
    }
    assert_int_equal(lab->count[LAB_SUBMIT], 6);
    v = lab_chain(lab, 0);
    assert_int_equal(v->n_links, 8);
    assert_string_equal(v->links[6].state, "running");
    assert_int_equal((int)v->links[1].interruption_s, 160);
    assert_int_equal((int)v->interruption_s, 6 * 160);
    assert_int_equal((int)v->overlap_s, 0);
    mir_view_chain_unref(v);
    assert_true(lab->n_forgotten >= 6);
    lab_close(lab);
}

/* A lead of an hour on links of two hours, and no wait: the third job is not due with the second. */
static void a_chain_is_two_live_jobs_at_most(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3700);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_start(lab, 100);
    lab_job(lab, 100)->limit_s = 600; /* its end is near at once */
    lab_job(lab, 100)->end_at = lab->at + 600;
    lab_run(lab, 1200);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_end(lab, 50, MIR_STATE_TIMEOUT, 0);
    lab_run(lab, 400);
    assert_int_equal(lab->count[LAB_SUBMIT], 2);
    lab_close(lab);
}

static void lead_max_holds_a_policy_back(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage:lead_max=20m");
    lab_run(lab, 5600);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    lab_run(lab, 600);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void reads_the_predecessor_again_before_it_acts(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab->settings.poll_s = 400; /* the list is old when the decision comes */
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    lab_run(lab, 3590);
    snprintf(lab->comments[0], sizeof(lab->comments[0]), "I do not want it any more");
    lab_run(lab, 30);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    expect_chain(lab, "ended");
    expect_reason(lab, "no longer asks");
    lab_close(lab);
}

static void a_removed_tag_ends_the_chain(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_successor_waits(lab);
    lab_end(lab, 50, MIR_STATE_TIMEOUT, 0);
    lab_start(lab, 100);
    lab_run(lab, 70);
    expect_link(lab, 1, "running");
    snprintf(lab->comments[1], sizeof(lab->comments[1]), "mirage");
    lab_run(lab, 70);
    expect_chain(lab, "ended");
    lab_run(lab, 8000);
    assert_int_equal(lab_n_chains(lab), 1);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void acts_in_the_modes_that_act(void **state)
{
    static const char *const alice[] = {"bob", "alice", NULL};
    static const char *const physics[] = {"physics", NULL};
    static const char *const batch[] = {"batch", NULL};
    static const char *const others[] = {"bob", NULL};
    static const struct {
        enum mir_mode mode;
        const char *const *users, *const *accounts, *const *partitions;
        unsigned n_submitted;
    } cases[] = {
        {MIR_MODE_OBSERVE, alice, physics, batch, 0}, {MIR_MODE_CANARY, NULL, NULL, NULL, 0},
        {MIR_MODE_CANARY, others, others, others, 0}, {MIR_MODE_CANARY, alice, NULL, NULL, 1},
        {MIR_MODE_CANARY, NULL, physics, NULL, 1},    {MIR_MODE_CANARY, NULL, NULL, batch, 1},
        {MIR_MODE_ACT, NULL, NULL, NULL, 1},
    };

    (void)state;
    EACH(i, cases)
    {
        struct lab *lab = lab_open(cases[i].mode);

        lab->settings.canary_users = cases[i].users;
        lab->settings.canary_accounts = cases[i].accounts;
        lab->settings.canary_partitions = cases[i].partitions;
        lab_chain_runs(lab, "mirage");
        lab_run(lab, 4000);
        assert_int_equal(lab->count[LAB_SUBMIT], cases[i].n_submitted);
        lab_close(lab);
    }
}

static void observe_tells_what_would_have_happened(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_OBSERVE);
    struct mir_view_chain *v;
    size_t n;

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 4000);
    v = lab_chain(lab, 0);
    assert_true(v->links[1].would_at >= LAB_T0 + 3600);
    assert_true(v->links[1].would_at < LAB_T0 + 3700);
    assert_false(v->acts);
    n = v->n_decisions;
    mir_view_chain_unref(v);
    lab_run(lab, 3140);
    lab_end(lab, 50, MIR_STATE_TIMEOUT, 0);
    lab_run(lab, 70);
    expect_chain(lab, "ended");
    expect_reason(lab, "observed:");
    expect_log(lab, "predicted overlap 1.0 h");
    v = lab_chain(lab, 0);
    assert_int_equal(v->n_decisions, n); /* none after the one that would have submitted */
    mir_view_chain_unref(v);
    assert_int_equal(lab->count[LAB_SUBMIT] + lab->count[LAB_CANCEL], 0);
    lab_close(lab);
}

static void drain_stops_submissions_until_undrain(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view_chain *v;

    (void)state;
    lab_chain_runs(lab, "mirage");
    assert_int_equal(lab_command(lab, MIR_DRAIN, 1000).rc, -EPERM);
    assert_int_equal(lab_command(lab, MIR_DRAIN, 0).rc, 0);
    assert_int_equal(lab_command(lab, MIR_DRAIN, 0).rc, -EALREADY);
    lab_run(lab, 4000);
    lab_restart(lab); /* it is remembered */
    lab_run(lab, 100);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    v = lab_chain(lab, 0);
    assert_true(v->decisions[v->n_decisions - 1].submit);
    assert_false(v->decisions[v->n_decisions - 1].acted);
    assert_non_null(strstr(v->decisions[v->n_decisions - 1].reason, "drained"));
    mir_view_chain_unref(v);
    assert_int_equal(lab_command(lab, MIR_UNDRAIN, 0).rc, 0);
    lab_run(lab, 10);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void kill_file_stops_submissions_while_it_exists(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    char path[] = "/tmp/mirage-kill-XXXXXX";
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    lab->settings.kill_file = path;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 4000);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    unlink(path);
    lab_run(lab, 10);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void pause_holds_and_resume_goes_on(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    assert_int_equal(lab_command(lab, MIR_PAUSE, 1001).rc, -EPERM);
    assert_int_equal(lab_command(lab, MIR_PAUSE, 1000).rc, 0);
    expect_chain(lab, "paused");
    assert_int_equal(lab_command(lab, MIR_PAUSE, 1000).rc, -EALREADY);
    lab_run(lab, 4000);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    assert_int_equal(lab_command(lab, MIR_RESUME, 1000).rc, 0);
    assert_int_equal(lab_command(lab, MIR_RESUME, 1000).rc, -EALREADY);
    lab_run(lab, 10);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void stop_cancels_a_waiting_successor_unless_told_not_to(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        struct lab *lab = lab_open(MIR_MODE_ACT);
        struct mir_view_chain *v;
        struct mir_command command = {.verb = MIR_STOP, .uid = 1001, .keep_successor = keep};
        struct mir_answer answer;

        lab_successor_waits(lab);
        v = lab_chain(lab, 0);
        snprintf(command.chain, sizeof(command.chain), "%s", v->id);
        mir_view_chain_unref(v);
        mir_engine_command(lab->engine, lab_now(lab), &command, &answer);
        assert_int_equal(answer.rc, -EPERM);
        command.uid = 1000;
        mir_engine_command(lab->engine, lab_now(lab), &command, &answer);
        assert_int_equal(answer.rc, 0);
        lab_run(lab, 70);
        expect_chain(lab, "ended");
        expect_reason(lab, "stopped by uid 1000");
        assert_int_equal(lab_job(lab, 100)->state, keep ? MIR_STATE_PENDING : MIR_STATE_CANCELLED);
        lab_run(lab, 8000);
        assert_int_equal(lab->count[LAB_SUBMIT], 1);
        assert_int_equal(lab_n_chains(lab), 1); /* its job still asks, but it was a chain */
        mir_engine_command(lab->engine, lab_now(lab), &command, &answer);
        assert_int_equal(answer.rc, -EALREADY);
        lab_close(lab);
    }
}

static void a_cancellation_is_asked_again_even_after_a_restart(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_successor_waits(lab);
    lab->answers[LAB_CANCEL].outcome = MIR_OUTCOME_UNAVAILABLE;
    assert_int_equal(lab_command(lab, MIR_STOP, 1000).rc, 0);
    lab_run(lab, 200);
    assert_in_range(lab->count[LAB_CANCEL], 2, 5);
    lab_restart(lab);
    lab->answers[LAB_CANCEL].outcome = MIR_OUTCOME_DONE;
    lab_run(lab, 200);
    assert_int_equal(lab_job(lab, 100)->state, MIR_STATE_CANCELLED);
    expect_link(lab, 1, "gone");
    lab_close(lab);
}

/* ---- the view, the clock ---- */

static void is_ready_only_after_list_and_history(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_view *view;

    (void)state;
    lab->answers[LAB_READ_HISTORY].silent = true;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    view = mir_view_get(lab->board);
    assert_true(view->connected);
    assert_false(view->ready);
    mir_view_unref(view);
    lab_run(lab, 4000);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    lab->answers[LAB_READ_HISTORY].silent = false;
    lab_settle(lab);
    view = mir_view_get(lab->board);
    assert_true(view->ready);
    assert_string_equal(view->history, "accounting");
    mir_view_unref(view);
    lab_run(lab, 10);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void does_not_decide_on_an_old_list(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 3000);
    lab->answers[LAB_READ_JOBS].silent = true;
    lab_run(lab, 3000);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    lab->answers[LAB_READ_JOBS].silent = false;
    lab_run(lab, 10);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

static void a_jump_of_the_local_clock_changes_nothing(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab->wall += 7200;
    lab_run(lab, 3400);
    lab->wall -= 3 * 7200;
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    lab_run(lab, 200);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    expect_log(lab, "clock jumped by 7200 s");
    lab_close(lab);
}

static void asks_for_lists_no_more_often_than_it_may(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    unsigned before;

    (void)state;
    lab_chain_runs(lab, "mirage");
    before = lab->count[LAB_READ_JOBS];
    lab_run(lab, 3600);
    assert_in_range(lab->count[LAB_READ_JOBS] - before, 50, 60);
    lab_close(lab);
}

static void the_same_seed_makes_the_same_run(void **state)
{
    char first[2][65536];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab *lab = lab_open(MIR_MODE_ACT);

        lab_successor_waits(lab);
        lab_lose(lab, 100);
        lab_run(lab, 1000);
        memcpy(first[i], lab->log, sizeof(first[i]));
        assert_non_null(lab->comments[2]);
        lab_close(lab);
    }
    assert_string_equal(first[0], first[1]);
}

static void alive_means_that_the_loop_goes_round(void **state)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);

    (void)state;
    lab_run(lab, 5);
    lab_pass(lab, 29);
    assert_true(mir_engine_alive(lab->engine, lab_now(lab)));
    lab_pass(lab, 2);
    assert_false(mir_engine_alive(lab->engine, lab_now(lab)));
    lab_close(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enrolls_a_job_whose_comment_asks),
        cmocka_unit_test(refuses_by_name_and_only_once),
        cmocka_unit_test(ignores_users_below_the_minimum),
        cmocka_unit_test(ignores_comments_when_told_to),
        cmocka_unit_test(refuses_more_chains_than_a_user_may_have),
        cmocka_unit_test(refuses_what_cannot_be_carried),
        cmocka_unit_test(captures_again_when_the_broker_is_busy),
        cmocka_unit_test(a_kill_file_refuses_no_chain_for_good),
        cmocka_unit_test(takes_a_lost_chain_up_from_the_tag),
        cmocka_unit_test(a_forged_tag_is_not_somebody_elses_chain),
        cmocka_unit_test(enrolls_on_request_for_its_owner_only),
        cmocka_unit_test(submits_when_the_policy_says_so),
        cmocka_unit_test(a_chain_of_many_links_runs_by_itself),
        cmocka_unit_test(a_chain_is_two_live_jobs_at_most),
        cmocka_unit_test(lead_max_holds_a_policy_back),
        cmocka_unit_test(reads_the_predecessor_again_before_it_acts),
        cmocka_unit_test(a_removed_tag_ends_the_chain),
        cmocka_unit_test(acts_in_the_modes_that_act),
        cmocka_unit_test(observe_tells_what_would_have_happened),
        cmocka_unit_test(drain_stops_submissions_until_undrain),
        cmocka_unit_test(kill_file_stops_submissions_while_it_exists),
        cmocka_unit_test(pause_holds_and_resume_goes_on),
        cmocka_unit_test(stop_cancels_a_waiting_successor_unless_told_not_to),
        cmocka_unit_test(a_cancellation_is_asked_again_even_after_a_restart),
        cmocka_unit_test(is_ready_only_after_list_and_history),
        cmocka_unit_test(does_not_decide_on_an_old_list),
        cmocka_unit_test(a_jump_of_the_local_clock_changes_nothing),
        cmocka_unit_test(asks_for_lists_no_more_often_than_it_may),
        cmocka_unit_test(the_same_seed_makes_the_same_run),
        cmocka_unit_test(alive_means_that_the_loop_goes_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
