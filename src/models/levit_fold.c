/* What inference runs on: BatchNorm folded into the products before it (or, in the heads, after it),
 * heads sorted, biases laid out as the scores are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "levit_impl.h"

static size_t distance(size_t a, size_t b)
{
    return a > b ? a - b : b - a;
}

/* Index of the bias between a query and a key, tokens counted row by row; queries are every
 * `stride`-th token (timm numbers offsets in the order in which the first query meets them). */
static size_t offset_of(size_t query, size_t key, size_t side_out, size_t side_in, size_t stride)
{
    size_t dy = distance(query / side_out * stride, key / side_in);
    size_t dx = distance(query % side_out * stride, key % side_in);
    return dy * side_in + dx;
}

static void expand_biases(float *out, const float *biases, size_t heads, const vc__levit_span *span,
                          size_t stride)
{
    size_t queries = span->side_out * span->side_out, keys = span->side_in * span->side_in;
    for (size_t h = 0; h < heads; h++)
        for (size_t q = 0; q < queries; q++)
            for (size_t k = 0; k < keys; k++)
                out[(h * queries + q) * keys + k] =
                    biases[h * keys + offset_of(q, k, span->side_out, span->side_in, stride)];
}

vc_status vc__levit_check_indices(const vc_levit_config *c, const vc_tensor_file *file)
{
    for (size_t b = 0; b < vc__levit_blocks(c); b++) {
        const vc__levit_place place = vc__levit_place_of(c, b);
        const vc__levit_span span = vc__levit_span_of(c, place);
        size_t queries = span.side_out * span.side_out, keys = span.side_in * span.side_in;
        const size_t shape[] = {queries, keys};
        char name[112];
        snprintf(name, sizeof name, "blocks.%zu%s.attention_bias_idxs", 2 * b,
                 place.subsampling ? "" : ".m");
        const vc_tensor *found = vc_tensor_file_find(file, name);
        if (!found) {
            if (place.subsampling)
                snprintf(name, sizeof name, "stages.%zu.downsample.attn_downsample.%s", place.stage,
                         "attention_bias_idxs");
            else
                snprintf(name, sizeof name, "stages.%zu.blocks.%zu.attn.attention_bias_idxs",
                         place.stage, place.block);
            found = vc_tensor_file_find(file, name);
        }
        if (!found)
            continue;
        VC_TRY(vc_tensor_file_get(&found, file, name, VC_I64, 2, shape));
        const int64_t *have = found->data;
        for (size_t i = 0; i < queries * keys; i++) {
            size_t want = offset_of(i / keys, i % keys, span.side_out, span.side_in,
                                    place.subsampling ? 2 : 1);
            if (have[i] != (int64_t)want)
                return vc_fail(VC_EFORMAT, "%s: '%s' holds %lld at flat index %zu, wanted %zu",
                               vc_tensor_file_path(file), name, (long long)have[i], i, want);
        }
    }
    return VC_OK;
}

/* Output o of the folded product is output order[o] of the original (NULL: the same). */
static void fold_product(vc_linear *out, const vc_normed *n, const size_t *order)
{
    float *weight = (float *)out->weight, *bias = (float *)out->bias;
    for (size_t o = 0; o < out->outputs; o++) {
        size_t from = order ? order[o] : o;
        double scale = n->norm_w[from] / sqrt((double)n->variance[from] + (double)VC_LEVIT_EPS);
        bias[o] = (float)(n->norm_b[from] - n->mean[from] * scale);
        for (size_t i = 0; i < out->inputs; i++)
            weight[o * out->inputs + i] = (float)(n->weight[from * out->inputs + i] * scale);
    }
}

/* (outputs, channels, 3, 3) to (outputs, 3, 3, channels). */
static void fold_convolution(vc_linear *out, const vc_normed *n, size_t channels)
{
    enum { WINDOW = 9 };
    float *weight = (float *)out->weight;
    fold_product(out, n, NULL);
    for (size_t o = 0; o < out->outputs; o++) {
        double scale = n->norm_w[o] / sqrt((double)n->variance[o] + (double)VC_LEVIT_EPS);
        for (size_t c = 0; c < channels; c++)
            for (size_t w = 0; w < WINDOW; w++)
                weight[o * out->inputs + w * channels + c] =
                    (float)(n->weight[o * out->inputs + c * WINDOW + w] * scale);
    }
}

/* Of every head in turn (Q,) K, V; sorted: all of one, then all of the next. */
static void sort_heads(size_t *order, const vc_levit_attention *a, size_t key_parts)
{
    size_t per_head = key_parts * a->key_dim + a->value_dim, at = 0;
    for (size_t part = 0; part <= key_parts; part++) {
        size_t dim = part < key_parts ? a->key_dim : a->value_dim;
        for (size_t h = 0; h < a->heads; h++)
            for (size_t i = 0; i < dim; i++)
                order[at++] = h * per_head + part * a->key_dim + i;
    }
}

