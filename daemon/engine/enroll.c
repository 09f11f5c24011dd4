/* SPDX-License-Identifier: GPL-3.0-or-later */
/* enroll.c - a job becomes a chain, or is refused by name; templates are captured. */
#include "daemon/engine/internal.h"

#include <errno.h>

#include "daemon/core/alloc.h"

enum { CAPTURE_RETRY_S = 5, CAPTURE_RETRY_MAX_S = 600, CHAIN_ID_TRIES = 100 };

static void new_id(struct mir_engine *e, char id[MIR_CHAIN_ID_LEN + 1])
{
    for (int i = 0; i < CHAIN_ID_TRIES; i++) {
        mir_engine_random_text(e, id, MIR_CHAIN_ID_LEN, "abcdefghijklmnopqrstuvwxyz234567");
        if (mir_engine_chain_find(e, id) == NULL)
            return;
    }
}

static int32_t open_chains_of(const struct mir_engine *e, uint32_t uid)
{
    int32_t n = 0;

    for (size_t i = 0; i < e->n_chains; i++)
        n += e->chains[i]->row.uid == uid && mir_engine_chain_open(e->chains[i]);
    return n;
}

static void fill_chain_row(struct mir_engine *e,
                           const struct mir_live_job *job,
                           bool by_comment,
                           const char *id,
                           struct mir_chain_row *row)
{
    *row = (struct mir_chain_row){
        .state = MIR_CHAIN_ENROLLING,
        .uid = job->uid,
        .by_comment = by_comment,
        .enrolled_at = mir_engine_at(e),
    };
    if (id != NULL)
        snprintf(row->id, sizeof(row->id), "%s", id);
    else
        new_id(e, row->id);
    snprintf(row->user, sizeof(row->user), "%s", job->user);
    snprintf(row->account, sizeof(row->account), "%s", job->account);
    snprintf(row->partition, sizeof(row->partition), "%s", job->partition);
    snprintf(row->qos, sizeof(row->qos), "%s", job->qos);
    snprintf(row->name, sizeof(row->name), "%s", job->name);
    snprintf(row->cluster, sizeof(row->cluster), "%s", e->cluster.name);
}

static void fill_link_row(struct mir_engine *e,
                          const struct mir_live_job *job,
                          const struct mir_chain_row *chain,
                          struct mir_link_row *row)
{
    *row = (struct mir_link_row){
        .state = MIR_LINK_CONFIRMED,
        .job = {.id = job->id, .uid = job->uid, .submit_at = job->submit_at},
        .restarts = job->restarts,
        .limit_s = job->limit_s,
        .n_nodes = job->n_nodes,
        .planned_at = mir_engine_at(e),
        .confirmed_at = mir_engine_at(e),
        .job_state = job->state,
        .decided_wait_s = -1,
    };
    snprintf(row->chain, sizeof(row->chain), "%s", chain->id);
}

/*
 * A user may have thousands of jobs that ask and are refused.  So many are told and
 * shown; each further one is as if it had not asked, until one of those has gone.
 */
static bool too_many_refused(const struct mir_engine *e, uint32_t uid)
{
    size_t n = 0;

    for (size_t i = 0; i < e->n_chains; i++) {
        const struct mir_engine_chain *c = e->chains[i];

        n += c->row.state == MIR_CHAIN_REFUSED && c->row.uid == uid && c->n_links > 0 &&
             c->links[0]->seen_no == e->list_no;
    }
    return n >= MIR_REFUSED_CHAINS;
}

void mir_engine_refuse(struct mir_engine *e,
                       const struct mir_live_job *job,
                       bool by_comment,
                       const char *id,
                       const char *reason)
{
    struct mir_chain_row row;
    struct mir_link_row link;
    struct mir_engine_chain *c;
    struct mir_engine_link *l;

    if (by_comment && too_many_refused(e, job->uid))
        return;
    fill_chain_row(e, job, by_comment, id, &row);
    fill_link_row(e, job, &row, &link);
    link.state = MIR_LINK_GONE;
    c = mir_engine_chain_add(e, &row);
    l = mir_engine_link_add(c, &link);
    l->seen_no = e->list_no;
    l->dirty = true;
    mir_engine_chain_state(e, c, MIR_CHAIN_REFUSED, reason);
    mir_engine_tell(e, LOG_WARNING, c, l, "job %u of %s is refused: %.160s", job->id, job->user,
                    reason);
}

