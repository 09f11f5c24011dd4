/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal_row.c - members of the journal's structs to columns and back. */
#include "daemon/engine/journal_row.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/engine/journal.h"

#define COLUMN(row, kind, member, name)                                                            \
    {                                                                                              \
        name, MIR_COLUMN_##kind, offsetof(struct row, member), sizeof(((struct row *)0)->member),  \
            0                                                                                      \
    }
#define ENUM(row, member, name, max)                                                               \
    {                                                                                              \
        name, MIR_COLUMN_ENUM, offsetof(struct row, member), sizeof(((struct row *)0)->member),    \
            max                                                                                    \
    }
#define TABLE(name, columns)                                                                       \
    {                                                                                              \
        name, columns, sizeof(columns) / sizeof *(columns)                                         \
    }

_Static_assert(sizeof(enum mir_chain_state) == sizeof(int), "enums are read and written as int");

#define CHAIN(kind, member, name) COLUMN(mir_chain_row, kind, member, name)
static const struct mir_journal_column chain_columns[] = {
    CHAIN(TEXT, id, "id"),
    ENUM(mir_chain_row, state, "state", MIR_CHAIN_REFUSED),
    CHAIN(TEXT, reason, "reason"),
    CHAIN(U32, uid, "uid"),
    CHAIN(TEXT, user, "user"),
    CHAIN(TEXT, account, "account"),
    CHAIN(TEXT, partition, "partition"),
    CHAIN(TEXT, qos, "qos"),
    CHAIN(TEXT, name, "name"),
    CHAIN(TEXT, cluster, "cluster"),
    CHAIN(U32, options.given, "options_given"),
    CHAIN(F64, options.weight, "weight"),
    CHAIN(I32, options.links, "links"),
    CHAIN(I64, options.until, "until"),
    CHAIN(I32, options.lead_max_s, "lead_max_s"),
    CHAIN(I32, options.warmup_s, "warmup_s"),
    CHAIN(BOOL, options.done_on_success, "done_on_success"),
    CHAIN(TEXT, options.stop_file, "stop_file"),
    CHAIN(TEXT, options.policy, "policy"),
    CHAIN(BOOL, by_comment, "by_comment"),
    CHAIN(I64, enrolled_at, "enrolled_at"),
    CHAIN(I64, ended_at, "ended_at"),
    CHAIN(I32, failures, "failures"),
    CHAIN(I64, not_before_at, "not_before_at"),
};
const struct mir_journal_table mir_journal_chain = TABLE("chain", chain_columns);

#define LINK(kind, member, name) COLUMN(mir_link_row, kind, member, name)
static const struct mir_journal_column link_columns[] = {
    LINK(TEXT, chain, "chain"),
    LINK(I32, number, "number"),
    ENUM(mir_link_row, state, "state", MIR_LINK_GONE),
    LINK(U32, job.id, "job_id"),
    LINK(U32, job.uid, "job_uid"),
    LINK(I64, job.submit_at, "job_submit_at"),
    LINK(TEXT, job.token, "job_token"),
    LINK(U32, restarts, "restarts"),
    LINK(TEXT, template_id, "template_id"),
    ENUM(mir_link_row, environment, "environment", MIR_ENVIRONMENT_LOGIN),
    LINK(I32, warn_s, "warn_s"),
    LINK(I32, limit_s, "limit_s"),
    LINK(U32, n_nodes, "n_nodes"),
    LINK(TEXT, policy, "policy"),
    LINK(I64, planned_at, "planned_at"),
    LINK(I64, decided_at, "decided_at"),
    LINK(I64, sent_at, "sent_at"),
    LINK(I64, confirmed_at, "confirmed_at"),
    LINK(I64, start_at, "start_at"),
    LINK(I64, end_at, "end_at"),
    LINK(U8, job_state, "job_state"),
    LINK(I32, exit_code, "exit_code"),
    LINK(I32, exit_signal, "exit_signal"),
    LINK(F64, decided_wait_s, "decided_wait_s"),
    LINK(I64, would_at, "would_at"),
    LINK(I32, n_sent, "n_sent"),
};
const struct mir_journal_table mir_journal_link = TABLE("link", link_columns);

