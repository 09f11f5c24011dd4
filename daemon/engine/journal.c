/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal.c - writes and walks of the journal. */
#include "daemon/engine/journal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"
#include "daemon/engine/journal_file.h"
#include "daemon/engine/journal_row.h"

enum { PRUNE_SLICE = 1000 };

/* Statements that are prepared once. */
enum statement {
    BEGIN,
    COMMIT,
    PUT_CHAIN,
    PUT_LINK,
    ADD_PASS,
    ADD_DECISION,
    ADD_EVENT,
    ADD_START,
    GET_PASS,
    SET_FACT,
    GET_FACT,
    SET_BLOB,
    GET_BLOB,
    N_STATEMENTS,
};

struct mir_journal {
    sqlite3 *db;
    const char *mode;
    sqlite3_stmt *statements[N_STATEMENTS];
    bool in_commit;           /* between begin and commit */
    int failed;               /* what made this commit impossible; 0 */
    struct mir_error failure; /* its text */
    void (*on_commit)(void *arg);
    void *on_commit_arg;
    void *queue; /* the blob that get_pass lent */
};

/* ---- statements */

static int
prepare(struct mir_journal *j, const char *sql, sqlite3_stmt **out, struct mir_error *err)
{
    if (sqlite3_prepare_v2(j->db, sql, -1, out, NULL) != SQLITE_OK)
        return mir_journal_file_error(j->db, "prepare", err);
    return 0;
}

static int prepare_put(struct mir_journal *j,
                       enum statement id,
                       const char *verb,
                       const struct mir_journal_table *t,
                       const char *more, /* a further column, or NULL */
                       struct mir_error *err)
{
    struct mir_str sql = {0};
    int rc;

    mir_str_addf(&sql, "%s INTO %s(", verb, t->name);
    mir_journal_add_names(t, &sql);
    if (more != NULL)
        mir_str_addf(&sql, ",%s", more);
    mir_str_add(&sql, ") VALUES(?");
    for (size_t i = 1; i < t->n_columns + (more != NULL); i++)
        mir_str_add(&sql, ",?");
    mir_str_add(&sql, ")");
    rc = prepare(j, sql.text, &j->statements[id], err);
    mir_str_release(&sql);
    return rc;
}

static int prepare_get_pass(struct mir_journal *j, struct mir_error *err)
{
    struct mir_str sql = {0};
    int rc;

    mir_str_add(&sql, "SELECT ");
    mir_journal_add_names(&mir_journal_pass, &sql);
    mir_str_add(&sql, ",queue FROM pass WHERE id=?");
    rc = prepare(j, sql.text, &j->statements[GET_PASS], err);
    mir_str_release(&sql);
    return rc;
}

static int prepare_all(struct mir_journal *j, struct mir_error *err)
{
    static const struct {
        enum statement id;
        const char *sql;
    } plain[] = {
        {BEGIN, "BEGIN IMMEDIATE"},
        {COMMIT, "COMMIT"},
        {ADD_EVENT, "INSERT INTO event(chain,link,at,text) VALUES(?,?,?,?)"},
        {SET_FACT, "INSERT OR REPLACE INTO fact(key,value) VALUES(?,?)"},
        {GET_FACT, "SELECT value FROM fact WHERE key=?"},
        {SET_BLOB, "INSERT OR REPLACE INTO blob(key,value) VALUES(?,?)"},
        {GET_BLOB, "SELECT value FROM blob WHERE key=?"},
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof plain / sizeof *plain; i++)
        rc = prepare(j, plain[i].sql, &j->statements[plain[i].id], err);
    if (rc == 0)
        rc = prepare_put(j, PUT_CHAIN, "INSERT OR REPLACE", &mir_journal_chain, NULL, err);
    if (rc == 0)
        rc = prepare_put(j, PUT_LINK, "INSERT OR REPLACE", &mir_journal_link, NULL, err);
    if (rc == 0)
        rc = prepare_put(j, ADD_PASS, "INSERT", &mir_journal_pass, "queue", err);
    if (rc == 0)
        rc = prepare_put(j, ADD_DECISION, "INSERT", &mir_journal_decision, NULL, err);
    if (rc == 0)
        rc = prepare_put(j, ADD_START, "INSERT OR REPLACE", &mir_journal_start, NULL, err);
    return rc == 0 ? prepare_get_pass(j, err) : rc;
}