/* By name, each; NULL: nothing against it. */
static const char *refusal_of_kind(const struct mir_live_job *job)
{
    if ((job->flags & MIR_LIVE_ARRAY) != 0)
        return "an array job: its tasks are a queue of their own";
    if ((job->flags & MIR_LIVE_HET) != 0)
        return "a heterogeneous job: its parts cannot be submitted one by one";
    if ((job->flags & MIR_LIVE_FEDERATED) != 0)
        return "a job of a federation: its siblings are on other clusters";
    if ((job->flags & MIR_LIVE_BATCH) == 0)
        return "no batch script: there is nothing to submit again";
    if (job->limit_s == MIR_UNLIMITED)
        return "no time limit: it never needs a successor";
    if (job->limit_s <= 0)
        return "no time limit is known";
    if ((job->flags & MIR_LIVE_DEPENDENT) != 0)
        return "waits for another job: its successor would wait for the same one";
    return NULL;
}

static bool refused(const struct mir_engine *e,
                    const struct mir_live_job *job,
                    struct mir_chain_options *options,
                    struct mir_policy **policy,
                    struct mir_error *why)
{
    const char *kind = refusal_of_kind(job);
    int asks = mir_comment_opt_in(job->comment, e->settings->zone, options, why);

    if (asks < 0)
        return true;
    if (asks == 0)
        mir_error_set(why, 0, "its comment does not ask for a chain");
    else if (kind != NULL)
        mir_error_set(why, 0, "%s", kind);
    else if (open_chains_of(e, job->uid) >= e->settings->chains_per_user)
        mir_error_set(why, 0, "too many chains of this user: %d",
                      (int)e->settings->chains_per_user);
    else if ((options->given & MIR_OPT_POLICY) == 0)
        return false;
    else
        return mir_policy_create(options->policy, policy, why) != 0;
    return true;
}

struct mir_engine_chain *mir_engine_enroll(struct mir_engine *e,
                                           const struct mir_live_job *job,
                                           bool by_comment,
                                           const char *id,
                                           const char *munged_environment)
{
    struct mir_chain_options options = {0};
    struct mir_policy *policy = NULL;
    struct mir_error why = {{0}};
    struct mir_chain_row row;
    struct mir_link_row link;
    struct mir_engine_chain *c;
    struct mir_engine_link *l;

    if (refused(e, job, &options, &policy, &why)) {
        mir_engine_refuse(e, job, by_comment, id, why.text);
        return NULL;
    }
    fill_chain_row(e, job, by_comment, id, &row);
    row.options = options;
    fill_link_row(e, job, &row, &link);
    c = mir_engine_chain_add(e, &row);
    c->dirty = true;
    c->own_policy = policy;
    if (munged_environment != NULL)
        c->munged_environment = mir_strdup(munged_environment);
    l = mir_engine_link_add(c, &link);
    l->dirty = true;
    l->seen_no = e->list_no;
    mir_engine_tell(e, LOG_INFO, c, l, "job %u of %s asks for a chain", job->id, job->user);
    mir_engine_observe(e, c, l, job);
    return c;
}

/* The journal is consulted too: memory forgets chains that are long over. */
static int same_chain(void *arg, const struct mir_chain_row *row)
{
    return strcmp(row->id, (const char *)arg) == 0 ? 1 : 0;
}

static bool journal_knows(struct mir_engine *e, const char *id)
{
    char wanted[MIR_CHAIN_ID_LEN + 1];

    snprintf(wanted, sizeof(wanted), "%s", id);
    return mir_journal_each_chain(e->journal, false, same_chain, wanted, NULL) != 0;
}

/* A running job with a tag whose chain nobody remembers: the journal was lost. */
void mir_engine_take_up(struct mir_engine *e,
                        const struct mir_live_job *job,
                        const struct mir_tag *tag)
{
    struct mir_engine_chain *c = mir_engine_chain_find(e, tag->chain);
    struct mir_engine_link *l;

    if (c != NULL) { /* a stranger's, or one of the same list that was taken up just now */
        if (c->row.uid != job->uid || c->row.state == MIR_CHAIN_REFUSED)
            mir_engine_refuse(e, job, true, NULL, "its tag names a chain of somebody else");
        return;
    }
    if (journal_knows(e, tag->chain)) {
        mir_engine_refuse(e, job, true, NULL, "its tag names a chain that is over");
        return;
    }
    c = mir_engine_enroll(e, job, true, tag->chain, NULL);
    if (c == NULL)
        return;
    l = c->links[0];
    l->row.number = tag->link;
    snprintf(l->row.job.token, sizeof(l->row.job.token), "%s", tag->token);
    mir_engine_link_touch(e, c, l);
    mir_engine_tell(e, LOG_WARNING, c, l, "taken up again from the tag of job %u", job->id);
}

/* ---- `mirage enroll` ---- */

