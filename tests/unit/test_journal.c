/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_journal.c - rows, commits and forgetting. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/clock.h"
#include "daemon/core/rng.h"
#include "daemon/engine/journal.h"
#include "tests/unit/journal_rig.h"

static struct mir_journal *in_memory(void)
{
    return open_journal(":memory:", NULL);
}

/* ---- rows */

static void random_text(struct mir_rng *rng, char *out, size_t size)
{
    size_t len = mir_rng_below(rng, size);

    memset(out, 0, size);
    for (size_t i = 0; i < len; i++)
        out[i] = (char)(1 + mir_rng_below(rng, 255));
}

static int32_t random_i32(struct mir_rng *rng)
{
    return (int32_t)(mir_rng_below(rng, UINT32_MAX) - INT32_MAX);
}

static int64_t random_i64(struct mir_rng *rng)
{
    return (int64_t)(mir_rng_u64(rng) >> 1) - INT64_MAX / 2;
}

static void random_chain(struct mir_rng *rng, struct mir_chain_row *row)
{
    memset(row, 0, sizeof *row);
    random_text(rng, row->id, sizeof row->id);
    row->state = (enum mir_chain_state)mir_rng_below(rng, 6);
    random_text(rng, row->reason, sizeof row->reason);
    row->uid = (uint32_t)mir_rng_u64(rng);
    random_text(rng, row->user, sizeof row->user);
    random_text(rng, row->account, sizeof row->account);
    random_text(rng, row->partition, sizeof row->partition);
    random_text(rng, row->qos, sizeof row->qos);
    random_text(rng, row->name, sizeof row->name);
    random_text(rng, row->cluster, sizeof row->cluster);
    row->options.given = (unsigned)mir_rng_u64(rng);
    row->options.weight = mir_rng_normal(rng);
    row->options.links = random_i32(rng);
    row->options.until = random_i64(rng);
    row->options.lead_max_s = random_i32(rng);
    row->options.warmup_s = random_i32(rng);
    row->options.done_on_success = mir_rng_below(rng, 2) == 1;
    random_text(rng, row->options.stop_file, sizeof row->options.stop_file);
    random_text(rng, row->options.policy, sizeof row->options.policy);
    row->by_comment = mir_rng_below(rng, 2) == 1;
    row->enrolled_at = random_i64(rng);
    row->ended_at = random_i64(rng);
    row->failures = random_i32(rng);
    row->not_before_at = random_i64(rng);
}

static void random_link(struct mir_rng *rng, struct mir_link_row *row)
{
    memset(row, 0, sizeof *row);
    random_text(rng, row->chain, sizeof row->chain);
    row->number = random_i32(rng);
    row->state = (enum mir_link_state)mir_rng_below(rng, 7);
    row->job.id = (uint32_t)mir_rng_u64(rng);
    row->job.uid = (uint32_t)mir_rng_u64(rng);
    row->job.submit_at = random_i64(rng);
    random_text(rng, row->job.token, sizeof row->job.token);
    row->restarts = (uint32_t)mir_rng_u64(rng);
    random_text(rng, row->template_id, sizeof row->template_id);
    row->environment = (enum mir_environment_source)mir_rng_below(rng, 5);
    row->warn_s = random_i32(rng);
    row->limit_s = random_i32(rng);
    row->n_nodes = (uint32_t)mir_rng_u64(rng);
    random_text(rng, row->policy, sizeof row->policy);
    row->planned_at = random_i64(rng);
    row->decided_at = random_i64(rng);
    row->sent_at = random_i64(rng);
    row->confirmed_at = random_i64(rng);
    row->start_at = random_i64(rng);
    row->end_at = random_i64(rng);
    row->job_state = (uint8_t)mir_rng_u64(rng);
    row->exit_code = random_i32(rng);
    row->exit_signal = random_i32(rng);
    row->decided_wait_s = mir_rng_normal(rng) * 1e5;
    row->would_at = random_i64(rng);
    row->n_sent = random_i32(rng);
}

struct links_seen {
    struct mir_link_row rows[8];
    size_t n;
};

static int see_link(void *arg, const struct mir_link_row *row)
{
    struct links_seen *seen = arg;

    assert_true(seen->n < 8);
    memcpy(&seen->rows[seen->n++], row, sizeof *row);
    return 0;
}

