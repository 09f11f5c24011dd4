/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_engine_lookahead.c - the engine plays out futures: as replay does, or it says why not. */
#include <errno.h>

#include "daemon/core/rng.h"
#include "daemon/engine/cluster_model.h"
#include "daemon/engine/forecast.h"
#include "daemon/engine/internal.h"
#include "daemon/engine/outlook.h"
#include "tests/unit/engine_lab.h"

enum { HOUR = 3600, DAY = 86400, NODES = 8, SEEN = 4096 };

/* ---- a cluster that Slurm runs */

static const struct mir_live_partition one_partition[] = {
    {.name = "batch",
     .n_nodes = NODES,
     .limit_max_s = MIR_UNLIMITED,
     .up = true,
     .tier = 1,
     .job_factor = 1},
};

static void set_text(char *to, size_t cap, const char *text)
{
    snprintf(to, cap, "%s", text);
}
#define SET(field, text) set_text(field, sizeof(field), text)

static void describe_cluster(struct mir_live_cluster *c)
{
    SET(c->scheduler, "sched/backfill");
    SET(c->priority_type, "priority/multifactor");
    SET(c->scheduler_parameters, "bf_interval=60,sched_interval=60");
    c->weight_age = 1000;
    c->max_age_s = 7 * DAY;
    c->n_nodes = c->n_nodes_idle = NODES;
    c->partitions = one_partition;
    c->n_partitions = 1;
}

static struct lab *open_lab(void)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_error err = {{0}};

    mir_policy_destroy(lab->policy);
    assert_int_equal(mir_policy_create("lookahead", &lab->policy, &err), 0);
    lab->rules[0].policy = lab->policy;
    lab->rules[0].weight = 1;
    describe_cluster(&lab->cluster);
    mir_engine_set(lab->engine, &lab->settings);
    return lab;
}

/* A minute: what is open is answered; what was asked is forgotten. */
static void minute(struct lab *lab)
{
    lab_pass(lab, 60);
    lab_settle(lab);
    lab->n_asked = 0;
}

static void minutes(struct lab *lab, int n)
{
    while (n-- > 0)
        minute(lab);
}

/* The newest decision of the newest chain; false: there is none. */
static bool last_decision(struct lab *lab, struct mir_view_decision *out)
{
    struct mir_view_chain *chain = lab_chain(lab, 0);
    bool is_any = chain != NULL && chain->n_decisions > 0;

    if (is_any)
        *out = chain->decisions[chain->n_decisions - 1];
    if (chain != NULL)
        mir_view_chain_unref(chain);
    return is_any;
}

static void expect_last_reason(struct lab *lab, const char *part)
{
    struct mir_view_decision d;

    assert_true(last_decision(lab, &d));
    if (strstr(d.reason, part) == NULL)
        fail_msg("reason \"%s\" lacks \"%s\"", d.reason, part);
}

/* ---- jobs that come and go: first come, first served */

struct world {
    struct lab *lab;
    struct mir_rng rng;
    int64_t next_at;
    uint32_t next_id;
    int32_t run_s[LAB_JOBS]; /* of the lab's jobs: how long they will run */
    struct mir_arrivals_book *arrivals;
    struct mir_run_book *runs;
    struct mir_habit_book *habits;
    uint32_t n_submitted;
};

static const char *const users[] = {"ann", "ben", "cleo", "dirk"};

static size_t free_slot(struct world *w)
{
    struct lab *lab = w->lab;

    for (size_t i = 0; i < lab->n_jobs; i++)
        if (lab->jobs[i].id == 0)
            return i;
    (void)lab_add(lab, 0, 2000, MIR_STATE_PENDING, "");
    return lab->n_jobs - 1;
}

static struct mir_live_job *submit(struct world *w)
{
    struct lab *lab = w->lab;
    size_t i = free_slot(w);
    uint32_t user = (uint32_t)mir_rng_below(&w->rng, 4);
    struct mir_live_job *job = &lab->jobs[i];

    w->run_s[i] = 600 + (int32_t)mir_rng_below(&w->rng, 3 * HOUR);
    *job = (struct mir_live_job){
        .id = w->next_id++,
        .uid = 2000 + user,
        .n_nodes = 1 + (uint32_t)mir_rng_below(&w->rng, 4),
        .n_tasks = 1,
        .priority = 1000,
        .limit_s = 4 * HOUR,
        .state = MIR_STATE_PENDING,
        .submit_at = lab->at - 1 - (int64_t)mir_rng_below(&w->rng, 58),
        .user = users[user],
        .account = "physics",
        .partition = "batch",
        .qos = "normal",
        .name = "work",
        .comment = "",
        .reason = "",
        .reservation = "",
    };
    job->eligible_at = job->submit_at;
    w->n_submitted++;
    return job;
}

static uint32_t n_free(const struct world *w)
{
    uint32_t n = NODES;

    for (size_t i = 0; i < w->lab->n_jobs; i++)
        if (w->lab->jobs[i].id != 0 && w->lab->jobs[i].state == MIR_STATE_RUNNING)
            n -= w->lab->jobs[i].n_nodes;
    return n;
}

static struct mir_live_job *first_waiting(const struct world *w)
{
    struct mir_live_job *first = NULL;

    for (size_t i = 0; i < w->lab->n_jobs; i++) {
        struct mir_live_job *job = &w->lab->jobs[i];

        if (job->id != 0 && job->state == MIR_STATE_PENDING &&
            (first == NULL || job->submit_at < first->submit_at))
            first = job;
    }
    return first;
}

