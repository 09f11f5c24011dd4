/* SPDX-License-Identifier: GPL-3.0-or-later */
/* conf_nodes.c - see conf_nodes.h. */
#include "traces/sim/conf_nodes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"
#include "traces/sim/hostlist.h"

enum { MAX_NODES = MIR_HOSTLIST_MAX_NAMES, MAX_PER_NODE = 1 << 20 };

void mir_conf_nodes_init(struct mir_conf_nodes *t)
{
    memset(t, 0, sizeof(*t));
    t->n_slots = 1024;
    t->slots = MIR_NEW_ARRAY(uint32_t, t->n_slots);
    t->kinds = mir_grow(t->kinds, &t->cap_kinds, 1, sizeof(*t->kinds));
    t->kinds[0] = (struct mir_node_kind){.weight = 1, .in_service = true};
    t->n_kinds = 1;
}

void mir_conf_nodes_release(struct mir_conf_nodes *t)
{
    for (size_t i = 0; i < t->n_nodes; i++)
        free(t->nodes[i].name);
    for (size_t i = 0; i < t->n_kinds; i++)
        free(t->kinds[i].features);
    for (size_t i = 0; i < t->n_lists; i++) {
        free(t->lists[i].where);
        free(t->lists[i].name);
        free(t->lists[i].nodes);
        free(t->lists[i].feature);
    }
    free(t->nodes);
    free(t->kinds);
    free(t->lists);
    free(t->slots);
    memset(t, 0, sizeof(*t));
}

/* FNV-1a; the slot where `name` is, or where it would go. */
static size_t slot_of(const struct mir_conf_nodes *t, const char *name)
{
    uint64_t hash = 14695981039346656037u;
    size_t slot;

    for (const char *s = name; *s != '\0'; s++)
        hash = (hash ^ (unsigned char)*s) * 1099511628211u;
    slot = (size_t)(hash ^ hash >> 32) & (t->n_slots - 1);
    while (t->slots[slot] != 0 && strcmp(t->nodes[t->slots[slot] - 1].name, name) != 0)
        slot = (slot + 1) & (t->n_slots - 1);
    return slot;
}

static struct mir_conf_node *find_node(const struct mir_conf_nodes *t, const char *name)
{
    uint32_t number = t->slots[slot_of(t, name)];

    return number == 0 ? NULL : &t->nodes[number - 1];
}

static void grow_slots(struct mir_conf_nodes *t)
{
    if (2 * t->n_nodes < t->n_slots)
        return;
    free(t->slots);
    t->n_slots *= 2;
    t->slots = MIR_NEW_ARRAY(uint32_t, t->n_slots);
    for (size_t i = 0; i < t->n_nodes; i++)
        t->slots[slot_of(t, t->nodes[i].name)] = (uint32_t)i + 1;
}

int mir_conf_number(const struct mir_conf_line *line,
                    const struct mir_conf_pair *pair,
                    int64_t low,
                    int64_t high,
                    int64_t *out,
                    struct mir_error *err)
{
    int64_t value;

    if (mir_parse_i64(pair->value, strlen(pair->value), &value) != 0)
        return mir_error_set(err, -EINVAL, "%s:%zu: %s: \"%s\" is not a number", line->file,
                             line->number, pair->key, pair->value);
    if (value < low || value > high)
        return mir_error_set(err, -EINVAL,
                             "%s:%zu: %s: %" PRId64 " is not in %" PRId64 "..%" PRId64, line->file,
                             line->number, pair->key, value, low, high);
    *out = value;
    return 0;
}

/* Slurm's states of a node, cut at "*", "+" and the like. */
static int parse_state(const struct mir_conf_line *line,
                       const struct mir_conf_pair *pair,
                       bool *in_service,
                       struct mir_error *err)
{
    static const struct {
        const char *name;
        bool in_service;
    } states[] = {{"UNKNOWN", true}, {"IDLE", true},     {"CLOUD", true},    {"UP", true},
                  {"DOWN", false},   {"DRAIN", false},   {"DRAINED", false}, {"DRAINING", false},
                  {"FAIL", false},   {"FAILING", false}, {"FUTURE", false}};
    size_t len = strcspn(pair->value, "*+~#!%$@^-");

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (strlen(states[i].name) == len && strncasecmp(states[i].name, pair->value, len) == 0) {
            *in_service = states[i].in_service;
            return 0;
        }
    }
    return mir_error_set(err, -EINVAL, "%s:%zu: %s: \"%s\" is not a state of a node", line->file,
                         line->number, pair->key, pair->value);
}

