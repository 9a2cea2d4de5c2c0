/* The block list: what a model does with one image, operator by operator, as its family describes
 * it. Workloads, counts and the program of the engine are made from it.
 *
 * An operator reads values and makes values. A value is rows of numbers, one row per token; an
 * operator that maps rows to rows has the same number of rows on both sides. */
#ifndef VITCOD_BLOCKS_H
#define VITCOD_BLOCKS_H

#include "vitcod/model.h"
#include "vitcod/operator.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vc_activation {
    VC_ACTIVATION_NONE,
    VC_ACTIVATION_GELU,
    VC_ACTIVATION_HARDSWISH,
    VC_ACTIVATION_SILU,
    VC_ACTIVATION_QUICK_GELU,
    VC_ACTIVATION_TANH,
    VC_ACTIVATION_RELU,
    VC_ACTIVATION_COUNT
} vc_activation;

typedef struct vc_block_value {
    size_t rows, width;
} vc_block_value;

/* The first two of every list. */
enum { VC_BLOCK_IMAGES, VC_BLOCK_OUTPUTS, VC_BLOCK_NOTHING = -1 };

typedef struct vc_block_op {
    vc_op_kind kind;
    int layer;                /* -1: outside the layers */
    int from, to;             /* values; from: or VC_BLOCK_NOTHING */
    size_t reads;             /* rows of `from`, from its first on, that it looks at */
    int add;                  /* onto what `to` holds, not in its place */
    vc_activation activation; /* of what it makes */

    /* A product. Without a model `linear` has sizes alone. */
    vc_linear linear;
    const float *scale; /* (outputs) of what it makes, before it is added; NULL: 1 */
    /* The products that a chip makes of it, one after the other; rows 0: no more of them. */
    vc_product_shape products[VC_OP_PRODUCTS];

    /* A LayerNorm, over the width of `from`. */
    const float *gain, *shift;
    float eps;
    int deviation; /* as in vc_layernorm */

    /* Attention: Q lies at the start of the rows of `from`, K and V in the rows of `keys`. */
    int keys;
    size_t keys_at, values_at;

    /* Positions: the rows that tokens start with, of so many learnt values. */
    const float *start;
    size_t parameters;

    vc_patches patches;
    vc_window window; /* of a square image; a subsampling's side of the grid of tokens */
    vc_span span;     /* of spans: `from` has its tokens and channels */
    size_t prefix;    /* rows before those of the image: zeros; a mean leaves them out */
} vc_block_op;

typedef struct vc_block_list {
    vc_block_value *values;
    size_t value_count;
    vc_block_op *ops; /* in the order in which they run */
    size_t op_count;
    float **made; /* what ops point at that is no parameter */
    size_t made_count;
    vc_status status; /* of what was added so far */
} vc_block_list;

/* Of sizes alone, or with the weights of `model` (NULL: none), which must outlive the list. */
vc_status vc_model_blocks(vc_block_list *out, const vc_model_config *config, const vc_model *model);
void vc_block_list_close(vc_block_list *list);

/* 1 if a row of what the operator makes depends only on the row at the same place. */
int vc_block_op_by_row(const vc_block_list *list, const vc_block_op *op);
/* needed (op_count): how many rows, from the first on, of what each operator makes are read. If a
 * classifier reads only class tokens, the last block need not make the others. */
vc_status vc_block_list_needed(size_t *needed, const vc_block_list *list);

#ifdef __cplusplus
}
#endif

#endif
