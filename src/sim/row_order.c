/* Sorts rows by a time, and rows of equal times by their number: a radix sort, byte by byte. */
#include <string.h>

#include "chip_impl.h"

enum { RADIX = 256, BITS = 8 };

void vc__order_rows(size_t *order, size_t *spare, const uint64_t *time, size_t rows)
{
    uint64_t low = UINT64_MAX, high = 0;
    for (size_t i = 0; i < rows; i++) {
        low = time[i] < low ? time[i] : low;
        high = vc__later(high, time[i]);
        order[i] = i;
    }
    for (unsigned shift = 0; low < high && shift < 64 && (high - low) >> shift; shift += BITS) {
        size_t start[RADIX + 1] = {0};
        for (size_t i = 0; i < rows; i++)
            start[((time[i] - low) >> shift) % RADIX + 1]++;
        for (size_t b = 1; b < RADIX; b++)
            start[b] += start[b - 1];
        for (size_t i = 0; i < rows; i++)
            spare[start[((time[order[i]] - low) >> shift) % RADIX]++] = order[i];
        memcpy(order, spare, rows * sizeof *order);
    }
}
