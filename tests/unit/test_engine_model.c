/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_engine_model.c - the engine with a model of waits: files, decisions, promises, questions. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/core/str.h"
#include "daemon/engine/forecast.h"
#include "daemon/host/joblog.h"
#include "models/predict/wait_model.h"
#include "tests/unit/engine_lab.h"
#include "traces/reader/reader.h"

#define LEARNED_UNTIL (LAB_T0 - 2 * 86400)

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/mirage-model-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

/* The file of that name in the folder; good until the fourth call from now. */
static const char *file(const char *name)
{
    static char paths[4][128];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"current.model", "previous.model", "candidate.model",
                                        "refused.model", "new.model",      "log.csv"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(file(names[i]));
    return rmdir(folder);
}

/* ---- models made by hand ---- */

/*
 * All waits are wait_h; or large_h where the feature of that name is large, which is
 * from four nodes on unless it says another.  spread: 2 x level x that.
 */
struct wish {
    double wait_h, large_h;
    const char *feature;
    float threshold;
    bool spread;
    double pinball; /* its own score; 0: it has none */
    double current; /* what its maker measured of the present one; 0: nothing */
    double until;   /* which one that was: it had learned until then; 0: not said */
};

static uint16_t number_of(const char *feature)
{
    uint16_t i = 0;

    while (strcmp(mir_wait_feature_table[i].name, feature) != 0)
        i++;
    return i;
}

static void fill_trees(struct mir_trees *t, const struct wish *wish)
{
    const double large_h = wish->large_h > 0 ? wish->large_h : wish->wait_h;

    *t = (struct mir_trees){
        .n_features = MIR_N_WAIT_FEATURES,
        .n_outputs = MIR_N_WAIT_LEVELS_TRAINED,
        .n_trees = 1,
        .n_nodes = 3,
        .n_leaves = 2,
        .scale = 1,
        .roots = MIR_NEW_ARRAY(uint32_t, 1),
        .nodes = MIR_NEW_ARRAY(struct mir_tree_node, 3),
        .values = MIR_NEW_ARRAY(float, 2 * MIR_N_WAIT_LEVELS_TRAINED),
    };
    t->nodes[0] = (struct mir_tree_node){3.5F, 1, MIR_WAIT_FEATURE_NODES, 1, 0};
    if (wish->feature != NULL) {
        t->nodes[0].feature = number_of(wish->feature);
        t->nodes[0].threshold = wish->threshold;
    }
    t->nodes[1] = (struct mir_tree_node){0, 0, MIR_TREE_LEAF, 0, 0};
    t->nodes[2] = (struct mir_tree_node){0, 1, MIR_TREE_LEAF, 0, 0};
    for (int i = 0; i < MIR_N_WAIT_LEVELS_TRAINED; i++) {
        double factor = wish->spread ? 2 * (double)mir_wait_levels[i] : 1;

        t->values[i] = (float)mir_wait_to_t(factor * wish->wait_h);
        t->values[MIR_N_WAIT_LEVELS_TRAINED + i] = (float)mir_wait_to_t(factor * large_h);
    }
}

static void add_score(struct mir_wait_model *m, const char *name, double value)
{
    if (value > 0) {
        snprintf(m->scores[m->n_scores].name, sizeof(m->scores[0].name), "%s", name);
        m->scores[m->n_scores++].value = value;
    }
}

/* Written as mirage-train writes; two that are alike would count as one. */
static void write_model(const char *name, struct wish wish)
{
    struct mir_wait_model *m = mir_wait_model_create();
    struct mir_error err = {{0}};

    fill_trees(&m->trees[MIR_WAIT_FOREST_Q], &wish);
    snprintf(m->origin.source, sizeof(m->origin.source), "by hand");
    m->origin.trained_at = LAB_T0 - 86400;
    m->origin.to_at = LEARNED_UNTIL;
    add_score(m, "check forest-q pinball 0.5", wish.pinball);
    add_score(m, "current check forest-q pinball 0.5", wish.current);
    add_score(m, "current learned until", wish.until);
    add_score(m, "check qbets pinball 0.5", 0.001); /* nobody's business */
    if (mir_wait_model_save(m, file(name), &err) != 0)
        fail_msg("%s", err.text);
    mir_wait_model_unref(m);
}

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(file(name), "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void cut_in_half(const char *name)
{
    struct stat st;

    assert_int_equal(stat(file(name), &st), 0);
    assert_int_equal(truncate(file(name), st.st_size / 2), 0);
}

/* ---- labs ---- */

/* One whose policy asks the model; with w = 0.5 it asks for the 2/3 quantile. */
static struct lab *open_lab(void)
{
    struct lab *lab = lab_open(MIR_MODE_ACT);
    struct mir_error err = {{0}};

    mir_policy_destroy(lab->policy);
    assert_int_equal(mir_policy_create("forest-q", &lab->policy, &err), 0);
    lab->rules[0].policy = lab->policy;
    lab->settings.model = mir_strdup(file("current.model"));
    mir_engine_set(lab->engine, &lab->settings);
    return lab;
}

static void close_lab(struct lab *lab)
{
    free((char *)lab->settings.model);
    lab_close(lab);
}

static void expect_last_reason(struct lab *lab, const char *part)
{
    struct mir_view_chain *chain = lab_chain(lab, 0);

    assert_non_null(chain);
    assert_true(chain->n_decisions > 0);
    if (strstr(chain->decisions[chain->n_decisions - 1].reason, part) == NULL)
        fail_msg("reason \"%s\" lacks \"%s\"", chain->decisions[chain->n_decisions - 1].reason,
                 part);
    mir_view_chain_unref(chain);
}

static struct mir_view *view_of(struct lab *lab)
{
    mir_engine_tick(lab->engine, lab_now(lab));
    return mir_view_get(lab->board);
}

static void
say_current(struct lab *lab, char checksum[17], char previous[17], char refused[256], uint64_t *n)
{
    struct mir_view *v = view_of(lab);

    assert_non_null(v->model);
    snprintf(checksum, 17, "%s", v->model->current.checksum);
    if (previous != NULL)
        snprintf(previous, 17, "%s", v->model->previous.checksum);
    if (refused != NULL)
        snprintf(refused, 256, "%s", v->model->refused);
    if (n != NULL)
        *n = v->coverage.n_known;
    mir_view_unref(v);
}

static struct mir_answer
command(struct lab *lab, enum mir_command_verb verb, bool admin, const char *name, bool force)
{
    struct mir_command c = {.verb = verb, .uid = 1000, .admin = admin, .force = force};
    struct mir_answer answer;

    if (name != NULL)
        snprintf(c.file, sizeof(c.file), "%s", file(name));
    mir_engine_command(lab->engine, lab_now(lab), &c, &answer);
    return answer;
}

static void expect_answer(const struct mir_answer *answer, int rc, const char *part)
{
    if (answer->rc != rc || strstr(answer->text, part) == NULL)
        fail_msg("%d %s, not %d %s", answer->rc, answer->text, rc, part);
}

/* ---- decisions ---- */

static void a_successor_is_submitted_when_the_model_says_so(void **state)
{
    struct lab *lab;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 1.6});
    lab = open_lab();
    lab_chain_runs(lab, "mirage"); /* its job runs two hours */
    lab_run(lab, 1500);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    expect_last_reason(lab, "forest-q");
    lab_run(lab, 400);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    expect_last_reason(lab, "forest-q");
    close_lab(lab);
}

