/* Which of vitcod's own files one is. */
#define _GNU_SOURCE /* memmem */
#include "vitcod/json.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "file_kind_impl.h"
#include "npy_impl.h"
#include "safetensors_impl.h"
#include "vitcod/tensor.h"

/* ---- safetensors */

/* NULL: none, or a broken or very long one. */
static json_t *header_of(const vc_mapped_file *file)
{
    enum { MOST = 1 << 24 };
    json_error_t error;
    uint64_t bytes = 0;
    for (int i = 0; i < 8; i++)
        bytes |= (uint64_t)file->data[i] << (8 * i);
    if (bytes > file->bytes - 8 || bytes > MOST)
        return NULL;
    json_t *header = vc_json_parse((const char *)file->data + 8, bytes, 0, &error);
    if (json_is_object(header))
        return header;
    json_decref(header);
    return NULL;
}

static int holds_coders_alone(const json_t *header)
{
    const char *name;
    json_t *entry;
    size_t coders = 0;
    json_object_foreach ((json_t *)header, name, entry) {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        if (!strstr(name, "encoder_") && !strstr(name, "decoder_"))
            return 0;
        coders++;
    }
    return coders > 0;
}

static vc_file_kind kind_of_tensors(const vc_mapped_file *file)
{
    static const struct {
        const char *format;
        vc_file_kind kind;
    } formats[] = {{"vitcod-plan", VC_FILE_PLAN},
                   {"vitcod-attention", VC_FILE_STATISTICS},
                   {"vitcod-checkpoint", VC_FILE_CHECKPOINT},
                   {"vitcod-rtl-vectors", VC_FILE_VECTORS}};
    json_t *header = header_of(file);
    if (!header)
        return VC_FILE_OTHER;
    const json_t *said = json_object_get(header, "__metadata__");
    const char *format = json_string_value(json_object_get(said, "format"));
    vc_file_kind kind = VC_FILE_TENSORS;
    /* What others write says none of it; a model of poses has strides. */
    if (json_object_get(said, "architecture") &&
        (json_object_get(said, "input_mean") || json_object_get(said, "strides")))
        kind = VC_FILE_MODEL;
    else if (holds_coders_alone(header))
        kind = VC_FILE_AUTOENCODER;
    for (size_t i = 0; format && i < sizeof formats / sizeof *formats; i++)
        if (strcmp(format, formats[i].format) == 0)
            kind = formats[i].kind;
    json_decref(header);
    return kind;
}

/* ---- npy */

/* Of the first values, which are scores where none is negative, and averages of softmax where the
 * first row's sum is 1. */
static vc_file_kind kind_of_floats(const vc__npy_layout *layout, const unsigned char *bytes)
{
    enum { LOOKED_AT = 100000 };
    const size_t count = vc_tensor_count(&layout->tensor), keys = layout->tensor.shape[3];
    double sum = 0.0;
    for (size_t i = 0; i < count && i < LOOKED_AT; i++) {
        float value;
        memcpy(&value, bytes + layout->first + i * sizeof value, sizeof value);
        if (!(value >= 0.0F))
            return VC_FILE_ARRAY; /* pixels that are normalised have both signs */
        sum += i < keys ? (double)value : 0.0;
    }
    return sum > 0.99 && sum < 1.01 ? VC_FILE_MAPS : VC_FILE_SCORES;
}

static vc_file_kind kind_of_array(vc_tensor *out, const vc_mapped_file *file)
{
    vc__npy_layout layout;
    if (vc__npy_parse(&layout, file->data, file->bytes, "") != VC_OK)
        return VC_FILE_OTHER;
    *out = layout.tensor;
    if (out->rank != 4 || vc_tensor_count(out) == 0)
        return out->dtype == VC_F32 && (out->rank == 2 || out->rank == 3) ? VC_FILE_LOGITS
                                                                          : VC_FILE_ARRAY;
    return out->dtype == VC_BOOL ? VC_FILE_MASK
           : out->dtype == VC_F32 && !layout.big_endian && !layout.fortran
               ? kind_of_floats(&layout, file->data)
               : VC_FILE_ARRAY;
}

/* ---- text */

/* Whether one word stands within so many bytes of the beginning, and another with it. */
static int says(const vc_mapped_file *file, const char *word, const char *other, size_t within)
{
    const size_t bytes = file->bytes < within ? file->bytes : within;
    const unsigned char *at = file->data;
    return memmem(at, bytes, word, strlen(word)) && memmem(at, bytes, other, strlen(other));
}

