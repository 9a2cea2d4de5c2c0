/* Averaged attention beside a plan made from it. */
#ifndef VC_MAPS_OF_PLAN_H
#define VC_MAPS_OF_PLAN_H

#include "vitcod/maps.h"
#include "vitcod/plan.h"

/* VC_EINVAL unless the maps, group after group, have the shapes of the plan's layers. */
vc_status vc__maps_fit_plan(const vc_plan *plan, const vc_maps *maps, size_t count,
                            const char *path);

#endif
