/*
 * sbatch.h - the arguments of sbatch, as far as `mirage submit` must understand
 * them: where the options end and the script begins, and which comment the job
 * is going to have.  Any thread.
 */
#ifndef MIR_CLI_SBATCH_H
#define MIR_CLI_SBATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"

struct mir_sbatch {
    const char **argv; /* sbatch's arguments without --comment and --mirage, NULL-terminated */
    size_t n;
    const char *comment;    /* the last --comment; NULL: none; lent by the arguments */
    const char *mirage;     /* the last --mirage; NULL */
    const char *script;     /* NULL: standard input or --wrap; lent */
    char *const *arguments; /* of the script; lent */
    size_t n_arguments;
    bool wrap;
    bool only_asks; /* --help, --usage, --version, --test-only: no job comes of it */
};

/*
 * Take `argv[0..argc)` apart (without "sbatch" itself).  What is unknown goes to
 * sbatch as it is.  Returns 0 with `*out` to be released, or -EINVAL when
 * --comment or --mirage has no value.
 */
int mir_sbatch_parse(int argc, char *const *argv, struct mir_sbatch *out, struct mir_error *err);
void mir_sbatch_release(struct mir_sbatch *s);

/*
 * Append the script's arguments as MIRAGE_ARGUMENTS has them: each with the bytes
 * up to 0x20, 0x7f and '%' written as %XX (daemon/host/wire.h), a blank between.
 */
void mir_sbatch_list_arguments(const struct mir_sbatch *s, struct mir_str *out);

/*
 * The last --comment in the #SBATCH lines of a script's text, which sbatch reads
 * up to the first command: true and `*out` appended to, or false.
 */
bool mir_sbatch_script_comment(const char *text, struct mir_str *out);

#endif
