/*
 * log.h - miraged's log: the journal with fields (MIRAGE_CHAIN=, SLURM_JOB_ID=,
 * MIRAGE_TOKEN=) when systemd reads our stderr, else lines on stderr.
 * One thread.
 */
#ifndef MIR_MIRAGED_LOG_H
#define MIR_MIRAGED_LOG_H

#include <stdint.h>

/* Find out where to; call once. */
void mir_log_open(void);

/* A line without fields. `priority` is syslog's. */
void mir_log(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A mir_engine_log_f. */
void mir_log_chain(void *arg,
                   int priority,
                   const char *chain,
                   uint32_t job_id,
                   const char *token,
                   const char *text);

#endif
