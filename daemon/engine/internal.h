/*
 * internal.h - what the engine's own files share.  Not for others.
 *
 *     engine.c     create, events in, tick
 *     chains.c     chains and links in memory; what goes to the journal
 *     poll.c       what is asked of the cluster, and when
 *     sight.c      a list comes: whose job is this?
 *     enroll.c     a job becomes a chain; capturing templates
 *     rules.c      which setting is in force for a chain
 *     successor.c  decide, verify, intend, send, and what came of it
 *     absence.c    a job is not where it should be; unknown outcomes
 *     ending.c     what the end of a link means
 *     commands.c   what people ask for
 *     forecast.c   the forecaster, and who feeds it (forecast.h)
 *     outlook.c    the lookahead, likewise (outlook.h)
 *     publish.c    the view
 *
 * Writing goes through memory: a change marks its row dirty, and
 * mir_engine_flush() commits all dirty rows as one transaction.  What must be on
 * disk before an act (intent, sent) is flushed by the act.
 */
#ifndef MIR_ENGINE_INTERNAL_H
#define MIR_ENGINE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include "daemon/core/rng.h"
#include "daemon/engine/engine.h"
#include "daemon/host/queue.h"

#define MIR_NS INT64_C(1000000000)

enum {
    MIR_FRESH_S = 15,      /* facts this young need no second look before a submission */
    MIR_SHOWN_LINKS = 100, /* kept in memory per chain, as the view shows */
    MIR_SHOWN_DECISIONS = 100,
    MIR_SHOWN_EVENTS = 50,
    MIR_CLOSED_CHAINS = 300,  /* kept in memory and shown */
    MIR_CLOSED_SHOWN = 20,    /* of each of them: links, decisions, events */
    MIR_REFUSED_CHAINS = 50,  /* of one user, told and shown while their jobs are listed */
    MIR_IDENTITY_TRIES = 5,   /* submissions refused for the predecessor's identity, in a row */
    MIR_UNLISTED_LINKS = 100, /* a tag's link number may be this far from those we know */
};

/* A link, and what is remembered of it only while the process lives. */
/* How a job ended. */
struct mir_end {
    uint8_t state;
    bool deadline;
    int32_t exit_code, exit_signal;
    int64_t start_at, end_at; /* 0: not known */
};

struct mir_engine_link {
    struct mir_link_row row;
    bool dirty;
    struct mir_request shape; /* as last seen in a list */
    bool opted;               /* its comment asks for a chain, when last seen */
    bool held;                /* by its owner, an administrator, or after failed launches */
    uint32_t flags;           /* enum mir_live_flag, last seen */
    double base_priority;     /* Slurm's without the part for its age; NAN, 0: not known */
    char note[96];            /* Slurm's reason while it waits */
    int64_t seen_ns;          /* monotonic; 0: not since we started */
    uint64_t seen_no;         /* number of the list that showed it */
    uint64_t rival_no;        /* number of the list that showed another job under its number */

    /* as a successor that is to be submitted */
    int64_t next_at;     /* Slurm's clock; 0: decide at once */
    bool wanted;         /* the answer was to submit, and we may */
    bool verifying;      /* its predecessor is being read */
    int64_t verified_ns; /* the predecessor's end was confirmed then */
    bool asked;          /* a submission is on its way */
    int64_t try_ns;      /* no attempt before */
    int64_t backoff_ns;
    int32_t n_identity; /* refusals for identity in a row */

    /* where is it? */
    bool unknown;      /* a submission may have happened */
    uint64_t after_no; /* only lists asked after this one count */
    unsigned n_absent; /* lists without it that count: 0, 1, 2 (then accounting is asked) */
    int64_t absent_ns; /* when the first of them was answered */
    bool away;         /* since it was last seen, lists were further apart than jobs are kept */
    bool has_end;      /* accounting's history tells how it ended */
    struct mir_end end;
    bool finding;
    int64_t find_ns; /* no question to accounting before */

