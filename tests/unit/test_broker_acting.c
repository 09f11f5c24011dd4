/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_acting.c - captures, submissions and cancellations by children that misbehave. */
#include "daemon/broker/acting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

static void relays_a_submission_without_sending(void **state)
{
    struct fixture *f = *state;

    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_SUBMITS);
    expect(f, "job ticket=1 id=77");
    expect(f, "submitted ticket=1 id=77");
    ask_submit(f, 2, 1001, ACT_FINDS_IT_DONE);
    expect(f, "submitted ticket=2 id=77 already=1");
    say(f, "cancel ticket=3 id=1 uid=1001 submit_at=7\n");
    expect(f, "cancelled ticket=3");
}

/* It vouches for the successor, should slurmctld lose it. */
static void notes_what_it_has_submitted(void **state)
{
    struct fixture *f = *state;
    struct mir_sent sent;

    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_FINDS_IT_DONE); /* without the job's record: nothing to note */
    expect(f, "submitted ticket=1");
    assert_int_equal(mir_sent_read(f->spool, TOKEN, 1001, &sent, NULL), -ENOENT);
    ask_submit(f, 2, 1001, ACT_SUBMITS);
    expect(f, "job ticket=2");
    expect(f, "submitted ticket=2");
    assert_int_equal(mir_sent_read(f->spool, TOKEN, 1001, &sent, NULL), 0);
    assert_string_equal(sent.chain, "abcdef27");
    assert_int_equal(sent.link, ACT_SUBMITS);
    assert_int_equal(sent.job_id, 77);
    assert_int_equal(sent.submit_at, 1700000500);
}

static void knows_unavailable_from_unknown(void **state)
{
    static const struct {
        enum act_does does;
        const char *expected;
    } rows[] = {
        {ACT_DIES, "outcome=unavailable text=the%20submit's%20process%20exited%20with%20status"
                   "%203:%20slurm_init"},
        {ACT_DIES_AFTER_SENDING, "outcome=unknown text=the%20submit's%20process%20died"},
        {ACT_BABBLES, "outcome=unavailable"},
        {ACT_GIVES_NO_LF, "outcome=unavailable"},
        {ACT_ANSWERS_ANOTHER, "outcome=unavailable"},
        {ACT_SAYS_NOTHING, "outcome=unavailable"},
        {ACT_HANGS, "outcome=unavailable text=the%20submit's%20process%20was%20ended%20(no%20end"},
        {ACT_HANGS_AFTER_SENDING, "outcome=unknown"},
        {ACT_REFUSES, "outcome=refused refusal=limit text=QOS ms=4"},
    };
    struct fixture *f = *state;

    f->settings.deadline_s = 2;
    start(f);
    keep_template(f, 1001);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ask_submit(f, 1 + (int)i, 1001, rows[i].does);
        expect(f, rows[i].expected);
    }
    say(f, "cancel ticket=100 id=4 uid=1001 submit_at=7\n");
    expect(f, "failed ticket=100 outcome=unknown");
}

static void answers_once(void **state)
{
    struct fixture *f = *state;

    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_ANSWERS_TWICE);
    expect(f, "submitted ticket=1 id=1");
    ask_submit(f, 1, 1001, ACT_SUBMITS); /* the ticket is free again */
    expect(f, "job ticket=1");
    expect(f, "submitted ticket=1 id=77");
}

static void refuses_owners_templates_and_forms(void **state)
{
    struct fixture *f = *state;

    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 0, ACT_SUBMITS);
    expect(f, "failed ticket=1 outcome=refused refusal=owner");
    ask_submit(f, 2, 999, ACT_SUBMITS);
    expect(f, "failed ticket=2 outcome=refused refusal=owner");
    ask_submit(f, 3, 1002, ACT_SUBMITS); /* another user's template */
    expect(f, "failed ticket=3 outcome=refused refusal=template");
    say(f, "submit ticket=4 template=" TOKEN "\n");
    expect(f, "failed ticket=4 outcome=refused refusal=other");
}