static struct mir_arrival arrival_of(struct world *w, const struct mir_live_job *job)
{
    const struct mir_snapshot *q = mir_queue_snapshot(w->lab->engine->queue, w->lab->at);
    struct mir_arrival a = {.submit_at = job->submit_at,
                            .n_nodes = job->n_nodes,
                            .limit_s = job->limit_s,
                            .run_s = MIR_UNKNOWN};
    struct mir_request r;

    mir_queue_request(w->lab->engine->queue, job, &r);
    a.user = r.user;
    a.partition = r.partition;
    a.account = r.account;
    a.qos = r.qos;
    for (size_t i = 0; i < q->n_running; i++) /* all have one name, and one runs always */
        a.name = q->running[i].chained == 0 ? q->running[i].name : a.name;
    for (size_t i = 0; i < q->n_pending; i++)
        a.name = q->pending[i].chained == 0 ? q->pending[i].name : a.name;
    return a;
}

static void tell_submit(struct world *w, const struct mir_live_job *job)
{
    const struct mir_arrival arrival = arrival_of(w, job);

    mir_arrivals_book_submit(w->arrivals, mir_run_key(job->id, job->submit_at), &arrival);
}

static void tell_start(struct world *w, const struct mir_live_job *job)
{
    uint64_t id = mir_run_key(job->id, job->submit_at);
    const struct mir_arrival arrival = arrival_of(w, job);
    const struct mir_run_shape shape = {arrival.user, arrival.name, job->n_nodes, job->limit_s,
                                        mir_run_waited_s(job->submit_at, job->start_at)};

    mir_habit_book_start(w->habits, id, &shape, mir_habit_curve(w->runs, &shape), job->submit_at,
                         job->start_at);
    mir_run_book_start(w->runs, id, &shape, job->start_at);
    mir_arrivals_book_started(w->arrivals, id, job->start_at);
}

static void tell_end(struct world *w, const struct mir_live_job *job)
{
    uint64_t id = mir_run_key(job->id, job->submit_at);

    mir_habit_book_end(w->habits, id, job->end_at);
    mir_run_book_end(w->runs, id, job->end_at);
    mir_arrivals_book_ran(w->arrivals, id, (int32_t)(job->end_at - job->start_at));
}

/* What a replay's books would have been told by now: in their order, starts before ends. */
static void tell_books(struct world *w)
{
    const struct mir_live_jobs *list = lab_list(w->lab);

    for (int kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < list->n_jobs; i++) {
            const struct mir_live_job *job = &list->jobs[i];

            if (job->comment[0] != '\0')
                continue;
            if (kind == 0)
                tell_submit(w, job);
            else if (kind == 1 && job->start_at == w->lab->at)
                tell_start(w, job);
            else if (kind == 2 && job->state == MIR_STATE_COMPLETED && job->end_at == w->lab->at)
                tell_end(w, job);
        }
    mir_run_book_update(w->runs, w->lab->at);
}

static void half_a_minute(struct lab *lab)
{
    lab_pass(lab, 30);
    lab_settle(lab);
    lab->n_asked = 0;
}

/* To the next full minute, when something happens and the engine lists it. */
static void live(struct world *w)
{
    struct lab *lab = w->lab;
    struct mir_live_job *job;

    lab_pass(lab, 30);
    for (size_t i = 0; i < lab->n_jobs; i++) {
        job = &lab->jobs[i];
        if (job->id == 0 || job->comment[0] != '\0')
            continue;
        if (job->state == MIR_STATE_RUNNING && job->start_at + w->run_s[i] <= lab->at)
            lab_end(lab, job->id, MIR_STATE_COMPLETED, 0);
        else if (job->state == MIR_STATE_COMPLETED && job->end_at + 120 <= lab->at)
            lab_lose(lab, job->id);
    }
    for (; w->next_at <= lab->at; w->next_at += 60 * (1 + (int64_t)mir_rng_below(&w->rng, 80)))
        (void)submit(w);
    while ((job = first_waiting(w)) != NULL && job->n_nodes <= n_free(w))
        lab_start(lab, job->id);
    lab->cluster.n_nodes_idle = n_free(w);
    lab->backfill_at = lab->at - 17;
    lab_settle(lab);
    lab->n_asked = 0;
    tell_books(w);
}

static void open_world(struct world *w, uint64_t seed)
{
    *w = (struct world){.lab = open_lab(), .next_id = 1000};
    mir_rng_init(&w->rng, seed);
    w->arrivals = mir_arrivals_book_create(1 << 15);
    w->runs = mir_run_book_create();
    mir_run_book_mix(w->runs);
    w->habits = mir_habit_book_create();
    mir_arrivals_book_set_runs(w->arrivals, w->runs);
    w->next_at = w->lab->at;
    lab_settle(w->lab); /* lists come at full minutes from now on */
}

static void close_world(struct world *w)
{
    lab_close(w->lab);
    mir_arrivals_book_destroy(w->arrivals);
    mir_run_book_destroy(w->runs);
    mir_habit_book_destroy(w->habits);
}

/* ---- as replay does */

static struct mir_lookahead *replays_lookahead(const struct mir_cluster *cluster,
                                               const uint16_t *partition_of)
{
    struct mir_lookahead_options options;

    mir_lookahead_options_init(&options);
    options.cluster = cluster;
    options.partition_of = partition_of;
    options.n_partitions = 2;
    return mir_lookahead_create(&options);
}

