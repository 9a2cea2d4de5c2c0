#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beside.h"
#include "kinds.h"
#include "model_impl.h"
#include "naming.h"
#include "vitcod/file_kind.h"
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

/* The parameter's tensor: of its shape or, for positions, of as many as the sizes were read
 * from. */
static vc_status find_tensor(const vc_tensor **out, const vc_model *model, const vc_param *param)
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
    const int known = model->origin && model->origin->hash != 0; /* they were looked at before */
    return matrix || known ? VC_OK : vc_tensor_check_finite(*out, vc_tensor_file_path(file), name);
}

/* The values cannot be used as they lie in the file. */
static int is_converted(const vc_model *model, const vc_param *param, const vc_tensor *tensor)
{
    return !vc_tensor_has(tensor, VC_F32, param->rank, param->shape) ||
           (param->positions && model->config.family->resamples(&model->config));
}

/* Room of the model's own for what is converted; the same walk measures and places. */
static vc_status make_room(vc_model *model)
{
    for (size_t i = 0; i < model->param_count; i++) {
        vc_param *param = &model->params[i];
        const vc_tensor *tensor;
        VC_TRY(find_tensor(&tensor, model, param));
        if (is_converted(model, param, tensor))
            param->data = vc_arena_floats(&model->converted, param->count);
    }
    return VC_OK;
}

static vc_status take_values(vc_model *model, vc_param *param, const vc_tensor *tensor,
                             int in_place)
{
    if (tensor->dtype == VC_I8) {
        const vc_tensor_file *file = file_of(model, param);
        model->of_int8 = 1;
        return vc__dequantize(param->data, file, name_in(file, param));
    }
    if (is_converted(model, param, tensor))
        return model->config.family->resample(param->data, model, tensor);
    if (in_place)
        param->data = tensor->data;
    else
        memcpy(param->data, tensor->data, param->count * sizeof(float));
    return VC_OK;
}