/* The count of one "gpu", "gpu:4", "gpu:a100:4" or "gpu:a100:4(S:0-1)"; 0 for what is no GPU. */
static int parse_gpu(const char *s, size_t len, uint32_t *out)
{
    const char *paren = memchr(s, '(', len);
    const char *colon;
    int64_t n = 1;

    if (paren != NULL)
        len = (size_t)(paren - s);
    *out = 0;
    if (len < 3 || strncasecmp(s, "gpu", 3) != 0 || (len > 3 && s[3] != ':'))
        return 0;
    colon = memrchr(s, ':', len);
    /* What is no number is a type ("gpu:a100", "gpu:1g.5gb"): one of it. */
    if (colon != NULL && mir_parse_i64(colon + 1, len - (size_t)(colon + 1 - s), &n) == -ERANGE)
        return -EINVAL;
    if (n < 0 || n > MAX_PER_NODE)
        return -EINVAL;
    *out = (uint32_t)n;
    return 0;
}

static int parse_gres(const struct mir_conf_line *line,
                      const struct mir_conf_pair *pair,
                      uint32_t *out,
                      struct mir_error *err)
{
    uint32_t total = 0;

    for (const char *s = pair->value; *s != '\0';) {
        size_t len = strcspn(s, ",");
        uint32_t n;

        if (parse_gpu(s, len, &n) != 0 || total > MAX_PER_NODE)
            return mir_error_set(err, -EINVAL, "%s:%zu: %s: \"%.*s\" is not a count of GPUs",
                                 line->file, line->number, pair->key, (int)len, s);
        total += n;
        s += len;
        s += *s == ',';
    }
    *out = total;
    return 0;
}

/* Keys that are plain counts; "Procs" is the old name of "CPUs". */
static uint32_t *count_field(struct mir_node_kind *kind, const char *key, uint32_t *max)
{
    const struct {
        const char *key;
        uint32_t *field;
        uint32_t max;
    } fields[] = {
        {"CPUs", &kind->cpus, MAX_PER_NODE},
        {"Procs", &kind->cpus, MAX_PER_NODE},
        {"Boards", &kind->boards, 1024},
        {"Sockets", &kind->sockets, 1024},
        {"SocketsPerBoard", &kind->sockets_per_board, 1024},
        {"CoresPerSocket", &kind->cores_per_socket, 65535},
        {"ThreadsPerCore", &kind->threads_per_core, 1024},
        {"RealMemory", &kind->mem_mb, UINT32_MAX},
        {"Weight", &kind->weight, UINT32_MAX},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcasecmp(fields[i].key, key) == 0) {
            *max = fields[i].max;
            return fields[i].field;
        }
    }
    return NULL;
}

static int set_field(struct mir_node_kind *kind,
                     const struct mir_conf_line *line,
                     const struct mir_conf_pair *pair,
                     struct mir_error *err)
{
    uint32_t max;
    uint32_t *count = count_field(kind, pair->key, &max);
    int64_t value;
    int rc;

    if (count != NULL) {
        rc = mir_conf_number(line, pair, 0, max, &value, err);
        if (rc == 0)
            *count = (uint32_t)value;
        return rc;
    }
    if (strcasecmp(pair->key, "Gres") == 0)
        return parse_gres(line, pair, &kind->n_gpus, err);
    if (strcasecmp(pair->key, "State") == 0)
        return parse_state(line, pair, &kind->in_service, err);
    if (strcasecmp(pair->key, "Feature") == 0 || strcasecmp(pair->key, "Features") == 0) {
        free(kind->features);
        kind->features = mir_strdup(pair->value);
    }
    return 0;
}

uint32_t mir_node_kind_cpus(const struct mir_node_kind *kind)
{
    uint64_t sockets = kind->sockets != 0 ? kind->sockets : kind->sockets_per_board;
    uint64_t n = 1;
    const uint64_t factors[] = {kind->boards, sockets, kind->cores_per_socket,
                                kind->threads_per_core};
    bool given = false;

    if (kind->cpus != 0)
        return kind->cpus;
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        given = given || factors[i] != 0;
        n *= factors[i] == 0 ? 1 : factors[i];
        if (n > MAX_PER_NODE)
            n = MAX_PER_NODE;
    }
    return given ? (uint32_t)n : 0;
}

