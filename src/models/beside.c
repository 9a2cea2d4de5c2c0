#include "beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beside_images.h"
#include "renaming.h"
#include "vitcod/extent.h"
#include "vitcod/json.h"

/* Both files, each NULL where it is not there, or not to be used. */
typedef struct beside {
    const vc_tensor_file *of;
    json_t *config, *images;
    vc__images_beside how;
    char *class_names;  /* a JSON list; NULL: not said */
    char notes[3][256]; /* on either file, and on the names of classes */
} beside;

static char *path_of(const vc_tensor_file *file, const char *name)
{
    const char *path = vc_tensor_file_path(file), *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    char *out = malloc(folder + strlen(name) + 1);
    if (out) {
        memcpy(out, path, folder);
        strcpy(out + folder, name);
    }
    return out;
}

/* *out NULL: there is none, or it is no object, which is said. */
static vc_status read_one(json_t **out, const vc_tensor_file *file, const char *name,
                          char note[256])
{
    char *path = path_of(file, name);
    *out = NULL;
    if (!path)
        return vc_fail(VC_ENOMEM, "%s: out of memory", vc_tensor_file_path(file));
    vc_status status = VC_OK;
    if (access(path, F_OK) == 0)
        status = vc_json_read(out, path);
    free(path);
    if (status == VC_ENOMEM)
        return status;
    if (status != VC_OK || (*out && !json_is_object(*out))) {
        json_decref(*out);
        *out = NULL;
        snprintf(note, 256, "%s beside it is no JSON object and is not used", name);
    }
    return VC_OK;
}

/* ---- is it this model's? */

static size_t blocks_of(const vc_tensor_file *file)
{
    for (size_t depth = 0;; depth++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%zu.norm1.weight", depth);
        if (!vc_tensor_file_find(file, name))
            return depth;
    }
}

static int differs(const json_t *config, const char *key, size_t is)
{
    const json_t *said = json_object_get(config, key);
    return json_is_integer(said) && is > 0 && json_integer_value(said) != (json_int_t)is;
}

static const vc_tensor *patches_of(const vc_tensor_file *file)
{
    const vc_tensor *patches = vc_tensor_file_find(file, "patch_embed.proj.weight");
    return patches && patches->rank == 4 ? patches : NULL;
}

/* The sizes of a model of several towers are those of its images'. */
static const json_t *sizes_in(const json_t *config)
{
    const json_t *vision = json_object_get(config, "vision_config");
    return json_is_object(vision) ? vision : config;
}

static int is_clip(const json_t *config)
{
    const char *type = json_string_value(json_object_get(config, "model_type"));
    return type && strncmp(type, "clip", 4) == 0;
}

static int is_of_another(const json_t *config, const vc_tensor_file *file)
{
    static const char *const types[] = {
        "vit",   "deit",    "levit",   "timm_wrapper",      "dinov2", "dinov2_with_registers",
        "ijepa", "vit_mae", "vit_msn", "clip_vision_model", "clip",   "siglip_vision_model",
        "siglip"};
    const char *type = json_string_value(json_object_get(config, "model_type"));
    const vc_tensor *patches = patches_of(file);
    const size_t width = patches ? patches->shape[0] : 0;
    const size_t depth = width ? blocks_of(file) : 0;
    size_t t = 0;
    config = sizes_in(config);
    while (type && t < sizeof types / sizeof *types && strcmp(type, types[t]) != 0)
        t++;
    return t == sizeof types / sizeof *types || differs(config, "hidden_size", width) ||
           differs(config, "num_features", width) || differs(config, "num_hidden_layers", depth);
}

/* ---- what it says */

/* Height and width at the end of a list: 1 where they are there and differ. Of squares the number
 * of positions tells the side; the same number may be another grid's. */
static int is_oblong(vc_extent *out, const json_t *sizes, const char *key)
{
    const json_t *list = json_object_get(sizes, key);
    const size_t count = json_array_size(list);
    const json_int_t height = json_integer_value(json_array_get(list, count - 2)),
                     width = json_integer_value(json_array_get(list, count - 1));
    if (count < 2 || height < 1 || width < 1 || height == width || height > VC_EXTENT_MOST ||
        width > VC_EXTENT_MOST)
        return 0;
    *out = (vc_extent){(size_t)height, (size_t)width};
    return 1;
}

/* As a model was made for it, before what its images were prepared for; a LeViT's patches tell
 * nothing. */
