/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_episodes.c - the engine of `run`: small worlds whose outcomes are worked
 * out by hand, and generated ones held against a plain replay, job by job, of
 * what one policy does.
 */
#include "traces/replay/episodes.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "tests/unit/episodes_fixture.h"
#include "tests/unit/model_fixture.h"
#include "traces/replay/fans.h"
#include "traces/sim/sim.h"

static void run_world(struct world *w)
{
    struct mir_error err = {{0}};

    if (w->workload.jobs == NULL)
        make_workload(w);
    if (mir_episodes_run(&w->e, &w->c, &w->notes, &err) != 0)
        fail_msg("%s", err.text);
}

static int64_t signed_of(const struct world *w, uint32_t row)
{
    return mir_outcome_signed_s(&w->c.rows[row].outcomes[0][0]);
}

/* ---- By hand */

static void successor_starts_at_once_on_an_idle_machine(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 4);
    add_job(&w, 0, 1, 10);
    add_policy(&w, "reactive");
    add_policy(&w, "lead:minutes=30");
    run_world(&w);
    assert_int_equal(w.c.n_episodes, 1);
    assert_int_equal(w.c.episode_at[0], 1000);
    assert_int_equal(w.c.rows[0].outcomes[0][0].predecessor_start_at, 1000);
    assert_int_equal(w.c.rows[0].outcomes[0][0].predecessor_end_at, 1000 + HOUR);
    assert_int_equal(w.c.rows[0].outcomes[0][0].submit_at, 1000 + HOUR);
    assert_int_equal(signed_of(&w, 0), 0);
    assert_int_equal(w.c.rows[1].outcomes[0][0].submit_at, 1000 + HOUR - 1800);
    assert_int_equal(signed_of(&w, 1), -1800);
    assert_int_equal(mir_outcome_signed_s(&w.c.clairvoyant.outcomes[0][0]), 0);
    /* Decision instants: the start, every 600 s, the end. */
    assert_int_equal(w.c.n_probes, 7);
    close_world(&w);
}

/* One node: a background job of two hours comes in at 2000 and waits for the predecessor's end. */
static void open_contended(struct world *w)
{
    open_world(w, MIR_SCHED_FCFS, 1);
    add_job(w, 0, 1, 10);
    add_job(w, 2000, 1, 2 * HOUR);
    add_policy(w, "reactive");
    add_policy(w, "lead:minutes=45");
    add_policy(w, "lead:hours=1");
}

static void being_ahead_of_a_rival_saves_its_run(void **state)
{
    struct world w;

    (void)state;
    open_contended(&w);
    run_world(&w);
    assert_int_equal(signed_of(&w, 0), 2 * HOUR);
    assert_int_equal(w.c.rows[1].outcomes[0][0].submit_at, 2200);
    assert_int_equal(signed_of(&w, 1), 2 * HOUR);
    assert_int_equal(w.c.rows[2].outcomes[0][0].submit_at, 1000);
    assert_int_equal(signed_of(&w, 2), 0);
    close_world(&w);
}

static void clairvoyant_takes_the_last_of_equally_good_instants(void **state)
{
    struct world w;

    (void)state;
    open_contended(&w);
    run_world(&w);
    assert_int_equal(mir_outcome_signed_s(&w.c.clairvoyant.outcomes[0][0]), 0);
    assert_int_equal(w.c.clairvoyant.outcomes[0][0].submit_at, 1600);
    close_world(&w);
}

static void a_job_that_ends_early_ends_the_link_then(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 4);
    add_job(&w, 0, 1, 10);
    add_policy(&w, "reactive");
    add_policy(&w, "lead:minutes=10");
    w.e.shape.run_s = HOUR / 2;
    run_world(&w);
    assert_int_equal(w.c.rows[0].outcomes[0][0].predecessor_end_at, 1000 + HOUR / 2);
    assert_int_equal(signed_of(&w, 0), 0);
    /* The policy counts on the limit: it would have submitted at 1000 + 50 min. */
    assert_int_equal(w.c.rows[1].outcomes[0][0].submit_at, 1000 + HOUR / 2);
    close_world(&w);
}