/* Were it not known, the job that waits would be ahead of the successor. */
static void a_successor_counts_with_its_predecessors_priority_but_its_age(void **state)
{
    static const struct {
        const char *type;
        uint32_t priority; /* of the predecessor, which has waited half of max_age_s */
        unsigned n_submitted;
    } rows[] = {
        {"priority/multifactor", 900, 1}, /* 400 without the part for its age */
        {"priority/multifactor", 700, 0}, /* 200 */
        {"priority/basic", 900, 0},
    };

    (void)state;
    write_model(
        "current.model",
        (struct wish){.wait_h = 1.95, .large_h = 0.1, .feature = "ahead_jobs", .threshold = 0.5F});
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lab *lab = open_lab();

        snprintf(lab->cluster.priority_type, sizeof(lab->cluster.priority_type), "%s",
                 rows[i].type);
        lab->cluster.weight_age = 1000;
        lab->cluster.max_age_s = 2000;
        lab_add(lab, 60, 2000, MIR_STATE_PENDING, "")->priority = 300;
        lab_add(lab, 50, 1000, MIR_STATE_RUNNING, "mirage")->priority = rows[i].priority;
        lab_job(lab, 50)->submit_at -= 1000;
        lab_job(lab, 50)->eligible_at -= 1000;
        lab_settle(lab);
        lab_run(lab, 660);
        expect_last_reason(lab, "forest-q");
        assert_int_equal(lab->count[LAB_SUBMIT], rows[i].n_submitted);
        close_lab(lab);
    }
}

static void without_a_model_qbets_decides_and_the_reason_says_so(void **state)
{
    struct lab *lab;

    (void)state;
    lab = open_lab();
    expect_log(lab, "6 no model at");
    lab_chain_runs(lab, "mirage");
    expect_last_reason(lab, "no model");
    expect_last_reason(lab, "qbets");
    close_lab(lab);
}

static void a_model_out_of_its_range_is_not_believed(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    const struct wish wish = {.wait_h = 1.5};
    struct lab *lab;

    (void)state;
    fill_trees(&m->trees[MIR_WAIT_FOREST_Q], &wish);
    for (unsigned i = 0; i < MIR_N_WAIT_FEATURES; i++)
        m->ranges[i] = (struct mir_feature_range){1e6F, 2e6F, 1.5e6F, 1e5F};
    assert_int_equal(mir_wait_model_save(m, file("current.model"), NULL), 0);
    mir_wait_model_unref(m);
    lab = open_lab();
    lab_chain_runs(lab, "mirage");
    expect_last_reason(lab, "range");
    expect_last_reason(lab, "qbets");
    close_lab(lab);
}

/* ---- files ---- */

static void another_file_is_taken_while_chains_run(void **state)
{
    char before[17], after[17];
    struct lab *lab;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 0.2});
    lab = open_lab();
    say_current(lab, before, NULL, NULL, NULL);
    lab_chain_runs(lab, "mirage");
    lab_run(lab, 1800);
    assert_int_equal(lab->count[LAB_SUBMIT], 0);
    write_model("current.model", (struct wish){.wait_h = 1.4});
    lab_run(lab, 660); /* a minute until it is seen, ten until the next decision */
    say_current(lab, after, NULL, NULL, NULL);
    assert_string_not_equal(before, after);
    assert_int_equal(lab->count[LAB_SUBMIT], 1);
    close_lab(lab);
}

