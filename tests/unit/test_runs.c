/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_runs.c - each run is told once as started and once as ended.  Random cases print their seed. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/host/job.h"
#include "daemon/host/runs.h"

static void start(struct mir_runs *r, uint32_t id, int64_t start_at, int64_t planned_at)
{
    const struct mir_run_event event = {.run = mir_run_key(id, 500),
                                        .submit_at = 500,
                                        .start_at = start_at,
                                        .id = id,
                                        .user = id + 1,
                                        .name = id + 2,
                                        .n_nodes = id + 3,
                                        .limit_s = 3600};

    mir_runs_start(r, &event, planned_at);
}

static void end(struct mir_runs *r, uint32_t id, int64_t end_at)
{
    mir_runs_end(r, mir_run_key(id, 500), end_at, MIR_STATE_FAILED);
}

static enum mir_run_known find(const struct mir_runs *r, uint32_t id)
{
    return mir_runs_find(r, mir_run_key(id, 500), INT64_MAX);
}

static size_t take(struct mir_runs *r, struct mir_run_event *out, size_t max)
{
    size_t n;
    const struct mir_run_event *events = mir_runs_take(r, &n);

    assert_true(n <= max);
    if (n > 0)
        memcpy(out, events, n * sizeof(*out));
    return n;
}

static void a_start_and_an_end_name_the_same_run_and_shape(void **state)
{
    struct mir_runs *r = mir_runs_create(10);
    struct mir_run_event e[2];

    (void)state;
    assert_int_equal(find(r, 7), MIR_RUN_NEW);
    start(r, 7, 1000, 4600);
    assert_int_equal(find(r, 7), MIR_RUN_RUNNING);
    assert_int_equal(find(r, 8), MIR_RUN_NEW);
    end(r, 7, 1200);
    assert_int_equal(find(r, 7), MIR_RUN_OVER);
    assert_int_equal(take(r, e, 2), 2);
    assert_true(e[0].run == e[1].run && e[0].run == mir_run_key(7, 500));
    assert_true(!e[0].ended && e[0].at == 1000 && e[0].state == MIR_STATE_RUNNING);
    assert_true(e[1].ended && e[1].at == 1200 && e[1].state == MIR_STATE_FAILED);
    for (int i = 0; i < 2; i++) {
        assert_true(e[i].start_at == 1000 && e[i].submit_at == 500 && e[i].id == 7);
        assert_true(e[i].user == 8 && e[i].name == 9 && e[i].n_nodes == 10);
        assert_int_equal(e[i].limit_s, 3600);
    }
    assert_int_equal(take(r, e, 2), 0);
    mir_runs_destroy(r);
    mir_runs_destroy(NULL);
}

static void tells_what_came_since_by_time_a_start_first(void **state)
{
    static const uint32_t expected[] = {3, 3, 2, 1, 2};
    struct mir_runs *r = mir_runs_create(10);
    struct mir_run_event e[5];

    (void)state;
    start(r, 1, 2000, 9000);
    start(r, 2, 1500, 9000);
    start(r, 3, 1400, 9000);
    end(r, 2, 2500);
    end(r, 3, 1400); /* of no length */
    assert_int_equal(take(r, e, 5), 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(e[i].id, expected[i]);
    assert_true(!e[0].ended && e[1].ended);
    end(r, 1, 1000); /* before its start, says somebody */
    start(r, 4, 3000, 9000);
    assert_int_equal(take(r, e, 5), 2);
    assert_true(e[0].id == 1 && e[0].ended && e[0].at == 2000);
    assert_true(e[1].id == 4 && !e[1].ended);
    mir_runs_destroy(r);
}

static void who_is_gone_from_the_list_ended_as_planned_or_by_now(void **state)
{
    struct mir_runs *r = mir_runs_create(10);
    struct mir_run_event e[4];

    (void)state;
    for (uint32_t id = 1; id <= 3; id++)
        start(r, id, 1000, 4600);
    assert_int_equal(take(r, e, 4), 3);
    mir_runs_begin_list(r);
    assert_true(mir_runs_see(r, mir_run_key(1, 500), 4600));
    assert_true(mir_runs_see(r, mir_run_key(2, 500), 2000)); /* its limit was cut */
    assert_false(mir_runs_see(r, mir_run_key(4, 500), 4600));
    mir_runs_end_list(r, 1500);
    assert_int_equal(take(r, e, 4), 1);
    assert_true(e[0].id == 3 && e[0].ended && e[0].at == 1500);
    assert_int_equal(e[0].state, MIR_STATE_RUNNING); /* nobody saw how */
    mir_runs_begin_list(r);
    mir_runs_end_list(r, 3000);
    assert_int_equal(take(r, e, 4), 2);
    assert_true(e[0].id == 2 && e[0].at == 2000);
    assert_true(e[1].id == 1 && e[1].at == 3000);
    assert_false(mir_runs_see(r, mir_run_key(1, 500), 4600));
    mir_runs_destroy(r);
}

static void forgets_the_oldest_that_are_over_and_for_good(void **state)
{
    enum { MAX = 100 };
    struct mir_runs *r = mir_runs_create(MAX);
    size_t n_known = 0, n;

    (void)state;
    start(r, 5000, 1, 99999); /* runs all the time */
    for (uint32_t id = 0; id < 1000; id++) {
        start(r, id, 1000 + id, 9000);
        end(r, id, 2000 + id);
    }
    for (uint32_t id = 0; id < 1000; id++) {
        bool told = mir_runs_find(r, mir_run_key(id, 500), 2000 + id) == MIR_RUN_OVER;

        assert_true(told);                      /* never told again */
        n_known += find(r, id) == MIR_RUN_OVER; /* were it running now, it would be another */
    }
    assert_true(n_known <= MAX && n_known >= MAX * 3 / 4 - 1);
    assert_int_equal(find(r, 5000), MIR_RUN_RUNNING);
    end(r, 5000, 1500); /* ends with those that are forgotten, but was told of */
    (void)mir_runs_take(r, &n);
    assert_true(n > 0);
    assert_int_equal(find(r, 999), MIR_RUN_OVER);
    mir_runs_destroy(r);
}

static void of_events_that_nobody_takes_the_newest_are_kept(void **state)
{
    enum { MAX = 50, N = 20000 };
    struct mir_runs *r = mir_runs_create(MAX);
    const struct mir_run_event *e;
    bool *started = MIR_NEW_ARRAY(bool, N);
    size_t n;

    (void)state;
    for (uint32_t id = 0; id < N; id++) {
        start(r, id, 1000 + id, 90000);
        end(r, id, 1300 + id);
    }
    e = mir_runs_take(r, &n);
    assert_true(n <= 1200 && n >= 500);
    assert_true(e[n - 1].ended && e[n - 1].id == N - 1);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            assert_true(e[i - 1].at <= e[i].at);
        if (!e[i].ended)
            started[e[i].id] = true;
        else
            started[e[i].id] = false;
    }
    for (uint32_t id = 0; id < N; id++)
        assert_false(started[id]); /* no start is told whose end was dropped */
    free(started);
    mir_runs_destroy(r);
}

