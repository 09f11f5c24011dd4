/* SPDX-License-Identifier: GPL-3.0-or-later */
/* body.c - what a POST says: JSON to a command. */
#include "daemon/http/body.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <json-c/json.h>

#include "daemon/core/alloc.h"

enum { DEPTH_MAX = 16 };

/* The two numbers above mean "no value" and "infinite" where job ids come from. */
static const int64_t job_id_max = INT64_C(0xfffffffd);

static int read_job(struct json_object *value, struct mir_body *out, struct mir_error *err)
{
    int64_t job_id;

    if (!json_object_is_type(value, json_type_int))
        return mir_error_set(err, -EINVAL, "job: a number is expected");
    job_id = json_object_get_int64(value); /* what does not fit comes as the largest: refused */
    if (job_id < 1 || job_id > job_id_max)
        return mir_error_set(err, -EINVAL, "job: no such number can be a job");
    out->command.job_id = (uint32_t)job_id;
    return 0;
}

static bool is_printable_ascii(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] < ' ' || s[i] > '~')
            return false;
    }
    return true;
}

/* A string without control characters or what hides behind a NUL; NULL otherwise. */
static const char *plain_string(struct json_object *value, size_t *len)
{
    const char *s;

    if (!json_object_is_type(value, json_type_string))
        return NULL;
    s = json_object_get_string(value);
    *len = (size_t)json_object_get_string_len(value);
    return is_printable_ascii(s, *len) ? s : NULL;
}

static int read_options(struct json_object *value, struct mir_body *out, struct mir_error *err)
{
    size_t len = 0;
    const char *s = plain_string(value, &len);

    if (s == NULL)
        return mir_error_set(err, -EINVAL, "options: one line of printable ASCII is expected");
    if (len >= sizeof(out->command.options))
        return mir_error_set(err, -EINVAL, "options: longer than 511 bytes");
    memcpy(out->command.options, s, len + 1);
    return 0;
}

static int read_environment(struct json_object *value, struct mir_body *out, struct mir_error *err)
{
    size_t len = 0;
    const char *s;

    if (value == NULL)
        return 0;
    s = plain_string(value, &len);
    if (s == NULL || strncmp(s, "MUNGE:", 6) != 0)
        return mir_error_set(err, -EINVAL, "environment: a munge credential is expected");
    if (len > MIR_BODY_ENVIRONMENT_MAX)
        return mir_error_set(err, -EMSGSIZE, "environment: longer than 1 MB");
    /* Given twice, json-c keeps the last only: this is called once per object. */
    out->environment = mir_strdup(s);
    out->command.munged_environment = out->environment;
    return 0;
}

static int
read_keep_successor(struct json_object *value, struct mir_body *out, struct mir_error *err)
{
    if (!json_object_is_type(value, json_type_boolean))
        return mir_error_set(err, -EINVAL, "keep_successor: true or false is expected");
    out->command.keep_successor = json_object_get_boolean(value) != 0;
    return 0;
}

static int read_file(struct json_object *value, struct mir_body *out, struct mir_error *err)
{
    size_t len = 0;
    const char *s = plain_string(value, &len);

    if (s == NULL || s[0] != '/' || len >= sizeof(out->command.file))
        return mir_error_set(err, -EINVAL, "file: an absolute path in ASCII is expected");
    memcpy(out->command.file, s, len + 1);
    return 0;
}

static int read_force(struct json_object *value, struct mir_body *out, struct mir_error *err)
{
    if (!json_object_is_type(value, json_type_boolean))
        return mir_error_set(err, -EINVAL, "force: true or false is expected");
    out->command.force = json_object_get_boolean(value) != 0;
    return 0;
}

static const struct key {
    enum mir_command_verb verb;
    const char *name;
    int (*read)(struct json_object *value, struct mir_body *out, struct mir_error *err);
} keys[] = {
    {MIR_ENROLL, "job", read_job},
    {MIR_ENROLL, "options", read_options},
    {MIR_ENROLL, "environment", read_environment},
    {MIR_STOP, "keep_successor", read_keep_successor},
    {MIR_MODEL_INSTALL, "file", read_file},
    {MIR_MODEL_INSTALL, "force", read_force},
};