static void say_image_size(vc__renaming *to, beside *b)
{
    vc_extent *size = &b->how.oblong;
    char text[VC_EXTENT_TEXT];
    if (is_oblong(size, json_object_get(b->config, "model_args"), "img_size") ||
        (!json_object_get(json_object_get(b->config, "model_args"), "img_size") &&
         is_oblong(size, json_object_get(b->config, "pretrained_cfg"), "input_size")) ||
        is_oblong(size, sizes_in(b->config), "image_size"))
        vc__rename_say(to, "image_size", vc_extent_text(text, *size));
}

/* What the model here does not have. */
static vc_status check_model(const beside *b)
{
    const char *path = vc_tensor_file_path(b->of);
    const vc_tensor *patches = patches_of(b->of);
    vc_extent patch;
    if (patches && is_oblong(&patch, sizes_in(b->config), "patch_size") &&
        (patch.height != patches->shape[2] || patch.width != patches->shape[3]))
        return vc_fail(VC_EFORMAT,
                       "%s: config.json beside it has patches of %zu x %zu, wanted the %zu x %zu "
                       "of its weights",
                       path, patch.height, patch.width, patches->shape[2], patches->shape[3]);
    const char *act = json_string_value(json_object_get(sizes_in(b->config), "hidden_act"));
    if (act && strcmp(act, "gelu") != 0 && strcmp(act, "quick_gelu") != 0)
        return vc_fail(VC_EUNSUPPORTED,
                       "%s: config.json beside it has hidden_act '%s', wanted gelu or quick_gelu",
                       path, act);
    return VC_OK;
}

static void say_eps(vc__renaming *to, const beside *b)
{
    const double eps = vc_json_number(sizes_in(b->config), "layer_norm_eps");
    char text[32];
    snprintf(text, sizeof text, "%.9g", eps);
    if (eps > 0.0)
        vc__rename_say(to, "norm_eps", text);
}

static void say_activation(vc__renaming *to, const beside *b)
{
    const json_t *sizes = sizes_in(b->config);
    const char *act = json_string_value(json_object_get(sizes, "hidden_act"));
    if (!act && is_clip(sizes)) /* its configuration's default, which may be left out */
        act = "quick_gelu";
    if (act && patches_of(to->from) && !json_is_true(json_object_get(sizes, "use_swiglu_ffn")))
        vc__rename_say(to, "activation", act);
}

static void say_heads(vc__renaming *to, const beside *b)
{
    const json_t *heads = json_object_get(sizes_in(b->config), "num_attention_heads");
    char text[32];
    if (!json_is_integer(heads))
        heads = json_object_get(json_object_get(b->config, "model_args"), "num_heads");
    if (!json_is_integer(heads))
        return;
    snprintf(text, sizeof text, "%lld", (long long)json_integer_value(heads));
    vc__rename_say(to, "num_heads", text);
}

/* timm's config.json. */
static void say_timm(vc__renaming *to, beside *b)
{
    const json_t *cfg = json_object_get(b->config, "pretrained_cfg");
    const char *name = json_string_value(json_object_get(b->config, "architecture"));
    if (name && strlen(name) < 48)
        vc__rename_say(to, "arch", name);
    const char *mode = json_string_value(json_object_get(cfg, "crop_mode"));
    vc__say_channels(to, "input_mean", json_object_get(cfg, "mean"), 1.0);
    vc__say_channels(to, "input_std", json_object_get(cfg, "std"), 1.0);
    vc__say_interpolation(to, &b->how, json_string_value(json_object_get(cfg, "interpolation")));
    if (json_object_get(cfg, "crop_pct"))
        vc__say_crop(to, &b->how, vc_json_number(cfg, "crop_pct"));
    if (mode && strcmp(mode, "center") != 0)
        vc__miss(&b->how, strcmp(mode, "squash") == 0 ? "pictures squeezed to squares"
                                                      : "another crop_mode than center");
}

/* ---- what its classes are called */

static size_t classes_of(const vc_tensor_file *file)
{
    static const char *const heads[] = {"head.weight", "head.l.weight", "head.linear.weight"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const vc_tensor *head = vc_tensor_file_find(file, heads[i]);
        if (head && head->rank == 2)
            return head->shape[0];
    }
    return 0;
}

/* Of a list, or of an object under its number; NULL: it has none. */
static json_t *name_of_class(const json_t *names, size_t index)
{
    char key[32];
    snprintf(key, sizeof key, "%zu", index);
    json_t *name =
        json_is_array(names) ? json_array_get(names, index) : json_object_get(names, key);
    return json_is_string(name) ? name : NULL;
}

