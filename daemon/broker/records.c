/* SPDX-License-Identifier: GPL-3.0-or-later */
/* records.c - jobs and history: Slurm's structs to records of the wire. */
#include "daemon/broker/records.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/reasons.h"
#include "daemon/core/parse.h"
#include "daemon/host/job.h"
#include "daemon/host/wire.h"

enum { MAX_TASKS = 4000001 }; /* Slurm's own bound of MaxArraySize */

static const char *text(const char *s)
{
    return s == NULL ? "" : s;
}

uint8_t mir_record_state(uint32_t job_state, uint32_t *flags)
{
    switch (job_state & JOB_STATE_BASE) {
    case JOB_PENDING:
        return MIR_STATE_PENDING;
    case JOB_SUSPENDED:
        *flags |= MIR_LIVE_SUSPENDED;
        return MIR_STATE_RUNNING;
    case JOB_RUNNING:
        return MIR_STATE_RUNNING;
    case JOB_COMPLETE:
        return MIR_STATE_COMPLETED;
    case JOB_CANCELLED:
        return MIR_STATE_CANCELLED;
    case JOB_FAILED:
        return MIR_STATE_FAILED;
    case JOB_TIMEOUT:
        return MIR_STATE_TIMEOUT;
    case JOB_NODE_FAIL:
    case JOB_BOOT_FAIL:
        return MIR_STATE_NODE_FAIL;
    case JOB_PREEMPTED:
        return MIR_STATE_PREEMPTED;
    case JOB_OOM:
        return MIR_STATE_OUT_OF_MEMORY;
    case JOB_DEADLINE:
        *flags |= MIR_LIVE_DEADLINE;
        return MIR_STATE_OTHER;
    default:
        return MIR_STATE_OTHER;
    }
}

bool mir_record_ended(uint8_t state)
{
    return state >= MIR_STATE_COMPLETED;
}

int32_t mir_record_limit_s(uint32_t minutes)
{
    if (minutes == INFINITE || minutes == NO_VAL || minutes >= MIR_UNLIMITED / 60)
        return MIR_UNLIMITED;
    return (int32_t)minutes * 60;
}

void mir_record_exit(uint32_t status, int32_t *exit_code, int32_t *exit_signal)
{
    bool given = status != NO_VAL && status != INFINITE;

    *exit_code = given ? (int32_t)((status >> 8) & 0xff) : 0;
    *exit_signal = given ? (int32_t)(status & 0x7f) : 0;
}

