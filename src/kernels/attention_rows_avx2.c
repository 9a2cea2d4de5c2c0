#include "kernels_impl.h"

#include "attention_rows_simd.h"

void vc__attention_rows_avx2(float *out, size_t out_stride, const vc_attention_view *view,
                             size_t first, size_t rows)
{
    attend_by(out, out_stride, view, first, rows, score_block, value_block);
}
