/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fuzz_model.c - a model's file: any bytes at all.  They are read as a file and, so
 * that the checksum hides nothing, as a body.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "models/predict/model_body.h"
#include "models/predict/wait_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WIDTH = MIR_PAPER_ROWS * MIR_PAPER_WIDTH };

static void
ask_quantiles(const struct mir_wait_model *m, enum mir_wait_method method, const float *x)
{
    double q[MIR_N_WAIT_LEVELS_TRAINED];

    mir_wait_model_quantiles(m, method, x, q);
    for (unsigned i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++)
        if (!(q[i] >= (i > 0 ? q[i - 1] : 0) && q[i] <= MIR_WAIT_MAX_H))
            abort();
    if (!isfinite(mir_wait_quantile_between(q, 0.77)))
        abort();
}

/* Everything that is understood has an answer to everything. */
static void ask(const struct mir_wait_model *m, float value)
{
    static float x[WIDTH];
    unsigned furthest = MIR_N_WAIT_FEATURES - 1;

    for (unsigned i = 0; i < WIDTH; i++)
        x[i] = i % 2 ? value : -value;
    for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++) {
        if (!mir_wait_model_has(m, i))
            continue;
        if (i == MIR_WAIT_FOREST_Q || i == MIR_WAIT_XGB_Q)
            ask_quantiles(m, i, x);
        else if (!isfinite(mir_wait_model_outcome(m, i, x)))
            abort();
    }
    if (mir_wait_model_outside(m, x, &furthest) > MIR_N_WAIT_FEATURES ||
        furthest >= MIR_N_WAIT_FEATURES)
        abort();
}

/* Narrow or wide, the same bits. */
static void narrow(struct mir_wait_model *m)
{
    static const float x[WIDTH];

    for (unsigned i = 0; i < MIR_N_WAIT_METHODS; i++) {
        float wide[MIR_TREES_MAX_OUTPUTS], narrow[MIR_TREES_MAX_OUTPUTS];
        struct mir_trees *t = &m->trees[i];

        mir_trees_predict(t, x, wide);
        (void)mir_trees_narrow(t);
        mir_trees_predict(t, x, narrow);
        if (mir_trees_check(t, NULL) != 0 ||
            memcmp(wide, narrow, t->n_outputs * sizeof(*wide)) != 0)
            abort();
    }
}

/* It makes the body of which it was made. */
static void encode_again(const struct mir_wait_model *m, const uint8_t *data, size_t size)
{
    struct mir_str again = {0};

    if (mir_model_body_encode(m, &again, NULL) != 0 || again.len != size ||
        memcmp(again.text, data, size) != 0)
        abort();
    mir_str_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float values[] = {0, 3, INFINITY, NAN};
    struct mir_wait_model *m = NULL;

    if (mir_model_body_decode(data, size, &m, NULL) == 0) {
        encode_again(m, data, size);
        for (unsigned i = 0; i < sizeof(values) / sizeof(*values); i++)
            ask(m, values[i]);
        narrow(m);
    }
    mir_wait_model_unref(m);
    m = NULL;
    if (mir_wait_model_parse(data, size, "fuzz", &m, NULL) == 0)
        ask(m, 1);
    mir_wait_model_unref(m);
    return 0;
}
