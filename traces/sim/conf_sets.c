/* SPDX-License-Identifier: GPL-3.0-or-later */
/* conf_sets.c - see conf_sets.h. */
#include "traces/sim/conf_sets.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* A run of names that differ by a number that grows by one: "n" 01 to 12. */
struct run {
    const char *prefix;
    size_t prefix_len;
    size_t width;
    unsigned long low, high;
};

struct set {
    uint64_t partitions;
    struct mir_node_set out;
    struct run run;
    bool full; /* the name has no room left */
};

struct sets {
    struct set items[MIR_MAX_NODE_SETS];
    uint32_t n;
};

static void add_text(struct set *set, const char *text)
{
    size_t used = strlen(set->out.name);
    size_t len = strlen(text);
    const char *comma = used > 0 ? "," : "";

    if (set->full)
        return;
    /* Room for ",..." is kept. */
    set->full = used + len + 1 + 4 >= sizeof(set->out.name);
    snprintf(set->out.name + used, sizeof(set->out.name) - used, "%s%.50s", comma,
             set->full ? "..." : text);
}

static void end_run(struct set *set)
{
    const struct run *run = &set->run;
    char text[64];

    if (run->prefix == NULL)
        return;
    if (run->width == 0)
        snprintf(text, sizeof(text), "%.*s", (int)run->prefix_len, run->prefix);
    else if (run->low == run->high)
        snprintf(text, sizeof(text), "%.*s%0*lu", (int)run->prefix_len, run->prefix,
                 (int)run->width, run->low);
    else
        snprintf(text, sizeof(text), "%.*s[%0*lu-%0*lu]", (int)run->prefix_len, run->prefix,
                 (int)run->width, run->low, (int)run->width, run->high);
    add_text(set, text);
}

static struct run run_of(const char *name)
{
    struct run run = {.prefix = name, .prefix_len = strlen(name)};

    while (run.prefix_len > 0 && run.width < 9 &&
           isdigit((unsigned char)name[run.prefix_len - 1])) {
        run.prefix_len--;
        run.width++;
    }
    for (size_t i = 0; i < run.width; i++)
        run.low = run.low * 10 + (unsigned long)(name[run.prefix_len + i] - '0');
    run.high = run.low;
    return run;
}

static void add_name(struct set *set, const char *name)
{
    struct run run = run_of(name);
    struct run *last = &set->run;
    bool follows = last->prefix != NULL && run.width > 0 && run.width == last->width &&
                   run.prefix_len == last->prefix_len && run.low == last->high + 1 &&
                   memcmp(run.prefix, last->prefix, run.prefix_len) == 0;

    if (follows) {
        last->high = run.low;
        return;
    }
    end_run(set);
    *last = run;
}

static bool fits(const struct set *set, const struct set *node, bool by_hardware)
{
    const struct mir_node_set *a = &set->out, *b = &node->out;

    if (set->partitions != node->partitions || a->weight != b->weight)
        return false;
    return !by_hardware ||
           (a->n_cpus == b->n_cpus && a->n_gpus == b->n_gpus && a->mem_bytes == b->mem_bytes);
}

static void take_least(struct mir_node_set *a, const struct mir_node_set *b)
{
    if (b->n_cpus < a->n_cpus)
        a->n_cpus = b->n_cpus;
    if (b->n_gpus < a->n_gpus)
        a->n_gpus = b->n_gpus;
    if (b->mem_bytes < a->mem_bytes)
        a->mem_bytes = b->mem_bytes;
}

/* The set of one node alone. */
static struct set set_of(const struct mir_conf_nodes *nodes, const struct mir_conf_node *node)
{
    const struct mir_node_kind *kind = &nodes->kinds[node->kind];

    return (struct set){
        .partitions = node->partitions,
        .out =
            {
                .n_cpus = mir_node_kind_cpus(kind),
                .n_gpus = kind->n_gpus,
                .mem_bytes = (uint64_t)kind->mem_mb << 20,
                .weight = kind->weight,
            },
    };
}

static int classify(const struct mir_conf_nodes *nodes, bool by_hardware, struct sets *out)
{
    out->n = 0;
    for (size_t i = 0; i < nodes->n_nodes; i++) {
        const struct mir_conf_node *node = &nodes->nodes[i];
        struct set own = set_of(nodes, node);
        uint32_t k = 0;

        if (!node->in_service || node->partitions == 0)
            continue;
        while (k < out->n && !fits(&out->items[k], &own, by_hardware))
            k++;
        if (k == MIR_MAX_NODE_SETS)
            return -E2BIG;
        if (k == out->n)
            out->items[out->n++] = own;
        take_least(&out->items[k].out, &own.out);
        out->items[k].out.n_nodes++;
        add_name(&out->items[k], node->name);
    }
    return 0;
}

int mir_conf_sets_make(const struct mir_conf_nodes *nodes, struct mir_cluster *cluster)
{
    struct sets sets;
    int rc = classify(nodes, true, &sets);

    if (rc != 0)
        rc = classify(nodes, false, &sets);
    if (rc != 0)
        return rc;
    for (uint32_t i = 0; i < sets.n; i++) {
        struct set *set = &sets.items[i];

        end_run(set);
        cluster->node_sets[i] = set->out;
        for (uint32_t p = 0; p < cluster->n_partitions; p++) {
            if (set->partitions >> p & 1)
                cluster->partitions[p].node_sets |= UINT64_C(1) << i;
        }
    }
    cluster->n_node_sets = sets.n;
    return 0;
}
