/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * params.c - the generator's parameters: what makes sense, and as text.
 */
#include "traces/generate/generate.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

enum kind { KIND_U32, KIND_I32, KIND_F64 };

/* The parameters that are one number. */
struct key {
    const char *name;
    enum kind kind;
    size_t offset;
    double low, high; /* both allowed */
    const char *comment;
};

#define FIELD(f) offsetof(struct mir_generate_params, f)

static const struct key keys[] = {
    {"nodes", KIND_U32, FIELD(n_nodes), 1, 1e9, "of the machine"},
    {"users", KIND_U32, FIELD(n_users), 1, 1e5, ""},
    {"accounts", KIND_U32, FIELD(n_accounts), 1, 6e4, "users belong to them in turn"},
    {"classes_per_user", KIND_U32, FIELD(classes_per_user), 1, 64, "shapes that one user uses"},
    {"user_zipf", KIND_F64, FIELD(user_zipf), 0, 5, "user k submits as k^-user_zipf"},
    {"jobs_per_day", KIND_F64, FIELD(jobs_per_day), 1e-6, 1e8, ""},
    {"batch_mean", KIND_F64, FIELD(batch_mean), 1, 1e4, "jobs submitted in one go"},
    {"batch_gap_s", KIND_F64, FIELD(batch_gap_s), 0, 86400, "between two of them"},
    {"repeat_share", KIND_F64, FIELD(repeat_share), 0, 1, "jobs that run like the last alike"},
    {"week_spread", KIND_F64, FIELD(week_spread), 0, 1, "weekly load is within 1 -+ this"},
    {"fail_max_s", KIND_I32, FIELD(fail_max_s), 1, 86400, "longest run that counts as failed"},
};

enum { N_KEYS = sizeof keys / sizeof *keys, MAX_TOKENS = 24 };

static double get_number(const struct mir_generate_params *p, const struct key *key)
{
    const char *at = (const char *)p + key->offset;

    switch (key->kind) {
    case KIND_U32:
        return *(const uint32_t *)(const void *)at;
    case KIND_I32:
        return *(const int32_t *)(const void *)at;
    case KIND_F64:
        break;
    }
    return *(const double *)(const void *)at;
}

/* `v` is within the key's range. */
static void set_number(struct mir_generate_params *p, const struct key *key, double v)
{
    char *at = (char *)p + key->offset;

    switch (key->kind) {
    case KIND_U32:
        *(uint32_t *)(void *)at = (uint32_t)v;
        break;
    case KIND_I32:
        *(int32_t *)(void *)at = (int32_t)v;
        break;
    case KIND_F64:
        *(double *)(void *)at = v;
        break;
    }
}

/* Written so that nan is outside. */
static bool within(double v, double low, double high)
{
    return v >= low && v <= high;
}

static const char *shape_fault(const struct mir_generate_shape *s)
{
    double m = s->ratio_mean;

    if (s->n_nodes < 1 || s->limit_s < 1 || s->limit_s == MIR_UNLIMITED)
        return "nodes or limit is not positive";
    if (!within(s->share, 0, 1e12))
        return "share is negative";
    if (!within(s->hit_share, 0, 1) || !within(s->fail_share, 0, 1) ||
        s->hit_share + s->fail_share > 1 + 1e-9)
        return "hit and fail shares are not parts of 1";
    if (!within(m, 0, 1) || !within(s->ratio_sd, 0, 1) || s->ratio_sd * s->ratio_sd > m * (1 - m))
        return "no run/limit ratio has this mean and standard deviation";
    return NULL;
}

static int check_shapes(const struct mir_generate_params *p, struct mir_error *err)
{
    double shares = 0;

    if (p->n_shapes < 1 || p->n_shapes > MIR_GENERATE_MAX_SHAPES)
        return mir_error_set(err, -EINVAL, "shape: there are none, or too many");
    for (uint32_t i = 0; i < p->n_shapes; i++) {
        const char *fault = shape_fault(&p->shapes[i]);

        if (fault != NULL)
            return mir_error_set(err, -EINVAL, "shape %u: %s", i + 1, fault);
        if (p->shapes[i].n_nodes > p->n_nodes)
            return mir_error_set(err, -EINVAL, "shape %u: more nodes than the machine's %u", i + 1,
                                 p->n_nodes);
        shares += p->shapes[i].share;
    }
    return shares > 0 ? 0 : mir_error_set(err, -EINVAL, "shape: the shares are all 0");
}