/* A model of it: all that may be told, in plain arrays. */
enum { JOBS = 60, STEPS = 4000 };

struct model {
    bool runs[JOBS], over[JOBS];
    int n_started[JOBS], n_ended[JOBS];
};

static void check_events(struct mir_runs *r, struct model *m)
{
    size_t n;
    const struct mir_run_event *e = mir_runs_take(r, &n);

    for (size_t i = 0; i < n; i++) {
        if (e[i].ended)
            assert_int_equal(m->n_ended[e[i].id]++, 0);
        else
            assert_int_equal(m->n_started[e[i].id]++, 0);
        assert_true(m->n_ended[e[i].id] <= m->n_started[e[i].id]);
    }
    for (uint32_t id = 0; id < JOBS; id++) {
        assert_int_equal(m->n_started[id], m->runs[id] || m->over[id]);
        assert_int_equal(m->n_ended[id], m->over[id]);
    }
}

static void step(struct mir_runs *r, struct model *m, struct mir_rng *rng, int64_t now)
{
    uint32_t id = (uint32_t)mir_rng_below(rng, JOBS);

    if (mir_rng_below(rng, 10) == 0) { /* a list that lacks this one */
        mir_runs_begin_list(r);
        for (uint32_t i = 0; i < JOBS; i++)
            if (i != id)
                assert_int_equal(mir_runs_see(r, mir_run_key(i, 500), INT64_MAX), m->runs[i]);
        mir_runs_end_list(r, now);
        m->over[id] |= m->runs[id];
        m->runs[id] = false;
    } else if (find(r, id) == MIR_RUN_NEW) {
        start(r, id, now, INT64_MAX);
        m->runs[id] = true;
    } else if (m->runs[id]) {
        end(r, id, now);
        m->runs[id] = false;
        m->over[id] = true;
    }
}

static void agrees_with_plain_arrays(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct mir_runs *r = mir_runs_create(1000);
        struct model m = {0};
        struct mir_rng rng;

        print_message("# seed %" PRIu64 "\n", seed);
        mir_rng_init(&rng, seed);
        for (int64_t i = 0; i < STEPS; i++) {
            step(r, &m, &rng, 1000 + i);
            for (uint32_t id = 0; id < JOBS; id++)
                assert_int_equal(find(r, id), m.runs[id]   ? MIR_RUN_RUNNING
                                              : m.over[id] ? MIR_RUN_OVER
                                                           : MIR_RUN_NEW);
            if (mir_rng_below(&rng, 50) == 0)
                check_events(r, &m);
        }
        mir_runs_destroy(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_and_an_end_name_the_same_run_and_shape),
        cmocka_unit_test(tells_what_came_since_by_time_a_start_first),
        cmocka_unit_test(who_is_gone_from_the_list_ended_as_planned_or_by_now),
        cmocka_unit_test(forgets_the_oldest_that_are_over_and_for_good),
        cmocka_unit_test(of_events_that_nobody_takes_the_newest_are_kept),
        cmocka_unit_test(agrees_with_plain_arrays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
