#include "prune_impl.h"

void vc__prune_threshold(const vc__pruning *p)
{
    for (size_t q = 0; q < p->queries; q++) {
        const float *row = p->map + q * p->keys;
        uint8_t *pruned = p->pruned + q * p->keys;
        for (size_t k = 0; k < p->keys; k++)
            pruned[k] = !((double)row[k] > p->strength);
        pruned[vc__highest_of(row, p->keys)] = 0;
    }
}
