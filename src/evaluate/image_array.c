#include "vitcod/image_array.h"

#include <string.h>

static vc_status check_images(const vc_tensor *x, const char *path, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config), *c = &input;
    const size_t wanted[] = {x->shape[0], c->channels, c->height, c->width};
    char found[VC_SHAPE_TEXT], text[VC_SHAPE_TEXT];
    if (!vc_tensor_has(x, VC_F32, 4, wanted) || x->shape[0] == 0)
        return vc_fail(VC_EINVAL, "%s: %s %s, wanted normalised images F32 (N, %s", path,
                       vc_dtype_name(x->dtype), vc_shape_text(found, x->rank, x->shape),
                       vc_shape_text(text, 3, wanted + 1) + 1);
    return vc_tensor_check_finite(x, path, "images");
}

vc_status vc_image_array_open(vc_npy *out, const char *path, const vc_model *model)
{
    VC_TRY(vc_npy_open(out, path));
    const vc_status status = check_images(&out->tensor, path, model);
    if (status != VC_OK)
        vc_npy_close(out);
    return status;
}

vc_status vc_run_images(float *logits, const vc_runner *runner, const vc_model *model,
                        const float *images, size_t count)
{
    const size_t values = vc_model_image_values(&model->config),
                 outputs = vc_model_input_of(&model->config).outputs;
    for (size_t done = 0; done < count; done += runner->batch) {
        const size_t n = count - done < runner->batch ? count - done : runner->batch;
        const float *some;
        VC_TRY(runner->run(runner->context, &some, images + done * values, n));
        if (logits)
            memcpy(logits + done * outputs, some, n * outputs * sizeof *logits);
    }
    return VC_OK;
}
