/* SPDX-License-Identifier: GPL-3.0-or-later */
/* output.c - files that results are written to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "traces/replay/commands.h"

static int is_stdout(const char *path)
{
    return path == NULL || strcmp(path, "-") == 0;
}

FILE *mir_output_open(const char *path, struct mir_error *err)
{
    FILE *file = is_stdout(path) ? stdout : fopen(path, "we");

    if (file == NULL)
        mir_error_set(err, -errno, "%s: %s", path, strerror(errno));
    return file;
}

int mir_output_close(FILE *file, const char *path, int rc, struct mir_error *err)
{
    int failed = fflush(file) != 0 || ferror(file);
    int code = errno;

    if (!is_stdout(path) && fclose(file) != 0 && !failed) {
        failed = 1;
        code = errno;
    }
    if (rc != 0 || !failed)
        return rc;
    return mir_error_set(err, -EIO, "%s: %s", is_stdout(path) ? "standard output" : path,
                         strerror(code));
}
