/*
 * options.h - what a user said to sbatch that the job's record does not hold
 * (--signal, --open-mode, the most nodes of a running job, ...), read again from
 * where sbatch read it: the script's #SBATCH lines, SBATCH_* variables, and the
 * command line, which slurmdbd keeps.  Later ones win, as in sbatch: call the
 * three in this order.  No Slurm in here; one thread at a time per struct.
 */
#ifndef MIR_BROKER_OPTIONS_H
#define MIR_BROKER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/broker/environment.h"
#include "daemon/core/error.h"

enum mir_option {
    MIR_OPTION_NONE, /* the record has it, or it was for the submission itself */
    MIR_OPTION_SIGNAL,
    MIR_OPTION_NODES,
    MIR_OPTION_PARTITION,
    MIR_OPTION_TIME,
    MIR_OPTION_OPEN_MODE,
    MIR_OPTION_OVERCOMMIT,
    MIR_OPTION_NO_KILL,
    MIR_OPTION_WAIT_ALL_NODES,
    MIR_OPTION_ACCTG_FREQ,
    MIR_OPTION_DISTRIBUTION,
    MIR_OPTION_MEM_BIND,
    MIR_OPTION_HINT,
    MIR_OPTION_DEPENDENCY,
    MIR_N_OPTIONS,
};

/* Start from {0}. */
struct mir_options {
    char *value[MIR_N_OPTIONS]; /* NULL: not said; "" where the option takes no value */
    char **unknown;             /* long options that are not sbatch's: a SPANK plugin's, or newer */
    size_t n_unknown;
    bool has_line; /* the command line is known: what it does not say was not said there */
};

void mir_options_release(struct mir_options *o);

/* "signal" for MIR_OPTION_SIGNAL, ... */
const char *mir_option_name(enum mir_option option);

/* #SBATCH lines, up to the first line that is neither blank nor a comment. */
void mir_options_read_script(struct mir_options *o, const char *script);

/* SBATCH_SIGNAL, ... */
void mir_options_read_environment(struct mir_options *o, const struct mir_environment *e);

/*
 * A command line as slurmdbd stores it: words joined by blanks, quotes lost.
 * `script_path` (NULL: none) tells where the options end; `wrapped` (NULL: none)
 * is what --wrap was given and is left out.
 */
void mir_options_read_line(struct mir_options *o,
                           const char *line,
                           const char *script_path,
                           const char *wrapped);

/* --signal=[R][B:]SIGNAL[@SECONDS]: 60 s when not said.  -EINVAL: not that. */
struct mir_signal_option {
    bool batch_only, with_reservation;
    uint16_t signal;
    uint16_t warn_s;
};
int mir_signal_option_parse(const char *text, struct mir_signal_option *out);

/* --nodes=MIN[-MAX] with the suffixes k and m; MAX is MIN when not said. */
int mir_nodes_option_parse(const char *text, uint32_t *min, uint32_t *max);

#endif
