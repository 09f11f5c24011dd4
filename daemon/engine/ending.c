/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ending.c - a link has ended: does its chain go on? */
#include "daemon/engine/internal.h"

#include <math.h>
#include <stdarg.h>

#include "daemon/core/parse.h"

enum { BACKOFF_MAX_S = 86400, WAIT_MAX_S = 366 * 86400 };

static void drop_unsent(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    l->wanted = l->verifying = false;
    l->row.state = MIR_LINK_GONE;
    mir_engine_link_touch(e, c, l);
}

/* Nothing is submitted any more; what waits already is cancelled, what runs is left alone. */
static void let_go(struct mir_engine *e, struct mir_engine_chain *c, bool cancel_successor)
{
    for (size_t i = 0; i < c->n_links; i++) {
        struct mir_engine_link *l = c->links[i];
        bool unsent = l->row.state < MIR_LINK_SENT && !l->asked && !l->unknown;
        bool waits = l->row.state != MIR_LINK_RUNNING && l->row.state != MIR_LINK_GONE;

        if (unsent)
            drop_unsent(e, c, l);
        else if (waits && cancel_successor && l->row.job.token[0] != '\0')
            mir_engine_cancel_wanted(e, c, l);
    }
}

void mir_engine_end_chain(struct mir_engine *e,
                          struct mir_engine_chain *c,
                          bool cancel_successor,
                          const char *fmt,
                          ...)
{
    char reason[256];
    va_list args;

    if (!mir_engine_chain_open(c))
        return;
    va_start(args, fmt);
    vsnprintf(reason, sizeof(reason), fmt, args);
    va_end(args);
    mir_engine_chain_state(e, c, MIR_CHAIN_ENDED, reason);
    mir_engine_tell(e, LOG_INFO, c, NULL, "ended: %.240s", reason);
    let_go(e, c, cancel_successor);
    mir_engine_forget_templates(e, c);
}

void mir_engine_park(struct mir_engine *e, struct mir_engine_chain *c, const char *fmt, ...)
{
    char reason[256];
    va_list args;

    if (!mir_engine_chain_open(c))
        return;
    va_start(args, fmt);
    vsnprintf(reason, sizeof(reason), fmt, args);
    va_end(args);
    mir_engine_chain_state(e, c, MIR_CHAIN_PARKED, reason);
    mir_engine_tell(e, LOG_WARNING, c, NULL, "parked: %.240s", reason);
}

void mir_engine_pair(const struct mir_engine *e,
                     const struct mir_engine_chain *c,
                     const struct mir_engine_link *k,
                     const struct mir_engine_link *next,
                     double *interruption_s,
                     double *overlap_s)
{
    int64_t end_at = k->row.end_at, start_at = next->row.start_at;
    int64_t ready_at = start_at + mir_engine_warmup_of(e, c);

    *interruption_s = *overlap_s = NAN;
    if (k->row.state != MIR_LINK_GONE || end_at == 0 || start_at == 0 ||
        next->row.number != k->row.number + 1)
        return;
    *interruption_s = ready_at > end_at ? (double)(ready_at - end_at) : 0;
    *overlap_s = end_at > start_at ? (double)(end_at - start_at) : 0;
}

/* ---- what would have happened ---- */

/* The wait that the policy counted with; of one that names none, that of half of the others. */
static double
expected_wait(const struct mir_engine *e, const struct mir_engine_link *next, const char **source)
{
    double wait_s = next->row.decided_wait_s;

    *source = "";
    if (wait_s < 0 || isnan(wait_s)) {
        *source = " (recent median wait)";
        wait_s = e->n_history > 0 ? e->recent_wait_s[0] : (double)NAN;
    }
    if (wait_s < 0 || isnan(wait_s)) {
        *source = " (without any wait)";
        wait_s = 0;
    }
    return wait_s < WAIT_MAX_S ? wait_s : WAIT_MAX_S;
}

static void report_observed(struct mir_engine *e,
                            struct mir_engine_chain *c,
                            const struct mir_engine_link *k,
                            struct mir_engine_link *next)
{
    int64_t end_at = k->row.end_at, start_at, ready_at;
    char when[32], gap[32];
    const char *source;

    if (next->row.would_at == 0) {
        next->row.would_at = end_at;
        mir_engine_link_touch(e, c, next);
    }
    start_at = next->row.would_at + (int64_t)expected_wait(e, next, &source);
    ready_at = start_at + mir_engine_warmup_of(e, c);
    mir_format_time(next->row.would_at, when);
    if (ready_at >= end_at)
        mir_engine_tell(e, LOG_INFO, c, next,
                        "would have been submitted %s UTC; predicted interruption %s%s", when,
                        mir_format_duration(ready_at - end_at, gap), source);
    else
        mir_engine_tell(e, LOG_INFO, c, next,
                        "would have been submitted %s UTC; predicted overlap %s%s", when,
                        mir_format_duration(end_at - start_at, gap), source);
}

