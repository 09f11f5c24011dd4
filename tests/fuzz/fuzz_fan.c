/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_fan.c - a packed fan out of a damaged journal: any bytes at all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/engine/fan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was understood is within its bounds, and its bytes are those of its own packing. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mir_view_fan *fan = NULL, *again = NULL;
    struct mir_str bytes = {0}, bytes_again = {0};

    if (mir_fan_unpack(data, size, &fan, NULL) != 0)
        return 0;
    if (fan->n_points < 1 || fan->n_points > MIR_VIEW_FAN_POINTS || fan->best >= fan->n_points ||
        fan->n_jobs > MIR_VIEW_FAN_JOBS)
        abort();
    for (uint32_t k = 1; k < fan->n_points; k++) {
        if (fan->points[k].submit_at <= fan->points[k - 1].submit_at)
            abort();
    }
    mir_fan_pack(fan, &bytes);
    if (mir_fan_unpack(bytes.text, bytes.len, &again, NULL) != 0)
        abort();
    mir_fan_pack(again, &bytes_again);
    if (bytes.len != size || bytes.len != bytes_again.len ||
        memcmp(bytes.text, bytes_again.text, bytes.len) != 0)
        abort();
    mir_view_fan_unref(fan);
    mir_view_fan_unref(again);
    mir_str_release(&bytes);
    mir_str_release(&bytes_again);
    return 0;
}