static void a_cold_episode_knows_nothing_from_before(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 1);
    add_job(&w, 0, 1, 30 * DAY);
    /* Within two days of the empty cluster, and after the arrivals' end. */
    add_job(&w, DAY + 100, 1, 3 * DAY);
    add_job(&w, 7 * DAY, 1, 3 * DAY);
    add_policy(&w, "reactive");
    w.e.protocol = MIR_PROTOCOL_COLD;
    w.e.from_at = DAY;
    w.e.to_at = DAY + 1;
    w.e.shape.limit_s = w.e.shape.run_s = 4 * DAY;
    run_world(&w);
    assert_int_equal(w.c.episode_at[0], 3 * DAY);
    assert_int_equal(w.c.rows[0].outcomes[0][0].predecessor_start_at, 4 * DAY + 100);
    assert_int_equal(w.c.rows[0].outcomes[0][0].predecessor_end_at, 8 * DAY + 100);
    /* The rival of day 7 would be ahead, had it arrived. */
    assert_int_equal(signed_of(&w, 0), 0);
    close_world(&w);
}

static void a_successor_that_never_starts_is_kept_and_told(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 1);
    add_job(&w, 0, 1, 10);
    add_job(&w, 2000, 1, 100 * DAY);
    add_policy(&w, "reactive");
    w.e.n_jobs = 3;
    run_world(&w);
    assert_true(w.c.rows[0].outcomes[0][0].start_at == INT64_MAX);
    assert_true(w.c.rows[0].outcomes[0][1].start_at == INT64_MAX);
    assert_int_equal(w.notes.n_stuck, 1);
    close_world(&w);
}

static void a_predecessor_that_never_starts_is_kept_and_told(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 1);
    add_job(&w, 0, 1, 100 * DAY);
    add_policy(&w, "reactive");
    run_world(&w);
    assert_true(w.c.rows[0].outcomes[0][0].start_at == INT64_MAX);
    assert_true(w.c.clairvoyant.outcomes[1][0].start_at == INT64_MAX);
    assert_int_equal(w.notes.n_stuck, 1);
    close_world(&w);
}

