/* Summaries in integers (eq. D19): sums of int8 rows, and biases in the format of scores. */
#include <math.h>
#include <stdlib.h>

#include "chip_impl.h"

enum { MOST_NUMBER = 32767, MOST_VALUE = 127, MOST_WEIGHTS = 1 << 23, MOST_EXPONENT = 15 };

/* The least e for which 2^e is not below `size`. */
static int exponent_of(double size)
{
    int e;
    return frexp(size, &e) == 0.5 ? e - 1 : e;
}

static int64_t nearest(double value, double most)
{
    return llround(value > most ? most : value < -most ? -most : value);
}

/* Weights are 16-bit numbers times 2^e. With the least e the largest fits, and no sum of a summary
 * is beyond 32 bits. */
static int weight_exponent(const vc_pooling *p)
{
    double size = 0.0;
    for (size_t g = 0; g < p->count; g++) {
        double all = 0.0;
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++) {
            const double one = fabs((double)p->weights[e]);
            all += one;
            size = fmax(size, one / MOST_NUMBER);
        }
        size = fmax(size, all / (double)(MOST_WEIGHTS - (p->start[g + 1] - p->start[g])));
    }
    return exponent_of(size);
}

static void pool_rows(int8_t *out, const int8_t *rows, size_t width, const vc_pooling *p)
{
    const int exponent = weight_exponent(p);
    for (size_t g = 0; g < p->count; g++)
        for (size_t c = 0; c < width; c++) {
            int32_t sum = 0;
            for (int32_t e = p->start[g]; e < p->start[g + 1]; e++)
                sum += (int32_t)nearest(ldexp((double)p->weights[e], -exponent), MOST_NUMBER) *
                       rows[(size_t)p->keys[e] * width + c];
            out[g * width + c] = (int8_t)nearest(ldexp(sum, exponent), MOST_VALUE);
        }
}

/* A bias is a 16-bit number times 2^e scores, with the least e >= 0 for which all of a layer fit.
 */
static void round_biases(int32_t *out, const float *bias, size_t count, double scale)
{
    double size = 0.0;
    for (size_t i = 0; i < count; i++)
        if (bias[i] != -INFINITY)
            size = fmax(size, fabs((double)bias[i] / scale) / MOST_NUMBER);
    const int e = size <= 1.0 ? 0 : exponent_of(fmin(size, 1 << MOST_EXPONENT));
    for (size_t i = 0; i < count; i++)
        out[i] = bias[i] == -INFINITY
                     ? VC__NOT_SEEN
                     : (int32_t)nearest(ldexp((double)bias[i] / scale, -e), MOST_NUMBER) * (1 << e);
}

vc_status vc__summaries_open(vc__summaries *out, const vc_attention_sizes *s,
                             const vc_chip_values *values, const vc_pooling *pooling,
                             const float *bias)
{
    const size_t g = pooling ? pooling->count : 0, d = s->head_dim, dv = s->value_dim,
                 biases = s->heads * s->queries * g;
    *out = (vc__summaries){.count = g};
    if (g == 0)
        return VC_OK;
    out->bias = malloc(biases * sizeof *out->bias + s->heads * g * (d + dv));
    if (!out->bias)
        return vc_fail(VC_ENOMEM, "out of memory for a layer's summaries");
    out->k = (int8_t *)(out->bias + biases);
    out->v = out->k + s->heads * g * d;
    for (size_t h = 0; h < s->heads; h++) {
        pool_rows(out->k + h * g * d, values->k + h * s->keys * d, d, pooling);
        pool_rows(out->v + h * g * dv, values->v + h * s->keys * dv, dv, pooling);
    }
    round_biases(out->bias, bias, biases, (double)values->score_scale);
    return VC_OK;
}

void vc__summaries_close(vc__summaries *summaries)
{
    free(summaries->bias);
    *summaries = (vc__summaries){0};
}
