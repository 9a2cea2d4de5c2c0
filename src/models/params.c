#include "model_impl.h"

void vc_model_forget(const vc_model *model, const float *values, size_t count)
{
    for (size_t i = 0; i < 2; i++)
        if (model->files[i])
            vc_tensor_file_forget(model->files[i], values, count * sizeof *values);
}

void vc__walk_param(vc__walk *w, float **member, const vc_param *param)
{
    vc_param made = *param;
    made.offset = w->value_count;
    made.count = 1;
    for (size_t i = 0; i < made.rank; i++)
        made.count *= made.shape[i];
    float *data = NULL;
    if (w->values)
        data = w->values + made.offset;
    else if (w->bind_params)
        data = w->params[w->param_count].data;
    made.data = data;
    if (w->params)
        w->params[w->param_count] = made;
    if (member)
        *member = data;
    w->param_count++;
    /* Whole cache lines, so that every parameter is aligned. */
    w->value_count += (made.count + 15) / 16 * 16;
}
