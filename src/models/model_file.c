#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"
#include "vitcod/safetensors.h"
#include "vitcod/weights.h"

/* What a parameter is called there. */
static const char *name_in(const vc_tensor_file *file, const vc_param *param)
{
    int renamed = param->alias[0] && !vc_tensor_file_find(file, param->name);
    return renamed && vc_tensor_file_find(file, param->alias) ? param->alias : param->name;
}

static const vc_tensor_file *file_of(const vc_model *model, const vc_param *param)
{
    return model->files[1] && param->autoencoder ? model->files[1] : model->files[0];
}

/* The parameter's tensor: of its shape or, for positions, of as many as the sizes were read from. */
static vc_status find(const vc_tensor **out, const vc_model *model, const vc_param *param)
{
    const vc_tensor_file *file = file_of(model, param);
    const char *name = name_in(file, param);
    const vc_tensor *there = vc_tensor_file_find(file, name);
    const int matrix = there && there->dtype == VC_I8 && param->rank >= 2;
    size_t shape[4];
    memcpy(shape, param->shape, sizeof shape);
    if (param->positions)
        shape[1] = there->shape[1];
    VC_TRY(vc_tensor_file_get(out, file, name, matrix ? VC_I8 : VC_F32, param->rank, shape));
    return matrix ? VC_OK : vc_tensor_check_finite(*out, vc_tensor_file_path(file), name);
}

/* The values cannot be used as they lie in the file. */
static int is_converted(const vc_param *param, const vc_tensor *tensor)
{
    return !vc_tensor_has(tensor, VC_F32, param->rank, param->shape);
}

/* Room of the model's own for what is converted; the same walk measures and places. */
static vc_status make_room(vc_model *model)
{
    for (size_t i = 0; i < model->param_count; i++) {
        vc_param *param = &model->params[i];
        const vc_tensor *tensor;
        VC_TRY(find(&tensor, model, param));
        if (is_converted(param, tensor))
            param->data = vc_arena_floats(&model->converted, param->count);
    }
    return VC_OK;
}

static vc_status take(vc_model *model, vc_param *param, const vc_tensor *tensor, int in_place)
{
    if (tensor->dtype == VC_I8) {
        const vc_tensor_file *file = file_of(model, param);
        return vc__dequantize(param->data, file, name_in(file, param));
    }
    if (is_converted(param, tensor))
        return vc__architecture_of(&model->config)->resample(param->data, model, tensor);
    if (in_place)
        param->data = tensor->data;
    else
        memcpy(param->data, tensor->data, param->count * sizeof(float));
    return VC_OK;
}

static vc_status load(vc_model *model, int in_place)
{
    if (in_place) {
        VC_TRY(make_room(model));
        VC_TRY(vc_arena_reserve(&model->converted));
        VC_TRY(make_room(model));
    }
    for (size_t i = 0; i < model->param_count; i++) {
        vc_param *param = &model->params[i];
        const vc_tensor *tensor;
        VC_TRY(find(&tensor, model, param));
        VC_TRY(take(model, param, tensor, in_place));
        vc_tensor_file_forget(file_of(model, param), tensor->data,
                              vc_tensor_count(tensor) * vc_dtype_bytes(tensor->dtype));
    }
    return VC_OK;
}

/* By the first name that the file has for it: a second one would not be read. */
static int is_called(const vc_param *param, const vc_tensor_file *file, const char *name)
{
    return strcmp(param->name, name) == 0 ||
           (strcmp(param->alias, name) == 0 && !vc_tensor_file_find(file, param->name));
}

/* A tensor that nothing reads would be ignored silently. */
static vc_status check_unknown(const vc_model *model, const vc_tensor_file *file, int coders_only)
{
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const char *name = vc_tensor_file_at(file, i)->name;
        size_t known = 0;
        while (known < model->param_count && !is_called(&model->params[known], file, name))
            known++;
        if (known < model->param_count && coders_only && !model->params[known].autoencoder)
            return vc_fail(VC_EFORMAT, "%s: tensor '%s' is no part of an auto-encoder",
                           vc_tensor_file_path(file), name);
        if (known == model->param_count && !vc__is_buffer(name) && !vc__is_scale(file, name))
            return vc_fail(VC_EFORMAT, "%s: tensor '%s' is not part of the %s that it describes",
                           vc_tensor_file_path(file), name,
                           vc_architecture_name(model->config.architecture));
    }
    return VC_OK;
}

