/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_cli_reply.c - what the mirage command takes for a reply from the daemon. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cli/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int ended = 0; ended < 2; ended++) {
        struct mir_cli_reply reply = {0};
        struct mir_error err = {{0}};
        int rc = mir_cli_reply_parse((const char *)data, size, ended == 1, &reply, &err);

        if (rc == 0 && ended == 1)
            abort(); /* nobody would ever read on */
        if (rc != 1)
            continue;
        if (reply.body[reply.body_len] != '\0' || reply.body_len > size)
            abort();
        free(reply.body);
    }
    return 0;
}