/* What the policy says with a lookahead that is fed as a replay feeds it. */
static void decide_as_replay(struct world *w,
                             void *policy_state,
                             struct mir_lookahead *lookahead,
                             struct mirage_decision *out)
{
    const struct mir_live_job *k = lab_job(w->lab, 50);
    struct mir_snapshot queue = *mir_queue_snapshot(w->lab->engine->queue, w->lab->list.at);
    struct mir_habits habits;
    struct mir_request shape;
    struct mirage_view view = {
        .size = sizeof(view),
        .now = w->lab->at,
        .queue = &queue,
        .successor = &shape,
        .predecessor_submit_at = k->submit_at,
        .predecessor_start_at = k->start_at,
        .predecessor_end_at = k->end_at,
        .predecessor_nodes = k->n_nodes,
        .predecessor_limit_s = k->limit_s,
        .period_s = w->lab->settings.period_s,
        .overlap_weight = 1,
        .lookahead = lookahead,
    };
    struct mir_error err = {{0}};

    queue.n_nodes_free = n_free(w);
    mir_queue_request(w->lab->engine->queue, k, &shape);
    mir_lookahead_set_books(lookahead, w->runs, w->arrivals);
    mir_habit_book_get(w->habits, w->lab->list.at, &habits);
    mir_lookahead_set_habits(lookahead, &habits);
    /* A replay's come from its log: test_lesson_track.c. */
    mir_lookahead_set_lessons(lookahead, mir_lesson_book_get(w->lab->engine->outlook->lessons));
    mir_lookahead_set_ticks(lookahead, w->lab->list.at - 17);
    mir_lookahead_look(lookahead, &queue);
    *out = (struct mirage_decision){.size = sizeof(*out)};
    if (mir_policy_plugin(w->lab->policy)->decide(policy_state, &view, out, &err) != 0)
        fail_msg("%s", err.text);
}

/* A long chain's job, so that there are many decisions. */
static void begin_chain(struct world *w)
{
    struct lab *lab = w->lab;
    struct mir_live_job *k;

    while (n_free(w) < 2) {
        half_a_minute(lab);
        live(w);
    }
    k = lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    k->limit_s = 12 * HOUR;
    k->start_at -= 30; /* decisions fall between lists */
    k->end_at = k->start_at + k->limit_s;
    half_a_minute(lab);
    live(w);
}

static void compare_with_replay(uint64_t seed)
{
    const uint16_t partition_of[] = {0, 0};
    struct mir_view_decision seen = {.at = 0};
    struct mir_lookahead *lookahead;
    unsigned n_told = 0, n_played = 0;
    struct mir_cluster cluster;
    void *policy_state = NULL;
    struct world w;

    mir_cluster_init(&cluster, MIR_SCHED_SLURM, NODES);
    cluster.params.bf_interval_s = 60;
    cluster.priority.weight_age = 1000;
    cluster.priority.accounting = true;
    open_world(&w, seed);
    lookahead = replays_lookahead(&cluster, partition_of);
    assert_int_equal(mir_policy_open(w.lab->policy, 1, &policy_state, NULL), 0);
    for (int i = 0; i < 3 * 24 * 60; i++) {
        half_a_minute(w.lab);
        live(&w);
    }
    /* Accounting was read up to the first list, which began it all. */
    mir_arrivals_book_set_since(w.arrivals, w.lab->engine->outlook->since_at);
    begin_chain(&w);
    assert_true(last_decision(w.lab, &seen));
    mir_engine_close_policy(w.lab->engine->chains[0]); /* what it said so far is not compared */
    for (int i = 0; i < 12 * 60 - 2 && w.lab->count[LAB_SUBMIT] == 0; i++, live(&w)) {
        struct mir_view_decision d = {.at = 0};
        struct mirage_decision answer;

        half_a_minute(w.lab);
        if (!last_decision(w.lab, &d) || d.at == seen.at)
            continue;
        seen = d;
        decide_as_replay(&w, policy_state, lookahead, &answer);
        assert_int_equal(d.at, w.lab->list.at + 30);
        assert_string_equal(d.reason, answer.reason);
        assert_int_equal(d.submit, answer.action == MIRAGE_SUBMIT);
        n_told++;
        n_played += strstr(d.reason, "futures") != NULL && strstr(d.reason, "wait 0.0") == NULL;
    }
    assert_int_equal(w.lab->count[LAB_SUBMIT], 1);
    assert_true(n_told >= 5);
    assert_true(n_played >= 3); /* and had something to wait for */
    mir_policy_plugin(w.lab->policy)->close(policy_state);
    mir_lookahead_destroy(lookahead);
    close_world(&w);
}

static void decides_as_a_replay_of_the_same_queue_would(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++)
        compare_with_replay(seed);
}

/* ---- where it cannot be played */

