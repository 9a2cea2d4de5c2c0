#include "prune_impl.h"

void vc__prune_threshold(uint8_t *pruned, int32_t *order, const float *map, size_t queries,
                         size_t keys, double threshold)
{
    (void)order;
    for (size_t q = 0; q < queries; q++) {
        const float *row = map + q * keys;
        size_t highest = 0;
        for (size_t k = 0; k < keys; k++) {
            pruned[q * keys + k] = !((double)row[k] > threshold);
            highest = row[k] > row[highest] ? k : highest;
        }
        pruned[q * keys + highest] = 0;
    }
}
