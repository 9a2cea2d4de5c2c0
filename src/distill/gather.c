/* Statistics from a model and images: averaged, and measured where a recipe wants it. */
#include <unistd.h>

#include "vitcod/distill.h"

/* `images` is the number of those that were to be looked at. */
static vc_status average(vc_statistics *out, size_t *images, const vc_model *model,
                         vc_source *source, const vc_plan_recipe *recipe, const vc_look *how)
{
    const size_t count = vc_source_count(source), most = recipe->images;
    vc_dense_stats stats;
    vc_source *looked;
    vc_seen seen;
    VC_TRY(vc_source_spread(&looked, source, most > 0 && most < count ? most : count));
    *images = vc_source_count(looked);
    vc_status status = vc_dense_stats_open(&stats, model, how->batch, vc_plan_recipe_weighs(recipe),
                                           recipe->residual);
    if (status == VC_OK)
        status = vc_plan_recipe_summarize(&stats, recipe, source, how);
    if (status == VC_OK)
        status = vc_dense_look(&stats, &seen, model, looked, how);
    if (status == VC_OK)
        status = vc_dense_stats_finish(out, &stats, &seen);
    vc_dense_stats_close(&stats);
    vc_source_close(looked);
    return status;
}

static vc_status go_on(vc_statistics *out, const vc_model *model, const vc_statistics_keep *keep)
{
    VC_TRY(vc_statistics_read(out, keep->path, keep->settings));
    if (out->model_hash == vc_model_hash(model))
        return VC_OK;
    vc_statistics_close(out);
    return vc_fail(VC_EINVAL, "%s: was begun with another model, which had other weights",
                   keep->path);
}

static vc_status gather(vc_statistics *out, const vc_model *model, vc_source *source,
                        const vc_plan_recipe *recipe, const vc_statistics_keep *keep,
                        const vc_look *how)
{
    const int measures = vc_plan_recipe_measures(recipe);
    size_t images = 0;
    if (measures)
        VC_TRY(vc_measure_heads_check(model));
    if (measures && keep && keep->path && keep->resume && access(keep->path, F_OK) == 0) {
        VC_TRY(go_on(out, model, keep));
    } else {
        VC_TRY(average(out, &images, model, source, recipe, how));
        /* Whoever goes on would not hear of the broken ones. */
        if (out->seen.images != images)
            keep = NULL;
        out->curve_images = !measures                  ? 0
                            : recipe->curve_images > 0 ? recipe->curve_images
                                                       : VC_CURVE_IMAGES;
    }
    return measures && !out->measured ? vc_measure_heads(out, model, source, keep, how) : VC_OK;
}

vc_status vc_statistics_gather(vc_statistics *out, const vc_model *model, vc_source *source,
                               const vc_plan_recipe *recipe, const vc_statistics_keep *keep,
                               const vc_look *how)
{
    *out = (vc_statistics){0};
    const vc_status status = gather(out, model, source, recipe, keep, how);
    if (status != VC_OK)
        vc_statistics_close(out);
    return status;
}