/* ---- the rules, in their order ---- */

static bool has_successor(const struct mir_engine_link *next)
{
    return next != NULL && next->row.state != MIR_LINK_PLANNED && next->row.state != MIR_LINK_GONE;
}

static void go_on(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *k)
{
    struct mir_engine_link *next;

    mir_engine_plan(e, c, k);
    next = mir_engine_link_find(c, k->row.number + 1);
    if (next == NULL)
        return;
    if (!mir_engine_acts(e, c) && !has_successor(next) && next->row.state != MIR_LINK_GONE) {
        report_observed(e, c, k, next);
        mir_engine_end_chain(e, c, true, "observed: job %u ended (%s)", k->row.job.id,
                             mir_job_state_name(k->row.job_state));
        return;
    }
    next->next_at = 0;
}

/* The end of the road that the user set. */
static bool
reached(struct mir_engine *e, struct mir_engine_chain *c, const struct mir_engine_link *k)
{
    int32_t links_max = mir_engine_links_of(e, c);
    const struct mir_engine_link *next = mir_engine_link_find(c, k->row.number + 1);

    if (has_successor(next))
        return false;
    if (links_max > 0 && k->row.number + 1 >= links_max)
        mir_engine_end_chain(e, c, true, "all %d links have run", (int)links_max);
    else if (k->row.number + 1 >= MIR_MAX_LINKS)
        mir_engine_end_chain(e, c, true, "no chain has more than %d links", (int)MIR_MAX_LINKS);
    else if ((c->row.options.given & MIR_OPT_UNTIL) != 0 &&
             mir_engine_at(e) >= c->row.options.until)
        mir_engine_end_chain(e, c, true, "until has passed");
    else
        return false;
    return true;
}

/* Its end was decided when its last link ended; but it may have been held back since. */
static bool is_overdue(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    if (!mir_engine_chain_open(c) || c->row.state == MIR_CHAIN_ENROLLING ||
        (c->row.options.given & MIR_OPT_UNTIL) == 0 || mir_engine_at(e) < c->row.options.until)
        return false;
    for (size_t i = 0; i < c->n_links; i++) {
        const struct mir_engine_link *l = c->links[i];

        if (l->asked || l->unknown ||
            (l->row.state != MIR_LINK_GONE && l->row.state != MIR_LINK_PLANNED))
            return false;
    }
    return true;
}

void mir_engine_end_overdue(struct mir_engine *e)
{
    if (!mir_engine_may_decide(e) || !mir_engine_journal_works(e))
        return;
    for (size_t i = 0; i < e->n_chains; i++) {
        if (is_overdue(e, e->chains[i]))
            mir_engine_end_chain(e, e->chains[i], true, "until has passed");
    }
}

/* Exit code 0, and so long before the limit that the limit was not what ended it. */
static bool finished(const struct mir_engine *e, const struct mir_engine_link *k)
{
    const struct mir_link_row *row = &k->row;
    int64_t margin_s = e->settings->finish_margin_s;

    if (row->job_state != MIR_STATE_COMPLETED || row->exit_code != 0 || row->exit_signal != 0)
        return false;
    if (margin_s > row->limit_s / 10)
        margin_s = row->limit_s / 10;
    if (row->warn_s > 0 && margin_s < row->warn_s + 60) /* Slurm's signal comes up to 60 s early */
        margin_s = row->warn_s + 60;
    return row->end_at < row->start_at + row->limit_s - margin_s;
}

static bool failed(const struct mir_engine_link *k)
{
    switch (k->row.job_state) {
    case MIR_STATE_FAILED:
    case MIR_STATE_OUT_OF_MEMORY:
    case MIR_STATE_OTHER:
        return true;
    case MIR_STATE_COMPLETED:
        return k->row.exit_code != 0 || k->row.exit_signal != 0;
    default:
        return false;
    }
}

static int64_t backoff_of(const struct mir_engine *e, int32_t failures)
{
    int64_t s = e->settings->backoff_s;

    while (--failures > 0 && s < BACKOFF_MAX_S)
        s *= 2;
    return s < BACKOFF_MAX_S ? s : BACKOFF_MAX_S;
}

