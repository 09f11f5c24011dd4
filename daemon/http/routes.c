/* SPDX-License-Identifier: GPL-3.0-or-later */
/* routes.c - from a request to a reply, without a socket. */
#include "daemon/http/routes.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/core/error.h"
#include "daemon/core/parse.h"
#include "daemon/http/authority.h"
#include "daemon/http/body.h"
#include "daemon/http/render.h"

enum {
    OK = 200,
    BAD_REQUEST = 400,
    FORBIDDEN = 403,
    NOT_FOUND = 404,
    NOT_ALLOWED = 405,
    CONFLICT = 409,
    TOO_LARGE = 413,
    MISDIRECTED = 421,
    UNPROCESSABLE = 422,
    INTERNAL = 500,
    UNAVAILABLE = 503,
};

enum { DECISIONS_MAX = 100, NODES_MAX = 1 << 24 };

static const int64_t ns_per_s = 1000000000;

/* What a handler works with. */
struct context {
    const struct mir_routes *routes;
    const struct mir_request *request;
    const struct mir_view *view;        /* NULL for commands */
    const struct mir_view_chain *chain; /* for paths with an id, when reading */
    char id[16];                        /* "" without one in the path */
    bool names;                         /* may the reply tell who has a chain? */
    struct mir_reply *reply;
};

__attribute__((format(printf, 3, 4))) static unsigned
fail(struct mir_reply *reply, unsigned status, const char *fmt, ...)
{
    char text[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    reply->status = status;
    reply->text = mir_render_error(text);
    return status;
}

static void reply_text(struct context *c, char *text)
{
    c->reply->status = OK;
    c->reply->text = text;
}

/* ---- Reading */

static void get_health(struct context *c)
{
    int64_t late_s = (mir_clock_mono_ns() - c->view->passed_mono_ns) / ns_per_s;

    if (c->view->passed_mono_ns == 0)
        fail(c->reply, UNAVAILABLE, "the decision loop has not gone round yet");
    else if (late_s >= c->routes->stale_s)
        fail(c->reply, UNAVAILABLE, "the decision loop stands for %lld s", (long long)late_s);
    else
        reply_text(c, mir_render_ok());
}

static void get_readiness(struct context *c)
{
    const char *problem = c->view->problem;

    if (c->view->ready)
        reply_text(c, mir_render_ok());
    else
        fail(c->reply, UNAVAILABLE, "not ready: %s", *problem != '\0' ? problem : "starting");
}

static void get_status(struct context *c)
{
    reply_text(c, mir_render_status(c->view));
}

static void get_chains(struct context *c)
{
    reply_text(c, mir_render_chains(c->view, c->request->all, c->names));
}

static void get_chain(struct context *c)
{
    reply_text(c, mir_render_chain(c->chain, c->names));
}

/* The daemon may see jobs that Slurm hides from who asks here. */
static bool sees_strangers(const struct context *c)
{
    return c->routes->show_users ||
           (c->request->local && mir_routes_is_admin(c->routes, c->request->uid));
}

static void get_decisions(struct context *c)
{
    size_t n = c->request->n_decisions;

    reply_text(
        c, mir_render_decisions(c->chain, n != 0 ? n : DECISIONS_MAX, c->names, sees_strangers(c)));
}

static void get_queue(struct context *c)
{
    reply_text(c, mir_render_queue(c->view));
}

static void get_rpcs(struct context *c)
{
    reply_text(c, mir_render_rpcs(c->view));
}

static void get_model(struct context *c)
{
    reply_text(c, mir_render_model(c->view));
}

static void get_config(struct context *c)
{
    reply_text(c, mir_render_config(c->view, c->names));
}

/* ---- The table */

enum argument { NO_ARGUMENT, TAKES_ALL, TAKES_N, TAKES_REQUEST, TAKES_AFTER };

static const struct route {
    const char *path; /* "*" is an id */
    void (*get)(struct context *c);
    bool posts; /* `verb` may be posted here */
    bool asks;  /* a GET asks the engine for `verb`: on the unix socket alone */
    enum mir_command_verb verb;
    enum argument argument;
} table[] = {
    {.path = "/healthz", .get = get_health},
    {.path = "/readyz", .get = get_readiness},
    {.path = "/api/v1/status", .get = get_status},
    {.path = "/api/v1/chains",
     .get = get_chains,
     .posts = true,
     .verb = MIR_ENROLL,
     .argument = TAKES_ALL},
    {.path = "/api/v1/chains/*", .get = get_chain},
    {.path = "/api/v1/chains/*/decisions", .get = get_decisions, .argument = TAKES_N},
    {.path = "/api/v1/chains/*/stop", .posts = true, .verb = MIR_STOP},
    {.path = "/api/v1/chains/*/pause", .posts = true, .verb = MIR_PAUSE},
    {.path = "/api/v1/chains/*/resume", .posts = true, .verb = MIR_RESUME},
    {.path = "/api/v1/queue", .get = get_queue},
    {.path = "/api/v1/rpcs", .get = get_rpcs},
    {.path = "/api/v1/config", .get = get_config},
    {.path = "/api/v1/model", .get = get_model},
    {.path = "/api/v1/model/install", .posts = true, .verb = MIR_MODEL_INSTALL},
    {.path = "/api/v1/model/rollback", .posts = true, .verb = MIR_MODEL_ROLLBACK},
    {.path = "/api/v1/model/reload", .posts = true, .verb = MIR_MODEL_RELOAD},
    {.path = "/api/v1/predict", .asks = true, .verb = MIR_PREDICT, .argument = TAKES_REQUEST},
    {.path = "/api/v1/history", .asks = true, .verb = MIR_HISTORY, .argument = TAKES_AFTER},
    {.path = "/api/v1/drain", .posts = true, .verb = MIR_DRAIN},
    {.path = "/api/v1/undrain", .posts = true, .verb = MIR_UNDRAIN},
};

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

/* Does `path` have this form?  Its id, where the form has one, goes to `id`. */
static bool matches(const char *form, const char *path, char id[16])
{
    size_t n = 0;

    for (; *form != '\0' && *form != '*'; form++, path++) {
        if (*form != *path)
            return false;
    }
    id[0] = '\0';
    if (*form == '\0')
        return *path == '\0';
    while (is_id_char(path[n]))
        n++;
    if (n == 0 || n > 15 || strcmp(form + 1, path + n) != 0)
        return false;
    memcpy(id, path, n);
    id[n] = '\0';
    return true;
}

static const struct route *find_route(const char *path, char id[16])
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (matches(table[i].path, path, id))
            return &table[i];
    }
    return NULL;
}

