/* Attention restricted to a plan, or to masks, which are a plain plan. */
#include <stdio.h>
#include <stdlib.h>

#include "model_impl.h"
#include "vitcod/vitcod_files.h"

enum { VC_RESTRICTION_NAME = 4200 };

static void close_restriction(vc_restriction *r)
{
    if (!r)
        return;
    for (size_t l = 0; l < r->plan.layer_count; l++) {
        if (r->patterns)
            vc_pattern_close(&r->patterns[l]);
        if (r->biases)
            free(r->biases[l]);
    }
    free(r->patterns);
    free(r->biases);
    free(r->poolings);
    free(r->summary_biases);
    vc_plan_close(&r->plan);
    free(r);
}

void vc__drop_restriction(vc_model *model)
{
    close_restriction(model->restriction);
    model->restriction = NULL;
}

static vc_status check_mask(const vc_model_config *config, size_t group, const vc_mask *mask,
                            const char *path)
{
    const vc_attention_group g = vc_model_group(config, group);
    const vc_attention_layer l = vc_model_layer(config, g.first);
    if (mask->layers != g.count || mask->heads != l.heads || mask->queries != l.queries ||
        mask->keys != l.keys)
        return vc_fail(VC_EINVAL,
                       "%s: mask%s%s (%zu, %zu, %zu, %zu) does not fit a model that wants (%zu, "
                       "%zu, %zu, %zu)",
                       path, g.name[0] ? " " : "", g.name, mask->layers, mask->heads, mask->queries,
                       mask->keys, g.count, l.heads, l.queries, l.keys);
    char which[VC_RESTRICTION_NAME];
    snprintf(which, sizeof which, "%s%s%s", path, g.name[0] ? ": " : "", g.name);
    return vc_mask_check_rows(mask, which);
}

static vc_status open_layer(vc_restriction *r, const vc_model *model, size_t layer)
{
    const vc_pattern_options options = {.split =
                                            r->of_masks ? VC_PATTERN_WHOLE : VC_PATTERN_BY_PLAN};
    const float *bias = vc_model_bias(model, layer);
    vc_pattern *pattern = &r->patterns[layer];
    VC_TRY(vc_pattern_open(pattern, &r->plan.layers[layer], &options));
    r->poolings[layer] = r->plan.layers[layer].pooling;
    r->summary_biases[layer] = r->plan.layers[layer].summary_bias;
    if (!bias)
        return VC_OK;
    r->biases[layer] = malloc(pattern->values * sizeof(float));
    if (!r->biases[layer])
        return vc_fail(VC_ENOMEM, "out of memory for a plan");
    vc_pattern_arrange(r->biases[layer], bias, pattern);
    return VC_OK;
}

vc_status vc__take_restriction(vc_model *model, vc_restriction *r)
{
    vc_restriction *before = model->restriction;
    model->restriction = r;
    const vc_status status = vc__lay_out_params(model);
    if (status != VC_OK) {
        model->restriction = before;
        return status;
    }
    close_restriction(before);
    for (size_t l = 0; l < r->plan.layer_count; l++) {
        if (r->patterns[l].pooling)
            r->patterns[l].pooling = &r->poolings[l];
        r->patterns[l].summary_bias = r->summary_biases[l];
    }
    return VC_OK;
}

/* Takes the plan over, also when it fails. */
static vc_status restrict_to(vc_model *model, vc_plan *plan, int of_masks)
{
    vc_restriction *r = calloc(1, sizeof *r);
    if (!r) {
        vc_plan_close(plan);
        return vc_fail(VC_ENOMEM, "out of memory for a plan");
    }
    *r = (vc_restriction){.plan = *plan,
                          .of_masks = of_masks,
                          .patterns = calloc(plan->layer_count, sizeof *r->patterns),
                          .biases = calloc(plan->layer_count, sizeof *r->biases),
                          .poolings = calloc(plan->layer_count, sizeof *r->poolings),
                          .summary_biases = calloc(plan->layer_count, sizeof *r->summary_biases)};
    vc_status status = r->patterns && r->biases && r->poolings && r->summary_biases
                           ? VC_OK
                           : vc_fail(VC_ENOMEM, "out of memory for a plan");
    for (size_t l = 0; l < r->plan.layer_count && status == VC_OK; l++)
        status = open_layer(r, model, l);
    if (status == VC_OK)
        status = vc__take_restriction(model, r);
    if (status != VC_OK)
        close_restriction(r);
    return status;
}

vc_status vc_model_use_masks(vc_model *model, const vc_mask *masks, size_t count, const char *path)
{
    size_t groups = vc_model_groups(&model->config);
    if (count != groups)
        return vc_fail(VC_EINVAL, "%s: masks of %zu groups of layers do not fit a model of %zu",
                       path, count, groups);
    for (size_t g = 0; g < groups; g++)
        VC_TRY(check_mask(&model->config, g, &masks[g], path));
    vc_plan plan;
    VC_TRY(vc_plan_of_masks(&plan, masks, count));
    return restrict_to(model, &plan, 1);
}

