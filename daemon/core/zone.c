/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone.c - time zones from TZif files (RFC 8536). */
#include "daemon/core/zone.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/core/alloc.h"
#include "daemon/core/civil.h"
#include "daemon/core/zone_rule.h"

enum {
    HEADER_BYTES = 44,
    TYPE_BYTES = 6,
    FILE_BYTES_MAX = 1 << 20, /* real ones have at most some thousand */
    OFFSET_S_MAX = 26 * 3600, /* RFC 8536, 3.2 */
};

struct mir_zone {
    size_t n_changes;
    int64_t *change_at;     /* ascending; owned */
    int32_t *offset_s;      /* from change_at[i] on; owned */
    int32_t first_offset_s; /* before all of them */
    bool has_rule;          /* after the last of them */
    struct mir_zone_rule rule;
};

/* The counts of a TZif header. */
struct tzif {
    uint32_t n_ut, n_std, n_leap, n_changes, n_types, n_chars;
    const unsigned char *data; /* after the header */
    size_t bytes;              /* that the counts ask for */
};

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t get_i64(const unsigned char *p)
{
    return (int64_t)((uint64_t)get_u32(p) << 32 | get_u32(p + 4));
}

/* A header whose data, with times of `time_bytes`, lies within [p, end). */
static bool
read_header(const unsigned char *p, const unsigned char *end, size_t time_bytes, struct tzif *h)
{
    if (end - p < HEADER_BYTES || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
        return false;
    h->n_ut = get_u32(p + 20);
    h->n_std = get_u32(p + 24);
    h->n_leap = get_u32(p + 28);
    h->n_changes = get_u32(p + 32);
    h->n_types = get_u32(p + 36);
    h->n_chars = get_u32(p + 40);
    h->data = p + HEADER_BYTES;
    /* 32-bit counts times small numbers: no overflow in 64 bits. */
    h->bytes = h->n_changes * (time_bytes + 1) + (size_t)h->n_types * TYPE_BYTES + h->n_chars +
               h->n_leap * (time_bytes + 4) + h->n_std + h->n_ut;
    return h->bytes <= (size_t)(end - h->data);
}

static bool read_offset(const struct tzif *h, uint32_t type, int32_t *out)
{
    const unsigned char *types = h->data + (size_t)h->n_changes * 9;

    if (type >= h->n_types)
        return false;
    *out = (int32_t)get_u32(types + (size_t)type * TYPE_BYTES);
    return *out >= -OFFSET_S_MAX && *out <= OFFSET_S_MAX;
}

static bool read_changes(const struct tzif *h, struct mir_zone *z)
{
    const unsigned char *types = h->data + (size_t)h->n_changes * 8;

    if (!read_offset(h, 0, &z->first_offset_s))
        return false;
    z->n_changes = h->n_changes;
    z->change_at = MIR_NEW_ARRAY(int64_t, h->n_changes);
    z->offset_s = MIR_NEW_ARRAY(int32_t, h->n_changes);
    for (size_t i = 0; i < z->n_changes; i++) {
        z->change_at[i] = get_i64(h->data + i * 8);
        if (!read_offset(h, types[i], &z->offset_s[i]) ||
            (i > 0 && z->change_at[i] <= z->change_at[i - 1]))
            return false;
    }
    return true;
}

/* The rule between two newlines; an empty one means that nothing is known of the future. */
static bool read_footer(const unsigned char *p, const unsigned char *end, struct mir_zone *z)
{
    const unsigned char *newline;

    if (p == end || *p != '\n')
        return false;
    p++;
    newline = memchr(p, '\n', (size_t)(end - p));
    if (newline == NULL)
        return false;
    z->has_rule = newline > p;
    return !z->has_rule ||
           mir_zone_rule_parse((const char *)p, (size_t)(newline - p), &z->rule) == 0;
}

int mir_zone_parse(const void *data, size_t len, struct mir_zone **out)
{
    const unsigned char *p = data;
    const unsigned char *end = p + len;
    struct tzif old, h;
    struct mir_zone *z;

    /* First everything in 32 bits for old programs, then again in 64. */
    if (!read_header(p, end, 4, &old) || !read_header(old.data + old.bytes, end, 8, &h))
        return -EBADMSG;
    z = MIR_NEW(struct mir_zone);
    if (!read_changes(&h, z) || !read_footer(h.data + h.bytes, end, z)) {
        mir_zone_destroy(z);
        return -EBADMSG;
    }
    *out = z;
    return 0;
}

/* A name, not a way out of the folder of zones. */
static bool is_zone_name(const char *name)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789_+-/";

    return name[0] != '\0' && name[0] != '/' && strlen(name) < 128 &&
           strspn(name, allowed) == strlen(name);
}

int mir_zone_create(const char *name, struct mir_zone **out)
{
    char path[256];
    unsigned char *data;
    size_t len;
    FILE *f;
    int rc;

    if (strcmp(name, "UTC") == 0) { /* good without any zone files */
        *out = MIR_NEW(struct mir_zone);
        return 0;
    }
    if (!is_zone_name(name))
        return -ENOENT;
    (void)snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
    f = fopen(path, "rbe");
    if (f == NULL)
        return -ENOENT;
    data = mir_alloc(FILE_BYTES_MAX, 1);
    len = fread(data, 1, FILE_BYTES_MAX, f); /* of a folder: nothing */
    fclose(f);
    rc = mir_zone_parse(data, len, out);
    free(data);
    return rc == 0 ? 0 : -ENOENT;
}

void mir_zone_destroy(struct mir_zone *zone)
{
    if (zone == NULL)
        return;
    free(zone->change_at);
    free(zone->offset_s);
    free(zone);
}

int32_t mir_zone_offset_at(const struct mir_zone *zone, int64_t at)
{
    size_t low = 0; /* how many changes are at or before `at` */
    size_t high = zone->n_changes;

    if (zone->has_rule && (high == 0 || at >= zone->change_at[high - 1]))
        return mir_zone_rule_offset_at(&zone->rule, at);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (zone->change_at[middle] <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low == 0 ? zone->first_offset_s : zone->offset_s[low - 1];
}

int64_t mir_zone_to_utc(const struct mir_zone *zone, int64_t local)
{
    int32_t before_s = mir_zone_offset_at(zone, local - MIR_DAY_S);
    int32_t after_s = mir_zone_offset_at(zone, local + MIR_DAY_S);

    if (before_s == after_s)
        return local - before_s;
    /* A change is near; in a gap neither offset holds, and the old one is taken. */
    if (mir_zone_offset_at(zone, local - before_s) != before_s &&
        mir_zone_offset_at(zone, local - after_s) == after_s)
        return local - after_s;
    return local - before_s;
}
