/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_queue_runs.c - names and chains in the queue, and which runs it tells of. */
#include "tests/unit/queue_rig.h"

/* ---- names of jobs, chains */

static void jobs_of_one_stem_have_one_number(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[] = {pending_job(1, 40, 500), pending_job(2, 30, 500),
                                  pending_job(3, 20, 500), pending_job(4, 10, 500),
                                  running_job(5, 500, 600)};
    const struct mir_snapshot *s;

    (void)state;
    jobs[1].name = "train_17";
    jobs[2].name = "relax";
    jobs[3].name = "2026.1";
    update(q, jobs, 5);
    s = mir_queue_snapshot(q, AT);
    assert_int_not_equal(s->pending[0].name, 0);
    assert_int_equal(s->pending[1].name, s->pending[0].name);
    assert_int_not_equal(s->pending[2].name, s->pending[0].name);
    assert_int_not_equal(s->pending[2].name, 0);
    assert_int_equal(s->pending[3].name, 0); /* nothing but digits */
    assert_int_equal(s->running[0].name, s->pending[0].name);
    mir_queue_destroy(q);
}

/* Letters, for digits are no part of a stem. */
static void spell(uint32_t n, char out[8])
{
    for (int i = 0; i < 7; i++, n /= 26)
        out[i] = (char)('a' + n % 26);
    out[7] = '\0';
}

static void of_too_many_names_the_last_have_no_number(void **state)
{
    enum { N = 100500 };
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job *jobs = MIR_NEW_ARRAY(struct mir_live_job, N);
    char(*names)[8] = mir_alloc(N, sizeof(*names));
    const struct mir_snapshot *s;

    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        spell(i, names[i]);
        jobs[i] = pending_job(i + 1, 10, 500);
        jobs[i].name = names[i];
    }
    update(q, jobs, N);
    s = mir_queue_snapshot(q, AT);
    for (uint32_t i = 0; i < N; i++)
        assert_int_equal(s->pending[i].name, i < 100000 ? i + 1 : 0);
    update(q, &jobs[50000], 1); /* who has a number keeps it */
    assert_int_equal(mir_queue_snapshot(q, AT)->pending[0].name, 50001);
    free(names);
    free(jobs);
    mir_queue_destroy(q);
}

static void a_job_of_a_chain_is_known_by_its_comment(void **state)
{
    static const struct {
        const char *comment;
        uint8_t chained;
    } cases[] = {
        {"", 0},
        {"of the user's own", 0},
        {"mirage", 1},
        {"x mirage:w=0.5,links=20 y", 1},
        {"mirage:until=2027-01-01", 1},
        {TAG, 1},
        {"mirage " TAG, 1},
        {"mirage:links=0", 0}, /* refused */
        {"mirage mirage", 0},
        {"miraged", 0},
        {"mirage=abcdef27.1", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_queue *q = mir_queue_create(100);
        struct mir_live_job job = running_job(1, 500, 600);
        const struct mir_run_event *e;
        size_t n;

        job.comment = cases[i].comment;
        update(q, &job, 1);
        e = mir_queue_run_events(q, &n);
        assert_int_equal(n, 1);
        if (mir_queue_snapshot(q, AT)->running[0].chained != cases[i].chained ||
            e->chained != (cases[i].chained != 0))
            fail_msg("%s", cases[i].comment);
        mir_queue_destroy(q);
    }
}

/* ---- runs */

static size_t n_history(struct mir_queue *q)
{
    return mir_history_len(&mir_queue_snapshot(q, AT)->history);
}

/* What was told since the last call, as "+ID@AT" and "-ID@AT". */
static const char *told(struct mir_queue *q)
{
    static char text[2000];
    size_t n, len = 0;
    const struct mir_run_event *e = mir_queue_run_events(q, &n);

    text[0] = '\0';
    assert_true(n < 100); /* 20 bytes each */
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%c%u@%d", i > 0 ? " " : "",
                                e[i].ended ? '-' : '+', e[i].id, (int)e[i].at);
    return text;
}

static void update_at(struct mir_queue *q, int64_t at, struct mir_live_job *jobs, size_t n)
{
    mir_queue_update(q, &(struct mir_live_jobs){.at = at, .jobs = jobs, .n_jobs = n});
}

