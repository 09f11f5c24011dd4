/*
 * json_parts.h - a few words for building JSON: what does not exist is null, never
 * left out.  One thread.
 */
#ifndef MIR_TRAIN_JSON_PARTS_H
#define MIR_TRAIN_JSON_PARTS_H

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/core/error.h"

/* Nine digits; null for NaN and infinities. */
void mir_json_number(struct json_object *to, const char *key, double value);
void mir_json_text(struct json_object *to, const char *key, const char *text);
void mir_json_count(struct json_object *to, const char *key, uint64_t n);
/* "2023-02-01T00:00:00Z" */
void mir_json_time(struct json_object *to, const char *key, int64_t at);

/* Made there, owned by `to`. */
struct json_object *mir_json_object(struct json_object *to, const char *key);
struct json_object *mir_json_array(struct json_object *to, const char *key);
/* An object at the end of an array. */
struct json_object *mir_json_item(struct json_object *array);

/* Print and release.  Returns 0 or -EIO. */
int mir_json_write(FILE *to, struct json_object *root, struct mir_error *err);

#endif
