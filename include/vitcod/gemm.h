/* Dense matrix products in float32, done by oneDNN. */
#ifndef VITCOD_GEMM_H
#define VITCOD_GEMM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* C (m, n) = alpha * op(A) (m, k) * op(B) (k, n) + beta * C, all row major. lda, ldb and ldc are
 * the floats between rows as stored; a flag of 1 means that the operand is stored transposed. When
 * called inside a parallel region it runs on the calling thread alone. The bits of C depend on
 * whether it was, and on no number of threads. */
typedef struct vc_gemm_shape {
    int transpose_a, transpose_b;
    size_t m, n, k, lda, ldb, ldc;
} vc_gemm_shape;

void vc_gemm(float *c, const float *a, const float *b, const vc_gemm_shape *shape, float alpha,
             float beta);

/* What a product is added to: bias (n) plus residual (m, n) with ldc, which may be C itself. Either
 * may be NULL, for 0. */
typedef struct vc_gemm_start {
    const float *bias, *residual;
} vc_gemm_start;

/* C = what it is added to + op(A) * op(B). */
void vc_gemm_add(float *c, const float *a, const float *b, const vc_gemm_shape *shape,
                 const vc_gemm_start *start);

#ifdef __cplusplus
}
#endif

#endif
