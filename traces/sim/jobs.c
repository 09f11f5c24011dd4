/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jobs.c - the queue and the running set: arrays, a heap of ends, and the
 * running jobs by planned end, which every scheduler plans with.
 */
#include "traces/sim/state.h"

#include <string.h>

#include "daemon/core/alloc.h"

const struct mir_job *mir_sim_job(const struct mir_sim *sim, uint32_t number)
{
    return number < sim->n_jobs ? &sim->jobs[number] : &sim->added[number - sim->n_jobs];
}

int32_t mir_sim_free_for(const struct mir_sim *sim, uint16_t partition)
{
    if (sim->n_sets == 1)
        return sim->free[0];

    uint64_t mask = sim->options.cluster->partitions[partition].node_sets;
    int32_t n = 0;
    for (uint32_t s = 0; s < sim->n_sets; s++)
        if ((mask >> s & 1) != 0 && sim->free[s] > 0)
            n += sim->free[s];
    return n;
}

/* ---- queue */

bool mir_sim_tried_before(const struct mir_queued *a, const struct mir_queued *b)
{
    if (a->tier != b->tier)
        return a->tier > b->tier;
    if (a->key > b->key)
        return true;
    if (a->key < b->key)
        return false;
    /* Slurm goes by job id.  Jobs from outside have the highest numbers, whenever they came. */
    return a->submit_at < b->submit_at || (a->submit_at == b->submit_at && a->job < b->job);
}

static void queue_reserve(struct mir_sim *sim)
{
    if (sim->head + sim->n_queue < sim->cap_queue)
        return;
    if (sim->head > sim->n_queue) { /* room in front: slide back */
        memmove(sim->queue, sim->queue + sim->head, sim->n_queue * sizeof(*sim->queue));
        sim->head = 0;
        return;
    }
    sim->queue =
        mir_grow(sim->queue, &sim->cap_queue, sim->head + sim->n_queue + 1, sizeof(*sim->queue));
}

