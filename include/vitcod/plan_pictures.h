/* Pictures of masks, and of the plans made from them. */
#ifndef VITCOD_PLAN_PICTURES_H
#define VITCOD_PLAN_PICTURES_H

#include "vitcod/mask.h"
#include "vitcod/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For each group of layers DIR/mask.png and DIR/mask-polarized.png, or with a group's name
 * DIR/mask-dpt0.png and so on; makes the directory. The plan's layers are those of the masks, in
 * their order. */
vc_status vc_plan_pictures(const char *directory, const vc_mask_set *set, const vc_plan *plan);

#ifdef __cplusplus
}
#endif

#endif
