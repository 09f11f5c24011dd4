/*
 * conf_text.h - the text of a slurm.conf as its lines of key=value pairs:
 * comments gone, continued lines joined, quotes taken off.  Knows no key.
 * One thread at a time per call.
 */
#ifndef MIR_SIM_CONF_TEXT_H
#define MIR_SIM_CONF_TEXT_H

#include <stddef.h>

#include "daemon/core/error.h"

struct mir_conf_pair {
    const char *key;
    const char *value;
};

/* All of it is lent for the time of the callback. */
struct mir_conf_line {
    const char *file;
    size_t number;       /* of its first line in the file */
    const char *include; /* the path of an Include line, which has no pairs; else NULL */
    struct mir_conf_pair *pairs;
    size_t n_pairs; /* at least 1, except for Include */
};

/* A negative return ends the reading and is handed on. */
typedef int (*mir_conf_line_f)(void *context,
                               const struct mir_conf_line *line,
                               struct mir_error *err);

/*
 * Call `each` for every line of `text` that says something.  `name` stands for
 * the file.  Returns 0, what `each` returned, or -EINVAL with "file:line:
 * reason" where the text is no slurm.conf.
 */
int mir_conf_text_each(const char *name,
                       const char *text,
                       size_t len,
                       mir_conf_line_f each,
                       void *context,
                       struct mir_error *err);

/* The value of `key` (any case) in the line; NULL when it is not there. */
const char *mir_conf_line_get(const struct mir_conf_line *line, const char *key);

#endif
