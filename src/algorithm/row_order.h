/* The scores of a row in order: shared by the rules that keep the highest. */
#ifndef VC_ROW_ORDER_H
#define VC_ROW_ORDER_H

#include "vitcod/prune.h"

/* A heap of all keys of a row, the highest first. Of two equal scores the later is the higher. */
void vc__row_heap(int32_t *heap, const float *row, size_t keys);
/* Takes the highest of the `count` keys that are left. */
int32_t vc__row_take(int32_t *heap, size_t count, const float *row);

/* Ascending order as NumPy's argsort without AVX finds it: quicksort with the median of three,
 * insertion sort of 16 keys or fewer, heapsort where quicksort goes too deep. Equal scores
 * change places. */
void vc__row_argsort(int32_t *order, const float *row, size_t keys);

/* The `kept` highest of a row have been kept, and `heap` has the others. Where the last of them
 * equals the next, `ties` says which are kept. */
void vc__row_settle_ties(uint8_t *pruned, int32_t *heap, int32_t last, size_t kept,
                         const float *row, size_t keys, vc_prune_ties ties);

#endif
