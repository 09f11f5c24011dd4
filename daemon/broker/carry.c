/* SPDX-License-Identifier: GPL-3.0-or-later */
/* carry.c - a job's record to fields, and fields to a description. */
#include "daemon/broker/carry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"

enum kind { TEXT, NUMBER };

/* One field that both structs have; where the record holds `none` or `none2`, nothing was asked. */
struct carried {
    const char *name;
    enum kind kind;
    size_t from, from_size;
    size_t to, to_size;
    uint64_t none, none2;
};

#define SIZE_OF(type, field) sizeof(((type *)0)->field)
#define TEXT_FIELD(name, from, to)                                                                 \
    {                                                                                              \
        name, TEXT, offsetof(slurm_job_info_t, from), 0, offsetof(job_desc_msg_t, to), 0, 0, 0     \
    }
#define NUMBER_FIELD(name, from, to, none, none2)                                                  \
    {                                                                                              \
        name, NUMBER, offsetof(slurm_job_info_t, from), SIZE_OF(slurm_job_info_t, from),           \
            offsetof(job_desc_msg_t, to), SIZE_OF(job_desc_msg_t, to), none, none2                 \
    }

/* The fields of the record that go over as they are. */
static const struct carried table[] = {
    TEXT_FIELD("account", account, account),
    TEXT_FIELD("batch", batch_features, batch_features),
    TEXT_FIELD("chdir", work_dir, work_dir),
    TEXT_FIELD("cluster-constraint", cluster_features, cluster_features),
    TEXT_FIELD("comment", comment, comment),
    TEXT_FIELD("constraint", features, features),
    TEXT_FIELD("container", container, container),
    TEXT_FIELD("context", selinux_context, req_context),
    TEXT_FIELD("cpus-per-gpu", cpus_per_tres, cpus_per_tres),
    TEXT_FIELD("error", std_err, std_err),
    TEXT_FIELD("exclude", exc_nodes, exc_nodes),
    TEXT_FIELD("gpu-bind", tres_bind, tres_bind),
    TEXT_FIELD("gpu-freq", tres_freq, tres_freq),
    TEXT_FIELD("gpus", tres_per_job, tres_per_job),
    TEXT_FIELD("gpus-per-node", tres_per_node, tres_per_node),
    TEXT_FIELD("gpus-per-socket", tres_per_socket, tres_per_socket),
    TEXT_FIELD("gpus-per-task", tres_per_task, tres_per_task),
    TEXT_FIELD("input", std_in, std_in),
    TEXT_FIELD("job-name", name, name),
    TEXT_FIELD("licenses", licenses, licenses),
    TEXT_FIELD("mcs-label", mcs_label, mcs_label),
    TEXT_FIELD("mem-per-gpu", mem_per_tres, mem_per_tres),
    TEXT_FIELD("network", network, network),
    TEXT_FIELD("nodelist", req_nodes, req_nodes),
    TEXT_FIELD("output", std_out, std_out),
    TEXT_FIELD("prefer", prefer, prefer),
    TEXT_FIELD("qos", qos, qos),
    TEXT_FIELD("reservation", resv_name, reservation),
    NUMBER_FIELD("boards-per-node", boards_per_node, boards_per_node, 0, NO_VAL16),
    NUMBER_FIELD("contiguous", contiguous, contiguous, 0, NO_VAL16),
    NUMBER_FIELD("core-spec", core_spec, core_spec, NO_VAL16, NO_VAL16),
    NUMBER_FIELD("cores-per-socket", cores_per_socket, cores_per_socket, NO_VAL16, 0),
    NUMBER_FIELD("cpu-freq-gov", cpu_freq_gov, cpu_freq_gov, NO_VAL, NO_VAL),
    NUMBER_FIELD("cpu-freq-max", cpu_freq_max, cpu_freq_max, NO_VAL, NO_VAL),
    NUMBER_FIELD("cpu-freq-min", cpu_freq_min, cpu_freq_min, NO_VAL, NO_VAL),
    NUMBER_FIELD("delay-boot", delay_boot, delay_boot, 0, NO_VAL),
    NUMBER_FIELD("exclusive", shared, shared, NO_VAL16, NO_VAL16),
    NUMBER_FIELD("mail-type", mail_type, mail_type, 0, 0),
    NUMBER_FIELD("max-cpus", max_cpus, max_cpus, 0, NO_VAL),
    NUMBER_FIELD("mincpus", pn_min_cpus, pn_min_cpus, 0, 1),
    NUMBER_FIELD("ntasks-per-board", ntasks_per_board, ntasks_per_board, 0, NO_VAL16),
    NUMBER_FIELD("ntasks-per-core", ntasks_per_core, ntasks_per_core, INFINITE16, NO_VAL16),
    NUMBER_FIELD("ntasks-per-gpu", ntasks_per_tres, ntasks_per_tres, 0, NO_VAL16),
    NUMBER_FIELD("ntasks-per-node", ntasks_per_node, ntasks_per_node, 0, NO_VAL16),
    NUMBER_FIELD("ntasks-per-socket", ntasks_per_socket, ntasks_per_socket, INFINITE16, NO_VAL16),
    NUMBER_FIELD("profile", profile, profile, 0, NO_VAL),
    NUMBER_FIELD("reboot", reboot, reboot, 0, NO_VAL8),
    NUMBER_FIELD("requeue", requeue, requeue, NO_VAL16, NO_VAL16),
    NUMBER_FIELD("sockets-per-board", sockets_per_board, sockets_per_board, 0, NO_VAL16),
    NUMBER_FIELD("sockets-per-node", sockets_per_node, sockets_per_node, NO_VAL16, 0),
    NUMBER_FIELD("switches", req_switch, req_switch, 0, NO_VAL),
    NUMBER_FIELD("threads-per-core", threads_per_core, threads_per_core, NO_VAL16, 0),
    NUMBER_FIELD("time-min", time_min, time_min, 0, NO_VAL),
    NUMBER_FIELD("tmp", pn_min_tmp_disk, pn_min_tmp_disk, 0, NO_VAL),
#if SLURM_VERSION_NUMBER < SLURM_VERSION_NUM(24, 11, 0)
    NUMBER_FIELD("power", power_flags, power_flags, 0, NO_VAL8),
#endif
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(24, 11, 0)
    TEXT_FIELD("container-id", container_id, container_id),
    TEXT_FIELD("extra", extra, extra),
#endif
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(26, 5, 0)
    NUMBER_FIELD("segment", segment_size, segment_size, 0, NO_VAL16),
#endif
};

