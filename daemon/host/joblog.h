/*
 * joblog.h - a job log in memory: jobs, the names they use, what is known of
 * the machine.  Owns all of it.  One thread while it grows; any number of
 * readers after that.
 */
#ifndef MIR_HOST_JOBLOG_H
#define MIR_HOST_JOBLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/job.h"

/* Strings, each once, numbered in the order of their first use; number 0 is "". */
struct mir_names {
    char *text; /* all names, NUL-terminated, one after another */
    size_t text_len, text_cap;
    uint32_t *offset; /* where name i begins in text */
    size_t n, cap;
    uint32_t *slot; /* open hash: name number + 1, 0 is free */
    size_t n_slots;
};

/* The number of `s[0..len)`, added if new.  At most 2^32 - 2 names. */
uint32_t mir_names_add(struct mir_names *t, const char *s, size_t len);

/* The number of `s`, or 0 when it is not there. */
uint32_t mir_names_find(const struct mir_names *t, const char *s, size_t len);

/* Never NULL; "" for 0 and for numbers not in the table. */
const char *mir_names_get(const struct mir_names *t, uint32_t number);

struct mir_joblog {
    struct mir_job *jobs;
    size_t n_jobs, cap_jobs;
    struct mir_job_extra *extras; /* [0] is never used: job.extra == 0 means none */
    size_t n_extras, cap_extras;
    struct mir_names users, accounts, partitions, qos,
        names;             /* names: job names and dependencies */
    uint32_t n_nodes;      /* of the machine, when the log says (SWF MaxNodes); 0: not given */
    uint32_t n_procs;      /* SWF MaxProcs; 0: not given */
    int64_t unix_start_at; /* SWF UnixStartTime, already added to every submit_at; 0: none */
    bool sorted;           /* by submit_at, then id, then array_task */
};

/* An empty log; {0} will not do.  mir_joblog_release() accepts a zeroed struct too. */
void mir_joblog_init(struct mir_joblog *log);
void mir_joblog_release(struct mir_joblog *log);

/* Append a job (all fields "not given"); the pointer is good until the next append. */
struct mir_job *mir_joblog_add(struct mir_joblog *log);

/* The job's extra, made on first use; the pointer is good until the next append. */
struct mir_job_extra *mir_joblog_extra(struct mir_joblog *log, struct mir_job *job);

/* The job's extra or a constant one that says "nothing": never NULL. */
const struct mir_job_extra *mir_joblog_get_extra(const struct mir_joblog *log,
                                                 const struct mir_job *job);

/* Order by submit_at, then id, then array_task: stable; O(n) when in order already. */
void mir_joblog_sort(struct mir_joblog *log);

/* "123" or "123_4"; `buf` holds at least 32 bytes; returns buf. */
char *mir_job_label(const struct mir_job *job, char buf[32]);

#endif
