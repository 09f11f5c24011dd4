/* SPDX-License-Identifier: GPL-3.0-or-later */
/* convert.c - XGBoost's JSON to arrays of nodes. */
#include "models/train/convert.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "daemon/core/alloc.h"

/* One tree as XGBoost writes it: an array per property, an element per node. */
struct source {
    size_t n_nodes;
    json_object *left, *right, *feature, *threshold, *missing_left, *kind, *gain;
};

struct conversion {
    struct mir_trees trees;
    size_t cap_roots, cap_nodes, cap_values;
    double *gain;
    locale_t plain; /* in which a decimal point is one */
};

static json_object *find(json_object *in, const char *const *path)
{
    for (; *path != NULL && in != NULL; path++)
        if (!json_object_object_get_ex(in, *path, &in))
            return NULL;
    return in;
}

/* NULL unless it has `n` elements. */
static json_object *array_of(json_object *tree, const char *key, size_t n)
{
    json_object *array = find(tree, (const char *const[]){key, NULL});

    return json_object_is_type(array, json_type_array) && json_object_array_length(array) == n
               ? array
               : NULL;
}

static bool source_init(struct source *s, json_object *tree)
{
    json_object *left = find(tree, (const char *const[]){"left_children", NULL});

    if (!json_object_is_type(left, json_type_array) || json_object_array_length(left) == 0)
        return false;
    s->n_nodes = json_object_array_length(left);
    s->left = left;
    s->right = array_of(tree, "right_children", s->n_nodes);
    s->feature = array_of(tree, "split_indices", s->n_nodes);
    s->threshold = array_of(tree, "split_conditions", s->n_nodes);
    s->missing_left = array_of(tree, "default_left", s->n_nodes);
    s->kind = array_of(tree, "split_type", s->n_nodes);
    s->gain = array_of(tree, "loss_changes", s->n_nodes);
    return s->right != NULL && s->feature != NULL && s->threshold != NULL &&
           s->missing_left != NULL && s->kind != NULL && s->gain != NULL;
}

static int64_t whole(json_object *array, size_t i)
{
    return json_object_get_int64(json_object_array_get_idx(array, i));
}

/*
 * XGBoost writes the shortest decimal that is read back as the same float; read as
 * a double and rounded again it may become its neighbour.  json-c keeps the text.
 */
static float real(const struct conversion *c, json_object *array, size_t i)
{
    const char *text = json_object_get_string(json_object_array_get_idx(array, i));

    return text != NULL ? strtof_l(text, NULL, c->plain) : 0;
}

static void add_leaf(struct conversion *c, struct mir_tree_node *node, float value)
{
    struct mir_trees *t = &c->trees;

    *node = (struct mir_tree_node){.feature = MIR_TREE_LEAF, .left = t->n_leaves};
    t->values = mir_grow(t->values, &c->cap_values, t->n_leaves + 1, sizeof(*t->values));
    t->values[t->n_leaves++] = value;
}

static bool add_split(struct conversion *c,
                      const struct source *s,
                      size_t at,
                      struct mir_tree_node *node,
                      uint32_t left)
{
    int64_t feature = whole(s->feature, at);

    if (feature < 0 || feature >= c->trees.n_features || whole(s->kind, at) != 0)
        return false;
    *node = (struct mir_tree_node){
        .threshold = real(c, s->threshold, at),
        .left = left,
        .feature = (uint16_t)feature,
        .missing_left = whole(s->missing_left, at) != 0,
    };
    if (c->gain != NULL)
        c->gain[feature] += (double)real(c, s->gain, at);
    return true;
}

/* Remember both children of `at`; false where that cannot be a tree. */
static bool visit_children(const struct source *s, size_t at, size_t *order, size_t *n)
{
    int64_t left = whole(s->left, at), right = whole(s->right, at);

    if (left < 0 || right < 0 || (size_t)left >= s->n_nodes || (size_t)right >= s->n_nodes ||
        *n + 2 > s->n_nodes)
        return false;
    order[(*n)++] = (size_t)left;
    order[(*n)++] = (size_t)right;
    return true;
}

/* Breadth first: siblings get neighbouring numbers above their parent's. */
static bool add_nodes(struct conversion *c, const struct source *s, size_t *order)
{
    struct mir_trees *t = &c->trees;
    uint32_t first = t->n_nodes;
    size_t n = 1;

    t->nodes = mir_grow(t->nodes, &c->cap_nodes, first + s->n_nodes, sizeof(*t->nodes));
    order[0] = 0;
    for (size_t i = 0; i < n; i++) {
        struct mir_tree_node *node = &t->nodes[first + i];
        uint32_t left = first + (uint32_t)n;

        if (whole(s->left, order[i]) == -1)
            add_leaf(c, node, real(c, s->threshold, order[i]));
        else if (!visit_children(s, order[i], order, &n) || !add_split(c, s, order[i], node, left))
            return false;
    }
    t->n_nodes += (uint32_t)n;
    return true;
}