/* Fields whose value depends on others, or is not in the record: set by hand below. */
static const struct carried by_hand[] = {
    TEXT_FIELD("acctg-freq", comment, acctg_freq),
    TEXT_FIELD("bb", burst_buffer, burst_buffer),
    TEXT_FIELD("mail-user", mail_user, mail_user),
    TEXT_FIELD("partition", partition, partition),
    TEXT_FIELD("submit-line", comment, submit_line),
    TEXT_FIELD("wckey", wckey, wckey),
    NUMBER_FIELD("cpus-per-task", cpus_per_task, cpus_per_task, 0, 0),
    NUMBER_FIELD("flags", bitflags, bitflags, 0, 0),
    NUMBER_FIELD("max-nodes", max_nodes, max_nodes, 0, 0),
    NUMBER_FIELD("mem", pn_min_memory, pn_min_memory, 0, 0),
    NUMBER_FIELD("min-cpus", num_cpus, min_cpus, 0, 0),
    NUMBER_FIELD("min-nodes", num_nodes, min_nodes, 0, 0),
    NUMBER_FIELD("nice", nice, nice, 0, 0),
    NUMBER_FIELD("ntasks", num_tasks, num_tasks, 0, 0),
    NUMBER_FIELD("switches-wait", wait4switch, wait4switch, 0, 0),
    NUMBER_FIELD("time", time_limit, time_limit, 0, 0),
    /* Of job_desc_msg_t alone; the record's column is not read. */
    NUMBER_FIELD("overcommit", reboot, overcommit, 0, 0),
    NUMBER_FIELD("wait-all-nodes", reboot, wait_all_nodes, 0, 0),
};

