/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notes.c - what the verbs share: notes on stderr, the number of threads. */
#include <stdarg.h>
#include <unistd.h>

#include "models/train/commands.h"

uint32_t mir_train_threads(const struct mir_train_options *options)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    if (options->scene.n_threads > 0)
        return options->scene.n_threads;
    return n < 1 ? 1 : n > 1024 ? 1024 : (uint32_t)n;
}

__attribute__((format(printf, 1, 0))) static void print(const char *fmt, va_list args)
{
    fputs("mirage-train: ", stderr);
    vfprintf(stderr, fmt, args);
    putc('\n', stderr);
}

void mir_train_note(const struct mir_train_options *options, const char *fmt, ...)
{
    va_list args;

    if (options->scene.quiet)
        return;
    va_start(args, fmt);
    print(fmt, args);
    va_end(args);
}

void mir_train_warn(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    print(fmt, args);
    va_end(args);
}
