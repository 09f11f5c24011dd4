/*
 * states.h - job states by name, for output.  Internal to traces/stats.
 */
#ifndef MIR_STATS_STATES_H
#define MIR_STATS_STATES_H

/* Slurm's word for an enum mir_job_state ("TIMEOUT"); "UNKNOWN" where the log is silent. */
const char *mir_stats_state_name(int state);

#endif
