/* Steps of attention in integers (docs/simulator.md, D10, D23, D27), for loops and schedules. */
#ifndef VC_QUANTIZED_IMPL_H
#define VC_QUANTIZED_IMPL_H

#include "chip_impl.h"

enum { VC__MOST_PROBABILITY = 255 };

int32_t vc__dot(const int8_t *a, const int8_t *b, size_t count);
int32_t vc__mean_value(int32_t sum, size_t count);

/* Of a row: the highest score so far, begun with INT32_MIN, and the powers, relative to it, of all
 * scores so far. */
typedef struct vc__row_state {
    int32_t highest;
    int64_t sum;
} vc__row_state;

int64_t vc__scaled(int64_t value, int64_t factor);
int64_t vc__see_part(vc__row_state *row, vc__softmax *softmax);
int32_t vc__part_share(vc__row_state *row, const vc__softmax *softmax, int32_t score);
int32_t vc__finished(int32_t sum, const vc__row_state *row, int32_t whole);

#endif