    bool capturing, capture_failed;
    int64_t capture_ns;
    int64_t capture_backoff_ns;

    bool cancel_wanted, cancelling;
    uint64_t cancel_no; /* ask again after a list later than this one */
};

struct mir_engine_chain {
    struct mir_chain_row row;
    bool dirty;
    bool changed; /* since the view was built */
    struct mir_engine_link **links;
    size_t n_links, cap_links;
    int32_t n_trimmed; /* links no longer in memory */
    double trimmed_interruption_s, trimmed_overlap_s;
    struct mir_policy *own_policy;   /* options.policy; owned */
    const struct mir_policy *policy; /* whose instance `policy_state` is */
    void *policy_state;              /* NULL until first asked */
    bool policy_open;
    char *munged_environment;            /* until the first capture is answered */
    struct mir_view_decision *decisions; /* newest MIR_SHOWN_DECISIONS, oldest first */
    size_t n_decisions, cap_decisions;
    struct mir_view_event *events;
    size_t n_events, cap_events;
    struct mir_view_chain *view; /* one reference; NULL: to be built */
};

enum mir_purpose {
    MIR_ASK_LIST,
    MIR_ASK_CLUSTER,
    MIR_ASK_HISTORY,
    MIR_ASK_VERIFY,
    MIR_ASK_ENROLL,
    MIR_ASK_OUTCOME, /* accounting: did the submission happen? */
    MIR_ASK_LOST,    /* accounting: what became of a job that is gone? */
    MIR_ASK_CAPTURE,
    MIR_ASK_SUBMIT,
    MIR_ASK_CANCEL,
    MIR_ASK_CANCEL_RIVAL,
};

struct mir_question {
    uint64_t ticket;
    enum mir_purpose purpose;
    char chain[MIR_CHAIN_ID_LEN + 1];
    int32_t link;
    uint32_t job_id;
    char token[MIR_TOKEN_LEN + 1];
};

/* `mirage enroll` waits for the job to be read. */
struct mir_enroll_request {
    uint32_t job_id, uid;
    bool admin;
    bool asked;
    char chain[MIR_CHAIN_ID_LEN + 1];
    char *munged_environment;
};

/* A job with a tag that is surplus: told and, while it waits, cancelled. */
struct mir_rival {
    struct mir_job_identity job;
    bool cancelling;
    bool told_running;
    uint64_t seen_no, asked_no;
};

/* Of maintenance reservations the first that is not over; start_at 0: none. */
struct mir_engine_window {
    int64_t start_at, end_at;
    bool all; /* it takes every node in service */
};

struct mir_pending_event {
    char chain[MIR_CHAIN_ID_LEN + 1];
    int32_t link;
    int64_t at;
    char text[256];
};

struct mir_pending_fact {
    char key[32];
    int64_t value;
};

enum mir_history_state {
    MIR_HISTORY_NONE,    /* not asked yet */
    MIR_HISTORY_READING, /* pages to come */
    MIR_HISTORY_SETTLED,
};

struct mir_engine_forecast; /* forecast.h */
struct mir_engine_outlook;  /* outlook.h */

struct mir_engine {
    const struct mir_engine_settings *settings;
    struct mir_journal *journal;
    struct mir_live *live;
    struct mir_view_board *board;
    struct mir_rng rng;
    mir_engine_log_f log;
    void *log_arg;
    struct mir_now now; /* of this call */
    struct mir_now last;

    bool up;
    bool have_cluster;
    struct mir_live_cluster cluster; /* without its arrays */
    struct mir_engine_window maintenance;
    bool cluster_asked;
    int64_t cluster_due_ns;

