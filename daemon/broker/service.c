/* SPDX-License-Identifier: GPL-3.0-or-later */
/* service.c - what the two halves of the server share. */
#include "daemon/broker/service.h"

#include <stdarg.h>
#include <stdio.h>

int mir_service_deadline_s(const struct mir_service *s)
{
    return s->settings->deadline_s > 0 ? s->settings->deadline_s : 4 * s->message_timeout_s;
}

void mir_service_log(struct mir_service *s, enum mir_broker_priority priority, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    if (s->log == NULL)
        return;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        text[0] = '\0';
    va_end(args);
    s->log(s->log_arg, priority, text);
}

void mir_service_fail(struct mir_service *s,
                      const struct mir_question *q,
                      enum mir_outcome outcome,
                      enum mir_refusal refusal,
                      const char *text,
                      int64_t ms)
{
    struct mir_str line = {0};

    mir_wire_begin(&line, "failed");
    mir_wire_add_i64(&line, "ticket", (int64_t)q->ticket);
    mir_wire_add(&line, "outcome", mir_outcome_name(outcome));
    if (refusal != MIR_REFUSAL_NONE)
        mir_wire_add(&line, "refusal", mir_refusal_name(refusal));
    mir_wire_add(&line, "text", text);
    mir_wire_add_i64(&line, "ms", ms);
    mir_wire_end(&line);
    mir_peer_send(&s->peer, q->connection, line.text, line.len, s->mono_ns);
    mir_str_release(&line);
}