/* Options of sbatch that are bits of the record's flags; the last two say that a number was. */
static const uint64_t carried_flags = KILL_INV_DEP | NO_KILL_INV_DEP | GRES_ENFORCE_BIND |
                                      GRES_DISABLE_BIND | SPREAD_JOB | USE_MIN_NODES |
                                      JOB_NTASKS_SET | JOB_CPUS_SET
#ifdef GRES_MULT_TASKS_PER_SHARING
                                      | GRES_MULT_TASKS_PER_SHARING
#endif
#ifdef GRES_ONE_TASK_PER_SHARING
                                      | GRES_ONE_TASK_PER_SHARING
#endif
#ifdef STEPMGR_ENABLED
                                      | STEPMGR_ENABLED
#endif
    ;

static int not_carried(const slurm_job_info_t *job, const char *what, struct mir_error *err)
{
    return mir_error_set(err, -ENOTSUP, "job %" PRIu32 " cannot be carried on: %s", job->job_id,
                         what);
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool is_running(const slurm_job_info_t *job)
{
    return (job->job_state & JOB_STATE_BASE) == JOB_RUNNING ||
           (job->job_state & JOB_STATE_BASE) == JOB_SUSPENDED;
}

int mir_carry_check(const slurm_job_info_t *job, struct mir_error *err)
{
    if (job->array_job_id != 0 || is_given(job->array_task_str))
        return not_carried(job, "it is of an array (--array)", err);
    if (job->het_job_id != 0)
        return not_carried(job, "it is part of a heterogeneous job", err);
    if (is_given(job->fed_origin_str) || job->fed_siblings_active != 0)
        return not_carried(job, "it is a federated job (--clusters)", err);
    if ((job->bitflags & CRON_JOB) != 0)
        return not_carried(job, "scrontab starts it again by itself", err);
    if (job->batch_flag == 0)
        return not_carried(job, "it has no script (salloc or srun)", err);
    if (job->deadline != 0)
        return not_carried(job, "it has a --deadline, which its successor would miss", err);
    if (!is_running(job) && is_given(job->dependency))
        return not_carried(job, "it still waits for its --dependency", err);
    return 0;
}

uint32_t mir_carry_tres_count(const char *tres, const char *name)
{
    size_t len = strlen(name);
    int64_t n;

    for (const char *at = tres; at != NULL && *at != '\0';) {
        size_t item = strcspn(at, ",");

        if (item > len && strncmp(at, name, len) == 0 && at[len] == '=' &&
            mir_parse_i64(at + len + 1, item - len - 1, &n) == 0 && n >= 0 && n <= INT32_MAX)
            return (uint32_t)n;
        at += item + (at[item] == ',');
    }
    return 0;
}

/* --- record to fields -------------------------------------------------------------- */

static uint64_t load(const void *base, size_t offset, size_t size)
{
    const unsigned char *at = (const unsigned char *)base + offset;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    switch (size) {
    case 1:
        memcpy(&u8, at, size);
        return u8;
    case 2:
        memcpy(&u16, at, size);
        return u16;
    case 4:
        memcpy(&u32, at, size);
        return u32;
    default:
        memcpy(&u64, at, sizeof(u64));
        return u64;
    }
}

static const char *load_text(const void *base, size_t offset)
{
    const char *text;

    memcpy(&text, (const char *)base + offset, sizeof(text));
    return text;
}

static void add_number(struct mir_template *t, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    mir_template_add_field(t, name, text);
}

static void add_text(struct mir_template *t, const char *name, const char *value)
{
    if (is_given(value))
        mir_template_add_field(t, name, value);
}

static void carry_table(const slurm_job_info_t *job, struct mir_template *t)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const struct carried *c = &table[i];
        uint64_t value;

        if (c->kind == TEXT) {
            add_text(t, c->name, load_text(job, c->from));
            continue;
        }
        value = load(job, c->from, c->from_size);
        if (value != c->none && value != c->none2)
            add_number(t, c->name, value);
    }
}

