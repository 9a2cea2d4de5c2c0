/* Multi-head softmax attention in training, of all entries or of those that a pattern keeps. Q, K, V and their
 * gradients are views: token t of image b, head h, starts at x + (b * tokens + t) * stride + h * D, so they can lie
 * inside one QKV projection. D is head_dim for Q and K, value_dim for V and the output; queries and
 * keys may differ in number (LeViT: Graham et al. 2021, sections 4.2, 4.3). */
#ifndef VITCOD_ATTENTION_H
#define VITCOD_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/pattern.h"

typedef struct vc_attention_shape {
    size_t batch, heads, queries;
    size_t keys; /* a pattern's extra columns included */
    size_t head_dim, value_dim;
    size_t q_stride, k_stride, v_stride, out_stride; /* floats between tokens */
} vc_attention_shape;

typedef struct vc_attention {
    vc_attention_shape shape;
    const float *q, *k, *v;
    const vc_pattern *pattern; /* NULL: nothing is pruned */
    const float *
        bias; /* added to the scores, one image's values as the pattern lists them; NULL: nothing */
} vc_attention;

/* Floats of an image's probabilities: as the pattern lists its values, (H, Tq, Tk) without one. */
size_t vc_attention_values(const vc_attention_shape *shape, const vc_pattern *pattern);
/* Floats of scratch for each thread. */
size_t vc_attention_scratch_floats(const vc_attention_shape *shape, const vc_pattern *pattern,
                                   int backward);

/* out = softmax(Q K^T / sqrt(head_dim) + bias) V, a pruned entry taking no part, and then the plan's residual. probs
 * (B, values) is kept for the tap and the backward pass. Entries of a panel are all computed, as on the chip, and
 * the pruned ones dropped; outside the panel a pruned one is never touched. */
void vc_attention_forward(float *out, float *probs, float *scratch, const vc_attention *attention);

/* dscores, laid out as probs, is the gradient of what softmax takes; summed over the batch, that of the bias. NULL: not
 * wanted. With a residual, dout is scaled in place by the shares. */
void vc_attention_backward(float *dq, float *dk, float *dv, float *dscores, float *scratch,
                           float *dout, const float *probs, const vc_attention *attention);

#endif
