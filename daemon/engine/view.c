/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view.c - the published picture, and the box that commands come through. */
#include "daemon/engine/view.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/core/alloc.h"

/* ---- Views and chains */

struct mir_view *mir_view_create(void)
{
    struct mir_view *view = MIR_NEW(struct mir_view);

    atomic_init(&view->refs, 1);
    return view;
}

struct mir_view_chain *mir_view_chain_create(void)
{
    struct mir_view_chain *chain = MIR_NEW(struct mir_view_chain);

    atomic_init(&chain->refs, 1);
    return chain;
}

/* Who takes a reference holds one already (or the board's lock): no ordering is needed. */
struct mir_view *mir_view_ref(struct mir_view *view)
{
    atomic_fetch_add_explicit(&view->refs, 1, memory_order_relaxed);
    return view;
}

struct mir_view_chain *mir_view_chain_ref(struct mir_view_chain *chain)
{
    atomic_fetch_add_explicit(&chain->refs, 1, memory_order_relaxed);
    return chain;
}

struct mir_view_model *mir_view_model_create(void)
{
    struct mir_view_model *model = MIR_NEW(struct mir_view_model);

    atomic_init(&model->refs, 1);
    return model;
}

struct mir_view_model *mir_view_model_ref(struct mir_view_model *model)
{
    atomic_fetch_add_explicit(&model->refs, 1, memory_order_relaxed);
    return model;
}

struct mir_view_fan *mir_view_fan_create(void)
{
    struct mir_view_fan *fan = MIR_NEW(struct mir_view_fan);

    atomic_init(&fan->refs, 1);
    return fan;
}

struct mir_view_fan *mir_view_fan_ref(struct mir_view_fan *fan)
{
    if (fan != NULL)
        atomic_fetch_add_explicit(&fan->refs, 1, memory_order_relaxed);
    return fan;
}

/* The last one must see all that others read before they let go. */
static bool is_last(atomic_uint *refs)
{
    return atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel) == 1;
}

void mir_view_fan_unref(struct mir_view_fan *fan)
{
    if (fan != NULL && is_last(&fan->refs))
        free(fan);
}

void mir_view_chain_unref(struct mir_view_chain *chain)
{
    if (chain == NULL || !is_last(&chain->refs))
        return;
    for (size_t i = 0; i < chain->n_decisions; i++)
        mir_view_fan_unref(chain->decisions[i].fan);
    free(chain->links);
    free(chain->decisions);
    free(chain->events);
    free(chain);
}

void mir_view_model_unref(struct mir_view_model *model)
{
    if (model == NULL || !is_last(&model->refs))
        return;
    free(model->scores);
    free(model->importance);
    free(model);
}

void mir_view_unref(struct mir_view *view)
{
    if (view == NULL || !is_last(&view->refs))
        return;
    for (size_t i = 0; i < view->n_chains; i++)
        mir_view_chain_unref(view->chains[i]);
    free(view->chains);
    mir_view_model_unref(view->model);
    free(view->rpcs);
    free(view->settings);
    free(view->settings_text);
    free(view);
}

/* ---- The board */

struct mir_view_board {
    pthread_mutex_t lock; /* around the pointer and the reference taken through it, no more */
    struct mir_view *newest;
};

struct mir_view_board *mir_view_board_create(void)
{
    struct mir_view_board *board = MIR_NEW(struct mir_view_board);

    pthread_mutex_init(&board->lock, NULL);
    return board;
}

void mir_view_board_destroy(struct mir_view_board *board)
{
    if (board == NULL)
        return;
    mir_view_unref(board->newest);
    pthread_mutex_destroy(&board->lock);
    free(board);
}

void mir_view_publish(struct mir_view_board *board, struct mir_view *view)
{
    struct mir_view *old;

    pthread_mutex_lock(&board->lock);
    old = board->newest;
    board->newest = view;
    pthread_mutex_unlock(&board->lock);
    /* Freeing thousands of chains takes a while: not under the lock. */
    mir_view_unref(old);
}

struct mir_view *mir_view_get(struct mir_view_board *board)
{
    struct mir_view *view;

    pthread_mutex_lock(&board->lock);
    view = board->newest != NULL ? mir_view_ref(board->newest) : NULL;
    pthread_mutex_unlock(&board->lock);
    return view;
}

/* ---- The mailbox */

/* More people than this do not wait at once; a flood is told so instead of queued. */
enum { WAITING_MAX = 64 };

enum letter_state { WAITING, TAKEN, ANSWERED };

/* One command on its way; lives on its asker's stack until answered or withdrawn. */
struct letter {
    struct letter *next;
    const struct mir_command *command;
    struct mir_answer *answer;
    enum letter_state state;
    pthread_cond_t answered;
};

struct mir_mailbox {
    pthread_mutex_t lock;
    struct letter *first, **last; /* waiting, oldest first */
    size_t n_waiting;
    bool closed;
    int event_fd;
};

struct mir_mailbox *mir_mailbox_create(void)
{
    int event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct mir_mailbox *box;

