#include "vitcod/preset_list.h"

#include <stdlib.h>

static const vc_field fields[] = {
    {VC_FIELD(vc_preset, name, "", "timm's")},
    {VC_FIELD(vc_preset, architecture, "", "family")},
    {VC_FIELD_INLINE(vc_preset, input, &vc_input_info_record)},
    {VC_FIELD(vc_preset, patch, "", "pixels along a patch's side"),
     VC_WHEN(vc_preset, input.pictures)},
    {VC_FIELD(vc_preset, tokens, "", "of the first layer")},
    {VC_FIELD(vc_preset, parameters, "", "learnt numbers")},
    {VC_FIELD(vc_preset, classes, "", "that it tells apart; 0: it gives features")},
    {VC_FIELD(vc_preset, outputs, "", "values for an image")},
};
const vc_record vc_preset_record = VC_RECORD("preset", vc_preset, fields);

static size_t patch_of(const vc_model_config *config)
{
    json_t *sizes = vc_model_describe(config);
    const size_t patch = (size_t)json_integer_value(json_object_get(sizes, "patch"));
    json_decref(sizes);
    return patch > 0 ? patch : 16; /* a LeViT's convolutions halve an image four times */
}

static vc_status describe(vc_preset *out, const char *name)
{
    vc_model_config config;
    VC_TRY(vc_model_preset(&config, name));
    const vc_model_input input = vc_model_input_of(&config);
    *out = (vc_preset){.name = name,
                       .architecture = vc_model_family(&config),
                       .patch = patch_of(&config),
                       .tokens = vc_model_layer(&config, 0).keys,
                       .classes = input.classes,
                       .outputs = input.outputs};
    vc_input_info_of(&out->input, &config);
    return vc_model_parameters(&out->parameters, &config);
}

vc_status vc_preset_list_open(vc_preset_list *out)
{
    size_t count = 0;
    vc_status status = VC_OK;
    while (vc_model_preset_name(count))
        count++;
    *out = (vc_preset_list){.list = calloc(count, sizeof *out->list)};
    if (!out->list)
        return vc_fail(VC_ENOMEM, "out of memory for %zu presets", count);
    for (; status == VC_OK && out->count < count; out->count++)
        status = describe(&out->list[out->count], vc_model_preset_name(out->count));
    if (status != VC_OK)
        vc_preset_list_close(out);
    return status;
}

void vc_preset_list_close(vc_preset_list *list)
{
    free(list->list);
    *list = (vc_preset_list){0};
}

void vc_preset_list_print(FILE *out, const vc_preset_list *list)
{
    fprintf(out, "%-44s image patch tokens parameters  crop resized    mean  std  classes\n",
            "name");
    for (size_t i = 0; i < list->count; i++) {
        const vc_preset *p = &list->list[i];
        const vc_input_info *in = &p->input;
        if (!in->pictures) {
            fprintf(out, "%-44s poses       %6zu %10zu\n", p->name, p->tokens, p->parameters);
            continue;
        }
        fprintf(out, "%-44s %5zu %5zu %6zu %10zu %5g %-8s %6.3g %5.3g %7zu\n", p->name,
                in->image_width, p->patch, p->tokens, p->parameters, in->crop_pct,
                in->interpolation, (double)in->mean[0], (double)in->std[0], p->classes);
    }
}
