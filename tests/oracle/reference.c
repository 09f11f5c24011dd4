/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reference.c - see reference.h. */
#include "tests/oracle/reference.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/parse.h"
#include "daemon/core/str.h"

char *mir_shared_path(const char *name)
{
    const char *shared = getenv("MIRAGE_SHARED");
    struct mir_str s = {0};

    mir_str_addf(&s, "%s/%s", shared != NULL ? shared : MIR_SOURCE_DIR "/../shared", name);
    if (access(s.text, R_OK) == 0)
        return s.text;
    mir_str_release(&s);
    return NULL;
}

static int slurp(const char *path, struct mir_str *out, struct mir_error *err)
{
    struct archive *a = archive_read_new();
    struct archive_entry *entry;
    char chunk[65536];
    la_ssize_t n = -1;
    int rc = 0;

    archive_read_support_filter_all(a);
    archive_read_support_format_raw(a);
    if (archive_read_open_filename(a, path, sizeof(chunk)) == ARCHIVE_OK &&
        archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        while ((n = archive_read_data(a, chunk, sizeof(chunk))) > 0)
            mir_str_add_n(out, chunk, (size_t)n);
    }
    if (n < 0 || out->len == 0)
        rc = mir_error_set(err, -EIO, "%s: %s", path, archive_error_string(a));
    archive_read_free(a);
    return rc;
}

/* Field `number` of the line at `s`, which ends at a newline or NUL. */
static const char *field(const char *s, size_t number, size_t *len)
{
    while (number > 0 && *s != '\0' && *s != '\n')
        number -= *s++ == ',';
    *len = number == 0 ? strcspn(s, ",\n") : 0;
    return s;
}

/* 0: no such column, as field 0 is the job. */
static size_t find_column(const char *header, const char *name)
{
    size_t len = 1;

    for (size_t i = 0; len > 0; i++) {
        const char *s = field(header, i, &len);

        if (len == strlen(name) && memcmp(s, name, len) == 0)
            return i;
    }
    return 0;
}

static void put(struct mir_reference *r, size_t *cap, size_t job, int64_t start_at)
{
    r->start_at = mir_grow(r->start_at, cap, job + 1, sizeof(*r->start_at));
    while (r->n <= job)
        r->start_at[r->n++] = INT64_MIN;
    r->start_at[job] = start_at;
}

static int parse(const char *text, size_t column, struct mir_reference *r)
{
    size_t cap = 0;

    for (const char *line = strchr(text, '\n'); line != NULL && line[1] != '\0';
         line = strchr(line + 1, '\n')) {
        int64_t job, start_at;
        size_t len;
        const char *s = field(line + 1, 0, &len);

        if (mir_parse_i64(s, len, &job) != 0 || job < 0 || job > 100000000)
            return -EINVAL;
        s = field(line + 1, column, &len);
        if (mir_parse_i64(s, len, &start_at) != 0)
            return -EINVAL;
        put(r, &cap, (size_t)job, start_at);
    }
    return 0;
}

int mir_reference_read(const char *path,
                       const char *column,
                       struct mir_reference *out,
                       struct mir_error *err)
{
    struct mir_reference made = {0};
    struct mir_str text = {0};
    size_t number;
    int rc = slurp(path, &text, err);

    if (rc != 0)
        goto done;
    number = find_column(text.text, column);
    if (number == 0 || parse(text.text, number, &made) != 0) {
        rc = mir_error_set(err, -EINVAL, "%s: no column %s of numbers", path, column);
        mir_reference_release(&made);
        goto done;
    }
    *out = made;
done:
    mir_str_release(&text);
    return rc;
}

void mir_reference_release(struct mir_reference *reference)
{
    free(reference->start_at);
    *reference = (struct mir_reference){0};
}

static bool
parse_episode(const char *line, const size_t columns[3], struct mir_reference_episode *e)
{
    size_t len;
    const char *s = field(line, columns[0], &len);

    if (mir_parse_i64(s, len, &e->chain_nodes) != 0)
        return false;
    s = field(line, columns[1], &len);
    if (mir_parse_time(s, len, NULL, &e->episode_at) != 0)
        return false;
    s = field(line, columns[2], &len);
    return mir_parse_f64(s, len, &e->reactive_signed_h) == 0;
}

static int parse_episodes(const char *text,
                          const size_t columns[3],
                          int64_t chain_nodes,
                          struct mir_reference_episode **out,
                          size_t *n_out)
{
    struct mir_reference_episode *made = NULL, e;
    size_t n = 0, cap = 0;

    for (const char *line = strchr(text, '\n'); line != NULL && line[1] != '\0';
         line = strchr(line + 1, '\n')) {
        if (!parse_episode(line + 1, columns, &e)) {
            free(made);
            return -EINVAL;
        }
        if (e.chain_nodes != chain_nodes)
            continue;
        made = mir_grow(made, &cap, n + 1, sizeof(*made));
        made[n++] = e;
    }
    if (n == 0)
        return -EINVAL;
    *out = made;
    *n_out = n;
    return 0;
}

int mir_reference_read_episodes(const char *path,
                                int64_t chain_nodes,
                                struct mir_reference_episode **out,
                                size_t *n_out,
                                struct mir_error *err)
{
    struct mir_str text = {0};
    size_t columns[3];
    int rc = slurp(path, &text, err);

    if (rc != 0)
        goto done;
    columns[0] = 0; /* find_column() does not tell the first column from none */
    columns[1] = find_column(text.text, "episode_start");
    columns[2] = find_column(text.text, "reactive_signed_h");
    if (strncmp(text.text, "chain_nodes,", strlen("chain_nodes,")) != 0 || columns[1] == 0 ||
        columns[2] == 0 || parse_episodes(text.text, columns, chain_nodes, out, n_out) != 0)
        rc = mir_error_set(err, -EINVAL, "%s: no episodes of %lld nodes", path,
                           (long long)chain_nodes);
done:
    mir_str_release(&text);
    return rc;
}
