/* How much a value weighs behind the projection. */
#include <math.h>
#include <stdlib.h>

#include "model_impl.h"
#include "vitcod/residual.h"

/* W^T W of a head's columns of the projection (outputs, inputs), whose rows are scaled:
 * ||W v||^2 = v^T (W^T W) v. */
static void gram(double *out, const vc__values *in, size_t inputs, size_t head, size_t values)
{
    for (size_t i = 0; i < values; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (size_t o = 0; o < in->entering.width; o++) {
                const float *row = in->projection + o * inputs + head * values;
                const double scale = in->scale ? (double)in->scale[o] : 1.0;
                sum += scale * scale * (double)row[i] * (double)row[j];
            }
            out[i * values + j] = out[j * values + i] = sum;
        }
}

/* sqrt of the mean square over the tokens */
static double mean_norm(const float *x, size_t tokens, size_t width, size_t stride)
{
    double sum = 0.0;
    for (size_t t = 0; t < tokens; t++)
        for (size_t i = 0; i < width; i++)
            sum += (double)x[t * stride + i] * (double)x[t * stride + i];
    return sqrt(sum / (double)tokens);
}

static float norm_of(const float *v, const float *mean, const double *square, size_t values)
{
    double sum = 0.0;
    for (size_t i = 0; i < values; i++) {
        double row = 0.0;
        for (size_t j = 0; j < values; j++)
            row += square[i * values + j] * (double)(v[j] - mean[j]);
        sum += row * (double)(v[i] - mean[i]);
    }
    return (float)sqrt(sum > 0.0 ? sum : 0.0);
}

vc_status vc_model_value_norms(float *out, const vc_acts *acts, const vc_model *model, size_t layer,
                               size_t batch, int centred)
{
    char those[VC_FAMILIES_TEXT];
    if (!vc_model_can(&model->config, VC_ABILITY_VALUES))
        return vc_fail(VC_EUNSUPPORTED, "norms of values want %s, this is a %s",
                       vc_families_that_can(those, VC_ABILITY_VALUES),
                       vc_model_family(&model->config));
    if (acts->keep != VC_KEEP_ALL && acts->tapped != layer + 1)
        return vc_fail(VC_EINVAL, "layer %zu: what its values were is gone", layer);
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    const vc__values in = model->config.family->values(acts, model, layer);
    const size_t tokens = l.keys, heads = l.heads, values = l.value_dim, width = heads * values;
    const float *v = in.values.data;
    double *squares = malloc(heads * values * values * sizeof *squares);
    float *means =
              calloc(batch * (width + 1), sizeof *means), /* (B, H * Dv), zero unless centred */
        *scale = means ? means + batch * width : NULL;    /* (B) */
    if (!squares || !means) {
        free(squares);
        free(means);
        return vc_fail(VC_ENOMEM, "out of memory for norms of values");
    }
    for (size_t h = 0; h < heads; h++)
        gram(squares + h * values * values, &in, width, h, values);
    for (size_t b = 0; b < batch; b++) {
        const double norm = mean_norm(in.entering.data + b * tokens * in.entering.stride, tokens,
                                      in.entering.width, in.entering.stride);
        scale[b] = norm > 0.0 ? (float)(1.0 / norm) : 0.0f;
        if (centred)
            vc_residual_mean(means + b * width, v + b * tokens * in.values.stride, in.values.stride,
                             tokens, width);
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < batch * tokens; i++)
        for (size_t h = 0; h < heads; h++)
            out[(i / tokens * heads + h) * tokens + i % tokens] =
                scale[i / tokens] * norm_of(v + i * in.values.stride + h * values,
                                            means + i / tokens * width + h * values,
                                            squares + h * values * values, values);
    free(squares);
    free(means);
    return VC_OK;
}
