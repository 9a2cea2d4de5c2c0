#include "simd.h"

enum { SUMMED = 8 /* vectors of a row that are added up together: they fit the registers */ };

/* The first columns, those of `vectors` vectors, of which the last has `part` lanes. */
static inline __attribute__((always_inline)) void sum_columns(float *sums, const float *x,
                                                              size_t rows, size_t stride,
                                                              const size_t vectors, size_t part)
{
    vec sum[SUMMED];
#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; v++)
        sum[v] = load_last(sums + v * LANES, part, v + 1 < vectors);
    for (size_t r = 0; r < rows; r++) {
#pragma GCC unroll 8
        for (size_t v = 0; v < vectors; v++)
            sum[v] = add(sum[v], load_last(x + r * stride + v * LANES, part, v + 1 < vectors));
    }
#pragma GCC unroll 8
    for (size_t v = 0; v < vectors; v++)
        store_last(sums + v * LANES, sum[v], part, v + 1 < vectors);
}

static inline void sum_rows(float *sums, const float *x, size_t rows, size_t stride, size_t columns)
{
    size_t c = 0;
    for (; c + SUMMED * LANES <= columns; c += SUMMED * LANES)
        sum_columns(sums + c, x + c, rows, stride, SUMMED, LANES);
    for (; c < columns; c += LANES)
        sum_columns(sums + c, x + c, rows, stride, 1, lanes_left(columns, c));
}
