#include "vitcod/equalize.h"

#include <math.h>
#include <stdlib.h>

vc_status vc_channel_range_open(vc_channel_range *out, const vc_model *model)
{
    const size_t norms = vc_model_norms(&model->config);
    *out = (vc_channel_range){0};
    if (norms == 0)
        return vc_fail(VC_EUNSUPPORTED, "a %s has no LayerNorm to even out channels with",
                       vc_model_family(&model->config));
    for (size_t n = 0; n < norms; n++) {
        const size_t width = vc_model_norm(model, NULL, n).width;
        out->width = width > out->width ? width : out->width;
    }
    out->norms = norms;
    out->largest = calloc(norms * out->width, sizeof *out->largest);
    return out->largest ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

void vc_channel_range_close(vc_channel_range *range)
{
    free(range->largest);
    *range = (vc_channel_range){0};
}

static void raise(float *largest, const vc_rows *x, size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < x->width; i++)
            largest[i] = fmaxf(largest[i], fabsf(x->data[r * x->stride + i]));
}

void vc_channel_range_add(vc_channel_range *range, const vc_acts *acts, const vc_model *model,
                          size_t batch)
{
    for (size_t n = 0; n < range->norms; n++) {
        const vc_rows x = vc_model_norm(model, acts, n).output;
        raise(range->largest + n * range->width, &x, batch * x.tokens);
    }
}

static vc_status observe(void *context, const float **logits, const float *images, size_t count)
{
    const vc_observing_pass *pass = context;
    vc_model_forward(pass->acts, pass->model, images, count, NULL);
    vc_channel_range_add(pass->range, pass->acts, pass->model, count);
    *logits = pass->acts->logits;
    return VC_OK;
}

vc_runner vc_observing_runner(vc_observing_pass *pass)
{
    return (vc_runner){observe, pass, pass->acts->batch};
}

/* gain, shift (width), weight (outputs, width) behind it */
static void even_out(float *gain, float *shift, float *weight, size_t outputs, size_t width,
                     const float *largest)
{
    for (size_t i = 0; i < width; i++) {
        float most = 0.0f;
        for (size_t o = 0; o < outputs; o++)
            most = fmaxf(most, fabsf(weight[o * width + i]));
        if (!(most > 0.0f && largest[i] > 0.0f))
            continue;
        const float factor = sqrtf(largest[i] / most);
        gain[i] /= factor;
        shift[i] /= factor;
        for (size_t o = 0; o < outputs; o++)
            weight[o * width + i] *= factor;
    }
}

void vc_model_equalize(vc_model *model, const vc_channel_range *range)
{
    for (size_t n = 0; n < range->norms; n++) {
        const vc_model_norm_view norm = vc_model_norm(model, NULL, n);
        even_out(norm.gain, norm.shift, norm.weight, norm.outputs, norm.width,
                 range->largest + n * range->width);
    }
}
