#include "vitcod/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_impl.h"
#include "vitcod/hash.h"

#define NAMED(name, member, dtype, optional, rank, ...)                                            \
    {                                                                                              \
        name, dtype, offsetof(vc_plan_layer, member), rank, {__VA_ARGS__}, optional                \
    }
#define MEMBER(name, ...) NAMED(#name, name, __VA_ARGS__)

const vc__plan_member vc__plan_members[VC__PLAN_MEMBERS] = {
    [VC__QUERY_ORDER] = MEMBER(query_order, VC_I32, 0, 2, VC__HEADS, VC__QUERIES),
    [VC__KEY_ORDER] = MEMBER(key_order, VC_I32, 0, 2, VC__HEADS, VC__KEYS),
    [VC__GLOBAL_TOKENS] = MEMBER(global_tokens, VC_I32, 0, 1, VC__HEADS),
    [VC__COLUMN_START] = MEMBER(column_start, VC_I32, 0, 2, VC__HEADS, VC__COLUMN_STARTS),
    [VC__ROWS] = MEMBER(rows, VC_I32, 0, 1, VC__KEPT),
    [VC__KEPT_SHARE] = MEMBER(kept_share, VC_F32, 1, 2, VC__HEADS, VC__QUERIES),
    [VC__POOL_START] = NAMED("pool_start", pooling.start, VC_I32, 1, 1, VC__POOL_STARTS),
    [VC__POOL_KEYS] = NAMED("pool_keys", pooling.keys, VC_I32, 1, 1, VC__POOLED),
    [VC__POOL_WEIGHTS] = NAMED("pool_weights", pooling.weights, VC_F32, 1, 1, VC__POOLED),
    [VC__POOL_QUERY] = NAMED("pool_query", pooling.query, VC_F32, 1, 2, VC__HEADS, VC__POOL_DIM),
    [VC__SUMMARY_BIAS] = MEMBER(summary_bias, VC_F32, 1, 3, VC__HEADS, VC__QUERIES, VC__SUMMARIES),
};

vc_tensor vc__plan_array(const vc_plan_layer *layer, const vc__plan_member *member, size_t kept)
{
    const size_t sizes[] = {[VC__HEADS] = layer->heads,
                            [VC__QUERIES] = layer->queries,
                            [VC__KEYS] = layer->keys,
                            [VC__COLUMN_STARTS] = layer->keys + 1,
                            [VC__KEPT] = kept,
                            [VC__SUMMARIES] = layer->pooling.count,
                            [VC__POOL_STARTS] = layer->pooling.count + 1,
                            [VC__POOLED] = layer->pooling.entries,
                            [VC__POOL_DIM] = layer->pooling.dim};
    vc_tensor array = {.dtype = member->dtype, .rank = member->rank};
    for (size_t d = 0; d < member->rank; d++)
        array.shape[d] = sizes[member->sizes[d]];
    memcpy(&array.data, (const char *)layer + member->offset, sizeof array.data);
    return array;
}

vc_status vc__plan_array_open(vc_plan_layer *layer, const vc__plan_member *member, size_t kept)
{
    const vc_tensor array = vc__plan_array(layer, member, kept);
    void *data = calloc(vc_tensor_count(&array) + 1, vc_dtype_bytes(array.dtype));
    memcpy((char *)layer + member->offset, &data, sizeof data);
    /* cppcheck-suppress memleak; the layer has it */
    return data ? VC_OK
                : vc_fail(VC_ENOMEM, "out of memory for a plan layer with %zu kept entries", kept);
}

vc_status vc__plan_layer_open(vc_plan_layer *out, size_t heads, size_t queries, size_t keys,
                              size_t kept)
{
    *out = (vc_plan_layer){.heads = heads, .queries = queries, .keys = keys};
    for (size_t m = 0; m < VC__PLAN_MEMBERS; m++)
        if (!vc__plan_members[m].optional)
            VC_TRY(vc__plan_array_open(out, &vc__plan_members[m], kept));
    return VC_OK;
}

static void layer_close(vc_plan_layer *layer)
{
    for (size_t m = 0; m < VC__PLAN_MEMBERS; m++)
        free(vc__plan_array(layer, &vc__plan_members[m], 0).data);
}

size_t vc__plan_layer_kept(const vc_plan_layer *layer)
{
    return (size_t)layer->column_start[layer->heads * (layer->keys + 1) - 1];
}

