#include "info_presets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const vc_field fields[] = {
    {VC_FIELD(info_preset, name, "", "timm's")},
    {VC_FIELD(info_preset, architecture, "", "family")},
    {VC_FIELD(info_preset, image_height, "", "pixels"), VC_WHEN(info_preset, pictures)},
    {VC_FIELD(info_preset, image_width, "", "pixels"), VC_WHEN(info_preset, pictures)},
    {VC_FIELD(info_preset, patch, "", "pixels along a patch's side"),
     VC_WHEN(info_preset, pictures)},
    {VC_FIELD(info_preset, tokens, "", "of the first layer")},
    {VC_FIELD(info_preset, parameters, "", "learnt numbers")},
    {VC_FIELD(info_preset, classes, "", "that it tells apart; 0: it gives features")},
    {VC_FIELD(info_preset, outputs, "", "values for an image")},
    {VC_FIELD_LIST(info_preset, mean, channels, "input_mean", "", "of pixels in 0..1"),
     VC_WHEN(info_preset, pictures)},
    {VC_FIELD_LIST(info_preset, std, channels, "input_std", "", "deviations of such pixels"),
     VC_WHEN(info_preset, pictures)},
    {VC_FIELD(info_preset, interpolation, "", "of images that are resized"),
     VC_WHEN(info_preset, pictures)},
    {VC_FIELD(info_preset, crop_pct, "", "share of the shorter side that is seen"),
     VC_WHEN(info_preset, pictures)},
};
const vc_record info_preset_record = VC_RECORD("preset", info_preset, fields);

static size_t patch_of(const vc_model_config *config)
{
    json_t *sizes = vc_model_describe(config);
    const size_t patch = (size_t)json_integer_value(json_object_get(sizes, "patch"));
    json_decref(sizes);
    return patch > 0 ? patch : 16; /* a LeViT's convolutions halve an image four times */
}

static vc_status describe(info_preset *out, const char *name)
{
    vc_model_config config;
    VC_TRY(vc_model_preset(&config, name));
    const vc_model_input input = vc_model_input_of(&config);
    *out = (info_preset){.name = name,
                         .architecture = vc_model_family(&config),
                         .interpolation = vc_interpolation_word(input.interpolation),
                         .image_height = input.height,
                         .image_width = input.width,
                         .patch = patch_of(&config),
                         .tokens = vc_model_layer(&config, 0).keys,
                         .classes = input.classes,
                         .outputs = input.outputs,
                         .channels = input.channels,
                         .pictures = input.joints == 0,
                         .crop_pct = input.crop_pct};
    memcpy(out->input_mean, input.mean, sizeof out->input_mean);
    memcpy(out->input_std, input.std, sizeof out->input_std);
    return vc_model_parameters(&out->parameters, &config);
}

vc_status info_presets_open(info_presets *out)
{
    size_t count = 0;
    while (vc_model_preset_name(count))
        count++;
    out->list = calloc(count, sizeof *out->list);
    if (!out->list)
        return vc_fail(VC_ENOMEM, "out of memory for %zu presets", count);
    for (; out->count < count; out->count++) {
        info_preset *p = &out->list[out->count];
        VC_TRY(describe(p, vc_model_preset_name(out->count)));
        p->mean = p->input_mean;
        p->std = p->input_std;
    }
    return VC_OK;
}

void info_presets_close(info_presets *presets)
{
    free(presets->list);
    *presets = (info_presets){0};
}

void info_presets_print(const info_presets *presets)
{
    printf("%-44s image patch tokens parameters  crop resized    mean  std  classes\n", "name");
    for (size_t i = 0; i < presets->count; i++) {
        const info_preset *p = &presets->list[i];
        if (!p->pictures) {
            printf("%-44s poses       %6zu %10zu\n", p->name, p->tokens, p->parameters);
            continue;
        }
        printf("%-44s %5zu %5zu %6zu %10zu %5g %-8s %6.3g %5.3g %7zu\n", p->name, p->image_width,
               p->patch, p->tokens, p->parameters, p->crop_pct, p->interpolation,
               (double)p->mean[0], (double)p->std[0], p->classes);
    }
}
