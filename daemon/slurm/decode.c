/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decode.c - tables of keys, and the one function that reads by them. */
#include "daemon/slurm/decode.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/core/parse.h"

enum kind {
    SKIPPED, /* read elsewhere */
    TEXT,    /* const char *, kept */
    FIXED,   /* an array of char */
    NUMBER,  /* signed or not, by the member's size and `min` */
    FLAG,    /* bool: 0 or 1 */
    STATE,   /* enum mir_job_state, by its word */
};

struct field {
    const char *key;
    enum kind kind;
    bool needed;
    size_t offset, size;
    int64_t min, max;
};

/* All tables have fewer: what was seen is a bit each. */
enum { FIELDS_MAX = 64 };

#define AT(row, member) offsetof(struct row, member), sizeof(((struct row *)0)->member)
#define TICKET                                                                                     \
    {                                                                                              \
        .key = "ticket", .kind = SKIPPED                                                           \
    }

#define JOB(key, kind, member, min, max)                                                           \
    {                                                                                              \
        key, kind, false, AT(mir_live_job, member), min, max                                       \
    }
#define JOB_NEEDED(key, kind, member, min, max)                                                    \
    {                                                                                              \
        key, kind, true, AT(mir_live_job, member), min, max                                        \
    }
static const struct field job_fields[] = {
    TICKET,
    JOB_NEEDED("id", NUMBER, id, 1, MIR_SLURM_JOB_ID_MAX),
    JOB_NEEDED("uid", NUMBER, uid, 0, UINT32_MAX - 1),
    JOB("gid", NUMBER, gid, 0, UINT32_MAX),
    JOB("user", TEXT, user, 0, 0),
    JOB("account", TEXT, account, 0, 0),
    JOB("partition", TEXT, partition, 0, 0),
    JOB("qos", TEXT, qos, 0, 0),
    JOB("name", TEXT, name, 0, 0),
    JOB("comment", TEXT, comment, 0, 0),
    JOB("reason", TEXT, reason, 0, 0),
    JOB("reservation", TEXT, reservation, 0, 0),
    JOB_NEEDED("state", STATE, state, 0, 0),
    JOB("flags", NUMBER, flags, 0, UINT32_MAX),
    JOB("nodes", NUMBER, n_nodes, 0, UINT32_MAX),
    JOB("cpus", NUMBER, n_cpus, 0, UINT32_MAX),
    JOB("gpus", NUMBER, n_gpus, 0, UINT32_MAX),
    JOB("tasks", NUMBER, n_tasks, 0, UINT32_MAX),
    JOB("restarts", NUMBER, restarts, 0, UINT32_MAX),
    JOB("priority", NUMBER, priority, 0, UINT32_MAX),
    JOB("nice", NUMBER, nice, INT32_MIN, INT32_MAX),
    JOB("limit_s", NUMBER, limit_s, 0, MIR_UNLIMITED - 1),
    JOB("exit_code", NUMBER, exit_code, 0, 255),
    JOB("exit_signal", NUMBER, exit_signal, 0, 255),
    JOB("submit_at", NUMBER, submit_at, 0, MIR_SLURM_TIME_MAX),
    JOB("eligible_at", NUMBER, eligible_at, 0, INT64_MAX),
    JOB("start_at", NUMBER, start_at, 0, MIR_SLURM_TIME_MAX),
    JOB("end_at", NUMBER, end_at, 0, MIR_SLURM_TIME_MAX),
    JOB("eval_at", NUMBER, last_sched_eval_at, 0, MIR_SLURM_TIME_MAX),
};

#define PAST(key, kind, member, needed, min, max)                                                  \
    {                                                                                              \
        key, kind, needed, AT(mir_live_past, member), min, max                                     \
    }
static const struct field past_fields[] = {
    TICKET,
    PAST("id", NUMBER, id, true, 1, MIR_SLURM_JOB_ID_MAX),
    PAST("uid", NUMBER, uid, true, 0, UINT32_MAX - 1),
    PAST("user", TEXT, user, false, 0, 0),
    PAST("account", TEXT, account, false, 0, 0),
    PAST("partition", TEXT, partition, false, 0, 0),
    PAST("qos", TEXT, qos, false, 0, 0),
    PAST("comment", TEXT, comment, false, 0, 0),
    PAST("name", TEXT, name, false, 0, 0),
    PAST("nodes", NUMBER, n_nodes, false, 0, UINT32_MAX),
    PAST("limit_s", NUMBER, limit_s, false, 0, MIR_UNLIMITED - 1),
    PAST("state", STATE, state, true, 0, 0),
    PAST("exit_code", NUMBER, exit_code, false, 0, 255),
    PAST("exit_signal", NUMBER, exit_signal, false, 0, 255),
    PAST("submit_at", NUMBER, submit_at, false, 0, MIR_SLURM_TIME_MAX),
    PAST("eligible_at", NUMBER, eligible_at, false, 0, INT64_MAX),
    PAST("start_at", NUMBER, start_at, false, 0, MIR_SLURM_TIME_MAX),
    PAST("end_at", NUMBER, end_at, false, 0, MIR_SLURM_TIME_MAX),
};

