/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fanned.c - submits an hour before the end and shows a fan with each decision; with
 * `quiet=1` with the first only, with `broken=1` one that no fan can be.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugins/plugin.h"

struct fanned {
    int quiet, broken, n_decisions;
    struct mirage_fan fan;
};

static int fanned_open(const struct mirage_options *options, void **state, struct mir_error *err)
{
    struct fanned *p = calloc(1, sizeof(*p));

    (void)err;
    if (p == NULL)
        return -ENOMEM;
    for (uint32_t i = 0; i < options->n_items; i++) {
        p->quiet |= strcmp(options->items[i].key, "quiet") == 0;
        p->broken |= strcmp(options->items[i].key, "broken") == 0;
    }
    *state = p;
    return 0;
}

/* Now, in ten minutes and at the end; the last is the cheapest. */
static void fill(struct fanned *p, const struct mirage_view *view)
{
    const int64_t at[3] = {view->now, view->now + 600, view->predecessor_end_at + 600};

    p->fan = (struct mirage_fan){.n_points = p->broken ? 999 : 3, .n_futures = 32, .best = 2};
    for (int k = 0; k < 3; k++)
        p->fan.points[k] = (struct mirage_fan_point){at[k], 3 - k, 2.5 - k, 9.1, 0, 1, 2};
    p->fan.n_jobs = 2;
    p->fan.jobs[0] = (struct mirage_fan_job){50, 1, 3.25};
    p->fan.jobs[1] = (struct mirage_fan_job){4242, 0, -1.5};
}

static int fanned_decide(void *state,
                         const struct mirage_view *view,
                         struct mirage_decision *out,
                         struct mir_error *err)
{
    struct fanned *p = state;

    (void)err;
    out->action = view->predecessor_end_at - view->now <= 3600 ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = 3600;
    snprintf(out->reason, sizeof(out->reason), "fanned");
    fill(p, view);
    if (!p->quiet || p->n_decisions == 0)
        out->fan = &p->fan;
    p->n_decisions++;
    return 0;
}

static void fanned_close(void *state)
{
    free(state);
}

MIRAGE_PLUGIN(fanned,
              "submit an hour before the end, with a fan",
              0,
              0,
              fanned_open,
              fanned_decide,
              fanned_close);
