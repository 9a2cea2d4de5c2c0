/* From a picture's file to a model's input: the first bytes say how it is read, resized and changed
 * for training, the rest is the file. Twice the same gives the same, and all of it is finite. */
#include "fuzzed_folder.h"

#include <math.h>

#include "../../src/data/prepare.h"

enum { HOW = 12, MOST_SIDE = 40, MOST_VALUES = 3 * MOST_SIDE * MOST_SIDE };

static vc_augment_options augment_by(const uint8_t *b)
{
    vc_augment_options o = vc_augment_options_default();
    o.crop_most = b[0] & 1 ? o.crop_most : 0.0;
    o.crop_least = b[0] & 2 ? 1e-6 : o.crop_least;
    o.aspect_least = b[0] & 4 ? 1e-3 : o.aspect_least;
    o.aspect_most = b[0] & 8 ? 1e3 : o.aspect_most;
    o.shift = b[0] & 16 ? b[1] : 0;
    o.operations = b[1] % 4;
    o.magnitude = b[2] % 11;
    o.magnitude_std = b[2] & 16 ? 1e6 : 0.5;
    o.interpolation = (vc_interpolation)(b[3] % 3);
    o.jitter = b[3] & 4 ? 1.0 : 0.4;
    o.erase = 1.0;
    o.erase_most = b[3] & 8 ? 1.0 : o.erase_most;
    return o;
}

static vc__recipe recipe_by(const uint8_t *b)
{
    static const float mean[3] = {0.5f, 0.4f, 0.3f}, std[3] = {0.2f, 0.3f, 0.4f};
    vc__recipe r = {.size = {1 + b[0] % MOST_SIDE, 1 + (b[0] + (b[1] >> 2)) % MOST_SIDE},
                    .channels = b[1] & 1 ? 1 : 3};
    r.resize = (vc_extent){r.size.height + b[2] % 24, r.size.width + b[2] % 24};
    r.interpolation = b[1] & 2 ? VC_BILINEAR : VC_BICUBIC;
    vc_normalizer_make(&r.normalizer, r.channels, mean, std);
    const vc_augment_options augment = augment_by(b + 3);
    if (vc__recipe_augment(&r, &augment, mean) != VC_OK)
        r.augment.crop_most = -1.0;
    return r;
}

static void check(const float *a, const float *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(a[i]) || a[i] != b[i])
            abort();
}

static void prepare(vc_source *source, const vc__recipe *recipe, uint64_t seed)
{
    static float once[MOST_VALUES], again[MOST_VALUES];
    const size_t count = recipe->channels * vc_extent_area(recipe->size);
    vc__workspace work = {0};
    if (vc_source_read(&work.encoded, source, 0) == VC_OK) {
        if (vc__prepare(once, &work, recipe, source, 0) == VC_OK) {
            if (vc__prepare(again, &work, recipe, source, 0) != VC_OK)
                abort();
            check(once, again, count);
        }
        vc_rng one = vc_rng_open(seed, 1, 2), same = one;
        if (recipe->augment.crop_most >= 0.0 &&
            vc__prepare_changed(once, &work, recipe, source, 0, &one) == VC_OK) {
            if (vc__prepare_changed(again, &work, recipe, source, 0, &same) != VC_OK)
                abort();
            check(once, again, count);
        }
    }
    vc__workspace_close(&work);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    vc_source *source;
    if (size <= HOW)
        return 0;
    const char *path = fuzz_folder_file("picture.png", data + HOW, size - HOW);
    const vc_source_options how = {.upright = data[HOW - 1] & 1};
    const vc__recipe recipe = recipe_by(data);
    if (vc_source_of_files(&source, &path, 1, &how) != VC_OK)
        return 0;
    if (data[HOW - 1] & 2)
        vc_source_convert(source);
    prepare(source, &recipe, data[HOW - 2]);
    vc_source_close(source);
    return 0;
}