/* The packed queue comes behind these: it is neither read nor written as a member. */
#define PASS(kind, member, name) COLUMN(mir_pass_row, kind, member, name)
static const struct mir_journal_column pass_columns[] = {
    PASS(I64, at, "at"),
    PASS(U32, n_nodes, "n_nodes"),
    PASS(U32, n_nodes_free, "n_nodes_free"),
    PASS(U64, n_history, "n_history"),
};
const struct mir_journal_table mir_journal_pass = TABLE("pass", pass_columns);

#define DECISION(kind, member, name) COLUMN(mir_decision_row, kind, member, name)
static const struct mir_journal_column decision_columns[] = {
    DECISION(I64, pass, "pass"),
    DECISION(TEXT, chain, "chain"),
    DECISION(I32, link, "link"),
    DECISION(I64, at, "at"),
    DECISION(I32, action, "action"),
    DECISION(BOOL, acted, "acted"),
    DECISION(F64, wait_s, "wait_s"),
    DECISION(I64, predecessor_submit_at, "predecessor_submit_at"),
    DECISION(I64, predecessor_start_at, "predecessor_start_at"),
    DECISION(I64, predecessor_end_at, "predecessor_end_at"),
    DECISION(TEXT, policy, "policy"),
    DECISION(TEXT, reason, "reason"),
    DECISION(BYTES, fan, "fan"),
};
const struct mir_journal_table mir_journal_decision = TABLE("decision", decision_columns);

#define START(kind, member, name) COLUMN(mir_live_past, kind, member, name)
static const struct mir_journal_column start_columns[] = {
    START(U32, id, "job_id"),
    START(U32, uid, "uid"),
    START(U32, n_nodes, "n_nodes"),
    START(I32, limit_s, "limit_s"),
    START(I32, exit_code, "exit_code"),
    START(I32, exit_signal, "exit_signal"),
    START(U8, state, "state"),
    START(I64, submit_at, "submit_at"),
    START(I64, eligible_at, "eligible_at"),
    START(I64, start_at, "start_at"),
    START(I64, end_at, "end_at"),
    START(POINTER, user, "user"),
    START(POINTER, account, "account"),
    START(POINTER, partition, "partition"),
    START(POINTER, qos, "qos"),
    START(POINTER, comment, "comment"),
    START(POINTER, name, "name"),
};
const struct mir_journal_table mir_journal_start = TABLE("start", start_columns);