static void says_by_name_why_it_cannot_play_this_cluster(void **state)
{
    static const struct mir_live_partition two[] = {{.name = "batch", .up = true},
                                                    {.name = "gpu", .up = true}};
    static const struct {
        const char *scheduler, *priority;
        bool federated;
        const struct mir_live_partition *partitions;
        size_t n_partitions;
        const char *reason;
    } rows[] = {
        {"sched/backfill", "priority/basic", true, one_partition, 1, "federated"},
        {"sched/maui", "priority/basic", false, one_partition, 1, "sched/maui"},
        {"sched/backfill", "priority/mine", false, one_partition, 1, "priority/mine"},
        {"", "priority/basic", false, one_partition, 1, "SchedulerType not told"},
        {"sched/backfill", "priority/basic", false, NULL, 0, "partitions not told"},
        {"sched/backfill", "priority/basic", false, two, 2, "shared nodes not told"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lab *lab = open_lab();

        SET(lab->cluster.scheduler, rows[i].scheduler);
        SET(lab->cluster.priority_type, rows[i].priority);
        lab->cluster.federated = rows[i].federated;
        lab->cluster.partitions = rows[i].partitions;
        lab->cluster.n_partitions = rows[i].n_partitions;
        lab_chain_runs(lab, "mirage");
        expect_last_reason(lab, "no lookahead: ");
        expect_last_reason(lab, rows[i].reason);
        expect_last_reason(lab, "qbets");
        lab_close(lab);
    }
}

static void follows_changes_of_the_cluster(void **state)
{
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab->cluster.federated = true;
    lab_chain_runs(lab, "mirage");
    expect_last_reason(lab, "federated");
    lab->cluster.federated = false;
    minutes(lab, 21); /* read again after ten minutes; decided every ten */
    expect_last_reason(lab, "lookahead: ");
    assert_int_equal(lab->engine->outlook->cluster.params.bf_interval_s, 60);
    SET(lab->cluster.scheduler_parameters, "bf_interval=90");
    lab->cluster.n_nodes = lab->cluster.n_nodes_idle = 6;
    minutes(lab, 11);
    assert_int_equal(lab->engine->outlook->cluster.params.bf_interval_s, 90);
    assert_int_equal(mir_cluster_nodes(&lab->engine->outlook->cluster), 6);
    lab_close(lab);
}

/* Nothing of what was played out is of use elsewhere, but what did not change stays. */
static void keeps_its_lookahead_while_the_cluster_stays(void **state)
{
    const struct mir_lookahead *before;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_chain_runs(lab, "mirage");
    before = lab->engine->outlook->lookahead;
    assert_non_null(before);
    minutes(lab, 25);
    assert_ptr_equal(lab->engine->outlook->lookahead, before);
    lab_close(lab);
}

/* "Nothing has changed" is no list, but time has passed for those that run. */
static void a_queue_that_does_not_change_grows_older(void **state)
{
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_chain_runs(lab, "mirage");
    lab->answers[LAB_READ_JOBS].silent = lab->answers[LAB_READ_CLUSTER].silent = true;
    for (int i = 0; i < 25; i++) {
        minute(lab);
        for (size_t k = 0; k < lab->engine->n_questions; k++) {
            const struct mir_live_event same = {.kind = MIR_LIVE_JOBS,
                                                .ticket = lab->engine->questions[k].ticket,
                                                .outcome = MIR_OUTCOME_DONE,
                                                .text = ""};

            if (lab->engine->questions[k].purpose == MIR_ASK_LIST)
                mir_engine_event(lab->engine, lab_now(lab), &same);
        }
    }
    mir_engine_close_policy(lab->engine->chains[0]);
    lab->engine->chains[0]->links[1]->next_at = 0;
    minute(lab);
    expect_last_reason(lab, "futures");
    assert_true(lab->engine->outlook->queue.now >= lab->at - 120);
    lab_close(lab);
}

static void other_policies_cost_no_futures(void **state)
{
    struct lab *lab;

    (void)state;
    lab = lab_open(MIR_MODE_ACT);
    describe_cluster(&lab->cluster);
    lab_chain_runs(lab, "mirage");
    assert_null(lab->engine->outlook->lookahead);
    lab_close(lab);
}

/* ---- the cluster as the simulator knows it */

static struct mir_cluster model_of(const struct mir_live_cluster *live)
{
    struct mir_error err = {{0}};
    struct mir_cluster c;

    if (mir_cluster_model(live, &c, &err) != 0)
        fail_msg("%s", err.text);
    return c;
}

static void reads_the_settings_as_slurmctld_does(void **state)
{
    struct mir_live_cluster live = {.accounting = true};
    struct mir_cluster c;

    (void)state;
    describe_cluster(&live);
    SET(live.scheduler_parameters, "bf_window=120,my_bf=1,bf_interval=x,bf_window=60,bf_continue");
    SET(live.priority_flags, "NO_FAIR_TREE,INCR_ONLY");
    live.calc_period_s = 77;
    live.favor_small = true;
    live.weight_fair_share = 5;
    live.weight_qos = 7;
    c = model_of(&live);
    assert_int_equal(c.params.bf_window_s, 7200); /* the first of a name counts */
    assert_int_equal(c.params.bf_interval_s, 30); /* and what is none is the default */
    assert_true(c.params.bf_continue && c.params.backfill);
    assert_true(c.priority.multifactor && c.priority.accounting && c.priority.favor_small);
    assert_true(c.priority.no_fair_tree && c.priority.incr_only && !c.priority.accrue_always);
    assert_int_equal(c.priority.weight_age, 1000);
    assert_int_equal(c.priority.weight_fairshare, 12); /* that is where QOS are found */
    assert_int_equal(c.priority.weight_qos, 0);
    assert_int_equal(c.priority.calc_period_s, 77);
    SET(live.scheduler, "sched/builtin");
    assert_false(model_of(&live).params.backfill);
}

/* The broker cuts a long list anywhere: "bf_window=4320" may come as "bf_window=4". */
static void a_parameter_that_is_cut_does_not_count(void **state)
{
    const size_t cap = sizeof(((struct mir_live_cluster *)0)->scheduler_parameters);
    struct mir_live_cluster live = {.accounting = true};
    size_t len = strlen(",bf_window=4");

    (void)state;
    describe_cluster(&live);
    memset(live.scheduler_parameters, 'x', cap - 1);
    memcpy(live.scheduler_parameters, "bf_interval=40,", 15);
    memcpy(live.scheduler_parameters + cap - 1 - len, ",bf_window=4", len);
    live.scheduler_parameters[cap - 1] = '\0';
    assert_int_equal(model_of(&live).params.bf_window_s, DAY);
    assert_int_equal(model_of(&live).params.bf_interval_s, 40);
    SET(live.scheduler_parameters, "bf_window=4");
    assert_int_equal(model_of(&live).params.bf_window_s, 240);
}

static void partitions_have_the_nodes_they_share(void **state)
{
    const struct mir_live_partition partitions[] = {
        {.name = "batch", .up = true, .tier = 1, .job_factor = 1, .sets = 3},
        {.name = "gpu", .up = true, .tier = 5, .job_factor = 70000, .sets = 2},
        {.name = "old", .up = false, .tier = 1, .job_factor = 1, .sets = 1},
    };
    struct mir_live_cluster live = {.accounting = true};
    struct mir_cluster c;

    (void)state;
    describe_cluster(&live);
    live.partitions = partitions;
    live.n_partitions = 3;
    live.set_nodes[0] = 5;
    live.set_nodes[1] = 3;
    live.n_sets = 2;
    c = model_of(&live);
    assert_int_equal(mir_cluster_nodes(&c), 8);
    assert_int_equal(mir_cluster_partition_nodes(&c, 0), 8);
    assert_int_equal(mir_cluster_partition_nodes(&c, 1), 3);
    assert_int_equal(c.partitions[1].priority_tier, 5);
    assert_int_equal(c.partitions[1].priority_job_factor, UINT16_MAX);
    assert_int_equal(c.partitions[2].max_nodes, 0); /* starts nothing */
    assert_int_equal(mir_cluster_partition_nodes(&c, 2), 5);
}

/* The chain's partition has three nodes, all busy; the other five do not help it. */
static void a_successor_waits_for_nodes_of_its_partition(void **state)
{
    static const struct mir_live_partition partitions[] = {
        {.name = "other", .up = true, .tier = 1, .job_factor = 1, .sets = 1},
        {.name = "batch", .up = true, .tier = 1, .job_factor = 1, .sets = 2},
    };
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab->cluster.partitions = partitions;
    lab->cluster.n_partitions = 2;
    lab->cluster.set_nodes[0] = 5;
    lab->cluster.set_nodes[1] = 3;
    lab->cluster.n_sets = 2;
    lab->cluster.n_nodes_idle = 6;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage");
    lab_settle(lab);
    minute(lab);
    expect_last_reason(lab, "lookahead: ");
    expect_last_reason(lab, "wait 2.0 h"); /* until the chain's own job ends */
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    lab_close(lab);
}

/*
 * Six nodes get free in an hour, two more when the chain's own job ends in two.  Somebody
 * waits for six: whoever has the higher fair share goes first.
 */
static void a_successor_has_its_owners_fair_share(void **state)
{
    static const struct {
        uint32_t priority;
        bool last;
    } rows[] = {{9000, false}, {100, true}};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct mir_view_decision d;
        struct lab *lab = open_lab();

        lab->cluster.weight_age = 0;
        lab->cluster.weight_fair_share = 10000;
        lab->cluster.n_nodes_idle = 0;
        lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage")->priority = rows[i].priority;
        lab_add(lab, 60, 2000, MIR_STATE_RUNNING, "")->n_nodes = 6;
        lab_job(lab, 60)->limit_s = 3600;
        lab_job(lab, 60)->end_at = lab->at + 3600;
        lab_job(lab, 60)->user = "bob";
        lab_add(lab, 61, 2000, MIR_STATE_PENDING, "")->n_nodes = 6;
        lab_job(lab, 61)->priority = 5000;
        lab_job(lab, 61)->limit_s = 10 * HOUR;
        lab_job(lab, 61)->user = "bob";
        minutes(lab, 2);
        assert_true(last_decision(lab, &d));
        assert_non_null(strstr(d.reason, "futures"));
        assert_int_equal(d.wait_s > 1.5 * HOUR, rows[i].last);
        lab_close(lab);
    }
}

