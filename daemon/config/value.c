/* SPDX-License-Identifier: GPL-3.0-or-later */
/* value.c - values of mirage.conf: checked, stored, written. */
#include "daemon/config/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"

enum {
    PATH_LEN_MAX = 1023,
    NAME_LEN_MAX = 255,
    POLICY_LEN_MAX = 127, /* what a journal row and a view hold */
    LIST_LEN_MAX = 10000,
};

static const char *const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool only_of(const char *text, const char *further)
{
    for (; *text != '\0'; text++) {
        if (strchr(letters, *text) == NULL && strchr(further, *text) == NULL)
            return false;
    }
    return true;
}

static bool is_name(const char *text)
{
    return text[0] != '\0' && text[0] != '-' && strlen(text) <= NAME_LEN_MAX &&
           only_of(text, "_-.@+$\\");
}

static bool is_path(const char *text, size_t len_max)
{
    return text[0] == '/' && strlen(text) <= len_max && strstr(text, "/../") == NULL;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);

    while (choices != NULL) {
        const char *bar = strchr(choices, '|');

        if (len == (bar != NULL ? (size_t)(bar - choices) : strlen(choices)) &&
            memcmp(choices, text, len) == 0)
            return true;
        choices = bar != NULL ? bar + 1 : NULL;
    }
    return false;
}

static bool is_zone(const char *text)
{
    struct mir_zone *zone = NULL;

    if (text[0] == '\0')
        return true;
    if (mir_zone_create(text, &zone) != 0)
        return false;
    mir_zone_destroy(zone);
    return true;
}

/* 127.0.0.0/8 in four numbers. */
static bool is_loopback_v4(const char *text, size_t len)
{
    int64_t part, n = 0;

    while (len > 0) {
        const char *dot = memchr(text, '.', len);
        size_t part_len = dot != NULL ? (size_t)(dot - text) : len;

        if (part_len > 3 || mir_parse_i64(text, part_len, &part) != 0 || part < 0 || part > 255 ||
            !isdigit((unsigned char)text[0]) || (n == 0 && part != 127))
            return false;
        n++;
        text += part_len + 1;
        len -= dot != NULL ? part_len + 1 : part_len;
    }
    return n == 4;
}

static bool is_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    size_t len;

    if (text[0] == '\0')
        return true;
    if (colon == NULL || !isdigit((unsigned char)colon[1]) ||
        mir_parse_i64(colon + 1, strlen(colon + 1), &port) != 0 || port < 1 || port > 65535)
        return false;
    len = (size_t)(colon - text);
    return is_loopback_v4(text, len) || (len == 5 && memcmp(text, "[::1]", 5) == 0) ||
           (len == 9 && memcmp(text, "localhost", 9) == 0);
}

static bool is_policy(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    }
    return text[0] != '\0' && strlen(text) <= POLICY_LEN_MAX;
}