#define CLUSTER(key, kind, member, max)                                                            \
    {                                                                                              \
        key, kind, false, AT(mir_live_cluster, member), 0, max                                     \
    }
static const struct field cluster_fields[] = {
    TICKET,
    CLUSTER("name", FIXED, name, 0),
    CLUSTER("slurm", FIXED, slurm_version, 0),
    CLUSTER("nodes", NUMBER, n_nodes, UINT32_MAX),
    CLUSTER("idle", NUMBER, n_nodes_idle, UINT32_MAX),
    CLUSTER("down", NUMBER, n_nodes_down, UINT32_MAX),
    CLUSTER("message_timeout_s", NUMBER, message_timeout_s, INT32_MAX),
    CLUSTER("min_job_age_s", NUMBER, min_job_age_s, INT32_MAX),
    CLUSTER("accounting", FLAG, accounting, 1),
    CLUSTER("stores_comment", FLAG, stores_comment, 1),
    CLUSTER("stores_environment", FLAG, stores_environment, 1),
    CLUSTER("stores_script", FLAG, stores_script, 1),
    CLUSTER("accrue_always", FLAG, accrue_always, 1),
    CLUSTER("federated", FLAG, federated, 1),
    CLUSTER("scheduler", FIXED, scheduler, 0),
    CLUSTER("priority_type", FIXED, priority_type, 0),
    CLUSTER("scheduler_parameters", FIXED, scheduler_parameters, 0),
    CLUSTER("priority_flags", FIXED, priority_flags, 0),
    CLUSTER("weight_age", NUMBER, weight_age, UINT32_MAX),
    CLUSTER("weight_fair_share", NUMBER, weight_fair_share, UINT32_MAX),
    CLUSTER("weight_job_size", NUMBER, weight_job_size, UINT32_MAX),
    CLUSTER("weight_partition", NUMBER, weight_partition, UINT32_MAX),
    CLUSTER("weight_qos", NUMBER, weight_qos, UINT32_MAX),
    CLUSTER("max_age_s", NUMBER, max_age_s, INT32_MAX),
    CLUSTER("calc_period_s", NUMBER, calc_period_s, INT32_MAX),
    CLUSTER("favor_small", FLAG, favor_small, 1),
    {.key = "set_nodes", .kind = SKIPPED},
};

#define PARTITION(key, kind, member, needed, max)                                                  \
    {                                                                                              \
        key, kind, needed, AT(mir_live_partition, member), 0, max                                  \
    }
static const struct field partition_fields[] = {
    TICKET,
    PARTITION("name", FIXED, name, true, 0),
    PARTITION("nodes", NUMBER, n_nodes, false, UINT32_MAX),
    PARTITION("cpus", NUMBER, n_cpus, false, UINT32_MAX),
    PARTITION("limit_max_s", NUMBER, limit_max_s, false, MIR_UNLIMITED - 1),
    PARTITION("up", FLAG, up, false, 1),
    PARTITION("tier", NUMBER, tier, false, UINT32_MAX),
    PARTITION("job_factor", NUMBER, job_factor, false, UINT32_MAX),
    PARTITION("sets", NUMBER, sets, false, UINT32_MAX),
};

#define RESERVATION(key, kind, member, needed, max)                                                \
    {                                                                                              \
        key, kind, needed, AT(mir_live_reservation, member), 0, max                                \
    }
static const struct field reservation_fields[] = {
    TICKET,
    RESERVATION("name", FIXED, name, true, 0),
    RESERVATION("start_at", NUMBER, start_at, false, MIR_SLURM_TIME_MAX),
    RESERVATION("end_at", NUMBER, end_at, false, MIR_SLURM_TIME_MAX),
    RESERVATION("nodes", NUMBER, n_nodes, false, UINT32_MAX),
    RESERVATION("maintenance", FLAG, maintenance, false, 1),
};

#define CLOSING(key, kind, member, max)                                                            \
    {                                                                                              \
        key, kind, false, AT(mir_slurm_closing, member), 0, max                                    \
    }
