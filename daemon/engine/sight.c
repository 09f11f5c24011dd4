/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sight.c - a list of jobs comes: which of them are ours, and what do they tell? */
#include "daemon/engine/internal.h"

#include <errno.h>

#include "daemon/core/alloc.h"

/* A job that belongs to a chain, by its tag or because it is the user's own first job. */
struct sighting {
    struct mir_engine_chain *chain;
    int32_t number;
    const struct mir_live_job *job;
};

/* A job that asks for a chain and is in none. */
struct candidate {
    const struct mir_live_job *job;
    bool tagged;
    struct mir_tag tag;
};

struct known_job {
    uint32_t id;
    struct mir_engine_chain *chain;
    struct mir_engine_link *link;
};

struct sorting {
    struct sighting *sightings;
    size_t n_sightings, cap_sightings;
    struct candidate *candidates;
    size_t n_candidates, cap_candidates;
    struct known_job *known;
    size_t n_known, cap_known;
};

static bool alive(const struct mir_live_job *job)
{
    return job->state == MIR_STATE_PENDING || job->state == MIR_STATE_RUNNING;
}

static bool asks(const struct mir_engine *e, const struct mir_live_job *job)
{
    struct mir_chain_options options;

    return mir_comment_opt_in(job->comment, e->settings->zone, &options, NULL) == 1;
}

/* ---- what a job of ours tells ---- */

static void remember(struct mir_engine *e,
                     struct mir_engine_chain *c,
                     struct mir_engine_link *l,
                     const struct mir_live_job *job)
{
    uint32_t changed = l->flags ^ job->flags;

    if ((changed & (MIR_LIVE_SUSPENDED | MIR_LIVE_HELD_ADMIN | MIR_LIVE_HELD_USER)) != 0)
        c->changed = e->changed = true; /* the view says so */
    mir_queue_request(e->queue, job, &l->shape);
    l->opted = asks(e, job);
    l->held = (job->flags & (MIR_LIVE_HELD_ADMIN | MIR_LIVE_HELD_USER)) != 0;
    l->flags = job->flags;
    l->base_priority = mir_engine_base_priority(e, job);
    snprintf(l->note, sizeof(l->note), "%s", job->reason);
    l->seen_ns = e->now.mono_ns;
    l->n_absent = 0;
    l->away = false;
    l->finding = false;
}

/* What was decided about the successor of a run that is over no longer holds. */
static void undo_successor(struct mir_engine *e, struct mir_engine_chain *c, int32_t number)
{
    struct mir_engine_link *next = mir_engine_link_find(c, number);

    if (next == NULL || next->row.state >= MIR_LINK_SENT || next->asked || next->unknown)
        return;
    mir_engine_replan(e, c, next);
    next->row.would_at = 0;
}

static void see_pending(struct mir_engine *e,
                        struct mir_engine_chain *c,
                        struct mir_engine_link *l,
                        const struct mir_live_job *job)
{
    bool requeued = l->row.state == MIR_LINK_RUNNING || l->row.state == MIR_LINK_GONE ||
                    job->restarts > l->row.restarts;

    if (l->row.state == MIR_LINK_PENDING && !requeued)
        return;
    if (requeued) {
        mir_engine_tell(e, LOG_INFO, c, l, "job %u was requeued", job->id);
        l->row.start_at = l->row.end_at = 0;
        l->row.exit_code = l->row.exit_signal = 0;
        undo_successor(e, c, l->row.number + 1);
    } else {
        mir_engine_tell(e, LOG_INFO, c, l, "job %u waits", job->id);
    }
    l->row.state = MIR_LINK_PENDING;
    mir_engine_link_touch(e, c, l);
}

/* The end has moved (scontrol, a suspension): the answer may be another one. */
static void decide_anew(const struct mir_engine_chain *c, int32_t number)
{
    struct mir_engine_link *next = mir_engine_link_find(c, number);

    if (next != NULL && next->row.state == MIR_LINK_PLANNED && next->row.would_at == 0)
        next->next_at = 0;
}

