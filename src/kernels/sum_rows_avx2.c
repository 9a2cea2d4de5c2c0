#include "kernels_impl.h"

#include "sum_rows_simd.h"

void vc__sum_rows_avx2(float *sums, const float *x, size_t rows, size_t stride, size_t columns)
{
    sum_rows(sums, x, rows, stride, columns);
}
