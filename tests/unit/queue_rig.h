/*
 * queue_rig.h - jobs for tests of the queue: two nodes, an hour, alice's.
 */
#ifndef MIR_TESTS_QUEUE_RIG_H
#define MIR_TESTS_QUEUE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/alloc.h"
#include "daemon/host/queue.h"

#define TAG "mirage=abcdef27.1.0123456789abcdef0123456789abcdef"

enum { AT = 1000000 };

static inline struct mir_live_job pending_job(uint32_t id, uint32_t priority, int64_t submit_at)
{
    return (struct mir_live_job){
        .id = id,
        .uid = 1000,
        .n_nodes = 2,
        .n_tasks = 1,
        .priority = priority,
        .limit_s = 3600,
        .state = MIR_STATE_PENDING,
        .submit_at = submit_at,
        .eligible_at = submit_at,
        .user = "alice",
        .account = "physics",
        .partition = "gpu",
        .qos = "normal",
        .name = "train.12",
        .comment = "",
        .reason = "",
        .reservation = "",
    };
}

static inline struct mir_live_job running_job(uint32_t id, int64_t submit_at, int64_t start_at)
{
    struct mir_live_job job = pending_job(id, 100, submit_at);

    job.state = MIR_STATE_RUNNING;
    job.start_at = start_at;
    job.end_at = start_at + job.limit_s;
    return job;
}

static inline struct mir_live_past past_job(uint32_t id, int64_t submit_at, int64_t start_at)
{
    return (struct mir_live_past){
        .id = id,
        .n_nodes = 2,
        .limit_s = 3600,
        .state = MIR_STATE_COMPLETED,
        .submit_at = submit_at,
        .eligible_at = submit_at,
        .start_at = start_at,
        .end_at = start_at + 60,
        .user = "alice",
        .account = "physics",
        .partition = "gpu",
        .qos = "normal",
        .name = "train.11",
        .comment = "",
    };
}

static inline void update(struct mir_queue *q, struct mir_live_job *jobs, size_t n)
{
    mir_queue_update(q, &(struct mir_live_jobs){.at = AT, .jobs = jobs, .n_jobs = n});
}

#endif
