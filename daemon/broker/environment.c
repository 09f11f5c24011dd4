/* SPDX-License-Identifier: GPL-3.0-or-later */
/* environment.c - environments as munge, slurmdbd and slurmctld hold them. */
#include "daemon/broker/environment.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"

void mir_environment_release(struct mir_environment *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->v[i]);
    free(e->v);
    *e = (struct mir_environment){0};
}

void mir_environment_add(struct mir_environment *e, const char *text, size_t len)
{
    char *copy = mir_alloc(len + 1, 1);

    memcpy(copy, text, len);
    e->v = mir_grow(e->v, &e->cap, e->n + 1, sizeof(*e->v));
    e->v[e->n++] = copy;
}

static bool is_named(const char *variable, const char *name, size_t len)
{
    return strncmp(variable, name, len) == 0 && variable[len] == '=';
}

const char *mir_environment_get(const struct mir_environment *e, const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < e->n; i++) {
        if (is_named(e->v[i], name, len))
            return e->v[i] + len + 1;
    }
    return NULL;
}

/* Keep the variables for which `drop` says no, in their order. */
static void
remove_if(struct mir_environment *e, bool (*drop)(const char *, const void *), const void *arg)
{
    size_t kept = 0;

    for (size_t i = 0; i < e->n; i++) {
        if (drop(e->v[i], arg))
            free(e->v[i]);
        else
            e->v[kept++] = e->v[i];
    }
    e->n = kept;
}

static bool has_name(const char *variable, const void *name)
{
    return is_named(variable, name, strlen(name));
}

void mir_environment_remove(struct mir_environment *e, const char *name)
{
    remove_if(e, has_name, name);
}

void mir_environment_set(struct mir_environment *e, const char *name, const char *value)
{
    struct mir_str s = {0};

    mir_environment_remove(e, name);
    mir_str_addf(&s, "%s=%s", name, value);
    mir_environment_add(e, s.text, s.len);
    mir_str_release(&s);
}

/* The length of the name at the start of `line`, 0 when it does not begin with NAME=. */
static size_t name_length(const char *line, size_t len)
{
    const char *equals = memchr(line, '=', len);

    return equals == NULL ? 0 : (size_t)(equals - line);
}

static int
add_checked(struct mir_environment *e, const char *text, size_t len, struct mir_error *err)
{
    if (name_length(text, len) == 0)
        return mir_error_set(err, -EBADMSG, "environment: variable %zu has no name", e->n + 1);
    if (e->n == MIR_VARIABLES_MAX)
        return mir_error_set(err, -EBADMSG, "environment: more than %d variables",
                             MIR_VARIABLES_MAX);
    mir_environment_add(e, text, len);
    return 0;
}

/* NUL-terminated strings, as many as there are; the last NUL must be there. */
static int
add_strings(const char *at, size_t len, struct mir_environment *out, struct mir_error *err)
{
    const char *last = at + len;

    while (at < last) {
        const char *end = memchr(at, '\0', (size_t)(last - at));
        int rc;

        if (end == NULL)
            return mir_error_set(err, -EBADMSG, "environment: it is cut off");
        rc = add_checked(out, at, (size_t)(end - at), err);
        if (rc != 0)
            return rc;
        at = end + 1;
    }
    return 0;
}

int mir_environment_parse_enrolled(const char *bytes,
                                   size_t len,
                                   uint32_t job_id,
                                   struct mir_environment *out,
                                   struct mir_error *err)
{
    struct mir_str head = {0};
    int rc;

    mir_str_addf(&head, "mirage-environment 1\njob=%" PRIu32 "\n", job_id);
    if (len > MIR_ENVIRONMENT_MAX || len < head.len || memcmp(bytes, head.text, head.len) != 0)
        rc = mir_error_set(err, -EBADMSG, "the enrolled environment is not one for job %" PRIu32,
                           job_id);
    else
        rc = add_strings(bytes + head.len, len - head.len, out, err);
    mir_str_release(&head);
    return rc;
}

