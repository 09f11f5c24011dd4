/*
 * journal.h - what Mirage has promised, done and decided, on disk before it
 * acts.  One SQLite file (WAL, synchronous FULL; journal mode TRUNCATE on a
 * network file system, where WAL's shared memory does not work).  Every function
 * that writes has committed when it returns 0, unless it is between begin and
 * commit.  -ENOSPC, -EIO and the like mean: nothing of it is written, do not
 * act.  One thread.
 */
#ifndef MIR_ENGINE_JOURNAL_H
#define MIR_ENGINE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/host/live.h"

enum { MIR_JOURNAL_VERSION = 3 };

enum mir_chain_state {
    MIR_CHAIN_ENROLLING, /* its first job is being captured */
    MIR_CHAIN_ACTIVE,
    MIR_CHAIN_PAUSED, /* by its owner: decides nothing until resumed */
    MIR_CHAIN_PARKED, /* by Mirage, with the reason: resume tries again */
    MIR_CHAIN_ENDED,
    MIR_CHAIN_REFUSED, /* never became one */
};
const char *mir_chain_state_name(enum mir_chain_state state); /* "enrolling", ... */

enum mir_link_state {
    MIR_LINK_PLANNED,   /* its predecessor lives; nothing is submitted */
    MIR_LINK_INTENT,    /* decided and committed, not yet sent */
    MIR_LINK_SENT,      /* handed to the broker: may exist from here on */
    MIR_LINK_CONFIRMED, /* the broker named id and submit time */
    MIR_LINK_PENDING,   /* seen in the queue */
    MIR_LINK_RUNNING,   /* seen running */
    MIR_LINK_GONE,      /* ended, or never came to be (chain over) */
};
const char *mir_link_state_name(enum mir_link_state state); /* "planned", ... */

/* A chain.  Strings are bounded copies, cut where longer; the row is the whole truth about it. */
struct mir_chain_row {
    char id[MIR_CHAIN_ID_LEN + 1];
    enum mir_chain_state state;
    char reason[256]; /* why it is in this state; one line */
    uint32_t uid;
    char user[64], account[64], partition[64], qos[64], name[128];
    char cluster[64];
    struct mir_chain_options options; /* as the user gave them; defaults are not filled in */
    bool by_comment; /* enrolled by its comment; else by `mirage enroll` or `submit` */
    int64_t enrolled_at;
    int64_t ended_at;      /* 0 */
    int32_t failures;      /* links that failed in a row */
    int64_t not_before_at; /* back-off: no submission before; 0 */
};

/* A job of a chain.  Link 0 is the user's own. */
struct mir_link_row {
    char chain[MIR_CHAIN_ID_LEN + 1];
    int32_t number;
    enum mir_link_state state;
    struct mir_job_identity job; /* id 0: none yet; token "" before the intent and for link 0 */
    uint32_t restarts;
    char template_id[MIR_TEMPLATE_ID_LEN + 1]; /* captured from THIS job; "": not captured */
    enum mir_environment_source environment;
    int32_t warn_s;
    int32_t limit_s;
    uint32_t n_nodes;
    char policy[MIR_POLICY_SPEC_MAX + 1];                  /* that decided on this link */
    int64_t planned_at, decided_at, sent_at, confirmed_at; /* Slurm's clock; 0: not yet */
    int64_t start_at, end_at;                              /* 0: not yet; end_at real once gone */
    uint8_t job_state;                                     /* enum mir_job_state, last seen */
    int32_t exit_code, exit_signal;
    double decided_wait_s; /* the wait that the submitting decision counted with; < 0: none */
    int64_t would_at;      /* observe, canary: when it would have been submitted; 0 */
    int32_t n_sent;        /* how often an intent of this link was sent */
};

/* Written: lent.  Read: lent for the time of the callback.  NULL: none. */
struct mir_journal_bytes {
    const void *bytes;
    size_t len;
};

/* One answer of a policy, with what it saw: enough to ask it again. */
struct mir_decision_row {
    int64_t pass; /* row of the pass: the queue that was seen */
    char chain[MIR_CHAIN_ID_LEN + 1];
    int32_t link; /* the successor's number */
    int64_t at;
    int32_t action; /* enum mirage_action: what the policy answered */
    bool acted;     /* true: the submission followed */
    double wait_s;
    int64_t predecessor_submit_at, predecessor_start_at, predecessor_end_at;
    char policy[MIR_POLICY_SPEC_MAX + 1];
    char reason[256];             /* the policy's, and the engine's where it said otherwise */
    struct mir_journal_bytes fan; /* as of mir_fan_pack(): of the decision that submitted only */
};

/* What a pass saw: shared by its decisions. */
struct mir_pass_row {
    int64_t at;
    uint32_t n_nodes, n_nodes_free;
    uint64_t n_history; /* length of the history then */
    const void *
        queue; /* pending and running jobs and summaries, packed; NULL where no policy reads them */
    size_t queue_len;
};

struct mir_journal;

/*
 * Open or create `path`; ":memory:" for tests.  Migrates an older version,
 * refuses a newer one (-EPROTO) and a file that is not ours or damaged
 * (-EBADMSG; PRAGMA quick_check).  -EBUSY: another process holds it (an
 * exclusive lock is kept while open, so two daemons never share a journal).
 */
