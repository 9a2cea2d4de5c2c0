/* What a checkpoint says about itself. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"

/* Tensors that are no parameters, by the last part of their names: BatchNorm's counter, LeViT's
 * table of offsets, ViTCoD's statistics. */
int vc__is_buffer(const char *name)
{
    static const char *const buffers[] = {"num_batches_tracked", "attention_bias_idxs",
                                          "attention_sum", "num_attention"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof buffers / sizeof *buffers; i++)
        if (strcmp(dot + 1, buffers[i]) == 0)
            return 1;
    return 0;
}

vc_status vc__find_shape(const size_t **shape, const vc_tensor_file *file, const char *name,
                         size_t rank)
{
    const vc_tensor *tensor = vc_tensor_file_find(file, name);
    char text[VC_SHAPE_TEXT];
    if (!tensor)
        return vc_fail(VC_EFORMAT, "%s: no tensor '%s'", vc_tensor_file_path(file), name);
    if (tensor->rank != rank)
        return vc_fail(VC_EFORMAT, "%s: '%s' is %s, wanted rank %zu", vc_tensor_file_path(file),
                       name, vc_shape_text(text, tensor->rank, tensor->shape), rank);
    *shape = tensor->shape;
    return VC_OK;
}

size_t vc__side_of(size_t tokens)
{
    return (size_t)ceil(sqrt((double)tokens));
}

vc_status vc__read_count(size_t *out, const vc_tensor_file *file, const char *key)
{
    const char *text = vc_tensor_file_metadata(file, key);
    if (!text)
        return VC_OK;
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > 1 << 20)
        return vc_fail(VC_EFORMAT, "%s: metadata '%s' is '%s', wanted a count",
                       vc_tensor_file_path(file), key, text);
    *out = value;
    return VC_OK;
}

/* "0.2860 0.1307 0.3081": one number per channel. */
vc_status vc__read_channels(float *out, const vc_tensor_file *file, const char *key,
                            size_t channels)
{
    const char *text = vc_tensor_file_metadata(file, key);
    if (!text)
        return VC_OK;
    const char *at = text;
    for (size_t c = 0; c < channels; c++) {
        char *end;
        out[c] = strtof(at, &end);
        if (end == at || !isfinite(out[c]) || (c + 1 == channels && end[strspn(end, " ")] != '\0'))
            return vc_fail(VC_EFORMAT, "%s: metadata '%s' is '%s', wanted %zu numbers",
                           vc_tensor_file_path(file), key, text, channels);
        at = end;
    }
    return VC_OK;
}

/* ImageNet's for colour, as in timm; else 0.5. */
void vc__default_normalisation(float *mean, float *std, size_t channels)
{
    static const float imagenet[2][3] = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    for (size_t c = 0; c < channels; c++) {
        mean[c] = channels == 3 ? imagenet[0][c] : 0.5f;
        std[c] = channels == 3 ? imagenet[1][c] : 0.5f;
    }
}

vc_status vc__read_normalisation(float *mean, float *std, const vc_tensor_file *file,
                                 size_t channels)
{
    vc__default_normalisation(mean, std, channels);
    VC_TRY(vc__read_channels(mean, file, "input_mean", channels));
    VC_TRY(vc__read_channels(std, file, "input_std", channels));
    for (size_t c = 0; c < channels; c++)
        if (!(std[c] > 0.0f))
            return vc_fail(VC_EFORMAT, "%s: metadata 'input_std' holds %g, wanted above 0",
                           vc_tensor_file_path(file), (double)std[c]);
    return VC_OK;
}
