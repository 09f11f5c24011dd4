/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_broker_question.c - what the privileged process reads from the daemon: any bytes at all. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MIN_UID = 1000 };

/* What was let through is what is acted on; an abort is a finding. */
static void check(const struct mir_question *q)
{
    bool acts = !mir_ask_is_reading(q->ask) && q->ask != MIR_ASK_FORGET;
    bool names = q->ask == MIR_ASK_SUBMIT || q->ask == MIR_ASK_FORGET;

    if ((q->ticket == 0) != (q->ask == MIR_ASK_FORGET))
        abort();
    if (acts && q->uid < MIN_UID)
        abort();
    if (names && strspn(q->template_id, "0123456789abcdef") != MIR_TEMPLATE_ID_LEN)
        abort();
    for (size_t i = 0; i < q->record.n_fields; i++) {
        const struct mir_wire_field *f = &q->record.fields[i];

        if (strlen(f->value) != f->len || mir_wire_get(&q->record, f->key) != f->value)
            abort();
    }
}

static void ask(const char *line, size_t len)
{
    struct mir_error err = {{0}};
    struct mir_question *q = NULL;
    int rc = mir_question_parse(line, len, MIN_UID, &q, &err);

    if ((rc == -EPROTO) != (q == NULL) || (rc != 0) != (err.text[0] != '\0'))
        abort();
    if (rc == 0)
        check(q);
    else if (q != NULL && (q->ticket == 0 || (rc != -EINVAL && rc != -EPERM)))
        abort();
    mir_question_destroy(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;

    /* As the connection is cut: line by line. */
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)((lf != NULL ? lf : end) - at);

        ask(at, len);
        at += len + 1;
    }
    return 0;
}