int mir_journal_open(const char *path, struct mir_journal **out, struct mir_error *err);
/* The same in a mode of choice: "wal", "truncate", "memory"; NULL: as the file system wants it. */
int mir_journal_open_as(const char *path,
                        const char *mode,
                        struct mir_journal **out,
                        struct mir_error *err);
void mir_journal_close(struct mir_journal *j); /* accepts NULL */

/* "wal", "truncate" or "memory". */
const char *mir_journal_mode(const struct mir_journal *j);

/*
 * Several writes as one commit.  Not nested.  A write that fails undoes all of
 * it; those that follow, and commit, then fail with the same error, until the
 * commit is over (commit, rollback, or another begin).
 */
int mir_journal_begin(struct mir_journal *j, struct mir_error *err);
int mir_journal_commit(struct mir_journal *j, struct mir_error *err);
void mir_journal_rollback(struct mir_journal *j);

/* Tests: called after each commit that reached the file.  NULL: none. */
void mir_journal_on_commit(struct mir_journal *j, void (*f)(void *arg), void *arg);

/* Insert or replace whole rows. */
int mir_journal_put_chain(struct mir_journal *j,
                          const struct mir_chain_row *row,
                          struct mir_error *err);
int mir_journal_put_link(struct mir_journal *j,
                         const struct mir_link_row *row,
                         struct mir_error *err);

/* Append; `*id` is the pass's row number. */
int mir_journal_add_pass(struct mir_journal *j,
                         const struct mir_pass_row *row,
                         int64_t *id,
                         struct mir_error *err);
int mir_journal_add_decision(struct mir_journal *j,
                             const struct mir_decision_row *row,
                             struct mir_error *err);

/* A change of state or anything worth telling later: "lost job 12: slurmctld no longer knows it". */
int mir_journal_add_event(struct mir_journal *j,
                          const char *chain,
                          int32_t link,
                          int64_t at,
                          const char *text,
                          struct mir_error *err);

/*
 * Starts, for the history of sites without accounting, for replaying decisions and,
 * once their end is known, for run times and as what mirage-train learns from.  One
 * replaces what is there of the same id, submit_at and start_at.
 */
int mir_journal_add_start(struct mir_journal *j,
                          const struct mir_live_past *past,
                          struct mir_error *err);

/*
 * Rows by chain id, number / time ascending; a callback that returns non-zero
 * ends the walk with it.  It may ask and write.  `chain` NULL: of all chains.
 */
typedef int (*mir_journal_chain_f)(void *arg, const struct mir_chain_row *row);
typedef int (*mir_journal_link_f)(void *arg, const struct mir_link_row *row);
typedef int (*mir_journal_decision_f)(void *arg, const struct mir_decision_row *row);
typedef int (*mir_journal_start_f)(void *arg, const struct mir_live_past *past);
typedef int (
    *mir_journal_event_f)(void *arg, const char *chain, int32_t link, int64_t at, const char *text);

int mir_journal_each_chain(struct mir_journal *j,
                           bool open_only,
                           mir_journal_chain_f f,
                           void *arg,
                           struct mir_error *err);
int mir_journal_each_link(struct mir_journal *j,
                          const char *chain,
                          mir_journal_link_f f,
                          void *arg,
                          struct mir_error *err);
/* The newest `max` of a chain, oldest first. */
int mir_journal_each_decision(struct mir_journal *j,
                              const char *chain,
                              size_t max,
                              mir_journal_decision_f f,
                              void *arg,
                              struct mir_error *err);
int mir_journal_each_event(struct mir_journal *j,
                           const char *chain,
                           size_t max,
                           mir_journal_event_f f,
                           void *arg,
                           struct mir_error *err);
/* In the order in which they started; the newest `max`. */
int mir_journal_each_start(struct mir_journal *j,
                           size_t max,
                           mir_journal_start_f f,
                           void *arg,
                           struct mir_error *err);
/* Which start: pages of them go on after it. */
struct mir_journal_place {
    int64_t start_at, submit_at;
    uint32_t job_id;
};
/* In the same order, those after `after`, at most `max`; what is added meanwhile may be missed. */
int mir_journal_page_starts(struct mir_journal *j,
                            const struct mir_journal_place *after,
                            size_t max,
                            mir_journal_start_f f,
                            void *arg,
                            struct mir_error *err);
/* -ENOENT: no such pass.  The blob is lent until the next call. */
int mir_journal_get_pass(struct mir_journal *j,
                         int64_t id,
                         struct mir_pass_row *out,
                         struct mir_error *err);

/* Small facts ("drained", "history_until"); get returns -ENOENT for a missing one. */
int mir_journal_set(struct mir_journal *j, const char *key, int64_t value, struct mir_error *err);
int mir_journal_get(struct mir_journal *j, const char *key, int64_t *out, struct mir_error *err);

/*
 * Lumps of bytes ("calibration"), whole: they replace what was there.  get gives
 * a copy that the caller frees; -ENOENT: none.
 */
int mir_journal_set_blob(struct mir_journal *j,
                         const char *key,
                         const void *bytes,
                         size_t len,
                         struct mir_error *err);
int mir_journal_get_blob(struct mir_journal *j,
                         const char *key,
                         void **out,
                         size_t *len,
                         struct mir_error *err);

/* Forget passes, decisions, events and starts before `before`, and chains that ended before it.  Not in a commit. */
int mir_journal_prune(struct mir_journal *j, int64_t before, struct mir_error *err);

#endif