int mir_environment_parse_saved(const void *bytes,
                                size_t len,
                                struct mir_environment *out,
                                struct mir_error *err)
{
    size_t before = out->n;
    uint32_t count;
    int rc;

    if (len < sizeof(count) || len > MIR_ENVIRONMENT_MAX)
        return mir_error_set(err, -EBADMSG, "environment: not slurmctld's file (%zu bytes)", len);
    memcpy(&count, bytes, sizeof(count));
    rc = add_strings((const char *)bytes + sizeof(count), len - sizeof(count), out, err);
    if (rc == 0 && out->n - before != count)
        rc = mir_error_set(err, -EBADMSG, "environment: it says %" PRIu32 " variables and has %zu",
                           count, out->n - before);
    return rc;
}

/* A shell's own kind of name: the start of a variable, most likely. */
static bool is_plain_name(const char *s, size_t len)
{
    if (len == 0 || isdigit((unsigned char)s[0]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)s[i]) && s[i] != '_')
            return false;
    }
    return true;
}

/* bash exports its functions as BASH_FUNC_name%%. */
static bool is_function_name(const char *s, size_t len)
{
    return len > 12 && memcmp(s, "BASH_FUNC_", 10) == 0 && memcmp(s + len - 2, "%%", 2) == 0;
}

int mir_environment_parse_lines(const char *text,
                                struct mir_environment *out,
                                bool *ambiguous,
                                struct mir_error *err)
{
    struct mir_str variable = {0};
    size_t total = strlen(text);
    int rc = 0;

    *ambiguous = false;
    if (total > MIR_ENVIRONMENT_MAX)
        return mir_error_set(err, -EBADMSG, "environment: over %d bytes", MIR_ENVIRONMENT_MAX);
    for (const char *at = text; rc == 0 && *at != '\0';) {
        size_t len = strcspn(at, "\n"), name = name_length(at, len);
        bool starts = is_plain_name(at, name) || is_function_name(at, name);

        /* Where one value has a newline, each later line may belong to a value too. */
        if (!starts)
            *ambiguous = true;
        if (starts && variable.len > 0) {
            rc = add_checked(out, variable.text, variable.len, err);
            variable.len = 0;
        } else if (variable.len > 0) {
            mir_str_add(&variable, "\n");
        }
        if (starts || variable.len > 0)
            mir_str_add_n(&variable, at, len);
        at += len + (at[len] == '\n');
    }
    if (rc == 0 && variable.len > 0)
        rc = add_checked(out, variable.text, variable.len, err);
    mir_str_release(&variable);
    return rc;
}

/* --- what belongs to one job ------------------------------------------------------- */

/* Set by slurmctld, slurmd or srun for one job, step or task; never by sbatch for the next. */
static const char *const job_names[] = {
    "SLURM_JOB_ID",
    "SLURM_JOBID",
    "SLURM_JOB_NODELIST",
    "SLURM_NODELIST",
    "SLURM_JOB_NUM_NODES",
    "SLURM_NNODES",
    "SLURM_JOB_CPUS_PER_NODE",
    "SLURM_TASKS_PER_NODE",
    "SLURM_NODEID",
    "SLURM_NODE_ALIASES",
    "SLURM_PROCID",
    "SLURM_LOCALID",
    "SLURM_TASK_PID",
    "SLURM_GTIDS",
    "SLURM_CLUSTER_NAME",
    "SLURM_TOPOLOGY_ADDR",
    "SLURM_TOPOLOGY_ADDR_PATTERN",
    "SLURM_JOB_UID",
    "SLURM_JOB_USER",
    "SLURM_JOB_GID",
    "SLURM_JOB_GROUP",
    "SLURM_JOB_ACCOUNT",
    "SLURM_JOB_QOS",
    "SLURM_JOB_PARTITION",
    "SLURM_JOB_RESERVATION",
    "SLURM_JOB_START_TIME",
    "SLURM_JOB_END_TIME",
    "SLURM_JOB_LICENSES",
    "SLURM_JOB_COMMENT",
    "SLURM_JOB_RESTART_COUNT",
    "SLURM_JOB_GPUS",
    "SLURM_JOB_STDIN",
    "SLURM_JOB_STDOUT",
    "SLURM_JOB_STDERR",
    "SLURM_CPUS_ON_NODE",
    "SLURM_GPUS_ON_NODE",
    "SLURM_RESTART_COUNT",
    "SLURM_WORKING_CLUSTER",
    "SLURM_PACK_SIZE",
    "SLURM_HET_SIZE",
    "SLURMD_NODENAME",
    "SLURMD_DEBUG",
    "ENVIRONMENT",
};