static size_t links_of(struct mir_journal *j, const char *chain, struct links_seen *seen)
{
    memset(seen, 0, sizeof *seen);
    assert_int_equal(mir_journal_each_link(j, chain, see_link, seen, NULL), 0);
    return seen->n;
}

static void gives_chains_back_bit_by_bit(void **state)
{
    uint64_t seed = (uint64_t)mir_clock_mono_ns();
    struct mir_rng rng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    mir_rng_init(&rng, seed);
    for (int i = 0; i < 200; i++) {
        struct mir_journal *j = in_memory();
        struct mir_chain_row row;
        struct chains_seen seen;

        random_chain(&rng, &row);
        assert_int_equal(mir_journal_put_chain(j, &row, NULL), 0);
        assert_int_equal(chains_of(j, false, &seen), 1);
        check_equal(&row, &seen.rows[0]);
        mir_journal_close(j);
    }
}

static void gives_links_back_bit_by_bit(void **state)
{
    uint64_t seed = (uint64_t)mir_clock_mono_ns();
    struct mir_rng rng;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    mir_rng_init(&rng, seed);
    for (int i = 0; i < 200; i++) {
        struct mir_journal *j = in_memory();
        struct mir_link_row row;
        struct links_seen seen;

        random_link(&rng, &row);
        assert_int_equal(mir_journal_put_link(j, &row, NULL), 0);
        assert_int_equal(links_of(j, row.chain, &seen), 1);
        assert_memory_equal(&row, &seen.rows[0], sizeof row);
        mir_journal_close(j);
    }
}

static void replaces_whole_rows(void **state)
{
    struct mir_journal *j = in_memory();
    struct mir_link_row row = a_link("aaaaaaaa", 1);
    struct chains_seen chains;
    struct links_seen links;
    struct mir_chain_row chain = a_chain("aaaaaaaa", MIR_CHAIN_ACTIVE, 0);

    (void)state;
    snprintf(chain.reason, sizeof chain.reason, "because");
    assert_int_equal(mir_journal_put_chain(j, &chain, NULL), 0);
    chain = a_chain("aaaaaaaa", MIR_CHAIN_PARKED, 0);
    assert_int_equal(mir_journal_put_chain(j, &chain, NULL), 0);
    assert_int_equal(chains_of(j, true, &chains), 1);
    check_equal(&chain, &chains.rows[0]);
    snprintf(row.job.token, sizeof row.job.token, "feed");
    assert_int_equal(mir_journal_put_link(j, &row, NULL), 0);
    row = a_link("aaaaaaaa", 1);
    assert_int_equal(mir_journal_put_link(j, &row, NULL), 0);
    assert_int_equal(links_of(j, "aaaaaaaa", &links), 1);
    assert_string_equal(links.rows[0].job.token, "");
    mir_journal_close(j);
}

static void orders_chains_by_id_and_links_by_number(void **state)
{
    struct mir_journal *j = in_memory();
    struct mir_chain_row b = a_chain("bbbbbbbb", MIR_CHAIN_ENDED, 5);
    struct mir_chain_row a = a_chain("aaaaaaaa", MIR_CHAIN_ENROLLING, 0);
    struct mir_chain_row c = a_chain("cccccccc", MIR_CHAIN_REFUSED, 0);
    struct chains_seen chains;
    struct links_seen links;

    (void)state;
    mir_journal_put_chain(j, &b, NULL);
    mir_journal_put_chain(j, &c, NULL);
    mir_journal_put_chain(j, &a, NULL);
    assert_int_equal(chains_of(j, false, &chains), 3);
    assert_string_equal(chains.rows[0].id, "aaaaaaaa");
    assert_string_equal(chains.rows[2].id, "cccccccc");
    assert_int_equal(chains_of(j, true, &chains), 1);
    for (int32_t n = 3; n >= 0; n--) {
        struct mir_link_row link = a_link(n % 2 == 0 ? "aaaaaaaa" : "bbbbbbbb", n);

        mir_journal_put_link(j, &link, NULL);
    }
    assert_int_equal(links_of(j, "bbbbbbbb", &links), 2);
    assert_int_equal(links.rows[0].number, 1);
    assert_int_equal(links.rows[1].number, 3);
    assert_int_equal(links_of(j, NULL, &links), 4);
    assert_int_equal(links_of(j, "dddddddd", &links), 0);
    mir_journal_close(j);
}

