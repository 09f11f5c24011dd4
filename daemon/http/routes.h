/*
 * routes.h - from a request to a reply, without a socket: which paths there are,
 * who may, and which status an answer has.  Any thread; README.md has the table.
 */
#ifndef MIR_HTTP_ROUTES_H
#define MIR_HTTP_ROUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/engine/view.h"

/* What replies are made of; lent, and the same for all requests. */
struct mir_routes {
    struct mir_view_board *board;
    struct mir_mailbox *box;
    const char *const *hosts; /* as in struct mir_http_settings */
    const uint32_t *admin_uids;
    size_t n_admin_uids;
    bool show_users;
    int64_t stale_s;
    int ask_ms; /* how long a command may wait for the engine */
};

struct mir_request {
    const char *method; /* "GET" */
    const char *target; /* "/api/v1/status", or "http://host/..."; without what follows "?" */
    const char *host;   /* NULL: none, or more than one */
    bool local;         /* came over the unix socket */
    bool known;         /* `uid` is the kernel's word */
    uint32_t uid;
    const char *body; /* `body_len` bytes, no NUL needed; may be NULL */
    size_t body_len;
    bool too_long; /* the body was longer than mir_routes_body_max() */
    /* from the query; see mir_request_add_argument() */
    bool all;
    bool bad_argument;
    size_t n_decisions;             /* 0: the default */
    bool asks;                      /* one of those of `wanted` was given */
    struct mir_view_request wanted; /* nodes, limit_s, user, account, partition, qos */
    const char *after;              /* where a page of history begins; NULL */
};

struct mir_reply {
    unsigned status;
    char *text;        /* JSON; the caller frees it */
    const char *allow; /* for 405; otherwise NULL */
};

/*
 * One "key=value" of the query; `value` may be NULL, and is lent like the rest.
 * What is not understood makes a 400.
 */
void mir_request_add_argument(struct mir_request *request, const char *key, const char *value);

/*
 * Host and target name this server?  Returns 0 with `*path` within the target, or
 * the status (400, 421) with `*reply` filled.
 */
unsigned mir_routes_check(const struct mir_routes *routes,
                          const struct mir_request *request,
                          const char **path,
                          struct mir_reply *reply);

/* The longest body that is kept for this method and path, as far as they are known already. */
size_t mir_routes_body_max(const struct mir_request *request);

/* Checks all of it; a POST waits for the engine. */
void mir_routes_answer(const struct mir_routes *routes,
                       const struct mir_request *request,
                       struct mir_reply *reply);

bool mir_routes_is_admin(const struct mir_routes *routes, uint32_t uid);

#endif
