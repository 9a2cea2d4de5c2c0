#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include <jerror.h>

#include "image_impl.h"

/* Scans of a progressive JPEG. Without a limit, a small file of many tiny scans could keep the
 * decoder busy for hours. */
enum { MOST_SCANS = 500 };

typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf on_failure;
    vc_status status;
    char reason[JMSG_LENGTH_MAX];
} decoder;

static vc_status status_of(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return VC_ENOMEM;
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
        return VC_EUNSUPPORTED;
    default:
        return VC_EFORMAT;
    }
}

static void fail(j_common_ptr jpeg)
{
    decoder *d = jpeg->client_data;
    d->status = status_of(jpeg->err->msg_code);
    jpeg->err->format_message(jpeg, d->reason);
    longjmp(d->on_failure, 1);
}

/* After damage libjpeg continues with invented pixels; here that is an error. */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level >= 0)
        return; /* not a warning */
    switch (jpeg->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
        return; /* these do not affect pixels */
    default:
        fail(jpeg);
    }
}

static void print_nothing(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr common)
{
    decoder *d = common->client_data;
    if (d->jpeg.input_scan_number <= MOST_SCANS)
        return;
    d->status = VC_EUNSUPPORTED;
    snprintf(d->reason, sizeof d->reason, "more than %d scans", MOST_SCANS);
    longjmp(d->on_failure, 1);
}

static void replicate(uint8_t *rgb, const uint8_t *grey, size_t width)
{
    for (size_t x = 0; x < width; x++)
        rgb[3 * x] = rgb[3 * x + 1] = rgb[3 * x + 2] = grey[x];
}

/* Reads all rows. Those that libjpeg cannot deliver in the wanted form are converted from a row in
 * its own pool. */
static void read_rows(decoder *d, vc_image *out)
{
    j_decompress_ptr jpeg = &d->jpeg;
    size_t stride = out->width * out->channels;
    int direct = (size_t)jpeg->output_components == out->channels;
    JSAMPARRAY aside = NULL;
    if (!direct)
        aside =
            jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE,
                                    jpeg->output_width * (JDIMENSION)jpeg->output_components, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = out->pixels + jpeg->output_scanline * stride;
        if (direct) {
            jpeg_read_scanlines(jpeg, &row, 1);
            continue;
        }
        jpeg_read_scanlines(jpeg, aside, 1);
        if (jpeg->output_components == 4)
            vc__rgb_of_cmyk(row, aside[0], out->width);
        else
            replicate(row, aside[0], out->width);
    }
}

static void choose_colours(decoder *d)
{
    switch (d->jpeg.num_components) {
    case 1:
        d->jpeg.out_color_space = JCS_GRAYSCALE;
        return;
    case 3:
        d->jpeg.out_color_space = JCS_RGB;
        return;
    case 4:
        d->jpeg.out_color_space = JCS_CMYK;
        return;
    default:
        d->status = VC_EUNSUPPORTED;
        snprintf(d->reason, sizeof d->reason, "%d components, wanted 1, 3 or 4",
                 d->jpeg.num_components);
        longjmp(d->on_failure, 1);
    }
}

/* A progressive image has a lower limit, since libjpeg keeps the coefficients of all its scans: six
 * bytes per pixel beside the three that are wanted. */
static void check_progressive(decoder *d)
{
    size_t pixels = (size_t)d->jpeg.image_width * d->jpeg.image_height;
    if (!d->jpeg.progressive_mode || pixels <= VC_IMAGE_MAX_PROGRESSIVE)
        return;
    d->status = VC_EUNSUPPORTED;
    snprintf(d->reason, sizeof d->reason, "%zu pixels in a progressive file, wanted at most %zu",
             pixels, VC_IMAGE_MAX_PROGRESSIVE);
    longjmp(d->on_failure, 1);
}

/* Everything that may longjmp. Nothing in here owns memory, so that none is lost. */
static vc_status decode(decoder *d, vc_image *out, const vc__encoded *in)
{
    j_decompress_ptr jpeg = &d->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->progress = &d->progress;
    jpeg_mem_src(jpeg, in->bytes, (unsigned long)in->count);
    jpeg_read_header(jpeg, TRUE);
    choose_colours(d);
    check_progressive(d);
    size_t channels = jpeg->num_components == 1 ? in->channels : 3;
    VC_TRY(vc_image_reserve(out, jpeg->image_width, jpeg->image_height, channels, in->name));
    jpeg_start_decompress(jpeg);
    read_rows(d, out);
    jpeg_finish_decompress(jpeg);
    if (channels != in->channels)
        vc__image_make_grey(out);
    return VC_OK;
}

static vc_status attempt(decoder *d, vc_image *out, const vc__encoded *in)
{
    if (setjmp(d->on_failure))
        return vc_fail(d->status, "%s: JPEG: %s", in->name, d->reason);
    return decode(d, out, in);
}

vc_status vc__decode_jpeg(vc_image *out, const vc__encoded *in)
{
    decoder d = {.progress.progress_monitor = on_progress};
    d.jpeg.err = jpeg_std_error(&d.errors);
    d.jpeg.client_data = &d;
    d.errors.error_exit = fail;
    d.errors.emit_message = on_message;
    d.errors.output_message = print_nothing;
    vc_status status = attempt(&d, out, in);
    jpeg_destroy_decompress(&d.jpeg);
    return status;
}