static int stop_at_second(void *arg, const struct mir_link_row *row)
{
    int *n = arg;

    (void)row;
    return ++*n == 2 ? 77 : 0;
}

static void a_callback_ends_the_walk_with_its_answer(void **state)
{
    struct mir_journal *j = in_memory();
    int n = 0;

    (void)state;
    for (int32_t i = 0; i < 5; i++) {
        struct mir_link_row row = a_link("aaaaaaaa", i);

        mir_journal_put_link(j, &row, NULL);
    }
    assert_int_equal(mir_journal_each_link(j, "aaaaaaaa", stop_at_second, &n, NULL), 77);
    assert_int_equal(n, 2);
    mir_journal_close(j);
}

struct nested {
    struct mir_journal *j;
    int n;
};

static int count_link(void *arg, const struct mir_link_row *row)
{
    (void)row;
    ++*(int *)arg;
    return 0;
}

static int walk_and_write_inside(void *arg, const struct mir_link_row *row)
{
    struct nested *nested = arg;
    struct mir_link_row changed = *row;

    changed.state = MIR_LINK_GONE;
    assert_int_equal(mir_journal_each_link(nested->j, "aaaaaaaa", count_link, &nested->n, NULL), 0);
    return mir_journal_put_link(nested->j, &changed, NULL);
}

static void a_callback_may_walk_and_write(void **state)
{
    struct nested nested = {.j = in_memory()};
    struct links_seen seen;

    (void)state;
    for (int32_t i = 0; i < 3; i++) {
        struct mir_link_row row = a_link("aaaaaaaa", i);

        mir_journal_put_link(nested.j, &row, NULL);
    }
    assert_int_equal(
        mir_journal_each_link(nested.j, "aaaaaaaa", walk_and_write_inside, &nested, NULL), 0);
    assert_int_equal(nested.n, 9);
    assert_int_equal(links_of(nested.j, "aaaaaaaa", &seen), 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(seen.rows[i].state, MIR_LINK_GONE);
    mir_journal_close(nested.j);
}

/* ---- passes, decisions, events, starts, facts */

struct decisions_seen {
    struct mir_decision_row rows[8];
    size_t n;
};

static int see_decision(void *arg, const struct mir_decision_row *row)
{
    struct decisions_seen *seen = arg;

    assert_true(seen->n < 8);
    memcpy(&seen->rows[seen->n++], row, sizeof *row);
    return 0;
}

static void keeps_decisions_with_what_they_saw(void **state)
{
    static const unsigned char queue[] = {0, 1, 2, 0, 255};
    struct mir_journal *j = in_memory();
    const struct mir_pass_row pass = {.at = 1700000000,
                                      .n_nodes = 8,
                                      .n_nodes_free = 3,
                                      .n_history = 123456789012,
                                      .queue = queue,
                                      .queue_len = sizeof queue};
    struct mir_decision_row row = {.chain = "aaaaaaaa",
                                   .at = 1700000000,
                                   .action = 1,
                                   .acted = true,
                                   .wait_s = 3600.25,
                                   .predecessor_submit_at = 1,
                                   .predecessor_start_at = 2,
                                   .predecessor_end_at = 3,
                                   .policy = "lead:hours=6",
                                   .reason = "6 h before the end"};
    struct decisions_seen seen = {.n = 0};
    struct mir_pass_row got;
    int64_t id = 0;

    (void)state;
    assert_int_equal(mir_journal_add_pass(j, &pass, &id, NULL), 0);
    row.pass = id;
    for (int32_t i = 0; i < 5; i++) {
        row.link = i;
        assert_int_equal(mir_journal_add_decision(j, &row, NULL), 0);
    }
    assert_int_equal(mir_journal_each_decision(j, "aaaaaaaa", 2, see_decision, &seen, NULL), 0);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.rows[0].link, 3);
    row.link = 4;
    assert_memory_equal(&seen.rows[1], &row, sizeof row);
    assert_int_equal(mir_journal_get_pass(j, seen.rows[1].pass, &got, NULL), 0);
    assert_int_equal(got.at, pass.at);
    assert_int_equal(got.n_nodes_free, 3);
    assert_true(got.n_history == 123456789012);
    assert_int_equal(got.queue_len, sizeof queue);
    assert_memory_equal(got.queue, queue, sizeof queue);
    mir_journal_close(j);
}

