#include "vitcod/equalize.h"

#include <math.h>
#include <stdlib.h>

vc_status vc_channel_range_open(vc_channel_range *out, const vc_model *model)
{
    const vc_deit_config *c = &model->config.deit;
    *out = (vc_channel_range){0};
    if (model->config.architecture != VC_DEIT)
        return vc_fail(VC_EUNSUPPORTED, "a %s has no LayerNorm to even out channels with",
                       vc_architecture_name(model->config.architecture));
    out->layers = c->depth;
    out->width = c->width;
    out->largest = calloc(2 * c->depth * c->width, sizeof *out->largest);
    return out->largest ? VC_OK : vc_fail(VC_ENOMEM, "out of memory");
}

void vc_channel_range_close(vc_channel_range *range)
{
    free(range->largest);
    *range = (vc_channel_range){0};
}

static void raise(float *largest, const float *x, size_t rows, size_t width)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < width; i++)
            largest[i] = fmaxf(largest[i], fabsf(x[r * width + i]));
}

void vc_channel_range_add(vc_channel_range *range, const vc_acts *acts, const vc_model *model,
                          size_t batch)
{
    const size_t rows = batch * vc_deit_tokens(&model->config.deit), width = range->width;
    for (size_t l = 0; l < range->layers; l++) {
        const vc_layer_acts *a = &acts->deit.layers[l];
        raise(range->largest + 2 * l * width, a->norm1, rows, width);
        raise(range->largest + (2 * l + 1) * width, a->norm2, rows, width);
    }
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
    const vc_deit_config *c = &model->config.deit;
    for (size_t l = 0; l < range->layers; l++) {
        const vc_block_weights *w = &model->deit.blocks[l];
        const float *largest = range->largest + 2 * l * range->width;
        even_out(w->norm1_w, w->norm1_b, w->qkv_w, 3 * c->width, c->width, largest);
        even_out(w->norm2_w, w->norm2_b, w->fc1_w, c->hidden, c->width, largest + range->width);
    }
}