/* "a" in "b,a": a running job's record names only the partition that it runs in. */
static bool list_has(const char *list, const char *item)
{
    size_t len = strlen(item);

    for (const char *at = list; *at != '\0';) {
        size_t n = strcspn(at, ",");

        if (n == len && strncmp(at, item, n) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

static void
carry_partition(const slurm_job_info_t *job, const struct mir_options *o, struct mir_template *t)
{
    const char *said = o->value[MIR_OPTION_PARTITION], *now = job->partition;

    if (!is_given(now))
        return;
    mir_template_add_field(t, "partition", said != NULL && list_has(said, now) ? said : now);
}

/*
 * A running job's record has the nodes that it got, and no maximum.  What it asked
 * for is in tres_req_str, the maximum in --nodes; where nobody has kept the command
 * line, a job on as few nodes as it asked for is taken to have wanted no more.
 */
static void running_nodes(const slurm_job_info_t *job,
                          const struct mir_options *o,
                          uint32_t *min,
                          uint32_t *max)
{
    const char *said = o->value[MIR_OPTION_NODES];
    uint32_t said_min, said_max;

    if (said != NULL && mir_nodes_option_parse(said, &said_min, &said_max) == 0 &&
        said_min <= job->num_nodes && job->num_nodes <= said_max) {
        *min = said_min;
        *max = said_max;
    } else if (said != NULL || (!o->has_line && *min == job->num_nodes)) {
        *max = *min;
    }
}

static void
carry_nodes(const slurm_job_info_t *job, const struct mir_options *o, struct mir_template *t)
{
    uint32_t asked = mir_carry_tres_count(job->tres_req_str, "node");
    uint32_t min = asked > 0 ? asked : job->num_nodes, max = job->max_nodes;
    bool said = o->value[MIR_OPTION_NODES] != NULL;

    if (is_running(job) && max == 0)
        running_nodes(job, o, &min, &max);
    /* With --spread-job slurmctld makes a maximum of the tasks; given one, it reckons otherwise. */
    if (!said && (job->bitflags & SPREAD_JOB) != 0 && max == job->num_tasks)
        max = 0;
    /* One node that nobody asked for: told so, slurmctld would spread tasks in another way. */
    if (min > 0 && min != NO_VAL && (said || max != 0 || min > 1))
        add_number(t, "min-nodes", min);
    if (max > 0 && max != NO_VAL)
        add_number(t, "max-nodes", max);
}

static void carry_tasks(const slurm_job_info_t *job, struct mir_template *t)
{
    uint32_t cpus = mir_carry_tres_count(job->tres_req_str, "cpu");

    if (!is_running(job) || cpus == 0)
        cpus = job->num_cpus;
    if (cpus > 0 && cpus != NO_VAL)
        add_number(t, "min-cpus", cpus);
    if ((job->bitflags & JOB_NTASKS_SET) != 0)
        add_number(t, "ntasks", job->num_tasks);
    if ((job->bitflags & JOB_CPUS_SET) != 0)
        add_number(t, "cpus-per-task", job->cpus_per_task);
    if ((job->bitflags & JOB_MEM_SET) != 0)
        add_number(t, "mem", job->pn_min_memory);
}

/* With --time-min, backfill may have started the job with a shorter limit than it asked for. */
static void
carry_time(const slurm_job_info_t *job, const struct mir_options *o, struct mir_template *t)
{
    const char *said = o->value[MIR_OPTION_TIME];
    uint32_t minutes = job->time_limit;
    int64_t said_s;

    if (minutes == NO_VAL || minutes == 0)
        return;
    if (job->time_min != 0 && job->time_min != NO_VAL && is_running(job) && said != NULL &&
        mir_parse_duration(said, strlen(said), 60, &said_s) == 0 && said_s / 60 < INT32_MAX &&
        (said_s + 59) / 60 > minutes)
        minutes = (uint32_t)((said_s + 59) / 60);
    add_number(t, "time", minutes);
}

/* With #BB or #DW lines the plugin makes the record's text from the script, and would again. */
static bool script_has_burst_buffer(const char *script)
{
    for (const char *at = script; at != NULL && *at != '\0'; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, "#BB", 3) == 0 || strncmp(at, "#DW", 3) == 0)
            return true;
    }
    return false;
}

static void carry_others(const slurm_job_info_t *job, struct mir_template *t)
{
    if (!script_has_burst_buffer(t->script))
        add_text(t, "bb", job->burst_buffer);
    if (job->mail_type != 0)
        add_text(t, "mail-user", job->mail_user);
    if (is_given(job->wckey) && job->wckey[0] != '*') /* '*': the default, not asked for */
        add_text(t, "wckey", job->wckey);
    if (job->nice > NICE_OFFSET && job->nice != NO_VAL)
        add_number(t, "nice", job->nice);
    if (job->req_switch != 0 && job->req_switch != NO_VAL && job->wait4switch != NO_VAL)
        add_number(t, "switches-wait", job->wait4switch);
    if ((job->bitflags & carried_flags) != 0)
        add_number(t, "flags", job->bitflags & carried_flags);
}

/* What only the user's own words hold goes over in his words, once they make sense. */
static int carry_options(const slurm_job_info_t *job,
                         const struct mir_options *o,
                         struct mir_template *t,
                         struct mir_error *err)
{
    const char *text = o->value[MIR_OPTION_SIGNAL];
    struct mir_signal_option warn;
    uint32_t distribution;
    uint16_t plane;

    if (is_given(text)) {
        if (mir_signal_option_parse(text, &warn) != 0)
            return not_carried(job, "its --signal is not understood", err);
        mir_template_add_field(t, "signal", text);
        t->warn_s = warn.warn_s;
    }
    text = o->value[MIR_OPTION_DISTRIBUTION];
    if (is_given(text)) {
        if (mir_carry_distribution(text, &distribution, &plane) != 0)
            return not_carried(job, "its --distribution is not understood", err);
        mir_template_add_field(t, "distribution", text);
    }
    text = o->value[MIR_OPTION_NO_KILL];
    if (text != NULL && strcasecmp(text, "off") != 0 && strcasecmp(text, "no") != 0)
        mir_template_add_field(t, "no-kill", "1");
    if (o->value[MIR_OPTION_OVERCOMMIT] != NULL)
        mir_template_add_field(t, "overcommit", "1");
    add_text(t, "acctg-freq", o->value[MIR_OPTION_ACCTG_FREQ]);
    add_text(t, "open-mode", o->value[MIR_OPTION_OPEN_MODE]);
    add_text(t, "wait-all-nodes", o->value[MIR_OPTION_WAIT_ALL_NODES]);
    return 0;
}

/* A SPANK plugin's option is in the environment that sbatch made, and nowhere else. */
static bool is_spank_option(const struct mir_environment *e, const char *name)
{
    static const char prefix[] = "_SLURM_SPANK_OPTION_";
    struct mir_str ending = {0};
    bool found = false;

    mir_str_addf(&ending, "_%s=", name);
    for (char *c = ending.text; *c != '\0'; c++)
        *c = *c == '-' ? '_' : *c;
    for (size_t i = 0; i < e->n && !found; i++)
        found = strncmp(e->v[i], prefix, sizeof(prefix) - 1) == 0 &&
                strstr(e->v[i] + sizeof(prefix) - 2, ending.text) != NULL;
    mir_str_release(&ending);
    return found;
}

static int check_options(const slurm_job_info_t *job,
                         const struct mir_options *o,
                         const struct mir_environment *e,
                         struct mir_error *err)
{
    const char *dependency = o->value[MIR_OPTION_DEPENDENCY];

    for (size_t i = 0; i < o->n_unknown; i++) {
        if (!is_spank_option(e, o->unknown[i]))
            return mir_error_set(err, -ENOTSUP,
                                 "job %" PRIu32 " cannot be carried on: its option --%s is neither "
                                 "in its record nor in its environment",
                                 job->job_id, o->unknown[i]);
    }
    if (dependency != NULL && strstr(dependency, "singleton") != NULL)
        return not_carried(job, "with --dependency=singleton no successor may wait beside it", err);
    /* These two work by variables that sbatch sets. */
    if (o->value[MIR_OPTION_MEM_BIND] != NULL && mir_environment_get(e, "SLURM_MEM_BIND") == NULL)
        return not_carried(job, "its --mem-bind is not in the environment at hand", err);
    if (o->value[MIR_OPTION_HINT] != NULL && mir_environment_get(e, "SLURM_HINT") == NULL)
        return not_carried(job, "its --hint is not in the environment at hand", err);
    return 0;
}

int mir_carry_from_job(const slurm_job_info_t *job,
                       const struct mir_options *o,
                       const struct mir_environment *environment,
                       struct mir_template *t,
                       struct mir_error *err)
{
    int rc = check_options(job, o, environment, err);

    if (rc != 0)
        return rc;
    carry_table(job, t);
    carry_partition(job, o, t);
    carry_nodes(job, o, t);
    carry_tasks(job, t);
    carry_time(job, o, t);
    carry_others(job, t);
    return carry_options(job, o, t, err);
}

/* --- fields to description --------------------------------------------------------- */

static void store(void *base, size_t offset, size_t size, uint64_t value)
{
    unsigned char *at = (unsigned char *)base + offset;
    uint8_t u8 = (uint8_t)value;
    uint16_t u16 = (uint16_t)value;
    uint32_t u32 = (uint32_t)value;

    switch (size) {
    case 1:
        memcpy(at, &u8, size);
        return;
    case 2:
        memcpy(at, &u16, size);
        return;
    case 4:
        memcpy(at, &u32, size);
        return;
    default:
        memcpy(at, &value, sizeof(value));
    }
}

/* Digits only, up to 64 bits: MEM_PER_CPU is the highest. */
static int parse_u64(const char *s, uint64_t *out)
{
    uint64_t n = 0;

    if (*s == '\0')
        return -EINVAL;
    for (; *s != '\0'; s++) {
        uint64_t digit = (uint64_t)(*s - '0');

        if (*s < '0' || *s > '9' || n > (UINT64_MAX - digit) / 10)
            return -EINVAL;
        n = 10 * n + digit;
    }
    *out = n;
    return 0;
}

static const struct carried *find(const char *name)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    for (size_t i = 0; i < sizeof(by_hand) / sizeof(*by_hand); i++) {
        if (strcmp(by_hand[i].name, name) == 0)
            return &by_hand[i];
    }
    return NULL;
}

