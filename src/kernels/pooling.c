/* The weights of a pooling, and their gradients. */
#include "vitcod/pooling.h"

#include <math.h>
#include <string.h>

#include "vitcod/kernels.h"

static float scale_of(const vc_pooling *p)
{
    return 1.0f / sqrtf((float)p->dim);
}

/* Multiplies shares by factors, and divides by their new sum: a softmax of scores to which the
 * logarithms of the factors are added. */
static void weigh(float *shares, const float *factors, size_t count)
{
    float sum = 0.0f;
    for (size_t e = 0; e < count; e++) {
        shares[e] *= factors[e];
        sum += shares[e];
    }
    for (size_t e = 0; e < count; e++)
        shares[e] /= sum;
}

void vc_pooling_weights(float *weights, const vc_pooling *p, size_t head, const float *k,
                        size_t k_stride)
{
    const vc_kernels *kernels = vc_kernels_get();
    if (!p->query) {
        memcpy(weights, p->weights, p->entries * sizeof *weights);
        return;
    }
    kernels->sddmm_row(weights, p->query + head * p->dim, k, k_stride, p->keys, p->entries, p->dim,
                       scale_of(p));
    for (size_t g = 0; g < p->count; g++) {
        const size_t first = (size_t)p->start[g], count = (size_t)(p->start[g + 1] - p->start[g]);
        kernels->softmax_row(weights + first, count, NULL, NULL, 0);
        weigh(weights + first, p->weights + first, count);
    }
}

void vc_pooling_backward(const vc_pooling_gradients *out, const float *weights, const vc_pooling *p,
                         size_t head, const float *k, size_t k_stride)
{
    const vc_kernels *kernels = vc_kernels_get();
    if (!p->query)
        return;
    for (size_t g = 0; g < p->count; g++) {
        const size_t first = (size_t)p->start[g], count = (size_t)(p->start[g + 1] - p->start[g]);
        kernels->softmax_row_backward(out->weights + first, weights + first, count, NULL, NULL, 0);
        kernels->scatter_row(out->dk, k_stride, out->weights + first, p->query + head * p->dim,
                             p->keys + first, count, p->dim, scale_of(p));
    }
    if (out->query)
        kernels->spmm_row(out->query, out->weights, k, k_stride, p->keys, p->entries, p->dim,
                          scale_of(p));
    for (size_t e = 0; e < p->entries; e++)
        out->weights[e] /= p->weights[e];
}
