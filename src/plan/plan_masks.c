/* A plan taken apart: its masks, and what stands in for what they prune. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"

static int same_shape(const vc_plan_layer *a, const vc_plan_layer *b)
{
    return a->heads == b->heads && a->queries == b->queries && a->keys == b->keys;
}

/* The number of layers from `first` on that have its shape. */
static size_t run_of(const vc_plan *plan, size_t first)
{
    size_t count = 1;
    while (first + count < plan->layer_count &&
           same_shape(&plan->layers[first], &plan->layers[first + count]))
        count++;
    return count;
}

static vc_status take_mask(vc_mask *out, const vc_plan *plan, size_t first, size_t count)
{
    const vc_plan_layer *l = &plan->layers[first];
    VC_TRY(vc_mask_open(out, count, l->heads, l->queries, l->keys));
    for (size_t i = 0; i < count; i++)
        vc_plan_layer_mask(vc_mask_head(out, i, 0), l + i);
    return VC_OK;
}

vc_status vc_plan_masks(vc_mask_set *out, const vc_plan *plan)
{
    size_t runs = 0;
    for (size_t l = 0; l < plan->layer_count; l += run_of(plan, l))
        runs++;
    VC_TRY(vc_mask_set_open(out, runs));
    vc_status status = VC_OK;
    for (size_t l = 0, g = 0; status == VC_OK && l < plan->layer_count; l += run_of(plan, l), g++) {
        status = take_mask(&out->masks[g], plan, l, run_of(plan, l));
        if (runs > 1)
            snprintf(out->names[g].text, sizeof out->names[g].text, "%zu", g);
    }
    if (status != VC_OK)
        vc_mask_set_close(out);
    return status;
}

vc_status vc_plan_copy_rest(vc_plan *to, const vc_plan *from)
{
    for (size_t l = 0; l < to->layer_count; l++) {
        vc_plan_layer *p = &to->layers[l];
        const vc_plan_layer *has = &from->layers[l];
        if (has->pooling.count > 0)
            VC_TRY(vc_plan_layer_add_summaries(p, &has->pooling, has->summary_bias));
        if (!has->kept_share || p->kept_share)
            continue;
        const size_t bytes = p->heads * p->queries * sizeof *p->kept_share;
        p->kept_share = malloc(bytes);
        if (!p->kept_share)
            return vc_fail(VC_ENOMEM, "out of memory for %zu bytes", bytes);
        memcpy(p->kept_share, has->kept_share, bytes);
    }
    return VC_OK;
}
