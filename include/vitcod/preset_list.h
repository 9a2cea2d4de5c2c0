/* What the presets are: sizes, and how they want images. */
#ifndef VITCOD_PRESET_LIST_H
#define VITCOD_PRESET_LIST_H

#include <stdio.h>

#include "vitcod/model.h"
#include "vitcod/record.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct vc_preset {
    const char *name, *architecture, *interpolation;
    size_t image_height, image_width, patch, tokens, parameters, classes, outputs, channels;
    float input_mean[VC_MODEL_CHANNELS], input_std[VC_MODEL_CHANNELS];
    float *mean, *std; /* these */
    double crop_pct;
    bool pictures; /* what it takes; patches and how pixels are wanted are of those alone */
} vc_preset;

typedef struct vc_preset_list {
    vc_preset *list;
    size_t count;
} vc_preset_list;

extern const vc_record vc_preset_record;

/* All of them, in the order of vc_model_preset_name. */
vc_status vc_preset_list_open(vc_preset_list *out);
void vc_preset_list_close(vc_preset_list *list);
/* As a table for people. */
void vc_preset_list_print(FILE *out, const vc_preset_list *list);

#ifdef __cplusplus
}
#endif

#endif