static void a_broken_file_is_refused_by_name_and_the_old_model_stays(void **state)
{
    char before[17], after[17], refused[256];
    struct lab *lab;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 0.2});
    lab = open_lab();
    say_current(lab, before, NULL, refused, NULL);
    assert_string_equal(refused, "");
    lab_chain_runs(lab, "mirage");
    cut_in_half("current.model");
    lab_run(lab, 900);
    say_current(lab, after, NULL, refused, NULL);
    assert_string_equal(before, after);
    assert_non_null(strstr(refused, "current.model: truncated"));
    expect_log(lab, "4 model: ");
    expect_last_reason(lab, "forest-q");
    assert_null(strstr(strstr(lab->log, "the old one stays") + 1, "the old one stays")); /* once */
    close_lab(lab);
}

static void a_bad_file_is_no_reason_not_to_start(void **state)
{
    char checksum[17], refused[256];
    struct mir_answer answer;
    struct lab *lab;

    (void)state;
    write_text("current.model", "a poem about queues\n");
    lab = open_lab();
    say_current(lab, checksum, NULL, refused, NULL);
    assert_string_equal(checksum, "");
    assert_non_null(strstr(refused, "current.model"));
    assert_non_null(strstr(refused, "fall back to qbets"));
    lab_chain_runs(lab, "mirage");
    expect_last_reason(lab, "no model");
    answer = command(lab, MIR_MODEL_RELOAD, true, NULL, false);
    expect_answer(&answer, -EINVAL, "current.model");
    write_model("current.model", (struct wish){.wait_h = 0.2});
    answer = command(lab, MIR_MODEL_RELOAD, true, NULL, false);
    expect_answer(&answer, 0, "by hand is in use");
    say_current(lab, checksum, NULL, refused, NULL);
    assert_string_equal(refused, "");
    close_lab(lab);
}

/* The paper's forest: one leaf. */
static void fill_paper_trees(struct mir_trees *t)
{
    *t = (struct mir_trees){
        .n_features = MIR_PAPER_ROWS * MIR_PAPER_WIDTH,
        .n_outputs = 1,
        .n_trees = 1,
        .n_nodes = 1,
        .n_leaves = 1,
        .scale = 1,
        .roots = MIR_NEW_ARRAY(uint32_t, 1),
        .nodes = MIR_NEW_ARRAY(struct mir_tree_node, 1),
        .values = MIR_NEW_ARRAY(float, 1),
    };
    t->nodes[0].feature = MIR_TREE_LEAF;
}

/* Only the paper's points: no policy of ours could use it, nor mirage predict. */
static void a_model_without_quantiles_is_refused(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    char checksum[17], refused[256];
    struct lab *lab;

    (void)state;
    fill_paper_trees(&m->trees[MIR_WAIT_RF]);
    assert_int_equal(mir_wait_model_save(m, file("current.model"), NULL), 0);
    mir_wait_model_unref(m);
    lab = open_lab();
    say_current(lab, checksum, NULL, refused, NULL);
    assert_string_equal(checksum, "");
    assert_non_null(strstr(refused, "predicts no quantiles"));
    close_lab(lab);
}

static void other_settings_bring_another_model_or_none(void **state)
{
    struct lab *lab;
    struct mir_view *v;
    char checksum[17];
    const char *configured;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 0.2});
    lab = open_lab();
    configured = lab->settings.model;
    say_current(lab, checksum, NULL, NULL, NULL);
    assert_int_equal(strlen(checksum), 16);
    lab->settings.model = "";
    mir_engine_set(lab->engine, &lab->settings);
    v = view_of(lab);
    assert_null(v->model);
    mir_view_unref(v);
    lab_chain_runs(lab, "mirage");
    expect_last_reason(lab, "no model");
    lab->settings.model = configured;
    close_lab(lab);
}

static void a_model_that_is_no_worse_is_installed_and_another_is_not(void **state)
{
    char first[17], now[17], previous[17];
    struct mir_answer answer;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    write_model("new.model", (struct wish){.wait_h = 1, .pinball = 0.5});
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", false);
    expect_answer(&answer, 0, "in use"); /* better than none */
    say_current(lab, first, previous, NULL, NULL);
    assert_string_equal(previous, "");
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", false);
    expect_answer(&answer, -EALREADY, "already");
    write_model("new.model", (struct wish){.wait_h = 2, .pinball = 0.6});
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", false);
    expect_answer(&answer, -EINVAL, "worse than the model in use: pinball loss 0.6, not 0.5");
    /* Measured of another one than the present: that tells nothing. */
    write_model(
        "new.model",
        (struct wish){.wait_h = 2, .pinball = 0.6, .current = 0.7, .until = LEARNED_UNTIL - 86400});
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", false);
    expect_answer(&answer, -EINVAL, "worse than the model in use: pinball loss 0.6, not 0.5");
    /* On other days it may have been harder: the present one was worse there. */
    write_model("new.model",
                (struct wish){.wait_h = 2, .pinball = 0.6, .current = 0.7, .until = LEARNED_UNTIL});
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", false);
    expect_answer(&answer, 0, "in use");
    say_current(lab, now, previous, NULL, NULL);
    assert_string_equal(previous, first);
    write_model("new.model", (struct wish){.wait_h = 3});
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", false);
    expect_answer(&answer, -EINVAL, "no pinball loss");
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", true);
    expect_answer(&answer, 0, "in use");
    cut_in_half("new.model");
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", true);
    expect_answer(&answer, -EINVAL, "new.model: truncated");
    answer = command(lab, MIR_MODEL_INSTALL, true, "none.model", true);
    expect_answer(&answer, -ENOENT, "none.model");
    close_lab(lab);
}

