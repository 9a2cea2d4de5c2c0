/* What `calibrate` says. */
#include <math.h>
#include <stdio.h>

#include "calibrate.h"
#include "vitcod/plural.h"

static const vc_field fields[] = {
    {VC_FIELD_LIST(calibrate_result, seen.broken, seen.broken_count, "broken_images", "",
                   "images that could not be read")},
    {VC_FIELD_INLINE(calibrate_result, coder, &cli_autoencoder_record),
     VC_WHEN(calibrate_result, makes_coder)},
    {VC_FIELD(calibrate_result, plan_left_out, "", "model whose plan is left out"), VC_KNOWN},
    {VC_FIELD(calibrate_result, sparsity, "",
              "share of attention that is pruned, the scores of summaries counted as kept"),
     VC_KNOWN},
    {VC_FIELD(calibrate_result, classes_seen, "", "classes that the dense model names")},
    {VC_FIELD(calibrate_result, images, "", "images to learn from")},
    {VC_FIELD(calibrate_result, held_back, "", "images to judge by")},
    {VC_FIELD_AS(calibrate_result, learnt.before.all.agreement, "agreement_before", "",
                 "share of images with the dense model's class, before learning"),
     VC_KNOWN},
    {VC_FIELD_AS(calibrate_result, learnt.before.all.divergence, "divergence_before", "nat",
                 "mean KL(dense || sparse), before learning"),
     VC_KNOWN},
    {VC_FIELD_AS(calibrate_result, learnt.before.all.distance, "distance_before", "",
                 "before learning, without classes: mean of 1 - cosine of the features; of poses: "
                 "of the joints' distance"),
     VC_KNOWN},
    {VC_FIELD_AS(calibrate_result, learnt.best.all.agreement, "agreement", "",
                 "share of images with the dense model's class"),
     VC_KNOWN},
    {VC_FIELD_AS(calibrate_result, learnt.best.all.divergence, "divergence", "nat",
                 "mean KL(dense || sparse)"),
     VC_KNOWN},
    {VC_FIELD_AS(calibrate_result, learnt.best.all.distance, "distance", "",
                 "without classes: mean of 1 - cosine of the features; of poses: of the joints' "
                 "distance"),
     VC_KNOWN},
    {VC_FIELD_RECORDS(calibrate_result, learnt.sources, learnt.source_count, "sources",
                      &vc_distill_source_record, "each --data")},
    {VC_FIELD_AS(calibrate_result, learnt.epochs, "epochs", "", "of all stages")},
    {VC_FIELD_AS(calibrate_result, learnt.best_epoch, "best_epoch", "", "0: before learning")},
    {VC_FIELD(calibrate_result, seconds, "s", "of learning")},
    {VC_FIELD(calibrate_result, peak_mib, "MiB", "most memory that was in use")},
    {VC_FIELD(calibrate_result, model, "", "file that was written")},
    {VC_FIELD_RECORDS(calibrate_result, learnt.log, learnt.epochs, "log", &vc_distill_epoch_record,
                      "every epoch")},
    {VC_FIELD(calibrate_result, plan, "", "file of the plan"), VC_KNOWN},
    {VC_FIELD(calibrate_result, plan_hash, "", "of the plan"), VC_KNOWN},
    {VC_FIELD(calibrate_result, residual, "", "what pruned entries count as: mean or none"),
     VC_KNOWN},
    {VC_FIELD(calibrate_result, rule, "", "of pruning"), VC_KNOWN},
    {VC_FIELD(calibrate_result, summaries, "", "blocks that keys are pooled to, by layer"),
     VC_KNOWN},
};
const vc_record calibrate_record = VC_RECORD("calibrate", calibrate_result, fields);

void calibrate_free(calibrate_result *result)
{
    cli_images_free(&result->seen);
    cli_autoencoder_free(&result->coder);
    vc_distilled_close(&result->learnt);
}

static void print_closeness(const vc_closeness *best, const vc_closeness *before, bool poses)
{
    if (isnan(best->divergence))
        printf("%s at a distance of %.4f from the dense model's (before learning %.4f)",
               poses ? "joints" : "features", best->distance, before->distance);
    else
        printf("agreement with the dense model %.1f %% (before learning %.1f %%), divergence %.4f "
               "(%.4f)",
               100.0 * best->agreement, 100.0 * before->agreement, best->divergence,
               before->divergence);
}

static void print_source(const vc_distill_source *s)
{
    printf("%s: %zu %s held back, ", s->path, s->held_back,
           vc_plural(s->held_back, "image", "images"));
    if (isnan(s->best.divergence))
        printf("distance %.4f (%.4f)\n", s->best.distance, s->before.distance);
    else
        printf("agreement %.1f %% (%.1f %%), divergence %.4f (%.4f)\n", 100.0 * s->best.agreement,
               100.0 * s->before.agreement, s->best.divergence, s->before.divergence);
}

void calibrate_print(const void *result)
{
    const calibrate_result *r = result;
    const vc_distilled *l = &r->learnt;
    for (size_t i = 0; l->source_count > 1 && i < l->source_count; i++)
        print_source(&l->sources[i]);
    printf("%s: ", r->model);
    print_closeness(&l->best.all, &l->before.all, r->poses);
    printf(", best after epoch %zu, %.0f s, peak %.0f MiB\n", l->best_epoch, r->seconds,
           r->peak_mib);
}
