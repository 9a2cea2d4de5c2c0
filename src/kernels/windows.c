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

/* An image's channels, one after the other, as the first layer of a stem reads them. */
static inline void gather_planes(float *out, const float *first, const vc_window *w, size_t kernel,
                                 size_t channels)
{
    for (size_t i = 0; i < kernel; i++)
        for (size_t j = 0; j < kernel; j++)
            for (size_t c = 0; c < channels; c++)
                *out++ = first[i * w->side + j + c * w->channel_stride];
}

/* A window whose pixels all lie in the image. The tokens of a line are one piece. */
static void gather_inside(float *out, const float *first, const vc_window *w)
{
    const size_t kernel = w->kernel, channels = w->channels, line = kernel * channels;
    if (w->channel_stride == 1 && w->pixel_stride == channels) {
        for (size_t i = 0; i < kernel; i++, out += line)
            memcpy(out, first + i * w->side * channels, line * sizeof *out);
        return;
    }
    if (kernel == 3 && channels == 3 && w->pixel_stride == 1) { /* no loops are left of it */
        gather_planes(out, first, w, 3, 3);
        return;
    }
    for (size_t i = 0; i < kernel; i++, out += line)
        for (size_t c = 0; c < channels; c++) {
            const float *from = first + i * w->side * w->pixel_stride + c * w->channel_stride;
            for (size_t j = 0; j < kernel; j++)
                out[j * channels + c] = from[j * w->pixel_stride];
        }
}

static void gather_window(float *out, const float *image, size_t top, size_t left,
                          const vc_window *w)
{
    const size_t last = w->side + w->padding - w->kernel; /* of the windows inside */
    if (top >= w->padding && left >= w->padding && top <= last && left <= last) {
        gather_inside(
            out, image + ((top - w->padding) * w->side + left - w->padding) * w->pixel_stride, w);
        return;
    }
    for (size_t i = 0; i < w->kernel; i++)
        for (size_t j = 0; j < w->kernel; j++, out += w->channels) {
            size_t y = top + i, x = left + j; /* position in the padded image */
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

typedef struct range {
    size_t first, end;
} range;

/* The windows, along one axis, that contain the input pixel `at`. */
static range windows_over(size_t at, const vc_window *w)
{
    const size_t padded = at + w->padding, last = padded / w->stride, side = vc_window_side(w);
    const size_t before = padded < w->kernel ? 0 : (padded - w->kernel) / w->stride + 1;
    return (range){before, last < side ? last + 1 : side};
}

/* Adds up what all windows hold for the input pixel (y, x), in the order of the outputs. */
static void sum_windows(float *out, const float *rows, size_t y, size_t x, const vc_window *w)
{
    const size_t side = vc_window_side(w), values = w->kernel * w->kernel * w->channels;
    const range lines = windows_over(y, w), columns = windows_over(x, w);
    for (size_t c = 0; c < w->channels; c++)
        out[c * w->channel_stride] = 0.0f;
    for (size_t i = lines.first; i < lines.end; i++)
        for (size_t j = columns.first; j < columns.end; j++) {
            const size_t at =
                (y + w->padding - i * w->stride) * w->kernel + x + w->padding - j * w->stride;
            const float *from = rows + (i * side + j) * values + at * w->channels;
            for (size_t c = 0; c < w->channels; c++)
                out[c * w->channel_stride] += from[c];
        }
}

void vc_windows_gather_backward(float *dx, const float *drows, size_t batch, const vc_window *w)
{
    const size_t side = vc_window_side(w), values = w->kernel * w->kernel * w->channels;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < batch * w->side; line++) {
        const size_t b = line / w->side, y = line % w->side;
        for (size_t x = 0; x < w->side; x++)
            sum_windows(dx + b * w->image_stride + (y * w->side + x) * w->pixel_stride,
                        drows + b * side * side * values, y, x, w);
    }
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

void vc_tokens_subsample_backward(float *dx, const float *dy, size_t batch, size_t side,
                                  size_t stride, size_t channels)
{
    size_t out = (side + stride - 1) / stride;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < batch * out * out; t++) {
        size_t b = t / (out * out), row = t / out % out * stride, column = t % out * stride;
        float *to = dx + ((b * side + row) * side + column) * channels;
        for (size_t c = 0; c < channels; c++)
            to[c] += dy[t * channels + c];
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

void vc_tokens_mean_backward(float *dx, const float *dy, size_t batch, size_t tokens,
                             size_t channels)
{
    const float scale = 1.0f / (float)tokens;
#pragma omp parallel for schedule(static)
    for (size_t t = 0; t < batch * tokens; t++)
        for (size_t c = 0; c < channels; c++)
            dx[t * channels + c] = scale * dy[t / tokens * channels + c];
}
