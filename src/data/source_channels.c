/* Whether images have the channels that a model takes. Grey files become RGB, as everywhere; what
 * loses colours, or is in memory, must be asked for. */
#include "source_impl.h"
#include "vitcod/image.h"
#include "vitcod/plural.h"

void vc_source_convert(vc_source *source)
{
    if (source->whole)
        vc_source_convert(source->whole);
    for (size_t i = 0; i < source->part_count; i++)
        vc_source_convert(source->parts[i]);
    source->converts = 1;
}

static vc_status refuse_colours(const char *name)
{
    return vc_fail(VC_EINVAL,
                   "%s: is in colour, the model takes images of 1 channel: wanted grey ones, or "
                   "--convert-channels",
                   name);
}

vc_status vc__image_take_grey(vc_image *image, const char *name)
{
    const size_t count = image->width * image->height;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *rgb = image->pixels + 3 * i;
        if (rgb[0] != rgb[1] || rgb[0] != rgb[2])
            return refuse_colours(name);
    }
    for (size_t i = 0; i < count; i++)
        image->pixels[i] = image->pixels[3 * i];
    image->channels = 1;
    return VC_OK;
}

/* Of the first image, so that a whole data set in colour ends a run before it begins. What is wrong
 * with it otherwise is told when its turn comes. */
static vc_status check_first(vc_source *source)
{
    vc_bytes bytes = {0};
    vc_image image = {0};
    char name[VC_SOURCE_NAME];
    vc_status status = VC_OK;
    vc_source_name(name, source, 0);
    if (vc_source_read(&bytes, source, 0) == VC_OK &&
        vc_image_decode(&image, bytes.data, bytes.count, 3, name) == VC_OK)
        status = vc__image_take_grey(&image, name);
    vc_image_close(&image);
    vc_bytes_close(&bytes);
    return status;
}

static vc_status check_memory(const vc_dataset *data, size_t wanted, int converts)
{
    const int may_be_made =
        (data->channels == 1 || data->channels == 3) && (wanted == 1 || wanted == 3);
    if (data->channels == wanted || (may_be_made && converts))
        return VC_OK;
    return vc_fail(VC_EINVAL, "%s: images of %zu %s, wanted %zu%s",
                   data->path ? data->path : "memory", data->channels,
                   vc_plural(data->channels, "channel", "channels"), wanted,
                   may_be_made ? ", or --convert-channels" : "");
}

vc_status vc_source_check_channels(vc_source *source, size_t wanted)
{
    if (source->whole)
        return vc_source_check_channels(source->whole, wanted);
    for (size_t i = 0; i < source->part_count; i++)
        VC_TRY(vc_source_check_channels(source->parts[i], wanted));
    if (source->part_count > 0)
        return VC_OK;
    if (source->frames)
        return wanted == 1 ? VC_OK
                           : vc_fail(VC_EINVAL, "%s: poses, wanted images of %zu channels",
                                     vc_source_path(source, 0), wanted);
    if (source->dataset)
        return check_memory(source->dataset, wanted, source->converts);
    if (wanted != 1 && wanted != 3)
        return vc_fail(VC_EINVAL, "%zu channels asked for, wanted 1 or 3", wanted);
    return wanted == 1 && !source->converts && source->count > 0 ? check_first(source) : VC_OK;
}