static int check_factors(const char *name, const double *f, size_t n, struct mir_error *err)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        if (!within(f[i], 0, 1e6))
            return mir_error_set(err, -EINVAL, "%s: a factor is negative or absurd", name);
        sum += f[i];
    }
    return sum > 0 ? 0 : mir_error_set(err, -EINVAL, "%s: the factors are all 0", name);
}

int mir_generate_check(const struct mir_generate_params *params, struct mir_error *err)
{
    int rc;

    for (size_t i = 0; i < N_KEYS; i++) {
        const struct key *k = &keys[i];

        if (!within(get_number(params, k), k->low, k->high))
            return mir_error_set(err, -EINVAL, "%s: not between %g and %g", k->name, k->low,
                                 k->high);
    }
    rc = check_factors("hour_factor", params->hour_factor, 24, err);
    if (rc == 0)
        rc = check_factors("weekday_factor", params->weekday_factor, 7, err);
    return rc != 0 ? rc : check_shapes(params, err);
}

/* Scaling by what is 1 but for rounding would change the last bits at each call. */
static double scale_to(double sum, double want)
{
    return fabs(sum - want) < 1e-9 * want ? 1 : want / sum;
}

static void scale_factors(double *f, size_t n)
{
    double sum = 0, scale;

    for (size_t i = 0; i < n; i++)
        sum += f[i];
    scale = scale_to(sum, (double)n);
    for (size_t i = 0; i < n; i++)
        f[i] *= scale;
}

void mir_generate_normalise(struct mir_generate_params *params)
{
    double shares = 0, scale;

    scale_factors(params->hour_factor, 24);
    scale_factors(params->weekday_factor, 7);
    for (uint32_t i = 0; i < params->n_shapes; i++)
        shares += params->shapes[i].share;
    scale = scale_to(shares, 1);
    for (uint32_t i = 0; i < params->n_shapes; i++)
        params->shapes[i].share *= scale;
}

/* The shortest decimal that is read back as the same number. */
static void write_number(FILE *to, double v)
{
    char text[40];

    for (int digits = 3; digits <= 17; digits++) {
        double back;
        int len = snprintf(text, sizeof text, "%.*g", digits, v);

        if (mir_parse_f64(text, (size_t)len, &back) == 0 && !(back > v || back < v))
            break;
    }
    fputs(text, to);
}

static void write_limit(FILE *to, int32_t limit_s)
{
    if (limit_s % 3600 == 0)
        fprintf(to, "%dh", limit_s / 3600);
    else if (limit_s % 60 == 0)
        fprintf(to, "%dm", limit_s / 60);
    else
        fprintf(to, "%ds", limit_s);
}

static void write_factors(FILE *to, const char *name, const double *f, size_t n)
{
    fprintf(to, "%s =", name);
    for (size_t i = 0; i < n; i++) {
        fputc(' ', to);
        write_number(to, f[i]);
    }
    fputc('\n', to);
}

static void write_shape(FILE *to, const struct mir_generate_shape *s)
{
    const double numbers[] = {
        s->share, s->hit_share, s->fail_share, s->ratio_mean, s->ratio_sd,
    };

    fprintf(to, "shape = %u ", s->n_nodes);
    write_limit(to, s->limit_s);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        fputc(' ', to);
        write_number(to, numbers[i]);
    }
    fputc('\n', to);
}

