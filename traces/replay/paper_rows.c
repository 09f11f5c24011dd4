/* SPDX-License-Identifier: GPL-3.0-or-later */
/* paper_rows.c - see paper_rows.h. */
#include "traces/replay/paper_rows.h"

#include <stdbool.h>
#include <stdlib.h>

#include "daemon/core/alloc.h"

static int64_t round_up(int64_t at)
{
    int64_t over = at % MIR_PAPER_PERIOD_S;

    return over == 0 ? at : over < 0 ? at - over : at + MIR_PAPER_PERIOD_S - over;
}

static int look(struct mir_sim *sim, struct mir_paper_rows *out, struct mir_error *err)
{
    struct mir_host *host = mir_sim_host(sim);
    struct mir_snapshot queue;
    int rc = host->ops->observe(host, MIR_SNAPSHOT_SUMMARY, &queue, err);

    if (rc != 0)
        return rc;
    out->rows = mir_grow(out->rows, &out->cap, out->n + 1, sizeof(*out->rows));
    out->rows[out->n++] = (struct mir_paper_row){queue.pending_sum, queue.running_sum};
    return 0;
}

/* After the last arrival, with an empty queue and machine. */
static bool is_over(const struct mir_sim_options *options, const struct mir_paper_rows *rows)
{
    const struct mir_workload *w = options->workload;
    const struct mir_paper_row *last = &rows->rows[rows->n - 1];
    int64_t at = rows->first_at + (int64_t)(rows->n - 1) * MIR_PAPER_PERIOD_S;

    return (at >= options->to_at || at > w->jobs[w->n_jobs - 1].submit_at) &&
           last->pending.n_jobs == 0 && last->running.n_jobs == 0;
}

int mir_paper_rows_make(const struct mir_sim_options *options,
                        int64_t from_at,
                        int64_t to_at,
                        struct mir_paper_rows *out,
                        struct mir_error *err)
{
    struct mir_sim_options own = *options;
    struct mir_sim *sim;
    int64_t at = from_at - (int64_t)MIR_PAPER_ROWS * MIR_PAPER_PERIOD_S;
    int rc;

    own.keep_history = false;
    own.keep_starts = false;
    own.keep_summary = true;
    rc = mir_sim_create(&own, &sim, err);
    if (rc != 0)
        return rc;
    at = round_up(at > own.from_at ? at : own.from_at);
    out->first_at = at;
    do {
        mir_sim_advance(sim, at);
        rc = look(sim, out, err);
        at += MIR_PAPER_PERIOD_S;
    } while (rc == 0 && at <= to_at && !is_over(&own, out));
    mir_sim_destroy(sim);
    return rc;
}

void mir_paper_rows_release(struct mir_paper_rows *rows)
{
    free(rows->rows);
    *rows = (struct mir_paper_rows){0};
}

void mir_paper_rows_history(const struct mir_paper_rows *rows,
                            int64_t at,
                            struct mir_paper_history *out)
{
    int64_t last = (at - rows->first_at) / MIR_PAPER_PERIOD_S;

    mir_paper_history_init(out);
    if (at < rows->first_at)
        return;
    for (int64_t i = last < MIR_PAPER_ROWS ? 0 : last - MIR_PAPER_ROWS + 1; i <= last; i++) {
        size_t k = (uint64_t)i < rows->n ? (size_t)i : rows->n - 1;
        const struct mir_snapshot queue = {
            .pending_sum = rows->rows[k].pending,
            .running_sum = rows->rows[k].running,
        };

        mir_paper_history_push(out, &queue);
    }
}
