/* Multi-head softmax attention, dense, under a mask, or on a plan. Q, K, V and their gradients are
 * views: token t of image b, head h, starts at x + (b * tokens + t) * stride + h * D, so they can lie
 * inside one QKV projection. D is head_dim for Q and K, value_dim for V and the output; queries and
 * keys may differ in number (LeViT: Graham et al. 2021, sections 4.2, 4.3). */
#ifndef VITCOD_ATTENTION_H
#define VITCOD_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/plan.h"

typedef struct vc_attention_shape {
    size_t batch, heads, queries, keys, head_dim, value_dim;
    size_t q_stride, k_stride, v_stride, out_stride; /* floats between tokens */
} vc_attention_shape;

/* out = softmax(Q K^T / sqrt(head_dim) + bias) V. probs (B, H, Tq, Tk) is kept for the tap and the
 * backward pass. bias (H, Tq, Tk) may be NULL. pruned (H, Tq, Tk), nonzero = pruned, may be NULL; no row
 * may be pruned altogether. scratch: threads * vc_attention_scratch_floats. */
void vc_attention_forward(float *out, float *probs, float *scratch, const float *q, const float *k,
                          const float *v, const vc_attention_shape *shape, const uint8_t *pruned,
                          const float *bias);

size_t vc_attention_scratch_floats(size_t queries, size_t keys, size_t value_dim);

/* dscores, laid out as probs, is the gradient of what softmax takes; summed over the batch, that of the bias. NULL: not
 * wanted, and then scratch: threads * Tq * Tk floats. The mask is in probs: a pruned probability is 0. */
void vc_attention_backward(float *dq, float *dk, float *dv, float *dscores, float *scratch,
                           const float *dout, const float *probs, const float *q, const float *k,
                           const float *v, const vc_attention_shape *shape);

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
    const float *kept_share;     /* (Tq), see vc_plan_layer; NULL: no residual */
} vc_sparse_head;

typedef struct vc_sparse_layer {
    size_t heads, queries, keys;
    size_t probs_per_image; /* floats: all panels and all sparser entries */
    size_t scratch_floats;  /* per thread, for either direction */
    vc_sparse_head *head;
    float *bias; /* (probs_per_image), laid out as the probabilities; NULL: none */
    void *memory;
} vc_sparse_layer;

/* Opened for heads of these sizes. bias (H, Tq, Tk), or NULL, is copied where an entry is computed. */
vc_status vc_sparse_layer_open(vc_sparse_layer *out, const vc_plan_layer *plan, size_t head_dim,
                               size_t value_dim, const float *bias);
void vc_sparse_layer_close(vc_sparse_layer *layer);

/* Dense (H, Tq, Tk) values in the order of an image's probabilities, and back, where what is not computed becomes 0. */
void vc_sparse_layer_arrange(float *out, const float *dense, const vc_sparse_layer *layer);
void vc_sparse_layer_spread(float *dense, const float *values, const vc_sparse_layer *layer);

/* The mask it came from, pruned (H, Tq, Tk). */
void vc_sparse_layer_mask(uint8_t *pruned, const vc_sparse_layer *layer);

/* probs (B, probs_per_image): per head the panel (Tq, global_count), then the sparser entries. */
void vc_sparse_attention_forward(float *out, float *probs, float *scratch, const float *q,
                                 const float *k, const float *v, const vc_attention_shape *shape,
                                 const vc_sparse_layer *layer);
/* With a residual, dout is scaled in place by the shares. dscores as in vc_attention_backward. */
void vc_sparse_attention_backward(float *dq, float *dk, float *dv, float *dscores, float *scratch,
                                  float *dout, const float *probs, const float *q, const float *k,
                                  const float *v, const vc_attention_shape *shape,
                                  const vc_sparse_layer *layer);

#endif
