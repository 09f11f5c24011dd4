/*
 * accounting.h - past jobs from slurmdbd, through libslurm.  Each question has a
 * connection of its own.  One thread.
 *
 * What slurmdbd says of a job lags by seconds, and a start that overtakes its
 * submission is a half-filled row; neither is handed on.
 */
#ifndef MIR_BROKER_ACCOUNTING_H
#define MIR_BROKER_ACCOUNTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/live.h"

enum { MIR_ACCOUNTING_LAG_S = 10 }; /* rows younger than this are not trusted */

struct mir_accounting;

struct mir_accounting *mir_accounting_create(void);
/* Accepts NULL. */
void mir_accounting_destroy(struct mir_accounting *a);

/* Rows, by start time; their strings are the page's.  Start from {0}. */
struct mir_accounting_page {
    struct mir_live_past *rows;
    size_t n, cap;
    void **answers; /* libslurm's lists, which hold the strings */
    size_t n_answers, cap_answers;
    int64_t upto; /* every job that ended before is in this page or an earlier one */
};

void mir_accounting_page_release(struct mir_accounting_page *page);

/*
 * Jobs of `cluster` that started and ended, and whose end lies in [from, to): so that
 * pages that follow each other have each job once.  A page holds a few thousand rows
 * and takes a few seconds; `upto` is where the next one begins, and not later than
 * `now` less the lag.  Returns 0, or -EIO with slurmdbd's words.
 */
int mir_accounting_history(struct mir_accounting *a,
                           const char *cluster,
                           int64_t from,
                           int64_t to,
                           int64_t now,
                           struct mir_accounting_page *page,
                           struct mir_error *err);

/*
 * Jobs of `uid` in any state, since `from`, with `token` in the comment or in the
 * submit line: 22.05's slurmdbd is told of a comment only when the job ends, and of
 * the submit line at once.
 */
int mir_accounting_find(struct mir_accounting *a,
                        const char *cluster,
                        uint32_t uid,
                        const char *token,
                        int64_t from,
                        struct mir_accounting_page *page,
                        struct mir_error *err);

/* Is this cluster a member of a federation?  Asks slurmctld. */
int mir_accounting_federated(bool *out, struct mir_error *err);

#endif
