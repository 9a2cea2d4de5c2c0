/* Summaries of a layer: what they must be, and how a layer gets them. */
#include <math.h>
#include <stdlib.h>

#include "plan_impl.h"

static int is_pooling(const vc_pooling *p, size_t keys)
{
    if (p->start[0] != 0 || (size_t)p->start[p->count] != p->entries)
        return 0;
    for (size_t g = 0; g < p->count; g++) {
        if (p->start[g + 1] <= p->start[g] || (size_t)p->start[g + 1] > p->entries)
            return 0;
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++)
            if (p->keys[e] < 0 || (size_t)p->keys[e] >= keys ||
                (e > p->start[g] && p->keys[e] <= p->keys[e - 1]) || !isfinite(p->weights[e]) ||
                (p->query && !(p->weights[e] > 0.0f)))
                return 0;
    }
    return 1;
}

vc_status vc__plan_summaries_check(const vc_plan_layer *layer, const char *path, const char *name)
{
    const vc_pooling *p = &layer->pooling;
    const size_t biases = layer->heads * layer->queries * p->count;
    if (p->count == 0)
        return VC_OK;
    if (layer->kept_share)
        return vc_fail(VC_EFORMAT, "%s: %s has kept shares and summaries, wanted one", path, name);
    if (!is_pooling(p, layer->keys))
        return vc_fail(VC_EFORMAT,
                       "%s: %s: its pooling is not %zu sums, each of ascending tokens "
                       "below %zu with %s weights",
                       path, name, p->count, layer->keys, p->query ? "positive" : "finite");
    for (size_t i = 0; p->query && i < layer->heads * p->dim; i++)
        if (!isfinite(p->query[i]))
            return vc_fail(VC_EFORMAT, "%s: %s.pool_query[%zu] is %g, wanted a number", path, name,
                           i, (double)p->query[i]);
    for (size_t i = 0; i < biases; i++)
        if (!isfinite(layer->summary_bias[i]) && layer->summary_bias[i] != -INFINITY)
            return vc_fail(VC_EFORMAT, "%s: %s.summary_bias[%zu] is %g, wanted a number or -inf",
                           path, name, i, (double)layer->summary_bias[i]);
    return VC_OK;
}

uint64_t vc_pooling_scores(const vc_pooling *p, size_t heads, size_t queries, size_t keys)
{
    const size_t beyond = p->entries > keys ? p->entries - keys : 0;
    return (uint64_t)heads * (queries * p->count + beyond);
}

vc_status vc_pooling_copy(vc_pooling *out, const vc_pooling *pooling, size_t heads)
{
    const vc_plan_layer from = {.heads = heads, .pooling = *pooling};
    vc_plan_layer to = {.heads = heads};
    const vc_status status = vc__plan_copy_optional(&to, &from);
    *out = to.pooling;
    if (status != VC_OK)
        vc_pooling_close(out);
    return status;
}

void vc_pooling_close(vc_pooling *pooling)
{
    free(pooling->start);
    free(pooling->keys);
    free(pooling->weights);
    free(pooling->query);
    *pooling = (vc_pooling){0};
}

static void drop_summaries(vc_plan_layer *layer)
{
    vc_pooling_close(&layer->pooling);
    free(layer->summary_bias);
    layer->summary_bias = NULL;
}

vc_status vc_plan_layer_add_summaries(vc_plan_layer *layer, const vc_pooling *pooling,
                                      const float *bias)
{
    vc_plan_layer given = {.heads = layer->heads,
                           .queries = layer->queries,
                           .keys = layer->keys,
                           .kept_share = layer->kept_share,
                           .pooling = *pooling,
                           .summary_bias = (float *)bias};
    if (vc__plan_summaries_check(&given, "a plan", "the layer that gets summaries") != VC_OK)
        return VC_EINVAL;
    vc_plan_layer fresh = {.heads = layer->heads, .queries = layer->queries, .keys = layer->keys};
    given.kept_share = NULL; /* the layer keeps its own */
    const vc_status status = vc__plan_copy_optional(&fresh, &given);
    if (status != VC_OK) {
        drop_summaries(&fresh);
        return status;
    }
    drop_summaries(layer); /* what was given may be the layer's own */
    layer->pooling = fresh.pooling;
    layer->summary_bias = fresh.summary_bias;
    return VC_OK;
}

void vc_plan_drop_summaries(vc_plan *plan)
{
    for (size_t l = 0; l < plan->layer_count; l++)
        drop_summaries(&plan->layers[l]);
}

const char *vc_plan_method(const vc_plan *plan)
{
    int residual = 0;
    if (!plan)
        return "dense";
    for (size_t l = 0; l < plan->layer_count; l++) {
        if (plan->layers[l].pooling.count > 0)
            return "with summaries";
        residual |= plan->layers[l].kept_share != NULL;
    }
    return residual ? "with a residual" : "kept entries alone";
}
