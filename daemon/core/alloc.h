/*
 * alloc.h - memory that is never NULL.
 * The process aborts when memory is out, so no caller tests; a size that comes
 * from input is bounded by the caller first.  Free with free().  Any thread.
 */
#ifndef MIR_CORE_ALLOC_H
#define MIR_CORE_ALLOC_H

#include <stddef.h>

/* Zeroed memory for `n` elements of `size` bytes; aborts on overflow. n == 0 gives a valid pointer. */
void *mir_alloc(size_t n, size_t size);

/* Resize to `n` elements of `size` bytes; new bytes are not zeroed. */
void *mir_realloc(void *p, size_t n, size_t size);

/*
 * Make room for `need` elements in an array that holds `*cap`: returns `p`
 * itself or a larger copy, and updates `*cap`.  Grows by half, so that n
 * appends cost O(n).
 */
void *mir_grow(void *p, size_t *cap, size_t need, size_t size);

char *mir_strdup(const char *s);

#define MIR_NEW(type) ((type *)mir_alloc(1, sizeof(type)))
#define MIR_NEW_ARRAY(type, n) ((type *)mir_alloc((n), sizeof(type)))

#endif