static void episodes_begin_in_the_window(void **state)
{
    static const struct {
        int64_t from_at, to_at;
        int32_t every_s;
        uint32_t max, n;
    } cases[] = {
        {0, 1, 10, 0, 1},    {0, 10, 10, 0, 1},  {0, 11, 10, 0, 2},
        {5, 105, 10, 0, 10}, {5, 105, 10, 3, 3}, {10, 10, 10, 0, 0},
        {20, 10, 10, 0, 0},  {0, 10, 0, 0, 0},   {-50, 50, 25, 0, 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mir_episodes e = {
            .from_at = cases[i].from_at,
            .to_at = cases[i].to_at,
            .every_s = cases[i].every_s,
            .max_episodes = cases[i].max,
        };

        assert_int_equal(mir_episodes_count(&e), cases[i].n);
    }
}

static void refuses_a_chain_larger_than_the_cluster(void **state)
{
    struct world w;
    struct mir_error err = {{0}};

    (void)state;
    open_world(&w, MIR_SCHED_SLURM, 4);
    add_job(&w, 0, 1, 10);
    add_policy(&w, "reactive");
    w.e.shape.n_nodes = 5;
    make_workload(&w);
    assert_int_equal(mir_episodes_run(&w.e, &w.c, &w.notes, &err), -E2BIG);
    assert_true(err.text[0] != '\0');
    close_world(&w);
}

static void refuses_settings_that_make_no_run(void **state)
{
    struct world w;
    struct mir_error err;

    (void)state;
    for (int k = 0; k < 5; k++) {
        open_world(&w, MIR_SCHED_FCFS, 4);
        add_job(&w, 0, 1, 10);
        add_policy(&w, "reactive");
        w.e.n_jobs = k == 0 ? 1 : 2;
        w.e.period_s = k == 1 ? 0 : 600;
        w.e.shape.run_s = k == 2 ? HOUR + 1 : HOUR;
        w.e.to_at = k == 3 ? w.e.from_at : w.e.to_at;
        w.e.n_weights = k == 4 ? 0 : 2;
        make_workload(&w);
        err.text[0] = '\0';
        assert_int_equal(mir_episodes_run(&w.e, &w.c, &w.notes, &err), -EINVAL);
        assert_true(err.text[0] != '\0');
        close_world(&w);
    }
}

/* ---- Held against a plain replay */

static struct mir_sim *make_sim(const struct world *w)
{
    struct mir_sim_options options;
    struct mir_sim *sim = NULL;
    struct mir_error err = {{0}};

    mir_sim_options_init(&options);
    options.cluster = &w->cluster;
    options.workload = &w->workload;
    options.from_at = w->workload.jobs[0].submit_at;
    if (mir_sim_create(&options, &sim, &err) != 0)
        fail_msg("%s", err.text);
    return sim;
}

static int64_t submit_and_start(struct mir_sim *sim, const struct mir_request *shape)
{
    struct mir_error err = {{0}};
    uint64_t serial;

    if (mir_sim_submit(sim, shape, &serial, &err) != 0)
        fail_msg("%s", err.text);
    return mir_sim_advance_to_start(sim, serial, INT64_MAX / 2);
}

/* A whole chain whose jobs are each submitted `lead_s` before the last one's end, from scratch. */
static void replay_chain(const struct world *w, uint32_t episode, int64_t lead_s, int64_t *signed_s)
{
    struct mir_sim *sim = make_sim(w);
    int64_t start_at, end_at;

    mir_sim_advance(sim, w->c.episode_at[episode]);
    start_at = submit_and_start(sim, &w->e.shape);
    for (uint32_t link = 0; link < w->c.n_links; link++) {
        end_at = start_at + w->e.shape.run_s;
        mir_sim_advance(sim, end_at - lead_s);
        start_at = submit_and_start(sim, &w->e.shape);
        signed_s[link] = start_at - end_at;
    }
    mir_sim_destroy(sim);
}

static void check_against_replay(struct world *w, uint32_t row, int64_t lead_s)
{
    int64_t expected[8];

    for (uint32_t i = 0; i < w->c.n_episodes; i++) {
        replay_chain(w, i, lead_s, expected);
        for (uint32_t link = 0; link < w->c.n_links; link++) {
            const struct mir_outcome *o = &w->c.rows[row].outcomes[0][i * w->c.n_links + link];

            if (mir_outcome_signed_s(o) != expected[link])
                fail_msg("row %u episode %u link %u: %lld instead of %lld", row, i, link,
                         (long long)mir_outcome_signed_s(o), (long long)expected[link]);
        }
    }
}

static void long_chains_are_what_a_plain_replay_says(void **state)
{
    struct world w;

    (void)state;
    open_generated(&w, MIR_SCHED_SLURM, 7);
    w.e.n_jobs = 4;
    run_world(&w);
    check_against_replay(&w, 0, 0);
    check_against_replay(&w, 1, 5 * HOUR);
    close_world(&w);
}

static int64_t cost_of(const struct mir_outcome *o, double weight)
{
    int64_t d = mir_outcome_signed_s(o);

    return d > 0 ? d : (int64_t)((double)-d * weight);
}

/* Every decision instant, each tried in a world of its own that never saw a probe. */
static int64_t best_cost(const struct world *w, uint32_t episode, double weight)
{
    int64_t best = INT64_MAX;

    for (int64_t lead_s = 0; lead_s <= w->e.shape.run_s; lead_s += w->e.period_s) {
        struct mir_outcome o = {0};
        int64_t signed_s, cost;

        replay_chain(w, episode, lead_s, &signed_s);
        o.start_at = signed_s;
        cost = cost_of(&o, weight);
        best = cost < best ? cost : best;
    }
    return best;
}

static void clairvoyant_is_the_best_that_brute_force_finds(void **state)
{
    struct world w;

    (void)state;
    open_generated(&w, MIR_SCHED_EASY, 8);
    w.e.period_s = 2 * HOUR;
    w.e.max_episodes = 4;
    run_world(&w);
    for (uint32_t i = 0; i < w.c.n_episodes; i++) {
        for (uint32_t k = 0; k < 2; k++)
            assert_int_equal(cost_of(&w.c.clairvoyant.outcomes[k][i], w.weights[k]),
                             best_cost(&w, i, w.weights[k]));
    }
    close_world(&w);
}

static void no_policy_beats_the_clairvoyant(void **state)
{
    struct world w;
    uint32_t n_waits = 0;

    (void)state;
    open_generated(&w, MIR_SCHED_SLURM, 9);
    add_policy(&w, "quantile");
    w.e.every_s = 11 * HOUR;
    run_world(&w);
    for (uint32_t r = 0; r < w.c.n_rows; r++) {
        for (uint32_t i = 0; i < w.c.n_episodes; i++) {
            for (uint32_t k = 0; k < 2; k++)
                assert_true(cost_of(&w.c.clairvoyant.outcomes[k][i], w.weights[k]) <=
                            cost_of(&w.c.rows[r].outcomes[k][i], w.weights[k]));
            n_waits += r == 0 && mir_outcome_signed_s(&w.c.rows[r].outcomes[0][i]) > 0;
        }
    }
    /* Otherwise nothing was tested. */
    assert_true(n_waits > 0);
    close_world(&w);
}

static void assert_same_outcomes(const struct mir_comparison *a, const struct mir_comparison *b)
{
    size_t size = (size_t)a->n_episodes * a->n_links * sizeof(struct mir_outcome);

    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->n_probes, b->n_probes);
    for (uint32_t k = 0; k < a->n_weights; k++) {
        for (uint32_t r = 0; r < a->n_rows; r++) {
            assert_memory_equal(a->rows[r].outcomes[k], b->rows[r].outcomes[k], size);
            assert_int_equal(a->rows[r].n_decisions, b->rows[r].n_decisions);
            assert_int_equal(a->rows[r].n_fell_back, b->rows[r].n_fell_back);
        }
        assert_memory_equal(a->clairvoyant.outcomes[k], b->clairvoyant.outcomes[k], size);
    }
}

