#include "vitcod/token_accuracy.h"

#include <math.h>
#include <stdlib.h>

#include "vitcod/loss.h"

static vc_status open_both(vc_token_accuracy *a, size_t batch)
{
    a->logits = malloc(batch * vc_model_input_of(&a->model->config).outputs * sizeof *a->logits);
    if (!a->logits)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", batch);
    VC_TRY(vc_token_pass_open(&a->pass, a->model, &a->how));
    return vc_acts_open(&a->dense, a->model, batch, 0);
}

vc_status vc_token_accuracy_open(vc_token_accuracy *out, const vc_model *model,
                                 const vc_token_reduction *how, size_t batch)
{
    *out = (vc_token_accuracy){.how = *how, .model = model};
    const vc_status status = open_both(out, batch);
    if (status != VC_OK)
        vc_token_accuracy_close(out);
    return status;
}

void vc_token_accuracy_close(vc_token_accuracy *accuracy)
{
    vc_token_pass_close(accuracy->pass);
    vc_acts_close(&accuracy->dense);
    free(accuracy->logits);
    *accuracy = (vc_token_accuracy){0};
}

static vc_status run_both(void *context, const float **logits, const float *images, size_t count)
{
    vc_token_accuracy *a = context;
    const size_t classes = vc_model_input_of(&a->model->config).outputs;
    vc_token_pass_run(a->pass, a->logits, images, count);
    vc_model_forward(&a->dense, a->model, images, count, NULL);
    for (size_t i = 0; i < count; i++)
        a->same += vc_first_class(a->logits + i * classes, classes) ==
                   vc_first_class(a->dense.logits + i * classes, classes);
    a->divergence +=
        (double)count * vc_distillation(NULL, a->logits, a->dense.logits, count, classes, 1.0, 1.0);
    a->images += count;
    *logits = a->logits;
    return VC_OK;
}

vc_runner vc_token_accuracy_runner(vc_token_accuracy *accuracy)
{
    return (vc_runner){run_both, accuracy, accuracy->dense.batch};
}

/* ---- as results have it */

static const vc_field fields[] = {
    {VC_FIELD(vc_token_result, rule, "", "how tokens are reduced: prune or merge")},
    {VC_FIELD(vc_token_result, keep, "", "share of the patches' tokens that the last layer has")},
    {VC_FIELD_LIST(vc_token_result, tokens, layers, "layer_tokens", "",
                   "tokens of each layer's attention, class tokens included")},
    {VC_FIELD(vc_token_result, macs, "MAC", "of an image, with what merging needs to choose")},
    {VC_FIELD(vc_token_result, macs_share, "", "of the MACs with all tokens")},
    {VC_FIELD(vc_token_result, scores_share, "", "of attention's scores with all tokens")},
    {VC_FIELD(vc_token_result, same_class_percent, "%", "images with the class of all tokens")},
    {VC_FIELD(vc_token_result, divergence, "nat", "mean KL(all tokens || fewer) of the logits")},
};
const vc_record vc_token_result_record = VC_RECORD("tokens", vc_token_result, fields);

vc_token_result vc_token_result_of(const vc_token_accuracy *a)
{
    const vc_token_schedule *s = vc_token_pass_schedule(a->pass);
    return (vc_token_result){.rule = a->how.rule,
                             .keep = a->how.keep,
                             .tokens = s->tokens,
                             .layers = s->layers,
                             .macs = s->macs,
                             .macs_share = (double)s->macs / (double)s->dense_macs,
                             .scores_share = s->scores_share,
                             .same_class_percent = 100.0 * (double)a->same / (double)a->images,
                             .divergence = a->divergence / (double)a->images};
}
