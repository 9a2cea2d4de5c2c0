/* A model's file: what it says about itself, its parameters, its plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"
#include "vitcod/safetensors.h"

static void channel_text(char text[96], const float *values, size_t channels)
{
    int used = 0;
    text[0] = '\0';
    for (size_t c = 0; c < channels; c++)
        used += snprintf(text + used, 96 - (size_t)used, "%s%.9g", c ? " " : "", (double)values[c]);
}

/* BatchNorm's counter of batches stands beside a variance, and timm wants it back: what it is
 * called where the variance has timm's name. 0: the tensor is no such counter. */
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

/* 8 bytes each: first, so that all stay aligned. */
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

/* All parameters and the plan, or only the auto-encoder's. */
static vc_status write_params(const char *path, const vc_model *model, int autoencoder_only,
                              const vc_metadata *metadata, size_t metadata_count)
{
    const size_t planned = vc_plan_tensors(NULL, NULL, vc_model_plan(model), VC_PLAN_PREFIX);
    vc_named_tensor *tensors = calloc(2 * model->param_count + planned, sizeof *tensors);
    char(*names)[96] = calloc(model->param_count, sizeof *names),
    (*plan_names)[VC_PLAN_NAME] = calloc(planned + 1, sizeof *plan_names);
    if (!tensors || !names || !plan_names) {
        free(tensors);
        free(names);
        free(plan_names);
        return vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    size_t count = autoencoder_only ? 0 : take_counters(tensors, names, model);
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *param = &model->params[i];
        if (param->origin != VC_OF_FAMILY || (autoencoder_only && !param->autoencoder))
            continue;
        vc_tensor tensor = {.dtype = VC_F32, .rank = param->rank, .data = param->data};
        memcpy(tensor.shape, param->shape, sizeof param->shape);
        tensors[count++] = (vc_named_tensor){param->name, tensor};
    }
    if (!autoencoder_only)
        count += vc_plan_tensors(tensors + count, plan_names, vc_model_plan(model), VC_PLAN_PREFIX);
    vc_status status = vc_safetensors_write(path, tensors, count, metadata, metadata_count);
    free(names);
    free(plan_names);
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
    char heads[32], threshold[32], mean[96], std[96];
    char *class_names; /* owned */
    vc_metadata entries[6 + VC__FAMILY_ENTRIES + VC__LOOKS_ENTRIES];
    vc__looks_text looks;
    vc__family_text family[VC__FAMILY_ENTRIES];
    size_t count;
} description;

static vc_status describe(description *d, const vc_model *model)
{
    VC_TRY(vc__class_names_text(&d->class_names, model));
    const vc_model_input input = vc_model_input_of(&model->config);
    const vc_plan *plan = vc_model_plan(model);
    snprintf(d->heads, sizeof d->heads, "%zu", vc_model_layer(&model->config, 0).heads);
    channel_text(d->mean, input.mean, input.channels);
    channel_text(d->std, input.std, input.channels);
    d->entries[0] = (vc_metadata){"architecture", vc_model_family(&model->config)};
    d->count = 1;
    if (input.joints == 0) {
        d->entries[d->count++] = (vc_metadata){"input_mean", d->mean};
        d->entries[d->count++] = (vc_metadata){"input_std", d->std};
    }
    if (model->config.family->writes_heads)
        d->entries[d->count++] = (vc_metadata){"num_heads", d->heads};
    if (model->config.family->metadata)
        d->count +=
            model->config.family->metadata(d->entries + d->count, d->family, &model->config);
    d->count += vc__describe_looks(d->entries + d->count, &d->looks, &model->config);
    if (d->class_names)
        d->entries[d->count++] = (vc_metadata){"class_names", d->class_names};
    if (!plan)
        return VC_OK;
    snprintf(d->threshold, sizeof d->threshold, "%zu", plan->threshold);
    d->entries[d->count++] = (vc_metadata){VC_PLAN_PREFIX "threshold", d->threshold};
    return VC_OK;
}

vc_status vc__write_tensors(const char *path, const vc_model *model, const vc_named_tensor *tensors,
                            size_t count)
{
    description d = {0};
    VC_TRY(describe(&d, model));
    const vc_status status = vc_safetensors_write(path, tensors, count, d.entries, d.count);
    free(d.class_names);
    return status;
}

vc_status vc_model_write(const char *path, const vc_model *model)
{
    description d = {0};
    VC_TRY(describe(&d, model));
    const vc_status status = write_params(path, model, 0, d.entries, d.count);
    free(d.class_names);
    return status;
}
