/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * model.c - the model's files: current, the one before, and a candidate that
 * mirage-train has put beside them.  A file is used when it loads, and answers;
 * a candidate, when besides it is no worse than what is in use.
 */
#include "daemon/engine/forecast.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/alloc.h"
#include "daemon/core/str.h"
#include "models/predict/model_file.h"

enum { WATCH_S = 60, SHOWN_FEATURES = 10 };

/* ---- places ---- */

/* `name` in the folder of the configured file. */
static void path_beside(const struct mir_engine_forecast *f, const char *name, char out[1100])
{
    const char *slash = strrchr(f->path, '/');
    int len = slash != NULL ? (int)(slash - f->path) + 1 : 0;

    snprintf(out, 1100, "%.*s%s", len, f->path, name);
}

static struct mir_file_id id_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return (struct mir_file_id){0};
    return (struct mir_file_id){
        .device = st.st_dev,
        .inode = st.st_ino,
        .size = (uint64_t)st.st_size,
        .changed_ns = (int64_t)st.st_mtim.tv_sec * MIR_NS + st.st_mtim.tv_nsec,
    };
}

static bool is_same_file(const struct mir_file_id *a, const struct mir_file_id *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed_ns == b->changed_ns;
}

/* ---- is it a model that can be used? ---- */

/* Does it answer, at the middle of what training saw, with waits that ascend? */
static int check_answers(const struct mir_wait_model *m,
                         enum mir_wait_method method,
                         const char *path,
                         struct mir_error *err)
{
    double quantiles[MIR_N_WAIT_LEVELS_TRAINED], before = 0;
    float x[MIR_N_WAIT_FEATURES];

    if (!mir_wait_model_has(m, method))
        return 0;
    for (int i = 0; i < MIR_N_WAIT_FEATURES; i++)
        x[i] = m->ranges[i].median;
    mir_wait_model_quantiles(m, method, x, quantiles);
    for (int i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++) {
        if (!isfinite(quantiles[i]) || quantiles[i] < before)
            return mir_error_set(err, -EBADMSG, "%s: %s answers with no wait", path,
                                 mir_wait_method_name(method));
        before = quantiles[i];
    }
    return 0;
}

static int check(const struct mir_wait_model *m, const char *path, struct mir_error *err)
{
    int rc;

    if (!mir_wait_model_has(m, MIR_WAIT_FOREST_Q) && !mir_wait_model_has(m, MIR_WAIT_XGB_Q))
        return mir_error_set(err, -EBADMSG, "%s: predicts no quantiles", path);
    rc = check_answers(m, MIR_WAIT_FOREST_Q, path, err);
    return rc == 0 ? check_answers(m, MIR_WAIT_XGB_Q, path, err) : rc;
}

static int load(const char *path, struct mir_wait_model **out, struct mir_error *err)
{
    struct mir_wait_model *m = NULL;
    int rc = mir_wait_model_load(path, &m, err);

    if (rc == 0)
        rc = check(m, path, err);
    if (rc != 0)
        mir_wait_model_unref(m);
    else
        *out = m;
    return rc;
}

/* ---- in use ---- */

__attribute__((format(printf, 2, 3))) static void refuse(struct mir_engine *e, const char *fmt, ...)
{
    struct mir_engine_forecast *f = e->forecast;
    va_list args;

    va_start(args, fmt);
    vsnprintf(f->refused, sizeof(f->refused), fmt, args);
    va_end(args);
    mir_engine_tell(e, LOG_WARNING, NULL, NULL, "model: %.230s", f->refused);
    mir_view_model_unref(f->view);
    f->view = NULL;
}

