/* Attention in training: heads and images over the threads. */
#include "vitcod/attention.h"

#include <omp.h>

#include "attention_impl.h"
#include "vitcod/residual.h"

static int is_whole(const vc_pattern_head *head)
{
    return !head || !head->panel_keys;
}

static size_t at_least(size_t a, size_t b)
{
    return a > b ? a : b;
}

size_t vc_attention_values(const vc_attention_shape *s, const vc_pattern *pattern)
{
    return pattern ? pattern->values : s->heads * s->queries * s->keys;
}

/* How many floats the gradients of all scores of a head take, if the caller does not want them. */
static size_t own_scores(const vc_attention_shape *s, const vc_pattern_head *head)
{
    return is_whole(head) ? s->queries * s->keys
                          : s->queries * head->panel_count + vc_rows_count(head, s->queries);
}

/* Scratch holds the mean of values or its gradient, the gradients of scores, and what the products
 * of a head need. It consists of whole cache lines, so that threads do not share one. */
size_t vc_attention_scratch_floats(const vc_attention_shape *s, const vc_pattern *pattern,
                                   int backward)
{
    size_t most = 0;
    for (size_t h = 0; h < (pattern ? pattern->heads : 1); h++) {
        const vc_pattern_head *head = pattern ? &pattern->head[h] : NULL;
        const size_t products = !is_whole(head)
                                    ? vc__split_scratch_floats(s, head, pattern->pooling)
                                : backward ? 0
                                           : vc__whole_scratch_floats(s);
        most = at_least(most, products + (backward ? own_scores(s, head) : 0));
    }
    return (most + s->value_dim + 15) / 16 * 16;
}

/* The views of one head, without gradients and scratch. */
static vc__attention_head head_of(const vc_attention *a, size_t image, size_t h)
{
    const vc_attention_shape *s = &a->shape;
    const vc_pattern_head *pattern = a->pattern ? &a->pattern->head[h] : NULL;
    const size_t summaries = a->pattern ? vc_pattern_summaries(a->pattern) : 0;
    const size_t start = pattern ? pattern->values_start : h * s->queries * s->keys;
    return (vc__attention_head){
        .shape = s,
        .pattern = pattern,
        .index = h,
        .pooling = a->pattern ? a->pattern->pooling : NULL,
        .q = a->q + image * s->queries * s->q_stride + h * s->head_dim,
        .k = a->k + image * s->keys * s->k_stride + h * s->head_dim,
        .v = a->v + image * s->keys * s->v_stride + h * s->value_dim,
        .bias = a->bias ? a->bias + start : NULL,
        .summary_bias = summaries ? a->pattern->summary_bias + h * s->queries * summaries : NULL,
    };
}

static size_t values_at(const vc_attention *a, size_t image, size_t h)
{
    const vc_attention_shape *s = &a->shape;
    return image * vc_attention_values(s, a->pattern) +
           (a->pattern ? a->pattern->head[h].values_start : h * s->queries * s->keys);
}

static const float *shares_of(const vc__attention_head *head)
{
    return head->pattern ? head->pattern->kept_share : NULL;
}

void vc__attention_head_forward(const vc__attention_head *head)
{
    const vc_attention_shape *s = head->shape;
    float *mean = head->scratch;
    if (is_whole(head->pattern))
        vc__whole_head_forward(head);
    else
        vc__split_head_forward(head);
    if (!shares_of(head))
        return;
    vc_residual_mean(mean, head->v, s->v_stride, s->keys, s->value_dim);
    vc_residual_add(head->out, s->out_stride, shares_of(head), mean, s->queries, s->value_dim);
}

/* The gradient of the mean comes before the scratch of the products. */
void vc__attention_head_backward(vc__attention_head *head)
{
    const vc_attention_shape *s = head->shape;
    const float *shares = shares_of(head);
    float *dmean = head->scratch;
    head->scratch += s->value_dim;
    if (!head->dscores) {
        head->dscores = head->scratch;
        head->scratch += own_scores(s, head->pattern);
    }
    if (shares)
        vc_residual_scale(dmean, head->dout, s->out_stride, shares, s->queries, s->value_dim);
    if (is_whole(head->pattern))
        vc__whole_head_backward(head);
    else
        vc__split_head_backward(head);
    if (shares)
        vc_residual_spread(head->dv, head->dv_stride, dmean, s->keys, s->value_dim);
}

void vc_attention_forward(float *out, float *probs, float *scratch, const vc_attention *a)
{
    const vc_attention_shape *s = &a->shape;
    const size_t per_thread = vc_attention_scratch_floats(s, a->pattern, 0);
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t b = 0; b < s->batch; b++)
        for (size_t h = 0; h < s->heads; h++) {
            vc__attention_head head = head_of(a, b, h);
            head.out = out + b * s->queries * s->out_stride + h * s->value_dim;
            head.probs = probs + values_at(a, b, h);
            head.scratch = scratch + (size_t)omp_get_thread_num() * per_thread;
            vc__attention_head_forward(&head);
        }
}

void vc_attention_backward(const vc_attention_gradients *out, float *scratch, float *dout,
                           const float *probs, const vc_attention *a)
{
    const vc_attention_shape *s = &a->shape;
    const size_t per_thread = vc_attention_scratch_floats(s, a->pattern, 1);
    const vc_pooling *pooling = a->pattern ? a->pattern->pooling : NULL;
    const size_t biases = pooling ? s->queries * pooling->count : 0,
                 weights = pooling ? pooling->entries : 0,
                 query = pooling && pooling->query ? pooling->dim : 0;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t b = 0; b < s->batch; b++)
        for (size_t h = 0; h < s->heads; h++) {
            const size_t index = b * s->heads + h;
            vc__attention_head head = head_of(a, b, h);
            head.dq = out->q + (head.q - a->q);
            head.dk = out->k + (head.k - a->k);
            head.dv = out->v + (head.v - a->v);
            head.dq_stride = s->q_stride;
            head.dk_stride = s->k_stride;
            head.dv_stride = s->v_stride;
            head.dout = dout + b * s->queries * s->out_stride + h * s->value_dim;
            head.probs = (float *)probs + values_at(a, b, h);
            head.dscores = out->scores ? out->scores + values_at(a, b, h) : NULL;
            head.dsummary_bias =
                biases && out->summary_bias ? out->summary_bias + index * biases : NULL;
            head.dpool_weights =
                weights && out->pool_weights ? out->pool_weights + index * weights : NULL;
            head.dpool_query = query && out->pool_query ? out->pool_query + index * query : NULL;
            head.scratch = scratch + (size_t)omp_get_thread_num() * per_thread;
            vc__attention_head_backward(&head);
        }
}