static void enroll_read_job(struct mir_engine *e,
                            const struct mir_enroll_request *r,
                            const struct mir_live_job *job)
{
    struct mir_tag tag;
    const char *against = NULL;

    if (job->submit_at <= 0)
        mir_engine_tell(e, LOG_WARNING, NULL, NULL, "enroll job %u: Slurm tells no submit time yet",
                        job->id);
    else if (job->uid != r->uid && !r->admin)
        mir_engine_tell(e, LOG_WARNING, NULL, NULL, "uid %u asks for job %u of another user",
                        r->uid, job->id);
    else if (job->uid < e->settings->min_uid)
        against = "a job of a system user";
    else if (job->state != MIR_STATE_PENDING && job->state != MIR_STATE_RUNNING)
        against = "it has ended";
    else if (mir_comment_tag(job->comment, &tag))
        against = "it is a link of a chain already";
    else
        mir_engine_enroll(e, job, false, r->chain, r->munged_environment);
    if (against != NULL)
        mir_engine_refuse(e, job, false, r->chain, against);
}

static void ask_for_job(struct mir_engine *e, struct mir_enroll_request *r)
{
    struct mir_question *q = mir_engine_ask(e, MIR_ASK_ENROLL, NULL, NULL);
    uint64_t ticket = q->ticket;

    q->job_id = r->job_id;
    snprintf(q->chain, sizeof(q->chain), "%s", r->chain);
    e->looked_ns = e->now.mono_ns;
    e->looked_to_enroll = true;
    r->asked = e->live->ops->read_job(e->live, ticket, r->job_id, NULL) == 0;
    if (!r->asked)
        mir_engine_unask(e, ticket);
}

/* In turn with the looks at predecessors: neither keeps the other waiting for long. */
void mir_engine_enroll_due(struct mir_engine *e)
{
    int64_t apart_ns = e->looked_to_enroll ? 2 * MIR_NS : MIR_NS;

    if (!e->up || e->now.mono_ns - e->looked_ns < apart_ns)
        return;
    for (size_t i = 0; i < e->n_requests; i++) {
        if (!e->requests[i].asked) {
            ask_for_job(e, &e->requests[i]);
            return;
        }
    }
}

static bool in_a_chain(const struct mir_engine *e, const struct mir_live_job *job)
{
    for (size_t i = 0; i < e->n_chains; i++) {
        const struct mir_engine_chain *c = e->chains[i];

        for (size_t k = 0; k < c->n_links; k++) {
            const struct mir_link_row *row = &c->links[k]->row;

            if (row->job.id == job->id && mir_job_is(job, &row->job, row->restarts) &&
                mir_engine_chain_open(c))
                return true;
        }
    }
    return false;
}

void mir_engine_enroll_event(struct mir_engine *e,
                             const struct mir_question *q,
                             const struct mir_live_event *event)
{
    for (size_t i = 0; i < e->n_requests; i++) {
        struct mir_enroll_request r = e->requests[i];

        if (strcmp(r.chain, q->chain) != 0)
            continue;
        e->requests[i] = e->requests[--e->n_requests];
        if (event->outcome != MIR_OUTCOME_DONE || event->job == NULL)
            mir_engine_tell(e, LOG_WARNING, NULL, NULL, "enroll job %u: %.160s", r.job_id,
                            event->outcome == MIR_OUTCOME_DONE ? "no such job" : event->text);
        else if (!in_a_chain(e, event->job)) /* a list may have been quicker */
            enroll_read_job(e, &r, event->job);
        free(r.munged_environment);
        return;
    }
}

/* ---- capture ---- */

void mir_engine_forget_later(struct mir_engine *e, const char *template_id)
{
    e->forgotten =
        mir_grow(e->forgotten, &e->cap_forgotten, e->n_forgotten + 1, sizeof(*e->forgotten));
    snprintf(e->forgotten[e->n_forgotten++], sizeof(*e->forgotten), "%s", template_id);
}

/* A successor is made like the newest of its predecessors: older ones need no template. */
static bool is_outdated(const struct mir_engine_chain *c, const struct mir_engine_link *l)
{
    for (size_t i = c->n_links; i-- > 0 && c->links[i] != l;) {
        if (c->links[i]->row.template_id[0] != '\0')
            return true;
    }
    return false;
}

static bool needs_capture(const struct mir_engine_chain *c, const struct mir_engine_link *l)
{
    if (l->capturing || l->capture_failed || l->row.template_id[0] != '\0' || is_outdated(c, l))
        return false;
    if (c->row.state == MIR_CHAIN_ENROLLING)
        return mir_engine_link_live(l);
    return mir_engine_chain_open(c) && l->row.state == MIR_LINK_RUNNING;
}

