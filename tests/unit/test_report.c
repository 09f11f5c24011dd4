/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_report.c - the four reports of one small comparison with an awkward policy name. */
#include "traces/replay/log_truth.h"
#include "traces/replay/report.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/comparison_fixture.h"

enum { H = FIXTURE_HOUR, N_EPISODES = 6 };

static const char AWKWARD[] = "<b>&\"',x";

typedef int report_f(FILE *to, const struct mir_comparison *c, struct mir_error *err);

static void describe_run(struct mir_comparison *c)
{
    c->log_path = mir_strdup("/data/<log>&.swf");
    c->command = mir_strdup("mirage-replay run \"x\" --policy '<b>'");
    c->scheduler = mir_strdup("easy");
    c->protocol = mir_strdup("continuous");
    c->cluster_nodes = 76;
    c->chain_nodes = 8;
    c->chain_limit_s = 48 * H;
    c->every_s = 4 * H;
    c->period_s = 600;
    c->from_at = FIXTURE_START_AT;
    c->to_at = FIXTURE_START_AT + 86400;
    c->seed = UINT64_MAX;
    c->wall_s = 1.25;
    c->cpu_s = 2.5;
    c->n_probes = 864;
}

/* Two plain policies and one that heeds the weight; one successor never started; no heavy load. */
static void make(struct mir_comparison *c)
{
    static const int32_t reactive[N_EPISODES] = {0, 1 * H, 3 * H, 5 * H, 30, 7 * H};
    static const int32_t awkward[N_EPISODES] = {-2 * H, 0, 2 * H, FIXTURE_NEVER, 0, 6 * H};
    static const int32_t at_one[N_EPISODES] = {0, 0, 1 * H, 1 * H, 0, 1 * H};
    static const int32_t at_half[N_EPISODES] = {-1 * H, -1 * H, 0, 0, -1 * H, 0};
    static const int32_t bound[N_EPISODES] = {0, 0, 0, 0, 0, 600};

    fixture_init(c, 3, N_EPISODES, 1);
    fixture_fill(c, &c->rows[0], "reactive", reactive);
    fixture_fill(c, &c->rows[1], AWKWARD, awkward);
    fixture_fill(c, &c->rows[2], "quantile", at_one);
    fixture_fill_second(c, &c->rows[2], at_half);
    for (uint32_t e = 1; e < N_EPISODES; e++) {
        fixture_fan(c, &c->rows[2], e, 30 * H);
        fixture_fan(c, &c->rows[2], e, 20 * H);
    }
    fixture_fill(c, &c->clairvoyant, "clairvoyant", bound);
    fixture_fill_second(c, &c->clairvoyant, bound);
    c->n_load = 5000;
    c->load = MIR_NEW_ARRAY(struct mir_load_point, c->n_load);
    for (uint32_t i = 0; i < c->n_load; i++) {
        c->load[i] =
            (struct mir_load_point){FIXTURE_START_AT + (int64_t)i * 60, 50 + i % 20, i % 300, 2.5f};
    }
    describe_run(c);
}

/* The report as text; the caller frees it. */
static char *text_of(report_f *report, const struct mir_comparison *c)
{
    struct mir_error err = {""};
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);

    assert_non_null(to);
    assert_int_equal(report(to, c, &err), 0);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(strlen(text), len);
    return text;
}

static int plain_table(FILE *to, const struct mir_comparison *c, struct mir_error *err)
{
    return mir_report_table(to, c, false, err);
}

static int colour_table(FILE *to, const struct mir_comparison *c, struct mir_error *err)
{
    return mir_report_table(to, c, true, err);
}

static char *made_text(report_f *report)
{
    struct mir_comparison c;
    char *text;

    make(&c);
    text = text_of(report, &c);
    mir_comparison_release(&c);
    return text;
}

/* "a.b.c" from `o`; fails where a key is missing, returns NULL for null. */
static struct json_object *at(struct json_object *o, const char *path)
{
    char keys[128], *rest = keys, *key;

    snprintf(keys, sizeof keys, "%s", path);
    while ((key = strsep(&rest, "/")) != NULL) {
        if (!json_object_object_get_ex(o, key, &o))
            fail_msg("no %s in %s", key, path);
    }
    return o;
}

