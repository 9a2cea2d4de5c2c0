/* Between the files of dense products, which share these names with nobody else. */
#ifndef VC_PRODUCT_IMPL_H
#define VC_PRODUCT_IMPL_H

#include "chip_impl.h"

enum { SLOTS = 2, SUM_BYTES = 4 };

/* A product, and how it is cut. */
typedef struct product {
    const vc_product_shape *shape;
    uint64_t value_bytes; /* of the chip's operands */
    uint64_t pass_rows, tile_outputs;
    int normalised;               /* LayerNorm comes first */
    int stays;                    /* 1: all weights stay, a tile, while rows pass */
    int reads, writes;            /* 1: the input comes from memory, the output goes there */
    uint64_t read_row, write_row; /* bytes per row of it */
    uint64_t input, output, weights, summaries; /* addresses */
    int pooled;                                 /* keys and values are */
    int adds; /* the residual stream comes from memory, tile by tile */
} product;

typedef struct operator
{
    vc__machine *m;
    const vc_op *op, *encode;
    vc__pool pool;
    const vc_attention_sizes *forward; /* NULL: results are stored */
    product products[VC_OP_PRODUCTS];
    size_t count;
    uint64_t *arrived, *ready; /* (rows of a pass) */
    vc_transfer weights[SLOTS], stores[SLOTS];
    int storing[SLOTS];
    vc_transfer residual[SLOTS];
    uint64_t residual_at; /* its address */
    uint64_t stored;      /* transfers so far */
    uint64_t extra;       /* other parameters that are not loaded yet */
}
operator;

int vc__product_chained(const vc_op *op);
/* Cuts the products of an operator (eq. D11, D13). */
vc_status vc__product_cut(operator* o);

#endif
