/* SPDX-License-Identifier: GPL-3.0-or-later */
/* texts.c - strings in chunks, found again by a hash table. */
#include "daemon/slurm/texts.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"

enum {
    CHUNK_BYTES = 64 << 10,
    SLOTS_MIN = 256,
    /*
     * Users choose names and comments: many that hash alike would make a list slow.
     * After so many tries a text is kept twice instead.
     */
    PROBES_MAX = 8,
};

struct mir_slurm_texts_slot {
    const char *text; /* NULL: free */
    uint32_t len;
    uint32_t hash;
};

struct mir_slurm_texts_chunk {
    struct mir_slurm_texts_chunk *older;
    char bytes[];
};

/* FNV-1a. */
static uint32_t hash_of(const char *s, size_t len)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)s[i]) * 16777619u;
    return hash;
}

/* The slot that holds it, or a free one, or NULL. */
static struct mir_slurm_texts_slot *
find_slot(const struct mir_slurm_texts *t, const char *s, size_t len, uint32_t hash)
{
    for (size_t i = 0; i < PROBES_MAX; i++) {
        struct mir_slurm_texts_slot *slot = &t->slots[(hash + i) & (t->n_slots - 1)];

        if (slot->text == NULL ||
            (slot->hash == hash && slot->len == len && memcmp(slot->text, s, len) == 0))
            return slot;
    }
    return NULL;
}

static void grow_slots(struct mir_slurm_texts *t)
{
    struct mir_slurm_texts_slot *old = t->slots;
    size_t n_old = t->n_slots;

    t->n_slots = n_old > 0 ? n_old * 2 : SLOTS_MIN;
    t->slots = MIR_NEW_ARRAY(struct mir_slurm_texts_slot, t->n_slots);
    t->n_used = 0;
    for (size_t i = 0; i < n_old; i++) {
        struct mir_slurm_texts_slot *slot;

        if (old[i].text == NULL)
            continue;
        slot = find_slot(t, old[i].text, old[i].len, old[i].hash);
        if (slot != NULL) {
            *slot = old[i];
            t->n_used++;
        }
    }
    free(old);
}

static char *take_bytes(struct mir_slurm_texts *t, size_t size)
{
    char *bytes;

    if (size > t->left) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        struct mir_slurm_texts_chunk *chunk = mir_alloc(1, sizeof *chunk + room);

        chunk->older = t->chunks;
        t->chunks = chunk;
        t->next = chunk->bytes;
        t->left = room;
    }
    bytes = t->next;
    t->next += size;
    t->left -= size;
    t->n_bytes += size;
    return bytes;
}

const char *mir_slurm_texts_keep(struct mir_slurm_texts *t, const char *s, size_t len)
{
    uint32_t hash = hash_of(s, len);
    struct mir_slurm_texts_slot *slot;
    char *kept;

    if (len == 0)
        return "";
    if (t->n_used * 2 >= t->n_slots)
        grow_slots(t);
    slot = find_slot(t, s, len, hash);
    if (slot != NULL && slot->text != NULL)
        return slot->text;
    if (len >= MIR_SLURM_TEXTS_MAX - t->n_bytes)
        return NULL;
    kept = take_bytes(t, len + 1);
    memcpy(kept, s, len);
    kept[len] = '\0';
    if (slot != NULL) {
        *slot = (struct mir_slurm_texts_slot){kept, (uint32_t)len, hash};
        t->n_used++;
    }
    return kept;
}

void mir_slurm_texts_seal(struct mir_slurm_texts *t)
{
    free(t->slots);
    t->slots = NULL;
    t->n_slots = t->n_used = 0;
}

void mir_slurm_texts_release(struct mir_slurm_texts *t)
{
    while (t->chunks != NULL) {
        struct mir_slurm_texts_chunk *older = t->chunks->older;

        free(t->chunks);
        t->chunks = older;
    }
    free(t->slots);
    *t = (struct mir_slurm_texts){0};
}
