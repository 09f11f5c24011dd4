/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_pending_log.c - a log of pending jobs from anybody. */
#include <math.h>
#include <stdlib.h>

#include "models/train/pending_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mir_pending_log log = {0};

    if (mir_pending_log_parse("fuzz", data, size, &log, NULL) == 0) {
        for (size_t i = 0; i < log.n; i++) {
            if (log.rows[i].start_at < log.rows[i].poll_at || log.rows[i].limit_s <= 0 ||
                (i > 0 && log.rows[i].poll_at < log.rows[i - 1].poll_at))
                abort();
        }
    }
    mir_pending_log_release(&log);
    return 0;
}
