#include <stdint.h>

#include "kernels_impl.h"

#include "attention_rows_simd.h"

/* Two bfloat16s, to all lanes. */
static inline __m512bh splat_pair(const uint16_t *pair)
{
    int32_t bits;
    __builtin_memcpy(&bits, pair, sizeof bits);
    return (__m512bh)_mm512_set1_epi32(bits);
}

static inline __m512bh load_pairs(const uint16_t *p)
{
    return (__m512bh)_mm512_loadu_si512(p);
}

/* Sixteen values, rounded. */
static inline void store_rounded(uint16_t *p, vec a)
{
    _mm256_storeu_si256((__m256i *)(void *)p, (__m256i)_mm512_cvtneps_pbh(a));
}

enum { MOST_DIM = 128 }; /* values of a query that are converted at a time */

/* Scores (rows, BLOCK) over `dims` of the head_dim values, from `from` on. Unless `from` is 0 they
 * are added to those over the values before. */
INLINE void score_pairs(float *scores, const uint16_t *q, const uint16_t *panel, size_t head_dim,
                        size_t from, size_t dims, const size_t rows, const size_t vectors)
{
    vec sums[TILE][WIDE];
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            sums[r][i] = from > 0 ? load(scores + r * BLOCK + i * LANES) : splat(0.0f);
    }
    for (size_t d = 0; d < dims; d += 2) {
        __m512bh keys[WIDE];
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            keys[i] = load_pairs(panel + (i * head_dim + from + d) * VC_PANEL);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const __m512bh x = splat_pair(q + r * MOST_DIM + d);
            UNROLL
            for (size_t i = 0; i < vectors; i++)
                sums[r][i] = _mm512_dpbf16_ps(sums[r][i], x, keys[i]);
        }
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            store(scores + r * BLOCK + i * LANES, sums[r][i]);
    }
}

INLINE void score_block_bf16(float *scores, const vc_attention_view *view, size_t query,
                             size_t start, size_t keys, const size_t rows)
{
    const uint16_t *panel = (const uint16_t *)(const void *)view->panel + start * view->head_dim;
    const size_t d = view->head_dim, blocks = (keys + VC_PANEL - 1) / VC_PANEL;
    uint16_t q[TILE * MOST_DIM];
    for (size_t from = 0; from < d; from += MOST_DIM) {
        const size_t dims = d - from < MOST_DIM ? d - from : MOST_DIM;
        for (size_t r = 0; r < rows; r++)
            for (size_t i = 0; i < dims; i += LANES)
                store_rounded(q + r * MOST_DIM + i,
                              load(view->q + (query + r) * view->q_stride + from + i));
        size_t b = 0;
        for (; b + WIDE <= blocks; b += WIDE)
            score_pairs(scores + b * VC_PANEL, q, panel + b * VC_PANEL * d, d, from, dims, rows,
                        WIDE);
        for (; b < blocks; b++)
            score_pairs(scores + b * VC_PANEL, q, panel + b * VC_PANEL * d, d, from, dims, rows, 1);
    }
}

/* out = keep * out + powers V. */
INLINE void value_pairs(output_rows to, const uint16_t *powers, const uint16_t *v, size_t value_dim,
                        size_t keys, const size_t rows, const size_t vectors)
{
    vec sums[TILE][WIDE];
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            sums[r][i] = to.keep ? mul(splat(to.keep[r]), load(to.out + r * to.stride + i * LANES))
                                 : splat(0.0f);
    }
    for (size_t j = 0; j < keys; j += 2) {
        __m512bh values[WIDE];
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            values[i] = load_pairs(v + j * value_dim + 2 * i * LANES);
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const __m512bh p = splat_pair(powers + r * BLOCK + j);
            UNROLL
            for (size_t i = 0; i < vectors; i++)
                sums[r][i] = _mm512_dpbf16_ps(sums[r][i], p, values[i]);
        }
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t i = 0; i < vectors; i++)
            store(to.out + r * to.stride + i * LANES, sums[r][i]);
    }
}

INLINE void value_block_bf16(output_rows to, const float *scores, const vc_attention_view *view,
                             size_t start, size_t keys, const size_t rows)
{
    const size_t wide = vc_panel_blocks(view->head->pattern->panel_count) * VC_PANEL;
    const uint16_t *v = (const uint16_t *)(const void *)view->panel + wide * view->head_dim +
                        start * view->value_dim;
    _Alignas(64) uint16_t powers[TILE * BLOCK];
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < keys; i += LANES)
            store_rounded(powers + r * BLOCK + i, load(scores + r * BLOCK + i));
    size_t c = 0;
    for (; c + WIDE * LANES <= view->value_dim; c += WIDE * LANES, to.out += WIDE * LANES)
        value_pairs(to, powers, v + 2 * c, view->value_dim, keys, rows, WIDE);
    for (; c < view->value_dim; c += LANES, to.out += LANES)
        value_pairs(to, powers, v + 2 * c, view->value_dim, keys, rows, 1);
}

void vc__attention_rows_avx512bf16(float *out, size_t out_stride, const vc_attention_view *view,
                                   size_t first, size_t rows)
{
    attend_by(out, out_stride, view, first, rows, score_block_bf16, value_block_bf16);
}
