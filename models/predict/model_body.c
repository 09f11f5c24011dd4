/* SPDX-License-Identifier: GPL-3.0-or-later */
/* model_body.c - a model as bytes and back. */
#include "models/predict/model_body.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "models/predict/model_file.h"

enum section {
    SECTION_ORIGIN = 1,
    SECTION_RANGES,
    SECTION_IMPORTANCE,
    SECTION_SCORES,
    SECTION_TREES = 16,  /* and the method */
    SECTION_NARROW = 32, /* the same of trees that add to one output each */
};

enum { NODE_BYTES = 4 + 4 + 2 + 1 };

_Static_assert(MIR_MODEL_TEXT_MAX <= 256, "a text's length is one byte");

/* ---- Is it a model? */

static uint32_t features_of(enum mir_wait_method method)
{
    bool quantiles = method == MIR_WAIT_FOREST_Q || method == MIR_WAIT_XGB_Q;

    return quantiles ? MIR_N_WAIT_FEATURES : MIR_PAPER_ROWS * MIR_PAPER_WIDTH;
}

static uint32_t outputs_of(enum mir_wait_method method)
{
    bool quantiles = method == MIR_WAIT_FOREST_Q || method == MIR_WAIT_XGB_Q;

    return quantiles ? MIR_N_WAIT_LEVELS_TRAINED : 1;
}

static int
check_trees(const struct mir_wait_model *m, enum mir_wait_method i, struct mir_error *err)
{
    const struct mir_trees *t = &m->trees[i];
    struct mir_error why = {{0}};
    const char *name = mir_wait_method_name(i);

    if (mir_trees_check(t, &why) != 0)
        return mir_error_set(err, -EBADMSG, "%s: %s", name, why.text);
    if (t->n_trees == 0 || (t->n_features == features_of(i) && t->n_outputs == outputs_of(i)))
        return 0;
    return mir_error_set(err, -EBADMSG,
                         "%s: %" PRIu32 " features and %" PRIu32 " outputs, not %" PRIu32
                         " and %" PRIu32,
                         name, t->n_features, t->n_outputs, features_of(i), outputs_of(i));
}

static bool range_is_good(const struct mir_feature_range *r)
{
    if (isnan(r->low) && isnan(r->high) && isnan(r->median) && isnan(r->iqr))
        return true;
    return isfinite(r->low) && isfinite(r->high) && isfinite(r->iqr) && r->iqr >= 0 &&
           r->low <= r->median && r->median <= r->high;
}

static int check_features(const struct mir_wait_model *m, struct mir_error *err)
{
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        const char *name = mir_wait_feature_table[i].name;

        if (!range_is_good(&m->ranges[i]))
            return mir_error_set(err, -EBADMSG, "range of %s out of order", name);
        if (!(m->importance[i] >= 0 && m->importance[i] <= 1))
            return mir_error_set(err, -EBADMSG, "importance of %s: %g", name,
                                 (double)m->importance[i]);
    }
    return 0;
}

static int check_model(const struct mir_wait_model *m, struct mir_error *err)
{
    int rc = check_features(m, err);

    if (rc == 0 && m->origin.n_censored > m->origin.n_labels)
        rc = mir_error_set(err, -EBADMSG, "%" PRIu64 " of %" PRIu64 " labels are censored",
                           m->origin.n_censored, m->origin.n_labels);
    if (rc == 0 && m->origin.from_at > m->origin.to_at)
        rc = mir_error_set(err, -EBADMSG, "its training window ends before it begins");
    for (unsigned i = 0; i < m->n_scores && rc == 0; i++)
        if (isinf(m->scores[i].value))
            rc = mir_error_set(err, -EBADMSG, "score %u is infinite", i);
    for (unsigned i = 0; i < MIR_N_WAIT_METHODS && rc == 0; i++)
        rc = check_trees(m, i, err);
    return rc;
}

/* ---- Writing */

static void put(struct mir_str *out, uint64_t v, unsigned n_bytes)
{
    char bytes[8];

    for (unsigned i = 0; i < n_bytes; i++)
        bytes[i] = (char)(unsigned char)(v >> 8 * i);
    mir_str_add_n(out, bytes, n_bytes);
}

static void put_f32(struct mir_str *out, float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof(bits));
    put(out, bits, 4);
}

static void put_f64(struct mir_str *out, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    put(out, bits, 8);
}

static bool is_printable(unsigned char c)
{
    return c >= ' ' && c <= '~';
}

