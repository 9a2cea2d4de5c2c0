/* How images are prepared, as transformers' preprocessor_config.json says it, and what of that is
 * not done here, which is said. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "beside_images.h"
#include "vitcod/json.h"

/* What the processors of transformers have where the file says nothing. */
static const struct processor {
    const char *name; /* of a ViTImageProcessor and a ViTFeatureExtractor */
    double side, crop, mean[3], std[3];
    json_int_t filter;
    int square; /* a side alone is that of a square */
} processors[] = {
    {"ViT", 224, 0, {0.5, 0.5, 0.5}, {0.5, 0.5, 0.5}, 2, 1},
    {"DeiT", 256, 224, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}, 3, 1},
    {"Levit", 224, 224, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}, 3, 0},
};

/* The rest of the type's name begins so: ViTImageProcessorFast too. NULL: not among them. */
static const struct processor *processor_of(const json_t *images)
{
    static const char *const ends[] = {"ImageProcessor", "FeatureExtractor"};
    const char *type = json_string_value(json_object_get(images, "image_processor_type"));
    if (!type)
        type = json_string_value(json_object_get(images, "feature_extractor_type"));
    for (size_t i = 0; type && i < sizeof processors / sizeof *processors; i++) {
        const size_t length = strlen(processors[i].name);
        if (strncmp(type, processors[i].name, length) != 0)
            continue;
        for (size_t e = 0; e < 2; e++)
            if (strncmp(type + length, ends[e], strlen(ends[e])) == 0)
                return &processors[i];
    }
    return NULL;
}

/* ---- what is not done here */

void vc__miss(vc__images_beside *b, const char *what)
{
    const size_t used = strlen(b->missed);
    snprintf(b->missed + used, sizeof b->missed - used, "%s%s", used ? ", " : "", what);
}

static int is_off(const json_t *images, const char *key)
{
    return json_is_false(json_object_get(images, key));
}

