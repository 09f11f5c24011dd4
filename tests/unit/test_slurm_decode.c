/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_slurm_decode.c - records of the broker: what they say, and what they may not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/clock.h"
#include "daemon/core/rng.h"
#include "daemon/slurm/answer.h"
#include "daemon/slurm/decode.h"

/* A record of the text; its strings are in a buffer that the next one overwrites. */
static const struct mir_wire_record *record(const char *text)
{
    static struct mir_wire_record r;
    static char line[8192];
    struct mir_error err = {{0}};
    size_t len = strlen(text);

    assert_true(len < sizeof line);
    memcpy(line, text, len + 1);
    if (mir_wire_parse(line, len, &r, &err) != 0)
        fail_msg("%s: %s", text, err.text);
    return &r;
}

static const char whole_job[] =
    "job ticket=1 id=4294967293 uid=1000 gid=100 user=ann account=phys partition=gpu qos=long "
    "name=a%20b comment=mirage%0A reason=Priority reservation=res state=PENDING flags=4 nodes=8 "
    "cpus=64 gpus=32 tasks=7 restarts=2 priority=4294967295 nice=-100 limit_s=86400 "
    "exit_code=255 exit_signal=9 submit_at=1700000000 eligible_at=9223372036854775807 "
    "start_at=1700000100 end_at=1700086500 eval_at=1700000050";

static void reads_every_key_of_a_job(void **state)
{
    struct mir_slurm_texts texts = {0};
    struct mir_live_job job;

    (void)state;
    assert_int_equal(mir_slurm_decode_job(record(whole_job), &texts, &job, NULL), 0);
    assert_true(job.id == 4294967293u && job.uid == 1000 && job.gid == 100);
    assert_string_equal(job.user, "ann");
    assert_string_equal(job.account, "phys");
    assert_string_equal(job.partition, "gpu");
    assert_string_equal(job.qos, "long");
    assert_string_equal(job.name, "a b");
    assert_string_equal(job.comment, "mirage\n");
    assert_string_equal(job.reason, "Priority");
    assert_string_equal(job.reservation, "res");
    assert_int_equal(job.state, MIR_STATE_PENDING);
    assert_true(job.flags == MIR_LIVE_BATCH && job.n_nodes == 8 && job.n_cpus == 64);
    assert_true(job.n_gpus == 32 && job.n_tasks == 7 && job.restarts == 2);
    assert_true(job.priority == UINT32_MAX && job.nice == -100 && job.limit_s == 86400);
    assert_true(job.exit_code == 255 && job.exit_signal == 9);
    assert_true(job.submit_at == 1700000000 && job.eligible_at == INT64_MAX);
    assert_true(job.start_at == 1700000100 && job.end_at == 1700086500);
    assert_true(job.last_sched_eval_at == 1700000050);
    mir_slurm_texts_release(&texts);
}

static void what_a_job_does_not_say_is_empty_or_unlimited(void **state)
{
    struct mir_slurm_texts texts = {0};
    struct mir_live_job job;

    (void)state;
    assert_int_equal(
        mir_slurm_decode_job(record("job ticket=1 id=1 uid=0 state=RUNNING"), &texts, &job, NULL),
        0);
    assert_string_equal(job.user, "");
    assert_string_equal(job.comment, "");
    assert_string_equal(job.reservation, "");
    assert_int_equal(job.limit_s, MIR_UNLIMITED);
    assert_int_equal(job.n_tasks, 1);
    assert_true(job.priority == 0 && job.eligible_at == 0 && job.nice == 0);
    mir_slurm_texts_release(&texts);
}

static void keys_come_in_any_order_and_unknown_ones_are_passed_over(void **state)
{
    struct mir_slurm_texts texts = {0};
    struct mir_live_job job;

    (void)state;
    assert_int_equal(mir_slurm_decode_job(record("job state=RUNNING later=1 nodes=3 uid=5 user=x "
                                                 "later=2 id=9 ticket=1"),
                                          &texts, &job, NULL),
                     0);
    assert_true(job.id == 9 && job.uid == 5 && job.n_nodes == 3);
    assert_string_equal(job.user, "x");
    mir_slurm_texts_release(&texts);
}

