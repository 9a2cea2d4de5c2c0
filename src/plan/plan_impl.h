/* Shared by the files of plans: the members of a layer. */
#ifndef VC_PLAN_IMPL_H
#define VC_PLAN_IMPL_H

#include "vitcod/pattern.h"
#include "vitcod/plan.h"
#include "vitcod/tensor.h"

/* The sizes of the arrays of a layer. */
typedef enum vc__plan_size {
    VC__HEADS,
    VC__QUERIES,
    VC__KEYS,
    VC__COLUMN_STARTS, /* keys + 1 */
    VC__KEPT,
    VC__SUMMARIES,
    VC__POOL_STARTS, /* summaries + 1 */
    VC__POOLED,
    VC__POOL_DIM,
} vc__plan_size;

typedef struct vc__plan_member {
    const char *name; /* in files */
    vc_dtype dtype;
    size_t offset; /* of the pointer in vc_plan_layer */
    size_t rank;
    vc__plan_size sizes[3];
    int optional; /* 1: NULL, and no tensor, in plans without it */
} vc__plan_member;

/* The members in the order of files. Allocation, release, copies and files follow this table. */
enum {
    VC__QUERY_ORDER,
    VC__KEY_ORDER,
    VC__GLOBAL_TOKENS,
    VC__COLUMN_START,
    VC__ROWS,
    VC__KEPT_SHARE,
    VC__POOL_START,
    VC__POOL_KEYS,
    VC__POOL_WEIGHTS,
    VC__POOL_QUERY,
    VC__SUMMARY_BIAS,
    VC__PLAN_MEMBERS
};
extern const vc__plan_member vc__plan_members[VC__PLAN_MEMBERS];

/* An array of a layer; its data is NULL if the layer does not have it. */
vc_tensor vc__plan_array(const vc_plan_layer *layer, const vc__plan_member *member, size_t kept);
vc_status vc__plan_array_open(vc_plan_layer *layer, const vc__plan_member *member, size_t kept);

/* Allocates the arrays that every layer has. On failure vc_plan_close frees what was allocated. */
vc_status vc__plan_layer_open(vc_plan_layer *out, size_t heads, size_t queries, size_t keys,
                              size_t kept);

/* The order (heads, tokens) of tokens where they are. */
void vc__number_tokens(int32_t *order, size_t heads, size_t tokens);

/* Copies the members that a layer need not have. */
vc_status vc__plan_copy_optional(vc_plan_layer *out, const vc_plan_layer *layer);

/* The number of entries that all heads keep together. */
size_t vc__plan_layer_kept(const vc_plan_layer *layer);

/* Checks a layer's pooling and summary bias, which have the right sizes; messages name it. */
vc_status vc__plan_summaries_check(const vc_plan_layer *layer, const char *path, const char *name);

/* Checks every index of a layer whose arrays have the right sizes. `prefix` is that of names in the
 * file. */
vc_status vc__plan_layer_check(const vc_plan_layer *layer, size_t kept, const char *path,
                               const char *prefix, size_t index);

/* inside (Tk) becomes 1 for columns in the panel that makes a head cheapest. Of columns that keep
 * equally many entries, the ones that come first in `sequence` are preferred. `summaries` more
 * columns are in the panel whatever it costs. */
vc_status vc__choose_panel(uint8_t *inside, const int32_t *column_start, const int32_t *sequence,
                           size_t queries, size_t keys, size_t summaries,
                           const vc_split_costs *costs);

#endif
