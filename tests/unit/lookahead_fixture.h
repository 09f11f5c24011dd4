/*
 * lookahead_fixture.h - a machine of ten nodes and one chain's question to the lookahead,
 * and the policy that asks it.
 */
#ifndef MIR_TESTS_LOOKAHEAD_FIXTURE_H
#define MIR_TESTS_LOOKAHEAD_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "models/lookahead/lookahead.h"
#include "plugins/policy.h"

enum { HOUR = 3600, NOW = 1675209600, NODES = 10, PERIOD = 600, USER = 7, A = 1, B = 2 };

/* Two nodes for 48 h; the predecessor ends in ten hours. */
struct scene {
    struct mir_cluster cluster;
    struct mir_lookahead_options options;
    struct mir_lookahead *lookahead;
    struct mir_run_book *runs;
    struct mir_running_job running[NODES];
    struct mir_pending_job pending[NODES];
    struct mir_snapshot queue;
    struct mir_request successor;
    struct mir_lookahead_case c;
    struct mir_lookahead_answer answer;
    struct mir_lookahead_chain chains[2]; /* A and B, such chains both; told of by who wants them */
};

static inline void scene_open(struct scene *s)
{
    *s = (struct scene){.successor = {.n_nodes = 2, .limit_s = 48 * HOUR, .user = USER}};
    mir_cluster_init(&s->cluster, MIR_SCHED_SLURM, NODES);
    mir_lookahead_options_init(&s->options);
    s->options.cluster = &s->cluster;
    s->lookahead = mir_lookahead_create(&s->options);
    s->runs = mir_run_book_create();
    mir_lookahead_set_books(s->lookahead, s->runs, NULL);
    s->queue = (struct mir_snapshot){
        .now = NOW,
        .n_nodes = NODES,
        .n_nodes_free = NODES,
        .pending = s->pending,
        .running = s->running,
    };
    s->c = (struct mir_lookahead_case){
        .successor = &s->successor,
        .predecessor_end_at = NOW + 10 * HOUR,
        .overlap_weight = 1,
        .period_s = PERIOD,
    };
    for (unsigned i = 0; i < 2; i++)
        s->chains[i] = (struct mir_lookahead_chain){A + i, &s->successor, NOW + 10 * HOUR, 0, 1};
}

static inline void scene_close(struct scene *s)
{
    mir_lookahead_destroy(s->lookahead);
    mir_run_book_destroy(s->runs);
}

/* A job that runs until `end_at` for sure: of a chain. */
static inline void add_certain(struct scene *s, uint32_t n_nodes, int64_t end_at)
{
    s->running[s->queue.n_running] = (struct mir_running_job){
        .start_at = NOW - HOUR,
        .submit_at = NOW - HOUR,
        .planned_end_at = end_at,
        .id = 100 + (uint32_t)s->queue.n_running,
        .n_nodes = n_nodes,
        .chained = 1,
    };
    s->queue.n_running++;
    s->queue.n_nodes_free -= n_nodes;
}

/* A job whose end is anybody's guess. */
static inline void add_uncertain(struct scene *s, uint32_t n_nodes)
{
    add_certain(s, n_nodes, NOW + 40 * HOUR);
    s->running[s->queue.n_running - 1].chained = 0;
    s->running[s->queue.n_running - 1].user = USER;
}

/* ---- the policy */

struct asking {
    struct scene scene;
    struct mir_policy *policy;
    void *instance;
    struct mirage_view view;
    struct mirage_decision last;
};

static inline void asking_open(struct asking *a, const char *spec)
{
    struct mir_error err = {{0}};

    scene_open(&a->scene);
    if (mir_policy_create(spec, &a->policy, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    assert_int_equal(mir_policy_open(a->policy, 1, &a->instance, &err), 0);
    a->view = (struct mirage_view){
        .size = sizeof(a->view),
        .queue = &a->scene.queue,
        .successor = &a->scene.successor,
        .predecessor_start_at = NOW - 38 * HOUR,
        .predecessor_end_at = NOW + 10 * HOUR,
        .predecessor_nodes = 2,
        .predecessor_limit_s = 48 * HOUR,
        .period_s = PERIOD,
        .overlap_weight = 1,
        .successor_priority = NAN,
        .lookahead = a->scene.lookahead,
    };
}

static inline void asking_close(struct asking *a)
{
    mir_policy_plugin(a->policy)->close(a->instance);
    mir_policy_destroy(a->policy);
    scene_close(&a->scene);
}

/* The queue was looked at. */
static inline enum mirage_action asking_decide(struct asking *a)
{
    struct mir_error err = {{0}};

    a->view.now = a->scene.queue.now;
    a->last = (struct mirage_decision){.size = sizeof(a->last)};
    assert_int_equal(mir_policy_plugin(a->policy)->decide(a->instance, &a->view, &a->last, &err),
                     0);
    assert_null(strchr(a->last.reason, '\n'));
    return a->last.action;
}

static inline void assert_says(const struct asking *a, const char *part)
{
    if (strstr(a->last.reason, part) == NULL)
        fail_msg("\"%s\" says nothing of \"%s\"", a->last.reason, part);
}

#endif
