/* Shared by the files of attention in training: one head of one image. */
#ifndef VC_ATTENTION_IMPL_H
#define VC_ATTENTION_IMPL_H

#include "vitcod/attention.h"

typedef struct vc__attention_head {
    const vc_attention_shape *shape;
    const vc_pattern_head *pattern; /* NULL: nothing is pruned */
    size_t index;                   /* of the head in its layer */
    const vc_pooling *pooling;      /* NULL: no summaries */
    const float *summary_bias;      /* (Tq, G) */
    const float *q, *k, *v, *bias;
    float *out, *probs;
    float *dq, *dk, *dv, *dout;
    size_t dq_stride, dk_stride, dv_stride; /* with summaries dk_stride is that of K */
    float *dscores;                         /* backward: room for the gradients of all values */
    /* (Tq, G), (entries), (dim); NULL if not wanted */
    float *dsummary_bias, *dpool_weights, *dpool_query;
    float *scratch;
} vc__attention_head;

/* A head, with the plan's residual. Going backward the scratch is used up, and with a residual dout
 * is scaled in place. */
void vc__attention_head_forward(const vc__attention_head *head);
void vc__attention_head_backward(vc__attention_head *head);

/* All keys in one dense product, without gathering. */
size_t vc__whole_scratch_floats(const vc_attention_shape *shape);
void vc__whole_head_forward(const vc__attention_head *head);
void vc__whole_head_backward(const vc__attention_head *head);

/* A panel whose keys are gathered, and rows. */
size_t vc__split_scratch_floats(const vc_attention_shape *shape, const vc_pattern_head *head,
                                const vc_pooling *pooling);
void vc__split_head_forward(const vc__attention_head *head);
void vc__split_head_backward(const vc__attention_head *head);

/* The bits of a row; NULL if all entries are kept. */
static inline const uint16_t *vc__panel_row(const vc_pattern_head *head, size_t query)
{
    return head && head->panel_kept ? head->panel_kept + query * vc_panel_blocks(head->panel_count)
                                    : NULL;
}

#endif