static void threads_do_not_change_the_outcome(void **state)
{
    static const enum mir_protocol protocols[] = {MIR_PROTOCOL_CONTINUOUS, MIR_PROTOCOL_COLD};

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct mir_comparison first;
        struct world w;

        open_generated(&w, MIR_SCHED_SLURM, 10);
        add_policy(&w, "asa");
        add_policy(&w, "qbets");
        w.e.n_jobs = 3;
        w.e.protocol = protocols[p];
        run_world(&w);
        first = w.c;
        memset(&w.c, 0, sizeof w.c);
        w.e.n_threads = 3;
        run_world(&w);
        assert_same_outcomes(&first, &w.c);
        mir_comparison_release(&first);
        close_world(&w);
    }
}

/* ---- Policies that ask a model */

/* What the first rows did, each at its own weights. */
static void assert_same_rows(const struct mir_comparison *c, uint32_t a, uint32_t b)
{
    size_t size = (size_t)c->n_episodes * c->n_links * sizeof(struct mir_outcome);

    for (uint32_t k = 0; k < c->n_weights; k++)
        assert_memory_equal(c->rows[a].outcomes[k], c->rows[b].outcomes[k], size);
}

/* A median of 5.05 h whatever the queue: at decisions ten minutes apart, a lead of 5 h. */
static void a_model_of_one_answer_is_a_fixed_lead(void **state)
{
    const float slope = (float)(log1p(4 * 5.05) / 0.5);
    struct world w;

    (void)state;
    open_generated(&w, MIR_SCHED_SLURM, 11);
    add_policy(&w, "forest-q:quantile=0.5");
    add_policy(&w, "xgb-q");
    add_policy(&w, "rf:threshold=-5.05");
    w.e.model = fixture_model();
    w.e.model->origin.to_at = INT64_MAX / 2; /* learned until just now: not calibrated yet */
    fixture_quantiles(w.e.model, MIR_WAIT_FOREST_Q, "nodes", 1000, slope, 0);
    fixture_quantiles(w.e.model, MIR_WAIT_XGB_Q, "nodes", 1000, slope, 0);
    /* The chain's own age (s) in the paper's newest row: what is known of the time left. */
    fixture_outcome(w.e.model, MIR_WAIT_RF, MIR_PAPER_ROWS - 1, 37, DAY - 5.05F * HOUR, -20, -5);
    run_world(&w);
    assert_same_rows(&w.c, 1, 3);
    assert_same_rows(&w.c, 1, 5);
    /* xgb-q heeds the weight: the median at 1, more at 0.1. */
    assert_memory_equal(w.c.rows[1].outcomes[0], w.c.rows[4].outcomes[0],
                        w.c.n_episodes * sizeof(struct mir_outcome));
    for (uint32_t i = 0; i < w.c.n_episodes; i++)
        assert_true(w.c.rows[4].outcomes[1][i].submit_at < w.c.rows[4].outcomes[0][i].submit_at);
    close_world(&w);
}