/* The name of each class, or what is said of that name; NULL: one has none. */
static json_t *list_names(const json_t *names, const json_t *descriptions, size_t classes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < classes && list; i++) {
        json_t *name = name_of_class(names, i);
        json_t *said = name ? json_object_get(descriptions, json_string_value(name)) : NULL;
        vc_json_append(&list, json_incref(json_is_string(said) ? said : name));
    }
    return list;
}

static size_t count_of(const json_t *names)
{
    return json_is_array(names) ? json_array_size(names) : json_object_size(names);
}

/* transformers numbers classes that nobody named: LABEL_0. */
static int is_placeholder(const json_t *names)
{
    const char *first = json_string_value(name_of_class(names, 0));
    return first && strcmp(first, "LABEL_0") == 0;
}

/* Under the key of transformers, or of timm, which once had another; NULL: there are none. */
static const json_t *names_of_classes(const char **key, const json_t *config)
{
    static const char *const keys[] = {"id2label", "label_names", "labels"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *names = json_object_get(config, *key = keys[i]);
        if (count_of(names) > 0 && !is_placeholder(names))
            return names;
    }
    return NULL;
}

static vc_status take_class_names(beside *b)
{
    const char *key;
    const json_t *names = names_of_classes(&key, b->config);
    const size_t classes = classes_of(b->of), count = count_of(names);
    if (count == 0 || classes == 0)
        return VC_OK;
    const json_t *descriptions = json_object_get(b->config, "label_descriptions"); /* timm's */
    json_t *list = count == classes ? list_names(names, descriptions, classes) : NULL;
    if (list) {
        b->class_names = vc_json_dump(list, JSON_COMPACT);
        json_decref(list);
        return b->class_names ? VC_OK
                              : vc_fail(VC_ENOMEM, "%s: out of memory", vc_tensor_file_path(b->of));
    }
    snprintf(b->notes[2], sizeof b->notes[2],
             "%s of config.json beside it has %zu entries and not a name for each of %zu classes: "
             "it is not used",
             key, count, classes);
    return VC_OK;
}

/* What was taken: "num_heads, input_mean". */
static void note_taken(vc__renaming *to, const beside *b)
{
    char text[192] = "";
    for (size_t i = 0; i < to->metadata_count; i++) {
        const size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", to->metadata[i].key);
    }
    if (to->metadata_count > 0)
        vc__rename_note(to, "from config.json and preprocessor_config.json beside it: %s", text);
    vc__note_images(to, &b->how);
}

static vc_status say_all(vc__renaming *to, void *context)
{
    beside *b = context;
    b->how = (vc__images_beside){0}; /* this runs twice */
    for (size_t i = 0; i < vc_tensor_file_count(to->from); i++)
        vc__rename_add(to, vc_tensor_file_at(to->from, i)->name,
                       &vc_tensor_file_at(to->from, i)->tensor);
    if (b->config) {
        say_heads(to, b);
        say_image_size(to, b);
        say_eps(to, b);
        say_activation(to, b);
        say_timm(to, b);
    }
    if (b->images)
        vc__say_images(to, &b->how, b->images);
    if (b->class_names)
        vc__rename_say(to, "class_names", b->class_names);
    note_taken(to, b);
    for (size_t i = 0; i < 3; i++)
        if (b->notes[i][0])
            vc__rename_note(to, "%s", b->notes[i]);
    return VC_OK;
}

static vc_status read_both(beside *b, vc_tensor_file **file)
{
    VC_TRY(read_one(&b->config, *file, "config.json", b->notes[0]));
    VC_TRY(read_one(&b->images, *file, "preprocessor_config.json", b->notes[1]));
    if (b->config && is_of_another(b->config, *file)) {
        snprintf(b->notes[0], sizeof b->notes[0],
                 "config.json beside it describes another model and is not used");
        json_decref(b->config);
        json_decref(b->images);
        b->config = b->images = NULL;
    }
    if (b->config)
        VC_TRY(check_model(b));
    if (b->config)
        VC_TRY(take_class_names(b));
    if (!b->config && !b->images && !b->notes[0][0] && !b->notes[1][0])
        return VC_OK;
    return vc__rename(file, say_all, b, 1);
}

vc_status vc__read_beside(vc_tensor_file **file)
{
    beside b = {.of = *file};
    if (vc_tensor_file_metadata(*file, "architecture"))
        return VC_OK;
    const vc_status status = read_both(&b, file);
    json_decref(b.config);
    json_decref(b.images);
    free(b.class_names);
    return status;
}
