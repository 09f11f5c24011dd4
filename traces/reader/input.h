/*
 * input.h - a file, compressed or not, as lines of any length.  One thread at a
 * time per input.
 */
#ifndef MIR_TRACE_INPUT_H
#define MIR_TRACE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"

/* Text that belongs to someone else; not NUL-terminated. */
struct mir_span {
    const char *s;
    size_t len;
};

struct mir_span mir_span_of(const char *text);
struct mir_span mir_span_trim(struct mir_span span); /* of blanks on both sides */
bool mir_span_is(struct mir_span span, const char *text);
bool mir_span_is_word(struct mir_span span, const char *word); /* letters of either case */

struct mir_input;

/* "-" is standard input.  The caller owns `*out`. */
int mir_input_open(const char *path, struct mir_input **out, struct mir_error *err);

/* `data` is lent until mir_input_close(). */
int mir_input_open_memory(const char *name,
                          const void *data,
                          size_t len,
                          struct mir_input **out,
                          struct mir_error *err);
void mir_input_close(struct mir_input *in);

/*
 * The beginning of the text, some ten thousand bytes or all there is, without
 * taking it; `*all`: nothing follows.  Before the first mir_input_next() only.
 * Fails only when there is not a byte to show.
 */
int mir_input_peek(struct mir_input *in, struct mir_span *text, bool *all, struct mir_error *err);

/*
 * The next line without its '\n', good until the next call.  Returns 1, 0 at
 * the end, -EBADMSG (damaged or cut off compression, a line beyond all bounds)
 * or -EIO.
 */
int mir_input_next(struct mir_input *in, struct mir_span *line, struct mir_error *err);

/* Bytes of the file as it is stored; `*total` is 0 for a pipe. */
void mir_input_progress(const struct mir_input *in, uint64_t *done, uint64_t *total);

#endif