static void without_a_model_they_do_what_qbets_does(void **state)
{
    static const enum mir_protocol protocols[] = {MIR_PROTOCOL_CONTINUOUS, MIR_PROTOCOL_COLD};

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct world w;

        open_generated(&w, MIR_SCHED_SLURM, 12);
        add_policy(&w, "qbets");
        add_policy(&w, "forest-q");
        add_policy(&w, "xgb");
        w.e.protocol = protocols[p];
        run_world(&w);
        assert_same_rows(&w.c, 3, 4);
        assert_same_rows(&w.c, 3, 5);
        /* And say so, at each decision of each weight. */
        assert_true(w.c.rows[3].n_decisions > 2 * w.c.n_episodes);
        assert_int_equal(w.c.rows[3].n_fell_back, 0);
        assert_int_equal(w.c.rows[4].n_decisions, w.c.rows[3].n_decisions);
        assert_int_equal(w.c.rows[4].n_fell_back, w.c.rows[3].n_decisions);
        close_world(&w);
    }
}

/* One node and a job that waits with the chain: who of them is ahead is a matter of nice. */
static void the_model_is_told_the_successors_priority(void **state)
{
    static const int32_t nice[] = {-1000, 1000};

    (void)state;
    for (int k = 0; k < 2; k++) {
        struct world w;

        open_world(&w, MIR_SCHED_SLURM, 1);
        w.cluster.priority.weight_job_size = 100000;
        add_job(&w, 0, 1, 10);
        add_job(&w, 1500, 1, 2 * HOUR);
        add_policy(&w, "reactive");
        add_policy(&w, "xgb-q");
        w.e.shape.nice = nice[k];
        w.e.model = fixture_model();
        fixture_quantiles(w.e.model, MIR_WAIT_XGB_Q, "ahead_jobs", 0.5F, 0, 4);
        run_world(&w);
        assert_int_equal(w.c.rows[1].outcomes[0][0].submit_at, k == 0 ? 1000 + HOUR : 1600);
        close_world(&w);
    }
}

/* Trees that split on what differs from instant to instant, so that answers do, too. */
static struct mir_wait_model *lively_model(void)
{
    struct mir_wait_model *m = fixture_model();

    fixture_quantiles(m, MIR_WAIT_FOREST_Q, "plan_p50", 2, 1, 6);
    fixture_quantiles(m, MIR_WAIT_XGB_Q, "expected_release_4h", 12, 6, 2);
    fixture_outcome(m, MIR_WAIT_RF, MIR_PAPER_ROWS - 1, 1, 40, -3, 0);
    fixture_outcome(m, MIR_WAIT_XGB, 70, 1, 60, 0, -3);
    return m;
}

