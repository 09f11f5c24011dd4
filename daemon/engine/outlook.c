/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outlook.c - the lookahead inside the engine: who feeds it, and what it may cost. */
#include "daemon/engine/outlook.h"

#include <errno.h>
#include <math.h>

#include "daemon/core/alloc.h"
#include "daemon/engine/cluster_model.h"
#include "daemon/engine/forecast.h"

/* Submissions that are remembered, as in mirage-replay: months of a busy cluster. */
enum { MOST_SUBMISSIONS = 1 << 15 };

/* How much sooner than they do reservations begin in futures. */
enum { RESERVED_EARLY_S = 300 };

/* Beyond all futures. */
enum { NEVER_S = 10 * 365 * 86400 };

/* ---- made and ended ---- */

void mir_engine_outlook_create(struct mir_engine *e)
{
    struct mir_engine_outlook *o = MIR_NEW(struct mir_engine_outlook);

    e->outlook = o;
    mir_cluster_init(&o->cluster, MIR_SCHED_SLURM, 0);
    snprintf(o->refusal, sizeof(o->refusal), "no lookahead: cluster not told");
    o->habits = mir_habit_book_create();
    o->lessons = mir_lesson_book_create();
    o->arrivals = mir_arrivals_book_create(MOST_SUBMISSIONS);
    mir_arrivals_book_set_runs(o->arrivals, e->forecast->book);
}

/* What it has cost is not forgotten. */
static void drop_lookahead(struct mir_engine_outlook *o)
{
    struct mir_lookahead_cost cost;

    if (o->lookahead == NULL)
        return;
    cost = mir_lookahead_cost(o->lookahead);
    o->before.n_futures += cost.n_futures;
    o->before.cpu_ns += cost.cpu_ns;
    o->left_ns -= cost.cpu_ns - o->charged_ns;
    o->charged_ns = 0;
    mir_lookahead_destroy(o->lookahead);
    o->lookahead = NULL;
    o->looked = false;
}

void mir_engine_outlook_destroy(struct mir_engine *e)
{
    struct mir_engine_outlook *o = e->outlook;

    if (o == NULL)
        return;
    drop_lookahead(o);
    mir_arrivals_book_destroy(o->arrivals);
    mir_lesson_book_destroy(o->lessons);
    mir_habit_book_destroy(o->habits);
    free(o->partition_of);
    free(o->pending);
    free(o->coming);
    free(o);
    e->outlook = NULL;
}

/* ---- the cluster ---- */

/*
 * The first that there is room for.  Also those of users: a successor that may run in one
 * is foreseen beside it.
 */
static void take_reservations(struct mir_engine_outlook *o, const struct mir_live_cluster *live)
{
    o->n_reserved = 0;
    for (size_t i = 0; i < live->n_reservations && o->n_reserved < MIR_MAX_RESERVED; i++) {
        const struct mir_live_reservation *r = &live->reservations[i];

        if (r->n_nodes > 0 && r->end_at > r->start_at)
            o->reserved[o->n_reserved++] =
                (struct mir_reserved){r->start_at, r->end_at, r->n_nodes};
    }
}

void mir_engine_outlook_cluster(struct mir_engine *e, const struct mir_live_cluster *live)
{
    struct mir_engine_outlook *o = e->outlook;
    struct mir_cluster before = o->cluster;
    struct mir_error why = {{0}};
    char refusal[sizeof(o->refusal)] = "";

    o->idle_nodes = live->n_nodes_idle;
    o->idle_told = true;
    take_reservations(o, live);
    if (mir_cluster_model(live, &o->cluster, &why) != 0)
        snprintf(refusal, sizeof(refusal), "no lookahead: %.40s", why.text);
    if (memcmp(&before, &o->cluster, sizeof(before)) != 0 || strcmp(refusal, o->refusal) != 0)
        drop_lookahead(o);
    memcpy(o->refusal, refusal, sizeof(refusal));
}

/* A job that asks for several partitions counts as one of the first that there is. */
static uint16_t find_partition(const struct mir_cluster *c, const char *names)
{
    while (*names != '\0') {
        size_t len = strcspn(names, ",");

        for (uint32_t i = 0; i < c->n_partitions; i++)
            if (strlen(c->partitions[i].name) == len &&
                memcmp(c->partitions[i].name, names, len) == 0)
                return (uint16_t)i;
        names += len + (names[len] == ',');
    }
    return 0;
}

