/* Products with fixed weights, for inference: y (rows, outputs) = x (rows, inputs) W^T. Weights are
 * packed once. Several workers may run the same product at the same time, each on rows of its own
 * and on one thread. The result of a row has the same bits whatever rows are computed beside it,
 * and however many.
 *
 * | precision | x     | W     | y                                  |
 * |-----------|-------|-------|------------------------------------|
 * | fp32      | float | float | float, with bias, added if `add`   |
 * | bf16      | bf16  | float | the same; W is rounded to bfloat16 |
 * | int8      | uint8 | int8  | int32, without bias or add         | */
#ifndef VITCOD_PRODUCT_H
#define VITCOD_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum vc_precision {
    VC_IN_FP32,
    VC_IN_BF16,
    VC_IN_INT8,
    VC_IN_FP16, /* of devices alone */
    VC_PRECISION_COUNT
} vc_precision;

const char *vc_precision_name(vc_precision precision); /* "fp32", "bf16", "int8", "fp16" */

/* 1 if this CPU has the instructions: bf16 needs AVX-512 (and is faster with AVX512_BF16); int8
 * needs AVX512_VNNI, since without it the sum of two products could saturate; fp16 none has. */
int vc_precision_supported(vc_precision precision);

/* Quantizes weight (outputs, inputs) to int8, symmetrically, with a scale per output: weight =
 * scale * out. */
void vc_quantize_weights(int8_t *out, float *scale, const float *weight, size_t outputs,
                         size_t inputs);

typedef struct vc_product_form {
    vc_precision precision;
    size_t outputs, inputs;
    int bias, add;
} vc_product_form;

typedef struct vc_products vc_products;

enum { VC_PRODUCT_ROWS = 128 /* most rows of a product */ };

vc_status vc_products_open(vc_products **out, size_t workers);
void vc_products_close(vc_products *products);

/* Packs weight (outputs, inputs) for products of `rows` rows; bias (outputs) is copied.
 * VC_EUNSUPPORTED when this CPU cannot compute in the precision. */
vc_status vc_products_add(size_t *index, vc_products *products, const vc_product_form *form,
                          const void *weight, const float *bias, size_t rows);
/* Weights as oneDNN has packed them: they serve the same version of it on the same kind of CPU, and
 * only where `layout` is the same number. */
typedef struct vc_packed_weights {
    const void *data;
    size_t bytes; /* as many as are needed, or more */
    uint64_t layout;
} vc_packed_weights;

vc_packed_weights vc_products_packed(const vc_products *products, size_t index);
/* Adds a product whose weights are packed already; they are not copied, and outlive the products.
 * VC_EINVAL, and nothing is added, if they are packed otherwise than these products would be. */
vc_status vc_products_add_packed(size_t *index, vc_products *products, const vc_product_form *form,
                                 const vc_packed_weights *weights, const float *bias, size_t rows);
/* Whether a primitive for so many rows gives the bits of one for VC_PRODUCT_ROWS, which takes a
 * product to find out. Eight numbers, so that they can be kept. */
typedef struct vc_product_verdict {
    uint32_t precision, outputs, inputs, bias, add, rows, usable, zero;
} vc_product_verdict;

/* What has been found out for this CPU by the same packer; to be called before anything is added.
 */
vc_status vc_products_know(vc_products *products, const vc_product_verdict *verdicts, size_t count);
const vc_product_verdict *vc_products_verdicts(const vc_products *products, size_t *count);

/* What packs weights: oneDNN's version and commit, and the instructions that it uses here. */
enum { VC_PACKER_TEXT = 160 };
char *vc_products_packer(char text[VC_PACKER_TEXT]);

/* Prepares a product for another number of rows. */
vc_status vc_products_prepare(vc_products *products, size_t index, size_t rows);

/* Runs a product, for a number of rows that it was added with or prepared for. */
void vc_products_run(const vc_products *products, size_t index, void *y, const void *x, size_t rows,
                     size_t worker);

#ifdef __cplusplus
}
#endif

#endif