static double number(struct json_object *o, const char *path)
{
    struct json_object *value = at(o, path);

    if (!json_object_is_type(value, json_type_double) && !json_object_is_type(value, json_type_int))
        fail_msg("%s is no number", path);
    return json_object_get_double(value);
}

static struct json_object *parsed(void)
{
    char *text = made_text(mir_report_json);
    struct json_object *root = json_tokener_parse(text);

    assert_non_null(root);
    free(text);
    return root;
}

static void json_has_the_documented_keys(void **state)
{
    static const char *const numbers[] = {"episodes",
                                          "interruption_h/mean",
                                          "interruption_h/p50",
                                          "interruption_h/p90",
                                          "interruption_h/p99",
                                          "overlap_h/mean",
                                          "zero_share",
                                          "cost_h/1",
                                          "cost_h/0.5",
                                          "gap_closed/1",
                                          "gap_closed/0.5",
                                          "outcomes",
                                          "late_share",
                                          "unstarted",
                                          "by_load/low/cost_h/1",
                                          "by_load/medium/interruption_h/mean",
                                          "by_load/low/episodes"};
    struct json_object *root = parsed(), *policies = at(root, "policies");

    (void)state;
    assert_int_equal(json_object_array_length(policies), 3);
    for (size_t i = 0; i < 3; i++) {
        struct json_object *policy = json_object_array_get_idx(policies, i);

        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            number(policy, numbers[k]);
        assert_int_equal(json_object_array_length(at(policy, "cost_ci95_h/1")), 2);
        assert_int_equal(json_object_array_length(at(policy, "gap_ci95/0.5")), 2);
    }
    number(root, "clairvoyant/cost_h/1");
    number(root, "clairvoyant/by_weight/0.5/interruption_h/mean");
    json_object_put(root);
}

static void json_tells_what_was_found(void **state)
{
    struct json_object *root = parsed(), *policies = at(root, "policies");
    struct json_object *awkward = json_object_array_get_idx(policies, 1);
    struct json_object *quantile = json_object_array_get_idx(policies, 2);

    (void)state;
    assert_string_equal(json_object_get_string(at(awkward, "policy")), AWKWARD);
    assert_int_equal(number(awkward, "unstarted"), 1);
    assert_true(fabs(number(awkward, "interruption_h/mean") - 728 / 6.0) < 1e-6);
    assert_true(fabs(number(quantile, "interruption_h/mean") - 0.5) < 1e-6);
    assert_true(fabs(number(quantile, "by_weight/0.5/overlap_h/mean") - 0.5) < 1e-6);
    assert_true(fabs(number(quantile, "cost_h/0.5") - 0.25) < 1e-6);
    assert_null(at(quantile, "by_load/heavy/cost_h/1")); /* null: no such outcome */
    assert_int_equal(number(quantile, "by_load/heavy/outcomes"), 0);
    json_object_put(root);
}

static void json_has_the_fans_of_the_episode_that_is_shown(void **state)
{
    struct json_object *root = parsed(), *policies = at(root, "policies"), *missing;
    struct json_object *fan = at(json_object_array_get_idx(policies, 2), "fan");
    struct json_object *instants = at(fan, "instants"), *last, *point;

    (void)state;
    assert_false(
        json_object_object_get_ex(json_object_array_get_idx(policies, 0), "fan", &missing));
    assert_int_equal(number(fan, "episode"), 2);
    assert_int_equal(number(fan, "of_episodes"), 5);
    assert_true(number(fan, "cost_h") == 1);
    assert_int_equal(json_object_array_length(instants), 2);
    last = json_object_array_get_idx(instants, 1);
    assert_true(number(last, "at") == number(fan, "predecessor_end_at") - 20 * H);
    assert_int_equal(number(last, "futures"), 32);
    assert_int_equal(json_object_array_length(at(last, "points")), 3);
    point = json_object_array_get_idx(at(last, "points"), 1);
    assert_null(json_object_array_get_idx(at(point, "cost_p10_p90_h"), 1));
    assert_int_equal(number(json_object_array_get_idx(at(last, "jobs"), 0), "id"), 4711);
    json_object_put(root);
}