static void rollback_exchanges_the_two_models(void **state)
{
    char first[17], second[17], now[17], previous[17];
    struct mir_answer answer;
    struct lab *lab;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 1, .pinball = 0.5});
    lab = open_lab();
    say_current(lab, first, NULL, NULL, NULL);
    answer = command(lab, MIR_MODEL_ROLLBACK, true, NULL, false);
    expect_answer(&answer, -ENOENT, "previous.model");
    write_model("new.model", (struct wish){.wait_h = 2, .pinball = 0.4});
    answer = command(lab, MIR_MODEL_INSTALL, true, "new.model", false);
    expect_answer(&answer, 0, "in use");
    say_current(lab, second, NULL, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        answer = command(lab, MIR_MODEL_ROLLBACK, true, NULL, false);
        expect_answer(&answer, 0, "in use");
        say_current(lab, now, previous, NULL, NULL);
        assert_string_equal(now, i == 0 ? first : second);
        assert_string_equal(previous, i == 0 ? second : first);
        lab_run(lab, 120); /* and the watch changes nothing about it */
        say_current(lab, previous, NULL, NULL, NULL);
        assert_string_equal(now, previous);
    }
    lab_restart(lab);
    say_current(lab, now, NULL, NULL, NULL);
    assert_string_equal(now, second);
    cut_in_half("previous.model");
    answer = command(lab, MIR_MODEL_ROLLBACK, true, NULL, false);
    expect_answer(&answer, -EINVAL, "previous.model: truncated");
    say_current(lab, now, NULL, NULL, NULL);
    assert_string_equal(now, second);
    close_lab(lab);
}

static void a_candidate_is_taken_or_set_aside(void **state)
{
    char first[17], now[17], previous[17], refused[256];
    struct lab *lab;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 1, .pinball = 0.5});
    lab = open_lab();
    say_current(lab, first, NULL, NULL, NULL);
    write_model("candidate.model", (struct wish){.wait_h = 2, .pinball = 0.6});
    lab_run(lab, 65);
    say_current(lab, now, NULL, refused, NULL);
    assert_string_equal(now, first);
    assert_non_null(strstr(refused, "worse"));
    assert_int_equal(access(file("candidate.model"), F_OK), -1);
    assert_int_equal(access(file("refused.model"), F_OK), 0);
    write_model("candidate.model", (struct wish){.wait_h = 2, .pinball = 0.4});
    lab_run(lab, 65);
    say_current(lab, now, previous, refused, NULL);
    assert_string_equal(previous, first);
    assert_string_not_equal(now, first);
    assert_string_equal(refused, "");
    assert_int_equal(access(file("candidate.model"), F_OK), -1);
    close_lab(lab);
}

static void the_model_is_changed_by_administrators_alone(void **state)
{
    static const enum mir_command_verb verbs[] = {MIR_MODEL_INSTALL, MIR_MODEL_ROLLBACK,
                                                  MIR_MODEL_RELOAD};
    struct lab *lab;

    (void)state;
    lab = open_lab();
    write_model("new.model", (struct wish){.wait_h = 1});
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        struct mir_answer answer = command(lab, verbs[i], false, "new.model", false);

        expect_answer(&answer, -EPERM, "administrators");
    }
    close_lab(lab);
}

/* ---- promises ---- */

static struct mir_view_coverage coverage_of(struct lab *lab)
{
    struct mir_view *v = view_of(lab);
    struct mir_view_coverage c = v->coverage;

    mir_view_unref(v);
    return c;
}

/* p50 is an hour, p90 1.8 h, p95 1.9 h and no level is above that. */
static struct lab *open_promising_lab(void)
{
    struct lab *lab;

    write_model("current.model", (struct wish){.wait_h = 1, .spread = true});
    lab = open_lab();
    lab_run(lab, 70);
    assert_string_equal(coverage_of(lab).method, "forest-q");
    return lab;
}

static void waits_that_become_known_are_held_against_what_was_promised(void **state)
{
    struct lab *lab = open_promising_lab();

    (void)state;
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    lab_add(lab, 61, 2000, MIR_STATE_PENDING, "");
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_open, 2);
    assert_int_equal(coverage_of(lab).n_known, 0);
    assert_true(isnan(coverage_of(lab).share[0]));
    lab_start(lab, 60); /* within p50 */
    lab_run(lab, 5400);
    lab_start(lab, 61); /* beyond it, within p90 */
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_open, 0);
    assert_int_equal(coverage_of(lab).n_known, 2);
    assert_float_equal(coverage_of(lab).share[0], 0.5, 1e-9);
    assert_float_equal(coverage_of(lab).share[1], 1, 1e-9);
    close_lab(lab);
}

/* An hour's wait: too long for one of them, and nothing to the other. */
static void each_method_is_calibrated_by_its_own_promises(void **state)
{
    const struct wish short_wait = {.wait_h = 0.25, .spread = true};
    const struct wish long_wait = {.wait_h = 20, .spread = true};
    const struct mir_calibration *c;
    struct mir_wait_model *m = mir_wait_model_create();
    struct lab *lab;
    unsigned class;

    (void)state;
    fill_trees(&m->trees[MIR_WAIT_FOREST_Q], &short_wait);
    fill_trees(&m->trees[MIR_WAIT_XGB_Q], &long_wait);
    assert_int_equal(mir_wait_model_save(m, file("current.model"), NULL), 0);
    mir_wait_model_unref(m);
    lab = open_lab();
    lab_run(lab, 70);
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    class = mir_calibration_class(lab_job(lab, 60)->n_nodes, lab_job(lab, 60)->limit_s);
    lab_run(lab, 3600);
    lab_start(lab, 60);
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_known, 1);
    c = lab->engine->forecast->calibration;
    for (int i = 1; i < MIR_N_WAIT_LEVELS_TRAINED; i++) {
        assert_true(c[MIR_WAIT_FOREST_Q].asked[class][i] > (double)mir_wait_levels[i]);
        assert_true(c[MIR_WAIT_XGB_Q].asked[class][i] < (double)mir_wait_levels[i]);
    }
    close_lab(lab);
}

