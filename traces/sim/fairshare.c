/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fairshare.c - who has used how much lately, and what that does to priorities:
 * usage in node-seconds, halved every PriorityDecayHalfLife, by association, an
 * association being a user in an account (slurm.conf(5), "Multifactor Priority
 * Plugin" and "Fair Tree Fairshare Algorithm").
 *
 * Shares are slurmdbd's and not in a slurm.conf or a log: here every account has
 * the same, and so has every user within one.  Associations are those of the
 * log; a pair that it does not have counts as one that never used anything.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/sim/state.h"

static int by_pair(const void *a, const void *b)
{
    const struct mir_assoc *x = a;
    const struct mir_assoc *y = b;

    if (x->account != y->account)
        return x->account < y->account ? -1 : 1;
    return (x->user > y->user) - (x->user < y->user);
}

void mir_fairshare_init(struct mir_sim *sim)
{
    size_t n = 0;

    sim->assocs = MIR_NEW_ARRAY(struct mir_assoc, sim->n_jobs);
    for (size_t i = 0; i < sim->n_jobs; i++)
        sim->assocs[i] =
            (struct mir_assoc){.account = sim->jobs[i].account, .user = sim->jobs[i].user};
    qsort(sim->assocs, sim->n_jobs, sizeof(*sim->assocs), by_pair);
    for (size_t i = 0; i < sim->n_jobs; i++)
        if (n == 0 || by_pair(&sim->assocs[n - 1], &sim->assocs[i]) != 0)
            sim->assocs[n++] = sim->assocs[i];
    sim->n_assocs = n;
    sim->assocs = mir_realloc(sim->assocs, n, sizeof(*sim->assocs));
    for (size_t i = 0; i < n; i++)
        sim->assocs[i].factor = 1.0;
    sim->usage_at = sim->now;
}

static struct mir_assoc *
find_among(const struct mir_assoc *assocs, size_t n, const struct mir_job *job)
{
    struct mir_assoc key = {.account = job->account, .user = job->user};

    return n == 0 ? NULL : bsearch(&key, assocs, n, sizeof(key), by_pair);
}

static struct mir_assoc *find(const struct mir_sim *sim, const struct mir_job *job)
{
    return find_among(sim->assocs, sim->n_assocs, job);
}

void mir_fairshare_charge(struct mir_sim *sim,
                          uint32_t number,
                          uint32_t n_nodes,
                          int64_t from,
                          int64_t to)
{
    struct mir_assoc *a = find(sim, mir_sim_job(sim, number));

    if (from < sim->usage_at)
        from = sim->usage_at; /* what was before is counted already */
    if (a != NULL && to > from)
        a->usage += (double)(to - from) * (double)n_nodes;
}

double mir_fairshare_factor(const struct mir_sim *sim, const struct mir_job *job)
{
    const struct mir_planted *p = sim->planted;
    const struct mir_assoc *a =
        p == NULL ? find(sim, job) : find_among(p->assocs, p->n_assocs, job);

    if (a == NULL)
        return p == NULL ? 1.0 : p->newcomer_factor;
    return a->factor;
}

static void decay(struct mir_sim *sim)
{
    int32_t half_life = sim->options.cluster->priority.decay_half_life_s;

    for (size_t i = 0; i < sim->n_slots; i++)
        if (sim->slots[i].n_nodes > 0)
            mir_fairshare_charge(sim, sim->slots[i].job, sim->slots[i].n_nodes,
                                 sim->slots[i].start_at, sim->now);
    if (half_life > 0) {
        double keep = exp2(-(double)(sim->now - sim->usage_at) / (double)half_life);
        for (size_t i = 0; i < sim->n_assocs; i++)
            sim->assocs[i].usage *= keep;
    }
    sim->usage_at = sim->now;
}

/* One account: its associations are assocs[first, end). */
struct account {
    size_t first, end;
    double usage;
    double level; /* share / usage: how far it is below its share; INFINITY without usage */
};

static size_t collect_accounts(const struct mir_sim *sim, struct account *accounts)
{
    size_t n = 0;

    for (size_t i = 0; i < sim->n_assocs; i++) {
        if (i == 0 || sim->assocs[i].account != sim->assocs[i - 1].account)
            accounts[n++] = (struct account){.first = i};
        accounts[n - 1].end = i + 1;
        accounts[n - 1].usage += sim->assocs[i].usage;
    }
    return n;
}

/*
 * Without Fair Tree: 2^-(U/S), U the effective usage, which mixes the
 * association's own with its account's by its share of the account.
 */
static void classic(struct mir_sim *sim, const struct account *accounts, size_t n, double total)
{
    for (size_t k = 0; k < n; k++) {
        double n_users = (double)(accounts[k].end - accounts[k].first);
        double share = 1.0 / (double)n / n_users;
        for (size_t i = accounts[k].first; i < accounts[k].end; i++) {
            double own = sim->assocs[i].usage / total;
            double effective = own + (accounts[k].usage / total - own) / n_users;
            sim->assocs[i].factor = exp2(-effective / share);
        }
    }
}

static int by_level(const void *a, const void *b)
{
    const struct account *x = a;
    const struct account *y = b;

    if (x->level != y->level)
        return x->level > y->level ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

/* An association and its usage, to be ranked within its account: least usage first. */
struct ranked {
    double usage;
    size_t index;
};

static int by_usage(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;

    if (x->usage < y->usage || x->usage > y->usage)
        return x->usage < y->usage ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/*
 * Fair Tree: accounts in the order of their level, and their users in the order
 * of theirs, stand in one row; the factor is the place from its end, equals alike.
 */
static void fair_tree(struct mir_sim *sim, struct account *accounts, size_t n)
{
    struct ranked *row = MIR_NEW_ARRAY(struct ranked, sim->n_assocs);
    size_t place = 0;

    for (size_t k = 0; k < n; k++)
        accounts[k].level = accounts[k].usage > 0.0 ? 1.0 / accounts[k].usage : INFINITY;
    qsort(accounts, n, sizeof(*accounts), by_level);
    for (size_t k = 0; k < n; k++) {
        size_t n_users = accounts[k].end - accounts[k].first;
        for (size_t i = 0; i < n_users; i++)
            row[i] =
                (struct ranked){sim->assocs[accounts[k].first + i].usage, accounts[k].first + i};
        qsort(row, n_users, sizeof(*row), by_usage);
        for (size_t i = 0; i < n_users; i++) {
            struct mir_assoc *a = &sim->assocs[row[i].index];
            bool same = i > 0 && !(row[i - 1].usage < row[i].usage);
            a->factor = same ? sim->assocs[row[i - 1].index].factor
                             : (double)(sim->n_assocs - place - i) / (double)sim->n_assocs;
        }
        place += n_users;
    }
    free(row);
}

void mir_fairshare_tick(struct mir_sim *sim)
{
    struct account *accounts = MIR_NEW_ARRAY(struct account, sim->n_assocs);
    double total = 0.0;

    decay(sim);
    size_t n = collect_accounts(sim, accounts);
    for (size_t k = 0; k < n; k++)
        total += accounts[k].usage;
    if (total > 0.0 && sim->options.cluster->priority.no_fair_tree)
        classic(sim, accounts, n, total);
    else if (total > 0.0)
        fair_tree(sim, accounts, n);
    free(accounts);
}
