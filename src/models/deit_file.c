#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"
#include "vitcod/safetensors.h"

/* A required tensor of known rank whose sizes are not known yet. */
static vc_status find_shape(const size_t **shape, const vc_tensor_file *file, const char *name,
                            size_t rank)
{
    const vc_tensor *tensor = vc_tensor_file_find(file, name);
    char text[VC_SHAPE_TEXT];
    if (!tensor)
        return vc_fail(VC_EFORMAT, "%s: no tensor '%s', wanted a DeiT with timm's names",
                       vc_tensor_file_path(file), name);
    if (tensor->rank != rank)
        return vc_fail(VC_EFORMAT, "%s: '%s' is %s, wanted rank %zu", vc_tensor_file_path(file),
                       name, vc_shape_text(text, tensor->rank, tensor->shape), rank);
    *shape = tensor->shape;
    return VC_OK;
}

static vc_status read_count(size_t *out, const vc_tensor_file *file, const char *key)
{
    const char *text = vc_tensor_file_metadata(file, key);
    if (!text)
        return VC_OK;
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > 1 << 20)
        return vc_fail(VC_EFORMAT, "%s: metadata '%s' is '%s', wanted a count",
                       vc_tensor_file_path(file), key, text);
    *out = value;
    return VC_OK;
}

/* "0.2860 0.1307 0.3081": one number per channel. */
static vc_status read_channels(float *out, const vc_tensor_file *file, const char *key,
                               size_t channels)
{
    const char *text = vc_tensor_file_metadata(file, key);
    if (!text)
        return VC_OK;
    const char *at = text;
    for (size_t c = 0; c < channels; c++) {
        char *end;
        out[c] = strtof(at, &end);
        if (end == at || !isfinite(out[c]) || (c + 1 == channels && end[strspn(end, " ")] != '\0'))
            return vc_fail(VC_EFORMAT, "%s: metadata '%s' is '%s', wanted %zu numbers",
                           vc_tensor_file_path(file), key, text, channels);
        at = end;
    }
    return VC_OK;
}

static vc_status read_heads(vc_deit_config *config, const vc_tensor_file *file,
                            const vc_model_options *options)
{
    VC_TRY(read_count(&config->heads, file, "num_heads"));
    if (config->heads && options->heads && options->heads != config->heads)
        return vc_fail(VC_EINVAL, "%s: has %zu heads, --heads wants %zu", vc_tensor_file_path(file),
                       config->heads, options->heads);
    if (options->heads)
        config->heads = options->heads;
    if (config->heads)
        return VC_OK;
    if (config->width % 64 != 0)
        return vc_fail(VC_EFORMAT,
                       "%s: width %zu is no multiple of DeiT's 64 values per head, and neither "
                       "metadata 'num_heads' nor --heads says how many heads there are",
                       vc_tensor_file_path(file), config->width);
    config->heads = config->width / 64;
    return VC_OK;
}

static vc_status read_config(vc_deit_config *config, const vc_tensor_file *file,
                             const vc_model_options *options)
{
    const char *path = vc_tensor_file_path(file);
    const size_t *patch = NULL, *positions = NULL, *fc1 = NULL, *head = NULL;
    VC_TRY(find_shape(&patch, file, "patch_embed.proj.weight", 4));
    VC_TRY(find_shape(&positions, file, "pos_embed", 3));
    VC_TRY(find_shape(&fc1, file, "blocks.0.mlp.fc1.weight", 2));
    VC_TRY(find_shape(&head, file, "head.weight", 2));
    *config = vc_deit_config_default();
    config->width = patch[0];
    config->channels = patch[1];
    config->patch = patch[2];
    config->hidden = fc1[0];
    config->classes = head[0];
    config->distilled = vc_tensor_file_find(file, "dist_token") != NULL;
    config->heads = 0;
    for (config->depth = 0;; config->depth++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%zu.norm1.weight", config->depth);
        if (!vc_tensor_file_find(file, name))
            break;
    }
    size_t class_tokens = vc_deit_class_tokens(config), grid = 0;
    while (positions[1] > class_tokens && grid * grid < positions[1] - class_tokens)
        grid++;
    if (positions[1] <= class_tokens || grid * grid != positions[1] - class_tokens)
        return vc_fail(VC_EFORMAT, "%s: 'pos_embed' has %zu tokens, wanted %zu and a square number",
                       path, positions[1], class_tokens);
    config->image = grid * config->patch;
    if (config->channels > VC_MODEL_CHANNELS)
        return vc_fail(VC_EFORMAT, "%s: %zu image channels, wanted at most %d", path,
                       config->channels, VC_MODEL_CHANNELS);
    if (config->channels != 3)
        for (size_t c = 0; c < VC_MODEL_CHANNELS; c++)
            config->mean[c] = config->std[c] = 0.5f;
    VC_TRY(read_channels(config->mean, file, "input_mean", config->channels));
    VC_TRY(read_channels(config->std, file, "input_std", config->channels));
    for (size_t c = 0; c < config->channels; c++)
        if (!(config->std[c] > 0.0f))
            return vc_fail(VC_EFORMAT, "%s: metadata 'input_std' holds %g, wanted above 0", path,
                           (double)config->std[c]);
    return read_heads(config, file, options);
}

