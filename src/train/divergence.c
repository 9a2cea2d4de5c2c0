#include <math.h>
#include <stdio.h>

#include "train_impl.h"

static int is_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return 0;
    return 1;
}

/* In the order of the forward pass. */
static int find_in_deit(char *place, const vc_model *model, const vc_acts *acts)
{
    const vc_deit_config *c = &model->config.deit;
    const size_t values = acts->batch * vc_deit_tokens(c) * c->width;
    for (size_t l = 0; l < c->depth; l++) {
        const vc_layer_acts *a = &acts->deit.layers[l];
        const char *what = !is_finite(a->input, values)       ? "takes"
                           : !is_finite(a->qkv, 3 * values)   ? "makes of Q, K and V"
                           : !is_finite(a->attention, values) ? "attends to"
                           : !is_finite(a->middle, values)    ? "gives to its MLP"
                                                              : NULL;
        if (what) {
            snprintf(place, VC__PLACE_ROOM, "in what block %zu %s", l, what);
            return 1;
        }
    }
    return 0;
}

void vc__first_not_finite(char place[VC__PLACE_ROOM], const vc_model *model, const vc_acts *acts,
                          const vc_grads *grads)
{
    place[0] = '\0';
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        if (!is_finite(model->values + p->offset, p->count)) {
            snprintf(place, VC__PLACE_ROOM, "in the parameter %s", p->name);
            return;
        }
    }
    if (model->config.architecture == VC_DEIT && find_in_deit(place, model, acts))
        return;
    if (!is_finite(acts->logits, acts->batch * vc_model_input_of(&model->config).classes)) {
        snprintf(place, VC__PLACE_ROOM, "in the logits");
        return;
    }
    for (size_t i = model->param_count; i-- > 0;) { /* the last come first */
        const vc_param *p = &model->params[i];
        if (!is_finite(grads->values + p->offset, p->count)) {
            snprintf(place, VC__PLACE_ROOM, "in the gradient of %s", p->name);
            return;
        }
    }
}