int mir_generate_params_write(FILE *to,
                              const struct mir_generate_params *params,
                              struct mir_error *err)
{
    fputs("# Mirage: parameters of a synthetic workload\n", to);
    for (size_t i = 0; i < N_KEYS; i++) {
        fprintf(to, "%s = ", keys[i].name);
        write_number(to, get_number(params, &keys[i]));
        fprintf(to, "%s%s\n", keys[i].comment[0] != '\0' ? "  # " : "", keys[i].comment);
    }
    fputs("\n# Arrival rate by hour of the day (from 0) and day of the week (from Monday)\n", to);
    write_factors(to, "hour_factor", params->hour_factor, 24);
    write_factors(to, "weekday_factor", params->weekday_factor, 7);
    fputs("\n# What is asked for, and what is used of it: share of the jobs, those that hit the\n"
          "# limit, those that fail at once, mean and sd of run/limit of the rest\n"
          "# nodes limit share hit fail ratio_mean ratio_sd\n",
          to);
    for (uint32_t i = 0; i < params->n_shapes; i++)
        write_shape(to, &params->shapes[i]);
    return ferror(to) ? mir_error_set(err, -EIO, "cannot write the parameters") : 0;
}

struct token {
    const char *s;
    size_t len;
};

/* A line being read, and where it is. */
struct line {
    const char *name;
    size_t number;
    struct token key;
    struct token tokens[MAX_TOKENS];
    size_t n_tokens; /* MAX_TOKENS + 1: too many */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool token_is(struct token t, const char *text)
{
    return t.len == strlen(text) && memcmp(t.s, text, t.len) == 0;
}

static int line_error(const struct line *l, struct mir_error *err, const char *reason)
{
    int len = l->key.len < 40 ? (int)l->key.len : 40;

    return mir_error_set(err, -EINVAL, "%s:%zu: %.*s: %s", l->name, l->number, len, l->key.s,
                         reason);
}

/* Divide "key = a b c # comment"; key.len is 0 for a line that says nothing. */
static int line_split(struct line *l, const char *s, size_t len, struct mir_error *err)
{
    const char *hash = memchr(s, '#', len);
    const char *end = hash != NULL ? hash : s + len, *equals;

    while (end > s && is_blank(end[-1]))
        end--;
    while (s < end && is_blank(*s))
        s++;
    l->key = (struct token){s, 0};
    l->n_tokens = 0;
    if (s == end)
        return 0;
    equals = memchr(s, '=', (size_t)(end - s));
    if (equals == NULL)
        return mir_error_set(err, -EINVAL, "%s:%zu: not key = value", l->name, l->number);
    l->key.len = (size_t)(equals - s);
    while (l->key.len > 0 && is_blank(l->key.s[l->key.len - 1]))
        l->key.len--;
    if (l->key.len == 0)
        return mir_error_set(err, -EINVAL, "%s:%zu: not key = value", l->name, l->number);
    for (s = equals + 1; s < end && l->n_tokens <= MAX_TOKENS;) {
        const char *from;

        while (s < end && is_blank(*s))
            s++;
        from = s;
        while (s < end && !is_blank(*s))
            s++;
        if (l->n_tokens < MAX_TOKENS)
            l->tokens[l->n_tokens] = (struct token){from, (size_t)(s - from)};
        l->n_tokens++;
    }
    return 0;
}

static int parse_factors(const struct line *l, double *f, size_t n, struct mir_error *err)
{
    if (l->n_tokens != n)
        return line_error(l, err, "not the right number of factors");
    for (size_t i = 0; i < n; i++) {
        if (mir_parse_f64(l->tokens[i].s, l->tokens[i].len, &f[i]) != 0)
            return line_error(l, err, "not a number");
    }
    return 0;
}

static int parse_shape(const struct line *l, struct mir_generate_params *p, struct mir_error *err)
{
    struct mir_generate_shape s;
    double *const numbers[] = {
        &s.share, &s.hit_share, &s.fail_share, &s.ratio_mean, &s.ratio_sd,
    };
    int64_t nodes, limit_s;
    const char *fault;

    if (l->n_tokens != 7)
        return line_error(l, err, "expected nodes limit share hit fail ratio_mean ratio_sd");
    if (p->n_shapes == MIR_GENERATE_MAX_SHAPES)
        return line_error(l, err, "too many shapes");
    if (mir_parse_i64(l->tokens[0].s, l->tokens[0].len, &nodes) != 0 || nodes < 1 ||
        nodes > UINT32_MAX)
        return line_error(l, err, "not a number of nodes");
    if (mir_parse_duration(l->tokens[1].s, l->tokens[1].len, 1, &limit_s) != 0 || limit_s < 1 ||
        limit_s >= MIR_UNLIMITED)
        return line_error(l, err, "not a limit");
    s.n_nodes = (uint32_t)nodes;
    s.limit_s = (int32_t)limit_s;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (mir_parse_f64(l->tokens[i + 2].s, l->tokens[i + 2].len, numbers[i]) != 0)
            return line_error(l, err, "not a number");
    }
    fault = shape_fault(&s);
    if (fault != NULL)
        return line_error(l, err, fault);
    p->shapes[p->n_shapes++] = s;
    return 0;
}