static vc_status read_compression(vc_deit_config *config, const vc_tensor_file *file)
{
    const vc_tensor *encoder = vc_tensor_file_find(file, "blocks.0.attn.encoder_q.weight");
    if (!encoder)
        return VC_OK;
    if (encoder->rank != 2 || encoder->shape[1] != config->heads || encoder->shape[0] == 0) {
        char text[VC_SHAPE_TEXT];
        return vc_fail(VC_EFORMAT,
                       "%s: 'blocks.0.attn.encoder_q.weight' is %s, wanted (n, %zu heads)",
                       vc_tensor_file_path(file),
                       vc_shape_text(text, encoder->rank, encoder->shape), config->heads);
    }
    config->compressed_heads = encoder->shape[0];
    return VC_OK;
}

static vc_status load(vc_model *model, const vc_tensor_file *file,
                      const vc_tensor_file *autoencoder)
{
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *param = &model->params[i];
        const vc_tensor_file *from = autoencoder && param->autoencoder ? autoencoder : file;
        const vc_tensor *tensor;
        VC_TRY(vc_tensor_file_get(&tensor, from, param->name, VC_F32, param->rank, param->shape));
        VC_TRY(vc_tensor_check_finite(tensor, vc_tensor_file_path(from), param->name));
        memcpy(model->values + param->offset, tensor->data, param->count * sizeof(float));
    }
    return VC_OK;
}

/* A tensor that nothing reads would be ignored silently. */
static vc_status check_unknown(const vc_model *model, const vc_tensor_file *file)
{
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const char *name = vc_tensor_file_at(file, i)->name;
        size_t known = 0;
        while (known < model->param_count && strcmp(model->params[known].name, name) != 0)
            known++;
        if (known == model->param_count)
            return vc_fail(VC_EFORMAT, "%s: tensor '%s' is not part of the DeiT that it describes",
                           vc_tensor_file_path(file), name);
    }
    return VC_OK;
}

static vc_status open_files(vc_model **out, const vc_tensor_file *file,
                            const vc_tensor_file *autoencoder, const vc_model_options *options)
{
    vc_deit_config config;
    VC_TRY(read_config(&config, file, options));
    VC_TRY(read_compression(&config, autoencoder ? autoencoder : file));
    if (autoencoder && !config.compressed_heads)
        return vc_fail(VC_EFORMAT, "%s: no tensor 'blocks.0.attn.encoder_q.weight'",
                       vc_tensor_file_path(autoencoder));
    vc_status status = vc__model_allocate(out, &config);
    if (status != VC_OK)
        return vc_fail(status, "%s: %s", vc_tensor_file_path(file), vc_last_error());
    status = load(*out, file, autoencoder);
    if (status == VC_OK)
        status = check_unknown(*out, file);
    if (status == VC_OK && autoencoder)
        status = check_unknown(*out, autoencoder);
    if (status != VC_OK) {
        vc_model_close(*out);
        *out = NULL;
    }
    return status;
}

vc_status vc_model_open(vc_model **out, const char *path, const vc_model_options *options)
{
    *out = NULL;
    vc_tensor_file *file, *autoencoder = NULL;
    VC_TRY(vc_safetensors_open(&file, path));
    vc_status status = VC_OK;
    if (options->autoencoder)
        status = vc_safetensors_open(&autoencoder, options->autoencoder);
    if (status == VC_OK)
        status = open_files(out, file, autoencoder, options);
    vc_tensor_file_close(autoencoder);
    vc_tensor_file_close(file);
    return status;
}

static void channel_text(char text[96], const float *values, size_t channels)
{
    int used = 0;
    text[0] = '\0';
    for (size_t c = 0; c < channels; c++)
        used += snprintf(text + used, 96 - (size_t)used, "%s%.9g", c ? " " : "", (double)values[c]);
}

/* All parameters, or only the auto-encoder's. */
static vc_status write_params(const char *path, const vc_model *model, int autoencoder_only,
                              const vc_metadata *metadata, size_t metadata_count)
{
    vc_named_tensor *tensors = calloc(model->param_count, sizeof *tensors);
    size_t count = 0;
    if (!tensors)
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *param = &model->params[i];
        if (autoencoder_only && !param->autoencoder)
            continue;
        vc_tensor tensor = {
            .dtype = VC_F32, .rank = param->rank, .data = model->values + param->offset};
        memcpy(tensor.shape, param->shape, sizeof param->shape);
        tensors[count++] = (vc_named_tensor){param->name, tensor};
    }
    vc_status status = vc_safetensors_write(path, tensors, count, metadata, metadata_count);
    free(tensors);
    return status;
}

vc_status vc_model_write_autoencoder(const char *path, const vc_model *model)
{
    return write_params(path, model, 1, NULL, 0);
}

vc_status vc_model_write(const char *path, const vc_model *model)
{
    char heads[32], mean[96], std[96];
    snprintf(heads, sizeof heads, "%zu", model->config.heads);
    channel_text(mean, model->config.mean, model->config.channels);
    channel_text(std, model->config.std, model->config.channels);
    const vc_metadata metadata[] = {
        {"architecture", "deit"}, {"num_heads", heads}, {"input_mean", mean}, {"input_std", std}};
    return write_params(path, model, 0, metadata, 4);
}
