/* SPDX-License-Identifier: GPL-3.0-or-later */
/* label_steps.c - see label_steps.h. */
#include "models/train/label_steps.h"

#include <stdio.h>

#include "daemon/core/clock.h"
#include "daemon/core/progress.h"
#include "models/train/commands.h"
#include "models/train/machine.h"

/* One machine, its simulated log, and what to ask. */
struct step {
    struct mir_machine machine;
    struct mir_sim_options sim;
    struct mir_job_timeline timeline;
    struct mir_labels_options options;
};

static int step_open(struct step *s,
                     const struct mir_train_options *o,
                     const struct mir_train_world *w,
                     double scale,
                     struct mir_error *err)
{
    *s = (struct step){0};
    mir_machine_init(&s->machine, &w->scene, scale);
    mir_machine_options(&s->machine, &s->sim);
    s->options = (struct mir_labels_options){
        .sim = &s->sim,
        .timeline = &s->timeline,
        .shapes = w->shapes,
        .n_shapes = w->n_shapes,
        .from_at = w->from_at,
        .to_at = w->to_at,
        .known_until_at = w->to_at,
        .every_s = o->every_s,
        .probe_every_s = w->probe_every_s,
        .seed = o->scene.seed,
        .n_threads = mir_train_threads(o),
    };
    return mir_job_timeline_create(&s->sim, &s->timeline, err);
}

static void step_close(struct step *s)
{
    mir_job_timeline_release(&s->timeline);
    mir_machine_release(&s->machine);
}

static int run_step(const struct mir_train_options *o,
                    const struct mir_train_world *w,
                    uint32_t machine,
                    uint32_t part,
                    struct mir_labels *out,
                    struct mir_error *err)
{
    struct mir_progress progress;
    char label[64];
    struct step s;
    int rc = step_open(&s, o, w, o->scales[machine], err);

    snprintf(label, sizeof label, "labels, machine %u of %u, part %u of %u", machine + 1,
             o->n_scales, part + 1, MIR_LABEL_PARTS);
    /* Other submissions on each machine: more is learned of the same days. */
    s.options.seed = o->scene.seed * 1000003 + machine;
    s.options.part = part;
    s.options.n_parts = MIR_LABEL_PARTS;
    s.options.progress = &progress;
    mir_progress_open(&progress, label, mir_labels_episodes(&s.options), o->scene.quiet);
    if (rc == 0)
        rc = mir_labels_make(&s.options, out, err);
    mir_progress_close(&progress);
    step_close(&s);
    return rc;
}

static int do_step(const struct mir_train_options *o,
                   const struct mir_train_world *w,
                   const struct mir_work_folder *folder,
                   uint32_t number,
                   struct mir_label_steps *out,
                   struct mir_error *err)
{
    static const uint32_t parts[MIR_LABEL_PARTS] = {0, 2, 1, 3}; /* evenly, wherever it ends */
    uint32_t machine = number % o->n_scales, part = parts[number / o->n_scales];
    struct mir_labels labels = {0};
    char name[32];
    int rc = 0;

    snprintf(name, sizeof name, "labels-%u-%u", machine, part);
    if (!mir_work_folder_load(folder, name, &labels)) {
        rc = run_step(o, w, machine, part, &labels, err);
        if (rc == 0)
            rc = mir_work_folder_save(folder, name, &labels, err);
    }
    if (rc == 0)
        mir_labels_add(&out->of_scale[machine], &labels);
    mir_labels_release(&labels);
    return rc;
}

int mir_label_steps_run(const struct mir_train_options *options,
                        const struct mir_train_world *world,
                        const struct mir_work_folder *folder,
                        int64_t deadline_ns,
                        struct mir_label_steps *out,
                        struct mir_error *err)
{
    int64_t longest_ns = 0;
    int rc = 0;

    out->n_steps = options->n_scales * MIR_LABEL_PARTS;
    for (uint32_t i = 0; i < out->n_steps && rc == 0; i++) {
        int64_t began_ns = mir_clock_mono_ns(), took_ns;

        if (i > 0 && deadline_ns != INT64_MAX && began_ns + longest_ns > deadline_ns)
            break;
        rc = do_step(options, world, folder, i, out, err);
        took_ns = mir_clock_mono_ns() - began_ns;
        longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
        out->n_done = i + 1;
    }
    return rc;
}

void mir_label_steps_release(struct mir_label_steps *steps)
{
    for (uint32_t i = 0; i < MIR_TRAIN_MAX_SCALES; i++)
        mir_labels_release(&steps->of_scale[i]);
}

int mir_label_steps_paper(const struct mir_train_options *options,
                          const struct mir_train_world *world,
                          struct mir_paper_labels *out,
                          struct mir_error *err)
{
    struct mir_progress progress;
    struct step s;
    int rc = step_open(&s, options, world, 1, err);

    s.options.shapes = world->paper_shapes;
    s.options.n_shapes = world->n_paper_shapes;
    s.options.every_s = MIR_PAPER_EVERY_S;
    s.options.progress = &progress;
    mir_progress_open(&progress, "labels of the paper", mir_labels_episodes(&s.options),
                      options->scene.quiet);
    if (rc == 0)
        rc = mir_paper_labels_make(&s.options, out, err);
    mir_progress_close(&progress);
    step_close(&s);
    return rc;
}

/* ---- What the labels depend on */

/* FNV-1a over numbers. */
static void mix(uint64_t *hash, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        *hash = (*hash ^ (value >> 8 * i & 0xff)) * UINT64_C(0x100000001b3);
}

static void mix_job(uint64_t *hash, const struct mir_job *job)
{
    mix(hash, (uint64_t)job->submit_at);
    mix(hash, (uint64_t)job->run_s << 32 | (uint32_t)job->limit_s);
    mix(hash, (uint64_t)job->n_nodes << 32 | job->user);
    mix(hash, (uint64_t)job->name << 32 | job->priority);
}

int mir_label_steps_hash(const struct mir_train_world *world, uint64_t *out, struct mir_error *err)
{
    const struct mir_workload *w = &world->scene.workload;
    struct mir_train_options none = {.n_scales = 1};
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    struct step s;
    int rc = step_open(&s, &none, world, 1, err);

    for (size_t i = 0; i < w->n_jobs; i++)
        mix_job(&hash, &w->jobs[i]);
    for (size_t i = 0; i < s.timeline.n_events; i++) {
        mix(&hash, (uint64_t)s.timeline.events[i].at);
        mix(&hash, (uint64_t)s.timeline.events[i].job << 1 | s.timeline.events[i].start);
    }
    step_close(&s);
    *out = hash;
    return rc;
}
