/* Dense matrix products in float32, done by oneDNN: the one place that knows it. */
#ifndef VITCOD_GEMM_H
#define VITCOD_GEMM_H

#include <stddef.h>

#include "vitcod/status.h"

/* C (m, n) = alpha * op(A) (m, k) * op(B) (k, n) + beta * C, row major; lda, ldb, ldc are floats
 * between rows as stored; a flag of 1 means that the operand is stored transposed. Runs on the
 * calling thread alone when called inside a parallel region. */
typedef struct vc_gemm_shape {
    int transpose_a, transpose_b;
    size_t m, n, k, lda, ldb, ldc;
} vc_gemm_shape;

void vc_gemm(float *c, const float *a, const float *b, const vc_gemm_shape *shape, float alpha,
             float beta);

/* A weight matrix (out, in), packed once, in a layout that suits `rows` at a time, for
 * y (rows, out) += x (rows, in) * W^T. A primitive is made for each number of rows seen, then kept; not
 * for use by two threads at once. */
typedef struct vc_packed vc_packed;

vc_status vc_packed_open(vc_packed **out, const float *weight, size_t outputs, size_t inputs,
                         size_t rows);
void vc_packed_add(float *y, const float *x, vc_packed *packed, size_t rows);
void vc_packed_close(vc_packed *packed);

#endif
