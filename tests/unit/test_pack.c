/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_pack.c - a packed queue comes back the same, and makes the same decision. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/rng.h"
#include "daemon/engine/chain.h"
#include "daemon/engine/pack.h"

enum { MAX_JOBS = 300 };

struct queue {
    struct mir_snapshot snapshot;
    struct mir_pending_job pending[MAX_JOBS];
    struct mir_running_job running[MAX_JOBS];
};

static int64_t around(struct mir_rng *rng, int64_t at)
{
    return at + (int64_t)mir_rng_below(rng, 200001) - 100000;
}

static void fill_summary(struct mir_rng *rng, struct mir_jobs_summary *s)
{
    for (int i = 0; i < 5; i++) {
        s->limit_s[i] = mir_rng_double(rng) * 1e5;
        s->wait_s[i] = mir_rng_double(rng) * 1e5;
        s->elapsed_s[i] = mir_rng_double(rng) * 1e5;
    }
}

static void fill_pending(struct mir_rng *rng, int64_t now, struct mir_pending_job *job)
{
    job->submit_at = around(rng, now);
    job->eligible_at = mir_rng_below(rng, 2) == 0   ? job->submit_at
                       : mir_rng_below(rng, 2) == 0 ? INT64_MAX
                                                    : around(rng, now);
    job->id = (uint32_t)mir_rng_u64(rng);
    job->limit_s = mir_rng_below(rng, 9) == 0 ? INT32_MAX : (int32_t)mir_rng_below(rng, 200000);
    job->n_nodes = (uint32_t)mir_rng_below(rng, 5000);
    job->user = (uint32_t)mir_rng_below(rng, 1000);
    job->name = (uint32_t)mir_rng_u64(rng);
    job->priority = mir_rng_double(rng) * 1e9;
    job->partition = (uint16_t)mir_rng_u64(rng);
    job->account = (uint16_t)mir_rng_u64(rng);
    job->qos = (uint8_t)mir_rng_u64(rng);
}

static void fill_running(struct mir_rng *rng, int64_t now, struct mir_running_job *job)
{
    job->submit_at = around(rng, now);
    job->start_at = around(rng, now);
    job->planned_end_at = around(rng, now);
    job->id = (uint32_t)mir_rng_u64(rng);
    job->n_nodes = (uint32_t)mir_rng_below(rng, 5000);
    job->user = (uint32_t)mir_rng_below(rng, 1000);
    job->name = mir_rng_below(rng, 9) == 0 ? UINT32_MAX : (uint32_t)mir_rng_below(rng, 100);
    job->chained = mir_rng_below(rng, 2) != 0;
    job->partition = (uint16_t)mir_rng_u64(rng);
    job->account = (uint16_t)mir_rng_u64(rng);
    job->qos = (uint8_t)mir_rng_u64(rng);
}

static struct queue *make_queue(uint64_t seed)
{
    struct queue *q = MIR_NEW(struct queue);
    struct mir_snapshot *s = &q->snapshot;
    struct mir_rng rng;

    mir_rng_init(&rng, seed);
    s->now = 1700000000;
    s->n_nodes = 512;
    s->n_nodes_free = (uint32_t)mir_rng_below(&rng, 512);
    fill_summary(&rng, &s->pending_sum);
    fill_summary(&rng, &s->running_sum);
    s->n_pending = mir_rng_below(&rng, MAX_JOBS);
    s->n_running = mir_rng_below(&rng, MAX_JOBS);
    s->pending_sum.n_jobs = (uint32_t)s->n_pending;
    s->pending_sum.n_nodes = 77;
    s->running_sum.n_jobs = (uint32_t)s->n_running;
    for (size_t i = 0; i < s->n_pending; i++)
        fill_pending(&rng, s->now, &q->pending[i]);
    for (size_t i = 0; i < s->n_running; i++)
        fill_running(&rng, s->now, &q->running[i]);
    s->pending = q->pending;
    s->running = q->running;
    return q;
}