static void json_tells_how_it_was_made(void **state)
{
    struct json_object *root = parsed(), *run = at(root, "run");

    (void)state;
    assert_string_equal(json_object_get_string(at(run, "log")), "/data/<log>&.swf");
    assert_string_equal(json_object_get_string(at(run, "scheduler")), "easy");
    assert_string_equal(json_object_get_string(at(run, "protocol")), "continuous");
    assert_string_equal(json_object_get_string(at(run, "from")), "2023-02-01T00:00:00Z");
    assert_string_equal(json_object_get_string(at(run, "to")), "2023-02-02T00:00:00Z");
    assert_int_equal(number(run, "nodes"), 76);
    assert_int_equal(number(run, "chain/nodes"), 8);
    assert_int_equal(number(run, "chain/limit_s"), 48 * H);
    assert_int_equal(number(run, "chain/links"), 2);
    assert_int_equal(number(run, "every_s"), 4 * H);
    assert_int_equal(number(run, "period_s"), 600);
    assert_int_equal(number(run, "probes"), 864);
    assert_true(json_object_get_uint64(at(run, "seed")) == UINT64_MAX);
    assert_true(number(run, "wall_s") == 1.25 && number(run, "cpu_s") == 2.5);
    assert_null(at(run, "version"));
    at(run, "command");
    json_object_put(root);
}

static size_t count_fields(const char *line, size_t len)
{
    bool quoted = false;
    size_t n = 1;

    for (size_t i = 0; i < len; i++) {
        quoted ^= line[i] == '"';
        n += line[i] == ',' && !quoted;
    }
    return n;
}

static void csv_has_as_many_fields_in_every_line(void **state)
{
    char *text = made_text(mir_report_csv);
    size_t n_lines = 0, n_fields = count_fields(text, strcspn(text, "\n"));

    (void)state;
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
        assert_int_equal(count_fields(line, strcspn(line, "\n")), n_fields);
        n_lines++;
    }
    /* A header; 3 policies and the clairvoyant, 2 weights, 3 classes and all. */
    assert_int_equal(n_lines, 1 + 4 * 2 * 4);
    assert_int_equal(strncmp(text, "policy,weight,load,outcomes,", 28), 0);
    assert_non_null(strstr(text, "\n\"<b>&\"\"',x\",1,all,6,6,1,"));
    assert_non_null(strstr(text, "\nclairvoyant,0.5,heavy,0,0,0,,,"));
    free(text);
}

static void table_is_plain_ascii_without_trailing_blanks(void **state)
{
    char *text = made_text(plain_table);

    (void)state;
    for (const char *p = text; *p != '\0'; p++)
        assert_true(*p == '\n' || isprint((unsigned char)*p));
    assert_null(strstr(text, " \n"));
    assert_non_null(strstr(text, "quantile (w=1)"));
    assert_non_null(strstr(text, "quantile (w=0.5)"));
    assert_null(strstr(text, "reactive (w="));
    assert_non_null(strstr(text, "1 successor never started"));
    assert_non_null(strstr(text, "Load heavy"));
    free(text);
}

static void table_ends_its_parts_with_the_clairvoyant(void **state)
{
    char *text = made_text(plain_table);
    const char *outcomes = strstr(text, "What came out"), *costs = strstr(text, "What it cost");
    const char *quantile, *clairvoyant;

    (void)state;
    assert_non_null(outcomes);
    assert_non_null(costs);
    quantile = strstr(outcomes, "quantile");
    clairvoyant = strstr(outcomes, "clairvoyant");
    assert_true(quantile < clairvoyant && clairvoyant < costs);
    free(text);
}

/* The line that begins with `label` + 1 (a line feed), of the part that begins with `title`. */
static char *line_of(const char *text, const char *title, const char *label)
{
    const char *line = strstr(text, title);

    assert_non_null(line);
    line = strstr(line, label);
    assert_non_null(line);
    return strndup(line + 1, strcspn(line + 1, "\n"));
}

/* The same figures as everywhere; reactive closes nothing of its own gap, surely. */
static void table_tells_the_gap_with_its_interval(void **state)
{
    char *text = made_text(plain_table), *line, expected[64];
    struct mir_comparison c;
    struct mir_figures f;

    (void)state;
    make(&c);
    mir_comparison_figures(&c, &c.rows[2], 0, -1, &f);
    mir_comparison_release(&c);
    assert_true(f.gap_low < f.gap_closed && f.gap_closed < f.gap_high);
    snprintf(expected, sizeof expected, "%.0f %%*[%.0f, %.0f %%]", 100 * f.gap_closed,
             100 * f.gap_low, 100 * f.gap_high);
    line = line_of(text, "Part of the gap", "\nquantile ");
    if (strstr(line, expected) == NULL)
        fail_msg("no %s in %s", expected, line);
    free(line);
    line = line_of(text, "Part of the gap", "\nreactive ");
    assert_non_null(strstr(line, "0 %"));
    assert_null(strstr(line, "["));
    free(line);
    free(text);
}

