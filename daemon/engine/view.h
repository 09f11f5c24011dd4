/*
 * view.h - what the engine publishes after each pass: an immutable picture of
 * everything, for HTTP threads.  Reference-counted; never changed once
 * published.  ref and unref from any thread; all else belongs to the engine.
 */
#ifndef MIR_ENGINE_VIEW_H
#define MIR_ENGINE_VIEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Durations and times in seconds; a time of 0 is "not yet"; NAN is "not known". */

enum { MIR_VIEW_FAN_POINTS = 48, MIR_VIEW_FAN_JOBS = 3 };

/* What a submission at one time would cost, over the futures that a decision played out. */
struct mir_view_fan_point {
    int64_t submit_at;
    double cost_h, cost_p10_h, cost_p90_h;
    double wait_p10_h, wait_p50_h, wait_p90_h;
};

/* A job whose run time decides when a successor starts that is submitted now. */
struct mir_view_fan_job {
    uint32_t id;
    bool is_running;         /* false: it waits */
    double effect_h;         /* the start moves by so much with one deviation of it */
    char user[64], name[64]; /* ""; not known */
};

/* Why a policy decided as it did; shared between views, never changed once shown. */
struct mir_view_fan {
    atomic_uint refs;
    uint32_t n_futures;
    uint32_t n_points, n_jobs;
    uint32_t best;                                         /* the cheapest of the points */
    struct mir_view_fan_point points[MIR_VIEW_FAN_POINTS]; /* by submit_at; [0] is now */
    struct mir_view_fan_job jobs[MIR_VIEW_FAN_JOBS];       /* the greatest effect first */
};

struct mir_view_decision {
    int64_t at;
    int32_t link;
    bool submit; /* what the policy answered */
    bool acted;  /* and it was done */
    double wait_s;
    char policy[128];
    char reason[256];
    struct mir_view_fan *fan; /* ref'd; NULL: none, or a later decision of the link has one */
};

struct mir_view_event {
    int64_t at;
    int32_t link; /* -1: of the chain */
    char text[256];
};

struct mir_view_link {
    int32_t number;
    char state[16];     /* planned, intent, sent, confirmed, pending, running, gone */
    char job_state[20]; /* Slurm's word; "" without a job */
    uint32_t job_id;    /* 0: none */
    char token[33];
    char environment[16];
    int64_t planned_at, decided_at, sent_at, confirmed_at, would_at;
    int64_t submit_at, start_at, end_at; /* end_at: planned while it runs */
    int32_t limit_s;
    int32_t exit_code, exit_signal;
    double decided_wait_s;
    double interruption_s, overlap_s; /* against its predecessor; NAN: not known yet */
    int32_t n_sent;
};

/* One chain; shared between views while it does not change. */
struct mir_view_chain {
    atomic_uint refs;
    char id[16];
    char state[16];
    char reason[256];
    uint32_t uid;
    char user[64], account[64], partition[64], qos[64], name[128];
    char options[512]; /* as in the comment */
    char policy[128];  /* in force */
    double weight;
    int32_t n_nodes, limit_s, warmup_s, links_max; /* links_max 0: no end */
    bool acts;                                     /* false: observed only (mode) */
    int64_t enrolled_at, ended_at, not_before_at;
    int64_t next_decision_at; /* 0: none due */
    int32_t failures;
    double interruption_s, overlap_s; /* sums over its links */
    struct mir_view_link *links;      /* the newest 100, oldest first */
    size_t n_links;
    struct mir_view_decision *decisions; /* the newest 100, oldest first */
    size_t n_decisions;
    struct mir_view_event *events; /* the newest 50, oldest first */
    size_t n_events;
};

struct mir_view_rpc {
    char name[24];
    uint64_t n, n_failed;
    int64_t total_ms, max_ms;
};

struct mir_view_setting {
    const char *key; /* "broker.min_uid" */
    const char *value;
};

/* Where a model comes from; checksum "": there is none. */
struct mir_view_model_file {
    char checksum[17]; /* of the file, hexadecimal */
    char source[128], program[128], feature_set[128];
    char methods[64]; /* "forest-q xgb-q" */
    int64_t trained_at;
    int64_t from_at, to_at; /* the window that it was trained on */
    uint64_t n_labels, n_censored, seed;
    uint32_t n_nodes; /* of the machine it was trained on */
};

/* A measured number, or a feature with its share of what the model goes by. */
struct mir_view_score {
    char name[64];
    double value;
};

