/* A model for other classes. */
#include <string.h>

#include "model_impl.h"

static const vc_param *find_param(const vc_model *model, const vc_param *like)
{
    for (size_t i = 0; i < model->param_count; i++)
        if (strcmp(model->params[i].name, like->name) == 0)
            return &model->params[i];
    return NULL;
}

static void take_parameters(vc_model *out, const vc_model *from)
{
    for (size_t i = 0; i < out->param_count; i++) {
        const vc_param *to = &out->params[i], *own = find_param(from, to);
        if (own && own->rank == to->rank &&
            memcmp(own->shape, to->shape, to->rank * sizeof *to->shape) == 0)
            memcpy(to->data, own->data, to->count * sizeof *to->data);
    }
}

static vc_status take_restriction(vc_model *out, vc_model *from)
{
    vc_restriction *r = from->restriction;
    if (!r)
        return VC_OK;
    vc__refresh_summaries(from);
    VC_TRY(vc__take_restriction(out, r));
    from->restriction = NULL;
    return VC_OK;
}

vc_status vc_model_with_classes(vc_model **out, vc_model *from, size_t classes, uint64_t seed)
{
    vc_model_config config = from->config;
    vc_model_input input = vc_model_input_of(&config);
    input.classes = classes;
    VC_TRY(vc_model_set_input(&config, &input));
    VC_TRY(vc_model_create(out, &config, seed));
    take_parameters(*out, from);
    vc_status status = vc__model_finish(*out);
    if (status == VC_OK)
        status = take_restriction(*out, from);
    if (status == VC_OK)
        return VC_OK;
    vc_model_close(*out);
    *out = NULL;
    return status;
}