/* Otherwise a test of what models say would be one of fixed leads. */
static void assert_leads_differ(const struct mir_comparison *c, uint32_t row)
{
    int64_t least_s = INT64_MAX, most_s = 0;

    for (uint32_t i = 0; i < c->n_episodes * c->n_links; i++) {
        const struct mir_outcome *o = &c->rows[row].outcomes[0][i];
        int64_t lead_s = o->predecessor_end_at - o->submit_at;

        least_s = lead_s < least_s ? lead_s : least_s;
        most_s = lead_s > most_s ? lead_s : most_s;
    }
    assert_true(most_s - least_s >= 2 * HOUR);
}

/* They do not share what one thread has seen. */
static void threads_do_not_change_what_models_say(void **state)
{
    static const enum mir_protocol protocols[] = {MIR_PROTOCOL_CONTINUOUS, MIR_PROTOCOL_COLD};

    (void)state;
    for (size_t p = 0; p < 2; p++) {
        struct mir_comparison first;
        struct world w;

        open_generated(&w, MIR_SCHED_SLURM, 13);
        add_policy(&w, "forest-q");
        add_policy(&w, "xgb-q");
        add_policy(&w, "rf");
        add_policy(&w, "xgb");
        w.e.model = lively_model();
        w.e.n_jobs = 3;
        w.e.protocol = protocols[p];
        run_world(&w);
        for (uint32_t r = 3; r < w.c.n_rows; r++)
            assert_leads_differ(&w.c, r);
        first = w.c;
        memset(&w.c, 0, sizeof w.c);
        w.e.n_threads = 3;
        run_world(&w);
        assert_same_outcomes(&first, &w.c);
        mir_comparison_release(&first);
        close_world(&w);
    }
}

/* Who asks a model, and how many do, is nothing to the others. */
static void a_model_changes_nothing_for_those_who_do_not_ask(void **state)
{
    struct mir_comparison first;
    struct world w;

    (void)state;
    open_generated(&w, MIR_SCHED_SLURM, 14);
    w.e.n_jobs = 3;
    run_world(&w);
    first = w.c;
    memset(&w.c, 0, sizeof w.c);
    add_policy(&w, "xgb");
    add_policy(&w, "forest-q");
    w.e.model = lively_model();
    run_world(&w);
    w.c.n_rows = first.n_rows;
    w.c.n_probes = first.n_probes;
    assert_same_outcomes(&first, &w.c);
    w.c.n_rows = w.e.n_policies;
    mir_comparison_release(&first);
    close_world(&w);
}

/* ---- Told beside */

/* Of the first link: its first look, as none is half a day before the end, and its submission. */
static void what_a_policy_saw_is_kept_of_the_first_link(void **state)
{
    const struct mir_comparison_row *row;
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_EASY, 2);
    add_job(&w, 900, 1, 60);
    add_policy(&w, "reactive");
    add_policy(&w, MIR_BINARY_DIR "/tests/plugin/fanned.so"); /* an hour before the end */
    w.e.shape.limit_s = w.e.shape.run_s = 2 * HOUR;
    w.e.n_jobs = 3;
    run_world(&w);
    row = &w.c.rows[1];
    assert_null(w.c.rows[0].fans[0].last);
    assert_non_null(row->fans[0].last);
    assert_int_equal(row->fans[0].first->points[0].submit_at,
                     row->outcomes[0][0].predecessor_start_at);
    assert_int_equal(row->fans[0].last->points[0].submit_at, row->outcomes[0][0].submit_at);
    assert_true(row->outcomes[0][1].submit_at > row->outcomes[0][0].submit_at);
    close_world(&w);
}