static void holds_itself_to_the_caps(void **state)
{
    struct fixture *f = *state;

    f->settings.user_per_hour = 2;
    f->settings.all_per_hour = 3;
    start(f);
    for (uid_t uid = 1001; uid <= 1003; uid++)
        keep_template(f, uid);
    ask_submit(f, 1, 1001, ACT_DIES); /* was not handed in: does not count */
    expect(f, "failed ticket=1 outcome=unavailable");
    ask_submit(f, 2, 1001, ACT_DIES_AFTER_SENDING);
    expect(f, "failed ticket=2 outcome=unknown");
    ask_submit(f, 3, 1001, ACT_SUBMITS);
    expect(f, "job");
    expect(f, "submitted ticket=3");
    ask_submit(f, 4, 1001, ACT_SUBMITS);
    expect(f, "failed ticket=4 outcome=refused refusal=rate");
    ask_submit(f, 5, 1002, ACT_SUBMITS);
    expect(f, "job");
    expect(f, "submitted ticket=5");
    ask_submit(f, 6, 1003, ACT_SUBMITS);
    expect(f, "failed ticket=6 outcome=refused refusal=rate");
}

static void does_nothing_while_the_kill_file_exists(void **state)
{
    struct fixture *f = *state;

    start(f);
    keep_template(f, 1001);
    /* A link that leads nowhere is a kill file too. */
    assert_int_equal(symlink("/nonexistent", f->kill_file), 0);
    ask_submit(f, 1, 1001, ACT_SUBMITS);
    expect(f, "failed ticket=1 outcome=refused refusal=kill_file");
    ask_capture(f, 2, CAPTURE_DONE);
    expect(f, "failed ticket=2 outcome=refused refusal=kill_file");
    say(f, "cancel ticket=3 id=1 uid=1001 submit_at=7\n");
    expect(f, "failed ticket=3 outcome=refused refusal=kill_file");
    ask_job(f, 4, READER_ANSWERS); /* reading goes on */
    expect(f, "job");
    expect(f, "done");
    assert_int_equal(unlink(f->kill_file), 0);
    ask_submit(f, 5, 1001, ACT_SUBMITS);
    expect(f, "job");
    expect(f, "submitted ticket=5");
}

/* The kill file is newer than the act: what has not been handed in by then never is. */
static void a_late_kill_file_stops_what_is_under_way(void **state)
{
    struct fixture *f = *state;
    int fd;

    f->settings.user_per_hour = 1;
    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_IS_SLOW); /* a second of questions before it hands in */
    usleep(300000);
    fd = open(f->kill_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    expect(f, "failed ticket=1 outcome=refused refusal=kill_file");
    assert_int_equal(unlink(f->kill_file), 0);
    ask_submit(f, 2, 1001, ACT_SUBMITS); /* the other one did not count */
    expect(f, "job ticket=2");
    expect(f, "submitted ticket=2");
}

static void nothing_is_handed_in_when_the_broker_is_dead(void **state)
{
    struct fixture *f = *state;
    char done[128];

    snprintf(done, sizeof(done), "%s/handed-in", f->folder);
    assert_int_equal(setenv("TEST_HANDED_IN", done, 1), 0);
    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_IS_SLOW);
    usleep(300000);
    assert_int_equal(kill(f->server, SIGKILL), 0);
    assert_int_equal(waitpid(f->server, NULL, 0), f->server);
    f->server = 0;
    usleep(1500000);
    assert_int_equal(access(done, F_OK), -1);
    (void)unsetenv("TEST_HANDED_IN");
}

static void one_act_at_a_time_for_a_user_and_others_beside(void **state)
{
    struct fixture *f = *state;
    int64_t began_ns;

    start(f);
    keep_template(f, 1001);
    keep_template(f, 1002);
    began_ns = mir_clock_mono_ns();
    ask_submit(f, 1, 1001, ACT_IS_SLOW);
    ask_submit(f, 2, 1001, ACT_SUBMITS);
    ask_submit(f, 3, 1002, ACT_SUBMITS);
    expect(f, "job ticket=3");
    expect(f, "submitted ticket=3");
    expect(f, "job ticket=1");
    expect(f, "submitted ticket=1");
    expect(f, "job ticket=2");
    expect(f, "submitted ticket=2");
    assert_true(mir_clock_mono_ns() - began_ns >= 990000000);
}

