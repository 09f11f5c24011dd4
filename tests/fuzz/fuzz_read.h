/*
 * fuzz_read.h - what the fuzz targets of the log readers share: read any bytes
 * as one format; what was understood must come back from Mirage's own CSV.
 */
#ifndef MIR_TESTS_FUZZ_READ_H
#define MIR_TESTS_FUZZ_READ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/joblog_equal.h"
#include "traces/reader/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_count_bad(void *context, const char *text)
{
    *(uint64_t *)context += text[0] != '\0';
}

static inline int fuzz_read_once(enum mir_log_format format,
                                 const void *data,
                                 size_t size,
                                 bool strict,
                                 struct mir_joblog *log)
{
    struct mir_read_result result;
    struct mir_error err = {{0}};
    uint64_t n_told = 0;
    struct mir_read_options options = {
        .format = format,
        .strict = strict,
        .bad_line = fuzz_count_bad,
        .context = &n_told,
    };
    int rc = mir_log_read_memory("fuzz", data, size, &options, log, &result, &err);

    if (n_told != result.n_bad || result.n_jobs != log->n_jobs || (rc != 0) != (err.text[0] != 0))
        abort();
    if (rc == 0 && (result.n_jobs == 0 || (strict && result.n_bad > 0)))
        abort();
    return rc;
}

/* Reading again what was written must give the same. */
static inline void fuzz_round_trip(const struct mir_joblog *log)
{
    struct mir_joblog again;
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    if (!f || mir_log_write(f, log, NULL) != 0 || fclose(f) != 0)
        abort();
    mir_joblog_init(&again);
    if (fuzz_read_once(MIR_FORMAT_MIRAGE, text, len, true, &again) != 0 ||
        first_difference(log, &again) != SIZE_MAX)
        abort();
    mir_joblog_release(&again);
    free(text);
}

static inline int fuzz_read(enum mir_log_format format, const void *data, size_t size)
{
    for (int strict = 0; strict < 2; strict++) {
        struct mir_joblog log;

        mir_joblog_init(&log);
        if (fuzz_read_once(format, data, size, strict, &log) == 0 && log.n_jobs <= 2000)
            fuzz_round_trip(&log);
        mir_joblog_release(&log);
    }
    return 0;
}

#endif
