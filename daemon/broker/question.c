/* SPDX-License-Identifier: GPL-3.0-or-later */
/* question.c - what the daemon may ask, key by key. */
#include "daemon/broker/question.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

/* Only a capture, which may bring an environment along, is longer: the queues count questions. */
enum { KEYS_MAX = 10, SHORT_MAX = 4096 };

enum form {
    FORM_NONE,
    FORM_TICKET,
    FORM_SINCE, /* seconds since the epoch; 0 when absent */
    FORM_AT,    /* the same, must be there */
    FORM_JOB_ID,
    FORM_UID,
    FORM_OWNER, /* a uid for which something is done */
    FORM_TOKEN,
    FORM_TOKEN_OR_NONE, /* empty or absent: the user submitted the job himself */
    FORM_TEMPLATE,
    FORM_CHAIN,
    FORM_LINK,
    FORM_STOP_FILE,
    FORM_OPAQUE,
};

struct key {
    const char *name;
    enum form form;
};

struct verb {
    const char *name;
    struct key keys[KEYS_MAX + 1];
};

#define TICKET                                                                                     \
    {                                                                                              \
        "ticket", FORM_TICKET                                                                      \
    }

static const struct verb verbs[MIR_N_ASKS] = {
    [MIR_ASK_JOBS] = {"jobs", {TICKET, {"since", FORM_SINCE}}},
    [MIR_ASK_JOB] = {"job", {TICKET, {"id", FORM_JOB_ID}}},
    [MIR_ASK_CLUSTER] = {"cluster", {TICKET}},
    [MIR_ASK_HISTORY] = {"history", {TICKET, {"from", FORM_AT}, {"to", FORM_AT}}},
    [MIR_ASK_FIND] = {"find",
                      {TICKET, {"uid", FORM_UID}, {"token", FORM_TOKEN}, {"from", FORM_SINCE}}},
    [MIR_ASK_CAPTURE] = {"capture",
                         {TICKET,
                          {"id", FORM_JOB_ID},
                          {"uid", FORM_OWNER},
                          {"submit_at", FORM_SINCE},
                          {"token", FORM_TOKEN_OR_NONE},
                          {"environment", FORM_OPAQUE}}},
    [MIR_ASK_SUBMIT] = {"submit",
                        {TICKET,
                         {"template", FORM_TEMPLATE},
                         {"chain", FORM_CHAIN},
                         {"link", FORM_LINK},
                         {"token", FORM_TOKEN},
                         {"predecessor", FORM_JOB_ID},
                         {"predecessor_uid", FORM_OWNER},
                         {"predecessor_submit_at", FORM_SINCE},
                         {"predecessor_token", FORM_TOKEN_OR_NONE},
                         {"stop_file", FORM_STOP_FILE}}},
    [MIR_ASK_CANCEL] = {"cancel",
                        {TICKET,
                         {"id", FORM_JOB_ID},
                         {"uid", FORM_OWNER},
                         {"submit_at", FORM_SINCE},
                         {"token", FORM_TOKEN_OR_NONE}}},
    [MIR_ASK_FORGET] = {"forget", {{"template", FORM_TEMPLATE}}},
};

const char *mir_ask_name(enum mir_ask ask)
{
    return verbs[ask].name;
}

bool mir_ask_is_reading(enum mir_ask ask)
{
    return ask < MIR_ASK_CAPTURE;
}

static bool is_made_of(const char *s, size_t len, const char *alphabet)
{
    return strlen(s) == len && strspn(s, alphabet) == len;
}

static bool is_token(const char *s)
{
    return is_made_of(s, MIR_TOKEN_LEN, "0123456789abcdef");
}

static int find_verb(const struct mir_wire_record *r, enum mir_ask *ask, struct mir_error *err)
{
    for (int i = 0; i < MIR_N_ASKS; i++) {
        if (strcmp(r->verb, verbs[i].name) == 0) {
            *ask = (enum mir_ask)i;
            return 0;
        }
    }
    return mir_error_set(err, -EPROTO, "no such question: '%.60s'", r->verb);
}

static bool has_key(const struct verb *v, const char *name)
{
    for (const struct key *k = v->keys; k->name != NULL; k++) {
        if (strcmp(k->name, name) == 0)
            return true;
    }
    return false;
}

/* A key more is not passed over: what we do not know may be what makes the question safe. */
static int check_keys(const struct verb *v, const struct mir_wire_record *r, struct mir_error *err)
{
    for (size_t i = 0; i < r->n_fields; i++) {
        const char *key = r->fields[i].key;

        if (!has_key(v, key))
            return mir_error_set(err, -EPROTO, "%s has no key '%.60s'", v->name, key);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(r->fields[k].key, key) == 0)
                return mir_error_set(err, -EPROTO, "%s has two of '%s'", v->name, key);
        }
    }
    return 0;
}

static int check_number(const struct mir_wire_record *r,
                        const char *key,
                        int64_t min,
                        int64_t max,
                        int64_t *n,
                        struct mir_error *err)
{
    struct mir_error why = {{0}};
    int rc = mir_wire_get_i64(r, key, min, max, n, &why);

    if (rc == -ENOENT)
        return mir_error_set(err, -EINVAL, "%s has no %s", r->verb, key);
    if (rc != 0)
        return mir_error_set(err, -EINVAL, "%s: %s is not a number from %lld to %lld", r->verb, key,
                             (long long)min, (long long)max);
    return 0;
}

