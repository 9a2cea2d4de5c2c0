/* Plans by what a command line calls them. */
#ifndef VC_OPEN_PLAN_H
#define VC_OPEN_PLAN_H

#include "vitcod/model.h"

/* `--plan none`: dense, whatever is inside the model's file. */
int cli_is_none(const char *plan);

/* Of the plan that a model runs on; empty without one. */
void cli_model_plan_hash(char text[VC_PLAN_HASH_TEXT], const vc_model *model);

#endif