static void a_run_is_told_by_its_lists_once(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[] = {pending_job(1, 10, 500), running_job(2, 500, 600),
                                  running_job(3, 500, 650)};

    (void)state;
    update_at(q, 700, jobs, 3);
    assert_string_equal(told(q), "+2@600 +3@650");
    update_at(q, 760, jobs, 3);
    assert_string_equal(told(q), "");
    jobs[0] = running_job(1, 500, 790);
    jobs[1].state = MIR_STATE_COMPLETED;
    jobs[1].end_at = 780;
    update_at(q, 820, jobs, 3);
    assert_string_equal(told(q), "-2@780 +1@790");
    update_at(q, 880, jobs, 3); /* still listed, MinJobAge long */
    assert_string_equal(told(q), "");
    jobs[2].end_at = 900;
    update_at(q, 890, &jobs[2], 1); /* 1 and 2 are gone: 2 was told of */
    assert_string_equal(told(q), "-1@890");
    update_at(q, 950, NULL, 0); /* planned to end before the list came */
    assert_string_equal(told(q), "-3@900");
    update_at(q, 990, jobs, 3); /* a list out of its mind tells nothing new */
    assert_string_equal(told(q), "");
    mir_queue_destroy(q);
}

static void a_run_between_two_lists_is_told_at_once(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job job = running_job(1, 500, 600);
    const struct mir_run_event *e;
    size_t n;

    (void)state;
    job.state = MIR_STATE_TIMEOUT;
    job.end_at = 640;
    update_at(q, 700, &job, 1);
    e = mir_queue_run_events(q, &n);
    assert_int_equal(n, 2);
    assert_true(e[0].at == 600 && !e[0].ended && e[1].at == 640 && e[1].ended);
    assert_int_equal(e[1].state, MIR_STATE_TIMEOUT);
    assert_int_equal(e[1].user, e[0].user);
    assert_true(e[0].n_nodes == 2 && e[0].limit_s == 3600 && e[0].name != 0);
    update_at(q, 760, &job, 1);
    assert_string_equal(told(q), "");
    mir_queue_destroy(q);
}

static void one_that_ended_without_a_time_is_as_good_as_gone(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[] = {running_job(1, 500, 600), running_job(2, 500, 600)};

    (void)state;
    jobs[1].state = MIR_STATE_FAILED;
    jobs[1].end_at = 0;
    update_at(q, 700, jobs, 2);
    assert_string_equal(told(q), "+1@600");
    jobs[0].state = MIR_STATE_FAILED;
    jobs[0].end_at = 0;
    update_at(q, 760, jobs, 2);
    assert_string_equal(told(q), "-1@760");
    mir_queue_destroy(q);
}

static void what_never_ran_or_changed_its_size_is_no_run(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job jobs[6];

    (void)state;
    for (uint32_t i = 0; i < 6; i++)
        jobs[i] = running_job(i + 1, 500, 600);
    jobs[0].state = MIR_STATE_CANCELLED; /* while it was pending: Slurm notes this start */
    jobs[0].end_at = 600;
    jobs[1].state = MIR_STATE_CANCELLED;
    jobs[1].start_at = 0;
    jobs[1].end_at = 650;
    jobs[2].flags = MIR_LIVE_RESIZED;
    jobs[3].flags = MIR_LIVE_RESIZED;
    jobs[3].state = MIR_STATE_COMPLETED;
    jobs[4].state = MIR_STATE_UNKNOWN;
    jobs[5].start_at = 499; /* before it was submitted */
    update_at(q, 700, jobs, 6);
    assert_string_equal(told(q), "");
    jobs[0].state = MIR_STATE_COMPLETED; /* ran, within a second */
    jobs[5].start_at = 600;
    update_at(q, 710, jobs, 6);
    assert_string_equal(told(q), "+1@600 +6@600 -1@600");
    jobs[5].flags = MIR_LIVE_RESIZED; /* told of before */
    update_at(q, 720, jobs, 6);
    assert_string_equal(told(q), "");
    jobs[5].state = MIR_STATE_COMPLETED;
    jobs[5].end_at = 715;
    update_at(q, 730, jobs, 6);
    assert_string_equal(told(q), "-6@715");
    mir_queue_destroy(q);
}

static void each_run_of_a_requeued_job_counts(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job job = running_job(1, 500, 600);
    struct mir_live_past past = past_job(1, 500, 600);

    (void)state;
    update_at(q, 700, &job, 1);
    job = pending_job(1, 10, 720);
    update_at(q, 760, &job, 1);
    assert_string_equal(told(q), "+1@600 -1@760");
    job = running_job(1, 720, 800);
    update_at(q, 820, &job, 1);
    assert_string_equal(told(q), "+1@800");
    past.end_at = 715; /* accounting knows better, too late */
    (void)mir_queue_learn(q, &past);
    assert_string_equal(told(q), "");
    mir_queue_destroy(q);
}