const char *mir_chain_state_name(enum mir_chain_state state)
{
    static const char *const names[] = {"enrolling", "active", "paused",
                                        "parked",    "ended",  "refused"};

    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

const char *mir_link_state_name(enum mir_link_state state)
{
    static const char *const names[] = {"planned", "intent",  "sent", "confirmed",
                                        "pending", "running", "gone"};

    return (size_t)state < sizeof names / sizeof *names ? names[state] : "unknown";
}

void mir_journal_add_names(const struct mir_journal_table *t, struct mir_str *sql)
{
    for (size_t i = 0; i < t->n_columns; i++)
        mir_str_addf(sql, "%s%s", i > 0 ? "," : "", t->columns[i].name);
}

/* A whole number's range and its place, whatever its type. */
static int64_t min_of(const struct mir_journal_column *c)
{
    if (c->kind == MIR_COLUMN_I32)
        return INT32_MIN;
    return c->kind == MIR_COLUMN_I64 ? INT64_MIN : 0;
}

static int64_t max_of(const struct mir_journal_column *c)
{
    switch (c->kind) {
    case MIR_COLUMN_BOOL:
        return 1;
    case MIR_COLUMN_U8:
        return UINT8_MAX;
    case MIR_COLUMN_I32:
        return INT32_MAX;
    case MIR_COLUMN_U32:
        return UINT32_MAX;
    case MIR_COLUMN_ENUM:
        return c->max;
    default:
        return INT64_MAX;
    }
}

static int64_t get_number(const struct mir_journal_column *c, const void *member)
{
    switch (c->kind) {
    case MIR_COLUMN_BOOL:
        return *(const bool *)member;
    case MIR_COLUMN_U8:
        return *(const uint8_t *)member;
    case MIR_COLUMN_U32:
        return *(const uint32_t *)member;
    case MIR_COLUMN_I32:
    case MIR_COLUMN_ENUM:
        return *(const int32_t *)member;
    default:
        return *(const int64_t *)member;
    }
}

static void set_number(const struct mir_journal_column *c, void *member, int64_t value)
{
    switch (c->kind) {
    case MIR_COLUMN_BOOL:
        *(bool *)member = value != 0;
        break;
    case MIR_COLUMN_U8:
        *(uint8_t *)member = (uint8_t)value;
        break;
    case MIR_COLUMN_U32:
        *(uint32_t *)member = (uint32_t)value;
        break;
    case MIR_COLUMN_I32:
    case MIR_COLUMN_ENUM:
        *(int32_t *)member = (int32_t)value;
        break;
    default:
        *(int64_t *)member = value;
    }
}

static void bind_text(sqlite3_stmt *s, int at, const char *text, size_t size)
{
    sqlite3_bind_text(s, at, text, (int)strnlen(text, size), SQLITE_STATIC);
}

/* NULL is bound as well: what an earlier row left there must not count. */
static int bind_bytes(sqlite3_stmt *s, int at, const struct mir_journal_bytes *b)
{
    return sqlite3_bind_blob64(s, at, b->bytes, b->bytes != NULL ? b->len : 0, SQLITE_STATIC);
}

int mir_journal_row_bind(sqlite3_stmt *s,
                         const struct mir_journal_table *t,
                         const void *row,
                         struct mir_error *err)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct mir_journal_column *c = &t->columns[i];
        const void *member = (const char *)row + c->offset;
        int at = (int)i + 1;
        int64_t n;
        double x;

        if (c->kind == MIR_COLUMN_TEXT) {
            bind_text(s, at, member, c->size);
        } else if (c->kind == MIR_COLUMN_POINTER) {
            const char *text = *(const char *const *)member;

            bind_text(s, at, text != NULL ? text : "", INT32_MAX);
        } else if (c->kind == MIR_COLUMN_BYTES) {
            if (bind_bytes(s, at, member) != SQLITE_OK)
                return mir_error_set(err, -EMSGSIZE, "%s.%s: too long", t->name, c->name);
        } else if (c->kind == MIR_COLUMN_F64) {
            x = *(const double *)member;
            sqlite3_bind_double(s, at, isnan(x) ? -1 : x);
        } else {
            n = get_number(c, member);
            if (n < min_of(c) || n > max_of(c))
                return mir_error_set(err, -ERANGE, "%s.%s: %lld", t->name, c->name, (long long)n);
            sqlite3_bind_int64(s, at, n);
        }
    }
    return 0;
}

static const char *text_of(sqlite3_stmt *s, int at)
{
    const char *text = (const char *)sqlite3_column_text(s, at);

    return text != NULL ? text : "";
}

static void read_text(sqlite3_stmt *s, int at, char *out, size_t size)
{
    const char *text = text_of(s, at);
    size_t len = strnlen(text, size - 1);

    memcpy(out, text, len);
    memset(out + len, 0, size - len);
}

static void read_bytes(sqlite3_stmt *s, int at, struct mir_journal_bytes *out)
{
    out->bytes = sqlite3_column_blob(s, at); /* NULL also where it is empty */
    out->len = (size_t)sqlite3_column_bytes(s, at);
}

int mir_journal_row_read(sqlite3_stmt *s,
                         const struct mir_journal_table *t,
                         void *row,
                         struct mir_error *err)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        const struct mir_journal_column *c = &t->columns[i];
        void *member = (char *)row + c->offset;
        int at = (int)i;

        if (c->kind == MIR_COLUMN_TEXT) {
            read_text(s, at, member, c->size);
        } else if (c->kind == MIR_COLUMN_POINTER) {
            *(const char **)member = text_of(s, at);
        } else if (c->kind == MIR_COLUMN_BYTES) {
            read_bytes(s, at, member);
        } else if (c->kind == MIR_COLUMN_F64) {
            *(double *)member = sqlite3_column_double(s, at);
        } else {
            int64_t n = sqlite3_column_int64(s, at);

            if (n < min_of(c) || n > max_of(c))
                return mir_error_set(err, -EBADMSG, "journal: %s.%s holds %lld", t->name, c->name,
                                     (long long)n);
            set_number(c, member, n);
        }
    }
    return 0;
}