static int set_field(job_desc_msg_t *desc, const struct carried *c, const char *value)
{
    uint64_t number;

    if (c->kind == TEXT) {
        memcpy((char *)desc + c->to, &value, sizeof(value));
        return 0;
    }
    if (parse_u64(value, &number) != 0 || (c->to_size < 8 && number >> (8 * c->to_size) != 0))
        return -EINVAL;
    if (c->to == offsetof(job_desc_msg_t, bitflags))
        desc->bitflags |= number & carried_flags;
    else
        store(desc, c->to, c->to_size, number);
    return 0;
}

static int set_signal(job_desc_msg_t *desc, const char *value)
{
    struct mir_signal_option warn;
    int rc = mir_signal_option_parse(value, &warn);

    if (rc != 0)
        return rc;
    desc->warn_flags = (uint16_t)((warn.batch_only ? KILL_JOB_BATCH : 0) |
                                  (warn.with_reservation ? KILL_JOB_RESV : 0));
    desc->warn_signal = warn.signal;
    desc->warn_time = warn.warn_s;
    return 0;
}

static int set_open_mode(job_desc_msg_t *desc, const char *value)
{
    if (value[0] != 'a' && value[0] != 't' && value[0] != 'A' && value[0] != 'T')
        return -EINVAL;
    desc->open_mode = value[0] == 'a' || value[0] == 'A' ? OPEN_MODE_APPEND : OPEN_MODE_TRUNCATE;
    return 0;
}

