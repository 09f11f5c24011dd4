/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wrong_abi.c - a module from another time: the loader must refuse it before it looks further. */
#include <stdint.h>

struct other_plugin {
    uint32_t abi;
    uint32_t size;
};

extern const struct other_plugin mirage_plugin;
const struct other_plugin mirage_plugin = {.abi = 977, .size = sizeof(struct other_plugin)};
