/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fuzz_read_alcf.c - any bytes read as a job log, format alcf. */
#include "tests/fuzz/fuzz_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return fuzz_read(MIR_FORMAT_ALCF, data, size);
}
