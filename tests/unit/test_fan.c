/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_fan.c - why a policy decided as it did: shown, kept, and there again after a restart. */
#include "daemon/engine/fan.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "daemon/core/rng.h"
#include "tests/unit/engine_lab.h"

#define FANNED MIR_BINARY_DIR "/tests/plugin/fanned.so"

/* ---- the fan by itself */

static void a_fan(struct mir_rng *rng, struct mirage_fan *out)
{
    memset(out, 0, sizeof(*out));
    out->n_points = 1 + (uint32_t)mir_rng_below(rng, MIRAGE_FAN_POINTS);
    out->n_jobs = (uint32_t)mir_rng_below(rng, MIRAGE_FAN_JOBS + 1);
    out->n_futures = (uint32_t)mir_rng_u64(rng);
    out->best = (uint32_t)mir_rng_below(rng, out->n_points);
    for (uint32_t k = 0; k < out->n_points; k++)
        out->points[k] = (struct mirage_fan_point){
            .submit_at =
                k == 0 ? 1700000000
                       : out->points[k - 1].submit_at + 1 + (int64_t)mir_rng_below(rng, UINT32_MAX),
            .cost_h = mir_rng_normal(rng),
            .cost_p10_h = mir_rng_normal(rng),
            .cost_p90_h = NAN,
            .wait_p10_h = INFINITY,
            .wait_p50_h = mir_rng_normal(rng),
            .wait_p90_h = mir_rng_normal(rng),
        };
    for (uint32_t i = 0; i < out->n_jobs; i++)
        out->jobs[i] =
            (struct mirage_fan_job){(uint32_t)mir_rng_u64(rng), i % 2, mir_rng_normal(rng) * 10};
}

static void same_hours(double a, double b)
{
    assert_true(a == b || (isnan(a) && isnan(b)));
}

static void same_fans(const struct mir_view_fan *a, const struct mir_view_fan *b)
{
    assert_int_equal(a->n_futures, b->n_futures);
    assert_int_equal(a->n_points, b->n_points);
    assert_int_equal(a->n_jobs, b->n_jobs);
    assert_int_equal(a->best, b->best);
    for (uint32_t k = 0; k < a->n_points; k++) {
        assert_int_equal(a->points[k].submit_at, b->points[k].submit_at);
        same_hours(a->points[k].cost_h, b->points[k].cost_h);
        same_hours(a->points[k].cost_p10_h, b->points[k].cost_p10_h);
        same_hours(a->points[k].cost_p90_h, b->points[k].cost_p90_h);
        same_hours(a->points[k].wait_p10_h, b->points[k].wait_p10_h);
        same_hours(a->points[k].wait_p50_h, b->points[k].wait_p50_h);
        same_hours(a->points[k].wait_p90_h, b->points[k].wait_p90_h);
    }
    for (uint32_t i = 0; i < a->n_jobs; i++) {
        assert_int_equal(a->jobs[i].id, b->jobs[i].id);
        assert_int_equal(a->jobs[i].is_running, b->jobs[i].is_running);
        same_hours(a->jobs[i].effect_h, b->jobs[i].effect_h);
        assert_string_equal(a->jobs[i].user, b->jobs[i].user);
        assert_string_equal(a->jobs[i].name, b->jobs[i].name);
    }
}

static void gives_fans_back_as_they_were(void **state)
{
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 1);
    for (int i = 0; i < 500; i++) {
        struct mir_view_fan *fan, *again = NULL;
        struct mir_str bytes = {0};
        struct mirage_fan from;

        a_fan(&rng, &from);
        fan = mir_fan_take(&from);
        assert_non_null(fan);
        assert_int_equal(fan->n_points, from.n_points);
        assert_float_equal(fan->points[0].cost_h, from.points[0].cost_h, 1e-6);
        assert_true(isnan(fan->points[0].wait_p10_h));
        if (fan->n_jobs > 0)
            mir_fan_name(fan, 0, "alice",
                         "a name that is longer than sixty-three characters is "
                         "cut where those end, and not refused");
        mir_fan_pack(fan, &bytes);
        assert_true(bytes.len < 2000);
        assert_int_equal(mir_fan_unpack(bytes.text, bytes.len, &again, NULL), 0);
        same_fans(fan, again);
        mir_view_fan_unref(fan);
        mir_view_fan_unref(again);
        mir_str_release(&bytes);
    }
}

static void refuses_what_no_fan_can_be(void **state)
{
    struct mirage_fan sound = {.n_points = 2, .best = 1}, fan;

    (void)state;
    sound.points[0].submit_at = 100;
    sound.points[1].submit_at = 200;
    mir_view_fan_unref(mir_fan_take(&sound));
    assert_null(mir_fan_take(NULL));
    fan = sound;
    fan.n_points = 0;
    assert_null(mir_fan_take(&fan));
    fan = sound;
    fan.n_points = MIRAGE_FAN_POINTS + 1;
    assert_null(mir_fan_take(&fan));
    fan = sound;
    fan.n_jobs = MIRAGE_FAN_JOBS + 1;
    assert_null(mir_fan_take(&fan));
    fan = sound;
    fan.best = 2;
    assert_null(mir_fan_take(&fan));
    fan = sound;
    fan.points[1].submit_at = 100;
    assert_null(mir_fan_take(&fan));
    fan.points[1].submit_at = INT64_MAX;
    fan.points[0].submit_at = INT64_MIN;
    assert_null(mir_fan_take(&fan));
}