static void
park_failing(struct mir_engine *e, struct mir_engine_chain *c, const struct mir_engine_link *k)
{
    struct mir_engine_link *next = mir_engine_link_find(c, k->row.number + 1);
    char within[32];

    mir_format_duration(e->settings->fail_within_s, within);
    if (k->row.exit_signal != 0)
        mir_engine_park(e, c, "%d links failed within %s: signal %d", (int)c->row.failures, within,
                        (int)k->row.exit_signal);
    else
        mir_engine_park(e, c, "%d links failed within %s: exit code %d", (int)c->row.failures,
                        within, (int)k->row.exit_code);
    if (has_successor(next) && next->row.state != MIR_LINK_RUNNING)
        mir_engine_cancel_wanted(e, c, next);
}

/* It ended sooner than a service should: no crash loops. */
static void
count_failure(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *k)
{
    c->row.failures++;
    if (c->row.failures >= e->settings->max_failures) {
        mir_engine_plan(e, c, k); /* for the day when it is resumed */
        park_failing(e, c, k);
        return;
    }
    c->row.not_before_at = mir_engine_at(e) + backoff_of(e, c->row.failures);
    mir_engine_chain_touch(e, c);
    mir_engine_tell(e, LOG_WARNING, c, k, "failed soon after its start, %d in a row: exit code %d",
                    (int)c->row.failures, (int)k->row.exit_code);
    go_on(e, c, k);
}

static bool done_on_success(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    return (c->row.options.given & MIR_OPT_DONE) != 0 ? c->row.options.done_on_success
                                                      : e->settings->done_on_success;
}

static void decide_end(struct mir_engine *e,
                       struct mir_engine_chain *c,
                       struct mir_engine_link *k,
                       bool deadline)
{
    bool soon = k->row.end_at - k->row.start_at < e->settings->fail_within_s;

    if (k->row.job_state == MIR_STATE_CANCELLED) {
        mir_engine_end_chain(e, c, true, "link %d was cancelled", (int)k->row.number);
        return;
    }
    if (reached(e, c, k))
        return;
    if (deadline) {
        mir_engine_end_chain(e, c, true, "job %u met its deadline", k->row.job.id);
        return;
    }
    if (finished(e, k) && done_on_success(e, c)) {
        mir_engine_end_chain(e, c, true, "job %u finished its work", k->row.job.id);
        return;
    }
    /* A service that succeeds at once, again and again, is a loop as well. */
    if (soon && (failed(k) || finished(e, k))) {
        count_failure(e, c, k);
        return;
    }
    if ((failed(k) || !soon) && c->row.failures != 0) {
        c->row.failures = 0;
        mir_engine_chain_touch(e, c);
    }
    go_on(e, c, k);
}

static void copy_end(struct mir_engine *e, struct mir_engine_link *l, const struct mir_end *end)
{
    struct mir_link_row *row = &l->row;
    /* A job that is cancelled while it waits has a start in Slurm's record: that of its end. */
    bool never_ran = row->state != MIR_LINK_RUNNING && end->state == MIR_STATE_CANCELLED &&
                     end->start_at >= end->end_at;

    row->state = MIR_LINK_GONE;
    row->job_state = end->state;
    row->exit_code = end->exit_code;
    row->exit_signal = end->exit_signal;
    if (end->start_at > 0 && !never_ran)
        row->start_at = end->start_at;
    row->end_at = end->end_at > 0 ? end->end_at : mir_engine_at(e);
    if (row->start_at == 0 && !never_ran)
        row->start_at = row->end_at;
    l->n_absent = 0;
}

void mir_engine_end_link(struct mir_engine *e,
                         struct mir_engine_chain *c,
                         struct mir_engine_link *l,
                         const struct mir_end *end)
{
    bool ours = l->cancel_wanted && end->state == MIR_STATE_CANCELLED;

    copy_end(e, l, end);
    l->cancel_wanted = false;
    mir_engine_link_touch(e, c, l);
    mir_engine_tell(e, LOG_INFO, c, l, "job %u ended: %s, exit code %d", l->row.job.id,
                    mir_job_state_name(end->state), (int)end->exit_code);
    if (ours)
        mir_engine_fact(e, 0, "cancel:%s", c->row.id);
    if (!mir_engine_chain_open(c))
        return;
    if (c->row.state == MIR_CHAIN_ENROLLING)
        mir_engine_end_chain(e, c, true, "job %u ended before it was captured", l->row.job.id);
    else if (ours) /* a parked chain's: planned again, for the day when it is resumed */
        mir_engine_replan(e, c, l);
    else
        decide_end(e, c, l, end->deadline);
}
