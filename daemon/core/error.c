/* SPDX-License-Identifier: GPL-3.0-or-later */
/* error.c - how a failure is told. */
#include "daemon/core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int mir_error_set(struct mir_error *err, int rc, const char *fmt, ...)
{
    /* Written aside first: a caller that adds context passes err->text as an argument. */
    char text[sizeof(err->text)];
    va_list args;

    if (err == NULL)
        return rc;
    va_start(args, fmt);
    if (vsnprintf(text, sizeof(text), fmt, args) < 0)
        text[0] = '\0';
    va_end(args);
    memcpy(err->text, text, strlen(text) + 1);
    return rc;
}
