/* SPDX-License-Identifier: GPL-3.0-or-later */
/* schedule_print.c - see schedule_print.h. */
#include "traces/replay/schedule_print.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>

#include "daemon/core/parse.h"

double mir_schedule_jobs_per_s(const struct mir_schedule_result *r)
{
    return r->cpu_s > 0 ? (double)r->counters.n_arrived / r->cpu_s : 0;
}

void mir_schedule_print_starts(FILE *to, const struct mir_schedule_slice *slice)
{
    char label[32];

    fputs("job,submit,start,wait\n", to);
    for (size_t i = slice->first; i < slice->end; i++) {
        const struct mir_job *job = &slice->workload->jobs[i];
        int64_t start_at = slice->start_at[i];

        fprintf(to, "%s,%" PRId64, mir_job_label(job, label), job->submit_at);
        if (start_at == INT64_MIN)
            fputs(",,\n", to);
        else
            fprintf(to, ",%" PRId64 ",%" PRId64 "\n", start_at, start_at - job->submit_at);
    }
}

/* ---- For people */

static void print_duration(FILE *to, const char *label, double s)
{
    char text[32];

    fprintf(to, "%-20s %10.0f s  (%s)\n", label, s, mir_format_duration((int64_t)s, text));
}

static void print_match(FILE *to, const char *label, const struct mir_wait_match *m)
{
    if (m->n_jobs == 0)
        return;
    fprintf(to, "%-8s %8zu %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %9.2f", label, m->n_jobs,
            m->sim_mean_s / 3600, m->log_mean_s / 3600, m->sim_p50_s / 3600, m->log_p50_s / 3600,
            m->sim_p90_s / 3600, m->log_p90_s / 3600, m->abs_error_mean_s / 3600);
    if (isnan(m->pearson) || isnan(m->spearman))
        fprintf(to, " %8s %8s\n", "-", "-");
    else
        fprintf(to, " %8.3f %8.3f\n", m->pearson, m->spearman);
}

static void print_matches(FILE *to, const struct mir_wait_matches *m)
{
    const struct mir_wait_match *all = &m->all;

    fprintf(to, "\nWaits in hours, simulated (sim) and recorded (log)\n");
    fprintf(to, "%-8s %8s %8s %8s %8s %8s %8s %8s %9s %8s %8s\n", "", "jobs", "mean sim",
            "mean log", "p50 sim", "p50 log", "p90 sim", "p90 log", "abs error", "Pearson",
            "Spearman");
    print_match(to, "all", all);
    fputs("by nodes\n", to);
    for (int k = 0; k < MIR_N_SIZES; k++)
        print_match(to, mir_size_class_name((enum mir_size_class)k), &m->by_size[k]);
    fputs("by limit\n", to);
    for (int k = 0; k < MIR_N_LIMITS; k++)
        print_match(to, mir_limit_class_name((enum mir_limit_class)k), &m->by_limit[k]);
    fprintf(to, "simulated - recorded: p5 %.2f, p25 %.2f, p50 %.2f, p75 %.2f, p95 %.2f h\n",
            all->error_p5_s / 3600, all->error_p25_s / 3600, all->error_p50_s / 3600,
            all->error_p75_s / 3600, all->error_p95_s / 3600);
    if (m->n_without > 0)
        fprintf(to, "%zu jobs have no recorded wait\n", m->n_without);
}

void mir_schedule_print(FILE *to, const struct mir_schedule_result *r)
{
    const struct mir_schedule_figures *f = &r->figures;
    const struct mir_workload_dropped *d = &r->scene->workload.dropped;

    fprintf(to, "%s, %u nodes, %s\n", r->scene->name, r->slice.n_nodes,
            mir_scheduler_name(r->scene->cluster.scheduler));
    fprintf(to, "%-20s %10zu", "jobs", f->n_jobs);
    if (d->no_run + d->no_size + d->too_large > 0)
        fprintf(to,
                "    (left out: %" PRIu64 " without a run time, %" PRIu64
                " without a size, %" PRIu64 " too large)",
                d->no_run, d->no_size, d->too_large);
    fputc('\n', to);
    if (f->n_unstarted > 0)
        fprintf(to, "%-20s %10zu    (left out below)\n", "never started", f->n_unstarted);
    print_duration(to, "mean wait", f->mean_wait_s);
    print_duration(to, "p50 wait", f->p50_wait_s);
    print_duration(to, "p90 wait", f->p90_wait_s);
    print_duration(to, "p99 wait", f->p99_wait_s);
    print_duration(to, "max wait", f->max_wait_s);
    fprintf(to, "%-20s %10.3f\n", "bounded slowdown", f->bounded_slowdown);
    fprintf(to, "%-20s %10.3f\n", "utilisation", f->utilisation);
    print_duration(to, "makespan", (double)f->makespan_s);
    fprintf(to, "%-20s %10.0f    (%" PRIu64 " jobs in %.3f s of CPU time, the simulation alone)\n",
            "jobs/s", mir_schedule_jobs_per_s(r), r->counters.n_arrived, r->cpu_s);
    if (r->matches != NULL)
        print_matches(to, r->matches);
}