/* One level: "block", "cyclic", "fcyclic", "*"; its bits as they are at the first level. */
static int distribution_level(const char *s, size_t len, uint32_t *bits)
{
    static const struct {
        const char *name;
        uint32_t bits;
    } levels[] = {{"cyclic", 1}, {"block", 2}, {"fcyclic", 3}, {"*", 0}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        if (strlen(levels[i].name) == len && strncasecmp(levels[i].name, s, len) == 0) {
            *bits = levels[i].bits;
            return 0;
        }
    }
    return -EINVAL;
}

static int distribution_levels(const char *s, size_t len, uint32_t *out)
{
    const char *last = s + len;
    uint32_t all = 0, bits;

    for (unsigned shift = 0; shift <= 8; shift += 4) {
        const char *colon = memchr(s, ':', (size_t)(last - s));
        size_t n = colon != NULL ? (size_t)(colon - s) : (size_t)(last - s);

        if (distribution_level(s, n, &bits) != 0 || (shift == 0 && bits == 3))
            return -EINVAL;
        all |= bits << shift;
        if (colon == NULL) {
            *out = all;
            return 0;
        }
        s = colon + 1;
    }
    return -EINVAL;
}

int mir_carry_distribution(const char *text, uint32_t *distribution, uint16_t *plane_size)
{
    size_t len = strcspn(text, ",");
    const char *packing = text + len;
    uint32_t flags = 0;
    int64_t n;

    if (strcasecmp(packing, ",Pack") == 0)
        flags = SLURM_DIST_PACK_NODES;
    else if (strcasecmp(packing, ",NoPack") == 0)
        flags = SLURM_DIST_NO_PACK_NODES;
    else if (*packing != '\0')
        return -EINVAL;
    *plane_size = NO_VAL16;
    if (strncasecmp(text, "plane=", 6) == 0) {
        if (mir_parse_i64(text + 6, len - 6, &n) != 0 || n < 1 || n >= NO_VAL16)
            return -EINVAL;
        *plane_size = (uint16_t)n;
        *distribution = SLURM_DIST_PLANE | flags;
        return 0;
    }
    if (len == 9 && strncasecmp(text, "arbitrary", len) == 0) {
        *distribution = SLURM_DIST_ARBITRARY | flags;
        return 0;
    }
    if (distribution_levels(text, len, distribution) != 0)
        return -EINVAL;
    *distribution |= flags;
    return 0;
}

