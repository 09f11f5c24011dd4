/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_view.c - published views under many readers, and commands under many askers. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/core/clock.h"
#include "daemon/engine/view.h"

enum {
    N_READERS = 4,
    N_VIEWS = 2000,
    N_ASKERS = 8,
    N_COMMANDS = 200,
    WAITING_MAX = 64,
    N_CROWD = 80
};

static struct mir_view *view_of(uint64_t n, struct mir_view_chain *shared)
{
    struct mir_view *view = mir_view_create();

    view->n_passes = n;
    view->chains = MIR_NEW_ARRAY(struct mir_view_chain *, 2);
    view->chains[0] = mir_view_chain_ref(shared);
    view->chains[1] = mir_view_chain_create();
    view->chains[1]->limit_s = (int32_t)n;
    view->chains[1]->links = MIR_NEW_ARRAY(struct mir_view_link, 1);
    view->chains[1]->n_links = 1;
    view->n_chains = 2;
    view->rpcs = MIR_NEW_ARRAY(struct mir_view_rpc, 1);
    view->n_rpcs = 1;
    view->settings = MIR_NEW_ARRAY(struct mir_view_setting, 1);
    view->settings_text = mir_strdup("key");
    view->settings[0] = (struct mir_view_setting){view->settings_text, view->settings_text};
    view->n_settings = 1;
    return view;
}

static void has_no_view_before_the_first(void **state)
{
    struct mir_view_board *board = mir_view_board_create();

    (void)state;
    assert_null(mir_view_get(board));
    mir_view_board_destroy(board);
    mir_view_board_destroy(NULL);
    mir_view_unref(NULL);
    mir_view_chain_unref(NULL);
}

static void keeps_a_view_as_long_as_it_is_held(void **state)
{
    struct mir_view_board *board = mir_view_board_create();
    struct mir_view_chain *chain = mir_view_chain_create();
    struct mir_view *old, *fresh;

    (void)state;
    chain->uid = 42;
    mir_view_publish(board, view_of(1, chain));
    old = mir_view_get(board);
    mir_view_publish(board, view_of(2, chain));
    mir_view_chain_unref(chain);
    fresh = mir_view_get(board);
    mir_view_board_destroy(board);
    assert_int_equal(old->n_passes, 1);
    assert_int_equal(fresh->n_passes, 2);
    assert_ptr_equal(old->chains[0], fresh->chains[0]);
    assert_int_equal(atomic_load(&chain->refs), 2);
    mir_view_unref(old);
    assert_int_equal(atomic_load(&chain->refs), 1);
    assert_int_equal(fresh->chains[0]->uid, 42);
    mir_view_unref(fresh);
}

struct reading {
    struct mir_view_board *board;
    unsigned n_wrong;
};

/* Views come in order, whole. */
static void *read_views(void *arg)
{
    struct reading *r = arg;
    uint64_t last = 0;

    while (last < N_VIEWS) {
        struct mir_view *view = mir_view_get(r->board);

        if (view->n_passes < last || view->chains[1]->limit_s != (int32_t)view->n_passes ||
            view->chains[0]->uid != 42)
            r->n_wrong++;
        last = view->n_passes;
        mir_view_unref(view);
    }
    return NULL;
}

static void gives_whole_views_in_order_to_many_threads(void **state)
{
    struct mir_view_board *board = mir_view_board_create();
    struct mir_view_chain *chain = mir_view_chain_create();
    struct reading readings[N_READERS];
    pthread_t threads[N_READERS];

    (void)state;
    chain->uid = 42;
    mir_view_publish(board, view_of(0, chain));
    for (int i = 0; i < N_READERS; i++) {
        readings[i] = (struct reading){.board = board};
        assert_int_equal(pthread_create(&threads[i], NULL, read_views, &readings[i]), 0);
    }
    for (uint64_t n = 1; n <= N_VIEWS; n++)
        mir_view_publish(board, view_of(n, chain));
    for (int i = 0; i < N_READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readings[i].n_wrong, 0);
    }
    mir_view_board_destroy(board);
    assert_int_equal(atomic_load(&chain->refs), 1);
    mir_view_chain_unref(chain);
}

