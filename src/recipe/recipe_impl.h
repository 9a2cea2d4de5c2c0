/* Shared by the files of the recipe. */
#ifndef VC_RECIPE_IMPL_H
#define VC_RECIPE_IMPL_H

#include "vitcod/recipe.h"

/* VC_EINVAL or VC_EUNSUPPORTED for what would fail late. Sets `head_dim` and options.test
 * (recipe_check.c). */
vc_status vc__recipe_look_at_inputs(vc_recipe *recipe);

/* All options that the files depend on, as {"--option": value}. Threads and whether broken images
 * are left out are not among them (recipe_settings.c). */
vc_status vc__recipe_settings(json_t **out, const vc_recipe_options *options);

/* Lists the steps (recipe_steps.c). */
vc_status vc__recipe_list(vc_recipe *recipe);

/* Makes the folder, or checks that an existing one has the same settings. Nobody else can use it
 * until `lock` is closed (recipe_folder.c). */
vc_status vc__recipe_folder_open(int *lock, const vc_recipe *recipe);

/* Runs a step or, if its result exists, reads that; `ran` tells which (run_step.c). */
vc_status vc__recipe_run_step(json_t **out, int *ran, const vc_recipe_step *step,
                              const vc_recipe_options *options);

/* `done` (recipe->count) holds the results of the steps (recipe_summary.c). VC_EFORMAT where one of
 * them is not what a step prints. */
vc_status vc__recipe_summarize(vc_recipe_summary *out, const vc_recipe *recipe,
                               json_t *const *done);

#endif