static void see_running(struct mir_engine *e,
                        struct mir_engine_chain *c,
                        struct mir_engine_link *l,
                        const struct mir_live_job *job)
{
    bool first = l->row.state != MIR_LINK_RUNNING;
    int64_t end_at = job->end_at;

    if (end_at <= 0 && __builtin_add_overflow(job->start_at, job->limit_s, &end_at))
        end_at = INT64_MAX;
    if (!first && l->row.start_at == job->start_at && l->row.end_at == end_at)
        return;
    if (first)
        mir_engine_tell(e, LOG_INFO, c, l, "job %u runs", job->id);
    else
        decide_anew(c, l->row.number + 1);
    if (l->cancel_wanted) { /* too late: what runs is left alone */
        l->cancel_wanted = false;
        mir_engine_fact(e, 0, "cancel:%s", c->row.id);
    }
    l->row.state = MIR_LINK_RUNNING;
    l->row.start_at = job->start_at;
    l->row.end_at = end_at;
    mir_engine_link_touch(e, c, l);
}

static void see_ended(struct mir_engine *e,
                      struct mir_engine_chain *c,
                      struct mir_engine_link *l,
                      const struct mir_live_job *job)
{
    const struct mir_end end = {
        .state = job->state,
        .deadline = (job->flags & MIR_LIVE_DEADLINE) != 0,
        .exit_code = job->exit_code,
        .exit_signal = job->exit_signal,
        .start_at = job->start_at,
        .end_at = job->end_at,
    };

    mir_engine_end_link(e, c, l, &end);
}

static void copy_facts(struct mir_engine *e,
                       struct mir_engine_chain *c,
                       struct mir_engine_link *l,
                       const struct mir_live_job *job)
{
    struct mir_link_row *row = &l->row;

    if (row->job.id == job->id && row->job.submit_at == job->submit_at &&
        row->restarts == job->restarts && row->limit_s == job->limit_s &&
        row->n_nodes == job->n_nodes && row->job_state == job->state)
        return;
    row->job.id = job->id;
    row->job.submit_at = job->submit_at;
    row->restarts = job->restarts;
    row->limit_s = job->limit_s;
    row->n_nodes = job->n_nodes;
    row->job_state = job->state;
    mir_engine_link_touch(e, c, l);
}

/* An ended job that lives again: requeued by hand while Slurm still knew it. */
static bool revived(const struct mir_engine_chain *c,
                    const struct mir_engine_link *l,
                    const struct mir_live_job *job)
{
    return l->row.state == MIR_LINK_GONE && mir_engine_chain_open(c) && alive(job) &&
           job->restarts > l->row.restarts;
}

void mir_engine_observe(struct mir_engine *e,
                        struct mir_engine_chain *c,
                        struct mir_engine_link *l,
                        const struct mir_live_job *job)
{
    bool back = revived(c, l, job);

    remember(e, c, l, job);
    if (l->row.state == MIR_LINK_GONE && !back)
        return;
    if (job->state == MIR_STATE_PENDING)
        see_pending(e, c, l, job); /* compares the restarts: before they are copied */
    copy_facts(e, c, l, job);
    if (job->state == MIR_STATE_RUNNING) {
        see_running(e, c, l, job);
        if (c->row.state != MIR_CHAIN_ENROLLING && mir_engine_chain_open(c))
            mir_engine_plan(e, c, l);
    } else if (job->state > MIR_STATE_RUNNING) {
        see_ended(e, c, l, job);
    }
}

void mir_engine_adopt(struct mir_engine *e,
                      struct mir_engine_chain *c,
                      struct mir_engine_link *l,
                      uint32_t id,
                      int64_t submit_at)
{
    l->row.job.id = id;
    l->row.job.submit_at = submit_at;
    l->row.job.uid = c->row.uid;
    l->row.state = MIR_LINK_CONFIRMED;
    l->row.confirmed_at = mir_engine_at(e);
    l->unknown = false;
    l->asked = false;
    l->wanted = false;
    l->verifying = false;
    l->n_absent = 0;
    l->after_no = e->n_asked;
    mir_engine_link_touch(e, c, l);
}

/* ---- the jobs of one link ---- */

static bool same_token(const struct mir_engine_link *l, const struct mir_live_job *job)
{
    struct mir_tag tag;

    return l->row.job.token[0] != '\0' && mir_comment_tag(job->comment, &tag) &&
           strcmp(tag.token, l->row.job.token) == 0;
}

