/* How the heads of an engine are split, and their panels and rows. */
#include <stdlib.h>

#include "engine_impl.h"

vc_pattern_split vc_engine_split(const vc_model *model, const vc_engine_options *options)
{
    if (!model->restriction || options->unrestricted)
        return VC_PATTERN_WHOLE;
    if (options->split != VC_ENGINE_USUAL_SPLIT)
        return options->split;
    return vc_model_plan(model) ? VC_PATTERN_BY_PLAN : VC_PATTERN_BY_COST;
}

static vc_status choose_split(vc_pattern_options *out, const vc_engine *e, vc_panels panels)
{
    *out = (vc_pattern_options){.split = vc_engine_split(e->model, &e->options),
                                .costs = e->options.costs};
    if (out->split == VC_PATTERN_BY_PLAN && !vc_model_plan(e->model))
        return vc_fail(VC_EINVAL,
                       "masks do not say how heads are split, wanted a plan or a split by cost");
    return e->backend->fill_costs(out, panels);
}

static vc_status open_layer(vc_engine *e, size_t index)
{
    const vc_model *model = e->model;
    const vc_attention_layer l = vc_model_layer(&model->config, index);
    const vc_panels panels = e->backend->panels(&l, e->options.precision);
    const vc_plan *plan = e->options.unrestricted ? NULL : vc_model_entries(model);
    vc_packed_attention *layer = &e->attention[index];
    vc_pattern_options how;
    float *bias;
    *layer = (vc_packed_attention){.heads = l.heads,
                                   .queries = l.queries,
                                   .keys = l.keys,
                                   .head_dim = l.head_dim,
                                   .value_dim = l.value_dim,
                                   .bf16 = panels == VC_PANELS_BF16};
    VC_TRY(choose_split(&how, e, panels));
    VC_TRY(vc__fold_bias(&bias, model, index));
    const vc_status status =
        vc_packed_attention_open(layer, plan ? &plan->layers[index] : NULL, bias, &how);
    free(bias);
    return status;
}

vc_status vc__open_attention(vc_engine *e)
{
    const size_t layers = vc_model_layers(&e->model->config);
    e->attention = calloc(layers, sizeof *e->attention);
    if (!e->attention)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < layers; i++)
        VC_TRY(open_layer(e, i));
    return VC_OK;
}
