/* SPDX-License-Identifier: GPL-3.0-or-later */
/* act.c - stop, pause, resume, drain, undrain: what people tell the daemon. */
#include "daemon/cli/cli.h"

/* What the daemon says of it: its line, or all of it. */
static int print_answer(const struct mir_cli *cli, int rc, struct json_object *answer)
{
    struct mir_str clean = {0};

    if (rc != MIR_EXIT_OK)
        return rc;
    if (cli->format == MIR_FORMAT_JSON) {
        mir_print_json(cli, answer);
    } else {
        mir_table_clean(mir_json_text(answer, "text"), &clean);
        (void)fprintf(cli->out, "%s\n", clean.text);
        mir_str_release(&clean);
    }
    json_object_put(answer);
    return MIR_EXIT_OK;
}

static int post_chain(const struct mir_cli *cli, const char *verb, struct json_object *body)
{
    struct json_object *answer = NULL;
    struct mir_str target = {0};
    char id[16];
    int rc = mir_cli_resolve(cli, id);

    if (rc != MIR_EXIT_OK) {
        json_object_put(body);
        return rc;
    }
    mir_str_addf(&target, "/api/v1/chains/%s/%s", id, verb);
    rc = mir_cli_post(cli, target.text, body, &answer);
    mir_str_release(&target);
    return print_answer(cli, rc, answer);
}

int mir_verb_stop(const struct mir_cli *cli)
{
    struct json_object *body = json_object_new_object();

    if (cli->keep_successor)
        json_object_object_add(body, "keep_successor", json_object_new_boolean(true));
    return post_chain(cli, "stop", body);
}

int mir_verb_pause(const struct mir_cli *cli)
{
    return post_chain(cli, "pause", NULL);
}

int mir_verb_resume(const struct mir_cli *cli)
{
    return post_chain(cli, "resume", NULL);
}

int mir_verb_drain(const struct mir_cli *cli)
{
    struct json_object *answer = NULL;
    int rc = mir_cli_post(cli, "/api/v1/drain", NULL, &answer);

    return print_answer(cli, rc, answer);
}

int mir_verb_undrain(const struct mir_cli *cli)
{
    struct json_object *answer = NULL;
    int rc = mir_cli_post(cli, "/api/v1/undrain", NULL, &answer);

    return print_answer(cli, rc, answer);
}