static void bounds_the_queue_of_acts(void **state)
{
    enum { RUNNING = 1, QUEUED = 256, MORE = 3 };
    struct fixture *f = *state;

    f->settings.deadline_s = 3;
    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_HANGS);
    usleep(200000);
    for (int i = 0; i < QUEUED + MORE; i++)
        ask_submit(f, 2 + i, 1001, ACT_REFUSES);
    for (int i = 0; i < MORE; i++)
        expect(f, "outcome=unavailable text=too%20many%20acts%20wait");
    expect(f, "failed ticket=1 outcome=unavailable");
    for (int i = 0; i < QUEUED; i++)
        expect(f, "refusal=limit");
}

static void a_capture_counts_when_all_of_it_went_well(void **state)
{
    struct fixture *f = *state;

    start(f);
    ask_capture(f, 1, CAPTURE_DONE);
    expect(f, "captured ticket=1 template=");
    assert_int_equal(count_spool(f), 1);
    ask_capture(f, 2, CAPTURE_ENDS_BADLY);
    expect(f, "failed ticket=2 outcome=unavailable");
    ask_capture(f, 3, CAPTURE_DIES);
    expect(f, "failed ticket=3 outcome=unavailable");
    ask_capture(f, 4, CAPTURE_INVENTS);
    expect(f, "failed ticket=4 outcome=unavailable");
    ask_capture(f, 5, CAPTURE_REFUSES);
    expect(f, "failed ticket=5 outcome=refused refusal=not_carried");
    ask_capture(f, 6, CAPTURE_NAMES_A_PATH);
    expect(f, "failed ticket=6 outcome=unavailable");
    /* After the answer to the next one, what the last has left is gone too. */
    ask_capture(f, 7, CAPTURE_INVENTS);
    expect(f, "failed ticket=7");
    assert_int_equal(count_spool(f), 1);
}

/* The spool, the daemon's connection and the listening socket stay behind; nobody attaches. */
static void an_act_takes_nothing_of_ours_to_its_owner(void **state)
{
    struct fixture *f = *state;
    char line[128];

    if (getuid() != 0 || f->uid == 0)
        skip();
    start(f);
    snprintf(line, sizeof(line), "capture ticket=1 id=%d uid=%u submit_at=7\n", CAPTURE_TELLS_FILES,
             (unsigned)f->uid);
    say(f, line);
    expect(f, "text=/dev/null,pipe,pipe,socket,template,owner:0 ");
}

static void forgets_templates(void **state)
{
    struct fixture *f = *state;

    start(f);
    keep_template(f, 1001);
    say(f, "forget template=" TOKEN "\n");
    ask_submit(f, 1, 1001, ACT_SUBMITS);
    expect(f, "failed ticket=1 outcome=refused refusal=template");
    assert_int_equal(count_spool(f), 0);
}

static void an_act_outlives_the_connection_but_its_answer_does_not(void **state)
{
    struct fixture *f = *state;

    f->settings.user_per_hour = 1;
    start(f);
    keep_template(f, 1001);
    ask_submit(f, 1, 1001, ACT_IS_SLOW);
    ask_submit(f, 2, 1001, ACT_SUBMITS); /* waits, and is dropped */
    ask_job(f, 3, READER_ANSWERS);
    expect(f, "job ticket=3");
    disconnect(f);
    greet(f);
    ask_submit(f, 1, 1001, ACT_SUBMITS); /* the same ticket, on this connection */
    expect(f, "failed ticket=1 outcome=refused refusal=rate"); /* the first one did count */
    ask_job(f, 2, READER_ANSWERS);
    expect(f, "job ticket=2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(relays_a_submission_without_sending),
        TEST(notes_what_it_has_submitted),
        TEST(knows_unavailable_from_unknown),
        TEST(answers_once),
        TEST(refuses_owners_templates_and_forms),
        TEST(holds_itself_to_the_caps),
        TEST(does_nothing_while_the_kill_file_exists),
        TEST(a_late_kill_file_stops_what_is_under_way),
        TEST(nothing_is_handed_in_when_the_broker_is_dead),
        TEST(one_act_at_a_time_for_a_user_and_others_beside),
        TEST(bounds_the_queue_of_acts),
        TEST(a_capture_counts_when_all_of_it_went_well),
        TEST(an_act_takes_nothing_of_ours_to_its_owner),
        TEST(forgets_templates),
        TEST(an_act_outlives_the_connection_but_its_answer_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