static void tells_no_queue_from_an_empty_one(void **state)
{
    struct mir_journal *j = in_memory();
    struct mir_pass_row pass = {.at = 5, .queue = "", .queue_len = 0}, got;
    struct mir_error err = {{0}};
    int64_t empty = 0, none = 0;

    (void)state;
    assert_int_equal(mir_journal_add_pass(j, &pass, &empty, NULL), 0);
    pass.queue = NULL;
    assert_int_equal(mir_journal_add_pass(j, &pass, &none, NULL), 0);
    assert_true(none > empty);
    assert_int_equal(mir_journal_get_pass(j, empty, &got, NULL), 0);
    assert_non_null(got.queue);
    assert_int_equal(got.queue_len, 0);
    assert_int_equal(mir_journal_get_pass(j, none, &got, NULL), 0);
    assert_null(got.queue);
    assert_int_equal(mir_journal_get_pass(j, none + 1, &got, &err), -ENOENT);
    assert_non_null(strstr(err.text, "no pass"));
    mir_journal_close(j);
}

static void writes_a_wait_that_is_no_number_as_none(void **state)
{
    struct mir_journal *j = in_memory();
    struct mir_decision_row row = {.chain = "aaaaaaaa", .wait_s = NAN};
    struct decisions_seen seen = {.n = 0};

    (void)state;
    assert_int_equal(mir_journal_add_decision(j, &row, NULL), 0);
    assert_int_equal(mir_journal_each_decision(j, NULL, 9, see_decision, &seen, NULL), 0);
    assert_true(seen.rows[0].wait_s == -1);
    mir_journal_close(j);
}

static int join_events(void *arg, const char *chain, int32_t link, int64_t at, const char *text)
{
    char *joined = arg;
    size_t len = strlen(joined);

    snprintf(joined + len, 256 - len, "%s/%d/%d/%s;", chain, link, (int)at, text);
    return 0;
}

static void tells_the_newest_events_oldest_first(void **state)
{
    struct mir_journal *j = in_memory();
    char joined[256] = "";

    (void)state;
    mir_journal_add_event(j, "aaaaaaaa", 0, 10, "one", NULL);
    mir_journal_add_event(j, "bbbbbbbb", 0, 11, "other", NULL);
    mir_journal_add_event(j, "aaaaaaaa", 1, 12, "two", NULL);
    mir_journal_add_event(j, "aaaaaaaa", 2, 13, "lost job 12", NULL);
    mir_journal_add_event(j, NULL, -1, 14, NULL, NULL);
    assert_int_equal(mir_journal_each_event(j, "aaaaaaaa", 2, join_events, joined, NULL), 0);
    assert_string_equal(joined, "aaaaaaaa/1/12/two;aaaaaaaa/2/13/lost job 12;");
    joined[0] = '\0';
    assert_int_equal(mir_journal_each_event(j, NULL, 2, join_events, joined, NULL), 0);
    assert_string_equal(joined, "aaaaaaaa/2/13/lost job 12;/-1/14/;");
    mir_journal_close(j);
}

static int join_starts(void *arg, const struct mir_live_past *past)
{
    char *joined = arg;
    size_t len = strlen(joined);

    snprintf(joined + len, 256 - len, "%u@%d-%d %s/%s;", past->id, (int)past->start_at,
             (int)past->end_at, past->user, past->comment);
    return 0;
}

static void keeps_a_start_once_in_the_order_of_starts(void **state)
{
    struct mir_journal *j = in_memory();
    struct mir_live_past past = {.id = 7, .submit_at = 5, .start_at = 30, .user = "ann"};
    char joined[256] = "";

    (void)state;
    assert_int_equal(mir_journal_add_start(j, &past, NULL), 0);
    past.end_at = 60; /* seen again, ended */
    assert_int_equal(mir_journal_add_start(j, &past, NULL), 0);
    past = (struct mir_live_past){
        .id = 9, .submit_at = 6, .start_at = 20, .user = "bob", .comment = "mirage"};
    assert_int_equal(mir_journal_add_start(j, &past, NULL), 0);
    past = (struct mir_live_past){.id = 3, .submit_at = 7, .start_at = 20};
    assert_int_equal(mir_journal_add_start(j, &past, NULL), 0);
    assert_int_equal(mir_journal_each_start(j, 99, join_starts, joined, NULL), 0);
    assert_string_equal(joined, "3@20-0 /;9@20-0 bob/mirage;7@30-60 ann/;");
    joined[0] = '\0';
    assert_int_equal(mir_journal_each_start(j, 1, join_starts, joined, NULL), 0);
    assert_string_equal(joined, "7@30-60 ann/;");
    mir_journal_close(j);
}

