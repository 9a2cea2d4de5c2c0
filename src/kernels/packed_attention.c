/* Prepares a pattern for inference: where panels are, and biases in the layout that kernels
 * read. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "packed_attention_impl.h"
#include "vitcod/arena.h"

static size_t whole_lines(size_t floats)
{
    return (floats + VC_PANEL - 1) / VC_PANEL * VC_PANEL;
}

/* K and V of the tokens are behind the head's panel. */
static const vc_row_groups *place_groups(vc_arena *arena, const vc_row_groups *counted,
                                         const vc_packed_attention *layer, size_t panel_start)
{
    const size_t groups = (layer->queries + VC_GROUP_ROWS - 1) / VC_GROUP_ROWS,
                 k_at = layer->panel_floats - panel_start,
                 v_at = k_at + whole_lines(layer->keys * layer->head_dim);
    vc_row_groups *out = vc_arena_take(arena, sizeof *out);
    const size_t *start = vc_arena_take(arena, (groups + 1) * sizeof *start);
    const vc_group_part *parts = vc_arena_take(arena, counted->part_count * sizeof *parts);
    const int32_t *keys = vc_arena_take(arena, counted->key_count * sizeof *keys);
    if (arena->base)
        *out = (vc_row_groups){
            .part_start = start, .parts = parts, .keys = keys, .k_at = k_at, .v_at = v_at};
    return out;
}

/* Lays out the memory; the same code first counts and then hands out. */
static void place_heads(vc_arena *arena, vc_packed_attention *layer, int tokens_biased,
                        const vc_row_groups *groups)
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
        if (groups[h].part_count > 0) {
            head.groups = place_groups(arena, &groups[h], layer, head.panel_start);
            layer->panel_floats += whole_lines(layer->keys * layer->head_dim) +
                                   whole_lines(layer->keys * layer->value_dim);
        }
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

/* Counts what groups of the heads would be, and forgets those that cost more than rows do. */
static vc_status choose_groups(vc_row_groups *counted, const vc_packed_attention *layer,
                               const vc_split_costs *costs)
{
    for (size_t h = 0; h < layer->heads; h++) {
        const vc_pattern_head *head = &layer->pattern.head[h];
        if (!head->row_start)
            continue;
        VC_TRY(vc__make_groups(&counted[h], head, layer->queries, layer->keys, 0));
        if (!vc__groups_pay(&counted[h], head, layer->queries, costs))
            counted[h] = (vc_row_groups){0};
    }
    return VC_OK;
}

static vc_status make_groups(const vc_packed_attention *layer)
{
    for (size_t h = 0; h < layer->heads; h++)
        if (layer->head[h].groups)
            VC_TRY(vc__make_groups((vc_row_groups *)layer->head[h].groups, &layer->pattern.head[h],
                                   layer->queries, layer->keys, 1));
    return VC_OK;
}

static vc_status open_heads(vc_packed_attention *layer, const float *bias,
                            const vc_split_costs *costs, vc_row_groups *groups)
{
    vc_arena arena = {0};
    if (!bias && costs->row_entry > costs->panel_entry)
        VC_TRY(choose_groups(groups, layer, costs));
    place_heads(&arena, layer, bias != NULL, groups);
    VC_TRY(vc_arena_reserve(&arena));
    place_heads(&arena, layer, bias != NULL, groups);
    layer->memory = arena.base;
    VC_TRY(make_groups(layer));
    return bias || layer->pattern.pooling ? arrange_biases(layer, bias) : VC_OK;
}

vc_status vc_packed_attention_open(vc_packed_attention *layer, const vc_plan_layer *plan,
                                   const float *bias, const vc_pattern_options *options)
{
    assert(!layer->bf16 || (layer->head_dim % 16 == 0 && layer->value_dim % 16 == 0));
    VC_TRY(plan
               ? vc_pattern_open(&layer->pattern, plan, options)
               : vc_pattern_open_whole(&layer->pattern, layer->heads, layer->queries, layer->keys));
    vc_row_groups *groups = calloc(layer->heads, sizeof *groups);
    const vc_status status =
        groups ? open_heads(layer, bias, &options->costs, groups)
               : vc_fail(VC_ENOMEM, "out of memory for attention of %zu heads", layer->heads);
    free(groups);
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
