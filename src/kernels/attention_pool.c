/* Summaries of a layer for inference: K and V of its tokens, pooled for each image. */
#include "vitcod/kernels.h"
#include "vitcod/packed_attention.h"

void vc_attention_pool(float *rows, float *panels, const vc_packed_attention *layer, const float *k,
                       const float *v, size_t stride, size_t first, size_t count)
{
    const vc_kernels *kernels = vc_kernels_get();
    const vc_pooling *p = layer->pattern.pooling;
    const size_t width = vc_summary_floats(layer), of_k = layer->heads * layer->head_dim;
    float *row = rows;
    for (size_t g = first; g < first + count; g++, row += width) {
        const int32_t *keys = p->keys + p->start[g];
        const float *weights = p->weights + p->start[g];
        const size_t entries = (size_t)(p->start[g + 1] - p->start[g]);
        kernels->pool_row(row, k, stride, keys, weights, entries, of_k);
        kernels->pool_row(row + of_k, v, stride, keys, weights, entries, width - of_k);
    }
    if (panels)
        vc_attention_pack(panels, layer, rows, rows + of_k, width, layer->keys + first, count);
}