/* The one that the journal names. */
static const struct mir_live_job *
own_job(const struct mir_engine_link *l, const struct sighting *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (s[i].job->id == l->row.job.id && mir_job_is(s[i].job, &l->row.job, l->row.restarts))
            return s[i].job;
    }
    return NULL;
}

static bool
better(const struct mir_engine_link *l, const struct mir_live_job *a, const struct mir_live_job *b)
{
    if (same_token(l, a) != same_token(l, b))
        return same_token(l, a);
    if (a->state != b->state)
        return a->state == MIR_STATE_RUNNING;
    return a->submit_at != b->submit_at ? a->submit_at < b->submit_at : a->id < b->id;
}

/* Our token, else (while the chain lives) the one that runs, else the earliest. */
static const struct mir_live_job *best_job(const struct mir_engine_chain *c,
                                           const struct mir_engine_link *l,
                                           const struct sighting *s,
                                           size_t n)
{
    const struct mir_live_job *best = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct mir_live_job *job = s[i].job;

        if (!same_token(l, job) && (!alive(job) || !mir_engine_chain_open(c)))
            continue;
        if (best == NULL || better(l, job, best))
            best = job;
    }
    return best;
}

static void take_over(struct mir_engine *e,
                      struct mir_engine_chain *c,
                      struct mir_engine_link *l,
                      const struct mir_live_job *job)
{
    struct mir_tag tag;

    if (mir_comment_tag(job->comment, &tag))
        snprintf(l->row.job.token, sizeof(l->row.job.token), "%s", tag.token);
    mir_engine_adopt(e, c, l, job->id, job->submit_at);
    e->n_adopted++;
    mir_engine_tell(e, LOG_NOTICE, c, l, "adopted job %u, found by its tag", job->id);
}

/* No journalled job: planned, or an intent whose outcome we do not know. */
static const struct mir_live_job *without_job(struct mir_engine *e,
                                              struct mir_engine_chain *c,
                                              struct mir_engine_link *l,
                                              const struct sighting *s,
                                              size_t n)
{
    const struct mir_live_job *job = best_job(c, l, s, n);

    if (job != NULL)
        take_over(e, c, l, job);
    return job;
}

/* The journal's job is not there, but one with its token is: Slurm gave it another id. */
static const struct mir_live_job *under_another_id(struct mir_engine *e,
                                                   struct mir_engine_chain *c,
                                                   struct mir_engine_link *l,
                                                   const struct sighting *s,
                                                   size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (same_token(l, s[i].job) && alive(s[i].job)) {
            take_over(e, c, l, s[i].job);
            return s[i].job;
        }
        if (alive(s[i].job))
            l->rival_no = e->list_no;
    }
    return NULL;
}

static void look_at_link(struct mir_engine *e,
                         struct mir_engine_chain *c,
                         struct mir_engine_link *l,
                         const struct sighting *s,
                         size_t n)
{
    const struct mir_live_job *job = own_job(l, s, n);

    if (l->asked)
        return; /* its answer is on the way and will tell */
    if (job == NULL && l->row.state < MIR_LINK_CONFIRMED)
        job = without_job(e, c, l, s, n);
    else if (job == NULL && mir_engine_link_live(l))
        job = under_another_id(e, c, l, s, n);
    if (job != NULL) {
        l->seen_no = e->list_no;
        mir_engine_observe(e, c, l, job);
    }
    if (!mir_engine_chain_open(c) || (job == NULL && l->row.state != MIR_LINK_GONE))
        return;
    for (size_t i = 0; i < n; i++) {
        if (s[i].job != job && alive(s[i].job) && s[i].job->id != l->row.job.id)
            mir_engine_rival(e, c, l, s[i].job);
    }
}

/* A tag of this chain with a number that we do not know: the journal is older than the job. */
static struct mir_engine_link *
missing_link(struct mir_engine *e, struct mir_engine_chain *c, const struct sighting *s)
{
    int32_t newest = c->n_links > 0 ? c->links[c->n_links - 1]->row.number : 0;
    struct mir_link_row row = {.number = s->number, .planned_at = mir_engine_at(e)};
    struct mir_engine_link *l;

    if (!mir_engine_chain_open(c) || !alive(s->job) || s->number <= newest ||
        s->number > newest + MIR_UNLISTED_LINKS)
        return NULL;
    snprintf(row.chain, sizeof(row.chain), "%s", c->row.id);
    row.job.uid = c->row.uid;
    row.decided_wait_s = -1;
    l = mir_engine_link_add(c, &row);
    mir_engine_link_touch(e, c, l);
    return l;
}