static vc_status load_params(vc_model *model, int in_place)
{
    if (in_place) {
        VC_TRY(make_room(model));
        VC_TRY(vc_arena_reserve(&model->converted));
        VC_TRY(make_room(model));
    }
    for (size_t i = 0; i < model->param_count; i++) {
        vc_param *param = &model->params[i];
        const vc_tensor *tensor;
        VC_TRY(find_tensor(&tensor, model, param));
        VC_TRY(take_values(model, param, tensor, in_place));
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

/* A tensor that nothing reads would be ignored silently; the plan's are looked at when it is
 * read. */
static vc_status check_unknown(const vc_model *model, const vc_tensor_file *file, int coders_only)
{
    for (size_t i = 0; i < vc_tensor_file_count(file); i++) {
        const char *name = vc_tensor_file_at(file, i)->name;
        size_t known = 0;
        if (!coders_only && strncmp(name, VC_PLAN_PREFIX, sizeof VC_PLAN_PREFIX - 1) == 0)
            continue;
        while (known < model->param_count && !is_called(&model->params[known], file, name))
            known++;
        if (known < model->param_count && coders_only && !model->params[known].autoencoder)
            return vc_fail(VC_EFORMAT, "%s: tensor '%s' is no part of an auto-encoder",
                           vc_tensor_file_path(file), name);
        if (known == model->param_count && !vc__is_buffer(name) && !vc__is_scale(file, name))
            return vc_fail(VC_EFORMAT, "%s: tensor '%s' is not part of the %s that it describes",
                           vc_tensor_file_path(file), name, vc_model_family(&model->config));
    }
    return VC_OK;
}

static vc_status fill_model(vc_model *model, int in_place)
{
    const vc_tensor_file *file = model->files[0], *autoencoder = model->files[1];
    if (!in_place)
        VC_TRY(vc__model_allocate(model));
    VC_TRY(load_params(model, in_place));
    VC_TRY(check_unknown(model, file, 0));
    if (autoencoder)
        VC_TRY(check_unknown(model, autoencoder, 1));
    if (in_place) {
        vc__walk bind = {.params = model->params, .bind_params = 1};
        model->config.family->walk(&bind, model);
    }
    vc_status status = vc__model_finish(model);
    return status == VC_OK ? status
                           : vc_fail(status, "%s: %s", vc_tensor_file_path(file), vc_last_error());
}

static vc_status use_plan_inside(vc_model *model, const vc_tensor_file *file)
{
    vc_plan plan;
    if (vc_plan_in(file) != VC_PLAN_INSIDE)
        return VC_OK;
    VC_TRY(vc_plan_take(&plan, file));
    const vc_status status = vc_model_use_plan(model, &plan, vc_tensor_file_path(file));
    vc_plan_close(&plan);
    return status;
}

/* Other names and other forms become those that the families read. */
static vc_status adapt(vc_tensor_file **file)
{
    const vc__family *family;
    VC_TRY(vc__name_as_known(file));
    for (size_t i = 0; (family = vc__family_at(i)); i++)
        if (family->adapt)
            VC_TRY(family->adapt(file));
    return vc__read_beside(file);
}

/* What vitcod writes and is neither a model nor what was wanted. */
static vc_status refuse_others(const char *path, const char *wanted)
{
    const vc_file_kind kind = vc_file_kind_of(path);
    return kind == VC_FILE_PLAN || kind == VC_FILE_STATISTICS || kind == VC_FILE_CHECKPOINT ||
                   kind == VC_FILE_AUTOENCODER
               ? vc_file_refuse_path(path, wanted)
               : VC_OK;
}

static vc_status open_autoencoder(vc_tensor_file **out, const char *path)
{
    if (vc_file_kind_of(path) != VC_FILE_AUTOENCODER)
        VC_TRY(refuse_others(path, "an auto-encoder"));
    return vc_weights_open(out, path, VC_WEIGHTS_ANY);
}

static vc_status recognise(const vc__family **out, const vc_tensor_file *file)
{
    VC_TRY(vc__refuse_kinds(file));
    for (size_t i = 0; (*out = vc__family_at(i)); i++)
        if ((*out)->recognise(file))
            return VC_OK;
    char known[VC_FAMILIES_TEXT];
    VC_TRY(refuse_others(vc_tensor_file_path(file), "a model"));
    return vc_fail(VC_EFORMAT, "%s: %zu tensors, but none of a model that is known: wanted %s",
                   vc_tensor_file_path(file), vc_tensor_file_count(file), vc__titles(known));
}

/* What a file or a config.json beside it says of images must not go unheard. */
static vc_status check_square(const vc_model_config *config, const vc_tensor_file *file)
{
    const char *text = vc_tensor_file_metadata(file, "image_size");
    vc_extent said;
    if (!text || vc_extent_parse(&said, text) != VC_OK || vc_extent_is_square(said))
        return VC_OK;
    return vc_fail(VC_EUNSUPPORTED, "%s: images of %s pixels, and a %s takes square ones",
                   vc_tensor_file_path(file), text, config->family->title);
}

static vc_status begin_model(vc_model **out, const vc_tensor_file *file,
                             const vc_tensor_file *autoencoder, const vc_model_options *options)
{
    vc_model_config config = {0};
    VC_TRY(recognise(&config.family, file));
    if (!config.family->oblong)
        VC_TRY(check_square(&config, file));
    VC_TRY(config.family->read_config(&config, file, autoencoder, options));
    VC_TRY(vc__read_looks(&config, file, options));
    vc_status status =
        options->features ? vc_model_set_features(&config, options->features) : VC_OK;
    if (status == VC_OK)
        status = vc__model_begin(out, &config);
    if (status != VC_OK)
        return vc_fail(status, "%s: %s", vc_tensor_file_path(file), vc_last_error());
    return VC_OK;
}

/* What opening a file had to say stays with the model. */
static vc_status keep_notes(vc_model *model, const vc_tensor_file *file)
{
    const char *note;
    for (size_t i = 0; file && (note = vc_tensor_file_note(file, i)); i++) {
        const size_t room = strlen(vc_tensor_file_path(file)) + strlen(note) + 3;
        char **longer = realloc(model->notes, (model->note_count + 1) * sizeof *longer);
        char *text = malloc(room);
        if (longer)
            model->notes = longer;
        if (!longer || !text) {
            free(text);
            return vc_fail(VC_ENOMEM, "%s: out of memory", vc_tensor_file_path(file));
        }
        snprintf(text, room, "%s: %s", vc_tensor_file_path(file), note);
        model->notes[model->note_count++] = text;
    }
    return VC_OK;
}

const char *vc_model_note(const vc_model *model, size_t index)
{
    return index < model->note_count ? model->notes[index] : NULL;
}

static void remember(vc_model *model)
{
    if (!model->origin || model->origin->hash != 0)
        return;
    const uint64_t hash = vc_model_hash(model);
    vc__origin_remember(model->origin, hash);
    model->origin->hash = hash;
}

vc_status vc_model_open(vc_model **out, const char *path, const vc_model_options *options)
{
    *out = NULL;
    vc_tensor_file *file, *autoencoder = NULL;
    VC_TRY(vc_weights_open(&file, path, options->weights));
    vc_status status = adapt(&file);
    if (status == VC_OK && options->autoencoder)
        status = open_autoencoder(&autoencoder, options->autoencoder);
    if (status == VC_OK)
        status = begin_model(out, file, autoencoder, options);
    if (status != VC_OK) {
        vc_tensor_file_close(autoencoder);
        vc_tensor_file_close(file);
        return status;
    }
    vc_model *model = *out;
    model->files[0] = file;
    model->files[1] = autoencoder;
    for (size_t i = 0; i < 2 && status == VC_OK; i++)
        status = keep_notes(model, model->files[i]);
    if (status == VC_OK && !options->features) /* they have a head */
        status = vc__read_class_names(model, file);
    if (status == VC_OK && options->in_place)
        model->origin = vc__origin_of(model, path, options);
    if (model->origin && options->remember)
        vc__origin_recall(model->origin);
    if (status == VC_OK)
        status = fill_model(model, options->in_place);
    if (status == VC_OK && options->remember)
        remember(model);
    if (status == VC_OK && !options->without_plan)
        status = use_plan_inside(model, file);
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
