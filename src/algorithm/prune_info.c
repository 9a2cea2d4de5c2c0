#include <string.h>

#include "prune_impl.h"
#include "row_order.h"

void vc__prune_info(const vc__pruning *p)
{
    const size_t keys = p->keys;
    for (size_t q = 0; q < p->queries; q++) {
        if (p->settled && p->settled[q])
            continue;
        const float *row = p->map + q * keys;
        uint8_t *pruned = p->pruned + q * keys;
        /* Float32 scores added in float64, as the NumPy of the published code did. The rule keeps
         * one entry more than the cut needs. */
        double sum = 0.0;
        size_t kept = 0;
        int32_t last = 0;
        memset(pruned, 1, keys);
        vc__row_heap(p->order, row, keys);
        for (int reached = 0; kept < keys && !reached; kept++) {
            reached = sum >= p->strength;
            last = vc__row_take(p->order, keys - kept, row);
            sum += (double)row[last];
            pruned[last] = 0;
        }
        vc__row_settle_ties(pruned, p->order, last, kept, row, keys, p->ties);
    }
}
