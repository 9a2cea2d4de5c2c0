/* How summaries are pooled, for one head of one image (plan.h: vc_pooling). */
#ifndef VITCOD_POOLING_H
#define VITCOD_POOLING_H

#include "vitcod/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* weights (entries) of a head, by which its keys and values are summed. k is that of token 0. */
void vc_pooling_weights(float *weights, const vc_pooling *pooling, size_t head, const float *k,
                        size_t k_stride);

/* What the gradient of these weights reaches, dweights (entries), which is changed to that of the
 * pooling's own weights. Added to: dk, rows with the stride of k, and dquery (dim) if it is not
 * NULL. Without queries nothing is changed. */
typedef struct vc_pooling_gradients {
    float *weights, *dk, *query;
} vc_pooling_gradients;
void vc_pooling_backward(const vc_pooling_gradients *out, const float *weights,
                         const vc_pooling *pooling, size_t head, const float *k, size_t k_stride);

#ifdef __cplusplus
}
#endif

#endif