static void a_job_that_started_within_a_poll_counts_too(void **state)
{
    struct lab *lab = open_promising_lab();

    (void)state;
    lab_pass(lab, 10);
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    lab_pass(lab, 10);
    lab_start(lab, 60);
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_known, 1);
    lab_run(lab, 200); /* and once */
    assert_int_equal(coverage_of(lab).n_known, 1);
    close_lab(lab);
}

/* In the second of a list it may be in that one and, as new as before, in the next. */
static void a_job_that_comes_with_a_list_counts_once(void **state)
{
    struct lab *lab = open_promising_lab();
    unsigned n = lab->count[LAB_READ_JOBS];

    (void)state;
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    while (lab->count[LAB_READ_JOBS] == n) {
        lab_pass(lab, 5);
        lab_job(lab, 60)->submit_at = lab_job(lab, 60)->eligible_at = lab->at;
        lab_settle(lab);
    }
    assert_int_equal(coverage_of(lab).n_open, 1);
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_open, 1);
    close_lab(lab);
}

static void a_job_that_waits_beyond_all_promises_is_told_once(void **state)
{
    struct lab *lab = open_promising_lab();

    (void)state;
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    lab_run(lab, 70);
    lab_run(lab, 6600);
    assert_int_equal(coverage_of(lab).n_known, 0);
    lab_run(lab, 600);
    assert_int_equal(coverage_of(lab).n_known, 1);
    assert_float_equal(coverage_of(lab).share[2], 0, 1e-9);
    lab_start(lab, 60);
    lab_run(lab, 200);
    assert_int_equal(coverage_of(lab).n_known, 1);
    close_lab(lab);
}

static void jobs_that_wait_for_something_else_tell_nothing(void **state)
{
    static const uint32_t flags[] = {MIR_LIVE_DEPENDENT, MIR_LIVE_HELD_USER, MIR_LIVE_HELD_ADMIN,
                                     MIR_LIVE_BEGIN_LATER};
    struct lab *lab = open_promising_lab();
    uint32_t id = 60;

    (void)state;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        lab_add(lab, id++, 2000, MIR_STATE_PENDING, "")->flags |= flags[i];
    lab_add(lab, id++, 2000, MIR_STATE_PENDING, "")->n_tasks = 50;
    lab_add(lab, id++, 2000, MIR_STATE_PENDING, "")->reservation = "maintenance";
    lab_add(lab, id++, 2000, MIR_STATE_PENDING, "")->eligible_at = INT64_MAX;
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_open, 0);
    lab_add(lab, id, 2000, MIR_STATE_PENDING, "");
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_open, 1);
    lab_end(lab, id, MIR_STATE_CANCELLED, 0); /* never ran */
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_open, 0);
    assert_int_equal(coverage_of(lab).n_known, 0);
    close_lab(lab);
}

static void what_waited_before_the_first_look_tells_nothing(void **state)
{
    struct lab *lab;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 1});
    lab = open_lab();
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    lab_run(lab, 130);
    assert_int_equal(coverage_of(lab).n_open, 0);
    close_lab(lab);
}

static void a_restart_keeps_what_was_learned_of_the_same_model(void **state)
{
    struct lab *lab = open_promising_lab();
    struct mir_view_coverage c;

    (void)state;
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    lab_add(lab, 61, 2000, MIR_STATE_PENDING, "");
    lab_run(lab, 70);
    lab_start(lab, 60);
    lab_run(lab, 700); /* written down every ten minutes */
    lab_restart(lab);
    c = coverage_of(lab);
    assert_int_equal(c.n_known, 1);
    assert_int_equal(c.n_learned, 1);
    assert_int_equal(c.n_open, 1);
    lab_start(lab, 61);
    lab_run(lab, 70);
    assert_int_equal(coverage_of(lab).n_known, 2);
    write_model("current.model", (struct wish){.wait_h = 2});
    lab_restart(lab); /* another model: not its promises */
    assert_int_equal(coverage_of(lab).n_known, 0);
    close_lab(lab);
}

static void a_blob_that_does_not_fit_is_left_alone(void **state)
{
    struct lab *lab = open_promising_lab();
    struct mir_error err = {{0}};
    void *bytes = NULL;
    size_t len = 0;

    (void)state;
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    lab_run(lab, 700);
    assert_int_equal(mir_journal_get_blob(lab->journal, "calibration", &bytes, &len, &err), 0);
    assert_int_equal(mir_journal_set_blob(lab->journal, "calibration", bytes, len - 1, &err), 0);
    lab_restart(lab);
    assert_int_equal(coverage_of(lab).n_open, 0);
    ((char *)bytes)[4]++; /* another version */
    assert_int_equal(mir_journal_set_blob(lab->journal, "calibration", bytes, len, &err), 0);
    lab_restart(lab);
    assert_int_equal(coverage_of(lab).n_open, 0);
    ((char *)bytes)[4]--;
    assert_int_equal(mir_journal_set_blob(lab->journal, "calibration", bytes, len, &err), 0);
    lab_restart(lab);
    assert_int_equal(coverage_of(lab).n_open, 1);
    free(bytes);
    close_lab(lab);
}

