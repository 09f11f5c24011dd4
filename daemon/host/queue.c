/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.c - from lists of jobs to snapshots and a history of starts. */
#include "daemon/host/queue.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/host/comment.h"
#include "daemon/host/joblog.h"
#include "daemon/host/stem.h"
#include "daemon/host/summary.h"

enum {
    TASKS_MAX = 1000,       /* of one array that are seen as jobs of their own */
    MORE_TASKS_MAX = 20000, /* of all arrays, beyond the first of each */
    ELIGIBLE_WITHIN_S = 60, /* later than this after its submission: it waited for something else */
    HISTORY_MAX = 1 << 28,  /* so that places have 32 bits to spare */
    SLOTS_MIN = 256,
    STEMS_MAX = 100000, /* of jobs' names; those of jobs long gone stay: 12 MB at the most */
};

/*
 * Starts, oldest first, and which job each is of.  The set finds a start by its
 * job; it has at least twice as many slots as starts.
 */
struct history {
    struct mir_start *starts;
    uint64_t *jobs; /* mir_run_key() */
    size_t n, cap_starts, cap_jobs, max;
    uint32_t *slots; /* place in starts + 1; 0 is free */
    size_t n_slots;
    int64_t floor_at; /* what started before is forgotten, and stays so */
};

struct mir_queue {
    struct mir_joblog names; /* only its tables of names */
    struct history history;
    struct mir_runs *runs;
    bool settled;
    struct mir_summary summary;
    struct mir_pending_job *pending;
    size_t n_pending, cap_pending;
    uint64_t *turns; /* who comes when: the higher priority first; and its place in `pending` */
    struct mir_pending_job *sorted; /* exchanged with `pending` at every list */
    size_t cap_turns, cap_sorted;
    size_t n_more_tasks;
    struct mir_running_job *running;
    size_t n_running, cap_running;
    struct mir_live_past *fresh; /* the starts that the last update added */
    size_t n_fresh, cap_fresh;
    uint32_t n_nodes, n_nodes_free;
    struct mir_snapshot snapshot;
};

/* ---- history */

/* The slot of the job's start, or the free one where it belongs. */
static size_t find_slot(const struct history *h, uint64_t job)
{
    size_t i = (job * 0x9e3779b97f4a7c15u >> 20) & (h->n_slots - 1);

    while (h->slots[i] != 0 && h->jobs[h->slots[i] - 1] != job)
        i = (i + 1) & (h->n_slots - 1);
    return i;
}

/* All places anew, with room for `n` starts. */
static void index_history(struct history *h, size_t n)
{
    size_t n_slots = h->n_slots > 0 ? h->n_slots : SLOTS_MIN;

    while (n_slots < 2 * n)
        n_slots *= 2;
    if (n_slots != h->n_slots) {
        free(h->slots);
        h->slots = MIR_NEW_ARRAY(uint32_t, n_slots);
        h->n_slots = n_slots;
    } else {
        memset(h->slots, 0, n_slots * sizeof *h->slots);
    }
    for (size_t i = 0; i < h->n; i++)
        h->slots[find_slot(h, h->jobs[i])] = (uint32_t)i + 1;
}

static int compare_starts(const struct history *h, size_t a, size_t b)
{
    if (h->starts[a].start_at != h->starts[b].start_at)
        return h->starts[a].start_at < h->starts[b].start_at ? -1 : 1;
    return (h->jobs[a] > h->jobs[b]) - (h->jobs[a] < h->jobs[b]); /* the id is its upper half */
}

static int compare_places(const void *a, const void *b, void *history)
{
    return compare_starts(history, *(const uint32_t *)a, *(const uint32_t *)b);
}

/* Bring what is at order[i] to i, for all i. */
static void reorder(struct history *h, const uint32_t *order)
{
    struct mir_start *starts = MIR_NEW_ARRAY(struct mir_start, h->n);
    uint64_t *jobs = MIR_NEW_ARRAY(uint64_t, h->n);

    for (size_t i = 0; i < h->n; i++) {
        starts[i] = h->starts[order[i]];
        jobs[i] = h->jobs[order[i]];
    }
    free(h->starts);
    free(h->jobs);
    h->starts = starts;
    h->jobs = jobs;
    h->cap_starts = h->n;
    h->cap_jobs = h->n;
}

