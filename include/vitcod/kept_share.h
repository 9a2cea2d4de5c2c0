/* How much of a row's attention its kept entries hold: the weight that the residual uses
 * (residual.h). */
#ifndef VITCOD_KEPT_SHARE_H
#define VITCOD_KEPT_SHARE_H

#include "vitcod/plan.h"
#include "vitcod/prune.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Gives the plan its kept shares: the sum of a row's averaged attention over the kept entries
 * divided by its sum over all, at most 1; a row of zeros has 1. `maps` hold the attention, group by
 * group in the order of the plan's layers. VC_EINVAL when the shapes differ; `path` names the maps
 * in messages. */
vc_status vc_plan_add_kept_shares(vc_plan *plan, const vc_maps *maps, size_t count,
                                  const char *path);

#ifdef __cplusplus
}
#endif

#endif
