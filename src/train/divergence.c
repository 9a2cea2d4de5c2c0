#include <stdio.h>

#include "train_impl.h"

void vc__first_not_finite(char place[VC_PLACE_ROOM], const vc_model *model, const vc_acts *acts,
                          const vc_grads *grads)
{
    place[0] = '\0';
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        if (!vc_all_finite(model->values + p->offset, p->count)) {
            snprintf(place, VC_PLACE_ROOM, "in the parameter %s", p->name);
            return;
        }
    }
    if (vc_model_not_finite(place, model, acts))
        return;
    if (!vc_all_finite(acts->logits, acts->batch * vc_model_input_of(&model->config).outputs)) {
        snprintf(place, VC_PLACE_ROOM, "in the logits");
        return;
    }
    /* the backward pass computes the last ones first */
    for (size_t i = model->param_count; i-- > 0;) {
        const vc_param *p = &model->params[i];
        if (!vc_all_finite(grads->values + p->offset, p->count)) {
            snprintf(place, VC_PLACE_ROOM, "in the gradient of %s", p->name);
            return;
        }
    }
}