static void map_partitions(struct mir_engine *e)
{
    struct mir_engine_outlook *o = e->outlook;
    const struct mir_names *names = mir_queue_partitions(e->queue);

    free(o->partition_of);
    o->n_partitions = names->n;
    o->partition_of = MIR_NEW_ARRAY(uint16_t, names->n);
    for (size_t i = 0; i < names->n; i++)
        o->partition_of[i] = find_partition(&o->cluster, mir_names_get(names, (uint32_t)i));
}

static void make_lookahead(struct mir_engine *e)
{
    struct mir_engine_outlook *o = e->outlook;
    struct mir_lookahead_options options;

    drop_lookahead(o);
    map_partitions(e);
    mir_lookahead_options_init(&options);
    options.cluster = &o->cluster;
    options.partition_of = o->partition_of;
    options.n_partitions = o->n_partitions;
    o->lookahead = mir_lookahead_create(&options);
    if (o->refusal[0] != '\0')
        mir_lookahead_refuse(o->lookahead, o->refusal);
}

/* ---- what was submitted ---- */

static void hear_start(struct mir_engine *e, const struct mir_run_event *event)
{
    struct mir_engine_outlook *o = e->outlook;
    struct mir_run_book *runs = e->forecast->book;
    const struct mir_run_shape shape = {event->user, event->name, event->n_nodes, event->limit_s,
                                        mir_run_waited_s(event->submit_at, event->start_at)};
    const struct mir_arrival arrival = {
        .submit_at = event->submit_at,
        .n_nodes = event->n_nodes,
        .limit_s = event->limit_s,
        .run_s = MIR_UNKNOWN,
        .user = event->user,
        .name = event->name,
        .partition = event->partition,
        .account = event->account,
        .qos = event->qos,
    };

    mir_arrivals_book_submit(o->arrivals, event->run, &arrival);
    mir_arrivals_book_started(o->arrivals, event->run, event->start_at);
    mir_habit_book_start(o->habits, event->run, &shape, mir_habit_curve(runs, &shape),
                         event->submit_at, event->start_at);
    mir_lesson_book_start(o->lessons, event->run, event->start_at);
}

static void hear_end(struct mir_engine_outlook *o, const struct mir_run_event *event)
{
    int64_t run_s = event->at - event->start_at;

    mir_arrivals_book_ran(o->arrivals, event->run, run_s < INT32_MAX ? (int32_t)run_s : INT32_MAX);
    mir_habit_book_end(o->habits, event->run, event->at);
}

/*
 * Chains' own jobs are no arrivals: their next ones come when Mirage decides so, and
 * their run times are the limit's doing.
 */
void mir_engine_outlook_run(struct mir_engine *e, const struct mir_run_event *event)
{
    if (event->chained)
        return;
    if (event->ended)
        hear_end(e->outlook, event);
    else
        hear_start(e, event);
}

/* Of an array the record is one submission, and each task another once it starts. */
static void hear_pending(struct mir_engine *e)
{
    const struct mir_snapshot *queue = &e->forecast->queue;

    for (size_t i = 0; i < queue->n_pending; i++) {
        const struct mir_pending_job *p = &queue->pending[i];
        const struct mir_arrival arrival = {
            .submit_at = p->submit_at,
            .n_nodes = p->n_nodes,
            .limit_s = p->limit_s,
            .run_s = MIR_UNKNOWN,
            .user = p->user,
            .name = p->name,
            .partition = p->partition,
            .account = p->account,
            .qos = p->qos,
        };

        if (p->chained == 0 && p->eligible_at != INT64_MAX)
            mir_arrivals_book_submit(e->outlook->arrivals, mir_run_key(p->id, p->submit_at),
                                     &arrival);
    }
}

/* Cancelled while it waited: it was submitted, and never ran. */
static bool never_ran(const struct mir_live_job *job)
{
    return job->state > MIR_STATE_RUNNING && job->state != MIR_STATE_COMPLETED &&
           (job->start_at == 0 || job->end_at <= job->start_at);
}

static void hear_cancelled(struct mir_engine_outlook *o, const struct mir_live_jobs *jobs)
{
    for (size_t i = 0; i < jobs->n_jobs; i++)
        if (never_ran(&jobs->jobs[i]))
            mir_arrivals_book_ran(o->arrivals,
                                  mir_run_key(jobs->jobs[i].id, jobs->jobs[i].submit_at), 0);
}

