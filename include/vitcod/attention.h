/* Multi-head softmax attention, dense, under a mask, or on a plan; and ViTCoD's auto-encoder that mixes
 * heads. Q, K, V and their gradients are views: token t of image b, head h, starts at
 * x + (b * tokens + t) * stride + h * head_dim, so they can lie inside one QKV projection. */
#ifndef VITCOD_ATTENTION_H
#define VITCOD_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/plan.h"

typedef struct vc_attention_shape {
    size_t batch, heads, queries, keys, head_dim;
    size_t q_stride, k_stride, v_stride, out_stride; /* floats between tokens */
} vc_attention_shape;

/* out = softmax(Q K^T / sqrt(D)) V. probs (B, H, Tq, Tk) is kept for the tap and the backward pass.
 * pruned (H, Tq, Tk), nonzero = pruned, may be NULL; no row may be pruned altogether. */
void vc_attention_forward(float *out, float *probs, const float *q, const float *k, const float *v,
                          const vc_attention_shape *shape, const uint8_t *pruned);

/* scratch: threads * Tq * Tk floats. The mask is in probs: a pruned probability is 0. */
void vc_attention_backward(float *dq, float *dk, float *dv, float *scratch, const float *dout,
                           const float *probs, const float *q, const float *k, const float *v,
                           const vc_attention_shape *shape);

/* A plan's layer made ready for computing, in original token order. Per head: a dense panel (all
 * queries x global tokens), whose pruned entries are computed and dropped as on the chip, and CSR
 * rows for the sparser part, where a pruned score is never touched. */
typedef struct vc_sparse_head {
    size_t global_count;
    const int32_t *global_keys;  /* (global_count) */
    const uint8_t *panel_pruned; /* (Tq, global_count) */
    const int32_t *row_start;    /* (Tq + 1) */
    const int32_t *row_keys;     /* (row_start[Tq]) */
    size_t probs_start;          /* of this head in an image's probabilities */
} vc_sparse_head;

typedef struct vc_sparse_layer {
    size_t heads, queries, keys;
    size_t probs_per_image; /* floats: all panels and all sparser entries */
    size_t scratch_floats;  /* per thread, for either direction, of head_dim given at opening */
    vc_sparse_head *head;
    void *memory;
} vc_sparse_layer;

vc_status vc_sparse_layer_open(vc_sparse_layer *out, const vc_plan_layer *plan, size_t head_dim);
void vc_sparse_layer_close(vc_sparse_layer *layer);

/* probs (B, probs_per_image): per head the panel (Tq, global_count), then the sparser entries. */
void vc_sparse_attention_forward(float *out, float *probs, float *scratch, const float *q,
                                 const float *k, const float *v, const vc_attention_shape *shape,
                                 const vc_sparse_layer *layer);
void vc_sparse_attention_backward(float *dq, float *dk, float *dv, float *scratch, const float *dout,
                                  const float *probs, const float *q, const float *k, const float *v,
                                  const vc_attention_shape *shape, const vc_sparse_layer *layer);

/* ViTCoD's auto-encoder half: y[o] = sum_i weight[o][i] * x[i] + bias[o] over heads, for each token
 * and channel. Strides as above; weight (heads_out, heads_in), bias (heads_out). */
typedef struct vc_head_mix {
    size_t heads_in, heads_out, head_dim, tokens; /* tokens: of the whole batch */
    size_t x_stride, y_stride;
} vc_head_mix;

void vc_head_mix_forward(float *y, const float *x, const float *weight, const float *bias,
                         const vc_head_mix *mix);
/* dx and dy lie as x and y do; dx += when `add`. */
void vc_head_mix_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                          const float *weight, const vc_head_mix *mix, int add);

/* Sum of squared differences of two views of `width` values per token, in double, fixed order. */
double vc_squared_distance(const float *a, size_t a_stride, const float *b, size_t b_stride,
                           size_t tokens, size_t width);

/* da += scale * (a - b), db -= the same: the gradient of scale / 2 * squared distance. */
void vc_squared_distance_backward(float *da, float *db, const float *a, const float *b,
                                  size_t a_stride, size_t b_stride, size_t tokens, size_t width,
                                  float scale);

#endif
