/* Operators of a Vision Transformer on float32, with threads, forward and backward.
 *
 * Backward functions add to the gradients of parameters (dw, db) and overwrite the gradient of
 * their input (dx). Where dx is added to instead, the declaration says so; layernorm does, since
 * its input is the residual stream. No operator allocates memory itself; oneDNN does inside its
 * products. Results do not depend on the number of threads as far as oneDNN's products do not. */
#ifndef VITCOD_OPS_H
#define VITCOD_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/extent.h"
#include "vitcod/half.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_linear {
    size_t inputs, outputs;
    const float *weight; /* (outputs, inputs) */
    const float *bias;   /* (outputs) or NULL */
} vc_linear;

/* y (rows, outputs) = x (rows, inputs) W^T + bias + residual; residual may be NULL or y itself. */
void vc_linear_forward(float *y, const float *x, const vc_linear *linear, size_t rows,
                       const float *residual);

/* dx may be NULL. So may db, where the caller has added up dy's rows already; without a bias it is
 * ignored. */
void vc_linear_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                        const vc_linear *linear, size_t rows);

/* The same with products in bfloat16; half NULL: in float32. With half, and without db, dy may be
 * NULL: operand A is loaded with it already. */
void vc_linear_forward_in(vc_half *half, float *y, const float *x, const vc_linear *linear,
                          size_t rows, const float *residual);
void vc_linear_backward_in(vc_half *half, float *dx, float *dw, float *db, const float *dy,
                           const float *x, const vc_linear *linear, size_t rows);

/* out (columns) += sum over the rows of x (rows, columns), in row order. */
void vc_column_sum(float *out, const float *x, size_t rows, size_t columns);

/* mean, rstd (rows) are kept for the backward pass. */
void vc_layernorm_forward(float *y, float *mean, float *rstd, const float *x, const float *weight,
                          const float *bias, size_t rows, size_t channels, float eps);
void vc_layernorm_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                           const float *mean, const float *rstd, const float *weight, size_t rows,
                           size_t channels);

/* The same as it was written down for the first Transformers (Rush 2018): y = (x - mean) /
 * (deviation + eps) * weight + bias, the deviation over channels - 1, of which there are two or
 * more. rstd is what is multiplied by. dx is added to. */
void vc_deviation_norm_forward(float *y, float *mean, float *rstd, const float *x,
                               const float *weight, const float *bias, size_t rows, size_t channels,
                               float eps);
void vc_deviation_norm_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                                const float *mean, const float *rstd, const float *weight,
                                size_t rows, size_t channels, float eps);

/* BatchNorm in training (Ioffe, Szegedy 2015): of each channel of x (rows, channels) the mean over
 * the rows is subtracted, and the result divided by sqrt(variance + eps). y = that * weight + bias
 * + residual; the residual may be NULL, and y may be x. mean and (biased) variance (channels) are
 * kept for the backward pass. */
void vc_batchnorm_forward(float *y, float *mean, float *variance, const float *x,
                          const float *weight, const float *bias, const float *residual,
                          size_t rows, size_t channels, float eps);
/* dx may be dy. */
void vc_batchnorm_backward(float *dx, float *dw, float *db, const float *dy, const float *x,
                           const float *mean, const float *variance, const float *weight,
                           size_t rows, size_t channels, float eps);
/* Moves the running statistics (channels) towards those of a batch by `momentum`, as PyTorch does:
 * the running variance is the unbiased one. Needs rows > 1. */
void vc_batchnorm_settle(float *running_mean, float *running_variance, const float *mean,
                         const float *variance, size_t rows, size_t channels, float momentum);

/* The exact GELU, x * Phi(x). dx may be dy. */
void vc_gelu_forward(float *y, const float *x, size_t count);
void vc_gelu_backward(float *dx, const float *dy, const float *x, size_t count);
/* The same of (rows, columns), and db (columns) += the rows of dx, unless it is NULL. With half, dx
 * is not written but loaded as operand A. */
void vc_gelu_backward_in(vc_half *half, float *dx, float *db, const float *dy, const float *x,
                         size_t rows, size_t columns);

/* Hardswish, x * min(max(x + 3, 0), 6) / 6. y may be x, dx may be dy. */
void vc_hardswish_forward(float *y, const float *x, size_t count);
void vc_hardswish_backward(float *dx, const float *dy, const float *x, size_t count);

/* SiLU, x / (1 + exp(-x)). y may be x, dx may be dy. */
void vc_silu_forward(float *y, const float *x, size_t count);
void vc_silu_backward(float *dx, const float *dy, const float *x, size_t count);

/* QuickGELU, x / (1 + exp(-1.702 x)), as CLIP has it (Radford et al. 2021). y may be x, dx may be
 * dy. */