static void refuses_jobs_that_cannot_be(void **state)
{
    static const struct {
        const char *text;
        const char *named; /* in the error */
    } cases[] = {
        {"job uid=1 state=RUNNING", "without id"},
        {"job id=1 state=RUNNING", "without uid"},
        {"job id=1 uid=1", "without state"},
        {"job id=0 uid=1 state=RUNNING", "id=0"},
        {"job id=4294967294 uid=1 state=RUNNING", "id=4294967294"}, /* NO_VAL */
        {"job id=-1 uid=1 state=RUNNING", "id=-1"},
        {"job id=1x uid=1 state=RUNNING", "id=1x"},
        {"job id= uid=1 state=RUNNING", "id="},
        {"job id=1 id=1 uid=1 state=RUNNING", "id twice"},
        {"job id=1 uid=4294967295 state=RUNNING", "uid="},
        {"job id=1 uid=1 state=running", "state=running"},
        {"job id=1 uid=1 state=", "state="},
        {"job id=1 uid=1 state=RUNNING nodes=-1", "nodes="},
        {"job id=1 uid=1 state=RUNNING nodes=4294967296", "nodes="},
        {"job id=1 uid=1 state=RUNNING limit_s=2147483647", "limit_s="},
        {"job id=1 uid=1 state=RUNNING limit_s=-1", "limit_s="},
        {"job id=1 uid=1 state=RUNNING exit_code=256", "exit_code="},
        {"job id=1 uid=1 state=RUNNING exit_signal=-9", "exit_signal="},
        {"job id=1 uid=1 state=RUNNING nice=2147483648", "nice="},
        {"job id=1 uid=1 state=RUNNING submit_at=-1", "submit_at="},
        {"job id=1 uid=1 state=RUNNING end_at=9223372036854775807", "end_at="},
        {"job id=1 uid=1 state=RUNNING eligible_at=9223372036854775806", "eligible_at="},
        {"job id=1 uid=1 state=RUNNING submit_at=99999999999999999999", "submit_at="},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_slurm_texts texts = {0};
        struct mir_error err = {{0}};
        struct mir_live_job job;
        int rc = mir_slurm_decode_job(record(cases[i].text), &texts, &job, &err);

        if (rc != -EINVAL && rc != -ERANGE)
            fail_msg("%s: %d", cases[i].text, rc);
        if (strstr(err.text, cases[i].named) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
        mir_slurm_texts_release(&texts);
    }
}

static void reads_a_past_job(void **state)
{
    struct mir_slurm_texts texts = {0};
    struct mir_live_past past;

    (void)state;
    assert_int_equal(mir_slurm_decode_past(record("past ticket=3 id=12 uid=7 user=u account=a "
                                                  "partition=p qos=q comment=c name=n nodes=2 "
                                                  "state=TIMEOUT exit_signal=15 submit_at=10 "
                                                  "eligible_at=11 start_at=12 end_at=13"),
                                           &texts, &past, NULL),
                     0);
    assert_true(past.id == 12 && past.uid == 7 && past.n_nodes == 2);
    assert_int_equal(past.limit_s, MIR_UNLIMITED);
    assert_int_equal(past.state, MIR_STATE_TIMEOUT);
    assert_true(past.submit_at == 10 && past.eligible_at == 11);
    assert_true(past.start_at == 12 && past.end_at == 13);
    assert_string_equal(past.comment, "c");
    assert_string_equal(past.name, "n");
    assert_int_equal(
        mir_slurm_decode_past(record("past id=1 uid=1 state=WHAT"), &texts, &past, NULL), -EINVAL);
    mir_slurm_texts_release(&texts);
}

static void reads_a_cluster(void **state)
{
    struct mir_live_reservation reservation;
    struct mir_live_partition partition;
    struct mir_live_cluster cluster;

    (void)state;
    assert_int_equal(
        mir_slurm_decode_cluster(
            record("cluster ticket=1 name=lab slurm=22.05.8 nodes=8 idle=3 down=1 "
                   "message_timeout_s=10 min_job_age_s=300 accounting=1 stores_comment=1 "
                   "accrue_always=1 federated=0 scheduler=sched/backfill "
                   "priority_type=priority/multifactor scheduler_parameters=bf_window=100,x "
                   "priority_flags=MAX_TRES weight_age=7000 weight_qos=4294967295 "
                   "max_age_s=604800 calc_period_s=300 favor_small=1 set_nodes=60,0,4294967295"),
            &cluster, NULL),
        0);
    assert_string_equal(cluster.name, "lab");
    assert_string_equal(cluster.slurm_version, "22.05.8");
    assert_true(cluster.n_nodes == 8 && cluster.n_nodes_idle == 3 && cluster.n_nodes_down == 1);
    assert_true(cluster.message_timeout_s == 10 && cluster.min_job_age_s == 300);
    assert_true(cluster.accounting && cluster.stores_comment && cluster.accrue_always);
    assert_false(cluster.federated || cluster.stores_script || cluster.stores_environment);
    assert_string_equal(cluster.scheduler_parameters, "bf_window=100,x");
    assert_true(cluster.weight_age == 7000 && cluster.weight_qos == UINT32_MAX);
    assert_int_equal(cluster.max_age_s, 604800);
    assert_int_equal(cluster.calc_period_s, 300);
    assert_true(cluster.favor_small);
    assert_int_equal(cluster.n_sets, 3);
    assert_true(cluster.set_nodes[0] == 60 && cluster.set_nodes[1] == 0);
    assert_true(cluster.set_nodes[2] == UINT32_MAX);
    assert_int_equal(mir_slurm_decode_partition(record("partition name=p nodes=4 cpus=8 up=1"),
                                                &partition, NULL),
                     0);
    assert_true(partition.limit_max_s == MIR_UNLIMITED && partition.up && partition.n_cpus == 8);
    assert_true(partition.tier == 1 && partition.job_factor == 1); /* an older broker's */
    assert_int_equal(partition.sets, 0);
    assert_int_equal(
        mir_slurm_decode_partition(record("partition name=p tier=0 job_factor=7 sets=4294967295"),
                                   &partition, NULL),
        0);
    assert_true(partition.tier == 0 && partition.job_factor == 7 && partition.sets == UINT32_MAX);
    assert_int_equal(mir_slurm_decode_reservation(
                         record("reservation name=r start_at=1 end_at=2 nodes=3 maintenance=1"),
                         &reservation, NULL),
                     0);
    assert_true(reservation.start_at == 1 && reservation.end_at == 2);
    assert_true(reservation.n_nodes == 3 && reservation.maintenance);
}

static void refuses_sets_of_nodes_that_are_none(void **state)
{
    static const char *const lists[] = {"", "x", "1,", ",1", "-1", "4294967296", "1;2"};
    struct mir_live_cluster cluster;
    char text[300] = "cluster set_nodes=1";

    (void)state;
    for (unsigned i = 1; i < MIR_LIVE_SETS_MAX; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), ",%u", i);
    assert_int_equal(mir_slurm_decode_cluster(record(text), &cluster, NULL), 0);
    assert_int_equal(cluster.n_sets, MIR_LIVE_SETS_MAX);
    snprintf(text + strlen(text), sizeof text - strlen(text), ",1");
    assert_int_equal(mir_slurm_decode_cluster(record(text), &cluster, NULL), -ERANGE);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        snprintf(text, sizeof text, "cluster set_nodes=%s", lists[i]);
        assert_int_equal(mir_slurm_decode_cluster(record(text), &cluster, NULL), -ERANGE);
    }
}

