/* Cascade token pruning (SpAtten: Wang et al., HPCA 2021, section III-A). */
#include <math.h>

#include "token_impl.h"

static double patches_of(double patches, double keep, double depth)
{
    return patches * pow(keep, depth);
}

static size_t all_but_one(size_t patches)
{
    return patches - 1;
}

static void add_received(vc__tokens *tokens, const vc__token_layer *layer)
{
    const size_t n = tokens->now;
    for (size_t row = 0; row < layer->heads * n; row++)
        for (size_t t = 0; t < n; t++)
            tokens->worth[t] += (double)layer->probs[row * n + t];
}

static void prune(vc__tokens *tokens, const vc__token_layer *layer, size_t to)
{
    const size_t prefix = tokens->prefix, n = tokens->now;
    size_t next = prefix;
    add_received(tokens, layer);
    if (to == n)
        return;
    vc__mark_highest(tokens->marked, tokens->worth + prefix, n - prefix, to - prefix);
    for (size_t t = prefix; t < n; t++)
        if (tokens->marked[t - prefix])
            tokens->order[next++] = t;
    vc__gather_tokens(tokens, layer, next);
}

const vc__token_rule vc__prune_tokens = {
    .name = "prune",
    .patches = patches_of,
    .most = all_but_one,
    .reduce = prune,
};
