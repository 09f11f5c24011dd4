/*
 * records.h - Slurm's structs to records of the wire (README.md).  Slurm's minutes,
 * NO_VAL, INFINITE, wait(2) codes and state bits end here.  Strings of a result are
 * lent by what it was made from.  No shared state: any thread.
 */
#ifndef MIR_BROKER_RECORDS_H
#define MIR_BROKER_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/broker/compat.h"
#include "daemon/core/str.h"
#include "daemon/host/live.h"

/*
 * Slurm's job state (base and flags) as enum mir_job_state; what the base alone tells
 * of enum mir_live_flag is added to `*flags`.  BOOT_FAIL is NODE_FAIL; SUSPENDED is
 * RUNNING and a flag; DEADLINE is OTHER and a flag.
 */
uint8_t mir_record_state(uint32_t job_state, uint32_t *flags);

/* Is it one of the states of a job that has ended? */
bool mir_record_ended(uint8_t state);

/* Slurm's minutes in seconds; MIR_UNLIMITED for INFINITE, NO_VAL and what does not fit. */
int32_t mir_record_limit_s(uint32_t minutes);

/* A status as wait(2) gives it: 0 and 0 for NO_VAL. */
void mir_record_exit(uint32_t status, int32_t *exit_code, int32_t *exit_signal);

/* GPUs in a TRES string ("cpu=4,gres/gpu=2"); typed ones count where no total is given. */
uint32_t mir_record_gpus(const char *tres);

/* Tasks in an array's task string ("1-9:2,20%4"): at least 1, at most 4,000,001. */
uint32_t mir_record_tasks(const char *task_str);

/*
 * A job as slurmctld tells of it, at `at` on slurmctld's clock.  `user`: its owner's
 * name, for where the record has none; may be "".
 */
void mir_record_job_read(const slurm_job_info_t *in,
                         const char *user,
                         int64_t at,
                         struct mir_live_job *out);

/* Append a record: `job`, `past`, `partition`, `reservation`. */
void mir_record_job_write(struct mir_str *s, int64_t ticket, const struct mir_live_job *job);
void mir_record_past_write(struct mir_str *s, int64_t ticket, const struct mir_live_past *past);
void mir_record_partition_write(struct mir_str *s,
                                int64_t ticket,
                                const struct mir_live_partition *partition);
void mir_record_reservation_write(struct mir_str *s,
                                  int64_t ticket,
                                  const struct mir_live_reservation *reservation);

/* `cluster`, without its partitions and reservations. */
void mir_record_cluster_write(struct mir_str *s,
                              int64_t ticket,
                              const struct mir_live_cluster *cluster);

/* Parts of the cluster from Slurm's structs; each leaves the others' fields alone. */
void mir_record_conf_read(const slurm_conf_t *in, struct mir_live_cluster *out);
void mir_record_nodes_read(const node_info_msg_t *in, struct mir_live_cluster *out);
/* Neither down nor for the future. */
bool mir_record_node_in_service(const node_info_t *node);
/* The sets of its nodes are none: node_sets.h. */
void mir_record_partition_read(const partition_info_t *in, struct mir_live_partition *out);
void mir_record_reservation_read(const reserve_info_t *in, struct mir_live_reservation *out);

#endif
