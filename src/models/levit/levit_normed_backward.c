/* Backward of products with BatchNorm, whose parameters may be in use as rearranged copies, and
 * of attention's biases. */
#include <string.h>

#include "levit_backward_impl.h"

void vc__normed_backward(float *dx, const vc__levit_normed *d, float *dproduct, const float *dy,
                         const vc__normed_layer *layer)
{
    const vc__levit_normed_acts *n = layer->acts;
    const vc_linear product = {layer->inputs, layer->outputs, n->weight, NULL};
    vc_batchnorm_backward(dproduct, d->norm_w, d->norm_b, dy, n->product, n->mean, n->variance,
                          n->norm_w, layer->rows, layer->outputs, VC__LEVIT_EPS);
    vc_linear_backward_in(layer->half, dx, d->weight, NULL, dproduct, layer->x, &product,
                          layer->rows);
}

static void clear_copies(vc__levit_grads *g, const vc__normed_layer *layer)
{
    memset(g->sorted, 0, layer->outputs * layer->inputs * sizeof(float));
    memset(g->sorted_w, 0, layer->outputs * sizeof(float));
    memset(g->sorted_b, 0, layer->outputs * sizeof(float));
}

void vc__sorted_backward(float *dx, const vc__levit_normed *d, vc__levit_grads *g, float *dproduct,
                         const float *dy, const vc__normed_layer *layer, const size_t *order)
{
    const vc__levit_normed sorted = {
        .weight = g->sorted, .norm_w = g->sorted_w, .norm_b = g->sorted_b};
    clear_copies(g, layer);
    vc__normed_backward(dx, &sorted, dproduct, dy, layer);
    for (size_t o = 0; o < layer->outputs; o++) {
        const float *from = g->sorted + o * layer->inputs;
        float *to = d->weight + order[o] * layer->inputs;
        for (size_t i = 0; i < layer->inputs; i++)
            to[i] += from[i];
        d->norm_w[order[o]] += g->sorted_w[o];
        d->norm_b[order[o]] += g->sorted_b[o];
    }
}

void vc__kernel_backward(float *dx, const vc__levit_normed *d, vc__levit_grads *g, float *dproduct,
                         const float *dy, const vc__normed_layer *layer, size_t channels)
{
    const vc__levit_normed windowed = {
        .weight = g->sorted, .norm_w = d->norm_w, .norm_b = d->norm_b};
    const size_t inputs = layer->inputs, window = inputs / channels;
    clear_copies(g, layer);
    vc__normed_backward(dx, &windowed, dproduct, dy, layer);
    for (size_t o = 0; o < layer->outputs; o++)
        for (size_t i = 0; i < inputs; i++)
            d->weight[o * inputs + i] += g->sorted[o * inputs + i % window * channels + i / window];
}

void vc__biases_backward(float *dbiases, vc__levit_grads *g, const vc__levit_shape *s,
                         const vc_pattern *pattern, size_t batch)
{
    const size_t queries = s->side_out * s->side_out, keys = s->side_in * s->side_in;
    const size_t heads = s->attention.heads, dense = heads * queries * keys;
    const size_t count = pattern ? pattern->values : dense;
    const float *summed = g->biases[0];
    memset(g->biases[0], 0, count * sizeof(float));
    vc_column_sum(g->biases[0], g->scores, batch, count);
    if (pattern) {
        vc_pattern_spread(g->biases[1], summed, pattern);
        summed = g->biases[1];
    }
    for (size_t i = 0; i < dense; i++)
        dbiases[i / (queries * keys) * keys + vc__levit_offset(s, i / keys % queries, i % keys)] +=
            summed[i];
}