/* ---- JSON */

static void add_number(struct json_object *o, const char *key, double value)
{
    char text[40];

    /* json-c prints 17 digits by default, most of them noise. */
    snprintf(text, sizeof text, "%.10g", value);
    json_object_object_add(o, key, isfinite(value) ? json_object_new_double_s(value, text) : NULL);
}

static void add_count(struct json_object *o, const char *key, uint64_t value)
{
    json_object_object_add(o, key, json_object_new_uint64(value));
}

static struct json_object *add_object(struct json_object *o, const char *key)
{
    struct json_object *child = json_object_new_object();

    json_object_object_add(o, key, child);
    return child;
}

static void add_match(struct json_object *o, const struct mir_wait_match *m)
{
    struct json_object *sim = add_object(o, "simulated_s");
    struct json_object *rec = add_object(o, "recorded_s");
    struct json_object *error = add_object(o, "error_s");

    add_count(o, "jobs", m->n_jobs);
    add_number(sim, "mean", m->sim_mean_s);
    add_number(sim, "p50", m->sim_p50_s);
    add_number(sim, "p90", m->sim_p90_s);
    add_number(rec, "mean", m->log_mean_s);
    add_number(rec, "p50", m->log_p50_s);
    add_number(rec, "p90", m->log_p90_s);
    add_number(error, "p5", m->error_p5_s);
    add_number(error, "p25", m->error_p25_s);
    add_number(error, "p50", m->error_p50_s);
    add_number(error, "p75", m->error_p75_s);
    add_number(error, "p95", m->error_p95_s);
    add_number(o, "abs_error_mean_s", m->abs_error_mean_s);
    add_number(o, "pearson", m->pearson);
    add_number(o, "spearman", m->spearman);
}

static void add_matches(struct json_object *o, const struct mir_wait_matches *m)
{
    struct json_object *by_nodes, *by_limit;

    add_match(o, &m->all);
    add_count(o, "without_wait", m->n_without);
    by_nodes = add_object(o, "by_nodes");
    for (int k = 0; k < MIR_N_SIZES; k++)
        add_match(add_object(by_nodes, mir_size_class_name((enum mir_size_class)k)),
                  &m->by_size[k]);
    by_limit = add_object(o, "by_limit");
    for (int k = 0; k < MIR_N_LIMITS; k++)
        add_match(add_object(by_limit, mir_limit_class_name((enum mir_limit_class)k)),
                  &m->by_limit[k]);
}

static void add_dropped(struct json_object *o, const struct mir_workload_dropped *d)
{
    add_count(o, "no_run", d->no_run);
    add_count(o, "no_size", d->no_size);
    add_count(o, "too_large", d->too_large);
    add_count(o, "outside", d->outside);
}

static void add_figures(struct json_object *o, const struct mir_schedule_figures *f)
{
    add_count(o, "jobs", f->n_jobs);
    add_count(o, "unstarted", f->n_unstarted);
    add_number(o, "mean_wait_s", f->mean_wait_s);
    add_number(o, "p50_wait_s", f->p50_wait_s);
    add_number(o, "p90_wait_s", f->p90_wait_s);
    add_number(o, "p99_wait_s", f->p99_wait_s);
    add_number(o, "max_wait_s", f->max_wait_s);
    add_number(o, "bounded_slowdown", f->bounded_slowdown);
    add_number(o, "utilisation", f->utilisation);
    json_object_object_add(o, "makespan_s", json_object_new_int64(f->makespan_s));
}

static void add_loop(struct json_object *o, const struct mir_schedule_result *r)
{
    const struct mir_sim_counters *c = &r->counters;

    add_count(o, "jobs_simulated", c->n_arrived);
    add_number(o, "jobs_per_s", mir_schedule_jobs_per_s(r));
    add_number(o, "cpu_s", r->cpu_s);
    add_count(o, "events", c->n_arrived + c->n_started + c->n_ended);
    add_count(o, "passes", c->n_main_passes);
    add_count(o, "backfill_passes", c->n_backfill_passes);
}

void mir_schedule_print_json(FILE *to, const struct mir_schedule_result *r)
{
    struct json_object *o = json_object_new_object();
    const char *scheduler = mir_scheduler_name(r->scene->cluster.scheduler);

    json_object_object_add(o, "log", json_object_new_string(r->scene->name));
    json_object_object_add(o, "scheduler", json_object_new_string(scheduler));
    add_count(o, "nodes", r->slice.n_nodes);
    add_dropped(add_object(o, "dropped"), &r->scene->workload.dropped);
    add_figures(o, &r->figures);
    add_loop(o, r);
    if (r->matches != NULL)
        add_matches(add_object(o, "compare"), r->matches);
    fprintf(to, "%s\n",
            json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}