/* What is not one number or one string of the description. */
static int set_special(job_desc_msg_t *desc, const char *name, const char *value)
{
    if (strcmp(name, "signal") == 0)
        return set_signal(desc, value);
    if (strcmp(name, "open-mode") == 0)
        return set_open_mode(desc, value);
    if (strcmp(name, "distribution") == 0)
        return mir_carry_distribution(value, &desc->task_dist, &desc->plane_size);
    if (strcmp(name, "no-kill") == 0) {
        desc->kill_on_node_fail = 0;
        return 0;
    }
    return -ENOENT;
}

int mir_carry_to_desc(const struct mir_template *t,
                      job_desc_msg_t *desc,
                      char ***argv,
                      struct mir_error *err)
{
    uint32_t n = 0;

    *argv = MIR_NEW_ARRAY(char *, t->n_fields + 1);
    for (size_t i = 0; i < t->n_fields; i++) {
        const char *name = t->fields[i].name, *value = t->fields[i].value;
        const struct carried *c = find(name);
        int rc;

        if (strcmp(name, "argument") == 0) { /* the script's own name is the first */
            (*argv)[n++] = t->fields[i].value;
            continue;
        }
        rc = c != NULL ? set_field(desc, c, value) : set_special(desc, name, value);
        if (rc != 0) {
            free(*argv);
            *argv = NULL;
            return mir_error_set(err, -EBADMSG,
                                 "template: field %.32s=%.64s is not one that this broker knows",
                                 name, value);
        }
    }
    desc->argc = n;
    desc->argv = *argv;
    return 0;
}
