/* Checks before a run begins of what would make it fail late. */
#include <math.h>

#include "recipe_impl.h"
#include "vitcod/accelerator.h"
#include "vitcod/distill.h"
#include "vitcod/evaluate.h"
#include "vitcod/model.h"

/* The sparsity is limited: a class token keeps its row and column, and every row keeps an entry. */
static vc_status check_sparsity(const vc_recipe_options *o, const vc_model_config *config,
                                const vc_attention_layer *l)
{
    const int class_token = vc_model_prefix_tokens(config) > 0;
    const size_t kept = class_token ? l->queries + l->keys - 1 : l->queries;
    const double most = 1.0 - (double)kept / ((double)l->queries * (double)l->keys);
    if (o->sparsity <= most + 0.002)
        return VC_OK;
    return vc_fail(
        VC_EINVAL,
        "--sparsity is %g, and with %zu tokens no more than %.4f can be pruned: %s is kept",
        o->sparsity, l->keys, most, class_token ? "the class token" : "an entry of each row");
}

static vc_status check_model(vc_recipe *recipe, const vc_model *model)
{
    const vc_recipe_options *o = &recipe->options;
    char those[VC_FAMILIES_TEXT];
    if (!vc_model_can(&model->config, VC_ABILITY_BLOCKS))
        return vc_fail(VC_EUNSUPPORTED, "%s: a %s cannot be designed, wanted %s", o->model,
                       vc_model_family(&model->config),
                       vc_families_that_can(those, VC_ABILITY_BLOCKS));
    if (vc_model_input_of(&model->config).joints > 0)
        return vc_fail(VC_EUNSUPPORTED,
                       "%s: a %s takes poses, of which codesign passes nothing on to its steps: "
                       "wanted these one by one (docs/poses.md)",
                       o->model, vc_model_family(&model->config));
    if (vc_model_plan(model))
        return vc_fail(VC_EINVAL,
                       "%s: a plan is inside, wanted a dense model (`vitcod import --plan none`)",
                       o->model);
    if (vc_model_is_compressed(&model->config) && vc_recipe_is_coded(o))
        return vc_fail(VC_EINVAL, "%s: an auto-encoder is inside, wanted --autoencoder none",
                       o->model);
    for (size_t i = 0; i < vc_model_layers(&model->config); i++) {
        const vc_attention_layer l = vc_model_layer(&model->config, i);
        VC_TRY(check_sparsity(o, &model->config, &l));
    }
    recipe->model_hash = vc_model_hash(model);
    recipe->head_dim = vc_model_layer(&model->config, 0).head_dim;
    return VC_OK;
}

/* Images that do not fit the model would end the run at the step that meets them. */
static vc_status open_fitting(const vc_recipe_options *o, const vc_model *model, const char *path,
                              const vc_source_options *how)
{
    vc_source *source;
    VC_TRY(vc_source_open(&source, path, how));
    if (o->convert)
        vc_source_convert(source);
    vc_status status = vc_model_check_source(model, source);
    if (status == VC_OK && how->labelled)
        status = vc_model_check_labels(&model->config);
    vc_source_close(source);
    return status;
}

/* Calibration splits its images; both parts must be enough. */
static vc_status check_batch(const vc_recipe_options *o)
{
    const size_t batch =
        o->batch != VC_RECIPE_UNSET ? o->batch : vc_distill_options_default().train.batch;
    const vc_source_options how = {.split = "train",
                                   .limit = o->limit != VC_RECIPE_UNSET ? o->limit : 0,
                                   .sample = o->sample,
                                   .seed = o->seed};
    vc_source *all, *learn, *held;
    VC_TRY(vc_source_open(&all, o->data, &how));
    vc_status status =
        vc_source_split(&learn, &held, all, isnan(o->hold_back) ? 0.2 : o->hold_back);
    if (status == VC_OK) {
        const size_t count = vc_source_count(learn), kept = vc_source_count(held);
        if (count < batch || kept == 0)
            status = vc_fail(VC_EINVAL,
                             "%s: %zu images to learn from and %zu held back, wanted at least "
                             "%zu, a batch, and 1",
                             o->data, count, kept, batch);
        vc_source_close(learn);
        vc_source_close(held);
    }
    vc_source_close(all);
    return status;
}

/* If no test images are named, those of the data set are used, if it is one in files that has
 * some. */
static vc_status look_at_images(vc_recipe_options *o, const vc_model *model)
{
    const vc_source_options learn = {.split = "train", .labelled = vc_recipe_trains(o)},
                            test = {.split = "test", .classes = o->classes, .labelled = 1};
    vc_source *source;
    VC_TRY(open_fitting(o, model, o->data, &learn));
    if (!vc_recipe_trains(o))
        VC_TRY(check_batch(o));
    VC_TRY(vc_source_open(&source, o->data, &learn));
    const int is_set = vc_source_dataset(source) != NULL;
    vc_source_close(source);
    if (!o->test && !is_set)
        return VC_OK;
    const vc_status status = open_fitting(o, model, o->test ? o->test : o->data, &test);
    if (o->test || status != VC_EABSENT)
        VC_TRY(status);
    o->test = o->test || status == VC_EABSENT ? o->test : o->data;
    return VC_OK;
}

static vc_status look_at_model_and_images(vc_recipe *recipe)
{
    const vc_model_options how = {.heads = recipe->options.heads, .in_place = 1};
    vc_model *model;
    VC_TRY(vc_model_open(&model, recipe->options.model, &how));
    vc_status status = check_model(recipe, model);
    if (status == VC_OK)
        status = look_at_images(&recipe->options, model);
    vc_model_close(model);
    return status;
}

static vc_status look_at_chip(const vc_recipe_options *o)
{
    vc_accelerator chip;
    VC_TRY(vc_accelerator_open(&chip, o->chip ? o->chip : "vitcod"));
    if (vc_recipe_is_coded(o) && !chip.chip.steps.autoencoder)
        return vc_fail(VC_EINVAL,
                       "the accelerator '%s' has 'autoencoder: false', wanted --autoencoder none",
                       chip.chip.name);
    return VC_OK;
}

vc_status vc__recipe_look_at_inputs(vc_recipe *recipe)
{
    VC_TRY(look_at_model_and_images(recipe));
    return look_at_chip(&recipe->options);
}