/* How many of the newest rows of the paper's state have that many pending jobs. */
static unsigned paper_rows(struct lab *lab, float n_pending)
{
    const float *rows = mir_paper_history_view(&lab->engine->forecast->paper, NULL);
    unsigned n = 0;

    for (unsigned i = 0; i < MIR_PAPER_ROWS; i++)
        n += fabsf(rows[(size_t)i * MIR_PAPER_WIDTH] - n_pending) < 0.5F;
    return n;
}

static void the_papers_history_has_a_row_every_ten_minutes_and_outlives_us(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    const struct wish wish = {.wait_h = 1};
    struct lab *lab;

    (void)state;
    fill_trees(&m->trees[MIR_WAIT_FOREST_Q], &wish);
    fill_paper_trees(&m->trees[MIR_WAIT_RF]);
    assert_int_equal(mir_wait_model_save(m, file("current.model"), NULL), 0);
    mir_wait_model_unref(m);
    lab = open_lab();
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "");
    lab_add(lab, 61, 2000, MIR_STATE_PENDING, "");
    lab_run(lab, 70);
    assert_int_equal(paper_rows(lab, 2), 1);
    lab_run(lab, 3600);
    assert_int_equal(paper_rows(lab, 2), 7);
    lab_restart(lab);
    assert_int_equal(paper_rows(lab, 2), 7);
    lab_pass(lab, 1800); /* as it is now, so it was while we were away */
    lab_run(lab, 70);
    assert_int_equal(paper_rows(lab, 2), 10);
    assert_int_equal(paper_rows(lab, 0), MIR_PAPER_ROWS - 10);
    close_lab(lab);
}

/* ---- predict ---- */

static void on_command(void *arg, const struct mir_command *asked, struct mir_answer *answer)
{
    struct lab *lab = arg;

    mir_engine_command(lab->engine, lab_now(lab), asked, answer);
}

struct asker {
    struct mir_mailbox *box;
    struct mir_command command;
    struct mir_answer answer;
};

static void *ask(void *arg)
{
    struct asker *a = arg;

    mir_mailbox_ask(a->box, &a->command, 5000, &a->answer);
    return NULL;
}

/* As an HTTP thread asks: through the mailbox, answered by the engine's thread. */
static struct mir_answer predict(struct lab *lab, uint32_t n_nodes, const char *user)
{
    struct asker a = {.command = {.verb = MIR_PREDICT, .uid = 4711}};
    pthread_t thread;

    a.box = mir_mailbox_create();
    a.command.request.n_nodes = n_nodes;
    a.command.request.limit_s = 7200;
    snprintf(a.command.request.user, sizeof(a.command.request.user), "%s", user);
    assert_int_equal(pthread_create(&thread, NULL, ask, &a), 0);
    while (a.answer.forecast == NULL && a.answer.rc == 0) {
        usleep(1000);
        mir_mailbox_serve(a.box, on_command, lab);
    }
    pthread_join(thread, NULL);
    mir_mailbox_destroy(a.box);
    return a.answer;
}

static void anybody_may_ask_how_long_a_job_would_wait(void **state)
{
    struct mir_answer small, large;
    struct lab *lab;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 1, .large_h = 3, .spread = true});
    lab = open_lab();
    lab_run(lab, 70);
    small = predict(lab, 1, "");
    large = predict(lab, 8, "");
    assert_int_equal(small.rc, 0);
    assert_string_equal(small.forecast->method, "forest-q");
    assert_int_equal(strlen(small.forecast->model.checksum), 16);
    assert_float_equal(small.forecast->wait_s[1], 3600, 1);
    assert_true(small.forecast->wait_s[0] < small.forecast->wait_s[1]);
    assert_true(small.forecast->wait_s[2] > small.forecast->wait_s[1]);
    assert_float_equal(large.forecast->wait_s[1], 10800, 3);
    assert_true(isnan(small.forecast->priority));
    assert_false(small.forecast->out_of_range);
    free(small.forecast);
    free(large.forecast);
    close_lab(lab);
}

static void a_prediction_names_what_drives_it(void **state)
{
    struct mir_wait_model *m = mir_wait_model_create();
    const struct wish wish = {.wait_h = 1, .large_h = 3};
    struct mir_answer answer;
    struct lab *lab;

    (void)state;
    fill_trees(&m->trees[MIR_WAIT_FOREST_Q], &wish);
    m->ranges[MIR_WAIT_FEATURE_NODES] = (struct mir_feature_range){1, 64, 1, 2};
    assert_int_equal(mir_wait_model_save(m, file("current.model"), NULL), 0);
    mir_wait_model_unref(m);
    lab = open_lab();
    lab_run(lab, 70);
    answer = predict(lab, 8, "");
    assert_true(answer.forecast->n_drivers > 0);
    assert_string_equal(answer.forecast->drivers[0].name, "nodes");
    assert_string_equal(answer.forecast->drivers[0].unit, "nodes");
    assert_float_equal(answer.forecast->drivers[0].value, 8, 1e-9);
    assert_float_equal(answer.forecast->drivers[0].change_s, 7200, 1);
    free(answer.forecast);
    close_lab(lab);
}