static bool add_tree(struct conversion *c, json_object *tree)
{
    struct mir_trees *t = &c->trees;
    struct source s;
    size_t *order;
    bool good;

    if (!source_init(&s, tree) || s.n_nodes > MIR_TREES_MAX_NODES - t->n_nodes)
        return false;
    t->roots = mir_grow(t->roots, &c->cap_roots, t->n_trees + 1, sizeof(*t->roots));
    t->roots[t->n_trees++] = t->n_nodes;
    order = MIR_NEW_ARRAY(size_t, s.n_nodes);
    good = add_nodes(c, &s, order);
    free(order);
    return good;
}

static int add_trees(struct conversion *c, json_object *model, struct mir_error *err)
{
    json_object *trees =
        find(model, (const char *const[]){"learner", "gradient_booster", "model", "trees", NULL});

    if (!json_object_is_type(trees, json_type_array))
        return mir_error_set(err, -EBADMSG, "the model has no trees");
    for (size_t i = 0; i < json_object_array_length(trees); i++)
        if (!add_tree(c, json_object_array_get_idx(trees, i)))
            return mir_error_set(err, -EBADMSG, "tree %zu of the model is not understood", i);
    return mir_trees_check(&c->trees, err);
}

static json_object *parse(const char *json, size_t len)
{
    struct json_tokener *tokener = json_tokener_new();
    json_object *model = len <= INT_MAX ? json_tokener_parse_ex(tokener, json, (int)len) : NULL;

    json_tokener_free(tokener);
    return model;
}

int mir_convert_model(const char *json,
                      size_t len,
                      uint32_t n_features,
                      struct mir_trees *out,
                      double *gain,
                      struct mir_error *err)
{
    struct conversion c = {
        .trees = {.n_features = n_features, .n_outputs = 1, .scale = 1},
        .gain = gain,
    };
    json_object *model = parse(json, len);
    int rc;

    if (model == NULL)
        return mir_error_set(err, -EBADMSG, "the model is not JSON");
    c.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    rc = add_trees(&c, model, err);
    freelocale(c.plain);
    json_object_put(model);
    if (rc == 0)
        *out = c.trees;
    else
        mir_trees_release(&c.trees);
    return rc;
}

void mir_convert_widen(struct mir_trees *t, uint32_t output, uint32_t n_outputs)
{
    float *wide = MIR_NEW_ARRAY(float, (size_t)t->n_leaves *n_outputs);

    for (size_t i = 0; i < t->n_leaves; i++)
        wide[i * n_outputs + output] = t->values[i];
    free(t->values);
    t->values = wide;
    t->n_outputs = n_outputs;
}

static void append(struct mir_trees *t, const struct mir_trees *part)
{
    for (uint32_t i = 0; i < part->n_trees; i++)
        t->roots[t->n_trees + i] = part->roots[i] + t->n_nodes;
    for (uint32_t i = 0; i < part->n_nodes; i++) {
        struct mir_tree_node node = part->nodes[i];

        node.left += node.feature == MIR_TREE_LEAF ? t->n_leaves : t->n_nodes;
        t->nodes[t->n_nodes + i] = node;
    }
    memcpy(t->values + (size_t)t->n_leaves * t->n_outputs, part->values,
           (size_t)part->n_leaves * t->n_outputs * sizeof(*t->values));
    t->n_trees += part->n_trees;
    t->n_nodes += part->n_nodes;
    t->n_leaves += part->n_leaves;
}

int mir_convert_join(const struct mir_trees *parts,
                     uint32_t n_parts,
                     struct mir_trees *out,
                     struct mir_error *err)
{
    size_t n_trees = 0, n_nodes = 0, n_leaves = 0;

    for (uint32_t i = 0; i < n_parts; i++) {
        n_trees += parts[i].n_trees;
        n_nodes += parts[i].n_nodes;
        n_leaves += parts[i].n_leaves;
    }
    if (n_nodes > MIR_TREES_MAX_NODES)
        return mir_error_set(err, -E2BIG, "%zu nodes, more than %d", n_nodes, MIR_TREES_MAX_NODES);
    *out = (struct mir_trees){
        .n_features = parts[0].n_features,
        .n_outputs = parts[0].n_outputs,
        .scale = 1,
        .roots = MIR_NEW_ARRAY(uint32_t, n_trees),
        .nodes = MIR_NEW_ARRAY(struct mir_tree_node, n_nodes),
        .values = MIR_NEW_ARRAY(float, n_leaves *parts[0].n_outputs),
    };
    for (uint32_t i = 0; i < n_parts; i++)
        append(out, &parts[i]);
    return 0;
}
