/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_pack.c - a packed queue out of a damaged journal: any bytes at all. */
#include <stdint.h>
#include <stdlib.h>

#include "daemon/engine/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was understood must be readable to its last job, and packs again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mir_snapshot s, again;
    struct mir_str bytes = {0};
    void *memory = NULL, *memory_again = NULL;

    if (mir_unpack_queue(data, size, 1700000000, &s, &memory, NULL) != 0)
        return 0;
    mir_pack_queue(&s, &bytes);
    if (mir_unpack_queue(bytes.text, bytes.len, s.now, &again, &memory_again, NULL) != 0)
        abort();
    if (again.n_pending != s.n_pending || again.n_running != s.n_running)
        abort();
    for (size_t i = 0; i < s.n_pending; i++) {
        if (again.pending[i].id != s.pending[i].id)
            abort();
    }
    free(memory);
    free(memory_again);
    mir_str_release(&bytes);
    return 0;
}
