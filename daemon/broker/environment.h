/*
 * environment.h - where a successor's environment comes from: four sources, their
 * formats, and what is taken out again because it belongs to one job only.
 * The formats are parsed without Slurm; any thread, one at a time per struct.
 */
#ifndef MIR_BROKER_ENVIRONMENT_H
#define MIR_BROKER_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/live.h"

enum {
    MIR_ENVIRONMENT_MAX = 8 << 20, /* bytes in all, of any source */
    MIR_VARIABLES_MAX = 65536,
};

/* NAME=VALUE strings, each its own; start from {0}. */
struct mir_environment {
    char **v;
    size_t n, cap;
};

void mir_environment_release(struct mir_environment *e);
void mir_environment_add(struct mir_environment *e, const char *text, size_t len);
/* Replace or append. */
void mir_environment_set(struct mir_environment *e, const char *name, const char *value);
/* The value of `name`, or NULL. */
const char *mir_environment_get(const struct mir_environment *e, const char *name);
void mir_environment_remove(struct mir_environment *e, const char *name);

/*
 * What `mirage enroll` has munge vouch for: "mirage-environment 1\n", "job=ID\n",
 * then NUL-terminated NAME=VALUE strings.  -EBADMSG: not that, or of another job.
 */
int mir_environment_parse_enrolled(const char *bytes,
                                   size_t len,
                                   uint32_t job_id,
                                   struct mir_environment *out,
                                   struct mir_error *err);

/*
 * slurmdbd's: variables joined by newlines.  A line that does not begin with a
 * name and '=' goes on with the value before it.  `*ambiguous`: there was a line
 * that could be either (a value with newlines is in there), so that another
 * source is better.
 */
int mir_environment_parse_lines(const char *text,
                                struct mir_environment *out,
                                bool *ambiguous,
                                struct mir_error *err);

/*
 * slurmctld's file `environment`: a uint32_t count in host order, then so many
 * NUL-terminated strings.  -EBADMSG: not such a file.
 */
int mir_environment_parse_saved(const void *bytes,
                                size_t len,
                                struct mir_environment *out,
                                struct mir_error *err);

/*
 * Take out what belongs to one job (SLURM_JOB_ID, SLURM_NODELIST, ...), and all
 * MIRAGE_*; what sbatch itself sets (SLURM_UMASK, SLURM_SUBMIT_DIR,
 * SLURM_RLIMIT_*, ...) stays.
 */
void mir_environment_strip(struct mir_environment *e);

/*
 * The arguments of a script that lie in slurmctld's file `job_state`: there, each
 * job has its arguments as a counted list of counted strings.  The record that
 * slurmctld gives out joins them with blanks.  Looks for lists that, joined, are
 * `command`.  0 and `*out` (arguments without the script's own name); -ENOENT
 * when there is none; -ENOTUNIQ when two jobs differ in how it splits.
 */
int mir_environment_find_arguments(const void *bytes,
                                   size_t len,
                                   const char *command,
                                   struct mir_environment *out);

#endif
