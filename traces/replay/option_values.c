/* SPDX-License-Identifier: GPL-3.0-or-later */
/* option_values.c - see option_values.h. */
#include "traces/replay/option_values.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

int mir_value_count(const char *what,
                    const char *text,
                    int64_t min,
                    int64_t max,
                    int64_t *out,
                    struct mir_error *err)
{
    int64_t value;

    if (mir_parse_i64(text, strlen(text), &value) != 0 || value < min || value > max)
        return mir_error_set(err, -EINVAL,
                             "%s: '%s' is not a whole number from %" PRId64 " to %" PRId64, what,
                             text, min, max);
    *out = value;
    return 0;
}

int mir_value_duration(const char *what,
                       const char *text,
                       int64_t unit_s,
                       int64_t min_s,
                       int32_t *out_s,
                       struct mir_error *err)
{
    int64_t value_s;
    char least[32];

    if (mir_parse_duration(text, strlen(text), unit_s, &value_s) != 0)
        return mir_error_set(
            err, -EINVAL, "%s: '%s' is not a duration (90s, 30m, 4h, 2d, 2-00:00:00)", what, text);
    if (value_s < min_s)
        return mir_error_set(err, -EINVAL, "%s: '%s' is less than %s", what, text,
                             mir_format_duration(min_s, least));
    if (value_s >= INT32_MAX)
        return mir_error_set(err, -EINVAL, "%s: '%s' is too long", what, text);
    *out_s = (int32_t)value_s;
    return 0;
}

int mir_value_weights(const char *text, struct mir_replay_options *out, struct mir_error *err)
{
    const char *s = text;

    out->n_weights = 0;
    for (;;) {
        size_t len = strcspn(s, ",");
        double w;

        if (mir_parse_f64(s, len, &w) != 0 || w < 0 || w > 1000)
            return mir_error_set(err, -EINVAL,
                                 "--weights: '%.*s' is not a number from 0 to 1000 (1,0.5,0.1)",
                                 (int)(len < 40 ? len : 40), s);
        for (uint32_t i = 0; i < out->n_weights; i++) {
            if (out->weights[i] == w)
                return mir_error_set(err, -EINVAL, "--weights: '%s' has %g twice", text, w);
        }
        if (out->n_weights == MIR_MAX_WEIGHTS)
            return mir_error_set(err, -EINVAL, "--weights: at most %d of them", MIR_MAX_WEIGHTS);
        out->weights[out->n_weights++] = w;
        if (s[len] == '\0')
            return 0;
        s += len + 1;
    }
}

/* ---- --chain */

static int set_name(const char *key, const char *value, char out[64], struct mir_error *err)
{
    size_t len = strlen(value);

    if (len >= 64)
        return mir_error_set(err, -EINVAL, "--chain: %s: '%.20s...' is too long", key, value);
    memcpy(out, value, len + 1);
    return 0;
}

static int set_number(const char *key,
                      const char *value,
                      int64_t min,
                      int64_t max,
                      int64_t *out,
                      struct mir_error *err)
{
    char what[64];

    snprintf(what, sizeof what, "--chain: %s", key);
    return mir_value_count(what, value, min, max, out, err);
}

static int set_chain_key(const char *key,
                         const char *value,
                         struct mir_chain_options *out,
                         struct mir_error *err)
{
    int64_t number = 0;
    int rc;

    /* Bare numbers are minutes here, as sbatch --time reads them. */
    if (strcmp(key, "limit") == 0)
        return mir_value_duration("--chain: limit", value, 60, 1, &out->limit_s, err);
    if (strcmp(key, "run") == 0)
        return mir_value_duration("--chain: run", value, 60, 1, &out->run_s, err);
    if (strcmp(key, "partition") == 0)
        return set_name(key, value, out->partition, err);
    if (strcmp(key, "user") == 0)
        return set_name(key, value, out->user, err);
    if (strcmp(key, "account") == 0)
        return set_name(key, value, out->account, err);
    if (strcmp(key, "qos") == 0)
        return set_name(key, value, out->qos, err);
    if (strcmp(key, "nodes") == 0) {
        rc = set_number(key, value, 1, 1 << 24, &number, err);
        if (rc == 0)
            out->n_nodes = (uint32_t)number;
        return rc;
    }
    if (strcmp(key, "links") == 0) {
        rc = set_number(key, value, 2, MIR_MAX_CHAIN_JOBS, &number, err);
        if (rc == 0)
            out->n_jobs = (uint32_t)number;
        return rc;
    }
    if (strcmp(key, "nice") == 0) {
        rc = set_number(key, value, -2147483645, 2147483645, &number, err);
        if (rc == 0)
            out->nice = (int32_t)number;
        return rc;
    }
    return mir_error_set(err, -EINVAL,
                         "--chain: unknown key '%s' (nodes, limit, links, run, partition, user, "
                         "account, qos, nice)",
                         key);
}

static int set_chain_item(char *item, struct mir_chain_options *out, struct mir_error *err)
{
    char *equals = strchr(item, '=');

    if (equals == NULL || equals[1] == '\0')
        return mir_error_set(err, -EINVAL,
                             "--chain: '%.40s' is not key=value (nodes=8,limit=48h,links=2)", item);
    *equals = '\0';
    return set_chain_key(item, equals + 1, out, err);
}

int mir_value_chain(const char *text, struct mir_chain_options *out, struct mir_error *err)
{
    struct mir_chain_options made = *out;
    char *copy = mir_strdup(text);
    char *rest = copy, *item;
    int rc = 0;

    while (rc == 0 && (item = strsep(&rest, ",")) != NULL)
        rc = set_chain_item(item, &made, err);
    free(copy);
    if (rc == 0 && made.run_s > made.limit_s)
        rc = mir_error_set(err, -EINVAL, "--chain: run is longer than limit");
    if (rc == 0)
        *out = made;
    return rc;
}

/* ---- --set */

int mir_value_setting(const char *text, struct mir_replay_options *out, struct mir_error *err)
{
    struct mir_cluster scratch;
    struct mir_error why = {{0}};
    const char *equals = strchr(text, '=');
    struct mir_setting *s = &out->sets[out->n_sets];

    if (out->n_sets == MIR_MAX_SETS)
        return mir_error_set(err, -EINVAL, "--set: at most %d of them", MIR_MAX_SETS);
    if (equals == text)
        return mir_error_set(err, -EINVAL, "--set: '%s' names no parameter", text);
    s->key = mir_strdup(text);
    if (equals != NULL)
        s->key[equals - text] = '\0';
    /* A flag may be named alone: --set bf_continue. */
    s->value = mir_strdup(equals == NULL ? "" : equals + 1);
    out->n_sets++;
    mir_cluster_init(&scratch, MIR_SCHED_SLURM, 1);
    if (mir_cluster_set(&scratch, s->key, s->value, &why) != 0)
        return mir_error_set(err, -EINVAL, "--set: %s", why.text);
    return 0;
}
