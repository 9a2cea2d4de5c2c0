#include <math.h>
#include <stdio.h>

#include "learner.h"

int vc__is_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return 0;
    return 1;
}

void vc__first_not_finite(char place[VC__PLACE_ROOM], const vc_model *model, const vc_acts *acts,
                          const vc_grads *grads)
{
    place[0] = '\0';
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *p = &model->params[i];
        if (!vc__is_finite(model->values + p->offset, p->count)) {
            snprintf(place, VC__PLACE_ROOM, "in the parameter %s", p->name);
            return;
        }
    }
    if (vc__learner_of(model)->find(place, model, acts))
        return;
    if (!vc__is_finite(acts->logits, acts->batch * vc_model_input_of(&model->config).classes)) {
        snprintf(place, VC__PLACE_ROOM, "in the logits");
        return;
    }
    for (size_t i = model->param_count; i-- > 0;) { /* the last come first */
        const vc_param *p = &model->params[i];
        if (!vc__is_finite(grads->values + p->offset, p->count)) {
            snprintf(place, VC__PLACE_ROOM, "in the gradient of %s", p->name);
            return;
        }
    }
}