static void without_a_model_a_prediction_is_of_recent_waits_and_says_so(void **state)
{
    struct mir_answer answer;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    for (uint32_t i = 0; i < 4; i++) { /* waits of 100 to 400 s */
        lab_add(lab, 60 + i, 2000, MIR_STATE_RUNNING, "");
        lab_job(lab, 60 + i)->submit_at -= 100 * (i + 1);
        lab_job(lab, 60 + i)->eligible_at -= 100 * (i + 1);
    }
    lab_run(lab, 130);
    answer = predict(lab, 1, "alice");
    assert_int_equal(answer.rc, 0);
    assert_string_equal(answer.forecast->method, "waits");
    assert_non_null(strstr(answer.forecast->note, "no model"));
    assert_int_equal(answer.forecast->n_waits, 4);
    assert_float_equal(answer.forecast->wait_s[0], 100, 1e-9);
    assert_float_equal(answer.forecast->wait_s[1], 200, 1e-9);
    assert_float_equal(answer.forecast->wait_s[2], 400, 1e-9);
    assert_string_equal(answer.forecast->model.checksum, "");
    free(answer.forecast);
    close_lab(lab);
}

static void before_the_queue_is_known_there_is_no_prediction(void **state)
{
    struct mir_answer answer;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    answer = predict(lab, 1, "");
    expect_answer(&answer, -EBUSY, "not been read yet");
    close_lab(lab);
}

/* What the newest job of the user has, without the part for its age. */
static void a_prediction_counts_with_the_users_priority(void **state)
{
    struct mir_answer answer;
    struct lab *lab;

    (void)state;
    write_model("current.model", (struct wish){.wait_h = 1});
    lab = open_lab();
    snprintf(lab->cluster.priority_type, sizeof(lab->cluster.priority_type),
             "priority/multifactor");
    lab->cluster.weight_age = 1000;
    lab->cluster.max_age_s = 10000;
    lab_run(lab, 5);
    lab_add(lab, 60, 2000, MIR_STATE_PENDING, "")->priority = 700;
    lab_job(lab, 60)->submit_at -= 2000;
    lab_job(lab, 60)->eligible_at -= 2000;
    lab_add(lab, 61, 2000, MIR_STATE_RUNNING, "")->priority = 5000;
    lab_job(lab, 61)->submit_at -= 3000;
    lab_run(lab, 130);
    answer = predict(lab, 1, "alice");
    /* 2,000 s of 10,000 and what has passed since, to a minute or two */
    assert_true(answer.forecast->priority <= 500 && answer.forecast->priority > 480);
    free(answer.forecast);
    answer = predict(lab, 1, "nobody");
    assert_true(isnan(answer.forecast->priority));
    free(answer.forecast);
    close_lab(lab);
}

static void it_plans_as_far_ahead_as_slurms_backfill(void **state)
{
    static const struct {
        const char *parameters;
        int32_t bf_window_s;
    } rows[] = {
        {"", 86400},
        {"bf_window=4320", 259200},
        {"bf_continue,bf_window=60,bf_max_job_test=500", 3600},
        {"bf_window_linear=30,bf_continue", 86400},
        {"my_bf_window=30", 86400},
        {"bf_window=", 86400},
        {"bf_window=-5", 86400},
        {"bf_window=99999999999", 86400},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lab *lab = open_lab();

        snprintf(lab->cluster.scheduler_parameters, sizeof(lab->cluster.scheduler_parameters), "%s",
                 rows[i].parameters);
        lab_run(lab, 10);
        assert_int_equal(lab->engine->forecast->bf_window_s, rows[i].bf_window_s);
        close_lab(lab);
    }
}

/* ---- the history as a log ---- */

static struct mir_answer history(struct lab *lab, bool admin, const char *after)
{
    struct mir_command c = {.verb = MIR_HISTORY, .uid = 1000, .admin = admin};
    struct mir_answer answer;

    snprintf(c.after, sizeof(c.after), "%s", after);
    mir_engine_command(lab->engine, lab_now(lab), &c, &answer);
    return answer;
}

static void read_log(const char *text, struct mir_joblog *log)
{
    const struct mir_read_options options = {.format = MIR_FORMAT_MIRAGE, .strict = true};
    struct mir_read_result result;
    struct mir_error err = {{0}};

    write_text("log.csv", text);
    mir_joblog_init(log);
    if (mir_log_read(file("log.csv"), &options, log, &result, &err) != 0)
        fail_msg("%s\n%s", err.text, text);
}

static void the_history_reads_as_a_log_with_run_times(void **state)
{
    struct mir_answer answer;
    struct mir_joblog log;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_add(lab, 60, 2000, MIR_STATE_RUNNING, "")->name = "a \"quoted\", name";
    lab_job(lab, 60)->submit_at -= 300;
    lab_job(lab, 60)->eligible_at -= 300;
    lab_add(lab, 61, 2000, MIR_STATE_RUNNING, "");
    lab_run(lab, 600);
    lab_end(lab, 60, MIR_STATE_COMPLETED, 0);
    lab_run(lab, 120);
    answer = history(lab, true, "");
    assert_int_equal(answer.rc, 0);
    assert_string_equal(answer.after, "");
    read_log(answer.csv, &log);
    assert_int_equal(log.n_jobs, 2);
    assert_int_equal(log.n_nodes, 8);
    assert_int_equal(log.jobs[0].id, 60);
    assert_int_equal(log.jobs[0].wait_s, 300);
    assert_int_equal(log.jobs[0].run_s, 600);
    assert_int_equal(log.jobs[0].state, MIR_STATE_COMPLETED);
    assert_int_equal(log.jobs[0].limit_s, LAB_LIMIT);
    assert_string_equal(mir_names_get(&log.users, log.jobs[0].user), "alice");
    assert_string_equal(mir_names_get(&log.names, log.jobs[0].name), "a \"quoted\", name");
    assert_int_equal(log.jobs[1].run_s, MIR_UNKNOWN);
    mir_joblog_release(&log);
    free(answer.csv);
    close_lab(lab);
}

