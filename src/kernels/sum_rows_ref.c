#include "kernels_impl.h"

void vc__sum_rows_ref(float *sums, const float *x, size_t rows, size_t stride, size_t columns)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            sums[c] += x[r * stride + c];
}
