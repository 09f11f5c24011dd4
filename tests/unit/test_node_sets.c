/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_node_sets.c - which partitions share nodes, from what slurmctld tells of both. */
#include "daemon/broker/node_sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { N_NODES = 8 };

struct site {
    node_info_t nodes[N_NODES];
    node_info_msg_t message;
    struct mir_node_sets sets;
    struct mir_live_cluster cluster;
};

static void open_site(struct site *s)
{
    *s = (struct site){.message = {.node_array = s->nodes, .record_count = N_NODES}};
    for (int i = 0; i < N_NODES; i++)
        s->nodes[i] = (node_info_t){.name = (char *)"n", .node_state = NODE_STATE_IDLE};
    mir_node_sets_take_nodes(&s->sets, &s->message);
}

static void take(struct site *s, partition_info_t *partitions, uint32_t n)
{
    partition_info_msg_t message = {.partition_array = partitions, .record_count = n};

    mir_node_sets_take_partitions(&s->sets, &message);
}

static void partitions_that_overlap_share_a_set(void **state)
{
    int32_t all[] = {0, 7, -1}, some[] = {2, 3, 6, 6, -1}, none[] = {-1};
    partition_info_t partitions[] = {{.node_inx = all}, {.node_inx = some}, {.node_inx = none}};
    struct mir_live_partition p[3] = {{.sets = 77}, {.sets = 77}, {.sets = 77}};
    struct site s;

    (void)state;
    open_site(&s);
    take(&s, partitions, 3);
    mir_node_sets_number(&s.sets, p, 3, &s.cluster);
    assert_int_equal(s.cluster.n_sets, 2);
    assert_int_equal(s.cluster.set_nodes[0], 5);
    assert_int_equal(s.cluster.set_nodes[1], 3);
    assert_int_equal(p[0].sets, 3);
    assert_int_equal(p[1].sets, 2);
    assert_int_equal(p[2].sets, 0);
    mir_node_sets_release(&s.sets);
}

static void nodes_out_of_service_and_in_no_partition_do_not_count(void **state)
{
    int32_t most[] = {0, 6, -1};
    partition_info_t partitions[] = {{.node_inx = most}, {.node_inx = NULL}};
    struct mir_live_partition p[2] = {{.up = true}};
    struct site s;

    (void)state;
    open_site(&s);
    s.nodes[1].node_state = NODE_STATE_DOWN;
    s.nodes[2].node_state = NODE_STATE_IDLE | NODE_STATE_DRAIN;
    s.nodes[3].name = NULL;
    s.nodes[4].node_state = NODE_STATE_FUTURE;
    s.nodes[5].node_state = NODE_STATE_ALLOCATED;
    mir_node_sets_take_nodes(&s.sets, &s.message);
    take(&s, partitions, 2);
    mir_node_sets_number(&s.sets, p, 2, &s.cluster);
    assert_int_equal(s.cluster.n_sets, 1);
    assert_int_equal(s.cluster.set_nodes[0], 3);
    mir_node_sets_release(&s.sets);
}

/* Each is told at its own time: a partition may name nodes that are not told of yet. */
static void what_does_not_fit_together_is_left_out(void **state)
{
    int32_t far[] = {6, 90, -1}, odd[] = {3, 2, -1};
    partition_info_t partitions[] = {{.node_inx = far}, {.node_inx = odd}};
    struct mir_live_partition p[2] = {{.up = true}};
    struct site s;

    (void)state;
    open_site(&s);
    take(&s, partitions, 2);
    mir_node_sets_number(&s.sets, p, 2, &s.cluster);
    assert_int_equal(s.cluster.n_sets, 1);
    assert_int_equal(s.cluster.set_nodes[0], 2);
    assert_true(p[0].sets == 1 && p[1].sets == 0);
    mir_node_sets_number(&s.sets, p, 1, &s.cluster); /* not those that were told */
    assert_int_equal(s.cluster.n_sets, 0);
    mir_node_sets_release(&s.sets);
}

static void more_sets_than_there_are_bits_are_none(void **state)
{
    partition_info_t partitions[6];
    struct mir_live_partition p[6] = {{.up = true}};
    node_info_t nodes[64];
    node_info_msg_t message = {.node_array = nodes, .record_count = 64};
    struct mir_node_sets sets = {0};
    struct mir_live_cluster cluster = {.n_sets = 5};

    (void)state;
    for (int i = 0; i < 64; i++)
        nodes[i] = (node_info_t){.name = (char *)"n", .node_state = NODE_STATE_IDLE};
    mir_node_sets_take_nodes(&sets, &message);
    /* Node i is in the partitions of i's bits: 63 kinds, and one in none. */
    for (int k = 0; k < 6; k++) {
        static int32_t pairs[6][2 * 64 + 1];
        int n = 0;

        for (int32_t i = 0; i < 64; i++)
            if ((i >> k & 1) != 0) {
                pairs[k][n++] = i;
                pairs[k][n++] = i;
            }
        pairs[k][n] = -1;
        partitions[k] = (partition_info_t){.node_inx = pairs[k]};
    }
    mir_node_sets_take_partitions(
        &sets, &(partition_info_msg_t){.partition_array = partitions, .record_count = 6});
    mir_node_sets_number(&sets, p, 6, &cluster);
    assert_int_equal(cluster.n_sets, 0);
    assert_int_equal(p[0].sets, 0);
    mir_node_sets_take_partitions(
        &sets, &(partition_info_msg_t){.partition_array = partitions, .record_count = 5});
    mir_node_sets_number(&sets, p, 5, &cluster);
    assert_int_equal(cluster.n_sets, 31);
    assert_int_equal(cluster.set_nodes[0], 2);
    mir_node_sets_release(&sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_that_overlap_share_a_set),
        cmocka_unit_test(nodes_out_of_service_and_in_no_partition_do_not_count),
        cmocka_unit_test(what_does_not_fit_together_is_left_out),
        cmocka_unit_test(more_sets_than_there_are_bits_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
