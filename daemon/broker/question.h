/*
 * question.h - what the daemon may ask, key by key (README.md), before anything
 * is done about it.  Libslurm, files and clocks play no part here.  One thread.
 */
#ifndef MIR_BROKER_QUESTION_H
#define MIR_BROKER_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/error.h"
#include "daemon/host/live.h"
#include "daemon/host/wire.h"

enum mir_ask {
    MIR_ASK_JOBS,
    MIR_ASK_JOB,
    MIR_ASK_CLUSTER,
    MIR_ASK_HISTORY,
    MIR_ASK_FIND,
    MIR_ASK_CAPTURE, /* from here on as the owner */
    MIR_ASK_SUBMIT,
    MIR_ASK_CANCEL,
    MIR_ASK_FORGET, /* without ticket and answer */
    MIR_N_ASKS,
};

/* "submit" */
const char *mir_ask_name(enum mir_ask ask);

/* Only the reader answers it. */
bool mir_ask_is_reading(enum mir_ask ask);

struct mir_question {
    enum mir_ask ask;
    uint64_t ticket;     /* 0: forget */
    uint64_t connection; /* on which it came, see peer.h */
    uid_t uid;           /* capture, submit, cancel: the job's owner, says the daemon */
    char template_id[MIR_TEMPLATE_ID_LEN + 1]; /* submit, forget */
    size_t len;                                /* of the line */
    struct mir_wire_record record;             /* its fields are in `line` */
    char *line;
};

/*
 * The question in `line[0..len)` (without LF).  Returns
 *   0        `*out` is the caller's, for mir_question_destroy();
 *   -EPROTO  not of this protocol: no such verb or key, a key twice, no ticket, too long;
 *   -EINVAL  understood, `*out` as above, but a value is missing or of the wrong
 *            form: the question is to be refused (MIR_REFUSAL_OTHER);
 *   -EPERM   the same, the uid is 0 or under `min_uid` (MIR_REFUSAL_OWNER).
 */
int mir_question_parse(const char *line,
                       size_t len,
                       uid_t min_uid,
                       struct mir_question **out,
                       struct mir_error *err);

/* Accepts NULL. */
void mir_question_destroy(struct mir_question *q);

#endif
