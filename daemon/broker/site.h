/*
 * site.h - what seldom changes on a cluster: configuration, nodes, partitions,
 * reservations.  Each is asked for with the time of the last answer, so that an
 * unchanged one costs slurmctld next to nothing.  Calls libslurm; one thread.
 */
#ifndef MIR_BROKER_SITE_H
#define MIR_BROKER_SITE_H

#include <stddef.h>

#include "daemon/broker/compat.h"
#include "daemon/broker/node_sets.h"
#include "daemon/core/error.h"
#include "daemon/host/live.h"

/* Start from {0}. */
struct mir_site {
    struct mir_live_cluster cluster; /* its lists point into those below */
    struct mir_live_partition *partitions;
    struct mir_live_reservation *reservations;
    struct mir_node_sets sets;
    time_t conf_at, nodes_at, partitions_at, reservations_at; /* last answers; 0: none yet */
};

/* Bring all of it up to date.  Returns 0, or -EIO with what slurmctld said. */
int mir_site_read(struct mir_site *site, struct mir_error *err);

/* Only the configuration (name, accounting). */
int mir_site_read_conf(struct mir_site *site, struct mir_error *err);

void mir_site_release(struct mir_site *site);

/* "what: Slurm's words for `code`" and -EIO; libslurm also fails with a code of 0. */
int mir_site_error(struct mir_error *err, const char *what, int code);

#endif
