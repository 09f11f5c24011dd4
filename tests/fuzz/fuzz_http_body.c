/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_http_body.c - the JSON of a POST: any bytes at all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/http/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What goes to the engine must keep what body.h promises; an abort is a finding. */
static void check(enum mir_command_verb verb, const struct mir_body *body)
{
    const struct mir_command *c = &body->command;

    if (c->verb != verb || c->uid != 0 || c->admin || c->chain[0] != '\0')
        abort();
    if ((verb == MIR_ENROLL) != (c->job_id != 0) || (verb != MIR_STOP && c->keep_successor))
        abort();
    if ((verb == MIR_MODEL_INSTALL) != (c->file[0] == '/') ||
        memchr(c->file, '\0', sizeof(c->file)) == NULL || (verb != MIR_MODEL_INSTALL && c->force))
        abort();
    if (memchr(c->options, '\0', sizeof(c->options)) == NULL)
        abort();
    for (const char *s = c->options; *s != '\0'; s++) {
        if (*s < ' ' || *s > '~')
            abort();
    }
    if (c->munged_environment != body->environment ||
        (body->environment != NULL && strncmp(body->environment, "MUNGE:", 6) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mir_command_verb verbs[] = {MIR_ENROLL, MIR_STOP, MIR_PAUSE,
                                                  MIR_MODEL_INSTALL};

    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        struct mir_error err = {{0}};
        struct mir_body body;
        int rc = mir_body_parse(verbs[i], (const char *)data, size, &body, &err);

        if (rc == 0) {
            check(verbs[i], &body);
            mir_body_release(&body);
        } else if (err.text[0] == '\0') {
            abort();
        }
    }
    return 0;
}
