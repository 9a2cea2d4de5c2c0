#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "resize_impl.h"
#include "vitcod/image.h"
#include "vitcod/isa.h"

/* One side of a resize: the stretch of the image that is resized, the size that it becomes, and the
 * part of the result that is kept. */
typedef struct axis {
    size_t offset, in, resized, start, crop;
    const struct filter *filter;
} axis;

/* Half of n, rounded as Python's round() does it: to the even neighbour. */
static size_t half_to_even(size_t n)
{
    return n / 2 + (n % 4 == 3);
}

/* Keys' cubic convolution with a = -0.5. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

typedef struct filter {
    double (*value)(double x);
    double support; /* it is 0 beyond it */
} filter;

static const filter filters[] = {[VC_BICUBIC] = {bicubic, 2.0}, [VC_BILINEAR] = {bilinear, 1.0}};

static axis plan_axis(size_t side, size_t shorter, size_t resize, size_t crop, const filter *f)
{
    size_t resized = resize * side / shorter;
    return (axis){0, side, resized, half_to_even(resized - crop), crop, f};
}

static double filter_scale(const axis *a)
{
    double scale = (double)a->in / (double)a->resized;
    return scale > 1.0 ? scale : 1.0;
}

static size_t stride_of(const axis *a)
{
    size_t most = (size_t)ceil(a->filter->support * filter_scale(a)) * 2 + 1;
    most = most < a->in ? most : a->in;
    return (most + VC__TAPS_STEP - 1) / VC__TAPS_STEP * VC__TAPS_STEP;
}

static int32_t fixed_point(double weight)
{
    double scaled = weight * (double)(1 << VC__WEIGHT_BITS);
    return (int32_t)(scaled + (scaled < 0.0 ? -0.5 : 0.5));
}

/* Computes the weights of output i, whose centre is at `centre` of the input. */
static void set_weights(vc__taps *taps, size_t i, double centre, const axis *a, double *aside)
{
    double scale = filter_scale(a), support = a->filter->support * scale, inverse = 1.0 / scale,
           sum = 0.0;
    ptrdiff_t low = (ptrdiff_t)(centre - support + 0.5);
    ptrdiff_t high = (ptrdiff_t)(centre + support + 0.5);
    size_t first = low > 0 ? (size_t)low : 0;
    size_t end = high < (ptrdiff_t)a->in ? (size_t)high : a->in;
    for (size_t t = 0; first + t < end; t++) {
        aside[t] = a->filter->value(((double)(first + t) - centre + 0.5) * inverse);
        sum += aside[t];
    }
    taps->first[i] = a->offset + first;
    taps->used[i] = end - first;
    for (size_t t = 0; t < taps->stride; t++) {
        int32_t w = t < end - first ? fixed_point(sum != 0.0 ? aside[t] / sum : aside[t]) : 0;
        taps->weight[i * taps->stride + t] = w;
        taps->high[i * taps->stride + t] = (int16_t)(w >> VC__HALF_BITS);
        taps->low[i * taps->stride + t] = (int16_t)(w & ((1 << VC__HALF_BITS) - 1));
    }
}

static void weigh_all(vc__taps *taps, const axis *a, double *aside)
{
    double scale = (double)a->in / (double)a->resized;
    for (size_t i = 0; i < taps->count; i++)
        set_weights(taps, i, ((double)(a->start + i) + 0.5) * scale, a, aside);
}

/* Takes one piece of the scratch memory. While `memory` is NULL it only counts bytes. */
static void *take_piece(unsigned char *memory, size_t *used, size_t bytes)
{
    void *piece = memory ? memory + *used : NULL;
    *used += (bytes + 63) / 64 * 64;
    return piece;
}

typedef struct pieces {
    vc__taps across, down;
    double *aside;   /* weights before they are rounded */
    uint8_t *middle; /* (rows, crop, channels) */
} pieces;

static void place_taps(vc__taps *taps, const axis *a, unsigned char *memory, size_t *used)
{
    size_t weights = a->crop * taps->stride;
    taps->first = take_piece(memory, used, a->crop * sizeof *taps->first);
    taps->used = take_piece(memory, used, a->crop * sizeof *taps->used);
    taps->weight = take_piece(memory, used, weights * sizeof *taps->weight);
    taps->high = take_piece(memory, used, weights * sizeof *taps->high);
    taps->low = take_piece(memory, used, weights * sizeof *taps->low);
}

static size_t lay_out_pieces(pieces *p, const axis *x, const axis *y, size_t middle,
                             unsigned char *memory)
{
    size_t used = 0;
    p->across = (vc__taps){.count = x->crop, .stride = stride_of(x)};
    p->down = (vc__taps){.count = y->crop, .stride = stride_of(y)};
    place_taps(&p->across, x, memory, &used);
    place_taps(&p->down, y, memory, &used);
    size_t most = p->across.stride > p->down.stride ? p->across.stride : p->down.stride;
    p->aside = take_piece(memory, &used, most * sizeof *p->aside);
    p->middle = take_piece(memory, &used, middle);
    return used;
}

/* The largest number of input rows that the kept part of the output depends on. */
static size_t rows_under(const axis *y)
{
    double scale = (double)y->in / (double)y->resized;
    size_t rows = (size_t)((double)y->crop * scale + 4.0 * filter_scale(y)) + 3;
    return rows < y->in ? rows : y->in;
}

