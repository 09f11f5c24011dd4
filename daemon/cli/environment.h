/*
 * environment.h - the caller's environment, sealed by munge: the broker opens it
 * and learns from munge, not from us, whose it is.
 */
#ifndef MIR_CLI_ENVIRONMENT_H
#define MIR_CLI_ENVIRONMENT_H

#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

enum { MIR_ENVIRONMENT_MAX = 512 << 10 };

/*
 * Append "mirage-environment 1\njob=ID\n" and the strings of `environment`
 * (NULL-terminated NAME=VALUE), each with its NUL.  Returns 0, or -E2BIG over
 * MIR_ENVIRONMENT_MAX bytes.
 */
int mir_environment_pack(int64_t job_id,
                         char *const *environment,
                         struct mir_str *out,
                         struct mir_error *err);

/*
 * The packed environment as a credential ("MUNGE:..."), appended.  Returns 0,
 * -E2BIG, or -EIO (munged does not run).
 */
int mir_environment_seal(int64_t job_id,
                         char *const *environment,
                         struct mir_str *out,
                         struct mir_error *err);

#endif
