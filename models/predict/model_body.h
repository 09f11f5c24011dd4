/*
 * model_body.h - a model as bytes and back: what is inside of model_file.h's
 * envelope.  Sections in this order, each with a u32 tag and a u32 length, numbers
 * little-endian, texts as one byte of length and printable ASCII.  What is not
 * known here is refused.  Any thread.
 *
 *  tag   what
 *   1    origin: feature set, source, program, times, seed, counts
 *   2    range of each feature: low, high, median, interquartile range
 *   3    importance of each feature
 *   4    scores: a text and a double each
 *  16+m  trees of method m (enum mir_wait_method), ascending: numbers of features,
 *        outputs, trees, nodes and leaves; scale, base, roots; threshold, left,
 *        feature and missing_left of each node; values
 *  32+m  instead of 16+m: trees that add to one output each (a byte a tree, after the
 *        roots), one value a leaf
 */
#ifndef MIR_PREDICT_MODEL_BODY_H
#define MIR_PREDICT_MODEL_BODY_H

#include <stddef.h>

#include "daemon/core/error.h"
#include "daemon/core/str.h"
#include "models/predict/wait_model.h"

/* Append.  Returns 0, -EINVAL (mir_model_body_decode() would refuse it) or -EFBIG. */
int mir_model_body_encode(const struct mir_wait_model *m,
                          struct mir_str *out,
                          struct mir_error *err);

/*
 * The caller owns the reference in `*out`; on failure it is left as it was.
 * Nothing is allocated that is larger than about twice `len`.  Returns 0, -EBADMSG
 * or -ENOEXEC (another feature set).
 */
int mir_model_body_decode(const void *bytes,
                          size_t len,
                          struct mir_wait_model **out,
                          struct mir_error *err);

#endif