/* Cut anywhere, or with a byte too many: all of it or nothing. */
static void refuses_bytes_that_are_cut(void **state)
{
    struct mir_view_fan *fan, *again = NULL;
    struct mir_str bytes = {0};
    struct mirage_fan from;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 2);
    a_fan(&rng, &from);
    from.n_jobs = 3;
    fan = mir_fan_take(&from);
    mir_fan_name(fan, 2, "bob", "train");
    mir_fan_pack(fan, &bytes);
    for (size_t n = 0; n < bytes.len; n++)
        assert_int_equal(mir_fan_unpack(bytes.text, n, &again, NULL), -EBADMSG);
    mir_str_add_n(&bytes, "", 1);
    assert_int_equal(mir_fan_unpack(bytes.text, bytes.len, &again, NULL), -EBADMSG);
    bytes.text[0] ^= 1;
    assert_int_equal(mir_fan_unpack(bytes.text, bytes.len - 1, &again, NULL), -EBADMSG);
    bytes.text[0] ^= 1;
    assert_null(again);
    assert_int_equal(mir_fan_unpack(bytes.text, bytes.len - 1, &again, NULL), 0);
    mir_view_fan_unref(again);
    mir_view_fan_unref(fan);
    mir_str_release(&bytes);
}

/* ---- in the engine */

static struct lab *open_with(enum mir_mode mode, const char *spec, struct mir_policy **policy)
{
    struct lab *lab = lab_open(mode);
    struct mir_error err = {{0}};

    if (mir_policy_create(spec, policy, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    lab->rules[0].policy = *policy;
    return lab;
}

static void close_with(struct lab *lab, struct mir_policy *policy)
{
    lab_close(lab);
    mir_policy_destroy(policy);
}

/* Of the chain's decisions those with a fan, oldest first; at most two. */
static size_t fans_of(const struct mir_view_chain *v, const struct mir_view_decision *out[2])
{
    size_t n = 0;

    for (size_t i = 0; i < v->n_decisions; i++) {
        if (v->decisions[i].fan == NULL)
            continue;
        assert_true(n < 2);
        out[n++] = &v->decisions[i];
    }
    return n;
}

static void shows_the_fan_of_the_last_decision(void **state)
{
    const struct mir_view_decision *with[2];
    struct mir_policy *policy;
    struct lab *lab = open_with(MIR_MODE_ACT, FANNED, &policy);
    struct mir_view_chain *v;

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 1300);
    v = lab_chain(lab, 0);
    assert_true(v->n_decisions > 1);
    assert_int_equal(fans_of(v, with), 1);
    assert_ptr_equal(with[0], &v->decisions[v->n_decisions - 1]);
    assert_int_equal(with[0]->fan->points[0].submit_at, with[0]->at);
    assert_int_equal(with[0]->fan->n_futures, 32);
    assert_int_equal(with[0]->fan->jobs[0].id, 50);
    assert_string_equal(with[0]->fan->jobs[0].user, lab->jobs[0].user);
    assert_string_equal(with[0]->fan->jobs[1].user, ""); /* no such job is listed */
    mir_view_chain_unref(v);
    close_with(lab, policy);
}

/* A view that was taken before is as it was, whatever was decided since. */
static void a_view_keeps_the_fan_that_it_showed(void **state)
{
    const struct mir_view_decision *with[2];
    struct mir_policy *policy;
    struct lab *lab = open_with(MIR_MODE_ACT, FANNED, &policy);
    struct mir_view_chain *before;
    int64_t at;

    (void)state;
    lab_chain_runs(lab, "mirage");
    before = lab_chain(lab, 0);
    assert_int_equal(fans_of(before, with), 1);
    at = with[0]->fan->points[0].submit_at;
    lab_run(lab, 1300);
    assert_int_equal(fans_of(before, with), 1);
    assert_int_equal(with[0]->fan->points[0].submit_at, at);
    mir_view_chain_unref(before);
    close_with(lab, policy);
}

static void a_decision_without_a_fan_leaves_the_last_one(void **state)
{
    const struct mir_view_decision *with[2];
    struct mir_policy *policy;
    struct lab *lab = open_with(MIR_MODE_ACT, FANNED ":quiet=1", &policy);
    struct mir_view_chain *v;

    (void)state;
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 1300);
    v = lab_chain(lab, 0);
    assert_true(v->n_decisions > 1);
    assert_int_equal(fans_of(v, with), 1);
    assert_ptr_equal(with[0], &v->decisions[0]);
    mir_view_chain_unref(v);
    close_with(lab, policy);
}

