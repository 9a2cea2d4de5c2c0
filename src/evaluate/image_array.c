#include "vitcod/image_array.h"

#include <stdlib.h>
#include <string.h>

#include "vitcod/file_kind.h"
#include "vitcod/loss.h"

static vc_status check_images(const vc_tensor *x, const char *path, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config), *c = &input;
    const size_t wanted[] = {x->shape[0], c->channels, c->height, c->width};
    char found[VC_SHAPE_TEXT], text[VC_SHAPE_TEXT];
    const int fits = vc_tensor_has(x, VC_F32, 4, wanted) && x->shape[0] > 0;
    const vc_file_kind kind = fits ? VC_FILE_OTHER : vc_file_kind_of(path);
    if (kind == VC_FILE_MASK || kind == VC_FILE_MAPS)
        VC_TRY(vc_file_refuse_path(path, "normalised images"));
    if (!fits)
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

vc_status vc_tap_images(const vc_model *model, const float *images, size_t count, size_t batch,
                        const vc_tap *tap)
{
    vc_acts acts;
    VC_TRY(vc_acts_open(&acts, model, batch, 0));
    vc_forward_pass pass = {&acts, model, tap};
    const vc_runner runner = vc_forward_runner(&pass);
    const vc_status status = vc_run_images(NULL, &runner, model, images, count);
    vc_acts_close(&acts);
    return status;
}

vc_status vc_images_reconstruction(double *out, const vc_model *model, const float *images,
                                   size_t count)
{
    vc_acts acts;
    VC_TRY(vc_acts_open(&acts, model, count, 0));
    vc_model_forward(&acts, model, images, count, NULL);
    *out = vc_model_reconstruction(&acts, model);
    vc_acts_close(&acts);
    return VC_OK;
}

vc_status vc_first_classes(size_t **out, const float *logits, size_t count, size_t classes)
{
    *out = malloc(count * sizeof **out);
    if (!*out)
        return vc_fail(VC_ENOMEM, "out of memory for %zu images", count);
    for (size_t i = 0; i < count; i++)
        (*out)[i] = (size_t)vc_first_class(logits + i * classes, classes);
    return VC_OK;
}
