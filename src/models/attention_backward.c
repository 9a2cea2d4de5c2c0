/* Backward of what lies between the projections, the same for every family. */
#include <math.h>

#include "backward_impl.h"
#include "model_impl.h"

static void autoencoders_backward(vc_grads *g, const vc__attention_grads *a,
                                  const vc_coder coders[2], const vc_acts *acts,
                                  const vc_model *model, size_t layer, float weight)
{
    const vc_attention_layer l = vc_model_layer(&model->config, layer);
    const float *const x[] = {a->q, a->k};
    float *const dx[] = {a->dq, a->dk};
    vc_autoencoder ae[2];
    vc_model_autoencoders(ae, &l, vc_model_coder(model, layer), a->shape.q_stride, a->shape.batch);
    for (size_t i = 0; i < 2; i++) {
        if (!ae[i].compressed)
            continue;
        const double norm = sqrt(acts->distances[2 * layer + i]);
        vc_autoencoder_backward(&coders[i], dx[i], g->encoded[i], g->decoded[i], g->scratch, x[i],
                                a->encoded[i], a->decoded[i], &ae[i],
                                norm > 0.0 ? (float)(weight / norm) : 0.0f);
    }
}

/* sums (count) += the rows of x (rows, count) */
static void add_rows(float *sums, const float *x, size_t rows, size_t count)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < count; i++)
        for (size_t r = 0; r < rows; r++)
            sums[i] += x[r * count + i];
}

/* The plan's parameters get the sums over images, and the weights of the pooling over heads too. */
static void add_summary_gradients(vc_grads *g, const vc_model *model, size_t layer, size_t batch)
{
    const vc_restriction *r = model->restriction;
    const vc_plan_layer *p = &r->plan.layers[layer];
    if (g->summary_bias)
        add_rows(g->values + (r->summary_biases[layer] - model->values), g->summary_bias, batch,
                 p->heads * p->queries * p->pooling.count);
    if (g->pool_query && p->pooling.query)
        add_rows(g->values + (r->poolings[layer].query - model->values), g->pool_query, batch,
                 p->heads * p->pooling.dim);
    if (g->pool_weights)
        add_rows(g->values + (r->poolings[layer].weights - model->values), g->pool_weights,
                 batch * p->heads, p->pooling.entries);
}

void vc__attention_backward(vc_grads *g, const vc__attention_grads *a, const vc_coder coders[2],
                            const vc_acts *acts, const vc_model *model, size_t layer,
                            float reconstruction)
{
    const int coded[] = {a->decoded[0] != NULL, a->decoded[1] != NULL};
    const float *q = coded[0] ? a->decoded[0] : a->q, *k = coded[1] ? a->decoded[1] : a->k;
    float *dq = coded[0] ? g->decoded[0] : a->dq, *dk = coded[1] ? g->decoded[1] : a->dk;
    vc_attention_shape shape = a->shape;
    if (coded[0])
        shape.q_stride = shape.heads * shape.head_dim;
    if (coded[1])
        shape.k_stride = shape.heads * shape.head_dim;
    const vc_attention attention = {.shape = shape,
                                    .q = q,
                                    .k = k,
                                    .v = a->v,
                                    .pattern = vc_model_pattern(model, layer),
                                    .bias = vc__arranged_bias(model, layer)};
    if (g->on_heads)
        g->on_heads(g->context, layer, &attention, a->probs, a->dout);
    const vc_attention_gradients to = {.q = dq,
                                       .k = dk,
                                       .v = a->dv,
                                       .scores = a->dscores,
                                       .summary_bias = g->summary_bias,
                                       .pool_weights = g->pool_weights,
                                       .pool_query = g->pool_query};
    vc_attention_backward(&to, g->scratch, a->dout, a->probs, &attention);
    if (attention.pattern && attention.pattern->pooling)
        add_summary_gradients(g, model, layer, shape.batch);
    if (coded[0] || coded[1])
        autoencoders_backward(g, a, coders, acts, model, layer, reconstruction);
}
