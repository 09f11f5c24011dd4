/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_config.c - mirage.conf of any bytes; what is accepted is listed and read back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config.h"
#include "daemon/core/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(void *arg, const char *key, const char *value)
{
    size_t *n = arg;

    *n += strlen(key) + strlen(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mir_config *config = NULL;
    struct mir_error err = {{0}};
    size_t n = 0;
    char *text = mir_alloc(size + 1, 1);

    memcpy(text, data, size);
    if (mir_config_parse("fuzz.conf", text, &config, &err) == 0) {
        mir_config_each(config, look, &n);
        if (n == 0)
            abort();
        mir_config_destroy(config);
    } else if (strncmp(err.text, "fuzz.conf:", 10) != 0) {
        abort(); /* an error without its line */
    }
    free(text);
    return 0;
}
