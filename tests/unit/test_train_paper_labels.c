/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_paper_labels.c - samples of the paper's kind, on a machine that can be followed by hand. */
#include "models/train/paper_labels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "models/train/machine.h"

enum { HOUR = 3600, FROM = 20 * 24 * HOUR, LIMIT = 7 * HOUR };

/*
 * Two nodes.  Jobs of one node for 12 h come every 6 h: the machine is just full, and
 * what is put in beside them waits.
 */
static void open_scene(struct mir_scene *scene, int32_t every_s)
{
    struct mir_workload_options options;

    memset(scene, 0, sizeof *scene);
    mir_joblog_init(&scene->log);
    for (uint32_t i = 0; i < 200; i++) {
        struct mir_job *job = mir_joblog_add(&scene->log);

        job->submit_at = FROM - 10 * 24 * HOUR + (int64_t)i * every_s;
        job->id = i + 1;
        job->n_nodes = 1;
        job->run_s = job->limit_s = 12 * HOUR;
    }
    mir_cluster_init(&scene->cluster, MIR_SCHED_SLURM, 2);
    mir_workload_options_init(&options);
    assert_int_equal(
        mir_workload_create(&scene->log, &scene->cluster, &options, &scene->workload, NULL), 0);
}

static void make(struct mir_scene *scene, struct mir_paper_labels *out, uint32_t n_threads)
{
    static const struct mir_request shapes[] = {
        {.n_nodes = 1, .limit_s = LIMIT, .run_s = LIMIT},
        {.n_nodes = 2, .limit_s = LIMIT, .run_s = LIMIT},
    };
    struct mir_job_timeline timeline;
    struct mir_sim_options sim;
    struct mir_machine machine;
    struct mir_labels_options options;
    struct mir_error err = {{0}};

    mir_machine_init(&machine, scene, 1);
    mir_machine_options(&machine, &sim);
    assert_int_equal(mir_job_timeline_create(&sim, &timeline, &err), 0);
    options = (struct mir_labels_options){
        .sim = &sim,
        .timeline = &timeline,
        .shapes = shapes,
        .n_shapes = 2,
        .from_at = FROM,
        .to_at = FROM + 48 * HOUR,
        .known_until_at = FROM + 10 * 24 * HOUR,
        .every_s = 4 * HOUR,
        .seed = 1,
        .n_threads = n_threads,
    };
    *out = (struct mir_paper_labels){0};
    if (mir_paper_labels_make(&options, out, &err) != 0)
        fail_msg("%s", err.text);
    mir_job_timeline_release(&timeline);
    mir_machine_release(&machine);
}

static void there_are_seven_of_each_predecessor(void **state)
{
    struct mir_paper_labels labels;
    struct mir_scene scene;
    size_t n_large = 0;

    (void)state;
    open_scene(&scene, 24 * HOUR);
    make(&scene, &labels, 2);
    assert_int_equal(labels.n, 2 * 12 * MIR_PAPER_PROBES);
    for (size_t i = 0; i < labels.n; i++) {
        n_large += labels.rows[i].shape == 1;
        assert_true(labels.rows[i].left_h > 0 && labels.rows[i].left_h <= 7);
        if (i % MIR_PAPER_PROBES > 0) /* an hour apart */
            assert_true(fabsf(labels.rows[i - 1].left_h - labels.rows[i].left_h - 1) < 1e-3F);
    }
    assert_int_equal(n_large, labels.n / 2);
    mir_paper_labels_release(&labels);
    mir_workload_release(&scene.workload);
    mir_joblog_release(&scene.log);
}

static void the_state_is_that_of_the_chain_and_the_queue(void **state)
{
    struct mir_paper_labels labels;
    struct mir_scene scene;

    (void)state;
    open_scene(&scene, 24 * HOUR); /* a job for half of each day: the other node is idle */
    make(&scene, &labels, 1);
    for (size_t i = 0; i < labels.n; i++) {
        const struct mir_label *label = &labels.rows[i];
        const float *s = labels.states + i * MIR_PAPER_STATE;
        const float *last = s + (MIR_PAPER_ROWS - 1) * MIR_PAPER_WIDTH;
        float nodes = label->shape == 0 ? 1 : 2;

        assert_true(last[34] >= LIMIT / 60.0F && last[34] <= LIMIT / 60.0F); /* minutes */
        assert_true(last[35] >= nodes && last[35] <= nodes);
        /* What it waited and has run, and what is left, make its whole time. */
        assert_true(last[36] >= 0);
        assert_true(fabsf(last[37] + label->left_h * 3600 - LIMIT) < 2);
        if (label->shape == 0)
            assert_true(last[36] <= 60); /* there was a node for it */
        /* Half of the rows of a day have the one job that runs half a day. */
        for (int half = 0, k = 0; k < MIR_PAPER_ROWS; k++) {
            half += s[k * MIR_PAPER_WIDTH + 17] >= 1;
            if (k == MIR_PAPER_ROWS - 1)
                assert_true(half >= 71 && half <= 74);
        }
    }
    mir_paper_labels_release(&labels);
    mir_workload_release(&scene.workload);
    mir_joblog_release(&scene.log);
}

static void threads_change_nothing(void **state)
{
    struct mir_paper_labels one, three;
    struct mir_scene scene;

    (void)state;
    open_scene(&scene, 6 * HOUR);
    make(&scene, &one, 1);
    make(&scene, &three, 3);
    assert_int_equal(one.n, three.n);
    assert_memory_equal(one.states, three.states, one.n * MIR_PAPER_STATE * sizeof(float));
    for (size_t i = 0; i < one.n; i++) {
        assert_int_equal(one.rows[i].at, three.rows[i].at);
        assert_true(fabsf(one.rows[i].wait_h - three.rows[i].wait_h) <= 0);
    }
    mir_paper_labels_release(&one);
    mir_paper_labels_release(&three);
    mir_workload_release(&scene.workload);
    mir_joblog_release(&scene.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_are_seven_of_each_predecessor),
        cmocka_unit_test(the_state_is_that_of_the_chain_and_the_queue),
        cmocka_unit_test(threads_change_nothing),
    };

    return cmocka_run_group_tests_name("train_paper_labels", tests, NULL, NULL);
}
