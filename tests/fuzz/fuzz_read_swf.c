/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_read_swf.c - any bytes read as a job log, format swf. */
#include "tests/fuzz/fuzz_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_read(MIR_FORMAT_SWF, data, size);
}
