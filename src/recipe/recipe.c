#include "vitcod/recipe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "recipe_impl.h"
#include "vitcod/distill.h"

vc_recipe_options vc_recipe_options_default(void)
{
    return (vc_recipe_options){.autoencoder = "qk",
                               .threshold = "auto",
                               .target = "vitcod",
                               .finetune = "calibrate",
                               .sparsity = 0.9,
                               .minutes = NAN,
                               .hold_back = NAN,
                               .learning_rate = NAN,
                               .epochs = VC_RECIPE_UNSET,
                               .patience = VC_RECIPE_UNSET,
                               .batch = VC_RECIPE_UNSET,
                               .limit = VC_RECIPE_UNSET,
                               .program = "vitcod"};
}

vc_status vc_recipe_options_settle(vc_recipe_options *o)
{
    vc_plan_recipe plan = {.rule = o->rule, .summaries = o->summaries ? o->summaries : "none"};
    VC_TRY(vc_plan_recipe_settle(&plan, &o->residual));
    o->rule = plan.rule;
    o->summaries = plan.summaries;
    return VC_OK;
}

int vc_recipe_is_coded(const vc_recipe_options *o)
{
    return strcmp(o->autoencoder, "none") != 0;
}

int vc_recipe_trains(const vc_recipe_options *o)
{
    return strcmp(o->finetune, "train") == 0;
}

vc_status vc_recipe_open(vc_recipe *out, const vc_recipe_options *options)
{
    *out = (vc_recipe){.options = *options};
    VC_TRY(vc_recipe_options_settle(&out->options));
    VC_TRY(vc__recipe_settings(&out->settings, &out->options));
    vc_status status = vc__recipe_look_at_inputs(out);
    if (status == VC_OK)
        status = vc__recipe_list(out);
    if (status != VC_OK)
        vc_recipe_close(out);
    return status;
}

void vc_recipe_close(vc_recipe *recipe)
{
    for (size_t i = 0; i < recipe->count; i++)
        json_decref(recipe->steps[i].words);
    json_decref(recipe->settings);
    *recipe = (vc_recipe){0};
}

/* ---- running it */

static vc_status run_steps(json_t **done, const vc_recipe *recipe, const vc_recipe_hooks *hooks)
{
    for (size_t i = 0; i < recipe->count; i++) {
        int ran;
        VC_TRY(vc__recipe_run_step(&done[i], &ran, &recipe->steps[i], &recipe->options));
        if (hooks->on_step)
            hooks->on_step(hooks->context, recipe, i, vc_json_number(done[i], "step_seconds"), ran);
    }
    return VC_OK;
}

static vc_status write_summary(const vc_recipe_summary *summary, const json_t *begin,
                               const char *folder)
{
    char path[VC_RECIPE_PATH];
    json_t *result = vc_json_copy(begin);
    snprintf(path, sizeof path, "%s/result.json", folder);
    vc_status status = result ? vc_record_add(result, &vc_recipe_record, summary)
                              : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    if (status == VC_OK)
        status = vc_json_write(path, result);
    json_decref(result);
    return status;
}

static vc_status run_and_summarize(vc_recipe_summary *out, const json_t *result,
                                   const vc_recipe *recipe, const vc_recipe_hooks *hooks)
{
    json_t *done[VC_RECIPE_MOST_STEPS] = {NULL};
    vc_status status = run_steps(done, recipe, hooks);
    if (status == VC_OK)
        status = vc__recipe_summarize(out, recipe, done);
    if (status == VC_OK)
        status = write_summary(out, result, recipe->options.folder);
    for (size_t i = 0; i < recipe->count; i++)
        json_decref(done[i]);
    return status;
}

vc_status vc_recipe_run(vc_recipe_summary *out, const json_t *result, const vc_recipe *recipe,
                        const vc_recipe_hooks *hooks)
{
    int lock = -1;
    vc_status status = vc__recipe_folder_open(&lock, recipe);
    if (status == VC_OK)
        status = run_and_summarize(out, result, recipe, hooks);
    if (lock >= 0)
        close(lock);
    return status;
}
