#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"
#include "vitcod/rng.h"

vc_status vc__model_allocate(vc_model **out, const vc_deit_config *config)
{
    *out = NULL;
    VC_TRY(vc_deit_config_check(config));
    vc_model *model = calloc(1, sizeof *model);
    if (!model)
        return vc_fail(VC_ENOMEM, "out of memory");
    model->config = *config;
    model->param_count = vc__deit_walk(config, NULL, NULL, NULL, &model->value_count);
    model->params = calloc(model->param_count, sizeof *model->params);
    model->weights.blocks = calloc(config->depth, sizeof *model->weights.blocks);
    model->values = aligned_alloc(VC_ARENA_ALIGN, model->value_count * sizeof(float));
    if (!model->params || !model->weights.blocks || !model->values) {
        vc_status status =
            vc_fail(VC_ENOMEM, "out of memory for a model of %zu parameters", model->value_count);
        vc_model_close(model);
        return status;
    }
    memset(model->values, 0, model->value_count * sizeof(float));
    vc__deit_walk(config, model->params, &model->weights, model->values, NULL);
    *out = model;
    return VC_OK;
}

vc_deit_weights vc_model_views(const vc_model *model, float *values, vc_block_weights *blocks)
{
    vc_deit_weights views = {.blocks = blocks};
    vc__deit_walk(&model->config, NULL, &views, values, NULL);
    return views;
}

/* A normal draw within two deviations, as timm's trunc_normal_ makes. */
static float truncated_normal(vc_rng *rng)
{
    double x;
    do
        x = vc_rng_normal(rng);
    while (fabs(x) > 2.0);
    return (float)x;
}

static void initialise(float *values, const vc_param *param, uint64_t seed, size_t index)
{
    enum { STREAM_INIT = 3 };
    vc_rng rng = vc_rng_open(seed, STREAM_INIT, index);
    /* DeiT's fixed 0.02 is 0.28 to 0.55 / sqrt(fan in) for its widths of 192 to 768; narrow models
     * start from a signal that is too faint with it, so the scale follows the fan-in. */
    size_t fan_in = param->count / param->shape[0];
    float scale = param->init == VC_INIT_NORMAL ? 0.7f : 1.0f;
    float deviation = scale / sqrtf((float)fan_in);
    for (size_t i = 0; i < param->count; i++)
        switch (param->init) {
        case VC_INIT_ZERO:
            values[i] = 0.0f;
            break;
        case VC_INIT_ONE:
            values[i] = 1.0f;
            break;
        case VC_INIT_NORMAL:
        case VC_INIT_FAN_IN:
            values[i] = deviation * truncated_normal(&rng);
            break;
        }
}

vc_status vc_model_create(vc_model **out, const vc_deit_config *config, uint64_t seed)
{
    VC_TRY(vc__model_allocate(out, config));
    vc_model *model = *out;
    for (size_t i = 0; i < model->param_count; i++)
        initialise(model->values + model->params[i].offset, &model->params[i], seed, i);
    return VC_OK;
}

static void drop_sparse(vc_model *model)
{
    for (size_t l = 0; model->sparse && l < model->config.depth; l++)
        vc_sparse_layer_close(&model->sparse[l]);
    free(model->sparse);
    free(model->pruned);
    model->sparse = NULL;
    model->pruned = NULL;
}

void vc_model_close(vc_model *model)
{
    if (!model)
        return;
    drop_sparse(model);
    for (size_t i = 0; model->packed && i < 4 * model->config.depth; i++)
        vc_packed_close(model->packed[i]);
    free(model->packed);
    free(model->weights.blocks);
    free(model->values);
    free(model->params);
    free(model);
}

vc_status vc_model_use_mask(vc_model *model, const vc_mask *mask, const char *path)
{
    const vc_deit_config *c = &model->config;
    size_t tokens = vc_deit_tokens(c);
    if (mask->layers != c->depth || mask->heads != c->heads || mask->queries != tokens ||
        mask->keys != tokens)
        return vc_fail(
            VC_EINVAL,
            "%s: mask (%zu, %zu, %zu, %zu) does not fit a model that wants (%zu, %zu, %zu, %zu)",
            path, mask->layers, mask->heads, mask->queries, mask->keys, c->depth, c->heads, tokens,
            tokens);
    VC_TRY(vc_mask_check_rows(mask, path));
    drop_sparse(model);
    size_t bytes = c->depth * c->heads * tokens * tokens;
    model->pruned = malloc(bytes);
    if (!model->pruned)
        return vc_fail(VC_ENOMEM, "out of memory for a mask");
    memcpy(model->pruned, mask->pruned, bytes);
    return VC_OK;
}

vc_status vc_model_check_plan(const vc_model *model, const vc_plan *plan, const char *path)
{
    const vc_deit_config *c = &model->config;
    size_t tokens = vc_deit_tokens(c);
    if (plan->layer_count != c->depth)
        return vc_fail(VC_EINVAL, "%s: plan of %zu layers does not fit a model of %zu", path,
                       plan->layer_count, c->depth);
    for (size_t l = 0; l < c->depth; l++) {
        const vc_plan_layer *p = &plan->layers[l];
        if (p->heads != c->heads || p->queries != tokens || p->keys != tokens)
            return vc_fail(VC_EINVAL,
                           "%s: plan layer %zu (%zu, %zu, %zu) does not fit a model that wants "
                           "(%zu, %zu, %zu)",
                           path, l, p->heads, p->queries, p->keys, c->heads, tokens, tokens);
    }
    return VC_OK;
}

vc_status vc_model_use_plan(vc_model *model, const vc_plan *plan, const char *path)
{
    const vc_deit_config *c = &model->config;
    VC_TRY(vc_model_check_plan(model, plan, path));
    drop_sparse(model);
    model->sparse = calloc(c->depth, sizeof *model->sparse);
    if (!model->sparse)
        return vc_fail(VC_ENOMEM, "out of memory for a plan");
    for (size_t l = 0; l < c->depth; l++) {
        vc_status status = vc_sparse_layer_open(&model->sparse[l], &plan->layers[l],
                                                c->width / c->heads, c->width / c->heads, NULL);
        if (status != VC_OK) {
            drop_sparse(model);
            return status;
        }
    }
    return VC_OK;
}

size_t vc_model_sparse_scratch(const vc_model *model)
{
    size_t most = 0;
    for (size_t l = 0; model->sparse && l < model->config.depth; l++)
        most = model->sparse[l].scratch_floats > most ? model->sparse[l].scratch_floats : most;
    return most;
}

vc_status vc_model_pack(vc_model *model)
{
    const vc_deit_config *c = &model->config;
    size_t tokens = vc_deit_tokens(c);
    model->packed = calloc(4 * c->depth, sizeof *model->packed);
    if (!model->packed)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t l = 0; l < c->depth; l++) {
        const vc_block_weights *w = &model->weights.blocks[l];
        vc_packed **p = model->packed + 4 * l;
        VC_TRY(vc_packed_open(&p[0], w->qkv_w, 3 * c->width, c->width, tokens));
        VC_TRY(vc_packed_open(&p[1], w->proj_w, c->width, c->width, tokens));
        VC_TRY(vc_packed_open(&p[2], w->fc1_w, c->hidden, c->width, tokens));
        VC_TRY(vc_packed_open(&p[3], w->fc2_w, c->width, c->hidden, tokens));
    }
    return VC_OK;
}
