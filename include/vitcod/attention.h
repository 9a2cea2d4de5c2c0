/* Multi-head softmax attention in training, of all entries or of those that a pattern keeps. Q, K,
 * V and their gradients are views: token t of image b, head h, starts at x + (b * tokens + t) *
 * stride + h * D, so they can lie inside one QKV projection. D is head_dim for Q and K, value_dim
 * for V and the output; queries and keys may differ in number (LeViT: Graham et al. 2021, sections
 * 4.2, 4.3). */
#ifndef VITCOD_ATTENTION_H
#define VITCOD_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/pattern.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_attention_shape {
    size_t batch, heads, queries;
    size_t keys; /* without summaries */
    size_t head_dim, value_dim;
    size_t q_stride, k_stride, v_stride, out_stride; /* floats between tokens */
} vc_attention_shape;

typedef struct vc_attention {
    vc_attention_shape shape;
    const float *q, *k, *v;
    const vc_pattern *pattern; /* NULL: nothing is pruned */
    /* added to the scores, one image's values as the pattern lists them; NULL: nothing */
    const float *bias;
} vc_attention;

/* The number of floats of an image's probabilities: the pattern's values, or H * Tq * Tk without a
 * pattern. */
size_t vc_attention_values(const vc_attention_shape *shape, const vc_pattern *pattern);
/* Floats of scratch for each thread. */
size_t vc_attention_scratch_floats(const vc_attention_shape *shape, const vc_pattern *pattern,
                                   int backward);

/* out = softmax(Q K^T / sqrt(head_dim) + bias) V over the kept entries, then the plan's residual.
 * probs (B, values) is kept for the tap and the backward pass. In the panel all entries are
 * computed, as on the chip, and pruned ones dropped; outside the panel pruned entries are not
 * touched. */
void vc_attention_forward(float *out, float *probs, float *scratch, const vc_attention *attention);

typedef struct vc_attention_gradients {
    float *q, *k, *v; /* with the strides of Q, K and V */
    /* Laid out as probs; summed over the batch that is the gradient of the bias. NULL if not
     * wanted. */
    float *scores;
    /* Of every image and head, to be added up: (B, H, Tq, G) of the summaries' bias, (B, H,
     * entries) of the pooling's weights and (B, H, dim) of its queries. NULL if not wanted, or
     * without summaries. */
    float *summary_bias, *pool_weights, *pool_query;
} vc_attention_gradients;

/* With a residual, dout is scaled in place. */
void vc_attention_backward(const vc_attention_gradients *out, float *scratch, float *dout,
                           const float *probs, const vc_attention *attention);

#ifdef __cplusplus
}
#endif

#endif
