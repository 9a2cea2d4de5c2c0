/* Attention for inference, one kernel for every sparsity: a pattern (pattern.h) with K, and in bfloat16 V, of the
 * panel's keys packed side by side. All queries see the panel as small dense products; each sees its own keys
 * besides. How a head is split does not change the result beyond rounding.
 *
 * Scores are logarithms to base 2: 1 / sqrt(head_dim) and log2(e) belong into the weights of Q, and log2(e)
 * into the bias, before it comes here. */
#ifndef VITCOD_ATTEND_H
#define VITCOD_ATTEND_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/pattern.h"

enum { VC_ATTEND_PHASES = 3 /* scores, softmax, output */ };

typedef struct vc_attend_head {
    const vc_pattern_head *pattern;
    const float *panel_bias; /* (Tq, panel_count rounded up to 16) or NULL */
    const float *row_bias;   /* (row_start[Tq]), readable 16 values beyond, or NULL */
    size_t panel_start;      /* floats, of this head in an image's panels */
} vc_attend_head;

typedef struct vc_attend_layer {
    size_t heads, queries;
    size_t keys; /* a pattern's extra columns included */
    size_t head_dim, value_dim;
    int bf16;            /* panels hold K and V in bfloat16, as attend_rows_bf16 reads them */
    size_t panel_floats; /* all panels of one image */
    vc_pattern pattern;
    vc_attend_head *head;
    void *memory;
} vc_attend_layer;

/* `layer` has its sizes and `bf16` set; that wants a head_dim and a value_dim of whole 16s. `plan` must outlive it; NULL:
 * nothing is pruned. bias (H, Tq, Tk) may be NULL. */
vc_status vc_attend_layer_open(vc_attend_layer *layer, const vc_plan_layer *plan, const float *bias,
                               const vc_pattern_options *options);
void vc_attend_layer_close(vc_attend_layer *layer);

/* Puts tokens `first` to first + count - 1 into an image's panels. k and v are those of the first head and of token
 * `first`. A head's panel holds K, (blocks of 16 keys, head_dim, 16). With bf16 two values of a key lie side by side,
 * (blocks of 16 keys, head_dim / 2, 16, 2), and V follows, (keys / 2, value_dim, 2); the first pack must find it zeroed. */
void vc_attend_pack(float *panels, const vc_attend_layer *layer, const float *k, const float *v,
                    size_t stride, size_t first, size_t count);

/* One head of one image. */
typedef struct vc_attend_view {
    const vc_attend_head *head;
    size_t head_dim, value_dim;
    const float *q, *k, *v; /* k, v: of token 0 */
    size_t q_stride, k_stride, v_stride;
    const float *panel;
    /* (VC_ATTEND_PHASES) what the counter of cycles went on by is added; NULL: nothing is read. The plain C kernel
     * leaves it alone. */
    uint64_t *ticks;
} vc_attend_view;

#endif