/* A job that waited for another one tells nothing of waits, but the log needs its load. */
static void jobs_that_are_no_lesson_about_waits_are_in_the_log(void **state)
{
    struct mir_answer answer;
    struct mir_joblog log;
    struct lab *lab;

    (void)state;
    lab = open_lab();
    lab_add(lab, 60, 2000, MIR_STATE_RUNNING, "")->eligible_at += 500;
    lab_job(lab, 60)->start_at += 500;
    lab_run(lab, 600);
    lab_end(lab, 60, MIR_STATE_FAILED, 1);
    lab_run(lab, 120);
    answer = history(lab, true, "");
    read_log(answer.csv, &log);
    assert_int_equal(log.n_jobs, 1);
    assert_int_equal(log.jobs[0].eligible_s, 500);
    assert_int_equal(log.jobs[0].run_s, 100);
    mir_joblog_release(&log);
    free(answer.csv);
    close_lab(lab);
}

static void the_history_comes_in_pages_and_to_administrators_alone(void **state)
{
    struct mir_live_past past = {.id = 1,
                                 .n_nodes = 1,
                                 .limit_s = 60,
                                 .state = MIR_STATE_COMPLETED,
                                 .user = "u",
                                 .account = "",
                                 .partition = "",
                                 .qos = "",
                                 .comment = ""};
    struct mir_str all = {0};
    struct mir_answer answer;
    struct mir_joblog log;
    struct lab *lab;
    unsigned n_pages = 0;
    char after[64] = "";

    (void)state;
    lab = open_lab();
    assert_int_equal(mir_journal_begin(lab->journal, NULL), 0);
    for (uint32_t i = 0; i < 4500; i++) { /* many at the same second: the place is exact */
        past.id = i + 1;
        past.submit_at = past.eligible_at = LAB_T0 - 5000;
        past.start_at = LAB_T0 - 4000 + i / 100;
        past.end_at = past.start_at + 10;
        assert_int_equal(mir_journal_add_start(lab->journal, &past, NULL), 0);
    }
    assert_int_equal(mir_journal_commit(lab->journal, NULL), 0);
    do {
        answer = history(lab, true, after);
        assert_int_equal(answer.rc, 0);
        mir_str_add(&all, answer.csv);
        free(answer.csv);
        snprintf(after, sizeof(after), "%s", answer.after);
        n_pages++;
    } while (after[0] != '\0' && n_pages < 10);
    assert_int_equal(n_pages, 3);
    read_log(all.text, &log);
    assert_int_equal(log.n_jobs, 4500);
    mir_joblog_release(&log);
    mir_str_release(&all);
    answer = history(lab, false, "");
    expect_answer(&answer, -EPERM, "administrators");
    assert_null(answer.csv);
    answer = history(lab, true, "1.2");
    expect_answer(&answer, -EINVAL, "no such place");
    close_lab(lab);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_successor_is_submitted_when_the_model_says_so),
        TEST(a_successor_counts_with_its_predecessors_priority_but_its_age),
        TEST(without_a_model_qbets_decides_and_the_reason_says_so),
        TEST(a_model_out_of_its_range_is_not_believed),
        TEST(another_file_is_taken_while_chains_run),
        TEST(a_broken_file_is_refused_by_name_and_the_old_model_stays),
        TEST(a_bad_file_is_no_reason_not_to_start),
        TEST(a_model_without_quantiles_is_refused),
        TEST(other_settings_bring_another_model_or_none),
        TEST(a_model_that_is_no_worse_is_installed_and_another_is_not),
        TEST(rollback_exchanges_the_two_models),
        TEST(a_candidate_is_taken_or_set_aside),
        TEST(the_model_is_changed_by_administrators_alone),
        TEST(waits_that_become_known_are_held_against_what_was_promised),
        TEST(each_method_is_calibrated_by_its_own_promises),
        TEST(a_job_that_started_within_a_poll_counts_too),
        TEST(a_job_that_comes_with_a_list_counts_once),
        TEST(a_job_that_waits_beyond_all_promises_is_told_once),
        TEST(jobs_that_wait_for_something_else_tell_nothing),
        TEST(what_waited_before_the_first_look_tells_nothing),
        TEST(a_restart_keeps_what_was_learned_of_the_same_model),
        TEST(a_blob_that_does_not_fit_is_left_alone),
        TEST(the_papers_history_has_a_row_every_ten_minutes_and_outlives_us),
        TEST(anybody_may_ask_how_long_a_job_would_wait),
        TEST(a_prediction_names_what_drives_it),
        TEST(without_a_model_a_prediction_is_of_recent_waits_and_says_so),
        TEST(before_the_queue_is_known_there_is_no_prediction),
        TEST(a_prediction_counts_with_the_users_priority),
        TEST(it_plans_as_far_ahead_as_slurms_backfill),
        TEST(the_history_reads_as_a_log_with_run_times),
        TEST(jobs_that_are_no_lesson_about_waits_are_in_the_log),
        TEST(the_history_comes_in_pages_and_to_administrators_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
