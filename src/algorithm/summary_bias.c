/* The bias of summaries, and plans that get them. */
#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "maps_of_plan.h"
#include "vitcod/memory_limit.h"
#include "vitcod/summaries.h"

void vc_summary_bias(float *out, const float *attention, const uint8_t *pruned,
                     const vc_summary_stats *stats)
{
    const vc_pooling *p = &stats->pooling;
    assert(p->count == 0 || stats->images > 0);
    for (size_t r = 0; r < stats->heads * stats->queries; r++)
        for (size_t g = 0; g < p->count; g++) {
            const size_t at = r * p->count + g;
            const double predicted = fmax(stats->sum[at] / (double)stats->images, DBL_MIN);
            double mass = 0.0;
            for (int32_t e = p->start[g]; e < p->start[g + 1]; e++) {
                const size_t entry = r * stats->keys + (size_t)p->keys[e];
                mass += pruned[entry] && p->weights[e] > 0.0f ? (double)attention[entry] : 0.0;
            }
            out[at] = mass > 0.0 ? (float)log(mass / predicted) : -INFINITY;
        }
}

static vc_status add_to_layer(vc_plan_layer *p, const float *attention,
                              const vc_summary_stats *stats)
{
    const size_t rows = p->heads * p->queries;
    if (stats->pooling.count == 0)
        return VC_OK;
    uint8_t *pruned = vc_memory_take(rows, p->keys, "the mask of a layer");
    float *bias = vc_memory_take(rows, stats->pooling.count * sizeof *bias, "a layer's biases");
    vc_status status = pruned && bias ? VC_OK : VC_ENOMEM;
    if (status == VC_OK) {
        vc_plan_layer_mask(pruned, p);
        vc_summary_bias(bias, attention, pruned, stats);
        free(p->kept_share);
        p->kept_share = NULL;
        status = vc_plan_layer_add_summaries(p, &stats->pooling, bias);
    }
    free(bias);
    free(pruned);
    return status;
}

vc_status vc_plan_add_summaries(vc_plan *plan, const vc_summary_stats *const *stats,
                                const vc_maps *maps, size_t count, const char *path)
{
    VC_TRY(vc__maps_fit_plan(plan, maps, count, path));
    for (size_t g = 0, layer = 0; g < count; g++)
        for (size_t l = 0; l < maps[g].layers; l++, layer++) {
            const vc_plan_layer *p = &plan->layers[layer];
            const vc_summary_stats *s = stats[layer];
            if (s->heads != p->heads || s->queries != p->queries || s->keys != p->keys)
                return vc_fail(VC_EINVAL,
                               "%s: summaries for (%zu, %zu, %zu) do not fit layer %zu of the "
                               "plan, (%zu, %zu, %zu)",
                               path, s->heads, s->queries, s->keys, layer, p->heads, p->queries,
                               p->keys);
            VC_TRY(add_to_layer(&plan->layers[layer],
                                maps[g].values + l * maps[g].heads * maps[g].queries * maps[g].keys,
                                s));
        }
    return VC_OK;
}
