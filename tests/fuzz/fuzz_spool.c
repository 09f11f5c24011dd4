/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_spool.c - a template's file: any bytes at all. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/broker/options.h"
#include "daemon/broker/spool.h"
#include "daemon/core/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = mir_alloc(size + 1, 1);
    struct mir_options o = {0};
    struct mir_template t;

    memcpy(copy, data, size);
    mir_options_read_script(&o, copy);
    mir_options_read_line(&o, copy, "a", NULL);
    mir_options_release(&o);
    if (mir_template_parse(copy, size, &t, NULL) == 0 && t.script == NULL)
        abort();
    mir_template_release(&t);
    free(copy);
    return 0;
}