static vc_status fill(vc_model *model, int in_place)
{
    const vc_tensor_file *file = model->files[0], *autoencoder = model->files[1];
    if (!in_place)
        VC_TRY(vc__model_allocate(model));
    VC_TRY(load(model, in_place));
    VC_TRY(check_unknown(model, file, 0));
    if (autoencoder)
        VC_TRY(check_unknown(model, autoencoder, 1));
    if (in_place) {
        vc__walk bind = {.params = model->params, .bind_params = 1};
        vc__architecture_of(&model->config)->walk(&bind, model);
    }
    vc_status status = vc__model_finish(model);
    return status == VC_OK ? status
                           : vc_fail(status, "%s: %s", vc_tensor_file_path(file), vc_last_error());
}

static vc_status recognise(vc_architecture *out, const vc_tensor_file *file)
{
    for (int a = 0; a < VC_ARCHITECTURE_COUNT; a++) {
        const vc_model_config config = {.architecture = (vc_architecture)a};
        *out = (vc_architecture)a;
        if (vc__architecture_of(&config)->recognise(file))
            return VC_OK;
    }
    return vc_fail(VC_EFORMAT,
                   "%s: %zu tensors, but none of a model that is known: wanted a DeiT or a LeViT",
                   vc_tensor_file_path(file), vc_tensor_file_count(file));
}

static vc_status begin(vc_model **out, const vc_tensor_file *file,
                       const vc_tensor_file *autoencoder, const vc_model_options *options)
{
    vc_model_config config = {0};
    VC_TRY(recognise(&config.architecture, file));
    VC_TRY(vc__architecture_of(&config)->read_config(&config, file, autoencoder, options));
    vc_status status = vc__model_begin(out, &config);
    if (status != VC_OK)
        return vc_fail(status, "%s: %s", vc_tensor_file_path(file), vc_last_error());
    return VC_OK;
}

vc_status vc_model_open(vc_model **out, const char *path, const vc_model_options *options)
{
    *out = NULL;
    vc_tensor_file *file, *autoencoder = NULL;
    VC_TRY(vc_weights_open(&file, path));
    vc_status status = VC_OK;
    if (options->autoencoder)
        status = vc_weights_open(&autoencoder, options->autoencoder);
    if (status == VC_OK)
        status = begin(out, file, autoencoder, options);
    if (status != VC_OK) {
        vc_tensor_file_close(autoencoder);
        vc_tensor_file_close(file);
        return status;
    }
    vc_model *model = *out;
    model->files[0] = file;
    model->files[1] = autoencoder;
    status = fill(model, options->in_place);
    for (size_t i = 0; i < 2 && !options->in_place; i++) {
        vc_tensor_file_close(model->files[i]);
        model->files[i] = NULL;
    }
    if (status != VC_OK) {
        vc_model_close(model);
        *out = NULL;
    }
    return status;
}

static void channel_text(char text[96], const float *values, size_t channels)
{
    int used = 0;
    text[0] = '\0';
    for (size_t c = 0; c < channels; c++)
        used += snprintf(text + used, 96 - (size_t)used, "%s%.9g", c ? " " : "", (double)values[c]);
}

/* BatchNorm's counter of batches stands beside a variance, and timm wants it back: what it is called
 * where the variance has timm's name. 0: the tensor is no such counter. */
