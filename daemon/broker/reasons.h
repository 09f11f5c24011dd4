/*
 * reasons.h - why a job does not run, in squeue's words.  libslurm's own function for
 * it is not declared in 22.05 and gone from later releases.  Any thread.
 */
#ifndef MIR_BROKER_REASONS_H
#define MIR_BROKER_REASONS_H

#include <stdint.h>

/* The name of Slurm's enum job_state_reason ("Resources", "JobHeldUser"); "Other" if unknown. */
const char *mir_reason_name(uint32_t reason);

#endif
