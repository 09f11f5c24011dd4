/*
 * journal_rig.h - journals and rows for tests.
 */
#ifndef MIR_TESTS_JOURNAL_RIG_H
#define MIR_TESTS_JOURNAL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/engine/journal.h"

static inline struct mir_journal *open_journal(const char *path, const char *mode)
{
    struct mir_journal *j = NULL;
    struct mir_error err = {{0}};

    if (mir_journal_open_as(path, mode, &j, &err) != 0)
        fail_msg("%s", err.text);
    return j;
}

static inline struct mir_link_row a_link(const char *chain, int32_t number)
{
    struct mir_link_row row = {.number = number, .state = MIR_LINK_INTENT, .decided_wait_s = -1};

    snprintf(row.chain, sizeof row.chain, "%.8s", chain);
    return row;
}

static inline struct mir_chain_row
a_chain(const char *id, enum mir_chain_state state, int64_t ended_at)
{
    struct mir_chain_row row = {.state = state, .ended_at = ended_at, .enrolled_at = 100};

    snprintf(row.id, sizeof row.id, "%.8s", id);
    return row;
}

static inline void fill_for_pruning(struct mir_journal *j)
{
    struct mir_chain_row rows[] = {
        a_chain("activeee", MIR_CHAIN_ACTIVE, 0), a_chain("endedold", MIR_CHAIN_ENDED, 900),
        a_chain("endednew", MIR_CHAIN_ENDED, 1100), a_chain("refusedd", MIR_CHAIN_REFUSED, 0),
        a_chain("stillrun", MIR_CHAIN_ENDED, 900)};

    assert_int_equal(mir_journal_begin(j, NULL), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct mir_link_row link = a_link(rows[i].id, 0);

        link.state = rows[i].state == MIR_CHAIN_ACTIVE     ? MIR_LINK_INTENT
                     : strcmp(rows[i].id, "stillrun") == 0 ? MIR_LINK_RUNNING
                                                           : MIR_LINK_GONE;
        mir_journal_put_chain(j, &rows[i], NULL);
        mir_journal_put_link(j, &link, NULL);
    }
    for (int i = 0; i < 2500; i++) {
        int64_t at = i < 2400 ? 500 : 1000 + i;
        struct mir_pass_row pass = {.at = at};
        struct mir_decision_row decision = {.chain = "activeee", .at = at};
        struct mir_live_past past = {.id = (uint32_t)i, .start_at = at};

        mir_journal_add_pass(j, &pass, &decision.pass, NULL);
        mir_journal_add_decision(j, &decision, NULL);
        mir_journal_add_event(j, "activeee", 0, at, "x", NULL);
        mir_journal_add_start(j, &past, NULL);
    }
    mir_journal_add_event(j, "endedold", 0, 5000, "told late", NULL);
    mir_journal_set(j, "cancel:endedold", 1, NULL);
    mir_journal_set(j, "cancel:stillrun", 1, NULL);
    mir_journal_set(j, "drained", 1, NULL);
    assert_int_equal(mir_journal_commit(j, NULL), 0);
}

static inline int count_start(void *arg, const struct mir_live_past *past)
{
    assert_true(past->start_at >= 1000);
    ++*(int *)arg;
    return 0;
}

/* Copies are compared byte by byte: both sides were zeroed, padding included. */
struct chains_seen {
    struct mir_chain_row rows[8];
    size_t n;
};

static inline int see_chain(void *arg, const struct mir_chain_row *row)
{
    struct chains_seen *seen = arg;

    assert_true(seen->n < 8);
    memcpy(&seen->rows[seen->n++], row, sizeof *row);
    return 0;
}

static inline size_t chains_of(struct mir_journal *j, bool open_only, struct chains_seen *seen)
{
    memset(seen, 0, sizeof *seen);
    assert_int_equal(mir_journal_each_chain(j, open_only, see_chain, seen, NULL), 0);
    return seen->n;
}

static inline void check_equal(const struct mir_chain_row *a, const struct mir_chain_row *b)
{
    assert_memory_equal(a, b, sizeof *a);
}

#endif
