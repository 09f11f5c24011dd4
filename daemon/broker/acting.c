/* SPDX-License-Identifier: GPL-3.0-or-later */
/* acting.c - captures, submissions and cancellations. */
#include "daemon/broker/acting.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/broker/spool.h"

enum { RECORDS_MAX = 16 };

static const int64_t second_ns = 1000000000;

void mir_acting_init(struct mir_acting *a)
{
    *a = (struct mir_acting){0};
    for (size_t i = 0; i < MIR_ACTS_MAX; i++)
        mir_process_init(&a->acts[i].process);
}

static bool is_it(const struct mir_question *q, uint64_t connection, uint64_t ticket)
{
    return q != NULL && q->connection == connection && q->ticket == ticket;
}

bool mir_acting_has(const struct mir_acting *a, uint64_t connection, uint64_t ticket)
{
    for (size_t i = 0; i < a->n_queued; i++) {
        if (is_it(a->queue[i], connection, ticket))
            return true;
    }
    for (size_t i = 0; i < MIR_ACTS_MAX; i++) {
        const struct mir_act *act = &a->acts[i];
        /* Answered is closed: the ticket may be used again while its child ends. */
        bool open = !act->answered || act->captured.len > 0;

        if (open && is_it(act->question, connection, ticket))
            return true;
    }
    return false;
}

size_t mir_acting_n_running(const struct mir_acting *a)
{
    size_t n = 0;

    for (size_t i = 0; i < MIR_ACTS_MAX; i++)
        n += a->acts[i].question != NULL;
    return n;
}

void mir_acting_drop_queue(struct mir_acting *a)
{
    for (size_t i = 0; i < a->n_queued; i++)
        mir_question_destroy(a->queue[i]);
    a->n_queued = a->n_queued_bytes = 0;
}

static void refuse(struct mir_service *s,
                   const struct mir_question *q,
                   enum mir_refusal refusal,
                   const char *text)
{
    mir_service_fail(s, q, MIR_OUTCOME_REFUSED, refusal, text, 0);
}

static void put_off(struct mir_service *s, const struct mir_question *q, const char *text)
{
    mir_service_fail(s, q, MIR_OUTCOME_UNAVAILABLE, MIR_REFUSAL_NONE, text, 0);
}

void mir_acting_refuse_queue(struct mir_acting *a, struct mir_service *s)
{
    for (size_t i = 0; i < a->n_queued; i++)
        put_off(s, a->queue[i], "the broker is stopping");
    mir_acting_drop_queue(a);
}

/* ---- may it be done? */