static const char *const job_prefixes[] = {
    "MIRAGE_", "SLURM_STEP_", "SLURM_STEPID=", "SLURM_SRUN_", "SLURM_LAUNCH_", "SLURM_ARRAY_",
};

static const char *const device_names[] = {
    "CUDA_VISIBLE_DEVICES",
    "GPU_DEVICE_ORDINAL",
    "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK",
};

static bool is_of_one_job(const char *variable, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof(job_names) / sizeof(*job_names); i++) {
        if (has_name(variable, job_names[i]))
            return true;
    }
    for (size_t i = 0; i < sizeof(job_prefixes) / sizeof(*job_prefixes); i++) {
        if (strncmp(variable, job_prefixes[i], strlen(job_prefixes[i])) == 0)
            return true;
    }
    return false;
}

void mir_environment_strip(struct mir_environment *e)
{
    /* From inside a job, the devices are that job's; else they are the user's own words. */
    if (mir_environment_get(e, "SLURM_JOB_ID") != NULL) {
        for (size_t i = 0; i < sizeof(device_names) / sizeof(*device_names); i++)
            mir_environment_remove(e, device_names[i]);
    }
    remove_if(e, is_of_one_job, NULL);
}

/* --- arguments in job_state -------------------------------------------------------- */

enum { ARGUMENTS_MAX = 4096 };

static uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * Is there a list at `at` (count; then length with NUL, bytes, NUL for each) that
 * joined with blanks is `command`?  Fills `out` with all but the first.
 */
static bool list_at(const unsigned char *at,
                    const unsigned char *last,
                    const char *command,
                    struct mir_environment *out)
{
    uint32_t count;

    if (last - at < 4 || (count = be32(at)) == 0 || count > ARGUMENTS_MAX)
        return false;
    at += 4;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size;

        if (last - at < 4 || (size = be32(at)) == 0 || size > (size_t)(last - at - 4))
            return false;
        at += 4;
        if (memchr(at, '\0', size) != at + size - 1 ||
            strncmp(command, (const char *)at, size - 1) != 0)
            return false;
        command += size - 1;
        if (i > 0)
            mir_environment_add(out, (const char *)at, size - 1);
        at += size;
        if (i + 1 < count && *command++ != ' ')
            return false;
    }
    return *command == '\0';
}

static bool is_same(const struct mir_environment *a, const struct mir_environment *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->v[i], b->v[i]) != 0)
            return false;
    }
    return true;
}

int mir_environment_find_arguments(const void *bytes,
                                   size_t len,
                                   const char *command,
                                   struct mir_environment *out)
{
    const unsigned char *first = bytes, *last = first + len, *at = first;
    size_t word = strcspn(command, " ");
    bool found = false;

    if (word == 0)
        return -ENOENT;
    /* Each list has its script's first word 8 bytes behind its start. */
    while ((at = memmem(at, (size_t)(last - at), command, word)) != NULL) {
        struct mir_environment list = {0};
        bool fits = at - first >= 8 && list_at(at - 8, last, command, &list);

        at++;
        if (fits && found && !is_same(&list, out)) {
            mir_environment_release(&list);
            mir_environment_release(out);
            return -ENOTUNIQ;
        }
        if (fits && !found) {
            *out = list;
            found = true;
        } else {
            mir_environment_release(&list);
        }
    }
    return found ? 0 : -ENOENT;
}