/* ---- books */

static size_t n_arrivals(const struct lab *lab)
{
    return mir_arrivals_book_len(lab->engine->outlook->arrivals);
}

static size_t n_ended(const struct lab *lab)
{
    return mir_run_book_ends(lab->engine->forecast->book);
}

static void each_submission_is_told_once(void **state)
{
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_chain_runs(lab, "mirage"); /* its job 50 is no arrival */
    assert_int_equal(n_arrivals(lab), 0);
    lab_add(lab, 60, 2000, MIR_STATE_RUNNING, "");
    lab_add(lab, 61, 2000, MIR_STATE_PENDING, "");
    lab_add(lab, 62, 2000, MIR_STATE_PENDING, "")->flags |= MIR_LIVE_HELD_USER;
    lab_add(lab, 63, 2000, MIR_STATE_PENDING, "")->n_tasks = 20;
    lab_add(lab, 64, 3000, MIR_STATE_PENDING, "mirage"); /* a chain to be */
    minutes(lab, 11);
    assert_int_equal(n_arrivals(lab), 3);
    lab_start(lab, 61);
    lab_end(lab, 60, MIR_STATE_COMPLETED, 0);
    minutes(lab, 11);
    assert_int_equal(n_arrivals(lab), 3);
    assert_int_equal(n_ended(lab), 1);
    lab_job(lab, 62)->flags &= ~(uint32_t)MIR_LIVE_HELD_USER;
    minutes(lab, 11);
    assert_int_equal(n_arrivals(lab), 4);
    lab_close(lab);
}