static int
read_key(const char *name, struct json_object *value, struct mir_body *out, struct mir_error *err)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].verb == out->command.verb && strcmp(keys[i].name, name) == 0)
            return keys[i].read(value, out, err);
    }
    return mir_error_set(err, -EINVAL, "unknown key \"%.40s\"", name);
}

static int read_object(struct json_object *object, struct mir_body *out, struct mir_error *err)
{
    int rc;

    if (!json_object_is_type(object, json_type_object))
        return mir_error_set(err, -EINVAL, "the body: a JSON object is expected");
    json_object_object_foreach(object, name, value)
    {
        rc = read_key(name, value, out, err);
        if (rc != 0)
            return rc;
    }
    if (out->command.verb == MIR_ENROLL && out->command.job_id == 0)
        return mir_error_set(err, -EINVAL, "job: missing");
    if (out->command.verb == MIR_MODEL_INSTALL && out->command.file[0] == '\0')
        return mir_error_set(err, -EINVAL, "file: missing");
    return 0;
}

static bool is_blank(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\0' || strchr(" \t\r\n", s[i]) == NULL)
            return false;
    }
    return true;
}

/*
 * Even when strict, json-c takes more than JSON: keys in single quotes, comments,
 * NaN.  None of these is possible with the characters that JSON has outside strings.
 */
static bool has_only_json_chars(const char *s, size_t len)
{
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        if (in_string && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            in_string = !in_string;
        else if (!in_string &&
                 (s[i] == '\0' || strchr("{}[]:,+-.0123456789Eaeflnrstu \t\r\n", s[i]) == NULL))
            return false;
    }
    return true;
}

/* The whole of `text` as one value; the caller puts `*out`. */
static int parse_text(const char *text, size_t len, struct json_object **out, struct mir_error *err)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *object;
    size_t end;
    int rc = 0;

    if (tokener == NULL)
        return mir_error_set(err, -ENOMEM, "the body: no memory");
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    object = json_tokener_parse_ex(tokener, text, (int)len);
    end = json_tokener_get_parse_end(tokener);
    if (json_tokener_get_error(tokener) != json_tokener_success || !has_only_json_chars(text, len))
        rc = mir_error_set(err, -EINVAL, "the body is no JSON, at byte %zu", end);
    else if (!is_blank(text + end, len - end))
        rc = mir_error_set(err, -EINVAL, "the body has more after its JSON, at byte %zu", end);
    json_tokener_free(tokener);
    if (rc != 0) {
        json_object_put(object);
        return rc;
    }
    *out = object;
    return 0;
}

int mir_body_parse(enum mir_command_verb verb,
                   const char *text,
                   size_t len,
                   struct mir_body *out,
                   struct mir_error *err)
{
    struct mir_body body = {.command = {.verb = verb}};
    struct json_object *object = NULL;
    int rc;

    if (len > (size_t)MIR_BODY_MAX + MIR_BODY_ENVIRONMENT_MAX)
        return mir_error_set(err, -EMSGSIZE, "the body is too long");
    rc = len == 0 ? parse_text("{}", 2, &object, err) : parse_text(text, len, &object, err);
    if (rc == 0)
        rc = read_object(object, &body, err);
    json_object_put(object);
    if (rc == 0 &&
        len - (body.environment != NULL ? strlen(body.environment) : 0) > (size_t)MIR_BODY_MAX)
        rc = mir_error_set(err, -EMSGSIZE, "the body is too long");
    if (rc != 0) {
        mir_body_release(&body);
        return rc;
    }
    *out = body;
    return 0;
}

void mir_body_release(struct mir_body *body)
{
    free(body->environment);
    *body = (struct mir_body){0};
}
