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

/* out (C) = the mean of x (count, C) */
static void mean(float *out, const float *x, size_t count, size_t width, const vc__tokens *tokens)
{
    if (tokens)
        vc__tokens_mean(out, x, tokens, width);
    else
        vc_tokens_mean(out, x, 1, count, width);
}

/* What the last norm takes of x, an image's tokens. */
static void take(float *out, const float *x, const vc__deit_reading *r, size_t width,
                 const vc__tokens *tokens)
{
    if (r->mean_first)
        mean(out, x + r->first * width, r->count, width, tokens);
    else
        memcpy(out, x + r->first * width, r->normed * width * sizeof *out);
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

/* What is read of all images' tokens: a->class_norm (B, normed, C). */
static void read_tokens(const vc__deit_acts *a, const vc__deit_config *c, const vc__deit_weights *w,
                        const vc__deit_reading *r, size_t batch, const vc__tokens *tokens)
{
    const size_t width = c->width, all = vc__deit_tokens(c), rows = batch * r->normed;
    for (size_t b = 0; b < batch; b++)
        take(a->class_in + b * r->normed * width, a->tokens + b * all * width, r, width, tokens);
    if (r->norm)
        vc_layernorm_forward(a->class_norm, a->class_mean, a->class_rstd, a->class_in,
                             vc__deit_gain(w), vc__deit_shift(w), rows, width, vc__deit_eps(c));
    else
        memcpy(a->class_norm, a->class_in, rows * width * sizeof(float));
}

/* pooled (B, C): what head k reads. */
static void pool(float *pooled, const vc__deit_acts *a, const vc__deit_config *c,
                 const vc__deit_reading *r, size_t k, size_t batch, const vc__tokens *tokens)
{
    for (size_t b = 0; b < batch; b++) {
        const float *x = a->class_norm + (b * r->normed + k) * c->width;
        if (r->mean_last)
            mean(pooled + b * c->width, x, r->count, c->width, tokens);
        else
            memcpy(pooled + b * c->width, x, c->width * sizeof *pooled);
    }
}

void vc__deit_classify(vc_acts *acts, const vc_model *model, size_t batch, const vc__tokens *tokens)
{
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    vc__deit_acts *a = vc__deit_acts_of(acts);
    vc__deit_reading r = vc__deit_reading_of(c);
    const size_t classifiers = vc__deit_classifiers(c), features = vc__deit_features(c),
                 outputs = batch * vc__deit_outputs(c);
    if (tokens && r.count > classifiers) /* fewer are left */
        r.count = tokens->now - r.first;
    r.normed = r.mean_first ? 1 : r.count;
    read_tokens(a, c, w, &r, batch, tokens);
    if (r.output == VC__DEIT_CLASS || r.output == VC__DEIT_TOKENS) {
        memcpy(acts->logits, a->class_norm, batch * r.count * c->width * sizeof(float));
        return;
    }
    for (size_t k = 0; k < classifiers; k++) {
        float *read = a->head_in + k * batch * features, *out = a->head_out + k * outputs;
        const vc_linear head = head_of(c, w, k);
        if (r.output == VC__DEIT_POOLED) {
            pool(out, a, c, &r, k, batch, tokens);
            continue;
        }
        pool(a->pooled ? a->pooled : read, a, c, &r, k, batch, tokens);
        if (a->pooled)
            represent(read, a->pooled, c, w, batch);
        vc_linear_forward(out, read, &head, batch, NULL);
    }
    const float *first = a->head_out, *second = a->head_out + outputs;
    for (size_t i = 0; i < outputs; i++)
        acts->logits[i] = classifiers == 1 ? first[i] : 0.5f * (first[i] + second[i]);
}

/* The gradient of what head k reads, (B, C), from that of the outputs. */
static const float *head_backward(vc_grads *grads, const vc__deit_acts *a, const vc_model *model,
                                  size_t k, size_t batch)
{
    vc__deit_grads *g = vc__deit_grads_of(grads);
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    if (vc__deit_reading_of(c).output == VC__DEIT_POOLED) {
        const float share = 1.0f / (float)vc__deit_classifiers(c);
        for (size_t i = 0; i < batch * c->width; i++)
            g->head[i] = share * grads->dlogits[i];
        return g->head;
    }
    vc__classifier_gradient(grads, model, k, batch);
    const vc_linear head = head_of(c, w, k);
    vc_linear_backward(g->head, k == 0 ? g->views.head_w : g->views.head_dist_w,
                       k == 0 ? g->views.head_b : g->views.head_dist_b, grads->classified,
                       a->head_in + k * batch * vc__deit_features(c), &head, batch);
    return represent_backward(g, a, c, w, batch);
}

/* g->class_norm, from the gradient of the outputs. */
static void outputs_backward(vc_grads *grads, const vc__deit_acts *a, const vc_model *model,
                             const vc__deit_reading *r, size_t batch)
{
    vc__deit_grads *g = vc__deit_grads_of(grads);
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const size_t width = c->width;
    if (r->output == VC__DEIT_CLASS || r->output == VC__DEIT_TOKENS) {
        memcpy(g->class_norm, grads->dlogits, batch * r->count * width * sizeof(float));
        return;
    }
    for (size_t k = 0; k < vc__deit_classifiers(c); k++) {
        const float *dread = head_backward(grads, a, model, k, batch);
        for (size_t b = 0; b < batch; b++) {
            float *to = g->class_norm + (b * r->normed + k) * width;
            if (r->mean_last)
                vc_tokens_mean_backward(to, dread + b * width, 1, r->count, width);
            else
                memcpy(to, dread + b * width, width * sizeof *to);
        }
    }
}

void vc__deit_classify_backward(vc_grads *grads, const vc_acts *acts, const vc_model *model,
                                size_t batch)
{
    vc__deit_grads *g = vc__deit_grads_of(grads);
    const vc__deit_config *c = vc__deit_sizes_of(&model->config);
    const vc__deit_weights *w = vc__deit_weights_of(model);
    const vc__deit_acts *a = vc__deit_acts_of(acts);
    const vc__deit_reading r = vc__deit_reading_of(c);
    const size_t tokens = vc__deit_tokens(c), width = c->width, taken = r.normed * width;
    outputs_backward(grads, a, model, &r, batch);
    memset(g->class_in, 0, batch * taken * sizeof(float));
    if (r.norm)
        vc_layernorm_backward(g->class_in, vc__deit_gain(&g->views), vc__deit_shift(&g->views),
                              g->class_norm, a->class_in, a->class_mean, a->class_rstd,
                              vc__deit_gain(w), batch * r.normed, width);
    else
        memcpy(g->class_in, g->class_norm, batch * taken * sizeof(float));
    memset(g->stream, 0, batch * tokens * width * sizeof(float));
    for (size_t b = 0; b < batch; b++) {
        float *to = g->stream + (b * tokens + r.first) * width;
        if (r.mean_first)
            vc_tokens_mean_backward(to, g->class_in + b * taken, 1, r.count, width);
        else
            memcpy(to, g->class_in + b * taken, taken * sizeof *to);
    }
}
