/* Attention for inference: one kernel for every sparsity. It computes with a pattern (pattern.h)
 * and with K (and in bfloat16 also V) of the panel's keys, packed contiguously. All queries meet
 * the panel in small dense products, and each meets its own keys besides. How a head is split
 * changes the result only by rounding.
 *
 * Exponentials are of base 2, so the caller multiplies the weights of Q by log2(e) / sqrt(head_dim)
 * and the bias by log2(e); the bias of summaries is multiplied here. */
#ifndef VITCOD_PACKED_ATTENTION_H
#define VITCOD_PACKED_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/pattern.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_ATTENTION_PHASES = 3 /* scores, softmax, output */ };

/* The own keys of four queries at a time (0 to 3, 4 to 7, ...), each listed once for those of them
 * that keep it, so that its K and V are read once for all. A row's result does not depend on which
 * rows of its group are computed with it. */
enum { VC_GROUP_ROWS = 4, VC_GROUP_SETS = 10, VC_GROUP_KEYS = 512 /* at most, of a part */ };

/* clang-format off */
/* Neighbours of a group, bit i for its query i: x(index, set). A row's sum takes its keys in this
 * order. */
#define VC_GROUP_SETS_OF(x)                                                                        \
    x(0, 15u) x(1, 7u) x(2, 14u) x(3, 3u) x(4, 6u) x(5, 12u) x(6, 1u) x(7, 2u) x(8, 4u) x(9, 8u)
/* clang-format on */

typedef struct vc_group_part {
    size_t start;                   /* of its keys, set by set */
    uint16_t counts[VC_GROUP_SETS]; /* those of several queries are multiples of 4 */
} vc_group_part;

typedef struct vc_row_groups {
    const size_t *part_start; /* (groups + 1) a group has at least one part */
    const vc_group_part *parts;
    const int32_t *keys;
    size_t part_count, key_count;
    size_t set_count;  /* sets that have keys, of all parts */
    size_t k_at, v_at; /* floats from the head's panel on: K (Tk, head_dim), V (Tk, value_dim) */
} vc_row_groups;

typedef struct vc_packed_head {
    const vc_pattern_head *pattern;
    const vc_row_groups *groups; /* of the entries of the rows; NULL: row by row */
    size_t summaries;            /* keys of the panel, its last ones, that are summaries */
    const float *panel_bias;     /* (Tq, panel_count rounded up to 16) or NULL */
    const float *row_bias;       /* (row_start[Tq]), readable 16 values beyond, or NULL */
    size_t panel_start;          /* floats, of this head in an image's panels */
} vc_packed_head;

typedef struct vc_packed_attention {
    size_t heads, queries, keys; /* keys: without summaries */
    size_t head_dim, value_dim;
    int bf16;            /* panels hold K and V in bfloat16, as attention_rows_bf16 reads them */
    size_t panel_floats; /* all panels of one image */
    vc_pattern pattern;
    vc_packed_head *head;
    void *memory;
} vc_packed_attention;

/* Opens a layer whose sizes and `bf16` are set. Panels in bfloat16 want a head_dim and a value_dim
 * that are multiples of 16. `plan` must outlive it; NULL: nothing is pruned. bias (H, Tq, Tk) may
 * be NULL. Rows are grouped by the costs of the options, unless there are none (0) or tokens have
 * biases. */
vc_status vc_packed_attention_open(vc_packed_attention *layer, const vc_plan_layer *plan,
                                   const float *bias, const vc_pattern_options *options);
void vc_packed_attention_close(vc_packed_attention *layer);

/* Packs tokens first to first + count - 1 into an image's panels. k and v are those of the first
 * head and of token `first`. A head's panel holds K as (blocks of 16 keys, head_dim, 16). With bf16
 * two values of a key are adjacent, (blocks of 16 keys, head_dim / 2, 16, 2), and V follows as
 * (keys / 2, value_dim, 2); the panels must be zeroed before the first call. Where rows are
 * grouped, K and V of all tokens follow in float32. Summaries are numbered behind the tokens, from
 * layer->keys on. */
void vc_attention_pack(float *panels, const vc_packed_attention *layer, const float *k,
                       const float *v, size_t stride, size_t first, size_t count);

/* A summary is a row of so many floats: K of all heads, then V of all heads. */
static inline size_t vc_summary_floats(const vc_packed_attention *layer)
{
    return layer->heads * (layer->head_dim + layer->value_dim);
}

/* What is pooled: K and V of an image, of the first head and of token 0. */
typedef struct vc_pooled_keys {
    const float *k, *v;
    size_t stride;
} vc_pooled_keys;

/* Pools one image's summaries first to first + count - 1 to rows, and packs them into its panels,
 * which may be NULL. scratch: (entries of the pooling), read only where it has queries. */
void vc_attention_pool(float *rows, float *panels, float *scratch, const vc_packed_attention *layer,
                       const vc_pooled_keys *x, size_t first, size_t count);

/* One head of one image. */
typedef struct vc_attention_view {
    const vc_packed_head *head;
    size_t head_dim, value_dim;
    const float *q, *k, *v; /* k, v: of token 0 */
    size_t q_stride, k_stride, v_stride;
    const float *summary_k, *summary_v; /* of summary 0; NULL where the head has none */
    size_t summary_stride;
    const float *panel;
    /* (VC_ATTENTION_PHASES) what the counter of cycles went on by is added; NULL: nothing is read.
     * The plain C kernel leaves it alone. */
    uint64_t *ticks;
} vc_attention_view;

/* One image, its heads side by side. */
typedef struct vc_attention_operands {
    const float *q;     /* of the first row that is computed */
    const float *k, *v; /* of token 0 */
    size_t q_stride, k_stride, v_stride;
    const float *summaries; /* (G, vc_summary_floats); NULL where there are none */
    const float *panels;
    float *mean;     /* (value_dim) scratch, for a layer with a residual (residual.h) */
    uint64_t *ticks; /* as a view's */
} vc_attention_operands;

/* Computes rows first to first + count - 1 of a head, and adds its residual if the plan has one.
 * out: of row `first` and the first head. */
void vc_attention_head_run(float *out, size_t out_stride, const vc_packed_attention *layer,
                           const vc_attention_operands *x, size_t head, size_t first, size_t count);

#ifdef __cplusplus
}
#endif

#endif
