/*
 * carry.h - what a successor gets of its predecessor: from slurmctld's record of the
 * job, and from what the record does not hold (options.h), to named strings, and from
 * these to a job description.  Fields are named after sbatch's long options.
 * No calls to Slurm; any thread.
 *
 * Not carried, because it was for that one job: begin, hold, priority, a negative
 * nice, admin_comment, site factor (an operator's).  Refused by name: array, het job,
 * federated job, scrontab job, deadline, unsatisfied dependency, singleton, and
 * options of sbatch that this file does not know and the environment does not hold.
 */
#ifndef MIR_BROKER_CARRY_H
#define MIR_BROKER_CARRY_H

#include "daemon/broker/compat.h"
#include "daemon/broker/environment.h"
#include "daemon/broker/options.h"
#include "daemon/broker/spool.h"
#include "daemon/core/error.h"

/*
 * Is this a job that can have a successor at all?  0, or -ENOTSUP with text that
 * names what cannot be carried.
 */
int mir_carry_check(const slurm_job_info_t *job, struct mir_error *err);

/*
 * Fill fields and warn_s of `t` from the record and `o`.  `environment` tells which
 * unknown options live there.  0 or -ENOTSUP as above.
 */
int mir_carry_from_job(const slurm_job_info_t *job,
                       const struct mir_options *o,
                       const struct mir_environment *environment,
                       struct mir_template *t,
                       struct mir_error *err);

/*
 * The template's fields in a fresh description (slurm_init_job_desc_msg() has been
 * called on it).  Strings are lent by the template; `*argv` is an array for the
 * caller to free() after the description's last use.  -EBADMSG: an unknown field,
 * or a value that is not one.
 */
int mir_carry_to_desc(const struct mir_template *t,
                      job_desc_msg_t *desc,
                      char ***argv,
                      struct mir_error *err);

/* Nodes and CPUs in a TRES string ("cpu=8,mem=800M,node=2"), 0 when it has none. */
uint32_t mir_carry_tres_count(const char *tres, const char *name);

/* --distribution=block:cyclic,Pack | plane=4 | ...: -EINVAL for other words. */
int mir_carry_distribution(const char *text, uint32_t *distribution, uint16_t *plane_size);

#endif
