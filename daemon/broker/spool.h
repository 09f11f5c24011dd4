/*
 * spool.h - templates: what a successor is made of, captured from a live job as
 * its owner, kept where only root writes.  One file each, `<id>-<uid>`, of wire
 * records (wire.h):
 *
 *     template version=1 uid gid id submit_at environment warn_s
 *     field name=NAME value=VALUE        one for each carried field (carry.h)
 *     environment value=NAME=VALUE       one for each variable
 *     script value=...                   its bytes, in as many pieces as it takes
 *     end
 *
 * The uid in the file's name is the broker's own word; the content was written
 * by a process of that user and can only ever be run as him.
 */
#ifndef MIR_BROKER_SPOOL_H
#define MIR_BROKER_SPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/error.h"
#include "daemon/host/live.h"

struct mir_template_field {
    char *name, *value;
};

struct mir_template {
    uid_t uid;
    gid_t gid;
    uint32_t job_id; /* captured from */
    int64_t submit_at;
    int64_t kept_at; /* when the file was last written; 0 before */
    enum mir_environment_source environment_source;
    int32_t warn_s;
    struct mir_template_field *fields;
    size_t n_fields;
    char **environment; /* NAME=VALUE */
    size_t n_environment;
    char *script;
};

enum {
    MIR_TEMPLATE_SCRIPT_MAX = 16 << 20, /* bytes; Slurm's own default limit is 4 MB */
    MIR_TEMPLATE_VALUE_MAX = 2 << 20,   /* of one field or variable: fits a line when escaped */
    MIR_TEMPLATE_FIELDS_MAX = 4096,
    MIR_TEMPLATE_VARIABLES_MAX = 65536,
};

void mir_template_release(struct mir_template *t);

/* Append copies. */
void mir_template_add_field(struct mir_template *t, const char *name, const char *value);
void mir_template_add_variable(struct mir_template *t, const char *variable);

/* The first value of field `name`; NULL when it is not there. */
const char *mir_template_field(const struct mir_template *t, const char *name);

/*
 * Parse a whole file; `bytes` are changed.  Returns 0 or -EBADMSG; the caller
 * releases `*out` either way.
 */
int mir_template_parse(char *bytes, size_t len, struct mir_template *out, struct mir_error *err);

/*
 * Make `<id>-<uid>.new` (as root, before dropping privilege) with a fresh random
 * `id`; returns a descriptor to write to, or a negative errno.
 */
int mir_spool_begin(const char *spool,
                    uid_t uid,
                    char id[MIR_TEMPLATE_ID_LEN + 1],
                    struct mir_error *err);

/*
 * Write `t` to the descriptor and fsync it (as the owner).  -E2BIG: the script or
 * a value is over the limits above.
 */
int mir_spool_write(int fd, const struct mir_template *t, struct mir_error *err);

/* Parent: make it count (rename, fsync of the folder), or remove what a dead child left. */
int mir_spool_commit(const char *spool, const char *id, uid_t uid, struct mir_error *err);
void mir_spool_abort(const char *spool, const char *id, uid_t uid);

/*
 * Read template `id` (as root).  -ENOENT, or -EBADMSG for a damaged one.
 * `*uid` is the one in the file's name.
 */
int mir_spool_read(const char *spool,
                   const char *id,
                   uid_t *uid,
                   struct mir_template *out,
                   struct mir_error *err);

/* -ENOENT is no error.  Also called at start for every `*.new`. */
int mir_spool_forget(const char *spool, const char *id, struct mir_error *err);
int mir_spool_sweep(const char *spool, struct mir_error *err);

/* Is it 32 lower-case hex digits?  All of the above refuse (-EINVAL) what is not. */
int mir_template_id_check(const char *id);

#endif
