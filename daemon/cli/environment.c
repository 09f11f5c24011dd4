/* SPDX-License-Identifier: GPL-3.0-or-later */
/* environment.c - the caller's environment as a munge credential. */
#include "daemon/cli/environment.h"

#include <errno.h>
#include <munge.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int mir_environment_pack(int64_t job_id,
                         char *const *environment,
                         struct mir_str *out,
                         struct mir_error *err)
{
    mir_str_addf(out, "mirage-environment 1\njob=%lld\n", (long long)job_id);
    for (; *environment != NULL; environment++) {
        size_t len = strlen(*environment) + 1;

        if (len > MIR_ENVIRONMENT_MAX || out->len + len > MIR_ENVIRONMENT_MAX)
            return mir_error_set(err, -E2BIG, "the environment is over %d kB",
                                 MIR_ENVIRONMENT_MAX >> 10);
        mir_str_add_n(out, *environment, len);
    }
    return 0;
}

/* Munge opens it for us alone: the daemon hands it on without being able to read it. */
static munge_err_t seal_for_us(char **credential, const struct mir_str *payload)
{
    munge_ctx_t ctx = munge_ctx_create();
    munge_err_t why = ctx != NULL ? EMUNGE_SUCCESS : EMUNGE_NO_MEMORY;

    if (why == EMUNGE_SUCCESS)
        why = munge_ctx_set(ctx, MUNGE_OPT_UID_RESTRICTION, geteuid());
    if (why == EMUNGE_SUCCESS)
        why = munge_encode(credential, ctx, payload->text, (int)payload->len);
    munge_ctx_destroy(ctx);
    return why;
}

int mir_environment_seal(int64_t job_id,
                         char *const *environment,
                         struct mir_str *out,
                         struct mir_error *err)
{
    struct mir_str payload = {0};
    char *credential = NULL;
    munge_err_t why;
    int rc = mir_environment_pack(job_id, environment, &payload, err);

    if (rc == 0) {
        why = seal_for_us(&credential, &payload);
        if (why == EMUNGE_SUCCESS && credential != NULL)
            mir_str_add(out, credential);
        else
            rc = mir_error_set(err, -EIO, "munge: %s", munge_strerror(why));
    }
    free(credential);
    mir_str_release(&payload);
    return rc;
}