/* ---- The mailbox */

/* An engine that serves until told to end. */
struct engine {
    struct mir_mailbox *box;
    pthread_t thread;
    atomic_bool ending;
    atomic_uint n_handled;
    int handling_ms;
};

static void handle(void *arg, const struct mir_command *command, struct mir_answer *answer)
{
    struct engine *engine = arg;

    if (engine->handling_ms > 0)
        poll(NULL, 0, engine->handling_ms);
    atomic_fetch_add(&engine->n_handled, 1);
    answer->rc = 0;
    snprintf(answer->text, sizeof(answer->text), "job %u", command->job_id);
}

static void *serve(void *arg)
{
    struct engine *engine = arg;

    while (!atomic_load(&engine->ending)) {
        struct pollfd p = {.fd = mir_mailbox_fd(engine->box), .events = POLLIN};

        if (poll(&p, 1, 10) == 1)
            mir_mailbox_serve(engine->box, handle, engine);
    }
    return NULL;
}

static void engine_start(struct engine *engine, struct mir_mailbox *box, int handling_ms)
{
    *engine = (struct engine){.box = box, .handling_ms = handling_ms};
    assert_int_equal(pthread_create(&engine->thread, NULL, serve, engine), 0);
}

static void engine_end(struct engine *engine)
{
    atomic_store(&engine->ending, true);
    pthread_join(engine->thread, NULL);
}

struct asking {
    struct mir_mailbox *box;
    unsigned first, n, n_right;
    int timeout_ms;
    struct mir_answer last;
};

static void *ask_many(void *arg)
{
    struct asking *a = arg;

    for (unsigned i = 0; i < a->n; i++) {
        struct mir_command command = {.verb = MIR_ENROLL, .job_id = a->first + i};
        char expected[32];

        mir_mailbox_ask(a->box, &command, a->timeout_ms, &a->last);
        snprintf(expected, sizeof(expected), "job %u", command.job_id);
        a->n_right += a->last.rc == 0 && strcmp(a->last.text, expected) == 0;
    }
    return NULL;
}

static void answers_everyone_with_his_own_answer(void **state)
{
    struct mir_mailbox *box = mir_mailbox_create();
    struct asking askings[N_ASKERS];
    pthread_t threads[N_ASKERS];
    struct engine engine;

    (void)state;
    engine_start(&engine, box, 0);
    for (unsigned i = 0; i < N_ASKERS; i++) {
        askings[i] =
            (struct asking){.box = box, .first = 1000 * i, .n = N_COMMANDS, .timeout_ms = 60000};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_many, &askings[i]), 0);
    }
    for (unsigned i = 0; i < N_ASKERS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(askings[i].n_right, N_COMMANDS);
    }
    engine_end(&engine);
    assert_int_equal(atomic_load(&engine.n_handled), N_ASKERS * N_COMMANDS);
    mir_mailbox_destroy(box);
}

static void never_handles_what_was_given_up(void **state)
{
    struct mir_mailbox *box = mir_mailbox_create();
    struct engine engine = {.box = box};
    struct mir_command command = {.verb = MIR_DRAIN};
    struct mir_answer answer;
    int64_t before = mir_clock_mono_ns(), took_ms;

    (void)state;
    mir_mailbox_ask(box, &command, 50, &answer);
    took_ms = (mir_clock_mono_ns() - before) / 1000000;
    assert_int_equal(answer.rc, -ETIMEDOUT);
    assert_true(answer.text[0] != '\0');
    assert_true(took_ms >= 49 && took_ms < 5000);
    mir_mailbox_serve(box, handle, &engine);
    assert_int_equal(atomic_load(&engine.n_handled), 0);
    mir_mailbox_destroy(box);
}