/* Of policies that say what they expect; nothing is said of others. */
static void forecasts_that_were_kept_are_told(void **state)
{
    struct mir_comparison c;
    char *text, *line;

    (void)state;
    make(&c);
    text = text_of(plain_table, &c);
    assert_null(strstr(text, "Wait forecasts kept"));
    free(text);
    c.rows[2].kept = (struct mir_kept){200, 18, 98, 184};
    text = text_of(plain_table, &c);
    line = line_of(text, "Wait forecasts kept", "\nquantile ");
    assert_non_null(strstr(line, "200     9 %    49 %    92 %"));
    free(line);
    free(text);
    text = text_of(mir_report_json, &c);
    assert_non_null(strstr(text, "\"wait_forecasts_kept\""));
    assert_non_null(strstr(text, "0.49"));
    free(text);
    mir_comparison_release(&c);
}

/* Whoever reads figures of a run that cheats is to know. */
static void a_run_that_cheats_says_so(void **state)
{
    report_f *const reports[] = {plain_table, mir_report_html};
    struct mir_comparison c;
    char *text;

    (void)state;
    make(&c);
    for (unsigned i = 0; i < 2; i++) {
        c.truth = 0;
        text = text_of(reports[i], &c);
        assert_null(strstr(text, "CHEATS"));
        free(text);
        c.truth = MIR_LOG_TRUTH_RUN_TIMES | MIR_LOG_TRUTH_GRID;
        text = text_of(reports[i], &c);
        assert_non_null(strstr(text, "CHEATS"));
        assert_non_null(strstr(text, "run times, grid"));
        free(text);
    }
    text = text_of(mir_report_json, &c);
    assert_non_null(strstr(text, "\"lookahead_cheats_with\""));
    free(text);
    mir_comparison_release(&c);
}

static void a_model_is_named_where_there_is_one(void **state)
{
    static report_f *const reports[] = {plain_table, mir_report_html, mir_report_json};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct mir_comparison c;
        char *text;

        make(&c);
        text = text_of(reports[i], &c);
        assert_null(strstr(text, "2022-10-01"));
        free(text);
        c.model = mir_strdup("wait.model");
        c.model_source = mir_strdup("<log>");
        c.model_from_at = 1664582400;
        c.model_to_at = 1675123200;
        text = text_of(reports[i], &c);
        assert_non_null(strstr(text, "wait.model"));
        assert_non_null(strstr(text, "2022-10-01"));
        assert_non_null(strstr(text, "2023-01-31"));
        assert_true((strstr(text, "<log>") == NULL) == (reports[i] == mir_report_html));
        free(text);
        mir_comparison_release(&c);
    }
}

/* Of the mean interruptions 2.68, 121.33, 0.50 and 0.00 the last is best, and marked alone. */
static void table_marks_the_best_policy_of_a_column(void **state)
{
    char *text = made_text(plain_table);
    const char *line = strstr(text, "quantile (w=0.5)");

    (void)state;
    assert_non_null(line);
    assert_true(strstr(line, "0.00*") < line + strcspn(line, "\n"));
    assert_null(strstr(text, "0.50*    0.50"));
    assert_null(strstr(text, "\033["));
    free(text);
    text = made_text(colour_table);
    assert_non_null(strstr(text, "\033[1m   0.00\033[0m"));
    assert_null(strstr(text, "0.00*"));
    free(text);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;

    for (text = strstr(text, what); text != NULL; text = strstr(text + 1, what))
        n++;
    return n;
}

static void html_is_self_contained(void **state)
{
    char *text = made_text(mir_report_html);

    (void)state;
    assert_int_equal(count(text, "http:"), 0);
    assert_int_equal(count(text, "https:"), 0);
    assert_int_equal(count(text, "<script"), 0);
    assert_int_equal(count(text, "<link"), 0);
    assert_int_equal(count(text, "src="), 0);
    assert_int_equal(count(text, "url(") - count(text, "url(#"), 0);
    assert_int_equal(strncmp(text, "<!DOCTYPE html>\n", 16), 0);
    /* Five charts, each with a title and a description for those who cannot see it. */
    assert_int_equal(count(text, "role=\"img\""), 5);
    assert_int_equal(count(text, "<desc "), 5);
    free(text);
}

