#include <math.h>
#include <string.h>

#include "kernels_impl.h"

typedef struct key { /* one that a query sees */
    const float *v;
    float score;
    int rounded; /* it is of the panel, and that is in bfloat16 */
} key;

/* To the nearest bfloat16 if `bf16`. */
static float rounded(float x, int bf16)
{
    uint16_t half;
    if (!bf16)
        return x;
    vc__to_bf16_ref(&half, &x, 1);
    const uint32_t bits = (uint32_t)half << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float score_of(const float *q, const float *k, size_t head_dim, const float *bias, int bf16)
{
    float sum = 0.0f;
    for (size_t d = 0; d < head_dim; d++)
        sum += rounded(q[d], bf16) * rounded(k[d], bf16);
    return sum + (bias ? *bias : 0.0f);
}

/* The key at a place of the panel: a token's or, behind those, a summary's. */
static key panel_key(const vc_attention_view *view, const float *q, size_t place, const float *bias,
                     int bf16)
{
    const vc_pattern_head *head = view->head->pattern;
    const size_t tokens = head->panel_count - view->head->summaries;
    const float *k, *v;
    if (place < tokens) {
        const size_t token = head->panel_keys ? (size_t)head->panel_keys[place] : place;
        k = view->k + token * view->k_stride;
        v = view->v + token * view->v_stride;
    } else {
        k = view->summary_k + (place - tokens) * view->summary_stride;
        v = view->summary_v + (place - tokens) * view->summary_stride;
    }
    return (key){v, score_of(q, k, view->head_dim, bias, bf16), bf16};
}

/* The next key that `query` sees, from position *at on: first those of the panel, then its own. */
static int next_key(key *out, size_t *at, const vc_attention_view *view, const float *q,
                    size_t query, int bf16)
{
    const vc_pattern_head *head = view->head->pattern;
    const float *panel_bias = view->head->panel_bias, *row_bias = view->head->row_bias;
    const size_t wide = vc_panel_blocks(head->panel_count) * VC_PANEL;
    for (; *at < head->panel_count; (*at)++) {
        const size_t i = *at;
        if (!vc_panel_keeps(head, query, i))
            continue;
        *out = panel_key(view, q, i, panel_bias ? panel_bias + query * wide + i : NULL, bf16);
        (*at)++;
        return 1;
    }
    if (!head->row_start)
        return 0;
    const size_t e = *at - head->panel_count + (size_t)head->row_start[query];
    if (e >= (size_t)head->row_start[query + 1])
        return 0;
    const size_t token = (size_t)head->row_keys[e];
    *out = (key){.v = view->v + token * view->v_stride,
                 .score = score_of(q, view->k + token * view->k_stride, view->head_dim,
                                   row_bias ? row_bias + e : NULL, 0)};
    (*at)++;
    return 1;
}

static void attend(float *out, size_t out_stride, const vc_attention_view *view, size_t first,
                   size_t rows, int bf16)
{
    for (size_t r = 0; r < rows; r++) {
        const float *q = view->q + r * view->q_stride;
        float *to = out + r * out_stride, highest = -3.4e38f, sum = 0.0f;
        key seen;
        for (size_t at = 0; next_key(&seen, &at, view, q, first + r, bf16);)
            highest = seen.score > highest || isnan(seen.score) ? seen.score : highest;
        for (size_t c = 0; c < view->value_dim; c++)
            to[c] = 0.0f;
        for (size_t at = 0; next_key(&seen, &at, view, q, first + r, bf16);) {
            const float p = exp2f(seen.score - highest);
            sum += p;
            for (size_t c = 0; c < view->value_dim; c++)
                to[c] += rounded(p, seen.rounded) * rounded(seen.v[c], seen.rounded);
        }
        for (size_t c = 0; c < view->value_dim; c++)
            to[c] /= sum;
    }
}

void vc__attention_rows_ref(float *out, size_t out_stride, const vc_attention_view *view,
                            size_t first, size_t rows)
{
    attend(out, out_stride, view, first, rows, 0);
}

void vc__attention_rows_bf16_ref(float *out, size_t out_stride, const vc_attention_view *view,
                                 size_t first, size_t rows)
{
    attend(out, out_stride, view, first, rows, 1);
}
