/* SPDX-License-Identifier: GPL-3.0-or-later */
/* joblog.c - a job log in memory. */
#include "daemon/host/joblog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

/* FNV-1a, its low bits improved by a multiplication from the top. */
static uint64_t hash_text(const char *s, size_t len)
{
    uint64_t h = 0xcbf29ce484222325;

    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3;
    return (h ^ (h >> 32)) * 0x9e3779b97f4a7c15 >> 20;
}

static size_t name_len(const struct mir_names *t, uint32_t number)
{
    size_t end = number + 1u < t->n ? t->offset[number + 1u] : t->text_len;

    return end - t->offset[number] - 1;
}

/* The slot of `s`, or the free one where it belongs. */
static size_t find_slot(const struct mir_names *t, const char *s, size_t len)
{
    size_t i = hash_text(s, len) & (t->n_slots - 1);

    for (; t->slot[i] != 0; i = (i + 1) & (t->n_slots - 1)) {
        uint32_t number = t->slot[i] - 1;

        if (name_len(t, number) == len && memcmp(t->text + t->offset[number], s, len) == 0)
            break;
    }
    return i;
}

static void rehash(struct mir_names *t)
{
    t->n_slots = t->n_slots == 0 ? 64 : t->n_slots * 2;
    free(t->slot);
    t->slot = MIR_NEW_ARRAY(uint32_t, t->n_slots);
    for (uint32_t number = 0; number < t->n; number++) {
        const char *s = t->text + t->offset[number];

        t->slot[find_slot(t, s, name_len(t, number))] = number + 1;
    }
}

static uint32_t append_name(struct mir_names *t, const char *s, size_t len)
{
    uint32_t number = (uint32_t)t->n;

    t->offset = mir_grow(t->offset, &t->cap, t->n + 1, sizeof(*t->offset));
    t->text = mir_grow(t->text, &t->text_cap, t->text_len + len + 1, 1);
    t->offset[t->n++] = (uint32_t)t->text_len;
    if (len > 0)
        memcpy(t->text + t->text_len, s, len);
    t->text_len += len;
    t->text[t->text_len++] = '\0';
    return number;
}

uint32_t mir_names_add(struct mir_names *t, const char *s, size_t len)
{
    size_t slot;

    if (t->n == 0) {
        (void)append_name(t, "", 0);
        rehash(t);
    }
    slot = find_slot(t, s, len);
    if (t->slot[slot] != 0)
        return t->slot[slot] - 1;
    /* Offsets have 32 bits: past 4 GiB of different names they are no longer told apart. */
    if (t->n >= UINT32_MAX - 1 || len > UINT32_MAX - 1 || t->text_len > UINT32_MAX - 1 - len)
        return 0;
    if ((t->n + 1) * 2 > t->n_slots) {
        rehash(t);
        slot = find_slot(t, s, len);
    }
    t->slot[slot] = append_name(t, s, len) + 1;
    return t->slot[slot] - 1;
}

uint32_t mir_names_find(const struct mir_names *t, const char *s, size_t len)
{
    size_t slot;

    if (t->n == 0)
        return 0;
    slot = find_slot(t, s, len);
    return t->slot[slot] != 0 ? t->slot[slot] - 1 : 0;
}

const char *mir_names_get(const struct mir_names *t, uint32_t number)
{
    return number < t->n ? t->text + t->offset[number] : "";
}

static void release_names(struct mir_names *t)
{
    free(t->text);
    free(t->offset);
    free(t->slot);
    *t = (struct mir_names){0};
}

void mir_joblog_init(struct mir_joblog *log)
{
    struct mir_names *tables[] = {
        &log->users, &log->accounts, &log->partitions, &log->qos, &log->names,
    };

    *log = (struct mir_joblog){0};
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        (void)mir_names_add(tables[i], "", 0);
    log->sorted = true; /* nothing is out of order yet */
}

