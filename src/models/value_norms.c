/* How much a value weighs behind the projection. */
#include <math.h>
#include <stdlib.h>

#include "vitcod/model.h"
#include "vitcod/residual.h"

/* W^T W of a head's columns of the projection: ||W v||^2 = v^T (W^T W) v. */
static void gram(double *out, const float *weight, size_t width, size_t head, size_t values)
{
    for (size_t i = 0; i < values; i++)
        for (size_t j = 0; j <= i; j++) {
            double sum = 0.0;
            for (size_t o = 0; o < width; o++)
                sum += (double)weight[o * width + head * values + i] *
                       (double)weight[o * width + head * values + j];
            out[i * values + j] = out[j * values + i] = sum;
        }
}

/* sqrt of the mean square over the tokens */
static double mean_norm(const float *x, size_t tokens, size_t width)
{
    double sum = 0.0;
    for (size_t i = 0; i < tokens * width; i++)
        sum += (double)x[i] * (double)x[i];
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
    const vc_deit_config *c = &model->config.deit;
    const size_t tokens = vc_deit_tokens(c), values = c->width / c->heads;
    if (model->config.architecture != VC_DEIT)
        return vc_fail(VC_EUNSUPPORTED, "norms of values want a deit, this is a %s",
                       vc_architecture_name(model->config.architecture));
    const size_t width = c->width, heads = c->heads;
    const float *v = acts->deit.layers[layer].qkv + 2 * width;
    if (!acts->keep && acts->tapped != layer + 1)
        return vc_fail(VC_EINVAL, "layer %zu: what its values were is gone", layer);
    double *squares = malloc(heads * values * values * sizeof *squares);
    float *means = calloc(batch * (width + 1), sizeof *means), /* (B, H * D), zero unless centred */
        *scale = means ? means + batch * width : NULL;         /* (B) */
    if (!squares || !means) {
        free(squares);
        free(means);
        return vc_fail(VC_ENOMEM, "out of memory for norms of values");
    }
    for (size_t h = 0; h < heads; h++)
        gram(squares + h * values * values, model->deit.blocks[layer].proj_w, width, h, values);
    for (size_t b = 0; b < batch; b++) {
        const double norm =
            mean_norm(acts->deit.layers[layer].input + b * tokens * width, tokens, width);
        scale[b] = norm > 0.0 ? (float)(1.0 / norm) : 0.0f;
        if (centred)
            vc_residual_mean(means + b * width, v + b * tokens * 3 * width, 3 * width, tokens,
                             width);
    }
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < batch * tokens; i++)
        for (size_t h = 0; h < heads; h++)
            out[(i / tokens * heads + h) * tokens + i % tokens] =
                scale[i / tokens] * norm_of(v + i * 3 * width + h * values,
                                            means + i / tokens * width + h * values,
                                            squares + h * values * values, values);
    free(squares);
    free(means);
    return VC_OK;
}
