/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_broker_reading.c - the reader child that hangs, dies and babbles. */
#include "daemon/broker/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/broker_fixture.h"

static void replaces_a_reader_that_hangs(void **state)
{
    struct fixture *f = *state;

    f->settings.deadline_s = 1;
    start(f);
    ask_job(f, 1, READER_HANGS);
    expect(f, "failed ticket=1 outcome=unavailable text=no%20reader:%20the%20last%20one%20was");
    ask_job(f, 2, READER_ANSWERS); /* at once: the next one starts in a second */
    expect(f, "failed ticket=2 outcome=unavailable");
    wait_for_reader(f);
}

static void a_slurmdbd_that_hangs_keeps_no_list_of_jobs_waiting(void **state)
{
    struct fixture *f = *state;
    int64_t began_ns;

    f->settings.deadline_s = 3;
    start(f);
    wait_for_reader(f);
    began_ns = mir_clock_mono_ns();
    say(f, "history ticket=1 from=1 to=2\n");
    ask_job(f, 2, READER_ANSWERS);
    expect(f, "job ticket=2");
    expect(f, "done ticket=2");
    assert_true(mir_clock_mono_ns() - began_ns < INT64_C(2000000000));
    expect(f, "failed ticket=1 outcome=unavailable");
    ask_job(f, 3, READER_ANSWERS);
    expect(f, "job ticket=3");
}

static void tells_how_the_reader_ended(void **state)
{
    struct fixture *f = *state;

    start(f);
    ask_job(f, 1, READER_DIES);
    say(f, "jobs ticket=2\n");
    expect(f, "failed ticket=1 outcome=unavailable "
              "text=no%20reader:%20the%20last%20one%20exited%20with%20status%201:%20fatal:%20no"
              "%20slurm.conf");
    expect(f, "failed ticket=2 outcome=unavailable");
    expect_log(f, "<4>reader: fatal: no slurm.conf");
    expect_log(f, "the next in 1 s");
}

static void fails_what_a_dying_reader_had_begun(void **state)
{
    struct fixture *f = *state;

    start(f);
    ask_job(f, 1, READER_DIES_IN_THE_MIDDLE);
    expect(f, "job ticket=1 id=1");
    expect(f, "failed ticket=1 outcome=unavailable");
}

static void ends_a_reader_that_misbehaves(void **state)
{
    static const enum reader_does does[] = {READER_BABBLES, READER_ANSWERS_ANOTHER,
                                            READER_GIVES_NO_LF, READER_HANGS_UP};
    struct fixture *f = *state;

    start(f);
    for (int i = 0; i < 4; i++) {
        char expected[64];

        ask_job(f, 10 + i, does[i]);
        snprintf(expected, sizeof(expected), "failed ticket=%d outcome=unavailable", 10 + i);
        expect(f, expected);
        wait_for_reader(f);
    }
}

static void waits_longer_for_each_reader_that_answers_nothing(void **state)
{
    struct fixture *f = *state;

    start(f);
    for (int i = 1; i <= 60; i++) { /* those that come too early fail without a reader */
        ask_job(f, i, READER_DIES);
        expect(f, "failed ticket=");
        usleep(50000);
    }
    expect_log(f, "the next in 2 s");
}

static void bounds_the_queue_of_readings(void **state)
{
    struct fixture *f = *state;
    int n_full = 0;

    f->settings.deadline_s = 2;
    start(f);
    for (int i = 1; i <= 1 + 64 + 5; i++)
        ask_job(f, i, READER_HANGS);
    for (int i = 1; i <= 1 + 64 + 5; i++) {
        const char *line = hear(f);

        assert_non_null(line);
        assert_non_null(strstr(line, "outcome=unavailable"));
        n_full += strstr(line, "too%20many") != NULL;
    }
    /* The first may or may not have left the queue when the others come. */
    assert_in_range(n_full, 5, 6);
}

static void learns_slurms_own_timeout(void **state)
{
    struct fixture *f = *state;
    int64_t began_ns;

    f->settings.deadline_s = 0; /* 4 x 1 s once `cluster` has told, 40 s before */
    start(f);
    say(f, "cluster ticket=1\n");
    expect(f, "cluster");
    expect(f, "done");
    began_ns = mir_clock_mono_ns();
    ask_job(f, 2, READER_HANGS);
    expect(f, "failed ticket=2");
    assert_true(mir_clock_mono_ns() - began_ns >= INT64_C(3900000000));
    assert_true(mir_clock_mono_ns() - began_ns < INT64_C(20000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(replaces_a_reader_that_hangs),
        TEST(a_slurmdbd_that_hangs_keeps_no_list_of_jobs_waiting),
        TEST(tells_how_the_reader_ended),
        TEST(fails_what_a_dying_reader_had_begun),
        TEST(ends_a_reader_that_misbehaves),
        TEST(waits_longer_for_each_reader_that_answers_nothing),
        TEST(bounds_the_queue_of_readings),
        TEST(learns_slurms_own_timeout),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
