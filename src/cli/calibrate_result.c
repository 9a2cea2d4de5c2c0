/* What `calibrate` says. */
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
                 "share of images with the dense model's class, before learning")},
    {VC_FIELD_AS(calibrate_result, learnt.before.all.divergence, "divergence_before", "nat",
                 "mean KL(dense || sparse), before learning")},
    {VC_FIELD_AS(calibrate_result, learnt.best.all.agreement, "agreement", "",
                 "share of images with the dense model's class")},
    {VC_FIELD_AS(calibrate_result, learnt.best.all.divergence, "divergence", "nat",
                 "mean KL(dense || sparse)")},
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

void calibrate_print(const void *result)
{
    const calibrate_result *r = result;
    const vc_distilled *l = &r->learnt;
    for (size_t i = 0; l->source_count > 1 && i < l->source_count; i++)
        printf("%s: %zu %s held back, agreement %.1f %% (%.1f %%), divergence %.4f (%.4f)\n",
               l->sources[i].path, l->sources[i].held_back,
               vc_plural(l->sources[i].held_back, "image", "images"),
               100.0 * l->sources[i].best.agreement, 100.0 * l->sources[i].before.agreement,
               l->sources[i].best.divergence, l->sources[i].before.divergence);
    printf("%s: agreement with the dense model %.1f %% (before learning %.1f %%), divergence %.4f "
           "(%.4f), best after epoch %zu, %.0f s, peak %.0f MiB\n",
           r->model, 100.0 * l->best.all.agreement, 100.0 * l->before.all.agreement,
           l->best.all.divergence, l->before.all.divergence, l->best_epoch, r->seconds,
           r->peak_mib);
}
