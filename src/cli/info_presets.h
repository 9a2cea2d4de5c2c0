/* What `info --list` says. */
#ifndef VC_INFO_PRESETS_H
#define VC_INFO_PRESETS_H

#include "vitcod/model.h"
#include "vitcod/record.h"

typedef struct info_preset {
    const char *name, *architecture, *interpolation;
    size_t image_height, image_width, patch, tokens, parameters, classes, outputs, channels;
    float input_mean[VC_MODEL_CHANNELS], input_std[VC_MODEL_CHANNELS];
    float *mean, *std; /* these */
    double crop_pct;
    bool pictures; /* what it takes; patches and how pixels are wanted are of those alone */
} info_preset;

typedef struct info_presets {
    info_preset *list;
    size_t count;
} info_presets;

extern const vc_record info_preset_record;

vc_status info_presets_open(info_presets *out);
void info_presets_close(info_presets *presets);
void info_presets_print(const info_presets *presets);

#endif
