/* Shared inside the plan room. */
#ifndef VC_PLAN_IMPL_H
#define VC_PLAN_IMPL_H

#include "vitcod/plan.h"

/* Allocates a layer's arrays for `kept` entries; on failure vc_plan_close frees what is there. */
vc_status vc__plan_layer_open(vc_plan_layer *out, size_t heads, size_t queries, size_t keys,
                              size_t kept);

#endif
