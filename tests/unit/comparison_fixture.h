/*
 * comparison_fixture.h - small comparisons made of signed outcomes, for the
 * tests of traces/replay.
 */
#ifndef MIR_TESTS_COMPARISON_FIXTURE_H
#define MIR_TESTS_COMPARISON_FIXTURE_H

#include <math.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/replay/comparison.h"
#include "traces/replay/fans.h"

enum { FIXTURE_HOUR = 3600, FIXTURE_NEVER = INT32_MAX };

static const int64_t FIXTURE_START_AT = 1675209600; /* 2023-02-01T00:00:00Z */

/* A comparison of `n_rows` policies at weights 1 and 0.5; outcomes follow by fixture_fill(). */
static inline void
fixture_init(struct mir_comparison *c, uint32_t n_rows, uint32_t n_episodes, uint32_t n_links)
{
    memset(c, 0, sizeof *c);
    c->weights[0] = 1;
    c->weights[1] = 0.5;
    c->n_weights = 2;
    c->n_episodes = n_episodes;
    c->n_links = n_links;
    c->n_rows = n_rows;
    c->rows = MIR_NEW_ARRAY(struct mir_comparison_row, n_rows);
    c->episode_at = MIR_NEW_ARRAY(int64_t, n_episodes);
    for (uint32_t e = 0; e < n_episodes; e++)
        c->episode_at[e] = FIXTURE_START_AT + (int64_t)e * 4 * FIXTURE_HOUR;
    c->seed = 1;
}

/* Outcomes of one row from signed outcomes in seconds; FIXTURE_NEVER: it never started. */
static inline struct mir_outcome *fixture_outcomes(const struct mir_comparison *c,
                                                   const int32_t *signed_s)
{
    uint32_t n = c->n_episodes * c->n_links;
    struct mir_outcome *outcomes = MIR_NEW_ARRAY(struct mir_outcome, n);

    for (uint32_t i = 0; i < n; i++) {
        struct mir_outcome *o = &outcomes[i];

        o->predecessor_start_at = c->episode_at[i / c->n_links] + 600;
        o->predecessor_end_at = o->predecessor_start_at + 48 * FIXTURE_HOUR;
        o->submit_at = o->predecessor_end_at - 20 * FIXTURE_HOUR;
        o->start_at =
            signed_s[i] == FIXTURE_NEVER ? INT64_MAX : o->predecessor_end_at + signed_s[i];
    }
    return outcomes;
}

/* The same outcomes at every weight. */
static inline void fixture_fill(const struct mir_comparison *c,
                                struct mir_comparison_row *row,
                                const char *policy,
                                const int32_t *signed_s)
{
    row->policy = mir_strdup(policy);
    row->summary = mir_strdup("as the test says");
    row->outcomes[0] = fixture_outcomes(c, signed_s);
    for (uint32_t w = 1; w < c->n_weights; w++)
        row->outcomes[w] = row->outcomes[0];
}

/* What the policy saw of episode `e`, `ahead_s` before the end: three submissions and two jobs. */
static inline void
fixture_fan(const struct mir_comparison *c, struct mir_comparison_row *row, uint32_t e, int ahead_s)
{
    int64_t end_at = row->outcomes[0][e * c->n_links].predecessor_end_at;
    struct mirage_fan fan = {.n_points = 3, .n_futures = 32, .best = 1, .n_jobs = 2};

    if (row->fans == NULL)
        row->fans = MIR_NEW_ARRAY(struct mir_episode_fans, c->n_episodes);
    for (int k = 0; k < 3; k++)
        fan.points[k] = (struct mirage_fan_point){end_at - ahead_s + k * ahead_s / 2,
                                                  3 - k % 2,
                                                  1.5 - k % 2,
                                                  k == 1 ? NAN : 9.25,
                                                  0,
                                                  1,
                                                  2};
    fan.jobs[0] = (struct mirage_fan_job){4711, 1, 3.25};
    fan.jobs[1] = (struct mirage_fan_job){4712, 0, -1.5};
    mir_episode_fans_keep(&row->fans[e], &fan, end_at);
}

/* Other outcomes at the second weight. */
static inline void fixture_fill_second(const struct mir_comparison *c,
                                       struct mir_comparison_row *row,
                                       const int32_t *signed_s)
{
    row->uses_weight = true;
    row->outcomes[1] = fixture_outcomes(c, signed_s);
}

#endif
