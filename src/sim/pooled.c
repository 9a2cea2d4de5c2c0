/* Summaries in integers (eq. D19, D22): sums of int8 rows, and biases in the format of scores. */
#include <math.h>
#include <stdlib.h>

#include "chip_impl.h"

enum {
    MOST_NUMBER = 32767,
    MOST_VALUE = 127,
    MOST_WEIGHTS = 1 << 23,
    MOST_EXPONENT = 15,
    WEIGHT_BITS = 15 /* of a weight that depends on the image: 2^15 is 1 */
};

/* Weights of a pooling, times 2^exponent; with queries those of one head. */
typedef struct weights {
    int32_t *weight; /* (entries) */
    int exponent;
    /* With queries: scores, and the logarithms of the pooling's own weights in their format. */
    int32_t *score, *bias; /* (entries) */
    int32_t *query;        /* (H, D) */
    float scale;           /* of a score */
} weights;

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

/* Numbers of 16 bit stand for numbers times 2^e. With the least e the largest fits, and no sum of a
 * run of them times int8 values is beyond 32 bits. Run i begins at start[i]. */
static int common_exponent(const float *numbers, const int32_t *start, size_t runs)
{
    double size = 0.0;
    for (size_t i = 0; i < runs; i++) {
        double all = 0.0;
        for (int32_t e = start[i]; e < start[i + 1]; e++) {
            const double one = fabs((double)numbers[e]);
            all += one;
            size = fmax(size, one / MOST_NUMBER);
        }
        size = fmax(size, all / (double)(MOST_WEIGHTS - (start[i + 1] - start[i])));
    }
    return exponent_of(size);
}

static int32_t number_of(float value, int exponent)
{
    return (int32_t)nearest(ldexp((double)value, -exponent), MOST_NUMBER);
}

static void pool_rows(int8_t *out, const int8_t *rows, size_t width, const vc_pooling *p,
                      const weights *w)
{
    for (size_t g = 0; g < p->count; g++)
        for (size_t c = 0; c < width; c++) {
            int32_t sum = 0;
            for (int32_t e = p->start[g]; e < p->start[g + 1]; e++)
                sum += w->weight[e] * rows[(size_t)p->keys[e] * width + c];
            out[g * width + c] = (int8_t)nearest(ldexp(sum, w->exponent), MOST_VALUE);
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

/* The same of queries, and the logarithms of weights fit among the scores. */
static int query_exponent(const vc_pooling *p, const int32_t *start, size_t heads, double scale)
{
    const double most = ldexp(MOST_NUMBER, MOST_EXPONENT);
    double size = 0.0;
    for (size_t i = 0; i < p->entries; i++)
        size = fmax(size, fabs(log((double)p->weights[i])) / scale / most);
    const int own = common_exponent(p->query, start, heads), wanted = exponent_of(size);
    return size > 0.0 && wanted > own ? wanted : own;
}

/* Opens the weights, which are constants, or what those of a head are made of. */
static vc_status open_weights(weights *w, const vc_pooling *p, size_t heads, float pool_scale)
{
    const size_t n = p->entries, queries = p->query ? heads * p->dim : 0;
    *w = (weights){.weight = malloc((3 * n + queries + heads + 1) * sizeof *w->weight)};
    float *logarithms = malloc((n + 1) * sizeof *logarithms);
    if (!w->weight || !logarithms) {
        free(logarithms);
        free(w->weight);
        return vc_fail(VC_ENOMEM, "out of memory for the weights of %zu entries", n);
    }
    w->score = w->weight + n;
    w->bias = w->score + n;
    w->query = w->bias + n;
    if (p->query) {
        int32_t *start = w->query + queries;
        for (size_t h = 0; h <= heads; h++)
            start[h] = (int32_t)(h * p->dim);
        const int e = query_exponent(p, start, heads, (double)pool_scale);
        for (size_t i = 0; i < queries; i++)
            w->query[i] = number_of(p->query[i], e);
        w->scale = ldexpf(pool_scale, e);
        w->exponent = -WEIGHT_BITS;
        for (size_t i = 0; i < n; i++)
            logarithms[i] = logf(p->weights[i]);
        round_biases(w->bias, logarithms, n, (double)w->scale);
    } else {
        w->exponent = common_exponent(p->weights, p->start, p->count);
        for (size_t i = 0; i < n; i++)
            w->weight[i] = number_of(p->weights[i], w->exponent);
    }
    free(logarithms);
    return VC_OK;
}

/* The weights of a head, by its query: of each summary the softmax over its entries. k (Tk, D). */
static void weigh_entries(weights *w, const vc_pooling *p, size_t head, const int8_t *k)
{
    const int32_t *u = w->query + head * p->dim;
    for (size_t e = 0; e < p->entries; e++) {
        w->score[e] = w->bias[e];
        for (size_t c = 0; c < p->dim; c++)
            w->score[e] += u[c] * k[(size_t)p->keys[e] * p->dim + c];
    }
    for (size_t g = 0; g < p->count; g++) {
        vc__softmax softmax = {w->scale, INT32_MIN, 0};
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++)
            vc__softmax_see(&softmax, w->score[e]);
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++)
            softmax.sum += vc__softmax_power(&softmax, w->score[e]);
        for (int32_t e = p->start[g]; e < p->start[g + 1]; e++)
            w->weight[e] = vc__softmax_share(&softmax, w->score[e], 1 << WEIGHT_BITS);
    }
}

vc_status vc__summaries_open(vc__summaries *out, const vc_attention_sizes *s,
                             const vc_chip_values *values, const vc_pooling *pooling,
                             const float *bias)
{
    const size_t g = pooling ? pooling->count : 0, d = s->head_dim, dv = s->value_dim,
                 biases = s->heads * s->queries * g;
    weights w;
    *out = (vc__summaries){.count = g};
    if (g == 0)
        return VC_OK;
    VC_TRY(open_weights(&w, pooling, s->heads, values->pool_scale));
    out->bias = malloc(biases * sizeof *out->bias + s->heads * g * (d + dv));
    if (!out->bias) {
        free(w.weight);
        return vc_fail(VC_ENOMEM, "out of memory for a layer's summaries");
    }
    out->k = (int8_t *)(out->bias + biases);
    out->v = out->k + s->heads * g * d;
    for (size_t h = 0; h < s->heads; h++) {
        const int8_t *k = values->k + h * s->keys * d;
        if (pooling->query)
            weigh_entries(&w, pooling, h, k);
        pool_rows(out->k + h * g * d, k, d, pooling, &w);
        pool_rows(out->v + h * g * dv, values->v + h * s->keys * dv, dv, pooling, &w);
    }
    round_biases(out->bias, bias, biases, (double)values->score_scale);
    free(w.weight);
    return VC_OK;
}

void vc__summaries_close(vc__summaries *summaries)
{
    free(summaries->bias);
    *summaries = (vc__summaries){0};
}
