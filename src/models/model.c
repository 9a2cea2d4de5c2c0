#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"
#include "vitcod/group_files.h"
#include "vitcod/rng.h"

/* What has room for every group of layers, or for a group's shape, relies on this. */
static vc_status check_groups(const vc_model_config *config)
{
    const size_t groups = vc_model_groups(config), layers = vc_model_layers(config);
    size_t next = 0;
    if (groups == 0 || groups > VC_MOST_GROUPS)
        return vc_fail(VC_EUNSUPPORTED, "a %s with %zu groups of layers, wanted 1 to %d",
                       config->family->name, groups, VC_MOST_GROUPS);
    for (size_t g = 0; g < groups; g++) {
        const vc_attention_group group = vc_model_group(config, g);
        const vc_attention_layer first = vc_model_layer(config, group.first);
        if (group.first != next || group.count == 0 || group.count > layers - next)
            return vc_fail(VC_EUNSUPPORTED, "a %s whose group %zu of layers begins at %zu of %zu",
                           config->family->name, g, group.first, layers);
        for (; next < group.first + group.count; next++) {
            const vc_attention_layer l = vc_model_layer(config, next);
            if (l.group != g || l.heads != first.heads || l.queries != first.queries ||
                l.keys != first.keys)
                return vc_fail(VC_EUNSUPPORTED,
                               "a %s whose layer %zu is not as group %zu of layers has them",
                               config->family->name, next, g);
        }
    }
    if (next != layers)
        return vc_fail(VC_EUNSUPPORTED, "a %s with %zu layers, of which %zu are in a group",
                       config->family->name, layers, next);
    return VC_OK;
}

vc_status vc__model_begin(vc_model **out, const vc_model_config *config)
{
    const vc__family *family = config->family;
    *out = NULL;
    VC_TRY(family->check(config));
    VC_TRY(check_groups(config));
    vc_model *model = calloc(1, sizeof *model);
    if (!model)
        return vc_fail(VC_ENOMEM, "out of memory");
    model->config = *config;
    vc_status status = family->allocate(model);
    if (status == VC_OK) {
        vc__walk count = {0};
        family->walk(&count, model);
        model->param_count = count.param_count;
        model->value_count = count.value_count;
        model->params = calloc(model->param_count, sizeof *model->params);
        if (!model->params)
            status = vc_fail(VC_ENOMEM, "out of memory");
    }
    if (status == VC_OK) {
        vc__walk fill = {.params = model->params};
        family->walk(&fill, model);
        *out = model;
        return VC_OK;
    }
    vc_model_close(model);
    return status;
}

vc_status vc__model_allocate(vc_model *model)
{
    model->values = aligned_alloc(VC_ARENA_ALIGN, model->value_count * sizeof(float));
    if (!model->values)
        return vc_fail(VC_ENOMEM, "out of memory for a model of %zu parameters",
                       model->value_count);
    memset(model->values, 0, model->value_count * sizeof(float));
    vc__walk bind = {.params = model->params, .values = model->values};
    model->config.family->walk(&bind, model);
    return VC_OK;
}

vc_status vc__model_finish(vc_model *model)
{
    const vc__family *family = model->config.family;
    return family->finish ? family->finish(model) : VC_OK;
}

vc_status vc_model_parameters(size_t *out, const vc_model_config *config)
{
    vc_model *model;
    *out = 0;
    VC_TRY(vc__model_begin(&model, config));
    for (size_t i = 0; i < model->param_count; i++)
        *out += model->params[i].statistic ? 0 : model->params[i].count;
    vc_model_close(model);
    return VC_OK;
}

/* A normal draw within two deviations. */
static float truncated_normal(vc_rng *rng)
{
    double x;
    do
        x = vc_rng_normal(rng);
    while (fabs(x) > 2.0);
    return (float)x;
}

static void initialise(const vc_param *param, uint64_t seed, size_t index)
{
    enum { STREAM_INIT = 3 };
    vc_rng rng = vc_rng_open(seed, STREAM_INIT, index);
    /* DeiT's fixed 0.02 is 0.28 to 0.55 / sqrt(fan in) for its widths of 192 to 768; narrow models
     * start from a signal that is too faint with it, so the scale follows the fan-in. */
    size_t fan_in = param->count / param->shape[0];
    float scale = param->init == VC_INIT_NORMAL ? 0.7f : 1.0f;
    float deviation = scale / sqrtf((float)fan_in);
    for (size_t i = 0; i < param->count; i++)
        switch (param->init) {
        case VC_INIT_ZERO:
            param->data[i] = 0.0f;
            break;
        case VC_INIT_ONE:
            param->data[i] = 1.0f;
            break;
        case VC_INIT_SCALE:
            param->data[i] = 1e-4f;
            break;
        case VC_INIT_NORMAL:
        case VC_INIT_FAN_IN:
            param->data[i] = deviation * truncated_normal(&rng);
            break;
        case VC_INIT_NARROW:
            param->data[i] = 0.02f * (float)vc_rng_normal(&rng);
            break;
        case VC_INIT_UNIFORM:
            param->data[i] = (float)(2.0 * vc_rng_uniform(&rng) - 1.0) / sqrtf((float)fan_in);
            break;
        }
}

vc_status vc_model_create(vc_model **out, const vc_model_config *config, uint64_t seed)
{
    VC_TRY(vc__model_begin(out, config));
    vc_model *model = *out;
    vc_status status = vc__model_allocate(model);
    if (status != VC_OK) {
        vc_model_close(model);
        *out = NULL;
        return status;
    }
    for (size_t i = 0; i < model->param_count; i++)
        initialise(&model->params[i], seed, i);
    status = vc__model_finish(model);
    if (status != VC_OK) {
        vc_model_close(model);
        *out = NULL;
    }
    return status;
}

void vc_model_close(vc_model *model)
{
    if (!model)
        return;
    vc__drop_restriction(model);
    model->config.family->release(model);
    free(model->values);
    vc_arena_close(&model->converted);
    vc__origin_free(model->origin);
    free(model->params);
    for (size_t i = 0; i < 2; i++)
        vc_tensor_file_close(model->files[i]);
    for (size_t i = 0; i < model->note_count; i++)
        free(model->notes[i]);
    free(model->notes);
    vc__release_class_names(model);
    free(model);
}