/* Of two decisions both, under the policy's name, with the jobs that decide. */
static void html_shows_what_the_policy_saw(void **state)
{
    char *text = made_text(mir_report_html);

    (void)state;
    assert_int_equal(count(text, "<svg id=\"fan\""), 1);
    assert_non_null(strstr(text, "What quantile expected"));
    assert_non_null(strstr(text, "20.0 h before the end: submits"));
    assert_non_null(strstr(text, "30.0 h before the end: waits"));
    assert_int_equal(count(text, "now 3.0 h, in 10.0 h only 2.0 h; 32 futures"), 1);
    assert_int_equal(count(text, "job 4711 runs on: \xc2\xb1"
                                 "3.2 h"),
                     2);
    assert_int_equal(count(text, "job 4712 will run: \xc2\xb1"
                                 "1.5 h, the longer the earlier"),
                     2);
    assert_non_null(strstr(text, "the median cost (1.00 h) of 5, begun on 2023-02-01 08:00"));
    free(text);
}

/* Policies that play out no futures have none, and the page says nothing of it. */
static void html_without_fans_has_no_such_chart(void **state)
{
    struct mir_comparison c;
    char *text;

    (void)state;
    make(&c);
    for (uint32_t e = 0; e < N_EPISODES; e++)
        mir_episode_fans_release(&c.rows[2].fans[e]);
    text = text_of(mir_report_html, &c);
    assert_int_equal(count(text, "<svg id=\"fan\""), 0);
    assert_null(strstr(text, "Why it submitted"));
    free(text);
    mir_comparison_release(&c);
}

static void html_escapes_what_comes_from_outside(void **state)
{
    char *text = made_text(mir_report_html);

    (void)state;
    assert_null(strstr(text, AWKWARD));
    assert_null(strstr(text, "<b>&"));
    assert_null(strstr(text, "<log>"));
    assert_null(strstr(text, "'<b>'"));
    /* In charts, tables and the list of policies. */
    assert_true(count(text, "&lt;b&gt;&amp;&quot;&#39;,x") >= 4);
    assert_int_equal(count(text, "&lt;log&gt;&amp;.swf"), 1);
    free(text);
}

static void html_has_no_impossible_number(void **state)
{
    char *text = made_text(mir_report_html);

    (void)state;
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "\"inf"));
    assert_null(strstr(text, "-0.00"));
    free(text);
}

static bool is_void_tag(const char *name, size_t len)
{
    return len == 4 && strncmp(name, "meta", 4) == 0;
}

enum { MAX_DEPTH = 64, MAX_NAME = 24 };

struct open_tags {
    char names[MAX_DEPTH][MAX_NAME];
    size_t depth;
};

/* `tag` is what stands between < and >. */
static void follow_tag(struct open_tags *open, const char *tag, size_t len)
{
    bool closing = tag[0] == '/';
    const char *name = tag + closing;
    size_t name_len = strcspn(name, " \n/>");

    if (tag[0] == '!' || tag[len - 1] == '/' || is_void_tag(name, name_len))
        return;
    assert_in_range(name_len, 1, MAX_NAME - 1);
    if (!closing) {
        assert_true(open->depth < MAX_DEPTH);
        snprintf(open->names[open->depth++], MAX_NAME, "%.*s", (int)name_len, name);
        return;
    }
    assert_true(open->depth > 0);
    open->depth--;
    if (strlen(open->names[open->depth]) != name_len ||
        strncmp(open->names[open->depth], name, name_len) != 0)
        fail_msg("%.*s closes %s", (int)name_len, name, open->names[open->depth]);
}

static void html_closes_what_it_opens(void **state)
{
    char *text = made_text(mir_report_html);
    struct open_tags open = {.depth = 0};

    (void)state;
    for (const char *p = strchr(text, '<'); p != NULL; p = strchr(p, '<')) {
        const char *end = strchr(p, '>');

        assert_non_null(end);
        follow_tag(&open, p + 1, (size_t)(end - p - 1));
        p = end;
    }
    assert_int_equal(open.depth, 0);
    free(text);
}

