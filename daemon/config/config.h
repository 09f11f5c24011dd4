/*
 * config.h - /etc/mirage/mirage.conf: every key typed, with a default, a range
 * and a sentence of documentation, in one table (config.c) that the parser, the
 * manual page mirage.conf(5), `mirage config` and the example file share.
 * Parsed by libconfuse; an unknown key, a wrong type, a value out of range and a
 * key given twice are refused with file and line.  One thread.
 */
#ifndef MIR_CONFIG_CONFIG_H
#define MIR_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"

struct mir_config_partition {
    char *name;
    char *policy;  /* NULL: the general one */
    double weight; /* NAN: the general one */
};

/* Read-only once made.  Lists end with NULL. */
struct mir_config {
    /* who decides, and whether it acts */
    char *mode;   /* observe, canary, act */
    char *policy; /* "avg", "quantile", "lead:hours=6", "/usr/lib/mirage/mine.so:key=value" */
    double weight;
    int32_t period_s, poll_s;
    int32_t warmup_s, lead_max_s, links_max, chains_per_user;
    int32_t lookahead_cpu_s;
    int32_t fail_within_s, max_failures, backoff_s, finish_margin_s;
    bool done_on_success, enroll_by_comment;
    char **canary_users, **canary_accounts, **canary_partitions;
    struct mir_config_partition *partitions; /* partition "gpu" { policy = ..., weight = ... } */
    size_t n_partitions;
    char **admins; /* user names that act on all chains; root always may */
    /* where things are */
    char *state_dir, *socket, *kill_file, *time_zone; /* time_zone "": the system's */
    char *model;                                      /* "": none */
    char *listen;    /* "127.0.0.1:8642"; "": no TCP; loopback addresses only */
    char **hosts;    /* further names that HTTP clients may use in Host */
    bool show_users; /* user, account and job names on TCP (Slurm's PrivateData) */
    int32_t history_days, keep_days, history_max;
    /* broker { ... }: what the privileged part holds itself to, whatever the daemon says */
    struct {
        char *socket, *spool, *slurm_conf; /* slurm_conf "": libslurm's default */
        char *user; /* the daemon's user: the only peer, and whom the reader becomes */
        uint32_t min_uid;
        int32_t user_per_hour, all_per_hour; /* submissions at most */
        int32_t deadline_s;                  /* of one act in all; 0: four times MessageTimeout */
        char *state_save;                    /* read environments there: "auto", "never" */
        char *slurm_user;                    /* whose account may read StateSaveLocation */
    } broker;
};

/*
 * Read `path`.  A missing file is an error, but for NULL, which gives the
 * defaults.  Returns 0 with `*out` owned by the caller, -ENOENT, -EACCES or
 * -EINVAL ("mirage.conf:12: no such option 'polcy'").
 */
int mir_config_read(const char *path, struct mir_config **out, struct mir_error *err);

/* The same from text, named `name` in errors. */
int mir_config_parse(const char *name,
                     const char *text,
                     struct mir_config **out,
                     struct mir_error *err);
void mir_config_destroy(struct mir_config *config);

/*
 * Call `f` with every key ("broker.min_uid", "partition.gpu.policy") and its
 * effective value as it would be written in the file.
 */
void mir_config_each(const struct mir_config *config,
                     void (*f)(void *arg, const char *key, const char *value),
                     void *arg);

/* The commented example that is installed as /etc/mirage/mirage.conf, from the table. */
struct mir_str;
void mir_config_example(struct mir_str *out);

#endif
