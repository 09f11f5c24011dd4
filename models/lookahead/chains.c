/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chains.c - the successors of other chains among the arrivals of a future. */
#include "models/lookahead/chains.h"

#include <stdlib.h>

#include "daemon/core/alloc.h"
#include "daemon/host/job.h"

void mir_chain_plans_release(struct mir_chain_plans *p)
{
    free(p->v);
    free(p->coming);
    free(p->arrivals);
    *p = (struct mir_chain_plans){0};
}

/* ---- who they are */

static int by_chain(const void *a, const void *b)
{
    const struct mir_chain_plan *x = a, *y = b;

    return (x->chain > y->chain) - (x->chain < y->chain);
}

struct mir_chain_plan *mir_chain_plans_find(const struct mir_chain_plans *p, uint64_t chain)
{
    const struct mir_chain_plan key = {.chain = chain};

    return p->n > 0 ? bsearch(&key, p->v, p->n, sizeof(*p->v), by_chain) : NULL;
}

static struct mir_chain_plan new_plan(const struct mir_lookahead_chain *c)
{
    struct mir_chain_plan plan = {
        .chain = c->id,
        .successor = *c->successor,
        .predecessor_end_at = c->predecessor_end_at,
        .warmup_s = c->warmup_s,
        .overlap_weight = c->overlap_weight,
        .submit_at = c->predecessor_end_at,
        .answered_at = INT64_MIN,
    };

    plan.successor.run_s = MIR_UNKNOWN; /* to its limit */
    return plan;
}

/* A plan goes with the link that it was made for: who has submitted begins anew. */
static void keep_plan(const struct mir_chain_plans *before, struct mir_chain_plan *plan)
{
    const struct mir_chain_plan *old = mir_chain_plans_find(before, plan->chain);

    if (old == NULL || old->submitted || old->answered_at == INT64_MIN)
        return;
    plan->answered_at = old->answered_at;
    plan->longest_wait_s = old->longest_wait_s;
    if (old->submit_at < plan->submit_at)
        plan->submit_at = old->submit_at;
}

void mir_chain_plans_set(struct mir_chain_plans *p,
                         const struct mir_lookahead_chain *chains,
                         size_t n)
{
    struct mir_chain_plan *v = MIR_NEW_ARRAY(struct mir_chain_plan, n + 1);

    for (size_t i = 0; i < n; i++) {
        v[i] = new_plan(&chains[i]);
        keep_plan(p, &v[i]);
    }
    if (n > 0)
        qsort(v, n, sizeof(*v), by_chain);
    free(p->v);
    p->v = v;
    p->n = n;
}

/* ---- who is to be asked first */

static int64_t longest_wait_s(const struct mir_chain_plans *p)
{
    int64_t longest_s = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->v[i].longest_wait_s > longest_s)
            longest_s = p->v[i].longest_wait_s;
    return longest_s;
}

/*
 * A third of the way to what is planned, as the queue may change.  Who was never answered
 * may have to wait half as long again as anybody else.
 */
int64_t mir_chain_plans_needed_at(const struct mir_chain_plans *p, uint64_t chain)
{
    const struct mir_chain_plan *plan = mir_chain_plans_find(p, chain);

    if (plan == NULL)
        return INT64_MIN;
    if (plan->answered_at == INT64_MIN)
        return plan->predecessor_end_at - longest_wait_s(p) * 3 / 2;
    return plan->answered_at + (plan->submit_at - plan->answered_at) / 3;
}

bool mir_chain_plans_others(const struct mir_chain_plans *p, uint64_t chain)
{
    return p->n > 1 || (p->n == 1 && p->v[0].chain != chain);
}

/* ---- in a future */

/*
 * Who has submitted is in the queue already.  Who planned to by now has not been asked yet,
 * and comes behind the one who is.
 */
static int64_t comes_at(const struct mir_chain_plan *plan, int64_t now)
{
    if (plan->submitted)
        return now;
    return plan->submit_at > now ? plan->submit_at : now + 1;
}

/* Chains' jobs run to their limit. */
static struct mir_seed_arrival arrival_of(const struct mir_chain_coming *coming)
{
    const struct mir_request *r = &coming->plan->successor;

    return (struct mir_seed_arrival){
        .submit_at = coming->at,
        .n_nodes = r->n_nodes,
        .limit_s = r->limit_s,
        .run_s = r->limit_s,
        .user = r->user,
        .partition = r->partition,
        .account = r->account,
        .qos = r->qos,
    };
}

static int by_time(const void *a, const void *b)
{
    const struct mir_chain_coming *x = a, *y = b;

    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return by_chain(x->plan, y->plan);
}

void mir_chain_plans_collect(struct mir_chain_plans *p, uint64_t chain, int64_t now, int64_t until)
{
    p->coming = mir_grow(p->coming, &p->cap_coming, p->n + 1, sizeof(*p->coming));
    p->n_coming = 0;
    for (size_t i = 0; i < p->n; i++) {
        int64_t at = comes_at(&p->v[i], now);

        if (p->v[i].chain != chain && at <= until)
            p->coming[p->n_coming++] = (struct mir_chain_coming){at, &p->v[i]};
    }
    if (p->n_coming > 0)
        qsort(p->coming, p->n_coming, sizeof(*p->coming), by_time);
}

void mir_chain_plans_join(struct mir_chain_plans *p,
                          uint64_t chain,
                          int64_t now,
                          int64_t until,
                          struct mir_seed *seed)
{
    const struct mir_seed_arrival *other = seed->arrivals;
    size_t n, n_other = 0, n_chains = 0;

    mir_chain_plans_collect(p, chain, now, until);
    n = p->n_coming + seed->n_arrivals;
    p->arrivals = mir_grow(p->arrivals, &p->cap_arrivals, n + 1, sizeof(*p->arrivals));
    for (size_t i = 0; i < n; i++)
        if (n_chains == p->n_coming ||
            (n_other < seed->n_arrivals && other[n_other].submit_at <= p->coming[n_chains].at))
            p->arrivals[i] = other[n_other++];
        else
            p->arrivals[i] = arrival_of(&p->coming[n_chains++]);
    seed->arrivals = p->arrivals;
    seed->n_arrivals = n;
}