void mir_engine_use_model(struct mir_engine *e, struct mir_wait_model *m)
{
    struct mir_engine_forecast *f = e->forecast;
    bool other = m == NULL || f->model == NULL || m->checksum != f->model->checksum;

    mir_forecaster_set_model(f->forecaster, m);
    mir_wait_model_unref(f->model);
    f->model = m;
    f->refused[0] = '\0';
    f->loaded_at = m != NULL ? e->now.wall : 0;
    mir_view_model_unref(f->view);
    f->view = NULL;
    e->changed = true;
    if (other) {
        mir_engine_shadows_reset(e);
        mir_engine_shadows_restore(e);
    }
    if (m != NULL)
        mir_engine_tell(e, LOG_NOTICE, NULL, NULL, "model %016llx of %.80s is in use",
                        (unsigned long long)m->checksum, m->origin.source);
}

/* The configured file, when it is another one than was looked at last. */
static void look_at_file(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;
    struct mir_file_id id = id_of(f->path);
    struct mir_wait_model *m = NULL;
    struct mir_error err = {{0}};
    int rc;

    if (is_same_file(&id, &f->file))
        return;
    f->file = id;
    rc = load(f->path, &m, &err);
    f->taken = rc == 0;
    if (rc == 0)
        mir_engine_use_model(e, m);
    else if (rc == -ENOENT && f->model == NULL)
        mir_engine_tell(e, LOG_INFO, NULL, NULL,
                        "no model at %.150s: policies that need one fall back to qbets", f->path);
    else if (f->model != NULL)
        refuse(e, "%.180s; the old one stays in use", err.text);
    else
        refuse(e, "%.180s; policies that need one fall back to qbets", err.text);
}

/* ---- a candidate ---- */

