/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stem.c - the part of a job's name that its runs have in common. */
#include "daemon/host/stem.h"

#include <stdbool.h>

static bool is_tail(char c)
{
    return c == '.' || c == '_' || c == '-' || c == ' ';
}

size_t mir_name_stem(const char *name, char out[MIR_STEM_MAX + 1])
{
    size_t n = 0;

    for (; *name != '\0' && n < MIR_STEM_MAX; name++) {
        out[n] = *name; /* a digit is written over by the next byte */
        n += *name < '0' || *name > '9';
    }
    while (n > 0 && is_tail(out[n - 1]))
        n--;
    out[n] = '\0';
    return n;
}
