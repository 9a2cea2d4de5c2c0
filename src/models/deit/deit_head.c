/* What follows the blocks, forward and backward: the last norm, what classifiers read, heads. */
#include <math.h>
#include <string.h>

#include "deit_impl.h"
#include "token_impl.h"

static vc_linear head_of(const vc__deit_config *c, const vc__deit_weights *w, size_t index)
{
    return (vc_linear){.inputs = vc__deit_features(c),
                       .outputs = c->classes,
                       .weight = index == 0 ? w->head_w : w->head_dist_w,
                       .bias = index == 0 ? w->head_b : w->head_dist_b};
}

static vc_linear pre_logits_of(const vc__deit_config *c, const vc__deit_weights *w)
{
    return (vc_linear){c->width, c->representation, w->pre_w, w->pre_b};
}

static int is_average(const vc__deit_config *c)
{
    return c->pool == VC__DEIT_POOL_AVERAGE;
}

/* out (C) = the mean of x (count, C) */
static void mean(float *out, const float *x, size_t count, size_t width, const vc__tokens *tokens)
{
    if (tokens)
        vc__tokens_mean(out, x, tokens, width);
    else
        vc_tokens_mean(out, x, 1, count, width);
}

/* What the last norm takes of x, an image's tokens. */
static void take(float *out, const float *x, const vc__deit_config *c, size_t normed,
                 const vc__tokens *tokens)
{
    const size_t prefix = is_average(c) ? vc__deit_prefix_tokens(c) : 0;
    if (is_average(c) && c->fc_norm)
        mean(out, x + prefix * c->width, vc__deit_tokens(c) - prefix, c->width, tokens);
    else
        memcpy(out, x + prefix * c->width, normed * c->width * sizeof *out);
}

/* out (B, F) = tanh of the product of what was pooled, x (B, C). */
static void represent(float *out, const float *x, const vc__deit_config *c,
                      const vc__deit_weights *w, size_t batch)
{
    const vc_linear pre = pre_logits_of(c, w);
    vc_linear_forward(out, x, &pre, batch, NULL);
    for (size_t i = 0; i < batch * c->representation; i++)
        out[i] = tanhf(out[i]);
}

/* From the gradient of what the head reads, g->head, to that of what was pooled. */
static const float *represent_backward(vc__deit_grads *g, const vc__deit_acts *a,
                                       const vc__deit_config *c, const vc__deit_weights *w,
                                       size_t batch)
{
    const vc_linear pre = pre_logits_of(c, w);
    if (!g->pooled)
        return g->head;
    for (size_t i = 0; i < batch * c->representation; i++)
        g->head[i] *= 1.0f - a->head_in[i] * a->head_in[i];
    vc_linear_backward(g->pooled, g->views.pre_w, g->views.pre_b, g->head, a->pooled, &pre, batch);
    return g->pooled;
}

void vc__deit_classify(vc_acts *acts, const vc_model *model, size_t batch, const vc__tokens *tokens)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    vc__deit_acts *a = vc__deit_acts_of(acts);
    const size_t classifiers = vc__deit_classifiers(c), width = c->width, all = vc__deit_tokens(c),
                 features = vc__deit_features(c);
    const int mean_last = is_average(c) && !c->fc_norm;
    const size_t normed =
        mean_last && tokens ? tokens->now - vc__deit_prefix_tokens(c) : vc__deit_normed(c);
    for (size_t b = 0; b < batch; b++)
        take(a->class_in + b * normed * width, a->tokens + b * all * width, c, normed, tokens);
    vc_layernorm_forward(a->class_norm, a->class_mean, a->class_rstd, a->class_in, vc__deit_gain(w),
                         vc__deit_shift(w), batch * normed, width, vc__deit_eps(c));
    for (size_t k = 0; k < classifiers; k++) {
        float *read = a->head_in + k * batch * features, *in = a->pooled ? a->pooled : read;
        for (size_t b = 0; b < batch; b++) {
            const float *x = a->class_norm + (b * normed + k) * width;
            if (mean_last)
                mean(in + b * width, x, normed, width, tokens);
            else
                memcpy(in + b * width, x, width * sizeof *in);
        }
        if (a->pooled)
            represent(read, a->pooled, c, w, batch);
        const vc_linear head = head_of(c, w, k);
        vc_linear_forward(a->head_out + k * batch * c->classes, read, &head, batch, NULL);
    }
    const float *first = a->head_out, *second = a->head_out + batch * c->classes;
    for (size_t i = 0; i < batch * c->classes; i++)
        acts->logits[i] = classifiers == 1 ? first[i] : 0.5f * (first[i] + second[i]);
}

/* The gradient of an image's tokens that the last norm took, from that of what it took. */
static void give_back(float *stream, const float *dtaken, const vc__deit_config *c)
{
    const size_t prefix = is_average(c) ? vc__deit_prefix_tokens(c) : 0, width = c->width;
    float *to = stream + prefix * width;
    if (is_average(c) && c->fc_norm)
        vc_tokens_mean_backward(to, dtaken, 1, vc__deit_tokens(c) - prefix, width);
    else
        memcpy(to, dtaken, vc__deit_normed(c) * width * sizeof *to);
}

void vc__deit_classify_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                size_t batch)
{
    vc__deit_grads *g = vc__deit_grads_of(grads);
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    const vc__deit_acts *a = vc__deit_acts_of(acts);
    const size_t tokens = vc__deit_tokens(c), normed = vc__deit_normed(c), width = c->width;
    for (size_t k = 0; k < vc__deit_classifiers(c); k++) {
        vc__classifier_gradient(grads, model, k, batch);
        const vc_linear head = head_of(c, w, k);
        vc_linear_backward(g->head, k == 0 ? g->views.head_w : g->views.head_dist_w,
                           k == 0 ? g->views.head_b : g->views.head_dist_b, grads->classified,
                           a->head_in + k * batch * vc__deit_features(c), &head, batch);
        const float *dread = represent_backward(g, a, c, w, batch);
        for (size_t b = 0; b < batch; b++) {
            float *to = g->class_norm + (b * normed + k) * width;
            if (is_average(c) && !c->fc_norm)
                vc_tokens_mean_backward(to, dread + b * width, 1, normed, width);
            else
                memcpy(to, dread + b * width, width * sizeof *to);
        }
    }
    memset(g->class_in, 0, batch * normed * width * sizeof(float));
    vc_layernorm_backward(g->class_in, vc__deit_gain(&g->views), vc__deit_shift(&g->views),
                          g->class_norm, a->class_in, a->class_mean, a->class_rstd,
                          vc__deit_gain(w), batch * normed, width);
    memset(g->stream, 0, batch * tokens * width * sizeof(float));
    for (size_t b = 0; b < batch; b++)
        give_back(g->stream + b * tokens * width, g->class_in + b * normed * width, c);
}