    if (event_fd < 0)
        return NULL;
    box = MIR_NEW(struct mir_mailbox);
    pthread_mutex_init(&box->lock, NULL);
    box->last = &box->first;
    box->event_fd = event_fd;
    return box;
}

void mir_mailbox_destroy(struct mir_mailbox *box)
{
    if (box == NULL)
        return;
    close(box->event_fd);
    pthread_mutex_destroy(&box->lock);
    free(box);
}

int mir_mailbox_fd(const struct mir_mailbox *box)
{
    return box->event_fd;
}

static void answer_rc(struct mir_answer *answer, int rc, const char *text)
{
    *answer = (struct mir_answer){.rc = rc};
    snprintf(answer->text, sizeof(answer->text), "%s", text);
}

static void
letter_init(struct letter *letter, const struct mir_command *command, struct mir_answer *answer)
{
    pthread_condattr_t attr;

    *letter = (struct letter){.command = command, .answer = answer, .state = WAITING};
    pthread_condattr_init(&attr);
    /* An hour's jump of the wall clock must not end or stretch anyone's wait. */
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&letter->answered, &attr);
    pthread_condattr_destroy(&attr);
}

static void append(struct mir_mailbox *box, struct letter *letter)
{
    static const uint64_t one = 1;

    letter->next = NULL;
    *box->last = letter;
    box->last = &letter->next;
    box->n_waiting++;
    /* Fails only when the counter is full: then the engine is being woken anyway. */
    (void)!write(box->event_fd, &one, sizeof(one));
}

static void withdraw(struct mir_mailbox *box, struct letter *letter)
{
    struct letter **at = &box->first;

    while (*at != letter)
        at = &(*at)->next;
    *at = letter->next;
    if (*at == NULL)
        box->last = at;
    box->n_waiting--;
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

/* With the lock held.  Once taken the answer is waited for, however long: it may be "done". */
static void wait_for_answer(struct mir_mailbox *box, struct letter *letter, int timeout_ms)
{
    struct timespec at = deadline_after(timeout_ms > 0 ? timeout_ms : 0);
    int rc = 0;

    while (letter->state == WAITING && rc == 0)
        rc = pthread_cond_timedwait(&letter->answered, &box->lock, &at);
    if (letter->state == WAITING) {
        withdraw(box, letter);
        answer_rc(letter->answer, -ETIMEDOUT, "the decision loop did not answer in time; not done");
        return;
    }
    while (letter->state != ANSWERED)
        pthread_cond_wait(&letter->answered, &box->lock);
}

void mir_mailbox_ask(struct mir_mailbox *box,
                     const struct mir_command *command,
                     int timeout_ms,
                     struct mir_answer *answer)
{
    struct letter letter;

    letter_init(&letter, command, answer);
    pthread_mutex_lock(&box->lock);
    if (box->closed) {
        answer_rc(answer, -EBUSY, "the daemon is ending or starting anew; not done");
    } else if (box->n_waiting >= WAITING_MAX) {
        answer_rc(answer, -EBUSY, "too many commands wait already; not done");
    } else {
        append(box, &letter);
        wait_for_answer(box, &letter, timeout_ms);
    }
    pthread_mutex_unlock(&box->lock);
    pthread_cond_destroy(&letter.answered);
}

/* With the lock held; the asker may be gone as soon as the lock is free again. */
static void wake(struct letter *letter)
{
    letter->state = ANSWERED;
    pthread_cond_signal(&letter->answered);
}

static struct letter *take_first(struct mir_mailbox *box)
{
    struct letter *letter = box->first;

    if (letter != NULL) {
        withdraw(box, letter);
        letter->state = TAKEN;
    }
    return letter;
}

void mir_mailbox_serve(struct mir_mailbox *box,
                       void (*handle)(void *arg, const struct mir_command *, struct mir_answer *),
                       void *arg)
{
    struct letter *letter;
    uint64_t count;
    size_t n;

    /* Before looking: what is appended from now on makes the descriptor readable again. */
    (void)!read(box->event_fd, &count, sizeof(count));
    pthread_mutex_lock(&box->lock);
    /* Not more than wait now, lest a stream of commands keep the loop from its work. */
    for (n = box->n_waiting; n > 0 && (letter = take_first(box)) != NULL; n--) {
        pthread_mutex_unlock(&box->lock);
        *letter->answer = (struct mir_answer){0};
        handle(arg, letter->command, letter->answer);
        pthread_mutex_lock(&box->lock);
        wake(letter);
    }
    pthread_mutex_unlock(&box->lock);
}

void mir_mailbox_close(struct mir_mailbox *box)
{
    struct letter *letter;

    pthread_mutex_lock(&box->lock);
    box->closed = true;
    while ((letter = take_first(box)) != NULL) {
        answer_rc(letter->answer, -EBUSY, "the daemon is ending or starting anew; not done");
        wake(letter);
    }
    pthread_mutex_unlock(&box->lock);
}

void mir_mailbox_open(struct mir_mailbox *box)
{
    pthread_mutex_lock(&box->lock);
    box->closed = false;
    pthread_mutex_unlock(&box->lock);
}
