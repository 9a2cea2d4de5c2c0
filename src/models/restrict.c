/* Attention restricted to masks or to a plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"

enum { VC_RESTRICTION_NAME = 4200 };

void vc__drop_restriction(vc_model *model)
{
    size_t layers = vc_model_layers(&model->config);
    for (size_t l = 0; model->sparse && l < layers; l++)
        vc_sparse_layer_close(&model->sparse[l]);
    for (size_t l = 0; model->pruned && l < layers; l++)
        free(model->pruned[l]);
    free(model->sparse);
    free(model->pruned);
    vc_plan_close(&model->plan);
    model->sparse = NULL;
    model->pruned = NULL;
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

static vc_status copy_masks(vc_model *model, const vc_mask *masks)
{
    size_t layers = vc_model_layers(&model->config);
    model->pruned = calloc(layers, sizeof *model->pruned);
    for (size_t l = 0; model->pruned && l < layers; l++) {
        const vc_attention_layer layer = vc_model_layer(&model->config, l);
        const vc_attention_group group = vc_model_group(&model->config, layer.group);
        size_t bytes = layer.heads * layer.queries * layer.keys;
        model->pruned[l] = malloc(bytes);
        if (!model->pruned[l])
            break;
        memcpy(model->pruned[l], vc_mask_head(&masks[layer.group], l - group.first, 0), bytes);
        if (l + 1 == layers)
            return VC_OK;
    }
    vc__drop_restriction(model);
    return vc_fail(VC_ENOMEM, "out of memory for a mask");
}

vc_status vc_model_use_masks(vc_model *model, const vc_mask *masks, size_t count, const char *path)
{
    size_t groups = vc_model_groups(&model->config);
    if (count != groups)
        return vc_fail(VC_EINVAL, "%s: masks of %zu groups of layers do not fit a model of %zu",
                       path, count, groups);
    for (size_t g = 0; g < groups; g++)
        VC_TRY(check_mask(&model->config, g, &masks[g], path));
    vc__drop_restriction(model);
    return copy_masks(model, masks);
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
    }
    return VC_OK;
}

/* From model->plan. */
static vc_status open_sparse(vc_model *model)
{
    const size_t layers = vc_model_layers(&model->config);
    model->sparse = calloc(layers, sizeof *model->sparse);
    if (!model->sparse)
        return vc_fail(VC_ENOMEM, "out of memory for a plan");
    for (size_t l = 0; l < layers; l++) {
        const vc_attention_layer layer = vc_model_layer(&model->config, l);
        VC_TRY(vc_sparse_layer_open(&model->sparse[l], &model->plan.layers[l], layer.head_dim,
                                    layer.value_dim, vc_model_bias(model, l)));
    }
    return VC_OK;
}

vc_status vc_model_use_plan(vc_model *model, const vc_plan *plan, const char *path)
{
    vc_plan kept;
    VC_TRY(vc_model_check_plan(&model->config, plan, path));
    VC_TRY(vc_plan_copy(&kept, plan));
    vc__drop_restriction(model);
    model->plan = kept;
    const vc_status status = open_sparse(model);
    if (status != VC_OK)
        vc__drop_restriction(model);
    return status;
}

vc_status vc_model_layer_pruned(uint8_t **out, const vc_model *model, size_t layer)
{
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    const size_t bytes = l.heads * l.queries * l.keys;
    *out = NULL;
    if (!model->pruned && !model->sparse)
        return VC_OK;
    *out = malloc(bytes);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory for a mask");
    if (model->pruned)
        memcpy(*out, model->pruned[layer], bytes);
    else
        vc_sparse_layer_mask(*out, &model->sparse[layer]);
    return VC_OK;
}

size_t vc_model_sparse_scratch(const vc_model *model)
{
    size_t most = 0, layers = vc_model_layers(&model->config);
    for (size_t l = 0; model->sparse && l < layers; l++)
        most = model->sparse[l].scratch_floats > most ? model->sparse[l].scratch_floats : most;
    return most;
}

size_t vc__probs_count(const vc_model *model, size_t layer, size_t batch)
{
    if (model->sparse)
        return batch * model->sparse[layer].probs_per_image;
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    return batch * l.heads * l.queries * l.keys;
}
