/* Prepares a pattern for inference: where panels are, and biases in the layout that kernels
 * read. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vitcod/arena.h"
#include "vitcod/packed_attention.h"

/* Lays out the memory; the same code first counts and then hands out. */
static void place_heads(vc_arena *arena, vc_packed_attention *layer, int tokens_biased)
{
    layer->panel_floats = 0;
    layer->head = vc_arena_take(arena, layer->heads * sizeof *layer->head);
    for (size_t h = 0; h < layer->heads; h++) {
        const vc_pattern_head *pattern = &layer->pattern.head[h];
        const size_t wide = vc_panel_blocks(pattern->panel_count) * VC_PANEL;
        vc_packed_head head = {.pattern = pattern,
                               .summaries = vc_pattern_summaries(&layer->pattern),
                               .panel_start = layer->panel_floats};
        layer->panel_floats +=
            layer->bf16 ? wide * (layer->head_dim + layer->value_dim) / 2 : wide * layer->head_dim;
        if (tokens_biased || head.summaries > 0)
            head.panel_bias = vc_arena_floats(arena, layer->queries * wide);
        if (tokens_biased)
            head.row_bias =
                vc_arena_floats(arena, vc_rows_count(pattern, layer->queries) + VC_PANEL);
        if (arena->base)
            layer->head[h] = head;
    }
}

/* The last columns of a row of the panel. A summary that the row does not see is hidden by its bit,
 * so its bias is 0. */
static void fill_summary_biases(float *to, const vc_pattern *p, size_t head, size_t query)
{
    static const float log2_e = 1.44269504f;
    const size_t summaries = vc_pattern_summaries(p);
    const float *from = p->summary_bias + (head * p->queries + query) * summaries;
    for (size_t g = 0; g < summaries; g++)
        to[g] = from[g] == -INFINITY ? 0.0f : log2_e * from[g];
}

/* Copies biases, which come in the order of the pattern; rows of the panel are padded. */
static void fill_biases(const vc_packed_attention *layer, const float *values)
{
    for (size_t h = 0; h < layer->heads; h++) {
        const vc_packed_head *head = &layer->head[h];
        const size_t panel = head->pattern->panel_count, wide = vc_panel_blocks(panel) * VC_PANEL;
        const size_t tokens = panel - vc_pattern_summaries(&layer->pattern);
        const float *from = values + head->pattern->values_start;
        for (size_t i = 0; i < layer->queries; i++, from += panel) {
            float *row = (float *)head->panel_bias + i * wide;
            memcpy(row, from, panel * sizeof *from);
            if (tokens < panel)
                fill_summary_biases(row + tokens, &layer->pattern, h, i);
        }
        if (head->row_bias)
            memcpy((float *)head->row_bias, from,
                   vc_rows_count(head->pattern, layer->queries) * sizeof *from);
    }
}

/* bias (H, Tq, Tk), NULL: zeros beside those of the summaries. */
static vc_status arrange_biases(const vc_packed_attention *layer, const float *bias)
{
    const vc_pattern *p = &layer->pattern;
    float *values = malloc((p->values + 1) * sizeof *values);
    if (!values)
        return vc_fail(VC_ENOMEM, "out of memory for attention of %zu heads", p->heads);
    vc_pattern_arrange(values, bias, p);
    fill_biases(layer, values);
    free(values);
    return VC_OK;
}

static vc_status open_heads(vc_packed_attention *layer, const float *bias)
{
    vc_arena arena = {0};
    place_heads(&arena, layer, bias != NULL);
    VC_TRY(vc_arena_reserve(&arena));
    place_heads(&arena, layer, bias != NULL);
    layer->memory = arena.base;
    return bias || layer->pattern.pooling ? arrange_biases(layer, bias) : VC_OK;
}

vc_status vc_packed_attention_open(vc_packed_attention *layer, const vc_plan_layer *plan,
                                   const float *bias, const vc_pattern_options *options)
{
    assert(!layer->bf16 || (layer->head_dim % 16 == 0 && layer->value_dim % 16 == 0));
    VC_TRY(plan
               ? vc_pattern_open(&layer->pattern, plan, options)
               : vc_pattern_open_whole(&layer->pattern, layer->heads, layer->queries, layer->keys));
    const vc_status status = open_heads(layer, bias);
    if (status != VC_OK)
        vc_packed_attention_close(layer);
    return status;
}

void vc_packed_attention_close(vc_packed_attention *layer)
{
    vc_pattern_close(&layer->pattern);
    free(layer->memory);
    *layer = (vc_packed_attention){0};
}
