#include "kernels_impl.h"

#include "simd.h"

/* 6 rows of 4 vectors are 24 sums, which with 4 vectors of weights and one of inputs fit into 32
 * registers. */
enum { TILE = 6, DEPTH = VC_INT8_DEPTH };
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

/* Four inputs of a row, to all lanes. */
INLINE veci splat_inputs(const uint8_t *x)
{
    int32_t four;
    __builtin_memcpy(&four, x, sizeof four);
    return _mm512_set1_epi32(four);
}

INLINE veci start_of(const vc_int8_weights *w, size_t output, size_t count)
{
    return _mm512_sub_epi32(_mm512_setzero_si512(),
                            _mm512_maskz_loadu_epi32(first(count), w->offset + output));
}

/* Values of the sums of `count` outputs; stores with a mask take longer. */
INLINE void finish(float *y, veci sums, float scale, const vc_int8_weights *w, size_t output,
                   int add_to, size_t count, const int whole)
{
    const vec scales = load_last(w->scale + output, count, whole),
              bias = load_last(w->bias + output, count, whole);
    vec value = muladd(_mm512_cvtepi32_ps(sums), mul(splat(scale), scales), bias);
    if (add_to)
        value = add(load_last(y + output, count, whole), value);
    store_last(y + output, value, count, whole);
}

/* Outputs from `output` on, of which the last vector has `last`. */
typedef struct task {
    const vc_int8_weights *w;
    size_t output, last;
    int add;
} task;

INLINE void block(float *y, const uint8_t *x, const float *scale, const task *t, const size_t rows,
                  const size_t vectors, const int whole)
{
    const vc_int8_weights *w = t->w;
    const size_t k = w->inputs;
    const int8_t *packed = w->packed + t->output * k;
    veci sums[TILE][VC_INT8_VECTORS];
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            sums[r][v] = start_of(w, t->output + v * LANES, v + 1 < vectors ? LANES : t->last);
    }
    for (size_t i = 0; i < k; i += DEPTH, packed += vectors * sizeof(veci)) {
        veci weights[VC_INT8_VECTORS];
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            weights[v] = _mm512_loadu_si512(packed + v * sizeof(veci));
        UNROLL
        for (size_t r = 0; r < rows; r++) {
            const veci in = splat_inputs(x + r * k + i);
            UNROLL
            for (size_t v = 0; v < vectors; v++)
                sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], in, weights[v]);
        }
    }
    /* Without this gcc keeps the sums in memory, where it wants them after the loop. */
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            __asm__("" : "+v"(sums[r][v]));
    }
    UNROLL
    for (size_t r = 0; r < rows; r++) {
        UNROLL
        for (size_t v = 0; v < vectors; v++)
            finish(y + r * w->outputs, sums[r][v], scale[r], w, t->output + v * LANES, t->add,
                   t->last, whole || v + 1 < vectors);
    }
}

/* All rows, in tiles of nearly equal height: two rows alone would wait for their weights. */
INLINE void columns(float *y, const uint8_t *x, const float *scale, const task *t, size_t rows,
                    const size_t vectors, const int whole)
{
    const size_t tiles = (rows + TILE - 1) / TILE;
    for (size_t i = 0; i < tiles; i++) {
        const size_t n = rows / tiles + (i < rows % tiles);
        switch (n) {
        case 6:
            block(y, x, scale, t, 6, vectors, whole);
            break;
        case 5:
            block(y, x, scale, t, 5, vectors, whole);
            break;
        case 4:
            block(y, x, scale, t, 4, vectors, whole);
            break;
        case 3:
            block(y, x, scale, t, 3, vectors, whole);
            break;
        case 2:
            block(y, x, scale, t, 2, vectors, whole);
            break;
        default:
            block(y, x, scale, t, 1, vectors, whole);
        }
        y += n * t->w->outputs;
        x += n * t->w->inputs;
        scale += n;
    }
}

void vc__product_int8_avx512vnni(float *y, const uint8_t *x, const float *scale,
                                 const vc_int8_weights *w, int add_to, size_t rows)
{
    task t = {w, 0, LANES, add_to};
    for (; t.output + VC_INT8_BLOCK <= w->outputs; t.output += VC_INT8_BLOCK)
        columns(y, x, scale, &t, rows, VC_INT8_VECTORS, 1);
    const size_t left = w->outputs - t.output, vectors = (left + LANES - 1) / LANES;
    t.last = left - (vectors - 1) * LANES;
    if (vectors == 4)
        columns(y, x, scale, &t, rows, 4, 0);
    else if (vectors == 3)
        columns(y, x, scale, &t, rows, 3, 0);
    else if (vectors == 2)
        columns(y, x, scale, &t, rows, 2, 0);
    else if (vectors == 1)
        columns(y, x, scale, &t, rows, 1, 0);
}