static const struct field closing_fields[] = {
    TICKET,
    CLOSING("n", NUMBER, n, INT32_MAX),
    CLOSING("at", NUMBER, at, MIR_SLURM_TIME_MAX),
    CLOSING("backfill_at", NUMBER, backfill_at, MIR_SLURM_TIME_MAX),
    CLOSING("last_update", NUMBER, last_update, MIR_SLURM_TIME_MAX),
    CLOSING("upto", NUMBER, upto, MIR_SLURM_TIME_MAX),
    CLOSING("more", FLAG, more, 1),
    CLOSING("ms", NUMBER, ms, MIR_SLURM_TIME_MAX),
};

#define EVENT(key, kind, member, needed, min, max)                                                 \
    {                                                                                              \
        key, kind, needed, AT(mir_live_event, member), min, max                                    \
    }
static const struct field captured_fields[] = {
    TICKET,
    EVENT("template", FIXED, template_id, true, 0, 0),
    {.key = "environment", .kind = SKIPPED},
    EVENT("warn_s", NUMBER, warn_s, false, 0, INT32_MAX),
    {.key = "workdir", .kind = SKIPPED},
    EVENT("ms", NUMBER, duration_ms, false, 0, MIR_SLURM_TIME_MAX),
};
static const struct field submitted_fields[] = {
    TICKET,
    EVENT("id", NUMBER, submitted_id, true, 1, MIR_SLURM_JOB_ID_MAX),
    EVENT("already", FLAG, already, false, 0, 1),
    EVENT("ms", NUMBER, duration_ms, false, 0, MIR_SLURM_TIME_MAX),
};
/* A cancellation that was done, or anything that failed. */
static const struct field ended_fields[] = {
    TICKET,
    {.key = "outcome", .kind = SKIPPED},
    {.key = "refusal", .kind = SKIPPED},
    {.key = "text", .kind = SKIPPED},
    EVENT("ms", NUMBER, duration_ms, false, 0, MIR_SLURM_TIME_MAX),
};

struct table {
    const struct field *fields;
    size_t n;
};
#define TABLE(fields) ((struct table){fields, sizeof(fields) / sizeof *(fields)})

/* ---- one value */

static int wrong(const struct mir_wire_record *r,
                 const struct field *f,
                 const char *value,
                 int rc,
                 struct mir_error *err)
{
    return mir_error_set(err, rc, "%s: %s=%.60s is not what it may be", r->verb, f->key, value);
}

static void set_number(const struct field *f, void *member, int64_t n)
{
    if (f->size == sizeof(int64_t))
        *(int64_t *)member = n;
    else if (f->min < 0 || f->max <= INT32_MAX)
        *(int32_t *)member = (int32_t)n;
    else
        *(uint32_t *)member = (uint32_t)n;
}

static int read_number(const struct mir_wire_record *r,
                       const struct field *f,
                       const struct mir_wire_field *in,
                       void *member,
                       struct mir_error *err)
{
    int64_t n = 0;
    int rc = mir_parse_i64(in->value, in->len, &n);

    if (rc == 0 && (n < f->min || n > f->max))
        rc = -ERANGE;
    if (rc != 0)
        return wrong(r, f, in->value, rc, err);
    if (f->kind == FLAG)
        *(bool *)member = n != 0;
    else
        set_number(f, member, n);
    return 0;
}

static int read_state(const struct mir_wire_record *r,
                      const struct field *f,
                      const struct mir_wire_field *in,
                      void *member,
                      struct mir_error *err)
{
    uint8_t state = mir_job_state_parse(in->value);

    if (strcmp(mir_job_state_name(state), in->value) != 0)
        return wrong(r, f, in->value, -EINVAL, err);
    *(uint8_t *)member = state;
    return 0;
}

static int read_value(const struct mir_wire_record *r,
                      const struct field *f,
                      const struct mir_wire_field *in,
                      struct mir_slurm_texts *texts,
                      void *member,
                      struct mir_error *err)
{
    switch (f->kind) {
    case SKIPPED:
        return 0;
    case TEXT:
        *(const char **)member = mir_slurm_texts_keep(texts, in->value, in->len);
        if (*(const char **)member == NULL)
            return mir_error_set(err, -ERANGE, "more than %d bytes of text", MIR_SLURM_TEXTS_MAX);
        return 0;
    case FIXED:
        if (in->len >= f->size)
            return wrong(r, f, in->value, -ERANGE, err);
        memcpy(member, in->value, in->len + 1);
        return 0;
    case STATE:
        return read_state(r, f, in, member, err);
    default:
        return read_number(r, f, in, member, err);
    }
}

