/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_http_host.c - Host headers and addresses to listen on: any bytes at all. */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/alloc.h"
#include "daemon/http/authority.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Accepted is only one of the names, alone or before a colon and digits. */
static bool is_one_of_ours(const char *s, size_t len)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "login1"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t n = strlen(names[i]);

        if (len >= n && strncasecmp(s, names[i], n) == 0 &&
            (len == n || (s[n] == ':' && strspn(s + n + 1, "0123456789") == len - n - 1)))
            return true;
    }
    return false;
}

static void check_address(const struct sockaddr_storage *addr, socklen_t len)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    memcpy(&v4, addr, sizeof(v4));
    memcpy(&v6, addr, sizeof(v6));
    if (addr->ss_family == AF_INET) {
        if (len != sizeof(v4) || ntohl(v4.sin_addr.s_addr) >> 24 != 127)
            abort();
    } else if (addr->ss_family != AF_INET6 || len != sizeof(v6) ||
               !IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = {"login1", NULL};
    char *text = mir_alloc(size + 1, 1);
    struct sockaddr_storage addr;
    struct mir_error err;
    socklen_t len = 0;

    memcpy(text, data, size);
    if (mir_authority_check((const char *)data, size, hosts) == 0 && !is_one_of_ours(text, size))
        abort();
    if (mir_authority_parse_listen(text, &addr, &len, &err) == 0)
        check_address(&addr, len);
    free(text);
    return 0;
}