static void sort_history(struct history *h)
{
    uint32_t *order;
    size_t sorted = 1;

    while (sorted < h->n && compare_starts(h, sorted - 1, sorted) <= 0)
        sorted++;
    if (sorted >= h->n) /* accounting's pages come in this order */
        return;
    order = MIR_NEW_ARRAY(uint32_t, h->n);
    for (size_t i = 0; i < h->n; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, h->n, sizeof *order, compare_places, h);
    reorder(h, order);
    free(order);
    index_history(h, h->n);
}

/*
 * A quarter at once.  Policies remember how many starts they have seen and begin
 * anew when there are fewer; a start dropped for each one added they would miss.
 */
static void forget_oldest(struct history *h)
{
    size_t n_drop = h->max / 4 + 1;

    for (size_t i = 0; i < n_drop; i++)
        if (h->floor_at < h->starts[i].start_at)
            h->floor_at = h->starts[i].start_at;
    h->n -= n_drop;
    memmove(h->starts, h->starts + n_drop, h->n * sizeof *h->starts);
    memmove(h->jobs, h->jobs + n_drop, h->n * sizeof *h->jobs);
    index_history(h, h->n);
}

/* Append a start unless it is known, or too old to be kept; tells whether it was new. */
static bool add_start(struct history *h, uint64_t job, const struct mir_start *start)
{
    size_t slot;

    if (start->start_at <= h->floor_at)
        return false;
    if (2 * (h->n + 1) > h->n_slots)
        index_history(h, h->n + 1);
    slot = find_slot(h, job);
    if (h->slots[slot] != 0)
        return false;
    h->starts = mir_grow(h->starts, &h->cap_starts, h->n + 1, sizeof *h->starts);
    h->jobs = mir_grow(h->jobs, &h->cap_jobs, h->n + 1, sizeof *h->jobs);
    h->starts[h->n] = *start;
    h->jobs[h->n++] = job;
    h->slots[slot] = (uint32_t)h->n;
    return true;
}

static bool is_known(const struct history *h, uint64_t job)
{
    return h->n_slots > 0 && h->slots[find_slot(h, job)] != 0;
}

static void release_history(struct history *h)
{
    free(h->starts);
    free(h->jobs);
    free(h->slots);
}

/* ---- names */

/* A name past what its field can number is as good as none. */
static uint32_t number_of(struct mir_names *names, const char *name, uint32_t max)
{
    size_t len = strlen(name);

    return names->n <= max ? mir_names_add(names, name, len) : mir_names_find(names, name, len);
}

static uint16_t number16(struct mir_names *names, const char *name)
{
    return (uint16_t)number_of(names, name, UINT16_MAX);
}

static uint8_t number8(struct mir_names *names, const char *name)
{
    return (uint8_t)number_of(names, name, UINT8_MAX);
}

static uint32_t number32(struct mir_names *names, const char *name)
{
    return number_of(names, name, UINT32_MAX - 2);
}

static uint32_t stem_of(struct mir_queue *q, const char *name)
{
    struct mir_names *stems = &q->names.names;
    char stem[MIR_STEM_MAX + 1];
    size_t len = mir_name_stem(name, stem);

    return stems->n <= STEMS_MAX ? mir_names_add(stems, stem, len)
                                 : mir_names_find(stems, stem, len);
}

/* Its own words decide; that the zone of until= is not known here is of no account. */
static bool is_chained(const char *comment)
{
    struct mir_chain_options options;
    struct mir_tag tag;

    return strstr(comment, "mirage") != NULL &&
           (mir_comment_tag(comment, &tag) ||
            mir_comment_opt_in(comment, NULL, &options, NULL) == 1);
}

/* ---- lessons */

/*
 * Does this start tell how long the queue is?  Not where the row is half-filled
 * (slurmdbd shows such ones for some seconds), where the job waited for its own
 * begin time or for another job, or where it never ran: Slurm notes the moment
 * of its cancellation as the start of a pending job.
 */