static int check_text(const struct mir_wire_record *r, const struct key *k, struct mir_error *err)
{
    const char *s = mir_wire_get(r, k->name);
    bool ok;

    if (s == NULL)
        s = "";
    switch (k->form) {
    case FORM_TOKEN:
        ok = is_token(s);
        break;
    case FORM_TOKEN_OR_NONE:
        ok = s[0] == '\0' || is_token(s);
        break;
    case FORM_TEMPLATE:
        ok = is_made_of(s, MIR_TEMPLATE_ID_LEN, "0123456789abcdef");
        break;
    case FORM_CHAIN:
        ok = is_made_of(s, MIR_CHAIN_ID_LEN, "abcdefghijklmnopqrstuvwxyz234567");
        break;
    case FORM_STOP_FILE:
        ok = strlen(s) <= MIR_STOP_FILE_MAX;
        break;
    default:
        ok = true;
        break;
    }
    return ok ? 0 : mir_error_set(err, -EINVAL, "%s: %s has not its form", r->verb, k->name);
}

static int check_uid(struct mir_question *q, const char *key, uid_t min_uid, struct mir_error *err)
{
    int64_t n;
    int rc = check_number(&q->record, key, 0, UINT32_MAX - 1, &n, err);

    if (rc != 0)
        return rc;
    q->uid = (uid_t)n;
    if (q->uid == 0 || q->uid < min_uid)
        return mir_error_set(err, -EPERM, "never acts for uid %u (min_uid is %u)", (unsigned)q->uid,
                             (unsigned)min_uid);
    return 0;
}

static int
check_field(struct mir_question *q, const struct key *k, uid_t min_uid, struct mir_error *err)
{
    const struct mir_wire_record *r = &q->record;
    int64_t n;

    switch (k->form) {
    case FORM_TICKET:
        return 0; /* read first */
    case FORM_SINCE:
        if (mir_wire_get(r, k->name) == NULL)
            return 0;
        return check_number(r, k->name, 0, INT64_MAX, &n, err);
    case FORM_AT:
        return check_number(r, k->name, 0, INT64_MAX, &n, err);
    case FORM_JOB_ID:
        return check_number(r, k->name, 1, UINT32_MAX - 2, &n, err); /* NO_VAL, INFINITE */
    case FORM_UID:
        return check_number(r, k->name, 0, UINT32_MAX - 1, &n, err);
    case FORM_OWNER:
        return check_uid(q, k->name, min_uid, err);
    case FORM_LINK:
        return check_number(r, k->name, 1, MIR_MAX_LINKS, &n, err);
    default:
        return check_text(r, k, err);
    }
}

/* Without submit time and token an id names no job: ids are handed out again. */
static int check_identity(const struct mir_question *q, struct mir_error *err)
{
    const char *prefix = q->ask == MIR_ASK_SUBMIT ? "predecessor_" : "";
    char key[32];
    const char *token;
    int64_t at = 0;

    if (mir_ask_is_reading(q->ask) || q->ask == MIR_ASK_FORGET)
        return 0;
    snprintf(key, sizeof(key), "%stoken", prefix);
    token = mir_wire_get(&q->record, key);
    snprintf(key, sizeof(key), "%ssubmit_at", prefix);
    (void)mir_wire_get_i64(&q->record, key, 0, INT64_MAX, &at, NULL);
    if (at == 0 && (token == NULL || token[0] == '\0'))
        return mir_error_set(err, -EINVAL, "%s names a job by neither submit time nor token",
                             q->record.verb);
    return 0;
}

static int check_values(struct mir_question *q, uid_t min_uid, struct mir_error *err)
{
    int rc;

    for (const struct key *k = verbs[q->ask].keys; k->name != NULL; k++) {
        rc = check_field(q, k, min_uid, err);
        if (rc != 0)
            return rc;
        if (k->form == FORM_TEMPLATE)
            memcpy(q->template_id, mir_wire_get(&q->record, k->name), MIR_TEMPLATE_ID_LEN + 1);
    }
    return check_identity(q, err);
}

static int read_question(struct mir_question *q, uid_t min_uid, struct mir_error *err)
{
    int64_t ticket = 0;
    int rc = mir_wire_parse(q->line, q->len, &q->record, err);

    if (rc != 0)
        return -EPROTO;
    rc = find_verb(&q->record, &q->ask, err);
    if (rc == 0 && q->len > SHORT_MAX && q->ask != MIR_ASK_CAPTURE)
        rc = mir_error_set(err, -EPROTO, "%s of %zu bytes", mir_ask_name(q->ask), q->len);
    if (rc == 0)
        rc = check_keys(&verbs[q->ask], &q->record, err);
    if (rc != 0)
        return rc;
    if (q->ask != MIR_ASK_FORGET &&
        check_number(&q->record, "ticket", 1, INT64_MAX, &ticket, err) != 0)
        return -EPROTO;
    q->ticket = (uint64_t)ticket;
    rc = check_values(q, min_uid, err);
    /* What has no answer cannot be refused. */
    return rc != 0 && q->ask == MIR_ASK_FORGET ? -EPROTO : rc;
}

int mir_question_parse(const char *line,
                       size_t len,
                       uid_t min_uid,
                       struct mir_question **out,
                       struct mir_error *err)
{
    struct mir_question *q = MIR_NEW(struct mir_question);
    int rc;

    q->line = mir_alloc(len + 1, 1);
    memcpy(q->line, line, len);
    q->len = len;
    rc = read_question(q, min_uid, err);
    if (rc == -EPROTO)
        mir_question_destroy(q);
    else
        *out = q;
    return rc;
}

void mir_question_destroy(struct mir_question *q)
{
    if (q == NULL)
        return;
    free(q->line);
    free(q);
}
