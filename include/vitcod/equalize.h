/* Evening out the channels that int8 has to represent. A channel that a LayerNorm makes large costs
 * all others of its token precision. Its gain is divided by a factor and the weights that read it
 * are multiplied by it, so the model computes the same (Xiao et al. 2023, SmoothQuant, eq. 4, with
 * alpha = 1/2). This needs LayerNorms. */
#ifndef VITCOD_EQUALIZE_H
#define VITCOD_EQUALIZE_H

#include "vitcod/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_channel_range {
    size_t norms, width; /* width: of the widest */
    float *largest;      /* (norms, width) largest magnitude behind each norm (vc_model_norm) */
} vc_channel_range;

/* VC_EUNSUPPORTED without VC_ABILITY_NORMS. */
vc_status vc_channel_range_open(vc_channel_range *out, const vc_model *model);
void vc_channel_range_close(vc_channel_range *range);

/* What a forward pass with keep = 1 left behind. */
void vc_channel_range_add(vc_channel_range *range, const vc_acts *acts, const vc_model *model,
                          size_t batch);

/* A forward pass that keeps its activations, and adds them to a range. */
typedef struct vc_observing_pass {
    vc_acts *acts; /* with keep = 1 */
    const vc_model *model;
    vc_channel_range *range;
} vc_observing_pass;
vc_runner vc_observing_runner(vc_observing_pass *pass);

/* Changes gains, biases and weights of a model that owns them; channels never seen above 0 stay. */
void vc_model_equalize(vc_model *model, const vc_channel_range *range);

#ifdef __cplusplus
}
#endif

#endif
