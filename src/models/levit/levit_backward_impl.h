/* Shared between the files of LeViT's backward pass. */
#ifndef VC__LEVIT_BACKWARD_IMPL_H
#define VC__LEVIT_BACKWARD_IMPL_H

#include "levit_impl.h"

/* A product and the norm behind it (levit_normed_backward.c). */
typedef struct vc__normed_layer {
    const vc__levit_normed_acts *acts;
    const float *x; /* (rows, inputs) */
    size_t rows, inputs, outputs;
    vc_half *half; /* NULL: the product is in float32 */
} vc__normed_layer;

/* From dy (rows, outputs) to dx (rows, inputs), NULL: not wanted; dproduct (rows, outputs) is
 * scratch and may be dy. To `d` what the parameters in use get is added. */
void vc__normed_backward(float *dx, const vc__levit_normed *d, float *dproduct, const float *dy,
                         const vc__normed_layer *layer);

/* The same where the parameters in use are copies: sorted outputs, of which the parameter's
 * `order[o]` is o; a convolution of `channels`. */
void vc__sorted_backward(float *dx, const vc__levit_normed *d, vc__levit_grads *g, float *dproduct,
                         const float *dy, const vc__normed_layer *layer, const size_t *order);
void vc__kernel_backward(float *dx, const vc__levit_normed *d, vc__levit_grads *g, float *dproduct,
                         const float *dy, const vc__normed_layer *layer, size_t channels);

/* From the gradient of a block's scores to that of its biases, shared by offset; `layer`: of its
 * plan, or NULL. */
void vc__biases_backward(float *dbiases, vc__levit_grads *g, const vc__levit_shape *shape,
                         const vc_pattern *pattern, size_t batch);

#endif