static int add_node(void *context, const char *name, size_t len)
{
    struct mir_conf_nodes *t = context;
    size_t slot;

    (void)len;
    grow_slots(t);
    slot = slot_of(t, name);
    if (t->slots[slot] != 0)
        return 0;
    if (t->n_nodes == MAX_NODES)
        return -E2BIG;
    t->nodes = mir_grow(t->nodes, &t->cap_nodes, t->n_nodes + 1, sizeof(*t->nodes));
    t->nodes[t->n_nodes] = (struct mir_conf_node){
        .name = mir_strdup(name),
        .kind = (uint32_t)(t->n_kinds - 1),
        .in_service = t->kinds[t->n_kinds - 1].in_service,
    };
    t->slots[slot] = (uint32_t)++t->n_nodes;
    return 0;
}

/* "file:line: key: " before what a hostlist says is wrong. */
static int refuse_list(const char *where,
                       const char *key,
                       int rc,
                       const struct mir_error *why,
                       struct mir_error *err)
{
    if (rc == -E2BIG)
        return mir_error_set(err, -EINVAL, "%s: %s: more than %d nodes", where, key, MAX_NODES);
    return mir_error_set(err, -EINVAL, "%s: %s: %.300s", where, key, why->text);
}

static char *where_of(const struct mir_conf_line *line)
{
    struct mir_str s = {0};

    mir_str_addf(&s, "%s:%zu", line->file, line->number);
    return s.text;
}

/* A copy of the defaults so far, with what the line says over them. */
static int
add_kind(struct mir_conf_nodes *t, const struct mir_conf_line *line, struct mir_error *err)
{
    struct mir_node_kind *kind;

    t->kinds = mir_grow(t->kinds, &t->cap_kinds, t->n_kinds + 1, sizeof(*t->kinds));
    kind = &t->kinds[t->n_kinds++];
    *kind = t->kinds[0];
    kind->features = kind->features == NULL ? NULL : mir_strdup(kind->features);
    for (size_t i = 1; i < line->n_pairs; i++) {
        int rc = set_field(kind, line, &line->pairs[i], err);

        if (rc != 0)
            return rc;
    }
    return 0;
}

static void make_default(struct mir_conf_nodes *t)
{
    free(t->kinds[0].features);
    t->kinds[0] = t->kinds[--t->n_kinds];
}

int mir_conf_nodes_add(struct mir_conf_nodes *t,
                       const struct mir_conf_line *line,
                       struct mir_error *err)
{
    const char *list = line->pairs[0].value;
    struct mir_error why = {{0}};
    char *where;
    int rc = add_kind(t, line, err);

    if (rc != 0)
        return rc;
    if (strcasecmp(list, "DEFAULT") == 0) {
        make_default(t);
        return 0;
    }
    if (strcasecmp(list, "ALL") == 0)
        return mir_error_set(err, -EINVAL, "%s:%zu: NodeName: ALL is a reserved word", line->file,
                             line->number);
    rc = mir_hostlist_each(list, strlen(list), add_node, t, &why);
    if (rc == 0)
        return 0;
    where = where_of(line);
    rc = refuse_list(where, "NodeName", rc, &why, err);
    free(where);
    return rc;
}

static char *copy_of(const char *s)
{
    return s == NULL ? NULL : mir_strdup(s);
}

static void add_list(struct mir_conf_nodes *t,
                     const struct mir_conf_line *line,
                     const char *name,
                     const char *nodes,
                     const char *feature)
{
    t->lists = mir_grow(t->lists, &t->cap_lists, t->n_lists + 1, sizeof(*t->lists));
    t->lists[t->n_lists++] = (struct mir_conf_list){
        .where = where_of(line),
        .name = copy_of(name),
        .nodes = mir_strdup(nodes == NULL ? "" : nodes),
        .feature = copy_of(feature),
    };
}

int mir_conf_nodes_add_set(struct mir_conf_nodes *t,
                           const struct mir_conf_line *line,
                           struct mir_error *err)
{
    const char *nodes = mir_conf_line_get(line, "Nodes");
    const char *feature = mir_conf_line_get(line, "Feature");

