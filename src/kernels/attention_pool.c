/* Summaries of a layer for inference: K and V of its tokens, pooled for each image. */
#include "vitcod/kernels.h"
#include "vitcod/packed_attention.h"
#include "vitcod/pooling.h"

/* Rows of summaries, for all heads at once where the weights are the same for all. */
static void pool_alike(float *rows, const vc_packed_attention *layer, const float *k,
                       const float *v, size_t stride, size_t first, size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_pooling *p = layer->pattern.pooling;
    const size_t width = vc_summary_floats(layer), of_k = layer->heads * layer->head_dim;
    for (size_t g = first; g < first + count; g++, rows += width) {
        const int32_t *keys = p->keys + p->start[g];
        const float *weights = p->weights + p->start[g];
        const size_t entries = (size_t)(p->start[g + 1] - p->start[g]);
        kernels->pool_row(rows, k, stride, keys, weights, entries, of_k);
        kernels->pool_row(rows + of_k, v, stride, keys, weights, entries, width - of_k);
    }
}

/* The same with the weights that the query of each head makes of the image's keys. */
static void pool_by_queries(float *rows, float *weights, const vc_packed_attention *layer,
                            const float *k, const float *v, size_t stride, size_t first,
                            size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_pooling *p = layer->pattern.pooling;
    const size_t width = vc_summary_floats(layer), d = layer->head_dim, dv = layer->value_dim;
    for (size_t h = 0; h < layer->heads; h++) {
        float *row = rows;
        vc_pooling_weights(weights, p, h, k + h * d, stride);
        for (size_t g = first; g < first + count; g++, row += width) {
            const size_t start = (size_t)p->start[g], entries = (size_t)p->start[g + 1] - start;
            kernels->pool_row(row + h * d, k + h * d, stride, p->keys + start, weights + start,
                              entries, d);
            kernels->pool_row(row + layer->heads * d + h * dv, v + h * dv, stride, p->keys + start,
                              weights + start, entries, dv);
        }
    }
}

void vc_attention_pool(float *rows, float *panels, float *scratch, const vc_packed_attention *layer,
                       const vc_pooled_keys *x, size_t first, size_t count)
{
    const size_t width = vc_summary_floats(layer), of_k = layer->heads * layer->head_dim;
    if (layer->pattern.pooling->query)
        pool_by_queries(rows, scratch, layer, x->k, x->v, x->stride, first, count);
    else
        pool_alike(rows, layer, x->k, x->v, x->stride, first, count);
    if (panels)
        vc_attention_pack(panels, layer, rows, rows + of_k, width, layer->keys + first, count);
}
