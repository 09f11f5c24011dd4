/*
 * reply.h - an HTTP/1.1 reply from bytes: status and body, by length, in chunks
 * or up to the end of the connection.  The other side may be anyone who made the
 * socket, so nothing is believed: sizes are bounded, and what contradicts itself
 * is refused.  No allocation before the whole body is there.  Any thread.
 */
#ifndef MIR_CLI_REPLY_H
#define MIR_CLI_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/core/error.h"

enum {
    MIR_REPLY_HEAD_MAX = 64 << 10, /* bytes of status line and headers */
    MIR_REPLY_BODY_MAX = 64 << 20,
};

struct mir_cli_reply {
    int status; /* 200 to 599 */
    char *body; /* NUL-terminated, freed by the caller */
    size_t body_len;
};

/*
 * Read the reply in `bytes[0..len)`; `ended` says that no more will come.
 * Returns 1 with `*out` filled, 0 when more is needed, -EPROTO (malformed or cut
 * off) or -EMSGSIZE.
 */
int mir_cli_reply_parse(const char *bytes,
                        size_t len,
                        bool ended,
                        struct mir_cli_reply *out,
                        struct mir_error *err);

#endif
