/* Shared inside the recipe room. */
#ifndef VC_RECIPE_IMPL_H
#define VC_RECIPE_IMPL_H

#include "vitcod/recipe.h"

/* VC_EINVAL or VC_EUNSUPPORTED for what would fail late; fills in `head_dim` and options.test
 * (recipe_check.c). */
vc_status vc__recipe_look_at_inputs(vc_recipe *recipe);

/* All options that the files depend on, as {"--option": value}: not threads, nor whether broken images
 * are allowed (recipe_settings.c). */
vc_status vc__recipe_settings(json_t **out, const vc_recipe_options *options);

/* Lists the steps (recipe_steps.c). */
vc_status vc__recipe_list(vc_recipe *recipe);

/* Makes the folder, or looks whether it is of the same settings; nobody else works in it until `lock`
 * is closed (recipe_folder.c). */
vc_status vc__recipe_folder_open(int *lock, const vc_recipe *recipe);

/* Runs a step, or, where its result is there, reads that: `ran` tells (run_step.c). */
vc_status vc__recipe_run_step(json_t **out, int *ran, const vc_recipe_step *step,
                              const vc_recipe_options *options);

/* Adds the summary to a result; `done` (recipe->count) is what the steps printed (recipe_summary.c). */
void vc__recipe_summarize(json_t *result, const vc_recipe *recipe, json_t *const *done);

#endif