static bool is_reading(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* ---- What a request asks for */

/* Slurm's names, without what a query would have to escape. */
static bool is_name(const char *value)
{
    size_t n = 0;

    while (is_id_char(value[n]) || value[n] == '@')
        n++;
    return n > 0 && n < sizeof(((struct mir_view_request *)NULL)->user) && value[n] == '\0';
}

/* False: it is none of the request's, or not right. */
static bool add_wanted(struct mir_view_request *wanted, const char *key, const char *value)
{
    const struct {
        const char *key;
        char *to;
    } names[] = {{"user", wanted->user},
                 {"account", wanted->account},
                 {"partition", wanted->partition},
                 {"qos", wanted->qos}};
    int64_t n;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i].key, key) == 0 && is_name(value)) {
            memcpy(names[i].to, value, strlen(value) + 1);
            return true;
        }
    }
    if (mir_parse_i64(value, strlen(value), &n) != 0 || n < 1)
        return false;
    if (strcmp(key, "nodes") == 0 && n <= NODES_MAX)
        wanted->n_nodes = (uint32_t)n;
    else if (strcmp(key, "limit_s") == 0 && n < INT32_MAX)
        wanted->limit_s = (int32_t)n;
    else
        return false;
    return true;
}

void mir_request_add_argument(struct mir_request *request, const char *key, const char *value)
{
    int64_t n;

    if (value != NULL && strcmp(key, "all") == 0 && strcmp(value, "1") == 0) {
        request->all = true;
    } else if (value != NULL && strcmp(key, "n") == 0 &&
               mir_parse_i64(value, strlen(value), &n) == 0 && n >= 1 && n <= DECISIONS_MAX) {
        request->n_decisions = (size_t)n;
    } else if (value != NULL && strcmp(key, "after") == 0) {
        request->after = value;
    } else if (value != NULL && add_wanted(&request->wanted, key, value)) {
        request->asks = true;
    } else {
        request->bad_argument = true;
    }
}

/* The path of "http://host/path"; what stands before it counts as a Host as well. */
static unsigned check_absolute(const struct mir_routes *routes,
                               const char *target,
                               const char **path,
                               struct mir_reply *reply)
{
    const char *name = target + strlen("http://");
    size_t len = strcspn(name, "/");
    int rc = mir_authority_check(name, len, routes->hosts);

