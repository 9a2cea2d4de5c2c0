/* The kernels that exist once per instruction set, and the table that dispatches to them.
 *
 * gelu_forward            y = x * Phi(x), Phi the normal distribution (Hendrycks, Gimpel 2016)
 * gelu_backward           dx = dy * (Phi(x) + x * phi(x)), phi the normal density
 * hardswish_forward       y = x * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, section 5.2)
 * hardswish_backward      dx = dy * slope; the slope is 0 up to -3, 1 from 3, else x / 3 + 1 / 2
 * silu_forward            y = x / (1 + exp(-x)) (Hendrycks, Gimpel 2016; Elfwing et al. 2018)
 * silu_backward           dx = dy * g * (1 + x * (1 - g)), g = 1 / (1 + exp(-x))
 * softmax_row             softmax in place of one row of scores that lies in two pieces, a then b;
 *                         entry i of a takes part if bit i % 16 of a_kept[i / 16] is set (NULL: all
 *                         do) and becomes 0 otherwise; at least one entry must take part
 * softmax_row_backward    in: da, db, the gradient of the probabilities a, b; out: of the scores
 * layernorm_rows          y = (x - mean) * rstd * weight + bias over the channels of each row
 * layernorm_rows_backward dx += gradient of the input (added, as x is the residual stream)
 * sddmm_row               scores[i] = scale * dot(q, row keys[i] of k)
 * spmm_row                out += scale * sum_i probs[i] * row keys[i] of v
 * scatter_row             row keys[i] of dk += scale * dscores[i] * q; keys are distinct
 * pool_row                out = sum_i weights[i] * row rows[i] of x
 * head_mix_rows           y[o] = sum_i weight[o][i] * x[i] + bias[o] over heads i, for each token
 *                         and channel; bias may be NULL
 * head_mix_gradient_rows  dweight[o][i] += sum of dy[o] * x[i] and dbias[o] += sum of dy[o], over
 *                         tokens and channels
 * attention_rows          attention of the queries first to first + rows - 1 of a view
 *                         (packed_attention.h); its q and out start at query `first`; exponentials
 *                         are of base 2
 * attention_rows_bf16     the same with Q, the panel and the exponentials of the panel rounded to
 *                         bfloat16; with AVX-512 it needs vc_cpu_has_bf16
 * to_bf16                 y = x rounded to the nearest bfloat16, ties to even
 * quantize_rows           per row: scale = largest |x| / 127, y = x / scale rounded, ties to even,
 *                         plus VC_ZERO_POINT; a row of zeros has scale 1
 * dequantize_row          y = (x - offset) * scale * scales + bias, added to y if `add`
 * product_int8            y (rows, outputs) = x (rows, inputs), quantized by quantize_rows with a
 *                         scale per row, times weights: dequantize_row of the sums; with AVX-512 it
 *                         needs vc_cpu_has_int8_rows
 * adamw_step              one AdamW step (Loshchilov, Hutter 2019, algorithm 2) */
#ifndef VITCOD_KERNELS_H
#define VITCOD_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "vitcod/int8_product.h"
#include "vitcod/isa.h"
#include "vitcod/packed_attention.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { VC_ZERO_POINT = 128 }; /* the value that means 0 in quantized activations (unsigned) */

typedef struct vc_adamw_coefficients {
    float learning_rate, beta1, beta2, eps, weight_decay;
    float correction1, correction2; /* 1 / (1 - beta^t) */
    float grad_scale;               /* multiplies the gradient first: clipping */
} vc_adamw_coefficients;

/* A linear map over heads. The heads of a token are contiguous. */
typedef struct vc_head_mix {
    size_t inputs, outputs, head_dim; /* heads in, heads out, values per head */
    size_t x_stride, y_stride;        /* floats between tokens */
    int transposed;                   /* weight is (inputs, outputs) instead of (outputs, inputs) */
    int add;                          /* y += instead of y = */
} vc_head_mix;

typedef struct vc_layernorm {
    const float *weight, *bias; /* (channels) */
    size_t channels;
    float eps;     /* added to the variance */
    int deviation; /* 1: to the deviation, and of channels - 1, as Rush (2018) has it */
} vc_layernorm;

typedef struct vc_kernels {
    vc_isa isa;
#define VC_KERNEL(name, ref, avx2, avx512, args) void(*name) args;
#include "vitcod/kernels.def"
#undef VC_KERNEL
} vc_kernels;

/* The kernels of one instruction set; NULL when this CPU lacks it. */
const vc_kernels *vc_kernels_of(vc_isa isa);

/* The kernels of the instruction set in use (vc_isa_get). The choice is made once per process. */
const vc_kernels *vc_kernels_get(void);

#ifdef __cplusplus
}
#endif

#endif