/* From the journal, from accounting, and from the lists of the new process. */
static void each_submission_is_told_once_across_a_restart(void **state)
{
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_chain_runs(lab, "mirage");
    lab_add(lab, 60, 2000, MIR_STATE_RUNNING, "");
    lab_add(lab, 61, 2000, MIR_STATE_RUNNING, "");
    lab_add(lab, 64, 2000, MIR_STATE_PENDING, "");
    minutes(lab, 5);
    lab_end(lab, 60, MIR_STATE_COMPLETED, 0);
    minutes(lab, 10);
    assert_int_equal(n_arrivals(lab), 3);
    assert_int_equal(n_ended(lab), 1);
    lab->past[0] = mir_live_past_of(lab_job(lab, 60));
    lab->past[1] = mir_live_past_of(lab_job(lab, 50));
    lab->past[1].end_at = lab->at - 1; /* as if it had ended: still the chain's */
    snprintf(lab->past_comments[1], sizeof(lab->past_comments[1]), "mirage");
    lab->n_past = 2;
    lab_lose(lab, 60);
    minutes(lab, 1);
    lab_restart(lab);
    minutes(lab, 12);
    assert_int_equal(n_arrivals(lab), 3);
    assert_int_equal(n_ended(lab), 1);
    lab_close(lab);
}

static struct mir_arrivals drawn(struct lab *lab, int64_t until_s)
{
    struct mir_arrivals out = {0};
    struct mir_rng rng;

    mir_rng_init(&rng, 1);
    for (int i = 0; i < 500 && out.n == 0; i++)
        mir_arrivals_book_draw(lab->engine->outlook->arrivals, lab->at, lab->at + until_s, &rng,
                               &out);
    return out;
}

/* A limit of two hours, but it never ran: nobody will wait for its like. */
static void what_was_cancelled_while_it_waited_takes_no_time(void **state)
{
    struct mir_arrivals arrivals;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_chain_runs(lab, "mirage");
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    minutes(lab, 11);
    assert_int_equal(n_arrivals(lab), 1);
    lab_job(lab, 60)->state = MIR_STATE_CANCELLED;
    lab_job(lab, 60)->end_at = lab->at;
    minutes(lab, 200);
    arrivals = drawn(lab, 23 * HOUR);
    assert_true(arrivals.n > 0);
    for (size_t i = 0; i < arrivals.n; i++)
        assert_int_equal(arrivals.v[i].run_s, 1);
    mir_arrivals_release(&arrivals);
    lab_close(lab);
}

static void what_runs_runs_longer_than_it_has(void **state)
{
    struct mir_arrivals arrivals;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_chain_runs(lab, "mirage");
    lab_add(lab, 60, 2000, MIR_STATE_RUNNING, "")->limit_s = DAY;
    lab_job(lab, 60)->end_at = lab->at + DAY;
    minutes(lab, 200);
    arrivals = drawn(lab, 23 * HOUR);
    assert_true(arrivals.n > 0);
    for (size_t i = 0; i < arrivals.n; i++)
        assert_true(arrivals.v[i].run_s >= 199 * 60);
    mir_arrivals_release(&arrivals);
    lab_close(lab);
}

/* ---- since when all is known */

static int64_t fact_of(struct lab *lab)
{
    int64_t at = 0;

    (void)mir_journal_get(lab->journal, "arrivals_since", &at, NULL);
    return at;
}

static void accounting_tells_of_all_submissions_of_its_days(void **state)
{
    int64_t first;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    minutes(lab, 3);
    first = lab->engine->outlook->since_at;
    assert_true(first > LAB_T0 - 30 * DAY - 120 && first <= LAB_T0 - 30 * DAY + 120);
    assert_int_equal(fact_of(lab), first);
    minutes(lab, 30);
    lab_restart(lab);
    minutes(lab, 3);
    assert_int_equal(lab->engine->outlook->since_at, first);
    lab_pass(lab, 40 * DAY); /* of the first ten of these, nobody can tell any more */
    lab_restart(lab);
    minutes(lab, 3);
    assert_true(lab->engine->outlook->since_at > LAB_T0 + 9 * DAY);
    assert_int_equal(fact_of(lab), lab->engine->outlook->since_at);
    lab_close(lab);
}

static void without_accounting_all_is_known_from_the_first_list_on(void **state)
{
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab->cluster.accounting = false;
    minutes(lab, 5);
    assert_true(fact_of(lab) >= LAB_T0 && fact_of(lab) <= LAB_T0 + 60);
    lab_restart(lab);
    minutes(lab, 5);
    assert_true(lab->engine->outlook->since_at <= LAB_T0 + 60);
    lab_close(lab);
}

/* ---- what it may cost */