static void miss_steps(vc__images_beside *b, const json_t *images)
{
    static const char *const steps[][2] = {{"do_flip_channel_order", "BGR for RGB"},
                                           {"do_pad", "padding"},
                                           {"do_convert_grayscale", "grey images"},
                                           {"offset", "an offset of pixels"},
                                           {"rescale_offset", "an offset of pixels"}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (json_is_true(json_object_get(images, steps[i][0])))
            vc__miss(b, steps[i][1]);
    if (is_off(images, "do_resize"))
        vc__miss(b, "images without resizing");
}

/* ---- mean and deviation */

static size_t channels_of(const vc_tensor_file *file)
{
    const vc_tensor *patches = vc_tensor_file_find(file, "patch_embed.proj.weight");
    return patches && patches->rank == 4 ? patches->shape[1] : 3;
}

void vc__say_channels(vc__renaming *to, const char *key, const json_t *list, double scale)
{
    const size_t channels = channels_of(to->from);
    char text[160];
    size_t used = 0, i = 0;
    if (!list || json_is_null(list))
        return;
    for (; i < channels && json_is_number(json_array_get(list, i)) && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.9g", i ? " " : "",
                                 json_number_value(json_array_get(list, i)) * scale);
    if (i == channels && json_array_size(list) == channels && used < sizeof text)
        vc__rename_say(to, key, text);
    else
        vc__rename_note(to, "%s beside it is no list of %zu numbers and is not used", key,
                        channels);
}

static void say_same(vc__renaming *to, const char *key, double value)
{
    json_t *list = json_array();
    for (size_t i = 0; i < channels_of(to->from); i++)
        vc_json_append(&list, json_real(value));
    vc__say_channels(to, key, list, 1.0);
    json_decref(list);
}

static json_t *list_of(const double values[3])
{
    json_t *list = json_array();
    for (size_t i = 0; i < 3; i++)
        vc_json_append(&list, json_real(values[i]));
    return list;
}

/* Pixels are 0 to 1 here: another factor, or none, is one of mean and deviation. */
static void say_normalisation(vc__renaming *to, vc__images_beside *b, const json_t *images,
                              const struct processor *p)
{
    const json_t *said = json_object_get(images, "rescale_factor");
    const double factor = is_off(images, "do_rescale") ? 1.0
                          : json_is_number(said)       ? json_number_value(said)
                                                       : 1.0 / 255.0;
    const double scale = fabs(factor * 255.0 - 1.0) < 1e-9 ? 1.0 : 1.0 / (255.0 * factor);
    if (!(scale > 0.0 && isfinite(scale))) {
        vc__miss(b, "a rescale_factor that is no positive number");
        return;
    }
    if (is_off(images, "do_normalize")) {
        say_same(to, "input_mean", 0.0);
        say_same(to, "input_std", scale);
        return;
    }
    json_t *mean = p ? list_of(p->mean) : NULL, *std = p ? list_of(p->std) : NULL;
    const json_t *its_mean = json_object_get(images, "image_mean"),
                 *its_std = json_object_get(images, "image_std");
    vc__say_channels(to, "input_mean", its_mean ? its_mean : mean, scale);
    vc__say_channels(to, "input_std", its_std ? its_std : std, scale);
    json_decref(mean);
    json_decref(std);
}

/* ---- size */

/* The height and width that the model's images are said to have, which pictures are squeezed to. */
static int is_models_own(const vc__images_beside *b, const json_t *size)
{
    return b->oblong.height > 0 && vc_json_number(size, "height") == (double)b->oblong.height &&
           vc_json_number(size, "width") == (double)b->oblong.width;
}

/* A side in pixels: a number, or an object of them; 0: not said so that it can be done. */
static double side_of(const json_t *size)
{
    const double height = vc_json_number(size, "height"), width = vc_json_number(size, "width");
    if (json_is_number(size))
        return json_number_value(size);
    if (json_object_get(size, "shortest_edge"))
        return vc_json_number(size, "shortest_edge");
    return height == width && height > 0.0 ? height : 0.0;
}

void vc__say_crop(vc__renaming *to, vc__images_beside *b, double crop)
{
    char text[32];
    snprintf(text, sizeof text, "%.9g", crop);
    if (crop > 0.0 && crop <= 1.0)
        vc__rename_say(to, "crop_pct", text);
    else
        vc__miss(b, "a crop beyond the picture's edge");
}

static void say_size(vc__renaming *to, vc__images_beside *b, const json_t *images,
                     const struct processor *p)
{
    const json_t *size = json_object_get(images, "size"),
                 *crop_size = json_object_get(images, "crop_size"),
                 *crops = json_object_get(images, "do_center_crop");
    const int does = crops ? json_is_true(crops) : p && p->crop > 0.0;
    if (!does && is_models_own(b, size)) {
        b->squeezed = 1;
        vc__say_crop(to, b, 1.0);
        return;
    }
    double side = size ? side_of(size) : p ? p->side : 0.0;
    const double crop = !does ? 0.0 : crop_size ? side_of(crop_size) : p ? p->crop : 0.0;
    const int edge =
        json_object_get(size, "shortest_edge") || (!json_is_object(size) && p && !p->square);
    if (side <= 0.0 && (size || p))
        vc__miss(b, "a size that is neither a shortest edge nor a square");
    if (does && crop <= 0.0 && side > 0.0)
        vc__miss(b, "a crop_size that is no square");
    if (side <= 0.0 || (does && crop <= 0.0))
        return;
    if (edge && p && !p->square)
        side = floor(256.0 / 224.0 * side); /* as LevitImageProcessor resizes */
    b->squeezed = !edge;
    vc__say_crop(to, b, does ? crop / side : 1.0);
}

/* ---- */

void vc__say_interpolation(vc__renaming *to, vc__images_beside *b, const char *text)
{
    char what[64];
    if (!text || !text[0])
        return;
    if (strcmp(text, "bicubic") == 0 || strcmp(text, "bilinear") == 0) {
        vc__rename_say(to, "interpolation", text);
        return;
    }
    snprintf(what, sizeof what, "%.20s interpolation", text);
    vc__miss(b, what);
}

void vc__say_images(vc__renaming *to, vc__images_beside *b, const json_t *images)
{
    static const char *const filters[] = {"nearest", "lanczos", "bilinear",
                                          "bicubic", "box",     "hamming"};
    enum { FILTERS = sizeof filters / sizeof *filters };
    const struct processor *p = processor_of(images);
    const json_t *resample = json_object_get(images, "resample");
    const json_int_t filter = json_is_integer(resample) ? json_integer_value(resample)
                              : p                       ? p->filter
                                                        : -1;
    miss_steps(b, images);
    say_normalisation(to, b, images, p);
    if (filter >= 0 && filter < FILTERS)
        vc__say_interpolation(to, b, filters[filter]); /* Pillow's numbers */
    else if (resample)
        vc__miss(b, "a resample of no known filter");
    say_size(to, b, images, p);
}

void vc__note_images(vc__renaming *to, const vc__images_beside *b)
{
    if (b->squeezed)
        vc__rename_note(to,
                        "transformers squeezes pictures to the size for it; here they keep their "
                        "shape, and the middle is seen");
    if (b->missed[0])
        vc__rename_note(to, "the files beside it want what is not done here: %s", b->missed);
}
