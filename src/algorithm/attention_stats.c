#include "vitcod/attention_stats.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/memory_limit.h"

vc_status vc_attention_stats_open(vc_attention_stats *out, size_t layers, size_t heads,
                                  size_t queries, size_t keys)
{
    *out = (vc_attention_stats){.layers = layers, .heads = heads, .queries = queries, .keys = keys};
    const size_t count = layers * heads * queries * keys;
    out->sum = vc_memory_take(count, sizeof *out->sum, "the mean of attention");
    if (!out->sum)
        return VC_ENOMEM;
    memset(out->sum, 0, count * sizeof *out->sum);
    return VC_OK;
}

void vc_attention_stats_close(vc_attention_stats *stats)
{
    free(stats->sum);
    *stats = (vc_attention_stats){0};
}

void vc_attention_stats_add(vc_attention_stats *stats, size_t layer, const float *probs,
                            size_t batch)
{
    size_t rows = stats->heads * stats->queries, keys = stats->keys;
    double *sum = stats->sum + layer * rows * keys;
#pragma omp parallel for schedule(static)
    for (size_t r = 0; r < rows; r++)
        for (size_t b = 0; b < batch; b++)
            for (size_t k = 0; k < keys; k++)
                sum[r * keys + k] += probs[(b * rows + r) * keys + k];
    if (layer == 0)
        stats->images += batch;
}

void vc_attention_stats_add_sums(vc_attention_stats *stats, size_t layer, const float *sums,
                                 size_t images)
{
    const size_t count = stats->heads * stats->queries * stats->keys;
    double *sum = stats->sum + layer * count;
    for (size_t i = 0; i < count; i++)
        sum[i] += sums[i];
    if (layer == 0)
        stats->images += images;
}

void vc_attention_stats_mean(float *out, const vc_attention_stats *stats)
{
    assert(stats->images > 0);
    size_t count = stats->layers * stats->heads * stats->queries * stats->keys;
    for (size_t i = 0; i < count; i++)
        out[i] = (float)(stats->sum[i] / (double)stats->images);
}