/* ---- one record */

/*
 * The field of that key, or n.  The broker writes keys in the table's order, so
 * the search goes on where the last one ended: thousands of jobs, 30 keys each.
 */
static size_t find_field(struct table t, size_t from, const char *key)
{
    for (size_t i = 0; i < t.n; i++) {
        size_t at = from + i < t.n ? from + i : from + i - t.n;

        if (strcmp(t.fields[at].key, key) == 0)
            return at;
    }
    return t.n;
}

static int
check_needed(const struct mir_wire_record *r, struct table t, uint64_t seen, struct mir_error *err)
{
    for (size_t i = 0; i < t.n; i++) {
        if (t.fields[i].needed && (seen >> i & 1) == 0)
            return mir_error_set(err, -EINVAL, "%s without %s", r->verb, t.fields[i].key);
    }
    return 0;
}

/* Read all of `r` into `out`, which holds the values of what is absent; texts may be NULL. */
static int read_record(const struct mir_wire_record *r,
                       struct table t,
                       struct mir_slurm_texts *texts,
                       void *out,
                       struct mir_error *err)
{
    uint64_t seen = 0;
    size_t at = 0;

    for (size_t i = 0; i < t.n; i++) {
        if (t.fields[i].kind == TEXT)
            *(const char **)((char *)out + t.fields[i].offset) = "";
    }
    for (size_t i = 0; i < r->n_fields; i++) {
        size_t found = find_field(t, at, r->fields[i].key);
        int rc;

        if (found == t.n)
            continue;
        if ((seen >> found & 1) != 0)
            return mir_error_set(err, -EINVAL, "%s: %s twice", r->verb, r->fields[i].key);
        seen |= UINT64_C(1) << found;
        at = found + 1 < t.n ? found + 1 : 0;
        rc = read_value(r, &t.fields[found], &r->fields[i], texts,
                        (char *)out + t.fields[found].offset, err);
        if (rc != 0)
            return rc;
    }
    return check_needed(r, t, seen, err);
}

/* INT64_MAX stands for "not yet"; all else must be a time. */
static int check_eligible(const struct mir_wire_record *r, int64_t at, struct mir_error *err)
{
    if (at <= MIR_SLURM_TIME_MAX || at == INT64_MAX)
        return 0;
    return mir_error_set(err, -ERANGE, "%s: eligible_at=%" PRId64 " is no time", r->verb, at);
}

int mir_slurm_decode_job(const struct mir_wire_record *r,
                         struct mir_slurm_texts *texts,
                         struct mir_live_job *out,
                         struct mir_error *err)
{
    int rc;

    _Static_assert(sizeof(job_fields) / sizeof *(job_fields) <= FIELDS_MAX, "a bit each");
    *out = (struct mir_live_job){.limit_s = MIR_UNLIMITED};
    rc = read_record(r, TABLE(job_fields), texts, out, err);
    if (out->n_tasks == 0)
        out->n_tasks = 1;
    return rc == 0 ? check_eligible(r, out->eligible_at, err) : rc;
}

int mir_slurm_decode_past(const struct mir_wire_record *r,
                          struct mir_slurm_texts *texts,
                          struct mir_live_past *out,
                          struct mir_error *err)
{
    int rc;

    *out = (struct mir_live_past){.limit_s = MIR_UNLIMITED};
    rc = read_record(r, TABLE(past_fields), texts, out, err);
    return rc == 0 ? check_eligible(r, out->eligible_at, err) : rc;
}

/* "60,12": as many numbers as there are sets. */
static int
read_sets(const struct mir_wire_record *r, struct mir_live_cluster *out, struct mir_error *err)
{
    const char *list = mir_wire_get(r, "set_nodes");

    while (list != NULL) {
        size_t len = strcspn(list, ",");
        int64_t n = 0;

        if (out->n_sets == MIR_LIVE_SETS_MAX || mir_parse_i64(list, len, &n) != 0 || n < 0 ||
            n > UINT32_MAX)
            return mir_error_set(err, -ERANGE, "%s: set_nodes=%.60s is not what it may be", r->verb,
                                 list);
        out->set_nodes[out->n_sets++] = (uint32_t)n;
        list = list[len] == ',' ? list + len + 1 : NULL;
    }
    return 0;
}

int mir_slurm_decode_cluster(const struct mir_wire_record *r,
                             struct mir_live_cluster *out,
                             struct mir_error *err)
{
    int rc;

