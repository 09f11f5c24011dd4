/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.c - which setting is in force for a chain: its own, its partition's, everybody's. */
#include "daemon/engine/internal.h"

static bool listed(const char *const *names, const char *name)
{
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

bool mir_engine_acts(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    const struct mir_engine_settings *s = e->settings;

    if (s->mode != MIR_MODE_CANARY)
        return s->mode == MIR_MODE_ACT;
    return listed(s->canary_users, c->row.user) || listed(s->canary_accounts, c->row.account) ||
           listed(s->canary_partitions, c->row.partition);
}

const struct mir_engine_rule *mir_engine_rule_of(const struct mir_engine *e,
                                                 const struct mir_engine_chain *c)
{
    for (size_t i = 0; i < e->settings->n_rules; i++) {
        if (strcmp(e->settings->rules[i].partition, c->row.partition) == 0)
            return &e->settings->rules[i];
    }
    return &e->settings->rules[e->settings->n_rules - 1];
}

const struct mir_policy *mir_engine_policy_of(const struct mir_engine *e,
                                              const struct mir_engine_chain *c)
{
    return c->own_policy != NULL ? c->own_policy : mir_engine_rule_of(e, c)->policy;
}

double mir_engine_weight_of(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    return (c->row.options.given & MIR_OPT_WEIGHT) != 0 ? c->row.options.weight
                                                        : mir_engine_rule_of(e, c)->weight;
}

int32_t mir_engine_warmup_of(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    return (c->row.options.given & MIR_OPT_WARMUP) != 0 ? c->row.options.warmup_s
                                                        : e->settings->warmup_s;
}

int32_t mir_engine_links_of(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    return (c->row.options.given & MIR_OPT_LINKS) != 0 ? c->row.options.links
                                                       : e->settings->links_max;
}