/* ---- since when all were told ---- */

static void set_since(struct mir_engine *e, int64_t at)
{
    e->outlook->since_at = at;
    mir_engine_fact(e, at, "arrivals_since");
}

void mir_engine_outlook_told(struct mir_engine *e, int64_t from_at)
{
    /* What the journal knew reaches up to here, unless we were away for longer than is read. */
    if (e->outlook->since_at == 0 || from_at > e->history_until)
        set_since(e, from_at);
    e->outlook->looked = false;
}

void mir_engine_outlook_loaded(struct mir_engine *e, const struct mir_live_past *past)
{
    struct mir_engine_outlook *o = e->outlook;

    if (o->n_loaded++ == 0 || past->start_at < o->oldest_at)
        o->oldest_at = past->start_at;
}

/* Of a journal that holds more than is read at the start, the oldest are missing. */
static int64_t since(const struct mir_engine *e)
{
    const struct mir_engine_outlook *o = e->outlook;
    bool is_cut = o->n_loaded >= e->settings->history_max;

    return is_cut && o->oldest_at > o->since_at ? o->oldest_at : o->since_at;
}

/* Told of, and there were any: before the first submission nothing is known.  0: of none. */
static int64_t known_since(const struct mir_engine *e)
{
    const struct mir_arrivals_book *book = e->outlook->arrivals;
    int64_t first_at = mir_arrivals_book_since(book), since_at = since(e);

    return since_at == 0 || mir_arrivals_book_len(book) == 0 || first_at > since_at ? first_at
                                                                                    : since_at;
}

static int64_t busy_nodes(const struct mir_live_jobs *jobs)
{
    int64_t n = 0;

    for (size_t i = 0; i < jobs->n_jobs; i++)
        if (jobs->jobs[i].state == MIR_STATE_RUNNING)
            n += jobs->jobs[i].n_nodes;
    return n;
}

void mir_engine_outlook_list(struct mir_engine *e, const struct mir_live_jobs *jobs)
{
    struct mir_engine_outlook *o = e->outlook;

    if (o->idle_told)
        o->busy_nodes = busy_nodes(jobs);
    o->idle_told = false;
    if (o->first_list_at == 0)
        o->first_list_at = jobs->at;
    if (o->since_at == 0 && e->history == MIR_HISTORY_SETTLED)
        set_since(e, o->first_list_at);
    if (jobs->last_backfill_at > 0 && jobs->last_backfill_at <= jobs->at)
        o->backfill_at = jobs->last_backfill_at;
    hear_cancelled(o, jobs);
}

/* ---- what it may cost ---- */

/*
 * A bucket of lookahead_cpu seconds that fills again in a period: chains that decide
 * at different times share it as those do that decide together.
 */
static void set_budget(struct mir_engine *e)
{
    struct mir_engine_outlook *o = e->outlook;
    int64_t cpu_ns = mir_lookahead_cost(o->lookahead).cpu_ns, now_ns = e->now.mono_ns;
    int64_t full_ns = e->settings->lookahead_cpu_s * MIR_NS;
    double periods = 1;

    if (e->settings->period_s > 0)
        periods = (double)(now_ns - o->refilled_ns) / (double)(e->settings->period_s * MIR_NS);
    o->left_ns += (int64_t)((double)full_ns * (periods < 2 ? periods : 2));
    o->left_ns -= cpu_ns - o->charged_ns;
    if (o->refilled_ns == 0 || o->left_ns > full_ns)
        o->left_ns = full_ns;
    o->refilled_ns = now_ns;
    o->charged_ns = cpu_ns;
    if (full_ns == 0)
        mir_lookahead_set_budget(o->lookahead, -1, 0);
    else
        mir_lookahead_set_budget(o->lookahead, o->left_ns > 0 ? o->left_ns : 0, full_ns);
}

static struct mir_lookahead_cost cost_so_far(const struct mir_engine *e)
{
    struct mir_lookahead_cost cost = e->outlook->before;

    if (e->outlook->lookahead != NULL) {
        struct mir_lookahead_cost now = mir_lookahead_cost(e->outlook->lookahead);

        cost.n_futures += now.n_futures;
        cost.cpu_ns += now.cpu_ns;
    }
    return cost;
}

