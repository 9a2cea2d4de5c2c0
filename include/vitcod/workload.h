/* The workload: what must be computed for one image, or for a batch, as a list of operators with
 * MACs and values moved. Models lower to it, the simulator reads it. */
#ifndef VITCOD_WORKLOAD_H
#define VITCOD_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/json.h"
#include "vitcod/operator.h"
#include "vitcod/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The product of (rows, inputs) and (inputs, outputs). */
typedef struct vc_product_shape {
    uint64_t rows, inputs, outputs;
} vc_product_shape;

/* Sizes of attention in one layer. */
typedef struct vc_attention_sizes {
    size_t heads, queries, keys, head_dim, value_dim;
    size_t compressed[2]; /* heads that Q and K are compressed to; 0: not */
} vc_attention_sizes;

enum { VC_OP_PRODUCTS = 4 }; /* of one operator, at most */

typedef struct vc_op {
    vc_op_kind kind;
    int layer;     /* -1 outside the blocks */
    int attention; /* 1: between the QKV projection and the output projection */
    uint64_t macs;
    uint64_t weight_values;   /* parameters read once */
    uint64_t input_values;    /* activations read from memory */
    uint64_t output_values;   /* activations written to memory */
    uint64_t residual_values; /* of the residual stream, which outputs are added to */
    int residual_is_input;    /* 1: they are the input as well */
    uint64_t index_values;    /* sparse indices read */
    uint64_t summary_values;  /* weights of pooling, and summary biases, read */
    vc_product_shape products[VC_OP_PRODUCTS]; /* in order; rows 0: no more */
    vc_attention_sizes sizes;                  /* of coders, SDDMM, softmax and SpMM */
    int normalised;                            /* 1: LayerNorm comes before the first product */
} vc_op;

typedef struct vc_workload {
    vc_op *ops;
    size_t count, capacity;
    uint64_t images; /* that it is of; 0: one */
} vc_workload;

vc_status vc_workload_add(vc_workload *workload, const vc_op *op);
void vc_workload_close(vc_workload *workload);

/* Adds the sums that make a layer's summaries of K, as it is stored, and of V; nothing where the
 * layer has none, or is NULL. They belong between QKV and what is between the projections. */
vc_status vc_workload_add_pooling(vc_workload *workload, int layer, const vc_attention_sizes *sizes,
                                  const vc_plan_layer *plan);

/* Adds what is between the projections: decoder, SDDMM, softmax and SpMM, dense or on a layer of a
 * plan (NULL: dense). The denser part computes its whole panel; summaries are keys of it. */
vc_status vc_workload_add_attention(vc_workload *workload, int layer,
                                    const vc_attention_sizes *sizes, const vc_plan_layer *plan);

/* Adds the attention of the layers of a plan without a model, with Q and K compressed to so many
 * heads (0: not compressed; NULL: neither). Entries are kept as in `plan` (NULL: all). VC_EINVAL,
 * with `path`, for an impossible head dimension or number of compressed heads. */
vc_status vc_workload_add_plan(vc_workload *workload, const vc_plan *layers, const vc_plan *plan,
                               size_t head_dim, const size_t compressed[2], const char *path);

/* Makes a workload of one image that of a batch: weights are read once, by the rows of all images;
 * attention is each image's own. VC_EUNSUPPORTED where summaries are pooled. */
vc_status vc_workload_batch(vc_workload *workload, uint64_t images);

/* MACs of all operators, or only of those inside attention. */
uint64_t vc_workload_macs(const vc_workload *workload, int attention_only);

/* Removes all operators but those of layers first to last. */
void vc_workload_keep_layers(vc_workload *workload, int first, int last);

/* The workload as JSON, {"ops": [{"kind", "layer", "macs", ...}]}; NULL if memory runs out. */
json_t *vc_workload_json(const vc_workload *workload);

#ifdef __cplusplus
}
#endif

#endif