static void a_spent_budget_leaves_the_last_answer_in_force(void **state)
{
    struct mir_engine_outlook *o;
    struct mir_view *view;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab->settings.lookahead_cpu_s = 5;
    lab->cluster.n_nodes_idle = NODES - 4;
    lab_chain_runs(lab, "mirage");
    lab_add(lab, 60, 2000, MIR_STATE_RUNNING, ""); /* until then: nothing to wait for */
    expect_last_reason(lab, "futures");
    o = lab->engine->outlook;
    assert_true(o->left_ns > 0 && o->left_ns <= 5 * MIR_NS);
    o->charged_ns -= 12 * MIR_NS; /* as if they had been played out */
    lab->engine->chains[0]->links[1]->next_at = 0;
    mir_engine_close_policy(lab->engine->chains[0]); /* that would not ask yet */
    minute(lab);
    expect_last_reason(lab, "CPU budget spent");
    expect_last_reason(lab, "best in");
    minutes(lab, 20);
    mir_engine_close_policy(lab->engine->chains[0]);
    minutes(lab, 11);
    expect_last_reason(lab, "lookahead: ");
    assert_true(o->left_ns > 0 && o->left_ns <= 5 * MIR_NS);
    view = mir_view_get(lab->board);
    assert_true(view->n_futures >= 32 && view->n_futures % 16 == 0);
    assert_true(view->lookahead_cpu_s > 0 && view->lookahead_cpu_s < 60);
    assert_true(view->lookahead_trusted);
    assert_true(view->arrivals_since_at > 0 &&
                view->arrivals_since_at <= mir_engine_at(lab->engine));
    mir_view_unref(view);
    lab_close(lab);
}

/* An idle machine, and maintenance an hour after the predecessor's end. */
static void reservations_are_in_its_futures(void **state)
{
    const struct mir_live_reservation reservations[] = {
        {.name = "over", .start_at = LAB_T0 - 7200, .end_at = LAB_T0 - 3600, .n_nodes = NODES},
        {.name = "unknown", .start_at = LAB_T0 + 3600, .end_at = LAB_T0 + 7200},
        {.name = "users", .start_at = LAB_T0 + 3600, .end_at = LAB_T0 + 7200, .n_nodes = 1},
        {.name = "maintenance",
         .start_at = LAB_T0 + 3 * 3600,
         .end_at = LAB_T0 + 40 * 3600,
         .n_nodes = NODES,
         .maintenance = true},
    };
    const struct mir_engine_outlook *o;
    struct mir_view_decision d;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab->cluster.reservations = reservations;
    lab->cluster.n_reservations = 4;
    lab->cluster.n_nodes_idle = NODES - 4;
    lab_chain_runs(lab, "mirage");
    minutes(lab, 2);
    o = lab->engine->outlook;
    assert_int_equal(o->n_reserved, 3);
    assert_int_equal(o->reserved[2].from_at, LAB_T0 + 3 * 3600);
    assert_int_equal(o->reserved[2].n_nodes, NODES);
    minutes(lab, 70);
    assert_true(last_decision(lab, &d));
    assert_true(d.submit);
    assert_in_range(d.at, LAB_T0 + 1800, LAB_T0 + 3600 - 240); /* its two hours fit just before */
    lab_close(lab);
}

static int64_t needed_at(const struct lab *lab)
{
    return mir_lookahead_needed_at(lab->engine->outlook->lookahead,
                                   mir_engine_chain_number(lab->engine->chains[0]));
}

/* Who waits in the queue is in the snapshot already. */
static void the_lookahead_knows_whose_successors_are_to_come(void **state)
{
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_chain_runs(lab, "mirage");
    minutes(lab, 2);
    assert_true(needed_at(lab) > LAB_T0);
    lab->engine->chains[0]->links[1]->wanted = true; /* as if it had been decided */
    minutes(lab, 3);
    assert_int_equal(lab->engine->chains[0]->links[1]->row.state, MIR_LINK_PENDING);
    (void)mir_engine_lookahead(lab->engine);
    assert_int_equal(needed_at(lab), INT64_MIN);
    lab_close(lab);
}

/* Two chains that decide together, and time for one of them. */
static void whose_job_ends_first_is_asked_first(void **state)
{
    struct mir_engine_outlook *o;
    struct mir_lookahead_cost cost;
    struct mir_view_chain *chain;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab->settings.lookahead_cpu_s = 1;
    lab->settings.period_s = 600;
    lab->cluster.n_nodes_idle = NODES - 4;
    lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage")->end_at += 3600;
    lab_job(lab, 50)->limit_s += 3600;
    lab_add(lab, 51, 1000, MIR_STATE_RUNNING, "mirage")->n_nodes = 1;
    minutes(lab, 2);
    for (size_t i = 0; i < 2; i++)
        mir_engine_close_policy(lab->engine->chains[i]);
    minutes(lab, 7);
    o = lab->engine->outlook;
    cost = mir_lookahead_cost(o->lookahead);
    o->left_ns = 16 * cost.future_ns * 6 / 5; /* a question takes 16 at least */
    o->charged_ns = cost.cpu_ns;
    o->refilled_ns = lab->mono_ns + 60 * MIR_NS; /* no more until then */
    minute(lab);
    for (size_t i = 0; i < 2; i++) {
        const struct mir_view_decision *d;

        chain = lab_chain(lab, i);
        d = &chain->decisions[chain->n_decisions - 1];
        assert_int_equal(d->at, LAB_T0 + 600);
        if ((strstr(d->reason, "CPU budget spent") != NULL) != (chain->links[0].job_id == 50))
            fail_msg("job %u: %s", chain->links[0].job_id, d->reason);
        mir_view_chain_unref(chain);
    }
    lab_close(lab);
}