    if (nodes == NULL && feature == NULL)
        return mir_error_set(err, -EINVAL, "%s:%zu: NodeSet: neither Nodes nor Feature given",
                             line->file, line->number);
    add_list(t, line, line->pairs[0].value, nodes, feature);
    return 0;
}

int mir_conf_nodes_add_down(struct mir_conf_nodes *t,
                            const struct mir_conf_line *line,
                            struct mir_error *err)
{
    bool in_service = false;

    for (size_t i = 1; i < line->n_pairs; i++) {
        int rc = 0;

        if (strcasecmp(line->pairs[i].key, "State") == 0)
            rc = parse_state(line, &line->pairs[i], &in_service, err);
        if (rc != 0)
            return rc;
    }
    if (!in_service)
        add_list(t, line, NULL, line->pairs[0].value, NULL);
    return 0;
}

/* What is done with each node of a list. */
struct visit {
    struct mir_conf_nodes *t;
    struct mir_error *why;
    uint64_t bit; /* 0: take it out of service */
};

static int visit_node(const struct visit *visit, struct mir_conf_node *node)
{
    node->partitions |= visit->bit;
    if (visit->bit == 0)
        node->in_service = false;
    return 0;
}

static int visit_node_name(void *context, const char *name, size_t len)
{
    const struct visit *visit = context;
    struct mir_conf_node *node = find_node(visit->t, name);

    (void)len;
    if (node == NULL)
        return mir_error_set(visit->why, -EINVAL, "there is no node \"%.100s\"", name);
    return visit_node(visit, node);
}

static bool has_feature(const struct mir_node_kind *kind, const char *feature)
{
    const char *s = kind->features == NULL ? "" : kind->features;
    size_t wanted = strlen(feature);

    while (*s != '\0') {
        size_t len = strcspn(s, ",");

        if (len == wanted && strncmp(s, feature, len) == 0)
            return true;
        s += len;
        s += *s == ',';
    }
    return false;
}

static int visit_set(const struct visit *visit, const struct mir_conf_list *set)
{
    for (size_t i = 0; set->feature != NULL && i < visit->t->n_nodes; i++) {
        struct mir_conf_node *node = &visit->t->nodes[i];

        if (has_feature(&visit->t->kinds[node->kind], set->feature))
            visit_node(visit, node);
    }
    return mir_hostlist_each(set->nodes, strlen(set->nodes), visit_node_name, (void *)visit,
                             visit->why);
}

/* A name in a partition's Nodes: ALL, a node set, or a node. */
static int visit_any_name(void *context, const char *name, size_t len)
{
    const struct visit *visit = context;

    if (strcasecmp(name, "ALL") == 0) {
        for (size_t i = 0; i < visit->t->n_nodes; i++)
            visit_node(visit, &visit->t->nodes[i]);
        return 0;
    }
    for (size_t i = 0; i < visit->t->n_lists; i++) {
        const struct mir_conf_list *list = &visit->t->lists[i];

        if (list->name != NULL && strcmp(list->name, name) == 0)
            return visit_set(visit, list);
    }
    return visit_node_name(context, name, len);
}

int mir_conf_nodes_finish(struct mir_conf_nodes *t, struct mir_error *err)
{
    struct mir_error why = {{0}};
    struct visit visit = {.t = t, .why = &why};

    for (size_t i = 0; i < t->n_lists; i++) {
        const struct mir_conf_list *list = &t->lists[i];
        int rc = 0;

        if (list->name == NULL)
            rc = mir_hostlist_each(list->nodes, strlen(list->nodes), visit_node_name, &visit, &why);
        if (rc != 0)
            return refuse_list(list->where, "DownNodes", rc, &why, err);
    }
    return 0;
}

int mir_conf_nodes_mark(struct mir_conf_nodes *t,
                        const char *where,
                        const char *list,
                        uint64_t bit,
                        struct mir_error *err)
{
    struct mir_error why = {{0}};
    struct visit visit = {.t = t, .why = &why, .bit = bit};
    int rc = mir_hostlist_each(list, strlen(list), visit_any_name, &visit, &why);

    return rc == 0 ? 0 : refuse_list(where, "Nodes", rc, &why, err);
}
