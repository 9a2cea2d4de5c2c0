/* Token merging (ToMe: Bolya et al., ICLR 2023, section 3, "bipartite soft matching"). Of the
 * tokens as they stand, class tokens included, those at even places seek partners among those at
 * odd places. Afterwards come the class tokens, those that found none, the odd ones. */
#include <math.h>
#include <string.h>

#include "token_impl.h"
#include "vitcod/gemm.h"

static double patches_of(double patches, double keep, double depth)
{
    return patches - patches * (1.0 - keep) * depth;
}

static size_t half(size_t patches)
{
    return patches / 2;
}

static uint64_t matching_macs(size_t tokens, size_t head_dim)
{
    return (uint64_t)((tokens + 1) / 2) * (tokens / 2) * head_dim;
}

/* metric (n, D): keys averaged over the heads, each of length 1. */
static void average_keys(vc__tokens *tokens, const vc__token_layer *layer)
{
    const size_t d = layer->head_dim;
    for (size_t t = 0; t < tokens->now; t++) {
        const float *key = layer->keys + t * layer->key_stride;
        float *mean = tokens->metric + t * d;
        double square = 0.0;
        for (size_t i = 0; i < d; i++) {
            mean[i] = 0.0f;
            for (size_t h = 0; h < layer->heads; h++)
                mean[i] += key[h * d + i];
            square += (double)mean[i] * (double)mean[i];
        }
        const float scale = square > 0.0 ? (float)(1.0 / sqrt(square)) : 0.0f;
        for (size_t i = 0; i < d; i++)
            mean[i] *= scale;
    }
}

/* Each even token's most similar odd one. No class token has a partner or is one. */
static void find_partners(vc__tokens *tokens, size_t head_dim)
{
    const size_t n = tokens->now, prefix = tokens->prefix, even = (n + 1) / 2, odd = n / 2;
    const vc_gemm_shape shape = {.transpose_b = 1,
                                 .m = even,
                                 .n = odd,
                                 .k = head_dim,
                                 .lda = 2 * head_dim,
                                 .ldb = 2 * head_dim,
                                 .ldc = odd};
    vc_gemm(tokens->similarity, tokens->metric, tokens->metric + head_dim, &shape, 1.0f, 0.0f);
    for (size_t a = 0; a < even; a++) {
        const float *row = tokens->similarity + a * odd;
        size_t best = prefix / 2; /* the first odd place behind the class tokens */
        for (size_t b = best + 1; b < odd; b++)
            best = row[b] > row[best] ? b : best;
        tokens->partner[a] = 2 * best + 1;
        tokens->score[a] = 2 * a < prefix ? -INFINITY : (double)row[best];
    }
}

/* Token `to` becomes the mean of both, weighted by the patches that they stand for. */
static void merge_pair(vc__tokens *tokens, const vc__token_layer *layer, size_t to, size_t from)
{
    const double patches = tokens->worth[to] + tokens->worth[from];
    const float share = (float)(tokens->worth[from] / patches);
    float *mean = layer->x + to * layer->width;
    const float *x = layer->x + from * layer->width;
    for (size_t i = 0; i < layer->width; i++)
        mean[i] += share * (x[i] - mean[i]);
    tokens->worth[to] = patches;
}

static void merge(vc__tokens *tokens, const vc__token_layer *layer, size_t to)
{
    const size_t n = tokens->now, prefix = tokens->prefix;
    const unsigned char *gone = tokens->marked; /* of even tokens */
    size_t next = prefix;
    if (to == n)
        return;
    average_keys(tokens, layer);
    find_partners(tokens, layer->head_dim);
    vc__mark_highest(tokens->marked, tokens->score, (n + 1) / 2, n - to);
    for (size_t t = 0; t < n; t += 2)
        if (gone[t / 2])
            merge_pair(tokens, layer, tokens->partner[t / 2], t);
    for (size_t t = (prefix + 1) / 2 * 2; t < n; t += 2)
        if (!gone[t / 2])
            tokens->order[next++] = t;
    for (size_t t = prefix / 2 * 2 + 1; t < n; t += 2)
        tokens->order[next++] = t;
    vc__gather_tokens(tokens, layer, next);
}

const vc__token_rule vc__merge_tokens = {
    .name = "merge",
    .worth = 1.0,
    .counts_patches = 1,
    .patches = patches_of,
    .most = half,
    .macs = matching_macs,
    .reduce = merge,
};
