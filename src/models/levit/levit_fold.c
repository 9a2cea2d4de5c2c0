/* What inference runs on: BatchNorm folded into the products before it (or, in the heads, after
 * it), heads sorted, biases laid out as the scores are. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "levit_impl.h"

void vc__levit_expand_biases(float *out, const float *biases, const vc__levit_shape *s)
{
    const size_t queries = s->side_out * s->side_out, keys = s->side_in * s->side_in;
    for (size_t h = 0; h < s->attention.heads; h++)
        for (size_t q = 0; q < queries; q++)
            for (size_t k = 0; k < keys; k++)
                out[(h * queries + q) * keys + k] = biases[h * keys + vc__levit_offset(s, q, k)];
}

static vc_status check_table(const vc_model *model, size_t block, const char *name)
{
    const vc_tensor_file *file = model->files[0];
    const vc__levit_shape s = vc__levit_block_shape(vc__levit_sizes_of(&model->config), block);
    const size_t shape[] = {s.side_out * s.side_out, s.side_in * s.side_in};
    const vc_tensor *found;
    if (!vc_tensor_file_find(file, name))
        return VC_OK;
    VC_TRY(vc_tensor_file_get(&found, file, name, VC_I64, 2, shape));
    const int64_t *have = found->data;
    for (size_t i = 0; i < shape[0] * shape[1]; i++) {
        const size_t want = vc__levit_offset(&s, i / shape[1], i % shape[1]);
        if (have[i] != (int64_t)want)
            return vc_fail(VC_EFORMAT, "'%s' holds %lld at flat index %zu, wanted %zu", name,
                           (long long)have[i], i, want);
    }
    return VC_OK;
}

/* A table stands beside the biases that it points into, one pair per block. */
vc_status vc__levit_check_indices(const vc_model *model)
{
    static const char biases[] = "attention_biases";
    size_t block = 0;
    for (size_t p = 0; model->files[0] && p < model->param_count; p++) {
        const char *const names[] = {model->params[p].name, model->params[p].alias};
        if (!strstr(names[0], biases))
            continue;
        for (size_t i = 0; i < 2; i++) {
            char name[112];
            snprintf(name, sizeof name, "%.*sattention_bias_idxs",
                     (int)(strlen(names[i]) - sizeof biases + 1), names[i]);
            VC_TRY(check_table(model, block, name));
        }
        block++;
    }
    return VC_OK;
}

static double norm_scale(float weight, float variance)
{
    return weight / sqrt((double)variance + (double)VC__LEVIT_EPS);
}

/* Output o of the folded product is output order[o] of the original (NULL: the same). The inputs
 * of a convolution, (channels, 3, 3), become (3, 3, channels); channels 0: it is none. */
static void fold_product(vc_linear *out, const vc__levit_normed *n, const size_t *order,
                         size_t channels)
{
    enum { WINDOW = 9 };
    float *weight = (float *)out->weight, *bias = (float *)out->bias;
    for (size_t o = 0; o < out->outputs; o++) {
        size_t from = order ? order[o] : o;
        double scale = norm_scale(n->norm_w[from], n->variance[from]);
        bias[o] = (float)(n->norm_b[from] - n->mean[from] * scale);
        for (size_t i = 0; i < out->inputs; i++) {
            size_t to = channels ? i % WINDOW * channels + i / WINDOW : i;
            weight[o * out->inputs + to] = (float)(n->weight[from * out->inputs + i] * scale);
        }
    }
}

/* Of every head in turn (Q,) K, V; sorted: all of one, then all of the next. */
static void sort_heads(size_t *order, const vc__levit_attention *a, size_t key_parts)
{
    size_t per_head = key_parts * a->key_dim + a->value_dim, at = 0;
    for (size_t part = 0; part <= key_parts; part++) {
        size_t dim = part < key_parts ? a->key_dim : a->value_dim;
        for (size_t h = 0; h < a->heads; h++)
            for (size_t i = 0; i < dim; i++)
                order[at++] = h * per_head + part * a->key_dim + i;
    }
}

