#include "prepare.h"

#include <string.h>

#include "source_impl.h"

void vc__workspace_close(vc__workspace *work)
{
    vc_bytes_close(&work->encoded);
    vc_image_close(&work->image);
    vc_image_close(&work->cropped);
    vc_image_close(&work->spare);
    vc_resize_scratch_close(&work->scratch);
}

/* Copies one pixel of a planar image, converted to the wanted number of channels. */
static void copy_pixel(uint8_t *to, size_t wanted, const uint8_t *planes, size_t have, size_t plane)
{
    if (have == wanted) {
        for (size_t c = 0; c < have; c++)
            to[c] = planes[c * plane];
    } else if (wanted == 3) {
        memset(to, planes[0], 3);
    } else {
        to[0] = vc_grey_of_rgb(planes[0], planes[plane], planes[2 * plane]);
    }
}

static vc_status copy_pixels(vc__workspace *work, const vc__recipe *recipe, const vc_dataset *data,
                             size_t index)
{
    size_t plane = data->height * data->width;
    const uint8_t *planes = data->images + index * data->channels * plane;
    VC_TRY(vc_image_reserve(&work->image, data->width, data->height, recipe->channels,
                            data->path ? data->path : "memory"));
    for (size_t i = 0; i < plane; i++)
        copy_pixel(work->image.pixels + i * recipe->channels, recipe->channels, planes + i,
                   data->channels, plane);
    return VC_OK;
}

vc_status vc__fetch_pixels(vc__workspace *work, const vc__recipe *recipe, const vc_source *source,
                           size_t index)
{
    char name[VC_SOURCE_NAME];
    size_t at = index;
    const vc_source *holder = vc__source_holder(source, &at);
    if (holder->dataset)
        return copy_pixels(work, recipe, holder->dataset, at);
    const int greys = recipe->channels == 1 && !holder->converts;
    const vc_bytes *encoded = &work->encoded;
    vc_source_name(name, source, index);
    VC_TRY(vc_image_decode(&work->image, encoded->data, encoded->count,
                           greys ? 3 : recipe->channels, name));
    if (greys)
        VC_TRY(vc__image_take_grey(&work->image, name));
    if (!holder->upright)
        return VC_OK;
    return vc_image_turn(&work->image, vc_image_orientation(encoded->data, encoded->count), name);
}

vc_status vc__crop_centre(vc__workspace *work, const vc__recipe *recipe, const vc_source *source,
                          size_t index)
{
    const vc_image whole = work->image;
    if (!vc__source_pixels(source, &index) || whole.height != recipe->size.height ||
        whole.width != recipe->size.width)
        return vc_image_cover_crop(&work->cropped, &work->image, recipe->resize, recipe->size,
                                   recipe->interpolation, &work->scratch);
    work->image = work->cropped;
    work->cropped = whole;
    return VC_OK;
}

vc_status vc__prepare(float *out, vc__workspace *work, const vc__recipe *recipe,
                      const vc_source *source, size_t index)
{
    VC_TRY(vc__fetch_pixels(work, recipe, source, index));
    VC_TRY(vc__crop_centre(work, recipe, source, index));
    vc_image_normalize(out, &work->cropped, &recipe->normalizer);
    return VC_OK;
}
