/* SPDX-License-Identifier: GPL-3.0-or-later */
/* options.c - a policy's key=value options, by table. */
#include "plugins/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/core/parse.h"

static const struct mir_option_rule *
find_rule(const struct mir_option_rule *rules, size_t n_rules, const char *key)
{
    for (size_t i = 0; i < n_rules; i++) {
        if (strcmp(rules[i].key, key) == 0)
            return &rules[i];
    }
    return NULL;
}

static int unknown_key(const char *key,
                       const struct mir_option_rule *rules,
                       size_t n_rules,
                       struct mir_error *err)
{
    char known[256] = "";
    size_t len = 0;

    for (size_t i = 0; i < n_rules && len < sizeof(known); i++) {
        int n = snprintf(known + len, sizeof(known) - len, "%s%s", i > 0 ? ", " : "", rules[i].key);
        len += (size_t)n;
    }
    if (n_rules == 0)
        return mir_error_set(err, -EINVAL, "unknown option \"%s\": there are none", key);
    return mir_error_set(err, -EINVAL, "unknown option \"%s\"; known: %s", key, known);
}

/* Refuse a second item for what an earlier one has set already. */
static int check_once(const struct mirage_options *options,
                      uint32_t item,
                      const struct mir_option_rule *rule,
                      const struct mir_option_rule *rules,
                      size_t n_rules,
                      struct mir_error *err)
{
    for (uint32_t i = 0; i < item; i++) {
        const struct mir_option_rule *earlier = find_rule(rules, n_rules, options->items[i].key);
        if (earlier == rule)
            return mir_error_set(err, -EINVAL, "option %s is given twice", rule->key);
        if (earlier->out == rule->out)
            return mir_error_set(err, -EINVAL, "give one of %s and %s, not both", earlier->key,
                                 rule->key);
    }
    return 0;
}

static int
out_of_range(const struct mir_option_rule *rule, const char *value, struct mir_error *err)
{
    const char *unit = rule->type == MIR_OPTION_DURATION ? " seconds" : "";

    return mir_error_set(err, -EINVAL, "option %s=%s is out of range: %g to %g%s", rule->key, value,
                         rule->min, rule->max, unit);
}

static int convert(const struct mir_option_rule *rule, const char *value, struct mir_error *err)
{
    size_t len = strlen(value);
    double real = 0;
    int64_t whole = 0;
    int rc;

    if (rule->type == MIR_OPTION_REAL) {
        rc = mir_parse_f64(value, len, &real);
    } else if (rule->type == MIR_OPTION_COUNT) {
        rc = mir_parse_i64(value, len, &whole);
        real = (double)whole;
    } else {
        rc = mir_parse_duration(value, len, rule->unit_s, &whole);
        real = (double)whole;
    }
    if (rc == -ERANGE)
        return out_of_range(rule, value, err);
    if (rc != 0)
        return mir_error_set(err, -EINVAL, "option %s: \"%s\" is not a %s", rule->key, value,
                             rule->type == MIR_OPTION_REAL    ? "number"
                             : rule->type == MIR_OPTION_COUNT ? "whole number"
                                                              : "duration");
    if (!(real >= rule->min && real <= rule->max))
        return out_of_range(rule, value, err);
    if (rule->type == MIR_OPTION_REAL)
        *(double *)rule->out = real;
    else if (rule->type == MIR_OPTION_COUNT)
        *(uint32_t *)rule->out = (uint32_t)whole;
    else
        *(int64_t *)rule->out = whole;
    return 0;
}

int mir_options_parse(const struct mirage_options *options,
                      const struct mir_option_rule *rules,
                      size_t n_rules,
                      struct mir_error *err)
{
    for (uint32_t i = 0; i < options->n_items; i++) {
        const struct mirage_option *item = &options->items[i];
        const struct mir_option_rule *rule = find_rule(rules, n_rules, item->key);
        int rc;

        if (rule == NULL)
            return unknown_key(item->key, rules, n_rules, err);
        rc = check_once(options, i, rule, rules, n_rules, err);
        if (rc == 0)
            rc = convert(rule, item->value, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}
