/* GIF, through giflib: the first frame, where it lies on its canvas. */
#include <gif_lib.h>
#include <string.h>

#include "image_impl.h"

typedef struct decoder {
    const vc__encoded *in;
    size_t at;       /* bytes of `in` read */
    int transparent; /* the index of the transparent colour; -1: none */
} decoder;

static int read_bytes(GifFileType *gif, GifByteType *out, int count)
{
    decoder *d = gif->UserData;
    const size_t left = d->in->count - d->at;
    const size_t got = left < (size_t)count ? left : (size_t)count;
    memcpy(out, d->in->bytes + d->at, got);
    d->at += got;
    return (int)got;
}

static vc_status failed(const decoder *d, int error)
{
    const char *reason = GifErrorString(error);
    if (error == D_GIF_ERR_NOT_ENOUGH_MEM)
        return vc_fail(VC_ENOMEM, "%s: out of memory while decoding", d->in->name);
    if (d->at == d->in->count)
        return vc_fail(VC_EFORMAT, "%s: GIF: truncated", d->in->name);
    return vc_fail(VC_EFORMAT, "%s: GIF: %s", d->in->name, reason ? reason : "damaged");
}

static vc_status read_extension(decoder *d, GifFileType *gif)
{
    int code;
    GifByteType *block;
    int done = DGifGetExtension(gif, &code, &block);
    if (done == GIF_OK && code == GRAPHICS_EXT_FUNC_CODE && block && block[0] >= 4 && block[1] & 1)
        d->transparent = block[4];
    while (done == GIF_OK && block)
        done = DGifGetExtensionNext(gif, &block);
    return done == GIF_OK ? VC_OK : failed(d, gif->Error);
}

/* Goes to the first frame. */
static vc_status find_frame(decoder *d, GifFileType *gif)
{
    GifRecordType type;
    for (;;) {
        if (DGifGetRecordType(gif, &type) != GIF_OK)
            return failed(d, gif->Error);
        if (type == EXTENSION_RECORD_TYPE)
            VC_TRY(read_extension(d, gif));
        else if (type != IMAGE_DESC_RECORD_TYPE)
            return vc_fail(VC_EFORMAT, "%s: GIF: holds no image", d->in->name);
        else
            return DGifGetImageDesc(gif) == GIF_OK ? VC_OK : failed(d, gif->Error);
    }
}

/* Reads rows in the file's order: all, or every eighth, eighth, fourth and second. */
static vc_status read_rows(const decoder *d, GifFileType *gif, uint8_t *first, size_t stride)
{
    static const size_t starts[] = {0, 4, 2, 1}, steps[] = {8, 8, 4, 2};
    const GifImageDesc *frame = &gif->Image;
    const size_t passes = frame->Interlace ? 4 : 1, height = (size_t)frame->Height;
    for (size_t p = 0; p < passes; p++)
        for (size_t y = starts[p]; y < height; y += frame->Interlace ? steps[p] : 1)
            if (DGifGetLine(gif, first + y * stride, frame->Width) != GIF_OK)
                return failed(d, gif->Error);
    return VC_OK;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* A file without a palette holds grey values. */
static size_t read_palette(uint8_t palette[256][3], const GifFileType *gif)
{
    const ColorMapObject *map = gif->Image.ColorMap ? gif->Image.ColorMap : gif->SColorMap;
    const size_t count = map ? (size_t)map->ColorCount : 256;
    for (size_t i = 0; i < count && i < 256; i++) {
        palette[i][0] = map ? map->Colors[i].Red : (uint8_t)i;
        palette[i][1] = map ? map->Colors[i].Green : (uint8_t)i;
        palette[i][2] = map ? map->Colors[i].Blue : (uint8_t)i;
    }
    return count;
}

static vc_status decode(decoder *d, vc_image *out, GifFileType *gif)
{
    uint8_t palette[256][3];
    VC_TRY(find_frame(d, gif));
    const GifImageDesc *frame = &gif->Image;
    if (frame->Width <= 0 || frame->Height <= 0)
        return vc_fail(VC_EFORMAT, "%s: GIF: a frame of %d x %d pixels, wanted at least 1 x 1",
                       d->in->name, frame->Width, frame->Height);
    const size_t left = (size_t)frame->Left, top = (size_t)frame->Top;
    const size_t width = larger((size_t)gif->SWidth, left + (size_t)frame->Width);
    const size_t height = larger((size_t)gif->SHeight, top + (size_t)frame->Height);
    VC_TRY(vc_image_reserve(out, width, height, 3, d->in->name));
    uint8_t *indices = out->pixels + 2 * width * height;
    memset(indices, d->transparent >= 0 ? d->transparent : 0, width * height);
    VC_TRY(read_rows(d, gif, indices + top * width + left, width));
    const size_t colours = read_palette(palette, gif);
    return vc__image_look_up(out, palette, colours, d->in->name);
}

vc_status vc__decode_gif(vc_image *out, const vc__encoded *in)
{
    decoder d = {.in = in, .transparent = -1};
    int error = 0;
    GifFileType *gif = DGifOpen(&d, read_bytes, &error);
    if (!gif)
        return failed(&d, error);
    const vc_status status = decode(&d, out, gif);
    DGifCloseFile(gif, &error);
    VC_TRY(status);
    if (in->channels == 1)
        vc__image_make_grey(out);
    return VC_OK;
}
