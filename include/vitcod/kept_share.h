/* How much of a row's attention its kept entries hold: what the residual (residual.h) weighs by. */
#ifndef VITCOD_KEPT_SHARE_H
#define VITCOD_KEPT_SHARE_H

#include "vitcod/plan.h"
#include "vitcod/prune.h"

/* Gives the plan its shares: sum of a row's kept averaged attention over the sum of the row, at most 1; a row of
 * zeros has 1. `maps` hold attention, group after group as the plan's layers are. VC_EINVAL when the shapes
 * differ; `path` names the maps in messages. */
vc_status vc_plan_add_kept_shares(vc_plan *plan, const vc_maps *maps, size_t count,
                                  const char *path);

#endif