static void capture(struct mir_engine *e, struct mir_engine_chain *c, struct mir_engine_link *l)
{
    uint64_t ticket = mir_engine_ask(e, MIR_ASK_CAPTURE, c, l)->ticket;

    l->capture_backoff_ns =
        l->capture_backoff_ns == 0 ? CAPTURE_RETRY_S * MIR_NS : 2 * l->capture_backoff_ns;
    if (l->capture_backoff_ns > CAPTURE_RETRY_MAX_S * MIR_NS)
        l->capture_backoff_ns = CAPTURE_RETRY_MAX_S * MIR_NS;
    l->capture_ns = e->now.mono_ns + l->capture_backoff_ns;
    l->capturing = true;
    if (e->live->ops->capture(e->live, ticket, &l->row.job, c->munged_environment, NULL) != 0) {
        mir_engine_unask(e, ticket);
        l->capturing = false;
    }
}

void mir_engine_capture_due(struct mir_engine *e)
{
    if (!e->up || !mir_engine_journal_works(e))
        return;
    for (size_t i = 0; i < e->n_chains; i++) {
        struct mir_engine_chain *c = e->chains[i];

        for (size_t k = 0; k < c->n_links && mir_engine_chain_open(c); k++) {
            if (needs_capture(c, c->links[k]) && e->now.mono_ns >= c->links[k]->capture_ns)
                capture(e, c, c->links[k]);
        }
    }
}

/* Templates of links before the newest captured one are of no more use; of a chain that is over, all. */
void mir_engine_forget_templates(struct mir_engine *e, struct mir_engine_chain *c)
{
    bool keep = mir_engine_chain_open(c);

    for (size_t i = 0; i < c->n_links; i++) {
        if (c->links[i]->asked || c->links[i]->unknown)
            return; /* the broker may be reading one this moment */
    }
    for (size_t i = c->n_links; i-- > 0;) {
        struct mir_engine_link *l = c->links[i];

        if (l->row.template_id[0] == '\0')
            continue;
        if (keep) {
            keep = false;
            continue;
        }
        mir_engine_forget_later(e, l->row.template_id);
        l->row.template_id[0] = '\0';
        mir_engine_link_touch(e, c, l);
    }
}

static void has_template(struct mir_engine *e,
                         struct mir_engine_chain *c,
                         struct mir_engine_link *l,
                         const struct mir_live_event *event)
{
    snprintf(l->row.template_id, sizeof(l->row.template_id), "%s", event->template_id);
    l->row.environment = event->environment;
    l->row.warn_s = event->warn_s;
    free(c->munged_environment);
    c->munged_environment = NULL;
    mir_engine_link_touch(e, c, l);
    mir_engine_tell(e, LOG_INFO, c, l, "captured job %u; environment: %s", l->row.job.id,
                    mir_environment_source_name(event->environment));
    if (c->row.state == MIR_CHAIN_ENROLLING) {
        mir_engine_chain_state(e, c, MIR_CHAIN_ACTIVE, "");
        if (l->row.state == MIR_LINK_RUNNING)
            mir_engine_plan(e, c, l);
    }
}

static void capture_refused(struct mir_engine *e,
                            struct mir_engine_chain *c,
                            struct mir_engine_link *l,
                            const struct mir_live_event *event)
{
    if (c->row.state != MIR_CHAIN_ENROLLING) {
        l->capture_failed = true;
        mir_engine_tell(e, LOG_WARNING, c, l, "not captured, the one before serves on: %.160s",
                        event->text);
        return;
    }
    l->row.state = MIR_LINK_GONE;
    mir_engine_link_touch(e, c, l);
    mir_engine_chain_state(e, c, MIR_CHAIN_REFUSED, event->text);
    mir_engine_tell(e, LOG_WARNING, c, l, "job %u of %s is refused: %.160s", l->row.job.id,
                    c->row.user, event->text);
}

void mir_engine_captured(struct mir_engine *e,
                         const struct mir_question *q,
                         const struct mir_live_event *event)
{
    struct mir_engine_chain *c = mir_engine_chain_find(e, q->chain);
    struct mir_engine_link *l = c != NULL ? mir_engine_link_find(c, q->link) : NULL;

    if (l != NULL)
        l->capturing = false;
    if (l == NULL || !mir_engine_chain_open(c)) {
        if (event->outcome == MIR_OUTCOME_DONE)
            mir_engine_forget_later(e, event->template_id);
        return;
    }
    if (event->outcome == MIR_OUTCOME_DONE)
        has_template(e, c, l, event);
    else if (event->outcome == MIR_OUTCOME_REFUSED && event->refusal == MIR_REFUSAL_KILL_FILE)
        ; /* a pause, not an answer: asked again like one that was not available */
    else if (event->outcome == MIR_OUTCOME_REFUSED && event->refusal == MIR_REFUSAL_RATE)
        l->capture_ns = e->now.mono_ns + CAPTURE_RETRY_MAX_S * MIR_NS;
    else if (event->outcome == MIR_OUTCOME_REFUSED)
        capture_refused(e, c, l, event);
}
