#include <stdlib.h>

#include "open_plan.h"
#include "profile.h"
#include "vitcod/profile.h"

static void add(vc_cost *sum, const vc_cost *cost)
{
    sum->macs += cost->macs;
    sum->flops += cost->flops;
    sum->value_bytes += cost->value_bytes;
    sum->weight_bytes += cost->weight_bytes;
}

double cli_profile_bytes(const vc_cost *c, size_t batch)
{
    return (double)c->value_bytes + (double)c->weight_bytes / (double)batch;
}

static json_t *cost_json(const vc_cost *c, size_t batch)
{
    const double bytes = cli_profile_bytes(c, batch);
    json_t *object = json_pack("{s:I, s:I, s:f}", "macs", (json_int_t)c->macs, "flops",
                               (json_int_t)c->flops, "bytes", bytes);
    if (bytes > 0.0)
        json_object_set_new(object, "intensity", json_real((double)c->flops / bytes));
    return object;
}

static int is_empty(const vc_cost *c)
{
    return c->flops == 0 && c->value_bytes == 0 && c->weight_bytes == 0;
}

/* Of layers first to last; -1: outside. */
static json_t *works_json(const cli_profile *p, int first, int last, size_t batch)
{
    json_t *list = json_array();
    for (int w = 0; w < VC_WORK_COUNT; w++) {
        vc_cost sum = {0};
        for (int l = first; l <= last; l++)
            add(&sum, &p->costs[cli_column_of(l, w)]);
        if (is_empty(&sum))
            continue;
        json_t *object = cost_json(&sum, batch);
        json_object_set_new(object, "work", json_string(vc_work_name((vc_work)w)));
        json_array_append_new(list, object);
    }
    return list;
}

static vc_cost all_of(const cli_profile *p, int first, int last)
{
    vc_cost sum = {0};
    for (int l = first; l <= last; l++)
        for (int w = 0; w < VC_WORK_COUNT; w++)
            add(&sum, &p->costs[cli_column_of(l, w)]);
    return sum;
}

static void add_counts(json_t *result, const cli_profile *p, size_t batch)
{
    const vc_cost all = all_of(p, -1, (int)p->layers - 1);
    json_t *layers = json_array();
    for (int l = -1; l < (int)p->layers; l++) {
        const vc_cost sum = all_of(p, l, l);
        json_t *layer = cost_json(&sum, batch);
        json_object_set_new(layer, "layer", json_integer(l));
        json_object_set_new(layer, "work", works_json(p, l, l, batch));
        json_array_append_new(layers, layer);
    }
    json_object_update_new(result, cost_json(&all, batch));
    json_object_set_new(result, "work", works_json(p, -1, (int)p->layers - 1, batch));
    json_object_set_new(result, "layers", layers);
}

static size_t bytes_per_parameter(const cli_engine_options *engine)
{
    const vc_precision precision = cli_precision(engine);
    return precision == VC_IN_FP32 ? 4 : precision == VC_IN_BF16 ? 2 : 1;
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

/* `model`: NULL for a preset that is not made. */
static vc_status count(json_t *result, cli_profile *p, const vc_model *model, const vc_plan *plan,
                       const cli_profile_options *o)
{
    vc_workload workload = {0};
    p->layers = vc_model_layers(&p->config);
    p->costs = calloc((p->layers + 1) * VC_WORK_COUNT, sizeof *p->costs);
    if (!p->costs)
        return vc_fail(VC_ENOMEM, "out of memory");
    VC_TRY(vc_model_lower(&workload, &p->config, plan));
    vc_profile_count(p->costs, &workload, p->layers, bytes_per_parameter(&o->engine));
    vc_workload_close(&workload);
    for (size_t l = 0; model && model->restriction && !plan && l < p->layers; l++)
        count_kept(p->costs + (l + 1) * VC_WORK_COUNT, model, l);
    json_object_update_new(result,
                           json_pack("{s:o, s:s, s:I, s:I, s:s}", "model",
                                     cli_text(o->model.arch ? o->model.arch : o->model.path),
                                     "architecture", vc_model_family(&p->config), "image_size",
                                     (json_int_t)vc_model_input_of(&p->config).width, "batch",
                                     (json_int_t)o->batch, "dtype",
                                     vc_precision_name(cli_precision(&o->engine))));
    if (plan)
        cli_add_plan_hash(result, plan);
    add_counts(result, p, o->batch);
    return VC_OK;
}

static vc_status count_preset(json_t *result, cli_profile *p, const cli_profile_options *o)
{
    vc_plan plan;
    VC_TRY(cli_preset(&p->config, &o->model));
    if (!o->model.plan || cli_is_none(o->model.plan))
        return count(result, p, NULL, NULL, o);
    VC_TRY(vc_plan_read(&plan, o->model.plan));
    vc_status status = vc_model_check_plan(&p->config, &plan, o->model.plan);
    if (status == VC_OK)
        status = count(result, p, NULL, &plan, o);
    vc_plan_close(&plan);
    return status;
}

static vc_status profile(json_t *result, cli_profile *p, const cli_profile_options *o)
{
    vc_model *model;
    if (o->count && o->model.arch && !o->model.mask)
        return count_preset(result, p, o);
    VC_TRY(cli_open_model(&model, &o->model, CLI_RUN));
    p->config = model->config;
    vc_status status = count(result, p, model, vc_model_plan(model), o);
    if (status == VC_OK && !o->count)
        status = cli_profile_time(result, p, model, o);
    vc_model_close(model);
    return status;
}

vc_status cli_profile_model(json_t *result, const cli_profile_options *options)
{
    cli_profile p = {0};
    const vc_status status = profile(result, &p, options);
    free(p.costs);
    return status;
}