    if (rc == -EACCES)
        return fail(reply, MISDIRECTED, "this server has another name");
    if (rc != 0)
        return fail(reply, BAD_REQUEST, "the request's target is malformed");
    *path = name[len] == '/' ? name + len : "/";
    return 0;
}

unsigned mir_routes_check(const struct mir_routes *routes,
                          const struct mir_request *request,
                          const char **path,
                          struct mir_reply *reply)
{
    int rc = -EINVAL;

    if (request->host == NULL)
        return fail(reply, BAD_REQUEST, "one Host header is needed");
    rc = mir_authority_check(request->host, strlen(request->host), routes->hosts);
    if (rc == -EACCES)
        return fail(reply, MISDIRECTED, "this server has another name than the Host header says");
    if (rc != 0)
        return fail(reply, BAD_REQUEST, "the Host header is malformed");
    if (strncasecmp(request->target, "http://", strlen("http://")) == 0)
        return check_absolute(routes, request->target, path, reply);
    if (request->target[0] != '/')
        return fail(reply, BAD_REQUEST, "the request's target is malformed");
    *path = request->target;
    return 0;
}

size_t mir_routes_body_max(const struct mir_request *request)
{
    static const char last[] = "/chains";
    size_t len = strlen(request->target);

    if (!request->local || strcmp(request->method, "POST") != 0)
        return 0;
    if (len >= sizeof(last) - 1 && strcmp(request->target + len - (sizeof(last) - 1), last) == 0)
        return (size_t)MIR_BODY_MAX + MIR_BODY_ENVIRONMENT_MAX;
    return MIR_BODY_MAX;
}

bool mir_routes_is_admin(const struct mir_routes *routes, uint32_t uid)
{
    bool is = uid == 0;

    for (size_t i = 0; i < routes->n_admin_uids; i++)
        is = is || routes->admin_uids[i] == uid;
    return is;
}

/* ---- Acting */

static bool has_wrong_argument(const struct mir_request *request, enum argument takes)
{
    return request->bad_argument || (request->all && takes != TAKES_ALL) ||
           (request->n_decisions != 0 && takes != TAKES_N) ||
           (request->asks && takes != TAKES_REQUEST) ||
           (request->after != NULL && takes != TAKES_AFTER);
}

static unsigned status_of(int rc)
{
    switch (rc) {
    case 0:
        return OK;
    case -ENOENT:
        return NOT_FOUND;
    case -EPERM:
        return FORBIDDEN;
    case -EINVAL:
        return UNPROCESSABLE;
    case -EALREADY:
        return CONFLICT;
    case -EBUSY:
    case -ETIMEDOUT:
    case -EIO:
        return UNAVAILABLE;
    default:
        return INTERNAL;
    }
}

/* What an admin alone may do, or NULL. */
static const char *admins_only(enum mir_command_verb verb)
{
    switch (verb) {
    case MIR_DRAIN:
    case MIR_UNDRAIN:
        return "drain";
    case MIR_MODEL_INSTALL:
    case MIR_MODEL_ROLLBACK:
    case MIR_MODEL_RELOAD:
        return "change the model";
    case MIR_HISTORY:
        return "read the history";
    default:
        return NULL;
    }
}

/* The daemon's own user has the journal's file anyway: mirage-train runs as it. */
static bool counts_as_admin(const struct context *c, enum mir_command_verb verb)
{
    return mir_routes_is_admin(c->routes, c->request->uid) ||
           (verb == MIR_HISTORY && c->request->uid == geteuid());
}

static char *render(const struct mir_answer *answer)
{
    if (answer->forecast != NULL)
        return mir_render_forecast(answer->forecast);
    if (answer->csv != NULL)
        return mir_render_history(answer);
    return mir_render_answer(answer);
}

static void ask(struct context *c, struct mir_command *command)
{
    const char *restricted = admins_only(command->verb);
    struct mir_answer answer = {0};
    unsigned status;

    command->uid = c->request->uid;
    command->admin = counts_as_admin(c, command->verb);
    memcpy(command->chain, c->id, sizeof(c->id));
    if (restricted != NULL && !command->admin) {
        fail(c->reply, FORBIDDEN, "only admins may %s", restricted);
        return;
    }
    mir_mailbox_ask(c->routes->box, command, c->routes->ask_ms, &answer);
    status = status_of(answer.rc);
    if (status != OK)
        fail(c->reply, status, "%s", answer.text[0] != '\0' ? answer.text : strerror(-answer.rc));
    else
        reply_text(c, render(&answer));
    free(answer.forecast);
    free(answer.csv);
}

