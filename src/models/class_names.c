/* What a model's classes are called: a JSON list in its file's metadata. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_impl.h"
#include "vitcod/json.h"

const char *vc_model_class_name(const vc_model *model, size_t index)
{
    return index < model->class_name_count ? model->class_names[index] : "";
}

void vc__release_class_names(vc_model *model)
{
    for (size_t i = 0; i < model->class_name_count; i++)
        free(model->class_names[i]);
    free(model->class_names);
    model->class_names = NULL;
    model->class_name_count = 0;
}

vc_status vc_model_name_classes(vc_model *model, const char *const *names, size_t count)
{
    vc__release_class_names(model);
    if (count == 0)
        return VC_OK;
    model->class_names = calloc(count, sizeof *model->class_names);
    for (size_t i = 0; model->class_names && i < count; i++) {
        model->class_names[i] = strdup(names[i]);
        if (!model->class_names[i])
            break;
        model->class_name_count++;
    }
    return model->class_name_count == count
               ? VC_OK
               : vc_fail(VC_ENOMEM, "out of memory for the names of %zu classes", count);
}

static vc_status take(vc_model *model, const json_t *list, const char *path)
{
    const size_t count = json_array_size(list);
    const char **names = calloc(count, sizeof *names);
    vc_status status = names ? VC_OK : vc_fail(VC_ENOMEM, "%s: out of memory", path);
    for (size_t i = 0; i < count && status == VC_OK; i++) {
        names[i] = json_string_value(json_array_get(list, i));
        if (!names[i])
            status = vc_fail(VC_EFORMAT, "%s: metadata 'class_names' has no text for class %zu",
                             path, i);
    }
    if (status == VC_OK)
        status = vc_model_name_classes(model, names, count);
    free(names);
    return status;
}

vc_status vc__read_class_names(vc_model *model, const vc_tensor_file *file)
{
    const char *text = vc_tensor_file_metadata(file, "class_names");
    const char *path = vc_tensor_file_path(file);
    const size_t classes = vc_model_input_of(&model->config).classes;
    json_error_t error;
    if (!text)
        return VC_OK;
    json_t *list = vc_json_parse(text, strlen(text), 0, &error);
    vc_status status = VC_OK;
    if (!list)
        status =
            vc_fail(vc_json_status(&error), "%s: metadata 'class_names': %s", path, error.text);
    else if (!json_is_array(list) || json_array_size(list) != classes)
        status = vc_fail(VC_EFORMAT,
                         "%s: metadata 'class_names' lists %zu names, wanted one for each of %zu "
                         "classes",
                         path, json_array_size(list), classes);
    else
        status = take(model, list, path);
    json_decref(list);
    /* In a file of another program the key may mean anything. */
    return status == VC_EFORMAT && !vc_tensor_file_metadata(file, "architecture") ? VC_OK : status;
}

vc_status vc__class_names_text(char **out, const vc_model *model)
{
    *out = NULL;
    if (model->class_name_count == 0)
        return VC_OK;
    json_t *list = json_array();
    for (size_t i = 0; i < model->class_name_count; i++)
        vc_json_append(&list, vc_json_text(model->class_names[i]));
    *out = list ? vc_json_dump(list, JSON_COMPACT) : NULL;
    json_decref(list);
    return *out ? VC_OK
                : vc_fail(VC_ENOMEM, "out of memory for the names of %zu classes",
                          model->class_name_count);
}
