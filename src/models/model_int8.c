/* Checkpoints whose matrices are int8: tensor NAME with NAME_scale, a float per output, beside
 * it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"
#include "vitcod/product.h"

static const char suffix[] = "_scale";

static void name_scale(char out[VC__SCALE_NAME], const char *name)
{
    snprintf(out, VC__SCALE_NAME, "%s%s", name, suffix);
}

int vc__is_scale(const vc_tensor_file *file, const char *name)
{
    char base[VC__SCALE_NAME];
    const size_t length = strlen(name), tail = sizeof suffix - 1;
    if (length <= tail || length >= sizeof base || strcmp(name + length - tail, suffix) != 0)
        return 0;
    snprintf(base, sizeof base, "%.*s", (int)(length - tail), name);
    const vc_tensor *tensor = vc_tensor_file_find(file, base);
    return tensor && tensor->dtype == VC_I8;
}

vc_status vc__dequantize(float *out, const vc_tensor_file *file, const char *name)
{
    char scale_name[VC__SCALE_NAME];
    const vc_tensor *tensor = vc_tensor_file_find(file, name), *scale;
    name_scale(scale_name, name);
    VC_TRY(vc_tensor_file_get(&scale, file, scale_name, VC_F32, 1, tensor->shape));
    VC_TRY(vc_tensor_check_finite(scale, vc_tensor_file_path(file), scale_name));
    const int8_t *values = tensor->data;
    const float *scales = scale->data;
    const size_t outputs = tensor->shape[0], inputs = vc_tensor_count(tensor) / outputs;
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < inputs; i++)
            out[o * inputs + i] = scales[o] * (float)values[o * inputs + i];
    return VC_OK;
}

/* Weights of products; tokens and positions decay not, coders are tiny. */
static int is_matrix(const vc_param *param)
{
    return param->rank >= 2 && param->decay && !param->autoencoder;
}

typedef struct packed { /* what is written, and where it lies */
    vc_named_tensor *tensors;
    char (*names)[VC__SCALE_NAME], (*plan_names)[VC_PLAN_NAME];
    int8_t *values;
    float *scales;
    size_t count;
} packed;

static vc_tensor tensor_of(const vc_param *param, vc_dtype dtype, void *data)
{
    vc_tensor tensor = {.dtype = dtype, .rank = param->rank, .data = data};
    memcpy(tensor.shape, param->shape, sizeof param->shape);
    return tensor;
}

/* Wide values first, so that all stay aligned: scales and what is no matrix, the plan, then the
 * matrices. */
static void pack(packed *p, const vc_model *model)
{
    float *scale = p->scales;
    int8_t *value = p->values;
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *param = &model->params[i];
        if (param->origin != VC_OF_FAMILY)
            continue;
        if (!is_matrix(param)) {
            p->tensors[p->count++] =
                (vc_named_tensor){param->name, tensor_of(param, VC_F32, param->data)};
            continue;
        }
        const size_t outputs = param->shape[0];
        vc_quantize_weights(value, scale, param->data, outputs, param->count / outputs);
        name_scale(p->names[i], param->name);
        p->tensors[p->count++] = (vc_named_tensor){p->names[i], {VC_F32, 1, {outputs}, scale}};
        value += param->count;
        scale += outputs;
    }
    p->count +=
        vc_plan_tensors(p->tensors + p->count, p->plan_names, vc_model_plan(model), VC_PLAN_PREFIX);
    value = p->values;
    for (size_t i = 0; i < model->param_count; i++) {
        const vc_param *param = &model->params[i];
        if (!is_matrix(param))
            continue;
        p->tensors[p->count++] = (vc_named_tensor){param->name, tensor_of(param, VC_I8, value)};
        value += param->count;
    }
}

vc_status vc_model_write_int8(const char *path, const vc_model *model)
{
    const size_t planned = vc_plan_tensors(NULL, NULL, vc_model_plan(model), VC_PLAN_PREFIX);
    packed p = {.tensors = calloc(2 * model->param_count + planned, sizeof *p.tensors),
                .names = calloc(model->param_count, sizeof *p.names),
                .plan_names = calloc(planned + 1, sizeof *p.plan_names),
                .values = malloc(model->value_count),
                .scales = malloc(model->value_count * sizeof *p.scales)};
    vc_status status;
    if (p.tensors && p.names && p.plan_names && p.values && p.scales) {
        pack(&p, model);
        status = vc__write_tensors(path, model, p.tensors, p.count);
    } else {
        status = vc_fail(VC_ENOMEM, "%s: out of memory", path);
    }
    free(p.tensors);
    free(p.names);
    free(p.plan_names);
    free(p.values);
    free(p.scales);
    return status;
}
