/*
 * value.h - one row of the table of keys: text to field and back.  A field is a
 * char * (owned), char ** (owned, NULL-terminated), int32_t, uint32_t, double or
 * bool, as its type says.  Private to daemon/config.
 */
#ifndef MIR_CONFIG_VALUE_H
#define MIR_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

enum mir_config_type {
    MIR_CONFIG_CHOICE,   /* one of `choices` */
    MIR_CONFIG_POLICY,   /* not empty; the engine knows what is a policy */
    MIR_CONFIG_NAME,     /* of a user */
    MIR_CONFIG_PATH,     /* absolute; may be empty where min is 0 */
    MIR_CONFIG_SOCKET,   /* the same, and short enough for one */
    MIR_CONFIG_ZONE,     /* of the system's zone files, or empty */
    MIR_CONFIG_LISTEN,   /* loopback address and port, or empty */
    MIR_CONFIG_REAL,     /* double */
    MIR_CONFIG_DURATION, /* int32_t, seconds */
    MIR_CONFIG_COUNT,    /* int32_t */
    MIR_CONFIG_UID,      /* uint32_t */
    MIR_CONFIG_BOOL,
    MIR_CONFIG_NAMES, /* char ** of users, accounts or partitions */
    MIR_CONFIG_HOSTS, /* char ** of host names, with a port or without */
};

struct mir_config_row {
    const char *section, *key;
    enum mir_config_type type;
    size_t offset;   /* of the field in its struct */
    double min, max; /* of numbers */
    const char *preset, *choices, *sentence;
};

bool mir_config_is_list(const struct mir_config_row *row);

/*
 * Check `values` (one, or any number for a list) and replace the field of the
 * struct at `base`.  Returns 0, or -EINVAL with "key: expected ..., not 'value'".
 */
int mir_config_value_set(const struct mir_config_row *row,
                         void *base,
                         const char *const *values,
                         size_t n_values,
                         struct mir_error *err);

/* Append the field as it would stand in the file: 10m, {alice, bob}, "". */
void mir_config_value_format(const struct mir_config_row *row,
                             const void *base,
                             struct mir_str *out);

/* Append what is expected: "1s to 1d", "observe, canary or act". */
void mir_config_value_expect(const struct mir_config_row *row, struct mir_str *out);

void mir_config_value_release(const struct mir_config_row *row, void *base);

/* Is this a name of a user, an account or a partition?  0 or -EINVAL. */
int mir_config_name_check(const char *name, struct mir_error *err);

#endif