/* The decimal number at `*s`, which is moved past it; false when there is none or it is huge. */
static bool take_number(const char **s, uint32_t *out)
{
    size_t len = strspn(*s, "0123456789");
    int64_t value;

    if (len == 0 || mir_parse_i64(*s, len, &value) != 0 || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    *s += len;
    return true;
}

uint32_t mir_record_gpus(const char *tres)
{
    static const char key[] = "gres/gpu";
    uint64_t typed = 0;

    for (const char *s = tres; s != NULL; s = strchr(s, ',')) {
        const char *value;
        uint32_t n;

        s += *s == ',';
        if (strncmp(s, key, sizeof key - 1) != 0)
            continue;
        s += sizeof key - 1;
        value = s + strcspn(s, "=,");
        if ((*s != '=' && *s != ':') || *value != '=')
            continue;
        value++;
        if (!take_number(&value, &n))
            continue;
        if (*s == '=')
            return n;
        typed += n;
    }
    return typed > UINT32_MAX ? UINT32_MAX : (uint32_t)typed;
}

/* Tasks in one part of a task string: "7", "1-9" or "1-9:2". */
static uint64_t count_range(const char **s)
{
    uint32_t first, last, step = 1;

    if (!take_number(s, &first))
        return 0;
    last = first;
    if (**s == '-') {
        ++*s;
        if (!take_number(s, &last) || last < first)
            return 0;
    }
    if (**s == ':') {
        ++*s;
        if (!take_number(s, &step) || step == 0)
            return 0;
    }
    return (uint64_t)(last - first) / step + 1;
}

uint32_t mir_record_tasks(const char *task_str)
{
    uint64_t n = 0;

    /* Ends at "%throttle" and at the "..." of a string that Slurm has cut. */
    for (const char *s = task_str; s != NULL && n < MAX_TASKS;) {
        n += count_range(&s);
        s = *s == ',' ? s + 1 : NULL;
    }
    if (n > MAX_TASKS)
        n = MAX_TASKS;
    return n == 0 ? 1 : (uint32_t)n;
}

/* What a pending job waits for, as flags. */
static uint32_t waiting_flags(const slurm_job_info_t *in, int64_t at)
{
    const uint32_t kept_back = JOB_SPECIAL_EXIT | JOB_REQUEUE_HOLD | JOB_RESV_DEL_HOLD;
    uint32_t flags = 0;

    if (in->dependency != NULL && in->dependency[0] != '\0')
        flags |= MIR_LIVE_DEPENDENT;
    if (in->state_reason == WAIT_DEPENDENCY || in->state_reason == WAIT_DEP_INVALID)
        flags |= MIR_LIVE_DEPENDENT;
    if (in->state_reason == WAIT_HELD_USER)
        flags |= MIR_LIVE_HELD_USER;
    else if (in->state_reason == WAIT_HELD || in->state_reason == WAIT_MAX_REQUEUE ||
             (in->job_state & kept_back) != 0 || in->priority == 0)
        flags |= MIR_LIVE_HELD_ADMIN;
    if (in->state_reason == WAIT_TIME || in->eligible_time > at)
        flags |= MIR_LIVE_BEGIN_LATER;
    return flags;
}

static uint32_t job_flags(const slurm_job_info_t *in)
{
    uint32_t flags = 0;

    if (in->array_job_id != 0 && in->array_job_id != NO_VAL)
        flags |= MIR_LIVE_ARRAY;
    if (in->het_job_id != 0 && in->het_job_id != NO_VAL)
        flags |= MIR_LIVE_HET;
    if (in->batch_flag != 0 && in->batch_flag != NO_VAL16)
        flags |= MIR_LIVE_BATCH;
    if ((in->job_state & JOB_COMPLETING) != 0)
        flags |= MIR_LIVE_COMPLETING;
    if ((in->job_state & JOB_STOPPED) != 0)
        flags |= MIR_LIVE_SUSPENDED;
    if ((in->fed_origin_str != NULL && in->fed_origin_str[0] != '\0') ||
        in->fed_siblings_active != 0 || in->fed_siblings_viable != 0)
        flags |= MIR_LIVE_FEDERATED;
    if (in->resize_time != 0 || (in->job_state & JOB_RESIZING) != 0)
        flags |= MIR_LIVE_RESIZED;
    return flags;
}

static int32_t nice_of(uint32_t nice)
{
    if (nice == NO_VAL || nice == INFINITE)
        return 0;
    return (int32_t)((int64_t)nice - (int64_t)NICE_OFFSET);
}

static uint32_t count_of(uint32_t n)
{
    return n == NO_VAL || n == INFINITE ? 0 : n;
}

static void read_times(const slurm_job_info_t *in, struct mir_live_job *out)
{
    bool pending = out->state == MIR_STATE_PENDING;

    out->submit_at = in->submit_time;
    out->eligible_at = in->eligible_time == 0 && pending ? INT64_MAX : in->eligible_time;
    out->start_at = in->start_time;
    out->end_at = pending ? 0 : in->end_time;
    out->last_sched_eval_at = in->last_sched_eval;
    /* A job cancelled while it waited has the time of that as its start, and no nodes. */
    if (mir_record_ended(out->state) && in->start_time >= in->end_time &&
        (in->nodes == NULL || in->nodes[0] == '\0'))
        out->start_at = 0;
}

static void read_names(const slurm_job_info_t *in, const char *user, struct mir_live_job *out)
{
    bool named = in->user_name != NULL && in->user_name[0] != '\0';

    out->user = named ? in->user_name : text(user);
    out->account = text(in->account);
    out->partition = text(in->partition);
    out->qos = text(in->qos);
    out->name = text(in->name);
    out->comment = text(in->comment);
    out->reason = in->state_reason == WAIT_NO_REASON ? "" : mir_reason_name(in->state_reason);
    out->reservation = text(in->resv_name);
}

void mir_record_job_read(const slurm_job_info_t *in,
                         const char *user,
                         int64_t at,
                         struct mir_live_job *out)
{
    bool remainder = in->array_task_str != NULL && in->array_task_str[0] != '\0';
    const char *allocated = in->tres_alloc_str;

    *out = (struct mir_live_job){0};
    out->flags = job_flags(in);
    out->state = mir_record_state(in->job_state, &out->flags);
    if (out->state == MIR_STATE_PENDING)
        out->flags |= waiting_flags(in, at);
    out->id = in->job_id;
    out->uid = in->user_id;
    out->gid = in->group_id;
    out->n_nodes = count_of(in->num_nodes);
    out->n_cpus = count_of(in->num_cpus);
    out->n_gpus =
        mir_record_gpus(allocated != NULL && allocated[0] != '\0' ? allocated : in->tres_req_str);
    out->n_tasks = remainder ? mir_record_tasks(in->array_task_str) : 1;
    out->restarts = in->restart_cnt;
    out->priority = count_of(in->priority);
    out->nice = nice_of(in->nice);
    out->limit_s = mir_record_limit_s(in->time_limit);
    if (mir_record_ended(out->state))
        mir_record_exit(in->exit_code, &out->exit_code, &out->exit_signal);
    read_times(in, out);
    read_names(in, user, out);
}

/* Absent means zero, empty or unknown, so none of them costs bytes. */
static void add_number(struct mir_str *s, const char *key, int64_t value)
{
    if (value != 0)
        mir_wire_add_i64(s, key, value);
}

static void add_text(struct mir_str *s, const char *key, const char *value)
{
    if (value[0] != '\0')
        mir_wire_add(s, key, value);
}

static void add_limit(struct mir_str *s, const char *key, int32_t limit_s)
{
    if (limit_s != MIR_UNLIMITED)
        mir_wire_add_i64(s, key, limit_s);
}

static void write_job_numbers(struct mir_str *s, const struct mir_live_job *job)
{
    add_number(s, "flags", job->flags);
    add_number(s, "nodes", job->n_nodes);
    add_number(s, "cpus", job->n_cpus);
    add_number(s, "gpus", job->n_gpus);
    add_number(s, "tasks", job->n_tasks);
    add_number(s, "restarts", job->restarts);
    add_number(s, "priority", job->priority);
    add_number(s, "nice", job->nice);
    add_limit(s, "limit_s", job->limit_s);
    add_number(s, "exit_code", job->exit_code);
    add_number(s, "exit_signal", job->exit_signal);
    add_number(s, "submit_at", job->submit_at);
    add_number(s, "eligible_at", job->eligible_at);
    add_number(s, "start_at", job->start_at);
    add_number(s, "end_at", job->end_at);
    add_number(s, "eval_at", job->last_sched_eval_at);
}

void mir_record_job_write(struct mir_str *s, int64_t ticket, const struct mir_live_job *job)
{
    mir_wire_begin(s, "job");
    mir_wire_add_i64(s, "ticket", ticket);
    mir_wire_add_i64(s, "id", job->id);
    mir_wire_add_i64(s, "uid", job->uid);
    mir_wire_add_i64(s, "gid", job->gid);
    add_text(s, "user", job->user);
    add_text(s, "account", job->account);
    add_text(s, "partition", job->partition);
    add_text(s, "qos", job->qos);
    add_text(s, "name", job->name);
    add_text(s, "comment", job->comment);
    add_text(s, "reason", job->reason);
    add_text(s, "reservation", job->reservation);
    mir_wire_add(s, "state", mir_job_state_name(job->state));
    write_job_numbers(s, job);
    mir_wire_end(s);
}

void mir_record_past_write(struct mir_str *s, int64_t ticket, const struct mir_live_past *past)
{
    mir_wire_begin(s, "past");
    mir_wire_add_i64(s, "ticket", ticket);
    mir_wire_add_i64(s, "id", past->id);
    mir_wire_add_i64(s, "uid", past->uid);
    add_text(s, "user", past->user);
    add_text(s, "account", past->account);
    add_text(s, "partition", past->partition);
    add_text(s, "qos", past->qos);
    add_text(s, "comment", past->comment);
    add_text(s, "name", past->name != NULL ? past->name : "");
    add_number(s, "nodes", past->n_nodes);
    add_limit(s, "limit_s", past->limit_s);
    mir_wire_add(s, "state", mir_job_state_name(past->state));
    add_number(s, "exit_code", past->exit_code);
    add_number(s, "exit_signal", past->exit_signal);
    add_number(s, "submit_at", past->submit_at);
    add_number(s, "eligible_at", past->eligible_at);
    add_number(s, "start_at", past->start_at);
    add_number(s, "end_at", past->end_at);
    mir_wire_end(s);
}

void mir_record_partition_write(struct mir_str *s,
                                int64_t ticket,
                                const struct mir_live_partition *partition)
{
    mir_wire_begin(s, "partition");
    mir_wire_add_i64(s, "ticket", ticket);
    mir_wire_add(s, "name", partition->name);
    add_number(s, "nodes", partition->n_nodes);
    add_number(s, "cpus", partition->n_cpus);
    add_limit(s, "limit_max_s", partition->limit_max_s);
    add_number(s, "up", partition->up);
    mir_wire_add_i64(s, "tier", partition->tier); /* absent means 1, 0 is written */
    mir_wire_add_i64(s, "job_factor", partition->job_factor);
    add_number(s, "sets", partition->sets);
    mir_wire_end(s);
}

void mir_record_reservation_write(struct mir_str *s,
                                  int64_t ticket,
                                  const struct mir_live_reservation *reservation)
{
    mir_wire_begin(s, "reservation");
    mir_wire_add_i64(s, "ticket", ticket);
    mir_wire_add(s, "name", reservation->name);
    add_number(s, "start_at", reservation->start_at);
    add_number(s, "end_at", reservation->end_at);
    add_number(s, "nodes", reservation->n_nodes);
    add_number(s, "maintenance", reservation->maintenance);
    mir_wire_end(s);
}

static void write_priority(struct mir_str *s, const struct mir_live_cluster *cluster)
{
    add_text(s, "scheduler", cluster->scheduler);
    add_text(s, "priority_type", cluster->priority_type);
    add_text(s, "scheduler_parameters", cluster->scheduler_parameters);
    add_text(s, "priority_flags", cluster->priority_flags);
    add_number(s, "weight_age", cluster->weight_age);
    add_number(s, "weight_fair_share", cluster->weight_fair_share);
    add_number(s, "weight_job_size", cluster->weight_job_size);
    add_number(s, "weight_partition", cluster->weight_partition);
    add_number(s, "weight_qos", cluster->weight_qos);
    add_number(s, "max_age_s", cluster->max_age_s);
    add_number(s, "calc_period_s", cluster->calc_period_s);
    add_number(s, "favor_small", cluster->favor_small);
}

/* "set_nodes=60,12": the nodes of set 0, of set 1. */
static void write_sets(struct mir_str *s, const struct mir_live_cluster *cluster)
{
    struct mir_str list = {0};

    for (uint32_t i = 0; i < cluster->n_sets; i++)
        mir_str_addf(&list, "%s%" PRIu32, i == 0 ? "" : ",", cluster->set_nodes[i]);
    if (cluster->n_sets > 0)
        mir_wire_add(s, "set_nodes", list.text);
    mir_str_release(&list);
}

void mir_record_cluster_write(struct mir_str *s,
                              int64_t ticket,
                              const struct mir_live_cluster *cluster)
{
    mir_wire_begin(s, "cluster");
    mir_wire_add_i64(s, "ticket", ticket);
    mir_wire_add(s, "name", cluster->name);
    mir_wire_add(s, "slurm", cluster->slurm_version);
    add_number(s, "nodes", cluster->n_nodes);
    add_number(s, "idle", cluster->n_nodes_idle);
    add_number(s, "down", cluster->n_nodes_down);
    add_number(s, "message_timeout_s", cluster->message_timeout_s);
    add_number(s, "min_job_age_s", cluster->min_job_age_s);
    add_number(s, "accounting", cluster->accounting);
    add_number(s, "stores_comment", cluster->stores_comment);
    add_number(s, "stores_environment", cluster->stores_environment);
    add_number(s, "stores_script", cluster->stores_script);
    add_number(s, "accrue_always", cluster->accrue_always);
    add_number(s, "federated", cluster->federated);
    write_priority(s, cluster);
    write_sets(s, cluster);
    mir_wire_end(s);
}
