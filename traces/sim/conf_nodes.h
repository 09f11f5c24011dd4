/*
 * conf_nodes.h - the nodes that a slurm.conf tells of: NodeName, NodeSet and
 * DownNodes lines, and finding nodes by the lists that partitions write.
 * Private to the reader of slurm.conf.  One thread at a time per table.
 */
#ifndef MIR_SIM_CONF_NODES_H
#define MIR_SIM_CONF_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/error.h"
#include "traces/sim/conf_text.h"

/* What one NodeName line says of its nodes; in Slurm's units, 0: not given. */
struct mir_node_kind {
    uint32_t cpus, boards, sockets, sockets_per_board, cores_per_socket, threads_per_core;
    uint32_t mem_mb;
    uint32_t n_gpus;
    uint32_t weight;
    bool in_service;
    char *features; /* owned; NULL: none */
};

struct mir_conf_node {
    char *name;    /* owned */
    uint32_t kind; /* number in kinds */
    bool in_service;
    uint64_t partitions; /* bit i: partition i; the caller's */
};

/* A NodeSet or DownNodes line, kept until all nodes are known.  Strings owned. */
struct mir_conf_list {
    char *where; /* "file:line" */
    char *name;  /* of the node set; NULL: DownNodes */
    char *nodes;
    char *feature; /* NULL: none */
};

struct mir_conf_nodes {
    struct mir_conf_node *nodes; /* in the order of the file */
    size_t n_nodes, cap_nodes;
    struct mir_node_kind *kinds; /* [0]: what NodeName=DEFAULT says so far */
    size_t n_kinds, cap_kinds;
    struct mir_conf_list *lists;
    size_t n_lists, cap_lists;
    uint32_t *slots; /* open hash: node number + 1, 0 is free */
    size_t n_slots;
};

void mir_conf_nodes_init(struct mir_conf_nodes *t);
void mir_conf_nodes_release(struct mir_conf_nodes *t);

/*
 * Take a NodeName, NodeSet or DownNodes line.  A node named twice keeps its
 * first line.  Returns 0 or -EINVAL with "file:line: key: reason".
 */
int mir_conf_nodes_add(struct mir_conf_nodes *t,
                       const struct mir_conf_line *line,
                       struct mir_error *err);
int mir_conf_nodes_add_set(struct mir_conf_nodes *t,
                           const struct mir_conf_line *line,
                           struct mir_error *err);
int mir_conf_nodes_add_down(struct mir_conf_nodes *t,
                            const struct mir_conf_line *line,
                            struct mir_error *err);

/* Once all lines are read: take the nodes of DownNodes out of service. */
int mir_conf_nodes_finish(struct mir_conf_nodes *t, struct mir_error *err);

/*
 * Set `bit` in `partitions` of every node that `list` names: node names, node
 * sets, ALL.  Returns 0 or -EINVAL with "where: Nodes: reason".
 */
int mir_conf_nodes_mark(struct mir_conf_nodes *t,
                        const char *where,
                        const char *list,
                        uint64_t bit,
                        struct mir_error *err);

/* CPUs of a node of this kind as Slurm infers them; 0: nothing said. */
uint32_t mir_node_kind_cpus(const struct mir_node_kind *kind);

/* A whole number in [low, high], or "file:line: key: reason" and -EINVAL. */
int mir_conf_number(const struct mir_conf_line *line,
                    const struct mir_conf_pair *pair,
                    int64_t low,
                    int64_t high,
                    int64_t *out,
                    struct mir_error *err);

#endif
