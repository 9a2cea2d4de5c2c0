/* How a model wants what it looks at, as results tell it. */
#ifndef VITCOD_INPUT_INFO_H
#define VITCOD_INPUT_INFO_H

#include "vitcod/model.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_input_info {
    bool pictures; /* what it takes; all else is of those alone */
    size_t image_height, image_width, channels;
    float input_mean[VC_MODEL_CHANNELS], input_std[VC_MODEL_CHANNELS];
    float *mean, *std; /* these */
    const char *interpolation;
    double crop_pct;
} vc_input_info;

extern const vc_record vc_input_info_record;

/* It points into itself: a copy is filled anew. */
void vc_input_info_of(vc_input_info *out, const vc_model_config *config);

#ifdef __cplusplus
}
#endif

#endif
