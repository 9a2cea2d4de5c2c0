#include "kernels_impl.h"

#include "layernorm_simd.h"

void vc__layernorm_rows_avx2(float *y, float *mean, float *rstd, const float *x,
                             const vc_layernorm *norm, size_t rows)
{
    layernorm_rows(y, mean, rstd, x, norm, rows);
}

void vc__layernorm_rows_backward_avx2(float *dx, float *dw, float *db, const float *dy,
                                      const vc_layernorm_kept *kept, size_t first, size_t rows)
{
    layernorm_rows_backward(dx, dw, db, dy, kept, first, rows);
}