/* The model in use and the one before; shared between views while neither changes. */
struct mir_view_model {
    atomic_uint refs;
    char path[1024];
    char refused[256]; /* why the newest file, or none, is not in use; "": it is */
    int64_t loaded_at; /* this machine's clock */
    struct mir_view_model_file current, previous;
    struct mir_view_score *scores;
    size_t n_scores;
    struct mir_view_score *importance; /* the ten first */
    size_t n_importance;
};

/* What was promised of the waits that became known, and kept. */
struct mir_view_coverage {
    char method[16];  /* whose promises; "" without a model */
    uint64_t n_known; /* of the newest 1,000: jobs whose wait is known */
    double share[3];  /* of them, within p50, p90, p95; NAN: none yet */
    uint64_t n_open;  /* jobs that still wait */
    uint64_t n_learned;
};

struct mir_view {
    atomic_uint refs;
    char version[32], cluster[64], slurm_version[32];
    char mode[16];     /* observe, canary, act */
    bool drained;      /* by command */
    bool killed;       /* by the kill file */
    bool connected;    /* the broker answers */
    bool ready;        /* journal open, first list read, history settled */
    char problem[256]; /* what keeps it from being ready or acting; "" */
    char journal[16];  /* wal, truncate */
    char history[64];  /* "accounting", "observed only: no slurmdbd" */
    int64_t at;        /* Slurm's clock at this view */
    int64_t started_at;
    int64_t list_at;        /* Slurm's clock at the last job list; 0: none yet */
    int64_t passed_mono_ns; /* when the decision loop last went round: /healthz */
    int32_t poll_s;         /* interval in force */
    double pass_cpu_s, pass_cpu_max_s;
    double lookahead_cpu_s; /* of all passes, for futures */
    uint64_t n_futures;     /* played out in it */
    /* What came of the newest starts that futures foretold: models/lookahead/lessons.h. */
    uint32_t n_foretold;
    double foretold_outside;   /* their share outside of the 90 % band; NAN: none yet */
    bool lookahead_trusted;    /* false: another policy decides */
    int64_t arrivals_since_at; /* all submissions since then are known; 0: not yet */
    uint64_t n_passes, n_decisions, n_submitted, n_adopted, n_lost;
    uint32_t n_nodes, n_nodes_free;
    uint64_t n_pending, n_running, n_pending_nodes, n_history;
    double wait_s[5];             /* of pending jobs so far: 0, 25, 50, 75, 100 % */
    double recent_wait_s[3];      /* of the newest 1,000 starts: 50, 90, 95 % */
    struct mir_view_model *model; /* ref'd; NULL: no model is configured */
    struct mir_view_coverage coverage;
    int64_t maintenance_at;         /* start of the next maintenance reservation; 0: none */
    struct mir_view_chain **chains; /* each ref'd; open ones first, newest first */
    size_t n_chains;
    struct mir_view_rpc *rpcs;
    size_t n_rpcs;
    struct mir_view_setting *settings; /* effective configuration; shared text below */
    size_t n_settings;
    char *settings_text;
};

struct mir_view *mir_view_create(void); /* zeroed, one reference */
struct mir_view_chain *mir_view_chain_create(void);
struct mir_view *mir_view_ref(struct mir_view *view);
void mir_view_unref(struct mir_view *view); /* accepts NULL */
struct mir_view_chain *mir_view_chain_ref(struct mir_view_chain *chain);
void mir_view_chain_unref(struct mir_view_chain *chain);
struct mir_view_model *mir_view_model_create(void);
struct mir_view_model *mir_view_model_ref(struct mir_view_model *model);
void mir_view_model_unref(struct mir_view_model *model); /* accepts NULL */
struct mir_view_fan *mir_view_fan_create(void);
struct mir_view_fan *mir_view_fan_ref(struct mir_view_fan *fan); /* accepts NULL */
void mir_view_fan_unref(struct mir_view_fan *fan);               /* accepts NULL */

/*
 * Where the newest view hangs.  publish takes the reference over and may be
 * called by the engine only; get returns a reference (never NULL after the first
 * publish), from any thread, and never waits for the engine's work.
 */
struct mir_view_board;
struct mir_view_board *mir_view_board_create(void);
void mir_view_board_destroy(struct mir_view_board *board);
void mir_view_publish(struct mir_view_board *board, struct mir_view *view);
struct mir_view *mir_view_get(struct mir_view_board *board);

/*
 * What people ask for, over the same border: the HTTP thread fills a command and
 * waits; the engine thread takes it, acts and answers.
 */