void mir_engine_view_futures(const struct mir_engine *e, struct mir_view *v)
{
    const struct mir_lookahead_trust *trust = &mir_lesson_book_get(e->outlook->lessons)->trust;
    struct mir_lookahead_cost cost = cost_so_far(e);

    v->n_futures = cost.n_futures;
    v->lookahead_cpu_s = (double)cost.cpu_ns / (double)MIR_NS;
    v->n_foretold = trust->n_starts;
    v->foretold_outside = trust->n_looks > 0 ? trust->outside : NAN;
    v->lookahead_trusted = !trust->lost;
    v->arrivals_since_at = known_since(e);
}

/* ---- whose chains run ---- */

static bool has_fairshare(const struct mir_cluster *c)
{
    return c->priority.multifactor && c->priority.accounting && c->priority.weight_fairshare > 0;
}

/* What Slurm would give the chain's next job but for its nice value; NAN: not known. */
static double priority_of(const struct mir_engine_link *k)
{
    if (k->row.state != MIR_LINK_RUNNING || !(k->base_priority > 0))
        return NAN;
    return k->base_priority + k->shape.nice;
}

static void add_pending(struct mir_engine_outlook *o, const struct mir_pending_job *job)
{
    size_t n = o->queue.n_pending;

    o->pending = mir_grow(o->pending, &o->cap_pending, n + 1, sizeof(*o->pending));
    o->pending[o->queue.n_pending++] = *job;
}

/*
 * The fair share of an association is read off its waiting jobs (traces/sim/seed.h), and
 * a chain's owner may have none.  One that never becomes eligible speaks for him.
 */
static void add_owner(struct mir_engine_outlook *o, const struct mir_engine_link *k)
{
    double priority = priority_of(k);
    const struct mir_pending_job job = {
        .submit_at = o->queue.now,
        .eligible_at = o->queue.now + NEVER_S,
        .id = k->row.job.id,
        .limit_s = k->shape.limit_s,
        .n_nodes = k->shape.n_nodes,
        .user = k->shape.user,
        .priority = priority,
        .partition = k->shape.partition,
        .account = k->shape.account,
        .qos = k->shape.qos,
        .chained = 1,
    };

    if (priority >= 1)
        add_pending(o, &job);
}

static void add_owners(struct mir_engine *e)
{
    struct mir_engine_outlook *o = e->outlook;
    const struct mir_snapshot queue = o->queue;

    if (!has_fairshare(&o->cluster))
        return;
    o->queue.n_pending = 0;
    for (size_t i = 0; i < queue.n_pending; i++)
        add_pending(o, &queue.pending[i]);
    for (size_t i = 0; i < e->n_chains; i++)
        for (size_t k = 0; k < e->chains[i]->n_links; k++)
            add_owner(o, e->chains[i]->links[k]);
    o->queue.pending = o->pending;
}

/* ---- whose successors are to come ---- */

static bool plays_out(const struct mir_engine *e, const struct mir_engine_chain *c)
{
    const struct mirage_plugin *plugin = mir_policy_plugin(mir_engine_policy_of(e, c));

    return (plugin->snapshot_parts & MIR_SNAPSHOT_LOOKAHEAD) != 0;
}

/* What was decided and is in no list yet comes at once. */
static void tell_submitted(struct mir_engine *e)
{
    struct mir_engine_coming coming;

    for (size_t i = 0; i < e->n_chains; i++)
        if (plays_out(e, e->chains[i]) && mir_engine_coming(e, e->chains[i], &coming) &&
            coming.is_submitted)
            mir_engine_outlook_submitted(e, e->chains[i]);
}

/* Also those that may not act: their successors come from somebody. */
static void tell_chains(struct mir_engine *e)
{
    struct mir_engine_outlook *o = e->outlook;
    struct mir_engine_coming coming;
    size_t n = 0;

    o->coming = mir_grow(o->coming, &o->cap_coming, e->n_chains, sizeof(*o->coming));
    for (size_t i = 0; i < e->n_chains; i++) {
        const struct mir_engine_chain *c = e->chains[i];

        if (plays_out(e, c) && mir_engine_coming(e, c, &coming))
            o->coming[n++] = (struct mir_lookahead_chain){
                .id = mir_engine_chain_number(c),
                .successor = &coming.predecessor->shape,
                .predecessor_end_at = coming.end_at,
                .warmup_s = mir_engine_warmup_of(e, c),
                .overlap_weight = mir_engine_weight_of(e, c),
            };
    }
    mir_lookahead_set_chains(o->lookahead, o->coming, n);
    tell_submitted(e);
}

