/* Matrix products for training in mixed precision (Micikevicius et al. 2018), done by oneDNN:
 * operands are rounded to bfloat16, sums and everything else stay in float32. */
#ifndef VITCOD_HALF_H
#define VITCOD_HALF_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/gemm.h"
#include "vitcod/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_half vc_half;

/* VC_EUNSUPPORTED where vc_precision_supported(VC_IN_BF16) is 0. A handle does one product at a
 * time, outside parallel regions. Memory and oneDNN primitives for a size are made when it is first
 * used. */
vc_status vc_half_open(vc_half **out);
void vc_half_close(vc_half *half);

/* Rounds `count` contiguous values into one of the two operands. */
typedef enum vc_half_operand { VC_HALF_A, VC_HALF_B } vc_half_operand;
void vc_half_load(vc_half *half, vc_half_operand operand, const float *x, size_t count);
/* Where so many values of an operand lie, for a caller that rounds them itself; until it is loaded
 * anew. */
uint16_t *vc_half_room(vc_half *half, vc_half_operand operand, size_t count);

/* The same product as vc_gemm with alpha 1, of the operands loaded last, which are contiguous with
 * the shape's lda and ldb. C is contiguous; it is overwritten, or, with a start, that plus the
 * product. */
void vc_half_run(vc_half *half, float *c, const vc_gemm_shape *shape, const vc_gemm_start *start);

#ifdef __cplusplus
}
#endif

#endif
