#include <stdlib.h>
#include <string.h>

#include "vitcod/arena.h"
#include "vitcod/attention.h"

/* The same walk measures and places; `pruned` is the layer's mask in original order. */
static void place(vc_arena *arena, vc_sparse_layer *layer, const vc_plan_layer *plan, int biased)
{
    size_t tq = plan->queries, probs = 0;
    layer->head = vc_arena_take(arena, plan->heads * sizeof *layer->head);
    for (size_t h = 0; h < plan->heads; h++) {
        size_t globals = (size_t)plan->global_tokens[h];
        vc_sparse_head head = {
            .global_count = globals,
            .global_keys = vc_arena_take(arena, globals * sizeof(int32_t)),
            .panel_pruned = vc_arena_take(arena, tq * globals),
            .row_start = vc_arena_take(arena, (tq + 1) * sizeof(int32_t)),
            .row_keys = vc_arena_take(arena, vc_plan_kept_sparser(plan, h) * sizeof(int32_t)),
            .kept_share = plan->kept_share ? vc_arena_floats(arena, tq) : NULL,
        };
        probs += tq * globals + vc_plan_kept_sparser(plan, h);
        if (arena->base)
            layer->head[h] = head;
    }
    layer->bias = biased ? vc_arena_floats(arena, probs) : NULL;
}

static void fill_head(vc_sparse_head *head, const uint8_t *pruned, const vc_plan_layer *plan,
                      size_t h)
{
    size_t tq = plan->queries, tk = plan->keys, globals = head->global_count;
    const int32_t *order = plan->key_order + h * tk;
    int32_t *global_keys = (int32_t *)head->global_keys;
    uint8_t *panel = (uint8_t *)head->panel_pruned;
    int32_t *row_start = (int32_t *)head->row_start, *row_keys = (int32_t *)head->row_keys;
    memcpy(global_keys, order, globals * sizeof(int32_t));
    int32_t used = 0;
    for (size_t i = 0; i < tq; i++) {
        const uint8_t *row = pruned + i * tk;
        for (size_t g = 0; g < globals; g++)
            panel[i * globals + g] = row[order[g]];
        row_start[i] = used;
        for (size_t j = globals; j < tk; j++)
            if (!row[order[j]])
                row_keys[used++] = order[j];
    }
    row_start[tq] = used;
    if (plan->kept_share)
        memcpy((float *)head->kept_share, plan->kept_share + h * tq, tq * sizeof(float));
}

vc_status vc_sparse_layer_open(vc_sparse_layer *out, const vc_plan_layer *plan, size_t head_dim,
                               size_t value_dim, const float *bias)
{
    size_t h = plan->heads, tq = plan->queries, tk = plan->keys;
    *out = (vc_sparse_layer){.heads = h, .queries = tq, .keys = tk};
    uint8_t *pruned = malloc(h * tq * tk);
    vc_arena arena = {0};
    place(&arena, out, plan, bias != NULL);
    if (!pruned || vc_arena_reserve(&arena) != VC_OK) {
        free(pruned);
        return vc_fail(VC_ENOMEM, "out of memory for a sparse layer of %zu heads", h);
    }
    place(&arena, out, plan, bias != NULL);
    out->memory = arena.base;
    vc_plan_layer_mask(pruned, plan);
    size_t most_globals = 0, most_sparse = 0;
    for (size_t i = 0; i < h; i++) {
        vc_sparse_head *head = &out->head[i];
        fill_head(head, pruned + i * tq * tk, plan, i);
        size_t sparse = (size_t)head->row_start[tq];
        head->probs_start = out->probs_per_image;
        out->probs_per_image += tq * head->global_count + sparse;
        most_globals = head->global_count > most_globals ? head->global_count : most_globals;
        most_sparse = sparse > most_sparse ? sparse : most_sparse;
    }
    if (bias)
        vc_sparse_layer_arrange(out->bias, bias, out);
    /* Two gathered panels and their gradients, the gradient of all probabilities of a head, and that of
     * the mean of values; whole cache lines, so that threads do not share one. */
    out->scratch_floats = (2 * most_globals * (head_dim + value_dim) + tq * most_globals +
                           most_sparse + value_dim + 31) /
                          16 * 16;
    free(pruned);
    return VC_OK;
}

void vc_sparse_layer_close(vc_sparse_layer *layer)
{
    free(layer->memory);
    *layer = (vc_sparse_layer){0};
}

void vc_sparse_layer_arrange(float *out, const float *dense, const vc_sparse_layer *layer)
{
    const size_t tq = layer->queries, tk = layer->keys;
    for (size_t h = 0; h < layer->heads; h++) {
        const vc_sparse_head *head = &layer->head[h];
        float *panel = out + head->probs_start, *sparse = panel + tq * head->global_count;
        for (size_t i = 0; i < tq; i++) {
            const float *row = dense + (h * tq + i) * tk;
            for (size_t g = 0; g < head->global_count; g++)
                panel[i * head->global_count + g] = row[head->global_keys[g]];
            for (int32_t e = head->row_start[i]; e < head->row_start[i + 1]; e++)
                sparse[e] = row[head->row_keys[e]];
        }
    }
}

void vc_sparse_layer_spread(float *dense, const float *values, const vc_sparse_layer *layer)
{
    const size_t tq = layer->queries, tk = layer->keys;
    memset(dense, 0, layer->heads * tq * tk * sizeof *dense);
    for (size_t h = 0; h < layer->heads; h++) {
        const vc_sparse_head *head = &layer->head[h];
        const float *panel = values + head->probs_start, *sparse = panel + tq * head->global_count;
        for (size_t i = 0; i < tq; i++) {
            float *row = dense + (h * tq + i) * tk;
            for (size_t g = 0; g < head->global_count; g++)
                row[head->global_keys[g]] = panel[i * head->global_count + g];
            for (int32_t e = head->row_start[i]; e < head->row_start[i + 1]; e++)
                row[head->row_keys[e]] = sparse[e];
        }
    }
}

void vc_sparse_layer_mask(uint8_t *pruned, const vc_sparse_layer *layer)
{
    const size_t tq = layer->queries, tk = layer->keys;
    memset(pruned, 1, layer->heads * tq * tk);
    for (size_t h = 0; h < layer->heads; h++)
        for (size_t i = 0; i < tq; i++) {
            const vc_sparse_head *head = &layer->head[h];
            uint8_t *row = pruned + (h * tq + i) * tk;
            for (size_t g = 0; g < head->global_count; g++)
                row[head->global_keys[g]] = head->panel_pruned[i * head->global_count + g];
            for (int32_t e = head->row_start[i]; e < head->row_start[i + 1]; e++)
                row[head->row_keys[e]] = 0;
        }
}