static void gives_starts_page_by_page(void **state)
{
    struct mir_journal *j = in_memory();
    struct mir_journal_place after = {INT64_MIN, 0, 0};
    char joined[256] = "";

    (void)state;
    for (uint32_t i = 0; i < 3; i++) { /* alike but for one of the three: none is passed over */
        struct mir_live_past past = {
            .id = 5 + (i == 1), .submit_at = 1 + (i == 2), .start_at = 20, .user = "ann"};

        assert_int_equal(mir_journal_add_start(j, &past, NULL), 0);
    }
    assert_int_equal(mir_journal_page_starts(j, &after, 2, join_starts, joined, NULL), 0);
    assert_string_equal(joined, "5@20-0 ann/;5@20-0 ann/;");
    after = (struct mir_journal_place){20, 2, 5};
    joined[0] = '\0';
    assert_int_equal(mir_journal_page_starts(j, &after, 2, join_starts, joined, NULL), 0);
    assert_string_equal(joined, "6@20-0 ann/;");
    after = (struct mir_journal_place){20, 1, 6};
    joined[0] = '\0';
    assert_int_equal(mir_journal_page_starts(j, &after, 2, join_starts, joined, NULL), 0);
    assert_string_equal(joined, "");
    mir_journal_close(j);
}

static void keeps_lumps_of_bytes(void **state)
{
    struct mir_journal *j = in_memory();
    void *bytes = NULL;
    size_t len = 77;

    (void)state;
    assert_int_equal(mir_journal_get_blob(j, "calibration", &bytes, &len, NULL), -ENOENT);
    assert_null(bytes);
    assert_int_equal(len, 77);
    assert_int_equal(mir_journal_set_blob(j, "calibration", "a\0bc", 4, NULL), 0);
    assert_int_equal(mir_journal_set_blob(j, "calibration", "d\0ef", 3, NULL), 0);
    assert_int_equal(mir_journal_get_blob(j, "calibration", &bytes, &len, NULL), 0);
    assert_int_equal(len, 3);
    assert_memory_equal(bytes, "d\0e", 3);
    free(bytes);
    assert_int_equal(mir_journal_set_blob(j, "empty", "", 0, NULL), 0);
    assert_int_equal(mir_journal_get_blob(j, "empty", &bytes, &len, NULL), 0);
    assert_int_equal(len, 0);
    free(bytes);
    mir_journal_close(j);
}

static void remembers_small_facts(void **state)
{
    struct mir_journal *j = in_memory();
    int64_t value = 42;

    (void)state;
    assert_int_equal(mir_journal_get(j, "drained", &value, NULL), -ENOENT);
    assert_int_equal(value, 42);
    assert_int_equal(mir_journal_set(j, "drained", 1, NULL), 0);
    assert_int_equal(mir_journal_set(j, "drained", INT64_MIN, NULL), 0);
    assert_int_equal(mir_journal_get(j, "drained", &value, NULL), 0);
    assert_true(value == INT64_MIN);
    mir_journal_close(j);
}

/* ---- commits */

static void count_commit(void *arg)
{
    ++*(int *)arg;
}

static void tells_each_commit_once(void **state)
{
    struct mir_journal *j = in_memory();
    struct mir_link_row row = a_link("aaaaaaaa", 0);
    int n = 0;

    (void)state;
    mir_journal_on_commit(j, count_commit, &n);
    mir_journal_set(j, "a", 1, NULL);
    assert_int_equal(n, 1);
    assert_int_equal(mir_journal_begin(j, NULL), 0);
    mir_journal_put_link(j, &row, NULL);
    mir_journal_add_event(j, "aaaaaaaa", 0, 1, "x", NULL);
    assert_int_equal(n, 1);
    assert_int_equal(mir_journal_commit(j, NULL), 0);
    assert_int_equal(n, 2);
    assert_int_equal(mir_journal_begin(j, NULL), 0);
    mir_journal_set(j, "a", 2, NULL);
    mir_journal_rollback(j);
    assert_int_equal(n, 2);
    mir_journal_on_commit(j, NULL, NULL);
    mir_journal_set(j, "a", 3, NULL);
    mir_journal_close(j);
}

