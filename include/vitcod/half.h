/* Products of training in mixed precision (Micikevicius et al. 2018): operands rounded to bfloat16 on the way, sums and
 * everything around them in float32. Done by oneDNN. */
#ifndef VITCOD_HALF_H
#define VITCOD_HALF_H

#include "vitcod/gemm.h"
#include "vitcod/status.h"

typedef struct vc_half vc_half;

/* VC_EUNSUPPORTED where vc_precision_supported(VC_IN_BF16) is 0. One product at a time, outside parallel regions. Makes
 * room and primitives for sizes when they first come. */
vc_status vc_half_open(vc_half **out);
void vc_half_close(vc_half *half);

/* Rounds (rows, columns), packed, into one of the two operands. */
typedef enum vc_half_operand { VC_HALF_A, VC_HALF_B } vc_half_operand;
void vc_half_load(vc_half *half, vc_half_operand operand, const float *x, size_t count);

/* As vc_gemm on the operands loaded last, packed as the shape's lda and ldb say, alpha 1; C packed, overwritten or, with
 * `add`, added to. */
void vc_half_run(vc_half *half, float *c, const vc_gemm_shape *shape, int add);

#endif