static void waits_for_the_end_of_what_was_begun(void **state)
{
    struct mir_mailbox *box = mir_mailbox_create();
    struct mir_command command = {.verb = MIR_ENROLL, .job_id = 7};
    struct mir_answer answer;
    struct engine engine;

    (void)state;
    engine_start(&engine, box, 1500);
    mir_mailbox_ask(box, &command, 1000, &answer);
    assert_int_equal(answer.rc, 0);
    assert_string_equal(answer.text, "job 7");
    engine_end(&engine);
    mir_mailbox_destroy(box);
}

static unsigned n_readable(const struct mir_mailbox *box)
{
    struct pollfd p = {.fd = mir_mailbox_fd(box), .events = POLLIN};

    return (unsigned)poll(&p, 1, 0);
}

/* More askers than the box holds, none of them served. */
struct crowd {
    struct mir_mailbox *box;
    pthread_t threads[N_CROWD];
    atomic_uint n_back, n_busy, n_done;
};

static void *ask_once(void *arg)
{
    struct mir_command command = {.verb = MIR_ENROLL, .job_id = 1};
    struct crowd *crowd = arg;
    struct mir_answer answer;

    mir_mailbox_ask(crowd->box, &command, 60000, &answer);
    atomic_fetch_add(&crowd->n_busy, answer.rc == -EBUSY);
    atomic_fetch_add(&crowd->n_done, answer.rc == 0);
    atomic_fetch_add(&crowd->n_back, 1);
    return NULL;
}

/* Returns when all wait who can. */
static void crowd_gather(struct crowd *crowd, struct mir_mailbox *box)
{
    *crowd = (struct crowd){.box = box};
    for (unsigned i = 0; i < N_CROWD; i++)
        assert_int_equal(pthread_create(&crowd->threads[i], NULL, ask_once, crowd), 0);
    while (atomic_load(&crowd->n_back) < N_CROWD - WAITING_MAX)
        poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&crowd->n_busy), N_CROWD - WAITING_MAX);
}

static void crowd_leave(struct crowd *crowd)
{
    for (unsigned i = 0; i < N_CROWD; i++)
        pthread_join(crowd->threads[i], NULL);
}

static void refuses_the_sixty_fifth_and_answers_the_others(void **state)
{
    struct mir_mailbox *box = mir_mailbox_create();
    struct engine engine = {.box = box};
    struct crowd crowd;

    (void)state;
    assert_int_equal(n_readable(box), 0);
    crowd_gather(&crowd, box);
    assert_int_equal(n_readable(box), 1);
    mir_mailbox_serve(box, handle, &engine);
    assert_int_equal(n_readable(box), 0);
    crowd_leave(&crowd);
    assert_int_equal(atomic_load(&crowd.n_done), WAITING_MAX);
    assert_int_equal(atomic_load(&engine.n_handled), WAITING_MAX);
    mir_mailbox_destroy(box);
}

static void lets_everyone_go_when_closed(void **state)
{
    struct mir_mailbox *box = mir_mailbox_create();
    struct mir_command command = {.verb = MIR_DRAIN};
    struct mir_answer answer;
    struct crowd crowd;

    (void)state;
    crowd_gather(&crowd, box);
    mir_mailbox_close(box);
    crowd_leave(&crowd);
    assert_int_equal(atomic_load(&crowd.n_busy), N_CROWD);
    mir_mailbox_ask(box, &command, 60000, &answer);
    assert_int_equal(answer.rc, -EBUSY);
    mir_mailbox_open(box);
    mir_mailbox_ask(box, &command, 1, &answer);
    assert_int_equal(answer.rc, -ETIMEDOUT);
    mir_mailbox_destroy(box);
    mir_mailbox_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_no_view_before_the_first),
        cmocka_unit_test(keeps_a_view_as_long_as_it_is_held),
        cmocka_unit_test(gives_whole_views_in_order_to_many_threads),
        cmocka_unit_test(answers_everyone_with_his_own_answer),
        cmocka_unit_test(never_handles_what_was_given_up),
        cmocka_unit_test(waits_for_the_end_of_what_was_begun),
        cmocka_unit_test(refuses_the_sixty_fifth_and_answers_the_others),
        cmocka_unit_test(lets_everyone_go_when_closed),
    };

    return cmocka_run_group_tests_name("view", tests, NULL, NULL);
}
