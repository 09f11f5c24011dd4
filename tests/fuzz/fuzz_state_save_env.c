/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_state_save_env.c - slurmctld's environment file and job_state: any bytes at all. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/environment.h"
#include "daemon/core/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mir_environment e = {0};
    char *text = mir_alloc(size + 1, 1);
    bool ambiguous;

    memcpy(text, data, size);
    (void)mir_environment_parse_saved(data, size, &e, NULL);
    mir_environment_strip(&e);
    mir_environment_release(&e);
    (void)mir_environment_parse_enrolled(text, size, 7, &e, NULL);
    mir_environment_release(&e);
    if (mir_environment_parse_lines(text, &e, &ambiguous, NULL) == 0 && strchr(text, '=') == NULL &&
        e.n != 0)
        abort();
    mir_environment_release(&e);
    (void)mir_environment_find_arguments(data, size, "/s.sh a b", &e);
    mir_environment_release(&e);
    free(text);
    return 0;
}
