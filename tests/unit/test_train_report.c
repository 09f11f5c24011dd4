/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_train_report.c - an evaluation in its four forms. */
#include "models/train/report.h"

#include <json-c/json.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/core/rng.h"

static struct mir_evaluation e;
static struct mir_model_origin origin;
static struct mir_evaluation_report r;

static void add_model(const char *name, double error)
{
    uint32_t number = e.n_predictions;
    struct mir_prediction *p = mir_evaluation_add(&e, name, true);

    for (size_t i = 0; i < e.n; i++) {
        double grid[MIR_N_WAIT_LEVELS_TRAINED];

        for (unsigned k = 0; k < MIR_N_WAIT_LEVELS_TRAINED; k++)
            grid[k] = (double)e.rows[i].wait_h * error * 2 * (double)mir_wait_levels[k];
        mir_prediction_set(p, i, grid);
    }
    mir_evaluation_calibrate(&e, number);
}

static int open_report(void **state)
{
    struct mir_prediction *p;
    struct mir_rng rng;

    (void)state;
    mir_rng_init(&rng, 2);
    mir_evaluation_init(&e, 500);
    for (size_t i = 0; i < e.n; i++) {
        double wait_h = 10 * mir_rng_double(&rng);

        e.rows[i] = (struct mir_truth){
            .at = 1675209600 + (int64_t)i * 3600,
            .known_at =
                i % 50 == 0 ? INT64_MAX : 1675209600 + (int64_t)i * 3600 + (int64_t)(wait_h * 3600),
            .wait_h = (float)wait_h,
            .censored = i % 50 == 0,
            .class = mir_evaluation_class(&e, 1 + i % 2, i % 2 == 0 ? "1 node" : "<2> nodes"),
            .n_nodes = 1,
            .limit_s = 172800,
        };
    }
    add_model("forest-q", 1);
    add_model("xgb-q", 0.5);
    p = mir_evaluation_add(&e, "slurm plan", false);
    for (size_t i = 0; i < e.n; i++)
        mir_prediction_set_point(p, i, 9);
    mir_evaluation_add(&e, "silent", false);
    mir_evaluation_score(&e);
    snprintf(origin.source, sizeof origin.source, "log");
    r = (struct mir_evaluation_report){
        .e = &e,
        .log = "a<b>&\"c'.txt",
        .model = "m.model",
        .command = "mirage-train evaluate <script>",
        .version = "0",
        .what = "submissions",
        .origin = &origin,
        .to_at = 86400,
        .n_nodes = 76,
        .leak = "no feature sees the future",
        .gains = {{"plan_limit", "h", "start by limits", 0.5}},
        .n_gains = 1,
        .outcomes = {{"rf", 10, 1.5, -0.5}},
        .n_outcomes = 1,
    };
    return 0;
}

static int close_report(void **state)
{
    (void)state;
    mir_evaluation_release(&e);
    return 0;
}

typedef int (*print_f)(FILE *to, const struct mir_evaluation_report *report, struct mir_error *err);

static int table(FILE *to, const struct mir_evaluation_report *report, struct mir_error *err)
{
    return mir_evaluation_table(to, report, false, err);
}

static char *print(print_f f)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    assert_int_equal(f(to, &r, NULL), 0);
    fclose(to);
    return text;
}

static void says(const char *text, const char *what)
{
    if (strstr(text, what) == NULL)
        fail_msg("no '%s'", what);
}

static void the_table_tells_what_was_scored_and_by_whom(void **state)
{
    char *text = print(table);

    (void)state;
    says(text, "on 76 nodes");
    says(text, "500 submissions, 10 of them not known to the end");
    says(text, "no feature sees the future");
    says(text, "all: 500");
    says(text, "1 node: 250");
    says(text, "forest-q");
    says(text, "  calibrated");
    says(text, "slurm plan");
    says(text, "Signed outcome");
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "In sample"));
    free(text);
    r.in_sample = true;
    text = print(table);
    says(text, "In sample");
    free(text);
}

static void the_best_has_a_star_and_a_draw_has_none(void **state)
{
    const struct mir_score_column *mae = NULL, *p50 = NULL;

    (void)state;
    for (size_t i = 0; i < MIR_N_SCORE_COLUMNS; i++) {
        mae = strcmp(MIR_SCORE_COLUMNS[i].key, "mae_h") == 0 ? &MIR_SCORE_COLUMNS[i] : mae;
        p50 = strcmp(MIR_SCORE_COLUMNS[i].key, "coverage_p50") == 0 ? &MIR_SCORE_COLUMNS[i] : p50;
    }
    assert_true(mir_score_is_best(&e, mae, 0, 0));
    assert_false(mir_score_is_best(&e, mae, 2, 0));
    assert_false(mir_score_is_best(&e, mae, 5, 0)); /* silent */
    for (uint32_t p = 0; p < e.n_predictions; p++)
        e.scores[p][0].coverage[MIR_SCORED_P50] = 0.4 + 0.05 * p;
    assert_true(mir_score_is_best(&e, p50, 2, 0)); /* the nearest to one half, not the largest */
    assert_false(mir_score_is_best(&e, p50, 5, 0));
    for (uint32_t p = 0; p < e.n_predictions; p++)
        e.scores[p][0].mae_h = 1;
    for (uint32_t p = 0; p < e.n_predictions; p++)
        assert_false(mir_score_is_best(&e, mae, p, 0));
}