static void without_a_budget_nothing_is_measured(void **state)
{
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_chain_runs(lab, "mirage");
    lab->engine->outlook->charged_ns -= 1000 * MIR_NS;
    mir_engine_close_policy(lab->engine->chains[0]);
    minutes(lab, 11);
    expect_last_reason(lab, "lookahead: ");
    lab_close(lab);
}

/* A queue in which now and later are about as good: all futures are played. */
static void a_question_that_is_begun_is_answered(void **state)
{
    struct mir_running_job running[4];
    struct mir_pending_job pending[NODES];
    struct mir_snapshot queue = {
        .now = LAB_T0, .n_nodes = NODES, .running = running, .pending = pending};
    struct mir_request successor = {.n_nodes = 2, .limit_s = DAY};
    struct mir_lookahead_case c = {.successor = &successor, .overlap_weight = 1, .period_s = 600};
    const struct mir_cluster cluster = model_of(&(struct mir_live_cluster){
        .scheduler = "sched/backfill",
        .priority_type = "priority/basic",
        .n_nodes = NODES,
        .partitions = one_partition,
        .n_partitions = 1,
    });
    struct mir_lookahead *l = replays_lookahead(&cluster, (const uint16_t[]){0, 0});
    struct mir_lookahead_answer answer;
    struct mir_error err = {{0}};
    uint64_t n_before;

    (void)state;
    for (uint32_t i = 0; i < 4; i++)
        running[i] = (struct mir_running_job){.start_at = LAB_T0 - HOUR,
                                              .planned_end_at = LAB_T0 + 40 * HOUR,
                                              .id = 9 + i,
                                              .n_nodes = 2,
                                              .user = 1};
    queue.n_running = 4;
    for (uint32_t i = 0; i < NODES; i++)
        pending[i] = (struct mir_pending_job){.submit_at = LAB_T0 - HOUR,
                                              .eligible_at = LAB_T0 + (i + 1) * HOUR - 60,
                                              .id = 100 + i,
                                              .limit_s = 40 * HOUR,
                                              .n_nodes = 2,
                                              .user = 1};
    queue.n_pending = NODES;
    mir_lookahead_look(l, &queue);
    for (int h = 1; h < 20; h++) {
        c.predecessor_end_at = LAB_T0 + h * HOUR;
        assert_int_equal(mir_lookahead_ask(l, &c, &answer, NULL), 0);
        if (answer.n_futures == 64)
            break;
    }
    assert_int_equal(answer.n_futures, 64);
    mir_lookahead_look(l, &queue);
    mir_lookahead_set_budget(l, 1, 0);
    assert_int_equal(mir_lookahead_ask(l, &c, &answer, NULL), 0);
    assert_int_equal(answer.n_futures, 16);
    n_before = mir_lookahead_cost(l).n_futures;
    c.overlap_weight = 0.5; /* of the same futures: free */
    assert_int_equal(mir_lookahead_ask(l, &c, &answer, NULL), 0);
    assert_int_equal(mir_lookahead_cost(l).n_futures, n_before);
    successor.n_nodes = 1;
    assert_int_equal(mir_lookahead_ask(l, &c, &answer, &err), -EBUSY);
    assert_string_equal(err.text, "CPU budget spent");
    mir_lookahead_set_budget(l, -1, 0);
    assert_int_equal(mir_lookahead_ask(l, &c, &answer, NULL), 0);
    mir_lookahead_refuse(l, "no");
    assert_int_equal(mir_lookahead_ask(l, &c, &answer, &err), -ENOTSUP);
    mir_lookahead_refuse(l, NULL);
    assert_int_equal(mir_lookahead_ask(l, &c, &answer, NULL), 0);
    mir_lookahead_destroy(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_as_a_replay_of_the_same_queue_would),
        cmocka_unit_test(says_by_name_why_it_cannot_play_this_cluster),
        cmocka_unit_test(follows_changes_of_the_cluster),
        cmocka_unit_test(keeps_its_lookahead_while_the_cluster_stays),
        cmocka_unit_test(a_queue_that_does_not_change_grows_older),
        cmocka_unit_test(other_policies_cost_no_futures),
        cmocka_unit_test(reads_the_settings_as_slurmctld_does),
        cmocka_unit_test(a_parameter_that_is_cut_does_not_count),
        cmocka_unit_test(partitions_have_the_nodes_they_share),
        cmocka_unit_test(a_successor_waits_for_nodes_of_its_partition),
        cmocka_unit_test(a_successor_has_its_owners_fair_share),
        cmocka_unit_test(each_submission_is_told_once),
        cmocka_unit_test(each_submission_is_told_once_across_a_restart),
        cmocka_unit_test(what_was_cancelled_while_it_waited_takes_no_time),
        cmocka_unit_test(what_runs_runs_longer_than_it_has),
        cmocka_unit_test(accounting_tells_of_all_submissions_of_its_days),
        cmocka_unit_test(without_accounting_all_is_known_from_the_first_list_on),
        cmocka_unit_test(a_spent_budget_leaves_the_last_answer_in_force),
        cmocka_unit_test(reservations_are_in_its_futures),
        cmocka_unit_test(the_lookahead_knows_whose_successors_are_to_come),
        cmocka_unit_test(whose_job_ends_first_is_asked_first),
        cmocka_unit_test(without_a_budget_nothing_is_measured),
        cmocka_unit_test(a_question_that_is_begun_is_answered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
