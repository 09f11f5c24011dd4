/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_fans.c - which fans are kept of an episode, and which episode is shown. */
#include "traces/replay/fans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/comparison_fixture.h"

enum { H = FIXTURE_HOUR, END = 1000 * H };

static void keep(struct mir_episode_fans *f, int64_t at)
{
    const struct mirage_fan fan = {.n_points = 1, .points = {{.submit_at = at}}};

    mir_episode_fans_keep(f, &fan, END);
}

static int64_t at_of(const struct mir_view_fan *fan)
{
    return fan->points[0].submit_at;
}

static void keeps_the_last_of_half_a_day_before_and_the_last_of_all(void **state)
{
    struct mir_episode_fans f = {NULL, NULL, NULL};

    (void)state;
    mir_episode_fans_keep(&f, NULL, END); /* it was quiet */
    assert_null(f.last);
    keep(&f, END - 30 * H);
    assert_ptr_equal(f.early, f.last);
    keep(&f, END - 12 * H);
    keep(&f, END - 12 * H + 1);
    keep(&f, END - 3 * H);
    mir_episode_fans_keep(&f, NULL, END);
    assert_int_equal(at_of(f.first), END - 30 * H);
    assert_int_equal(at_of(f.early), END - 12 * H);
    assert_int_equal(at_of(f.last), END - 3 * H);
    mir_episode_fans_release(&f);
    assert_null(f.last);
}

static void of_a_late_first_look_the_first_is_kept(void **state)
{
    struct mir_episode_fans f = {NULL, NULL, NULL};

    (void)state;
    keep(&f, END - 5 * H);
    keep(&f, END - 4 * H);
    keep(&f, END - 3 * H);
    assert_int_equal(at_of(f.first), END - 5 * H);
    assert_null(f.early);
    assert_int_equal(at_of(f.last), END - 3 * H);
    mir_episode_fans_release(&f);
}

static void make(struct mir_comparison *c, const int32_t *signed_s, uint32_t n)
{
    fixture_init(c, 1, n, 1);
    fixture_fill(c, &c->rows[0], "lookahead", signed_s);
}

static void shows_the_episode_of_the_median_cost(void **state)
{
    static const int32_t signed_s[6] = {9 * H, -1 * H, FIXTURE_NEVER, 5 * H, 2 * H, 3 * H};
    struct mir_fan_scene scene;
    struct mir_comparison c;

    (void)state;
    make(&c, signed_s, 6);
    assert_false(mir_fan_scene_choose(&c, &c.rows[0], &scene));
    for (uint32_t e = 0; e < 6; e++) {
        if (e == 3) /* who was quiet all the time has nothing to show */
            continue;
        fixture_fan(&c, &c.rows[0], e, 20 * H);
        fixture_fan(&c, &c.rows[0], e, 6 * H);
    }
    assert_true(mir_fan_scene_choose(&c, &c.rows[0], &scene)); /* of 1, 2, 3 and 9 h */
    assert_int_equal(scene.episode, 5);
    assert_int_equal(scene.n_episodes, 4);
    assert_true(scene.cost_h == 3);
    assert_int_equal(scene.n_fans, 2);
    assert_int_equal(at_of(scene.fans[0]), scene.outcome->predecessor_end_at - 20 * H);
    assert_int_equal(at_of(scene.fans[1]), scene.outcome->predecessor_end_at - 6 * H);
    assert_true(scene.clairvoyant_at == INT64_MIN);
    mir_comparison_release(&c);
}

/* Ahead of the end in hours: what is shown of an episode with decisions then. */
static void expect_shown(const int *ahead_h, const int *shown_h, uint32_t n_shown)
{
    static const int32_t signed_s[1] = {0};
    struct mir_fan_scene scene;
    struct mir_comparison c;

    make(&c, signed_s, 1);
    for (; *ahead_h != 0; ahead_h++)
        fixture_fan(&c, &c.rows[0], 0, *ahead_h * H);
    assert_true(mir_fan_scene_choose(&c, &c.rows[0], &scene));
    assert_int_equal(scene.n_fans, n_shown);
    for (uint32_t i = 0; i < n_shown; i++)
        assert_int_equal(at_of(scene.fans[i]), scene.outcome->predecessor_end_at - shown_h[i] * H);
    mir_comparison_release(&c);
}

static void two_decisions_are_shown_where_there_are_two(void **state)
{
    (void)state;
    expect_shown((const int[]){40, 30, 20, 6, 0}, (const int[]){20, 6}, 2);
    expect_shown((const int[]){40, 30, 20, 0}, (const int[]){40, 20}, 2); /* submitted early */
    expect_shown((const int[]){8, 7, 6, 0}, (const int[]){8, 6}, 2);
    expect_shown((const int[]){20, 0}, (const int[]){20}, 1);
    expect_shown((const int[]){6, 0}, (const int[]){6}, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_last_of_half_a_day_before_and_the_last_of_all),
        cmocka_unit_test(of_a_late_first_look_the_first_is_kept),
        cmocka_unit_test(two_decisions_are_shown_where_there_are_two),
        cmocka_unit_test(shows_the_episode_of_the_median_cost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
