/* The attention that rows would give to summaries, averaged over images. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "summary_rows.h"
#include "vitcod/pooling.h"

vc_status vc_summary_stats_open(vc_summary_stats *out, size_t heads, size_t queries, size_t keys,
                                const vc_pooling *pooling)
{
    *out = (vc_summary_stats){.heads = heads, .queries = queries, .keys = keys};
    vc_status status = vc_pooling_copy(&out->pooling, pooling, heads);
    if (status == VC_OK && pooling->count > 0) {
        out->sum = calloc(heads * queries * pooling->count, sizeof *out->sum);
        if (!out->sum)
            status = vc_fail(VC_ENOMEM, "out of memory for %zu summaries", pooling->count);
    }
    if (status != VC_OK)
        vc_summary_stats_close(out);
    return status;
}

void vc_summary_stats_close(vc_summary_stats *stats)
{
    vc_pooling_close(&stats->pooling);
    free(stats->sum);
    *stats = (vc_summary_stats){0};
}

void vc__pool_keys(double *out, float *weights, const vc_summary_stats *s,
                   const vc_summary_scores *in, size_t image)
{
    const vc_pooling *p = &s->pooling;
    const size_t dim = in->head_dim, width = s->heads * dim;
    const float *k = in->k + image * s->keys * in->k_stride;
    memset(out, 0, p->count * width * sizeof *out);
    for (size_t h = 0; h < s->heads; h++) {
        float *w = weights + h * p->entries;
        vc_pooling_weights(w, p, h, k + h * dim, in->k_stride);
        for (size_t g = 0; g < p->count; g++)
            for (int32_t e = p->start[g]; e < p->start[g + 1]; e++) {
                const float *key = k + (size_t)p->keys[e] * in->k_stride + h * dim;
                for (size_t i = 0; i < dim; i++)
                    out[g * width + h * dim + i] += (double)w[e] * (double)key[i];
            }
    }
}

/* log Z of a row, by the key that has most of it: p = exp(score) / Z. */
static double log_sum(const float *q, const float *keys, const float *bias, const float *probs,
                      const vc_summary_stats *s, const vc_summary_scores *in)
{
    size_t most = 0;
    double score = 0.0;
    for (size_t k = 1; k < s->keys; k++)
        most = probs[k] > probs[most] ? k : most;
    for (size_t i = 0; i < in->head_dim; i++)
        score += (double)q[i] * (double)keys[most * in->k_stride + i];
    score /= sqrt((double)in->head_dim);
    return score + (bias ? (double)bias[most] : 0.0) - log((double)probs[most]);
}

void vc__summary_row(double *out, size_t row, size_t image, const double *pooled,
                     const vc_summary_stats *s, const vc_summary_scores *in)
{
    const size_t head = row / s->queries, dim = in->head_dim, width = s->heads * dim;
    const float *q = in->q + (image * s->queries + row % s->queries) * in->q_stride + head * dim;
    const float *keys = in->k + image * s->keys * in->k_stride + head * dim;
    const float *probs = in->probs + (image * s->heads * s->queries + row) * s->keys;
    const double log_z = log_sum(q, keys, in->bias ? in->bias + row * s->keys : NULL, probs, s, in);
    for (size_t g = 0; g < s->pooling.count; g++) {
        const double *key = pooled + g * width + head * dim;
        double score = 0.0;
        for (size_t i = 0; i < dim; i++)
            score += (double)q[i] * key[i];
        out[g] = exp(score / sqrt((double)dim) - log_z);
    }
}

/* given (B, rows, G) of all images. */
static void find_given(double *given, double *pooled, float *weights, const vc_summary_stats *s,
                       const vc_summary_scores *in)
{
    const size_t rows = s->heads * s->queries, count = s->pooling.count;
    for (size_t b = 0; b < in->batch; b++) {
        vc__pool_keys(pooled, weights, s, in, b);
#pragma omp parallel for schedule(static)
        for (size_t r = 0; r < rows; r++)
            vc__summary_row(given + (b * rows + r) * count, r, b, pooled, s, in);
    }
}

vc_status vc_summary_stats_add(vc_summary_stats *stats, const vc_summary_scores *in)
{
    const size_t width = stats->heads * in->head_dim, count = stats->pooling.count;
    const size_t rows = stats->heads * stats->queries;
    if (count == 0)
        return VC_OK;
    double *pooled = malloc(count * (width + in->batch * rows) * sizeof *pooled);
    float *weights = malloc(stats->heads * stats->pooling.entries * sizeof *weights);
    const size_t batch = pooled && weights ? in->batch : 0;
    double *given = batch > 0 ? pooled + count * width : NULL; /* (B, rows, G) */
    if (batch > 0)
        find_given(given, pooled, weights, stats, in);
    /* Even when out of memory: other processes wait for it. */
    vc_turn_take(in->turns, stats->sum, rows * count);
    for (size_t b = 0; b < batch; b++)
        for (size_t i = 0; i < rows * count; i++)
            stats->sum[i] += given[b * rows * count + i];
    vc_turn_pass(in->turns, stats->sum, rows * count);
    stats->images += batch;
    free(weights);
    free(pooled);
    return batch == in->batch ? VC_OK
                              : vc_fail(VC_ENOMEM, "out of memory for %zu pooled keys", count);
}
