/* PPM and PGM, as bytes (P6, P5) or as text (P3, P2), of at most 255 steps. */
#include <math.h>

#include "image_impl.h"

typedef struct reader {
    const vc__encoded *in;
    size_t at;
    size_t width, height, channels;
    unsigned most; /* the value that is white */
} reader;

static vc_status truncated(const reader *r)
{
    return vc_fail(VC_EFORMAT, "%s: PPM: truncated after %zu bytes", r->in->name, r->in->count);
}

static int is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Between numbers stand spaces, and comments up to the end of their line. */
static void skip_spaces(reader *r)
{
    const vc__encoded *in = r->in;
    while (r->at < in->count && (is_space(in->bytes[r->at]) || in->bytes[r->at] == '#')) {
        if (in->bytes[r->at] == '#')
            while (r->at < in->count && in->bytes[r->at] != '\n')
                r->at++;
        else
            r->at++;
    }
}

static vc_status read_number(size_t *out, reader *r, size_t most, const char *what)
{
    const vc__encoded *in = r->in;
    skip_spaces(r);
    if (r->at == in->count)
        return truncated(r);
    const size_t from = r->at;
    *out = 0;
    for (; r->at < in->count && in->bytes[r->at] >= '0' && in->bytes[r->at] <= '9'; r->at++) {
        *out = 10 * *out + (size_t)(in->bytes[r->at] - '0');
        if (*out > most)
            return vc_fail(VC_EUNSUPPORTED, "%s: PPM: %s above %zu", in->name, what, most);
    }
    return r->at > from &&
                   (r->at == in->count || is_space(in->bytes[r->at]) || in->bytes[r->at] == '#')
               ? VC_OK
               : vc_fail(VC_EFORMAT, "%s: PPM: %s is no number at byte %zu", in->name, what, from);
}

static vc_status read_header(reader *r)
{
    size_t most;
    r->channels = r->in->bytes[1] % 3 == 0 ? 3 : 1; /* P3, P6 */
    r->at = 2;
    VC_TRY(read_number(&r->width, r, VC_IMAGE_MAX_SIDE, "its width"));
    VC_TRY(read_number(&r->height, r, VC_IMAGE_MAX_SIDE, "its height"));
    VC_TRY(read_number(&most, r, 255, "its largest value"));
    if (most == 0)
        return vc_fail(VC_EFORMAT, "%s: PPM: its largest value is 0", r->in->name);
    r->most = (unsigned)most;
    return VC_OK;
}

/* Rounded as Pillow does it: halves go to even numbers. */
static uint8_t scaled(const reader *r, size_t value)
{
    const double out = rint((double)value / (double)r->most * 255.0);
    return r->most == 255 ? (uint8_t)value : (uint8_t)fmin(out, 255.0);
}

static vc_status read_values(reader *r, uint8_t *pixels, size_t count)
{
    const int text = r->in->bytes[1] <= '3';
    if (!text && (r->at == r->in->count || r->in->count - r->at - 1 < count))
        return truncated(r);
    if (!text && !is_space(r->in->bytes[r->at++]))
        return vc_fail(VC_EFORMAT, "%s: PPM: its largest value has no space behind it",
                       r->in->name);
    for (size_t i = 0; i < count; i++) {
        size_t value = text ? 0 : r->in->bytes[r->at + i];
        if (text)
            VC_TRY(read_number(&value, r, r->most, "a value"));
        pixels[i] = scaled(r, value);
    }
    return VC_OK;
}

/* Grey lies in the last third, so that writing never overtakes reading. */
vc_status vc__decode_ppm(vc_image *out, const vc__encoded *in)
{
    reader r = {.in = in};
    VC_TRY(read_header(&r));
    VC_TRY(vc_image_reserve(out, r.width, r.height, 3, in->name));
    const size_t count = r.width * r.height;
    uint8_t *rgb = out->pixels, *grey = rgb + 2 * count;
    if (r.channels == 3) {
        VC_TRY(read_values(&r, rgb, 3 * count));
        if (in->channels == 1)
            vc__image_make_grey(out);
        return VC_OK;
    }
    VC_TRY(read_values(&r, grey, count));
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < in->channels; c++)
            rgb[in->channels * i + c] = grey[i];
    out->channels = in->channels;
    return VC_OK;
}
