/* WebP, through libwebp: the first frame, where it lies on its canvas. */
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "image_impl.h"

static const char *reason_of(VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return "truncated";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return "a feature that libwebp does not know";
    default:
        return "damaged";
    }
}

static vc_status decode_frame(vc_image *out, const WebPIterator *frame, const vc__encoded *in)
{
    WebPDecoderConfig config;
    const size_t at = (size_t)frame->y_offset * out->width + (size_t)frame->x_offset;
    if (!WebPInitDecoderConfig(&config))
        return vc_fail(VC_EUNSUPPORTED, "%s: WebP: another version of libwebp", in->name);
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = out->pixels + 3 * at;
    config.output.u.RGBA.stride = (int)(3 * out->width);
    config.output.u.RGBA.size = 3 * (out->width * out->height - at);
    const VP8StatusCode code = WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    WebPFreeDecBuffer(&config.output);
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return vc_fail(VC_ENOMEM, "%s: out of memory while decoding", in->name);
    if (code != VP8_STATUS_OK)
        return vc_fail(VC_EFORMAT, "%s: WebP: %s", in->name, reason_of(code));
    return VC_OK;
}

/* libwebp keeps four bytes per pixel beside the three that are wanted. */
static vc_status check_pixels(size_t width, size_t height, const vc__encoded *in)
{
    if (width * height > VC_IMAGE_MAX_PROGRESSIVE)
        return vc_fail(VC_EUNSUPPORTED, "%s: WebP: %zu x %zu pixels, wanted at most %zu", in->name,
                       width, height, VC_IMAGE_MAX_PROGRESSIVE);
    return VC_OK;
}

static vc_status decode(vc_image *out, const WebPDemuxer *file, const vc__encoded *in)
{
    const size_t width = WebPDemuxGetI(file, WEBP_FF_CANVAS_WIDTH);
    const size_t height = WebPDemuxGetI(file, WEBP_FF_CANVAS_HEIGHT);
    WebPIterator frame;
    VC_TRY(check_pixels(width, height, in));
    if (!WebPDemuxGetFrame(file, 1, &frame))
        return vc_fail(VC_EFORMAT, "%s: WebP: holds no image", in->name);
    vc_status status = vc_image_reserve(out, width, height, 3, in->name);
    if (status == VC_OK) {
        if ((size_t)frame.width < width || (size_t)frame.height < height)
            memset(out->pixels, 0, 3 * width * height);
        status = decode_frame(out, &frame, in);
    }
    WebPDemuxReleaseIterator(&frame);
    return status;
}

vc_status vc__decode_webp(vc_image *out, const vc__encoded *in)
{
    const WebPData data = {in->bytes, in->count};
    WebPDemuxer *file = WebPDemux(&data);
    if (!file)
        return vc_fail(VC_EFORMAT, "%s: WebP: truncated or damaged", in->name);
    const vc_status status = decode(out, file, in);
    WebPDemuxDelete(file);
    VC_TRY(status);
    if (in->channels == 1)
        vc__image_make_grey(out);
    return VC_OK;
}
