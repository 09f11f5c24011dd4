/* SPDX-License-Identifier: GPL-3.0-or-later */
/* test_policy.c - specs, options, and the loader of policies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "plugins/options.h"
#include "plugins/policy.h"

#define MODULE(name) MIR_BINARY_DIR "/tests/plugin/" name ".so"

static void assert_text_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", text, part);
}

static struct mir_policy *create(const char *spec)
{
    struct mir_policy *p = NULL;
    struct mir_error err = {{0}};

    if (mir_policy_create(spec, &p, &err) != 0)
        fail_msg("%s: %s", spec, err.text);
    assert_string_equal(mir_policy_spec(p), spec);
    return p;
}

static void assert_refused(const char *spec, int rc, const char *part)
{
    struct mir_policy *const untouched = (struct mir_policy *)&rc;
    struct mir_policy *p = untouched;
    struct mir_error err = {{0}};
    int got = mir_policy_create(spec, &p, &err);

    if (got != rc)
        fail_msg("\"%s\": %d instead of %d (%s)", spec, got, rc, err.text);
    assert_ptr_equal(p, untouched);
    assert_text_has(err.text, part);
    assert_null(strchr(err.text, '\n'));
}

static void opens_every_builtin_policy(void **state)
{
    static const char *const specs[] = {"reactive",  "lead:hours=6", "avg", "quantile", "qbets",
                                        "asa",       "rf",           "xgb", "forest-q", "xgb-q",
                                        "lookahead", "hybrid",       NULL};
    size_t i = 0;

    (void)state;
    for (; mir_policy_builtin()[i] != NULL; i++) {
        struct mir_policy *p;

        assert_non_null(specs[i]);
        p = create(specs[i]);
        assert_ptr_equal(mir_policy_plugin(p), mir_policy_builtin()[i]);
        assert_int_equal(mir_policy_plugin(p)->abi, MIRAGE_PLUGIN_ABI);
        assert_true(strlen(mir_policy_plugin(p)->summary) > 10);
        mir_policy_destroy(p);
    }
    assert_null(specs[i]);
    mir_policy_destroy(NULL);
}

static void accepts_options_in_every_spelling(void **state)
{
    static const char *const specs[] = {
        "lead:hours=1.5",      "lead:minutes=90",
        "lead:seconds=0",      "lead:hours=90m",
        "avg:last=5",          "quantile:quantile=0.9,last=50,minimum=5",
        "quantile:quantile=1", "qbets:quantile=0.9,confidence=0.8,last=500",
        "asa:last=10",         "rf:threshold=-2.5",
        "xgb:threshold=1",     "forest-q:quantile=1",
        "xgb-q:quantile=0",    "lookahead:futures=2,tail=0.9,foresight=0.5,margin=5m,sigmas=1",
        "hybrid:futures=1024", "hybrid:share=0.5",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
        mir_policy_destroy(create(specs[i]));
}

static void refuses_bad_specs_with_the_reason(void **state)
{
    static const struct {
        const char *spec;
        int rc;
        const char *part;
    } cases[] = {
        {"", -EINVAL, "name is missing"},
        {":hours=6", -EINVAL, "name is missing"},
        {"leed:hours=6", -ENOENT,
         "no policy \"leed\"; there are reactive, lead, avg, quantile, "
         "qbets, asa, rf, xgb, forest-q, xgb-q, lookahead, hybrid"},
        {"lead", -EINVAL, "needs hours="},
        {"lead:", -EINVAL, "key=value"},
        {"lead:hours", -EINVAL, "\"hours\" is not key=value"},
        {"lead:=6", -EINVAL, "key=value"},
        {"lead:hours=", -EINVAL, "key=value"},
        {"lead:hours=6,", -EINVAL, "key=value"},
        {"lead:hours=6,,minutes=1", -EINVAL, "key=value"},
        {"lead:hourz=6", -EINVAL, "unknown option \"hourz\"; known: hours, minutes, seconds"},
        {"lead:hours=6,hours=7", -EINVAL, "given twice"},
        {"lead:hours=6,minutes=7", -EINVAL, "one of hours and minutes"},
        {"lead:hours=six", -EINVAL, "\"six\" is not a duration"},
        {"lead:hours=-6", -EINVAL, "hours"},
        {"lead:hours=1e9", -EINVAL, "out of range"},
        {"reactive:x=1", -EINVAL, "unknown option \"x\": there are none"},
        {"avg:last=0", -EINVAL, "out of range: 1 to 10000"},
        {"avg:last=2.5", -EINVAL, "not a whole number"},
        {"avg:last=99999999999999999999", -EINVAL, "out of range"},
        {"quantile:quantile=1.01", -EINVAL, "out of range: 0 to 1"},
        {"quantile:quantile=nan", -EINVAL, "not a number"},
        {"qbets:confidence=1", -EINVAL, "out of range"},
        {"qbets:quantile=1", -EINVAL, "out of range"},
        {"asa:alternatives=3", -EINVAL, "known: last"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i].spec, cases[i].rc, cases[i].part);
}

static void names_the_spec_in_option_errors(void **state)
{
    (void)state;
    assert_refused("avg:last=0", -EINVAL, "policy \"avg:last=0\": ");
}

static void refuses_a_spec_of_absurd_length(void **state)
{
    static char spec[10000];

    (void)state;
    memset(spec, 'a', sizeof(spec) - 1);
    assert_refused(spec, -EINVAL, "more than 4096 bytes");
}

static void leaves_outputs_alone_when_an_option_is_bad(void **state)
{
    const struct mirage_option items[] = {{"count", "12"}, {"wide", "1h"}, {"share", "2"}};
    const struct mirage_options options = {.items = items, .n_items = 3, .seed = 0};
    uint32_t count = 1;
    int64_t wide_s = 2;
    double share = 0.25;
    const struct mir_option_rule rules[] = {
        {"count", MIR_OPTION_COUNT, 1, 20, 0, &count},
        {"wide", MIR_OPTION_DURATION, 0, 1e6, 60, &wide_s},
        {"share", MIR_OPTION_REAL, 0, 1, 0, &share},
    };

    (void)state;
    assert_int_equal(mir_options_parse(&options, rules, 3, NULL), -EINVAL);
    assert_int_equal(count, 12);
    assert_int_equal(wide_s, 3600);
    assert_true(share > 0.2 && share < 0.3);
}

static void loads_a_module_and_runs_it(void **state)
{
    struct mir_policy *p = create(MODULE("example") ":part=4");
    const struct mirage_plugin *plugin = mir_policy_plugin(p);
    struct mirage_view view = {
        .size = sizeof(view), .now = 1000, .predecessor_end_at = 3000, .predecessor_limit_s = 4000};
    struct mirage_decision d = {.size = sizeof(d)};
    void *instance = NULL;

    (void)state;
    assert_string_equal(plugin->name, "example");
    assert_int_equal(mir_policy_open(p, 7, &instance, NULL), 0);
    assert_int_equal(plugin->decide(instance, &view, &d, NULL), 0);
    assert_int_equal(d.action, MIRAGE_WAIT);
    view.now = 2000;
    assert_int_equal(plugin->decide(instance, &view, &d, NULL), 0);
    assert_int_equal(d.action, MIRAGE_SUBMIT);
    assert_string_equal(d.reason, "1000 s left, submits at 1/4");
    plugin->close(instance);
    plugin->close(NULL);
    mir_policy_destroy(p);
}

static void loads_a_builtin_policy_from_its_module(void **state)
{
    struct mir_policy *p = create(MIR_BINARY_DIR "/plugins/lead.so:hours=6");
    const struct mirage_plugin *plugin = mir_policy_plugin(p);

    (void)state;
    assert_string_equal(plugin->name, "lead");
    for (size_t i = 0; mir_policy_builtin()[i] != NULL; i++)
        assert_ptr_not_equal(plugin, mir_policy_builtin()[i]);
    mir_policy_destroy(p);
    assert_refused(MIR_BINARY_DIR "/plugins/lead.so:x=6", -EINVAL, "unknown option \"x\"");
}

static void passes_a_modules_own_refusal_on(void **state)
{
    (void)state;
    assert_refused(MODULE("example") ":part=0", -EINVAL, "knows part=N, not part=0");
}

static void refuses_a_module_of_another_abi_naming_both(void **state)
{
    (void)state;
    assert_refused(MODULE("wrong_abi"), -ENOEXEC, "plugin ABI 977, this program has ABI 1");
}

static void refuses_a_struct_that_ends_too_early(void **state)
{
    (void)state;
    assert_refused(MODULE("short_struct"), -ENOEXEC,
                   "plugin struct of 8 bytes, ABI 1 has at least");
}

static void refuses_what_is_no_policy(void **state)
{
    (void)state;
    assert_refused(MODULE("no_symbol"), -ENOEXEC, "no symbol mirage_plugin");
    assert_refused(MIR_SOURCE_DIR "/plugins/README.md", -ENOEXEC, "README.md");
    assert_refused("./no-such-file.so:a=b", -ENOENT, "./no-such-file.so");
    assert_refused("no-such-file.so", -ENOENT, "./no-such-file.so");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_every_builtin_policy),
        cmocka_unit_test(accepts_options_in_every_spelling),
        cmocka_unit_test(refuses_bad_specs_with_the_reason),
        cmocka_unit_test(names_the_spec_in_option_errors),
        cmocka_unit_test(refuses_a_spec_of_absurd_length),
        cmocka_unit_test(leaves_outputs_alone_when_an_option_is_bad),
        cmocka_unit_test(loads_a_module_and_runs_it),
        cmocka_unit_test(loads_a_builtin_policy_from_its_module),
        cmocka_unit_test(passes_a_modules_own_refusal_on),
        cmocka_unit_test(refuses_a_module_of_another_abi_naming_both),
        cmocka_unit_test(refuses_a_struct_that_ends_too_early),
        cmocka_unit_test(refuses_what_is_no_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