static void refuses_names_that_do_not_fit_and_flags_that_are_none(void **state)
{
    struct mir_live_partition partition;
    struct mir_live_cluster cluster;
    char text[200];

    (void)state;
    snprintf(text, sizeof text, "partition name=%063d", 0);
    assert_int_equal(mir_slurm_decode_partition(record(text), &partition, NULL), 0);
    snprintf(text, sizeof text, "partition name=%064d", 0);
    assert_int_equal(mir_slurm_decode_partition(record(text), &partition, NULL), -ERANGE);
    assert_int_equal(mir_slurm_decode_partition(record("partition up=1"), &partition, NULL),
                     -EINVAL);
    assert_int_equal(mir_slurm_decode_cluster(record("cluster accounting=2"), &cluster, NULL),
                     -ERANGE);
    assert_int_equal(mir_slurm_decode_cluster(record("cluster accounting=yes"), &cluster, NULL),
                     -EINVAL);
}

/* ---- how an action ended */

static int outcome(enum mir_live_kind kind, const char *text, struct mir_live_event *event)
{
    *event = (struct mir_live_event){.kind = kind, .text = "", .workdir = ""};
    return mir_slurm_decode_outcome(record(text), event, NULL);
}

static void reads_how_an_action_ended(void **state)
{
    struct mir_live_event e;

    (void)state;
    assert_int_equal(outcome(MIR_LIVE_CAPTURED,
                             "captured ticket=1 template=0123456789abcdef0123456789abcdef "
                             "environment=login warn_s=60 workdir=/home/a%20b ms=5",
                             &e),
                     0);
    assert_string_equal(e.template_id, "0123456789abcdef0123456789abcdef");
    assert_int_equal(e.environment, MIR_ENVIRONMENT_LOGIN);
    assert_int_equal(e.warn_s, 60);
    assert_string_equal(e.workdir, "/home/a b");
    assert_int_equal(e.duration_ms, 5);
    assert_int_equal(outcome(MIR_LIVE_SUBMITTED, "submitted ticket=1 id=77 already=1", &e), 0);
    assert_true(e.outcome == MIR_OUTCOME_DONE && e.submitted_id == 77 && e.already);
    assert_int_equal(outcome(MIR_LIVE_CANCELLED, "cancelled ticket=1 ms=2", &e), 0);
    assert_int_equal(e.outcome, MIR_OUTCOME_DONE);
    assert_int_equal(outcome(MIR_LIVE_SUBMITTED,
                             "failed ticket=1 outcome=refused refusal=stop_file text=no%0Amore",
                             &e),
                     0);
    assert_int_equal(e.outcome, MIR_OUTCOME_REFUSED);
    assert_int_equal(e.refusal, MIR_REFUSAL_STOP_FILE);
    assert_string_equal(e.text, "no\nmore");
    assert_int_equal(outcome(MIR_LIVE_CANCELLED, "failed outcome=refused", &e), 0);
    assert_int_equal(e.refusal, MIR_REFUSAL_OTHER);
    assert_int_equal(outcome(MIR_LIVE_JOBS, "failed outcome=unavailable text=x", &e), 0);
    assert_int_equal(e.outcome, MIR_OUTCOME_UNAVAILABLE);
    assert_int_equal(e.refusal, MIR_REFUSAL_NONE);
    assert_int_equal(outcome(MIR_LIVE_SUBMITTED, "failed outcome=unknown", &e), 0);
    assert_int_equal(e.outcome, MIR_OUTCOME_UNKNOWN);
}

