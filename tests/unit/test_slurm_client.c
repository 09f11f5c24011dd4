/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_slurm_client.c - the client of the broker: greeting, questions, answers. */
#include <errno.h>
#include <poll.h>

#include "tests/unit/slurm_rig.h"

/* ---- the beginning */

static void greets_before_it_asks(void **state)
{
    struct rig *r = *state;
    struct mir_error err = {{0}};

    assert_true(mir_slurm_fd(r->s) >= 0);
    assert_int_equal(r->l->ops->read_jobs(r->l, 1, true, &err), -ENOTCONN);
    assert_non_null(strstr(err.text, "not connected yet"));
    say(r, "hello version=1 prog");
    assert_int_equal(r->n_told, 0);
    assert_string_equal(heard(r), "");
    say(r, "ram=9.9 slurm=26.05.0\n");
    assert_int_equal(last(r)->kind, MIR_LIVE_UP);
    assert_string_equal(last(r)->text, "mirage-broker 9.9, Slurm 26.05.0");
    assert_string_equal(heard(r), "hello version=1\n");
    assert_int_equal(mir_slurm_connections(r->s), 1);
}

static void stays_down_with_another_version(void **state)
{
    struct rig *r = *state;

    say(r, "hello version=2 program=7.0\n");
    assert_int_equal(r->n_told, 1);
    assert_int_equal(r->told[0].kind, MIR_LIVE_DOWN);
    assert_non_null(strstr(r->told[0].text, "7.0 speaks version 2"));
    assert_non_null(strstr(r->told[0].text, "this program version 1"));
    assert_int_equal(mir_slurm_fd(r->s), -1);
    assert_int_equal(r->l->ops->read_jobs(r->l, 1, true, NULL), -ENOTCONN);
    assert_true(mir_slurm_serve(r->s, r->now) > r->now + S); /* no hurry */
}

static void refuses_another_beginning(void **state)
{
    static const char *const lines[] = {"jobs ticket=1\n",
                                        "hello\n",
                                        "hello version=x\n",
                                        "hello version=99999999999\n",
                                        "\n",
                                        "HELLO version=1\n",
                                        "bye text=busy\n"};
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (i > 0)
            attach(r);
        say(r, lines[i]);
        assert_int_equal(last(r)->kind, MIR_LIVE_DOWN);
        assert_int_equal(mir_slurm_fd(r->s), -1);
        close(r->broker);
        r->broker = -1;
    }
    assert_string_equal(last(r)->text, "mirage-broker says: busy");
}

static void does_not_wait_for_ever_for_a_greeting(void **state)
{
    struct rig *r = *state;

    assert_int_equal(mir_slurm_serve(r->s, r->now), r->now + DEADLINE_S * S);
    r->now += DEADLINE_S * S - 1;
    serve(r);
    assert_int_equal(r->n_told, 0);
    r->now++;
    serve(r);
    assert_int_equal(last(r)->kind, MIR_LIVE_DOWN);
    assert_non_null(strstr(last(r)->text, "hello within 30 s"));
}

/* ---- questions as they are written */

