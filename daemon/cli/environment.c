/* SPDX-License-Identifier: GPL-3.0-or-later */
/* environment.c - the caller's environment as a munge credential. */
#include "daemon/cli/environment.h"

#include <errno.h>
#include <munge.h>
#include <stdlib.h>
#include <string.h>

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
        why = munge_encode(&credential, NULL, payload.text, (int)payload.len);
        if (why == EMUNGE_SUCCESS && credential != NULL)
            mir_str_add(out, credential);
        else
            rc = mir_error_set(err, -EIO, "munge: %s", munge_strerror(why));
    }
    free(credential);
    mir_str_release(&payload);
    return rc;
}