static bool is_text(const struct mir_config_row *row, const char *text)
{
    bool may_be_empty = row->min < 1;

    switch (row->type) {
    case MIR_CONFIG_CHOICE:
        return is_choice(row->choices, text);
    case MIR_CONFIG_POLICY:
        return is_policy(text);
    case MIR_CONFIG_NAME:
    case MIR_CONFIG_NAMES:
        return is_name(text);
    case MIR_CONFIG_PATH:
        return (text[0] == '\0' && may_be_empty) || is_path(text, PATH_LEN_MAX);
    case MIR_CONFIG_SOCKET:
        return is_path(text, sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
    case MIR_CONFIG_ZONE:
        return is_zone(text);
    case MIR_CONFIG_LISTEN:
        return is_listen(text);
    case MIR_CONFIG_HOSTS:
        return text[0] != '\0' && strlen(text) <= NAME_LEN_MAX && only_of(text, "-.:[]_");
    default:
        return false;
    }
}

static bool parse_bool(const char *text, bool *out)
{
    if (is_choice("true|yes|on", text))
        *out = true;
    else if (is_choice("false|no|off", text))
        *out = false;
    else
        return false;
    return true;
}

static bool parse_number(const struct mir_config_row *row, const char *text, double *out)
{
    size_t len = strlen(text);
    int64_t n;
    int rc;

    if (row->type == MIR_CONFIG_REAL) {
        rc = mir_parse_f64(text, len, out);
    } else {
        rc = row->type == MIR_CONFIG_DURATION ? mir_parse_duration(text, len, 1, &n)
                                              : mir_parse_i64(text, len, &n);
        *out = rc == 0 ? (double)n : 0;
    }
    return rc == 0 && *out >= row->min && *out <= row->max;
}

static bool set_scalar(const struct mir_config_row *row, void *field, const char *text)
{
    double x;

    switch (row->type) {
    case MIR_CONFIG_BOOL:
        return parse_bool(text, field);
    case MIR_CONFIG_REAL:
        return parse_number(row, text, &x) && (*(double *)field = x, true);
    case MIR_CONFIG_DURATION:
    case MIR_CONFIG_COUNT:
        return parse_number(row, text, &x) && (*(int32_t *)field = (int32_t)x, true);
    case MIR_CONFIG_UID:
        return parse_number(row, text, &x) && (*(uint32_t *)field = (uint32_t)x, true);
    default:
        if (!is_text(row, text))
            return false;
        free(*(char **)field);
        *(char **)field = mir_strdup(text);
        return true;
    }
}

static void release_list(char **list)
{
    for (char **item = list; item != NULL && *item != NULL; item++)
        free(*item);
    free((void *)list);
}

static int refuse(const struct mir_config_row *row, const char *value, struct mir_error *err)
{
    struct mir_str expected = {0};

    mir_config_value_expect(row, &expected);
    (void)mir_error_set(err, 0, "%s: expected %s, not '%.60s%s'", row->key, expected.text, value,
                        strlen(value) > 60 ? "..." : "");
    mir_str_release(&expected);
    return -EINVAL;
}

static int set_list(const struct mir_config_row *row,
                    char ***field,
                    const char *const *values,
                    size_t n,
                    struct mir_error *err)
{
    char **list;

    if (n > LIST_LEN_MAX)
        return mir_error_set(err, -EINVAL, "%s: more than %d names", row->key, LIST_LEN_MAX);
    for (size_t i = 0; i < n; i++) {
        if (values[i][0] == '\0')
            return mir_error_set(err, -EINVAL, "%s: an empty name", row->key);
        if (!is_text(row, values[i]))
            return refuse(row, values[i], err);
    }
    list = mir_alloc(n + 1, sizeof(*list));
    for (size_t i = 0; i < n; i++)
        list[i] = mir_strdup(values[i]);
    release_list(*field);
    *field = list;
    return 0;
}

bool mir_config_is_list(const struct mir_config_row *row)
{
    return row->type == MIR_CONFIG_NAMES || row->type == MIR_CONFIG_HOSTS;
}

int mir_config_value_set(const struct mir_config_row *row,
                         void *base,
                         const char *const *values,
                         size_t n_values,
                         struct mir_error *err)
{
    void *field = (char *)base + row->offset;

    if (mir_config_is_list(row))
        return set_list(row, field, values, n_values, err);
    if (n_values != 1)
        return mir_error_set(err, -EINVAL, "%s: expected one value", row->key);
    return set_scalar(row, field, values[0]) ? 0 : refuse(row, values[0], err);
}

static void add_choices(const char *choices, struct mir_str *out)
{
    while (choices != NULL) {
        const char *bar = strchr(choices, '|');

        if (bar == NULL) {
            mir_str_add(out, choices);
            return;
        }
        mir_str_add_n(out, choices, (size_t)(bar - choices));
        mir_str_add(out, strchr(bar + 1, '|') != NULL ? ", " : " or ");
        choices = bar + 1;
    }
}

/* The largest unit that says it exactly. */
static void add_duration(int64_t s, struct mir_str *out)
{
    static const struct {
        int64_t s;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (s == 0 ? i < 3 : s % units[i].s != 0)
        i++;
    mir_str_addf(out, "%lld%c", (long long)(s / units[i].s), units[i].letter);
}

void mir_config_value_expect(const struct mir_config_row *row, struct mir_str *out)
{
    switch (row->type) {
    case MIR_CONFIG_CHOICE:
        add_choices(row->choices, out);
        break;
    case MIR_CONFIG_BOOL:
        mir_str_add(out, "true or false");
        break;
    case MIR_CONFIG_DURATION:
        mir_str_add(out, "a duration from ");
        add_duration((int64_t)row->min, out);
        mir_str_add(out, " to ");
        add_duration((int64_t)row->max, out);
        break;
    case MIR_CONFIG_COUNT:
    case MIR_CONFIG_UID:
        mir_str_addf(out, "a whole number from %.0f to %.0f", row->min, row->max);
        break;
    case MIR_CONFIG_REAL:
        mir_str_addf(out, "a number from %.0f to %.0f", row->min, row->max);
        break;
    case MIR_CONFIG_PATH:
        mir_str_add(out, "an absolute path");
        break;
    case MIR_CONFIG_SOCKET:
        mir_str_addf(out, "an absolute path of at most %zu bytes",
                     sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
        break;
    case MIR_CONFIG_ZONE:
        mir_str_add(out, "a time zone such as Europe/Zurich");
        break;
    case MIR_CONFIG_LISTEN:
        mir_str_add(out, "a loopback address with a port such as 127.0.0.1:8642");
        break;
    case MIR_CONFIG_POLICY:
        mir_str_addf(out, "a policy, up to %d characters", POLICY_LEN_MAX);
        break;
    default:
        mir_str_add(out, "a name");
        break;
    }
}

/* Bare where the scanner would read it back as one word. */
static void add_text(const char *text, struct mir_str *out)
{
    if (text[0] != '\0' && only_of(text, "_-.:/@") && strstr(text, "//") == NULL) {
        mir_str_add(out, text);
        return;
    }
    mir_str_add(out, "'");
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            mir_str_add(out, "\\");
        mir_str_add_n(out, text, 1);
    }
    mir_str_add(out, "'");
}

void mir_config_value_format(const struct mir_config_row *row,
                             const void *base,
                             struct mir_str *out)
{
    const void *field = (const char *)base + row->offset;
    char *const *list;

    switch (row->type) {
    case MIR_CONFIG_BOOL:
        mir_str_add(out, *(const bool *)field ? "true" : "false");
        break;
    case MIR_CONFIG_REAL:
        mir_str_addf(out, "%.15g", *(const double *)field);
        break;
    case MIR_CONFIG_DURATION:
        add_duration(*(const int32_t *)field, out);
        break;
    case MIR_CONFIG_COUNT:
        mir_str_addf(out, "%d", (int)*(const int32_t *)field);
        break;
    case MIR_CONFIG_UID:
        mir_str_addf(out, "%u", (unsigned)*(const uint32_t *)field);
        break;
    case MIR_CONFIG_NAMES:
    case MIR_CONFIG_HOSTS:
        list = *(char *const *const *)field;
        mir_str_add(out, "{");
        for (size_t i = 0; list[i] != NULL; i++) {
            mir_str_add(out, i > 0 ? ", " : "");
            add_text(list[i], out);
        }
        mir_str_add(out, "}");
        break;
    default:
        add_text(*(char *const *)field, out);
        break;
    }
}

void mir_config_value_release(const struct mir_config_row *row, void *base)
{
    void *field = (char *)base + row->offset;

    switch (row->type) {
    case MIR_CONFIG_REAL:
    case MIR_CONFIG_DURATION:
    case MIR_CONFIG_COUNT:
    case MIR_CONFIG_UID:
    case MIR_CONFIG_BOOL:
        break;
    case MIR_CONFIG_NAMES:
    case MIR_CONFIG_HOSTS:
        release_list(*(char ***)field);
        break;
    default:
        free(*(char **)field);
        break;
    }
}

int mir_config_name_check(const char *name, struct mir_error *err)
{
    if (is_name(name))
        return 0;
    return mir_error_set(err, -EINVAL, "expected the name of a partition, not '%.60s'", name);
}