/* A name of a log is nothing to fail for: what is not printable becomes '?'. */
static void put_text(struct mir_str *out, const char *text, size_t size)
{
    size_t len = strnlen(text, size - 1);

    put(out, len, 1);
    for (size_t i = 0; i < len; i++)
        put(out, is_printable((unsigned char)text[i]) ? (unsigned char)text[i] : '?', 1);
}

/* Returns where the section's content begins. */
static size_t begin_section(struct mir_str *out, uint32_t tag)
{
    put(out, tag, 4);
    put(out, 0, 4);
    return out->len;
}

static void end_section(struct mir_str *out, size_t begin)
{
    size_t len = out->len - begin;

    for (unsigned i = 0; i < 4; i++)
        out->text[begin - 4 + i] = (char)(unsigned char)(len >> 8 * i);
}

static void put_origin(struct mir_str *out, const struct mir_model_origin *o)
{
    size_t begin = begin_section(out, SECTION_ORIGIN);

    put_text(out, o->feature_set, sizeof(o->feature_set));
    put_text(out, o->source, sizeof(o->source));
    put_text(out, o->program, sizeof(o->program));
    put(out, (uint64_t)o->trained_at, 8);
    put(out, (uint64_t)o->from_at, 8);
    put(out, (uint64_t)o->to_at, 8);
    put(out, o->seed, 8);
    put(out, o->n_labels, 8);
    put(out, o->n_censored, 8);
    put(out, o->n_nodes, 4);
    end_section(out, begin);
}

static void put_features(struct mir_str *out, const struct mir_wait_model *m)
{
    size_t begin = begin_section(out, SECTION_RANGES);

    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        put_f32(out, m->ranges[i].low);
        put_f32(out, m->ranges[i].high);
        put_f32(out, m->ranges[i].median);
        put_f32(out, m->ranges[i].iqr);
    }
    end_section(out, begin);
    begin = begin_section(out, SECTION_IMPORTANCE);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++)
        put_f32(out, m->importance[i]);
    end_section(out, begin);
}

static void put_scores(struct mir_str *out, const struct mir_wait_model *m)
{
    size_t begin = begin_section(out, SECTION_SCORES);

    for (uint32_t i = 0; i < m->n_scores; i++) {
        put_text(out, m->scores[i].name, sizeof(m->scores[i].name));
        put_f64(out, m->scores[i].value);
    }
    end_section(out, begin);
}

static void put_node(struct mir_str *out, const struct mir_tree_node *node)
{
    put_f32(out, node->threshold);
    put(out, node->left, 4);
    put(out, node->feature, 2);
    put(out, node->missing_left, 1);
}

static void put_trees(struct mir_str *out, const struct mir_trees *t, uint32_t method)
{
    bool narrow = t->only != NULL;
    size_t n_values = (size_t)t->n_leaves * mir_trees_values_per_leaf(t);
    size_t begin = begin_section(out, (narrow ? SECTION_NARROW : SECTION_TREES) + method);

    put(out, t->n_features, 4);
    put(out, t->n_outputs, 4);
    put(out, t->n_trees, 4);
    put(out, t->n_nodes, 4);
    put(out, t->n_leaves, 4);
    put_f32(out, t->scale);
    for (uint32_t k = 0; k < t->n_outputs; k++)
        put_f32(out, t->base[k]);
    for (uint32_t i = 0; i < t->n_trees; i++)
        put(out, t->roots[i], 4);
    for (uint32_t i = 0; i < t->n_trees && narrow; i++)
        put(out, t->only[i], 1);
    for (uint32_t i = 0; i < t->n_nodes; i++)
        put_node(out, &t->nodes[i]);
    for (size_t i = 0; i < n_values; i++)
        put_f32(out, t->values[i]);
    end_section(out, begin);
}

/* Of base, roots, outputs, nodes and values. */
static uint64_t tree_bytes(const struct mir_trees *t, bool narrow)
{
    return 4 * (uint64_t)t->n_outputs + (narrow ? 5 : 4) * (uint64_t)t->n_trees +
           NODE_BYTES * (uint64_t)t->n_nodes +
           4 * (uint64_t)t->n_leaves * (narrow ? 1 : t->n_outputs);
}

