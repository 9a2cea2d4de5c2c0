/* What a file says of its model: metadata_props, pairs of texts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx_impl.h"
#include "vitcod/json.h"

enum { MODEL_METADATA = 14, ENTRY_KEY = 1, ENTRY_VALUE = 2, TEXT = 128 };

static void put(vc__bytes *out, const char *key, const char *value)
{
    vc__bytes entry = {0};
    vc__put_text(&entry, ENTRY_KEY, key);
    vc__put_text(&entry, ENTRY_VALUE, value);
    vc__put_message(out, MODEL_METADATA, &entry);
}

static void put_real(vc__bytes *out, const char *key, double value)
{
    char text[TEXT];
    snprintf(text, sizeof text, "%.9g", value);
    put(out, key, text);
}

enum { FLOAT_TEXT = 24 };

/* With as few digits as give back the same float. */
static void print_float(char text[FLOAT_TEXT], float value)
{
    int digits = 1;
    do
        snprintf(text, FLOAT_TEXT, "%.*g", digits, (double)value);
    while (strtof(text, NULL) != value && digits++ < 9);
}

static void put_channels(vc__bytes *out, const char *key, const float *values, size_t channels)
{
    char text[TEXT] = "", number[FLOAT_TEXT];
    for (size_t c = 0; c < channels; c++) {
        const size_t used = strlen(text);
        print_float(number, values[c]);
        snprintf(text + used, sizeof text - used, "%s%s", c > 0 ? "," : "", number);
    }
    put(out, key, text);
}

static vc_status put_names(vc__bytes *out, const char *const *names, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *name = vc_json_text(names[i]);
        if (name && strcmp(json_string_value(name), names[i]) != 0) {
            json_decref(name);
            json_decref(list);
            return vc_fail(VC_EFORMAT, "class %zu has a name that is no UTF-8", i);
        }
        vc_json_append(&list, name);
    }
    char *text = list ? vc_json_dump(list, JSON_COMPACT) : NULL;
    json_decref(list);
    if (!text)
        return vc_fail(VC_ENOMEM, "out of memory for the names of %zu classes", count);
    put(out, "class_names", text);
    free(text);
    return VC_OK;
}

static void put_images(vc__bytes *out, const vc_model_input *input)
{
    char text[TEXT];
    put(out, "input", "(pixel / 255 - mean) / std, channels first");
    put_channels(out, "mean", input->mean, input->channels);
    put_channels(out, "std", input->std, input->channels);
    snprintf(text, sizeof text, "%zu,%zu,%zu", input->channels, input->height, input->width);
    put(out, "image_size", text);
    put(out, "interpolation", vc_interpolation_word(input->interpolation));
    put_real(out, "crop_pct", input->crop_pct > 0.0 ? input->crop_pct : 0.875);
}

vc_status vc__put_metadata(vc__bytes *out, const vc_model *model, const vc_onnx_options *options)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    const vc_plan *plan = vc_model_entries(model);
    char hash[VC_PLAN_HASH_TEXT];
    put(out, "model", vc_model_family(&model->config));
    if (model->config.looks.known_as[0])
        put(out, "known_as", model->config.looks.known_as);
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)vc_model_hash(model));
    put(out, "model_hash", hash);
    put(out, "attention", vc_plan_method(plan));
    put_real(out, "sparsity", plan ? 1.0 - vc_plan_kept_share(plan) : 0.0);
    if (plan) {
        vc_plan_hash_text(hash, plan);
        put(out, "plan_hash", hash);
    }
    if (model->of_int8)
        put(out, "weights", "int8 with a scale per output, as fp32");
    put_images(out, &input);
    if (options->class_names)
        VC_TRY(put_names(out, options->class_names, input.classes));
    return out->status;
}
