/*
 * body.h - what a POST says: JSON to a command.  Unknown keys, wrong types and
 * numbers out of range are refused.  Who asks is not read from here, nor which
 * chain: the caller fills in those.  Any thread.
 */
#ifndef MIR_HTTP_BODY_H
#define MIR_HTTP_BODY_H

#include <stddef.h>

#include "daemon/core/error.h"
#include "daemon/engine/view.h"

enum {
    MIR_BODY_MAX = 64 * 1024,               /* of a body without its environment */
    MIR_BODY_ENVIRONMENT_MAX = 1024 * 1024, /* the credential alone */
};

struct mir_body {
    struct mir_command command; /* verb, and of the rest what the body says */
    char *environment;          /* what command.munged_environment points to; NULL */
};

/*
 * `text` need not end with NUL; an empty one counts as "{}".  On success the
 * caller ends `*out` with mir_body_release(); on failure it is as it was.
 * Returns 0, -EINVAL or -EMSGSIZE.
 */
int mir_body_parse(enum mir_command_verb verb,
                   const char *text,
                   size_t len,
                   struct mir_body *out,
                   struct mir_error *err);

void mir_body_release(struct mir_body *body);

#endif
