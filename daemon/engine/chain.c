/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chain.c - the decision between a predecessor and its successor. */
#include "daemon/engine/chain.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static void
fill_view(const struct mir_link *link, const struct mir_snapshot *queue, struct mirage_view *view)
{
    const struct mir_chain_settings *settings = link->settings;

    *view = (struct mirage_view){
        .size = sizeof(*view),
        .now = queue->now,
        .queue = queue,
        .successor = &settings->shape,
        .predecessor_submit_at = link->predecessor_submit_at,
        .predecessor_start_at = link->predecessor_start_at,
        .predecessor_end_at = link->predecessor_end_at,
        .predecessor_nodes = settings->shape.n_nodes,
        .predecessor_limit_s = settings->shape.limit_s,
        .period_s = settings->period_s,
        .warmup_s = settings->warmup_s,
        .overlap_weight = settings->overlap_weight,
        .forecaster = link->forecaster,
        .lookahead = link->lookahead,
        .chain = link->chain,
        .successor_priority = link->successor_priority > 0 ? link->successor_priority : NAN,
    };
}

/* `fmt` may say more than a reason holds: it is cut. */
__attribute__((format(printf, 3, 4))) static void
answer(struct mirage_decision *out, enum mirage_action action, const char *fmt, ...)
{
    va_list args;

    *out = (struct mirage_decision){.size = sizeof(*out), .action = action, .wait_s = -1};
    va_start(args, fmt);
    vsnprintf(out->reason, sizeof(out->reason), fmt, args);
    va_end(args);
}

static void answer_failure(const struct mir_link *link,
                           int rc,
                           const struct mir_error *why,
                           struct mirage_decision *out)
{
    const char *name = link->plugin->name;

    if (why->text[0] != '\0')
        answer(out, MIRAGE_WAIT, "%s failed, waits: %s", name, why->text);
    else
        answer(out, MIRAGE_WAIT, "%s failed, waits: error %d", name, -rc);
}

/* A loaded plugin is input: what it wrote is made one terminated, printable line. */
static void clean_reason(struct mirage_decision *out, const char *plugin)
{
    out->reason[sizeof(out->reason) - 1] = '\0';
    for (char *c = out->reason; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    }
    if (out->reason[0] == '\0')
        snprintf(out->reason, sizeof(out->reason), "%s gives no reason", plugin);
}

void mir_link_decide(const struct mir_link *link,
                     const struct mir_snapshot *queue,
                     struct mirage_decision *out)
{
    struct mirage_view view;
    struct mir_error why = {{0}};
    int rc;

    if (queue->now >= link->predecessor_end_at) {
        answer(out, MIRAGE_SUBMIT, "predecessor's end");
        return;
    }
    fill_view(link, queue, &view);
    answer(out, MIRAGE_WAIT, "%s", "");
    rc = link->plugin->decide(link->policy_state, &view, out, &why);
    if (rc == 0 && out->action != MIRAGE_WAIT && out->action != MIRAGE_SUBMIT)
        rc = mir_error_set(&why, -EINVAL, "answered neither wait nor submit");
    if (rc != 0)
        answer_failure(link, rc, &why, out);
    if (!isfinite(out->wait_s) || out->wait_s < 0)
        out->wait_s = -1;
    clean_reason(out, link->plugin->name);
}

int64_t mir_link_next_decision(const struct mir_link *link, int64_t at)
{
    int64_t start_at = link->predecessor_start_at, end_at = link->predecessor_end_at;
    int64_t period_s = link->settings->period_s;
    int64_t late_s;

    if (at <= start_at)
        return start_at < end_at ? start_at : end_at;
    if (at >= end_at || period_s <= 0)
        return end_at;
    late_s = (at - start_at) % period_s;
    if (late_s == 0)
        return at;
    return period_s - late_s < end_at - at ? at + (period_s - late_s) : end_at;
}