/* Copies the members that `layer` has: those of every layer, or the optional ones. */
static vc_status copy_members(vc_plan_layer *out, const vc_plan_layer *layer, int optional)
{
    const size_t kept = optional ? 0 : vc__plan_layer_kept(layer); /* no optional one is so long */
    for (size_t m = 0; m < VC__PLAN_MEMBERS; m++) {
        const vc__plan_member *member = &vc__plan_members[m];
        const vc_tensor from = vc__plan_array(layer, member, kept);
        if (!from.data || member->optional != optional)
            continue;
        VC_TRY(vc__plan_array_open(out, member, kept));
        memcpy(vc__plan_array(out, member, kept).data, from.data,
               vc_tensor_count(&from) * vc_dtype_bytes(from.dtype));
    }
    return VC_OK;
}

vc_status vc__plan_copy_optional(vc_plan_layer *out, const vc_plan_layer *layer)
{
    out->pooling.count = layer->pooling.count;
    out->pooling.entries = layer->pooling.entries;
    out->pooling.dim = layer->pooling.dim;
    return copy_members(out, layer, 1);
}

static vc_status layer_copy(vc_plan_layer *out, const vc_plan_layer *layer)
{
    *out = (vc_plan_layer){.heads = layer->heads, .queries = layer->queries, .keys = layer->keys};
    VC_TRY(copy_members(out, layer, 0));
    return vc__plan_copy_optional(out, layer);
}

vc_status vc_plan_copy(vc_plan *out, const vc_plan *plan)
{
    *out = (vc_plan){.layer_count = plan->layer_count,
                     .threshold = plan->threshold,
                     .reordered = plan->reordered};
    out->layers = calloc(plan->layer_count + 1, sizeof *out->layers);
    vc_status status = out->layers ? VC_OK
                                   : vc_fail(VC_ENOMEM, "out of memory for a plan of %zu layers",
                                             plan->layer_count);
    for (size_t l = 0; status == VC_OK && l < plan->layer_count; l++)
        status = layer_copy(&out->layers[l], &plan->layers[l]);
    if (status != VC_OK)
        vc_plan_close(out);
    return status;
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
    plan->reordered |= more->reordered;
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

vc_plan_entries vc_plan_count(const vc_plan *plan)
{
    vc_plan_entries n = {0};
    for (size_t l = 0; l < plan->layer_count; l++) {
        const vc_plan_layer *p = &plan->layers[l];
        n.all += p->heads * p->queries * p->keys;
        n.summaries += vc_pooling_scores(&p->pooling, p->heads, p->queries, p->keys);
        for (size_t h = 0; h < p->heads; h++) {
            n.kept += vc_plan_kept(p, h);
            n.denser += vc_plan_kept(p, h) - vc_plan_kept_sparser(p, h);
        }
    }
    return n;
}

double vc_plan_kept_share(const vc_plan *plan)
{
    const vc_plan_entries n = vc_plan_count(plan);
    return (double)(n.kept + n.summaries) / (double)n.all;
}

static uint64_t hash_summaries(uint64_t hash, const vc_plan_layer *layer)
{
    const vc_pooling *p = &layer->pooling;
    if (p->count == 0)
        return hash;
    hash = vc_hash(hash, p->start, (p->count + 1) * sizeof *p->start);
    hash = vc_hash(hash, p->keys, p->entries * sizeof *p->keys);
    hash = vc_hash(hash, p->weights, p->entries * sizeof *p->weights);
    if (p->query)
        hash = vc_hash(hash, p->query, layer->heads * p->dim * sizeof *p->query);
    return vc_hash(hash, layer->summary_bias,
                   layer->heads * layer->queries * p->count * sizeof *layer->summary_bias);
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
        hash = vc_hash(hash, layer->rows, vc__plan_layer_kept(layer) * sizeof(int32_t));
        if (layer->kept_share)
            hash = vc_hash(hash, layer->kept_share, h * q * sizeof(float));
        hash = hash_summaries(hash, layer);
    }
    return hash;
}

void vc_plan_hash_text(char text[VC_PLAN_HASH_TEXT], const vc_plan *plan)
{
    snprintf(text, VC_PLAN_HASH_TEXT, "%016llx", (unsigned long long)vc_plan_hash(plan));
}
