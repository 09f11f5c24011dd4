/* SPDX-License-Identifier: GPL-3.0-or-later */
/* short_struct.c - a module of the right ABI whose struct ends too early. */
#include "plugins/plugin.h"

struct short_plugin {
    uint32_t abi;
    uint32_t size;
};

extern const struct short_plugin mirage_plugin;
const struct short_plugin mirage_plugin = {.abi = MIRAGE_PLUGIN_ABI, .size = 8};