static void rollback_undoes_all_of_a_commit(void **state)
{
    struct mir_journal *j = in_memory();
    struct mir_link_row row = a_link("aaaaaaaa", 0);
    struct links_seen seen;
    int64_t value = 0;

    (void)state;
    mir_journal_set(j, "a", 1, NULL);
    assert_int_equal(mir_journal_begin(j, NULL), 0);
    assert_int_equal(mir_journal_begin(j, NULL), -EINVAL);
    mir_journal_put_link(j, &row, NULL);
    mir_journal_set(j, "a", 2, NULL);
    mir_journal_rollback(j);
    assert_int_equal(mir_journal_commit(j, NULL), -EINVAL);
    assert_int_equal(links_of(j, NULL, &seen), 0);
    assert_int_equal(mir_journal_get(j, "a", &value, NULL), 0);
    assert_int_equal(value, 1);
    mir_journal_close(j);
}

static void a_failed_write_takes_its_commit_with_it(void **state)
{
    const struct mir_pass_row bad = {.n_history = UINT64_MAX, .queue = "q", .queue_len = 1};
    const struct mir_pass_row good = {.at = 1};
    struct mir_journal *j = in_memory();
    struct mir_error err = {{0}};
    struct mir_pass_row got;
    int64_t id = 0;

    (void)state;
    assert_int_equal(mir_journal_begin(j, NULL), 0);
    assert_int_equal(mir_journal_set(j, "before", 1, NULL), 0);
    assert_int_equal(mir_journal_add_pass(j, &bad, &id, &err), -ERANGE);
    assert_non_null(strstr(err.text, "n_history"));
    assert_int_equal(mir_journal_set(j, "after", 1, NULL), -ERANGE);
    assert_int_equal(mir_journal_add_pass(j, &good, &id, NULL), -ERANGE);
    err.text[0] = '\0';
    assert_int_equal(mir_journal_commit(j, &err), -ERANGE);
    assert_non_null(strstr(err.text, "n_history"));
    assert_int_equal(mir_journal_get(j, "before", &id, NULL), -ENOENT);
    assert_int_equal(mir_journal_get(j, "after", &id, NULL), -ENOENT);
    assert_int_equal(mir_journal_add_pass(j, &good, &id, NULL),
                     0); /* by itself, without `bad`'s blob */
    assert_int_equal(mir_journal_get_pass(j, id, &got, NULL), 0);
    assert_null(got.queue);
    mir_journal_close(j);
}

static void another_begin_ends_a_failed_commit(void **state)
{
    const struct mir_pass_row bad = {.n_history = UINT64_MAX};
    struct mir_journal *j = in_memory();
    int64_t id = 0;

    (void)state;
    assert_int_equal(mir_journal_begin(j, NULL), 0);
    assert_int_equal(mir_journal_add_pass(j, &bad, &id, NULL), -ERANGE);
    assert_int_equal(mir_journal_begin(j, NULL), 0);
    assert_int_equal(mir_journal_set(j, "a", 1, NULL), 0);
    assert_int_equal(mir_journal_commit(j, NULL), 0);
    assert_int_equal(mir_journal_get(j, "a", &id, NULL), 0);
    mir_journal_close(j);
}

/* ---- forgetting */

static int count_decision(void *arg, const struct mir_decision_row *row)
{
    assert_true(row->at >= 1000);
    ++*(int *)arg;
    return 0;
}

static int count_event(void *arg, const char *chain, int32_t link, int64_t at, const char *text)
{
    (void)link;
    (void)text;
    assert_true(at >= 1000);
    assert_string_equal(chain, "activeee");
    ++*(int *)arg;
    return 0;
}