static void refuses_endings_that_cannot_be(void **state)
{
    static const struct {
        enum mir_live_kind kind;
        const char *text;
    } cases[] = {
        {MIR_LIVE_JOBS, "failed outcome=unknown"}, /* a reading is never half done */
        {MIR_LIVE_CAPTURED, "failed outcome=unknown"},
        {MIR_LIVE_SUBMITTED, "failed outcome=done"},
        {MIR_LIVE_SUBMITTED, "failed outcome=perhaps"},
        {MIR_LIVE_SUBMITTED, "failed"},
        {MIR_LIVE_SUBMITTED, "failed outcome=refused ms=-1"},
        {MIR_LIVE_SUBMITTED, "submitted ticket=1"},
        {MIR_LIVE_SUBMITTED, "submitted id=0"},
        {MIR_LIVE_SUBMITTED, "submitted id=1 already=2"},
        {MIR_LIVE_SUBMITTED, "cancelled ticket=1"},
        {MIR_LIVE_CANCELLED, "submitted id=1"},
        {MIR_LIVE_JOBS, "cancelled ticket=1"},
        {MIR_LIVE_CAPTURED, "captured environment=login"},
        {MIR_LIVE_CAPTURED, "captured template=0123 environment=login"},
        {MIR_LIVE_CAPTURED, "captured template=../../../../../../../etc/shadow1 environment=login"},
        {MIR_LIVE_CAPTURED, "captured template=0123456789abcdef0123456789abcdef environment=x"},
        {MIR_LIVE_CAPTURED, "captured template=0123456789abcdef0123456789abcdef"},
    };
    struct mir_live_event e;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (outcome(cases[i].kind, cases[i].text, &e) == 0)
            fail_msg("taken: %s", cases[i].text);
    }
}

/* ---- whole answers */

/* Feed lines until one closes or is refused; returns that one's answer. */
static int
answer(struct mir_slurm_answer *a, const char *const *lines, struct mir_live_event *event)
{
    int rc = 0;

    for (; rc == 0 && *lines != NULL; lines++)
        rc = mir_slurm_answer_take(a, record(*lines), event, NULL);
    return rc;
}

static void a_list_is_sorted_and_found_in(void **state)
{
    static const char *const lines[] = {
        "job id=9 uid=1 state=RUNNING", "job id=3 uid=1 state=PENDING",
        "job id=5 uid=1 state=PENDING", "done n=3 at=100 backfill_at=90 last_update=95 ms=7", NULL};
    struct mir_slurm_answer a = {.kind = MIR_LIVE_JOBS};
    struct mir_live_event e;

    (void)state;
    assert_int_equal(answer(&a, lines, &e), 1);
    assert_int_equal(e.jobs->n_jobs, 3);
    assert_int_equal(e.jobs->jobs[0].id, 3);
    assert_int_equal(e.jobs->jobs[2].id, 9);
    assert_non_null(mir_live_jobs_find(e.jobs, 5));
    assert_true(e.jobs->at == 100 && e.jobs->last_backfill_at == 90 && e.duration_ms == 7);
    assert_int_equal(a.last_update, 95);
    mir_slurm_answer_release(&a);
}

