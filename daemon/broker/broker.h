/*
 * broker.h - what the parts of mirage-broker share: settings, and the two things
 * that a child can be.  Only this folder includes it.
 */
#ifndef MIR_BROKER_BROKER_H
#define MIR_BROKER_BROKER_H

#include <stdint.h>
#include <sys/types.h>

#include "daemon/core/error.h"
#include "daemon/host/live.h"
#include "daemon/host/wire.h"

/* From mirage.conf; read-only once the server runs. */
struct mir_broker_settings {
    const char *socket_path;
    const char *spool;      /* folder of templates; root's, mode 0700 */
    const char *slurm_conf; /* "": libslurm's own search */
    const char *kill_file;  /* "": none */
    uid_t daemon_uid;       /* the only peer; whom the reader becomes */
    gid_t daemon_gid;
    uid_t min_uid; /* never acts for a user below */
    int user_per_hour, all_per_hour;
    int deadline_s;         /* of one act or one reading; 0: four times MessageTimeout */
    const char *slurm_user; /* may read StateSaveLocation; "": never read there */
};

/*
 * The reader: answers questions from `fd` (a socketpair's end) on `fd` until it
 * closes.  Runs in a child that has become the daemon's user.  Returns an exit
 * status; libslurm may exit for it.  reader.c
 */
int mir_reader_run(int fd, const struct mir_broker_settings *settings);

/*
 * One capture, submit or cancel.  Runs in a child that is still privileged and
 * drops that itself, for good, before it calls libslurm.  Answers on `fd` with
 * records as in README.md and returns an exit status; just before a submission
 * or cancellation is handed to slurmctld it asks for leave (mir_ask_leave()), so
 * that a child that dies before is "unavailable" and one that dies after is "unknown".
 * A capture leaves `<template>-<uid>.new` in the spool; the parent renames it
 * to `<template>-<uid>` once the child has answered and ended well.  act.c
 */
int mir_act_run(int fd,
                const struct mir_wire_record *question,
                const struct mir_broker_settings *settings);

/*
 * Become `uid` for good, with `gid` and the user's supplementary groups; refuses
 * uid 0, gid 0, uid < min_uid, unknown users, and a gid that is not among the
 * user's.  Afterwards the process cannot go back (checked), has no capability,
 * cannot gain any (no_new_privs), and dumps no core.  Returns 0 or -EPERM,
 * -ENOENT with text; then the caller must exit.  child.c
 */
int mir_become_user(uid_t uid, gid_t gid, uid_t min_uid, struct mir_error *err);

/* The same for a system account that may lie under min_uid (the reader, SlurmUser). */
int mir_become_system_user(uid_t uid, gid_t gid, struct mir_error *err);

/*
 * Write `sending ticket=N` to the parent and wait for its "go".  The parent looks at
 * the kill file once more, and counts; a child whose parent is no more, or has given
 * it up, gets none.  Returns 0 or -ECANCELED: then nothing may be handed to
 * slurmctld.  `fd` blocks.  child.c
 */
int mir_ask_leave(int fd, int64_t ticket);

/* Write all of `s` to `fd` and empty it; 0 or a negative errno.  child.c */
int mir_write_all(int fd, struct mir_str *s);

#endif