    struct mir_queue *queue;
    struct mir_engine_forecast *forecast;
    struct mir_engine_outlook *outlook;
    const struct mir_live_jobs *list; /* the last; NULL: none that is still lent to us */
    int64_t list_at;                  /* Slurm's clock; 0: none ever */
    int64_t clock_at, clock_ns;       /* Slurm's clock and ours, at the same time */
    int64_t list_ns;                  /* when the last was answered; 0: none since UP */
    int64_t list_asked_ns;
    int64_t list_due_ns;
    int64_t list_duration_ns;
    int64_t hurry_ns;       /* evidence is wanted: the next list no later; 0: no hurry */
    int64_t list_before_ns; /* when the last one that was answered was asked for */
    int64_t list_debt_ns;   /* lists came so much before their time */
    bool list_asked, asked_full, need_full;
    uint64_t n_asked, list_no; /* lists asked for; number of the one that came */
    int64_t previous_list_at;
    int64_t looked_ns;     /* when a single job was last asked for: once a second at most */
    bool looked_to_enroll; /* and that was for somebody who wants a chain */
    size_t turn;           /* whose turn it is to look */

    enum mir_history_state history;
    bool history_asked, history_filling;
    int64_t history_from, history_to, history_until;
    int64_t history_begun; /* where what is being read began */
    int64_t history_due_ns;
    int n_history_failed;
    char history_text[64];
    /* of the last list, for the view */
    uint32_t n_nodes, n_nodes_free;
    uint64_t n_pending, n_running, n_pending_nodes, n_history;
    double wait_s[5], recent_wait_s[3];

    struct mir_engine_chain **chains; /* by id */
    size_t n_chains, cap_chains;
    struct mir_question *questions;
    size_t n_questions, cap_questions;
    uint64_t last_ticket;
    struct mir_enroll_request *requests;
    size_t n_requests, cap_requests;
    struct mir_rival *rivals;
    size_t n_rivals, cap_rivals;

    /* Templates that the broker may forget once the journal no longer names them. */
    char (*forgotten)[MIR_TEMPLATE_ID_LEN + 1];
    size_t n_forgotten, cap_forgotten;

    struct mir_pending_event *events; /* not yet in the journal */
    size_t n_events, cap_events;
    struct mir_pending_fact *facts;
    size_t n_facts, cap_facts;
    int64_t journal_retry_ns; /* the journal failed: nothing is done before; 0: it works */
    char problem[256];

    int64_t pass_id; /* journal's row of the queue that was seen; 0: none for this list */
    bool pass_packed;
    bool drained, killed;
    bool changed;
    int64_t started_at, published_ns, passed_ns, pruned_at;
    double pass_cpu_s, pass_cpu_max_s; /* shown only: nothing depends on them */
    uint64_t n_passes, n_decisions, n_submitted, n_adopted, n_lost;
};

/* chains.c */
struct mir_engine_chain *mir_engine_chain_find(const struct mir_engine *e, const char *id);
struct mir_engine_chain *mir_engine_chain_add(struct mir_engine *e,
                                              const struct mir_chain_row *row);
void mir_engine_chain_drop(struct mir_engine *e, size_t i);
bool mir_engine_chain_open(const struct mir_engine_chain *c); /* enrolling to parked */
struct mir_engine_link *mir_engine_link_find(const struct mir_engine_chain *c, int32_t number);
struct mir_engine_link *mir_engine_link_add(struct mir_engine_chain *c,
                                            const struct mir_link_row *row);
/* Has a job that may still exist: confirmed, pending or running. */
bool mir_engine_link_live(const struct mir_engine_link *l);
void mir_engine_link_touch(struct mir_engine *e,
                           struct mir_engine_chain *c,
                           struct mir_engine_link *l);
void mir_engine_chain_touch(struct mir_engine *e, struct mir_engine_chain *c);
void mir_engine_chain_state(struct mir_engine *e,
                            struct mir_engine_chain *c,
                            enum mir_chain_state state,
                            const char *reason);
/* Log it and keep it as an event of the chain (NULL: log only); `l` may be NULL. */
void mir_engine_tell(struct mir_engine *e,
                     int priority,
                     struct mir_engine_chain *c,
                     const struct mir_engine_link *l,
                     const char *fmt,
                     ...) __attribute__((format(printf, 5, 6)));