static void add_head(vc_linear *out, const vc_levit_head *h, double share)
{
    float *weight = (float *)out->weight, *bias = (float *)out->bias;
    for (size_t o = 0; o < out->outputs; o++) {
        double sum = h->bias[o];
        for (size_t i = 0; i < out->inputs; i++) {
            double scale = h->norm_w[i] / sqrt((double)h->variance[i] + (double)VC_LEVIT_EPS);
            double w = h->weight[o * out->inputs + i];
            sum += w * (h->norm_b[i] - h->mean[i] * scale);
            weight[o * out->inputs + i] += (float)(share * w * scale);
        }
        bias[o] += (float)(share * sum);
    }
}

static vc_linear place_linear(vc_arena *arena, size_t outputs, size_t inputs)
{
    return (vc_linear){.inputs = inputs,
                       .outputs = outputs,
                       .weight = vc_arena_floats(arena, outputs * inputs),
                       .bias = vc_arena_floats(arena, outputs)};
}

static vc_levit_folded_block place_block(vc_arena *arena, const vc_levit_config *c, size_t index)
{
    const vc__levit_place place = vc__levit_place_of(c, index);
    const vc_levit_attention *a = vc__levit_attention_of(c, place);
    const vc__levit_span s = vc__levit_span_of(c, place);
    size_t keys = a->heads * a->key_dim, values = a->heads * a->value_dim;
    vc_levit_folded_block out = {
        .in = place_linear(arena, (place.subsampling ? keys : 2 * keys) + values, s.width_in),
        .proj = place_linear(arena, s.width_out, values),
        .fc1 = place_linear(arena, a->hidden, s.width_out),
        .fc2 = place_linear(arena, s.width_out, a->hidden),
        .bias = vc_arena_floats(arena, a->heads * s.side_out * s.side_out * s.side_in * s.side_in)};
    if (place.subsampling)
        out.q = place_linear(arena, keys, s.width_in);
    return out;
}

static void place(vc_levit_folded *out, vc_arena *arena, const vc_levit_config *c)
{
    for (size_t i = 0; i < VC_LEVIT_STEM; i++)
        out->stem[i] = place_linear(arena, c->stem[i], 9 * (i ? c->stem[i - 1] : c->channels));
    out->head = place_linear(arena, c->classes, c->stages[VC_LEVIT_STAGES - 1].width);
    size_t blocks = vc__levit_blocks(c);
    out->blocks = vc_arena_take(arena, blocks * sizeof *out->blocks);
    for (size_t b = 0; b < blocks; b++) {
        vc_levit_folded_block made = place_block(arena, c, b);
        if (out->blocks)
            out->blocks[b] = made;
    }
}

static void fold_block(vc_levit_folded_block *out, size_t *order, const vc_levit_block *b,
                       const vc_levit_config *c, size_t index)
{
    const vc__levit_place where = vc__levit_place_of(c, index);
    const vc_levit_attention *a = vc__levit_attention_of(c, where);
    const vc__levit_span span = vc__levit_span_of(c, where);
    sort_heads(order, a, where.subsampling ? 1 : 2);
    fold_product(&out->in, &b->in, order);
    if (where.subsampling)
        fold_product(&out->q, &b->q, NULL);
    fold_product(&out->proj, &b->proj, NULL);
    fold_product(&out->fc1, &b->fc1, NULL);
    fold_product(&out->fc2, &b->fc2, NULL);
    expand_biases(out->bias, b->biases, a->heads, &span, where.subsampling ? 2 : 1);
}

vc_status vc__levit_fold(vc_model *model)
{
    const vc_levit_config *c = &model->config.levit;
    const vc_levit_weights *w = &model->levit;
    vc_levit_folded *out = &model->levit_folded;
    size_t most = 0;
    place(out, &model->folded, c);
    VC_TRY(vc_arena_reserve(&model->folded));
    place(out, &model->folded, c);
    for (size_t b = 0; b < vc__levit_blocks(c); b++)
        most = out->blocks[b].in.outputs > most ? out->blocks[b].in.outputs : most;
    size_t *order = malloc(most * sizeof *order);
    if (!order)
        return vc_fail(VC_ENOMEM, "out of memory");
    for (size_t i = 0; i < VC_LEVIT_STEM; i++)
        fold_convolution(&out->stem[i], &w->stem[i], i ? c->stem[i - 1] : c->channels);
    for (size_t b = 0; b < vc__levit_blocks(c); b++)
        fold_block(&out->blocks[b], order, &w->blocks[b], c, b);
    free(order);
    add_head(&out->head, &w->head, c->distilled ? 0.5 : 1.0);
    if (c->distilled)
        add_head(&out->head, &w->head_dist, 0.5);
    return VC_OK;
}