static void look_for_absent(struct mir_engine *e, struct mir_engine_chain *c)
{
    int64_t kept_s = e->cluster.min_job_age_s;
    bool apart = e->previous_list_at == 0 || e->list_at - e->previous_list_at > kept_s;

    for (size_t i = 0; i < c->n_links; i++) {
        struct mir_engine_link *l = c->links[i];

        if (l->seen_no == e->list_no || !(mir_engine_link_live(l) || l->unknown))
            continue;
        if (apart)
            l->away = true;
        if (e->list_no > l->after_no && e->have_cluster)
            mir_engine_absent(e, c, l);
    }
}

static void
look_at_chain(struct mir_engine *e, struct mir_engine_chain *c, const struct sighting *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t end = i + 1;
        struct mir_engine_link *l = mir_engine_link_find(c, s[i].number);

        while (end < n && s[end].number == s[i].number)
            end++;
        if (l == NULL)
            l = missing_link(e, c, &s[i]);
        if (l != NULL)
            look_at_link(e, c, l, &s[i], end - i);
        i = end;
    }
    look_for_absent(e, c);
}

/* ---- sorting the list ---- */

static int compare_known(const void *a, const void *b)
{
    const struct known_job *x = a, *y = b;
    int order = strcmp(x->chain->row.id, y->chain->row.id);

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return order != 0 ? order : x->link->row.number - y->link->row.number;
}

static void index_known(struct mir_engine *e, struct sorting *to)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = e->chains[i];

        for (size_t k = 0; k < c->n_links; k++) {
            if (c->links[k]->row.job.id == 0)
                continue;
            to->known = mir_grow(to->known, &to->cap_known, to->n_known + 1, sizeof(to->known[0]));
            to->known[to->n_known++] = (struct known_job){c->links[k]->row.job.id, c, c->links[k]};
        }
    }
    if (to->n_known > 1)
        qsort(to->known, to->n_known, sizeof(to->known[0]), compare_known);
}

static void sight(struct sorting *to,
                  struct mir_engine_chain *c,
                  int32_t number,
                  const struct mir_live_job *job)
{
    to->sightings =
        mir_grow(to->sightings, &to->cap_sightings, to->n_sightings + 1, sizeof(to->sightings[0]));
    to->sightings[to->n_sightings++] = (struct sighting){c, number, job};
}

/* Same job, but the user has taken the tag out of its comment: he wants no more of it. */
static void
tag_removed(struct mir_engine *e, const struct known_job *k, const struct mir_live_job *job)
{
    k->link->seen_no = e->list_no; /* or it would be missed */
    if (mir_engine_chain_open(k->chain))
        mir_engine_end_chain(e, k->chain, true, "the tag was taken out of job %u's comment",
                             job->id);
    if (job->state > MIR_STATE_RUNNING && k->link->row.state != MIR_LINK_GONE)
        see_ended(e, k->chain, k->link, job);
}

/* By id, with uid and submit time: jobs without a tag. */
static bool sort_by_id(struct mir_engine *e, struct sorting *to, const struct mir_live_job *job)
{
    size_t lo = 0, hi = to->n_known;
    bool ours = false;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (to->known[mid].id < job->id)
            lo = mid + 1;
        else
            hi = mid;
    }
    for (; lo < to->n_known && to->known[lo].id == job->id; lo++) {
        const struct known_job *k = &to->known[lo];
        const struct mir_job_identity *who = &k->link->row.job;

        if (who->token[0] == '\0' && mir_job_is(job, who, k->link->row.restarts)) {
            /* A refusal on request does not stand in the way of a later try. */
            if (k->chain->row.state == MIR_CHAIN_REFUSED && !k->chain->row.by_comment) {
                k->link->seen_no = e->list_no;
                continue;
            }
            sight(to, k->chain, k->link->row.number, job);
            ours = true;
        } else if (who->token[0] != '\0' && who->uid == job->uid && who->submit_at != 0 &&
                   who->submit_at == job->submit_at) {
            tag_removed(e, k, job);
            ours = true;
        }
    }
    return ours;
}