static int check_size(const struct mir_wait_model *m, struct mir_error *err)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++)
        n += tree_bytes(&m->trees[i], m->trees[i].only != NULL);
    return n <= MIR_MODEL_BODY_MAX
               ? 0
               : mir_error_set(err, -EFBIG, "the trees are %" PRIu64 " bytes, at most %d", n,
                               MIR_MODEL_BODY_MAX);
}

int mir_model_body_encode(const struct mir_wait_model *m,
                          struct mir_str *out,
                          struct mir_error *err)
{
    int rc;

    if (strcmp(m->origin.feature_set, MIR_WAIT_FEATURE_SET) != 0 ||
        m->n_scores > MIR_MODEL_SCORES_MAX)
        return mir_error_set(err, -EINVAL, "feature set \"%.*s\", %" PRIu32 " scores",
                             MIR_MODEL_TEXT_MAX, m->origin.feature_set, m->n_scores);
    if (check_model(m, err) != 0)
        return -EINVAL;
    rc = check_size(m, err);
    if (rc != 0)
        return rc;
    put_origin(out, &m->origin);
    put_features(out, m);
    put_scores(out, m);
    for (uint32_t i = 0; i < MIR_N_WAIT_METHODS; i++)
        if (m->trees[i].n_trees > 0)
            put_trees(out, &m->trees[i], i);
    return 0;
}

/* ---- Reading */

struct reader {
    const unsigned char *at, *end;
    bool bad;
};

static size_t left_in(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

static uint64_t get(struct reader *r, unsigned n_bytes)
{
    uint64_t v = 0;

    if (left_in(r) < n_bytes) {
        r->bad = true;
        return 0;
    }
    for (unsigned i = 0; i < n_bytes; i++)
        v |= (uint64_t)r->at[i] << 8 * i;
    r->at += n_bytes;
    return v;
}

static uint32_t get_u32(struct reader *r)
{
    return (uint32_t)get(r, 4);
}

static float get_f32(struct reader *r)
{
    uint32_t bits = get_u32(r);
    float v;

    memcpy(&v, &bits, sizeof(v));
    return v;
}

static double get_f64(struct reader *r)
{
    uint64_t bits = get(r, 8);
    double v;

    memcpy(&v, &bits, sizeof(v));
    return v;
}

static void get_text(struct reader *r, char *out, size_t size)
{
    size_t len = (size_t)get(r, 1);

    if (len >= size || len > left_in(r)) {
        r->bad = true;
        return;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (char)r->at[i];
        r->bad |= !is_printable(r->at[i]);
    }
    out[len] = '\0';
    r->at += len;
}

/* The next section, which must be `tag`. */
static struct reader get_section(struct reader *r, uint32_t tag)
{
    bool wrong = get_u32(r) != tag;
    size_t len = get_u32(r);
    struct reader section = {r->at, r->at, true};

    if (wrong || r->bad || len > left_in(r))
        return section;
    section = (struct reader){r->at, r->at + len, false};
    r->at += len;
    return section;
}

/* A section must be read to its end. */
static int end_of(const struct reader *section, const char *name, struct mir_error *err)
{
    if (!section->bad && section->at == section->end)
        return 0;
    return mir_error_set(err, -EBADMSG, "values out of range in its %s", name);
}

/* The feature set first: another one may have another number of everything. */
static int get_origin(struct reader *r, struct mir_model_origin *o, struct mir_error *err)
{
    struct reader s = get_section(r, SECTION_ORIGIN);

    get_text(&s, o->feature_set, sizeof(o->feature_set));
    if (!s.bad && strcmp(o->feature_set, MIR_WAIT_FEATURE_SET) != 0)
        return mir_error_set(err, -ENOEXEC, "trained on feature set \"%s\", this build has \"%s\"",
                             o->feature_set, MIR_WAIT_FEATURE_SET);
    get_text(&s, o->source, sizeof(o->source));
    get_text(&s, o->program, sizeof(o->program));
    o->trained_at = (int64_t)get(&s, 8);
    o->from_at = (int64_t)get(&s, 8);
    o->to_at = (int64_t)get(&s, 8);
    o->seed = get(&s, 8);
    o->n_labels = get(&s, 8);
    o->n_censored = get(&s, 8);
    o->n_nodes = get_u32(&s);
    return end_of(&s, "origin", err);
}

static int get_features(struct reader *r, struct mir_wait_model *m, struct mir_error *err)
{
    struct reader s = get_section(r, SECTION_RANGES);
    int rc;

    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++) {
        m->ranges[i].low = get_f32(&s);
        m->ranges[i].high = get_f32(&s);
        m->ranges[i].median = get_f32(&s);
        m->ranges[i].iqr = get_f32(&s);
    }
    rc = end_of(&s, "ranges", err);
    if (rc != 0)
        return rc;
    s = get_section(r, SECTION_IMPORTANCE);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++)
        m->importance[i] = get_f32(&s);
    return end_of(&s, "importance", err);
}

