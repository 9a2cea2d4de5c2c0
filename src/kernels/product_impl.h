/* Shared by the two files of packed products: one makes primitives, the other runs them. */
#ifndef VC_PRODUCT_IMPL_H
#define VC_PRODUCT_IMPL_H

#include "onednn.h"
#include "vitcod/chunks.h"
#include "vitcod/product.h"

typedef struct vc__product_memory {
    dnnl_memory_t x, y, scratch;
} vc__product_memory;

/* A form's primitive for one number of rows. */
typedef struct vc__product_variant {
    size_t rows;
    int usable; /* 1: gives the same bits as VC_PRODUCT_ROWS rows */
    dnnl_primitive_t primitive;
    vc__product_memory *memory; /* (workers) */
    size_t scratch_bytes;       /* that the primitive needs, a multiple of 64 */
} vc__product_variant;

/* Products that differ only in their weights are a group and share primitives. */
typedef struct vc__product_group {
    vc_product_form form;
    desc layout; /* of the packed weights; set when `packed` */
    int packed;
    vc__product_variant *variants; /* the first: for VC_PRODUCT_ROWS */
    size_t variant_count;
    unsigned char
        chosen[VC_PRODUCT_ROWS + 1]; /* per number of rows: 1 + its variant; 0: not ready */
} vc__product_group;

typedef struct vc__product {
    size_t form;
    dnnl_memory_t weights, bias;
    void *own; /* the values of the weights, if they are this product's; else of the blocks, or
                * whoever had them packed */
} vc__product;

struct vc_products {
    size_t workers;
    dnnl_engine_t engine;
    dnnl_stream_t *streams; /* (workers) */
    void **scratch;         /* (workers) of scratch_bytes */
    size_t scratch_bytes;
    vc__product_group *forms;
    size_t form_count;
    vc__product *products;
    size_t product_count;
    vc_chunks packed;             /* weights */
    vc_product_verdict *verdicts; /* (verdict_count) found here, or known before */
    size_t verdict_count;
};

enum { VC__LINE = 64 /* bytes that scratch is aligned to */ };

size_t vc__whole_lines(size_t bytes);

/* Bytes of a value of the input, and of the output. */
size_t vc__product_input_bytes(vc_precision precision);
enum { VC__PRODUCT_OUTPUT_BYTES = 4 };

/* Packs weights and bias for the primitives of the group, into `to` or memory of the product's own.
 * Returns 0 if oneDNN cannot. */
int vc__product_pack(vc__product *out, const vc_products *p, const vc__product_group *group,
                     const void *weight, const float *bias, void *to);
void vc__product_close(vc__product *product);

/* What the CPU has and ONEDNN_MAX_CPU_ISA leaves (product_onednn.c). */
int vc__onednn_has(dnnl_cpu_isa_t wanted);

/* Runs a worker's product of as many rows as the variant has. */
void vc__product_execute(const vc_products *p, const vc__product_variant *v,
                         const vc__product *what, void *y, const void *x, size_t worker);

/* Chooses the variant for a number of rows, and makes it where there is none yet. */
vc_status vc__product_ready(vc_products *p, vc__product_group *group, size_t rows);
void vc__product_variant_close(vc__product_variant *v, size_t workers);

#endif