static void post(struct context *c, const struct route *route)
{
    struct mir_error err = {{0}};
    struct mir_body body;
    int rc;

    if (!c->request->known) {
        fail(c->reply, FORBIDDEN, "the kernel does not say who asks");
        return;
    }
    if (has_wrong_argument(c->request, NO_ARGUMENT)) {
        fail(c->reply, BAD_REQUEST, "a POST takes no query");
        return;
    }
    rc = mir_body_parse(route->verb, c->request->body, c->request->body_len, &body, &err);
    if (rc != 0) {
        fail(c->reply, rc == -EMSGSIZE ? TOO_LARGE : BAD_REQUEST, "%s", err.text);
        return;
    }
    ask(c, &body.command);
    mir_body_release(&body);
}

/* A GET that the engine answers. */
static void get_from_engine(struct context *c, const struct route *route)
{
    const struct mir_request *request = c->request;
    struct mir_command command = {.verb = route->verb, .request = request->wanted};

    if (has_wrong_argument(request, route->argument) ||
        (request->after != NULL && strlen(request->after) >= sizeof(command.after)))
        fail(c->reply, BAD_REQUEST, "the query is not understood");
    else if (route->argument == TAKES_REQUEST &&
             (request->wanted.n_nodes == 0 || request->wanted.limit_s == 0))
        fail(c->reply, BAD_REQUEST, "nodes and limit_s are needed");
    else if (!request->known)
        fail(c->reply, FORBIDDEN, "the kernel does not say who asks");
    else {
        snprintf(command.after, sizeof(command.after), "%s",
                 request->after != NULL ? request->after : "");
        ask(c, &command);
    }
}

/* ---- Reading, once more: what all readers share */

static const struct mir_view_chain *find_chain(const struct mir_view *view, const char *id)
{
    for (size_t i = 0; i < view->n_chains; i++) {
        if (strcmp(view->chains[i]->id, id) == 0)
            return view->chains[i];
    }
    return NULL;
}

static void get_from_view(struct context *c, const struct route *route)
{
    if (has_wrong_argument(c->request, route->argument)) {
        fail(c->reply, BAD_REQUEST, "the query is not understood (all=1, n=1 to 100)");
        return;
    }
    if (c->id[0] != '\0' && (c->chain = find_chain(c->view, c->id)) == NULL) {
        fail(c->reply, NOT_FOUND, "no chain %s", c->id);
        return;
    }
    route->get(c);
}

static void get(struct context *c, const struct route *route)
{
    struct mir_view *view = mir_view_get(c->routes->board);

    if (view == NULL) {
        fail(c->reply, UNAVAILABLE, "starting: nothing to show yet");
        return;
    }
    c->view = view;
    get_from_view(c, route);
    mir_view_unref(view);
}

static const char *allowed_methods(const struct mir_request *request, const struct route *route)
{
    if (!request->local || route->asks || (route->get != NULL && !route->posts))
        return "GET, HEAD";
    return route->get != NULL ? "GET, HEAD, POST" : "POST";
}

static void refuse_method(struct context *c, const struct route *route)
{
    c->reply->allow = allowed_methods(c->request, route);
    fail(c->reply, NOT_ALLOWED, "allowed here: %s", c->reply->allow);
}

void mir_routes_answer(const struct mir_routes *routes,
                       const struct mir_request *request,
                       struct mir_reply *reply)
{
    struct context c = {.routes = routes, .request = request, .reply = reply};
    const struct route *route;
    const char *path;

    *reply = (struct mir_reply){0};
    c.names = request->local || routes->show_users;
    if (mir_routes_check(routes, request, &path, reply) != 0)
        return;
    route = find_route(path, c.id);
    /* What cannot be done over TCP is not there. */
    if (route == NULL || (!request->local && route->get == NULL))
        fail(reply, NOT_FOUND, "no such path");
    else if (is_reading(request->method) && route->get != NULL)
        get(&c, route);
    else if (is_reading(request->method) && route->asks)
        get_from_engine(&c, route);
    else if (!request->local || !route->posts || strcmp(request->method, "POST") != 0)
        refuse_method(&c, route);
    else if (request->too_long)
        fail(reply, TOO_LARGE, "the body is too long");
    else
        post(&c, route);
}
