#include <string.h>

#include "prune_impl.h"

/* Orders scores. Of two equal ones the later is the higher, as in the stable sort of the published
 * code. */
static int higher(const float *row, int32_t a, int32_t b)
{
    const float x = row[a], y = row[b];
    return x > y || (x == y && a > b);
}

static void sift_down(int32_t *heap, size_t count, size_t at, const float *row)
{
    const int32_t moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && higher(row, heap[child + 1], heap[child]);
        if (!higher(row, heap[child], moved))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* A heap instead of a sort, since only a small share of a long row is ever taken. */
static void make_heap(int32_t *heap, const float *row, size_t count)
{
    for (size_t i = 0; i < count; i++)
        heap[i] = (int32_t)i;
    for (size_t i = count / 2; i-- > 0;)
        sift_down(heap, count, i, row);
}

static int32_t take_highest(int32_t *heap, size_t count, const float *row)
{
    const int32_t highest = heap[0];
    heap[0] = heap[count - 1];
    sift_down(heap, count - 1, 0, row);
    return highest;
}

void vc__prune_info(uint8_t *pruned, int32_t *order, const float *map, size_t queries, size_t keys,
                    double cut)
{
    memset(pruned, 1, queries * keys);
    for (size_t q = 0; q < queries; q++) {
        const float *row = map + q * keys;
        make_heap(order, row, keys);
        /* Added in float32, as NumPy adds float32 scalars: the published masks depend on it. The
         * rule keeps one entry more than the cut needs. */
        float sum = 0.0f;
        for (size_t left = keys, reached = 0; left > 0 && !reached; left--) {
            const int32_t highest = take_highest(order, left, row);
            reached = sum >= (float)cut && left < keys;
            sum += row[highest];
            pruned[q * keys + (size_t)highest] = 0;
        }
    }
}
