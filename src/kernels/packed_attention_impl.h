/* Shared by the files that make a pattern ready for inference. */
#ifndef VC_PACKED_ATTENTION_IMPL_H
#define VC_PACKED_ATTENTION_IMPL_H

#include "vitcod/packed_attention.h"

/* Groups the rows of a head. Unless `fills`, only the counts of `out` are set, by which its
 * arrays are allocated. */
vc_status vc__make_groups(vc_row_groups *out, const vc_pattern_head *head, size_t queries,
                          size_t keys, int fills);
/* Whether counted groups cost less than row by row. */
int vc__groups_pay(const vc_row_groups *groups, const vc_pattern_head *head, size_t queries,
                   const vc_split_costs *costs);

#endif