/* Where `q` belongs; arrivals mostly go to the end, so look there first. */
static size_t queue_place(const struct mir_sim *sim, const struct mir_queued *q)
{
    size_t low = sim->head;
    size_t high = sim->head + sim->n_queue;

    if (high == low || mir_sim_tried_before(&sim->queue[high - 1], q))
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (mir_sim_tried_before(&sim->queue[middle], q))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct mir_queued
queued_of(const struct mir_sim *sim, uint32_t number, int64_t eligible_at, double key)
{
    const struct mir_job *job = mir_sim_job(sim, number);
    struct mir_queued q = {
        .key = key,
        .submit_at = job->submit_at,
        .eligible_at = eligible_at,
        .job = number,
        .n_nodes = job->n_nodes,
        .limit_s = job->limit_s,
        .run_s = job->run_s,
        .partition = sim->options.workload->partition_of[job->partition],
    };

    q.tier = sim->tier_of[q.partition];
    if (sim->options.cluster->scheduler == MIR_SCHED_SLURM && job->array_task != MIR_UNKNOWN)
        q.array = job->id;
    return q;
}

/* Returns where in the array it is now. */
static size_t queue_insert(struct mir_sim *sim, const struct mir_queued *q)
{
    queue_reserve(sim);
    size_t at = queue_place(sim, q);
    size_t end = sim->head + sim->n_queue;
    if (at != end)
        memmove(sim->queue + at + 1, sim->queue + at, (end - at) * sizeof(*q));
    sim->queue[at] = *q;
    sim->n_queue++;
    return at;
}

void mir_sim_enqueue(struct mir_sim *sim, uint32_t number, int64_t eligible_at)
{
    double key = mir_priority_key(sim, number, eligible_at);
    struct mir_queued q = queued_of(sim, number, eligible_at, key);
    size_t at = queue_insert(sim, &q);

    if (sim->age_rate > 0.0)
        mir_priority_watch(sim, eligible_at);
    if (sim->n_queue > sim->counters.max_pending)
        sim->counters.max_pending = sim->n_queue;
    if (sim->options.keep_summary)
        mir_summary_add_pending(&sim->summary, q.limit_s, q.submit_at, q.n_nodes);
    size_t index = at - sim->head;
    if (index < sim->n_planned)
        sim->plan_valid = false;
    if (index == 0)
        sim->main_blocked = false;
    sim->queue_since_main = true;
    sim->backfill_due = true;
}

void mir_sim_dequeue(struct mir_sim *sim, size_t index)
{
    size_t after = sim->head + sim->n_queue - index - 1;

    if (index == sim->head)
        sim->head++;
    else
        memmove(sim->queue + index, sim->queue + index + 1, after * sizeof(*sim->queue));
    sim->n_queue--;
}

void mir_sim_mark_gone(struct mir_sim *sim, size_t index)
{
    sim->queue[index].flags |= MIR_QUEUED_GONE;
    if (sim->n_gone == 0 || index < sim->gone_from)
        sim->gone_from = index;
    if (sim->n_gone == 0 || index >= sim->gone_to)
        sim->gone_to = index + 1;
    sim->n_gone++;
}

static void close_up_to_the_back(struct mir_sim *sim)
{
    size_t to = sim->gone_to;

    for (size_t i = sim->gone_to; i-- > sim->head;)
        if ((sim->queue[i].flags & MIR_QUEUED_GONE) == 0)
            sim->queue[--to] = sim->queue[i];
    sim->head = to;
}

static void close_up_to_the_front(struct mir_sim *sim)
{
    size_t end = sim->head + sim->n_queue;
    size_t to = sim->gone_from;

    for (size_t i = sim->gone_from; i < sim->gone_to; i++)
        if ((sim->queue[i].flags & MIR_QUEUED_GONE) == 0)
            sim->queue[to++] = sim->queue[i];
    memmove(sim->queue + to, sim->queue + sim->gone_to, (end - sim->gone_to) * sizeof(*sim->queue));
}

/* Jobs start near the head, and a queue may be long: the shorter side moves. */
void mir_sim_sweep(struct mir_sim *sim)
{
    if (sim->n_gone == 0)
        return;
    if (sim->gone_to - sim->head <= sim->head + sim->n_queue - sim->gone_from)
        close_up_to_the_back(sim);
    else
        close_up_to_the_front(sim);
    sim->n_queue -= sim->n_gone;
    sim->n_gone = 0;
}

void mir_sim_arrive(struct mir_sim *sim, uint32_t number)
{
    const struct mir_job *job = mir_sim_job(sim, number);
    int64_t until;

    sim->counters.n_arrived++;
    if (job->extra != 0)
        mir_sim_note_cancel(sim, number);
    /* Most jobs have nothing that could hold them: two loads from a line that is needed anyway. */
    if ((job->extra != 0 || job->eligible_s > 0) && mir_sim_must_hold(sim, number, &until)) {
        sim->held = mir_grow(sim->held, &sim->cap_held, sim->n_held + 1, sizeof(*sim->held));
        sim->held[sim->n_held++] = (struct mir_later){until, number};
        if (sim->options.keep_summary)
            mir_summary_add_pending(&sim->summary, job->limit_s, job->submit_at, job->n_nodes);
        return;
    }
    mir_sim_enqueue(sim, number, job->submit_at);
}

/*
 * Half of all jobs of a machine that is not overloaded find it free: no need to
 * put them into the queue for the pass to take them out again.
 */
static bool start_at_once(struct mir_sim *sim, size_t number)
{
    const struct mir_job *job = &sim->jobs[number];

    if (sim->n_queue > 0 || (int32_t)job->n_nodes > sim->free[0] || job->extra != 0 ||
        job->eligible_s > 0)
        return false;
    if (number + 1 < sim->end_arrival && sim->jobs[number + 1].submit_at <= sim->now)
        return false; /* priorities may turn their order round */
    sim->counters.n_arrived++;
    struct mir_queued q = {
        .submit_at = job->submit_at,
        .eligible_at = job->submit_at,
        .job = (uint32_t)number,
        .n_nodes = job->n_nodes,
        .limit_s = job->limit_s,
        .run_s = job->run_s,
        .partition = sim->options.workload->partition_of[job->partition],
        .flags = MIR_QUEUED_NEVER,
    };
    mir_sim_start_on(sim, &q, &q.n_nodes);
    return true;
}

void mir_sim_process_arrivals(struct mir_sim *sim)
{
    bool at_once = sim->sched->starts_at_once && sim->n_sets == 1 &&
                   sim->options.cluster->n_partitions == 1 && !sim->options.cluster->params.defer &&
                   sim->options.n_reserved == 0;

    while (sim->next_arrival < sim->end_arrival &&
           sim->jobs[sim->next_arrival].submit_at <= sim->now) {
        size_t number = sim->next_arrival++;
        if (!at_once || !start_at_once(sim, number))
            mir_sim_arrive(sim, (uint32_t)number);
    }
}

/* ---- running jobs */

static void ends_push(struct mir_sim *sim, struct mir_end e)
{
    if (sim->n_ends == sim->cap_ends)
        sim->ends = mir_grow(sim->ends, &sim->cap_ends, sim->n_ends + 1, sizeof(*sim->ends));
    size_t i = sim->n_ends++;
    while (i > 0 && e.key < sim->ends[(i - 1) / 2].key) {
        sim->ends[i] = sim->ends[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    sim->ends[i] = e;
}

/*
 * Put `e` where the heap has a hole at i: the hole first goes down to a leaf by
 * a choice between children that needs no branch, then `e` rises from there, as
 * what comes from the heap's end mostly belongs near it (Wegener 1993).
 */
static void ends_fill(struct mir_sim *sim, size_t i, struct mir_end e)
{
    struct mir_end *ends = sim->ends;
    size_t n = sim->n_ends;
    size_t top = i;

    for (size_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        child += child + 1 < n && ends[child + 1].key < ends[child].key;
        ends[i] = ends[child];
        i = child;
    }
    while (i > top && e.key < ends[(i - 1) / 2].key) {
        ends[i] = ends[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    ends[i] = e;
}

int32_t mir_sim_pop_end(struct mir_sim *sim)
{
    if (sim->n_ends == 0 || mir_end_at(&sim->ends[0]) > sim->now)
        return MIR_NO_SLOT;
    uint32_t slot = sim->ends[0].slot;
    sim->n_ends--;
    if (sim->n_ends > 0)
        ends_fill(sim, 0, sim->ends[sim->n_ends]);
    return (int32_t)slot;
}

void mir_sim_rebuild_ends(struct mir_sim *sim)
{
    for (size_t i = sim->n_ends / 2; i-- > 0;)
        ends_fill(sim, i, sim->ends[i]);
}

/* Where the releases at or after `at` begin; no branch depends on what is compared. */
static size_t release_place(const struct mir_sim *sim, int64_t at)
{
    const struct mir_release *r = sim->releases;
    const struct mir_release *from = r;
    size_t n = sim->n_releases;

    while (n > 1) {
        size_t half = n / 2;
        from += from[half - 1].at < at ? half : 0;
        n -= half;
    }
    return (size_t)(from - r) + (n == 1 && from->at < at);
}

static void release_add(struct mir_sim *sim, struct mir_release r)
{
    if (sim->n_releases == sim->cap_releases)
        sim->releases = mir_grow(sim->releases, &sim->cap_releases, sim->n_releases + 1,
                                 sizeof(*sim->releases));
    size_t i = release_place(sim, r.at);
    memmove(sim->releases + i + 1, sim->releases + i,
            (sim->n_releases - i) * sizeof(*sim->releases));
    sim->releases[i] = r;
    sim->n_releases++;
}

static void release_remove(struct mir_sim *sim, int64_t at, uint32_t slot)
{
    size_t i = release_place(sim, at);

    while (sim->releases[i].slot != slot)
        i++;
    sim->n_releases--;
    memmove(sim->releases + i, sim->releases + i + 1,
            (sim->n_releases - i) * sizeof(*sim->releases));
}

static uint32_t slot_take(struct mir_sim *sim)
{
    if (sim->free_slot != MIR_NO_SLOT) {
        uint32_t slot = (uint32_t)sim->free_slot;
        sim->free_slot = (int32_t)sim->slots[slot].sequence;
        return slot;
    }
    if (sim->n_slots == sim->cap_slots)
        sim->slots = mir_grow(sim->slots, &sim->cap_slots, sim->n_slots + 1, sizeof(*sim->slots));
    if (sim->n_sets > 1)
        sim->slot_nodes = mir_grow(sim->slot_nodes, &sim->cap_slot_nodes,
                                   (sim->n_slots + 1) * sim->n_sets, sizeof(*sim->slot_nodes));
    if (sim->n_words > 0)
        sim->slot_machines =
            mir_grow(sim->slot_machines, &sim->cap_slot_machines, (sim->n_slots + 1) * sim->n_words,
                     sizeof(*sim->slot_machines));
    return (uint32_t)sim->n_slots++;
}

bool mir_sim_choose_of(const struct mir_sim *sim,
                       const int32_t *free,
                       uint64_t mask,
                       uint32_t n_nodes,
                       uint32_t *nodes)
{
    for (uint32_t k = 0; k < sim->n_sets; k++) {
        uint32_t s = sim->set_order[k];
        nodes[s] = 0;
        if ((mask >> s & 1) == 0 || free[s] <= 0)
            continue;
        nodes[s] = (uint32_t)free[s] < n_nodes ? (uint32_t)free[s] : n_nodes;
        n_nodes -= nodes[s];
    }
    return n_nodes == 0;
}

bool mir_sim_choose(const struct mir_sim *sim, uint64_t mask, uint32_t n_nodes, uint32_t *nodes)
{
    return mir_sim_choose_of(sim, sim->free, mask, n_nodes, nodes);
}

static void nodes_take(struct mir_sim *sim, uint32_t slot, const uint32_t *nodes)
{
    for (uint32_t s = 0; s < sim->n_sets; s++)
        sim->free[s] -= (int32_t)nodes[s];
    if (sim->n_sets > 1)
        memcpy(sim->slot_nodes + (size_t)slot * sim->n_sets, nodes, sim->n_sets * sizeof(*nodes));
}

void mir_sim_release_nodes(struct mir_sim *sim, uint32_t slot)
{
    struct mir_slot *r = &sim->slots[slot];

    if (r->released)
        return;
    r->released = true;
    for (size_t w = 0; w < sim->n_words; w++)
        sim->machines_free[w] |= sim->slot_machines[(size_t)slot * sim->n_words + w];
    if (sim->n_sets == 1) {
        sim->free[0] += (int32_t)r->n_nodes;
        return;
    }
    const uint32_t *nodes = sim->slot_nodes + (size_t)slot * sim->n_sets;
    for (uint32_t s = 0; s < sim->n_sets; s++)
        sim->free[s] += (int32_t)nodes[s];
}

static void history_add(struct mir_sim *sim, const struct mir_queued *q)
{
    const struct mir_job *job = mir_sim_job(sim, q->job);

    if (sim->n_history == sim->cap_history)
        sim->history =
            mir_grow(sim->history, &sim->cap_history, sim->n_history + 1, sizeof(*sim->history));
    sim->history[sim->n_history++] = (struct mir_start){
        .start_at = sim->now,
        .wait_s = (int32_t)(sim->now - q->submit_at),
        .limit_s = q->limit_s,
        .n_nodes = q->n_nodes,
        .user = job->user,
        .partition = job->partition,
        .account = job->account,
        .qos = job->qos,
        .chained = q->job >= sim->n_jobs,
    };
}

static void record_start(struct mir_sim *sim, const struct mir_queued *q)
{
    if (q->job >= sim->n_jobs) {
        size_t k = q->job - sim->n_jobs;
        sim->added_start[k] = sim->now;
        sim->added_end[k] = sim->now + q->limit_s;
        if (k == sim->watched || sim->watches_all)
            sim->watched_started = true;
    } else if (sim->starts != NULL) {
        sim->starts[q->job] = sim->now;
    }
    if (sim->options.keep_history)
        history_add(sim, q);
    if (sim->options.keep_summary) {
        if ((q->flags & MIR_QUEUED_NEVER) == 0)
            mir_summary_remove_pending(&sim->summary, q->limit_s, q->submit_at, q->n_nodes);
        mir_summary_add_running(&sim->summary, q->limit_s, (int32_t)(sim->now - q->submit_at),
                                sim->now, q->n_nodes);
    }
}

static void count_start(struct mir_sim *sim)
{
    struct mir_sim_counters *c = &sim->counters;
    int64_t used = 0;

    c->n_started++;
    if (++sim->n_running > c->max_running)
        c->max_running = sim->n_running;
    for (uint32_t s = 0; s < sim->n_sets; s++)
        used += sim->in_service[s] - sim->free[s];
    if (used > 0 && (uint64_t)used > c->max_nodes_used)
        c->max_nodes_used = (uint64_t)used;
}

uint32_t mir_sim_start(struct mir_sim *sim, const struct mir_queued *q)
{
    uint32_t nodes[MIR_MAX_NODE_SETS];

    if (sim->n_sets == 1)
        return mir_sim_start_on(sim, q, &q->n_nodes);
    mir_sim_choose(sim, sim->options.cluster->partitions[q->partition].node_sets, q->n_nodes,
                   nodes);
    return mir_sim_start_on(sim, q, nodes);
}

uint32_t mir_sim_start_on(struct mir_sim *sim, const struct mir_queued *q, const uint32_t *nodes)
{
    uint32_t slot = slot_take(sim);
    uint32_t sequence = sim->next_sequence++;

    sim->slots[slot] = (struct mir_slot){
        .start_at = sim->now,
        .end_at = sim->now + q->run_s,
        .planned_end_at = sim->now + q->limit_s,
        .submit_at = q->submit_at,
        .job = q->job,
        .n_nodes = q->n_nodes,
        .sequence = sequence,
        .partition = q->partition,
    };
    nodes_take(sim, slot, nodes);
    sim->plan_valid = false;
    sim->backfill_due = true;
    ends_push(sim, (struct mir_end){mir_end_key(sim->now + q->run_s, sequence), slot});
    release_add(sim, (struct mir_release){sim->now + q->limit_s, q->n_nodes, slot});
    record_start(sim, q);
    count_start(sim);
    return slot;
}

void mir_sim_finish(struct mir_sim *sim, uint32_t slot)
{
    struct mir_slot *r = &sim->slots[slot];

    mir_sim_release_nodes(sim, slot);
    release_remove(sim, r->planned_end_at, slot);
    if (sim->n_assocs > 0)
        mir_fairshare_charge(sim, r->job, r->n_nodes, r->start_at, sim->now);
    if (r->job >= sim->n_jobs)
        sim->added_end[r->job - sim->n_jobs] = sim->now;
    if (sim->options.keep_summary)
        mir_summary_remove_running(&sim->summary, (int32_t)(r->planned_end_at - r->start_at),
                                   (int32_t)(r->start_at - r->submit_at), r->start_at, r->n_nodes);
    r->n_nodes = 0;
    r->sequence = (uint32_t)sim->free_slot;
    sim->free_slot = (int32_t)slot;
    sim->n_running--;
    sim->counters.n_ended++;
    mir_sim_disturb(sim, true);
}

void mir_sim_process_ends(struct mir_sim *sim)
{
    int32_t slot;

    while ((slot = mir_sim_pop_end(sim)) != MIR_NO_SLOT)
        mir_sim_finish(sim, (uint32_t)slot);
}

/* ---- planting */

void mir_sim_plant_running(struct mir_sim *sim,
                           const struct mir_slot *running,
                           const uint32_t *nodes)
{
    uint32_t slot = slot_take(sim);
    struct mir_slot *r = &sim->slots[slot];

    *r = *running;
    r->sequence = sim->next_sequence++;
    nodes_take(sim, slot, nodes);
    ends_push(sim, (struct mir_end){mir_end_key(r->end_at, r->sequence), slot});
    release_add(sim, (struct mir_release){r->planned_end_at, r->n_nodes, slot});
    sim->n_running++;
}

void mir_sim_plant_waiting(struct mir_sim *sim, uint32_t number, int64_t eligible_at)
{
    double key = mir_priority_planted_key(sim, number, eligible_at);
    struct mir_queued q = queued_of(sim, number, eligible_at, key);

    queue_insert(sim, &q);
}
