#include "vitcod/model_profile.h"

#include <stdlib.h>

static size_t bytes_per_parameter(vc_precision precision)
{
    return precision == VC_IN_FP32 ? 4 : precision == VC_IN_INT8 ? 1 : 2;
}

size_t vc_profile_column(int layer, int work)
{
    return (size_t)(layer + 1) * VC_WORK_COUNT + (size_t)work;
}

vc_status vc_config_profile_open(vc_model_profile *out, const vc_model_config *config,
                                 const vc_plan *plan, vc_precision precision)
{
    vc_workload workload = {0};
    *out = (vc_model_profile){.layers = vc_model_layers(config)};
    VC_TRY(vc_model_lower(&workload, config, plan));
    out->costs = calloc((out->layers + 1) * VC_WORK_COUNT, sizeof *out->costs);
    if (out->costs)
        vc_profile_count(out->costs, &workload, out->layers, bytes_per_parameter(precision));
    vc_workload_close(&workload);
    return out->costs ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

/* Masks were lowered as if nothing were pruned: only the entries that they keep count. */
static void count_kept(vc_cost *row, const vc_model *model, size_t layer)
{
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    const uint64_t entries = l.heads * l.queries * l.keys;
    uint64_t kept = 0;
    for (size_t h = 0; h < l.heads; h++)
        kept += vc_plan_kept(&vc_model_entries(model)->layers[layer], h);
    row[VC_WORK_SOFTMAX].flops = row[VC_WORK_SOFTMAX].flops * kept / entries;
    row[VC_WORK_QK].macs = kept * l.head_dim;
    row[VC_WORK_SV].macs = kept * l.value_dim;
    row[VC_WORK_QK].flops = 2 * row[VC_WORK_QK].macs;
    row[VC_WORK_SV].flops = 2 * row[VC_WORK_SV].macs;
}

vc_status vc_model_profile_open(vc_model_profile *out, const vc_model *model,
                                vc_precision precision)
{
    const vc_plan *plan = vc_model_plan(model);
    VC_TRY(vc_config_profile_open(out, &model->config, plan, precision));
    for (size_t l = 0; model->restriction && !plan && l < out->layers; l++)
        count_kept(out->costs + vc_profile_column((int)l, 0), model, l);
    return VC_OK;
}

void vc_model_profile_close(vc_model_profile *profile)
{
    free(profile->costs);
    *profile = (vc_model_profile){0};
}

double vc_cost_bytes(const vc_cost *c, size_t batch)
{
    return (double)c->value_bytes + (double)c->weight_bytes / (double)batch;
}

static void add_cost(vc_cost *sum, const vc_cost *cost)
{
    sum->macs += cost->macs;
    sum->flops += cost->flops;
    sum->value_bytes += cost->value_bytes;
    sum->weight_bytes += cost->weight_bytes;
}

vc_cost vc_model_profile_sum(const vc_model_profile *p, int first, int last, int work)
{
    const int one = work < VC_WORK_COUNT;
    vc_cost sum = {0};
    for (int l = first; l <= last; l++)
        for (int w = one ? work : 0; w < (one ? work + 1 : VC_WORK_COUNT); w++)
            add_cost(&sum, &p->costs[vc_profile_column(l, w)]);
    return sum;
}