static vc_file_kind kind_of_json(const vc_mapped_file *file)
{
    return says(file, "{\"epoch\":", "\"loss\":", 200)                   ? VC_FILE_LOG
           : says(file, "{\"sweep_hash\":", "\"", 40)                    ? VC_FILE_POINTS
           : says(file, "{", "\"displayTimeUnit\"", 40)                  ? VC_FILE_TRACE
           : says(file, "\"verb\"", "\"command\"", 200)                  ? VC_FILE_RESULT
           : says(file, "\"heads\"", "\"calibrate --curves\"", SIZE_MAX) ? VC_FILE_CURVES
                                                                         : VC_FILE_OTHER;
}

/* Whether a line begins with the key, and its value, where one is given, with that. */
static int has_key(const vc_mapped_file *file, const char *key, const char *value)
{
    const char *line = (const char *)file->data, *end = line + file->bytes;
    const size_t length = strlen(key), count = strlen(value);
    while (line < end) {
        if ((size_t)(end - line) > length && memcmp(line, key, length) == 0 &&
            line[length] == ':') {
            const char *at = line + length + 1;
            while (at < end && *at == ' ')
                at++;
            if ((size_t)(end - at) >= count && memcmp(at, value, count) == 0)
                return 1;
        }
        const char *last = memchr(line, '\n', (size_t)(end - line));
        line = last ? last + 1 : end;
    }
    return 0;
}

/* The first row that fits counts: a space is one whatever else it has. */
static const struct {
    const char *key, *value;
    vc_file_kind kind;
} yaml_kinds[] = {{"axes", "", VC_FILE_SPACE},
                  {"model", "dram", VC_FILE_MEMORY},
                  {"model", "bandwidth", VC_FILE_MEMORY},
                  {"like", "", VC_FILE_CHIP},
                  {"macs_per_line", "", VC_FILE_CHIP},
                  {"epochs", "", VC_FILE_SETTINGS},
                  {"lr", "", VC_FILE_SETTINGS},
                  {"init", "", VC_FILE_SETTINGS}};
enum { YAML_KINDS = sizeof yaml_kinds / sizeof *yaml_kinds };

int vc__file_kind_is_yaml(vc_file_kind kind)
{
    for (size_t i = 0; i < YAML_KINDS; i++)
        if (yaml_kinds[i].kind == kind)
            return 1;
    return 0;
}

static vc_file_kind kind_of_yaml(const vc_mapped_file *file)
{
    enum { MOST = 1 << 20 }; /* as the reader takes */
    if (file->bytes > MOST || vc__file_text_length(file) == 0)
        return VC_FILE_OTHER;
    for (size_t i = 0; i < YAML_KINDS; i++)
        if (has_key(file, yaml_kinds[i].key, yaml_kinds[i].value))
            return yaml_kinds[i].kind;
    return VC_FILE_OTHER;
}

static vc_file_kind kind_of_text(const vc_mapped_file *file)
{
    if (file->data[0] == '{')
        return kind_of_json(file);
    if (file->data[0] == '<' && says(file, "<footer><p>Written by vitcod", "</html>", SIZE_MAX))
        return VC_FILE_PAGE;
    if (file->data[0] == '/' &&
        says(file, "// An accelerator's parameters", "`define VITCOD_", SIZE_MAX))
        return VC_FILE_RTL_PARAMETERS;
    if (says(file, "# clock command channel", "DRAMsim3", 120))
        return VC_FILE_COMMANDS;
    if (says(file, "Layer,M,N,K", "\n", 60) || says(file, "---", "problem:", 60))
        return VC_FILE_GEMMS;
    if (says(file, "0x", " READ ", 60) || says(file, "0x", " WRITE ", 60))
        return VC_FILE_REQUESTS;
    return kind_of_yaml(file);
}

/* Protobuf: a version, then who made it. */
static int is_onnx(const vc_mapped_file *file)
{
    static const char made[] = "\x12\x06vitcod";
    return file->bytes > 2 + sizeof made && file->data[0] == 8 &&
           memcmp(file->data + 2, made, sizeof made - 1) == 0;
}

vc_file_kind vc__file_own(vc_tensor *array, const vc_mapped_file *file)
{
    *array = (vc_tensor){0};
    if (vc__safetensors_begins(file))
        return kind_of_tensors(file);
    if (vc__npy_begins(file->data, file->bytes))
        return kind_of_array(array, file);
    return is_onnx(file) ? VC_FILE_ONNX : kind_of_text(file);
}

vc_file_kind vc_file_kind_of(const char *path)
{
    vc_tensor array;
    vc_mapped_file file;
    if (vc_file_map(&file, path) != VC_OK)
        return VC_FILE_OTHER;
    const vc_file_kind kind = vc__file_own(&array, &file);
    vc_file_unmap(&file);
    return kind;
}
