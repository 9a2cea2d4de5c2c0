#include <string.h>

#include "prune_impl.h"

/* Indices by ascending score, equal scores in index order: a merge sort, as it must be stable. */
static void sort_ascending(int32_t *order, int32_t *room, const float *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (int32_t)i;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t middle = start + width < count ? start + width : count;
            size_t end = start + 2 * width < count ? start + 2 * width : count;
            size_t a = start, b = middle;
            for (size_t k = start; k < end; k++) {
                int left = a < middle && (b >= end || row[order[a]] <= row[order[b]]);
                room[k] = left ? order[a++] : order[b++];
            }
        }
        memcpy(order, room, count * sizeof *order);
    }
}

void vc__prune_info(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                    double cut)
{
    for (size_t q = 0; q < queries; q++) {
        const float *row = map + q * keys;
        sort_ascending(order, order + keys, row, keys);
        /* In float32, as NumPy adds float32 scalars: the published masks depend on it. */
        float sum = 0.0f;
        size_t added = 0;
        while (added < keys) {
            sum += row[order[keys - 1 - added]];
            added++;
            if (sum >= (float)cut)
                break;
        }
        size_t drop = keys > added + 1 ? keys - added - 1 : 0;
        memset(pruned + q * keys, 0, keys);
        for (size_t r = 0; r < drop; r++)
            pruned[q * keys + (size_t)order[r]] = 1;
    }
}
