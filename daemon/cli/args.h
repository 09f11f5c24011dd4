/*
 * args.h - the command line of mirage: which verb, which options, what help says.
 */
#ifndef MIR_CLI_ARGS_H
#define MIR_CLI_ARGS_H

#include <stdbool.h>

#include "daemon/cli/cli.h"
#include "daemon/core/error.h"

struct mir_cli_verb {
    const char *name;
    int (*run)(const struct mir_cli *cli);
    const char *operands; /* "CHAIN"; "" */
    const char *options;  /* letters of the verb's own options, as in args.c */
    const char *sentence;
};

struct mir_cli_args {
    const struct mir_cli_verb *verb; /* NULL: only help or version */
    bool help, version;
    struct mir_cli cli; /* what the options say; streams and clock are the caller's */
};

/*
 * `argv[0]` is the program.  Options may stand before and after the verb; after
 * `submit`, all that is not one of mirage's is sbatch's.  Returns 0, or -EINVAL
 * with what is wrong.  Strings are lent.
 */
int mir_cli_args_parse(int argc,
                       char *const *argv,
                       struct mir_cli_args *out,
                       struct mir_error *err);

/* The help of a verb, or of the command when NULL. */
void mir_cli_args_help(const struct mir_cli_verb *verb, struct mir_str *out);

#endif