static void a_policy_that_writes_nonsense_has_no_fan(void **state)
{
    const struct mir_view_decision *with[2];
    struct mir_policy *policy;
    struct lab *lab = open_with(MIR_MODE_ACT, FANNED ":broken=1", &policy);
    struct mir_view_chain *v;

    (void)state;
    lab_chain_runs(lab, "mirage");
    v = lab_chain(lab, 0);
    assert_true(v->n_decisions > 0);
    assert_int_equal(fans_of(v, with), 0);
    mir_view_chain_unref(v);
    close_with(lab, policy);
}

struct kept {
    size_t n_decisions, n_fans, n_bytes;
    bool acted;
};

static int count_kept(void *arg, const struct mir_decision_row *row)
{
    struct kept *kept = arg;

    kept->n_decisions++;
    if (row->fan.bytes == NULL)
        return 0;
    kept->n_fans++;
    kept->n_bytes += row->fan.len;
    kept->acted = row->acted;
    return 0;
}

static void only_what_submitted_is_kept_and_comes_back(void **state)
{
    const struct mir_view_decision *with[2];
    struct mir_policy *policy;
    struct lab *lab = open_with(MIR_MODE_ACT, FANNED, &policy);
    struct mir_view_chain *v, *again;
    struct kept kept = {0};

    (void)state;
    lab_successor_waits(lab);
    v = lab_chain(lab, 0);
    assert_int_equal(fans_of(v, with), 1);
    assert_true(with[0]->acted);
    assert_int_equal(mir_journal_each_decision(lab->journal, NULL, 1000, count_kept, &kept, NULL),
                     0);
    assert_true(kept.n_decisions > 1);
    assert_int_equal(kept.n_fans, 1);
    assert_true(kept.acted);
    assert_true(kept.n_bytes < 500);
    lab_restart(lab);
    lab_settle(lab);
    lab_run(lab, 60);
    again = lab_chain(lab, 0);
    {
        const struct mir_view_decision *after[2];

        assert_int_equal(fans_of(again, after), 1);
        assert_int_equal(after[0]->at, with[0]->at);
        same_fans(after[0]->fan, with[0]->fan);
    }
    mir_view_chain_unref(v);
    mir_view_chain_unref(again);
    close_with(lab, policy);
}

/* Where nothing is submitted, what would have been counts: once. */
static void what_is_observed_keeps_what_would_have_submitted(void **state)
{
    struct mir_policy *policy;
    struct lab *lab = open_with(MIR_MODE_OBSERVE, FANNED, &policy);
    struct kept kept = {0};

    (void)state;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    lab_run(lab, 7000);
    assert_int_equal(mir_journal_each_decision(lab->journal, NULL, 1000, count_kept, &kept, NULL),
                     0);
    assert_int_equal(kept.n_fans, 1);
    assert_false(kept.acted);
    close_with(lab, policy);
}

static void drained_it_keeps_none_however_often_it_would_submit(void **state)
{
    struct mir_policy *policy;
    struct lab *lab = open_with(MIR_MODE_ACT, FANNED, &policy);
    struct kept kept = {0};

    (void)state;
    lab_chain_runs(lab, "mirage");
    assert_int_equal(lab_command(lab, MIR_DRAIN, 0).rc, 0);
    lab_run(lab, 6000);
    assert_int_equal(mir_journal_each_decision(lab->journal, NULL, 1000, count_kept, &kept, NULL),
                     0);
    assert_true(kept.n_decisions > 5);
    assert_int_equal(kept.n_fans, 0);
    close_with(lab, policy);
}

/* A spoilt fan is told, and its chain goes on without it. */
static void a_fan_that_cannot_be_read_is_left_out(void **state)
{
    const struct mir_view_decision *with[2];
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_decision_row row = {.link = 1, .at = LAB_T0, .fan = {"MFN", 3}};
    struct mir_view_chain *v;

    (void)state;
    lab_chain_runs(lab, "mirage");
    v = lab_chain(lab, 0);
    snprintf(row.chain, sizeof(row.chain), "%.8s", v->id);
    mir_view_chain_unref(v);
    assert_int_equal(mir_journal_add_decision(lab->journal, &row, NULL), 0);
    lab_restart(lab);
    lab_settle(lab);
    lab_run(lab, 60);
    expect_log(lab, "fan cannot be read");
    v = lab_chain(lab, 0);
    assert_int_equal(fans_of(v, with), 0);
    mir_view_chain_unref(v);
    lab_close(lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_fans_back_as_they_were),
        cmocka_unit_test(refuses_what_no_fan_can_be),
        cmocka_unit_test(refuses_bytes_that_are_cut),
        cmocka_unit_test(shows_the_fan_of_the_last_decision),
        cmocka_unit_test(a_view_keeps_the_fan_that_it_showed),
        cmocka_unit_test(a_decision_without_a_fan_leaves_the_last_one),
        cmocka_unit_test(a_policy_that_writes_nonsense_has_no_fan),
        cmocka_unit_test(only_what_submitted_is_kept_and_comes_back),
        cmocka_unit_test(what_is_observed_keeps_what_would_have_submitted),
        cmocka_unit_test(drained_it_keeps_none_however_often_it_would_submit),
        cmocka_unit_test(a_fan_that_cannot_be_read_is_left_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