static void past_jobs_are_sorted_by_start(void **state)
{
    static const char *const lines[] = {"past id=1 uid=1 state=COMPLETED start_at=30",
                                        "past id=2 uid=1 state=COMPLETED start_at=10",
                                        "done n=2 more=1 upto=40", NULL};
    struct mir_slurm_answer a = {.kind = MIR_LIVE_HISTORY};
    struct mir_live_event e;

    (void)state;
    assert_int_equal(answer(&a, lines, &e), 1);
    assert_true(e.n_past == 2 && e.past[0].id == 2 && e.past[1].id == 1);
    assert_true(e.more && e.upto == 40);
    mir_slurm_answer_release(&a);
}

static void refuses_lists_that_are_not_whole(void **state)
{
    static const struct {
        enum mir_live_kind kind;
        const char *lines[4];
    } cases[] = {
        {MIR_LIVE_JOBS, {"job id=3 uid=1 state=PENDING", "done n=2 at=100", NULL}},
        {MIR_LIVE_JOBS, {"job id=3 uid=1 state=PENDING", "done at=100", NULL}},
        {MIR_LIVE_JOBS, {"done n=1 at=100", NULL}},
        {MIR_LIVE_JOBS, {"done n=0", NULL}}, /* no time */
        {MIR_LIVE_JOBS,
         {"job id=3 uid=1 state=PENDING", "job id=3 uid=1 state=PENDING", "done n=2 at=1", NULL}},
        {MIR_LIVE_JOBS, {"unchanged at=1", NULL}}, /* all were asked for */
        {MIR_LIVE_JOBS, {"past id=1 uid=1 state=COMPLETED", NULL}},
        {MIR_LIVE_JOB,
         {"job id=3 uid=1 state=PENDING", "job id=4 uid=1 state=PENDING", "done n=2", NULL}},
        {MIR_LIVE_JOB, {"unchanged at=1", NULL}},
        {MIR_LIVE_CLUSTER, {"done n=1", NULL}},
        {MIR_LIVE_CLUSTER, {"cluster name=a", "cluster name=b", "done n=1", NULL}},
        {MIR_LIVE_FOUND, {"past id=1 uid=1 state=COMPLETED", "done n=0", NULL}},
        {MIR_LIVE_SUBMITTED, {"job id=3 uid=1 state=PENDING", "submitted id=4", NULL}},
        {MIR_LIVE_SUBMITTED, {"done n=0", NULL}},
        {MIR_LIVE_CANCELLED, {"job id=3 uid=1 state=PENDING", NULL}},
        {MIR_LIVE_JOBS, {"hello version=1", NULL}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_slurm_answer a = {.kind = cases[i].kind};
        struct mir_live_event e;

        if (answer(&a, cases[i].lines, &e) >= 0)
            fail_msg("taken: case %zu, %s", i, cases[i].lines[0]);
        mir_slurm_answer_release(&a);
    }
}

static void unchanged_is_an_answer_where_it_was_asked_for(void **state)
{
    static const char *const lines[] = {"unchanged at=0 ms=3", NULL};
    struct mir_slurm_answer a = {.kind = MIR_LIVE_JOBS, .asked_since = true};
    struct mir_live_event e;

    (void)state;
    assert_int_equal(answer(&a, lines, &e), 1);
    assert_null(e.jobs);
    assert_true(e.outcome == MIR_OUTCOME_DONE && e.duration_ms == 3);
    mir_slurm_answer_release(&a);
}

/* ---- texts */

static void keeps_the_same_text_once(void **state)
{
    struct mir_slurm_texts texts = {0};
    const char *a = mir_slurm_texts_keep(&texts, "partition", 9);
    size_t n_bytes = texts.n_bytes;

    (void)state;
    assert_ptr_equal(a, mir_slurm_texts_keep(&texts, "partitions", 9));
    assert_int_equal(texts.n_bytes, n_bytes);
    assert_ptr_not_equal(a, mir_slurm_texts_keep(&texts, "partitions", 10));
    assert_string_equal(mir_slurm_texts_keep(&texts, "x", 0), "");
    assert_string_equal(a, "partition");
    mir_slurm_texts_release(&texts);
}

static void keeps_any_texts_as_they_are(void **state)
{
    enum { N = 3000 };
    uint64_t seed = (uint64_t)mir_clock_mono_ns();
    struct mir_slurm_texts texts = {0};
    const char *kept[N];
    char wanted[N][40];
    struct mir_rng rng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    mir_rng_init(&rng, seed);
    for (size_t i = 0; i < N; i++) {
        size_t len = mir_rng_below(&rng, 39);

        for (size_t k = 0; k < len; k++)
            wanted[i][k] = (char)('a' + mir_rng_below(&rng, 2));
        wanted[i][len] = '\0';
        kept[i] = mir_slurm_texts_keep(&texts, wanted[i], len);
    }
    mir_slurm_texts_seal(&texts);
    for (size_t i = 0; i < N; i++)
        assert_string_equal(kept[i], wanted[i]);
    mir_slurm_texts_release(&texts);
}

static void refuses_more_text_than_the_bound(void **state)
{
    struct mir_slurm_texts texts = {.n_bytes = MIR_SLURM_TEXTS_MAX - 10};
    struct mir_error err = {{0}};
    struct mir_live_job job;

    (void)state;
    assert_non_null(mir_slurm_texts_keep(&texts, "123456789", 9));
    assert_int_equal(
        mir_slurm_decode_job(record("job id=1 uid=1 name=abc state=RUNNING"), &texts, &job, &err),
        -ERANGE);
    assert_non_null(strstr(err.text, "bytes of text"));
    mir_slurm_texts_release(&texts);
}

/* 10,000 jobs as a site has them: few users, many names, a comment here and there. */
static void ten_thousand_jobs_take_less_than_6_mb(void **state)
{
    enum { N = 10000 };
    struct mir_slurm_answer a = {.kind = MIR_LIVE_JOBS};
    struct mir_live_event e;
    size_t bytes;
    char line[1024];

    (void)state;
    for (int i = 0; i < N; i++) {
        snprintf(line, sizeof line,
                 "job ticket=1 id=%d uid=%d gid=100 user=user%d account=group%d partition=batch%d "
                 "qos=normal name=run-%06d-of-some-study comment=project%%20%d%%20mirage "
                 "reason=Priority state=PENDING flags=4 nodes=2 cpus=64 tasks=1 priority=%d "
                 "limit_s=86400 submit_at=1700000000 eligible_at=1700000000",
                 i + 1, 1000 + i % 200, i % 200, i % 30, i % 6, i, i % 500, 100000 - i);
        assert_int_equal(mir_slurm_answer_take(&a, record(line), &e, NULL), 0);
    }
    snprintf(line, sizeof line, "done ticket=1 n=%d at=1700000100 last_update=1700000100", N);
    assert_int_equal(mir_slurm_answer_take(&a, record(line), &e, NULL), 1);
    bytes = a.cap_jobs * sizeof *a.list.jobs + a.texts.n_bytes;
    print_message("%zu bytes\n", bytes);
    assert_true(bytes < 6000000);
    assert_null(a.texts.slots);
    mir_slurm_answer_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_key_of_a_job),
        cmocka_unit_test(what_a_job_does_not_say_is_empty_or_unlimited),
        cmocka_unit_test(keys_come_in_any_order_and_unknown_ones_are_passed_over),
        cmocka_unit_test(refuses_jobs_that_cannot_be),
        cmocka_unit_test(reads_a_past_job),
        cmocka_unit_test(reads_a_cluster),
        cmocka_unit_test(refuses_sets_of_nodes_that_are_none),
        cmocka_unit_test(refuses_names_that_do_not_fit_and_flags_that_are_none),
        cmocka_unit_test(reads_how_an_action_ended),
        cmocka_unit_test(refuses_endings_that_cannot_be),
        cmocka_unit_test(a_list_is_sorted_and_found_in),
        cmocka_unit_test(past_jobs_are_sorted_by_start),
        cmocka_unit_test(refuses_lists_that_are_not_whole),
        cmocka_unit_test(unchanged_is_an_answer_where_it_was_asked_for),
        cmocka_unit_test(keeps_the_same_text_once),
        cmocka_unit_test(keeps_any_texts_as_they_are),
        cmocka_unit_test(refuses_more_text_than_the_bound),
        cmocka_unit_test(ten_thousand_jobs_take_less_than_6_mb),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
