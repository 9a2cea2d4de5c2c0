#include "kernels_impl.h"

#include "softmax_simd.h"

void vc__softmax_row_avx2(float *a, size_t a_count, const uint16_t *a_kept, float *b,
                          size_t b_count)
{
    softmax_row(a, a_count, a_kept, b, b_count);
}

void vc__softmax_row_backward_avx2(float *da, const float *a, size_t a_count, float *db,
                                   const float *b, size_t b_count)
{
    softmax_row_backward(da, a, a_count, db, b, b_count);
}
