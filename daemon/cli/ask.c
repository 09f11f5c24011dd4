/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask.c - questions to the daemon, and which chain the user means. */
#include "daemon/cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/client.h"
#include "daemon/core/parse.h"

enum {
    ANSWER_MS = 30000, /* the daemon gives up on its own before that */
};

static bool is_unreachable(int rc)
{
    return rc != -EPROTO && rc != -EMSGSIZE;
}

/* The reply as JSON: an object, or a text of what is wrong. */
static int
read_reply(const struct mir_cli_reply *reply, struct json_object **out, struct mir_str *text)
{
    struct json_object *object = json_tokener_parse(reply->body);

    if (reply->status >= 200 && reply->status < 300 &&
        json_object_is_type(object, json_type_object)) {
        *out = object;
        return MIR_EXIT_OK;
    }
    if (mir_json_text(object, "error")[0] != '\0')
        mir_str_add(text, mir_json_text(object, "error"));
    else
        mir_str_addf(text, "the daemon answers %d with what is no JSON object", reply->status);
    json_object_put(object);
    return MIR_EXIT_REFUSED;
}

int mir_cli_try(const struct mir_cli *cli,
                const char *method,
                const char *target,
                struct json_object *body,
                struct json_object **out,
                struct mir_str *text)
{
    struct mir_cli_reply reply;
    struct mir_error err = {{0}};
    const char *body_text = NULL;
    int rc;

    if (body != NULL)
        body_text = json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN);
    else if (strcmp(method, "POST") == 0)
        body_text = "{}";
    rc = mir_cli_client_ask(cli->socket, method, target, body_text, ANSWER_MS, &reply, &err);
    json_object_put(body);
    if (rc != 0) {
        mir_str_add(text, err.text);
        return is_unreachable(rc) ? MIR_EXIT_UNREACHABLE : MIR_EXIT_REFUSED;
    }
    rc = read_reply(&reply, out, text);
    free(reply.body);
    return rc;
}

static int complain(const struct mir_cli *cli, int rc, struct mir_str *text)
{
    if (rc == MIR_EXIT_UNREACHABLE)
        mir_print_complaint(cli, "cannot reach the daemon: %s", text->text);
    else if (rc != MIR_EXIT_OK)
        mir_print_complaint(cli, "%s", text->text);
    mir_str_release(text);
    return rc;
}

int mir_cli_get(const struct mir_cli *cli, const char *target, struct json_object **out)
{
    struct mir_str text = {0};

    return complain(cli, mir_cli_try(cli, "GET", target, NULL, out, &text), &text);
}

int mir_cli_post(const struct mir_cli *cli,
                 const char *target,
                 struct json_object *body,
                 struct json_object **out)
{
    struct mir_str text = {0};

    return complain(cli, mir_cli_try(cli, "POST", target, body, out, &text), &text);
}

/* ---- Which chain */

/* Has the chain a link with this job?  The list has no links, so it is asked for itself. */
static int has_job(const struct mir_cli *cli, const char *id, int64_t job_id, bool *has)
{
    struct json_object *chain = NULL, *links;
    struct mir_str target = {0}, text = {0};
    int rc;

    mir_str_addf(&target, "/api/v1/chains/%s", id);
    rc = mir_cli_try(cli, "GET", target.text, NULL, &chain, &text);
    links = mir_json_list(chain, "links");
    for (size_t i = 0; i < mir_json_count(links); i++)
        *has = *has || mir_json_int(json_object_array_get_idx(links, i), "job_id", 0) == job_id;
    json_object_put(chain);
    mir_str_release(&target);
    mir_str_release(&text);
    return rc == MIR_EXIT_UNREACHABLE ? rc : MIR_EXIT_OK; /* it may be gone since */
}

static bool is_open(struct json_object *chain)
{
    const char *state = mir_json_text(chain, "state");

    return strcmp(state, "ended") != 0 && strcmp(state, "refused") != 0;
}

static void keep_id(const char *from, char id[16])
{
    (void)snprintf(id, 16, "%s", from);
}

/* Ids come from the daemon and go into the path of the next question. */
static bool is_id(const char *id)
{
    size_t n = 0;

    while (isalnum((unsigned char)id[n]))
        n++;
    return n > 0 && n < 16 && id[n] == '\0';
}

/* Open chains before ended ones: a job id may have been handed out twice. */
static int
find_job(const struct mir_cli *cli, struct json_object *list, int64_t job_id, char id[16])
{
    for (int open = 1; open >= 0; open--) {
        for (size_t i = 0; i < mir_json_count(list); i++) {
            struct json_object *chain = json_object_array_get_idx(list, i);
            const char *candidate = mir_json_text(chain, "id");
            bool has = false;
            int rc;

            if (is_open(chain) != (open == 1) || !is_id(candidate))
                continue;
            rc = has_job(cli, candidate, job_id, &has);
            if (rc != MIR_EXIT_OK) {
                mir_print_complaint(cli, "cannot reach the daemon");
                return rc;
            }
            if (has) {
                keep_id(candidate, id);
                return MIR_EXIT_OK;
            }
        }
    }
    mir_print_complaint(cli, "no chain has job %s", cli->chain);
    return MIR_EXIT_REFUSED;
}

static int find_prefix(const struct mir_cli *cli, struct json_object *list, char id[16])
{
    size_t len = strlen(cli->chain), n = 0;

    for (size_t i = 0; i < mir_json_count(list); i++) {
        const char *candidate = mir_json_text(json_object_array_get_idx(list, i), "id");

        if (strncmp(candidate, cli->chain, len) != 0 || !is_id(candidate))
            continue;
        keep_id(candidate, id);
        n++;
        if (candidate[len] == '\0')
            return MIR_EXIT_OK;
    }
    if (n == 1)
        return MIR_EXIT_OK;
    mir_print_complaint(cli, n == 0 ? "no chain %s" : "%s is the beginning of several chains",
                        cli->chain);
    return MIR_EXIT_REFUSED;
}

static bool is_in(struct json_object *list, const char *id)
{
    for (size_t i = 0; i < mir_json_count(list); i++) {
        if (strcmp(mir_json_text(json_object_array_get_idx(list, i), "id"), id) == 0)
            return true;
    }
    return false;
}

int mir_cli_resolve(const struct mir_cli *cli, char id[16])
{
    struct json_object *root = NULL, *list;
    int64_t job_id;
    int rc;

    if (!is_id(cli->chain)) {
        mir_print_complaint(cli, "'%s' is neither a chain nor a job", cli->chain);
        return MIR_EXIT_USAGE;
    }
    rc = mir_cli_get(cli, "/api/v1/chains?all=1", &root);
    if (rc != MIR_EXIT_OK)
        return rc;
    list = mir_json_list(root, "chains");
    /* An id may consist of digits alone: then the whole of it counts before a job's. */
    if (mir_parse_i64(cli->chain, strlen(cli->chain), &job_id) == 0 && !is_in(list, cli->chain))
        rc = find_job(cli, list, job_id, id);
    else
        rc = find_prefix(cli, list, id);
    json_object_put(root);
    return rc;
}
