/* The recipe as a library: steps as commands, a run with another program, going on, refusals. */
#include <sys/stat.h>

#include "small_deit.h"
#include "testing.h"
#include "vitcod/model.h"
#include "vitcod/recipe.h"

static const vc__deit_config config = {SMALL_DEIT, .depth = 1};

/* Prints a result, whatever the verb, and counts how often it was started. */
static const char stand_in[] = "#!/bin/sh\n"
                               "echo \"$1\" >>\"$0.log\"\n"
                               "echo '{\"sparsity\": 0.8, \"attention\": {\"cycles\": 100}}'\n";

static vc_recipe_options set_up(const char *name)
{
    static char model[256], data[256], folder[256], program[256];
    vc_recipe_options o = vc_recipe_options_default();
    vc_model *m;
    snprintf(model, sizeof model, "%s", temporary("dense.safetensors"));
    snprintf(program, sizeof program, "%s", temporary("program"));
    snprintf(data, sizeof data, "%s", temporary("images"));
    snprintf(folder, sizeof folder, "%s", temporary(name));
    assert_ok(vc__deit_create(&m, &config, 1));
    assert_ok(vc_model_write(model, m));
    vc_model_close(m);
    write_bytes(program, stand_in, sizeof stand_in - 1);
    chmod(program, 0755);
    mkdir(data, 0755);
    char file[300];
    for (int i = 0; i < 2; i++) {
        snprintf(file, sizeof file, "%s/%d.png", data, i);
        write_bytes(file, "", 0);
    }
    o.hold_back = 0.5;
    o.batch = 1;
    o.model = model;
    o.data = data;
    o.folder = folder;
    o.sparsity = 0.8;
    o.heads = 3;
    o.program = program;
    return o;
}

static void count_step(void *context, const vc_recipe *recipe, size_t index, double seconds,
                       int ran)
{
    size_t *counts = context;
    (void)recipe;
    (void)index;
    (void)seconds;
    counts[ran]++;
}

static void steps_are_commands(void **state)
{
    (void)state;
    vc_recipe_options o = set_up("commands");
    vc_recipe recipe;
    assert_ok(vc_recipe_open(&recipe, &o));
    assert_int_equal(recipe.count, 8); /* no labelled images: nothing to evaluate */
    json_t *commands = vc_recipe_commands(&recipe);
    const char *first = json_string_value(json_array_get(commands, 0));
    assert_memory_equal(first, "vitcod autoencoder ", 19);
    json_decref(commands);
    vc_recipe_close(&recipe);
    o.autoencoder = "none";
    assert_ok(vc_recipe_open(&recipe, &o));
    assert_int_equal(recipe.count, 6);
    assert_string_equal(recipe.steps[0].name, "attention");
    vc_recipe_close(&recipe);
    o.summaries = "auto"; /* one step in place of three */
    assert_ok(vc_recipe_open(&recipe, &o));
    assert_int_equal(recipe.count, 4);
    assert_string_equal(recipe.steps[0].name, "plan");
    vc_recipe_close(&recipe);
    o.residual = "mean";
    assert_fails(vc_recipe_open(&recipe, &o), VC_EINVAL, "summaries");
}

static void a_run_and_going_on(void **state)
{
    (void)state;
    vc_recipe_options o = set_up("run");
    size_t counts[2] = {0};
    const vc_recipe_hooks hooks = {count_step, counts};
    for (size_t time = 0; time < 2; time++) {
        vc_recipe recipe;
        vc_recipe_summary summary;
        json_t *begin = json_pack("{s:s}", "verb", "codesign"), *result;
        assert_ok(vc_recipe_open(&recipe, &o));
        assert_ok(vc_recipe_run(&summary, begin, &recipe, &hooks));
        assert_near(summary.sparsity, 0.8, 0.0);
        assert_near(summary.attention_speedup, 1.0, 0.0);
        assert_true(isnan(summary.top1)); /* no labelled images */
        assert_int_equal(summary.step_count, 8);
        assert_ok(vc_json_read(&result, temporary("run/result.json")));
        assert_string_equal(json_string_value(json_object_get(result, "verb")), "codesign");
        assert_near(vc_json_number(result, "sparsity"), 0.8, 0.0);
        assert_null(json_object_get(result, "top1"));
        json_decref(result);
        json_decref(begin);
        vc_recipe_close(&recipe);
    }
    assert_int_equal(counts[1], 8); /* the first time */
    assert_int_equal(counts[0], 8); /* the second time nothing is run */
}

/* A run that was killed while it wrote its first file has told nothing: the folder is as new. */
static void killed_at_its_first_file(void **state)
{
    (void)state;
    vc_recipe_options o = set_up("begun");
    const vc_recipe_hooks hooks = {0};
    vc_recipe recipe;
    vc_recipe_summary summary;
    json_t *begin = json_object();
    assert_int_equal(mkdir(temporary("begun"), 0777), 0);
    write_bytes(temporary("begun/codesign.json.0123abcd.part"), "{", 1);
    assert_ok(vc_recipe_open(&recipe, &o));
    assert_ok(vc_recipe_run(&summary, begin, &recipe, &hooks));
    assert_int_not_equal(access(temporary("begun/codesign.json.0123abcd.part"), F_OK), 0);
    vc_recipe_close(&recipe);
    json_decref(begin);
}

static void other_settings(void **state)
{
    (void)state;
    vc_recipe_options o = set_up("run");
    const vc_recipe_hooks hooks = {0};
    vc_recipe recipe;
    vc_recipe_summary summary;
    o.sparsity = 0.7;
    assert_ok(vc_recipe_open(&recipe, &o));
    assert_fails(vc_recipe_run(&summary, NULL, &recipe, &hooks), VC_EINVAL, "--sparsity");
    assert_fails(vc_recipe_run(&summary, NULL, &recipe, &hooks), VC_EINVAL, "--force starts over");
    vc_recipe_close(&recipe);
}

static void refusals(void **state)
{
    (void)state;
    vc_recipe_options o = set_up("refused");
    const vc_recipe_hooks hooks = {0};
    vc_recipe recipe;
    vc_recipe_summary summary;
    o.sparsity = 0.99;
    assert_fails(vc_recipe_open(&recipe, &o), VC_EINVAL, "class token is kept");
    o.sparsity = 0.8;
    o.gradual = "\xff";
    assert_fails(vc_recipe_open(&recipe, &o), VC_EINVAL, "not UTF-8");
    o.gradual = NULL;
    o.batch = 2; /* or calibration would find that out, behind the auto-encoder */
    assert_fails(vc_recipe_open(&recipe, &o), VC_EINVAL, "1 images to learn from and 1 held back");
    o.batch = 1;
    o.program = temporary("no-program");
    assert_ok(vc_recipe_open(&recipe, &o));
    assert_fails(vc_recipe_run(&summary, NULL, &recipe, &hooks), VC_EIO, "cannot be started");
    vc_recipe_close(&recipe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_commands),
        cmocka_unit_test(a_run_and_going_on),
        cmocka_unit_test(killed_at_its_first_file),
        cmocka_unit_test(other_settings),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, remove_temporary);
}