int mir_journal_open_as(const char *path,
                        const char *mode,
                        struct mir_journal **out,
                        struct mir_error *err)
{
    struct mir_journal *j = MIR_NEW(struct mir_journal);
    int rc;

    j->mode = mode != NULL ? mode : mir_journal_file_mode(path);
    rc = mir_journal_file_open(path, j->mode, &j->db, err);
    if (rc == 0)
        rc = prepare_all(j, err);
    if (rc != 0)
        mir_journal_close(j);
    else
        *out = j;
    return rc;
}

int mir_journal_open(const char *path, struct mir_journal **out, struct mir_error *err)
{
    return mir_journal_open_as(path, NULL, out, err);
}

void mir_journal_close(struct mir_journal *j)
{
    if (j == NULL)
        return;
    for (size_t i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(j->statements[i]);
    sqlite3_close(j->db); /* rolls back what is open */
    free(j->queue);
    free(j);
}

const char *mir_journal_mode(const struct mir_journal *j)
{
    return j->mode;
}

void mir_journal_on_commit(struct mir_journal *j, void (*f)(void *arg), void *arg)
{
    j->on_commit = f;
    j->on_commit_arg = arg;
}

/* errno is what tells a full disk from another error, see journal_file.h. */
static int step(sqlite3_stmt *s)
{
    errno = 0;
    return sqlite3_step(s);
}

/* ---- commits */

static void tell_commit(struct mir_journal *j)
{
    if (j->on_commit != NULL)
        j->on_commit(j->on_commit_arg);
}

/* SQLite has rolled back by itself after some errors, and not after others. */
static void roll_back(struct mir_journal *j)
{
    if (sqlite3_get_autocommit(j->db) == 0)
        sqlite3_exec(j->db, "ROLLBACK", NULL, NULL, NULL);
}

/*
 * After a failure all of this commit is gone, and what its caller still writes
 * must not be committed by itself: it is refused until commit or rollback.
 */
static int
give_up(struct mir_journal *j, int rc, const struct mir_error *why, struct mir_error *err)
{
    roll_back(j);
    if (j->in_commit) {
        j->failed = rc;
        j->failure = *why;
    }
    return mir_error_set(err, rc, "%s", why->text);
}

static int fail(struct mir_journal *j, const char *what, struct mir_error *err)
{
    struct mir_error why = {{0}};
    int rc = mir_journal_file_error(j->db, what, &why);

    return give_up(j, rc, &why, err);
}

static int refuse_after_failure(const struct mir_journal *j, struct mir_error *err)
{
    if (j->in_commit && j->failed != 0)
        return mir_error_set(err, j->failed, "%s", j->failure.text);
    return 0;
}

/* Step a write to its end. */
static int finish(struct mir_journal *j, enum statement id, const char *what, struct mir_error *err)
{
    sqlite3_stmt *s = j->statements[id];
    int rc = 0;

    if (step(s) != SQLITE_DONE)
        rc = fail(j, what, err);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    if (rc == 0 && !j->in_commit)
        tell_commit(j);
    return rc;
}

int mir_journal_begin(struct mir_journal *j, struct mir_error *err)
{
    int rc = 0;

    if (j->in_commit && j->failed == 0)
        return mir_error_set(err, -EINVAL, "journal: begin inside a commit");
    j->failed = 0;
    j->in_commit = false;
    if (step(j->statements[BEGIN]) != SQLITE_DONE)
        rc = fail(j, "begin", err);
    sqlite3_reset(j->statements[BEGIN]);
    j->in_commit = rc == 0;
    return rc;
}

int mir_journal_commit(struct mir_journal *j, struct mir_error *err)
{
    int rc = refuse_after_failure(j, err);

    if (!j->in_commit)
        return mir_error_set(err, -EINVAL, "journal: commit without begin");
    if (rc == 0 && step(j->statements[COMMIT]) != SQLITE_DONE)
        rc = fail(j, "commit", err);
    sqlite3_reset(j->statements[COMMIT]);
    j->in_commit = false;
    j->failed = 0;
    if (rc == 0)
        tell_commit(j);
    return rc;
}

void mir_journal_rollback(struct mir_journal *j)
{
    roll_back(j);
    j->in_commit = false;
    j->failed = 0;
}

/* ---- writes */

static int put_row(struct mir_journal *j,
                   enum statement id,
                   const struct mir_journal_table *t,
                   const void *row,
                   struct mir_error *err)
{
    struct mir_error why = {{0}};
    char what[32];
    int rc = refuse_after_failure(j, err);

    if (rc != 0)
        return rc;
    rc = mir_journal_row_bind(j->statements[id], t, row, &why);
    if (rc != 0)
        return give_up(j, rc, &why, err);
    snprintf(what, sizeof what, "write %s", t->name);
    return finish(j, id, what, err);
}

int mir_journal_put_chain(struct mir_journal *j,
                          const struct mir_chain_row *row,
                          struct mir_error *err)
{
    return put_row(j, PUT_CHAIN, &mir_journal_chain, row, err);
}

int mir_journal_put_link(struct mir_journal *j,
                         const struct mir_link_row *row,
                         struct mir_error *err)
{
    return put_row(j, PUT_LINK, &mir_journal_link, row, err);
}

int mir_journal_add_pass(struct mir_journal *j,
                         const struct mir_pass_row *row,
                         int64_t *id,
                         struct mir_error *err)
{
    struct mir_error why = {{0}};
    int rc = refuse_after_failure(j, err);

    if (rc != 0)
        return rc;
    /* NULL is bound as well: a value that an earlier failure left there must not count. */
    if (sqlite3_bind_blob64(j->statements[ADD_PASS], (int)mir_journal_pass.n_columns + 1,
                            row->queue, row->queue_len, SQLITE_STATIC) != SQLITE_OK) {
        rc = mir_error_set(&why, -EMSGSIZE, "journal: a queue of %zu bytes", row->queue_len);
        return give_up(j, rc, &why, err);
    }
    rc = put_row(j, ADD_PASS, &mir_journal_pass, row, err);
    if (rc == 0)
        *id = sqlite3_last_insert_rowid(j->db);
    return rc;
}

int mir_journal_add_decision(struct mir_journal *j,
                             const struct mir_decision_row *row,
                             struct mir_error *err)
{
    return put_row(j, ADD_DECISION, &mir_journal_decision, row, err);
}

int mir_journal_add_event(struct mir_journal *j,
                          const char *chain,
                          int32_t link,
                          int64_t at,
                          const char *text,
                          struct mir_error *err)
{
    sqlite3_stmt *s = j->statements[ADD_EVENT];
    int rc = refuse_after_failure(j, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_text(s, 1, chain != NULL ? chain : "", -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, link);
    sqlite3_bind_int64(s, 3, at);
    sqlite3_bind_text(s, 4, text != NULL ? text : "", -1, SQLITE_STATIC);
    return finish(j, ADD_EVENT, "write event", err);
}

int mir_journal_add_start(struct mir_journal *j,
                          const struct mir_live_past *past,
                          struct mir_error *err)
{
    return put_row(j, ADD_START, &mir_journal_start, past, err);
}

int mir_journal_set(struct mir_journal *j, const char *key, int64_t value, struct mir_error *err)
{
    sqlite3_stmt *s = j->statements[SET_FACT];
    int rc = refuse_after_failure(j, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, value);
    return finish(j, SET_FACT, "write fact", err);
}

int mir_journal_set_blob(struct mir_journal *j,
                         const char *key,
                         const void *bytes,
                         size_t len,
                         struct mir_error *err)
{
    sqlite3_stmt *s = j->statements[SET_BLOB];
    struct mir_error why = {{0}};
    int rc = refuse_after_failure(j, err);

    if (rc != 0)
        return rc;
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    if (sqlite3_bind_blob64(s, 2, bytes, len, SQLITE_STATIC) != SQLITE_OK) {
        rc = mir_error_set(&why, -EMSGSIZE, "journal: %s of %zu bytes", key, len);
        return give_up(j, rc, &why, err);
    }
    return finish(j, SET_BLOB, "write blob", err);
}

/* ---- reads */

int mir_journal_get(struct mir_journal *j, const char *key, int64_t *out, struct mir_error *err)
{
    sqlite3_stmt *s = j->statements[GET_FACT];
    int rc = 0, got;

    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    got = step(s);
    if (got == SQLITE_ROW)
        *out = sqlite3_column_int64(s, 0);
    else if (got == SQLITE_DONE)
        rc = mir_error_set(err, -ENOENT, "journal: no \"%s\"", key);
    else
        rc = mir_journal_file_error(j->db, "read fact", err);
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc;
}

int mir_journal_get_blob(struct mir_journal *j,
                         const char *key,
                         void **out,
                         size_t *len,
                         struct mir_error *err)
{
    sqlite3_stmt *s = j->statements[GET_BLOB];
    int rc = 0, got;

    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    got = step(s);
    if (got == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(s, 0);

        *len = (size_t)sqlite3_column_bytes(s, 0);
        *out = mir_alloc(*len + 1, 1);
        if (*len > 0)
            memcpy(*out, bytes, *len);
    } else if (got == SQLITE_DONE) {
        rc = mir_error_set(err, -ENOENT, "journal: no \"%s\"", key);
    } else {
        rc = mir_journal_file_error(j->db, "read blob", err);
    }
    sqlite3_reset(s);
    sqlite3_clear_bindings(s);
    return rc;
}

/* Copied: a statement that is left open would keep the WAL from being checkpointed. */
static void keep_queue(struct mir_journal *j, sqlite3_stmt *s, struct mir_pass_row *out)
{
    int column = (int)mir_journal_pass.n_columns;
    const void *blob = sqlite3_column_blob(s, column);
    size_t len = (size_t)sqlite3_column_bytes(s, column);

    free(j->queue);
    j->queue = NULL;
    if (sqlite3_column_type(s, column) != SQLITE_NULL) {
        j->queue = mir_alloc(len > 0 ? len : 1, 1);
        if (len > 0)
            memcpy(j->queue, blob, len);
    }
    out->queue = j->queue;
    out->queue_len = len;
}

int mir_journal_get_pass(struct mir_journal *j,
                         int64_t id,
                         struct mir_pass_row *out,
                         struct mir_error *err)
{
    sqlite3_stmt *s = j->statements[GET_PASS];
    struct mir_pass_row row = {0};
    int rc = 0, got;

    sqlite3_bind_int64(s, 1, id);
    got = step(s);
    if (got == SQLITE_ROW) {
        rc = mir_journal_row_read(s, &mir_journal_pass, &row, err);
        if (rc == 0) {
            keep_queue(j, s, &row);
            *out = row;
        }
    } else if (got == SQLITE_DONE) {
        rc = mir_error_set(err, -ENOENT, "journal: no pass %lld", (long long)id);
    } else {
        rc = mir_journal_file_error(j->db, "read pass", err);
    }
    sqlite3_reset(s);
    return rc;
}

/*
 * Walks prepare their own statement, so that a callback may ask and write as it
 * likes, another walk of the same rows included.  Their "+" keeps SQLite from
 * following the table's own order: it sorts all rows before it gives the first,
 * and what the callback writes is not met again.
 */
typedef int (*take_f)(void *walk, sqlite3_stmt *s, struct mir_error *err);

static int walk_rows(struct mir_journal *j,
                     const char *sql,
                     const char *chain, /* first parameter, where there is one; NULL: none */
                     int64_t max,       /* last parameter; < 0: none */
                     take_f take,
                     void *walk,
                     struct mir_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = prepare(j, sql, &s, err), got = SQLITE_DONE, at = 1;

    if (rc != 0)
        return rc;
    if (chain != NULL)
        sqlite3_bind_text(s, at++, chain, -1, SQLITE_STATIC);
    if (max >= 0)
        sqlite3_bind_int64(s, at, max);
    while (rc == 0 && (got = step(s)) == SQLITE_ROW)
        rc = take(walk, s, err);
    if (rc == 0 && got != SQLITE_DONE)
        rc = mir_journal_file_error(j->db, "read", err);
    sqlite3_finalize(s);
    return rc;
}

/* SELECT of a table's columns and what follows. */
static int walk_table(struct mir_journal *j,
                      const struct mir_journal_table *t,
                      const char *from,
                      const char *chain,
                      int64_t max,
                      take_f take,
                      void *walk,
                      struct mir_error *err)
{
    struct mir_str sql = {0};
    int rc;

    mir_str_add(&sql, "SELECT ");
    mir_journal_add_names(t, &sql);
    mir_str_addf(&sql, " FROM %s", from);
    rc = walk_rows(j, sql.text, chain, max, take, walk, err);
    mir_str_release(&sql);
    return rc;
}

static int64_t limit_of(size_t max)
{
    return max < INT64_MAX ? (int64_t)max : INT64_MAX;
}

struct chain_walk {
    mir_journal_chain_f f;
    void *arg;
};

static int take_chain(void *walk, sqlite3_stmt *s, struct mir_error *err)
{
    const struct chain_walk *w = walk;
    struct mir_chain_row row = {0};
    int rc = mir_journal_row_read(s, &mir_journal_chain, &row, err);

    return rc == 0 ? w->f(w->arg, &row) : rc;
}

int mir_journal_each_chain(struct mir_journal *j,
                           bool open_only,
                           mir_journal_chain_f f,
                           void *arg,
                           struct mir_error *err)
{
    struct chain_walk w = {f, arg};
    /* MIR_CHAIN_ENDED and MIR_CHAIN_REFUSED come last. */
    const char *from = open_only ? "chain WHERE state<4 ORDER BY +id" : "chain ORDER BY +id";

    _Static_assert(MIR_CHAIN_ENDED == 4 && MIR_CHAIN_REFUSED == 5, "numbers on disk");
    return walk_table(j, &mir_journal_chain, from, NULL, -1, take_chain, &w, err);
}

struct link_walk {
    mir_journal_link_f f;
    void *arg;
};

static int take_link(void *walk, sqlite3_stmt *s, struct mir_error *err)
{
    const struct link_walk *w = walk;
    struct mir_link_row row = {0};
    int rc = mir_journal_row_read(s, &mir_journal_link, &row, err);

    return rc == 0 ? w->f(w->arg, &row) : rc;
}

int mir_journal_each_link(struct mir_journal *j,
                          const char *chain,
                          mir_journal_link_f f,
                          void *arg,
                          struct mir_error *err)
{
    struct link_walk w = {f, arg};
    const char *from =
        chain != NULL ? "link WHERE chain=? ORDER BY +number" : "link ORDER BY +chain,+number";

    return walk_table(j, &mir_journal_link, from, chain, -1, take_link, &w, err);
}

struct decision_walk {
    mir_journal_decision_f f;
    void *arg;
};

static int take_decision(void *walk, sqlite3_stmt *s, struct mir_error *err)
{
    const struct decision_walk *w = walk;
    struct mir_decision_row row = {0};
    int rc = mir_journal_row_read(s, &mir_journal_decision, &row, err);

    return rc == 0 ? w->f(w->arg, &row) : rc;
}

int mir_journal_each_decision(struct mir_journal *j,
                              const char *chain,
                              size_t max,
                              mir_journal_decision_f f,
                              void *arg,
                              struct mir_error *err)
{
    struct decision_walk w = {f, arg};
    const char *from = chain != NULL
                           ? "(SELECT * FROM decision WHERE chain=? ORDER BY id DESC LIMIT ?)"
                             " ORDER BY +id"
                           : "(SELECT * FROM decision ORDER BY id DESC LIMIT ?) ORDER BY +id";

    return walk_table(j, &mir_journal_decision, from, chain, limit_of(max), take_decision, &w, err);
}

struct event_walk {
    mir_journal_event_f f;
    void *arg;
};

static int take_event(void *walk, sqlite3_stmt *s, struct mir_error *err)
{
    const struct event_walk *w = walk;
    int64_t link = sqlite3_column_int64(s, 1);

    if (link < INT32_MIN || link > INT32_MAX)
        return mir_error_set(err, -EBADMSG, "journal: event.link holds %lld", (long long)link);
    return w->f(w->arg, (const char *)sqlite3_column_text(s, 0), (int32_t)link,
                sqlite3_column_int64(s, 2), (const char *)sqlite3_column_text(s, 3));
}

int mir_journal_each_event(struct mir_journal *j,
                           const char *chain,
                           size_t max,
                           mir_journal_event_f f,
                           void *arg,
                           struct mir_error *err)
{
    struct event_walk w = {f, arg};
    const char *sql = chain != NULL
                          ? "SELECT chain,link,at,text FROM (SELECT * FROM event WHERE chain=?"
                            " ORDER BY id DESC LIMIT ?) ORDER BY +id"
                          : "SELECT chain,link,at,text FROM (SELECT * FROM event"
                            " ORDER BY id DESC LIMIT ?) ORDER BY +id";

    return walk_rows(j, sql, chain, limit_of(max), take_event, &w, err);
}

struct start_walk {
    mir_journal_start_f f;
    void *arg;
};

static int take_start(void *walk, sqlite3_stmt *s, struct mir_error *err)
{
    const struct start_walk *w = walk;
    struct mir_live_past row = {0};
    int rc = mir_journal_row_read(s, &mir_journal_start, &row, err);

    return rc == 0 ? w->f(w->arg, &row) : rc;
}

int mir_journal_each_start(struct mir_journal *j,
                           size_t max,
                           mir_journal_start_f f,
                           void *arg,
                           struct mir_error *err)
{
    struct start_walk w = {f, arg};

    return walk_table(j, &mir_journal_start,
                      "(SELECT * FROM start ORDER BY start_at DESC,job_id DESC,submit_at DESC"
                      " LIMIT ?) ORDER BY +start_at,+job_id,+submit_at",
                      NULL, limit_of(max), take_start, &w, err);
}

/* Numbers go into the text: nothing of them is anybody's input but as a number. */
int mir_journal_page_starts(struct mir_journal *j,
                            const struct mir_journal_place *after,
                            size_t max,
                            mir_journal_start_f f,
                            void *arg,
                            struct mir_error *err)
{
    struct start_walk w = {f, arg};
    char from[256];

    snprintf(from, sizeof from,
             "(SELECT * FROM start WHERE (start_at,job_id,submit_at)>(%lld,%u,%lld)"
             " ORDER BY start_at,job_id,submit_at LIMIT ?) ORDER BY +start_at,+job_id,+submit_at",
             (long long)after->start_at, after->job_id, (long long)after->submit_at);
    return walk_table(j, &mir_journal_start, from, NULL, limit_of(max), take_start, &w, err);
}

/* ---- forgetting */

/*
 * A commit for every slice: the log that SQLite keeps of a commit stays short,
 * and what a crash undoes is one slice.
 */
static int
prune_slices(struct mir_journal *j, const char *sql, int64_t before, struct mir_error *err)
{
    sqlite3_stmt *s = NULL;
    int rc = prepare(j, sql, &s, err);
    int n_deleted = PRUNE_SLICE;

    if (rc == 0) {
        sqlite3_bind_int64(s, 1, before);
        sqlite3_bind_int64(s, 2, PRUNE_SLICE);
    }
    while (rc == 0 && n_deleted == PRUNE_SLICE) {
        if (step(s) != SQLITE_DONE)
            rc = fail(j, "prune", err);
        sqlite3_reset(s);
        n_deleted = rc == 0 ? sqlite3_changes(j->db) : 0;
        if (n_deleted > 0)
            tell_commit(j);
    }
    sqlite3_finalize(s);
    return rc;
}

/* While a job of it lives the chain stays: that it is over must not be forgotten before. */
#define ENDED_BEFORE                                                                               \
    "SELECT id FROM chain WHERE state>=4 AND "                                                     \
    "CASE WHEN ended_at>0 THEN ended_at ELSE enrolled_at END<?1 AND "                              \
    "NOT EXISTS (SELECT 1 FROM link WHERE link.chain=chain.id AND link.state<6)"

#define CANCELS_OF_NOBODY                                                                          \
    "SELECT key FROM fact WHERE key GLOB 'cancel:*' AND "                                          \
    "substr(key,8) NOT IN (SELECT id FROM chain)"

/* A chain and its links go together or not at all; one that was refused has no end, only a day. */
static int prune_chains(struct mir_journal *j, int64_t before, struct mir_error *err)
{
    static const char *const deletes[] = {
        "DELETE FROM link WHERE chain IN (" ENDED_BEFORE ")",
        "DELETE FROM decision WHERE chain IN (" ENDED_BEFORE ")",
        "DELETE FROM event WHERE chain IN (" ENDED_BEFORE ")",
        "DELETE FROM chain WHERE id IN (" ENDED_BEFORE ")",
        "DELETE FROM fact WHERE key IN (" CANCELS_OF_NOBODY ")",
    };
    int rc = mir_journal_begin(j, err);

    for (size_t i = 0; rc == 0 && i < sizeof deletes / sizeof *deletes; i++) {
        sqlite3_stmt *s = NULL;

        rc = prepare(j, deletes[i], &s, err);
        if (rc == 0)
            sqlite3_bind_int64(s, 1, before);
        if (rc == 0 && step(s) != SQLITE_DONE)
            rc = fail(j, "prune", err);
        sqlite3_finalize(s);
    }
    if (rc == 0)
        return mir_journal_commit(j, err);
    mir_journal_rollback(j);
    return rc;
}

int mir_journal_prune(struct mir_journal *j, int64_t before, struct mir_error *err)
{
    /* Debian's SQLite has no DELETE ... LIMIT. */
    static const char *const deletes[] = {
        "DELETE FROM decision WHERE id IN (SELECT id FROM decision WHERE at<? LIMIT ?)",
        "DELETE FROM pass WHERE id IN (SELECT id FROM pass WHERE at<? LIMIT ?)",
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE at<? LIMIT ?)",
        "DELETE FROM start WHERE id IN (SELECT id FROM start WHERE start_at<? LIMIT ?)",
    };
    int rc = 0;

    if (j->in_commit)
        return mir_error_set(err, -EINVAL, "journal: prune inside a commit");
    for (size_t i = 0; rc == 0 && i < sizeof deletes / sizeof *deletes; i++)
        rc = prune_slices(j, deletes[i], before, err);
    return rc == 0 ? prune_chains(j, before, err) : rc;
}