void mir_joblog_release(struct mir_joblog *log)
{
    free(log->jobs);
    free(log->extras);
    release_names(&log->users);
    release_names(&log->accounts);
    release_names(&log->partitions);
    release_names(&log->qos);
    release_names(&log->names);
    *log = (struct mir_joblog){0};
}

struct mir_job *mir_joblog_add(struct mir_joblog *log)
{
    static const struct mir_job nothing = {
        .wait_s = MIR_UNKNOWN,
        .run_s = MIR_UNKNOWN,
        .limit_s = MIR_UNKNOWN,
        .array_task = MIR_UNKNOWN,
    };
    struct mir_job *job;

    log->jobs = mir_grow(log->jobs, &log->cap_jobs, log->n_jobs + 1, sizeof(*log->jobs));
    job = &log->jobs[log->n_jobs++];
    *job = nothing;
    log->sorted = false; /* the caller has yet to fill it in */
    return job;
}

static const struct mir_job_extra no_extra = {.cancelled_s = MIR_UNKNOWN};

struct mir_job_extra *mir_joblog_extra(struct mir_joblog *log, struct mir_job *job)
{
    if (job->extra == 0) {
        if (log->n_extras == 0)
            log->n_extras = 1; /* number 0 means none */
        log->extras =
            mir_grow(log->extras, &log->cap_extras, log->n_extras + 1, sizeof(*log->extras));
        log->extras[0] = no_extra;
        log->extras[log->n_extras] = no_extra;
        job->extra = (uint32_t)log->n_extras++;
    }
    return &log->extras[job->extra];
}

const struct mir_job_extra *mir_joblog_get_extra(const struct mir_joblog *log,
                                                 const struct mir_job *job)
{
    return job->extra > 0 && job->extra < log->n_extras ? &log->extras[job->extra] : &no_extra;
}

/* What the order goes by, and where the job was: no two keys are equal, so any sort is stable. */
struct sort_key {
    int64_t submit_at;
    uint32_t id;
    int32_t array_task;
    size_t index;
};

static int compare_keys(const void *a, const void *b)
{
    const struct sort_key *x = a;
    const struct sort_key *y = b;

    if (x->submit_at != y->submit_at)
        return x->submit_at < y->submit_at ? -1 : 1;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    if (x->array_task != y->array_task)
        return x->array_task < y->array_task ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static struct sort_key key_of(const struct mir_joblog *log, size_t i)
{
    const struct mir_job *job = &log->jobs[i];

    return (struct sort_key){job->submit_at, job->id, job->array_task, i};
}

static bool in_order(const struct mir_joblog *log)
{
    for (size_t i = 1; i < log->n_jobs; i++) {
        struct sort_key a = key_of(log, i - 1);
        struct sort_key b = key_of(log, i);

        if (compare_keys(&a, &b) > 0)
            return false;
    }
    return true;
}

/* Put jobs[keys[i].index] at i for all i, in place: cycle by cycle, one job held aside. */
static void permute(struct mir_job *jobs, struct sort_key *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct mir_job aside = jobs[i];
        size_t to = i;

        if (keys[i].index == i)
            continue;
        while (keys[to].index != i) {
            size_t from = keys[to].index;

            jobs[to] = jobs[from];
            keys[to].index = to;
            to = from;
        }
        jobs[to] = aside;
        keys[to].index = to;
    }
}

void mir_joblog_sort(struct mir_joblog *log)
{
    if (!in_order(log)) {
        struct sort_key *keys = MIR_NEW_ARRAY(struct sort_key, log->n_jobs);

        for (size_t i = 0; i < log->n_jobs; i++)
            keys[i] = key_of(log, i);
        qsort(keys, log->n_jobs, sizeof(*keys), compare_keys);
        permute(log->jobs, keys, log->n_jobs);
        free(keys);
    }
    log->sorted = true;
}

char *mir_job_label(const struct mir_job *job, char buf[32])
{
    if (job->array_task == MIR_UNKNOWN)
        (void)snprintf(buf, 32, "%u", job->id);
    else
        (void)snprintf(buf, 32, "%u_%d", job->id, job->array_task);
    return buf;
}
