/*
 * authority.h - names of servers: which Host a request may have, and which
 * address is listened on.  A page on the web can make a browser ask 127.0.0.1
 * under the page's own name (DNS rebinding): the Host tells, so it must be one
 * that is ours.  No state; any thread.
 */
#ifndef MIR_HTTP_AUTHORITY_H
#define MIR_HTTP_AUTHORITY_H

#include <stddef.h>
#include <sys/socket.h>

#include "daemon/core/error.h"

/*
 * May a request name this server so ("localhost:8642", "[::1]")?  Allowed are
 * localhost, 127.0.0.1, [::1] and `hosts` (NULL-terminated, may be NULL), in any
 * case; a port is checked for form and then ignored.  Returns 0, -EINVAL (no such
 * form) or -EACCES (another name).
 */
int mir_authority_check(const char *text, size_t len, const char *const *hosts);

/*
 * "127.0.0.1:8642" or "[::1]:8642" to an address; names are not looked up.  Port 0
 * lets the system choose.  Returns 0 or -EINVAL: not an address, or not a
 * loopback one (127.0.0.0/8, ::1).
 */
int mir_authority_parse_listen(const char *text,
                               struct sockaddr_storage *out,
                               socklen_t *out_len,
                               struct mir_error *err);

#endif