static int get_scores(struct reader *r, struct mir_wait_model *m, struct mir_error *err)
{
    struct reader s = get_section(r, SECTION_SCORES);

    while (!s.bad && s.at < s.end && m->n_scores < MIR_MODEL_SCORES_MAX) {
        struct mir_model_score *score = &m->scores[m->n_scores++];

        get_text(&s, score->name, sizeof(score->name));
        score->value = get_f64(&s);
    }
    return end_of(&s, "scores", err);
}

static struct mir_tree_node get_node(struct reader *s)
{
    struct mir_tree_node node = {0};

    node.threshold = get_f32(s);
    node.left = get_u32(s);
    node.feature = (uint16_t)get(s, 2);
    node.missing_left = (uint8_t)get(s, 1);
    return node;
}

static void get_arrays(struct reader *s, struct mir_trees *t, bool narrow)
{
    size_t n_values = (size_t)t->n_leaves * (narrow ? 1 : t->n_outputs);

    for (uint32_t k = 0; k < t->n_outputs; k++)
        t->base[k] = get_f32(s);
    t->roots = MIR_NEW_ARRAY(uint32_t, t->n_trees);
    for (uint32_t i = 0; i < t->n_trees; i++)
        t->roots[i] = get_u32(s);
    t->only = narrow ? MIR_NEW_ARRAY(uint8_t, t->n_trees) : NULL;
    for (uint32_t i = 0; i < t->n_trees && narrow; i++)
        t->only[i] = (uint8_t)get(s, 1);
    t->nodes = MIR_NEW_ARRAY(struct mir_tree_node, t->n_nodes);
    for (uint32_t i = 0; i < t->n_nodes; i++)
        t->nodes[i] = get_node(s);
    t->values = MIR_NEW_ARRAY(float, n_values);
    for (size_t i = 0; i < n_values; i++)
        t->values[i] = get_f32(s);
}

static int get_trees(struct reader *s, struct mir_trees *t, bool narrow, struct mir_error *err)
{
    t->n_features = get_u32(s);
    t->n_outputs = get_u32(s);
    t->n_trees = get_u32(s);
    t->n_nodes = get_u32(s);
    t->n_leaves = get_u32(s);
    t->scale = get_f32(s);
    /* The arrays fill what is left exactly, so they are no larger than what was sent. */
    if (s->bad || t->n_trees == 0 || t->n_outputs > MIR_TREES_MAX_OUTPUTS ||
        tree_bytes(t, narrow) != left_in(s))
        s->bad = true;
    else
        get_arrays(s, t, narrow);
    return end_of(s, "trees", err);
}

/* All that is left, methods ascending, each at most once. */
static int get_methods(struct reader *r, struct mir_wait_model *m, struct mir_error *err)
{
    int rc = 0;

    for (unsigned method = 0; method < MIR_N_WAIT_METHODS && rc == 0; method++) {
        struct reader ahead = *r;
        uint32_t tag = get_u32(&ahead);
        struct reader s;

        if (tag != SECTION_TREES + method && tag != SECTION_NARROW + method)
            continue;
        s = get_section(r, tag);
        rc = get_trees(&s, &m->trees[method], tag >= SECTION_NARROW, err);
    }
    if (rc == 0 && left_in(r) > 0)
        rc = mir_error_set(err, -EBADMSG, "a section that this build does not know");
    return rc;
}

int mir_model_body_decode(const void *bytes,
                          size_t len,
                          struct mir_wait_model **out,
                          struct mir_error *err)
{
    struct mir_wait_model *m = mir_wait_model_create();
    struct reader r = {bytes, (const unsigned char *)bytes + len, false};
    int rc = get_origin(&r, &m->origin, err);

    if (rc == 0)
        rc = get_features(&r, m, err);
    if (rc == 0)
        rc = get_scores(&r, m, err);
    if (rc == 0)
        rc = get_methods(&r, m, err);
    if (rc == 0)
        rc = check_model(m, err);
    if (rc == 0)
        *out = mir_wait_model_ref(m);
    mir_wait_model_unref(m);
    return rc;
}
