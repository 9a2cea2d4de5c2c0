/* Products in int8 with fixed weights, for inference, whose sums become values before they leave
 * the registers: the kernel product_int8 of kernels.h on weights in this form. */
#ifndef VITCOD_INT8_PRODUCT_H
#define VITCOD_INT8_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The sums of four products go into each of 16 lanes; 4 vectors of outputs are one block. */
enum { VC_INT8_DEPTH = 4, VC_INT8_LANES = 16, VC_INT8_VECTORS = 4 };
enum { VC_INT8_BLOCK = VC_INT8_LANES * VC_INT8_VECTORS };

/* Weights of `outputs` x `inputs`. Blocks of VC_INT8_BLOCK outputs lie one after another, the last
 * with as many whole vectors as it needs; in a block, for each VC_INT8_DEPTH inputs, the outputs
 * with these inputs of each. Outputs beyond the last are 0; inputs are a multiple of
 * VC_INT8_DEPTH. */
typedef struct vc_int8_weights {
    size_t inputs, outputs;
    const int8_t *packed;      /* by vc_int8_pack */
    const int32_t *offset;     /* (outputs) VC_ZERO_POINT times the sum of the weights */
    const float *scale, *bias; /* (outputs) */
} vc_int8_weights;

size_t vc_int8_packed_bytes(size_t outputs, size_t inputs);
/* Where the weight of an output and an input lies. */
size_t vc_int8_packed_at(size_t outputs, size_t inputs, size_t output, size_t input);
/* Packs weight (outputs, inputs) into vc_int8_packed_bytes. */
void vc_int8_pack(int8_t *packed, const int8_t *weight, size_t outputs, size_t inputs);

/* 1 if product_int8 is the fastest product of this CPU: VC_ISA allows AVX-512, the CPU has
 * AVX512_VNNI, and not AMX, which oneDNN uses. */
int vc_cpu_has_int8_rows(void);

#ifdef __cplusplus
}
#endif

#endif