static void same_pending(const struct mir_pending_job *a, const struct mir_pending_job *b)
{
    assert_true(a->submit_at == b->submit_at && a->eligible_at == b->eligible_at);
    assert_true(a->id == b->id && a->limit_s == b->limit_s && a->n_nodes == b->n_nodes);
    assert_true(a->user == b->user && a->partition == b->partition && a->account == b->account);
    assert_true(a->qos == b->qos && a->priority == b->priority && a->name == b->name);
}

static void same_running(const struct mir_running_job *a, const struct mir_running_job *b)
{
    assert_true(a->submit_at == b->submit_at && a->start_at == b->start_at);
    assert_true(a->planned_end_at == b->planned_end_at && a->id == b->id);
    assert_true(a->n_nodes == b->n_nodes && a->user == b->user && a->qos == b->qos);
    assert_true(a->partition == b->partition && a->account == b->account);
    assert_true(a->name == b->name && a->chained == b->chained);
}

static void comes_back_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct queue *q = make_queue(seed);
        struct mir_str bytes = {0};
        struct mir_snapshot back;
        void *memory = NULL;

        print_message("# seed %llu\n", (unsigned long long)seed);
        mir_pack_queue(&q->snapshot, &bytes);
        assert_int_equal(
            mir_unpack_queue(bytes.text, bytes.len, q->snapshot.now, &back, &memory, NULL), 0);
        assert_int_equal(back.now, q->snapshot.now);
        assert_int_equal(back.n_nodes, q->snapshot.n_nodes);
        assert_int_equal(back.n_nodes_free, q->snapshot.n_nodes_free);
        assert_memory_equal(&back.pending_sum, &q->snapshot.pending_sum, sizeof(back.pending_sum));
        assert_memory_equal(&back.running_sum, &q->snapshot.running_sum, sizeof(back.running_sum));
        assert_int_equal(back.n_pending, q->snapshot.n_pending);
        assert_int_equal(back.n_running, q->snapshot.n_running);
        for (size_t i = 0; i < back.n_pending; i++)
            same_pending(&back.pending[i], &q->pending[i]);
        for (size_t i = 0; i < back.n_running; i++)
            same_running(&back.running[i], &q->running[i]);
        free(memory);
        mir_str_release(&bytes);
        free(q);
    }
}

static void waits_have_grown_when_it_is_looked_at_later(void **state)
{
    struct queue *q = make_queue(3);
    struct mir_str bytes = {0};
    struct mir_snapshot back;
    void *memory = NULL;

    (void)state;
    mir_pack_queue(&q->snapshot, &bytes);
    assert_int_equal(
        mir_unpack_queue(bytes.text, bytes.len, q->snapshot.now + 40, &back, &memory, NULL), 0);
    assert_true(back.now == q->snapshot.now + 40);
    assert_true(back.pending_sum.wait_s[2] == q->snapshot.pending_sum.wait_s[2] + 40);
    assert_true(back.running_sum.elapsed_s[2] == q->snapshot.running_sum.elapsed_s[2] + 40);
    assert_true(back.running_sum.wait_s[2] == q->snapshot.running_sum.wait_s[2]);
    free(memory);
    mir_str_release(&bytes);
    free(q);
}

/* Everything that is in the queue, as one number: another queue, another answer. */
static int digest_decide(void *state,
                         const struct mirage_view *view,
                         struct mirage_decision *out,
                         struct mir_error *err)
{
    double sum = view->queue->pending_sum.wait_s[2] + (double)view->queue->n_nodes_free;

    (void)state;
    (void)err;
    for (size_t i = 0; i < view->queue->n_pending; i++)
        sum += view->queue->pending[i].priority / (double)(i + 1);
    for (size_t i = 0; i < view->queue->n_running; i++)
        sum += (double)(view->now - view->queue->running[i].start_at) / (double)(i + 1);
    out->action = sum > 0 ? MIRAGE_SUBMIT : MIRAGE_WAIT;
    out->wait_s = sum;
    snprintf(out->reason, sizeof(out->reason), "%.17g", sum);
    return 0;
}

