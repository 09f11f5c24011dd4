/* SPDX-License-Identifier: GPL-3.0-or-later */
/* authority.c - names of servers: which Host a request may have, which address is listened on. */
#include "daemon/http/authority.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/parse.h"

enum { NAME_MAX_LEN = 253, PORT_MAX = 65535 };

/* A piece of the text; brackets belong to the host. */
struct piece {
    const char *s;
    size_t len;
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static bool is_bracket_char(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' ||
           c == '.';
}

/* Length of the host at the beginning of `text`; 0 when there is none. */
static size_t host_length(const char *text, size_t len)
{
    size_t i = 0;

    if (len > 0 && text[0] == '[') {
        for (i = 1; i < len && is_bracket_char(text[i]); i++) {
        }
        return i > 1 && i < len && text[i] == ']' ? i + 1 : 0;
    }
    while (i < len && is_name_char(text[i]))
        i++;
    return i;
}

/* host [":" [port]]; `port->s` is NULL without a colon. */
static int split(const char *text, size_t len, struct piece *host, struct piece *port)
{
    size_t n = host_length(text, len);

    if (n == 0 || n > NAME_MAX_LEN)
        return -EINVAL;
    *host = (struct piece){.s = text, .len = n};
    *port = (struct piece){0};
    if (n == len)
        return 0;
    if (text[n] != ':' || len - n > 6)
        return -EINVAL;
    *port = (struct piece){.s = text + n + 1, .len = len - n - 1};
    for (size_t i = 0; i < port->len; i++) {
        if (port->s[i] < '0' || port->s[i] > '9')
            return -EINVAL;
    }
    return 0;
}

static bool is_host(struct piece host, const char *name)
{
    return strlen(name) == host.len && strncasecmp(host.s, name, host.len) == 0;
}

int mir_authority_check(const char *text, size_t len, const char *const *hosts)
{
    static const char *const own[] = {"localhost", "127.0.0.1", "[::1]", NULL};
    struct piece host, port;

    if (split(text, len, &host, &port) != 0)
        return -EINVAL;
    for (const char *const *name = own; *name != NULL; name++) {
        if (is_host(host, *name))
            return 0;
    }
    for (const char *const *name = hosts; name != NULL && *name != NULL; name++) {
        if (is_host(host, *name))
            return 0;
    }
    return -EACCES;
}

static bool parse_v4(struct piece host, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    char text[INET_ADDRSTRLEN];

    if (host.len >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)host.len, host.s);
    if (inet_pton(AF_INET, text, &addr.sin_addr) != 1 ||
        ntohl(addr.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
        return false;
    memcpy(out, &addr, sizeof(addr));
    return true;
}

static bool parse_v6(struct piece host, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in6 addr = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char text[INET6_ADDRSTRLEN];

    if (host.len - 2 >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)host.len - 2, host.s + 1);
    if (inet_pton(AF_INET6, text, &addr.sin6_addr) != 1 || !IN6_IS_ADDR_LOOPBACK(&addr.sin6_addr))
        return false;
    memcpy(out, &addr, sizeof(addr));
    return true;
}

int mir_authority_parse_listen(const char *text,
                               struct sockaddr_storage *out,
                               socklen_t *out_len,
                               struct mir_error *err)
{
    struct sockaddr_storage addr = {0};
    struct piece host, port;
    int64_t number;
    bool is_v6;

    if (split(text, strlen(text), &host, &port) != 0 || port.s == NULL ||
        mir_parse_i64(port.s, port.len, &number) != 0 || number > PORT_MAX)
        return mir_error_set(err, -EINVAL, "listen: \"%.80s\" is not ADDRESS:PORT", text);
    is_v6 = host.s[0] == '[';
    if (!(is_v6 ? parse_v6 : parse_v4)(host, (uint16_t)number, &addr))
        return mir_error_set(err, -EINVAL,
                             "listen: \"%.80s\" is no loopback address (127.0.0.1, [::1]); others "
                             "are for a proxy that knows who asks",
                             text);
    *out = addr;
    *out_len = is_v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    return 0;
}