    *out = (struct mir_live_cluster){0};
    rc = read_record(r, TABLE(cluster_fields), NULL, out, err);
    return rc == 0 ? read_sets(r, out, err) : rc;
}

int mir_slurm_decode_partition(const struct mir_wire_record *r,
                               struct mir_live_partition *out,
                               struct mir_error *err)
{
    *out = (struct mir_live_partition){.limit_max_s = MIR_UNLIMITED, .tier = 1, .job_factor = 1};
    return read_record(r, TABLE(partition_fields), NULL, out, err);
}

int mir_slurm_decode_reservation(const struct mir_wire_record *r,
                                 struct mir_live_reservation *out,
                                 struct mir_error *err)
{
    *out = (struct mir_live_reservation){0};
    return read_record(r, TABLE(reservation_fields), NULL, out, err);
}

int mir_slurm_decode_closing(const struct mir_wire_record *r,
                             struct mir_slurm_closing *out,
                             struct mir_error *err)
{
    *out = (struct mir_slurm_closing){0};
    return read_record(r, TABLE(closing_fields), NULL, out, err);
}

/* ---- how an action ended */

static const char *text_of(const struct mir_wire_record *r, const char *key)
{
    const char *text = mir_wire_get(r, key);

    return text != NULL ? text : "";
}

/* An outcome of a failure; "done" is none. */
static bool parse_outcome(const char *name, enum mir_outcome *out)
{
    static const enum mir_outcome outcomes[] = {MIR_OUTCOME_REFUSED, MIR_OUTCOME_UNAVAILABLE,
                                                MIR_OUTCOME_UNKNOWN};

    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        if (strcmp(name, mir_outcome_name(outcomes[i])) == 0) {
            *out = outcomes[i];
            return true;
        }
    }
    return false;
}

static int
decode_failed(const struct mir_wire_record *r, struct mir_live_event *event, struct mir_error *err)
{
    bool acts = event->kind == MIR_LIVE_SUBMITTED || event->kind == MIR_LIVE_CANCELLED;
    const char *refusal = mir_wire_get(r, "refusal");
    const char *outcome = text_of(r, "outcome");

    if (!parse_outcome(outcome, &event->outcome) ||
        (event->outcome == MIR_OUTCOME_UNKNOWN && !acts))
        return mir_error_set(err, -EINVAL, "failed: outcome=%.60s is not what it may be", outcome);
    if (refusal != NULL || event->outcome == MIR_OUTCOME_REFUSED)
        event->refusal = mir_refusal_parse(refusal);
    event->text = text_of(r, "text");
    return read_record(r, TABLE(ended_fields), NULL, event, err);
}

/* Template ids are the broker's: 32 hex digits, which the daemon keeps and hands back. */
static bool is_template_id(const char *id)
{
    return strlen(id) == MIR_TEMPLATE_ID_LEN &&
           strspn(id, "0123456789abcdef") == MIR_TEMPLATE_ID_LEN;
}

static int decode_captured(const struct mir_wire_record *r,
                           struct mir_live_event *event,
                           struct mir_error *err)
{
    const char *source = text_of(r, "environment");
    int rc = read_record(r, TABLE(captured_fields), NULL, event, err);

    if (rc != 0)
        return rc;
    if (!is_template_id(event->template_id))
        return mir_error_set(err, -EINVAL, "captured: template=%s is none", event->template_id);
    event->environment = mir_environment_source_parse(source);
    if (strcmp(mir_environment_source_name(event->environment), source) != 0)
        return mir_error_set(err, -EINVAL, "captured: environment=%.60s is none", source);
    event->workdir = text_of(r, "workdir");
    return 0;
}

int mir_slurm_decode_outcome(const struct mir_wire_record *r,
                             struct mir_live_event *event,
                             struct mir_error *err)
{
    event->outcome = MIR_OUTCOME_DONE;
    if (strcmp(r->verb, "failed") == 0)
        return decode_failed(r, event, err);
    if (event->kind == MIR_LIVE_CAPTURED && strcmp(r->verb, "captured") == 0)
        return decode_captured(r, event, err);
    if (event->kind == MIR_LIVE_SUBMITTED && strcmp(r->verb, "submitted") == 0)
        return read_record(r, TABLE(submitted_fields), NULL, event, err);
    if (event->kind == MIR_LIVE_CANCELLED && strcmp(r->verb, "cancelled") == 0)
        return read_record(r, TABLE(ended_fields), NULL, event, err);
    return mir_error_set(err, -EINVAL, "%s is no answer to this question", r->verb);
}