static void add_head(vc_linear *out, const vc__levit_head *h, double share)
{
    float *weight = (float *)out->weight, *bias = (float *)out->bias;
    for (size_t o = 0; o < out->outputs; o++) {
        double sum = h->bias[o];
        for (size_t i = 0; i < out->inputs; i++) {
            double scale = norm_scale(h->norm_w[i], h->variance[i]);
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

static vc__levit_folded_block place_block(vc_arena *arena, const vc__levit_config *c, size_t index)
{
    const vc__levit_shape s = vc__levit_block_shape(c, index);
    const vc__levit_attention *a = &s.attention;
    vc__levit_folded_block out = {
        .in = place_linear(arena, s.projected, s.width_in),
        .proj = place_linear(arena, s.width_out, s.values),
        .fc1 = place_linear(arena, a->hidden, s.width_out),
        .fc2 = place_linear(arena, s.width_out, a->hidden),
        .bias = vc_arena_floats(arena, a->heads * s.side_out * s.side_out * s.side_in * s.side_in),
        .order = vc_arena_take(arena, s.projected * sizeof(size_t))};
    if (s.subsampling)
        out.q = place_linear(arena, s.keys, s.width_in);
    return out;
}

static void place_folded(vc__levit_folded *out, vc_arena *arena, const vc__levit_config *c)
{
    for (size_t i = 0; i < VC__LEVIT_STEM; i++)
        out->stem[i] = place_linear(arena, c->stem[i], 9 * (i ? c->stem[i - 1] : c->channels));
    out->head = place_linear(arena, c->classes, c->stages[VC__LEVIT_STAGES - 1].width);
    size_t blocks = vc__levit_blocks(c);
    out->blocks = vc_arena_take(arena, blocks * sizeof *out->blocks);
    for (size_t b = 0; b < blocks; b++) {
        vc__levit_folded_block made = place_block(arena, c, b);
        if (out->blocks)
            out->blocks[b] = made;
    }
}

static void fold_block(vc__levit_folded_block *out, const vc__levit_block *b,
                       const vc__levit_config *c, size_t index)
{
    const vc__levit_shape s = vc__levit_block_shape(c, index);
    sort_heads(out->order, &s.attention, s.subsampling ? 1 : 2);
    fold_product(&out->in, &b->in, out->order, 0);
    if (s.subsampling)
        fold_product(&out->q, &b->q, NULL, 0);
    fold_product(&out->proj, &b->proj, NULL, 0);
    fold_product(&out->fc1, &b->fc1, NULL, 0);
    fold_product(&out->fc2, &b->fc2, NULL, 0);
    vc__levit_expand_biases(out->bias, b->biases, &s);
}

static void fold_head(vc_linear *out, const vc__levit_weights *w, int distilled)
{
    memset((float *)out->weight, 0, out->outputs * out->inputs * sizeof(float));
    memset((float *)out->bias, 0, out->outputs * sizeof(float));
    add_head(out, &w->head, distilled ? 0.5 : 1.0);
    if (distilled)
        add_head(out, &w->head_dist, 0.5);
}

static void fold_model(vc_model *model)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    const vc__levit_weights *w = vc__levit_weights_of(model);
    vc__levit_folded *out = vc__levit_folded_of(model);
    for (size_t i = 0; i < VC__LEVIT_STEM; i++)
        fold_product(&out->stem[i], &w->stem[i], NULL, i ? c->stem[i - 1] : c->channels);
    for (size_t b = 0; b < vc__levit_blocks(c); b++)
        fold_block(&out->blocks[b], &w->blocks[b], c, b);
    fold_head(&out->head, w, c->distilled);
}

vc_status vc__levit_fold(vc_model *model)
{
    const vc__levit_config *c = vc__levit_sizes_of(&model->config);
    vc__levit_state *state = model->state;
    if (!state->arena.base) {
        place_folded(&state->folded, &state->arena, c);
        VC_TRY(vc_arena_reserve(&state->arena));
        place_folded(&state->folded, &state->arena, c);
    }
    fold_model(model);
    return VC_OK;
}

void vc__levit_refresh(vc_model *model)
{
    fold_model(model);
    vc__refresh_biases(model);
}