/* Suspended time is run time: Slurm moves the planned end, and no start comes twice. */
static void a_suspended_job_runs_on(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_job job = running_job(1, 500, 600);

    (void)state;
    update_at(q, 700, &job, 1);
    job.flags = MIR_LIVE_SUSPENDED;
    update_at(q, 4000, &job, 1);
    job.flags = 0;
    job.end_at += 3000;
    update_at(q, 4100, &job, 1);
    assert_string_equal(told(q), "+1@600");
    update_at(q, 5000, NULL, 0); /* past its first planned end */
    assert_string_equal(told(q), "-1@5000");
    mir_queue_destroy(q);
}

static void the_past_is_told_start_and_end_together_by_time(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_past later = past_job(1, 500, 900), early = past_job(2, 500, 600),
                         running = past_job(3, 500, 700), dependent = past_job(4, 100, 640),
                         cancelled = past_job(5, 500, 600);
    struct mir_live_job job = running_job(3, 500, 700);

    (void)state;
    running.state = MIR_STATE_RUNNING;
    running.end_at = 0;
    dependent.eligible_at = 600; /* no lesson about waits, but a run */
    cancelled.state = MIR_STATE_CANCELLED;
    cancelled.end_at = 600;
    later.name = NULL; /* an older peer */
    assert_true(mir_queue_learn(q, &later));
    assert_true(mir_queue_learn(q, &running)); /* as a lesson */
    assert_true(mir_queue_learn(q, &early));
    assert_true(mir_queue_learn(q, &dependent));
    assert_false(mir_queue_learn(q, &cancelled));
    assert_false(mir_queue_learn(q, &early)); /* another page has it too */
    mir_queue_settle(q);
    assert_int_equal(n_history(q), 3);
    assert_string_equal(told(q), "+2@600 +4@640 -2@660 -4@700 +1@900 -1@960");
    update_at(q, 1000, &job, 1);
    assert_string_equal(told(q), "+3@700"); /* by the list that has it */
    running = past_job(3, 500, 700);
    running.end_at = 1010;
    assert_true(mir_queue_learn(q, &running)); /* accounting was quicker than the next list */
    assert_false(mir_queue_learn(q, &running));
    assert_string_equal(told(q), "-3@1010");
    update_at(q, 1060, &job, 1);
    update_at(q, 1120, NULL, 0);
    assert_string_equal(told(q), "");
    mir_queue_destroy(q);
}

static void a_past_job_and_a_listed_one_of_a_stem_are_alike(void **state)
{
    struct mir_queue *q = mir_queue_create(100);
    struct mir_live_past past = past_job(1, 500, 600);
    struct mir_live_job job = running_job(2, 500, 600);
    const struct mir_run_event *e;
    size_t n;

    (void)state;
    mir_queue_learn(q, &past);
    update_at(q, 1000, &job, 1);
    e = mir_queue_run_events(q, &n);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(e[i].user, mir_queue_snapshot(q, AT)->running[0].user);
        assert_int_equal(e[i].name, mir_queue_snapshot(q, AT)->running[0].name);
        assert_int_not_equal(e[i].name, 0);
    }
    mir_queue_destroy(q);
}

static void the_ends_of_forgotten_runs_are_not_told_again(void **state)
{
    struct mir_queue *q = mir_queue_create(8);
    struct mir_live_job jobs[40];

    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        jobs[i] = running_job(i + 1, 500, 600 + i);
        jobs[i].state = MIR_STATE_COMPLETED;
        jobs[i].end_at = 700 + i;
    }
    update_at(q, 800, jobs, 40);
    assert_int_not_equal(strlen(told(q)), 0);
    update_at(q, 860, jobs, 40);
    assert_string_equal(told(q), "");
    mir_queue_destroy(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jobs_of_one_stem_have_one_number),
        cmocka_unit_test(of_too_many_names_the_last_have_no_number),
        cmocka_unit_test(a_job_of_a_chain_is_known_by_its_comment),
        cmocka_unit_test(a_run_is_told_by_its_lists_once),
        cmocka_unit_test(a_run_between_two_lists_is_told_at_once),
        cmocka_unit_test(one_that_ended_without_a_time_is_as_good_as_gone),
        cmocka_unit_test(what_never_ran_or_changed_its_size_is_no_run),
        cmocka_unit_test(each_run_of_a_requeued_job_counts),
        cmocka_unit_test(a_suspended_job_runs_on),
        cmocka_unit_test(the_past_is_told_start_and_end_together_by_time),
        cmocka_unit_test(a_past_job_and_a_listed_one_of_a_stem_are_alike),
        cmocka_unit_test(the_ends_of_forgotten_runs_are_not_told_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