/* Renames of a folder last through a crash only when the folder is written too. */
static void sync_folder(const struct mir_engine_forecast *f)
{
    char path[1100];
    int fd;

    path_beside(f, ".", path);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* What is in use stays as the previous one; at no time is there none. */
static int keep_current(const struct mir_engine_forecast *f, const char *previous)
{
    char aside[1100];

    if (!f->taken) /* what lies there is broken: the previous one is worth more */
        return 0;
    path_beside(f, "previous.aside", aside);
    (void)unlink(aside);
    if (link(f->path, aside) != 0)
        return errno == ENOENT ? 0 : -errno;
    return rename(aside, previous) == 0 ? 0 : -errno;
}

static int place(struct mir_engine *e, const struct mir_str *bytes, struct mir_error *err)
{
    struct mir_engine_forecast *f = e->forecast;
    char folder[1100], previous[1100];
    struct mir_error why = {{0}};
    int rc;

    path_beside(f, "", folder);
    path_beside(f, "previous.model", previous);
    (void)mkdir(folder, 0700);
    rc = keep_current(f, previous);
    if (rc != 0)
        return mir_error_set(err, rc, "%s: %s", previous, strerror(-rc));
    rc = mir_model_file_write(f->path, bytes, &why);
    if (rc != 0)
        return mir_error_set(err, rc, "%.200s: %.300s", f->path, why.text);
    f->file = id_of(f->path);
    f->taken = true;
    return 0;
}

static const struct mir_model_score *find_score(const struct mir_wait_model *m, const char *name)
{
    for (uint32_t i = 0; i < m->n_scores; i++) {
        if (strcmp(m->scores[i].name, name) == 0)
            return &m->scores[i];
    }
    return NULL;
}

/* The model that was in use when the candidate was made: is it still? */
static bool is_measured(const struct mir_wait_model *candidate, const struct mir_wait_model *m)
{
    const struct mir_model_score *until = find_score(candidate, "current learned until");

    return until == NULL || fabs(until->value - (double)m->origin.to_at) < 1;
}

/*
 * What the model in use had of that score: best as the candidate's maker measured
 * it on the same days ("current NAME"), else as it says of itself.
 */
static const struct mir_model_score *counterpart(const struct mir_wait_model *candidate,
                                                 const struct mir_wait_model *m,
                                                 const char *name)
{
    const struct mir_model_score *score = NULL;
    char current[80];

    snprintf(current, sizeof(current), "current %s", name);
    if (is_measured(candidate, m))
        score = find_score(candidate, current);
    return score != NULL ? score : find_score(m, name);
}

/* Of the method whose promises count; what others had on the same days tells nothing here. */
static bool is_loss(const struct mir_wait_model *m, const char *name)
{
    return strstr(name, "pinball") != NULL && strncmp(name, "current ", 8) != 0 &&
           strstr(name, mir_wait_method_name(mir_engine_method(m))) != NULL;
}

/* By pinball loss, the less the better. */
static int compare(const struct mir_wait_model *candidate,
                   const struct mir_wait_model *m,
                   struct mir_error *err)
{
    double ours = 0, theirs = 0;
    unsigned n = 0;

    for (uint32_t i = 0; i < candidate->n_scores; i++) {
        const struct mir_model_score *score = &candidate->scores[i];
        const struct mir_model_score *other = counterpart(candidate, m, score->name);

        if (!is_loss(candidate, score->name) || other == NULL || !isfinite(score->value) ||
            !isfinite(other->value))
            continue;
        theirs += score->value;
        ours += other->value;
        n++;
    }
    if (n == 0)
        return mir_error_set(err, -EINVAL,
                             "no pinball loss to compare with the model in use (--force)");
    if (theirs > ours * (1 + 1e-9))
        return mir_error_set(err, -EINVAL,
                             "worse than the model in use: pinball loss %.4g, not %.4g, over %u "
                             "scores (--force)",
                             theirs / n, ours / n, n);
    return 0;
}

static int install(struct mir_engine *e, const char *path, bool force, struct mir_error *err)
{
    struct mir_engine_forecast *f = e->forecast;
    struct mir_wait_model *m = NULL;
    struct mir_str bytes = {0};
    struct mir_error why = {{0}};
    int rc = mir_model_file_read(path, &bytes, &why);

    if (rc != 0)
        (void)mir_error_set(err, rc, "%.200s: %.300s", path, why.text);
    else
        rc = mir_wait_model_parse(bytes.text, bytes.len, path, &m, err);
    if (rc == 0)
        rc = check(m, path, err);
    if (rc == 0 && f->model != NULL && f->taken && m->checksum == f->model->checksum)
        rc = mir_error_set(err, -EALREADY, "%.200s: is in use already", path);
    if (rc == 0 && !force && f->model != NULL && (rc = compare(m, f->model, &why)) != 0)
        (void)mir_error_set(err, rc, "%.150s: %.300s", path, why.text);
    if (rc == 0)
        rc = place(e, &bytes, err);
    mir_str_release(&bytes);
    if (rc != 0) {
        mir_wait_model_unref(m);
        return rc;
    }
    mir_engine_use_model(e, m);
    return 0;
}

/* mirage-train writes aside and renames: what has this name is whole. */
static void look_at_candidate(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;
    struct mir_error err = {{0}};
    char path[1100], refused[1100];
    int rc;

    path_beside(f, "candidate.model", path);
    if (access(path, F_OK) != 0)
        return;
    rc = install(e, path, false, &err);
    if (rc == 0 || rc == -EALREADY) {
        (void)unlink(path);
        return;
    }
    path_beside(f, "refused.model", refused);
    if (rename(path, refused) != 0)
        (void)unlink(path);
    refuse(e, "%.200s; kept as refused.model", err.text);
}

void mir_engine_model_watch(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;

    if (f->path[0] == '\0' ||
        (f->checked_ns != 0 && e->now.mono_ns - f->checked_ns < WATCH_S * MIR_NS))
        return;
    f->checked_ns = e->now.mono_ns;
    look_at_file(e);
    look_at_candidate(e);
}

void mir_engine_forecast_settings(struct mir_engine *e)
{
    struct mir_engine_forecast *f = e->forecast;
    const char *path = e->settings->model != NULL ? e->settings->model : "";

    f->checked_ns = 0;
    if (strcmp(path, f->path) != 0) {
        snprintf(f->path, sizeof(f->path), "%s", path);
        f->file = (struct mir_file_id){.changed_ns = -1}; /* a missing one is told of as well */
        mir_engine_use_model(e, NULL);
    }
    mir_engine_model_watch(e);
}

/* ---- commands ---- */

__attribute__((format(printf, 3, 4))) static void
say(struct mir_answer *answer, int rc, const char *fmt, ...)
{
    va_list args;

    answer->rc = rc;
    va_start(args, fmt);
    vsnprintf(answer->text, sizeof(answer->text), fmt, args);
    va_end(args);
}

static void say_in_use(const struct mir_engine_forecast *f, struct mir_answer *answer)
{
    say(answer, 0, "model %016llx of %.80s is in use", (unsigned long long)f->model->checksum,
        f->model->origin.source);
}

/* As for what the caller got wrong; anything else is ours, or the disk's. */
static int status_of(int rc)
{
    if (rc == -EIO || rc == -ENOSPC || rc == -EROFS)
        return -EIO;
    return rc == -ENOENT || rc == -EALREADY ? rc : -EINVAL;
}

static void reload(struct mir_engine *e, struct mir_answer *answer)
{
    struct mir_engine_forecast *f = e->forecast;

    f->file = (struct mir_file_id){.changed_ns = -1};
    look_at_file(e);
    if (f->refused[0] != '\0')
        say(answer, -EINVAL, "%s", f->refused);
    else if (f->model == NULL)
        say(answer, -ENOENT, "%.400s: no such file", f->path);
    else
        say_in_use(f, answer);
}

/* Where the file system cannot exchange two names, there is a moment without a current one. */
static int exchange(const struct mir_engine_forecast *f, const char *previous)
{
    char aside[1100];

    if (access(f->path, F_OK) != 0)
        return rename(previous, f->path) == 0 ? 0 : -errno;
    if (renameat2(AT_FDCWD, f->path, AT_FDCWD, previous, RENAME_EXCHANGE) == 0)
        return 0;
    path_beside(f, "current.aside", aside);
    if (rename(f->path, aside) != 0 || rename(previous, f->path) != 0 ||
        rename(aside, previous) != 0)
        return -errno;
    return 0;
}

static void rollback(struct mir_engine *e, struct mir_answer *answer)
{
    struct mir_engine_forecast *f = e->forecast;
    struct mir_wait_model *m = NULL;
    struct mir_error err = {{0}};
    char previous[1100];
    int rc;

    path_beside(f, "previous.model", previous);
    rc = load(previous, &m, &err);
    if (rc != 0) {
        say(answer, status_of(rc), "%s", err.text);
        return;
    }
    rc = exchange(f, previous);
    if (rc != 0) {
        mir_wait_model_unref(m);
        say(answer, -EIO, "%s: %s", f->path, strerror(-rc));
        return;
    }
    sync_folder(f);
    f->file = id_of(f->path);
    f->taken = true;
    mir_engine_use_model(e, m);
    say_in_use(f, answer);
}

void mir_engine_model_command(struct mir_engine *e,
                              const struct mir_command *command,
                              struct mir_answer *answer)
{
    struct mir_error err = {{0}};
    int rc;

    if (!command->admin) {
        say(answer, -EPERM, "only administrators may do that");
    } else if (e->forecast->path[0] == '\0') {
        say(answer, -EINVAL, "no model is configured: see model in mirage.conf");
    } else if (command->verb == MIR_MODEL_RELOAD) {
        reload(e, answer);
    } else if (command->verb == MIR_MODEL_ROLLBACK) {
        rollback(e, answer);
    } else if ((rc = install(e, command->file, command->force, &err)) != 0) {
        say(answer, status_of(rc), "%s", err.text);
    } else {
        say_in_use(e->forecast, answer);
    }
    if (answer->rc == 0)
        mir_engine_tell(e, LOG_NOTICE, NULL, NULL, "model %s by uid %u",
                        command->verb == MIR_MODEL_RELOAD     ? "read again"
                        : command->verb == MIR_MODEL_ROLLBACK ? "rolled back"
                                                              : "installed",
                        command->uid);
}

/* ---- the view ---- */

void mir_engine_model_file(const struct mir_wait_model *m, struct mir_view_model_file *out)
{
    const struct mir_model_origin *o = &m->origin;
    size_t len = 0;

    *out = (struct mir_view_model_file){
        .trained_at = o->trained_at,
        .from_at = o->from_at,
        .to_at = o->to_at,
        .n_labels = o->n_labels,
        .n_censored = o->n_censored,
        .seed = o->seed,
        .n_nodes = o->n_nodes,
    };
    snprintf(out->checksum, sizeof(out->checksum), "%016llx", (unsigned long long)m->checksum);
    snprintf(out->source, sizeof(out->source), "%s", o->source);
    snprintf(out->program, sizeof(out->program), "%s", o->program);
    snprintf(out->feature_set, sizeof(out->feature_set), "%s", o->feature_set);
    for (enum mir_wait_method k = 0; k < MIR_N_WAIT_METHODS; k++) {
        if (mir_wait_model_has(m, k))
            len += (size_t)snprintf(out->methods + len, sizeof(out->methods) - len, "%s%s",
                                    len > 0 ? " " : "", mir_wait_method_name(k));
    }
}

static void view_scores(const struct mir_wait_model *m, struct mir_view_model *v)
{
    v->scores = MIR_NEW_ARRAY(struct mir_view_score, m->n_scores);
    v->n_scores = m->n_scores;
    for (uint32_t i = 0; i < m->n_scores; i++) {
        snprintf(v->scores[i].name, sizeof(v->scores[i].name), "%s", m->scores[i].name);
        v->scores[i].value = m->scores[i].value;
    }
}

static void view_importance(const struct mir_wait_model *m, struct mir_view_model *v)
{
    bool shown[MIR_N_WAIT_FEATURES] = {false};

    v->importance = MIR_NEW_ARRAY(struct mir_view_score, SHOWN_FEATURES);
    for (; v->n_importance < SHOWN_FEATURES; v->n_importance++) {
        int best = -1;

        for (int i = 0; i < MIR_N_WAIT_FEATURES; i++) {
            if (!shown[i] && m->importance[i] > 0 &&
                (best < 0 || m->importance[i] > m->importance[best]))
                best = i;
        }
        if (best < 0)
            return;
        shown[best] = true;
        snprintf(v->importance[v->n_importance].name, sizeof(v->importance[0].name), "%s",
                 mir_wait_feature_table[best].name);
        v->importance[v->n_importance].value = (double)m->importance[best];
    }
}

static struct mir_view_model *make_view(const struct mir_engine_forecast *f)
{
    struct mir_view_model *v = mir_view_model_create();
    struct mir_wait_model *previous = NULL;
    char path[1100];

    snprintf(v->path, sizeof(v->path), "%s", f->path);
    snprintf(v->refused, sizeof(v->refused), "%s", f->refused);
    v->loaded_at = f->loaded_at;
    if (f->model != NULL) {
        mir_engine_model_file(f->model, &v->current);
        view_scores(f->model, v);
        view_importance(f->model, v);
    }
    path_beside(f, "previous.model", path);
    if (load(path, &previous, NULL) == 0)
        mir_engine_model_file(previous, &v->previous);
    mir_wait_model_unref(previous);
    return v;
}

static void view_coverage(const struct mir_engine_forecast *f, struct mir_view_coverage *out)
{
    *out = (struct mir_view_coverage){
        .n_known = f->n_known, .n_open = f->n_open, .n_learned = f->n_learned};
    snprintf(out->method, sizeof(out->method), "%s",
             f->model != NULL ? mir_wait_method_name(mir_engine_method(f->model)) : "");
    for (int i = 0; i < MIR_PROMISES; i++) {
        uint32_t n = 0;

        for (uint32_t k = 0; k < f->n_known; k++)
            n += f->known[k] >> i & 1u;
        out->share[i] = f->n_known > 0 ? (double)n / f->n_known : NAN;
    }
}

void mir_engine_view_model(struct mir_engine *e, struct mir_view *v)
{
    struct mir_engine_forecast *f = e->forecast;

    view_coverage(f, &v->coverage);
    if (f->path[0] == '\0')
        return;
    if (f->view == NULL)
        f->view = make_view(f);
    v->model = mir_view_model_ref(f->view);
}