void vc_quick_gelu_forward(float *y, const float *x, size_t count);
void vc_quick_gelu_backward(float *dx, const float *dy, const float *x, size_t count);

/* ReLU, max(x, 0). y may be x, dx may be dy. */
void vc_relu_forward(float *y, const float *x, size_t count);
void vc_relu_backward(float *dx, const float *dy, const float *x, size_t count);

/* y (rows, width) = the SiLU of the first half of x (rows, 2 * width) times the second (SwiGLU:
 * Shazeer 2020). */
void vc_swiglu_forward(float *y, const float *x, size_t rows, size_t width);
void vc_swiglu_backward(float *dx, const float *dy, const float *x, size_t rows, size_t width);

/* y (images, count) = scale of the image * x + residual. The residual may be NULL; y may be x or
 * the residual. */
void vc_scale_images(float *y, const float *x, const float *scales, const float *residual,
                     size_t images, size_t count);

/* y (rows, channels) = scale of the channel * x + residual. The residual may be NULL; y may be x or
 * the residual. */
void vc_scale_channels(float *y, const float *x, const float *scales, const float *residual,
                       size_t rows, size_t channels);
/* dx may be dy. */
void vc_scale_channels_backward(float *dx, float *dscales, const float *dy, const float *x,
                                const float *scales, size_t rows, size_t channels);

/* Patches of an image (channels, height, width), which they divide: rows of channels * patch height
 * * patch width values, ordered as a convolution kernel (channels, height, width) is. */
typedef struct vc_patches {
    size_t channels;
    vc_extent image, patch;
} vc_patches;

/* Of a batch of images. */
void vc_patches_gather(float *rows, const float *images, size_t batch, const vc_patches *patches);
/* One of them, row by row of the grid. */
void vc_patch_row(float *row, const float *image, size_t index, const vc_patches *patches);

/* Windows of a convolution with zero padding as rows: for every output pixel (B, Ho, Wo) the values
 * under its kernel, ordered (kernel, kernel, channels). Value (y, x, c) of image b lies at b *
 * image_stride + (y * side + x) * pixel_stride + c * channel_stride, so channels may come first or
 * last. Ho = Wo = (side + 2 * padding - kernel) / stride + 1. */
typedef struct vc_window {
    size_t channels, side, kernel, stride, padding;
    size_t image_stride, pixel_stride, channel_stride;
} vc_window;

size_t vc_window_side(const vc_window *window); /* Ho */
void vc_windows_gather(float *rows, const float *x, size_t batch, const vc_window *window);
/* dx, laid out like x, gets the gradient of the values that the windows read, from that of the
 * rows. */
void vc_windows_gather_backward(float *dx, const float *drows, size_t batch,
                                const vc_window *window);
/* The rows of one image's output pixels first to first + count - 1, on the calling thread. */
void vc_window_rows(float *rows, const float *image, size_t first, size_t count,
                    const vc_window *window);

/* Windows along a row of tokens, with zeros at its ends, as a convolution in one dimension has
 * them: for each output token (B, T') the values under the kernel, ordered (kernel, channels), of x
 * (B, tokens, channels). T' = (tokens + 2 * padding - kernel) / stride + 1. A kernel of 1 without
 * padding is every stride-th token. */
typedef struct vc_span {
    size_t tokens, channels, kernel, stride, padding;
} vc_span;

size_t vc_span_tokens(const vc_span *span); /* T' */
void vc_spans_gather(float *rows, const float *x, size_t batch, const vc_span *span);
/* dx gets the gradient of the values that the windows read, and 0 elsewhere. */
void vc_spans_gather_backward(float *dx, const float *drows, size_t batch, const vc_span *span);
/* The rows of one image's output tokens first to first + count - 1, on the calling thread. */
void vc_span_rows(float *rows, const float *image, size_t first, size_t count, const vc_span *span);

/* Every stride-th token along both axes of a grid: x (B, side^2, channels) to
 * y (B, ceil(side / stride)^2, channels). */
void vc_tokens_subsample(float *y, const float *x, size_t batch, size_t side, size_t stride,
                         size_t channels);

/* Adds to dx, since the same tokens are read by others too. */
void vc_tokens_subsample_backward(float *dx, const float *dy, size_t batch, size_t side,
                                  size_t stride, size_t channels);

/* y (B, channels) = mean over the tokens of x (B, tokens, channels). */
void vc_tokens_mean(float *y, const float *x, size_t batch, size_t tokens, size_t channels);
void vc_tokens_mean_backward(float *dx, const float *dy, size_t batch, size_t tokens,
                             size_t channels);

#ifdef __cplusplus
}
#endif

#endif
