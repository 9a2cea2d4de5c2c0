/* What the summaries of a plan add to a model's parameters. They stand before the family's: the
 * backward pass goes from the end of the flat block to its front, and is done with them last. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"

static void walk_layer(vc__walk *w, vc_restriction *r, size_t layer)
{
    const vc_plan_layer *p = &r->plan.layers[layer];
    vc_param bias = {
        .rank = 3, .shape = {p->heads, p->queries, p->pooling.count}, .origin = VC_OF_SUMMARY_BIAS};
    vc_param weights = {.rank = 1, .shape = {p->pooling.entries}, .origin = VC_OF_POOLING};
    vc_param query = {.rank = 2, .shape = {p->heads, p->pooling.dim}, .origin = VC_OF_POOL_QUERY};
    snprintf(bias.name, sizeof bias.name, VC_PLAN_PREFIX "layers.%zu.summary_bias", layer);
    snprintf(weights.name, sizeof weights.name, VC_PLAN_PREFIX "layers.%zu.pool_weights", layer);
    vc__walk_param(w, w->values ? &r->summary_biases[layer] : NULL, &bias);
    vc__walk_param(w, w->values ? &r->poolings[layer].weights : NULL, &weights);
    if (!p->pooling.query)
        return;
    snprintf(query.name, sizeof query.name, VC_PLAN_PREFIX "layers.%zu.pool_query", layer);
    vc__walk_param(w, w->values ? &r->poolings[layer].query : NULL, &query);
}

static void walk_plan(vc__walk *w, vc_restriction *r)
{
    for (size_t l = 0; r && l < r->plan.layer_count; l++)
        if (r->plan.layers[l].pooling.count > 0)
            walk_layer(w, r, l);
}

vc__walk vc__family_walk(const vc_model *model, float *values)
{
    vc__walk walk = {0};
    walk_plan(&walk, model->restriction);
    walk.values = values;
    return walk;
}

static size_t count_planned(const vc_param *params, size_t count)
{
    size_t planned = 0;
    while (planned < count && params[planned].origin != VC_OF_FAMILY)
        planned++;
    return planned;
}

static size_t queries_of(const vc_plan_layer *layer)
{
    return layer->heads * layer->pooling.dim;
}

/* Parameters take the values of the plan. */
static void take_plan(vc_restriction *r)
{
    for (size_t l = 0; l < r->plan.layer_count; l++) {
        const vc_plan_layer *p = &r->plan.layers[l];
        for (size_t i = 0; i < p->heads * p->queries * p->pooling.count; i++)
            r->summary_biases[l][i] = p->summary_bias[i] == -INFINITY ? 0.0f : p->summary_bias[i];
        if (p->pooling.count > 0)
            memcpy(r->poolings[l].weights, p->pooling.weights, p->pooling.entries * sizeof(float));
        if (p->pooling.query)
            memcpy(r->poolings[l].query, p->pooling.query, queries_of(p) * sizeof(float));
    }
}

vc_status vc__lay_out_params(vc_model *model)
{
    const size_t before = count_planned(model->params, model->param_count);
    vc__walk size = vc__family_walk(model, NULL);
    const size_t now = size.param_count;
    if (!model->values || (now == 0 && before == 0))
        return VC_OK;
    model->config.family->walk(&size, model);
    vc_param *params = calloc(size.param_count, sizeof *params);
    float *values = aligned_alloc(VC_ARENA_ALIGN, size.value_count * sizeof *values);
    if (!params || !values) {
        free(params);
        free(values);
        vc__walk back = {.values = model->values, .value_count = model->params[before].offset};
        model->config.family->walk(&back, model);
        return vc_fail(VC_ENOMEM, "out of memory for a model of %zu parameters", size.value_count);
    }
    memset(values, 0, size.value_count * sizeof *values);
    vc__walk fill = {.params = params, .values = values};
    walk_plan(&fill, model->restriction);
    model->config.family->walk(&fill, model);
    for (size_t i = now; i < size.param_count; i++)
        memcpy(params[i].data, model->params[before + i - now].data,
               params[i].count * sizeof *values);
    if (now > 0)
        take_plan(model->restriction);
    free(model->params);
    free(model->values);
    model->params = params;
    model->values = values;
    model->param_count = size.param_count;
    model->value_count = size.value_count;
    return VC_OK;
}

void vc__refresh_summaries(vc_model *model)
{
    const vc_restriction *r = model->restriction;
    for (size_t l = 0; r && model->values && l < r->plan.layer_count; l++) {
        const vc_plan_layer *p = &r->plan.layers[l];
        for (size_t i = 0; i < p->heads * p->queries * p->pooling.count; i++)
            if (p->summary_bias[i] != -INFINITY)
                p->summary_bias[i] = r->summary_biases[l][i];
        if (p->pooling.count > 0)
            memcpy(p->pooling.weights, r->poolings[l].weights, p->pooling.entries * sizeof(float));
        if (p->pooling.query)
            memcpy(p->pooling.query, r->poolings[l].query, queries_of(p) * sizeof(float));
    }
}
