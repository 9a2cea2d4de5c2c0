#include "kernels_impl.h"

#include "attend_simd.h"

void vc__attend_rows_avx2(float *out, size_t out_stride, const vc_attend_view *view, size_t first,
                          size_t rows)
{
    attend_by(out, out_stride, view, first, rows, score_block, value_block);
}
