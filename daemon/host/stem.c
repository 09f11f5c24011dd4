/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stem.c - the part of a job's name that its runs have in common. */
#include "daemon/host/stem.h"

#include <string.h>

size_t mir_name_stem(const char *name, char out[MIR_STEM_MAX + 1])
{
    size_t n = 0;

    for (; *name != '\0' && n < MIR_STEM_MAX; name++) {
        if (*name < '0' || *name > '9')
            out[n++] = *name;
    }
    while (n > 0 && strchr("._- ", out[n - 1]) != NULL)
        n--;
    out[n] = '\0';
    return n;
}