static void asks_as_the_protocol_says(void **state)
{
    struct rig *r = *state;
    struct mir_submission m = a_submission();
    struct mir_job_identity own = a_job;

    memcpy(own.token, token, sizeof own.token);
    assert_int_equal(r->l->ops->read_jobs(r->l, 1, false, NULL), 0);
    assert_int_equal(mir_slurm_events(r->s), POLLIN | POLLOUT);
    assert_string_equal(heard(r), "jobs ticket=1 since=0\n");
    assert_int_equal(mir_slurm_events(r->s), POLLIN);
    assert_int_equal(r->l->ops->read_job(r->l, 2, 4000000000u, NULL), 0);
    assert_int_equal(r->l->ops->read_cluster(r->l, 3, NULL), 0);
    assert_string_equal(heard(r), "job ticket=2 id=4000000000\ncluster ticket=3\n");
    assert_int_equal(r->l->ops->read_history(r->l, 4, -5, 100, NULL), 0);
    assert_int_equal(r->l->ops->find(r->l, 5, 1000, token, 50, NULL), 0);
    assert_string_equal(heard(r), "history ticket=4 from=0 to=100\nfind ticket=5 uid=1000 "
                                  "token=0123456789abcdef0123456789abcdef from=50\n");
    assert_int_equal(r->l->ops->capture(r->l, 6, &a_job, NULL, NULL), 0);
    assert_int_equal(r->l->ops->capture(r->l, 7, &own, "MUNGE:a b", NULL), 0);
    assert_string_equal(heard(r), "capture ticket=6 id=12 uid=1000 submit_at=1700000000\n"
                                  "capture ticket=7 id=12 uid=1000 submit_at=1700000000 "
                                  "token=0123456789abcdef0123456789abcdef "
                                  "environment=MUNGE:a%20b\n");
    snprintf(m.stop_file, sizeof m.stop_file, "STOP\nHERE");
    m.predecessor = own;
    m.predecessor.submit_at = 0;
    assert_int_equal(r->l->ops->submit(r->l, 8, &m, NULL), 0);
    assert_string_equal(heard(r), "submit ticket=8 template=0123456789abcdef0123456789abcdef "
                                  "chain=abcdefgh link=3 token=0123456789abcdef0123456789abcdef "
                                  "predecessor=12 predecessor_uid=1000 "
                                  "predecessor_token=0123456789abcdef0123456789abcdef "
                                  "stop_file=STOP%0AHERE\n");
    ask_submit(r, 9);
    assert_int_equal(r->l->ops->cancel(r->l, 10, &own, NULL), 0);
    r->l->ops->forget(r->l, token);
    assert_string_equal(heard(r),
                        "submit ticket=9 template=0123456789abcdef0123456789abcdef chain=abcdefgh "
                        "link=3 token=0123456789abcdef0123456789abcdef predecessor=12 "
                        "predecessor_uid=1000 predecessor_submit_at=1700000000\n"
                        "cancel ticket=10 id=12 uid=1000 submit_at=1700000000 "
                        "token=0123456789abcdef0123456789abcdef\n"
                        "forget template=0123456789abcdef0123456789abcdef\n");
}

static void refuses_tickets_that_are_none_or_in_use(void **state)
{
    struct rig *r = *state;

    assert_int_equal(r->l->ops->read_cluster(r->l, 0, NULL), -EINVAL);
    assert_int_equal(r->l->ops->read_cluster(r->l, UINT64_MAX, NULL), -EINVAL);
    assert_int_equal(r->l->ops->read_cluster(r->l, 7, NULL), 0);
    assert_int_equal(r->l->ops->read_job(r->l, 7, 1, NULL), -EEXIST);
    assert_string_equal(heard(r), "cluster ticket=7\n");
}

static void refuses_what_no_line_can_hold(void **state)
{
    struct rig *r = *state;
    size_t len = 9u << 20;
    char *environment = malloc(len + 1);

    assert_non_null(environment);
    memset(environment, 'x', len);
    environment[len] = '\0';
    assert_int_equal(r->l->ops->capture(r->l, 1, &a_job, environment, NULL), -EMSGSIZE);
    free(environment);
    assert_int_equal(r->l->ops->read_cluster(r->l, 1, NULL), 0);
    assert_string_equal(heard(r), "cluster ticket=1\n"); /* nothing of it is left */
}

static void keeps_what_is_to_be_forgotten_until_it_is_connected(void **state)
{
    struct rig *r = *state;

    r->l->ops->forget(r->l, token);
    for (int i = 0; i < 100000; i++) /* bounded */
        r->l->ops->forget(r->l, "f");
    say(r, hello);
    assert_memory_equal(heard(r), "hello version=1\nforget template=0123456789abcdef", 48);
}

/* ---- answers */

