/* Shared inside the plan room: what a layer consists of. */
#ifndef VC_PLAN_IMPL_H
#define VC_PLAN_IMPL_H

#include "vitcod/pattern.h"
#include "vitcod/plan.h"
#include "vitcod/tensor.h"

/* Sizes that a layer's arrays are made of. */
typedef enum vc__plan_size {
    VC__HEADS,
    VC__QUERIES,
    VC__KEYS,
    VC__COLUMN_STARTS, /* keys + 1 */
    VC__KEPT,
} vc__plan_size;

typedef struct vc__plan_member {
    const char *name; /* in files */
    vc_dtype dtype;
    size_t offset; /* of the pointer in vc_plan_layer */
    size_t rank;
    vc__plan_size sizes[2];
    int optional; /* NULL, and no tensor, in plans without it */
} vc__plan_member;

/* In the order of files; allocation, release, copies and files follow this table. */
enum {
    VC__QUERY_ORDER,
    VC__KEY_ORDER,
    VC__GLOBAL_TOKENS,
    VC__COLUMN_START,
    VC__ROWS,
    VC__KEPT_SHARE,
    VC__PLAN_MEMBERS
};
extern const vc__plan_member vc__plan_members[VC__PLAN_MEMBERS];

/* A layer's array, its data NULL where it has none. */
vc_tensor vc__plan_array(const vc_plan_layer *layer, const vc__plan_member *member, size_t kept);
vc_status vc__plan_array_open(vc_plan_layer *layer, const vc__plan_member *member, size_t kept);

/* Allocates the arrays that every layer has; on failure vc_plan_close frees what is there. */
vc_status vc__plan_layer_open(vc_plan_layer *out, size_t heads, size_t queries, size_t keys,
                              size_t kept);

/* Entries that all heads keep together. */
size_t vc__plan_layer_kept(const vc_plan_layer *layer);

/* Every index of a layer whose arrays have their sizes. `prefix` is that of its names in the file.
 */
vc_status vc__plan_layer_check(const vc_plan_layer *layer, size_t kept, const char *path,
                               const char *prefix, size_t index);

/* inside (Tk): whether a column stands in the panel that makes a head cheapest. Of columns that
 * keep as many, those that come first in `sequence` go first. */
vc_status vc__choose_panel(uint8_t *inside, const int32_t *column_start, const int32_t *sequence,
                           size_t queries, size_t keys, const vc_split_costs *costs);

#endif