static void a_policy_gives_the_same_answer_again(void **state)
{
    static const struct mirage_plugin plugin = {.name = "digest", .decide = digest_decide};
    const struct mir_chain_settings settings = {.period_s = 600};
    const struct mir_link link = {.settings = &settings,
                                  .plugin = &plugin,
                                  .predecessor_start_at = 1699999000,
                                  .predecessor_end_at = 1700009000};
    struct queue *q = make_queue(11);
    struct mirage_decision first, again;
    struct mir_str bytes = {0};
    struct mir_snapshot back;
    void *memory = NULL;

    (void)state;
    mir_link_decide(&link, &q->snapshot, &first);
    mir_pack_queue(&q->snapshot, &bytes);
    assert_int_equal(mir_unpack_queue(bytes.text, bytes.len, q->snapshot.now, &back, &memory, NULL),
                     0);
    mir_link_decide(&link, &back, &again);
    assert_int_equal(first.action, again.action);
    assert_string_equal(first.reason, again.reason);
    free(memory);
    mir_str_release(&bytes);
    free(q);
}

static void add_byte(struct mir_str *s, char byte)
{
    mir_str_add_n(s, &byte, 1);
}

/* As the first version wrote it: a job that waits and one that runs, without names. */
static void reads_what_the_first_version_packed(void **state)
{
    static const char summaries[2 * (2 + 15 * 8)];
    static const char pending[] = {2, 0, 7, 20, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, 6, 1};
    static const char running[] = {1, 8, 20, 9, 2, 4, 5, 6, 1};
    struct mir_str bytes = {0};
    struct mir_snapshot back;
    void *memory = NULL;

    (void)state;
    mir_str_add_n(&bytes, "MQP\1", 4);
    add_byte(&bytes, 100); /* now: 50 */
    add_byte(&bytes, 8);
    add_byte(&bytes, 3);
    mir_str_add_n(&bytes, summaries, sizeof(summaries));
    add_byte(&bytes, 1);
    add_byte(&bytes, 1);
    mir_str_add_n(&bytes, pending, sizeof(pending));
    mir_str_add_n(&bytes, running, sizeof(running));
    assert_int_equal(mir_unpack_queue(bytes.text, bytes.len, 50, &back, &memory, NULL), 0);
    assert_int_equal(back.n_nodes, 8);
    assert_true(back.n_pending == 1 && back.n_running == 1);
    assert_true(back.pending[0].submit_at == 51 && back.pending[0].id == 7);
    assert_true(back.pending[0].user == 4 && back.pending[0].partition == 5);
    assert_true(back.pending[0].name == 0 && back.pending[0].qos == 1);
    assert_true(back.running[0].start_at == 49 && back.running[0].submit_at == 45);
    assert_true(back.running[0].id == 9 && back.running[0].partition == 5);
    assert_true(back.running[0].name == 0 && back.running[0].chained == 0);
    free(memory);
    bytes.text[3] = 3;
    assert_int_equal(mir_unpack_queue(bytes.text, bytes.len, 50, &back, &memory, NULL), -EBADMSG);
    bytes.text[3] = 0;
    assert_int_equal(mir_unpack_queue(bytes.text, bytes.len, 50, &back, &memory, NULL), -EBADMSG);
    mir_str_release(&bytes);
}

static void refuses_what_is_cut_short_or_longer(void **state)
{
    struct queue *q = make_queue(5);
    struct mir_str bytes = {0};
    struct mir_snapshot back;
    void *memory = NULL;

    (void)state;
    mir_pack_queue(&q->snapshot, &bytes);
    for (size_t len = 0; len < bytes.len; len++) {
        char *part = mir_alloc(len + 1, 1);

        memcpy(part, bytes.text, len);
        assert_int_equal(mir_unpack_queue(part, len, 0, &back, &memory, NULL), -EBADMSG);
        free(part);
    }
    mir_str_add_n(&bytes, "x", 1);
    assert_int_equal(mir_unpack_queue(bytes.text, bytes.len, 0, &back, &memory, NULL), -EBADMSG);
    mir_str_release(&bytes);
    free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_back_the_same),
        cmocka_unit_test(waits_have_grown_when_it_is_looked_at_later),
        cmocka_unit_test(a_policy_gives_the_same_answer_again),
        cmocka_unit_test(reads_what_the_first_version_packed),
        cmocka_unit_test(refuses_what_is_cut_short_or_longer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