static bool is_lesson(const struct mir_live_past *p)
{
    int64_t wait_s;

    if (p->start_at <= 0 || p->submit_at <= 0 || p->eligible_at <= 0 ||
        p->state == MIR_STATE_PENDING)
        return false;
    if (p->end_at > 0 && p->end_at <= p->start_at && p->state != MIR_STATE_RUNNING &&
        p->state != MIR_STATE_COMPLETED)
        return false;
    if (p->eligible_at - p->submit_at > ELIGIBLE_WITHIN_S) /* both are above 0 */
        return false;
    wait_s = p->start_at - p->submit_at;
    return wait_s >= 0 && wait_s <= INT32_MAX;
}

static struct mir_start start_of(struct mir_queue *q, const struct mir_live_past *p)
{
    struct mir_tag tag;

    return (struct mir_start){
        .start_at = p->start_at,
        .wait_s = (int32_t)(p->start_at - p->submit_at),
        .limit_s = p->limit_s,
        .n_nodes = p->n_nodes,
        .user = number32(&q->names.users, p->user),
        .partition = number16(&q->names.partitions, p->partition),
        .account = number16(&q->names.accounts, p->account),
        .qos = number8(&q->names.qos, p->qos),
        .chained = mir_comment_tag(p->comment, &tag),
    };
}

static bool learn(struct mir_queue *q, const struct mir_live_past *past)
{
    struct mir_start start = start_of(q, past);

    return add_start(&q->history, mir_run_key(past->id, past->submit_at), &start);
}

static bool learn_lesson(struct mir_queue *q, const struct mir_live_past *past)
{
    if (!is_lesson(past) || !learn(q, past))
        return false;
    if (q->history.n > q->history.max) {
        if (!q->settled)
            sort_history(&q->history);
        forget_oldest(&q->history);
    }
    return true;
}

/* ---- runs */

/* Did it run at all?  A job that was cancelled while it was pending has a start and no length. */
static bool is_run(const struct mir_live_past *p)
{
    if (p->submit_at <= 0 || p->start_at < p->submit_at)
        return false;
    return p->end_at == 0 || p->end_at > p->start_at ||
           (p->end_at == p->start_at && p->state == MIR_STATE_COMPLETED);
}

static void start_run(struct mir_queue *q, const struct mir_live_past *p, int64_t planned_end_at)
{
    const struct mir_run_event start = {
        .run = mir_run_key(p->id, p->submit_at),
        .submit_at = p->submit_at,
        .start_at = p->start_at,
        .id = p->id,
        .user = number32(&q->names.users, p->user),
        .name = p->name != NULL ? stem_of(q, p->name) : 0,
        .n_nodes = p->n_nodes,
        .limit_s = p->limit_s,
        .chained = is_chained(p->comment),
        .qos = number8(&q->names.qos, p->qos),
        .partition = number16(&q->names.partitions, p->partition),
        .account = number16(&q->names.accounts, p->account),
    };

    mir_runs_start(q->runs, &start, planned_end_at);
}

/* True when its end is news. */
static bool learn_run(struct mir_queue *q, const struct mir_live_past *past)
{
    uint64_t run = mir_run_key(past->id, past->submit_at);
    enum mir_run_known known;

    if (past->end_at <= 0 || past->state == MIR_STATE_PENDING || !is_run(past))
        return false;
    known = mir_runs_find(q->runs, run, past->end_at);
    if (known == MIR_RUN_OVER)
        return false;
    if (known == MIR_RUN_NEW)
        start_run(q, past, past->end_at);
    mir_runs_end(q->runs, run, past->end_at, past->state);
    return true;
}

bool mir_queue_learn(struct mir_queue *q, const struct mir_live_past *past)
{
    bool lesson = learn_lesson(q, past);

    return learn_run(q, past) || lesson;
}

void mir_queue_settle(struct mir_queue *q)
{
    sort_history(&q->history);
    q->settled = true;
}

/* A resized job no longer says with which size it waited. */
static void note_start(struct mir_queue *q, const struct mir_live_job *job)
{
    struct mir_live_past past;

    if (job->state == MIR_STATE_PENDING || job->state == MIR_STATE_UNKNOWN ||
        (job->flags & MIR_LIVE_RESIZED) != 0 || job->start_at <= q->history.floor_at ||
        is_known(&q->history, mir_run_key(job->id, job->submit_at)))
        return;
    past = mir_live_past_of(job);
    if (!is_lesson(&past))
        return;
    q->fresh = mir_grow(q->fresh, &q->cap_fresh, q->n_fresh + 1, sizeof *q->fresh);
    q->fresh[q->n_fresh++] = past;
}

