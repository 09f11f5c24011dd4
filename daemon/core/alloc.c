/* SPDX-License-Identifier: GPL-3.0-or-later */
/* alloc.c - memory that is never NULL. */
#include "daemon/core/alloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nobody above could do better, and a core shows who asked. */
static _Noreturn void out_of_memory(size_t n, size_t size)
{
    fprintf(stderr, "out of memory: %zu x %zu bytes\n", n, size);
    abort();
}

void *mir_alloc(size_t n, size_t size)
{
    /* calloc() checks the product; of zero bytes it may return NULL. */
    void *p = n == 0 || size == 0 ? calloc(1, 1) : calloc(n, size);

    if (p == NULL)
        out_of_memory(n, size);
    return p;
}

void *mir_realloc(void *p, size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes))
        out_of_memory(n, size);
    p = realloc(p, bytes == 0 ? 1 : bytes);
    if (p == NULL)
        out_of_memory(n, size);
    return p;
}

void *mir_grow(void *p, size_t *cap, size_t need, size_t size)
{
    size_t n = *cap;

    if (need <= n)
        return p;
    n = n < SIZE_MAX / 2 ? n + n / 2 : need;
    if (n < need)
        n = need;
    if (n < 8)
        n = 8;
    p = mir_realloc(p, n, size);
    *cap = n;
    return p;
}

char *mir_strdup(const char *s)
{
    size_t bytes = strlen(s) + 1;

    return memcpy(mir_alloc(bytes, 1), s, bytes);
}
