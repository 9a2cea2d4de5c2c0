#include "vitcod/plan.h"

#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"
#include "vitcod/hash.h"

vc_status vc__plan_layer_open(vc_plan_layer *out, size_t heads, size_t queries, size_t keys,
                              size_t kept)
{
    *out = (vc_plan_layer){.heads = heads, .queries = queries, .keys = keys};
    out->query_order = malloc(heads * queries * sizeof(int32_t));
    out->key_order = malloc(heads * keys * sizeof(int32_t));
    out->global_tokens = malloc(heads * sizeof(int32_t));
    out->column_start = malloc(heads * (keys + 1) * sizeof(int32_t));
    out->rows = malloc((kept + 1) * sizeof(int32_t));
    if (!out->query_order || !out->key_order || !out->global_tokens || !out->column_start ||
        !out->rows)
        return vc_fail(VC_ENOMEM, "out of memory for a plan layer with %zu kept entries", kept);
    return VC_OK;
}

static void layer_close(vc_plan_layer *layer)
{
    free(layer->query_order);
    free(layer->key_order);
    free(layer->global_tokens);
    free(layer->column_start);
    free(layer->rows);
    free(layer->kept_share);
}

static void assemble_head(vc_plan_layer *layer, size_t head, const uint8_t *pruned, int32_t *used)
{
    const int32_t *query_order = layer->query_order + head * layer->queries;
    const int32_t *key_order = layer->key_order + head * layer->keys;
    int32_t *column_start = layer->column_start + head * (layer->keys + 1);
    for (size_t j = 0; j < layer->keys; j++) {
        column_start[j] = *used;
        for (size_t i = 0; i < layer->queries; i++)
            if (!pruned[(size_t)query_order[i] * layer->keys + (size_t)key_order[j]])
                layer->rows[(*used)++] = (int32_t)i;
    }
    column_start[layer->keys] = *used;
}

vc_status vc_plan_assemble(vc_plan *out, const vc_mask *mask, const vc_token_order *order,
                           size_t threshold)
{
    *out = (vc_plan){.layer_count = mask->layers, .threshold = threshold};
    out->layers = calloc(mask->layers, sizeof *out->layers);
    if (!out->layers)
        return vc_fail(VC_ENOMEM, "out of memory for a plan");
    size_t heads = mask->heads, queries = mask->queries, keys = mask->keys;
    for (size_t l = 0; l < mask->layers; l++) {
        vc_plan_layer *layer = &out->layers[l];
        vc_mask one = {.layers = 1,
                       .heads = heads,
                       .queries = queries,
                       .keys = keys,
                       .pruned = vc_mask_head(mask, l, 0)};
        vc_status status = vc__plan_layer_open(layer, heads, queries, keys, vc_mask_kept(&one));
        if (status != VC_OK) {
            vc_plan_close(out);
            return status;
        }
        memcpy(layer->query_order, order->queries + l * heads * queries,
               heads * queries * sizeof(int32_t));
        memcpy(layer->key_order, order->keys + l * heads * keys, heads * keys * sizeof(int32_t));
        memcpy(layer->global_tokens, order->globals + l * heads, heads * sizeof(int32_t));
        int32_t used = 0;
        for (size_t h = 0; h < heads; h++)
            assemble_head(layer, h, vc_mask_head(mask, l, h), &used);
    }
    return VC_OK;
}

void vc_plan_close(vc_plan *plan)
{
    for (size_t l = 0; plan->layers && l < plan->layer_count; l++)
        layer_close(&plan->layers[l]);
    free(plan->layers);
    *plan = (vc_plan){0};
}

vc_status vc_plan_append(vc_plan *plan, vc_plan *more)
{
    size_t count = plan->layer_count + more->layer_count;
    vc_plan_layer *layers = realloc(plan->layers, count * sizeof *layers);
    if (!layers) {
        vc_plan_close(more);
        return vc_fail(VC_ENOMEM, "out of memory for a plan of %zu layers", count);
    }
    memcpy(layers + plan->layer_count, more->layers, more->layer_count * sizeof *layers);
    plan->layers = layers;
    plan->layer_count = count;
    free(more->layers);
    *more = (vc_plan){0};
    return VC_OK;
}

void vc_plan_layer_mask(uint8_t *pruned, const vc_plan_layer *layer)
{
    memset(pruned, 1, layer->heads * layer->queries * layer->keys);
    for (size_t h = 0; h < layer->heads; h++) {
        uint8_t *map = pruned + h * layer->queries * layer->keys;
        const int32_t *start = layer->column_start + h * (layer->keys + 1);
        for (size_t j = 0; j < layer->keys; j++) {
            size_t key = (size_t)layer->key_order[h * layer->keys + j];
            for (int32_t k = start[j]; k < start[j + 1]; k++) {
                size_t row = (size_t)layer->rows[k];
                size_t query = (size_t)layer->query_order[h * layer->queries + row];
                map[query * layer->keys + key] = 0;
            }
        }
    }
}

static size_t kept_from(const vc_plan_layer *layer, size_t head, size_t first)
{
    const int32_t *start = layer->column_start + head * (layer->keys + 1);
    return (size_t)(start[layer->keys] - start[first]);
}

size_t vc_plan_kept(const vc_plan_layer *layer, size_t head)
{
    return kept_from(layer, head, 0);
}

size_t vc_plan_kept_sparser(const vc_plan_layer *layer, size_t head)
{
    return kept_from(layer, head, (size_t)layer->global_tokens[head]);
}

uint64_t vc_plan_hash(const vc_plan *plan)
{
    uint64_t hash = VC_HASH_START;
    for (size_t l = 0; l < plan->layer_count; l++) {
        const vc_plan_layer *layer = &plan->layers[l];
        size_t h = layer->heads, q = layer->queries, k = layer->keys;
        size_t sizes[3] = {h, q, k};
        hash = vc_hash(hash, sizes, sizeof sizes);
        hash = vc_hash(hash, layer->query_order, h * q * sizeof(int32_t));
        hash = vc_hash(hash, layer->key_order, h * k * sizeof(int32_t));
        hash = vc_hash(hash, layer->global_tokens, h * sizeof(int32_t));
        hash = vc_hash(hash, layer->column_start, h * (k + 1) * sizeof(int32_t));
        hash = vc_hash(hash, layer->rows,
                       (size_t)layer->column_start[h * (k + 1) - 1] * sizeof(int32_t));
        if (layer->kept_share)
            hash = vc_hash(hash, layer->kept_share, h * q * sizeof(float));
    }
    return hash;
}
