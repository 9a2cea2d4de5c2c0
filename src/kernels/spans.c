/* Windows along a row of tokens. */
#include <string.h>

#include "vitcod/ops.h"

size_t vc_span_tokens(const vc_span *s)
{
    return (s->tokens + 2 * s->padding - s->kernel) / s->stride + 1;
}

void vc_span_rows(float *rows, const float *image, size_t first, size_t count, const vc_span *s)
{
    for (size_t t = first; t < first + count; t++)
        for (size_t k = 0; k < s->kernel; k++, rows += s->channels) {
            const size_t at = t * s->stride + k; /* counted from the first zero */
            if (at < s->padding || at - s->padding >= s->tokens)
                memset(rows, 0, s->channels * sizeof *rows);
            else
                memcpy(rows, image + (at - s->padding) * s->channels, s->channels * sizeof *rows);
        }
}

void vc_spans_gather(float *rows, const float *x, size_t batch, const vc_span *s)
{
    const size_t tokens = vc_span_tokens(s), row = s->kernel * s->channels;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t b = 0; b < batch; b++)
        for (size_t t = 0; t < tokens; t++)
            vc_span_rows(rows + (b * tokens + t) * row, x + b * s->tokens * s->channels, t, 1, s);
}

/* Each task takes one input token, so that sums have one order. */
static void token_backward(float *dx, const float *drows, size_t token, const vc_span *s)
{
    const size_t tokens = vc_span_tokens(s), at = token + s->padding;
    memset(dx, 0, s->channels * sizeof *dx);
    for (size_t k = 0; k < s->kernel && k <= at; k++) {
        const size_t t = (at - k) / s->stride;
        if ((at - k) % s->stride != 0 || t >= tokens)
            continue;
        const float *from = drows + (t * s->kernel + k) * s->channels;
        for (size_t c = 0; c < s->channels; c++)
            dx[c] += from[c];
    }
}

void vc_spans_gather_backward(float *dx, const float *drows, size_t batch, const vc_span *s)
{
    const size_t out = vc_span_tokens(s) * s->kernel * s->channels;
#pragma omp parallel for collapse(2) schedule(static)
    for (size_t b = 0; b < batch; b++)
        for (size_t t = 0; t < s->tokens; t++)
            token_backward(dx + (b * s->tokens + t) * s->channels, drows + b * out, t, s);
}
