/* SPDX-License-Identifier: GPL-3.0-or-later */
/* paper_labels.c - see paper_labels.h. */
#include "models/train/paper_labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "traces/replay/paper_rows.h"

/* Submission, start and limit of the predecessor give all that the state says of the chain. */
static struct mir_paper_chain chain_of(const struct mir_labels_options *o,
                                       const struct mir_label *label)
{
    const struct mir_request *r = &o->shapes[label->shape];
    int64_t left_s = (int64_t)lround((double)label->left_h * 3600);
    int64_t start_at = label->at - (r->limit_s - left_s);
    int64_t submit_at = o->from_at + (int64_t)label->episode * o->every_s;

    return (struct mir_paper_chain){
        .predecessor_limit_s = r->limit_s,
        .predecessor_nodes = r->n_nodes,
        .predecessor_wait_s = (int32_t)(start_at > submit_at ? start_at - submit_at : 0),
        .predecessor_elapsed_s = (int32_t)(r->limit_s - left_s),
        .successor_limit_s = r->limit_s,
        .successor_nodes = r->n_nodes,
    };
}

static void add_states(const struct mir_labels_options *o,
                       const struct mir_paper_rows *queue,
                       const struct mir_labels *labels,
                       float *out)
{
    struct mir_paper_history *history = MIR_NEW(struct mir_paper_history);

    for (size_t i = 0; i < labels->n; i++) {
        struct mir_paper_chain chain = chain_of(o, &labels->rows[i]);

        mir_paper_rows_history(queue, labels->rows[i].at, history);
        memcpy(out + i * MIR_PAPER_STATE, mir_paper_history_view(history, &chain),
               MIR_PAPER_STATE * sizeof(*out));
    }
    free(history);
}

static void append(struct mir_paper_labels *out,
                   const struct mir_labels_options *o,
                   const struct mir_paper_rows *queue,
                   struct mir_labels *labels,
                   uint16_t shape)
{
    size_t n = out->n + labels->n;

    out->rows = mir_realloc(out->rows, n, sizeof(*out->rows));
    out->states = mir_realloc(out->states, n * MIR_PAPER_STATE, sizeof(*out->states));
    add_states(o, queue, labels, out->states + out->n * MIR_PAPER_STATE);
    for (size_t i = 0; i < labels->n; i++) {
        out->rows[out->n + i] = labels->rows[i];
        out->rows[out->n + i].shape = shape;
    }
    out->n = n;
}

/* With a period of a seventh of the predecessor's life there are seven of them in it. */
static int add_shape(const struct mir_labels_options *options,
                     const struct mir_paper_rows *queue,
                     uint16_t shape,
                     struct mir_paper_labels *out,
                     struct mir_error *err)
{
    struct mir_labels_options o = *options;
    struct mir_labels labels = {0};
    int rc;

    o.shapes = &options->shapes[shape];
    o.n_shapes = 1;
    o.probe_every_s = (o.shapes->limit_s + MIR_PAPER_PROBES - 1) / MIR_PAPER_PROBES;
    o.seed = options->seed + shape;
    rc = mir_labels_make(&o, &labels, err);
    if (rc == 0)
        append(out, &o, queue, &labels, shape);
    mir_labels_release(&labels);
    return rc;
}

int mir_paper_labels_make(const struct mir_labels_options *options,
                          struct mir_paper_labels *out,
                          struct mir_error *err)
{
    struct mir_paper_rows queue = {0};
    int rc =
        mir_paper_rows_make(options->sim, options->from_at, options->known_until_at, &queue, err);

    for (uint32_t s = 0; s < options->n_shapes && rc == 0; s++)
        rc = add_shape(options, &queue, (uint16_t)s, out, err);
    mir_paper_rows_release(&queue);
    return rc;
}

void mir_paper_labels_release(struct mir_paper_labels *labels)
{
    free(labels->rows);
    free(labels->states);
    *labels = (struct mir_paper_labels){0};
}