static void tells_a_list_and_asks_only_for_what_is_newer(void **state)
{
    struct rig *r = *state;
    const struct mir_live_jobs *list;

    assert_int_equal(r->l->ops->read_jobs(r->l, 1, false, NULL), 0);
    heard(r);
    say(r, "job ticket=1 id=5 uid=1 user=ann state=RUNNING\njob ticket=1 id=6 uid=2 sta");
    assert_int_equal(r->n_told, 1); /* nothing before its end */
    say(r, "te=PENDING\ndone ticket=1 n=2 at=1000 last_update=990 backfill_at=980 ms=12\n");
    assert_int_equal(answer_to(r, 1)->kind, MIR_LIVE_JOBS);
    assert_int_equal(answer_to(r, 1)->n_jobs, 2);
    list = answer_to(r, 1)->jobs;
    assert_int_equal(r->l->ops->read_jobs(r->l, 2, false, NULL), 0);
    assert_string_equal(heard(r), "jobs ticket=2 since=990\n");
    say(r, "unchanged ticket=2 at=0 ms=1\n");
    assert_null(answer_to(r, 2)->jobs);
    assert_int_equal(answer_to(r, 2)->outcome, MIR_OUTCOME_DONE);
    assert_string_equal(list->jobs[0].user, "ann"); /* the old one is still good */
    assert_int_equal(r->l->ops->read_jobs(r->l, 3, true, NULL), 0);
    assert_string_equal(heard(r), "jobs ticket=3 since=0\n");
    say(r, "failed ticket=3 outcome=unavailable text=slow\n");
    assert_int_equal(answer_to(r, 3)->outcome, MIR_OUTCOME_UNAVAILABLE);
    assert_string_equal(list->jobs[0].user, "ann"); /* and still */
    assert_int_equal(r->l->ops->read_jobs(r->l, 4, false, NULL), 0);
    assert_string_equal(heard(r), "jobs ticket=4 since=990\n");
    say(r, "done ticket=4 n=0 at=2000 last_update=1990\n");
    assert_int_equal(answer_to(r, 4)->n_jobs, 0);
    assert_non_null(answer_to(r, 4)->jobs);
}

static void tells_all_other_answers(void **state)
{
    struct rig *r = *state;

    r->l->ops->read_job(r->l, 1, 12, NULL);
    r->l->ops->read_job(r->l, 2, 13, NULL);
    r->l->ops->read_cluster(r->l, 3, NULL);
    r->l->ops->read_history(r->l, 4, 0, 100, NULL);
    r->l->ops->find(r->l, 5, 1, token, 0, NULL);
    r->l->ops->capture(r->l, 6, &a_job, NULL, NULL);
    ask_submit(r, 7);
    ask_submit(r, 8);
    r->l->ops->cancel(r->l, 9, &a_job, NULL);
    heard(r);
    /* Answers to several questions come mixed. */
    say(r, "past ticket=4 id=1 uid=1 state=TIMEOUT start_at=5\n"
           "job ticket=1 id=12 uid=1000 state=PENDING\n"
           "cluster ticket=3 name=lab slurm=22.05.8 nodes=8\n"
           "job ticket=7 id=77 uid=1000 state=PENDING\n"
           "done ticket=2\n"
           "partition ticket=3 name=p nodes=8 up=1\n"
           "past ticket=4 id=2 uid=1 state=COMPLETED start_at=9\n"
           "done ticket=1 n=1 at=100\n"
           "reservation ticket=3 name=r start_at=1 end_at=2 nodes=1\n"
           "cancelled ticket=9 ms=4\n"
           "done ticket=4 n=2 more=1 upto=50\n"
           "submitted ticket=7 id=77 already=0 ms=30\n"
           "done ticket=3 n=1\n"
           "done ticket=5\n"
           "submitted ticket=8 id=77 already=1 ms=20\n"
           "captured ticket=6 template=0123456789abcdef0123456789abcdef environment=accounting\n");
    assert_true(answer_to(r, 1)->has_job && answer_to(r, 1)->job_id == 12);
    assert_false(answer_to(r, 2)->has_job);
    assert_int_equal(answer_to(r, 2)->outcome, MIR_OUTCOME_DONE);
    assert_string_equal(answer_to(r, 3)->cluster, "lab");
    assert_true(answer_to(r, 3)->n_partitions == 1 && answer_to(r, 3)->n_reservations == 1);
    assert_true(answer_to(r, 4)->n_past == 2 && answer_to(r, 4)->more);
    assert_int_equal(answer_to(r, 4)->upto, 50);
    assert_int_equal(answer_to(r, 5)->kind, MIR_LIVE_FOUND);
    assert_int_equal(answer_to(r, 6)->kind, MIR_LIVE_CAPTURED);
    assert_true(answer_to(r, 7)->submitted_id == 77 && answer_to(r, 7)->job_id == 77);
    assert_true(answer_to(r, 8)->already && !answer_to(r, 8)->has_job);
    assert_int_equal(answer_to(r, 9)->kind, MIR_LIVE_CANCELLED);
    for (uint64_t ticket = 1; ticket <= 9; ticket++)
        assert_int_equal(answer_to(r, ticket)->outcome, MIR_OUTCOME_DONE);
}

