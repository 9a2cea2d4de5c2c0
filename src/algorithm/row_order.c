#include "row_order.h"

#include <string.h>

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
void vc__row_heap(int32_t *heap, const float *row, size_t keys)
{
    for (size_t i = 0; i < keys; i++)
        heap[i] = (int32_t)i;
    for (size_t i = keys / 2; i-- > 0;)
        sift_down(heap, keys, i, row);
}

int32_t vc__row_take(int32_t *heap, size_t count, const float *row)
{
    const int32_t highest = heap[0];
    heap[0] = heap[count - 1];
    sift_down(heap, count - 1, 0, row);
    return highest;
}

enum { SMALL = 16 /* keys that insertion sort takes */, MOST_PARTS = 64 };

typedef struct part {
    size_t first, last;
    int depth; /* how often it may be cut again */
} part;

static void swap(int32_t *order, size_t i, size_t j)
{
    const int32_t kept = order[i];
    order[i] = order[j];
    order[j] = kept;
}

static void swap_if_less(int32_t *order, const float *row, size_t i, size_t j)
{
    if (row[order[i]] < row[order[j]])
        swap(order, i, j);
}

/* Returns where the median of first, middle and last ends up: less is before it, more behind. */
static size_t cut_in_two(int32_t *order, const float *row, size_t first, size_t last)
{
    const size_t middle = first + (last - first) / 2;
    swap_if_less(order, row, middle, first);
    swap_if_less(order, row, last, middle);
    swap_if_less(order, row, middle, first);
    const float median = row[order[middle]];
    size_t i = first, j = last - 1;
    swap(order, middle, j);
    for (;;) {
        do
            i++;
        while (row[order[i]] < median);
        do
            j--;
        while (median < row[order[j]]);
        if (i >= j)
            break;
        swap(order, i, j);
    }
    swap(order, i, last - 1);
    return i;
}

static void insertion_sort(int32_t *order, const float *row, size_t first, size_t last)
{
    for (size_t i = first + 1; i <= last; i++) {
        const int32_t key = order[i];
        size_t at = i;
        for (; at > first && row[key] < row[order[at - 1]]; at--)
            order[at] = order[at - 1];
        order[at] = key;
    }
}

/* Puts `moved` into the heap below `at`. Of equal children the first goes up, and a child goes up
 * only if it is more. */
static void sink(int32_t *order, const float *row, size_t at, size_t count, int32_t moved)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && row[order[child]] < row[order[child + 1]];
        if (!(row[moved] < row[order[child]]))
            break;
        order[at] = order[child];
    }
    order[at] = moved;
}

static void heap_sort(int32_t *order, const float *row, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sink(order, row, i, count, order[i]);
    while (count > 1) {
        const int32_t moved = order[--count];
        order[count] = order[0];
        sink(order, row, 0, count, moved);
    }
}

void vc__row_argsort(int32_t *order, const float *row, size_t keys)
{
    part waiting[MOST_PARTS]; /* the smaller part is cut first: there are few */
    size_t count = 0;
    int most = 0;
    for (size_t i = 0; i < keys; i++)
        order[i] = (int32_t)i;
    for (size_t left = keys; left > 1; left /= 2)
        most += 2;
    if (keys > 1)
        waiting[count++] = (part){0, keys - 1, most};
    while (count > 0) {
        part p = waiting[--count];
        if (p.depth < 0) {
            heap_sort(order + p.first, row, p.last - p.first + 1);
            continue;
        }
        while (p.last - p.first + 1 > SMALL) {
            const size_t at = cut_in_two(order, row, p.first, p.last);
            p.depth--;
            if (at - p.first < p.last - at) {
                waiting[count++] = (part){at + 1, p.last, p.depth};
                p.last = at - 1;
            } else {
                waiting[count++] = (part){p.first, at - 1, p.depth};
                p.first = at + 1;
            }
        }
        insertion_sort(order, row, p.first, p.last);
    }
}

void vc__row_settle_ties(uint8_t *pruned, int32_t *heap, int32_t last, size_t kept,
                         const float *row, size_t keys, vc_prune_ties ties)
{
    if (ties != VC_TIES_NUMPY || kept == keys || row[heap[0]] < row[last])
        return;
    vc__row_argsort(heap, row, keys);
    memset(pruned, 1, keys);
    for (size_t i = keys - kept; i < keys; i++)
        pruned[heap[i]] = 0;
}
