/* Plans by what a command line calls them. */
#ifndef VC_OPEN_PLAN_H
#define VC_OPEN_PLAN_H

#include "vitcod/json.h"
#include "vitcod/model.h"

/* `--plan none`: dense, whatever is inside the model's file. */
int cli_is_none(const char *plan);

/* Global tokens by layer and head, what is kept where, threshold and hash. */
json_t *cli_plan_json(const vc_plan *plan);

/* Of the plan that a model runs on; empty without one. */
void cli_model_plan_hash(char text[VC_PLAN_HASH_TEXT], const vc_model *model);

/* Adds "plan_hash". */
void cli_add_plan_hash(json_t *result, const vc_plan *plan);

#endif