vc_status vc_model_check_plan(const vc_model_config *config, const vc_plan *plan, const char *path)
{
    size_t layers = vc_model_layers(config);
    if (plan->layer_count != layers)
        return vc_fail(VC_EINVAL, "%s: plan of %zu layers does not fit a model of %zu", path,
                       plan->layer_count, layers);
    for (size_t l = 0; l < layers; l++) {
        const vc_plan_layer *p = &plan->layers[l];
        const vc_attention_layer want = vc_model_layer(config, l);
        if (p->heads != want.heads || p->queries != want.queries || p->keys != want.keys)
            return vc_fail(VC_EINVAL,
                           "%s: plan layer %zu (%zu, %zu, %zu) does not fit a model that wants "
                           "(%zu, %zu, %zu)",
                           path, l, p->heads, p->queries, p->keys, want.heads, want.queries,
                           want.keys);
        if (p->pooling.query && p->pooling.dim != want.head_dim)
            return vc_fail(VC_EINVAL,
                           "%s: plan layer %zu pools with queries of %zu values, its heads have "
                           "%zu",
                           path, l, p->pooling.dim, want.head_dim);
    }
    return VC_OK;
}

vc_status vc_model_use_plan(vc_model *model, const vc_plan *plan, const char *path)
{
    vc_plan kept;
    if (plan->reordered)
        return vc_fail(VC_EINVAL,
                       "%s: a plan of ViTCoD's reodered_ files, which do not say which token is "
                       "where: a model wants one of the mask itself (vitcod polarize)",
                       path);
    VC_TRY(vc_model_check_plan(&model->config, plan, path));
    VC_TRY(vc_plan_copy(&kept, plan));
    return restrict_to(model, &kept, 0);
}

const vc_plan *vc_model_plan(const vc_model *model)
{
    return model->restriction && !model->restriction->of_masks ? &model->restriction->plan : NULL;
}

const vc_plan *vc_model_entries(const vc_model *model)
{
    return model->restriction ? &model->restriction->plan : NULL;
}

const vc_pattern *vc_model_pattern(const vc_model *model, size_t layer)
{
    return model->restriction ? &model->restriction->patterns[layer] : NULL;
}

const float *vc__arranged_bias(const vc_model *model, size_t layer)
{
    return model->restriction ? model->restriction->biases[layer] : vc_model_bias(model, layer);
}

void vc__refresh_biases(vc_model *model)
{
    const vc_restriction *r = model->restriction;
    for (size_t l = 0; r && l < r->plan.layer_count; l++)
        if (r->biases[l])
            vc_pattern_arrange(r->biases[l], vc_model_bias(model, l), &r->patterns[l]);
}

static vc_attention_shape shape_of(const vc_model *model, size_t layer)
{
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    return (vc_attention_shape){.heads = l.heads,
                                .queries = l.queries,
                                .keys = l.keys,
                                .head_dim = l.head_dim,
                                .value_dim = l.value_dim};
}

size_t vc_model_attention_scratch(const vc_model *model, int backward)
{
    size_t most = 0;
    for (size_t l = 0; l < vc_model_layers(&model->config); l++) {
        const vc_attention_shape shape = shape_of(model, l);
        const size_t wanted =
            vc_attention_scratch_floats(&shape, vc_model_pattern(model, l), backward);
        most = wanted > most ? wanted : most;
    }
    return most;
}

size_t vc_model_probabilities(const vc_model *model, size_t layer)
{
    const vc_attention_shape shape = shape_of(model, layer);
    return vc_attention_values(&shape, vc_model_pattern(model, layer));
}

size_t vc__probs_count(const vc_model *model, size_t layer, size_t batch)
{
    return batch * vc_model_probabilities(model, layer);
}

static vc_status use_mask_file(vc_model *model, const char *path)
{
    vc_mask_set set;
    if (vc_vitcod_is_reordered(path))
        return vc_fail(VC_EINVAL,
                       "%s: ViTCoD's mask with its tokens reordered, wanted the mask itself", path);
    VC_TRY(vc_mask_set_read(&set, path));
    const vc_status status = vc_model_use_masks(model, set.masks, set.count, path);
    vc_mask_set_close(&set);
    return status;
}

static vc_status use_plan_file(vc_model *model, const char *path)
{
    vc_plan plan;
    VC_TRY(vc_plan_read(&plan, path));
    const vc_status status = vc_model_use_plan(model, &plan, path);
    vc_plan_close(&plan);
    return status;
}

vc_status vc_model_use_files(vc_model *model, const char *mask, const char *plan)
{
    if (mask)
        return use_mask_file(model, mask);
    return plan ? use_plan_file(model, plan) : VC_OK;
}