void mir_engine_outlook_submitted(struct mir_engine *e, const struct mir_engine_chain *c)
{
    if (e->outlook->lookahead != NULL)
        mir_lookahead_submitted(e->outlook->lookahead, mir_engine_chain_number(c));
}

int64_t mir_engine_needed_at(struct mir_engine *e, const struct mir_engine_chain *c)
{
    struct mir_lookahead *l = plays_out(e, c) ? mir_engine_lookahead(e) : NULL;

    return l != NULL ? mir_lookahead_needed_at(l, mir_engine_chain_number(c)) : INT64_MIN;
}

/* ---- what it looks at ---- */

void mir_engine_outlook_stale(struct mir_engine *e)
{
    e->outlook->looked = false;
}

/* What jobs have taken since the idle nodes were told, or given back. */
static uint32_t free_nodes(const struct mir_engine_outlook *o, const struct mir_snapshot *queue)
{
    int64_t busy = 0, n;

    for (size_t i = 0; i < queue->n_running; i++)
        busy += queue->running[i].n_nodes;
    if (o->idle_told) /* just now, and no list since */
        return queue->n_nodes_free;
    n = o->idle_nodes + o->busy_nodes - busy;
    if (n > queue->n_nodes - busy)
        n = queue->n_nodes - busy;
    return n > 0 ? (uint32_t)n : 0;
}

/*
 * slurmctld does not start a job in the very second in which it could, and who is just too
 * late waits until all is over: to the futures they begin sooner.
 */
static void tell_reserved(struct mir_engine_outlook *o)
{
    struct mir_reserved reserved[MIR_MAX_RESERVED];

    for (size_t i = 0; i < o->n_reserved; i++) {
        struct mir_reserved *r = &reserved[i];

        *r = o->reserved[i];
        if (r->from_at > o->queue.now)
            r->from_at = r->from_at - RESERVED_EARLY_S > o->queue.now
                             ? r->from_at - RESERVED_EARLY_S
                             : o->queue.now + 1;
    }
    mir_lookahead_set_reserved(o->lookahead, reserved, o->n_reserved);
}

static void look(struct mir_engine *e)
{
    struct mir_engine_outlook *o = e->outlook;
    struct mir_habits habits;

    o->queue = e->forecast->queue;
    o->queue.n_nodes_free = free_nodes(o, &o->queue);
    add_owners(e);
    hear_pending(e);
    mir_arrivals_book_set_since(o->arrivals, since(e));
    if (o->lookahead == NULL || mir_queue_partitions(e->queue)->n != o->n_partitions)
        make_lookahead(e);
    mir_lookahead_set_books(o->lookahead, e->forecast->book, o->arrivals);
    mir_habit_book_get(o->habits, o->queue.now, &habits);
    mir_lookahead_set_habits(o->lookahead, &habits);
    mir_lookahead_set_lessons(o->lookahead, mir_lesson_book_get(o->lessons));
    mir_lookahead_set_ticks(o->lookahead, o->backfill_at);
    tell_reserved(o);
    mir_lookahead_look(o->lookahead, &o->queue);
    tell_chains(e);
    o->looked = true;
}

struct mir_lookahead *mir_engine_lookahead(struct mir_engine *e)
{
    if (mir_engine_forecaster(e) == NULL)
        return NULL;
    if (!e->outlook->looked)
        look(e);
    set_budget(e);
    return e->outlook->lookahead;
}

/* ---- lessons ---- */

static bool is_asked_for(const struct mir_engine *e)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        const struct mirage_plugin *plugin =
            mir_policy_plugin(mir_engine_policy_of(e, e->chains[i]));

        if ((plugin->snapshot_parts & MIR_SNAPSHOT_LOOKAHEAD) != 0)
            return true;
    }
    return false;
}

void mir_engine_outlook_listed(struct mir_engine *e)
{
    struct mir_engine_outlook *o = e->outlook;
    struct mir_lookahead *lookahead;
    int64_t now = mir_engine_at(e);

    if (now - o->lessons_at < MIR_LESSON_LOOK_S || !is_asked_for(e))
        return;
    lookahead = mir_engine_lookahead(e);
    if (lookahead == NULL || mir_lookahead_foretell(lookahead, o->lessons, NULL) == -EBUSY)
        return; /* with the next list */
    o->lessons_at = now;
}
