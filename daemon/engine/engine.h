/*
 * engine.h - the loop around the decision: from events of a live cluster, the
 * passage of time and people's commands to journal entries, submissions and a
 * published view.  Knows neither Slurm nor sockets; time and randomness are
 * arguments, so a run with a seed is reproducible.  One thread.
 *
 * What it promises, whatever dies and whenever: at most one live successor for
 * each link, one in the end while the chain lives, nothing done for a user who
 * did not ask, nothing done to a job that is not exactly the one it means.
 * README.md tells how (the states of a link, and why no intent is ever retried
 * while its outcome is unknown).
 */
#ifndef MIR_ENGINE_ENGINE_H
#define MIR_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "daemon/engine/journal.h"
#include "daemon/engine/view.h"
#include "daemon/host/live.h"
#include "plugins/policy.h"

enum mir_mode { MIR_MODE_OBSERVE, MIR_MODE_CANARY, MIR_MODE_ACT };

/* What holds for chains of one partition, or of all ("" and no rule of its own). */
struct mir_engine_rule {
    char partition[64]; /* "": every other */
    const struct mir_policy *policy;
    double weight;
};

/* All of it lent until the engine is destroyed or given others. */
struct mir_engine_settings {
    enum mir_mode mode;
    const char *const *canary_users, *const *canary_accounts,
                                         *const *canary_partitions; /* NULL-terminated */
    const struct mir_engine_rule *rules;                            /* the last has partition "" */
    size_t n_rules;
    int32_t period_s; /* between decisions on a chain */
    int32_t poll_s;   /* between job lists, at least; 5 times the last call if that is longer */
    int32_t fail_within_s;   /* a link that fails sooner counts as a crash */
    int32_t max_failures;    /* crashes in a row until the chain is parked */
    int32_t backoff_s;       /* after the first crash; doubles with each */
    int32_t finish_margin_s; /* an end this close to the limit is the limit's */
    bool done_on_success; /* exit code 0 before the limit ends the chain, unless its options say */
    int32_t warmup_s, lead_max_s; /* defaults of chains that give none; lead_max 0: none */
    int32_t links_max;            /* default; 0: none */
    int32_t chains_per_user;      /* open ones at most */
    int32_t history_days, keep_days;
    size_t history_max;
    bool enroll_by_comment;
    const char *kill_file;       /* looked for before every submission; "" none */
    const char *model;           /* file of the model of waits; "" or NULL: none */
    int32_t lookahead_cpu_s;     /* CPU time that futures may take in a period; 0: no limit */
    const struct mir_zone *zone; /* of until=; NULL: UTC */
    const struct mir_view_setting *shown; /* the configuration as text, for the view */
    size_t n_shown;
    uint32_t min_uid; /* comments of users below are ignored */
};

/* Something worth a line in the log; `chain` and `token` may be "". */
typedef void (*mir_engine_log_f)(void *arg,
                                 int priority, /* syslog's */
                                 const char *chain,
                                 uint32_t job_id,
                                 const char *token,
                                 const char *text);

struct mir_engine;

/*
 * Take up what the journal holds.  `journal`, `live` and `board` (may be NULL)
 * are lent.  `rng_seed`: tokens and chain ids come from it; in the daemon, from
 * the kernel's random numbers.  Returns 0, or the journal's error.
 */
int mir_engine_create(const struct mir_engine_settings *settings,
                      struct mir_journal *journal,
                      struct mir_live *live,
                      struct mir_view_board *board,
                      const uint64_t rng_seed[4],
                      struct mir_now now,
                      mir_engine_log_f log,
                      void *log_arg,
                      struct mir_engine **out,
                      struct mir_error *err);
void mir_engine_destroy(struct mir_engine *e);

/* Other settings from now on (SIGHUP). */
void mir_engine_set(struct mir_engine *e, const struct mir_engine_settings *settings);

/* What the live cluster tells.  Never blocks. */
void mir_engine_event(struct mir_engine *e, struct mir_now now, const struct mir_live_event *event);

/* A person's command. */
void mir_engine_command(struct mir_engine *e,
                        struct mir_now now,
                        const struct mir_command *command,
                        struct mir_answer *answer);

/*
 * Do what is due.  Call it after events and commands, and at the time that it
 * returns: monotonic nanoseconds, at most a second ahead.
 */
int64_t mir_engine_tick(struct mir_engine *e, struct mir_now now);

/* For the watchdog: is the loop alive, that is, did every pass since the last call end? */
bool mir_engine_alive(const struct mir_engine *e, struct mir_now now);

#endif