static void csv_has_a_line_for_each_prediction_and_class(void **state)
{
    char *text = print(mir_evaluation_csv), *rest = text, *line;
    size_t n = 0, commas = 0;

    (void)state;
    while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
        size_t here = 0;

        for (const char *c = line; *c != '\0'; c++)
            here += *c == ',';
        if (n == 0)
            commas = here;
        assert_int_equal(here, commas);
        n++;
    }
    assert_int_equal(n, 1 + 6 * 3);
    free(text);
}

static struct json_object *get(struct json_object *o, const char *key)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(o, key, &value))
        fail_msg("no key '%s'", key);
    return value;
}

static void json_has_what_the_manual_shows(void **state)
{
    char *text = print(mir_evaluation_json);
    struct json_object *root = json_tokener_parse(text), *p, *c;

    (void)state;
    assert_non_null(root);
    assert_int_equal(json_object_array_length(get(root, "predictions")), 6);
    p = json_object_array_get_idx(get(root, "predictions"), 1);
    assert_string_equal(json_object_get_string(get(p, "name")), "forest-q");
    assert_true(json_object_get_boolean(get(p, "calibrated")));
    c = json_object_array_get_idx(get(p, "classes"), 0);
    assert_string_equal(json_object_get_string(get(c, "class")), "all");
    assert_int_equal(json_object_get_int(get(c, "n")), 490);
    assert_true(json_object_get_double(get(get(c, "pinball_t"), "0.9")) > 0);
    assert_true(json_object_get_double(get(get(c, "coverage"), "0.95")) > 0);
    p = json_object_array_get_idx(get(root, "predictions"), 5);
    c = json_object_array_get_idx(get(p, "classes"), 0);
    assert_null(get(c, "mae_h"));
    assert_string_equal(json_object_get_string(get(get(root, "run"), "log")), "a<b>&\"c'.txt");
    assert_string_equal(json_object_get_string(get(get(root, "run"), "to")),
                        "1970-01-02T00:00:00Z");
    json_object_put(root);
    free(text);
}

/* Tags that opened are closed, in order; no script, nothing from elsewhere, nothing unescaped. */
static void the_page_is_whole_and_keeps_to_itself(void **state)
{
    char *text = print(mir_evaluation_html);
    static const char *const tags[] = {"svg", "figure", "table", "main",
                                       "ul",  "dl",     "tbody", "html"};

    (void)state;
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        char open[16], close[16];
        int n = 0;

        snprintf(open, sizeof open, "<%s", tags[i]);
        snprintf(close, sizeof close, "</%s>", tags[i]);
        for (const char *c = text; (c = strstr(c, open)) != NULL; c++)
            n++;
        assert_true(n > 0);
        for (const char *c = text; (c = strstr(c, close)) != NULL; c++)
            n--;
        assert_int_equal(n, 0);
    }
    assert_null(strstr(text, "<script"));
    assert_null(strstr(text, "http"));
    assert_null(strstr(text, "a<b>"));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf\""));
    says(text, "a&lt;b&gt;&amp;&quot;c&#39;.txt");
    says(text, "&lt;2&gt; nodes");
    says(text, "id=\"reliability\"");
    says(text, "id=\"truth\"");
    says(text, "id=\"days\"");
    says(text, "id=\"gains\"");
    free(text);
}

static void a_page_of_one_submission_is_drawn_too(void **state)
{
    struct mir_evaluation whole = e;
    char *text;

    (void)state;
    e.n = 1;
    for (unsigned censored = 0; censored < 2; censored++) {
        e.rows[0].censored = censored;
        mir_evaluation_score(&e);
        text = print(mir_evaluation_html);
        assert_null(strstr(text, "nan"));
        assert_null(strstr(text, "inf\""));
        free(text);
    }
    e = whole;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_table_tells_what_was_scored_and_by_whom, open_report,
                                        close_report),
        cmocka_unit_test_setup_teardown(the_best_has_a_star_and_a_draw_has_none, open_report,
                                        close_report),
        cmocka_unit_test_setup_teardown(csv_has_a_line_for_each_prediction_and_class, open_report,
                                        close_report),
        cmocka_unit_test_setup_teardown(json_has_what_the_manual_shows, open_report, close_report),
        cmocka_unit_test_setup_teardown(the_page_is_whole_and_keeps_to_itself, open_report,
                                        close_report),
        cmocka_unit_test_setup_teardown(a_page_of_one_submission_is_drawn_too, open_report,
                                        close_report),
    };

    return cmocka_run_group_tests_name("train_report", tests, NULL, NULL);
}