void mir_engine_fact(struct mir_engine *e, int64_t value, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int mir_engine_flush(struct mir_engine *e);

/*
 * The template is of no more use.  The broker hears it after the next commit: a
 * crash in between must not leave a journal that counts on what is gone.
 */
void mir_engine_forget_later(struct mir_engine *e, const char *template_id);
/* The journal failed just now: nothing is done for a while. */
void mir_engine_journal_failed(struct mir_engine *e, const struct mir_error *err);
bool mir_engine_journal_works(const struct mir_engine *e);
int mir_engine_load(struct mir_engine *e, struct mir_error *err);
void mir_engine_close_policy(struct mir_engine_chain *c);
void mir_engine_random_text(struct mir_engine *e, char *out, size_t len, const char *alphabet);
void mir_engine_trim(struct mir_engine *e);
/* Takes a reference to its fan; of the fans before, those of this link and of links long past go. */
void mir_engine_add_decision(struct mir_engine_chain *c, const struct mir_view_decision *d);

/* Slurm's clock now; 0 before the first list ever. */
int64_t mir_engine_at(const struct mir_engine *e);
struct mir_question *mir_engine_ask(struct mir_engine *e,
                                    enum mir_purpose purpose,
                                    const struct mir_engine_chain *c,
                                    const struct mir_engine_link *l);
void mir_engine_unask(struct mir_engine *e, uint64_t ticket);

/* poll.c */
void mir_engine_poll(struct mir_engine *e);
int64_t mir_engine_poll_ns(const struct mir_engine *e);
void mir_engine_hurry(struct mir_engine *e, int64_t at_ns);
void mir_engine_jobs_event(struct mir_engine *e, const struct mir_live_event *event);
void mir_engine_cluster_event(struct mir_engine *e, const struct mir_live_event *event);
void mir_engine_history_event(struct mir_engine *e, const struct mir_live_event *event);
bool mir_engine_may_decide(const struct mir_engine *e);
int64_t mir_engine_gap_ns(const struct mir_engine *e);
/* A job of that limit that starts at `from_at` or later runs into maintenance; says until when. */
bool mir_engine_crosses_maintenance(const struct mir_engine *e,
                                    int64_t from_at,
                                    int32_t limit_s,
                                    char out[160]);

/* sight.c */
void mir_engine_take_list(struct mir_engine *e, const struct mir_live_jobs *list);
/* What `job`, which is this link's, tells. */
void mir_engine_observe(struct mir_engine *e,
                        struct mir_engine_chain *c,
                        struct mir_engine_link *l,
                        const struct mir_live_job *job);
void mir_engine_adopt(struct mir_engine *e,
                      struct mir_engine_chain *c,
                      struct mir_engine_link *l,
                      uint32_t id,
                      int64_t submit_at);

/* enroll.c */
/* The job asks for a chain and is in none.  `id` NULL: a new one. */
struct mir_engine_chain *mir_engine_enroll(struct mir_engine *e,
                                           const struct mir_live_job *job,
                                           bool by_comment,
                                           const char *id,
                                           const char *munged_environment);
void mir_engine_refuse(struct mir_engine *e,
                       const struct mir_live_job *job,
                       bool by_comment,
                       const char *id,
                       const char *reason);
void mir_engine_take_up(struct mir_engine *e,
                        const struct mir_live_job *job,
                        const struct mir_tag *tag);
void mir_engine_enroll_due(struct mir_engine *e);
void mir_engine_enroll_event(struct mir_engine *e,
                             const struct mir_question *q,
                             const struct mir_live_event *event);
void mir_engine_capture_due(struct mir_engine *e);
void mir_engine_captured(struct mir_engine *e,
                         const struct mir_question *q,
                         const struct mir_live_event *event);
void mir_engine_forget_templates(struct mir_engine *e, struct mir_engine_chain *c);

/* rules.c */
bool mir_engine_acts(const struct mir_engine *e, const struct mir_engine_chain *c);
const struct mir_engine_rule *mir_engine_rule_of(const struct mir_engine *e,
                                                 const struct mir_engine_chain *c);
const struct mir_policy *mir_engine_policy_of(const struct mir_engine *e,
                                              const struct mir_engine_chain *c);
double mir_engine_weight_of(const struct mir_engine *e, const struct mir_engine_chain *c);
int32_t mir_engine_warmup_of(const struct mir_engine *e, const struct mir_engine_chain *c);
int32_t mir_engine_links_of(const struct mir_engine *e, const struct mir_engine_chain *c);

/* successor.c */
/* Link k runs or has ended: there is to be a link k+1, unless links or until say no. */
void mir_engine_plan(struct mir_engine *e,
                     struct mir_engine_chain *c,
                     const struct mir_engine_link *k);
/* Back to planned: as if it had never been tried. */
void mir_engine_replan(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l);
void mir_engine_look_for_kill_file(struct mir_engine *e);
bool mir_engine_suspended(const struct mir_engine_link *l);
/* Is the chain in a state to decide about a successor of `k`? */
bool mir_engine_decides(const struct mir_engine_chain *c, const struct mir_engine_link *k);
/* Names the chain in numbers, across restarts. */
uint64_t mir_engine_chain_number(const struct mir_engine_chain *c);
/* A successor that is not in the queue yet, as far as lists tell. */
struct mir_engine_coming {
    const struct mir_engine_link *predecessor;
    int64_t end_at;    /* its predecessor's */
    bool is_submitted; /* or just about to be */
};
/* False: the chain has none. */
bool mir_engine_coming(const struct mir_engine *e,
                       const struct mir_engine_chain *c,
                       struct mir_engine_coming *out);
void mir_engine_decide_due(struct mir_engine *e);
void mir_engine_submit_due(struct mir_engine *e);
void mir_engine_verified(struct mir_engine *e,
                         const struct mir_question *q,
                         const struct mir_live_event *event);
void mir_engine_submitted(struct mir_engine *e,
                          const struct mir_question *q,
                          const struct mir_live_event *event);

/* absence.c */
/* Its outcome is unknown from now on: nothing is sent until there is evidence. */
void mir_engine_doubt(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l);
void mir_engine_absent(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l);
void mir_engine_find_due(struct mir_engine *e);
/* A page of history may tell how a job ended that went unseen: the user's own has no token to find. */
void mir_engine_told_of_ends(struct mir_engine *e, const struct mir_live_past *past, size_t n);
void mir_engine_found(struct mir_engine *e,
                      const struct mir_question *q,
                      const struct mir_live_event *event);
/* Another live job under the number of a link. */
void mir_engine_rival(struct mir_engine *e,
                      struct mir_engine_chain *c,
                      struct mir_engine_link *l,
                      const struct mir_live_job *job);
void mir_engine_cancel_wanted(struct mir_engine *e,
                              struct mir_engine_chain *c,
                              struct mir_engine_link *l);
void mir_engine_cancel_due(struct mir_engine *e);
void mir_engine_cancelled(struct mir_engine *e,
                          const struct mir_question *q,
                          const struct mir_live_event *event);

/* ending.c */
void mir_engine_end_link(struct mir_engine *e,
                         struct mir_engine_chain *c,
                         struct mir_engine_link *l,
                         const struct mir_end *end);
/* The chain is over: pending successors are cancelled when asked for, unsent ones dropped. */
void mir_engine_end_chain(struct mir_engine *e,
                          struct mir_engine_chain *c,
                          bool cancel_successor,
                          const char *fmt,
                          ...) __attribute__((format(printf, 4, 5)));
/* `until` has passed and nothing of it lives. */
void mir_engine_end_overdue(struct mir_engine *e);
void mir_engine_park(struct mir_engine *e, struct mir_engine_chain *c, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Interruption and overlap between a link and the next one; NAN: not known yet. */
void mir_engine_pair(const struct mir_engine *e,
                     const struct mir_engine_chain *c,
                     const struct mir_engine_link *k,
                     const struct mir_engine_link *next,
                     double *interruption_s,
                     double *overlap_s);

/* forecast.c */
void mir_engine_forecast_create(struct mir_engine *e);
void mir_engine_forecast_destroy(struct mir_engine *e);
/* A list: before the queue takes it, and after. */
void mir_engine_forecast_list(struct mir_engine *e, const struct mir_live_jobs *jobs);
void mir_engine_forecast_listed(struct mir_engine *e, const struct mir_live_jobs *jobs);
/* A job of the past, from accounting or the journal, that the queue has learned of. */
void mir_engine_forecast_past(struct mir_engine *e, const struct mir_live_past *past);
/* The history that was looked at has moved. */
void mir_engine_forecast_stale(struct mir_engine *e);
void mir_engine_forecast_cluster(struct mir_engine *e, const struct mir_live_cluster *cluster);
/* Other settings: the model's file may be another one. */
void mir_engine_forecast_settings(struct mir_engine *e);
/* For a decision now; NULL before there is a queue. */
struct mir_forecaster *mir_engine_forecaster(struct mir_engine *e);
/*
 * What Slurm would give the same job were it submitted again now: its priority
 * without the part for its age.  NAN: not known, or not multifactor.
 */
double mir_engine_base_priority(const struct mir_engine *e, const struct mir_live_job *job);
void mir_engine_predict(struct mir_engine *e,
                        const struct mir_command *command,
                        struct mir_answer *answer);

/* outlook.c */
/* After the forecaster; ended before it. */
void mir_engine_outlook_create(struct mir_engine *e);
void mir_engine_outlook_destroy(struct mir_engine *e);
void mir_engine_outlook_cluster(struct mir_engine *e, const struct mir_live_cluster *live);
/* A job that the journal had when we started. */
void mir_engine_outlook_loaded(struct mir_engine *e, const struct mir_live_past *past);
/* A run that has started or ended, whoever told. */
void mir_engine_outlook_run(struct mir_engine *e, const struct mir_run_event *event);
/* Accounting has told of all jobs since then. */
void mir_engine_outlook_told(struct mir_engine *e, int64_t from_at);
void mir_engine_outlook_list(struct mir_engine *e, const struct mir_live_jobs *jobs);
/* After a list the forecaster has its queue: once an hour its jobs are foretold, for lessons. */
void mir_engine_outlook_listed(struct mir_engine *e);
/* The forecaster's queue is another one. */
void mir_engine_outlook_stale(struct mir_engine *e);
/*
 * For a decision now, with what is left of its CPU time; NULL before there is a queue.
 * Where the cluster cannot be played it refuses by name.
 */
struct mir_lookahead *mir_engine_lookahead(struct mir_engine *e);
/*
 * By when a chain wants an answer (mir_lookahead_needed_at()); INT64_MIN where its policy
 * plays nothing out.
 */
int64_t mir_engine_needed_at(struct mir_engine *e, const struct mir_engine_chain *c);
/* Its successor is going to be submitted: who is asked after it finds it in the queue. */
void mir_engine_outlook_submitted(struct mir_engine *e, const struct mir_engine_chain *c);
void mir_engine_view_futures(const struct mir_engine *e, struct mir_view *v);

/* model.c */
/* Look at the files now and then: a candidate, or another model. */
void mir_engine_model_watch(struct mir_engine *e);
void mir_engine_model_command(struct mir_engine *e,
                              const struct mir_command *command,
                              struct mir_answer *answer);
void mir_engine_view_model(struct mir_engine *e, struct mir_view *v);

/* export.c */
void mir_engine_history_page(struct mir_engine *e,
                             const struct mir_command *command,
                             struct mir_answer *answer);

/* publish.c */
void mir_engine_count_queue(struct mir_engine *e);
void mir_engine_publish(struct mir_engine *e);

#endif