enum mir_command_verb {
    MIR_ENROLL,
    MIR_STOP,
    MIR_PAUSE,
    MIR_RESUME,
    MIR_DRAIN,
    MIR_UNDRAIN,
    MIR_MODEL_INSTALL,
    MIR_MODEL_ROLLBACK,
    MIR_MODEL_RELOAD,
    MIR_PREDICT,
    MIR_HISTORY,
};

/* Whose wait is asked for; "": not said. */
struct mir_view_request {
    uint32_t n_nodes;
    int32_t limit_s;
    char user[64], account[64], partition[64], qos[64];
};

struct mir_command {
    enum mir_command_verb verb;
    uint32_t uid;                    /* who asks, as the kernel says */
    bool admin;                      /* configured admins: all chains, drain */
    char chain[16];                  /* stop, pause, resume */
    uint32_t job_id;                 /* enroll */
    char options[512];               /* enroll: as after "mirage:"; "" */
    const char *munged_environment;  /* enroll: credential or NULL; lent until answered */
    bool keep_successor;             /* stop: leave a pending successor alone */
    struct mir_view_request request; /* predict */
    char file[1024];                 /* install: absolute path, read by the daemon */
    bool force;                      /* install: without comparison */
    char after[64];                  /* history: as the last page said; "": from the first */
};

/* What drives a forecast: a feature, and by how much it makes the wait longer. */
struct mir_view_driver {
    char name[48], unit[16], text[96];
    double value;
    double change_s; /* against the feature's median in training */
};

/* An answer to predict. */
struct mir_view_forecast {
    int64_t at;        /* Slurm's clock: of the list that it was made from */
    char method[16];   /* "forest-q", "xgb-q"; "waits": of recent starts, there is no model */
    char note[160];    /* what to know of it; "" */
    double wait_s[3];  /* 10, 50, 90 %; NAN: not known */
    double plan_s;     /* Slurm's own plan, by limits; NAN: it has none so far ahead */
    double priority;   /* that was counted with; NAN: behind all that wait */
    bool out_of_range; /* not to be believed: training saw nothing of the kind */
    uint32_t n_outside;
    char furthest[48]; /* the feature furthest out; "" */
    struct mir_view_driver drivers[3];
    uint32_t n_drivers;
    uint32_t n_waits;                 /* "waits": of how many starts */
    struct mir_view_model_file model; /* checksum "": none */
};

struct mir_answer {
    int rc;         /* 0, -ENOENT, -EPERM, -EINVAL, -EALREADY, -EBUSY, -EIO (journal), -ETIMEDOUT */
    char chain[16]; /* enroll: its id */
    char text[512]; /* one line for people */
    struct mir_view_forecast *forecast; /* predict: the asker's, free(); NULL */
    char *csv;                          /* history: a page, the asker's, free(); NULL */
    char after[64];                     /* history: where the next page begins; "": no more */
};

struct mir_mailbox;
struct mir_mailbox *mir_mailbox_create(void); /* open; NULL (errno) without a free descriptor */
void mir_mailbox_destroy(struct mir_mailbox *box); /* accepts NULL; when nobody asks any more */

/*
 * Any thread: hand over and wait at most `timeout_ms` for the answer.  At most 64
 * wait at once; further ones have -EBUSY at once, and so has everyone while the
 * box is closed.  When the time is up before the engine took the command, it is
 * withdrawn, never handled, and the answer is -ETIMEDOUT; when the engine is at
 * it already, its end is waited for, so that an answer is never lost.
 */
void mir_mailbox_ask(struct mir_mailbox *box,
                     const struct mir_command *command,
                     int timeout_ms,
                     struct mir_answer *answer);

/* The engine's side: readable when a command waits (an eventfd, for the event loop). */
int mir_mailbox_fd(const struct mir_mailbox *box);

/*
 * Take all waiting commands, `handle` each, wake those who asked.  A command
 * whose asker has given up is not handled.
 */
void mir_mailbox_serve(struct mir_mailbox *box,
                       void (*handle)(void *arg, const struct mir_command *, struct mir_answer *),
                       void *arg);

/*
 * Any thread: answer all who wait with -EBUSY, and all who ask from now on, until
 * opened again.  The HTTP server closes the box before it waits for its threads,
 * so that the engine's thread may stop the server without waiting for itself.
 */
void mir_mailbox_close(struct mir_mailbox *box);
void mir_mailbox_open(struct mir_mailbox *box);

#endif