static int name_counter(char out[96], const vc_model *model, const vc_named_tensor *tensor)
{
    static const char variance[] = "running_var", counter[] = "num_batches_tracked";
    size_t length = strlen(tensor->name), tail = sizeof counter - 1;
    if (length < tail || length > 95 || strcmp(tensor->name + length - tail, counter) != 0 ||
        !vc_tensor_has(&tensor->tensor, VC_I64, 0, NULL))
        return 0;
    snprintf(out, 96, "%.*s%s", (int)(length - tail), tensor->name, variance);
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *param = &model->params[i];
        if (strcmp(param->name, out) != 0 && strcmp(param->alias, out) != 0)
            continue;
        snprintf(out, 96, "%.*s%s", (int)(strlen(param->name) - sizeof variance + 1), param->name,
                 counter);
        return 1;
    }
    return 0;
}

static size_t tensors_read(const vc_model *model)
{
    return model->files[0] ? vc_tensor_file_count(model->files[0]) : 0;
}

/* Integers first, so that all stay aligned. */
static size_t take_counters(vc_named_tensor *tensors, char (*names)[96], const vc_model *model)
{
    size_t count = 0;
    for (size_t i = 0; i < tensors_read(model) && count < model->param_count; i++) {
        const vc_named_tensor *from = vc_tensor_file_at(model->files[0], i);
        if (!name_counter(names[count], model, from))
            continue;
        tensors[count] = (vc_named_tensor){names[count], from->tensor};
        count++;
    }
    return count;
}

/* All parameters, or only the auto-encoder's. */
static vc_status write_params(const char *path, const vc_model *model, int autoencoder_only,
                              const vc_metadata *metadata, size_t metadata_count)
{
    vc_named_tensor *tensors = calloc(2 * model->param_count, sizeof *tensors);
    char(*names)[96] = calloc(model->param_count, sizeof *names);
    if (!tensors || !names) {
        free(tensors);
        free(names);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    size_t count = autoencoder_only ? 0 : take_counters(tensors, names, model);
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *param = &model->params[i];
        if (autoencoder_only && !param->autoencoder)
            continue;
        vc_tensor tensor = {.dtype = VC_F32, .rank = param->rank, .data = param->data};
        memcpy(tensor.shape, param->shape, sizeof param->shape);
        tensors[count++] = (vc_named_tensor){param->name, tensor};
    }
    vc_status status = vc_safetensors_write(path, tensors, count, metadata, metadata_count);
    free(names);
    free(tensors);
    return status;
}

const char *vc_model_left_out(const vc_model *model, size_t index)
{
    char ignored[96];
    for (size_t i = 0; i < tensors_read(model); i++) {
        const vc_named_tensor *from = vc_tensor_file_at(model->files[0], i);
        if (vc__is_buffer(from->name) && !name_counter(ignored, model, from) && index-- == 0)
            return from->name;
    }
    return NULL;
}

vc_status vc_model_write_autoencoder(const char *path, const vc_model *model)
{
    return write_params(path, model, 1, NULL, 0);
}

/* What a model says about itself. */
typedef struct description {
    char heads[32], mean[96], std[96];
    vc_metadata entries[4];
    size_t count;
} description;

static void describe(description *d, const vc_model *model)
{
    const vc_model_input input = vc_model_input_of(&model->config);
    snprintf(d->heads, sizeof d->heads, "%zu", vc_model_layer(&model->config, 0).heads);
    channel_text(d->mean, input.mean, input.channels);
    channel_text(d->std, input.std, input.channels);
    d->entries[0] = (vc_metadata){"architecture", vc_architecture_name(model->config.architecture)};
    d->entries[1] = (vc_metadata){"input_mean", d->mean};
    d->entries[2] = (vc_metadata){"input_std", d->std};
    d->entries[3] = (vc_metadata){"num_heads", d->heads}; /* which LeViT's shapes tell */
    d->count = model->config.architecture == VC_DEIT ? 4 : 3;
}

vc_status vc__write_tensors(const char *path, const vc_model *model, const vc_named_tensor *tensors,
                            size_t count)
{
    description d = {0};
    describe(&d, model);
    return vc_safetensors_write(path, tensors, count, d.entries, d.count);
}

vc_status vc_model_write(const char *path, const vc_model *model)
{
    description d = {0};
    describe(&d, model);
    return write_params(path, model, 0, d.entries, d.count);
}