static int parse_scalar(const struct line *l,
                        const struct key *key,
                        struct mir_generate_params *p,
                        struct mir_error *err)
{
    double v;

    if (l->n_tokens != 1 || mir_parse_f64(l->tokens[0].s, l->tokens[0].len, &v) != 0)
        return line_error(l, err, "not a number");
    if (key->kind != KIND_F64 && (v > floor(v) || v < floor(v)))
        return line_error(l, err, "not a whole number");
    if (!within(v, key->low, key->high))
        return mir_error_set(err, -EINVAL, "%s:%zu: %s: not between %g and %g", l->name, l->number,
                             key->name, key->low, key->high);
    set_number(p, key, v);
    return 0;
}

static int parse_line(const struct line *l, struct mir_generate_params *p, struct mir_error *err)
{
    if (token_is(l->key, "hour_factor"))
        return parse_factors(l, p->hour_factor, 24, err);
    if (token_is(l->key, "weekday_factor"))
        return parse_factors(l, p->weekday_factor, 7, err);
    if (token_is(l->key, "shape"))
        return parse_shape(l, p, err);
    for (size_t i = 0; i < N_KEYS; i++) {
        if (token_is(l->key, keys[i].name))
            return parse_scalar(l, &keys[i], p, err);
    }
    return line_error(l, err, "no such parameter");
}

static int parse_lines(const char *name,
                       const char *text,
                       size_t len,
                       struct mir_generate_params *p,
                       struct mir_error *err)
{
    struct line l = {.name = name};
    int rc = 0;

    while (rc == 0 && len > 0) {
        const char *newline = memchr(text, '\n', len);
        size_t n = newline != NULL ? (size_t)(newline - text) : len;
        size_t step = newline != NULL ? n + 1 : n;

        l.number++;
        rc = line_split(&l, text, n, err);
        if (rc == 0 && l.key.len > 0)
            rc = parse_line(&l, p, err);
        text += step;
        len -= step;
    }
    return rc;
}

int mir_generate_params_parse(const char *name,
                              const char *text,
                              size_t len,
                              struct mir_generate_params *out,
                              struct mir_error *err)
{
    struct mir_generate_params p, standard;
    struct mir_error fault;
    int rc;

    mir_generate_default(&standard);
    p = standard;
    p.n_shapes = 0;
    rc = parse_lines(name, text, len, &p, err);
    if (rc != 0)
        return rc;
    if (p.n_shapes == 0) {
        memcpy(p.shapes, standard.shapes, sizeof p.shapes);
        p.n_shapes = standard.n_shapes;
    }
    rc = mir_generate_check(&p, &fault);
    if (rc != 0)
        return mir_error_set(err, rc, "%s: %s", name, fault.text);
    *out = p;
    return 0;
}

int mir_generate_params_read(const char *path,
                             struct mir_generate_params *out,
                             struct mir_error *err)
{
    enum { MAX_BYTES = 1 << 20 };
    FILE *from = fopen(path, "re");
    char *text;
    size_t len;
    int rc;

    if (from == NULL) {
        rc = -errno;
        return mir_error_set(err, rc, "%s: %s", path, strerror(-rc));
    }
    text = MIR_NEW_ARRAY(char, MAX_BYTES);
    len = fread(text, 1, MAX_BYTES, from);
    if (ferror(from))
        rc = mir_error_set(err, -EIO, "%s: cannot be read", path);
    else if (len == MAX_BYTES)
        rc = mir_error_set(err, -EINVAL, "%s: too large for a parameter file", path);
    else
        rc = mir_generate_params_parse(path, text, len, out, err);
    fclose(from);
    free(text);
    return rc;
}
