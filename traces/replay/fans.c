/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fans.c - which fans are kept, and which are shown. */
#include "traces/replay/fans.h"

#include <stdlib.h>

#include "daemon/core/alloc.h"

void mir_episode_fans_release(struct mir_episode_fans *f)
{
    mir_view_fan_unref(f->first);
    mir_view_fan_unref(f->early);
    mir_view_fan_unref(f->last);
    *f = (struct mir_episode_fans){NULL, NULL, NULL};
}

static void replace(struct mir_view_fan **kept, struct mir_view_fan *with)
{
    mir_view_fan_unref(*kept);
    *kept = mir_view_fan_ref(with);
}

void mir_episode_fans_keep(struct mir_episode_fans *f,
                           const struct mirage_fan *from,
                           int64_t predecessor_end_at)
{
    struct mir_view_fan *fan = mir_fan_take(from);

    if (fan == NULL)
        return;
    if (f->first == NULL)
        replace(&f->first, fan);
    if (predecessor_end_at - fan->points[0].submit_at >= MIR_FAN_LEAD_S)
        replace(&f->early, fan);
    replace(&f->last, fan);
    mir_view_fan_unref(fan);
}

/* ---- which episode */

struct ranked {
    double cost_h;
    uint32_t episode;
};

static int by_cost(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->cost_h != y->cost_h)
        return x->cost_h < y->cost_h ? -1 : 1;
    return x->episode < y->episode ? -1 : x->episode > y->episode;
}

static double cost_h(const struct mir_comparison *c, const struct mir_outcome *o)
{
    double late_h = (double)mir_outcome_signed_s(o) / 3600;

    return late_h > 0 ? late_h : -late_h * c->weights[0];
}

static uint32_t rank_all(const struct mir_comparison *c,
                         const struct mir_comparison_row *row,
                         struct ranked *ranked)
{
    uint32_t n = 0;

    for (uint32_t e = 0; e < c->n_episodes; e++) {
        const struct mir_outcome *o = &row->outcomes[0][(size_t)e * c->n_links];

        if (row->fans[e].last != NULL && o->start_at != INT64_MAX)
            ranked[n++] = (struct ranked){cost_h(c, o), e};
    }
    qsort(ranked, n, sizeof(*ranked), by_cost);
    return n;
}

static void describe(const struct mir_comparison *c,
                     const struct mir_comparison_row *row,
                     struct mir_fan_scene *out)
{
    const struct mir_episode_fans *f = &row->fans[out->episode];
    size_t slot = (size_t)out->episode * c->n_links;

    out->outcome = &row->outcomes[0][slot];
    out->clairvoyant_at =
        c->clairvoyant.outcomes[0] != NULL ? c->clairvoyant.outcomes[0][slot].submit_at : INT64_MIN;
    out->n_fans = 0;
    if (f->early != NULL && f->early != f->last)
        out->fans[out->n_fans++] = f->early;
    else if (f->first != f->last)
        out->fans[out->n_fans++] = f->first;
    out->fans[out->n_fans++] = f->last;
}

bool mir_fan_scene_choose(const struct mir_comparison *c,
                          const struct mir_comparison_row *row,
                          struct mir_fan_scene *out)
{
    struct ranked *ranked;
    uint32_t n;

    if (row->fans == NULL || row->outcomes[0] == NULL || c->n_links == 0)
        return false;
    ranked = MIR_NEW_ARRAY(struct ranked, c->n_episodes);
    n = rank_all(c, row, ranked);
    if (n > 0) {
        out->episode = ranked[n / 2].episode;
        out->cost_h = ranked[n / 2].cost_h;
        out->n_episodes = n;
        describe(c, row, out);
    }
    free(ranked);
    return n > 0;
}
