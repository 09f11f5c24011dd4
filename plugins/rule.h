/*
 * rule.h - from an expected wait to a decision and its reason: what the
 * policies that predict a wait have in common.  Any thread.
 */
#ifndef MIR_POLICY_RULE_H
#define MIR_POLICY_RULE_H

#include "plugins/plugin.h"

/* Seconds from `view->now` to the predecessor's expected end. */
int64_t mir_rule_left_s(const struct mirage_view *view);

/*
 * Submit when the time left is at most `wait_s` and the successor's warm-up:
 * the successor shall be ready, not only started, at the predecessor's end.
 * The reason begins with `fmt`, which says where the wait comes from:
 * "mean wait of last 100 starts" gives
 * "mean wait of last 100 starts 3.2 h < 5.1 h left".
 */
void mir_rule_apply(const struct mirage_view *view,
                    double wait_s,
                    struct mirage_decision *out,
                    const char *fmt,
                    ...) __attribute__((format(printf, 4, 5)));

/*
 * Do what another policy decided, for want of what one's own rule needs.  The reason is
 * `fmt`, which names the want and gives the other's reason.
 */
void mir_rule_fall_back(const struct mirage_decision *other,
                        struct mirage_decision *out,
                        const char *fmt,
                        ...) __attribute__((format(printf, 3, 4)));

/* It had to do without what its own rule needs; a host program may be too old to be told. */
void mir_rule_fell_back(struct mirage_decision *out);

/*
 * Members of the view that a host program may be too old to have: then NULL, or 0, as
 * where it has none.
 */
struct mir_lookahead *mir_rule_lookahead(const struct mirage_view *view);
uint64_t mir_rule_chain(const struct mirage_view *view);

/* Wait, because nothing is known of waits yet. */
void mir_rule_no_history(struct mirage_decision *out);

/*
 * The quantile of the wait that is the cheapest lead for a cost of
 * interruption + weight * overlap: 1 / (1 + weight), the newsvendor's critical
 * ratio.  A weight below zero (or not a number) counts as zero.
 */
double mir_rule_quantile(double overlap_weight);

#endif