static vc_status prepare(pieces *p, const axis *x, const axis *y, size_t channels,
                         vc_resize_scratch *scratch)
{
    size_t middle = rows_under(y) * x->crop * channels;
    size_t bytes = lay_out_pieces(p, x, y, middle, NULL);
    if (bytes > scratch->capacity) {
        vc_resize_scratch_close(scratch);
        scratch->memory = aligned_alloc(64, bytes);
        if (!scratch->memory)
            return vc_fail(VC_ENOMEM, "out of memory for resizing: wanted %zu bytes", bytes);
        scratch->capacity = bytes;
    }
    lay_out_pieces(p, x, y, middle, scratch->memory);
    weigh_all(&p->across, x, p->aside);
    weigh_all(&p->down, y, p->aside);
    return VC_OK;
}

static void resize_both_ways(vc_image *out, const vc_image *in, const pieces *p)
{
    int simd = vc_isa_get() >= VC_ISA_AVX2;
    vc__resize_rows *rows = simd ? vc__resize_rows_avx2 : vc__resize_rows_ref;
    vc__resize_columns *columns = simd ? vc__resize_columns_avx2 : vc__resize_columns_ref;
    const vc__taps *down = &p->down;
    size_t base = down->first[0];
    size_t end = down->first[down->count - 1] + down->used[down->count - 1];
    rows(p->middle, in->pixels + base * in->width * in->channels, end - base, in->width,
         in->channels, &p->across);
    columns(out->pixels, p->middle, base, p->across.count * in->channels, down);
}

static vc_status resize(vc_image *out, const vc_image *in, const axis *x, const axis *y,
                        vc_resize_scratch *scratch)
{
    pieces p;
    VC_TRY(vc_image_reserve(out, x->crop, y->crop, in->channels, "a resized image"));
    VC_TRY(prepare(&p, x, y, in->channels, scratch));
    resize_both_ways(out, in, &p);
    return VC_OK;
}

vc_status vc_image_resize_crop(vc_image *out, const vc_image *in, size_t resized, size_t crop,
                               vc_interpolation interpolation, vc_resize_scratch *scratch)
{
    const filter *f = &filters[interpolation];
    if (crop < 1 || crop > resized || resized > VC_RESIZE_MAX)
        return vc_fail(VC_EINVAL, "a crop of %zu after resizing to %zu, wanted 1 <= crop <= %s",
                       crop, resized, "resize <= 8192");
    size_t shorter = in->width < in->height ? in->width : in->height;
    axis x = plan_axis(in->width, shorter, resized, crop, f);
    axis y = plan_axis(in->height, shorter, resized, crop, f);
    return resize(out, in, &x, &y, scratch);
}

/* round(side / ratio), by the same divisions as Python's; no less than `least`, which it is by a
 * rounding error at most. */
static size_t resized_side(size_t side, double ratio, size_t least)
{
    const size_t resized = (size_t)rint((double)side / ratio);
    return resized > least ? resized : least;
}

static vc_status check_cover(vc_extent cover, vc_extent crop)
{
    if (crop.height >= 1 && crop.width >= 1 && crop.height <= cover.height &&
        crop.width <= cover.width && cover.height <= VC_RESIZE_MAX && cover.width <= VC_RESIZE_MAX)
        return VC_OK;
    return vc_fail(VC_EINVAL,
                   "a crop of %zu x %zu after resizing to %zu x %zu, wanted 1 <= crop <= resize <= "
                   "8192 along both sides",
                   crop.height, crop.width, cover.height, cover.width);
}

vc_status vc_image_cover_crop(vc_image *out, const vc_image *in, vc_extent cover, vc_extent crop,
                              vc_interpolation interpolation, vc_resize_scratch *scratch)
{
    if (vc_extent_is_square(cover) && vc_extent_is_square(crop))
        return vc_image_resize_crop(out, in, cover.height, crop.height, interpolation, scratch);
    VC_TRY(check_cover(cover, crop));
    const filter *f = &filters[interpolation];
    const double down = (double)in->height / (double)cover.height,
                 across = (double)in->width / (double)cover.width,
                 ratio = down < across ? down : across;
    const size_t height = resized_side(in->height, ratio, cover.height),
                 width = resized_side(in->width, ratio, cover.width);
    const axis x = {0, in->width, width, half_to_even(width - crop.width), crop.width, f},
               y = {0, in->height, height, half_to_even(height - crop.height), crop.height, f};
    return resize(out, in, &x, &y, scratch);
}

static int lies_inside(size_t start, size_t count, size_t side)
{
    return count >= 1 && count <= side && start <= side - count;
}

vc_status vc_image_resize_box(vc_image *out, const vc_image *in, vc_box box, size_t width,
                              size_t height, vc_resize_scratch *scratch)
{
    if (!lies_inside(box.left, box.width, in->width) ||
        !lies_inside(box.top, box.height, in->height))
        return vc_fail(VC_EINVAL,
                       "a box of %zux%zu at %zu, %zu, wanted one inside an image of %zux%zu",
                       box.width, box.height, box.left, box.top, in->width, in->height);
    if (width < 1 || width > VC_RESIZE_MAX || height < 1 || height > VC_RESIZE_MAX)
        return vc_fail(VC_EINVAL, "a box resized to %zux%zu, wanted sides of 1 to 8192", width,
                       height);
    const axis x = {box.left, box.width, width, 0, width, &filters[VC_BICUBIC]};
    const axis y = {box.top, box.height, height, 0, height, &filters[VC_BICUBIC]};
    return resize(out, in, &x, &y, scratch);
}

void vc_resize_scratch_close(vc_resize_scratch *scratch)
{
    free(scratch->memory);
    *scratch = (vc_resize_scratch){0};
}
