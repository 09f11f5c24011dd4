/* SPDX-License-Identifier: GPL-3.0-or-later */
/* site.c - configuration, nodes, partitions and reservations, re-read when they change. */
#include "daemon/broker/site.h"

#include <errno.h>
#include <stdlib.h>

#include "daemon/broker/accounting.h"
#include "daemon/broker/records.h"
#include "daemon/core/alloc.h"

int mir_site_error(struct mir_error *err, const char *what, int code)
{
    return mir_error_set(err, -EIO, "%s: %s", what,
                         code == 0 ? "failed without a reason" : slurm_strerror(code));
}

/*
 * How a slurm_load_...() ended: 1 with a new message, 0 when nothing has changed since
 * the last one, or an error.  Some failures return no error and no message.
 */
static int loaded(int rc, const void *message, const char *what, struct mir_error *err)
{
    int code = errno;

    if (rc == SLURM_SUCCESS && message != NULL)
        return 1;
    if (rc != SLURM_SUCCESS && code == SLURM_NO_CHANGE_IN_DATA)
        return 0;
    return mir_site_error(err, what, code);
}

int mir_site_read_conf(struct mir_site *site, struct mir_error *err)
{
    slurm_conf_t *conf = NULL;
    int rc;

    errno = 0;
    rc = slurm_load_ctl_conf(site->conf_at, &conf);
    rc = loaded(rc, conf, "read configuration", err);
    if (rc <= 0)
        return rc;
    mir_record_conf_read(conf, &site->cluster);
    site->conf_at = conf->last_update;
    slurm_free_ctl_conf(conf);
    return 0;
}

static int read_nodes(struct mir_site *site, struct mir_error *err)
{
    node_info_msg_t *nodes = NULL;
    int rc;

    errno = 0;
    rc = slurm_load_node(site->nodes_at, &nodes, SHOW_ALL | SHOW_LOCAL);
    rc = loaded(rc, nodes, "read nodes", err);
    if (rc <= 0)
        return rc;
    mir_record_nodes_read(nodes, &site->cluster);
    mir_node_sets_take_nodes(&site->sets, nodes);
    site->nodes_at = nodes->last_update;
    slurm_free_node_info_msg(nodes);
    return 0;
}

static int read_partitions(struct mir_site *site, struct mir_error *err)
{
    partition_info_msg_t *message = NULL;
    int rc;

    errno = 0;
    rc = slurm_load_partitions(site->partitions_at, &message, SHOW_ALL | SHOW_LOCAL);
    rc = loaded(rc, message, "read partitions", err);
    if (rc <= 0)
        return rc;
    free(site->partitions);
    site->partitions = MIR_NEW_ARRAY(struct mir_live_partition, message->record_count);
    for (uint32_t i = 0; i < message->record_count; i++)
        mir_record_partition_read(&message->partition_array[i], &site->partitions[i]);
    mir_node_sets_take_partitions(&site->sets, message);
    site->cluster.partitions = site->partitions;
    site->cluster.n_partitions = message->record_count;
    site->partitions_at = message->last_update;
    slurm_free_partition_info_msg(message);
    return 0;
}

static int read_reservations(struct mir_site *site, struct mir_error *err)
{
    reserve_info_msg_t *message = NULL;
    int rc;

    errno = 0;
    rc = slurm_load_reservations(site->reservations_at, &message);
    rc = loaded(rc, message, "read reservations", err);
    if (rc <= 0)
        return rc;
    free(site->reservations);
    site->reservations = MIR_NEW_ARRAY(struct mir_live_reservation, message->record_count);
    for (uint32_t i = 0; i < message->record_count; i++)
        mir_record_reservation_read(&message->reservation_array[i], &site->reservations[i]);
    site->cluster.reservations = site->reservations;
    site->cluster.n_reservations = message->record_count;
    site->reservations_at = message->last_update;
    slurm_free_reservation_info_msg(message);
    return 0;
}

int mir_site_read(struct mir_site *site, struct mir_error *err)
{
    int rc = mir_site_read_conf(site, err);

    if (rc == 0)
        rc = read_nodes(site, err);
    if (rc == 0)
        rc = read_partitions(site, err);
    if (rc == 0)
        rc = read_reservations(site, err);
    if (rc == 0)
        mir_node_sets_number(&site->sets, site->partitions, site->cluster.n_partitions,
                             &site->cluster);
    if (rc == 0)
        rc = mir_accounting_federated(&site->cluster.federated, err);
    return rc;
}

void mir_site_release(struct mir_site *site)
{
    free(site->partitions);
    free(site->reservations);
    mir_node_sets_release(&site->sets);
    *site = (struct mir_site){0};
}
