/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_machine.c - the same log on a machine of another size. */
#include "models/train/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct mir_capacity_step steps[] = {{0, 10, 0}, {500, 4, 0}, {900, 0, 0}};

/* Ten nodes, eleven jobs of 1 to 11 nodes; the last does not fit even here. */
static void open_scene(struct mir_scene *scene)
{
    struct mir_workload_options options;

    memset(scene, 0, sizeof *scene);
    mir_joblog_init(&scene->log);
    for (uint32_t i = 1; i <= 11; i++) {
        struct mir_job *job = mir_joblog_add(&scene->log);

        job->submit_at = i;
        job->id = i;
        job->n_nodes = i;
        job->run_s = 100;
        job->limit_s = 200;
    }
    mir_cluster_init(&scene->cluster, MIR_SCHED_SLURM, 10);
    mir_workload_options_init(&options);
    assert_int_equal(
        mir_workload_create(&scene->log, &scene->cluster, &options, &scene->workload, NULL), 0);
}

static void close_scene(struct mir_scene *scene)
{
    mir_workload_release(&scene->workload);
    mir_joblog_release(&scene->log);
}

static void scales_nodes_and_capacity_and_takes_the_jobs_that_fit(void **state)
{
    struct mir_scene scene;
    struct mir_machine m;

    (void)state;
    open_scene(&scene);
    scene.has_capacity = true;
    scene.capacity = (struct mir_capacity){steps, 3};
    mir_machine_init(&m, &scene, 0.75);
    assert_int_equal(mir_cluster_nodes(&m.cluster), 8);
    assert_int_equal(m.workload.n_jobs, 8);
    assert_int_equal(m.workload.max_nodes, 8);
    assert_int_equal(m.workload.jobs[7].n_nodes, 8);
    assert_int_equal(m.capacity.steps[0].n_nodes, 8);
    assert_int_equal(m.capacity.steps[1].n_nodes, 3);
    assert_int_equal(m.capacity.steps[2].n_nodes, 0);
    assert_int_equal(scene.cluster.node_sets[0].n_nodes, 10);
    assert_int_equal(steps[0].n_nodes, 10);
    mir_machine_release(&m);
    close_scene(&scene);
}

static void at_scale_1_is_the_scene_itself(void **state)
{
    struct mir_request request = {.n_nodes = 1};
    struct mir_scene scene;
    struct mir_machine m;

    (void)state;
    open_scene(&scene);
    mir_machine_init(&m, &scene, 1);
    assert_int_equal(m.workload.n_jobs, scene.workload.n_jobs);
    assert_memory_equal(m.workload.jobs, scene.workload.jobs, 10 * sizeof(*m.workload.jobs));
    assert_false(m.has_capacity);
    assert_int_equal(mir_machine_largest(&m, &request), 10);
    mir_machine_release(&m);
    close_scene(&scene);
}

static void keeps_a_node_however_small(void **state)
{
    struct mir_sim_options options;
    struct mir_scene scene;
    struct mir_machine m;
    struct mir_sim *sim;

    (void)state;
    open_scene(&scene);
    mir_machine_init(&m, &scene, 0.01);
    assert_int_equal(mir_cluster_nodes(&m.cluster), 1);
    assert_int_equal(m.workload.n_jobs, 1);
    mir_machine_options(&m, &options);
    assert_int_equal(mir_sim_create(&options, &sim, NULL), 0);
    mir_sim_run(sim);
    assert_int_equal(mir_sim_counters(sim)->n_ended, 1);
    mir_sim_destroy(sim);
    mir_machine_release(&m);
    close_scene(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scales_nodes_and_capacity_and_takes_the_jobs_that_fit),
        cmocka_unit_test(at_scale_1_is_the_scene_itself),
        cmocka_unit_test(keeps_a_node_however_small),
    };

    return cmocka_run_group_tests_name("train_machine", tests, NULL, NULL);
}
