/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json_parts.c - see json_parts.h. */
#include "models/train/json_parts.h"

#include <math.h>

#include "daemon/core/parse.h"
#include "daemon/core/str.h"
#include "traces/replay/report_parts.h"

static char NUMBER_FORMAT[] = "%.9g";

void mir_json_number(struct json_object *to, const char *key, double value)
{
    struct json_object *number = NULL;

    if (isfinite(value)) {
        number = json_object_new_double(value);
        json_object_set_serializer(number, json_object_double_to_json_string, NUMBER_FORMAT, NULL);
    }
    json_object_object_add(to, key, number);
}

void mir_json_text(struct json_object *to, const char *key, const char *text)
{
    json_object_object_add(to, key, text != NULL ? json_object_new_string(text) : NULL);
}

void mir_json_count(struct json_object *to, const char *key, uint64_t n)
{
    json_object_object_add(to, key, json_object_new_uint64(n));
}

void mir_json_time(struct json_object *to, const char *key, int64_t at)
{
    char text[32], with_zone[40];

    snprintf(with_zone, sizeof with_zone, "%sZ", mir_format_time(at, text));
    mir_json_text(to, key, with_zone);
}

struct json_object *mir_json_object(struct json_object *to, const char *key)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(to, key, o);
    return o;
}

struct json_object *mir_json_array(struct json_object *to, const char *key)
{
    struct json_object *a = json_object_new_array();

    json_object_object_add(to, key, a);
    return a;
}

struct json_object *mir_json_item(struct json_object *array)
{
    struct json_object *o = json_object_new_object();

    json_object_array_add(array, o);
    return o;
}

int mir_json_write(FILE *to, struct json_object *root, struct mir_error *err)
{
    struct mir_str s = {0};

    mir_str_add(&s, json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY |
                                                             JSON_C_TO_STRING_NOSLASHESCAPE));
    mir_str_add(&s, "\n");
    json_object_put(root);
    return mir_report_write(to, &s, err);
}
