#include <string.h>

#include "vitcod/ops.h"

size_t vc_window_side(const vc_window *w)
{
    return (w->side + 2 * w->padding - w->kernel) / w->stride + 1;
}

static void gather_pixel(float *out, const float *pixel, const vc_window *w)
{
    if (w->channel_stride == 1) {
        memcpy(out, pixel, w->channels * sizeof *out);
        return;
    }
    for (size_t c = 0; c < w->channels; c++)
        out[c] = pixel[c * w->channel_stride];
}

static void gather_window(float *out, const float *image, size_t top, size_t left,
                          const vc_window *w)
{
    for (size_t i = 0; i < w->kernel; i++)
        for (size_t j = 0; j < w->kernel; j++, out += w->channels) {
            size_t y = top + i, x = left + j; /* in the padded image */
            if (y < w->padding || x < w->padding || y - w->padding >= w->side ||
                x - w->padding >= w->side)
                memset(out, 0, w->channels * sizeof *out);
            else
                gather_pixel(
                    out, image + ((y - w->padding) * w->side + x - w->padding) * w->pixel_stride,
                    w);
        }
}

void vc_window_rows(float *rows, const float *image, size_t first, size_t count, const vc_window *w)
{
    size_t side = vc_window_side(w), values = w->kernel * w->kernel * w->channels;
    for (size_t i = first; i < first + count; i++, rows += values)
        gather_window(rows, image, i / side * w->stride, i % side * w->stride, w);
}

void vc_windows_gather(float *rows, const float *x, size_t batch, const vc_window *w)
{
    size_t side = vc_window_side(w), values = w->kernel * w->kernel * w->channels;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < batch * side; line++)
        vc_window_rows(rows + line * side * values, x + line / side * w->image_stride,
                       line % side * side, side, w);
}

void vc_tokens_subsample(float *y, const float *x, size_t batch, size_t side, size_t stride,
                         size_t channels)
{
    size_t out = (side + stride - 1) / stride;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < batch * out * out; t++) {
        size_t b = t / (out * out), row = t / out % out * stride, column = t % out * stride;
        memcpy(y + t * channels, x + ((b * side + row) * side + column) * channels,
               channels * sizeof *y);
    }
}

void vc_tokens_mean(float *y, const float *x, size_t batch, size_t tokens, size_t channels)
{
    float scale = 1.0f / (float)tokens;
#pragma omp parallel for schedule(static)
    for (size_t b = 0; b < batch; b++) {
        float *out = y + b * channels;
        memset(out, 0, channels * sizeof *out);
        for (size_t t = 0; t < tokens; t++)
            for (size_t c = 0; c < channels; c++)
                out[c] += x[(b * tokens + t) * channels + c];
        for (size_t c = 0; c < channels; c++)
            out[c] *= scale;
    }
}