/* Not to be seen is not to be there only when the system says just that. */
static bool is_killed(const struct mir_broker_settings *settings)
{
    struct stat st;

    if (settings->kill_file[0] == '\0')
        return false;
    return lstat(settings->kill_file, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static void refuse_killed(struct mir_service *s, const struct mir_question *q)
{
    refuse(s, q, MIR_REFUSAL_KILL_FILE, "the kill file exists");
}

/* The uid that is counted is the one in the template's name, which is our own word. */
static bool owns_template(const struct mir_broker_settings *settings, const struct mir_question *q)
{
    struct mir_str path = {0};
    struct stat st;
    bool owns;

    mir_str_addf(&path, "%s/%s-%u", settings->spool, q->template_id, (unsigned)q->uid);
    owns = lstat(path.text, &st) == 0 && S_ISREG(st.st_mode);
    mir_str_release(&path);
    return owns;
}

static size_t count_under_way(const struct mir_acting *a)
{
    size_t n = 0;

    for (size_t i = 0; i < MIR_ACTS_MAX; i++) {
        const struct mir_act *act = &a->acts[i];

        n += act->question != NULL && act->question->ask == MIR_ASK_SUBMIT && !act->sending &&
             !act->answered;
    }
    return n;
}

/* False: refused, and told. */
static bool is_allowed(struct mir_acting *a, struct mir_service *s, const struct mir_question *q)
{
    struct mir_error err = {{0}};

    if (is_killed(s->settings)) {
        refuse_killed(s, q);
        return false;
    }
    if (q->ask != MIR_ASK_SUBMIT)
        return true;
    if (!owns_template(s->settings, q)) {
        refuse(s, q, MIR_REFUSAL_TEMPLATE, "no such template of this user");
        return false;
    }
    if (mir_rate_check(&a->rate, q->uid, s->settings->user_per_hour, s->settings->all_per_hour,
                       count_under_way(a), s->mono_ns, &err) != 0) {
        refuse(s, q, MIR_REFUSAL_RATE, err.text);
        return false;
    }
    return true;
}

/* ---- start */

struct act_start {
    const struct mir_service *service;
    const struct mir_question *question;
};

/* In the child. */
static int run_act(int fd, void *arg)
{
    const struct act_start *start = arg;
    const struct mir_service *s = start->service;

    return s->ops.act(fd, &start->question->record, s->settings);
}

/* Takes `q`. */
static void start(struct mir_act *act, struct mir_service *s, struct mir_question *q)
{
    struct act_start arg = {.service = s, .question = q};
    int deadline_s = mir_service_deadline_s(s);
    struct mir_error err = {{0}};

    /* The kernel's own deadline is the second line: later, and there when we are not. */
    if (mir_process_start(&act->process, q->uid, deadline_s + 1, run_act, &arg, &err) != 0) {
        put_off(s, q, err.text);
        mir_question_destroy(q);
        return;
    }
    act->question = q;
    act->started_ns = s->mono_ns;
    act->deadline_ns = s->mono_ns + deadline_s * second_ns;
    act->sending = act->answered = false;
    act->n_records = 0;
    act->captured.len = 0;
    act->template_id[0] = '\0';
    act->sent = (struct mir_sent){0};
}

static bool is_busy_for(const struct mir_acting *a, uid_t uid)
{
    for (size_t i = 0; i < MIR_ACTS_MAX; i++) {
        if (a->acts[i].question != NULL && a->acts[i].question->uid == uid)
            return true;
    }
    return false;
}

static struct mir_act *find_place(struct mir_acting *a)
{
    for (size_t i = 0; i < MIR_ACTS_MAX; i++) {
        if (a->acts[i].question == NULL)
            return &a->acts[i];
    }
    return NULL;
}

static struct mir_question *take_queued(struct mir_acting *a, size_t i)
{
    struct mir_question *q = a->queue[i];

    a->n_queued--;
    a->n_queued_bytes -= q->len;
    memmove(a->queue + i, a->queue + i + 1, (a->n_queued - i) * sizeof(struct mir_question *));
    return q;
}

/* Oldest first, past those whose owner has one under way. */
static void start_queued(struct mir_acting *a, struct mir_service *s)
{
    for (size_t i = 0; i < a->n_queued;) {
        struct mir_act *place = find_place(a);
        struct mir_question *q = a->queue[i];

        if (place == NULL)
            return;
        if (is_busy_for(a, q->uid)) {
            i++;
            continue;
        }
        (void)take_queued(a, i);
        if (is_allowed(a, s, q))
            start(place, s, q);
        else
            mir_question_destroy(q);
    }
}

void mir_acting_ask(struct mir_acting *a, struct mir_service *s, struct mir_question *q)
{
    if (s->stopping) {
        put_off(s, q, "the broker is stopping");
    } else if (a->n_queued == MIR_ACTS_QUEUE_MAX ||
               a->n_queued_bytes + q->len > MIR_ACTS_QUEUE_BYTES_MAX) {
        put_off(s, q, "too many acts wait");
    } else {
        a->queue[a->n_queued++] = q;
        a->n_queued_bytes += q->len;
        return;
    }
    mir_question_destroy(q);
}

/* ---- hear */

/* May an act of this kind say this? */
static bool may_say(enum mir_ask ask, const char *verb)
{
    if (strcmp(verb, "failed") == 0)
        return true;
    switch (ask) {
    case MIR_ASK_CAPTURE:
        return strcmp(verb, "captured") == 0;
    case MIR_ASK_SUBMIT:
        return strcmp(verb, "sending") == 0 || strcmp(verb, "job") == 0 ||
               strcmp(verb, "submitted") == 0;
    case MIR_ASK_CANCEL:
        return strcmp(verb, "sending") == 0 || strcmp(verb, "cancelled") == 0;
    default:
        return false;
    }
}

/*
 * It asks for leave to hand its change to slurmctld.  From "go" on the outcome is
 * unknown until it says otherwise; without that nothing is handed in.  The kill file
 * may be newer than the act: the questions before this one can take long.
 */
static void take_sending(struct mir_acting *a, struct mir_act *act, struct mir_service *s)
{
    static const char leave[] = "go\n";

    if (act->sending || act->process.killed_for[0] != '\0')
        return;
    if (is_killed(s->settings)) {
        refuse_killed(s, act->question);
        act->answered = true;
        mir_process_kill(&act->process, "the kill file exists");
        return;
    }
    if (send(act->process.fd, leave, sizeof(leave) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) !=
        (ssize_t)sizeof(leave) - 1)
        return; /* it is dead: conclude() tells */
    act->sending = true;
    if (act->question->ask == MIR_ASK_SUBMIT)
        mir_rate_count(&a->rate, act->question->uid, s->mono_ns);
}

/* Its closing record waits until the template counts; NULL or what is wrong. */
static const char *
keep_captured(struct mir_acting *a, struct mir_act *act, const struct mir_wire_record *record)
{
    const char *id = mir_wire_get(record, "template");

    if (id == NULL || mir_template_id_check(id) != 0)
        return "captured no template";
    act->answered = true;
    memcpy(act->template_id, id, MIR_TEMPLATE_ID_LEN + 1);
    mir_str_add_n(&act->captured, a->line.text, a->line.len);
    return NULL;
}

/* The successor as slurmctld showed it: whose it is and where in which chain. */
static void take_job(struct mir_act *act, const struct mir_wire_record *record)
{
    const struct mir_wire_record *asked = &act->question->record;
    const char *chain = mir_wire_get(asked, "chain");
    struct mir_sent sent = {0};
    int64_t id, link;

    if (chain == NULL || strlen(chain) != MIR_CHAIN_ID_LEN ||
        mir_wire_get_i64(asked, "link", 1, MIR_MAX_LINKS, &link, NULL) != 0 ||
        mir_wire_get_i64(record, "id", 1, UINT32_MAX, &id, NULL) != 0 ||
        mir_wire_get_i64(record, "submit_at", 1, INT64_MAX, &sent.submit_at, NULL) != 0)
        return;
    memcpy(sent.chain, chain, MIR_CHAIN_ID_LEN + 1);
    sent.link = (int32_t)link;
    sent.job_id = (uint32_t)id;
    act->sent = sent;
}

/* Without the note all is as before, but for a job that slurmctld loses before it is captured. */
static void note_sent(const struct mir_act *act, struct mir_service *s)
{
    const struct mir_question *q = act->question;
    struct mir_error err = {{0}};

    if (mir_sent_note(s->settings->spool, q->template_id, q->uid, &act->sent, &err) != 0)
        mir_service_log(s, MIR_BROKER_WARNING, "note a submission: %s", err.text);
}

static const char *take_record(struct mir_acting *a,
                               struct mir_act *act,
                               struct mir_service *s,
                               char *line,
                               size_t len)
{
    const struct mir_question *q = act->question;
    struct mir_wire_record record;
    int64_t ticket;

    a->line.len = 0;
    mir_str_add_n(&a->line, line, len); /* parsing takes the line apart */
    mir_str_add_n(&a->line, "\n", 1);
    if (act->answered || ++act->n_records > RECORDS_MAX)
        return "says too much";
    if (mir_wire_parse(line, len, &record, NULL) != 0 || !may_say(q->ask, record.verb))
        return "says what is no answer";
    if (mir_wire_get_i64(&record, "ticket", 1, INT64_MAX, &ticket, NULL) != 0 ||
        (uint64_t)ticket != q->ticket)
        return "answers what was not asked";
    if (strcmp(record.verb, "sending") == 0) {
        take_sending(a, act, s);
        return NULL;
    }
    if (strcmp(record.verb, "captured") == 0)
        return keep_captured(a, act, &record);
    if (strcmp(record.verb, "job") == 0)
        take_job(act, &record);
    else if (strcmp(record.verb, "submitted") == 0 && act->sent.job_id != 0)
        note_sent(act, s);
    act->answered = strcmp(record.verb, "job") != 0;
    mir_peer_send(&s->peer, q->connection, a->line.text, a->line.len, s->mono_ns);
    return NULL;
}

static void hang_up(struct mir_act *act)
{
    close(act->process.fd);
    act->process.fd = -1;
}

static void hear(struct mir_acting *a, struct mir_act *act, struct mir_service *s)
{
    const char *wrong = NULL;
    char *line;
    size_t len;
    int rc = 1;

    while (wrong == NULL && act->process.fd >= 0) {
        rc = mir_wire_read(&act->process.in, act->process.fd);
        if (rc == -EAGAIN || rc == -EINTR)
            return;
        while (wrong == NULL && rc > 0 && mir_wire_next_line(&act->process.in, &line, &len))
            wrong = take_record(a, act, s, line, len);
        if (rc == -EMSGSIZE)
            wrong = "sends a line without end";
        if (wrong != NULL)
            mir_process_kill(&act->process, wrong);
        if (wrong != NULL || rc <= 0)
            hang_up(act);
    }
}

/* ---- end */

/* What captures of this user left; he has no other under way. */
static void abort_captures(const char *spool, uid_t uid)
{
    DIR *dir = opendir(spool);
    char id[MIR_TEMPLATE_ID_LEN + 1], suffix[32];
    const struct dirent *entry;

    if (dir == NULL)
        return;
    snprintf(suffix, sizeof(suffix), "-%u.new", (unsigned)uid);
    while ((entry = readdir(dir)) != NULL) {
        if (strlen(entry->d_name) <= MIR_TEMPLATE_ID_LEN ||
            strcmp(entry->d_name + MIR_TEMPLATE_ID_LEN, suffix) != 0)
            continue;
        memcpy(id, entry->d_name, MIR_TEMPLATE_ID_LEN);
        id[MIR_TEMPLATE_ID_LEN] = '\0';
        if (mir_template_id_check(id) == 0)
            mir_spool_abort(spool, id, uid);
    }
    closedir(dir);
}

static void fail_ended(struct mir_act *act, struct mir_service *s)
{
    const struct mir_question *q = act->question;
    struct mir_str text = {0};

    mir_str_addf(&text, "the %s's process ", mir_ask_name(q->ask));
    mir_process_describe(&act->process, &text);
    mir_service_fail(s, q, act->sending ? MIR_OUTCOME_UNKNOWN : MIR_OUTCOME_UNAVAILABLE,
                     MIR_REFUSAL_NONE, text.text, (s->mono_ns - act->started_ns) / 1000000);
    mir_service_log(s, MIR_BROKER_ERROR, "uid %u: %s", (unsigned)q->uid, text.text);
    mir_str_release(&text);
}

static bool has_ended_well(const struct mir_process *p)
{
    return WIFEXITED(p->status) && WEXITSTATUS(p->status) == 0 && p->killed_for[0] == '\0';
}

/* The template counts when the child has answered and ended well, and the disk has it. */
static void conclude_capture(struct mir_act *act, struct mir_service *s)
{
    const struct mir_question *q = act->question;
    const char *spool = s->settings->spool;
    struct mir_error err = {{0}};

    if (act->captured.len == 0 || !has_ended_well(&act->process)) {
        if (!act->answered || act->captured.len > 0)
            fail_ended(act, s);
    } else if (mir_spool_commit(spool, act->template_id, q->uid, &err) != 0) {
        put_off(s, q, err.text);
        mir_service_log(s, MIR_BROKER_ERROR, "keep a template: %s", err.text);
    } else {
        mir_peer_send(&s->peer, q->connection, act->captured.text, act->captured.len, s->mono_ns);
        return;
    }
    abort_captures(spool, q->uid);
}

static void conclude(struct mir_act *act, struct mir_service *s)
{
    if (act->question->ask == MIR_ASK_CAPTURE)
        conclude_capture(act, s);
    else if (!act->answered)
        fail_ended(act, s);
    mir_process_release(&act->process);
    mir_question_destroy(act->question);
    act->question = NULL;
    mir_str_release(&act->captured);
}

struct words {
    struct mir_service *service;
    const struct mir_question *question;
};

static void log_words(void *arg, const char *line)
{
    const struct words *w = arg;

    mir_service_log(w->service, MIR_BROKER_WARNING, "%s for uid %u: %s",
                    mir_ask_name(w->question->ask), (unsigned)w->question->uid, line);
}

static void serve_act(struct mir_acting *a, struct mir_act *act, struct mir_service *s)
{
    struct words words = {.service = s, .question = act->question};
    bool ended = mir_process_reap(&act->process); /* before reading: then all is there to read */
    char why[64];

    hear(a, act, s);
    mir_process_listen(&act->process, log_words, &words, s->mono_ns);
    if (ended) {
        conclude(act, s);
    } else if (s->mono_ns >= act->deadline_ns && act->process.killed_for[0] == '\0') {
        /* Answered when it is dead for certain: until then it may still hand something in. */
        snprintf(why, sizeof(why), "no end within %d s", mir_service_deadline_s(s));
        mir_process_kill(&act->process, why);
    }
}

void mir_acting_serve(struct mir_acting *a, struct mir_service *s)
{
    for (size_t i = 0; i < MIR_ACTS_MAX; i++) {
        if (a->acts[i].question != NULL)
            serve_act(a, &a->acts[i], s);
    }
    start_queued(a, s);
}

int64_t mir_acting_next_ns(const struct mir_acting *a)
{
    int64_t next_ns = INT64_MAX;

    for (size_t i = 0; i < MIR_ACTS_MAX; i++) {
        const struct mir_act *act = &a->acts[i];

        if (act->question != NULL && act->process.killed_for[0] == '\0' &&
            act->deadline_ns < next_ns)
            next_ns = act->deadline_ns;
    }
    return next_ns;
}

void mir_acting_release(struct mir_acting *a)
{
    mir_acting_drop_queue(a);
    for (size_t i = 0; i < MIR_ACTS_MAX; i++) {
        mir_process_release(&a->acts[i].process);
        mir_question_destroy(a->acts[i].question);
        mir_str_release(&a->acts[i].captured);
    }
    mir_rate_release(&a->rate);
    mir_str_release(&a->line);
    mir_acting_init(a);
}
