/* In which order a head keeps its entries. */
#ifndef VC_ENTRY_ORDER_H
#define VC_ENTRY_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/status.h"

/* order (Tq * Tk): entries with most of the map (Tq, Tk) first, but before them those that are
 * always kept, whose number is returned in *forced: rows and columns of the first
 * `prefix_tokens` tokens or, without them, the highest of each row. Of equal ones the first. */
vc_status vc__entry_order(int32_t *order, size_t *forced, const float *map, size_t queries,
                          size_t keys, size_t prefix_tokens);

#endif
