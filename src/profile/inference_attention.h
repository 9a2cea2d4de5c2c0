/* Attention of inference by itself, as an engine runs it but for the scale of the scores. */
#ifndef VC_INFERENCE_ATTENTION_H
#define VC_INFERENCE_ATTENTION_H

#include "vitcod/attention.h"
#include "vitcod/packed_attention.h"

/* out (B, Tq, H * value_dim) with its stride. panels: B * layer->panel_floats. means: threads *
 * value_dim, rounded up to whole cache lines. */
void vc__infer_attention(float *out, float *panels, float *means, const vc_packed_attention *layer,
                         const vc_attention *attention);
size_t vc__infer_mean_floats(size_t value_dim);

#endif
