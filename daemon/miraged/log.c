/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.c - lines for people, fields for journalctl. */
#include "daemon/miraged/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static bool to_journal;

/* systemd names device and inode of the stream that it reads: sd_journal_print(3). */
void mir_log_open(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    to_journal = stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
                 fstat(STDERR_FILENO, &st) == 0 && (unsigned long long)st.st_dev == device &&
                 (unsigned long long)st.st_ino == inode;
}

void mir_log(int priority, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    mir_log_chain(NULL, priority, "", 0, "", text);
}

static void
print_line(int priority, const char *chain, uint32_t job_id, const char *token, const char *text)
{
    fprintf(stderr, "<%d>miraged: %s%s%s", priority, chain, chain[0] != '\0' ? ": " : "", text);
    if (job_id != 0)
        fprintf(stderr, " [job %u]", job_id);
    if (token[0] != '\0')
        fprintf(stderr, " [token %s]", token);
    fputc('\n', stderr);
}

void mir_log_chain(void *arg,
                   int priority,
                   const char *chain,
                   uint32_t job_id,
                   const char *token,
                   const char *text)
{
    (void)arg;
    if (to_journal)
        sd_journal_send("PRIORITY=%d", priority, "MESSAGE=%s%s%s", chain,
                        chain[0] != '\0' ? ": " : "", text, "MIRAGE_CHAIN=%s", chain,
                        "SLURM_JOB_ID=%u", job_id, "MIRAGE_TOKEN=%s", token,
                        "SYSLOG_IDENTIFIER=miraged", NULL);
    else
        print_line(priority, chain, job_id, token, text);
}