static void counts_what_it_cost(void **state)
{
    struct rig *r = *state;
    const struct mir_live_count *counts;
    size_t n;

    for (uint64_t ticket = 1; ticket <= 4; ticket++)
        ask_submit(r, ticket);
    heard(r);
    say(r, "submitted ticket=1 id=7 ms=30\nsubmitted ticket=2 id=8 ms=10\n"
           "failed ticket=3 outcome=refused refusal=rate text=x ms=1\n");
    die(r);
    counts = r->l->ops->counts(r->l, &n);
    for (size_t i = 0; i < n; i++) {
        bool submits = strcmp(counts[i].name, "submit") == 0;

        assert_int_equal(counts[i].n, submits ? 4 : 0);
        assert_int_equal(counts[i].n_failed, submits ? 2 : 0);
        assert_int_equal(counts[i].total_ms, submits ? 41 : 0);
        assert_int_equal(counts[i].max_ms, submits ? 30 : 0);
    }
    assert_int_equal(n, 8);
}

static void passes_over_answers_to_unknown_tickets(void **state)
{
    struct rig *r = *state;

    r->l->ops->read_cluster(r->l, 1, NULL);
    heard(r);
    say(r, "job ticket=99 id=1 uid=1 state=RUNNING\nsubmitted ticket=98 id=4\n"
           "cluster ticket=1 name=a\ndone ticket=1 n=1\ndone ticket=1 n=1\n"
           "failed ticket=1 outcome=refused\n");
    assert_int_equal(r->n_told, 2); /* UP and one answer */
    assert_int_equal(answer_to(r, 1)->outcome, MIR_OUTCOME_DONE);
    assert_true(mir_slurm_fd(r->s) >= 0);
}

static void may_be_asked_inside_an_event(void **state)
{
    struct rig *r = *state;

    r->ask_on_up = 5;
    say(r, hello);
    assert_string_equal(heard(r), "hello version=1\njobs ticket=5 since=0\n");
    say(r, "done ticket=5 at=1 last_update=1\n");
    assert_int_equal(answer_to(r, 5)->outcome, MIR_OUTCOME_DONE);
}

static void refuses_paths_and_deadlines_that_cannot_be(void **state)
{
    struct mir_slurm *s = NULL;
    char path[200];

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(mir_slurm_create(path, 1, on_event, NULL, &s, NULL), -ENAMETOOLONG);
    assert_int_equal(mir_slurm_create("", 1, on_event, NULL, &s, NULL), -ENAMETOOLONG);
    assert_int_equal(mir_slurm_create("/x", 0, on_event, NULL, &s, NULL), -EINVAL);
    assert_null(s);
    mir_slurm_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        NEW(greets_before_it_asks),
        NEW(stays_down_with_another_version),
        NEW(refuses_another_beginning),
        NEW(does_not_wait_for_ever_for_a_greeting),
        GREETED(asks_as_the_protocol_says),
        GREETED(refuses_tickets_that_are_none_or_in_use),
        GREETED(refuses_what_no_line_can_hold),
        NEW(keeps_what_is_to_be_forgotten_until_it_is_connected),
        GREETED(tells_a_list_and_asks_only_for_what_is_newer),
        GREETED(tells_all_other_answers),
        GREETED(counts_what_it_cost),
        GREETED(passes_over_answers_to_unknown_tickets),
        NEW(may_be_asked_inside_an_event),
        cmocka_unit_test(refuses_paths_and_deadlines_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