static size_t html_size(uint32_t n_episodes, uint32_t n_load)
{
    int32_t *signed_s = MIR_NEW_ARRAY(int32_t, n_episodes);
    struct mir_comparison c;
    char *text;
    size_t size;

    for (uint32_t i = 0; i < n_episodes; i++)
        signed_s[i] = (int32_t)(i * 7919 % (30 * H)) - 5 * H;
    fixture_init(&c, 1, n_episodes, 1);
    fixture_fill(&c, &c.rows[0], "reactive", signed_s);
    c.n_load = n_load;
    c.load = MIR_NEW_ARRAY(struct mir_load_point, n_load);
    for (uint32_t i = 0; i < n_load; i++)
        c.load[i] = (struct mir_load_point){FIXTURE_START_AT + (int64_t)i * 600, i % 77, i, 1};
    text = text_of(mir_report_html, &c);
    size = strlen(text);
    free(text);
    free(signed_s);
    mir_comparison_release(&c);
    return size;
}

static void html_does_not_grow_with_the_log(void **state)
{
    (void)state;
    assert_in_range(html_size(20000, 200000), 10000, 130000);
}

static void an_empty_comparison_is_reported_too(void **state)
{
    report_f *const reports[] = {plain_table, colour_table, mir_report_csv, mir_report_json,
                                 mir_report_html};
    struct mir_comparison c = {.n_weights = 1, .weights = {1}};

    (void)state;
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        char *text = text_of(reports[i], &c);

        assert_true(strlen(text) > 20);
        free(text);
    }
}

static void no_clairvoyant_leaves_gaps_empty(void **state)
{
    static const int32_t reactive[] = {0, 1 * H};
    struct mir_comparison c;
    struct json_object *root;
    char *json, *html, *table;

    (void)state;
    fixture_init(&c, 1, 2, 1);
    fixture_fill(&c, &c.rows[0], "reactive", reactive);
    json = text_of(mir_report_json, &c);
    html = text_of(mir_report_html, &c);
    table = text_of(plain_table, &c);
    root = json_tokener_parse(json);
    assert_null(at(root, "clairvoyant"));
    assert_null(at(json_object_array_get_idx(at(root, "policies"), 0), "gap_closed/1"));
    assert_null(strstr(html, "nan"));
    assert_null(strstr(table, "nan"));
    json_object_put(root);
    free(json);
    free(html);
    free(table);
    mir_comparison_release(&c);
}

static void a_full_disk_is_an_error(void **state)
{
    report_f *const reports[] = {plain_table, mir_report_csv, mir_report_json, mir_report_html};
    struct mir_comparison c;

    (void)state;
    make(&c);
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        struct mir_error err = {""};
        FILE *to = fopen("/dev/full", "w");

        if (to == NULL) {
            mir_comparison_release(&c);
            skip();
        }
        assert_int_equal(reports[i](to, &c, &err), -EIO);
        assert_non_null(strstr(err.text, "write report"));
        fclose(to);
    }
    mir_comparison_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_the_documented_keys),
        cmocka_unit_test(json_tells_what_was_found),
        cmocka_unit_test(json_has_the_fans_of_the_episode_that_is_shown),
        cmocka_unit_test(json_tells_how_it_was_made),
        cmocka_unit_test(csv_has_as_many_fields_in_every_line),
        cmocka_unit_test(table_is_plain_ascii_without_trailing_blanks),
        cmocka_unit_test(table_ends_its_parts_with_the_clairvoyant),
        cmocka_unit_test(table_marks_the_best_policy_of_a_column),
        cmocka_unit_test(table_tells_the_gap_with_its_interval),
        cmocka_unit_test(forecasts_that_were_kept_are_told),
        cmocka_unit_test(a_run_that_cheats_says_so),
        cmocka_unit_test(a_model_is_named_where_there_is_one),
        cmocka_unit_test(html_is_self_contained),
        cmocka_unit_test(html_shows_what_the_policy_saw),
        cmocka_unit_test(html_without_fans_has_no_such_chart),
        cmocka_unit_test(html_escapes_what_comes_from_outside),
        cmocka_unit_test(html_has_no_impossible_number),
        cmocka_unit_test(html_closes_what_it_opens),
        cmocka_unit_test(html_does_not_grow_with_the_log),
        cmocka_unit_test(an_empty_comparison_is_reported_too),
        cmocka_unit_test(no_clairvoyant_leaves_gaps_empty),
        cmocka_unit_test(a_full_disk_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