static int by_start(const void *a, const void *b)
{
    const struct mir_live_past *x = a;
    const struct mir_live_past *y = b;

    if (x->start_at != y->start_at)
        return x->start_at < y->start_at ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Those that a full history does not keep are not told of either. */
static void learn_fresh(struct mir_queue *q)
{
    size_t n = 0;

    if (q->n_fresh > 0)
        qsort(q->fresh, q->n_fresh, sizeof *q->fresh, by_start);
    for (size_t i = 0; i < q->n_fresh; i++)
        if (learn_lesson(q, &q->fresh[i]))
            q->fresh[n++] = q->fresh[i];
    q->n_fresh = n;
}

/* ---- the list */

/* How many jobs the record stands for, as far as they are counted. */
static size_t tasks_of(struct mir_queue *q, const struct mir_live_job *job)
{
    size_t n = job->n_tasks > TASKS_MAX ? TASKS_MAX : job->n_tasks > 0 ? job->n_tasks : 1;

    if (n - 1 > MORE_TASKS_MAX - q->n_more_tasks)
        n = MORE_TASKS_MAX - q->n_more_tasks + 1;
    q->n_more_tasks += n - 1;
    return n;
}

/* From when its age counts. */
static int64_t eligible_at(const struct mir_live_job *job)
{
    const uint32_t waits = MIR_LIVE_DEPENDENT | MIR_LIVE_HELD_USER | MIR_LIVE_HELD_ADMIN;

    if (job->priority == 0 || (job->flags & waits) != 0 || job->eligible_at == 0)
        return INT64_MAX;
    return job->eligible_at;
}

static void add_pending(struct mir_queue *q, const struct mir_live_job *job)
{
    const struct mir_pending_job seen = {
        .submit_at = job->submit_at,
        .eligible_at = eligible_at(job),
        .id = job->id,
        .limit_s = job->limit_s,
        .n_nodes = job->n_nodes,
        .user = number32(&q->names.users, job->user),
        .name = stem_of(q, job->name),
        .priority = job->priority,
        .partition = number16(&q->names.partitions, job->partition),
        .account = number16(&q->names.accounts, job->account),
        .qos = number8(&q->names.qos, job->qos),
        .chained = is_chained(job->comment),
    };
    size_t n = tasks_of(q, job);

    q->pending = mir_grow(q->pending, &q->cap_pending, q->n_pending + n, sizeof *q->pending);
    for (size_t i = 0; i < n; i++) {
        q->pending[q->n_pending++] = seen;
        mir_summary_add_pending(&q->summary, job->limit_s, job->submit_at, job->n_nodes);
    }
}

/* A job without a limit is planned for 68 years here, where Slurm says one. */
static int64_t planned_end_at(const struct mir_live_job *job)
{
    int64_t end_at;

    if (job->end_at > 0 && job->limit_s != MIR_UNLIMITED)
        return job->end_at;
    return __builtin_add_overflow(job->start_at, job->limit_s, &end_at) ? INT64_MAX : end_at;
}

static int32_t wait_of(const struct mir_live_job *job)
{
    int64_t wait_s;

    if (__builtin_sub_overflow(job->start_at, job->submit_at, &wait_s))
        return 0;
    return (int32_t)(wait_s < 0 ? 0 : wait_s > INT32_MAX ? INT32_MAX : wait_s);
}

static void add_running(struct mir_queue *q, const struct mir_live_job *job)
{
    q->running = mir_grow(q->running, &q->cap_running, q->n_running + 1, sizeof *q->running);
    q->running[q->n_running++] = (struct mir_running_job){
        .submit_at = job->submit_at,
        .start_at = job->start_at,
        .planned_end_at = planned_end_at(job),
        .id = job->id,
        .n_nodes = job->n_nodes,
        .user = number32(&q->names.users, job->user),
        .name = stem_of(q, job->name),
        .partition = number16(&q->names.partitions, job->partition),
        .account = number16(&q->names.accounts, job->account),
        .qos = number8(&q->names.qos, job->qos),
        .chained = is_chained(job->comment),
    };
    mir_summary_add_running(&q->summary, job->limit_s, wait_of(job), job->start_at, job->n_nodes);
}

static void note_running(struct mir_queue *q, const struct mir_live_job *job)
{
    uint64_t run = mir_run_key(job->id, job->submit_at);
    int64_t planned_at = planned_end_at(job);
    struct mir_live_past past;

    if (mir_runs_see(q->runs, run, planned_at) || (job->flags & MIR_LIVE_RESIZED) != 0 ||
        mir_runs_find(q->runs, run, INT64_MAX) != MIR_RUN_NEW)
        return;
    past = mir_live_past_of(job);
    if (is_run(&past))
        start_run(q, &past, planned_at);
}

/* Without the time of its end it is as good as gone. */
static void note_ended(struct mir_queue *q, const struct mir_live_job *job)
{
    uint64_t run = mir_run_key(job->id, job->submit_at);
    enum mir_run_known known = mir_runs_find(q->runs, run, job->end_at);
    struct mir_live_past past;

    if (job->end_at <= 0 || known == MIR_RUN_OVER)
        return;
    if (known == MIR_RUN_RUNNING) {
        mir_runs_end(q->runs, run, job->end_at, job->state);
    } else if ((job->flags & MIR_LIVE_RESIZED) == 0) {
        past = mir_live_past_of(job);
        (void)learn_run(q, &past);
    }
}

/* Slurm's order of those that share a priority. */
static int by_age(const void *a, const void *b)
{
    const struct mir_pending_job *x = a;
    const struct mir_pending_job *y = b;

    if (x->submit_at != y->submit_at)
        return x->submit_at < y->submit_at ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Ascending by the digit of 11 bits at `shift`; equal ones stay in their order. */
static void sort_by_digit(const uint64_t *from, uint64_t *to, size_t n, unsigned shift)
{
    enum { DIGITS = 1 << 11 };
    size_t place[DIGITS] = {0}, sum = 0;

    for (size_t i = 0; i < n; i++)
        place[from[i] >> shift & (DIGITS - 1)]++;
    for (size_t i = 0; i < DIGITS; i++) {
        size_t n_digit = place[i];

        place[i] = sum;
        sum += n_digit;
    }
    for (size_t i = 0; i < n; i++)
        to[place[from[i] >> shift & (DIGITS - 1)]++] = from[i];
}

/* Bring them into the order of their turns: the lower half of a turn is a place in `pending`. */
static void reorder_pending(struct mir_queue *q)
{
    struct mir_pending_job *unsorted = q->pending;
    size_t cap = q->cap_pending;

    q->sorted = mir_grow(q->sorted, &q->cap_sorted, q->n_pending, sizeof *q->sorted);
    for (size_t i = 0; i < q->n_pending; i++)
        q->sorted[i] = unsorted[(uint32_t)q->turns[i]];
    q->pending = q->sorted;
    q->cap_pending = q->cap_sorted;
    q->sorted = unsorted;
    q->cap_sorted = cap;
}

/*
 * Slurm's: the higher priority first, then the older, then the lower id.  Digit by
 * digit: half the time of qsort(), whose comparisons no processor can foresee.  Those
 * that share a priority are few and sorted as they are.
 */
static void sort_pending(struct mir_queue *q)
{
    size_t n = q->n_pending, end;
    uint64_t *other;

    q->turns = mir_grow(q->turns, &q->cap_turns, 2 * n, sizeof *q->turns);
    other = q->turns + n;
    for (size_t i = 0; i < n; i++)
        other[i] = (uint64_t)(UINT32_MAX - (uint32_t)q->pending[i].priority) << 32 | i;
    sort_by_digit(other, q->turns, n, 32);
    sort_by_digit(q->turns, other, n, 43);
    sort_by_digit(other, q->turns, n, 54);
    reorder_pending(q);
    for (size_t i = 0; i < n; i = end) {
        for (end = i + 1; end < n && q->turns[end] >> 32 == q->turns[i] >> 32;)
            end++;
        if (end > i + 1)
            qsort(&q->pending[i], end - i, sizeof *q->pending, by_age);
    }
}

static int by_running_start(const void *a, const void *b)
{
    const struct mir_running_job *x = a;
    const struct mir_running_job *y = b;

    if (x->start_at != y->start_at)
        return x->start_at < y->start_at ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void clear_list(struct mir_queue *q)
{
    q->n_pending = 0;
    q->n_more_tasks = 0;
    q->n_running = 0;
    q->n_fresh = 0;
    mir_summary_clear(&q->summary);
}

void mir_queue_update(struct mir_queue *q, const struct mir_live_jobs *jobs)
{
    clear_list(q);
    mir_runs_begin_list(q->runs);
    for (size_t i = 0; i < jobs->n_jobs; i++) {
        const struct mir_live_job *job = &jobs->jobs[i];

        note_start(q, job);
        if (job->state == MIR_STATE_PENDING) {
            add_pending(q, job);
        } else if (job->state == MIR_STATE_RUNNING) {
            add_running(q, job);
            note_running(q, job);
        } else if (job->state != MIR_STATE_UNKNOWN) {
            note_ended(q, job);
        }
    }
    mir_runs_end_list(q->runs, jobs->at);
    if (q->n_pending > 0)
        sort_pending(q);
    if (q->n_running > 0)
        qsort(q->running, q->n_running, sizeof *q->running, by_running_start);
    learn_fresh(q);
}

/* ---- the rest */

struct mir_queue *mir_queue_create(size_t history_max)
{
    struct mir_queue *q = MIR_NEW(struct mir_queue);

    mir_joblog_init(&q->names);
    q->history.max = history_max < 1 ? 1 : history_max > HISTORY_MAX ? HISTORY_MAX : history_max;
    q->runs = mir_runs_create(q->history.max);
    return q;
}

void mir_queue_destroy(struct mir_queue *q)
{
    if (q == NULL)
        return;
    mir_joblog_release(&q->names);
    release_history(&q->history);
    mir_runs_destroy(q->runs);
    mir_summary_release(&q->summary);
    free(q->pending);
    free(q->sorted);
    free(q->turns);
    free(q->running);
    free(q->fresh);
    free(q);
}

void mir_queue_set_cluster(struct mir_queue *q, const struct mir_live_cluster *cluster)
{
    uint32_t down = cluster->n_nodes_down;

    q->n_nodes = cluster->n_nodes > down ? cluster->n_nodes - down : 0;
    q->n_nodes_free = cluster->n_nodes_idle;
}

const struct mir_live_past *mir_queue_new_starts(const struct mir_queue *q, size_t *n)
{
    *n = q->n_fresh;
    return q->fresh;
}

const struct mir_run_event *mir_queue_run_events(struct mir_queue *q, size_t *n)
{
    return mir_runs_take(q->runs, n);
}

const struct mir_snapshot *mir_queue_snapshot(struct mir_queue *q, int64_t now)
{
    struct mir_snapshot *s = &q->snapshot;

    *s = (struct mir_snapshot){
        .now = now,
        .n_nodes = q->n_nodes,
        .n_nodes_free = q->n_nodes_free,
        .pending = q->pending,
        .n_pending = q->n_pending,
        .running = q->running,
        .n_running = q->n_running,
        .history = {.old = q->history.starts, .n_old = q->history.n},
    };
    mir_summary_get(&q->summary, now, &s->pending_sum, &s->running_sum);
    return s;
}

const struct mir_names *mir_queue_partitions(const struct mir_queue *q)
{
    return &q->names.partitions;
}

void mir_queue_request(struct mir_queue *q, const struct mir_live_job *job, struct mir_request *out)
{
    *out = (struct mir_request){
        .n_nodes = job->n_nodes,
        .limit_s = job->limit_s,
        .run_s = MIR_UNKNOWN,
        .user = number32(&q->names.users, job->user),
        .partition = number16(&q->names.partitions, job->partition),
        .account = number16(&q->names.accounts, job->account),
        .qos = number8(&q->names.qos, job->qos),
        .nice = job->nice,
    };
}