/* It expects to wait for 0, 1, 2 h: 12 h before the end, 8 and 4; then it has submitted. */
static void waits_are_held_against_what_a_policy_expected(void **state)
{
    (void)state;
    for (uint32_t n_nodes = 1; n_nodes <= 2; n_nodes++) {
        const struct mir_kept *kept;
        struct world w;

        open_world(&w, MIR_SCHED_EASY, n_nodes);
        add_job(&w, 0, 1, 60);
        add_policy(&w, "reactive");
        add_policy(&w, MIR_BINARY_DIR "/tests/plugin/fanned.so");
        w.e.shape.limit_s = w.e.shape.run_s = 12 * HOUR;
        run_world(&w);
        kept = &w.c.rows[1].kept;
        assert_int_equal(w.c.rows[0].kept.n, 0);
        assert_int_equal(kept->n, 3 * w.c.n_episodes);
        assert_int_equal(kept->n_p10,
                         n_nodes == 1 ? 0 : kept->n); /* the chain's own node, or another */
        assert_int_equal(kept->n_p50, kept->n_p10);
        assert_int_equal(kept->n_p90, kept->n_p10);
        close_world(&w);
    }
}

static void the_timeline_covers_the_window_by_hours(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 4);
    add_job(&w, 0, 3, 2 * HOUR);
    add_job(&w, 600, 2, HOUR);
    add_policy(&w, "reactive");
    w.e.from_at = HOUR;
    w.e.to_at = 4 * HOUR;
    run_world(&w);
    assert_int_equal(w.c.n_load, 3);
    assert_int_equal(w.c.load[0].at, HOUR);
    assert_int_equal(w.c.load[0].n_nodes_used, 3);
    assert_int_equal(w.c.load[0].n_pending, 1);
    /* At 2 h the first job ends and the second, after 6600 s, begins. */
    assert_int_equal(w.c.load[1].n_nodes_used, 2);
    assert_int_equal(w.c.load[1].n_pending, 0);
    assert_true(fabsf(w.c.load[1].mean_wait_h - 3300.0f / 3600) < 1e-5f);
    assert_int_equal(w.c.load[2].n_nodes_used, 0);
    close_world(&w);
}

static void episodes_past_the_logs_end_are_told(void **state)
{
    struct world w;

    (void)state;
    open_world(&w, MIR_SCHED_FCFS, 4);
    add_job(&w, 0, 1, 10);
    add_job(&w, 3 * HOUR, 1, 10);
    add_policy(&w, "reactive");
    w.e.to_at = 1000 + 3 * HOUR;
    run_world(&w);
    assert_int_equal(w.c.n_episodes, 3);
    /* They end at 1000 s after the 1st, 2nd and 3rd hour. */
    assert_int_equal(w.notes.n_past_log, 1);
    assert_int_equal(w.notes.n_stuck, 0);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(successor_starts_at_once_on_an_idle_machine),
        cmocka_unit_test(being_ahead_of_a_rival_saves_its_run),
        cmocka_unit_test(clairvoyant_takes_the_last_of_equally_good_instants),
        cmocka_unit_test(a_job_that_ends_early_ends_the_link_then),
        cmocka_unit_test(a_cold_episode_knows_nothing_from_before),
        cmocka_unit_test(a_successor_that_never_starts_is_kept_and_told),
        cmocka_unit_test(a_predecessor_that_never_starts_is_kept_and_told),
        cmocka_unit_test(episodes_begin_in_the_window),
        cmocka_unit_test(refuses_a_chain_larger_than_the_cluster),
        cmocka_unit_test(refuses_settings_that_make_no_run),
        cmocka_unit_test(long_chains_are_what_a_plain_replay_says),
        cmocka_unit_test(clairvoyant_is_the_best_that_brute_force_finds),
        cmocka_unit_test(no_policy_beats_the_clairvoyant),
        cmocka_unit_test(threads_do_not_change_the_outcome),
        cmocka_unit_test(a_model_of_one_answer_is_a_fixed_lead),
        cmocka_unit_test(without_a_model_they_do_what_qbets_does),
        cmocka_unit_test(the_model_is_told_the_successors_priority),
        cmocka_unit_test(threads_do_not_change_what_models_say),
        cmocka_unit_test(a_model_changes_nothing_for_those_who_do_not_ask),
        cmocka_unit_test(what_a_policy_saw_is_kept_of_the_first_link),
        cmocka_unit_test(waits_are_held_against_what_a_policy_expected),
        cmocka_unit_test(the_timeline_covers_the_window_by_hours),
        cmocka_unit_test(episodes_past_the_logs_end_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