static void consider(struct mir_engine *e,
                     struct sorting *to,
                     const struct mir_live_job *job,
                     const struct mir_tag *tag)
{
    struct candidate *candidate;
    struct mir_chain_options options;

    /* Without a submit time it could not be told from the next job of that id. */
    if (!e->settings->enroll_by_comment || !alive(job) || job->uid < e->settings->min_uid ||
        job->submit_at <= 0 ||
        mir_comment_opt_in(job->comment, e->settings->zone, &options, NULL) == 0)
        return;
    to->candidates = mir_grow(to->candidates, &to->cap_candidates, to->n_candidates + 1,
                              sizeof(to->candidates[0]));
    candidate = &to->candidates[to->n_candidates++];
    *candidate = (struct candidate){.job = job, .tagged = tag != NULL};
    if (tag != NULL)
        candidate->tag = *tag;
}

static void sort_job(struct mir_engine *e, struct sorting *to, const struct mir_live_job *job)
{
    struct mir_tag tag;
    struct mir_engine_chain *c;

    if (strstr(job->comment, "mirage") == NULL) { /* nearly all: no parsing */
        sort_by_id(e, to, job);
        return;
    }
    if (!mir_comment_tag(job->comment, &tag)) {
        if (!sort_by_id(e, to, job))
            consider(e, to, job, NULL);
        return;
    }
    c = mir_engine_chain_find(e, tag.chain);
    if (c != NULL && c->row.uid == job->uid && c->row.state != MIR_CHAIN_REFUSED)
        sight(to, c, tag.link, job);
    else if (!sort_by_id(e, to, job))
        consider(e, to, job, &tag);
}

static int compare_sightings(const void *a, const void *b)
{
    const struct sighting *x = a, *y = b;
    int order = strcmp(x->chain->row.id, y->chain->row.id);

    if (order != 0)
        return order;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return x->job->id < y->job->id ? -1 : x->job->id > y->job->id;
}

/* Of the jobs of a chain that the journal lost, the highest number that runs. */
static bool wins(const struct candidate *a, const struct candidate *b)
{
    if (a->job->state != b->job->state)
        return a->job->state == MIR_STATE_RUNNING;
    return a->tag.link != b->tag.link ? a->tag.link > b->tag.link : a->job->id < b->job->id;
}

static bool best_of_its_chain(const struct sorting *s, size_t i)
{
    for (size_t k = 0; k < s->n_candidates; k++) {
        const struct candidate *other = &s->candidates[k];

        if (k != i && other->tagged && other->job->uid == s->candidates[i].job->uid &&
            strcmp(other->tag.chain, s->candidates[i].tag.chain) == 0 &&
            wins(other, &s->candidates[i]))
            return false;
    }
    return true;
}

static void take_candidates(struct mir_engine *e, const struct sorting *s)
{
    for (size_t i = 0; i < s->n_candidates; i++) {
        const struct candidate *candidate = &s->candidates[i];

        if (!candidate->tagged)
            mir_engine_enroll(e, candidate->job, true, NULL, NULL);
        else if (best_of_its_chain(s, i))
            mir_engine_take_up(e, candidate->job, &candidate->tag);
    }
}

void mir_engine_take_list(struct mir_engine *e, const struct mir_live_jobs *list)
{
    struct sorting s = {0};
    size_t at = 0;

    index_known(e, &s);
    for (size_t i = 0; i < list->n_jobs; i++)
        sort_job(e, &s, &list->jobs[i]);
    if (s.n_sightings > 1)
        qsort(s.sightings, s.n_sightings, sizeof(s.sightings[0]), compare_sightings);
    for (size_t i = 0; i < e->n_chains; i++) {
        size_t begin = at;

        while (at < s.n_sightings && s.sightings[at].chain == e->chains[i])
            at++;
        look_at_chain(e, e->chains[i], at > begin ? &s.sightings[begin] : NULL, at - begin);
    }
    if (mir_engine_journal_works(e))
        take_candidates(e, &s);
    free(s.sightings);
    free(s.candidates);
    free(s.known);
}
