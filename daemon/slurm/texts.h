/*
 * texts.h - the strings of one answer, kept together and freed together.  What
 * comes again (users, partitions, reasons) is kept once.  One thread.
 */
#ifndef MIR_SLURM_TEXTS_H
#define MIR_SLURM_TEXTS_H

#include <stddef.h>
#include <stdint.h>

enum { MIR_SLURM_TEXTS_MAX = 256 << 20 }; /* bytes of one answer */

struct mir_slurm_texts_slot;
struct mir_slurm_texts_chunk;

/* Start from {0}. */
struct mir_slurm_texts {
    struct mir_slurm_texts_chunk *chunks; /* the newest first */
    char *next;                           /* free bytes in the newest */
    size_t left;
    size_t n_bytes; /* handed out, NULs included */
    struct mir_slurm_texts_slot *slots;
    size_t n_slots, n_used;
};

/* A copy of s[0..len), NUL-terminated; NULL when there would be more than MIR_SLURM_TEXTS_MAX. */
const char *mir_slurm_texts_keep(struct mir_slurm_texts *t, const char *s, size_t len);

/* No more will be kept: give back what only finding needed. */
void mir_slurm_texts_seal(struct mir_slurm_texts *t);

void mir_slurm_texts_release(struct mir_slurm_texts *t);

#endif
