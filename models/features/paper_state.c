/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * paper_state.c - see paper_state.h.  Order and units are those of the paper's
 * published code (src/model, src/sim).
 */
#include "models/features/paper_state.h"

#include <string.h>

#define FIVE(what, unit)                                                                           \
    {what "_p0", unit}, {what "_p25", unit}, {what "_p50", unit}, {what "_p75", unit},             \
    {                                                                                              \
        what "_p100", unit                                                                         \
    }

const struct mir_paper_feature mir_paper_features[MIR_PAPER_WIDTH] = {
    {"pending_jobs", "count"},    {"pending_nodes", "nodes"},   FIVE("pending_limit", "min"),
    FIVE("pending_wait", "s"),    FIVE("pending_elapsed", "s"), {"running_jobs", "count"},
    {"running_nodes", "nodes"},   FIVE("running_limit", "min"), FIVE("running_wait", "s"),
    FIVE("running_elapsed", "s"), {"predecessor_limit", "min"}, {"predecessor_nodes", "nodes"},
    {"predecessor_wait", "s"},    {"predecessor_elapsed", "s"}, {"successor_limit", "min"},
    {"successor_nodes", "nodes"}, {"successor_wait", "s"},      {"successor_elapsed", "s"},
};

static void put_jobs(const struct mir_jobs_summary *jobs, float out[17])
{
    out[0] = (float)jobs->n_jobs;
    out[1] = (float)jobs->n_nodes;
    for (int k = 0; k < 5; k++) {
        out[2 + k] = (float)(jobs->limit_s[k] / 60);
        out[7 + k] = (float)jobs->wait_s[k];
        out[12 + k] = (float)jobs->elapsed_s[k];
    }
}

static void put_queue(const struct mir_snapshot *queue, float *out)
{
    put_jobs(&queue->pending_sum, out);
    put_jobs(&queue->running_sum, out + 17);
}

static void put_chain(const struct mir_paper_chain *chain, float *out)
{
    static const struct mir_paper_chain none;
    const struct mir_paper_chain *c = chain != NULL ? chain : &none;

    out[0] = (float)(c->predecessor_limit_s / 60.0);
    out[1] = (float)c->predecessor_nodes;
    out[2] = (float)c->predecessor_wait_s;
    out[3] = (float)c->predecessor_elapsed_s;
    out[4] = (float)(c->successor_limit_s / 60.0);
    out[5] = (float)c->successor_nodes;
    out[6] = 0;
    out[7] = 0;
}

void mir_paper_state(const struct mir_snapshot *queue,
                     const struct mir_paper_chain *chain,
                     float out[MIR_PAPER_WIDTH])
{
    put_queue(queue, out);
    put_chain(chain, out + MIR_PAPER_QUEUE_WIDTH);
}

void mir_paper_history_init(struct mir_paper_history *h)
{
    memset(h, 0, sizeof *h);
    h->end = MIR_PAPER_ROWS;
}

/* The rows walk through memory twice as long as the history, and start over: no wrap to unroll. */
void mir_paper_history_push(struct mir_paper_history *h, const struct mir_snapshot *queue)
{
    if (h->end == 2 * MIR_PAPER_ROWS) {
        h->end = MIR_PAPER_ROWS - 1;
        memcpy(h->rows, h->rows[MIR_PAPER_ROWS + 1], h->end * sizeof h->rows[0]);
    }
    put_queue(queue, h->rows[h->end++]);
}

const float *mir_paper_history_view(struct mir_paper_history *h,
                                    const struct mir_paper_chain *chain)
{
    float now[MIR_PAPER_WIDTH - MIR_PAPER_QUEUE_WIDTH];
    float(*rows)[MIR_PAPER_WIDTH] = &h->rows[h->end - MIR_PAPER_ROWS];

    put_chain(chain, now);
    for (size_t i = 0; i < MIR_PAPER_ROWS; i++)
        memcpy(&rows[i][MIR_PAPER_QUEUE_WIDTH], now, sizeof now);
    return rows[0];
}