static void forgets_what_is_old_and_keeps_open_chains(void **state)
{
    struct mir_journal *j = in_memory();
    int n_decisions = 0, n_events = 0, n_starts = 0, n_commits = 0;
    struct chains_seen chains;
    struct links_seen links;
    struct mir_pass_row pass;
    int64_t fact = 0;

    (void)state;
    fill_for_pruning(j);
    mir_journal_on_commit(j, count_commit, &n_commits);
    assert_int_equal(mir_journal_prune(j, 1000, NULL), 0);
    assert_true(n_commits > 8); /* in slices */
    assert_int_equal(chains_of(j, false, &chains), 3);
    assert_string_equal(chains.rows[0].id, "activeee");
    assert_string_equal(chains.rows[1].id, "endednew");
    assert_string_equal(chains.rows[2].id, "stillrun"); /* that it is over is still news */
    assert_int_equal(links_of(j, NULL, &links), 3);
    assert_int_equal(mir_journal_get(j, "cancel:endedold", &fact, NULL), -ENOENT);
    assert_int_equal(mir_journal_get(j, "cancel:stillrun", &fact, NULL), 0);
    assert_int_equal(mir_journal_get(j, "drained", &fact, NULL), 0);
    mir_journal_each_decision(j, NULL, SIZE_MAX, count_decision, &n_decisions, NULL);
    mir_journal_each_event(j, NULL, SIZE_MAX, count_event, &n_events, NULL);
    mir_journal_each_start(j, SIZE_MAX, count_start, &n_starts, NULL);
    assert_int_equal(n_decisions, 100);
    assert_int_equal(n_events, 100);
    assert_int_equal(n_starts, 100);
    assert_int_equal(mir_journal_get_pass(j, 2400, &pass, NULL), -ENOENT);
    assert_int_equal(mir_journal_get_pass(j, 2401, &pass, NULL), 0);
    mir_journal_begin(j, NULL);
    assert_int_equal(mir_journal_prune(j, 1000, NULL), -EINVAL);
    mir_journal_close(j);
}

/* A decision must never point to a pass that came after its own was forgotten. */
static void gives_no_pass_number_twice(void **state)
{
    const struct mir_pass_row pass = {.at = 1};
    struct mir_journal *j = in_memory();
    int64_t first = 0, second = 0;

    (void)state;
    mir_journal_add_pass(j, &pass, &first, NULL);
    assert_int_equal(mir_journal_prune(j, 1000, NULL), 0);
    mir_journal_add_pass(j, &pass, &second, NULL);
    assert_true(second > first);
    mir_journal_close(j);
}

static void names_its_states(void **state)
{
    (void)state;
    assert_string_equal(mir_chain_state_name(MIR_CHAIN_ENROLLING), "enrolling");
    assert_string_equal(mir_chain_state_name(MIR_CHAIN_REFUSED), "refused");
    assert_string_equal(mir_chain_state_name((enum mir_chain_state)99), "unknown");
    assert_string_equal(mir_link_state_name(MIR_LINK_PLANNED), "planned");
    assert_string_equal(mir_link_state_name(MIR_LINK_GONE), "gone");
    assert_string_equal(mir_link_state_name((enum mir_link_state)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_chains_back_bit_by_bit),
        cmocka_unit_test(gives_links_back_bit_by_bit),
        cmocka_unit_test(replaces_whole_rows),
        cmocka_unit_test(orders_chains_by_id_and_links_by_number),
        cmocka_unit_test(a_callback_ends_the_walk_with_its_answer),
        cmocka_unit_test(a_callback_may_walk_and_write),
        cmocka_unit_test(keeps_decisions_with_what_they_saw),
        cmocka_unit_test(tells_no_queue_from_an_empty_one),
        cmocka_unit_test(writes_a_wait_that_is_no_number_as_none),
        cmocka_unit_test(tells_the_newest_events_oldest_first),
        cmocka_unit_test(keeps_a_start_once_in_the_order_of_starts),
        cmocka_unit_test(gives_starts_page_by_page),
        cmocka_unit_test(keeps_lumps_of_bytes),
        cmocka_unit_test(remembers_small_facts),
        cmocka_unit_test(tells_each_commit_once),
        cmocka_unit_test(rollback_undoes_all_of_a_commit),
        cmocka_unit_test(a_failed_write_takes_its_commit_with_it),
        cmocka_unit_test(another_begin_ends_a_failed_commit),
        cmocka_unit_test(forgets_what_is_old_and_keeps_open_chains),
        cmocka_unit_test(gives_no_pass_number_twice),
        cmocka_unit_test(names_its_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
