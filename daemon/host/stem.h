/*
 * stem.h - the part of a job's name that its runs have in common: "train_ab.12"
 * and "train_ab.13" are "train_ab".
 */
#ifndef MIR_HOST_STEM_H
#define MIR_HOST_STEM_H

#include <stddef.h>

enum { MIR_STEM_MAX = 48 };

/*
 * `name` without its digits, and without the dots, dashes, underscores and blanks
 * at its end, cut at MIR_STEM_MAX bytes; returns its length.  A name of nothing
 * else has the stem "".
 */
size_t mir_name_stem(const char *name, char out[MIR_STEM_MAX + 1]);

#endif
