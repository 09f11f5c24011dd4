/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json.c - fields of the daemon's answers, whatever type they turn out to have. */
#include "daemon/cli/cli.h"

#include <math.h>

static struct json_object *field(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;

    if (json_object_is_type(o, json_type_object))
        (void)json_object_object_get_ex(o, key, &value);
    return value;
}

const char *mir_json_text(struct json_object *o, const char *key)
{
    struct json_object *value = field(o, key);

    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

int64_t mir_json_int(struct json_object *o, const char *key, int64_t otherwise)
{
    struct json_object *value = field(o, key);
    bool number =
        json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);

    return number ? json_object_get_int64(value) : otherwise;
}

double mir_json_number(struct json_object *o, const char *key)
{
    struct json_object *value = field(o, key);
    bool number =
        json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);

    return number ? json_object_get_double(value) : (double)NAN;
}

bool mir_json_bool(struct json_object *o, const char *key)
{
    struct json_object *value = field(o, key);

    return json_object_is_type(value, json_type_boolean) && json_object_get_boolean(value);
}

struct json_object *mir_json_list(struct json_object *o, const char *key)
{
    struct json_object *value = field(o, key);

    return json_object_is_type(value, json_type_array) ? value : NULL;
}

struct json_object *mir_json_object(struct json_object *o, const char *key)
{
    struct json_object *value = field(o, key);

    return json_object_is_type(value, json_type_object) ? value : NULL;
}

size_t mir_json_count(struct json_object *list)
{
    return list != NULL ? json_object_array_length(list) : 0;
}
