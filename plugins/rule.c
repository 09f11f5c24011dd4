/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rule.c - from an expected wait to a decision and its reason. */
#include "plugins/rule.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/core/parse.h"

int64_t mir_rule_left_s(const struct mirage_view *view)
{
    return view->predecessor_end_at - view->now;
}

void mir_rule_apply(const struct mirage_view *view,
                    double wait_s,
                    struct mirage_decision *out,
                    const char *fmt,
                    ...)
{
    int64_t left_s = mir_rule_left_s(view);
    char wait[32], left[32], warmup[32], what[96];
    bool warms = view->warmup_s > 0;
    bool submit = (double)left_s <= wait_s + (warms ? view->warmup_s : 0);
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    out->action = submit ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = wait_s;
    snprintf(out->reason, sizeof(out->reason), "%s %s%s%s %s %s left", what,
             mir_format_duration((int64_t)wait_s, wait), warms ? ", warm-up " : "",
             warms ? mir_format_duration(view->warmup_s, warmup) : "", submit ? ">=" : "<",
             mir_format_duration(left_s, left));
}

void mir_rule_fell_back(struct mirage_decision *out)
{
    if (out->size >= offsetof(struct mirage_decision, fell_back) + sizeof(out->fell_back))
        out->fell_back = 1;
}

void mir_rule_fall_back(const struct mirage_decision *other,
                        struct mirage_decision *out,
                        const char *fmt,
                        ...)
{
    va_list args;

    out->action = other->action;
    out->wait_s = other->wait_s;
    mir_rule_fell_back(out);
    va_start(args, fmt);
    vsnprintf(out->reason, sizeof(out->reason), fmt, args);
    va_end(args);
}

struct mir_lookahead *mir_rule_lookahead(const struct mirage_view *view)
{
    bool has = view->size >= offsetof(struct mirage_view, lookahead) + sizeof(view->lookahead);

    return has ? view->lookahead : NULL;
}

uint64_t mir_rule_chain(const struct mirage_view *view)
{
    return view->size >= offsetof(struct mirage_view, chain) + sizeof(view->chain) ? view->chain
                                                                                   : 0;
}

void mir_rule_no_history(struct mirage_decision *out)
{
    out->action = MIRAGE_WAIT;
    out->wait_s = -1;
    snprintf(out->reason, sizeof(out->reason),
             "no start seen yet, waits for the predecessor's end");
}

double mir_rule_quantile(double overlap_weight)
{
    return overlap_weight > 0 ? 1 / (1 + overlap_weight) : 1;
}
