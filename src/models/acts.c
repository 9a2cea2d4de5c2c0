#include <stdlib.h>

#include "model_impl.h"
#include "vitcod/threads.h"

static void place_acts(vc_acts *acts, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    acts->logits = vc_arena_floats(&acts->arena, acts->batch * input.outputs);
    acts->scratch = vc_arena_floats(&acts->arena, vc_model_attention_scratch(model, 0) *
                                                      (size_t)vc_threads_count());
    acts->distances =
        vc_arena_take(&acts->arena, 2 * vc_model_layers(&model->config) * sizeof(double));
    model->config.family->place(acts, model);
}

vc_status vc_acts_open(vc_acts *out, const vc_model *model, size_t batch, vc_keep keep)
{
    char those[VC_FAMILIES_TEXT];
    *out = (vc_acts){.batch = batch, .keep = keep};
    if (keep > VC_KEEP_ALL && !vc_model_can(&model->config, VC_ABILITY_MAKES_AGAIN))
        return vc_fail(
            VC_EUNSUPPORTED, "only %s makes activations again to keep fewer of them, this is a %s",
            vc_families_that_can(those, VC_ABILITY_MAKES_AGAIN), vc_model_family(&model->config));
    place_acts(out, model);
    VC_TRY(vc_arena_reserve(&out->arena));
    place_acts(out, model);
    return VC_OK;
}

void vc_acts_close(vc_acts *acts)
{
    vc_arena_close(&acts->arena);
    *acts = (vc_acts){0};
}

const float *vc_acts_branch(const vc_acts *acts, size_t layer, size_t branch)
{
    return acts->branches ? acts->branches + (2 * layer + branch) * acts->batch : NULL;
}
