/* The residual stream behind each block against the teacher's. */
#include "train_impl.h"

static size_t value_count(const vc_model *model, size_t batch)
{
    const vc_deit_config *c = &model->config.deit;
    return batch * vc_deit_tokens(c) * c->width;
}

/* (B, T, C) what leaves a block. */
static const float *behind(const vc_acts *acts, const vc_model *model, size_t layer)
{
    return layer + 1 < model->config.deit.depth ? acts->deit.layers[layer + 1].input
                                                : acts->deit.tokens;
}

typedef struct squares {
    double difference, teacher;
} squares;

/* Summed in parts, then in order: the same for any number of threads. */
static squares sum_squares(const float *x, const float *t, size_t count)
{
    enum { PARTS = 64 };
    squares parts[PARTS], all = {0};
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++) {
        squares s = {0};
        for (size_t i = count * p / PARTS; i < count * (p + 1) / PARTS; i++) {
            const double d = (double)x[i] - (double)t[i];
            s.difference += d * d;
            s.teacher += (double)t[i] * (double)t[i];
        }
        parts[p] = s;
    }
    for (size_t p = 0; p < PARTS; p++) {
        all.difference += parts[p].difference;
        all.teacher += parts[p].teacher;
    }
    return all;
}

double vc_feature_distance(const vc_acts *acts, const vc_acts *teacher, const vc_model *model,
                           size_t batch)
{
    const size_t depth = model->config.deit.depth, count = value_count(model, batch);
    double sum = 0.0;
    for (size_t l = 0; l < depth; l++) {
        const squares s = sum_squares(behind(acts, model, l), behind(teacher, model, l), count);
        sum += s.teacher > 0.0 ? s.difference / s.teacher : 0.0;
    }
    return sum / (double)depth;
}

void vc__features_backward(float *dx, const vc_acts *acts, const vc_acts *teacher,
                           const vc_model *model, size_t layer, size_t batch, float weight)
{
    const size_t count = value_count(model, batch);
    const float *x = behind(acts, model, layer), *t = behind(teacher, model, layer);
    const squares s = sum_squares(x, t, count);
    if (!(s.teacher > 0.0))
        return;
    const float scale =
        (float)(2.0 * (double)weight / ((double)model->config.deit.depth * s.teacher));
#pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        dx[i] += scale * (x[i] - t[i]);
}
