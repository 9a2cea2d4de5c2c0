/* Softmax attention on a layer of a plan, forward and backward, on buffers of a caller who trains
 * in a framework of its own: any strides, float32 or bfloat16. attention.h is what models here
 * train with; both run the same kernels in float32, so values in bfloat16 are widened first and
 * results rounded once.
 *
 * The layer comes as a pattern (vc_pattern_open), which says H, Tq and Tk. Its residual takes part
 * as the plan has it. So do its summaries, G of them, unless the caller brings what it learnt of
 * them; which summaries a row sees stays the plan's.
 *
 * Heads of images go over as many threads as vc_threads_set says; no result depends on the number.
 * Scratch is allocated in each call: VC_ENOMEM. */
#ifndef VITCOD_STRIDED_ATTENTION_H
#define VITCOD_STRIDED_ATTENTION_H

#include <stddef.h>

#include "vitcod/pattern.h"
#include "vitcod/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A view of (B, H, tokens, D) values. Those of a token are read where they are if they are float32
 * and side by side, with `token` D at least (as inside one QKV projection), and else packed. */
typedef struct vc_strided {
    void *data;                          /* an input is only read */
    vc_dtype dtype;                      /* VC_F32 or VC_BF16 */
    ptrdiff_t image, head, token, value; /* values from one to the next; may be 0 of inputs */
} vc_strided;

typedef struct vc_strided_attention {
    size_t batch, head_dim, value_dim;
    vc_strided q; /* (B, H, Tq, head_dim) */
    vc_strided k; /* (B, H, Tk, head_dim) */
    vc_strided v; /* (B, H, Tk, value_dim) */
    const vc_pattern *pattern;
    const float *bias; /* (H, Tq, Tk) added to the scores; NULL: nothing */
    /* In place of the plan's (plan.h); NULL: the plan's. */
    const float *summary_bias; /* (H, Tq, G); what a row does not see is not read */
    const float *pool_weights; /* (entries) */
    const float *pool_query;   /* (H, dim) */
} vc_strided_attention;

/* out (B, H, Tq, value_dim) = softmax(Q K^T / sqrt(head_dim) + bias) V over the kept entries. probs
 * (B, pattern->values) is what the backward pass wants of it; NULL: there will be none. VC_EINVAL
 * for another dtype, a size of 0, a view without data, an output with a stride of 0 beyond sizes of
 * 1, a plan that pools with queries of another head_dim, what is learnt of summaries that the plan
 * does not have, a -INFINITY for a summary that a row sees, and weights beside queries that
 * are not above 0. */
vc_status vc_strided_attention_forward(const vc_strided *out, float *probs,
                                       const vc_strided_attention *attention);

typedef struct vc_strided_gradients {
    vc_strided q, k, v; /* shaped as Q, K and V */
    float *bias;        /* (H, Tq, Tk), 0 where pruned; NULL: not wanted */
    /* (H, Tq, G), 0 where not seen; (entries); (H, dim); NULL: not wanted */
    float *summary_bias, *pool_weights, *pool_query;
} vc_strided_gradients;

/* The gradients are overwritten. dout (B, H, Tq, value_dim) is only read; the summaries' bias is
 * not. Errors as above. */
vc_status vc_strided_attention_backward(const vc_strided_gradients *out, const vc_strided *dout,
                                        const float *probs, const vc_strided_attention *attention);

#ifdef __cplusplus
}
#endif

#endif
