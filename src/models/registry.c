/* The architectures, and what asks them. */
#include <assert.h>
#include <string.h>

#include "model_impl.h"

static const vc__architecture *const architectures[VC_ARCHITECTURE_COUNT] = {
    [VC_DEIT] = &vc__deit,
    [VC_LEVIT] = &vc__levit,
};

const vc__architecture *vc__architecture_of(const vc_model_config *config)
{
    return architectures[config->architecture];
}

const char *vc_architecture_name(vc_architecture architecture)
{
    return architectures[architecture]->name;
}

vc_model_input vc_model_input_of(const vc_model_config *config)
{
    return vc__architecture_of(config)->input(config);
}

vc_status vc_model_resize(vc_model_config *config, size_t image)
{
    vc_model_config resized = *config;
    vc__architecture_of(config)->resize(&resized, image);
    VC_TRY(vc__architecture_of(config)->check(&resized));
    *config = resized;
    return VC_OK;
}

vc_status vc_model_compress(vc_model_config *config, size_t compressed, vc_coded of)
{
    return vc__architecture_of(config)->compress(config, compressed, of);
}

size_t vc_model_layers(const vc_model_config *config)
{
    return vc__architecture_of(config)->layers(config);
}

vc_attention_layer vc_model_layer(const vc_model_config *config, size_t layer)
{
    return vc__architecture_of(config)->layer(config, layer);
}

size_t vc_model_groups(const vc_model_config *config)
{
    return vc__architecture_of(config)->groups(config);
}

vc_attention_group vc_model_group(const vc_model_config *config, size_t group)
{
    return vc__architecture_of(config)->group(config, group);
}

const vc_coder *vc_model_coder(const vc_model *model, size_t layer)
{
    return vc__architecture_of(&model->config)->coder(model, layer);
}

const float *vc_model_bias(const vc_model *model, size_t layer)
{
    return vc__architecture_of(&model->config)->bias(model, layer);
}

void vc_model_forward(vc_acts *acts, const vc_model *model, const float *images, size_t batch,
                      const vc_tap *tap)
{
    assert(batch > 0 && batch <= acts->batch);
    assert(!(tap && tap->attention && vc_model_plan(model)));
    vc__architecture_of(&model->config)->forward(acts, model, images, batch, tap);
}

void vc_model_observe(vc_acts *acts, const vc_model *model, const float *images, size_t batch)
{
    const vc__architecture *architecture = vc__architecture_of(&model->config);
    assert(batch > 0 && batch <= acts->batch && acts->keep);
    if (architecture->observe)
        architecture->observe(acts, model, images, batch);
    else
        architecture->forward(acts, model, images, batch, NULL);
}

void vc_model_settle(vc_model *model, const vc_acts *acts, size_t batch)
{
    const vc__architecture *architecture = vc__architecture_of(&model->config);
    if (architecture->settle)
        architecture->settle(model, acts, batch);
}

void vc_model_refresh(vc_model *model)
{
    const vc__architecture *architecture = vc__architecture_of(&model->config);
    if (architecture->refresh)
        architecture->refresh(model);
}

vc_status vc_model_lower(vc_workload *out, const vc_model_config *config, const vc_plan *plan)
{
    return vc__architecture_of(config)->lower(out, config, plan);
}

vc_op vc__op(vc_op_kind kind, int layer, uint64_t weights, uint64_t in, uint64_t out,
             const vc_product_shape *products, size_t count)
{
    vc_op op = {.kind = kind,
                .layer = layer,
                .weight_values = weights,
                .input_values = in,
                .output_values = out};
    assert(count <= VC_OP_PRODUCTS);
    for (size_t i = 0; i < count; i++) {
        op.products[i] = products[i];
        op.macs += products[i].rows * products[i].inputs * products[i].outputs;
    }
    return op;
}

vc_op vc__encode_op(int layer, const vc_attention_sizes *s)
{
    const uint64_t tokens = s->queries * s->compressed[0] + s->keys * s->compressed[1],
                   values = tokens * s->head_dim, outputs = s->compressed[0] + s->compressed[1];
    return (vc_op){.kind = VC_OP_ENCODE,
                   .layer = layer,
                   .macs = values * s->heads,
                   .weight_values = outputs * (s->heads + 1),
                   .output_values = values,
                   .sizes = *s};
}
