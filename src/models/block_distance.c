/* What leaves each block, and each attention, against the teacher's, token by token. */
#include "backward_impl.h"

typedef struct squares {
    float difference, teacher;
} squares;

static squares token_squares(const float *x, const float *t, size_t width)
{
    float difference = 0.0f, teacher = 0.0f;
#pragma omp simd reduction(+ : difference, teacher)
    for (size_t i = 0; i < width; i++) {
        difference += (x[i] - t[i]) * (x[i] - t[i]);
        teacher += t[i] * t[i];
    }
    return (squares){difference, teacher};
}

/* A block's distance: mean over the tokens that are read of ||x - t||^2 / ||t||^2; to dx `scale`
 * times its gradient is added. Summed in parts, then in order: the same for any number of
 * threads. */
static double block_distance(float *dx, const vc_rows *x, const vc_rows *t, size_t batch,
                             double scale)
{
    enum { PARTS = 64 };
    double parts[PARTS], sum = 0.0;
    const size_t count = batch * x->read, width = x->width;
#pragma omp parallel for schedule(static)
    for (size_t p = 0; p < PARTS; p++) {
        parts[p] = 0.0;
        for (size_t k = count * p / PARTS; k < count * (p + 1) / PARTS; k++) {
            const size_t at = (k / x->read * x->tokens + x->first + k % x->read) * width;
            const float *a = x->data + at, *b = t->data + at;
            const squares s = token_squares(a, b, width);
            if (!(s.teacher > 0.0f))
                continue;
            parts[p] += (double)s.difference / (double)s.teacher;
            const float by = (float)(2.0 * scale / ((double)count * (double)s.teacher));
            for (size_t i = 0; i < width; i++)
                dx[at + i] += by * (a[i] - b[i]);
        }
    }
    for (size_t p = 0; p < PARTS; p++)
        sum += parts[p];
    return sum / (double)count;
}

double vc__feature_distance(float *dx, const vc_acts *acts, const vc_acts *teacher,
                            const vc_model *model, size_t layer, size_t batch, float weight)
{
    const vc_rows x = vc_model_block_output(acts, model, layer),
                  t = vc_model_block_output(teacher, model, layer);
    return block_distance(dx, &x, &t, batch,
                          (double)weight / (double)vc_model_layers(&model->config));
}

double vc__attention_distance(float *dx, const vc_acts *acts, const vc_acts *teacher,
                              const vc_model *model, size_t layer, size_t batch, float weight)
{
    const vc_rows x = vc_model_heads_output(acts, model, layer),
                  t = vc_model_heads_output(teacher, model, layer);
    return block_distance(dx, &x, &t, batch,
                          (double)weight / (double)vc_model_layers(&model->config));
}
